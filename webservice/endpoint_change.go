package webservice

import (
	"context"
	"errors"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/jsonpatch"
	"github.com/azureml-go/azureml/workspace"
)

// stateUpdating is a word for a change in progress that a service may have besides
// Transitioning.
const stateUpdating State = "Updating"

func (s State) inTransition() bool { return s == StateTransitioning || s == stateUpdating }

// endpointChange is a change of an endpoint that is made of what the endpoint has at
// that moment.
type endpointChange struct {
	// operation is the verb phrase for errors, kind the word for resume tokens.
	operation, kind string
	// version is which one is changed; empty if it is not one of them.
	version string
	// build makes the patch against a fresh picture of the endpoint that is not in
	// transition, and notes in rules what speaks against it. It may send requests.
	build func(ctx context.Context, now *AksEndpoint, rules *endpointRules, patch *jsonpatch.Patch) error
	// made tells whether an endpoint has the change, for when the answer to it was lost;
	// nil if that cannot be told.
	made func(now *AksEndpoint) bool

	resumeToken  string
	skipPrecheck bool
	onWarning    func(azureml.Warning)
}

// resource is what resume tokens say the change is of.
func (c endpointChange) resource(endpoint string) string {
	path := servicePath(endpoint)
	if c.version != "" {
		path += "/versions/" + workspace.Segment(c.version)
	}
	return path
}

// with takes over what UpdateOptions have to say.
func (c endpointChange) with(o *UpdateOptions) endpointChange {
	if o != nil {
		c.resumeToken, c.skipPrecheck, c.onWarning = o.ResumeToken, o.SkipPrecheck, o.OnWarning
	}
	return c
}

// beginChange reads the endpoint, builds the patch, asks whether it is accepted, and
// sends it. If there is nothing to change it gives no poller, but the endpoint as it is.
func (s *AksEndpoint) beginChange(ctx context.Context, c endpointChange) (*runtime.Poller[*AksEndpoint], *AksEndpoint, error) {
	now, patch := s, new(jsonpatch.Patch)
	if c.resumeToken == "" {
		var err error
		if now, err = s.settled(ctx, c.operation); err != nil {
			return nil, nil, err
		}
		var rules endpointRules
		if err := c.build(ctx, now, &rules, patch); err != nil {
			return nil, nil, err
		}
		if err := rules.err(c.operation, s.subject()); err != nil {
			return nil, nil, err
		}
		if patch.Len() == 0 {
			return nil, now, nil
		}
		if !c.skipPrecheck {
			if err := now.precheck(ctx, c.operation, "Update", patch, c.onWarning); err != nil {
				return nil, nil, err
			}
		}
	}
	p, err := workspace.Begin(ctx, s.ws, s.patchRequest(c.operation, patch), workspace.Operation[*AksEndpoint]{
		Kind: c.kind, Resource: c.resource(s.Name), ResumeToken: c.resumeToken,
		Done: func(ctx context.Context, status workspace.OperationStatus) (*AksEndpoint, error) {
			return changed[*AksEndpoint](ctx, &s.Service, now.OperationID, status.ID)
		},
		Failed:  failed(now),
		Recover: s.recoverChange(c),
	})
	return p, now, err
}

// recoverChange looks whether a change whose answer was lost was taken, and by which
// operation.
func (s *AksEndpoint) recoverChange(c endpointChange) func(context.Context, *azureml.Error) (string, bool, error) {
	if c.made == nil {
		return nil
	}
	return func(ctx context.Context, _ *azureml.Error) (string, bool, error) {
		now, err := refresh[*AksEndpoint](ctx, &s.Service)
		if err != nil {
			return "", false, err
		}
		return now.OperationID, now.OperationID != "" && c.made(now), nil
	}
}

// applyChange is beginChange that waits for the end. The endpoint that it gives is the
// one after the change, or the one that there was nothing to change of.
func (s *AksEndpoint) applyChange(ctx context.Context, c endpointChange) (*AksEndpoint, error) {
	p, now, err := s.beginChange(ctx, c)
	if err != nil || p == nil {
		return now, err
	}
	return azureml.Wait(ctx, p, nil)
}

// settled reads the endpoint. One that is in transition is waited for until it is not,
// however that ends: a change on top of another one would be refused.
func (s *AksEndpoint) settled(ctx context.Context, operation string) (*AksEndpoint, error) {
	now, err := refresh[*AksEndpoint](ctx, &s.Service)
	if err != nil || !now.State.inTransition() {
		return now, err
	}
	var gone error
	p, err := workspace.Follow(s.ws, s.request(operation, ""), "", workspace.Operation[*AksEndpoint]{
		Kind: "settle", Resource: servicePath(s.Name),
		Look: func(ctx context.Context) (string, error) {
			fresh, err := refresh[*AksEndpoint](ctx, &s.Service)
			if errors.Is(err, azureml.ErrNotFound) {
				// It was there a moment ago: it is not yet to appear, as a poller would think.
				gone = err
				return "Succeeded", nil
			}
			if err != nil {
				return "", err
			}
			now = fresh
			if now.State.inTransition() {
				return "Running", nil
			}
			return "Succeeded", nil
		},
		Done: func(context.Context, workspace.OperationStatus) (*AksEndpoint, error) {
			if gone != nil {
				return nil, gone
			}
			return now, nil
		},
	})
	if err != nil {
		return nil, err
	}
	return azureml.Wait(ctx, p, nil)
}

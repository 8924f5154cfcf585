package compute

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/workspace"
)

// DeleteOptions are the optional parts of [Compute.BeginDelete].
type DeleteOptions struct {
	// ResumeToken goes on with a deletion that was begun earlier.
	ResumeToken string
	// AttachedName, when it is the compute's name, lets an attached compute be deleted,
	// and leaves out the request that looks whether it is one. The service decides what
	// becomes of the cluster. [Compute.BeginDetach] is what attached computes are for.
	AttachedName string
}

// DeleteResult says what was deleted.
type DeleteResult struct {
	// Name of the compute.
	Name string `json:"name"`
}

// DetachOptions are the optional parts of [Compute.BeginDetach].
type DetachOptions struct {
	// ResumeToken goes on with a detachment that was begun earlier.
	ResumeToken string
	// OnWarning gets what is worth saying: that a cluster which was made for the compute
	// goes on costing money.
	OnWarning func(azureml.Warning)
}

// DetachResult says what was detached.
type DetachResult struct {
	// Name of the compute, which exists no more.
	Name string `json:"name"`
	// ResourceID is the cluster, which goes on existing.
	ResourceID string `json:"resourceId,omitempty"`
}

// BeginDelete deletes the compute and the machines that were made for it, with all web
// services on them. One request looks first whether the compute is attached: then it is
// not deleted, which is azureml.ErrConflict, unless [DeleteOptions] repeat its name.
//
// A compute that does not exist is azureml.ErrNotFound. It mirrors azureml.core's
// delete.
func (c *Compute) BeginDelete(ctx context.Context, o *DeleteOptions) (*runtime.Poller[DeleteResult], error) {
	var options DeleteOptions
	if o != nil {
		options = *o
	}
	if err := c.connected("delete"); err != nil {
		return nil, err
	}
	if options.AttachedName != "" && options.AttachedName != c.Name {
		return nil, &azureml.Error{
			Operation: "delete", Subject: subject(c.Name), Kind: azureml.ErrInvalid,
			Violations: []azureml.Violation{{Field: "AttachedName", Value: fmt.Sprintf("%q", options.AttachedName), Rule: fmt.Sprintf("must be the compute's name, %q", c.Name)}},
		}
	}
	if options.ResumeToken == "" && options.AttachedName == "" {
		if err := c.refuseAttached(ctx); err != nil {
			return nil, err
		}
	}
	return removal[DeleteResult]{
		compute: c, verb: "delete", action: "Delete", resumeToken: options.ResumeToken,
		result: DeleteResult{Name: c.Name},
	}.begin(ctx)
}

// refuseAttached is an error for a compute that is attached right now. The snapshot may
// be older than an attachment under the same name.
func (c *Compute) refuseAttached(ctx context.Context) error {
	fresh, err := read(ctx, c.ws, c.Name, "check before deleting")
	if err != nil {
		return err
	}
	if fresh.IsAttached != nil && !*fresh.IsAttached {
		return nil
	}
	message := "it is attached; deleting is for computes that were created"
	if fresh.IsAttached == nil {
		message = "the service does not say whether it is attached or was created"
	}
	return &azureml.Error{
		Operation: "delete", Subject: subject(c.Name), Kind: azureml.ErrConflict, Message: message,
		Remedy: "Detach it with BeginDetach, which leaves the cluster alone. If it shall be deleted all the same, repeat its name in DeleteOptions.AttachedName.",
	}
}

// BeginDetach takes the compute out of the workspace and leaves its cluster alone. The
// web services on it can no longer be managed, and nothing can be deployed to it.
//
// A cluster that was made for the compute ([BeginCreate]) can be detached, too, and goes
// on costing money until it is deleted elsewhere; that is a warning. A compute that does
// not exist is azureml.ErrNotFound. It mirrors azureml.core's detach.
func (c *Compute) BeginDetach(ctx context.Context, o *DetachOptions) (*runtime.Poller[DetachResult], error) {
	var options DetachOptions
	if o != nil {
		options = *o
	}
	if err := c.connected("detach"); err != nil {
		return nil, err
	}
	if c.IsAttached != nil && !*c.IsAttached && options.ResumeToken == "" {
		warner(options.OnWarning)(azureml.Warning{
			Subject: subject(c.Name),
			Message: "it was created, not attached: its cluster " + c.ResourceID + " goes on costing money until it is deleted; BeginDelete deletes both",
		})
	}
	return removal[DetachResult]{
		compute: c, verb: "detach", action: "Detach", resumeToken: options.ResumeToken,
		result: DetachResult{Name: c.Name, ResourceID: c.ResourceID},
	}.begin(ctx)
}

// removal is a DELETE, and what follows it.
type removal[T any] struct {
	compute     *Compute
	verb        string
	action      string
	resumeToken string
	result      T
}

func (r removal[T]) begin(ctx context.Context) (*runtime.Poller[T], error) {
	ws, name := r.compute.ws, r.compute.Name
	request := workspace.Request{
		Service: workspace.ResourceManager, Operation: r.verb, Subject: subject(name), Method: http.MethodDelete,
		Path: path(name), Query: url.Values{"underlyingResourceAction": {r.action}},
	}
	follow := following{ws: ws, name: name}
	return workspace.Begin(ctx, ws, request, workspace.Operation[T]{
		Kind: r.verb + " compute", Resource: path(name), ResumeToken: r.resumeToken, Gone: true,
		Done:   func(context.Context, workspace.OperationStatus) (T, error) { return r.result, nil },
		Failed: follow.failed,
		Look:   follow.lookGone(),
		Recover: func(ctx context.Context, _ *azureml.Error) (string, bool, error) {
			found, err := read(ctx, ws, name, "look for")
			if errors.Is(err, azureml.ErrNotFound) {
				return "", true, nil
			}
			return "", err == nil && found.in(StateDeleting), err
		},
	})
}

// disappearing is how long a compute may look untouched after the request to remove it.
const disappearing = 2 * time.Minute

// lookGone is look for a removal: a compute that is still there, in whatever state it was
// before, is for a while one that is not yet being removed.
func (f following) lookGone() func(context.Context) (string, error) {
	var since time.Time
	return func(ctx context.Context) (string, error) {
		c, err := read(ctx, f.ws, f.name, "look at")
		if err != nil {
			return "", err
		}
		if since.IsZero() {
			since = time.Now()
		}
		if c.in(StateDeleting) || time.Since(since) < disappearing {
			return string(StateDeleting), nil
		}
		state, failure := stateOf(c)
		if failure == nil {
			failure = &azureml.Error{Message: fmt.Sprintf("it is still there, in state %s", state)}
		}
		return string(StateFailed), failure
	}
}

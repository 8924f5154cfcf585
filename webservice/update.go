package webservice

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/jsonpatch"
	"github.com/azureml-go/azureml/internal/validate"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/workspace"
)

// UpdateOptions are the optional parts of BeginUpdate.
type UpdateOptions struct {
	// ResumeToken goes on with a change that was begun earlier; nothing is checked or sent.
	ResumeToken string
	// SkipPrecheck leaves out the question whether the service accepts the change, one
	// request before the change itself.
	SkipPrecheck bool
	// OnWarning gets what is worth saying.
	OnWarning func(azureml.Warning)
}

// beginUpdate asks whether a patch is accepted, and sends it.
func beginUpdate[S Webservice](ctx context.Context, svc S, patch *jsonpatch.Patch, o *UpdateOptions) (*runtime.Poller[S], error) {
	var options UpdateOptions
	if o != nil {
		options = *o
	}
	s := svc.Common()
	const operation = "update"
	if err := s.standsAlone(operation); err != nil {
		return nil, err
	}
	if options.ResumeToken == "" && !options.SkipPrecheck {
		if err := s.precheck(ctx, operation, "Update", patch, options.OnWarning); err != nil {
			return nil, err
		}
	}
	return workspace.Begin(ctx, s.ws, s.patchRequest(operation, patch), workspace.Operation[S]{
		Kind: operation, Resource: servicePath(s.Name), ResumeToken: options.ResumeToken,
		Answered: func(_ int, body []byte) string { return operationID(body) },
		Done: func(ctx context.Context, status workspace.OperationStatus) (S, error) {
			return changed[S](ctx, s, s.OperationID, status.ID)
		},
		Failed: failed(svc),
	})
}

func (s *Service) patchRequest(operation string, patch *jsonpatch.Patch) workspace.Request {
	request := s.request(operation, http.MethodPatch)
	request.Body, request.ContentType = patch, jsonpatch.ContentType
	return request
}

// operationID finds the operation in the service that answers a patch with 200.
func operationID(body []byte) string {
	var wire struct {
		ID string `json:"operationId"`
	}
	_ = json.Unmarshal(body, &wire)
	return wire.ID
}

// checkEmpty refuses a patch that changes nothing.
func checkEmpty(check *validate.Checker, patch *jsonpatch.Patch) {
	if patch.Len() == 0 && check.OK() {
		check.Add("update", nil, "must change something")
	}
}

// checkImage refuses to mix the two ways a service can be made: from an environment, or
// from an image.
func checkImage(check *validate.Checker, image *model.ImageRequest, imageID *string, imageNow string, environmentNow *EnvironmentReference) {
	switch {
	case image != nil && imageID != nil:
		check.Add("ImageID", *imageID, "and Image exclude each other")
	case image != nil && imageNow != "" && environmentNow == nil:
		check.Add("Image", nil, "cannot be set: the service was made from an image; set ImageID")
	case imageID != nil && *imageID == "":
		check.Add("ImageID", nil, "must not be empty")
	case imageID != nil && environmentNow != nil:
		check.Add("ImageID", *imageID, "cannot be set: the service was made from an environment; set Image")
	}
}

// checkAuth refuses what ends with keys and tokens asked for at once.
func checkAuth(check *validate.Checker, s *Service, keys, tokens *bool) {
	if keys == nil && tokens == nil {
		return
	}
	byKeys, byTokens := isTrue(or(keys, s.AuthEnabled)), isTrue(or(tokens, s.TokenAuthEnabled))
	switch {
	case !byKeys || !byTokens:
	case keys != nil && tokens != nil:
		check.Add("TokenAuthEnabled", true, "cannot be true together with AuthEnabled: a service asks for keys or for tokens")
	case tokens != nil:
		check.Add("TokenAuthEnabled", true, "needs AuthEnabled false beside it, as the service asks for keys now")
	default:
		check.Add("AuthEnabled", true, "needs TokenAuthEnabled false beside it, as the service asks for tokens now")
	}
}

// checkDurationPtr notes a duration that is set and not a positive number of whole units.
func checkDurationPtr(check *validate.Checker, field string, d *time.Duration, unit time.Duration) {
	switch {
	case d == nil:
	case *d == 0:
		check.Add(field, *d, "must be > 0")
	default:
		checkDuration(check, field, *d, unit)
	}
}

// setDuration appends a Replace with a duration in whole units, unless it is nil.
func setDuration(p *jsonpatch.Patch, path string, d *time.Duration, unit time.Duration) {
	if d != nil {
		p.Replace(path, int64(*d/unit))
	}
}

// or is value, or what stands in for it where it is nil.
func or[T any](value, otherwise *T) *T {
	if value != nil {
		return value
	}
	return otherwise
}

func isFalse(b *bool) bool { return b != nil && !*b }

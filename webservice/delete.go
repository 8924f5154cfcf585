package webservice

import (
	"context"
	"errors"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/workspace"
)

// DeleteOptions are the optional parts of [Service.BeginDelete].
type DeleteOptions struct {
	// ResumeToken goes on with a deletion that was begun earlier; nothing is sent.
	ResumeToken string
	// SkipPrecheck leaves out the question whether the service may be deleted, one
	// request before the deletion itself.
	SkipPrecheck bool
	// OnWarning gets what is worth saying.
	OnWarning func(azureml.Warning)
}

// DeleteResult is the outcome of a deletion that succeeded.
type DeleteResult struct {
	// AlreadyGone tells that there was no such service. It is not known of a deletion
	// that was resumed, nor for sure of one whose first answer was lost.
	AlreadyGone bool `json:"alreadyGone"`
}

// BeginDelete deletes the service. That it is gone already is a success. An endpoint
// goes with all its versions, and keys are lost: a service that is deployed again under
// the same name has new ones.
//
// Errors: azureml.ErrConflict when something else changes the service right now. It
// mirrors azureml.core's delete, which does not tell how it ended.
func (s *Service) BeginDelete(ctx context.Context, o *DeleteOptions) (*runtime.Poller[DeleteResult], error) {
	var options DeleteOptions
	if o != nil {
		options = *o
	}
	const operation = "delete"
	if err := s.standsAlone(operation); err != nil {
		return nil, err
	}
	if options.ResumeToken == "" && !options.SkipPrecheck && s.isKnown() {
		if err := s.precheck(ctx, operation, "Delete", nil, options.OnWarning); err != nil {
			return nil, err
		}
	}
	request := s.request(operation, http.MethodDelete)
	request.Allow = []int{http.StatusNotFound, http.StatusGone}
	d := deletion{svc: s}
	return workspace.Begin(ctx, s.ws, request, workspace.Operation[DeleteResult]{
		Kind: "delete", Resource: servicePath(s.Name), ResumeToken: options.ResumeToken, Gone: true,
		Answered: func(status int, _ []byte) string {
			d.result.AlreadyGone = status == http.StatusNoContent || status == http.StatusNotFound || status == http.StatusGone
			return ""
		},
		Recover: d.recover,
		Done:    d.done,
	})
}

// deletion is one whose first answer may have been lost.
type deletion struct {
	svc    *Service
	result DeleteResult
	found  bool
}

// recover finds the operation that goes on with the service: most likely the deletion
// that a repeated request was refused for.
func (d *deletion) recover(ctx context.Context, _ *azureml.Error) (id string, found bool, err error) {
	now, err := Get(ctx, d.svc.ws, d.svc.Name)
	if err != nil {
		return "", false, err
	}
	id = now.Common().OperationID
	d.found = id != "" && id != d.svc.OperationID
	return id, d.found, nil
}

// done makes sure of an operation that was found that it was the deletion.
func (d *deletion) done(ctx context.Context, _ workspace.OperationStatus) (DeleteResult, error) {
	if !d.found {
		return d.result, nil
	}
	_, err := Get(ctx, d.svc.ws, d.svc.Name)
	switch {
	case errors.Is(err, azureml.ErrNotFound):
		return d.result, nil
	case err != nil:
		return DeleteResult{}, err
	}
	return DeleteResult{}, &azureml.Error{
		Operation: "delete", Subject: d.svc.subject(), Kind: azureml.ErrConflict,
		Message: "something else changed it meanwhile, and it is still there", Remedy: "Delete it again.",
	}
}

// isKnown tells of a kind for which the service answers prechecks.
func (s *Service) isKnown() bool {
	return s.ComputeType == ComputeTypeAKS || s.ComputeType == ComputeTypeACI || s.ComputeType == ComputeTypeAKSEndpoint
}

package webservice

import (
	"context"
	"reflect"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/validate"
	"github.com/azureml-go/azureml/workspace"
)

// WaitOptions are the optional parts of [BeginWait].
type WaitOptions struct {
	// ResumeToken goes on with a wait that was begun earlier.
	ResumeToken string
}

// BeginWait gives a poller for what goes on with a service, whoever began it: the
// operation that deploys or changes it, if svc is in transition and names it; else the
// service's state, until it is healthy or has failed. A service that is unhealthy or has
// no room on its cluster (say, after a deployment that timed out) is waited for until it
// is healthy, for as long as the caller likes: bound it with a context.
//
// It sends nothing itself; it fails when ctx has ended already, or when the resume token
// is another operation's. The poller gives the service as it is in the end; a bad end is
// an error as that of a deployment. It mirrors azureml.core's wait_for_deployment.
func BeginWait[S Webservice](ctx context.Context, svc S, o *WaitOptions) (*runtime.Poller[S], error) {
	var options WaitOptions
	if o != nil {
		options = *o
	}
	if isNil(svc) {
		var check validate.Checker
		check.Require("svc", "")
		return nil, check.Err("wait for", "a web service")
	}
	s := svc.Common()
	if err := s.standsAlone("wait for"); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, &azureml.Error{Operation: "wait for", Subject: s.subject(), Message: "not begun: " + err.Error(), Err: err}
	}
	operation := ""
	if s.State == StateTransitioning {
		operation = s.OperationID
	}
	request := s.request("wait for", "")
	return workspace.Follow(s.ws, request, operation, workspace.Operation[S]{
		Kind: "wait", Resource: servicePath(s.Name), ResumeToken: options.ResumeToken,
		Done: func(ctx context.Context, _ workspace.OperationStatus) (S, error) {
			return changed[S](ctx, s, "", "")
		},
		Failed: failed(svc),
		Look: func(ctx context.Context) (string, error) {
			now, err := Get(ctx, s.ws, s.Name)
			if err != nil {
				return "", err
			}
			return stateOf(now.Common())
		},
	})
}

// isNil tells of an interface that holds nothing, or a nil pointer.
func isNil(v any) bool {
	value := reflect.ValueOf(v)
	return !value.IsValid() || value.Kind() == reflect.Pointer && value.IsNil()
}

// failed explains the failure of an operation on svc.
func failed(svc Webservice) func(context.Context, workspace.OperationStatus, *azureml.Error) error {
	compute := ""
	switch typed := svc.(type) {
	case *AksWebservice:
		compute = typed.ComputeName
	case *AksEndpoint:
		compute = typed.ComputeName
	}
	s := svc.Common()
	return func(ctx context.Context, _ workspace.OperationStatus, failure *azureml.Error) error {
		return explainFailure(ctx, s.ws, s.Name, compute, failure)
	}
}

// stateOf puts a service's state into the words of an operation's.
func stateOf(s *Service) (string, error) {
	switch s.State {
	case StateHealthy:
		return "Succeeded", nil
	case StateFailed:
		e := &azureml.Error{Operation: "wait for", Subject: s.subject()}
		adopt(e, s.Error)
		return "Failed", e
	case "":
		return string(StateTransitioning), nil
	}
	return string(s.State), nil
}

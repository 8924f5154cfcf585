package webservice

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/validate"
	"github.com/azureml-go/azureml/workspace"
)

// MigrateOptions are the optional parts of [AksWebservice.BeginMigrate].
type MigrateOptions struct {
	// ResumeToken goes on with a migration that was begun earlier; nothing is sent.
	ResumeToken string
}

// MigrateResult is the outcome of a migration that succeeded.
type MigrateResult struct {
	// Service is what is left of the web service; nil if it is gone.
	Service *AksWebservice `json:"service,omitempty"`
}

// BeginMigrate makes a Kubernetes online endpoint of the service, on computeTarget: the
// name of a Kubernetes compute of the same workspace, or a compute's resource id. It
// mirrors azureml.core's update(is_migration=True, compute_target=…).
func (s *AksWebservice) BeginMigrate(ctx context.Context, computeTarget string, o *MigrateOptions) (*runtime.Poller[MigrateResult], error) {
	var options MigrateOptions
	if o != nil {
		options = *o
	}
	const operation = "migrate"
	if err := s.standsAlone(operation); err != nil {
		return nil, err
	}
	var check validate.Checker
	if options.ResumeToken == "" {
		check.Require("computeTarget", computeTarget)
	}
	if err := check.Err(operation, s.subject()); err != nil {
		return nil, err
	}
	if s.ws != nil && !strings.HasPrefix(computeTarget, "/") {
		computeTarget = s.ws.ID + "/computes/" + computeTarget
	}
	request := workspace.Request{
		Service: workspace.ModelManagement, Operation: operation, Subject: s.subject(),
		Method: http.MethodPost, Path: "services/migrate",
		Body: struct {
			Name          string `json:"serviceName"`
			ComputeTarget string `json:"computeTarget"`
		}{s.Name, computeTarget},
	}
	return workspace.Begin(ctx, s.ws, request, workspace.Operation[MigrateResult]{
		Kind: operation, Resource: servicePath(s.Name), ResumeToken: options.ResumeToken,
		Done: func(ctx context.Context, _ workspace.OperationStatus) (MigrateResult, error) {
			after, err := s.Refresh(ctx)
			if errors.Is(err, azureml.ErrNotFound) {
				return MigrateResult{}, nil
			}
			return MigrateResult{Service: after}, err
		},
		Failed: failed(s),
	})
}

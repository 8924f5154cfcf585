package webservice

import (
	"context"
	"fmt"
	"io"
	"reflect"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/workspace"
)

// AnyDeployConfiguration is a deployment configuration whose kind is not known before
// the program runs: model.BeginDeploy takes it and makes a [Webservice], to be told apart
// with a type switch. [LoadDeployConfiguration] gives one, [AnyDeploy] makes one.
type AnyDeployConfiguration struct {
	typed   any
	payload func(model.DeployRequest) (any, error)
	read    func(context.Context, *workspace.Workspace, string) (Webservice, error)
	failure func(context.Context, *workspace.Workspace, string, *azureml.Error) error
}

var (
	_ model.DeployConfiguration[Webservice] = (*AnyDeployConfiguration)(nil)
	_ model.DeployChecker                   = (*AnyDeployConfiguration)(nil)
)

// AnyDeploy makes an [AnyDeployConfiguration] of one whose kind is known. A nil config
// gives nil, which model.BeginDeploy refuses.
func AnyDeploy[S Webservice](config model.DeployConfiguration[S]) *AnyDeployConfiguration {
	if v := reflect.ValueOf(config); config == nil || v.Kind() == reflect.Pointer && v.IsNil() {
		return nil
	}
	return &AnyDeployConfiguration{
		typed: config, payload: config.DeployPayload, failure: config.DeployFailure,
		read: func(ctx context.Context, ws *workspace.Workspace, name string) (Webservice, error) {
			svc, err := config.DeployedService(ctx, ws, name)
			if err != nil {
				return nil, err
			}
			return svc, nil
		},
	}
}

// Typed gives the configuration itself, for a type switch: an [AksDeployConfiguration],
// [AksEndpointDeployConfiguration], [AciDeployConfiguration] or whatever [AnyDeploy] was
// given. To change something of it, change the copy and give that to model.BeginDeploy.
func (c *AnyDeployConfiguration) Typed() any { return c.typed }

// DeployPayload is that of the configuration itself. It is for model.BeginDeploy.
func (c *AnyDeployConfiguration) DeployPayload(r model.DeployRequest) (any, error) {
	if c.payload == nil {
		return nil, &azureml.Error{
			Operation: "deploy", Subject: subject(r.Name), Kind: azureml.ErrInvalid,
			Violations: []azureml.Violation{{Field: "config", Rule: "must be made by AnyDeploy or LoadDeployConfiguration"}},
		}
	}
	return c.payload(r)
}

// CheckDeploy is that of the configuration itself, if it has one. It is for model.BeginDeploy.
func (c *AnyDeployConfiguration) CheckDeploy(ctx context.Context, ws *workspace.Workspace, d model.DeployCheck) error {
	if checker, ok := c.typed.(model.DeployChecker); ok {
		return checker.CheckDeploy(ctx, ws, d)
	}
	return nil
}

// DeployedService reads the service that was deployed. It is for model.BeginDeploy.
func (c *AnyDeployConfiguration) DeployedService(ctx context.Context, ws *workspace.Workspace, name string) (Webservice, error) {
	return c.read(ctx, ws, name)
}

// DeployFailure is that of the configuration itself. It is for model.BeginDeploy.
func (c *AnyDeployConfiguration) DeployFailure(ctx context.Context, ws *workspace.Workspace, name string, failure *azureml.Error) error {
	return c.failure(ctx, ws, name, failure)
}

// String names the type of the configuration.
func (c *AnyDeployConfiguration) String() string { return fmt.Sprintf("%T", c.typed) }

// Format prints [AnyDeployConfiguration.String] whatever the verb.
func (c *AnyDeployConfiguration) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

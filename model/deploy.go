package model

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/validate"
	"github.com/azureml-go/azureml/workspace"
)

// DeployRequest is what a deployment configuration builds its payload from.
type DeployRequest struct {
	// Name of the service.
	Name string
	// Overwrite replaces a service of that name.
	Overwrite bool
	// Image is what runs; nil in the first call, whose payload is thrown away: it only
	// checks the configuration before anything is sent.
	Image *ImageRequest
	// Properties are to be sent beside the configuration's own, which win (see
	// [DeployOptions].GitProperties); nil for none.
	Properties map[string]string
}

// DeployConfiguration says how and where a service runs. It is implemented by the
// deployment configurations of package webservice; S is the type of the service:
// *webservice.AksWebservice for webservice.AksDeployConfiguration.
type DeployConfiguration[S any] interface {
	// DeployPayload checks all rules of the configuration and gives the body of the
	// request that creates the service. It is called more than once and has no effects.
	DeployPayload(r DeployRequest) (payload any, err error)
	// DeployedService reads the service when its deployment has ended well.
	DeployedService(ctx context.Context, ws *workspace.Workspace, name string) (S, error)
	// DeployFailure may add to the error of a deployment that ended badly (the tail of
	// the log, a remedy) and gives the error to return; it is never nil.
	DeployFailure(ctx context.Context, ws *workspace.Workspace, name string, failure *azureml.Error) error
}

// DeployChecker is what a [DeployConfiguration] may implement besides, to look for what
// stands against a deployment, with requests of its own, before anything is uploaded.
type DeployChecker interface {
	// CheckDeploy is called once, after the name was found free. An error ends the
	// deployment.
	CheckDeploy(ctx context.Context, ws *workspace.Workspace, d DeployCheck) error
}

// DeployCheck is what a [DeployChecker] is told.
type DeployCheck struct {
	// Name of the service.
	Name string
	// SkipValidation is that of [DeployOptions]: no questions are to be asked.
	SkipValidation bool
	// OnWarning is that of [DeployOptions]; it may be nil.
	OnWarning func(azureml.Warning)
}

// DeployOptions are the optional parts of [BeginDeploy].
type DeployOptions struct {
	// Overwrite replaces a service of that name if there is one. Without it a name that
	// is taken is an error (ErrConflict).
	Overwrite bool
	// SkipValidation leaves out the three questions to the service whether it would take
	// the deployment, and what the configuration asks itself. They find a taken name and a
	// full cluster before, not after, the image is built.
	SkipValidation bool
	// GitProperties adds the state of the git repository of the source directory (or of
	// the working directory) to the service's properties: remote without user and
	// password, branch, commit, whether there are changes. It runs the program git.
	GitProperties bool
	// Progress is told how far the uploads are; see [RegisterOptions].Progress.
	Progress func(UploadProgress)
	// OnWarning gets what is worth saying: a script without init(), a question to the
	// service that got no answer.
	OnWarning func(azureml.Warning)
	// ResumeToken, of an earlier poller of this deployment, goes on waiting for it:
	// nothing is checked, uploaded or sent. models, inference and the rest of the
	// options are not looked at.
	ResumeToken string
}

// BeginDeploy deploys models as the web service name and returns at once when the
// service has taken the deployment; azureml.Wait then waits for its end and gives the
// service. A nil inference deploys one model without code, which the service can do for
// the frameworks Onnx, ScikitLearn, TensorFlow and Multi.
//
// All rules are checked first (ErrInvalid). Then the name is checked at the service, the
// code is uploaded, the service is asked whether it would take the deployment, and the
// deployment is sent. These questions are asked once each and only a clear no is an
// error (ErrConflict for a taken name, else ErrInvalid); no answer is a warning. When
// the answer to the deployment itself is lost, the service is read: if it is ours,
// BeginDeploy goes on with it as if nothing had happened.
//
// A deployment that ends badly is ErrOperationFailed, ErrOperationTimedOut or
// ErrOperationCanceled, with the service's reason and the end of its log.
//
// It mirrors azureml.core's Model.deploy.
func BeginDeploy[S any](
	ctx context.Context, ws *workspace.Workspace, name string, models []*Model, inference *InferenceConfig, config DeployConfiguration[S], o *DeployOptions,
) (*runtime.Poller[S], error) {
	var options DeployOptions
	if o != nil {
		options = *o
	}
	d := &deployment{ws: ws, name: name, task: task{"deploy", fmt.Sprintf("web service %q", name)}, options: options}
	request, operation := d.request(nil), deployOperation(d, config)
	if options.ResumeToken != "" {
		if isNil(config) {
			return nil, d.invalid("config", "is required")
		}
		operation.ResumeToken = options.ResumeToken
		return workspace.Begin(ctx, ws, request, operation)
	}
	var build func(DeployRequest) (any, error)
	if !isNil(config) {
		build = config.DeployPayload
	}
	d.checker, _ = config.(DeployChecker)
	payload, err := d.prepare(ctx, models, inference, build)
	if err != nil {
		return nil, err
	}
	return workspace.Begin(ctx, ws, d.request(payload), operation)
}

// deployment is one that is under way.
type deployment struct {
	ws      *workspace.Workspace
	name    string
	task    task
	options DeployOptions
	checker DeployChecker // nil if the configuration is none
	// sent is what recognises the service as ours; it is filled before the request.
	sent sentDeployment
}

func (d *deployment) request(payload any) workspace.Request {
	return workspace.Request{
		Service: workspace.ModelManagement, Operation: d.task.operation, Subject: d.task.subject,
		Method: http.MethodPost, Path: "services", Body: payload, Repeat: workspace.RepeatNarrow,
	}
}

func (d *deployment) invalid(field, rule string) error {
	return &azureml.Error{
		Operation: d.task.operation, Subject: d.task.subject, Kind: azureml.ErrInvalid,
		Violations: []azureml.Violation{{Field: field, Rule: rule}},
	}
}

// prepare does everything that comes before the deployment is sent and gives its body.
func (d *deployment) prepare(ctx context.Context, models []*Model, inference *InferenceConfig, build func(DeployRequest) (any, error)) (any, error) {
	plan, err := d.check(models, inference, build)
	if err != nil {
		return nil, err
	}
	warn(d.options.OnWarning, d.task.subject, plan.code.warnings...)
	free, err := d.askName(ctx)
	if err != nil {
		return nil, err
	}
	if d.checker != nil {
		if err := d.checker.CheckDeploy(ctx, d.ws, DeployCheck{d.name, d.options.SkipValidation, d.options.OnWarning}); err != nil {
			return nil, err
		}
	}
	image, err := plan.upload(ctx, d.ws, d.task, d.options.Progress)
	if err != nil {
		return nil, err
	}
	r := DeployRequest{Name: d.name, Overwrite: d.options.Overwrite, Image: image}
	if d.options.GitProperties {
		r.Properties = gitProperties(ctx, plan.gitFolder(inference))
	}
	payload, err := build(r)
	if err != nil {
		return nil, err
	}
	if err := d.askPayload(ctx, payload); err != nil {
		return nil, err
	}
	d.sent = newSentDeployment(image, payload, free)
	return payload, nil
}

// check checks everything that can be checked on this machine, all at once.
func (d *deployment) check(models []*Model, inference *InferenceConfig, build func(DeployRequest) (any, error)) (imagePlan, error) {
	var c validate.Checker
	checkServiceName(&c, d.name)
	plan := planImage(&c, d.ws, models, inference)
	violations := c.Violations()
	if build == nil {
		c.Add("config", nil, "is required")
		violations = c.Violations()
	} else if _, err := build(DeployRequest{Name: d.name, Overwrite: d.options.Overwrite}); err != nil {
		e, ok := errors.AsType[*azureml.Error](err)
		if !ok || len(e.Violations) == 0 {
			return plan, err
		}
		violations = append(violations, e.Violations...)
	}
	if len(violations) > 0 {
		return plan, &azureml.Error{Operation: d.task.operation, Subject: d.task.subject, Kind: azureml.ErrInvalid, Violations: violations}
	}
	return plan, nil
}

// isNil tells of no configuration: nil, or a nil pointer in the interface.
func isNil(config any) bool {
	if config == nil {
		return true
	}
	v := reflect.ValueOf(config)
	return v.Kind() == reflect.Pointer && v.IsNil()
}

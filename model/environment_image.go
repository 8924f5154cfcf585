package model

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/azureml-go/azureml/internal/rest"
	"github.com/azureml-go/azureml/internal/validate"
	"github.com/azureml-go/azureml/workspace"
)

// EnvironmentImage is the image of a registered environment. It mirrors what
// azureml.core's Environment.get_image_details gives.
type EnvironmentImage struct {
	// Exists tells that the image has been built and is in the registry.
	Exists bool `json:"imageExistsInRegistry"`
	// Name of the image in its registry: "azureml/azureml_0123".
	Name string `json:"name"`
	// Registry is where it is, with a login.
	Registry ContainerRegistry `json:"registry,omitzero"`
	// InterpreterPath is that of the image's Python, CondaEnvironmentPath that of its conda
	// environment.
	InterpreterPath      string `json:"interpreterPath,omitempty"`
	CondaEnvironmentPath string `json:"condaEnvironmentPath,omitempty"`
	// Dockerfile is what the image is built from.
	Dockerfile string `json:"dockerfile,omitempty"`
}

// Reference is what docker pulls: "acr1.azurecr.io/azureml/azureml_0123"; without a
// registry the name alone.
func (i *EnvironmentImage) Reference() string {
	return strings.TrimPrefix(i.Registry.Address+"/"+i.Name, "/")
}

// GetEnvironmentImage reads what image a registered environment has; version "" is the
// latest. An image that has not been built is no error. It mirrors azureml.core's
// Environment.get_image_details.
//
// Errors: ErrInvalid, ErrNotFound, and those of every call.
func GetEnvironmentImage(ctx context.Context, ws *workspace.Workspace, name, version string) (*EnvironmentImage, error) {
	t := task{"get the image of", environmentSubject(name)}
	var c validate.Checker
	if c.Require("name", name); !c.OK() {
		return nil, c.Err(t.operation, t.subject)
	}
	return environmentImage(ctx, ws, t, name, version)
}

func environmentImage(ctx context.Context, ws *workspace.Workspace, t task, name, version string) (*EnvironmentImage, error) {
	path := "environments/" + workspace.Segment(name)
	if version != "" {
		path += "/versions/" + workspace.Segment(version)
	}
	var w struct {
		Exists bool `json:"imageExistsInRegistry"`
		Image  struct {
			Name     string            `json:"name"`
			Registry ContainerRegistry `json:"registry"`
		} `json:"dockerImage"`
		Python struct {
			Interpreter string `json:"interpreterPath"`
			Conda       string `json:"condaEnvironmentPath"`
		} `json:"pythonEnvironment"`
		Ingredients struct {
			Dockerfile string `json:"dockerfile"`
		} `json:"ingredients"`
	}
	_, err := ws.Do(ctx, workspace.Request{
		Service: workspace.Environments, Operation: t.operation, Subject: t.subject, Path: path + "/image",
	}, &w)
	if err != nil {
		return nil, err
	}
	return &EnvironmentImage{
		Exists: w.Exists, Name: w.Image.Name, Registry: w.Image.Registry,
		InterpreterPath: w.Python.Interpreter, CondaEnvironmentPath: w.Python.Conda, Dockerfile: w.Ingredients.Dockerfile,
	}, nil
}

// BuildEnvironmentOptions are the optional parts of [BeginBuildEnvironment].
type BuildEnvironmentOptions struct {
	// Compute of the workspace to build on; empty builds with the container registry.
	Compute string
	// ResumeToken, of an earlier poller of this environment's build, goes on waiting for it:
	// nothing is checked, registered or sent. Of the environment only the name is looked at.
	ResumeToken string
}

// BeginBuildEnvironment builds the image of an environment, so that the first deployment
// need not wait for it. It returns at once when the service has begun; azureml.Wait then
// waits for the end, shows the build log, and gives the image.
//
// An environment that was read from the workspace, or is only a name, or name and
// version, is built as it is registered; any other one is registered first, which makes
// a new version unless it names one. e is not changed. A build that ends badly is
// ErrOperationFailed with the end of the build log.
//
// It mirrors azureml.core's Environment.build.
func BeginBuildEnvironment(ctx context.Context, ws *workspace.Workspace, e *Environment, o *BuildEnvironmentOptions) (*runtime.Poller[*EnvironmentImage], error) {
	var options BuildEnvironmentOptions
	if o != nil {
		options = *o
	}
	if e == nil {
		var c validate.Checker
		c.Add("environment", nil, "is required")
		return nil, c.Err("build", environmentSubject(""))
	}
	t := task{"build", environmentSubject(e.Name)}
	if options.ResumeToken == "" {
		registered, err := e.registered(ctx, ws)
		if err != nil {
			return nil, err
		}
		e = registered
	}
	name, log := e.Name, newBuildLog(ws, t)
	b := &imageBuild{version: e.Version}
	request := workspace.Request{
		Service: workspace.Environments, Operation: t.operation, Subject: t.subject,
		Method: http.MethodPost, Path: imagePath(ws, name, b.version), Body: struct{}{}, Repeat: workspace.RepeatNarrow,
	}
	if options.Compute != "" {
		request.Path += "oncompute/" + workspace.Segment(options.Compute)
	}
	return workspace.Begin(ctx, ws, request, workspace.Operation[*EnvironmentImage]{
		Kind: "build environment", Resource: "environments/" + name, ResumeToken: options.ResumeToken,
		Log: log.from, Failed: log.failure, Answered: b.id, Where: b.address,
		Done: func(ctx context.Context, _ workspace.OperationStatus) (*EnvironmentImage, error) {
			return environmentImage(ctx, ws, t, name, b.version)
		},
	})
}

// registered gives the environment with the version that it has in the workspace.
func (e *Environment) registered(ctx context.Context, ws *workspace.Workspace) (*Environment, error) {
	switch {
	case e.Name != "" && e.Version != "" && (e.AssetID != "" || e.reference()):
		return e, nil
	case e.Name != "" && e.reference():
		return GetEnvironment(ctx, ws, e.Name, nil)
	}
	return RegisterEnvironment(ctx, ws, e)
}

// buildPrefix is what the addresses of image builds begin with.
const buildPrefix = "/environment/"

// imagePath is the address that builds the image of a version, behind the host.
func imagePath(ws *workspace.Workspace, name, version string) string {
	return buildPrefix + "v2.0/subscriptions/" + workspace.Segment(ws.SubscriptionID) + "/resourceGroups/" + workspace.Segment(ws.ResourceGroup) +
		"/providers/Microsoft.MachineLearningServices/workspaces/" + workspace.Segment(ws.Name) +
		"/environments/" + workspace.Segment(name) + "/versions/" + workspace.Segment(version) + "/image"
}

// imageBuild is the build of the image of a version.
type imageBuild struct{ version string }

// id makes an id of the version and of the address that the service gives for the build:
// path and query, the host is known. "" if it gives none that is of the environment
// service.
func (b *imageBuild) id(_ int, body []byte) string {
	var w struct {
		Location string `json:"location"`
	}
	_ = rest.Unmarshal(body, &w) // without an address there is no id
	u, err := url.Parse(w.Location)
	if err != nil || !strings.HasPrefix(u.EscapedPath(), buildPrefix) {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString([]byte(b.version + "\n" + u.RequestURI()))
}

// address reads the build with an id, and learns its version. An id that is none of ours
// names nothing.
func (b *imageBuild) address(id string) workspace.Request {
	at := workspace.Request{Service: workspace.Environments, Path: buildPrefix}
	text, err := base64.RawURLEncoding.DecodeString(id)
	version, uri, ok := strings.Cut(string(text), "\n")
	if err != nil || !ok {
		return at
	}
	u, err := url.ParseRequestURI(uri)
	if err != nil || u.Host != "" || !strings.HasPrefix(u.EscapedPath(), buildPrefix) || slices.Contains(strings.Split(u.Path, "/"), "..") {
		return at
	}
	b.version = version
	at.Path, at.Query = u.EscapedPath(), u.Query()
	return at
}

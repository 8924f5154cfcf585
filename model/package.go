package model

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/redact"
	"github.com/azureml-go/azureml/internal/rest"
	"github.com/azureml-go/azureml/internal/validate"
	"github.com/azureml-go/azureml/workspace"
)

// PackageType is what a [ModelPackage] is.
type PackageType string

// The types of packages.
const (
	// PackageDockerImage is an image in the workspace's container registry.
	PackageDockerImage PackageType = "DockerImage"
	// PackageDockerBuildContext is a Dockerfile and the files to build the image from.
	PackageDockerBuildContext PackageType = "DockerBuildContext"
)

// PossiblePackageTypeValues returns the values of [PackageType].
func PossiblePackageTypeValues() []PackageType {
	return []PackageType{PackageDockerImage, PackageDockerBuildContext}
}

// PackageOptions are the optional parts of [BeginPackage].
type PackageOptions struct {
	// GenerateDockerfile makes a Dockerfile and its build context instead of an image; see
	// [ModelPackage.Save].
	GenerateDockerfile bool
	// ImageName in the registry ("team/churn"); empty leaves it to the service, which takes
	// "package". For images only.
	ImageName string
	// ImageLabel is the image's tag ("1.2"); empty leaves it to the service. For images only.
	ImageLabel string
	// Progress is told how far the uploads are; see [RegisterOptions].Progress.
	Progress func(UploadProgress)
	// OnWarning gets what is worth saying: a script without init(), an environment
	// without a server.
	OnWarning func(azureml.Warning)
	// ResumeToken, of an earlier poller of a package, goes on waiting for it: nothing is
	// checked, uploaded or sent. models, inference and the other options are not looked at.
	ResumeToken string
}

// ModelPackage is a finished package. It is read-only, safe for concurrent use, and
// mirrors azureml.core's ModelPackage.
//
// There is no counterpart of its pull, which runs docker: log in with what
// [ModelPackage.ContainerRegistry] gives, then pull Location.
//
//	docker login ADDRESS --username USERNAME --password-stdin
//	docker pull LOCATION
type ModelPackage struct {
	Type PackageType `json:"packageType"`
	// Location is the image's reference: "acr1.azurecr.io/package/mymodel:1". Of a build
	// context it is the address of its manifest, without the signature.
	Location string `json:"location"`
	// OperationID is that of the operation that made it.
	OperationID string `json:"operationId,omitempty"`
	// LogURL is the address of the build log with its signature; see [ModelPackage.Logs].
	LogURL azureml.Secret `json:"logUrl,omitzero"`

	manifest azureml.Secret
	ws       *workspace.Workspace
}

// String is the package's location.
func (p *ModelPackage) String() string { return p.Location }

// task is for what is done with the package.
func (p *ModelPackage) task(operation string) task { return task{operation, packageSubject} }

const packageSubject = "model package"

var (
	imageNamePattern  = regexp.MustCompile(`^[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$`)
	imageLabelPattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)
)

// check checks what an image is to be called.
func (o PackageOptions) check(c *validate.Checker) {
	if o.ImageName != "" && (len(o.ImageName) > 255 || !imageNamePattern.MatchString(o.ImageName)) {
		c.Add("ImageName", o.ImageName, "must be lower-case letters, digits and single separators (. _ - /) between them, without registry and label, at most 255 in all")
	}
	if o.ImageLabel != "" {
		c.Match("ImageLabel", o.ImageLabel, imageLabelPattern, "must be 1 to 128 letters, digits, underscores, dots or dashes, and start with none of the latter two")
	}
	if o.GenerateDockerfile && o.ImageName != "" {
		c.Add("ImageName", o.ImageName, "is of an image; with GenerateDockerfile none is built")
	}
	if o.GenerateDockerfile && o.ImageLabel != "" {
		c.Add("ImageLabel", o.ImageLabel, "is of an image; with GenerateDockerfile none is built")
	}
}

// wirePackage asks for a package.
type wirePackage struct {
	Image *ImageRequest `json:"imageRequest"`
	Type  PackageType   `json:"packageType"`
	Name  *string       `json:"imageName"`
	Label *string       `json:"imageLabel"`
}

// BeginPackage builds an image of models and code in the workspace's container registry,
// or with GenerateDockerfile collects what the image is built from. It returns at once
// when the service has taken the request; azureml.Wait then waits for the end, shows the
// build log, and gives the package. A nil inference packages one model without code; see
// [BeginDeploy].
//
// All rules are checked first (ErrInvalid), then the code is uploaded. A build that ends
// badly is ErrOperationFailed with code, stage and the end of the build log. The request
// is not repeated when its answer is lost: the service does not list packages.
//
// It mirrors azureml.core's Model.package.
func BeginPackage(
	ctx context.Context, ws *workspace.Workspace, models []*Model, inference *InferenceConfig, o *PackageOptions,
) (*runtime.Poller[*ModelPackage], error) {
	var options PackageOptions
	if o != nil {
		options = *o
	}
	t := task{"build", packageSubject}
	log := newBuildLog(ws, t)
	request := workspace.Request{
		Service: workspace.Assets, Operation: t.operation, Subject: t.subject,
		Method: http.MethodPost, Path: "packages", Repeat: workspace.RepeatNarrow,
	}
	operation := workspace.Operation[*ModelPackage]{
		Kind: "package", Resource: "packages", ResumeToken: options.ResumeToken, Log: log.from, Failed: log.failure,
		Done: func(_ context.Context, s workspace.OperationStatus) (*ModelPackage, error) {
			return newPackage(ws, t, s)
		},
	}
	if options.ResumeToken != "" {
		return workspace.Begin(ctx, ws, request, operation)
	}
	var c validate.Checker
	plan := planImage(&c, ws, models, inference)
	options.check(&c)
	if err := c.Err(t.operation, t.subject); err != nil {
		return nil, err
	}
	warn(options.OnWarning, t.subject, plan.code.warnings...)
	image, err := plan.upload(ctx, ws, t, options.Progress)
	if err != nil {
		return nil, err
	}
	body := wirePackage{image, PackageDockerImage, orNull(options.ImageName), orNull(options.ImageLabel)}
	if options.GenerateDockerfile {
		body.Type = PackageDockerBuildContext
	}
	request.Body = body
	poller, err := workspace.Begin(ctx, ws, request, operation)
	return poller, maybeTaken(ctx, err, "Look into the container registry before you try again.")
}

// newPackage reads the package from the operation that made it.
func newPackage(ws *workspace.Workspace, t task, s workspace.OperationStatus) (*ModelPackage, error) {
	var w struct {
		ID       string `json:"id"`
		Type     string `json:"operationType"`
		Location string `json:"resourceLocation"`
	}
	_ = rest.Unmarshal(s.Body, &w) // it was read before
	p := &ModelPackage{Type: PackageDockerImage, Location: w.Location, OperationID: w.ID, LogURL: s.LogURL, ws: ws}
	if w.Location == "" {
		return nil, &azureml.Error{Operation: t.operation, Subject: t.subject, Body: s.Body, Message: "the service does not say where the package is"}
	}
	if w.Type == "PackageDockerBuildContext" || strings.Contains(w.Location, "://") {
		p.Type, p.manifest = PackageDockerBuildContext, azureml.NewSecret(w.Location)
		p.Location = redact.Text(redact.URL(w.Location))
	}
	return p, nil
}

// ContainerRegistry gives the registry of the image and a login for it, in one request
// to the resource manager. The password is the registry's own and good for all of its
// images. It mirrors azureml.core's get_container_registry.
//
// Errors: ErrForbidden (it takes Contributor on the workspace), ErrNotFound (the
// workspace has no registry, or the registry has no admin user), and those of every call.
func (p *ModelPackage) ContainerRegistry(ctx context.Context) (ContainerRegistry, error) {
	t := p.task("read the registry login of")
	if err := p.checkBound(t); err != nil {
		return ContainerRegistry{}, err
	}
	keys, err := p.ws.Keys(ctx)
	if err != nil {
		return ContainerRegistry{}, err
	}
	r := keys.ContainerRegistry
	if r == nil || r.Username == "" || len(r.Passwords) == 0 {
		return ContainerRegistry{}, &azureml.Error{
			Operation: t.operation, Subject: t.subject, Kind: azureml.ErrNotFound, Message: "the workspace gives no login for its container registry",
			Remedy: "Enable the registry's admin user, or log in to it in another way (az acr login).",
		}
	}
	address := r.LoginServer
	if address == "" {
		address = strings.ToLower(r.Username) + ".azurecr.io"
	}
	return ContainerRegistry{Address: address, Username: r.Username, Password: r.Passwords[0].Value}, nil
}

// Logs reads the build log, its first 16 MiB; "" if there is none. It mirrors
// azureml.core's get_logs.
func (p *ModelPackage) Logs(ctx context.Context) (string, error) {
	t := p.task("read the build log of")
	if err := p.checkBound(t); err != nil || p.LogURL.IsZero() {
		return "", err
	}
	text, err := newBuildLog(p.ws, t).from(ctx, p.LogURL, 0)
	return string(text), err
}

func (p *ModelPackage) checkBound(t task) error {
	if p.ws == nil {
		return &azureml.Error{Operation: t.operation, Subject: t.subject, Kind: azureml.ErrInvalid, Err: errors.New("it does not know its workspace; BeginPackage gives one that does")}
	}
	return nil
}

package model

import (
	"context"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/validate"
	"github.com/azureml-go/azureml/workspace"
)

// ImageRequest is what runs in a service's container: the environmentImageRequest
// of the payloads that create or update a service. [PrepareImage] makes it.
type ImageRequest struct {
	// DriverProgram is the id of the asset that the container's server loads first.
	DriverProgram string `json:"driverProgram,omitempty"`
	// Assets are the uploaded files: the driver program, then the entry script or the
	// archive of the source directory.
	Assets []ImageAsset `json:"assets,omitempty"`
	// ModelIDs are the ids ("name:version") of the models; empty, not nil, for none.
	ModelIDs []string `json:"modelIds"`
	// Environment is what the program runs in; nil leaves it to the service: the
	// environment of the model's run, or for a deployment without code the one that
	// fits the model's framework.
	Environment *EnvironmentBody `json:"environment,omitempty"`
}

// ImageAsset is one uploaded file of an [ImageRequest].
type ImageAsset struct {
	// ID is the file's name in the container.
	ID string `json:"id"`
	// URL says where it is: "aml://artifact/LocalUpload/…".
	URL string `json:"url"`
	// MIMEType is "application/x-python" for the driver program and
	// "application/octet-stream" for everything else.
	MIMEType string `json:"mimeType"`
	// Unpack tells that it is an archive to be unpacked.
	Unpack bool `json:"unpack,omitempty"`
}

const (
	pythonType = "application/x-python"
	binaryType = "application/octet-stream"

	sourceVariable = "AZUREML_SOURCE_DIRECTORY"
	scriptVariable = "AZUREML_ENTRY_SCRIPT"
)

// PrepareImageOptions are the optional parts of [PrepareImage].
type PrepareImageOptions struct {
	// Operation and Subject name in errors what the image is for. Default "prepare",
	// "image".
	Operation, Subject string
	// Progress is told how far the uploads are; see [RegisterOptions].Progress.
	Progress func(UploadProgress)
	// OnWarning gets what is worth saying: a script without init(), an environment
	// without a server.
	OnWarning func(azureml.Warning)
}

// PrepareImage checks an inference configuration, uploads its driver program and its
// code, and gives what a service is then created or updated with. A nil inference is a
// deployment without code, for which there must be exactly one model, of a framework
// that the service has an environment for. [BeginDeploy] does it by itself.
func PrepareImage(ctx context.Context, ws *workspace.Workspace, models []*Model, inference *InferenceConfig, o *PrepareImageOptions) (*ImageRequest, error) {
	var options PrepareImageOptions
	if o != nil {
		options = *o
	}
	t := task{options.Operation, options.Subject}
	if t.operation == "" {
		t = task{"prepare", "image"}
	}
	var c validate.Checker
	p := planImage(&c, ws, models, inference)
	if err := c.Err(t.operation, t.subject); err != nil {
		return nil, err
	}
	warn(options.OnWarning, t.subject, p.code.warnings...)
	return p.upload(ctx, ws, t, options.Progress)
}

// imagePlan is an image that was checked and not yet uploaded.
type imagePlan struct {
	models []string
	noCode bool
	code   code
}

// planImage checks what an image is to be made of, for the workspace ws (nil for any).
func planImage(c *validate.Checker, ws *workspace.Workspace, models []*Model, inference *InferenceConfig) imagePlan {
	p := imagePlan{models: make([]string, 0, len(models)), noCode: inference == nil}
	for _, m := range models {
		switch {
		case m == nil || m.ID == "":
			c.Add("models", nil, "must be registered models, none of them nil")
		case slices.Contains(p.models, m.ID):
			c.Add("models", m.ID, "must not name a model twice")
		case ws != nil && m.ws != nil && !strings.EqualFold(m.ws.ID, ws.ID):
			// Its id means another model in this workspace, or none.
			c.Addf("models", m.ID, "is of the workspace %q (%s), not of this one; register it here", m.ws.Name, m.ws.ID)
		default:
			p.models = append(p.models, m.ID)
		}
	}
	if p.noCode {
		checkNoCode(c, models)
		return p
	}
	c.In("inference", func(c *validate.Checker) { p.code = inference.check(c) })
	if runs := slices.ContainsFunc(models, func(m *Model) bool { return m != nil && m.RunID != "" }); inference.Environment == nil && !runs {
		p.code.warnings = append(p.code.warnings, "there is no Environment, and no model was made by a run whose environment could be taken; the deployment will probably fail")
	}
	return p
}

// noCodeFrameworks are those that the service has environments for.
var noCodeFrameworks = []Framework{FrameworkOnnx, FrameworkScikitLearn, FrameworkTensorFlow, FrameworkMulti}

func checkNoCode(c *validate.Checker, models []*Model) {
	switch {
	case len(models) != 1:
		c.Addf("inference", nil, "is required unless there is exactly one model (there are %d)", len(models))
	case models[0] != nil && !slices.Contains(noCodeFrameworks, models[0].Framework):
		c.Addf("inference", nil, "is required for a model of the framework %s; only models of Onnx, ScikitLearn, TensorFlow and Multi can be deployed without code", models[0].Framework)
	}
}

// upload sends driver program and code. The caller's environment is not changed.
func (p imagePlan) upload(ctx context.Context, ws *workspace.Workspace, t task, progress func(UploadProgress)) (*ImageRequest, error) {
	image := &ImageRequest{ModelIDs: p.models}
	if p.noCode {
		return image, nil
	}
	environment, err := p.code.environment.resolved(ctx, ws)
	if err != nil {
		return nil, err
	}
	image.DriverProgram = "driver_" + randomHex() + ".py"
	driver := strings.NewReader(driverProgram(p.code.entry, p.code.directory))
	asset, err := uploadAsset(ctx, ws, t, progress, image.DriverProgram, driver, driver.Size())
	if err != nil {
		return nil, err
	}
	asset.MIMEType = pythonType
	image.Assets = append(image.Assets, asset)
	if asset, err = p.code.upload(ctx, ws, t, progress); err != nil {
		return nil, err
	}
	image.Assets = append(image.Assets, asset)
	if environment != nil {
		image.Environment = p.code.inEnvironment(environment).body()
	}
	return image, nil
}

// upload sends the entry script, or the source directory as an archive that is made
// while it is being sent.
func (found code) upload(ctx context.Context, ws *workspace.Workspace, t task, progress func(UploadProgress)) (ImageAsset, error) {
	if found.directory == "" {
		f := found.script
		u := newUploads(ws, t, randomHex(), 0, progress)
		if err := u.files(ctx, []file{f}); err != nil {
			return ImageAsset{}, err
		}
		return u.asset(f.artifact), nil
	}
	archive, w := io.Pipe()
	packing := make(chan struct{})
	go func() {
		defer close(packing)
		w.CloseWithError(writeSource(w, found.directory, found.files))
	}()
	// The packing must not outlive this call.
	defer func() {
		_ = archive.Close() // never fails
		<-packing
	}()
	asset, err := uploadAsset(ctx, ws, t, progress, randomHex()+".tar.gz", archive, -1)
	asset.Unpack = true
	return asset, err
}

// uploadAsset sends one file to a container of its own.
func uploadAsset(ctx context.Context, ws *workspace.Workspace, t task, progress func(UploadProgress), name string, content io.Reader, size int64) (ImageAsset, error) {
	u := newUploads(ws, t, randomHex(), 0, progress)
	if err := u.stream(ctx, name, content, size); err != nil {
		return ImageAsset{}, err
	}
	return u.asset(name), nil
}

// asset names an uploaded file.
func (u *uploads) asset(name string) ImageAsset {
	return ImageAsset{ID: path.Base(name), URL: artifactScheme + localUpload + "/" + u.container + "/" + name, MIMEType: binaryType}
}

// inEnvironment gives a copy of the environment with the variables that tell the
// container where the code is. What an earlier use of the environment left is replaced.
func (found code) inEnvironment(e *Environment) *Environment {
	copied := *e
	copied.EnvironmentVariables = maps.Clone(e.EnvironmentVariables)
	if copied.EnvironmentVariables == nil {
		copied.EnvironmentVariables = map[string]string{}
	}
	delete(copied.EnvironmentVariables, sourceVariable)
	copied.EnvironmentVariables[scriptVariable] = found.entry
	if found.directory != "" {
		copied.EnvironmentVariables[sourceVariable] = found.directory
	}
	return &copied
}

package model

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/blob"
	"github.com/azureml-go/azureml/internal/validate"
	"github.com/azureml-go/azureml/workspace"
)

// RegisterOptions are the optional parts of [Register], [RegisterReader] and [RegisterURL].
type RegisterOptions struct {
	Description string
	// Tags and Properties of the new version; properties can be added later, not changed.
	Tags       map[string]string
	Properties map[string]string
	// Framework that made the model; empty is "Custom". FrameworkVersion needs a Framework.
	Framework        Framework
	FrameworkVersion string
	// ChildPaths choose files and sub-folders of a folder; they are relative to it.
	// Empty takes the whole folder.
	ChildPaths []string
	// Datasets are the data that the model was trained or tested with.
	Datasets []DatasetReference
	// SampleInput and SampleOutput are ids of registered datasets, with or without
	// "aml://dataset/" before them.
	SampleInput, SampleOutput string
	// ResourceConfiguration is what a deployment without code shall get.
	ResourceConfiguration *ResourceConfiguration
	// RunID and ExperimentName are of the run that made the model.
	RunID, ExperimentName string
	// Checkpoint names a file by which [Register] can go on where an earlier call was
	// interrupted, be it by a failure, by its context or by the end of the process. Call
	// it again with the same workspace, name, path and Checkpoint: what storage has is not
	// sent again, and in the end there is one new version, not two. The file is written
	// while the upload goes on, with mode 0600, and removed when the model is registered.
	// It holds the container, paths, sizes, times, and ids and hashes of blocks; no
	// address with a signature and no secret.
	//
	// Files whose size or time have changed are uploaded anew; in others, blocks whose hash
	// has. A file of that name that is not a checkpoint of this upload is an error
	// (ErrInvalid) and stays as it is. While a call uses a checkpoint, another one that
	// names it is refused (ErrConflict; not on Windows and on file systems without locks,
	// where nothing keeps the two apart). Storage keeps blocks of an unfinished upload for
	// a week.
	Checkpoint string
	// ReuseIdentical makes [Register] look for a version of the model with the same
	// content before it uploads anything, with one request, and return that one. New
	// versions get the property [ContentHashProperty] by which they are found: "sha256:"
	// and the SHA-256 of the lines that `find NAME -type f | LC_ALL=C sort | xargs -d
	// '\n' sha256sum` prints in the folder that NAME, the file or folder, is in.
	//
	// Only a version with the same Framework, FrameworkVersion and ResourceConfiguration
	// is taken, since they decide how it runs. It is returned as it is: OnWarning tells
	// which of the other options (tags, description, …) it does not have. Two calls at the
	// same time may both make a version.
	ReuseIdentical bool
	// Concurrency is how many storage requests are made at once, 1 to 64; each takes up to
	// 8 MiB of memory (more for files above 390 GiB, whose blocks are larger). 0 is 4.
	Concurrency int
	// Progress is told how far the upload is, in any goroutine but never in two at
	// once. It must not block.
	Progress func(UploadProgress)
	// OnWarning gets what is worth saying; it may be called by several goroutines.
	OnWarning func(azureml.Warning)

	// blockSize takes the place of the usual one in tests.
	blockSize int64
}

// Register uploads the file or folder at path and registers it as a new version of the
// model name. It returns when the model is registered; there is nothing to wait for.
//
// A folder is uploaded file by file and keeps its name: the files of "mydir" are at
// $AZUREML_MODEL_DIR/mydir in a service's container. Hidden files are taken along,
// empty folders are not, links to folders are not followed. Files up to 8 MiB take one
// request to storage, larger ones go in blocks of 8 MiB, several at once; memory stays
// the same however large they are. A file that is written to in the meantime is an
// error (ErrConflict). When ctx ends, the upload stops within a second.
//
// The right to write to storage is renewed when it runs out. A call that was interrupted
// can be gone on with: see [RegisterOptions].Checkpoint.
//
// All rules are checked before the first request (ErrInvalid). If the files were
// uploaded and registering them failed, the error's remedy names the asset that holds
// them, which [RegisterURL] takes.
//
// It mirrors azureml.core's Model.register.
func Register(ctx context.Context, ws *workspace.Workspace, name, path string, o *RegisterOptions) (*Model, error) {
	var options RegisterOptions
	if o != nil {
		options = *o
	}
	var c validate.Checker
	checkName(&c, name)
	options.check(&c)
	files, prefix := modelFiles(&c, path, options.ChildPaths)
	checkCheckpoint(&c, options.Checkpoint, path)
	t := task{"register", subject(name)}
	if c.OK() {
		release, err := options.hold(t)
		if err != nil {
			return nil, err
		}
		defer release()
	}
	state := checkpointOf(ws, name, path, files)
	earlier := options.earlier(&c, state)
	if err := c.Err(t.operation, t.subject); err != nil {
		return nil, err
	}
	options.warn(t)
	if options.ReuseIdentical {
		sum, err := contentHash(ctx, t, files, options.Concurrency)
		if err != nil {
			return nil, err
		}
		found, err := options.identical(ctx, ws, t, name, sum)
		if err != nil {
			return nil, err
		}
		if found != nil {
			if earlier != nil {
				options.forget(t, &checkpoint{path: options.Checkpoint})
			}
			return found, nil
		}
		options = options.withHash(sum)
	}
	kept, err := options.checkpoint(t, state, earlier)
	if err != nil {
		return nil, err
	}
	return options.uploadAndRegister(ctx, ws, t, kept, upload{name, prefix, files})
}

// upload is what is uploaded to become a version of the model name.
type upload struct {
	name, prefix string
	files        []file
}

// uploadAndRegister sends the files and registers them; with a checkpoint, only what an
// earlier call has not done.
func (o RegisterOptions) uploadAndRegister(ctx context.Context, ws *workspace.Workspace, t task, kept *checkpoint, up upload) (*Model, error) {
	u := newUploads(ws, t, kept.container(), o.Concurrency, o.Progress)
	u.checkpoint, u.prefix, u.warn = kept, up.prefix, o.OnWarning
	u.sender = blob.New(blob.Config{Options: ws.ClientOptions(), Concurrency: o.Concurrency, Operation: t.operation, BlockSize: o.blockSize})
	if !kept.registering() {
		if err := u.files(ctx, up.files); err != nil {
			return nil, resumable(err, kept)
		}
	}
	m, err := o.registerKept(ctx, ws, t, kept, up.name, localUpload+"/"+u.container+"/"+up.prefix)
	if err != nil {
		return nil, resumable(err, kept)
	}
	o.forget(t, kept)
	return m, nil
}

// RegisterReader is [Register] for content that is no file: it uploads everything that
// content gives, until io.EOF, under the name fileName (slashes make folders). Its
// length need not be known. A Read that blocks is waited for even when ctx has ended.
func RegisterReader(ctx context.Context, ws *workspace.Workspace, name, fileName string, content io.Reader, o *RegisterOptions) (*Model, error) {
	var options RegisterOptions
	if o != nil {
		options = *o
	}
	var c validate.Checker
	checkName(&c, name)
	options.check(&c)
	if !validArtifactPath(fileName) {
		c.Add("fileName", fileName, "must be a relative path of slash-separated names")
	}
	if content == nil {
		c.Add("content", nil, "is required")
	}
	options.checkNoFiles(&c)
	if len(options.ChildPaths) > 0 {
		c.Add("ChildPaths", strings.Join(options.ChildPaths, ", "), "can only choose parts of a folder")
	}
	t := task{"register", subject(name)}
	if err := c.Err(t.operation, t.subject); err != nil {
		return nil, err
	}
	options.warn(t)
	u := newUploads(ws, t, modelContainer(), options.Concurrency, options.Progress)
	if err := u.stream(ctx, fileName, content, -1); err != nil {
		return nil, err
	}
	root, _, _ := strings.Cut(fileName, "/")
	return options.registerArtifacts(ctx, ws, t, name, localUpload+"/"+u.container+"/"+root)
}

// RegisterURL registers what is in the workspace already, without an upload:
// an asset ("aml://asset/ID"), artifacts such as the outputs of a run
// ("aml://artifact/ExperimentRun/dcid.RUN/outputs/model.pkl", a file or a folder), or
// anything else that the service takes as a model's address.
func RegisterURL(ctx context.Context, ws *workspace.Workspace, name, address string, o *RegisterOptions) (*Model, error) {
	var options RegisterOptions
	if o != nil {
		options = *o
	}
	var c validate.Checker
	checkName(&c, name)
	options.check(&c)
	prefix, artifacts := strings.CutPrefix(address, artifactScheme)
	switch u, err := url.Parse(address); {
	case err != nil || u.Scheme == "" || u.User != nil || u.RawQuery != "":
		c.Add("address", withoutQuery(address), `must be an address such as "aml://asset/ID", without user and query`)
	case artifacts && (!validArtifactPath(strings.TrimSuffix(prefix, "/")) || strings.Count(prefix, "/") < 2):
		c.Add("address", address, `must be "aml://artifact/ORIGIN/CONTAINER/PATH"`)
	}
	if len(options.ChildPaths) > 0 {
		c.Add("ChildPaths", strings.Join(options.ChildPaths, ", "), "can only choose parts of a local folder")
	}
	options.checkNoFiles(&c)
	t := task{"register", subject(name)}
	if err := c.Err(t.operation, t.subject); err != nil {
		return nil, err
	}
	options.warn(t)
	if artifacts {
		return options.registerArtifacts(ctx, ws, t, name, strings.TrimSuffix(prefix, "/"))
	}
	return options.registerURL(ctx, ws, t, name, address, false)
}

func withoutQuery(address string) string {
	head, _, _ := strings.Cut(address, "?")
	return head
}

// modelContainer names a container for the files of one model: time and chance.
func modelContainer() string { return time.Now().Format("060102T150405") + "-" + randomHex() }

// randomHex gives 8 hexadecimal digits.
func randomHex() string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// maxConcurrency bounds what a caller may ask for: 512 MiB of buffers.
const maxConcurrency = 64

func (o RegisterOptions) check(c *validate.Checker) {
	if o.FrameworkVersion != "" && o.Framework == "" {
		c.Add("FrameworkVersion", o.FrameworkVersion, "needs a Framework")
	}
	checkKeys(c, "Tags", o.Tags)
	checkKeys(c, "Properties", o.Properties)
	if _, ok := o.Properties[ContentHashProperty]; ok && o.ReuseIdentical {
		c.Add("Properties", ContentHashProperty, "is set by ReuseIdentical")
	}
	for _, d := range o.Datasets {
		if d.Name == "" || d.ID == "" {
			c.Add("Datasets", d.Name+":"+d.ID, "must have a name and an id each")
		}
	}
	o.ResourceConfiguration.check(c)
	checkConcurrency(c, o.Concurrency)
}

func checkConcurrency(c *validate.Checker, n int) {
	if n < 0 || n > maxConcurrency {
		c.Addf("Concurrency", n, "must be from 1 to %d, or 0 for the default", maxConcurrency)
	}
}

func (r *ResourceConfiguration) check(c *validate.Checker) {
	if r == nil {
		return
	}
	c.In("ResourceConfiguration", func(c *validate.Checker) {
		validate.Positive(c, "CPU", r.CPU)
		validate.Positive(c, "MemoryGB", r.MemoryGB)
		validate.Positive(c, "GPU", r.GPU)
	})
}

func (o RegisterOptions) warn(t task) {
	if o.Framework == FrameworkTfKeras && o.OnWarning != nil {
		o.OnWarning(azureml.Warning{Subject: t.subject, Message: "the framework TfKeras is out of date; use TensorFlow"})
	}
}

// wireModel registers a model.
type wireModel struct {
	Name             string                 `json:"name"`
	Framework        Framework              `json:"framework,omitempty"`
	FrameworkVersion string                 `json:"frameworkVersion,omitempty"`
	Datasets         []DatasetReference     `json:"datasets"`
	URL              string                 `json:"url"`
	MIMEType         string                 `json:"mimeType"`
	Description      string                 `json:"description,omitempty"`
	Unpack           bool                   `json:"unpack"`
	RunID            string                 `json:"runId,omitempty"`
	ExperimentName   string                 `json:"experimentName,omitempty"`
	Tags             map[string]string      `json:"kvTags,omitempty"`
	Properties       map[string]string      `json:"properties,omitempty"`
	SampleInput      string                 `json:"sampleInputData,omitempty"`
	SampleOutput     string                 `json:"sampleOutputData,omitempty"`
	Resources        *ResourceConfiguration `json:"resourceRequirements,omitempty"`
}

// registerArtifacts makes the asset and registers it.
func (o RegisterOptions) registerArtifacts(ctx context.Context, ws *workspace.Workspace, t task, name, prefix string) (*Model, error) {
	asset, err := createAsset(ctx, ws, t, name, prefix, o.RunID)
	if err != nil {
		return nil, uploaded(err, artifactScheme+prefix)
	}
	return o.registerAsset(ctx, ws, t, name, asset)
}

func (o RegisterOptions) registerAsset(ctx context.Context, ws *workspace.Workspace, t task, name, asset string) (*Model, error) {
	m, err := o.registerURL(ctx, ws, t, name, assetScheme+asset, true)
	if err != nil {
		return nil, uploaded(err, assetScheme+asset)
	}
	return m, nil
}

// registerURL registers the model. One whose answer was lost is found again by its
// address, if that is an asset of our own: of others there may be earlier versions.
func (o RegisterOptions) registerURL(ctx context.Context, ws *workspace.Workspace, t task, name, address string, own bool) (*Model, error) {
	body := wireModel{
		Name: name, Framework: o.Framework, FrameworkVersion: o.FrameworkVersion, Datasets: slices.Clone(o.Datasets),
		URL: address, MIMEType: "application/json", Description: o.Description, RunID: o.RunID, ExperimentName: o.ExperimentName,
		Tags: maps.Clone(o.Tags), Properties: maps.Clone(o.Properties),
		SampleInput: datasetURL(o.SampleInput), SampleOutput: datasetURL(o.SampleOutput), Resources: o.ResourceConfiguration,
	}
	if body.Datasets == nil {
		body.Datasets = []DatasetReference{}
	}
	m, err := createOnce(ctx, ws, func(ctx context.Context) (*Model, error) {
		m := new(Model)
		_, err := ws.Do(ctx, workspace.Request{
			Service: workspace.ModelManagement, Operation: t.operation, Subject: t.subject,
			Method: http.MethodPost, Path: "models", Body: body, Repeat: workspace.RepeatNarrow,
		}, m)
		return m, err
	}, func(ctx context.Context) (*Model, error) {
		if !own {
			return nil, nil
		}
		found, err := readPage(ctx, ws, workspace.Request{
			Service: workspace.ModelManagement, Operation: t.operation, Subject: t.subject, Path: "models",
			Query: url.Values{"name": {name}, "count": {"20"}, "orderBy": {"CreatedAtDesc"}},
		})
		i := slices.IndexFunc(found, func(m *Model) bool { return m.URL == address })
		if err != nil || i < 0 {
			return nil, err
		}
		return found[i], nil
	}, unable)
	if err != nil {
		return nil, err
	}
	if m.ID == "" {
		return nil, &azureml.Error{Operation: t.operation, Subject: t.subject, Message: "the service gave no id for the model"}
	}
	m.ws = ws
	return m, nil
}

// datasetURL is the service's form of a dataset's id.
func datasetURL(id string) string {
	if id == "" || strings.Contains(id, "://") {
		return id
	}
	return datasetScheme + id
}

// uploaded says in the error of a registration where the files are.
func uploaded(err error, address string) error {
	e, ok := errors.AsType[*azureml.Error](err)
	if !ok {
		return err
	}
	copied := *e
	copied.Remedy = strings.TrimSpace(e.Remedy + "\nThe files are in the workspace already: model.RegisterURL with " + address + " registers them without another upload.")
	return &copied
}

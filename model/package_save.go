package model

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/blob"
	"github.com/azureml-go/azureml/internal/rest"
	"github.com/azureml-go/azureml/internal/validate"
	"github.com/azureml-go/azureml/workspace"
)

// SaveOptions are the optional parts of [ModelPackage.Save].
type SaveOptions struct {
	// Overwrite replaces files that exist; without it they are an error.
	Overwrite bool
	// Concurrency is how many files are downloaded at once, 1 to 64. 0 is 4. Archives are
	// unpacked one after the other.
	Concurrency int
	// Progress is told how far the download is; of an archive the bytes that came of it.
	// It is called in any goroutine but never in two at once, and must not block.
	Progress func(DownloadProgress)
	// OnWarning gets what was left out: links in archives.
	OnWarning func(azureml.Warning)
}

// Save writes the Dockerfile and all files that it needs below the folder dir, which is
// made if it is not there: "docker build DIR" then builds the image. Everything streams;
// archives are unpacked as they come. Nothing is ever written outside of dir, and not
// through links below it; links in archives are left out, with a warning. When Save
// fails, files that are complete already stay. It mirrors azureml.core's save.
//
// Errors: ErrInvalid (the package is an image; a name that leaves the folder),
// ErrConflict (files that exist), ErrForbidden (storage's firewall, or the package is
// old and its address no longer good), and those of every call.
func (p *ModelPackage) Save(ctx context.Context, dir string, o *SaveOptions) error {
	var options SaveOptions
	if o != nil {
		options = *o
	}
	t := p.task("save")
	var c validate.Checker
	c.Require("dir", dir)
	checkConcurrency(&c, options.Concurrency)
	if p.Type != PackageDockerBuildContext {
		c.Add("Type", string(p.Type), "must be "+string(PackageDockerBuildContext)+": an image is pulled from its registry; see BeginPackage with GenerateDockerfile")
	}
	if err := c.Err(t.operation, t.subject); err != nil {
		return err
	}
	if err := p.checkBound(t); err != nil {
		return err
	}
	m, err := p.readManifest(ctx, t)
	if err != nil {
		return err
	}
	plan, err := m.plan(ctx, p.ws, t)
	if err != nil {
		return err
	}
	folder, err := openPlace(t, dir)
	if err != nil {
		return err
	}
	defer func() { _ = folder.Close() }()
	if err := folder.check(plan.named(), options.Overwrite); err != nil {
		return err
	}
	return p.write(ctx, t, folder, plan, options)
}

// write brings everything into the folder: what is in the manifest, files, archives.
func (p *ModelPackage) write(ctx context.Context, t task, folder *place, plan contextPlan, o SaveOptions) error {
	for _, f := range plan.inline {
		if err := folder.write(f.path, bytes.NewReader(f.content), int64(len(f.content)), false, o.Overwrite); err != nil {
			return err
		}
	}
	d := &downloads{
		ws: p.ws, task: t, place: folder, overwrite: o.Overwrite, report: o.Progress,
		state:  DownloadProgress{Files: len(plan.files) + len(plan.archives)},
		source: blob.NewDownloader(blob.Config{Options: p.ws.ClientOptions(), Operation: t.operation}),
	}
	if err := d.all(ctx, plan.files, o.Concurrency); err != nil {
		return err
	}
	u := newUnpacker(d, o.OnWarning, "Package the model again.")
	for _, f := range plan.named() {
		u.own[f.path] = true
	}
	for _, a := range plan.archives {
		if err := u.unpack(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

// Environment gives the environment that the package runs in, read from the workspace;
// it takes the manifest, which only a build context has. It mirrors azureml.core's
// environment. Errors: ErrInvalid for an image, ErrNotFound if the manifest names none.
func (p *ModelPackage) Environment(ctx context.Context) (*Environment, error) {
	t := p.task("read the environment of")
	if err := p.checkBound(t); err != nil {
		return nil, err
	}
	if p.Type != PackageDockerBuildContext {
		return nil, &azureml.Error{Operation: t.operation, Subject: t.subject, Kind: azureml.ErrInvalid, Message: "only a build context names its environment"}
	}
	m, err := p.readManifest(ctx, t)
	if err != nil {
		return nil, err
	}
	if m.Environment.Name == "" {
		return nil, &azureml.Error{Operation: t.operation, Subject: t.subject, Kind: azureml.ErrNotFound, Message: "the package names no environment"}
	}
	return GetEnvironment(ctx, p.ws, m.Environment.Name, &GetEnvironmentOptions{Version: m.Environment.Version})
}

// manifest says what a build context consists of (contract: model §11).
type manifest struct {
	Context     []manifestEntry `json:"context"`
	Environment struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	} `json:"environment"`
}

type manifestEntry struct {
	Type     string `json:"entryType"`
	Encoding string `json:"encoding"`
	Content  string `json:"content"`
	URI      string `json:"uri"`
	Unpack   bool   `json:"unpack"`
	Path     string `json:"path"`
}

// maxManifest bounds what is read of a manifest: it holds small files.
const maxManifest = 64 << 20

// errLarge is of a manifest that is none.
var errLarge = fmt.Errorf("it has more than %d MB", maxManifest>>20)

// bounded is a buffer that takes only so much.
type bounded struct{ bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxManifest {
		return 0, errLarge
	}
	return b.Buffer.Write(p)
}

func (p *ModelPackage) readManifest(ctx context.Context, t task) (manifest, error) {
	source := blob.NewDownloader(blob.Config{Options: p.ws.ClientOptions(), Operation: t.operation})
	var text bounded
	_, err := source.Download(ctx, blob.Download{Subject: t.subject, URI: p.manifest.Reveal(), Content: &text})
	if errors.Is(err, errLarge) {
		return manifest{}, t.odd("its manifest cannot be used: " + errLarge.Error())
	}
	if err != nil {
		return manifest{}, err
	}
	return parseManifest(t, text.Bytes())
}

// parseManifest reads a manifest that has at least one entry.
func parseManifest(t task, text []byte) (manifest, error) {
	var m manifest
	if err := rest.Unmarshal(text, &m); err != nil {
		return m, t.odd("its manifest is not the JSON that was expected")
	}
	if len(m.Context) == 0 {
		return m, t.odd("its manifest names no files")
	}
	return m, nil
}

func (t task) odd(message string) error {
	return &azureml.Error{Operation: t.operation, Subject: t.subject, Message: message, Remedy: "Package the model again."}
}

// contextPlan is what a build context is made of.
type contextPlan struct {
	inline   []inlineFile
	files    []remoteFile
	archives []remoteFile // their path is the folder to unpack into, "." for the context itself
}

type inlineFile struct {
	path    string
	content []byte
}

// named are the files of which the names are known before anything is downloaded.
func (c contextPlan) named() []remoteFile {
	files := make([]remoteFile, 0, len(c.inline)+len(c.files))
	for _, f := range c.inline {
		files = append(files, remoteFile{path: f.path})
	}
	return append(files, c.files...)
}

// plan finds the files of all entries.
func (m manifest) plan(ctx context.Context, ws *workspace.Workspace, t task) (contextPlan, error) {
	var plan contextPlan
	for _, e := range m.Context {
		to, err := e.target(t)
		if err != nil {
			return plan, err
		}
		switch strings.ToLower(e.Type) {
		case "inline":
			content, err := e.decode(t)
			if err != nil {
				return plan, err
			}
			plan.inline = append(plan.inline, inlineFile{to, content})
		case "remote":
			if err := e.find(ctx, ws, t, to, &plan); err != nil {
				return plan, err
			}
		default:
			return plan, t.odd(fmt.Sprintf("its manifest has an entry of the unknown type %q for %q", e.Type, e.Path))
		}
	}
	return plan, nil
}

// target is the entry's path. That of an archive, or of a folder, may be the context
// itself, ".".
func (e manifestEntry) target(t task) (string, error) {
	to := path.Clean(strings.TrimSuffix(strings.TrimPrefix(e.Path, "./"), "/"))
	if to == "." && strings.EqualFold(e.Type, "remote") {
		return to, nil
	}
	if !validLocalPath(to) {
		return "", t.strange(e.Path)
	}
	return to, nil
}

// decode gives an inline entry's content.
func (e manifestEntry) decode(t task) ([]byte, error) {
	switch strings.ToLower(e.Encoding) {
	case "base64":
		content, err := base64.StdEncoding.DecodeString(e.Content)
		if err != nil {
			return nil, t.odd(fmt.Sprintf("its manifest's content of %q is not base64", e.Path))
		}
		return content, nil
	case "":
		return []byte(e.Content), nil
	}
	return nil, t.odd(fmt.Sprintf("its manifest has content of the unknown encoding %q for %q", e.Encoding, e.Path))
}

// find adds the artifacts of a remote entry: the file itself at the entry's path, or
// those of a folder below it.
func (e manifestEntry) find(ctx context.Context, ws *workspace.Workspace, t task, to string, plan *contextPlan) error {
	id, ok := strings.CutPrefix(e.URI, artifactScheme)
	id = strings.TrimSuffix(id, "/")
	if !ok || !validArtifactPath(id) || strings.Count(id, "/") < 1 {
		return t.odd(fmt.Sprintf("its manifest names %q for %q, which is no artifact", withoutQuery(e.URI), e.Path))
	}
	found, err := artifactsBelow(ctx, ws, t, id)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return &azureml.Error{
			Operation: t.operation, Subject: t.subject, Kind: azureml.ErrNotFound, Message: fmt.Sprintf("there are no files at %s, which belong to %q", e.URI, e.Path),
			Remedy: "The files may have been deleted from the workspace's storage. Package the model again.",
		}
	}
	for _, f := range found {
		if e.Unpack {
			plan.archives = append(plan.archives, remoteFile{id: f.id, path: to, address: f.address})
			continue
		}
		// They keep the folder's name, in place of which the entry has its own.
		f.path = path.Join(to, strings.TrimPrefix(f.path, base(id)))
		if !validLocalPath(f.path) {
			return t.strange(f.path)
		}
		plan.files = append(plan.files, f)
	}
	return nil
}

// write makes a file of exactly size bytes.
func (p *place) write(name string, content io.Reader, size int64, executable, overwrite bool) error {
	f, err := p.create(remoteFile{path: name})
	if err != nil {
		return err
	}
	defer f.leave(false)
	if _, err := io.CopyN(f, content, size); err != nil {
		if _, writing := errors.AsType[*fs.PathError](err); !writing {
			return err // the content broke off
		}
		return p.unable(name, err)
	}
	if executable {
		if err := f.Chmod(0o755); err != nil {
			return p.unable(name, err)
		}
	}
	return f.keep(overwrite)
}

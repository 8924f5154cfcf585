package model

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/blob"
	"github.com/azureml-go/azureml/internal/validate"
	"github.com/azureml-go/azureml/workspace"
)

// DownloadOptions are the optional parts of [Model.Download].
type DownloadOptions struct {
	// Overwrite replaces files that exist; without it they are an error.
	Overwrite bool
	// Concurrency is how many files are downloaded at once, 1 to 64. 0 is 4.
	Concurrency int
	// Progress is told how far the download is, in any goroutine but never in two at
	// once. It must not block.
	Progress func(DownloadProgress)
	// OnWarning gets what was left out: links in the archive of an old model.
	OnWarning func(azureml.Warning)
}

// DownloadProgress is how far a download is.
type DownloadProgress struct {
	// File is the file that moved on: its path below the folder, with slashes.
	File string
	// Received and Size are bytes of that file; Size is -1 if it is not known.
	Received, Size int64
	// TotalReceived are bytes of all files. How many there will be is not known before.
	TotalReceived int64
	// FilesDone and Files count files.
	FilesDone, Files int
}

// Download downloads the model's files into the folder dir, which is made if it is not
// there, and returns the path of what was registered: the file, or the folder with its
// files. If that was several files and folders, it returns dir.
//
// Each file is written under another name (".azureml-….part") and gets its own one when
// it is complete and its size and MD5 are those that storage tells. A connection that
// breaks goes on where it ended, and the right to read from storage is renewed when it
// runs out. When Download fails, files that are complete already stay; of others, parts
// of 1 MiB and more stay too, and the next call into the same folder goes on with them if
// storage still has the same (not on Windows, and not where storage knows no MD5). They
// can be removed at any time. Nothing is ever
// written outside of dir, whatever names the workspace gives the files, and not through
// symbolic links below it either.
//
// Old models whose one file is an archive of the model ([Model.Unpack]) are unpacked as
// they come, under the same rules, except that what is in the way is found when its turn
// comes, and that what came of an archive that broke off is not gone on with.
//
// It mirrors azureml.core's Model.download.
//
// Errors: ErrInvalid (also for models of newer tools, which are not at "aml://asset/"),
// ErrConflict (files that exist, all of them named; a file that is written to in the
// meantime), ErrNotFound, ErrForbidden (also storage's firewall), ErrUnavailable, and
// those of every call.
func (m *Model) Download(ctx context.Context, dir string, o *DownloadOptions) (string, error) {
	var options DownloadOptions
	if o != nil {
		options = *o
	}
	t := task{"download", subject(m.ID)}
	var c validate.Checker
	m.checkBound(&c)
	c.Require("dir", dir)
	checkConcurrency(&c, options.Concurrency)
	asset, ok := strings.CutPrefix(m.URL, assetScheme)
	if !ok || asset == "" {
		c.Add("URL", withoutQuery(m.URL), `must be "aml://asset/ID" for a download; a model that a newer tool has registered is downloaded with that tool`)
	}
	if err := c.Err(t.operation, t.subject); err != nil {
		return "", err
	}
	files, root, err := remoteFiles(ctx, m.ws, t, asset)
	if err != nil {
		return "", err
	}
	folder, err := openPlace(t, dir)
	if err != nil {
		return "", err
	}
	defer func() { _ = folder.Close() }()
	d := &downloads{
		ws: m.ws, task: t, place: folder, overwrite: options.Overwrite, report: options.Progress, state: DownloadProgress{Files: len(files)},
		source: blob.NewDownloader(blob.Config{Options: m.ws.ClientOptions(), Operation: t.operation}),
	}
	if m.Unpack {
		root, err = d.unpackAll(ctx, files, options.OnWarning)
	} else if err = folder.check(files, options.Overwrite); err == nil {
		err = d.all(ctx, files, options.Concurrency)
	}
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, filepath.FromSlash(root)), nil
}

// downloads brings files into a folder.
type downloads struct {
	ws        *workspace.Workspace
	task      task
	place     *place
	source    *blob.Downloader
	overwrite bool
	report    func(DownloadProgress)

	mu    sync.Mutex
	state DownloadProgress
}

func (d *downloads) all(ctx context.Context, files []remoteFile, concurrency int) error {
	if concurrency == 0 {
		concurrency = blob.DefaultConcurrency
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(concurrency)
	for _, f := range files {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return &azureml.Error{Operation: d.task.operation, Subject: d.task.subject, Err: err, Message: "gave up: " + err.Error()}
			}
			return d.one(ctx, f)
		})
	}
	return group.Wait()
}

// unpackAll unpacks the archives of an old model, and gives the path of what was in them:
// of the one file or folder, "" for several.
func (d *downloads) unpackAll(ctx context.Context, archives []remoteFile, onWarning func(azureml.Warning)) (root string, err error) {
	u := newUnpacker(d, onWarning, "Register the model anew from its files.")
	for _, a := range archives {
		a.path = "."
		if err := u.unpack(ctx, a); err != nil {
			return "", err
		}
	}
	if len(u.roots) == 1 {
		for root = range u.roots {
			return root, nil
		}
	}
	return "", nil
}

// one downloads a file under another name and then gives it its own.
func (d *downloads) one(ctx context.Context, f remoteFile) (err error) {
	partial, err := d.place.create(f)
	if err != nil {
		return err
	}
	defer func() { partial.leave(goesOn(err)) }()
	p := &downloadedFile{downloads: d, file: f, partial: partial, size: -1}
	err = p.fetch(ctx)
	if errors.Is(err, blob.ErrDiffers) && partial.earlier != nil {
		// What an earlier call has left is of something else, or damaged.
		if err := partial.restart(); err != nil {
			return d.place.unable(f.path, err)
		}
		err = p.fetch(ctx)
	}
	if err != nil {
		return err
	}
	if err := partial.keep(d.overwrite); err != nil {
		return err
	}
	d.moved(f.path, p.received, p.size, 0, 1)
	return nil
}

// renew gives the address of a file once more when its signature has run out.
func (d *downloads) renew(f remoteFile) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		address, err := readAddress(ctx, d.ws, d.task, f.id)
		return address.Reveal(), err
	}
}

// goesOn tells of a failure after which what has come is still good.
func goesOn(err error) bool {
	return err != nil && !errors.Is(err, blob.ErrDiffers) && !errors.Is(err, azureml.ErrConflict) && !errors.Is(err, azureml.ErrNotFound)
}

// downloadedFile is a file that is being downloaded.
type downloadedFile struct {
	*downloads
	file           remoteFile
	partial        *partialFile
	received, size int64
}

func (d *downloadedFile) fetch(ctx context.Context) error {
	path := d.file.path
	_, err := d.source.Download(ctx, blob.Download{
		Subject: d.task.file(path), URI: d.file.address.Reveal(), Content: d.partial, Earlier: d.partial.earlier,
		Renew: d.renew(d.file),
		Begun: func(b blob.Blob) error { return d.partial.begun(d.file.id, b) },
		Progress: func(received, whole int64) {
			d.size = whole
			d.moved(path, received, whole, received-d.received, 0)
			d.received = received
		},
	})
	return err
}

// moved reports that more bytes of a file have come, or that it is done.
func (d *downloads) moved(path string, received, size, more int64, done int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.state.TotalReceived += more
	d.state.FilesDone += done
	if d.report == nil {
		return
	}
	p := d.state
	p.File, p.Received, p.Size = path, received, size
	d.report(p)
}

// remoteFile is a file of the model in the workspace.
type remoteFile struct {
	// id is that of the artifact.
	id string
	// path is where it belongs below the folder, with slashes.
	path    string
	address azureml.Secret
}

// wireLocation is where an artifact's content is.
type wireLocation struct {
	wireContent
	Origin    string `json:"origin"`
	Container string `json:"container"`
	Path      string `json:"path"`
}

// remoteFiles finds the files of an asset and what they have in common: the path of the
// file or folder that was registered, "" for several.
func remoteFiles(ctx context.Context, ws *workspace.Workspace, t task, asset string) (files []remoteFile, root string, err error) {
	var described struct {
		Artifacts []struct {
			ID     string `json:"id"`
			Prefix string `json:"prefix"`
		} `json:"artifacts"`
	}
	_, err = ws.Do(ctx, workspace.Request{
		Service: workspace.Assets, Operation: t.operation, Subject: t.subject, Path: "assets/" + workspace.Segment(asset),
	}, &described)
	if err != nil {
		return nil, "", err
	}
	for _, a := range described.Artifacts {
		var found []remoteFile
		id := strings.TrimSuffix(a.Prefix, "/")
		if a.ID != "" {
			id = a.ID
		}
		if !validArtifactPath(id) || strings.Count(id, "/") < 1 {
			return nil, "", t.strange(id)
		}
		if a.ID != "" {
			found, err = oneArtifact(ctx, ws, t, id)
		} else {
			found, err = artifactsBelow(ctx, ws, t, id)
		}
		if err != nil {
			return nil, "", err
		}
		files = append(files, found...)
		root = base(id)
	}
	if len(files) == 0 {
		return nil, "", &azureml.Error{
			Operation: t.operation, Subject: t.subject, Kind: azureml.ErrNotFound, Message: "it has no files",
			Remedy: "The files may have been deleted from the workspace's storage, or the run that made them is gone.",
		}
	}
	if len(described.Artifacts) > 1 {
		root = ""
	}
	return files, root, nil
}

// oneArtifact is an artifact that is a file; it goes by its base name.
func oneArtifact(ctx context.Context, ws *workspace.Workspace, t task, id string) ([]remoteFile, error) {
	address, err := readAddress(ctx, ws, t, id)
	if err != nil {
		return nil, err
	}
	return appendRemote(nil, t, remoteFile{id, base(id), address})
}

// artifactsBelow are the file with the id prefix, or all files in the folder prefix;
// they keep the folder's name.
func artifactsBelow(ctx context.Context, ws *workspace.Workspace, t task, prefix string) ([]remoteFile, error) {
	parent := strings.TrimSuffix(prefix, base(prefix))
	request := workspace.Request{
		Service: workspace.Artifacts, Operation: t.operation, Subject: t.subject, Path: "artifacts/prefix/contentinfo/" + escapePath(prefix),
	}
	var files []remoteFile
	for at, err := range workspace.List[wireLocation](ctx, ws, request, nextArtifacts) {
		if err != nil {
			return nil, err
		}
		id := at.Origin + "/" + at.Container + "/" + at.Path
		if id != prefix && !strings.HasPrefix(id, prefix+"/") {
			if strings.HasPrefix(id, prefix) {
				// "model.pkl.bak" is not part of "model.pkl".
				continue
			}
			return nil, t.strange(id)
		}
		if files, err = appendRemote(files, t, remoteFile{id, strings.TrimPrefix(id, parent), at.URI}); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// nextArtifacts asks for the page after the one that gave a token. A page that gives
// its own token is the last one.
func nextArtifacts(r workspace.Request, page workspace.Page) (workspace.Request, bool) {
	if page.ContinuationToken == "" || page.ContinuationToken == r.Query.Get("continuationToken") {
		return r, false
	}
	r.Query = url.Values{"continuationToken": {page.ContinuationToken}}
	return r, true
}

func appendRemote(files []remoteFile, t task, f remoteFile) ([]remoteFile, error) {
	if !validLocalPath(f.path) {
		return nil, t.strange(f.path)
	}
	if f.address.IsZero() {
		return nil, &azureml.Error{Operation: t.operation, Subject: t.file(f.path), Message: "the service gave no storage address"}
	}
	return append(files, f), nil
}

// strange is the error of a file that may not be written where its name says.
func (t task) strange(path string) error {
	return &azureml.Error{
		Operation: t.operation, Subject: t.subject, Kind: azureml.ErrInvalid,
		Message: fmt.Sprintf("the workspace names a file %q, which does not belong below the folder or cannot be written here", path),
		Remedy:  "Nothing was written. Register the model anew from files with other names.",
	}
}

// base is the last name of a path.
func base(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// validLocalPath tells whether a path of the workspace can be one below a local folder,
// on any system: no drive, no name that goes up.
func validLocalPath(path string) bool {
	if !validArtifactPath(path) || len(path) > 1 && path[1] == ':' {
		return false
	}
	local, err := filepath.Localize(path)
	return err == nil && filepath.IsLocal(local)
}

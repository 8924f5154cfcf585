package model

import (
	"context"
	"io"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/blob"
	"github.com/azureml-go/azureml/workspace"
)

// UploadProgress is how far an upload is.
type UploadProgress struct {
	// File is the file that moved on, as it is called in the workspace.
	File string
	// Sent and Size are bytes of that file; Size is -1 if it is not known. What storage
	// has from an interrupted call counts as sent.
	Sent, Size int64
	// TotalSent and TotalSize are bytes of all files; TotalSize is -1 if not known.
	TotalSent, TotalSize int64
	// FilesDone and Files count files.
	FilesDone, Files int
}

// uploads sends files to a container of the workspace.
type uploads struct {
	ws        *workspace.Workspace
	task      task
	container string
	// prefix is what all files have behind the container; only a resumed upload needs it.
	prefix     string
	checkpoint *checkpoint
	sender     *blob.Uploader
	report     func(UploadProgress)

	concurrency int
	warn        func(azureml.Warning)

	mu    sync.Mutex
	state UploadProgress
}

func newUploads(ws *workspace.Workspace, t task, container string, concurrency int, report func(UploadProgress)) *uploads {
	return &uploads{
		ws: ws, task: t, container: container, report: report, concurrency: concurrency,
		sender: blob.New(blob.Config{Options: ws.ClientOptions(), Concurrency: concurrency, Operation: t.operation}),
	}
}

// files uploads files in parallel. Their artifacts are made batch by batch: those of the
// next one while the last files of the one before are on their way.
func (u *uploads) files(ctx context.Context, files []file) error {
	u.state.Files = len(files)
	for _, f := range files {
		u.state.TotalSize += f.size
	}
	defer u.checkpoint.flush()
	if u.checkpoint != nil && u.checkpoint.resumed {
		var err error
		if files, err = u.resume(ctx, files); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	// A file that waits for its turn is open: a few waiting ones are enough.
	group.SetLimit(2 * max(u.concurrency, blob.DefaultConcurrency))
	var failed error
	alone := false
	for batch := range slices.Chunk(files, artifactBatch) {
		if failed = u.batch(ctx, group, batch); failed != nil {
			alone = ctx.Err() == nil
			cancel()
			break
		}
	}
	// A file that failed ends the context, by which the artifacts fail, too: the file's
	// error is the one that says why.
	if err := group.Wait(); err != nil && !alone {
		return err
	}
	return failed
}

// batch makes the artifacts of files and starts their uploads.
func (u *uploads) batch(ctx context.Context, group *errgroup.Group, files []file) error {
	paths := make([]string, len(files))
	for i, f := range files {
		paths[i] = f.artifact
	}
	addresses, err := createArtifacts(ctx, u.ws, u.task, u.container, paths, u.checkpoint != nil && u.checkpoint.resumed)
	if err != nil {
		return err
	}
	for _, f := range files {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return &azureml.Error{Operation: u.task.operation, Subject: u.task.subject, Err: err, Message: "gave up: " + err.Error()}
			}
			return u.file(ctx, addresses[f.artifact], f, u.begin(f))
		})
	}
	return nil
}

// file uploads a file; up says what is known of an earlier try.
func (u *uploads) file(ctx context.Context, address azureml.Secret, f file, up blob.Upload) error {
	content, check, err := f.open()
	if err != nil {
		return &azureml.Error{Operation: u.task.operation, Subject: u.task.file(f.artifact), Err: err, Message: "it cannot be opened: " + reason(err)}
	}
	defer content.Close()
	up.Content, up.Size, up.Check = content, f.size, check
	if u.checkpoint != nil {
		up.Staged = func(number int, id string) { u.checkpoint.staged(f.artifact, number, id) }
	}
	return u.send(ctx, address, f.artifact, up)
}

// stream uploads content of which the size may not be known (negative).
func (u *uploads) stream(ctx context.Context, artifact string, content io.Reader, size int64) error {
	u.state.Files, u.state.TotalSize = 1, size
	addresses, err := createArtifacts(ctx, u.ws, u.task, u.container, []string{artifact}, false)
	if err != nil {
		return err
	}
	return u.send(ctx, addresses[artifact], artifact, blob.Upload{Content: content, Size: size})
}

func (u *uploads) send(ctx context.Context, address azureml.Secret, artifact string, up blob.Upload) error {
	before := int64(0)
	up.Subject, up.URI, up.Renew = u.task.file(artifact), address.Reveal(), u.renew(artifact)
	up.Progress = func(sent int64) {
		u.moved(artifact, sent, up.Size, sent-before)
		before = sent
	}
	r, err := u.sender.Upload(ctx, up)
	if err != nil {
		return err
	}
	if r.Differs && u.warn != nil {
		u.warn(azureml.Warning{Subject: up.Subject, Message: "it has changed since its upload was interrupted, although its size and time have not; what has changed was sent anew"})
	}
	u.checkpoint.complete(artifact, r.MD5[:])
	u.done(artifact, before, up.Size)
	return nil
}

// renew gives the address of a file once more when its signature has run out.
func (u *uploads) renew(artifact string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		address, err := writeAddress(ctx, u.ws, u.task, u.container, artifact)
		return address.Reveal(), err
	}
}

// moved reports that more bytes of a file are sent.
func (u *uploads) moved(artifact string, sent, size, more int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.state.TotalSent += more
	u.tell(artifact, sent, size)
}

func (u *uploads) done(artifact string, sent, size int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.state.FilesDone++
	u.tell(artifact, sent, size)
}

func (u *uploads) tell(artifact string, sent, size int64) {
	if u.report == nil {
		return
	}
	p := u.state
	p.File, p.Sent, p.Size = artifact, sent, size
	u.report(p)
}

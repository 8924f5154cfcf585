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
	// Sent and Size are bytes of that file; Size is -1 if it is not known.
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
	sender    *blob.Uploader
	report    func(UploadProgress)

	concurrency int

	mu    sync.Mutex
	state UploadProgress
}

func newUploads(ws *workspace.Workspace, t task, container string, concurrency int, report func(UploadProgress)) *uploads {
	return &uploads{
		ws: ws, task: t, container: container, report: report, concurrency: concurrency,
		sender: blob.New(blob.Config{Options: ws.ClientOptions(), Concurrency: concurrency, Operation: t.operation}),
	}
}

// files uploads files batch by batch; the files of a batch go in parallel.
func (u *uploads) files(ctx context.Context, files []file) error {
	u.state.Files = len(files)
	for _, f := range files {
		u.state.TotalSize += f.size
	}
	for batch := range slices.Chunk(files, artifactBatch) {
		if err := u.batch(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}

func (u *uploads) batch(ctx context.Context, files []file) error {
	paths := make([]string, len(files))
	for i, f := range files {
		paths[i] = f.artifact
	}
	addresses, err := createArtifacts(ctx, u.ws, u.task, u.container, paths)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	// A file that waits for its turn is open: a few waiting ones are enough.
	group.SetLimit(2 * max(u.concurrency, blob.DefaultConcurrency))
	for _, f := range files {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return &azureml.Error{Operation: u.task.operation, Subject: u.task.subject, Err: err, Message: "gave up: " + err.Error()}
			}
			content, check, err := f.open()
			if err != nil {
				return &azureml.Error{Operation: u.task.operation, Subject: u.task.file(f.artifact), Err: err, Message: "it cannot be opened: " + reason(err)}
			}
			defer content.Close()
			return u.send(ctx, addresses[f.artifact], f.artifact, content, f.size, check)
		})
	}
	return group.Wait()
}

// stream uploads content of which the size may not be known (negative).
func (u *uploads) stream(ctx context.Context, artifact string, content io.Reader, size int64) error {
	u.state.Files, u.state.TotalSize = 1, size
	addresses, err := createArtifacts(ctx, u.ws, u.task, u.container, []string{artifact})
	if err != nil {
		return err
	}
	return u.send(ctx, addresses[artifact], artifact, content, size, nil)
}

func (u *uploads) send(ctx context.Context, address azureml.Secret, artifact string, content io.Reader, size int64, check func() error) error {
	before := int64(0)
	_, err := u.sender.Upload(ctx, blob.Upload{
		Subject: u.task.file(artifact), URI: address.Reveal(), Content: content, Size: size, Check: check,
		Progress: func(sent int64) {
			u.moved(artifact, sent, size, sent-before)
			before = sent
		},
	})
	if err == nil {
		u.done(artifact, before, size)
	}
	return err
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

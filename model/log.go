package model

import (
	"bytes"
	"context"
	"strings"
	"time"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/blob"
	"github.com/azureml-go/azureml/internal/redact"
	"github.com/azureml-go/azureml/internal/remedy"
	"github.com/azureml-go/azureml/workspace"
)

const (
	// maxLog is how much of a build log is read at once.
	maxLog = 16 << 20
	// tailLines and tailBytes are how much of a log an error shows, at most.
	tailLines, tailBytes = 50, 32 << 10
	// tailTimeout bounds the reading of it: it only makes an error more useful.
	tailTimeout = 20 * time.Second
)

// buildLog reads build logs, which are files in storage.
type buildLog struct {
	task  task
	files *blob.Downloader
}

func newBuildLog(ws *workspace.Workspace, t task) buildLog {
	return buildLog{t, blob.NewDownloader(blob.Config{Options: ws.ClientOptions(), Operation: "read the build log"})}
}

// from reads what follows the first offset bytes; a log that is not there yet is empty.
func (l buildLog) from(ctx context.Context, address azureml.Secret, offset int64) ([]byte, error) {
	return l.files.ReadFrom(ctx, blob.Download{Subject: "log of " + l.task.subject, URI: address.Reveal()}, offset, maxLog)
}

// tail gives the last lines, "" where there is no log that can be read.
func (l buildLog) tail(ctx context.Context, address azureml.Secret) string {
	if address.IsZero() {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, tailTimeout)
	defer cancel()
	var end lastBytes
	if _, err := l.files.Download(ctx, blob.Download{Subject: "log of " + l.task.subject, URI: address.Reveal(), Content: &end}); err != nil {
		return ""
	}
	return end.lines()
}

// failure adds to the error of a build that ended badly the end of its log.
func (l buildLog) failure(ctx context.Context, s workspace.OperationStatus, failure *azureml.Error) error {
	e := *failure
	e.LogTail = l.tail(ctx, s.LogURL)
	e.Remedy, e.Help = remedy.For(&e)
	return &e
}

// lastBytes keeps the end of what is written to it.
type lastBytes struct {
	kept []byte
	cut  bool
}

func (b *lastBytes) Write(p []byte) (int, error) {
	b.kept = append(b.kept, p...)
	if more := len(b.kept) - tailBytes; more > 0 {
		b.kept, b.cut = append(b.kept[:0], b.kept[more:]...), true
	}
	return len(p), nil
}

// lines are the last lines without secrets, whole ones only.
func (b *lastBytes) lines() string {
	kept := b.kept
	if b.cut {
		if i := bytes.IndexByte(kept, '\n'); i >= 0 {
			kept = kept[i+1:]
		}
	}
	text := strings.TrimRight(strings.ToValidUTF8(string(kept), "\uFFFD"), "\r\n ")
	lines := strings.Split(text, "\n")
	return redact.Text(strings.Join(lines[max(0, len(lines)-tailLines):], "\n"))
}

// maybeTaken says in the error of a request whose answer was lost that it may have had
// its effect, which nothing tells.
func maybeTaken(ctx context.Context, err error, look string) error {
	e, doubtful := lost(ctx, err)
	if !doubtful {
		return err
	}
	copied := *e
	copied.Remedy = strings.TrimSpace(e.Remedy + "\nThe service may have taken the request all the same. " + look)
	return &copied
}

package blob

import (
	"context"
	"crypto/md5" //nolint:gosec // storage's own check sum, not a protection
	"errors"
	"io"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/azureml-go/azureml"
)

const (
	// BlockSize is the size of a block in bytes, and the largest content that goes out
	// in one request.
	BlockSize = 8 << 20
	// MaxBlocks is how many blocks a blob can have.
	MaxBlocks = 50_000
	// DefaultConcurrency is how many requests an [Uploader] makes at once.
	DefaultConcurrency = 4
)

// Config says how an [Uploader] reaches storage.
type Config struct {
	// Options are the caller's: transport, retry, logging and policies are taken from
	// them. TryTimeout is not: a try ends when nothing has moved for 100 s.
	Options azcore.ClientOptions
	// Concurrency is how many requests are made at once, over all uploads; each takes
	// up to BlockSize of memory. 0 is DefaultConcurrency.
	Concurrency int
	// Operation is what errors say was tried: "upload".
	Operation string
}

// Uploader uploads blobs. It is safe for concurrent use; all uploads share its buffers.
type Uploader struct {
	options   azcore.ClientOptions
	operation string
	// buffers holds one entry for every request that may be under way; nil ones have
	// not been needed yet.
	buffers chan []byte
}

// New makes an uploader.
func New(c Config) *Uploader {
	n := c.Concurrency
	if n <= 0 {
		n = DefaultConcurrency
	}
	u := &Uploader{options: storageOptions(c.Options), operation: c.Operation, buffers: make(chan []byte, n)}
	for range n {
		u.buffers <- nil
	}
	return u
}

// Upload is one blob to be made.
type Upload struct {
	// Subject names it in errors: `file "model.pkl"`.
	Subject string
	// URI is the blob's address with its signature.
	URI string
	// Content is read once, to its end.
	Content io.Reader
	// Size is how many bytes Content must have; negative if that is not known.
	Size int64
	// Check is called when Content has been read to its end, before the blob is made;
	// its error stops the upload. Nil checks nothing.
	Check func() error
	// Progress is told, never by two goroutines at once, how many bytes have been sent;
	// the number never falls. It must not block. Nil is told nothing.
	Progress func(sent int64)
}

// Result is what was uploaded.
type Result struct {
	Size int64
	MD5  [md5.Size]byte
}

// Upload makes the blob, which must not exist yet; one with the same content that an
// earlier try has made is taken for this one. It returns when the blob is complete, or
// soon after ctx ends. A Read of the content that blocks is waited for. Failures are
// *azureml.Error.
func (u *Uploader) Upload(ctx context.Context, up Upload) (Result, error) {
	target, err := u.target(up)
	if err != nil {
		return Result{}, err
	}
	in := &source{reader: up.Content}
	first, err := u.take(ctx, up.Size)
	if err != nil {
		return Result{}, u.stopped(up, err)
	}
	first, err = in.fill(ctx, first)
	if err == nil && in.ended() {
		defer u.give(first)
		if err := in.check(up); err != nil {
			return Result{}, u.failure(up, err)
		}
		return in.result(), target.put(ctx, first, in.result())
	}
	if err != nil {
		u.give(first)
		return Result{}, u.stopped(up, err)
	}
	ids, err := u.sendBlocks(ctx, target, in, first)
	if err != nil {
		return Result{}, u.stopped(up, err)
	}
	if err := in.check(up); err != nil {
		return Result{}, u.failure(up, err)
	}
	return in.result(), target.commit(ctx, ids, in.result())
}

// take waits for a buffer of at least size bytes, BlockSize at most.
func (u *Uploader) take(ctx context.Context, size int64) ([]byte, error) {
	if size < 0 || size > BlockSize {
		size = BlockSize
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case b := <-u.buffers:
		if int64(cap(b)) < size {
			b = make([]byte, size)
		}
		return b[:size], nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// give puts a buffer back.
func (u *Uploader) give(b []byte) { u.buffers <- b }

// stopped makes the error of an upload that ended early, unless it is one already.
func (u *Uploader) stopped(up Upload, err error) error {
	if e, ok := errors.AsType[*azureml.Error](err); ok {
		return e
	}
	return u.failure(up, err)
}

package blob

import (
	"cmp"
	"context"
	"crypto/md5" //nolint:gosec // storage's own check sum, not a protection
	"errors"
	"io"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"

	"github.com/azureml-go/azureml"
)

const (
	// BlockSize is the usual size of a block in bytes, and the largest content that goes
	// out in one request. Blocks are larger only where there would be too many.
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
	// the memory of a block. 0 is DefaultConcurrency.
	Concurrency int
	// BlockSize takes the place of the constant; 0 leaves it.
	BlockSize int64
	// Operation is what errors say was tried: "upload".
	Operation string
}

// Uploader uploads blobs. It is safe for concurrent use; all uploads share its buffers.
type Uploader struct {
	options   azcore.ClientOptions
	client    func() (*blockblob.Client, error)
	operation string
	blockSize int64
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
	options := storageOptions(c.Options)
	u := &Uploader{options: options, client: client(options, stall{}), operation: c.Operation, blockSize: cmp.Or(c.BlockSize, BlockSize), buffers: make(chan []byte, n)}
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
	// Renew gives the address anew when its signature has run out; nil if nothing can.
	// It is never called twice at once.
	Renew func(context.Context) (string, error)
	// Content is read once, to its end.
	Content io.Reader
	// Size is how many bytes Content must have; negative if that is not known.
	Size int64
	// Check is called when Content has been read to its end, before the blob is made;
	// its error stops the upload. Nil checks nothing.
	Check func() error
	// Progress is told, never by two goroutines at once, how many bytes have been sent;
	// the number never falls. Blocks that storage had already count. It must not block.
	// Nil is told nothing.
	Progress func(sent int64)

	// Resume tells that an earlier call may have sent blocks. Those that storage still
	// has, by number, hash and size, are not sent again.
	Resume bool
	// Earlier are the ids of blocks, by number, that the earlier call has sent, as far as
	// that is known ("" for not). If the content differs from one of them, it is another
	// content, and nothing of the earlier call's is used from there on.
	Earlier []string
	// Staged is told of each block that storage has got, in any goroutine. It must not
	// block for long. Nil is told nothing.
	Staged func(number int, id string)
	// Replace is the blob that may be there and is replaced; empty allows none.
	Replace azcore.ETag
}

// Result is what was uploaded.
type Result struct {
	Size int64
	MD5  [md5.Size]byte
	// Kept is how many bytes storage had already and were not sent.
	Kept int64
	// Differs tells that the content is not that of the earlier call.
	Differs bool
}

// Upload makes the blob, which must not exist yet; one with the same content that an
// earlier try has made is taken for this one. It returns when the blob is complete, or
// soon after ctx ends. A Read of the content that blocks is waited for. Failures are
// *azureml.Error.
func (u *Uploader) Upload(ctx context.Context, up Upload) (Result, error) {
	target, err := u.target(ctx, up)
	if err != nil {
		return Result{}, err
	}
	in := &source{reader: up.Content}
	first, err := u.take(ctx, up.Size, u.sizeOf(0, up.Size))
	if err != nil {
		return Result{}, u.stopped(up, err)
	}
	first, err = in.fill(ctx, first)
	if err == nil && in.ended() {
		defer u.give(first)
		in.add(first)
		if err := in.check(up); err != nil {
			return Result{}, u.failure(up, err)
		}
		return in.result(), target.put(ctx, first, in.result())
	}
	if err != nil {
		u.give(first)
		return Result{}, u.stopped(up, err)
	}
	sent, err := u.sendBlocks(ctx, target, in, first)
	if err != nil {
		return Result{}, u.stopped(up, err)
	}
	if err := in.check(up); err != nil {
		return Result{}, u.failure(up, err)
	}
	r := in.result()
	r.Kept, r.Differs = sent.kept, sent.differs
	return r, target.commit(ctx, sent.ids(), r)
}

// sizeOf is the size of the block with that number, of content of size bytes (negative
// if that is not known). Where a blob would have too many blocks they are larger:
// all of them, or, as long as the end is not in sight, twice as large after each fifth.
func (u *Uploader) sizeOf(number int, size int64) int64 {
	if size < 0 {
		return u.blockSize << min(number/(MaxBlocks/5), 4)
	}
	if size <= u.blockSize*MaxBlocks {
		return u.blockSize
	}
	const unit = 1 << 20
	return (size/MaxBlocks/unit + 1) * unit
}

// take waits for a buffer of at least size bytes, a block at most.
func (u *Uploader) take(ctx context.Context, size, block int64) ([]byte, error) {
	if size < 0 || size > block {
		size = block
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case b := <-u.buffers:
		if err := ctx.Err(); err != nil {
			u.give(b)
			return nil, err
		}
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

package blob

import (
	"bytes"
	"cmp"
	"context"
	"crypto/md5" //nolint:gosec // storage's own check sum, not a protection
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"

	"github.com/azureml-go/azureml"
)

// Download is one blob to be read.
type Download struct {
	// Subject names it in errors: `file "model.pkl"`.
	Subject string
	// URI is the blob's address with its signature.
	URI string
	// Renew gives the address anew when its signature has run out; nil if nothing can.
	Renew func(context.Context) (string, error)
	// Content gets everything, from front to back, each byte once; what follows Earlier
	// if that is set.
	Content io.Writer
	// Earlier is what an earlier call has got; nil begins at the front.
	Earlier *Part
	// Begun is told, before Content gets anything, what storage says of the blob. Its
	// error ends the download. Nil is told nothing.
	Begun func(Blob) error
	// Progress is told how many bytes there are now, and how many there will be (-1 if
	// storage does not say). It must not block. Nil is told nothing.
	Progress func(received, size int64)
}

// Blob is what storage says of a blob.
type Blob struct {
	// ETag changes with every change of the blob; "" if there is none.
	ETag azcore.ETag
	// Size is in bytes, -1 if it is not known.
	Size int64
	// MD5 is of the content; nil if whoever made the blob gave none.
	MD5 []byte
}

// Part is the front of a blob.
type Part struct {
	// Blob is what storage said of it; the rest is asked for only if that still holds.
	Blob
	// Content is read to its end; it has at most Size bytes.
	Content io.Reader
}

// ErrDiffers is wrapped by the error of a download that does not fit what storage says
// of the blob, or what an earlier call has got of it. Another one from the front may.
var ErrDiffers = errors.New("what has come is not what storage has")

// Downloader reads blobs. It is safe for concurrent use.
type Downloader struct{ uploader *Uploader }

// NewDownloader makes a downloader. Concurrency is the caller's own affair.
func NewDownloader(c Config) *Downloader {
	options := storageOptions(c.Options)
	return &Downloader{&Uploader{options: options, operation: c.Operation, client: client(options, flowing{})}}
}

// Download reads the blob in one stream. A connection that breaks, or stands still for
// too long, is made anew and goes on where the last one ended, if the blob is still the
// same. Size and MD5 are compared with what storage says of the blob, where it does.
// Failures are *azureml.Error; Content may then have got a part.
func (d *Downloader) Download(ctx context.Context, down Download) (Result, error) {
	t, err := d.target(ctx, down)
	if err != nil {
		return Result{}, err
	}
	in := &stream{down: down, sum: md5.New(), size: -1} //nolint:gosec // see above
	ctx, tries := t.call(ctx)
	if down.Earlier != nil {
		if err := in.begin(*down.Earlier); err != nil {
			return Result{}, d.failure(ctx, down, err, 0)
		}
	}
	retry := d.uploader.options.Retry
	// What has brought something in is not counted against the stream.
	for fruitless := int32(0); !in.whole(); fruitless++ {
		before := in.received
		err := in.read(ctx, t.client)
		if err == nil {
			break
		}
		broken, again := errors.AsType[*brokenError](err)
		if in.received-before >= fruitful {
			fruitless = -1
		}
		if !again || fruitless >= retry.MaxRetries || ctx.Err() != nil {
			if again {
				err = broken.cause
			}
			return Result{}, d.failure(ctx, down, err, *tries)
		}
		if err := wait(ctx, retry, fruitless); err != nil {
			return Result{}, d.failure(ctx, down, err, *tries)
		}
	}
	r := Result{Size: in.received}
	in.sum.Sum(r.MD5[:0])
	if in.md5 != nil && !bytes.Equal(in.md5, r.MD5[:]) {
		return Result{}, &azureml.Error{
			Operation: d.uploader.operation, Subject: down.Subject, Kind: azureml.ErrUnavailable, Attempts: *tries,
			Message: ErrDiffers.Error() + ": the MD5 sums differ", Remedy: "Try again.", Err: ErrDiffers,
		}
	}
	return r, nil
}

// fruitful is how much a connection must bring to have been a good one.
const fruitful = 1 << 20

// target is the blob, read with policies that let its content stream.
func (d *Downloader) target(ctx context.Context, down Download) (*target, error) {
	return d.uploader.target(ctx, Upload{Subject: down.Subject, URI: down.URI, Renew: down.Renew})
}

// failure makes the error of a download without the signature of its address.
func (d *Downloader) failure(ctx context.Context, down Download, err error, tries int) error {
	// A transport may report a context that has ended in words of its own.
	if ended := ctx.Err(); ended != nil && !errors.Is(err, ended) {
		err = ended
	}
	e := d.uploader.failureAfter(Upload{Subject: down.Subject, URI: down.URI}, err, max(tries, 1))
	if written, ok := errors.AsType[*writeError](err); ok {
		e.Kind, e.Err, e.Message, e.Remedy = nil, written.error, "it cannot be written: "+written.Error(), ""
	}
	if e.StatusCode == http.StatusPreconditionFailed {
		e.Kind, e.Message = azureml.ErrConflict, "it was changed while it was being downloaded"
		e.Remedy = "Download it again when nothing writes to it any more."
		if down.Earlier != nil {
			e.Err = errors.Join(ErrDiffers, e.Err)
		}
	}
	return e
}

// wait pauses before the next connection.
func wait(ctx context.Context, o policy.RetryOptions, fruitless int32) error {
	first, most := o.RetryDelay, o.MaxRetryDelay
	if first <= 0 {
		first = 800 * time.Millisecond
	}
	if most <= 0 {
		most = time.Minute
	}
	timer := time.NewTimer(min(first<<max(fruitless, 0), most))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// brokenError is of a connection that can be made anew.
type brokenError struct{ cause error }

func (e *brokenError) Error() string { return e.cause.Error() }
func (e *brokenError) Unwrap() error { return e.cause }

// writeError is of the one who wants the content.
type writeError struct{ error }

// stream is what has come of a blob.
type stream struct {
	down     Download
	sum      hash.Hash
	received int64
	// size, md5 and etag are what the first answer says of the blob; -1 and nil if it
	// does not.
	size int64
	md5  []byte
	etag *azcore.ETag
}

// begin takes over what an earlier call has got.
func (s *stream) begin(p Part) error {
	n, err := io.Copy(s.sum, p.Content)
	if err != nil {
		return err
	}
	if p.ETag == "" || p.Size < n {
		return ErrDiffers
	}
	s.received, s.size, s.md5, s.etag = n, p.Size, p.MD5, &p.ETag
	return nil
}

// whole tells that an earlier call has got everything.
func (s *stream) whole() bool { return s.received > 0 && s.received == s.size }

// read makes a connection and reads all that it brings.
func (s *stream) read(ctx context.Context, client *blockblob.Client) error {
	options := &blob.DownloadStreamOptions{}
	if s.received > 0 {
		options.Range.Offset = s.received
		options.AccessConditions = &blob.AccessConditions{ModifiedAccessConditions: &blob.ModifiedAccessConditions{IfMatch: s.etag}}
	}
	answer, err := client.DownloadStream(ctx, options)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if s.received == 0 {
		if answer.ContentLength != nil {
			s.size = *answer.ContentLength
		}
		s.md5, s.etag = answer.ContentMD5, answer.ETag
		if err := s.begun(); err != nil {
			return &writeError{err}
		}
	} else if err := s.skip(answer); err != nil {
		return err
	}
	if err := s.copy(answer.Body); err != nil {
		return err
	}
	switch {
	case s.size >= 0 && s.received < s.size:
		return s.broken(io.ErrUnexpectedEOF)
	case s.size >= 0 && s.received > s.size:
		return fmt.Errorf("there are %d bytes in place of %d", s.received, s.size)
	}
	return nil
}

func (s *stream) begun() error {
	if s.down.Begun == nil {
		return nil
	}
	b := Blob{Size: s.size, MD5: s.md5}
	if s.etag != nil {
		b.ETag = *s.etag
	}
	return s.down.Begun(b)
}

// broken tells whether the rest can be asked for: only if the blob can be told from
// another one at its place, or nothing has come yet.
func (s *stream) broken(cause error) error {
	if s.received > 0 && s.etag == nil {
		return cause
	}
	return &brokenError{cause}
}

// skip finds the place to go on at, for a server that sends everything again too.
func (s *stream) skip(answer blob.DownloadStreamResponse) error {
	if answer.ContentRange == nil {
		if _, err := io.CopyN(io.Discard, answer.Body, s.received); err != nil {
			return s.broken(err)
		}
		return nil
	}
	var first int64
	if _, err := fmt.Sscanf(*answer.ContentRange, "bytes %d-", &first); err != nil || first != s.received {
		return fmt.Errorf("storage sent %q and not what follows byte %d", *answer.ContentRange, s.received)
	}
	return nil
}

// copy hands on what body brings.
func (s *stream) copy(body io.Reader) error {
	buffer := make([]byte, 64<<10)
	s.tell()
	for {
		n, err := body.Read(buffer)
		if n > 0 {
			if _, err := s.down.Content.Write(buffer[:n]); err != nil {
				return &writeError{err}
			}
			s.sum.Write(buffer[:n])
			s.received += int64(n)
			s.tell()
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return s.broken(err)
		}
	}
}

func (s *stream) tell() {
	if s.down.Progress != nil {
		s.down.Progress(s.received, s.size)
	}
}

// flowing is [stall] for answers whose body is read when the policies are long done:
// the timer goes on until the body is closed.
type flowing struct{}

// Do sends the try with a timer that every read of the answer's body sets anew.
func (flowing) Do(req *policy.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Raw().Context())
	timer := time.AfterFunc(patience, func() { cancel(errStalled) })
	try := req.WithContext(ctx)
	// Otherwise net/http would unpack what is stored packed, and neither size nor MD5
	// would be those of the blob.
	try.Raw().Header.Set("Accept-Encoding", "identity")
	resp, err := try.Next()
	if err != nil {
		timer.Stop()
		err = cmp.Or(stalled(ctx), err)
		cancel(nil)
		return resp, err
	}
	resp.Body = &answerBody{ReadCloser: resp.Body, ctx: ctx, cancel: cancel, timer: timer}
	return resp, nil
}

// stalled is errStalled if ctx has ended by it.
func stalled(ctx context.Context) error {
	if errors.Is(context.Cause(ctx), errStalled) {
		return errStalled
	}
	return nil
}

// answerBody is the body of one answer. Reads set the timer anew.
type answerBody struct {
	io.ReadCloser
	ctx    context.Context //nolint:containedctx // it is the try's
	cancel context.CancelCauseFunc
	timer  *time.Timer
}

func (b *answerBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == nil {
		b.timer.Reset(patience)
		return n, nil
	}
	return n, cmp.Or(stalled(b.ctx), err)
}

func (b *answerBody) Close() error {
	b.timer.Stop()
	defer b.cancel(nil)
	return b.ReadCloser.Close()
}

package scoring

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/azureml-go/azureml/internal/limit"
)

// call is the context of one call, with what is known of it while it goes on. It
// belongs to the goroutine of the call. Being a context itself it reaches the
// transport and the retry policy without a further allocation.
type call struct {
	context.Context
	idempotent bool
	stream     bool
	limit      int64
	replay     *replay // of a stream

	attempts int
	status   int // of the last answer, 0 when the last try had none
	body     []byte
}

// attempts is the transport below the retries: it counts tries and bounds each.
type attempts struct {
	base    http.RoundTripper
	timeout time.Duration
	limit   *limit.Limit // of timeout, if that is positive
}

// RoundTrip makes one try.
func (a attempts) RoundTrip(request *http.Request) (*http.Response, error) {
	c, ok := request.Context().(*call)
	if !ok {
		return a.base.RoundTrip(request)
	}
	c.attempts++
	c.status = 0
	if deadline, ok := c.Deadline(); a.timeout <= 0 || ok && time.Until(deadline) <= a.timeout {
		resp, err := a.base.RoundTrip(request)
		return c.note(resp), err
	}
	ctx, try := a.limit.Start(c)
	resp, err := a.base.RoundTrip(request.WithContext(ctx))
	if err != nil {
		err = try.Reason(err)
		try.End()
		return nil, err
	}
	if c.stream {
		try.Unbind()
	}
	resp.Body = &bounded{resp.Body, try}
	return c.note(resp), nil
}

func (c *call) note(resp *http.Response) *http.Response {
	if resp != nil {
		c.status = resp.StatusCode
	}
	return resp
}

// bounded is an answer's body that ends with the time of its try.
type bounded struct {
	io.ReadCloser
	try *limit.Try
}

// Read tells why a body broke off.
func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = b.try.Reason(err)
	}
	return n, err
}

// Close ends the try.
func (b *bounded) Close() error {
	err := b.ReadCloser.Close()
	b.try.End()
	return err
}

// errTooLarge is that of an answer beyond the limit.
var errTooLarge = errors.New("the answer is too large")

// maxFailure is how much of a failure's body is kept.
const maxFailure = 64 << 10

// read takes in the body of an answer. It runs below the retries, so that a body that
// breaks off can be asked for again.
func (c *call) read(resp *http.Response) error {
	defer resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		// What cannot be read of a failure must not hide that it is one.
		c.body, _ = io.ReadAll(io.LimitReader(resp.Body, maxFailure))
		return nil
	}
	if resp.ContentLength > c.limit {
		return errTooLarge
	}
	if resp.ContentLength >= 0 {
		body := make([]byte, resp.ContentLength)
		if _, err := io.ReadFull(resp.Body, body); err != nil {
			return err
		}
		c.body = body
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, c.limit+1))
	switch {
	case err != nil:
		return err
	case int64(len(body)) > c.limit:
		return errTooLarge
	}
	c.body = body
	return nil
}

package blob

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/azureml-go/azureml/internal/transport"
)

// storageVersion is the version of storage's interface that is spoken: old enough for
// sovereign clouds and emulators.
const storageVersion = "2021-08-06"

// defaultRetries is higher than azcore's, since what is lost is more than one request.
const defaultRetries = 5

// storageOptions are the caller's options as uploads use them.
func storageOptions(o azcore.ClientOptions) azcore.ClientOptions {
	o.APIVersion = ""
	o.Logging.IncludeBody = false // nobody's content belongs in a log
	o.Retry.TryTimeout = 0
	o.Retry.ShouldRetry = again
	if o.Retry.MaxRetries == 0 {
		o.Retry.MaxRetries = defaultRetries
	}
	o.Transport = transport.Of(o.Transport)
	return o
}

// again tells what is worth another try: every request here may be repeated.
func again(resp *http.Response, err error) bool {
	if err != nil {
		return !errors.Is(err, context.Canceled)
	}
	switch resp.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return false
	}
	return resp.StatusCode >= http.StatusInternalServerError
}

// patience is how long a try may stand still: nothing sent and nothing answered.
const patience = 100 * time.Second

// errStalled is the failure of a try that stood still for too long.
var errStalled = errors.New("the connection to storage has been standing still for " + patience.String())

// stall ends a try in which nothing moves. A limit on the whole try would either be too
// short for slow lines or too long for dead ones.
type stall struct{}

// Do sends the try with a timer that every read of the body sets anew.
func (stall) Do(req *policy.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Raw().Context())
	defer cancel(nil)
	timer := time.AfterFunc(patience, func() { cancel(errStalled) })
	defer timer.Stop()
	try := req.WithContext(ctx)
	if body := try.Raw().Body; body != nil && body != http.NoBody {
		// The transport may go on reading the body of a try that has failed, while the
		// next one is being sent or the buffer is filled anew: it is cut off here.
		once := &tryBody{body: body, timer: timer}
		defer once.cut()
		try.Raw().Body = once
	}
	resp, err := try.Next()
	if err != nil && errors.Is(context.Cause(ctx), errStalled) {
		return nil, errStalled
	}
	return resp, err
}

// tryBody is the body of one try. Reads set the timer anew.
type tryBody struct {
	timer *time.Timer

	mu   sync.Mutex
	body io.ReadCloser
}

func (b *tryBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.body == nil {
		return 0, io.ErrClosedPipe
	}
	b.timer.Reset(patience)
	return b.body.Read(p)
}

// Close does nothing: the content belongs to the upload.
func (b *tryBody) Close() error { return nil }

// cut ends the reading; it waits for a read that is under way.
func (b *tryBody) cut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.body = nil
	b.timer.Stop()
}

package signin

import (
	"context"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// Trace remembers the last thing that happened on the wire. azidentity's own errors
// keep only a text of it. It belongs to one request for a token.
type Trace struct {
	// Answer is the last answer, nil when the last try got none.
	Answer *http.Response
	// Failure is why the last try got no answer.
	Failure error
	// Sends counts the tries of the last request.
	Sends int

	path string
	body []byte // of Answer; azidentity may leave nothing of it to be read
}

type traceKey struct{}

// Watch gives a context whose requests, sent through a pipeline with [Watcher], are
// noted in the trace.
func Watch(ctx context.Context) (context.Context, *Trace) {
	t := &Trace{}
	return context.WithValue(ctx, traceKey{}, t), t
}

// Watcher is a policy, to be placed behind the retry policy.
type Watcher struct{}

// Do notes what the request meets.
func (Watcher) Do(req *policy.Request) (*http.Response, error) {
	resp, err := req.Next()
	if t, ok := req.Raw().Context().Value(traceKey{}).(*Trace); ok {
		t.note(req.Raw(), resp, err)
	}
	return resp, err
}

func (t *Trace) note(req *http.Request, resp *http.Response, err error) {
	if req.URL.Path != t.path || t.Answer != nil && !repeated(t.Answer.StatusCode) {
		t.Sends = 0
	}
	t.path = req.URL.Path
	t.Sends++
	t.Answer, t.Failure, t.body = resp, err, nil
	if resp != nil {
		t.body, _ = runtime.Payload(resp)
	}
	if resp != nil && resp.Request == nil {
		resp.Request = req // some transports forget it
	}
}

// repeated tells of a status after which the same request is sent again.
func repeated(status int) bool {
	return status == http.StatusTooManyRequests || status == http.StatusRequestTimeout ||
		status == http.StatusGone || status >= http.StatusInternalServerError
}

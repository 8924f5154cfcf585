package rest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/azureml-go/azureml/internal/limit"
)

// Class says when a request may be sent again.
type Class int

const (
	// Wide requests go again on 408, 429, 5xx but 501 and 505, and on any failure of the connection.
	// For requests that change nothing or the same thing again.
	Wide Class = iota
	// Narrow requests go again only when the first try cannot have had an effect: no connection was
	// made, 429, or 503 with Retry-After.
	Narrow
	// Once requests never go again.
	Once
	// Anonymous is Wide without a token, for addresses that carry their own right.
	Anonymous
)

func retryWide(resp *http.Response, err error) bool {
	if err != nil {
		return !errors.Is(err, context.Canceled)
	}
	switch status := resp.StatusCode; status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return false
	default:
		return status >= http.StatusInternalServerError
	}
}

func retryNarrow(resp *http.Response, err error) bool {
	if err != nil {
		return notSent(err)
	}
	switch resp.StatusCode {
	case http.StatusTooManyRequests:
		return true
	case http.StatusServiceUnavailable:
		return resp.Header.Get("Retry-After") != "" || resp.Header.Get("Retry-After-Ms") != ""
	}
	return false
}

// notSent tells of a transport error that no connection was made at all.
func notSent(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

// defaultMaxRetryDelay is azcore's.
const defaultMaxRetryDelay = time.Minute

func maxRetryAfter(o policy.RetryOptions) time.Duration {
	if o.MaxRetryDelay > 0 {
		return o.MaxRetryDelay
	}
	return defaultMaxRetryDelay
}

// sending is what belongs to one logical call, in the context of its requests.
type sending struct {
	attempts int
	body     []byte
	stream   bool
}

type sendingKey struct{}

// sendingOf gives the call that a request belongs to.
func sendingOf(req *policy.Request) *sending {
	s, _ := req.Raw().Context().Value(sendingKey{}).(*sending)
	return s
}

// attempt is the policy that sees each try first. It counts them, ends those that take
// too long, and shortens what a service asks to wait to at most longest: azcore's retry
// policy would give up at once on a longer wait.
type attempt struct {
	longest time.Duration
	limit   *limit.Limit
}

// Do rewrites the Retry-After headers of the answer.
func (a attempt) Do(req *policy.Request) (*http.Response, error) {
	s := sendingOf(req)
	s.attempts++
	resp, err := a.bounded(req, s.stream)
	if err != nil || resp == nil || resp.StatusCode < 400 {
		return resp, err
	}
	if asked := RetryAfter(resp.Header); asked > a.longest {
		resp.Header.Del("Retry-After")
		resp.Header.Del("X-Ms-Retry-After-Ms")
		resp.Header.Set("Retry-After-Ms", strconv.FormatInt(a.longest.Milliseconds(), 10))
	}
	return resp, nil
}

// bounded makes a try, whose body is then in memory unless it is a stream.
func (a attempt) bounded(req *policy.Request, stream bool) (*http.Response, error) {
	if stream {
		return req.Next()
	}
	ctx, try := a.limit.Start(req.Raw().Context())
	defer try.End()
	resp, err := req.WithContext(ctx).Next()
	if err != nil {
		err = try.Reason(err)
	}
	return resp, err
}

// RetryAfter reads the pause that headers ask for: milliseconds, seconds or a date; 0
// when they ask for none.
func RetryAfter(h http.Header) time.Duration {
	for _, name := range []string{"Retry-After-Ms", "X-Ms-Retry-After-Ms"} {
		if ms, err := strconv.Atoi(h.Get(name)); err == nil && ms > 0 {
			return time.Duration(ms) * time.Millisecond
		}
	}
	value := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

// bodies is the policy next to the network. It gives every try a reader of its own:
// azcore rewinds one reader for all, and net/http may still be reading it for the try
// before, when the service answered early. With again, an answer that broke off may be
// asked for again: azcore allows that by the method alone, and some POSTs only read.
type bodies struct{ again bool }

// Do puts a reader of the body in the request's place, and takes away azcore's mark that
// an answer that broke off is final.
func (b bodies) Do(req *policy.Request) (*http.Response, error) {
	if s := sendingOf(req); s != nil && len(s.body) > 0 {
		req.Raw().Body = io.NopCloser(bytes.NewReader(s.body))
	}
	resp, err := req.Next()
	if !b.again || resp == nil || err == nil {
		return resp, err
	}
	if final, ok := errors.AsType[interface {
		error
		NonRetriable()
	}](err); ok && errors.Unwrap(final) != nil {
		return resp, errors.Unwrap(final)
	}
	return resp, err
}

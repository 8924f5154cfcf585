package scoring

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
)

// TestSends is the matrix of calls, faults and idempotency: how often each is sent.
func TestSends(t *testing.T) {
	t.Parallel()
	fails := func(err error) func(*http.Request) (*http.Response, error) {
		return func(*http.Request) (*http.Response, error) { return nil, err }
	}
	status := func(status int, body string, headers ...string) func(*http.Request) (*http.Response, error) {
		return func(r *http.Request) (*http.Response, error) { return answer(r, status, body, headers...), nil }
	}
	broken := func(r *http.Request) (*http.Response, error) {
		resp := answer(r, 200, "[1", "Content-Type", "application/json")
		resp.ContentLength = 10
		return resp, nil
	}
	const page = "<html><title>502 Bad Gateway</title></html>"
	for name, test := range map[string]struct {
		fault            func(*http.Request) (*http.Response, error)
		sends, idempSend int
		streamSends      int // of an idempotent stream, where it differs
		kind             error
	}{
		"no connection":           {fault: fails(&net.OpError{Op: "dial", Err: errors.New("refused")}), sends: 4, idempSend: 4, kind: azureml.ErrUnavailable},
		"no proxy":                {fault: fails(&net.OpError{Op: "proxyconnect", Err: errors.New("refused")}), sends: 4, idempSend: 4, kind: azureml.ErrUnavailable},
		"reset":                   {fault: fails(&net.OpError{Op: "read", Err: errors.New("reset")}), sends: 1, idempSend: 4, kind: azureml.ErrUnavailable},
		"closed":                  {fault: fails(io.EOF), sends: 1, idempSend: 4, kind: azureml.ErrUnavailable},
		"broken answer":           {fault: broken, sends: 1, idempSend: 4, streamSends: 1, kind: azureml.ErrUnavailable},
		"400":                     {fault: status(400, "bad"), sends: 1, idempSend: 1, kind: azureml.ErrInvalid},
		"400 of the script":       {fault: status(400, "bad", "x-ms-run-function-failed", "True"), sends: 1, idempSend: 1, kind: ErrScript},
		"403":                     {fault: status(403, ""), sends: 1, idempSend: 1, kind: azureml.ErrForbidden},
		"404":                     {fault: status(404, ""), sends: 1, idempSend: 1, kind: azureml.ErrNotFound},
		"408":                     {fault: status(408, ""), sends: 1, idempSend: 4, kind: ErrTimeout},
		"413":                     {fault: status(413, ""), sends: 1, idempSend: 1, kind: azureml.ErrInvalid},
		"429":                     {fault: status(429, ""), sends: 4, idempSend: 4, kind: azureml.ErrThrottled},
		"429 with Retry-After":    {fault: status(429, "", "Retry-After", "2"), sends: 4, idempSend: 4, kind: azureml.ErrThrottled},
		"500":                     {fault: status(500, `{"message":"An unexpected error occurred in scoring script."}`), sends: 1, idempSend: 1, kind: ErrScript},
		"500 that is a timeout":   {fault: status(500, `{"message":"Scoring timeout after 60000 ms"}`), sends: 1, idempSend: 1, kind: ErrTimeout},
		"501":                     {fault: status(501, ""), sends: 1, idempSend: 1, kind: azureml.ErrUnavailable},
		"502 of the replica":      {fault: status(502, "Replica closed connection before replying", "Content-Type", "text/plain"), sends: 1, idempSend: 4, kind: ErrScript},
		"502 of the script":       {fault: status(502, "boom", "x-ms-run-function-failed", "True"), sends: 1, idempSend: 1, kind: ErrScript},
		"502 of a proxy":          {fault: status(502, page, "Content-Type", "text/html"), sends: 1, idempSend: 4, kind: azureml.ErrUnavailable},
		"503":                     {fault: status(503, "no replicas"), sends: 4, idempSend: 4, kind: azureml.ErrUnavailable},
		"504":                     {fault: status(504, page, "Content-Type", "text/html"), sends: 1, idempSend: 4, kind: ErrTimeout},
		"301":                     {fault: status(301, "", "Location", "https://elsewhere.example/x?y"), sends: 1, idempSend: 1},
		"401 without other key":   {fault: status(401, "key_auth_access_denied"), sends: 1, idempSend: 1, kind: azureml.ErrUnauthorized},
		"a certificate not known": {fault: fails(&url.Error{Op: "Post", URL: "https://x", Err: certificateError()}), sends: 1, idempSend: 1, kind: azureml.ErrUnavailable},
	} {
		for _, idempotent := range []bool{false, true} {
			for _, method := range []string{"Do", "Stream", "Get"} {
				want := test.sends
				if idempotent || method == "Get" {
					want = test.idempSend // a GET always is
				}
				broke := name == "broken answer"
				if method == "Stream" && test.streamSends != 0 {
					want = test.streamSends
				}
				t.Run(name+"/"+method+map[bool]string{true: "/idempotent"}[idempotent], func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						sends := 0
						c := newClient(t, roundTrip(func(r *http.Request) (*http.Response, error) {
							sends++
							if method == "Get" {
								assert.Equal(t, http.MethodGet, r.Method)
								return test.fault(r)
							}
							body, err := io.ReadAll(r.Body)
							assert.NoError(t, err)
							assert.Equal(t, `{"data":[[1]]}`, string(body), "the body is sent whole each time")
							return test.fault(r)
						}), keys("planted-key"))
						request := score
						request.Idempotent = idempotent
						var err error
						switch method {
						case "Get":
							_, err = c.Do(t.Context(), Request{Operation: "read", Address: c.config.URL.JoinPath("..", "swagger.json"), Idempotent: true})
						case "Do":
							_, err = c.Do(t.Context(), request)
						default:
							request.Body, request.Reader = nil, bytes.NewReader(score.Body)
							var got Answer
							got, err = c.Stream(t.Context(), request)
							if broke {
								require.NoError(t, err, "a stream breaks off in the hands of the caller")
								require.NoError(t, got.Stream.Close())
							}
						}
						assert.Equal(t, want, sends)
						if method == "Stream" && broke {
							return
						}
						var e *azureml.Error
						require.ErrorAs(t, err, &e)
						assert.Equal(t, want, e.Attempts)
						assert.Equal(t, test.kind, e.Kind)
						assert.NotContains(t, azureml.Explain(err)+err.Error(), "planted-key")
					})
				})
			}
		}
	}
}

func TestPauses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		header     []string
		least, top time.Duration
	}{
		"growing":                  {nil, 2600 * time.Millisecond, 4400 * time.Millisecond},
		"as the service asks":      {[]string{"Retry-After", "7"}, 21 * time.Second, 21 * time.Second},
		"milliseconds":             {[]string{"Retry-After-Ms", "70"}, 210 * time.Millisecond, 210 * time.Millisecond},
		"no longer than we accept": {[]string{"Retry-After", "3600"}, 90 * time.Second, 90 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := newClient(t, roundTrip(func(r *http.Request) (*http.Response, error) { return answer(r, 503, "", test.header...), nil }), nil)
				start := time.Now()
				_, err := c.Do(t.Context(), score)
				require.Error(t, err)
				took := time.Since(start)
				assert.GreaterOrEqual(t, took, test.least)
				assert.LessOrEqual(t, took, test.top)
			})
		})
	}
}

func TestAnAnswerIsNotHiddenByTheDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, roundTrip(func(r *http.Request) (*http.Response, error) {
			return answer(r, 503, "no replicas", "Retry-After", "20"), nil
		}), nil)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		_, err := c.Do(ctx, score)
		require.ErrorIs(t, err, azureml.ErrUnavailable)
		assert.Zero(t, time.Since(start), "there is no point in waiting")
	})
}

func TestTheContextEndsAPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, roundTrip(func(r *http.Request) (*http.Response, error) { return answer(r, 429, ""), nil }), nil)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(200*time.Millisecond, cancel)
		_, err := c.Do(ctx, score)
		require.ErrorIs(t, err, context.Canceled)
		assert.ErrorContains(t, err, "the last answer was HTTP 429")
	})
}

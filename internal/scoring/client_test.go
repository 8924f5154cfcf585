package scoring

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
)

// roundTrip is a transport made of a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	return f(r)
}

func answer(r *http.Request, status int, body string, headers ...string) *http.Response {
	h := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: r}
}

func newClient(t *testing.T, transport http.RoundTripper, credentials *Credentials) *Client {
	t.Helper()
	u, err := url.Parse("http://10.1.2.3:80/api/v1/service/svc/score")
	require.NoError(t, err)
	return New(Config{
		URL: u, Subject: `web service "svc"`, Transport: transport, Credentials: credentials,
		Header:     http.Header{"Content-Type": {"application/json"}},
		MaxRetries: 3, MinWait: 500 * time.Millisecond, MaxWait: 30 * time.Second, AttemptTimeout: time.Minute, MaxAnswer: 1 << 20,
	})
}

func keys(values ...string) *Credentials {
	var secrets []azureml.Secret
	for _, v := range values {
		secrets = append(secrets, azureml.NewSecret(v))
	}
	return Fixed(secrets...)
}

var score = Request{Operation: "score", Body: []byte(`{"data":[[1]]}`)}

func TestOneCall(t *testing.T) {
	t.Parallel()
	c := newClient(t, roundTrip(func(r *http.Request) (*http.Response, error) {
		assert.Equal(t, http.MethodPost, r.Method)
		assert.Equal(t, "http://10.1.2.3:80/api/v1/service/svc/score", r.URL.String())
		assert.Equal(t, http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer k1"}}, r.Header)
		assert.EqualValues(t, 14, r.ContentLength)
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		assert.Equal(t, `{"data":[[1]]}`, string(body))
		return answer(r, 200, `[1]`, "x-ms-request-id", "r1"), nil
	}), keys("k1"))
	got, err := c.Do(t.Context(), score)
	require.NoError(t, err)
	assert.Equal(t, "[1]", string(got.Body))
	assert.Equal(t, "r1", got.Header.Get("X-Ms-Request-Id"))
	assert.Equal(t, 1, got.Attempts)
}

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
			for _, method := range []string{"Do", "Stream"} {
				want := test.sends
				if idempotent {
					want = test.idempSend
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
							body, err := io.ReadAll(r.Body)
							assert.NoError(t, err)
							assert.Equal(t, `{"data":[[1]]}`, string(body), "the body is sent whole each time")
							return test.fault(r)
						}), keys("planted-key"))
						request := score
						request.Idempotent = idempotent
						var err error
						if method == "Do" {
							_, err = c.Do(t.Context(), request)
						} else {
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

func TestAttemptTimeout(t *testing.T) {
	t.Parallel()
	hang := roundTrip(func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	})
	slowBody := roundTrip(func(r *http.Request) (*http.Response, error) {
		resp := answer(r, 200, "")
		resp.ContentLength = -1
		resp.Body = io.NopCloser(readerFunc(func([]byte) (int, error) { <-r.Context().Done(); return 0, r.Context().Err() }))
		return resp, nil
	})
	for name, transport := range map[string]http.RoundTripper{"no answer": hang, "no end of it": slowBody} {
		for _, idempotent := range []bool{false, true} {
			t.Run(name+map[bool]string{true: "/idempotent"}[idempotent], func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					request := score
					request.Idempotent = idempotent
					start := time.Now()
					_, err := newClient(t, transport, nil).Do(t.Context(), request)
					require.ErrorIs(t, err, ErrTimeout)
					assert.NotErrorIs(t, err, context.DeadlineExceeded)
					if idempotent {
						assert.Greater(t, time.Since(start), 4*time.Minute)
					} else {
						assert.Equal(t, time.Minute, time.Since(start))
					}
				})
			})
		}
	}
	t.Run("the caller's own time is the caller's", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := newClient(t, hang, nil).Do(ctx, score)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			assert.NotErrorIs(t, err, ErrTimeout)
		})
	})
	t.Run("a stream may go on for longer", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c := newClient(t, roundTrip(func(r *http.Request) (*http.Response, error) {
				resp := answer(r, 200, "")
				resp.Body = io.NopCloser(readerFunc(func(p []byte) (int, error) {
					time.Sleep(time.Hour)
					if err := r.Context().Err(); err != nil {
						return 0, err
					}
					return copy(p, "late"), io.EOF
				}))
				return resp, nil
			}), nil)
			got, err := c.Stream(t.Context(), Request{Operation: "score", Reader: strings.NewReader("x")})
			require.NoError(t, err)
			body, err := io.ReadAll(got.Stream)
			require.NoError(t, err)
			assert.Equal(t, "late", string(body))
			assert.NoError(t, got.Stream.Close())
		})
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestAnswersAreLimited(t *testing.T) {
	t.Parallel()
	for name, length := range map[string]int64{"length known": 1<<20 + 1, "length not known": -1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sends := 0
			c := newClient(t, roundTrip(func(r *http.Request) (*http.Response, error) {
				sends++
				resp := answer(r, 200, strings.Repeat("x", 1<<20+1))
				resp.ContentLength = length
				return resp, nil
			}), nil)
			request := score
			request.Idempotent = true
			_, err := c.Do(t.Context(), request)
			require.ErrorIs(t, err, azureml.ErrInvalid)
			assert.ErrorContains(t, err, "1048576 bytes")
			assert.Equal(t, 1, sends)
		})
	}
	c := newClient(t, roundTrip(func(r *http.Request) (*http.Response, error) {
		resp := answer(r, 200, strings.Repeat("x", 1<<20))
		resp.ContentLength = -1
		return resp, nil
	}), nil)
	got, err := c.Do(t.Context(), score)
	require.NoError(t, err)
	assert.Len(t, got.Body, 1<<20)
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	var elsewhere atomic.Int32
	thief := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer thief.Close()
	server := httptest.NewServer(http.RedirectHandler(thief.URL+"/steal", http.StatusTemporaryRedirect))
	defer server.Close()
	u, err := url.Parse(server.URL)
	require.NoError(t, err)
	c := New(Config{URL: u, Subject: "s", Transport: http.DefaultTransport, Credentials: keys("k"), MaxAnswer: 1})
	_, err = c.Do(t.Context(), score)
	assert.ErrorContains(t, err, "redirect to "+thief.URL)
	assert.Zero(t, elsewhere.Load())
}

func TestHeadersOfACall(t *testing.T) {
	t.Parallel()
	var got []http.Header
	c := newClient(t, roundTrip(func(r *http.Request) (*http.Response, error) {
		got = append(got, r.Header.Clone())
		return answer(r, 200, "1"), nil
	}), keys("k"))
	request := score
	request.Header = http.Header{"Content-Type": {"application/octet-stream"}, "X-One": {"1"}}
	_, err := c.Do(t.Context(), request)
	require.NoError(t, err)
	_, err = c.Do(t.Context(), score)
	require.NoError(t, err)
	assert.Equal(t, http.Header{"Content-Type": {"application/octet-stream"}, "X-One": {"1"}, "Authorization": {"Bearer k"}}, got[0])
	assert.Equal(t, http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer k"}}, got[1])
	request.Header = http.Header{"Authorization": {"mine"}}
	_, err = c.Do(t.Context(), request)
	assert.ErrorIs(t, err, azureml.ErrInvalid)
	assert.Len(t, got, 2)
}

// TestAFailureLeavesTheConnections: one caller that gives up must not cost the others
// theirs.
func TestAFailureLeavesTheConnections(t *testing.T) {
	t.Parallel()
	var connections atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.Header.Get("Fail") != "" {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "[1]")
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	transport := &http.Transport{MaxIdleConnsPerHost: 256}
	defer transport.CloseIdleConnections()
	u, err := url.Parse(server.URL)
	require.NoError(t, err)
	c := New(Config{URL: u, Transport: transport, MaxAnswer: 100})
	_, err = c.Do(t.Context(), score)
	require.NoError(t, err)
	request := score
	request.Header = http.Header{"Fail": {"1"}}
	_, err = c.Do(t.Context(), request)
	require.Error(t, err)
	_, err = c.Do(t.Context(), score)
	require.NoError(t, err)
	assert.EqualValues(t, 1, connections.Load())
}

func TestManyCallersAtOnce(t *testing.T) {
	t.Parallel()
	var fetched atomic.Int32
	c := newClient(t, roundTrip(func(r *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		return answer(r, 200, string(body)), nil
	}), NewCredentials(func(context.Context) (Credential, error) {
		fetched.Add(1)
		return Credential{Values: []azureml.Secret{azureml.NewSecret("k")}}, nil
	}))
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			body := strings.Repeat("x", i+1)
			for range 20 {
				got, err := c.Do(t.Context(), Request{Operation: "score", Body: []byte(body)})
				if assert.NoError(t, err) {
					assert.Equal(t, body, string(got.Body))
				}
			}
		})
	}
	wg.Wait()
	assert.EqualValues(t, 1, fetched.Load())
}

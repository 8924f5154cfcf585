package scoring

import (
	"context"
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

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
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

func TestReplay(t *testing.T) {
	t.Parallel()
	r := &replay{source: strings.NewReader("body")}
	read := func(from io.Reader) (string, error) { b, err := io.ReadAll(from); return string(b), err }
	first, err := r.begin()
	require.NoError(t, err)
	second, err := r.begin()
	require.NoError(t, err)
	_, err = read(first)
	require.ErrorIs(t, err, errOver, "a try that is over must not read what is the next one's")
	text, err := read(second)
	require.NoError(t, err)
	assert.Equal(t, "body", text)
	r.end()
	_, err = read(second)
	assert.ErrorIs(t, err, errOver)
}

func TestErrorsHoldNoKey(t *testing.T) {
	t.Parallel()
	c := newClient(t, roundTrip(func(r *http.Request) (*http.Response, error) {
		return answer(r, 403, "no, planted-key", "x-request-id", "r1"), nil
	}), keys("planted-key"))
	_, err := c.Do(t.Context(), score)
	var e *azureml.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, "r1", e.RequestID)
	assert.Equal(t, "no, [redacted]", e.Message)
	var inner *azcore.ResponseError
	require.ErrorAs(t, err, &inner)
	assert.Equal(t, 403, inner.StatusCode)
	assert.NotContains(t, inner.RawResponse.Request.Header, "Authorization")
	assert.NotContains(t, inner.Error(), "planted-key", "it shows the body")
}

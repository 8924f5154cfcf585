package rest

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azlog "github.com/Azure/azure-sdk-for-go/sdk/azcore/log"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/clouds"
)

// roundTrip is a transport made of a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) Do(r *http.Request) (*http.Response, error) { return f(r) }

func answer(r *http.Request, code int, body string) *http.Response {
	return &http.Response{StatusCode: code, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}
}

// TestPipelineOrder pins who sees a request before whom.
func TestPipelineOrder(t *testing.T) {
	t.Parallel()
	var seen []string
	note := func(name string) policy.Policy {
		return policyFunc(func(req *policy.Request) (*http.Response, error) {
			h := req.Raw().Header
			seen = append(seen, name+
				map[bool]string{true: " id"}[h.Get("X-Ms-Client-Request-Id") != ""]+
				map[bool]string{true: " agent"}[strings.Contains(h.Get("User-Agent"), "azsdk-go-azureml/"+azureml.Version)]+
				map[bool]string{true: " token"}[h.Get("Authorization") != ""])
			return req.Next()
		})
	}
	tries := 0
	c := New(Config{
		Credential: &tokens{give: func(int32) (azcore.AccessToken, error) {
			seen = append(seen, "credential")
			return azcore.AccessToken{Token: "t", ExpiresOn: time.Now().Add(time.Hour)}, nil
		}},
		Cloud: clouds.Public(), Hosts: NewHosts(base),
		Options: azcore.ClientOptions{
			Retry:            policy.RetryOptions{RetryDelay: time.Nanosecond},
			PerCallPolicies:  []policy.Policy{note("per call")},
			PerRetryPolicies: []policy.Policy{note("per try")},
			Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				seen = append(seen, "transport")
				tries++
				return answer(r, map[int]int{1: 503, 2: 200}[tries], ""), nil
			}),
		},
	})
	_, err := c.Do(t.Context(), Request{Method: http.MethodGet, URL: base + "/x"}, nil)
	require.NoError(t, err)
	assert.Equal(t, []string{
		"per call id agent",
		"credential", "per try id agent token", "transport",
		"per try id agent token", "transport",
	}, seen)
}

type policyFunc func(*policy.Request) (*http.Response, error)

func (f policyFunc) Do(r *policy.Request) (*http.Response, error) { return f(r) }

func TestTriesShareARequestID(t *testing.T) {
	t.Parallel()
	ids := map[string]int{}
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		ids[r.Header.Get("X-Ms-Client-Request-Id")]++
		w.WriteHeader(503)
	})
	c := s.client(s.fresh(0), &tokens{})
	for range 2 {
		_, err := c.Do(t.Context(), Request{Method: http.MethodGet, URL: base + "/x"}, nil)
		require.ErrorIs(t, err, azureml.ErrUnavailable)
	}
	assert.Len(t, ids, 2)
	for _, n := range ids {
		assert.Equal(t, 4, n)
	}
}

func TestTokenGoesNowhereElse(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"https://evil.example/x", "http://management.azure.com/x", "https://management.azure.com:8443/x",
		"https://management.azure.com.evil.example/x", "https://management.azure.com@evil.example/x", "http://127.0.0.1:1/x",
	} {
		credential := &tokens{}
		c := New(Config{Credential: credential, Cloud: clouds.Public(), Hosts: NewHosts(base), Options: azcore.ClientOptions{
			Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				t.Errorf("sent to %s", r.URL)
				return answer(r, 200, ""), nil
			}),
		}})
		_, err := c.Do(t.Context(), Request{Operation: "get", Subject: "it", Method: http.MethodGet, URL: url}, nil)
		require.ErrorIs(t, err, azureml.ErrInvalid, url)
		assert.Contains(t, err.Error(), "refused to send the access token")
		assert.Zero(t, credential.asked.Load(), "the token was asked for")
	}
}

func TestHosts(t *testing.T) {
	t.Parallel()
	h := NewHosts()
	assert.NoError(t, h.Allow("http://localhost:8080"))
	assert.NoError(t, h.Allow("http://[::1]:8080/path"))
	assert.Error(t, h.Allow("http://example.com"))
	assert.Error(t, h.Allow("not an address"))
	assert.Error(t, h.Allow("ftp://127.0.0.1"))
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://management.azure.com/elsewhere", http.StatusTemporaryRedirect)
	})
	caller := s.fresh(0)
	_, err := s.client(caller, &tokens{}).Do(t.Context(), Request{Method: http.MethodGet, URL: base + "/x"}, nil)
	require.Error(t, err)
	assert.EqualValues(t, 1, s.requests.Load())
	assert.Nil(t, caller.CheckRedirect, "the caller's client was changed")
}

func TestTryTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		c := New(Config{Credential: &tokens{}, Cloud: clouds.Public(), Hosts: NewHosts(base), Options: azcore.ClientOptions{
			Retry: policy.RetryOptions{MaxRetries: 1, RetryDelay: time.Second},
			Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				tries++
				<-r.Context().Done()
				return nil, r.Context().Err()
			}),
		}})
		start := time.Now()
		_, err := c.Do(t.Context(), Request{Method: http.MethodGet, URL: base + "/x"}, nil)
		require.ErrorIs(t, err, azureml.ErrUnavailable)
		require.NotErrorIs(t, err, context.DeadlineExceeded, "it is not the caller's time that is over")
		assert.ErrorContains(t, err, "no answer within 1m40s")
		assert.Equal(t, 2, tries)
		assert.InDelta(t, 201, time.Since(start).Seconds(), 1)
	})
}

// TestRetryAfter: what the service asks for is waited for, but not longer than the cap.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for header, want := range map[[2]string]time.Duration{
		{"Retry-After", "7"}:         7 * time.Second,
		{"Retry-After", "7200"}:      time.Minute,
		{"retry-after-ms", "1500"}:   1500 * time.Millisecond,
		{"Retry-After", "date +30s"}: 30 * time.Second,
		{"Retry-After", "date +3h"}:  time.Minute,
	} {
		synctest.Test(t, func(t *testing.T) {
			value := header[1]
			if ahead, ok := strings.CutPrefix(value, "date +"); ok {
				d, _ := time.ParseDuration(ahead)
				value = time.Now().Add(d).UTC().Format(http.TimeFormat)
			}
			tries := 0
			c := New(Config{Credential: &tokens{}, Cloud: clouds.Public(), Hosts: NewHosts(base), Options: azcore.ClientOptions{
				Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
					tries++
					resp := answer(r, map[int]int{1: 429, 2: 200}[tries], "")
					resp.Header.Set(header[0], value)
					return resp, nil
				}),
			}})
			start := time.Now()
			_, err := c.Do(t.Context(), Request{Method: http.MethodPost, URL: base + "/x", Class: Narrow}, nil)
			require.NoError(t, err)
			assert.Equal(t, want, time.Since(start).Round(time.Millisecond), header)
		})
	}
}

func TestContextEndsTheRetries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := New(Config{Credential: &tokens{}, Cloud: clouds.Public(), Hosts: NewHosts(base), Options: azcore.ClientOptions{
			Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				resp := answer(r, 503, "")
				resp.Header.Set("Retry-After", "30")
				return resp, nil
			}),
		}})
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		_, err := c.Do(ctx, Request{Operation: "get", Subject: "it", Method: http.MethodGet, URL: base + "/x"}, nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 3*time.Second, time.Since(start))
		assert.Equal(t, "azureml: cannot get it: gave up: context deadline exceeded (HTTP 503)", err.Error())
	})
}

// TestCallersRetryOptionsDoNotWidenNarrow: policy.WithRetryOptions of a caller must
// not make a creating POST repeatable.
func TestCallersRetryOptionsDoNotWidenNarrow(t *testing.T) {
	t.Parallel()
	s := newServer(t, status(500))
	ctx := policy.WithRetryOptions(t.Context(), policy.RetryOptions{MaxRetries: 5, RetryDelay: time.Nanosecond})
	_, err := s.client(s.fresh(0), &tokens{}).Do(ctx, Request{Method: http.MethodPost, URL: base + "/x", Class: Narrow}, nil)
	require.Error(t, err)
	assert.EqualValues(t, 1, s.requests.Load())
}

func TestStreamIsLeftOpen(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("part")) })
	resp, err := s.client(s.fresh(0), &tokens{}).Do(t.Context(), Request{Method: http.MethodGet, URL: base + "/x", Stream: true}, nil)
	require.NoError(t, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Equal(t, "part", string(data))
}

func TestAllowedStatus(t *testing.T) {
	t.Parallel()
	s := newServer(t, status(404))
	resp, err := s.client(s.fresh(0), &tokens{}).Do(t.Context(), Request{Method: http.MethodDelete, URL: base + "/x", Allow: []int{404}}, nil)
	require.NoError(t, err)
	assert.Equal(t, 404, resp.StatusCode)
}

func TestEscaping(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "a%20b%2Fc%3A3", Segment("a b/c:3"))
	assert.Equal(t, "https://h/a/b?q=x%20y", Join("https://h/", map[string][]string{"q": {"x y"}}, "/a/b"))
	data, err := Marshal(map[string]string{"a": "<&>"})
	require.NoError(t, err)
	assert.Equal(t, `{"a":"<&>"}`, string(data))
}

// TestBodiesAreNotLogged: they hold keys, whatever the caller's options say.
func TestBodiesAreNotLogged(t *testing.T) {
	var logged strings.Builder
	azlog.SetListener(func(_ azlog.Event, text string) { logged.WriteString(text) })
	defer azlog.SetListener(nil)
	c := New(Config{Credential: &tokens{}, Cloud: clouds.Public(), Hosts: NewHosts(base), Options: azcore.ClientOptions{
		Logging:   policy.LogOptions{IncludeBody: true},
		Transport: roundTrip(func(r *http.Request) (*http.Response, error) { return answer(r, 200, `{"primaryKey":"PLANTED"}`), nil }),
	}})
	_, err := c.Do(t.Context(), Request{Method: http.MethodPost, URL: base + "/x", Body: []byte(`{"keyValue":"PLANTED"}`)}, nil)
	require.NoError(t, err)
	assert.Contains(t, logged.String(), "POST")
	assert.NotContains(t, logged.String(), "PLANTED")
}

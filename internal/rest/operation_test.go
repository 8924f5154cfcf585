package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/clouds"
)

type thing struct{ Name string }

// script answers polls one after the other, the last one for ever.
type script struct {
	answers []string // "STATUS BODY"
	urls    []string
}

func (s *script) Do(r *http.Request) (*http.Response, error) {
	n := min(len(s.urls), len(s.answers)-1)
	s.urls = append(s.urls, r.URL.String())
	var code int
	text := s.answers[n]
	_, _ = fmt.Sscan(text, &code)
	_, body, _ := strings.Cut(text, " ")
	return answer(r, code, body), nil
}

func operationOf(s *script) (*Client, Operation[thing]) {
	c := New(Config{Credential: &tokens{}, Cloud: clouds.Public(), Hosts: NewHosts(base), Options: azcore.ClientOptions{Transport: s, Retry: policy.RetryOptions{MaxRetries: -1}}})
	return c, Operation[thing]{
		Kind: "create", Resource: "things/a", Workspace: "/subscriptions/1", Operation: "create", Subject: `thing "a"`,
		Where: func(_ context.Context, id string) (string, error) { return base + "/operations/" + id, nil },
		Done:  func(context.Context, Status) (thing, error) { return thing{"a"}, nil },
	}
}

func TestOperationStates(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		answers []string
		kind    error // nil: success
		polls   int
		text    string
	}{
		"model management succeeds":   {[]string{`200 {"state":"NotStarted"}`, `200 {"state":"Running"}`, `200 {"state":"Succeeded"}`}, nil, 3, ""},
		"resource manager succeeds":   {[]string{`200 {"status":"InProgress"}`, `200 {"status":"SUCCEEDED"}`}, nil, 2, ""},
		"unknown state goes on":       {[]string{`200 {"state":"Dreaming"}`, `200 {"state":"Succeeded"}`}, nil, 2, ""},
		"no state goes on":            {[]string{`200 {}`, `200 {"state":"Succeeded"}`}, nil, 2, ""},
		"fresh operation not visible": {[]string{`404 {"code":"NotFound","details":[{"code":"OperationNotFound"}]}`, `200 {"state":"Succeeded"}`}, nil, 2, ""},
		"202 without body":            {[]string{"202 ", `200 {"status":"Succeeded"}`}, nil, 2, ""},
		"fails": {[]string{`200 {"state":"Running"}`, `200 {"state":"Failed","error":{"code":"KubernetesDeploymentFailed","statusCode":400,"message":"Kubernetes Deployment failed","details":[{"code":"CrashLoopBackOff","message":"Your container crashed."}]},"operationDetails":{"subOperationType":"DeployService"},"operationLog":"https://x/log?sig=PLANTED"}`},
			azureml.ErrOperationFailed, 2, `azureml: cannot create thing "a": Kubernetes Deployment failed: Your container crashed. (KubernetesDeploymentFailed, HTTP 400, stage DeployService)`},
		"fails, nested twice": {[]string{`200 {"status":"Failed","error":{"error":{"code":"X","message":"inner"}}}`}, azureml.ErrOperationFailed, 1, `azureml: cannot create thing "a": inner (X)`},
		"fails silently":      {[]string{`200 {"state":"Failed","error":null}`}, azureml.ErrOperationFailed, 1, `azureml: cannot create thing "a": the operation ended in state Failed, and the service does not say why`},
		"times out":           {[]string{`200 {"state":"TimedOut","error":{"code":"DeploymentTimedOut","message":"Timed out"}}`}, azureml.ErrOperationTimedOut, 1, ""},
		"is cancelled":        {[]string{`200 {"state":"Cancelled"}`}, azureml.ErrOperationCanceled, 1, ""},
		"is canceled":         {[]string{`200 {"status":"Canceled"}`}, azureml.ErrOperationCanceled, 1, ""},
		"vanishes":            {[]string{`200 {"state":"Running"}`, `404 {"code":"NotFound"}`}, azureml.ErrNotFound, 2, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &script{answers: row.answers}
				c, op := operationOf(s)
				p, err := NewPoller(c, op, Started{ID: "op1"})
				require.NoError(t, err)
				got, err := azureml.Wait(t.Context(), p, nil)
				assert.Len(t, s.urls, row.polls)
				if row.kind == nil {
					require.NoError(t, err)
					assert.Equal(t, thing{"a"}, got)
					return
				}
				require.ErrorIs(t, err, row.kind)
				if row.text != "" {
					assert.Equal(t, row.text, err.Error())
				}
				assert.NotContains(t, azureml.Explain(err), "PLANTED")
				for _, other := range []error{azureml.ErrOperationFailed, azureml.ErrOperationTimedOut, azureml.ErrOperationCanceled} {
					if !errors.Is(row.kind, other) {
						assert.NotErrorIs(t, err, other)
					}
				}
				if p.Done() {
					_, again := p.Result(t.Context())
					assert.Same(t, err, again, "a failure is made once")
				}
			})
		})
	}
}

func TestUnknownStateEndsAtLast(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &script{answers: []string{`200 {"state":"Dreaming"}`}}
		c, op := operationOf(s)
		p, err := NewPoller(c, op, Started{ID: "op1"})
		require.NoError(t, err)
		start := time.Now()
		_, err = azureml.Wait(t.Context(), p, nil)
		require.ErrorIs(t, err, azureml.ErrUnavailable)
		assert.Contains(t, err.Error(), `unknown state "Dreaming"`)
		assert.GreaterOrEqual(t, time.Since(start), 10*time.Minute)
		assert.Less(t, time.Since(start), 11*time.Minute)
		assert.GreaterOrEqual(t, len(s.urls), 30)
	})
}

// TestStatusWithoutState: a status address that tells no state has not said "done".
func TestStatusWithoutState(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &script{answers: []string{`200 {}`, `200 {"status":"Failed"}`}}
		c, op := operationOf(s)
		p, err := NewPoller(c, op, Started{URL: base + "/status/1"})
		require.NoError(t, err)
		_, err = azureml.Wait(t.Context(), p, nil)
		require.ErrorIs(t, err, azureml.ErrOperationFailed)
		assert.Len(t, s.urls, 2)
	})
}

func TestGoneIsDone(t *testing.T) {
	t.Parallel()
	s := &script{answers: []string{"404 "}}
	c, op := operationOf(s)
	op.Gone = true
	p, err := NewPoller(c, op, Started{URL: base + "/status/1"})
	require.NoError(t, err)
	_, err = azureml.Wait(t.Context(), p, nil)
	require.NoError(t, err)
}

// TestForbiddenOperationIsLookedAt: who may not read the operation reads the resource.
func TestForbiddenOperationIsLookedAt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &script{answers: []string{`403 {"error":{"code":"AuthorizationFailed"}}`}}
		c, op := operationOf(s)
		states := []string{"Creating", "Succeeded"}
		op.Look = func(context.Context) (Status, *http.Response, error) {
			st := Status{State: states[0]}
			states = states[1:]
			return st, nil, nil
		}
		p, err := NewPoller(c, op, Started{URL: base + "/status/1"})
		require.NoError(t, err)
		_, err = azureml.Wait(t.Context(), p, nil)
		require.NoError(t, err)
		assert.Len(t, s.urls, 1)
		assert.Empty(t, states)
	})
}

func TestResumeToken(t *testing.T) {
	t.Parallel()
	s := &script{answers: []string{`200 {"state":"Running"}`, `200 {"state":"Succeeded"}`}}
	c, op := operationOf(s)
	p, err := NewPoller(c, op, Started{ID: "op1"})
	require.NoError(t, err)
	_, err = p.Poll(t.Context())
	require.NoError(t, err)
	token, err := p.ResumeToken()
	require.NoError(t, err)
	assert.NotContains(t, token, "https:")

	sent := len(s.urls)
	resumed, err := Resume(c, op, token)
	require.NoError(t, err)
	assert.Len(t, s.urls, sent, "resuming sends nothing")
	got, err := azureml.Wait(t.Context(), resumed, nil)
	require.NoError(t, err)
	assert.Equal(t, thing{"a"}, got)

	refused := func(change func(*Operation[thing]), token, want string) {
		t.Helper()
		other := op
		change(&other)
		_, err := Resume(c, other, token)
		require.ErrorIs(t, err, azureml.ErrInvalid)
		assert.Contains(t, err.Error(), want)
	}
	refused(func(o *Operation[thing]) { o.Kind = "delete" }, token, `it is of the operation "create"`)
	refused(func(o *Operation[thing]) { o.Resource = "things/b" }, token, `it is of "things/a", not of "things/b"`)
	refused(func(o *Operation[thing]) { o.Workspace = "/subscriptions/2" }, token, "another workspace")
	refused(func(*Operation[thing]) {}, "not a token", "not a resume token")
	refused(func(*Operation[thing]) {}, strings.Replace(token, `"v":1`, `"v":9`, 1), "its version is 9")
	refused(func(*Operation[thing]) {}, strings.Replace(token, `"id":"op1"`, `"id":"../../x"`, 1), "operation id is not valid")
	refused(func(*Operation[thing]) {}, strings.Replace(token, `"id":"op1"`, `"url":"https://evil.example/x"`, 1), "refused to send the access token")
}

func TestOperationsOfOtherHostsAreRefused(t *testing.T) {
	t.Parallel()
	c, op := operationOf(&script{answers: []string{"200 "}})
	_, err := NewPoller(c, op, Started{URL: "https://evil.example/op"})
	require.ErrorIs(t, err, azureml.ErrInvalid)
}

func TestOperationLog(t *testing.T) {
	t.Parallel()
	s := &script{answers: []string{
		`200 {"state":"Running"}`,
		`200 {"state":"Running","streamingOperationLog":"20230501100000|Creating ü.#20230501100005|Second."}`,
		`200 {"state":"Succeeded","streamingOperationLog":"#20230501100009|Third|with bar.#odd item"}`,
	}}
	synctest.Test(t, func(t *testing.T) {
		c, op := operationOf(s)
		p, err := NewPoller(c, op, Started{ID: "op1"})
		require.NoError(t, err)
		var lines []string
		_, err = azureml.Wait(azureml.WithProgress(t.Context(), func(p azureml.Progress) {
			for _, l := range p.LogLines {
				if _, text, ok := strings.Cut(l, " "); ok && len(l) > 8 && l[2] == ':' {
					l = text
				}
				lines = append(lines, l)
			}
		}), p, nil)
		require.NoError(t, err)
		assert.Equal(t, []string{"Creating ü.", "Second.", "Third|with bar.", "odd item"}, lines)
		assert.Equal(t, []string{base + "/operations/op1", base + "/operations/op1?offset=0", base + "/operations/op1?offset=49"}, s.urls)
	})
}

func TestOperationID(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{
		"https://h/a/operations/22-33":       "22-33",
		"/api/x/operations/22-33":            "22-33",
		"https://h/operations/22-33?x=/y/zz": "22-33",
		"https://h/operations/22-33/":        "22-33",
		"":                                   "", "/": "", "https://h": "", ":::": "",
	} {
		assert.Equal(t, want, OperationID(header), header)
	}
}

func FuzzResumeToken(f *testing.F) {
	f.Add(`{"type":"thing","token":{"v":1,"kind":"create","resource":"things/a","workspace":"/subscriptions/1","id":"op1"}}`)
	f.Add(`{"type":"thing","token":{"v":1,"kind":"create","resource":"things/a","workspace":"/subscriptions/1","url":"https://evil.example"}}`)
	c, op := operationOf(&script{answers: []string{`200 {"state":"Succeeded"}`}})
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Resume(c, op, text)
		if err != nil {
			if _, ok := errors.AsType[*azureml.Error](err); !ok {
				t.Fatalf("%T", err)
			}
			return
		}
		if token, err := p.ResumeToken(); err == nil && !json.Valid([]byte(token)) {
			t.Fatal(token)
		}
	})
}

func FuzzOperation(f *testing.F) {
	f.Add([]byte(`{"state":"Failed","error":{"error":{"code":"x"}},"operationDetails":null}`))
	f.Add([]byte(`{"status":1}`))
	f.Fuzz(func(_ *testing.T, body []byte) {
		s, err := parseOperation(answer(nil, 200, ""), body)
		if err == nil {
			_ = logLines(s.Stream)
			_, _ = endOf(s.State)
		}
	})
}

// TestLocation: a Location answers 202 until it answers with the result, and may move.
func TestLocation(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		answers []string
		moved   string // Location of the first answer
		urls    []string
		body    string
		refused bool
	}{
		"result":              {[]string{"202 ", `200 {"value":{"a":1}}`}, "", []string{"/results/1", "/results/1"}, `{"value":{"a":1}}`, false},
		"202 with a body":     {[]string{`202 {"value":null}`, "204 "}, "", []string{"/results/1", "/results/1"}, "", false},
		"resource is busy":    {[]string{`200 {"properties":{"provisioningState":"Updating"}}`, `200 {"properties":{"provisioningState":"Succeeded"}}`}, "", []string{"/results/1", "/results/1"}, `{"properties":{"provisioningState":"Succeeded"}}`, false},
		"moves":               {[]string{"202 ", "200 {}"}, base + "/results/2", []string{"/results/1", "/results/2"}, "{}", false},
		"moves, relatively":   {[]string{"202 ", "200 {}"}, "/results/2", []string{"/results/1", "/results/2"}, "{}", false},
		"moves to a stranger": {[]string{"202 ", "200 {}"}, "https://evil.example/results/2", []string{"/results/1"}, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &script{answers: row.answers}
				_, op := operationOf(s)
				c := New(Config{Credential: &tokens{}, Cloud: clouds.Public(), Hosts: NewHosts(base), Options: azcore.ClientOptions{
					Retry: policy.RetryOptions{MaxRetries: -1},
					Transport: transporter(func(r *http.Request) (*http.Response, error) {
						resp, err := s.Do(r)
						if len(s.urls) == 1 && row.moved != "" {
							resp.Header.Set("Location", row.moved)
						}
						return resp, err
					}),
				}})
				var result string
				op.Done = func(_ context.Context, s Status) (thing, error) { result = string(s.Body); return thing{}, nil }
				p, err := NewPoller(c, op, Started{URL: base + "/results/1", Location: true})
				require.NoError(t, err)
				_, err = azureml.Wait(t.Context(), p, nil)
				if row.refused {
					require.ErrorIs(t, err, azureml.ErrInvalid)
				} else {
					require.NoError(t, err)
				}
				for i, u := range s.urls {
					s.urls[i] = strings.TrimPrefix(u, base)
				}
				assert.Equal(t, row.urls, s.urls)
				assert.Equal(t, row.body, result)
			})
		})
	}
}

type transporter func(*http.Request) (*http.Response, error)

func (f transporter) Do(r *http.Request) (*http.Response, error) { return f(r) }

func TestScopeOfAnotherService(t *testing.T) {
	t.Parallel()
	asked := ""
	credential := scopes(func(scope string) { asked = scope })
	c := New(Config{Credential: credential, Cloud: clouds.Public(), Scope: "https://graph.microsoft.com/.default", Hosts: NewHosts("https://graph.microsoft.com"), Options: azcore.ClientOptions{
		Transport: transporter(func(r *http.Request) (*http.Response, error) { return answer(r, 200, "{}"), nil }),
	}})
	_, err := c.Do(t.Context(), Request{Method: http.MethodGet, URL: "https://graph.microsoft.com/v1.0/me"}, nil)
	require.NoError(t, err)
	assert.Equal(t, "https://graph.microsoft.com/.default", asked)
	_, err = c.Do(t.Context(), Request{Method: http.MethodGet, URL: base + "/subscriptions"}, nil)
	require.ErrorIs(t, err, azureml.ErrInvalid, "its token does not go to the resource manager")
}

type scopes func(string)

func (f scopes) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	f(strings.Join(o.Scopes, " "))
	return azcore.AccessToken{Token: "t", ExpiresOn: time.Now().Add(time.Hour)}, nil
}

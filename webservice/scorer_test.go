package webservice_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

var one = []byte(`{"data":[[1]]}`)

func TestRun(t *testing.T) {
	t.Parallel()
	playAks(t, "run_key", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		answer, err := svc.Run(ctx, one)
		require.NoError(t, err)
		assert.JSONEq(t, `{"predictions":[0.5]}`, string(answer))
		_, err = svc.Run(ctx, one)
		require.NoError(t, err)
	})
	playAks(t, "run_token", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		scorer, err := svc.Scorer(ctx, nil)
		require.NoError(t, err)
		for range 2 {
			_, err := scorer.Run(ctx, one)
			require.NoError(t, err)
		}
	})
	playAks(t, "run_open", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		_, err := svc.Run(ctx, one)
		require.NoError(t, err)
		_, err = svc.Run(ctx, one)
		failure(t, err, azureml.ErrUnauthorized)
	})
	playAks(t, "run_refused_key", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		_, err := svc.Run(ctx, one)
		require.NoError(t, err)
	})
	playAks(t, "run_retried", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		_, err := svc.Run(ctx, one)
		require.NoError(t, err)
	})
	playAks(t, "run_refresh", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		for range 2 {
			_, err := svc.Run(ctx, one)
			require.NoError(t, err)
			svc, err = svc.Refresh(ctx)
			require.NoError(t, err)
		}
		_, err := svc.Run(ctx, one)
		require.NoError(t, err)
	})
}

func TestRunFails(t *testing.T) {
	t.Parallel()
	playAks(t, "run_failures", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		_, err := svc.Run(ctx, one)
		e := failure(t, err, webservice.ErrScript)
		assert.Equal(t, `azureml: cannot score web service "churn-svc": bad input: not JSON (HTTP 400)`, e.Error())
		_, err = svc.Run(ctx, one)
		assert.Contains(t, failure(t, err, webservice.ErrScript).Message, "scoring script")
		_, err = svc.Run(ctx, one)
		assert.Contains(t, failure(t, err, azureml.ErrNotFound).Remedy, "Read the service anew")
		_, err = svc.Run(ctx, one)
		e = failure(t, err, azureml.ErrUnavailable)
		assert.Equal(t, 4, e.Attempts)
		assert.Contains(t, e.Remedy, "No replica was free")
	})
	play(t, "run_nowhere", func(t *testing.T, ws *workspace.Workspace) {
		for _, test := range []struct {
			name, text string
			kind       error
		}{
			{"churn-svc", "it has no scoring address; its state is Failed: Kubernetes Deployment failed", azureml.ErrUnavailable},
			{"churn-svc", "it has no scoring address; its state is Transitioning", azureml.ErrUnavailable},
			{"edge", "services of kind IOT cannot be called", azureml.ErrInvalid},
		} {
			svc, err := webservice.Get(t.Context(), ws, test.name)
			require.NoError(t, err)
			_, err = svc.Run(t.Context(), one)
			failure(t, err, test.kind)
			assert.ErrorContains(t, err, test.text)
			_, err = svc.Scorer(t.Context(), nil)
			failure(t, err, test.kind)
			_, err = svc.Swagger(t.Context())
			failure(t, err, test.kind)
		}
	})
}

// scripted is a scoring service that answers with what its function says.
func scripted(t *testing.T, handler http.HandlerFunc) (address string, transport http.RoundTripper) {
	t.Helper()
	server := httptest.NewServer(handler)
	transport = server.Client().Transport
	t.Cleanup(server.Close)
	return server.URL + "/api/v1/service/svc/score", transport
}

func TestNewScorer(t *testing.T) {
	t.Parallel()
	address, transport := scripted(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Ms-Run-Fn-Exec-Ms", "1.5")
		fmt.Fprintf(w, "%s %s %s %s %s %s", r.Header.Get("Authorization"), r.Header.Get("Content-Type"), r.Header.Get("Accept"), r.Header.Get("X-All"), r.Header.Get("X-One"), body)
	})
	scorer, err := webservice.NewScorer(address, webservice.ScorerAuth{PrimaryKey: azureml.NewSecret("planted-key")}, &webservice.ScorerOptions{
		Transport: transport, Header: http.Header{"x-all": {"a"}},
	})
	require.NoError(t, err)
	defer scorer.Close()
	answer, err := scorer.Run(t.Context(), []byte("in"))
	require.NoError(t, err)
	assert.Equal(t, "Bearer planted-key application/json application/json a  in", string(answer))

	o := &webservice.CallOptions{ContentType: "application/octet-stream", Accept: "image/png", Header: http.Header{"x-one": {"b"}}}
	full, err := scorer.Call(t.Context(), []byte("in"), o)
	require.NoError(t, err)
	assert.Equal(t, "Bearer planted-key application/octet-stream image/png a b in", string(full.Body))
	assert.Equal(t, "1.5", full.Header.Get("x-ms-run-fn-exec-ms"))
	assert.Equal(t, 200, full.StatusCode)
	assert.Equal(t, 1, full.Attempts)
	assert.Equal(t, http.Header{"x-one": {"b"}}, o.Header)

	reader := strings.NewReader("skipped: in")
	_, err = reader.Seek(9, io.SeekStart)
	require.NoError(t, err)
	stream, err := scorer.Stream(t.Context(), reader, nil)
	require.NoError(t, err)
	streamed, err := io.ReadAll(stream)
	require.NoError(t, err)
	require.NoError(t, stream.Close())
	assert.Contains(t, string(streamed), "skipped: in", "from the beginning, wherever it stands")

	for _, shown := range []string{fmt.Sprintf("%v %+v %#v %s", scorer, scorer, scorer, scorer), fmt.Sprint(slog.AnyValue(scorer).Resolve())} {
		assert.NotContains(t, shown, "planted")
		assert.Contains(t, shown, "scorer of the web service at 127.0.0.1")
	}
	_, err = scorer.Call(t.Context(), nil, &webservice.CallOptions{Header: http.Header{"authorization": {"mine"}}})
	failure(t, err, azureml.ErrInvalid)
}

func TestNewScorerRules(t *testing.T) {
	t.Parallel()
	key := azureml.NewSecret("k")
	token := func(context.Context) (*webservice.AccessToken, error) { return nil, nil }
	for name, test := range map[string]struct {
		uri    string
		auth   webservice.ScorerAuth
		o      webservice.ScorerOptions
		broken []string
	}{
		"no address":            {"", webservice.ScorerAuth{}, webservice.ScorerOptions{}, []string{"uri"}},
		"another scheme":        {"ftp://x/y", webservice.ScorerAuth{}, webservice.ScorerOptions{}, []string{"uri"}},
		"no scheme":             {"10.0.0.9:5001", webservice.ScorerAuth{}, webservice.ScorerOptions{}, []string{"uri"}},
		"no host":               {"http:///score", webservice.ScorerAuth{}, webservice.ScorerOptions{}, []string{"uri"}},
		"a password":            {"http://u:planted@x/score", webservice.ScorerAuth{}, webservice.ScorerOptions{}, []string{"uri"}},
		"plain http is refused": {"http://x/score", webservice.ScorerAuth{}, webservice.ScorerOptions{RequireTLS: true}, []string{"uri"}},
		"https":                 {"https://x/score", webservice.ScorerAuth{}, webservice.ScorerOptions{RequireTLS: true}, nil},
		"two ways in":           {"http://x/score", webservice.ScorerAuth{PrimaryKey: key, Token: token}, webservice.ScorerOptions{}, []string{"ScorerAuth"}},
		"a key of two lines":    {"http://x/score", webservice.ScorerAuth{SecondaryKey: azureml.NewSecret("planted\r\nX: y")}, webservice.ScorerOptions{}, []string{"SecondaryKey"}},
		"numbers":               {"http://x/score", webservice.ScorerAuth{}, webservice.ScorerOptions{RetryDelay: -1, MaxRetryDelay: -1, MaxAnswerBytes: -1}, []string{"RetryDelay", "MaxRetryDelay", "MaxAnswerBytes"}},
		"own authorization":     {"http://x/score", webservice.ScorerAuth{PrimaryKey: key}, webservice.ScorerOptions{Header: http.Header{"authorization": {"planted"}}}, []string{"Header"}},
		"only authorization":    {"http://x/score", webservice.ScorerAuth{}, webservice.ScorerOptions{Header: http.Header{"authorization": {"mine"}}}, nil},
		"roots without TLS":     {"http://x/score", webservice.ScorerAuth{}, webservice.ScorerOptions{RootCAs: x509.NewCertPool(), Transport: roundTripper(nil)}, []string{"RootCAs"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scorer, err := webservice.NewScorer(test.uri, test.auth, &test.o)
			if test.broken == nil {
				require.NoError(t, err)
				scorer.Close()
				return
			}
			assert.Equal(t, test.broken, fields(failure(t, err, azureml.ErrInvalid)))
		})
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestOwnCertificates(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "1") }))
	defer server.Close()
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	scorer, err := webservice.NewScorer(server.URL, webservice.ScorerAuth{}, &webservice.ScorerOptions{RootCAs: pool, RequireTLS: true})
	require.NoError(t, err)
	_, err = scorer.Run(t.Context(), nil)
	require.NoError(t, err)
	scorer.Close()

	scorer, err = webservice.NewScorer(server.URL, webservice.ScorerAuth{}, nil)
	require.NoError(t, err)
	_, err = scorer.Run(t.Context(), nil)
	failure(t, err, azureml.ErrUnavailable)
	assert.ErrorContains(t, err, "certificate")
}

func TestScorerFetches(t *testing.T) {
	t.Parallel()
	address, transport := scripted(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Header.Get("Authorization")) })
	o := &webservice.ScorerOptions{Transport: transport}
	fetched := 0
	scorer, err := webservice.NewScorer(address, webservice.ScorerAuth{Keys: func(context.Context) (*webservice.Keys, error) {
		fetched++
		return &webservice.Keys{Primary: azureml.NewSecret("p"), Secondary: azureml.NewSecret("s")}, nil
	}}, o)
	require.NoError(t, err)
	for range 3 {
		answer, err := scorer.Run(t.Context(), nil)
		require.NoError(t, err)
		assert.Equal(t, "Bearer p", string(answer))
	}
	assert.Equal(t, 1, fetched)

	fetched = 0
	scorer, err = webservice.NewScorer(address, webservice.ScorerAuth{Token: func(context.Context) (*webservice.AccessToken, error) {
		fetched++
		return &webservice.AccessToken{Token: azureml.NewSecret(fmt.Sprint("t", fetched)), ExpiresOn: time.Now().Add(-time.Second)}, nil
	}}, o)
	require.NoError(t, err)
	for i := range 2 {
		answer, err := scorer.Run(t.Context(), nil)
		require.NoError(t, err)
		assert.Equal(t, fmt.Sprint("Bearer t", i+1), string(answer), "one that has ended is replaced")
	}

	down := errors.New("down")
	for name, auth := range map[string]webservice.ScorerAuth{
		"no keys":  {Keys: func(context.Context) (*webservice.Keys, error) { return nil, nil }},
		"no token": {Token: func(context.Context) (*webservice.AccessToken, error) { return &webservice.AccessToken{}, nil }},
	} {
		scorer, err := webservice.NewScorer(address, auth, o)
		require.NoError(t, err)
		_, err = scorer.Run(t.Context(), nil)
		failure(t, err, azureml.ErrUnauthorized)
		assert.ErrorContains(t, err, "there is no", name)
	}
	scorer, err = webservice.NewScorer(address, webservice.ScorerAuth{Keys: func(context.Context) (*webservice.Keys, error) { return nil, down }}, o)
	require.NoError(t, err)
	_, err = scorer.Run(t.Context(), nil)
	assert.ErrorIs(t, err, down)
}

func TestScore(t *testing.T) {
	t.Parallel()
	var answer string
	address, transport := scripted(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if answer == "echo" {
			_, _ = w.Write(body)
			return
		}
		_, _ = io.WriteString(w, answer)
	})
	scorer, err := webservice.NewScorer(address, webservice.ScorerAuth{}, &webservice.ScorerOptions{Transport: transport})
	require.NoError(t, err)
	ctx := t.Context()
	type prediction struct {
		Predictions []float64 `json:"predictions"`
	}

	answer = "echo"
	got, err := webservice.Score[map[string]string](ctx, scorer, map[string]string{"a": "<b>"})
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"a": "<b>"}, got)
	for _, in := range []any{[]byte(`"x"`), json.RawMessage(`"x"`), "x"} {
		text, err := webservice.Score[string](ctx, scorer, in)
		require.NoError(t, err)
		assert.Equal(t, "x", text)
	}

	for _, answer = range []string{`{"predictions":[0.5]}`, `"{\"predictions\":[0.5]}"`, ` "{\"predictions\":[0.5]}" `} {
		got, err := webservice.Score[prediction](ctx, scorer, 1)
		require.NoError(t, err)
		assert.Equal(t, prediction{[]float64{0.5}}, got)
		whatever, err := webservice.Score[any](ctx, scorer, 1)
		require.NoError(t, err)
		assert.Equal(t, map[string]any{"predictions": []any{0.5}}, whatever)
		raw, err := webservice.Score[json.RawMessage](ctx, scorer, 1)
		require.NoError(t, err)
		assert.JSONEq(t, `{"predictions":[0.5]}`, string(raw))
	}
	answer = `"{\"predictions\":[0.5]}"`
	text, err := webservice.Score[string](ctx, scorer, 1)
	require.NoError(t, err)
	assert.Equal(t, `{"predictions":[0.5]}`, text)
	for body, want := range map[string]any{`"1"`: "1", `"cat"`: "cat", `"[cat"`: "[cat", `5`: 5.0, `null`: nil} {
		answer = body
		got, err := webservice.Score[any](ctx, scorer, 1)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	answer = `"7"`
	number, err := webservice.Score[int](ctx, scorer, 1)
	require.NoError(t, err)
	assert.Equal(t, 7, number)
	answer = `"2024-06-10T06:13:20Z"`
	at, err := webservice.Score[time.Time](ctx, scorer, 1)
	require.NoError(t, err)
	assert.Equal(t, 2024, at.Year())

	for _, answer = range []string{"", "[NaN]", `"cat"`, `{"predictions":1}`, `{"predict`} {
		got, err := webservice.Score[prediction](ctx, scorer, 1)
		e := failure(t, err, nil)
		assert.Contains(t, e.Message, "the answer is not the JSON of a webservice_test.prediction")
		assert.Equal(t, answer, string(e.Body))
		assert.Zero(t, got)
	}
	_, err = webservice.Score[any](ctx, scorer, func() {})
	failure(t, err, azureml.ErrInvalid)
}

// TestStreamOfALargeBody: what is sent is read while it is sent, also for the second try.
func TestStreamOfALargeBody(t *testing.T) {
	t.Parallel()
	tries := 0
	address, transport := scripted(t, func(w http.ResponseWriter, r *http.Request) {
		tries++
		if tries == 1 {
			w.WriteHeader(http.StatusServiceUnavailable) // before the body is read
			return
		}
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n, err, r.ContentLength)
	})
	scorer, err := webservice.NewScorer(address, webservice.ScorerAuth{}, &webservice.ScorerOptions{Transport: transport, RetryDelay: time.Millisecond})
	require.NoError(t, err)
	stream, err := scorer.Stream(t.Context(), bytes.NewReader(make([]byte, 8<<20)), nil)
	require.NoError(t, err)
	defer stream.Close()
	text, err := io.ReadAll(stream)
	require.NoError(t, err)
	assert.Equal(t, "8388608 <nil> 8388608", string(text))
	assert.Equal(t, 2, stream.Attempts)
}

// TestNoTokensOnACI: a service on ACI is never asked for a token, whatever it says.
func TestNoTokensOnACI(t *testing.T) {
	t.Parallel()
	address, _ := scripted(t, func(http.ResponseWriter, *http.Request) {})
	svc := &webservice.AciWebservice{Service: webservice.Service{
		Name: "x", ComputeType: webservice.ComputeTypeACI, ScoringURI: address, TokenAuthEnabled: new(true),
	}}
	_, err := svc.Scorer(t.Context(), nil)
	require.NoError(t, err)
}

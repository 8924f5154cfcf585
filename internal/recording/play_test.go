package recording

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml/internal/recording/wire"
)

// played runs a test against a recording and returns what was complained about.
func played(exchanges []Exchange, test func(p *Player)) string {
	return new(fakeT).run(func(t testing.TB) {
		test(play(t, "made_up", &Recording{Source: "emulator", Title: "t", Exchanges: exchanges}))
	})
}

// send makes one request; header is "Name: value" lines.
func send(p *Player, method, url, body string, headers ...string) (*http.Response, error) {
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		request.Header.Set(name, value)
	}
	return p.HTTPClient().Do(request)
}

func TestPlayComparesRequests(t *testing.T) {
	t.Parallel()
	post := Exchange{
		Request:  wire.Request{Method: "POST", URL: "https://h/a?x=1", Headers: map[string]string{"Content-Type": "application/json"}, JSON: []byte(`{"a":null}`)},
		Response: wire.Response{Status: 200},
	}
	form := Exchange{Request: wire.Request{Method: "POST", URL: "https://h/a", Text: text("a=<uuid8>")}, Response: wire.Response{Status: 200}}
	blob := Exchange{Request: wire.Request{Method: "PUT", URL: "https://h/a?sig=x", Bytes: &wire.Digest{Length: 1, SHA256: wire.DigestOf([]byte("x")).SHA256}}, Response: wire.Response{Status: 200}}
	bearer := get("https://h/a")
	bearer.Request.Headers = map[string]string{"Authorization": "Bearer aud=https://x/"}
	const json = "Content-Type: application/json"
	for name, in := range map[string]struct {
		exchange          Exchange
		method, url, body string
		headers           []string
		want              string // part of the complaint, empty for none
	}{
		"right":                {exchange: post, method: "POST", url: "https://h/a?x=1", body: `{"a":null}`, headers: []string{json, "User-Agent: x"}},
		"method":               {exchange: post, method: "PUT", url: "https://h/a?x=1", body: `{"a":null}`, headers: []string{json}, want: "method: want POST, got PUT"},
		"path":                 {exchange: post, method: "POST", url: "https://h/b?x=1", body: `{"a":null}`, headers: []string{json}, want: "url: want https://h/a, got https://h/b"},
		"query":                {exchange: post, method: "POST", url: "https://h/a?x=2", body: `{"a":null}`, headers: []string{json}, want: `query x: want "1", got "2"`},
		"body":                 {exchange: post, method: "POST", url: "https://h/a?x=1", body: `{}`, headers: []string{json}, want: "$.a: want null, but it is absent"},
		"no JSON":              {exchange: post, method: "POST", url: "https://h/a?x=1", body: `<`, headers: []string{json}, want: "want JSON"},
		"content type":         {exchange: post, method: "POST", url: "https://h/a?x=1", body: `{"a":null}`, want: "header Content-Type"},
		"text":                 {exchange: form, method: "POST", url: "https://h/a", body: "a=0a1b2c3d"},
		"other text":           {exchange: form, method: "POST", url: "https://h/a", body: "a=0a", want: `want "a=<uuid8>", got "a=0a"`},
		"bytes":                {exchange: blob, method: "PUT", url: "https://h/a?sig=x", body: "x"},
		"other bytes":          {exchange: blob, method: "PUT", url: "https://h/a?sig=x", body: "y", want: "want 1 bytes"},
		"token to storage":     {exchange: blob, method: "PUT", url: "https://h/a?sig=x", body: "x", headers: []string{"Authorization: Bearer PLANTED"}, want: "Authorization: not expected, got Bearer …"},
		"body where none was":  {exchange: get("https://h/a"), method: "GET", url: "https://h/a", body: "x", want: `body: want none, got "x"`},
		"authorization":        {exchange: bearer, method: "GET", url: "https://h/a", headers: []string{"Authorization: Bearer aud=https://x/"}},
		"no authorization":     {exchange: bearer, method: "GET", url: "https://h/a", want: "want Bearer aud=https://x/, got none"},
		"other audience":       {exchange: bearer, method: "GET", url: "https://h/a", headers: []string{"Authorization: Bearer aud=y"}, want: "got Bearer aud=y"},
		"undue authorization":  {exchange: get("https://h/a"), method: "GET", url: "https://h/a", headers: []string{"Authorization: Basic PLANTED"}, want: "not expected, got Basic …"},
		"root with no path":    {exchange: get("https://h/"), method: "GET", url: "https://h"},
		"body that is missing": {exchange: blob, method: "PUT", url: "https://h/a?sig=x", want: "want 1 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			complaint := played([]Exchange{in.exchange}, func(p *Player) {
				response, err := send(p, in.method, in.url, in.body, in.headers...)
				assert.Equal(t, in.want == "", err == nil, "%v", err)
				if err == nil {
					assert.NotNil(t, response.Request)
				}
			})
			assert.NotContains(t, complaint, "PLANTED")
			if in.want == "" {
				assert.Empty(t, complaint)
				return
			}
			assert.Contains(t, complaint, in.want)
			assert.Contains(t, complaint, "not made", "the recorded request is still missing")
		})
	}
}

func TestPlayKeepsTheOrder(t *testing.T) {
	t.Parallel()
	a, b, c, d := get("https://h/a"), get("https://h/b"), get("https://h/c"), get("https://h/d")
	grouped := append(append([]Exchange{a}, group("g", b, c)...), d)
	for name, in := range map[string]struct {
		exchanges []Exchange
		order     string
		want      string
	}{
		"in order":            {[]Exchange{a, b}, "ab", ""},
		"out of order":        {[]Exchange{a, b}, "ba", "it is exchange 2, whose turn it is not"},
		"one missing":         {[]Exchange{a, b}, "a", "not made:\n  exchange 2 of 2: GET https://h/b"},
		"one too many":        {[]Exchange{a}, "ab", "all 1 exchanges were made"},
		"one again":           {[]Exchange{a, b}, "aa", "it is exchange 1, made before"},
		"one twice, recorded": {[]Exchange{a, a}, "aa", ""},
		"nothing":             {[]Exchange{a}, "", "not made"},
		"group":               {grouped, "abcd", ""},
		"group, other order":  {grouped, "acbd", ""},
		"group, cut short":    {grouped, "acdb", "it is exchange 4, whose turn it is not"},
		"group, twice":        {grouped, "abbcd", "it is exchange 2, made before"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			complaint := played(in.exchanges, func(p *Player) {
				for _, path := range in.order {
					if response, err := send(p, "GET", "https://h/"+string(path), ""); err == nil {
						_ = response.Body.Close()
					}
				}
			})
			if in.want == "" {
				assert.Empty(t, complaint)
			} else {
				assert.Contains(t, complaint, in.want)
			}
		})
	}
}

func TestPlayFillsNamedMasks(t *testing.T) {
	t.Parallel()
	create := Exchange{
		Request: wire.Request{Method: "POST", URL: "https://h/<uuid8:1>", JSON: []byte(`{"n":"<any:2>"}`)},
		Response: wire.Response{Status: 200, Headers: map[string]string{"Location": "https://h/op/<uuid8:1>"},
			JSON: []byte(`{"id": "<uuid8:1>", "n": "<any:2>"}`)},
	}
	follow := get("https://h/op/<uuid8:1>")
	assert.Empty(t, played([]Exchange{create, follow}, func(p *Player) {
		response, err := send(p, "POST", "https://h/0a1b2c3d", `{"n":"q\"q"}`)
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		assert.JSONEq(t, `{"id":"0a1b2c3d","n":"q\"q"}`, string(body))
		_, err = send(p, "GET", response.Header.Get("Location"), "")
		require.NoError(t, err)
	}))
	assert.Contains(t, played([]Exchange{create, follow}, func(p *Player) {
		_, err := send(p, "POST", "https://h/0a1b2c3d", `{"n":"x"}`)
		require.NoError(t, err)
		_, err = send(p, "GET", "https://h/op/ffffffff", "")
		assert.Error(t, err)
	}), "url: want https://h/op/<uuid8:1>, got https://h/op/ffffffff")

	early := group("g", get("https://h/a"), get("https://h/<uuid8:1>"))
	early[0].Response.Text = text("<uuid8:1>")
	assert.Contains(t, played(early, func(p *Player) {
		_, err := send(p, "GET", "https://h/a", "")
		require.NoError(t, err)
		_, err = send(p, "GET", "https://h/0a1b2c3d", "")
		require.NoError(t, err)
	}), "the answer needs <uuid8:1>")
}

// An azcore client retries what the recording says, without waiting, and a wrong request
// is not repeated.
func TestPlayWithAzcore(t *testing.T) {
	t.Parallel()
	fault := Exchange{Request: wire.Request{Method: "PUT", URL: "https://h/a", Text: text("x"), Headers: map[string]string{"Authorization": "Bearer aud=https://management.azure.com"}}, Response: wire.Response{Fault: wire.FaultReset}}
	busy, done := fault, fault
	busy.Response, done.Response = wire.Response{Status: 503}, wire.Response{Status: 201}
	put := func(p *Player, path string) (*http.Response, error) {
		client, err := azcore.NewClient("x", "v0.0.0", runtime.PipelineOptions{PerRetry: []policy.Policy{
			runtime.NewBearerTokenPolicy(p.Credential(), []string{"https://management.azure.com/.default"}, nil),
		}}, new(p.ClientOptions()))
		require.NoError(t, err)
		request, err := runtime.NewRequest(context.Background(), "PUT", "https://h"+path)
		require.NoError(t, err)
		require.NoError(t, request.SetBody(nopCloser{bytes.NewReader([]byte("x"))}, "text/plain"))
		return client.Pipeline().Do(request)
	}
	assert.Empty(t, played([]Exchange{fault, busy, done}, func(p *Player) {
		response, err := put(p, "/a")
		require.NoError(t, err)
		assert.Equal(t, 201, response.StatusCode)
	}))
	complaint := played([]Exchange{done}, func(p *Player) {
		_, err := put(p, "/b")
		assert.ErrorContains(t, err, "unexpected request PUT https://h/b")
	})
	assert.Equal(t, 1, strings.Count(complaint, "unexpected request"), "%s", complaint)

	complaint = played([]Exchange{done}, func(p *Player) {
		for range 2 {
			_, err := send(p, "GET", "https://h/b", "")
			assert.Error(t, err)
		}
	})
	assert.Equal(t, 1, strings.Count(complaint, "unexpected request"), "what follows from the first mistake is not told: %s", complaint)
}

type nopCloser struct{ io.ReadSeeker }

func (nopCloser) Close() error { return nil }

func TestPlayFaults(t *testing.T) {
	t.Parallel()
	exchange := get("https://h/a")
	exchange.Response = wire.Response{Fault: wire.FaultTimeout}
	assert.Empty(t, played([]Exchange{exchange}, func(p *Player) {
		_, err := send(p, "GET", "https://h/a", "")
		timeout, ok := errors.AsType[net.Error](err)
		require.True(t, ok)
		assert.True(t, timeout.Timeout())
	}))
}

func TestPlayConcurrently(t *testing.T) {
	t.Parallel()
	var exchanges []Exchange
	for range 20 {
		exchanges = append(exchanges, get("https://h/a"))
	}
	assert.Empty(t, played(group("g", exchanges...), func(p *Player) {
		var wait sync.WaitGroup
		for range 20 {
			wait.Go(func() {
				_, err := send(p, "GET", "https://h/a", "")
				assert.NoError(t, err)
			})
		}
		wait.Wait()
	}))
}

func TestPlayOpensFiles(t *testing.T) {
	assert.Contains(t, new(fakeT).run(func(t testing.TB) { Play(t, "../x") }), "must consist of")
	assert.Contains(t, new(fakeT).run(func(t testing.TB) { Play(t, "not_there") }), "no recording")
	p := Play(t, "example")
	_, err := send(p, "GET", "https://h/a?x="+p.Setting("AZUREML_NOT_SET", "1"), "")
	require.NoError(t, err)

	t.Setenv(Variable, "yes")
	assert.Contains(t, new(fakeT).run(func(t testing.TB) { Play(t, "example") }), `it can be "emulator" or "live"`)
}

package scoring

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// bare is the call as one would write it with net/http alone.
func bare(ctx context.Context, client *http.Client, address string, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer k")
	resp, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

func scoringServer(tb testing.TB) (string, *http.Transport) {
	tb.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"predictions":[0.5]}`)
	}))
	transport := &http.Transport{MaxIdleConnsPerHost: 256}
	tb.Cleanup(func() { transport.CloseIdleConnections(); server.Close() })
	return server.URL, transport
}

func benchClient(tb testing.TB, address string, transport http.RoundTripper) *Client {
	tb.Helper()
	u, err := url.Parse(address)
	require.NoError(tb, err)
	return New(Config{
		URL: u, Transport: transport, Credentials: keys("k"), MaxRetries: 3, AttemptTimeout: time.Minute, MaxAnswer: 1 << 20,
		Header: http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}, "User-Agent": {"x"}},
	})
}

// TestAllocations bounds what a call costs on top of net/http alone.
func TestAllocations(t *testing.T) {
	body := []byte(`{"data":[[1]]}`)
	transport := roundTrip(func(r *http.Request) (*http.Response, error) {
		_, _ = io.Copy(io.Discard, r.Body)
		return answer(r, 200, `{"predictions":[0.5]}`), nil
	})
	const address = "http://10.1.2.3:80/api/v1/service/svc/score"
	client := &http.Client{Transport: transport}
	without := testing.AllocsPerRun(200, func() { _, _ = bare(t.Context(), client, address, body) })
	c := benchClient(t, address, transport)
	with := testing.AllocsPerRun(200, func() { _, _ = c.Do(t.Context(), Request{Operation: "score", Body: body}) })
	t.Logf("net/http alone %.0f, scoring %.0f", without, with)
	assert.LessOrEqual(t, with-without, 8.0)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	with = testing.AllocsPerRun(200, func() { _, _ = c.Do(ctx, Request{Operation: "score", Body: body}) })
	t.Logf("with a deadline of the caller: %.0f", with)
}

func BenchmarkDo(b *testing.B) {
	address, transport := scoringServer(b)
	c := benchClient(b, address, transport)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := c.Do(b.Context(), score); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkBare is the baseline of BenchmarkDo.
func BenchmarkBare(b *testing.B) {
	address, transport := scoringServer(b)
	client := &http.Client{Transport: transport}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := bare(b.Context(), client, address, score.Body); err != nil {
				b.Error(err)
			}
		}
	})
}

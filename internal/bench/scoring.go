package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"time"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/webservice"
)

// scoringServer answers every request with as many bytes as it got.
func scoringServer() *httptest.Server {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.FormatInt(r.ContentLength, 10))
		_, _ = io.Copy(w, r.Body)
	}))
	s.StartTLS()
	return s
}

// quoted is a JSON text of so many bytes.
func quoted(size int) []byte {
	text := bytes.Repeat([]byte{'x'}, size)
	text[0], text[size-1] = '"', '"'
	return text
}

func scoringSmall(ctx context.Context, s settings) ([]line, error) {
	var lines []line
	for _, baseline := range []struct {
		name    string
		timeout time.Duration
	}{
		// Calls are bounded in time, as the Scorer's are by default.
		{"net/http, tuned transport", attemptTimeout},
		{"the same without a bound on the time", 0},
	} {
		for _, callers := range []int{1, 16, 64} {
			c, err := scoring(ctx, s.rounds, callers, s.of(4096), 1<<10, baseline.timeout)
			if err != nil {
				return nil, err
			}
			lines = append(lines, line{
				row: 1, work: fmt.Sprintf("Scorer.Run, 1 KiB, %d callers", callers), baseline: baseline.name,
				figure: fmt.Sprintf("throughput %s, p99 %s, %+.0f allocs, %+.0f B", ratio(c.ours.throughput()), ratio(c.ours.p99), c.ours.allocs, c.ours.bytes),
				self:   fmt.Sprintf("%s, p99 %s", ratio(c.self.throughput()), ratio(c.self.p99)),
				goal:   "≥ 0.95 ×, p99 ≤ 1.15 ×, ≤ 8 allocs, ≤ 1 KiB",
				met:    c.ours.throughput() >= 0.95 && c.ours.p99 <= 1.15 && c.ours.allocs <= 8.5 && c.ours.bytes <= 1024,
			})
		}
	}
	return lines, nil
}

func scoringLarge(ctx context.Context, s settings) ([]line, error) {
	const size = 1 << 20
	var lines []line
	for _, callers := range []int{1, 16} {
		c, err := scoring(ctx, s.rounds, callers, s.of(192), size, attemptTimeout)
		if err != nil {
			return nil, err
		}
		lines = append(lines, line{
			row: 2, work: fmt.Sprintf("Scorer.Run, 1 MiB, %d callers", callers), baseline: "net/http, tuned transport",
			figure: fmt.Sprintf("throughput %s, %+.2f copies of the body", ratio(c.ours.throughput()), c.ours.bytes/size),
			self:   ratio(c.self.throughput()),
			goal:   "≥ 0.95 ×, ≤ 1 copy",
			met:    c.ours.throughput() >= 0.95 && c.ours.bytes <= 1.05*size,
		})
	}
	return lines, nil
}

// scoring compares calls with the Scorer to calls with net/http alone, which end after
// timeout; 0 bounds nothing.
func scoring(ctx context.Context, rounds, callers, calls, size int, timeout time.Duration) (comparison, error) {
	server := scoringServer()
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	body := quoted(size)

	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = 0, 256
	transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: timeout}
	bare := func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL, bytes.NewReader(body))
		if err != nil {
			return err
		}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Authorization", "Bearer "+benchKey)
		resp, err := client.Do(request)
		if err != nil {
			return err
		}
		answer, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		return check(resp.StatusCode, answer, size, err)
	}

	scorer, err := webservice.NewScorer(server.URL, webservice.ScorerAuth{PrimaryKey: azureml.NewSecret(benchKey)}, &webservice.ScorerOptions{RootCAs: roots})
	if err != nil {
		return comparison{}, err
	}
	defer scorer.Close()
	scored := func(ctx context.Context) error {
		answer, err := scorer.Run(ctx, body)
		return check(http.StatusOK, answer, size, err)
	}

	as := func(call func(context.Context) error) side {
		return func(ctx context.Context) (int, []time.Duration, error) { return parallel(ctx, callers, calls, call) }
	}
	return compare(ctx, rounds, as(bare), as(scored))
}

// attemptTimeout is the Scorer's default.
const attemptTimeout = 310 * time.Second

const benchKey = "0123456789abcdef0123456789abcdef"

func check(status int, answer []byte, size int, err error) error {
	switch {
	case err != nil:
		return err
	case status != http.StatusOK || len(answer) != size:
		return fmt.Errorf("status %d, %d bytes", status, len(answer))
	}
	return nil
}

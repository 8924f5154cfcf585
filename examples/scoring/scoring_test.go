package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// called runs the command as main does.
func called(t *testing.T, in io.Reader, args ...string) (code int, out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(t.Context(), args, in, &o, &e)
	return code, o.String(), e.String()
}

func TestEmulated(t *testing.T) {
	code, out, errOut := called(t, nil)
	assert.Zero(t, code)
	assert.Equal(t, "{\"sum\":6}\n{\"sum\":30}\n{\"sum\":0}\n", out)
	assert.Contains(t, errOut, "3 requests, 0 failed, 0 repeated")
}

// A request that fails is told with its line, the others are answered.
func TestOneFails(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, _ := io.ReadAll(r.Body); string(body) == "bad" {
			w.Header().Set("x-ms-run-function-failed", "True")
			w.WriteHeader(http.StatusBadGateway)
		}
		_, _ = io.WriteString(w, "{}")
	}))
	defer server.Close()
	code, out, errOut := called(t, strings.NewReader("1\n\nbad\n2"), "-uri", server.URL)
	assert.Equal(t, 1, code)
	assert.Equal(t, "{}\n{}\n", out)
	assert.Contains(t, errOut, "line 3: azureml: cannot score")
	assert.Contains(t, errOut, "3 requests, 1 failed, 0 repeated")
}

// Answers come in the order of the requests, however long each takes, and no more than
// asked for are under way at once.
func TestOrder(t *testing.T) {
	var now, most atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		assert.Equal(t, "Bearer planted-key", r.Header.Get("Authorization"))
		body, _ := io.ReadAll(r.Body)
		if bytes.HasSuffix(body, []byte("0")) {
			time.Sleep(5 * time.Millisecond)
		}
		now.Add(-1)
		_, _ = w.Write(body)
	}))
	defer server.Close()
	t.Setenv(keyVariable, "planted-key")
	var in, want strings.Builder
	for i := range 200 {
		fmt.Fprintf(&in, "%d\n\n", i)
		fmt.Fprintf(&want, "%d\n", i)
	}
	code, out, errOut := called(t, strings.NewReader(in.String()), "-uri", server.URL, "-callers", "8")
	require.Zero(t, code, errOut)
	assert.Equal(t, want.String(), out)
	assert.LessOrEqual(t, most.Load(), int64(9), "8, and the one that waits to be written")
	assert.Greater(t, most.Load(), int64(1))
	assert.NotContains(t, errOut, "planted-key")
}

func TestMistakes(t *testing.T) {
	t.Setenv(keyVariable, "planted-key")
	for want, args := range map[string][]string{
		"unexpected argument":   {"here"},
		"-callers is 0":         {"-callers", "0"},
		"-timeout is -1s":       {"-timeout", "-1s"},
		"flag provided but not": {"-url", "x"},
		"must be":               {"-uri", "no address"},
		"https":                 {"-uri", "http://localhost:1/score", "-require-tls"},
	} {
		code, out, errOut := called(t, nil, args...)
		assert.Equal(t, 2, code, args)
		assert.Empty(t, out)
		assert.Contains(t, errOut, want)
		assert.NotContains(t, errOut, "planted-key")
	}
	code, _, errOut := called(t, nil, "-h")
	assert.Zero(t, code)
	assert.Contains(t, errOut, "SCORING_KEY")
}

// Ctrl-C ends the calls that are under way.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		cancel()
		<-r.Context().Done()
	}))
	defer server.Close()
	var out, errOut bytes.Buffer
	start := time.Now()
	assert.Equal(t, 1, run(ctx, []string{"-uri", server.URL}, strings.NewReader("1\n2\n3\n"), &out, &errOut))
	assert.Less(t, time.Since(start), 5*time.Second)
	assert.Contains(t, errOut.String(), "Interrupted.")
	assert.Empty(t, out.String())
}

// An output that is closed is an error, not a success.
func TestBrokenOutput(t *testing.T) {
	var errOut bytes.Buffer
	assert.Equal(t, 1, run(t.Context(), nil, nil, failing{}, &errOut))
	assert.Contains(t, errOut.String(), "closed")
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("closed") }

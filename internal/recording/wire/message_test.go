package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRead(t *testing.T) {
	t.Parallel()
	body := &closed{Reader: strings.NewReader("x")}
	request, err := http.NewRequest("PUT", "https://h/a%3Ab//c?q=1+2", body)
	require.NoError(t, err)
	got, err := Read(request)
	require.NoError(t, err)
	assert.Equal(t, "https://h/a%3Ab//c?q=1+2", got.URL)
	assert.Equal(t, "x", string(got.Body))
	assert.True(t, body.done, "a round tripper must close the body")

	got, err = Read(&http.Request{URL: &url.URL{Scheme: "https", Host: "h"}})
	require.NoError(t, err)
	assert.Equal(t, "GET https://h/", got.String())

	got.URL += "?sv=1&sig=PLANTED&se=2"
	assert.NotContains(t, got.String(), "PLANTED")
}

type closed struct {
	io.Reader
	done bool
}

func (c *closed) Close() error { c.done = true; return nil }

func TestResponseHTTP(t *testing.T) {
	t.Parallel()
	request, err := http.NewRequest("GET", "https://h/", nil)
	require.NoError(t, err)
	recorded := &Response{Status: 202, Headers: map[string]string{"retry-after": "3"}, JSON: []byte("{ \"a\": 1.0 }")}
	body, err := recorded.Body()
	require.NoError(t, err)
	answer := recorded.HTTP(request, body)
	sent, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	assert.Equal(t, `{"a":1.0}`, string(sent))
	assert.Equal(t, "3", answer.Header.Get("Retry-After"))
	assert.Same(t, request, answer.Request)

	request.Method = "HEAD"
	sent, err = io.ReadAll(recorded.HTTP(request, body).Body)
	require.NoError(t, err)
	assert.Empty(t, sent)
}

func TestFaults(t *testing.T) {
	t.Parallel()
	assert.NoError(t, Fault("").Err())
	for _, fault := range PossibleFaults() {
		wrapped := &url.Error{Op: "Get", URL: "x", Err: fmt.Errorf("x: %w", fault.Err())}
		assert.Equal(t, fault, FaultOf(wrapped), "a recorded fault is recognised again")
	}
	assert.ErrorIs(t, FaultReset.Err(), syscall.ECONNRESET)
	assert.ErrorIs(t, FaultClosed.Err(), io.EOF)
	timeout, ok := errors.AsType[net.Error](FaultTimeout.Err())
	require.True(t, ok)
	assert.True(t, timeout.Timeout())
	refused, ok := errors.AsType[*net.OpError](FaultRefused.Err())
	require.True(t, ok)
	assert.Equal(t, "dial", refused.Op)
	assert.Equal(t, FaultTimeout, FaultOf(context.DeadlineExceeded))
	assert.Empty(t, FaultOf(nil))
}

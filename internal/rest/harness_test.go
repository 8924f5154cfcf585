package rest

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/azureml-go/azureml/internal/clouds"
)

// tokens is a credential that counts how often it is asked.
type tokens struct {
	asked atomic.Int32
	give  func(n int32) (azcore.AccessToken, error)
}

func (c *tokens) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	n := c.asked.Add(1)
	if c.give != nil {
		return c.give(n)
	}
	return azcore.AccessToken{Token: fmt.Sprintf("token-%d", n), ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// server is a TLS server with a client that dials it whatever the host.
type server struct {
	*httptest.Server
	requests atomic.Int32
}

func newServer(t testing.TB, handle http.HandlerFunc) *server {
	s := &server{}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		handle(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// fresh is a transport that uses every connection once, so that net/http's own
// repetition on dead connections stays out of the counts.
func (s *server) fresh(dialFailures int32) *http.Client {
	var failures atomic.Int32
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			if failures.Add(1) <= dialFailures {
				return nil, &net.OpError{Op: "dial", Net: network, Err: fmt.Errorf("connection refused")}
			}
			return (&net.Dialer{}).DialContext(ctx, network, s.Listener.Addr().String())
		},
	}}
}

// client is a Client for the server, under the resource manager's name, that does
// not wait between tries.
func (s *server) client(transport policy.Transporter, credential azcore.TokenCredential) *Client {
	return New(Config{
		Credential: credential, Cloud: clouds.Public(),
		Options: azcore.ClientOptions{Transport: transport, Retry: policy.RetryOptions{RetryDelay: time.Nanosecond, MaxRetryDelay: time.Millisecond}},
		Hosts:   NewHosts(clouds.Public().ResourceManager),
	})
}

const base = "https://management.azure.com"

package azuremltest

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// newClient makes the client whose every connection ends at the emulator.
func (s *Server) newClient() *http.Client {
	t := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return s.dialSelf(ctx) },
		DialTLSContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
			return s.dialTLS(ctx, addr)
		},
		MaxIdleConnsPerHost: 256,
		IdleConnTimeout:     90 * time.Second,
		ForceAttemptHTTP2:   s.opts.HTTP2,
	}
	return &http.Client{Transport: t}
}

// dialTLS connects to the emulator as if it were addr and checks that it
// presents a certificate for that name.
func (s *Server) dialTLS(ctx context.Context, addr string) (net.Conn, error) {
	raw, err := s.dialSelf(ctx)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{RootCAs: s.certs.authority().pool, ServerName: hostname(addr)}
	if s.opts.HTTP2 {
		config.NextProtos = []string{"h2", "http/1.1"}
	}
	c := tls.Client(raw, config)
	if err := c.HandshakeContext(ctx); err != nil {
		raw.Close()
		return nil, err
	}
	return c, nil
}

// Client returns the HTTP client that reaches the emulator under the real host
// names: every connection, whatever the host, ends here, and TLS is verified
// against the server's own certificate authority. It follows redirects as any
// http.Client does. All calls return the same client.
func (s *Server) Client() *http.Client { return s.client }

// ClientOptions returns options for azidentity and for clients made with
// azcore: the public cloud, with the emulator as transport. Everything else,
// such as retries, has its default.
func (s *Server) ClientOptions() azcore.ClientOptions {
	return azcore.ClientOptions{Cloud: cloud.AzurePublic, Transport: s.client}
}

// ProxyURL returns the address to give to any program in HTTP_PROXY and
// HTTPS_PROXY. Hosts that are not emulated are refused with 502.
func (s *Server) ProxyURL() string { return s.URL }

// Credential returns a credential that makes tokens of the default service
// principal by itself, without a request to the emulated authority. It serves
// every scope.
func (s *Server) Credential() azcore.TokenCredential { return &credential{s} }

type credential struct{ srv *Server }

// GetToken implements azcore.TokenCredential.
func (c *credential) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	if err := ctx.Err(); err != nil {
		return azcore.AccessToken{}, err
	}
	if len(options.Scopes) != 1 {
		return azcore.AccessToken{}, fmt.Errorf("azuremltest: a token is for one scope, not for %d", len(options.Scopes))
	}
	audience, ok := strings.CutSuffix(options.Scopes[0], "/.default")
	if !ok {
		return azcore.AccessToken{}, fmt.Errorf("azuremltest: scope %q does not end with /.default", options.Scopes[0])
	}
	token := c.srv.Token(TokenOptions{TenantID: options.TenantID, Audience: audience})
	return azcore.AccessToken{Token: token, ExpiresOn: time.Now().Add(c.srv.opts.TokenLifetime).UTC()}, nil
}

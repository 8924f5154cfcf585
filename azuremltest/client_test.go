package azuremltest_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	arm          = "https://management.azure.com"
	workspaceURL = arm + "/subscriptions/" + azuremltest.SubscriptionID + "/resourceGroups/" + azuremltest.ResourceGroup +
		"/providers/Microsoft.MachineLearningServices/workspaces/" + azuremltest.WorkspaceName
	armScope = "https://management.core.windows.net//.default"
)

// newServer starts a server that is closed at the end of the test.
func newServer(t testing.TB, options *azuremltest.Options) *azuremltest.Server {
	t.Helper()
	srv := azuremltest.NewServer(options)
	t.Cleanup(srv.Close)
	return srv
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	text   string
	body   map[string]any // nil if it is no JSON object
}

// do sends a request with the default principal's token and a JSON body.
func do(t testing.TB, srv *azuremltest.Server, method, url, body string, header ...string) answer {
	t.Helper()
	a, err := try(srv, method, url, body, append([]string{"Authorization", "Bearer " + srv.Token(azuremltest.TokenOptions{})}, header...)...)
	require.NoError(t, err)
	return a
}

// try sends a request with the given headers, of which the last of a name wins.
func try(srv *azuremltest.Server, method, url, body string, header ...string) (answer, error) {
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
		if header[i+1] == "" {
			req.Header.Del(header[i])
		}
	}
	return read(srv.Client().Do(req))
}

// read takes an answer in.
func read(resp *http.Response, err error) (answer, error) {
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	a := answer{status: resp.StatusCode, header: resp.Header, text: string(text)}
	json.Unmarshal(text, &a.body) // not all bodies are JSON
	return a, err
}

// at walks down a JSON body along keys and indexes.
func (a answer) at(path ...any) any {
	var v any = a.body
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

func TestCredentialOfAzidentity(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	cred, err := azidentity.NewClientSecretCredential(azuremltest.TenantID, azuremltest.ClientID, azuremltest.ClientSecret,
		&azidentity.ClientSecretCredentialOptions{ClientOptions: srv.ClientOptions()})
	require.NoError(t, err)

	token, err := cred.GetToken(context.Background(), policy.TokenRequestOptions{Scopes: []string{armScope}, EnableCAE: true})
	require.NoError(t, err)
	assert.WithinDuration(t, time.Now().Add(time.Hour), token.ExpiresOn, 5*time.Second)

	a, err := try(srv, http.MethodGet, workspaceURL+"?api-version=2024-04-01", "", "Authorization", "Bearer "+token.Token)
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, a.status)
	assert.Equal(t, azuremltest.WorkspaceName, a.at("name"))

	var seen []string
	for _, r := range srv.Requests() {
		seen = append(seen, r.Method+" "+r.Host+r.URL.Path)
	}
	assert.Equal(t, []string{
		"GET login.microsoftonline.com/common/discovery/instance",
		"GET login.microsoftonline.com/" + azuremltest.TenantID + "/v2.0/.well-known/openid-configuration",
		"POST login.microsoftonline.com/" + azuremltest.TenantID + "/oauth2/v2.0/token",
		"GET management.azure.com" + strings.TrimPrefix(workspaceURL, arm),
	}, seen)
}

func TestCredentialOfAzidentityRefused(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	for name, c := range map[string]struct{ tenant, client, secret, want string }{
		"secret": {azuremltest.TenantID, azuremltest.ClientID, "wrong", "AADSTS7000215"},
		"client": {azuremltest.TenantID, "99999999-9999-9999-9999-999999999999", azuremltest.ClientSecret, "AADSTS700016"},
		"tenant": {"99999999-9999-9999-9999-999999999999", azuremltest.ClientID, azuremltest.ClientSecret, "AADSTS90002"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cred, err := azidentity.NewClientSecretCredential(c.tenant, c.client, c.secret,
				&azidentity.ClientSecretCredentialOptions{ClientOptions: srv.ClientOptions()})
			require.NoError(t, err)
			_, err = cred.GetToken(context.Background(), policy.TokenRequestOptions{Scopes: []string{armScope}})
			var failed *azidentity.AuthenticationFailedError
			require.ErrorAs(t, err, &failed)
			assert.ErrorContains(t, err, c.want)
		})
	}
}

func TestOwnCredential(t *testing.T) {
	t.Parallel()
	srv := newServer(t, &azuremltest.Options{TokenLifetime: 10 * time.Minute})
	token, err := srv.Credential().GetToken(context.Background(), policy.TokenRequestOptions{Scopes: []string{armScope}})
	require.NoError(t, err)
	assert.WithinDuration(t, time.Now().Add(10*time.Minute), token.ExpiresOn, 5*time.Second)
	a, err := try(srv, http.MethodGet, arm+"/subscriptions?api-version=2021-01-01", "", "Authorization", "Bearer "+token.Token)
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, a.status)

	_, err = srv.Credential().GetToken(context.Background(), policy.TokenRequestOptions{})
	assert.Error(t, err)
	_, err = srv.Credential().GetToken(context.Background(), policy.TokenRequestOptions{Scopes: []string{"https://management.azure.com/"}})
	assert.Error(t, err)
}

// As any program in any language does it: HTTP_PROXY, HTTPS_PROXY and a file
// with the certificate authority.
func TestProxy(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	proxy, err := url.Parse(srv.ProxyURL())
	require.NoError(t, err)
	transport := &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: srv.CertPool()}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}

	a, err := read(client.Get(arm + "/metadata/endpoints?api-version=2019-05-01"))
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, a.status)

	_, err = read(client.Get("https://example.com/"))
	assert.ErrorContains(t, err, "Bad Gateway")
	a, err = read(client.Get("http://example.com/"))
	require.NoError(t, err)
	assert.Equal(t, http.StatusBadGateway, a.status)
	assert.Contains(t, a.text, "example.com is not a host that is emulated")

	a, err = read(http.Get(srv.URL + "/ca.pem"))
	require.NoError(t, err)
	assert.Equal(t, string(srv.CACertificate()), a.text)
	a, err = read(http.Get(srv.URL + "/subscriptions"))
	require.NoError(t, err)
	assert.Equal(t, http.StatusNotFound, a.status)
	assert.Contains(t, a.text, "proxy")
}

func TestForeignHostIsRefusedOverTLS(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	a, err := try(srv, http.MethodGet, "https://example.com/", "")
	require.NoError(t, err)
	assert.Equal(t, http.StatusBadGateway, a.status)
}

func TestTLSIsVerified(t *testing.T) {
	t.Parallel()
	srv, other := newServer(t, nil), newServer(t, nil)
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", strings.TrimPrefix(srv.URL, "http://"))
	}
	transport := &http.Transport{DialContext: dial, TLSClientConfig: &tls.Config{RootCAs: other.CertPool()}}
	defer transport.CloseIdleConnections()
	_, err := (&http.Client{Transport: transport}).Get(arm + "/subscriptions")
	var unknown *tls.CertificateVerificationError
	assert.ErrorAs(t, err, &unknown)
}

func TestHTTP2(t *testing.T) {
	t.Parallel()
	for _, on := range []bool{false, true} {
		srv := newServer(t, &azuremltest.Options{HTTP2: on})
		resp, err := srv.Client().Get(arm + "/metadata/endpoints")
		require.NoError(t, err)
		resp.Body.Close()
		assert.Equal(t, on, resp.ProtoMajor == 2)
	}
}

func TestInMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := azuremltest.NewServer(&azuremltest.Options{InMemory: true})
		defer srv.Close()
		assert.Empty(t, srv.URL)
		cred, err := azidentity.NewClientSecretCredential(azuremltest.TenantID, azuremltest.ClientID, azuremltest.ClientSecret,
			&azidentity.ClientSecretCredentialOptions{ClientOptions: srv.ClientOptions()})
		require.NoError(t, err)
		token, err := cred.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{armScope}})
		require.NoError(t, err)
		get := func() answer {
			a, err := try(srv, http.MethodGet, workspaceURL+"?api-version=2024-04-01", "", "Authorization", "Bearer "+token.Token)
			require.NoError(t, err)
			return a
		}
		assert.Equal(t, http.StatusOK, get().status)
		time.Sleep(59 * time.Minute)
		assert.Equal(t, http.StatusOK, get().status)
		time.Sleep(2 * time.Minute)
		a := get()
		assert.Equal(t, http.StatusUnauthorized, a.status)
		assert.Equal(t, "ExpiredAuthenticationToken", a.at("error", "code"))
	})
}

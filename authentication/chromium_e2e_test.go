package authentication_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/authentication"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/workspace"
)

// chromiumLogin is a person at a browser, and a program that wants to open a workspace.
// Both reach the emulator as programs reach Azure from behind a proxy: under the real
// names, over TLS, trusting the emulator's certificates alone.
type chromiumLogin struct {
	*chromium
	srv    *azuremltest.Server
	record string
	done   chan error
}

const (
	person       = "user@contoso.example"
	stranger     = "guest@fabrikam.example"
	otherTenant  = "99999999-9999-4999-8999-999999999999"
	signInButton = `button[value="login"]`
)

// begin starts the program; the browser shows what the program opens.
func (c *chromiumLogin) begin(ctx context.Context, t *testing.T, tenant string) *url.URL {
	t.Helper()
	c.t = t
	proxy, err := url.Parse(c.srv.ProxyURL())
	require.NoError(t, err)
	transport := &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: c.srv.CertPool()}}
	t.Cleanup(transport.CloseIdleConnections)
	through := azcore.ClientOptions{Transport: &http.Client{Transport: transport}}
	address := opener(t)
	c.record = filepath.Join(t.TempDir(), "record.json")
	login, err := authentication.NewInteractiveLogin(&authentication.InteractiveLoginOptions{
		ClientOptions: through, TenantID: tenant, Prompt: authentication.PromptAlways,
		DisableAzureCLI: true, Output: io.Discard, RecordFile: c.record, Timeout: time.Minute,
	})
	require.NoError(t, err)
	done := make(chan error, 1)
	c.done = done
	go func() {
		_, err := workspace.Get(ctx, azuremltest.WorkspaceName, login, &workspace.GetOptions{
			ClientOptions: through, SubscriptionID: azuremltest.SubscriptionID, ResourceGroup: azuremltest.ResourceGroup,
		})
		done <- err
	}()
	page, ok := <-address
	require.True(t, ok, "no browser was opened")
	c.open(page)
	c.reads("Sign in")
	assert.Equal(t, page, c.address())
	shown, err := url.Parse(page)
	require.NoError(t, err)
	return shown
}

// TestHeavyChromium signs a person in with a real browser.
func TestHeavyChromium(t *testing.T) {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	srv.AddTenant(azuremltest.Tenant{ID: otherTenant})
	srv.AddUser(azuremltest.User{Name: person})
	srv.AddUser(azuremltest.User{Name: stranger, TenantID: otherTenant})
	c := &chromiumLogin{chromium: openChromium(t, srv), srv: srv}

	t.Run("signs in", func(t *testing.T) {
		page := c.begin(t.Context(), t, azuremltest.TenantID)
		c.enter(`input[name="login"]`, stranger)
		c.click(signInButton)
		c.reads("We couldn't find an account with that username.")
		c.enter(`input[name="login"]`, person)
		c.click(signInButton)
		c.reads("Authentication complete. You can return to the application. Feel free to close this browser tab.")
		assert.True(t, strings.HasPrefix(c.address(), page.Query().Get("redirect_uri")), c.address())
		require.NoError(t, <-c.done)
		assert.True(t, c.closed(page), "the listener is gone")
		noted, err := os.ReadFile(c.record)
		require.NoError(t, err)
		assert.Contains(t, string(noted), person)
		c.wasABrowser()
	})

	t.Run("cancels", func(t *testing.T) {
		c.begin(t.Context(), t, azuremltest.TenantID)
		c.click(`button[value="cancel"]`)
		c.reads("Authentication failed.")
		c.reads("AADSTS65004")
		err := <-c.done
		require.ErrorIs(t, err, azureml.ErrUnauthorized)
		assert.True(t, azureml.HasCode(err, "AADSTS65004"))
		assert.Contains(t, azureml.Explain(err), "What to do:")
		assert.NoFileExists(t, c.record)
	})

	// Without a tenant people are signed in to their own, which need not be that of the
	// workspace.
	t.Run("picks a user of another tenant", func(t *testing.T) {
		c.begin(t.Context(), t, "")
		c.enter(`input[name="login"]`, stranger)
		c.click(signInButton)
		c.reads("Authentication complete.")
		err := <-c.done
		require.ErrorIs(t, err, azureml.ErrUnauthorized)
		assert.True(t, azureml.HasCode(err, "InvalidAuthenticationTokenTenant"))
		assert.Contains(t, azureml.Explain(err), otherTenant, "the tenant of the token")
		assert.Contains(t, azureml.Explain(err), azuremltest.TenantID, "the tenant of the workspace")
	})

	t.Run("walks away", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		page := c.begin(ctx, t, azuremltest.TenantID)
		before := tokenRequests(srv)
		cancel()
		start := time.Now()
		require.ErrorIs(t, <-c.done, context.Canceled)
		assert.Less(t, time.Since(start), 5*time.Second)
		assert.True(t, c.closed(page), "the listener is gone")
		// Too late: there is nobody any more to bring the code to.
		c.enter(`input[name="login"]`, person)
		c.click(signInButton)
		c.reads("ERR_CONNECTION_REFUSED")
		assert.Equal(t, before, tokenRequests(srv))
		assert.NoFileExists(t, c.record)
	})
}

// closed tells whether nothing listens any more where the page sends its answer.
func (c *chromiumLogin) closed(page *url.URL) bool {
	c.t.Helper()
	redirect, err := url.Parse(page.Query().Get("redirect_uri"))
	require.NoError(c.t, err)
	return assert.Eventually(c.t, func() bool {
		conn, err := net.DialTimeout("tcp", redirect.Host, time.Second)
		if err == nil {
			conn.Close()
		}
		return err != nil
	}, 5*time.Second, 20*time.Millisecond)
}

// wasABrowser: the page was asked for by Chromium itself, through the proxy and over TLS.
func (c *chromiumLogin) wasABrowser() {
	c.t.Helper()
	for _, r := range c.srv.Requests() {
		if strings.HasSuffix(r.URL.Path, "/authorize") && strings.Contains(r.Header.Get("User-Agent"), "Chrome/") {
			assert.Equal(c.t, "https", r.URL.Scheme)
			assert.Equal(c.t, "login.microsoftonline.com", r.URL.Host)
			return
		}
	}
	assert.Fail(c.t, "no browser asked for the page")
}

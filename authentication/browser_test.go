package authentication

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
)

// browserAuthority is an authority whose sign-in page is left to the test.
type browserAuthority struct {
	pending
	mu    sync.Mutex
	forms []url.Values
	token string
}

func (a *browserAuthority) Do(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.URL.Path, "/token") {
		return a.pending.Do(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	a.forms = append(a.forms, form)
	a.mu.Unlock()
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(a.token)), Request: r}, nil
}

// opened waits until the scripted opener was given an address.
func opened(ctx context.Context, t *testing.T, calls string) *url.URL {
	t.Helper()
	for ctx.Err() == nil {
		if all := lines(t, calls); len(all) > 0 && all[0] != "" {
			u, err := url.Parse(all[0])
			require.NoError(t, err)
			return u
		}
		time.Sleep(5 * time.Millisecond)
	}
	require.FailNow(t, "no browser was opened")
	return nil
}

// signInPage does what the page does in the end: it makes the browser post a form to
// the program.
func signInPage(t *testing.T, page *url.URL, form url.Values) {
	t.Helper()
	form.Set("state", page.Query().Get("state"))
	resp, err := http.PostForm(page.Query().Get("redirect_uri"), form)
	require.NoError(t, err)
	resp.Body.Close()
}

func browserLogin(t *testing.T, a *browserAuthority, record string) (l *InteractiveLogin, calls string, output *bytes.Buffer) {
	t.Helper()
	t.Setenv("DISPLAY", ":0")
	calls = script(t, "xdg-open", "exit 0")
	output = &bytes.Buffer{}
	l, err := NewInteractiveLogin(&InteractiveLoginOptions{
		ClientOptions: azcoreOptions(a), Prompt: PromptAlways, DisableAzureCLI: true, DisableInstanceDiscovery: true, Force: true,
		Output: output, Timeout: 20 * time.Second, RecordFile: record, LoginHint: "user@contoso.example",
	})
	require.NoError(t, err)
	return l, calls, output
}

func TestInteractiveLoginBrowser(t *testing.T) {
	part := func(s string) string { return strings.Split(jwtWith(s), ".")[1] }
	a := &browserAuthority{token: fmt.Sprintf(
		`{"token_type":"Bearer","expires_in":3600,"ext_expires_in":3600,"scope":%q,"access_token":"PLANTED-of-browser","refresh_token":"PLANTED-refresh","id_token":%q,"client_info":%q}`,
		armScope, jwtWith(`{"aud":"`+cliApplication+`","iss":"https://login.microsoftonline.com/`+testTenant+`/v2.0","exp":4102444800,"iat":1,"sub":"s","oid":"u","tid":"`+testTenant+`","preferred_username":"user@contoso.example"}`),
		part(`{"uid":"u","utid":"`+testTenant+`"}`))}
	record := filepath.Join(t.TempDir(), "record.json")
	l, calls, output := browserLogin(t, a, record)
	done := make(chan error, 1)
	go func() {
		header, err := l.Header(t.Context())
		if err == nil && header.Get("Authorization") != "Bearer PLANTED-of-browser" {
			err = fmt.Errorf("header is %v", header)
		}
		done <- err
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	page := opened(ctx, t, calls)
	assert.Equal(t, "login.microsoftonline.com", page.Host)
	assert.Equal(t, "/organizations/oauth2/v2.0/authorize", page.Path)
	for name, want := range map[string]string{
		"client_id": cliApplication, "response_type": "code", "code_challenge_method": "S256", "response_mode": "form_post", "login_hint": "user@contoso.example",
	} {
		assert.Equal(t, want, page.Query().Get(name), name)
	}
	signInPage(t, page, url.Values{"code": {"CODE-FAKE"}})
	require.NoError(t, <-done)
	require.Len(t, a.forms, 1)
	assert.Equal(t, "authorization_code", a.forms[0].Get("grant_type"))
	assert.Equal(t, "CODE-FAKE", a.forms[0].Get("code"))
	assert.NotEmpty(t, a.forms[0].Get("code_verifier"))
	assert.Equal(t, "Sign in with the browser that opens now.\n", output.String())
	assert.Equal(t, "user@contoso.example", recordFile{record}.read().Username)
	noSecret(t, l, "PLANTED")
}

func TestInteractiveLoginBrowserDeclined(t *testing.T) {
	l, calls, _ := browserLogin(t, &browserAuthority{}, noRecord)
	done := make(chan error, 1)
	go func() { _, err := l.Header(t.Context()); done <- err }()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	signInPage(t, opened(ctx, t, calls), url.Values{"error": {"access_denied"}, "error_description": {"AADSTS65004: User declined to consent to access the app."}})
	err := <-done
	require.ErrorIs(t, err, azureml.ErrUnauthorized)
	assert.Equal(t, "AADSTS65004", failure(t, err).Code)
	assert.Contains(t, failure(t, err).Remedy, "consent")
}

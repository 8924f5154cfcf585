package authentication_test

import (
	"bytes"
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/authentication"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/workspace"
)

// screen is what a person sees; show is called with each text.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
	show func(string)
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.show != nil {
		s.show(string(p))
	}
	return s.text.Write(p)
}

var userCode = regexp.MustCompile(`enter the code (\S+) to`)

// TestDeviceCodeAgainstTheEmulator: a person needs a minute; the sign-in then lasts for a
// day of work without another question.
func TestDeviceCodeAgainstTheEmulator(t *testing.T) {
	t.Parallel()
	for _, declines := range []bool{false, true} {
		t.Run(fmt.Sprint("declines ", declines), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := azuremltest.NewServer(&azuremltest.Options{InMemory: true})
				defer srv.Close()
				user := srv.AddUser(azuremltest.User{Name: "user@contoso.example"})
				asked := 0
				output := &screen{show: func(text string) {
					asked++
					code := userCode.FindStringSubmatch(text)[1]
					go func() {
						time.Sleep(time.Minute)
						if declines {
							assert.True(t, srv.DeclineDeviceLogin(code))
						} else {
							assert.True(t, srv.CompleteDeviceLogin(code, user))
						}
					}()
				}}
				login, err := authentication.NewInteractiveLogin(&authentication.InteractiveLoginOptions{
					ClientOptions: srv.ClientOptions(), Method: authentication.LoginDeviceCode, Prompt: authentication.PromptAlways,
					DisableAzureCLI: true, Output: output, RecordFile: "none",
				})
				require.NoError(t, err)
				ws, err := workspace.Get(t.Context(), azuremltest.WorkspaceName, login, options(srv))
				if declines {
					require.ErrorIs(t, err, azureml.ErrUnauthorized)
					assert.True(t, azureml.HasCode(err, "AADSTS70018"))
					return
				}
				require.NoError(t, err)
				for range 24 {
					time.Sleep(time.Hour)
					_, err = ws.Refresh(t.Context())
					require.NoError(t, err)
				}
				assert.Equal(t, 1, asked)
			})
		})
	}
}

// opener puts a scripted xdg-open first in PATH; the address that it is given is sent to
// the channel.
func opener(t *testing.T) <-chan string {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("other systems open browsers in other ways")
	}
	folder := t.TempDir()
	noted := filepath.Join(folder, "address")
	script := fmt.Sprintf("#!/bin/sh\nprintf '%%s' \"$1\" > '%[1]s.new' && mv '%[1]s.new' '%[1]s'\n", noted)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "xdg-open"), []byte(script), 0o700)) //nolint:gosec // a script has to be executable
	t.Setenv("PATH", folder+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Setenv("DISPLAY", ":0")
	address := make(chan string, 1)
	go func() {
		for range 2000 {
			if data, err := os.ReadFile(noted); err == nil {
				address <- string(data)
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
		close(address)
	}()
	return address
}

var (
	formAction = regexp.MustCompile(`<form method="post" action="([^"]+)">`)
	formField  = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)
)

// browse does what a person with a browser does: fills in the sign-in page, and lets the
// page that follows post its form to the program.
func browse(t *testing.T, srv *azuremltest.Server, page string, enter url.Values) {
	t.Helper()
	resp, err := srv.Client().Get(page)
	require.NoError(t, err)
	shown, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode, string(shown))
	assert.Contains(t, string(shown), `name="login"`)

	resp, err = srv.Client().PostForm(page, enter)
	require.NoError(t, err)
	shown, err = io.ReadAll(resp.Body)
	resp.Body.Close()
	require.NoError(t, err)
	action := formAction.FindStringSubmatch(string(shown))
	require.NotNil(t, action, string(shown))
	fields := url.Values{}
	for _, m := range formField.FindAllStringSubmatch(string(shown), -1) {
		fields.Set(html.UnescapeString(m[1]), html.UnescapeString(m[2]))
	}
	resp, err = http.PostForm(html.UnescapeString(action[1]), fields)
	require.NoError(t, err)
	resp.Body.Close()
}

func TestBrowserAgainstTheEmulator(t *testing.T) {
	for _, cancels := range []bool{false, true} {
		t.Run(fmt.Sprint("cancels ", cancels), func(t *testing.T) {
			srv := azuremltest.NewServer(nil)
			defer srv.Close()
			srv.AddUser(azuremltest.User{Name: "user@contoso.example"})
			address := opener(t)
			record := filepath.Join(t.TempDir(), "record.json")
			login, err := authentication.NewInteractiveLogin(&authentication.InteractiveLoginOptions{
				ClientOptions: srv.ClientOptions(), TenantID: azuremltest.TenantID, Prompt: authentication.PromptAlways,
				DisableAzureCLI: true, Output: io.Discard, RecordFile: record, Timeout: time.Minute,
			})
			require.NoError(t, err)
			done := make(chan error, 1)
			go func() {
				_, err := workspace.Get(t.Context(), azuremltest.WorkspaceName, login, options(srv))
				done <- err
			}()
			page, ok := <-address
			require.True(t, ok, "no browser was opened")
			enter := url.Values{"login": {"USER@contoso.example"}, "action": {"login"}}
			if cancels {
				enter.Set("action", "cancel")
			}
			browse(t, srv, page, enter)
			err = <-done
			if cancels {
				require.ErrorIs(t, err, azureml.ErrUnauthorized)
				assert.True(t, azureml.HasCode(err, "AADSTS65004"))
				return
			}
			require.NoError(t, err)
			data, err := os.ReadFile(record)
			require.NoError(t, err)
			assert.Contains(t, string(data), "user@contoso.example")

			// The next login begins with the name that was noted.
			address = opener(t)
			login, err = authentication.NewInteractiveLogin(&authentication.InteractiveLoginOptions{
				ClientOptions: srv.ClientOptions(), Prompt: authentication.PromptAlways, DisableAzureCLI: true, Output: io.Discard, RecordFile: record,
			})
			require.NoError(t, err)
			ctx, cancel := context.WithCancel(t.Context())
			go func() { _, err := login.Header(ctx); done <- err }()
			page, ok = <-address
			cancel()
			require.True(t, ok, "no browser was opened")
			require.ErrorIs(t, <-done, context.Canceled)
			next, err := url.Parse(page)
			require.NoError(t, err)
			assert.Equal(t, "user@contoso.example", next.Query().Get("login_hint"))
		})
	}
}

// TestManagedIdentityAgainstTheEmulator has an audience of its own for each case, as the
// tokens of managed identities are kept for the whole process.
func TestManagedIdentityAgainstTheEmulator(t *testing.T) {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	const resource = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i"
	user := srv.AddManagedIdentity(azuremltest.ManagedIdentity{ResourceID: resource})
	ask := func(name string, o *authentication.ManagedIdentityOptions) error {
		o.ClientOptions = srv.ClientOptions()
		m, err := authentication.NewManagedIdentity(o)
		require.NoError(t, err)
		token, err := m.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"https://" + name + ".e2e.invalid/.default"}})
		if err == nil {
			assert.WithinDuration(t, time.Now().Add(time.Hour), token.ExpiresOn, time.Minute)
		}
		return err
	}
	require.NoError(t, ask("client", &authentication.ManagedIdentityOptions{ClientID: user.ClientID}))
	require.NoError(t, ask("object", &authentication.ManagedIdentityOptions{ObjectID: user.ObjectID}))
	require.NoError(t, ask("resource", &authentication.ManagedIdentityOptions{ResourceID: resource}))
	err := ask("none", &authentication.ManagedIdentityOptions{})
	require.ErrorIs(t, err, azureml.ErrUnauthorized, "the machine has no identity of its own yet")
	assert.ErrorContains(t, err, "Identity not found")
	srv.AddManagedIdentity(azuremltest.ManagedIdentity{})
	require.NoError(t, ask("system", &authentication.ManagedIdentityOptions{}))

	t.Run("App Service", func(t *testing.T) {
		t.Setenv("IDENTITY_ENDPOINT", srv.IdentityEndpoint())
		t.Setenv("IDENTITY_HEADER", azuremltest.IdentityHeader)
		require.NoError(t, ask("app-service", &authentication.ManagedIdentityOptions{ClientID: user.ClientID}))
	})
	t.Run("Azure ML", func(t *testing.T) {
		t.Setenv("MSI_ENDPOINT", srv.IdentityEndpoint())
		t.Setenv("MSI_SECRET", azuremltest.IdentityHeader)
		t.Setenv("DEFAULT_IDENTITY_CLIENT_ID", user.ClientID)
		require.NoError(t, ask("azure-ml", &authentication.ManagedIdentityOptions{}))
		t.Setenv("MSI_SECRET", "wrong")
		require.ErrorIs(t, ask("azure-ml-wrong", &authentication.ManagedIdentityOptions{}), azureml.ErrUnauthorized)
	})
}

// TestNilIsTheDefaultCredential: a workspace is opened with what the environment has.
func TestNilIsTheDefaultCredential(t *testing.T) {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	t.Setenv("AML_TENANT_ID", azuremltest.TenantID)
	t.Setenv("AML_PRINCIPAL_ID", azuremltest.ClientID)
	t.Setenv("AML_PRINCIPAL_PASS", azuremltest.ClientSecret+"\n")
	ws, err := workspace.Get(context.Background(), azuremltest.WorkspaceName, nil, options(srv))
	require.NoError(t, err)
	assert.True(t, strings.EqualFold(azuremltest.WorkspaceName, ws.Name))
}

package recipes

import (
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
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/authentication"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/workspace"
)

// Rows where a person, or the Azure CLI, signs in. They put stand-ins for the browser's
// opener and for az first in PATH.
var signInRecipes = []recipe{
	{id: "A01", python: "`Workspace.from_config()`", title: "Workspace.from_config() with interactive login as the default", run: recipeFromConfig, serial: true},
	{id: "A02", python: "`Workspace(subscription_id, resource_group, workspace_name)`", title: "Workspace(subscription_id, resource_group, workspace_name) with interactive login", run: recipeInteractive, serial: true},
	{id: "A03", python: "`InteractiveLoginAuthentication(tenant_id=…)`", title: "InteractiveLoginAuthentication(tenant_id=…) for a user in several tenants", run: recipeTenant, serial: true},
	{id: "A04", python: "`AzureCliAuthentication()`", title: "use what the Azure CLI is logged in as", run: recipeAzureCLI, serial: true},
	{id: "A11", python: "`az login --service-principal …`", title: "a service principal logged in through the Azure CLI", run: recipeAzureCLIPrincipal, serial: true},
}

const (
	userName    = "ada@contoso.example"
	otherTenant = "99999999-9999-4999-8999-999999999999"
)

// desk is a machine at which a person sits who has not worked with Azure yet.
type desk struct {
	*world
	tools   string       // a folder first in PATH
	windows atomic.Int32 // of the browser that have been opened
}

func newDesk(t *testing.T, w *world) *desk {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("other systems open browsers in other ways")
	}
	home := t.TempDir()
	for _, name := range []string{"HOME", "XDG_CONFIG_HOME", "AZURE_CONFIG_DIR"} {
		t.Setenv(name, home)
	}
	d := &desk{world: w, tools: t.TempDir()}
	t.Setenv("PATH", d.tools+string(os.PathListSeparator)+os.Getenv("PATH"))
	d.tool("az", "echo \"ERROR: Please run 'az login' to setup account.\" >&2; exit 1")
	return d
}

// tool makes a program of the desk's.
func (d *desk) tool(name, script string) {
	d.t.Helper()
	require.NoError(d.t, os.WriteFile(filepath.Join(d.tools, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700)) //nolint:gosec // a script has to be executable
}

// loggedInAs makes the desk's az answer like one that is logged in.
func (d *desk) loggedInAs(token string) {
	d.tool("az", fmt.Sprintf(`[ "$1 $2" = "account get-access-token" ] || exit 2
echo '{"accessToken":%q,"expiresOn":"2026-01-05 11:05:00.000000","expires_on":%d,"subscription":%q,"tenant":%q,"tokenType":"Bearer"}'`,
		token, time.Now().Add(time.Hour).Unix(), azuremltest.SubscriptionID, azuremltest.TenantID))
}

// browser lets the person sign in as user in each window that opens, until the test ends.
func (d *desk) browser(user string) {
	d.t.Setenv("DISPLAY", ":0")
	noted := filepath.Join(d.tools, "address")
	d.tool("xdg-open", fmt.Sprintf(`printf '%%s' "$1" > '%[1]s.new' && mv '%[1]s.new' '%[1]s'`, noted))
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			if address, err := os.ReadFile(noted); err == nil && os.Remove(noted) == nil {
				d.windows.Add(1)
				assert.NoError(d.t, d.signIn(string(address), user))
			}
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	d.t.Cleanup(func() { close(stop); <-stopped })
}

var (
	formAction = regexp.MustCompile(`<form method="post" action="([^"]+)">`)
	formField  = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)
)

// signIn enters the user's name on the page, and does what the page that follows makes a
// browser do: it brings the answer to the program that opened it.
func (d *desk) signIn(page, user string) error {
	send := func(client *http.Client, address string, form url.Values) (string, error) {
		resp, err := client.PostForm(address, form)
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		return string(text), err
	}
	shown, err := send(d.srv.Client(), page, url.Values{"login": {user}, "action": {"login"}})
	if err != nil {
		return err
	}
	action := formAction.FindStringSubmatch(shown)
	if action == nil {
		return fmt.Errorf("the page has no form that goes on: %s", shown)
	}
	fields := url.Values{}
	for _, m := range formField.FindAllStringSubmatch(shown, -1) {
		fields.Set(html.UnescapeString(m[1]), html.UnescapeString(m[2]))
	}
	done, err := send(http.DefaultClient, html.UnescapeString(action[1]), fields)
	if err == nil && !strings.Contains(done, "You can return to the application") {
		err = fmt.Errorf("the program said: %s", done)
	}
	return err
}

// terminal makes standard input a terminal, as it is for a person. Whatever is written
// meanwhile to standard error is dropped.
func terminal(t *testing.T) {
	t.Helper()
	in, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no terminal can be made here: ", err)
	}
	out, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	require.NoError(t, err)
	stdin, stderr := os.Stdin, os.Stderr
	os.Stdin, os.Stderr = in, out
	t.Cleanup(func() {
		os.Stdin, os.Stderr = stdin, stderr
		in.Close()
		out.Close()
	})
}

// recipeFromConfig gives no credential at all. Nobody is signed in anywhere, so the
// browser opens.
func recipeFromConfig(t *testing.T, w *world) {
	d := newDesk(t, w)
	w.srv.AddUser(azuremltest.User{Name: userName})
	d.browser(userName)
	terminal(t)
	project := t.TempDir()
	t.Chdir(project)
	require.NoError(t, os.WriteFile("config.json", fmt.Appendf(nil, `{"subscription_id": %q, "resource_group": %q, "workspace_name": %q}`,
		azuremltest.SubscriptionID, azuremltest.ResourceGroup, azuremltest.WorkspaceName), 0o600))
	ws, err := workspace.FromConfig(t.Context(), nil, &workspace.FromConfigOptions{ClientOptions: w.srv.ClientOptions()}) // README: A01
	require.NoError(t, err)
	assert.Equal(t, azuremltest.WorkspaceName, ws.Name)
	assert.Equal(t, "config.json", filepath.Base(ws.ConfigFile))
	assert.EqualValues(t, 1, d.windows.Load())
}

// login is an interactive login at the desk.
func (d *desk) login(o authentication.InteractiveLoginOptions) *authentication.InteractiveLogin {
	d.t.Helper()
	o.ClientOptions, o.Prompt, o.Output = d.srv.ClientOptions(), authentication.PromptAlways, io.Discard
	login, err := authentication.NewInteractiveLogin(&o)
	require.NoError(d.t, err)
	return login
}

func recipeInteractive(t *testing.T, w *world) {
	d := newDesk(t, w)
	w.srv.AddUser(azuremltest.User{Name: userName})
	d.browser(userName)
	login := d.login(authentication.InteractiveLoginOptions{}) // README: A02
	for range 2 {
		ws, err := workspace.Get(t.Context(), azuremltest.WorkspaceName, login, w.options()) // README: A02
		require.NoError(t, err)
		assert.Equal(t, azuremltest.ResourceGroup, ws.ResourceGroup)
	}
	assert.EqualValues(t, 1, d.windows.Load(), "asked once for all that is done with the login")
}

// recipeTenant: the person is at home elsewhere, and a guest where the workspace is.
func recipeTenant(t *testing.T, w *world) {
	d := newDesk(t, w)
	w.srv.AddTenant(azuremltest.Tenant{ID: otherTenant})
	w.srv.AddUser(azuremltest.User{Name: userName, TenantID: otherTenant})
	w.srv.AddUser(azuremltest.User{Name: userName, Guest: true})
	d.browser(userName)
	_, err := workspace.Get(t.Context(), azuremltest.WorkspaceName, d.login(authentication.InteractiveLoginOptions{}), w.options())
	require.ErrorIs(t, err, azureml.ErrUnauthorized)
	help := azureml.Explain(err)
	assert.Contains(t, help, otherTenant, "where the person signed in")
	assert.Contains(t, help, azuremltest.TenantID, "where the subscription is")

	login := d.login(authentication.InteractiveLoginOptions{TenantID: azuremltest.TenantID}) // README: A03
	ws, err := workspace.Get(t.Context(), azuremltest.WorkspaceName, login, w.options())
	require.NoError(t, err)
	assert.Equal(t, azuremltest.WorkspaceName, ws.Name)
}

// files are the names and contents below the CLI's folder.
func files(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	folder := os.Getenv("AZURE_CONFIG_DIR")
	require.NoError(t, filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		found[path] = string(data)
		return err
	}))
	return found
}

func recipeAzureCLI(t *testing.T, w *world) {
	d := newDesk(t, w)
	require.NoError(t, os.WriteFile(filepath.Join(os.Getenv("AZURE_CONFIG_DIR"), "azureProfile.json"), []byte(`{"subscriptions":[]}`), 0o600))
	before := files(t)
	cli, err := authentication.NewAzureCLI(nil) // README: A04
	require.NoError(t, err)
	_, err = workspace.Get(t.Context(), azuremltest.WorkspaceName, cli, w.options())
	require.ErrorIs(t, err, azureml.ErrInteractionRequired)
	assert.Contains(t, azureml.Explain(err), "az login")

	d.loggedInAs(w.srv.Token(azuremltest.TokenOptions{}))
	ws, err := workspace.Get(t.Context(), azuremltest.WorkspaceName, cli, w.options())
	require.NoError(t, err)
	assert.Equal(t, azuremltest.WorkspaceName, ws.Name)
	// Logins take it, too, instead of asking a person.
	_, err = workspace.Get(t.Context(), azuremltest.WorkspaceName, d.login(authentication.InteractiveLoginOptions{}), w.options())
	require.NoError(t, err)
	assert.Equal(t, before, files(t), "the CLI's files are the CLI's")
}

// recipeAzureCLIPrincipal: whoever az is logged in as is who works, here a principal that
// may read only.
func recipeAzureCLIPrincipal(t *testing.T, w *world) {
	d := newDesk(t, w)
	app := w.reader()
	d.loggedInAs(w.srv.Token(azuremltest.TokenOptions{ClientID: app.ClientID}))
	cli, err := authentication.NewAzureCLI(nil) // README: A11
	require.NoError(t, err)
	ws, err := workspace.Get(t.Context(), azuremltest.WorkspaceName, cli, w.options()) // README: A11
	require.NoError(t, err)
	_, err = ws.Keys(t.Context())
	require.ErrorIs(t, err, azureml.ErrForbidden)
	assert.ErrorContains(t, err, app.ObjectID)
}

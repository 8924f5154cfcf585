package azuremltest_test

import (
	"bytes"
	"encoding/json"
	"go/parser"
	"go/token"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/azureml-go/azureml/azuremltest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tool finds a program, or skips the test.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed: %v", name, err)
	}
	return path
}

// pointed is the environment of a program that is pointed at the emulator, with nothing
// else in it that could tell it where to go.
func pointed(t *testing.T, srv *azuremltest.Server, more ...string) []string {
	t.Helper()
	authority := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(authority, srv.CACertificate(), 0o600))
	return append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "HTTPS_PROXY=" + srv.ProxyURL(),
		"HTTP_PROXY=" + srv.ProxyURL(), "http_proxy=" + srv.ProxyURL(), "SSL_CERT_FILE=" + authority}, more...)
}

// output runs a program and returns what it wrote.
func output(t *testing.T, env []string, name string, args ...string) (out, errOut string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	var o, e bytes.Buffer
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = env, t.TempDir(), &o, &e
	err = cmd.Run()
	return o.String(), e.String(), err
}

func TestCurl(t *testing.T) {
	t.Parallel()
	curl := tool(t, "curl")
	srv := newServer(t, nil)
	env := pointed(t, srv)
	get := func(args ...string) string {
		t.Helper()
		out, errOut, err := output(t, env, curl, append([]string{"--silent", "--show-error", "--fail-with-body"}, args...)...)
		require.NoError(t, err, out+errOut)
		return out
	}

	var token struct {
		AccessToken string `json:"access_token"`
	}
	require.NoError(t, json.Unmarshal([]byte(get("https://login.microsoftonline.com/"+azuremltest.TenantID+"/oauth2/v2.0/token",
		"--data", "grant_type=client_credentials", "--data", "client_id="+azuremltest.ClientID,
		"--data-urlencode", "client_secret="+azuremltest.ClientSecret, "--data-urlencode", "scope="+armScope)), &token))
	authorization := "Authorization: Bearer " + token.AccessToken
	assert.Contains(t, get("--header", authorization, workspaceURL+version), `"name":"`+azuremltest.WorkspaceName+`"`)

	// A service on a cluster without TLS is asked by plain HTTP, through the same proxy.
	srv.AddCompute(azuremltest.Workspace{}, azuremltest.Compute{Name: "aks"})
	srv.AddModel(azuremltest.Workspace{}, azuremltest.Model{Name: "m", Framework: "ScikitLearn"})
	service := srv.AddService(azuremltest.Workspace{}, map[string]any{"name": "svc", "computeType": "AKS", "computeName": "aks",
		"environmentImageRequest": map[string]any{"modelIds": []string{"m:1"}}})
	assert.True(t, strings.HasPrefix(service.ScoringURL, "http://"), service.ScoringURL)
	assert.Equal(t, "[1]", get("--header", "Authorization: Bearer "+service.PrimaryKey,
		"--header", "Content-Type: application/json", "--data", "[1]", service.ScoringURL))

	_, errOut, err := output(t, env, curl, "--silent", "--show-error", "https://example.com/")
	assert.Error(t, err)
	assert.Contains(t, errOut, "502")
	_, errOut, err = output(t, append(env, "SSL_CERT_FILE="), curl, "--silent", "--show-error", workspaceURL)
	assert.Error(t, err, "without the certificate authority")
	assert.Contains(t, strings.ToLower(errOut), "certificate")
}

// TestUnchangedProgram builds a program that has only azidentity and azcore and knows
// nothing of the emulator, and runs it.
func TestUnchangedProgram(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		t.Skip("programs written in Go take SSL_CERT_FILE only on other systems than Windows and macOS")
	}
	goTool := tool(t, "go")
	program := filepath.Join(t.TempDir(), "unchanged")
	built, err := exec.CommandContext(t.Context(), goTool, "build", "-o", program, "./testdata/unchanged").CombinedOutput()
	require.NoError(t, err, string(built))

	srv := newServer(t, nil)
	who := []string{"AZURE_TENANT_ID=" + azuremltest.TenantID, "AZURE_CLIENT_ID=" + azuremltest.ClientID}
	out, errOut, err := output(t, pointed(t, srv, append(who, "AZURE_CLIENT_SECRET="+azuremltest.ClientSecret)...), program)
	require.NoError(t, err, errOut)
	assert.Equal(t, azuremltest.SubscriptionID+"\n", out)

	_, errOut, err = output(t, pointed(t, srv, append(who, "AZURE_CLIENT_SECRET=wrong")...), program)
	assert.Error(t, err)
	assert.Contains(t, errOut, "AADSTS7000215")
}

// TestCommandsOfThePackageComment runs the shell commands that the package comment
// shows, as they stand there.
func TestCommandsOfThePackageComment(t *testing.T) {
	t.Parallel()
	tool(t, "curl")
	shell := tool(t, "sh")
	file, err := parser.ParseFile(token.NewFileSet(), "doc.go", nil, parser.ParseComments)
	require.NoError(t, err)
	var commands []string
	for _, line := range strings.Split(file.Doc.Text(), "\n") {
		line, isCode := strings.CutPrefix(line, "\t")
		if isCode && (strings.HasPrefix(line, "curl ") || strings.HasPrefix(line, "export ") || strings.HasPrefix(line, "  ")) {
			commands = append(commands, line)
		}
	}
	require.GreaterOrEqual(t, len(commands), 4)

	srv := newServer(t, nil)
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "URL=" + srv.ProxyURL()}
	out, errOut, err := output(t, env, shell, "-e", "-c", strings.Join(commands, "\n"))
	require.NoError(t, err, errOut)
	assert.Contains(t, out, `"access_token"`)

	var seen []string
	for _, r := range srv.Requests() {
		seen = append(seen, r.Method+" "+r.Host)
		assert.Equal(t, http.StatusOK, r.Status, r.URL)
	}
	assert.Equal(t, []string{"GET 127.0.0.1", "POST login.microsoftonline.com"}, seen)
}

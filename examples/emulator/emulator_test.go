package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/azureml-go/azureml/azuremltest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMain lets the test's own binary be the program.
func TestMain(m *testing.M) {
	if os.Getenv("EMULATOR_TEST_RUN") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// process is the program at work.
type process struct {
	cmd    *exec.Cmd
	env    map[string]string
	stderr *safeBuffer
	client *http.Client
}

// safeBuffer can be read while a process writes to it.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// start runs the program and waits for its variables.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("there are no interrupts to send")
	}
	p := &process{cmd: exec.Command(os.Args[0], append([]string{"-env-format", "json"}, args...)...), stderr: &safeBuffer{}}
	p.cmd.Env = []string{"EMULATOR_TEST_RUN=1", "TMPDIR=" + t.TempDir()}
	p.cmd.Stderr = p.stderr
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	t.Cleanup(func() { p.cmd.Process.Kill(); p.cmd.Wait() })
	require.NoError(t, json.NewDecoder(bufio.NewReader(out)).Decode(&p.env), p.stderr)
	proxy, err := url.Parse(p.env["HTTPS_PROXY"])
	require.NoError(t, err)
	pem, err := os.ReadFile(p.env["SSL_CERT_FILE"])
	require.NoError(t, err)
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(pem))
	transport := &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: pool}}
	t.Cleanup(transport.CloseIdleConnections)
	p.client = &http.Client{Transport: transport}
	return p
}

// send makes a request through the proxy.
func (p *process) send(t *testing.T, method, url, body string, header ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	require.NoError(t, err)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := p.client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(text)
}

// login gets a token with what the variables say.
func (p *process) login(t *testing.T) string {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {p.env["AZURE_CLIENT_ID"]}, "client_secret": {p.env["AZURE_CLIENT_SECRET"]},
		"scope": {"https://management.azure.com/.default"}}
	status, text := p.send(t, http.MethodPost, "https://login.microsoftonline.com/"+p.env["AZURE_TENANT_ID"]+"/oauth2/v2.0/token", form.Encode(),
		"Content-Type", "application/x-www-form-urlencoded")
	require.Equal(t, http.StatusOK, status, text)
	var answer struct {
		Token string `json:"access_token"`
	}
	require.NoError(t, json.Unmarshal([]byte(text), &answer))
	return answer.Token
}

// interrupt ends the program as Ctrl-C does.
func (p *process) interrupt(t *testing.T) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Signal(os.Interrupt))
	require.NoError(t, p.cmd.Wait(), p.stderr)
}

const environments = "https://westeurope.api.azureml.ms/environment/v1.0/subscriptions/" + azuremltest.SubscriptionID + "/resourceGroups/" + azuremltest.ResourceGroup +
	"/providers/Microsoft.MachineLearningServices/workspaces/" + azuremltest.WorkspaceName + "/environments"

func TestServesAndKeepsState(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	state := filepath.Join(dir, "state.json")
	faults := filepath.Join(dir, "faults.json")
	require.NoError(t, os.WriteFile(faults, []byte(`{"faults":[{"path":"/environments/once","status":503}]}`), 0o600))

	p := start(t, "-state", state, "-faults", faults, "-log", "json")
	token := p.login(t)
	bearer := []string{"Authorization", "Bearer " + token, "Content-Type", "application/json"}
	status, text := p.send(t, http.MethodPut, environments+"/mine", `{"docker":{"baseImage":"x"}}`, bearer...)
	require.Equal(t, http.StatusOK, status, text)
	status, _ = p.send(t, http.MethodGet, environments+"/once", "", bearer...)
	assert.Equal(t, http.StatusServiceUnavailable, status)

	resp, err := http.Get(p.env["HTTPS_PROXY"] + "/status.json")
	require.NoError(t, err)
	defer resp.Body.Close()
	shown, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Contains(t, string(shown), `"ml-example"`)
	assert.Contains(t, string(shown), `/environments/once","status":503,"fault":true`)
	assert.NotContains(t, string(shown)+p.stderr.String(), token)
	assert.NotContains(t, string(shown)+p.stderr.String(), azuremltest.ClientSecret)
	p.interrupt(t)
	assert.Contains(t, p.stderr.String(), `"method":"PUT","host":"westeurope.api.azureml.ms"`)
	assert.NoFileExists(t, p.env["SSL_CERT_FILE"])

	p = start(t, "-state", state, "-log", "off")
	status, text = p.send(t, http.MethodGet, environments+"/mine", "", "Authorization", "Bearer "+p.login(t))
	assert.Equal(t, http.StatusOK, status, text)
	p.interrupt(t)
	assert.NotContains(t, p.stderr.String(), "GET")
}

// After Ctrl-C nobody reads the log of "emulator | tee log" any more.
func TestStateIsSavedWithoutReader(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("there are no interrupts to send")
	}
	state := filepath.Join(t.TempDir(), "state.json")
	cmd := exec.Command(os.Args[0], "-state", state)
	cmd.Env = []string{"EMULATOR_TEST_RUN=1", "TMPDIR=" + t.TempDir()}
	read, write, err := os.Pipe()
	require.NoError(t, err)
	cmd.Stdout, cmd.Stderr = write, write
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	require.NoError(t, write.Close())
	for lines := bufio.NewScanner(read); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "The emulator is at ") {
			break
		}
	}
	require.NoError(t, read.Close())
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	require.NoError(t, cmd.Wait())
	assert.FileExists(t, state)
}

func TestStateIsSavedWhenTheTerminalIsClosed(t *testing.T) {
	t.Parallel()
	if signal.Ignored(syscall.SIGHUP) {
		t.Skip("this is run by nohup, and so the program would be")
	}
	state := filepath.Join(t.TempDir(), "state.json")
	p := start(t, "-state", state)
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGHUP))
	require.NoError(t, p.cmd.Wait(), p.stderr)
	assert.FileExists(t, state)
}

// Of two emulators with one file the one that ends last says so.
func TestTwoWithOneState(t *testing.T) {
	t.Parallel()
	state := filepath.Join(t.TempDir(), "state.json")
	one, two := start(t, "-state", state), start(t, "-state", state)
	one.interrupt(t)
	assert.NotContains(t, one.stderr.String(), "Beware")
	two.interrupt(t)
	assert.Contains(t, two.stderr.String(), "another program has written "+state)
	assert.FileExists(t, state+"~")
}

func TestCurl(t *testing.T) {
	t.Parallel()
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("there is no curl")
	}
	p := start(t, "-log", "text")
	cmd := exec.Command(curl, "--silent", "--show-error", "--fail", "https://management.azure.com/metadata/endpoints?api-version=2020-06-01")
	for name, value := range p.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	assert.Contains(t, string(out), "login.microsoftonline.com")
	p.interrupt(t)
	assert.Regexp(t, `\d\d:\d\d:\d\d\.\d{3} 200 GET    management\.azure\.com/metadata/endpoints\n`, p.stderr.String())
}

// Every shell must read back what was meant.
func TestShellReadsVariables(t *testing.T) {
	t.Parallel()
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no sh")
	}
	odd := "a b'c\"d$e`f\\g&h\ni"
	out, err := exec.Command(sh, "-c", shell([]variable{{"ODD", odd}, {"EMPTY", ""}})+`printf '%s|%s' "$ODD" "$EMPTY"`).Output()
	require.NoError(t, err)
	assert.Equal(t, odd+"|", string(out))
	assert.Equal(t, "$env:ODD = 'it''s'\n", powershell([]variable{{"ODD", "it's"}}))
}

func TestRefusedArguments(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken.json")
	require.NoError(t, os.WriteFile(broken, []byte("{\"faults\":[\n{\"stauts\":1}]}"), 0o600))
	for want, args := range map[string][]string{
		`unexpected argument "x"; -env-format "csv" is none of sh, powershell, json; -log "xml" is none of text, json, off; -polls -1 is negative`: {"-env-format", "csv", "-log", "xml", "-polls", "-1", "x"},
		`line 2: unknown member "stauts"`:   {"-faults", broken},
		"this is no state of an emulator":   {"-state", broken},
		"cannot listen":                     {"-addr", "nowhere"},
		"-python is for -run-scripts":       {"-python", "python3"},
		"no such file or directory":         {"-ca", filepath.Join(dir, "no", "ca.pem")},
		"the folder of the state file":      {"-state", filepath.Join(dir, "no", "state.json")},
		"the arguments are wrong":           {"-what"},
		"cannot run scripts":                {"-run-scripts", "-python", "no-such-python"},
		"azuremltest: cannot read the faul": {"-faults", filepath.Join(dir, "none.json")},
	} {
		var out, errs bytes.Buffer
		err := run(context.Background(), args, &out, &errs)
		assert.ErrorContains(t, err, want)
		assert.Empty(t, out.String())
	}
	assert.ErrorIs(t, run(context.Background(), []string{"-h"}, io.Discard, io.Discard), flag.ErrHelp)
}

func TestStatusPage(t *testing.T) {
	t.Parallel()
	w := newWatch(io.Discard, "off")
	srv := azuremltest.NewServer(&azuremltest.Options{Home: w, Log: w.request})
	defer srv.Close()
	w.serve(srv)
	srv.AddCompute(azuremltest.Workspace{}, azuremltest.Compute{Name: "aks"})
	srv.AddModel(azuremltest.Workspace{}, azuremltest.Model{Name: "m", Framework: "Onnx"})
	added := srv.AddService(azuremltest.Workspace{}, map[string]any{"name": "svc", "computeType": "AKSENDPOINT", "computeName": "aks",
		"versions": map[string]any{"first": map[string]any{"computeType": "AKSENDPOINT", "trafficPercentile": 100, "environmentImageRequest": map[string]any{"modelIds": []string{"m:1"}}}}})
	get := func(path string) (*http.Response, string) {
		resp, err := http.Get(srv.URL + path)
		require.NoError(t, err)
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp, string(text)
	}
	resp, text := get("/")
	assert.Equal(t, "text/html; charset=utf-8", resp.Header.Get("Content-Type"))
	assert.Contains(t, text, "status.json")
	assert.NotContains(t, text, "innerHTML", "names are put in as text")
	resp, text = get("/status.json")
	assert.Equal(t, http.StatusOK, resp.StatusCode)
	var shown status
	require.NoError(t, json.Unmarshal([]byte(text), &shown))
	require.Len(t, shown.Workspaces, 1)
	assert.Equal(t, []computeStatus{{"aks", "AKS", "Succeeded"}}, shown.Workspaces[0].Computes)
	require.Len(t, shown.Workspaces[0].Services, 1)
	assert.Equal(t, []versionStatus{{Name: "first", State: "Healthy", Default: true, Share: 100}}, shown.Workspaces[0].Services[0].Versions)
	assert.NotContains(t, text, added.PrimaryKey)
	assert.NotContains(t, text, added.SecondaryKey)
	resp, text = get("/ca.pem")
	assert.Equal(t, http.StatusOK, resp.StatusCode)
	assert.Contains(t, text, "CERTIFICATE")
	assert.HTTPStatusCode(t, w.ServeHTTP, http.MethodGet, "/other", nil, http.StatusNotFound)
	posted, err := http.Post(srv.URL+"/", "text/plain", nil)
	require.NoError(t, err)
	defer posted.Body.Close()
	assert.Equal(t, http.StatusMethodNotAllowed, posted.StatusCode)

	resp, err = http.Get(strings.Replace(srv.URL, "127.0.0.1", "localhost", 1) + "/status.json")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())

	for i := range lastRequests + 5 {
		w.request(azuremltest.Request{Time: time.Now(), Host: "h", URL: &url.URL{Path: "/" + string(rune('a'+i%26)), RawQuery: "sig=SECRET"}})
	}
	_, text = get("/status.json")
	require.NoError(t, json.Unmarshal([]byte(text), &shown))
	assert.Len(t, shown.Requests, lastRequests)
	assert.Equal(t, lastRequests+6, shown.Count, "what the page asks for is not counted; /ca.pem is")
	assert.NotContains(t, text, "SECRET")
}

package authentication_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml/azuremltest"
)

// chromium is a browser without a window, driven through chromedriver by the W3C
// WebDriver protocol. That is plain JSON over HTTP: the five commands that these tests
// need are less than any library for it, and go.mod stays as it is.
type chromium struct {
	t       *testing.T
	session string // address of the session
}

// openChromium starts the browser. Whatever it opens, but for addresses of this machine,
// it asks the emulator for, as its proxy and over TLS.
func openChromium(t *testing.T, srv *azuremltest.Server) *chromium {
	t.Helper()
	if os.Getenv("AZUREML_HEAVY") != "1" {
		t.Skip("AZUREML_HEAVY is not 1: a real browser takes its time")
	}
	c := &chromium{t, startDriver(t, findDriver(t))}
	var opened struct {
		ID string `json:"sessionId"`
	}
	c.call(http.MethodPost, "/session", map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{
		"browserName": "chrome",
		"goog:chromeOptions": map[string]any{"args": []string{
			"--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
			"--proxy-server=" + srv.ProxyURL(), "--ignore-certificate-errors-spki-list=" + keyOf(t, srv),
		}},
	}}}, &opened)
	c.session += "/session/" + opened.ID
	t.Cleanup(func() { c.call(http.MethodDelete, "", nil, nil) })
	return c
}

// findDriver gives the path of chromedriver, which knows the browser that it belongs to,
// or skips the test. In CI (where the variable CI is set) both have to be there.
func findDriver(t *testing.T) string {
	t.Helper()
	driver, err := exec.LookPath("chromedriver")
	browsers := []string{"chromium", "chromium-browser", "google-chrome"}
	if err == nil && slices.ContainsFunc(browsers, func(name string) bool { _, err := exec.LookPath(name); return err == nil }) {
		return driver
	}
	const reason = "Chromium and its chromedriver are not in PATH (Debian: apt-get install chromium chromium-driver)"
	if os.Getenv("CI") != "" {
		require.FailNow(t, reason)
	}
	t.Skip(reason)
	return ""
}

var startedOn = regexp.MustCompile(`started successfully on port (\d+)`)

// startDriver starts chromedriver and gives its address.
func startDriver(t *testing.T, driver string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	command := exec.CommandContext(ctx, driver, "--port=0") //nolint:gosec // the path is that of findDriver
	output, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		cancel()
		_ = command.Wait() // it was killed
	})
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if m := startedOn.FindStringSubmatch(lines.Text()); m != nil {
			go func() { _, _ = io.Copy(io.Discard, output) }()
			return "http://127.0.0.1:" + m[1]
		}
	}
	require.FailNow(t, "chromedriver ended")
	return ""
}

// keyOf is the one key that the emulator's certificates may have for the browser to
// believe them; it has no option for a file of authorities.
func keyOf(t *testing.T, srv *azuremltest.Server) string {
	t.Helper()
	conn, err := tls.Dial("tcp", strings.TrimPrefix(srv.URL, "http://"), &tls.Config{RootCAs: srv.CertPool(), ServerName: "login.microsoftonline.com"})
	require.NoError(t, err)
	defer conn.Close()
	sum := sha256.Sum256(conn.ConnectionState().PeerCertificates[0].RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// call sends a command and reads the value that it is answered with.
func (c *chromium) call(method, path string, body, value any) {
	c.t.Helper()
	require.NoError(c.t, c.try(method, path, body, value))
}

func (c *chromium) try(method, path string, body, value any) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // the test's own is over when it cleans up
	defer cancel()
	var sent io.Reader
	if method == http.MethodPost {
		data, err := json.Marshal(body)
		if err != nil {
			return err
		}
		sent = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.session+path, sent)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer := struct {
		Value json.RawMessage `json:"value"`
	}{}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: HTTP %d: %s", method, path, resp.StatusCode, answer.Value)
	}
	if value == nil {
		return nil
	}
	return json.Unmarshal(answer.Value, value)
}

// open goes to a page and waits until it is there.
func (c *chromium) open(address string) {
	c.t.Helper()
	c.call(http.MethodPost, "/url", map[string]any{"url": address}, nil)
}

// address is that of the page which is shown.
func (c *chromium) address() (address string) {
	c.t.Helper()
	c.call(http.MethodGet, "/url", nil, &address)
	return address
}

// element finds the first element for a CSS selector.
func (c *chromium) element(css string) (path string, err error) {
	var found map[string]string
	if err := c.try(http.MethodPost, "/element", map[string]any{"using": "css selector", "value": css}, &found); err != nil {
		return "", err
	}
	for _, id := range found { // the key is a constant of the protocol
		path = "/element/" + id
	}
	return path, nil
}

// enter empties a field and types into it.
func (c *chromium) enter(css, text string) {
	c.t.Helper()
	field, err := c.element(css)
	require.NoError(c.t, err)
	c.call(http.MethodPost, field+"/clear", map[string]any{}, nil)
	c.call(http.MethodPost, field+"/value", map[string]any{"text": text}, nil)
}

// click clicks with the mouse.
func (c *chromium) click(css string) {
	c.t.Helper()
	button, err := c.element(css)
	require.NoError(c.t, err)
	c.call(http.MethodPost, button+"/click", map[string]any{}, nil)
}

// reads waits until a person can read the text on the page.
func (c *chromium) reads(text string) {
	c.t.Helper()
	shown := ""
	require.Eventually(c.t, func() bool {
		body, err := c.element("body")
		if err != nil { // between two pages
			return false
		}
		return c.try(http.MethodGet, body+"/text", nil, &shown) == nil && strings.Contains(shown, text)
	}, 15*time.Second, 20*time.Millisecond, "the page does not say %q", text)
}

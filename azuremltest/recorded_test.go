package azuremltest_test

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/azureml-go/azureml/azuremltest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// notEmulated says which of the recorded requests the emulator need not know: those to
// its addresses and to another cloud, those that only tests of the library's lower layers
// make, and those to where a service sends its clients to look at an operation, of which
// the emulator has its own.
func notEmulated(u *url.URL) bool {
	_, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && u.Hostname() != "169.254.169.254" || u.Hostname() == "login.chinacloudapi.cn" ||
		strings.Contains(u.Path, "/workspaces/ws-prod/things") || strings.HasSuffix(u.Path, "/onlineEndpoints") || strings.Contains(u.Path, "/operationResults/")
}

// Everything that the library calls is emulated. Each of its public calls has a recording,
// and of each recorded request the emulator must know host, path and method.
func TestRecordedRequestsAreEmulated(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("..", "*", "testdata", "recordings", "*.json"))
	require.NoError(t, err)
	require.Greater(t, len(files), 100, "the recordings have moved")
	srv := newServer(t, nil)
	asked := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		var recorded struct {
			Exchanges []struct {
				Request struct{ Method, URL string }
			}
		}
		require.NoError(t, json.Unmarshal(text, &recorded), file)
		for _, e := range recorded.Exchanges {
			u, err := url.Parse(e.Request.URL)
			require.NoError(t, err, file)
			u.RawQuery = ""
			if line := e.Request.Method + " " + u.String(); !notEmulated(u) && !asked[line] {
				asked[line] = true
				assertEmulated(t, srv, e.Request.Method, u.String(), file)
			}
		}
	}
	assert.Greater(t, len(asked), 100)
}

func assertEmulated(t *testing.T, srv *azuremltest.Server, method, address, file string) {
	t.Helper()
	a, err := try(srv, method, address, "")
	require.NoError(t, err, "%s: %s %s", file, method, address)
	unknown := a.status == http.StatusMethodNotAllowed || a.status == http.StatusBadGateway || strings.Contains(a.text, "azuremltest does not emulate")
	assert.False(t, unknown, "%s: %s %s: %d %s", file, method, address, a.status, a.text)
}

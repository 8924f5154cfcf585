package workspace

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
)

const discoveryURL = "https://westeurope.api.azureml.ms/discovery"

// wire answers requests by host and path, after a second, and remembers them.
type wire struct {
	mu     sync.Mutex
	sent   []string
	tokens map[string]bool // hosts that got one
	answer func(u *url.URL) (int, string)
}

func (w *wire) Do(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.sent = append(w.sent, r.URL.Host+r.URL.Path)
	if r.Header.Get("Authorization") != "" {
		w.tokens[r.URL.Host] = true
	}
	w.mu.Unlock()
	select {
	case <-time.After(time.Second):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	status, body := w.answer(r.URL)
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func (w *wire) count(part string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, s := range w.sent {
		if strings.Contains(s, part) {
			n++
		}
	}
	return n
}

type fakeToken struct{}

func (fakeToken) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: "t", ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// discovering is a workspace that has not discovered its services yet.
func discovering(t *testing.T, document string) (*Workspace, *wire) {
	w := &wire{tokens: map[string]bool{}, answer: func(u *url.URL) (int, string) {
		if strings.HasSuffix(u.Path, "/discovery") {
			if document == "" {
				return http.StatusServiceUnavailable, ""
			}
			return http.StatusOK, document
		}
		return http.StatusOK, "{}"
	}}
	c, err := newConnection(fakeToken{}, azcore.ClientOptions{Transport: w, Retry: policy.RetryOptions{MaxRetries: -1}}, nil)
	require.NoError(t, err)
	ws := c.at(reference{testSubscription, "rg1", "ws1"})
	ws.DiscoveryURL, ws.Location = discoveryURL, "westeurope"
	return ws, w
}

const everywhere = `{"api":"https://westeurope.api.azureml.ms","history":"https://westeurope.api.azureml.ms","experimentation":"https://westeurope.api.azureml.ms","modelmanagement":"https://westeurope.modelmanagement.azureml.net"}`

func call(ctx context.Context, ws *Workspace, s Service) error {
	_, err := ws.Do(ctx, Request{Service: s, Operation: "get", Subject: "it", Path: "x"}, nil)
	return err
}

func TestDiscoveryIsAskedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws, w := discovering(t, everywhere)
		impatient, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		var all sync.WaitGroup
		for i := range 200 {
			all.Go(func() {
				s := PossibleServiceValues()[1+i%6]
				if i == 0 {
					assert.ErrorIs(t, call(impatient, ws, s), context.DeadlineExceeded, "whoever leaves leaves alone")
					return
				}
				assert.NoError(t, call(t.Context(), ws, s))
			})
		}
		all.Wait()
		assert.Equal(t, 1, w.count("/discovery"))
		assert.Equal(t, 199, w.count("/x"))
		fresh, err := ws.Refresh(t.Context())
		require.NoError(t, err)
		require.NoError(t, call(t.Context(), fresh, History))
		assert.Equal(t, 1, w.count("/discovery"), "remembered beyond Refresh")
	})
}

// TestDiscoveryRests: what is down is not asked by each call, but again after a while.
func TestDiscoveryRests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ws, w := discovering(t, "")
		for range 5 {
			require.NoError(t, call(t.Context(), ws, History))
		}
		assert.Equal(t, 1, w.count("/discovery"))
		assert.Equal(t, 5, w.count("westeurope.api.azureml.ms/history"))
		time.Sleep(2 * fallbackFor)
		require.NoError(t, call(t.Context(), ws, History))
		assert.Equal(t, 2, w.count("/discovery"))

		ws.PrivateLinkCount = 1
		err := call(t.Context(), ws, History)
		require.ErrorIs(t, err, azureml.ErrUnavailable, "a private workspace has no well-known hosts")
		assert.Contains(t, err.Error(), "service discovery at westeurope.api.azureml.ms failed")
	})
}

func TestDiscoveryDocuments(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		document string
		host     string // that is called
		kind     error
	}{
		"usual":              {everywhere, "westeurope.modelmanagement.azureml.net", nil},
		"only another key":   {`{"history":"https://a.example"}`, "westeurope.api.azureml.ms", nil},
		"trailing slash":     {`{"modelmanagement":" https://a.example/ "}`, "a.example", nil},
		"of another type":    {`{"modelmanagement":7}`, "westeurope.api.azureml.ms", nil},
		"not an object":      {`[1]`, "westeurope.api.azureml.ms", nil},
		"a page":             {`<html>`, "westeurope.api.azureml.ms", nil},
		"without encryption": {`{"modelmanagement":"http://a.example"}`, "", azureml.ErrInvalid},
		"no address":         {`{"modelmanagement":"a.example"}`, "", azureml.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ws, w := discovering(t, row.document)
				err := call(t.Context(), ws, ModelManagement)
				if row.kind != nil {
					require.ErrorIs(t, err, row.kind)
					assert.Empty(t, w.tokens, "no token went anywhere")
					return
				}
				require.NoError(t, err)
				assert.Equal(t, map[string]bool{row.host: true}, w.tokens)
			})
		})
	}
}

func TestOverridesOfServices(t *testing.T) {
	for s, variables := range map[Service][]string{
		ModelManagement: {"AZUREML_EXPERIMENTATION_HOST", "AZUREML_MMS_TEST_ENDPOINT", "AZUREML_DEV_URL_MODELMANAGEMENT"},
		Assets:          {"AZUREML_EXPERIMENTATION_HOST", "AZUREML_MMS_TEST_ENDPOINT", "AZUREML_DEV_URL_ASSETS"},
		Artifacts:       {"AZUREML_SERVICE_ENDPOINT", "AZUREML_EXPERIMENTATION_HOST", "AZUREML_DEV_URL_ARTIFACTS"},
		Environments:    {"AZUREML_DEV_URL_ENVIRONMENT"},
		History:         {"AZUREML_SERVICE_ENDPOINT", "AZUREML_EXPERIMENTATION_HOST", "AZUREML_DEV_URL_RUN_HISTORY"},
		API:             {"AZUREML_DEV_URL_API"},
	} {
		t.Run(string(s), func(t *testing.T) {
			for i, name := range variables {
				// Each one beats those before it.
				t.Setenv(name, fmt.Sprintf("https://override%d.example/", i))
				synctest.Test(t, func(t *testing.T) {
					ws, w := discovering(t, everywhere)
					require.NoError(t, call(t.Context(), ws, s))
					assert.Equal(t, map[string]bool{fmt.Sprintf("override%d.example", i): true}, w.tokens)
					assert.Zero(t, w.count("/discovery"))
				})
			}
			t.Setenv(variables[len(variables)-1], "http://127.0.0.1:8080")
			synctest.Test(t, func(t *testing.T) {
				ws, w := discovering(t, everywhere)
				require.NoError(t, call(t.Context(), ws, s))
				assert.Equal(t, map[string]bool{"127.0.0.1:8080": true}, w.tokens)
			})
			t.Setenv(variables[len(variables)-1], "http://a.example")
			ws, w := discovering(t, everywhere)
			err := call(t.Context(), ws, s)
			require.ErrorIs(t, err, azureml.ErrInvalid)
			assert.Contains(t, err.Error(), variables[len(variables)-1])
			assert.Empty(t, w.sent)
		})
	}
}

func TestDiscoveryDomainOverride(t *testing.T) {
	t.Setenv("AML_DISCOVERY_API_HOST", "ml.example")
	synctest.Test(t, func(t *testing.T) {
		ws, w := discovering(t, "")
		require.NoError(t, call(t.Context(), ws, API))
		assert.Equal(t, map[string]bool{"westeurope.ml.example": true}, w.tokens)
	})
	t.Setenv("AZUREML_DISCOVERY_SERVICE_ENDPOINT", "https://elsewhere.example/discovery")
	synctest.Test(t, func(t *testing.T) {
		ws, w := discovering(t, everywhere)
		ws.DiscoveryURL = ""
		require.NoError(t, call(t.Context(), ws, API))
		assert.Equal(t, 1, w.count("elsewhere.example/discovery"))
	})
}

func FuzzParseDiscovery(f *testing.F) {
	f.Add([]byte(everywhere))
	f.Add([]byte(`{"api":null,"history":[],"x":{"y":1}}`))
	f.Add([]byte("\xef\xbb\xbf{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		found, err := parseDiscovery(data)
		if err == nil && len(found) == 0 {
			t.Fatal("neither services nor an error")
		}
		ws := &Workspace{Name: "w", DiscoveryURL: discoveryURL, Location: "westeurope", discovery: &discovery{found: found}}
		c, newErr := newConnection(fakeToken{}, azcore.ClientOptions{}, nil)
		if newErr != nil || err != nil {
			return
		}
		ws.connection, ws.client = c, c.client()
		address, err := ws.base(t.Context(), ModelManagement)
		if e, ok := errors.AsType[*azureml.Error](err); err != nil && !ok {
			t.Fatalf("%T %v", err, e)
		}
		if u, parseErr := url.Parse(address); err == nil && (parseErr != nil || ws.client.Hosts().Check(u) != nil) {
			t.Fatalf("%q is handed out, but is not allowed", address)
		}
	})
}

func FuzzParseResource(f *testing.F) {
	f.Add("/subscriptions/a/resourceGroups/b/providers/Microsoft.Storage/storageAccounts/c")
	f.Add("/subscriptions//resourceGroups/b/providers/a/b/c/")
	f.Fuzz(func(t *testing.T, id string) {
		r, ok := parseResource(id)
		if !ok {
			return
		}
		parts := strings.Split(r.path(), "/")
		if len(parts) != 9 {
			t.Fatalf("%q: %q", id, r.path())
		}
		for i, want := range map[int]string{2: r.subscription, 4: r.group, 8: r.name} {
			if got, err := url.PathUnescape(parts[i]); err != nil || got != want {
				t.Fatalf("%q: %q, %v", want, got, err)
			}
		}
	})
}

package authentication

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
)

const (
	testTenant    = "11111111-1111-1111-1111-111111111111"
	testPrincipal = "33333333-3333-3333-3333-333333333333"
	testIdentity  = "44444444-4444-4444-4444-444444444444"
	armAudience   = "https://management.core.windows.net/"
	armScope      = armAudience + "/.default"
)

// TestMain makes the tests the same on all machines: what azidentity and this package
// read from the environment is not set, and the home folder is empty.
func TestMain(m *testing.M) {
	for _, name := range []string{
		"AML_TENANT_ID", "AML_PRINCIPAL_ID", "AML_PRINCIPAL_PASS",
		"AZUREML_SERVICE_PRINCIPAL_TENANT_ID", "AZUREML_SERVICE_PRINCIPAL_ID", "AZUREML_SERVICE_PRINCIPAL_PASSWORD",
		"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_CLIENT_CERTIFICATE_PASSWORD",
		"AZURE_FEDERATED_TOKEN_FILE", "AZURE_AUTHORITY_HOST", "AZURE_REGIONAL_AUTHORITY_NAME", "AZURE_AUTH_LOCATION", "AZUREML_CURRENT_CLOUD",
		"IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IDENTITY_SERVER_THUMBPRINT", "IMDS_ENDPOINT", "MSI_ENDPOINT", "MSI_SECRET", "DEFAULT_IDENTITY_CLIENT_ID",
		"DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME", "BROWSER",
	} {
		os.Unsetenv(name)
	}
	home, err := os.MkdirTemp("", "home")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for _, name := range []string{"HOME", "USERPROFILE", "AZURE_CONFIG_DIR", "XDG_CONFIG_HOME", "AppData"} {
		os.Setenv(name, home)
	}
	code := m.Run()
	os.RemoveAll(home)
	os.Exit(code)
}

// jwtFor is a token with the claims that matter.
func jwtFor(audience string, expires time.Time) string {
	return jwtWith(fmt.Sprintf(`{"aud":%q,"tid":%q,"exp":%d}`, audience, testTenant, expires.Unix()))
}

func jwtWith(payload string) string {
	part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	return part(`{"typ":"JWT","alg":"RS256"}`) + "." + part(payload) + "." + part("signature")
}

func scoped(scope string) policy.TokenRequestOptions {
	return policy.TokenRequestOptions{Scopes: []string{scope}}
}

// failure asks that err is this module's error, and gives it.
func failure(t *testing.T, err error) *azureml.Error {
	t.Helper()
	var e *azureml.Error
	require.ErrorAs(t, err, &e)
	return e
}

// noSecret looks at everything that v shows of itself, and at what it wraps.
func noSecret(t *testing.T, v any, secrets ...string) {
	t.Helper()
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", v)
	shown := []string{fmt.Sprint(v), fmt.Sprintf("%+v", v), fmt.Sprintf("%#v", v), fmt.Sprintf("%s|%q|%d|%x", v, v, v, v), log.String()}
	shown = append(shown, fmt.Sprintf("%+v %#v", []any{v}, struct{ Field any }{v}))
	if err, ok := v.(error); ok {
		shown = append(shown, azureml.Explain(err))
		for _, inner := range wrapped(err) {
			shown = append(shown, inner.Error(), fmt.Sprintf("%+v", inner))
		}
	}
	if data, err := json.Marshal(v); err == nil {
		shown = append(shown, string(data))
	}
	for _, text := range shown {
		for _, secret := range secrets {
			assert.NotContains(t, text, secret)
		}
	}
}

// wrapped is err and all that it wraps.
func wrapped(err error) []error {
	all := []error{err}
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			all = append(all, wrapped(inner)...)
		}
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			all = append(all, wrapped(inner)...)
		}
	}
	return all
}

func azcoreOptions(transport policy.Transporter) azcore.ClientOptions {
	return azcore.ClientOptions{Transport: transport}
}

// pending is an authority where nobody ever signs in.
type pending struct{}

func (pending) Do(r *http.Request) (*http.Response, error) {
	status, body := http.StatusOK, ""
	base := "https://" + r.URL.Host + "/organizations"
	switch {
	case strings.HasSuffix(r.URL.Path, "openid-configuration"):
		body = fmt.Sprintf(`{"token_endpoint":"%[1]s/oauth2/v2.0/token","authorization_endpoint":"%[1]s/oauth2/v2.0/authorize","issuer":"%[1]s/v2.0"}`, base)
	case strings.HasSuffix(r.URL.Path, "devicecode"):
		body = `{"user_code":"X","device_code":"D","verification_uri":"https://x","expires_in":900,"interval":5,"message":"enter X"}`
	default:
		status, body = http.StatusBadRequest, `{"error":"authorization_pending","error_codes":[70016]}`
	}
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, r.Context().Err()
}

func (e echo) Do(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "openid") {
		return e.pending.Do(r)
	}
	var sent []byte
	if r.Body != nil {
		sent, _ = io.ReadAll(r.Body)
	}
	body, err := json.Marshal(map[string]any{
		"error": "invalid_client", "error_codes": []int{7000215},
		"error_description": "AADSTS7000215: you sent " + string(sent) + " " + fmt.Sprint(r.Header),
	})
	return &http.Response{StatusCode: http.StatusUnauthorized, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body)), Request: r}, err
}

// onceScoped is a scope of an audience that begins with name and that nobody has asked for
// before: azidentity keeps the tokens of managed identities as long as the process lives.
func onceScoped(name string) policy.TokenRequestOptions {
	return scoped(fmt.Sprintf("https://%s-%08x.example.invalid/.default", name, rand.Uint32()))
}

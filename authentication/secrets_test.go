package authentication

import (
	"context"
	"encoding/base64"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azlog "github.com/Azure/azure-sdk-for-go/sdk/azcore/log"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/recording"
)

// planted is in every secret of this test, and must be in nothing that is shown.
const planted = "PLANTED"

// TestNoSecretIsShown: no type shows a secret in any way of printing or logging, before
// or after it has a token, as a value, a pointer or a field of something else.
func TestNoSecretIsShown(t *testing.T) {
	t.Setenv("MSI_SECRET", planted+"-msi")
	t.Setenv("MSI_ENDPOINT", "http://127.0.0.1:1/")
	tokenFile := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(tokenFile, []byte(planted+"-federated"), 0o600))
	encoded, err := os.ReadFile("testdata/locked.pfx.b64")
	require.NoError(t, err)
	pfx, err := base64.StdEncoding.DecodeString(string(encoded))
	require.NoError(t, err)
	az(t, planted+"-of-az")
	given := func(context.Context, string) (azcore.AccessToken, error) {
		return azcore.AccessToken{Token: planted + "-given", ExpiresOn: time.Now().Add(time.Hour)}, nil
	}

	secret, err := NewServicePrincipal(testTenant, testPrincipal, azureml.NewSecret(planted+"-secret"), &ServicePrincipalOptions{ClientOptions: azcoreOptions(echo{})})
	require.NoError(t, err)
	certificateOptions := &CertificateOptions{Password: azureml.NewSecret("pfx-PLANTED-password")}
	certificateOptions.Transport = echo{}
	certificate, err := NewServicePrincipalWithCertificate(testTenant, testPrincipal, pfx, certificateOptions)
	require.NoError(t, err)
	federated, err := NewServicePrincipalWithFederatedToken(testTenant, testPrincipal, tokenFile, &ServicePrincipalOptions{ClientOptions: azcoreOptions(echo{})})
	require.NoError(t, err)
	sdk, err := NewServicePrincipalFromSDKAuth(strings.NewReader(strings.Replace(sdkAuthText, "s3cret&=", planted+"-sdk", 1)), &ServicePrincipalOptions{ClientOptions: azcoreOptions(echo{})})
	require.NoError(t, err)
	workload, err := NewWorkloadIdentity(&WorkloadIdentityOptions{ClientOptions: azcoreOptions(echo{}), TenantID: testTenant, ClientID: testPrincipal, TokenFile: tokenFile})
	require.NoError(t, err)
	identity, err := NewManagedIdentity(&ManagedIdentityOptions{ClientOptions: azcoreOptions(echo{})})
	require.NoError(t, err)
	cli, err := NewAzureCLI(nil)
	require.NoError(t, err)
	function, err := NewTokenFunc(given, nil)
	require.NoError(t, err)
	refresher, err := NewTokenRefresher(function, nil)
	require.NoError(t, err)
	defer refresher.Close()
	person, err := NewInteractiveLogin(nil)
	require.NoError(t, err)
	standard, err := NewDefault(&DefaultOptions{ClientOptions: azcoreOptions(echo{})})
	require.NoError(t, err)

	for _, c := range []azcore.TokenCredential{secret, certificate, federated, sdk, workload, identity, cli, function, refresher, person, standard} {
		noSecret(t, c, planted)
		token, err := c.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{armScope}})
		if err != nil {
			noSecret(t, err, planted)
			assert.NotContains(t, failure(t, err).Message, planted)
		} else {
			assert.Contains(t, token.Token, planted)
		}
		noSecret(t, c, planted)
	}
	for _, v := range []any{*secret, *certificate, *workload, *identity, *cli, *function, *refresher, *person, *standard, *certificateOptions} {
		noSecret(t, v, planted)
	}
	assert.Equal(t, `service principal "`+testPrincipal+`" of tenant "`+testTenant+`" (AzureCloud)`, secret.String())
}

// echo is an authority that throws everything it was told back into its error.
type echo struct{ pending }

// TestSecretsAreNotLogged, nor are tokens, also where the caller's options ask for bodies.
func TestSecretsAreNotLogged(t *testing.T) {
	var mu sync.Mutex
	var logged strings.Builder
	azlog.SetListener(func(_ azlog.Event, text string) {
		mu.Lock()
		defer mu.Unlock()
		logged.WriteString(text)
	})
	defer azlog.SetListener(nil)
	options := recording.Play(t, "sp_secret").ClientOptions()
	options.Logging.IncludeBody = true
	p, err := NewServicePrincipal(testTenant, testPrincipal, testSecret, &ServicePrincipalOptions{ClientOptions: options})
	require.NoError(t, err)
	header, err := p.Header(t.Context())
	require.NoError(t, err)
	mu.Lock()
	defer mu.Unlock()
	assert.Contains(t, logged.String(), "/oauth2/v2.0/token")
	assert.NotContains(t, logged.String(), url.QueryEscape(testSecret.Reveal()))
	assert.NotContains(t, logged.String(), testSecret.Reveal())
	assert.NotContains(t, logged.String(), strings.TrimPrefix(header.Get("Authorization"), "Bearer "))
	assert.NotContains(t, logged.String(), "access_token")
}

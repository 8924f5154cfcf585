package authentication

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/recording"
)

func defaultFor(t *testing.T, recorded string) *Default {
	t.Helper()
	d, err := NewDefault(&DefaultOptions{ClientOptions: recording.Play(t, recorded).ClientOptions()})
	require.NoError(t, err)
	return d
}

func setPrincipal(t *testing.T, secret string) {
	t.Setenv("AML_TENANT_ID", testTenant)
	t.Setenv("AML_PRINCIPAL_ID", testPrincipal)
	t.Setenv("AML_PRINCIPAL_PASS", secret)
}

func TestDefaultUsesTheEnvironment(t *testing.T) {
	setPrincipal(t, testSecret.Reveal())
	az(t, "of-az")
	d := defaultFor(t, "sp_secret")
	assert.Empty(t, d.Used())
	for range 2 {
		header, err := d.Header(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "Bearer aud="+armAudience, header.Get("Authorization"))
	}
	assert.Equal(t, "environment", d.Used())
}

// TestDefaultDoesNotFallBackFromARefusal: a wrong secret does not sign in whoever the
// Azure CLI is signed in as.
func TestDefaultDoesNotFallBackFromARefusal(t *testing.T) {
	setPrincipal(t, testSecret.Reveal())
	calls := az(t, "of-az")
	_, err := defaultFor(t, "sp_wrong_secret").Header(t.Context())
	require.ErrorIs(t, err, azureml.ErrUnauthorized)
	assert.Equal(t, "AADSTS7000215", failure(t, err).Code)
	assert.ErrorContains(t, err, "cannot sign in as service principal")
	assert.Empty(t, lines(t, calls))
}

// TestDefaultDoesNotFallBackFromWhatCannotBeUsed: a certificate that is not there, or a
// tenant that is none, does not sign in whoever the Azure CLI is signed in as, either.
func TestDefaultDoesNotFallBackFromWhatCannotBeUsed(t *testing.T) {
	for name, set := range map[string]map[string]string{
		"no certificate": {"AZURE_TENANT_ID": testTenant, "AZURE_CLIENT_ID": testPrincipal, "AZURE_CLIENT_CERTIFICATE_PATH": "/nowhere/of-mine.pem"},
		"no tenant":      {"AML_TENANT_ID": "a b", "AML_PRINCIPAL_ID": testPrincipal, "AML_PRINCIPAL_PASS": "s"},
		"federated":      {"AZURE_TENANT_ID": "a b", "AZURE_CLIENT_ID": testPrincipal, "AZURE_FEDERATED_TOKEN_FILE": federatedToken(t)},
	} {
		t.Run(name, func(t *testing.T) {
			calls := az(t, "of-az")
			for variable, value := range set {
				t.Setenv(variable, value)
			}
			d, err := NewDefault(&DefaultOptions{ClientOptions: azcoreOptions(noAnswer{})})
			require.NoError(t, err)
			_, err = d.Header(t.Context())
			require.ErrorIs(t, err, azureml.ErrInvalid)
			assert.NotContains(t, err.Error(), "none of the ways")
			assert.Empty(t, lines(t, calls))
			assert.Empty(t, d.Used())
		})
	}
}

func TestDefaultUsesWorkloadIdentity(t *testing.T) {
	t.Setenv("AZURE_TENANT_ID", testTenant)
	t.Setenv("AZURE_CLIENT_ID", testPrincipal)
	t.Setenv("AZURE_FEDERATED_TOKEN_FILE", federatedToken(t))
	d := defaultFor(t, "sp_federated")
	_, err := d.Header(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "workload identity", d.Used())
}

func TestDefaultUsesManagedIdentity(t *testing.T) {
	for _, recorded := range []string{"default_imds", "default_msi_endpoint"} {
		t.Run(recorded, func(t *testing.T) {
			if recorded == "default_msi_endpoint" {
				t.Setenv("MSI_ENDPOINT", "http://localhost:50342/oauth2/token")
			}
			d := defaultFor(t, recorded)
			token, err := d.GetToken(t.Context(), onceScoped(recorded))
			require.NoError(t, err)
			assert.Equal(t, "aud="+recorded, token.Token)
			assert.Equal(t, "managed identity", d.Used())
		})
	}
}

func TestDefaultUsesTheAzureCLI(t *testing.T) {
	for recorded, name := range map[string]string{
		"default_no_machine": "nothing answers at the metadata endpoint", "default_proxy": "a proxy answers in its place",
		"default_no_identity": "the machine has no identity",
	} {
		t.Run(name, func(t *testing.T) {
			calls := az(t, "of-az")
			d := defaultFor(t, recorded)
			token, err := d.GetToken(t.Context(), scoped("https://"+recorded+".example.invalid/.default"))
			require.NoError(t, err)
			assert.Equal(t, "of-az", token.Token)
			assert.Equal(t, "Azure CLI", d.Used())
			assert.Len(t, lines(t, calls), 1)
		})
	}
}

func TestDefaultSaysWhyNothingWorked(t *testing.T) {
	script(t, "az", `echo "ERROR: Please run 'az login' to setup account." >&2; exit 1`)
	t.Setenv("AML_PRINCIPAL_ID", testPrincipal)
	d := defaultFor(t, "default_no_machine")
	_, err := d.Header(t.Context())
	require.ErrorIs(t, err, azureml.ErrUnauthorized)
	require.ErrorIs(t, err, azureml.ErrInteractionRequired, "it is one of the reasons")
	const want = `none of the ways to sign in worked:
  environment: AML_TENANT_ID is not set, AML_PRINCIPAL_PASS is not set;
  workload identity: AZURE_TENANT_ID is required, AZURE_CLIENT_ID is required, AZURE_FEDERATED_TOKEN_FILE is required;
  managed identity: no metadata endpoint answered within a second: this is no virtual machine in Azure;
  Azure CLI: Please run 'az login' to setup account;
  interactive login: nobody can be asked: standard input is no terminal`
	assert.Equal(t, want, failure(t, err).Message)
	assert.NotContains(t, err.Error(), "\n")
	assert.Contains(t, failure(t, err).Remedy, "az login")
	assert.Empty(t, d.Used())
}

// TestDefaultProbesForASecond: the metadata address swallows packets outside of Azure.
func TestDefaultProbesForASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		err := probeMetadata(silent{})(t.Context())
		assert.ErrorContains(t, err, "within a second")
		assert.Equal(t, time.Second, time.Since(start))
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		start = time.Now()
		require.Error(t, probeMetadata(silent{})(ctx))
		assert.Equal(t, 50*time.Millisecond, time.Since(start))
	})
}

// TestDefaultSearchesOnce for all who ask at once, and each leaves with its own context.
func TestDefaultSearchesOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tried := 0
		slow := newCredential(way{name: "slow", source: func(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
			tried++
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
				return azcore.AccessToken{}, ctx.Err()
			}
			return azcore.AccessToken{Token: o.Scopes[0], ExpiresOn: time.Now().Add(time.Hour)}, nil
		}})
		c := &chain{turn: make(chan struct{}, 1), steps: []step{{name: "missing", missing: errors.New("not there")}, {name: "slow", credential: slow}}}
		d := &Default{credential: newCredential(way{name: "default", source: c.token}), chain: c}
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() {
				token, err := d.GetToken(t.Context(), scoped("a"))
				assert.NoError(t, err)
				assert.Equal(t, "a", token.Token)
			})
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				defer cancel()
				start := time.Now()
				_, err := d.GetToken(ctx, scoped("b"))
				assert.ErrorIs(t, err, context.DeadlineExceeded)
				assert.LessOrEqual(t, time.Since(start), 60*time.Millisecond)
			})
		}
		wg.Wait()
		assert.LessOrEqual(t, tried, 2, "once for each scope at most")
		assert.Equal(t, "slow", d.Used())
	})
}

func TestDefaultInvalid(t *testing.T) {
	t.Parallel()
	_, err := NewDefault(&DefaultOptions{TenantID: "a b", Prompt: "sometimes"})
	require.ErrorIs(t, err, azureml.ErrInvalid)
	assert.ErrorContains(t, err, "TenantID")
	assert.ErrorContains(t, err, "Prompt")
}

// noAnswer is a network without anybody in it.
type noAnswer struct{}

func (noAnswer) Do(r *http.Request) (*http.Response, error) {
	return nil, errors.New("connection refused")
}

func TestDefaultSaysWhoTheDefaultIs(t *testing.T) {
	script(t, "az", "exit 127")
	d, err := NewDefault(&DefaultOptions{ClientOptions: azcoreOptions(noAnswer{}), Prompt: PromptNever})
	require.NoError(t, err)
	_, err = d.Header(t.Context())
	assert.ErrorContains(t, err, "azureml: cannot sign in with the default credential: none of the ways")
	assert.ErrorContains(t, err, "Azure CLI: the Azure CLI (az) was not found in PATH")
	assert.ErrorContains(t, err, "asking a person is turned off")
	assert.Equal(t, "default credential (AzureCloud)", d.String())
}

package authentication

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/recording"
)

func federatedToken(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(path, []byte("federated-token-of-the-pipeline"), 0o600))
	return path
}

func TestServicePrincipalWithFederatedToken(t *testing.T) {
	t.Parallel()
	p := recording.Play(t, "sp_federated")
	sp, err := NewServicePrincipalWithFederatedToken(testTenant, testPrincipal, federatedToken(t), &ServicePrincipalOptions{ClientOptions: p.ClientOptions()})
	require.NoError(t, err)
	_, err = sp.Header(t.Context())
	require.NoError(t, err)

	_, err = NewServicePrincipalWithFederatedToken("", "", " ", nil)
	assert.EqualError(t, err, "azureml: cannot make a service principal's credential: tenantID is required; clientID is required; tokenFile is required")
}

func TestAFederatedTokenThatIsNotThere(t *testing.T) {
	t.Parallel()
	p := recording.Play(t, "sp_discovery_only")
	path := filepath.Join(t.TempDir(), "gone")
	sp, err := NewServicePrincipalWithFederatedToken(testTenant, testPrincipal, path, &ServicePrincipalOptions{ClientOptions: p.ClientOptions()})
	require.NoError(t, err)
	_, err = sp.Header(t.Context())
	require.ErrorIs(t, err, azureml.ErrUnauthorized)
	assert.ErrorContains(t, err, path)
}

func TestWorkloadIdentity(t *testing.T) {
	p := recording.Play(t, "sp_federated")
	_, err := NewWorkloadIdentity(&WorkloadIdentityOptions{ClientID: testPrincipal})
	assert.EqualError(t, err, "azureml: cannot make a workload identity's credential: AZURE_TENANT_ID is required; AZURE_FEDERATED_TOKEN_FILE is required")

	t.Setenv("AZURE_TENANT_ID", testTenant)
	t.Setenv("AZURE_CLIENT_ID", testPrincipal)
	t.Setenv("AZURE_FEDERATED_TOKEN_FILE", federatedToken(t))
	t.Setenv("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.com/")
	w, err := NewWorkloadIdentity(&WorkloadIdentityOptions{ClientOptions: p.ClientOptions()})
	require.NoError(t, err)
	header, err := w.Header(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "Bearer aud="+armAudience, header.Get("Authorization"))
	assert.Equal(t, `workload identity "`+testPrincipal+`" of tenant "`+testTenant+`" (AzureCloud)`, w.String())
}

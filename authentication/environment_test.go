package authentication

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/recording"
)

func TestServicePrincipalFromEnvironment(t *testing.T) {
	for i, names := range conventions {
		t.Run(names.tenant, func(t *testing.T) {
			// A recording each, as Setenv forbids parallel tests anyway.
			p := recording.Play(t, "sp_secret")
			t.Setenv(names.tenant, testTenant+" \n")
			t.Setenv(names.client, "\t"+testPrincipal+"\r\n")
			t.Setenv(names.secret, testSecret.Reveal()+"  ")
			for _, later := range conventions[i+1:] {
				t.Setenv(later.tenant, "not-this-one")
				t.Setenv(later.secret, "incomplete, but of a later kind")
			}
			sp, err := NewServicePrincipalFromEnvironment(&ServicePrincipalOptions{ClientOptions: p.ClientOptions()})
			require.NoError(t, err)
			_, err = sp.Header(t.Context())
			require.NoError(t, err)
		})
	}
}

func TestServicePrincipalFromEnvironmentNamesWhatIsMissing(t *testing.T) {
	for name, test := range map[string]struct {
		set  map[string]string
		want string
	}{
		"nothing": {nil, "AML_TENANT_ID is not set; AML_PRINCIPAL_ID is not set; AML_PRINCIPAL_PASS is not set"},
		"blank":   {map[string]string{"AML_TENANT_ID": " \t"}, "AML_TENANT_ID is not set; AML_PRINCIPAL_ID is not set; AML_PRINCIPAL_PASS is not set"},
		"one":     {map[string]string{"AML_PRINCIPAL_ID": testPrincipal}, "AML_TENANT_ID is not set; AML_PRINCIPAL_PASS is not set"},
		"two": {map[string]string{
			"AML_TENANT_ID": testTenant, "AML_PRINCIPAL_ID": testPrincipal,
			"AZURE_TENANT_ID": testTenant, "AZURE_CLIENT_ID": "another", "AZURE_CLIENT_SECRET": "another's",
		}, "AML_PRINCIPAL_PASS is not set"},
		"second kind": {map[string]string{"AZUREML_SERVICE_PRINCIPAL_ID": testPrincipal, "AZUREML_SERVICE_PRINCIPAL_PASSWORD": "PLANTED"}, "AZUREML_SERVICE_PRINCIPAL_TENANT_ID is not set"},
		"third kind":  {map[string]string{"AZURE_CLIENT_SECRET": "PLANTED"}, "AZURE_TENANT_ID is not set; AZURE_CLIENT_ID is not set"},
	} {
		t.Run(name, func(t *testing.T) {
			for k, v := range test.set {
				t.Setenv(k, v)
			}
			_, err := NewServicePrincipalFromEnvironment(nil)
			require.ErrorIs(t, err, azureml.ErrInvalid)
			assert.EqualError(t, err, "azureml: cannot make a service principal's credential from the environment: "+test.want)
			assert.Contains(t, failure(t, err).Remedy, "AML_TENANT_ID")
			noSecret(t, err, "PLANTED")
		})
	}
}

func TestServicePrincipalFromEnvironmentCertificate(t *testing.T) {
	p := recording.Play(t, "sp_certificate")
	path := filepath.Join(t.TempDir(), "principal.pem")
	require.NoError(t, os.WriteFile(path, testCertificate(t), 0o600))
	t.Setenv("AZURE_TENANT_ID", testTenant)
	t.Setenv("AZURE_CLIENT_ID", testPrincipal)
	t.Setenv("AZURE_CLIENT_CERTIFICATE_PATH", path)
	sp, err := NewServicePrincipalFromEnvironment(&ServicePrincipalOptions{ClientOptions: p.ClientOptions()})
	require.NoError(t, err)
	_, err = sp.Header(t.Context())
	require.NoError(t, err)

	t.Setenv("AZURE_CLIENT_CERTIFICATE_PATH", path+".gone")
	_, err = NewServicePrincipalFromEnvironment(nil)
	require.ErrorIs(t, err, azureml.ErrInvalid)
	assert.ErrorContains(t, err, "AZURE_CLIENT_CERTIFICATE_PATH")
}

func TestTheCloudOfTheEnvironment(t *testing.T) {
	t.Setenv("AZUREML_CURRENT_CLOUD", "AzureUSGovernment")
	named, err := Cloud("")
	require.NoError(t, err)
	assert.Equal(t, "https://login.microsoftonline.us/", named.ActiveDirectoryAuthorityHost)
	sp, err := NewServicePrincipal(testTenant, testPrincipal, testSecret, nil)
	require.NoError(t, err)
	assert.Equal(t, named, sp.Cloud())
	t.Setenv("AZUREML_CURRENT_CLOUD", "AzureMars")
	for _, make := range []func() error{
		func() error { _, err := NewServicePrincipal(testTenant, testPrincipal, testSecret, nil); return err },
		func() error { _, err := NewManagedIdentity(nil); return err },
		func() error { _, err := NewAzureCLI(nil); return err },
		func() error { _, err := NewDefault(nil); return err },
		func() error { _, err := NewInteractiveLogin(nil); return err },
	} {
		err := make()
		require.ErrorIs(t, err, azureml.ErrInvalid)
		assert.ErrorContains(t, err, "AzureCloud, AzureChinaCloud, AzureUSGovernment")
	}
	_, err = Cloud("AzurePublic")
	require.ErrorIs(t, err, azureml.ErrInvalid)
}

func FuzzEnvironmentValues(f *testing.F) {
	f.Add("t", "c", "s", "", "", "")
	f.Add(" t\n", "", "", "t", "c", "s")
	f.Add("", "", "", "", "", "\x00")
	f.Fuzz(func(t *testing.T, a, b, c, d, e, g string) {
		values := map[string]string{
			"AML_TENANT_ID": a, "AML_PRINCIPAL_ID": b, "AML_PRINCIPAL_PASS": c,
			"AZURE_TENANT_ID": d, "AZURE_CLIENT_ID": e, "AZURE_CLIENT_SECRET": g,
		}
		found, missing := principalOf(func(name string) string { return values[name] })
		if len(missing) > 0 {
			assert.Equal(t, principalFrom{}, found)
			for _, name := range missing {
				assert.Empty(t, strings.TrimSpace(values[name]), name)
			}
			return
		}
		assert.NotEmpty(t, found.tenantID)
		assert.NotEmpty(t, found.clientID)
		assert.Equal(t, strings.TrimSpace(values[found.variables.secret]), found.secret.Reveal())
		if _, err := NewServicePrincipal(found.tenantID, found.clientID, found.secret, nil); err != nil {
			assert.ErrorIs(t, err, azureml.ErrInvalid)
		}
	})
}

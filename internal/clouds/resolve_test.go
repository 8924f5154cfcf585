package clouds

import (
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
)

func clearVariables(t *testing.T) {
	for _, name := range []string{currentCloud, authorityHost, "AML_DISCOVERY_API_HOST", "AZURECLOUD_AML_DISCOVERY_API_HOST"} {
		t.Setenv(name, "")
	}
}

func manager(endpoint string) map[cloud.ServiceName]cloud.ServiceConfiguration {
	return map[cloud.ServiceName]cloud.ServiceConfiguration{cloud.ResourceManager: {Endpoint: endpoint}}
}

func TestNamed(t *testing.T) {
	clearVariables(t)
	for name, host := range map[string]string{
		"AzureCloud": "https://login.microsoftonline.com/", "AzureChinaCloud": "https://login.chinacloudapi.cn/",
		"AzureUSGovernment": "https://login.microsoftonline.us/", " azurecloud ": "https://login.microsoftonline.com/",
		"": "https://login.microsoftonline.com/",
	} {
		c, err := Named(name)
		require.NoError(t, err, name)
		assert.Equal(t, host, c.Configuration().ActiveDirectoryAuthorityHost)
	}
	_, err := Named("AzurCloud")
	require.ErrorIs(t, err, azureml.ErrInvalid)
	assert.EqualError(t, err, `azureml: cannot choose a cloud: name ("AzurCloud") must be one of AzureCloud, AzureChinaCloud, AzureUSGovernment`)
	_, err = Named("AzureGermanCloud")
	assert.ErrorContains(t, err, "closed")

	t.Setenv(currentCloud, "AzureChinaCloud")
	c, err := Named("")
	require.NoError(t, err)
	assert.Equal(t, "AzureChinaCloud", c.Name)
	t.Setenv(currentCloud, "Mars")
	_, err = Named("")
	assert.ErrorContains(t, err, `AZUREML_CURRENT_CLOUD ("Mars") must be one of`)
}

func TestResolve(t *testing.T) {
	clearVariables(t)
	china, err := Named("AzureChinaCloud")
	require.NoError(t, err)
	for name, test := range map[string]struct {
		given    cloud.Configuration
		variable [2]string
		want     cloud.Configuration
	}{
		"nothing":                 {want: Public().Configuration()},
		"variable":                {variable: [2]string{currentCloud, "AzureChinaCloud"}, want: china.Configuration()},
		"authority's variable":    {variable: [2]string{authorityHost, "https://login.chinacloudapi.cn"}, want: china.Configuration()},
		"given wins":              {given: Public().Configuration(), variable: [2]string{currentCloud, "AzureChinaCloud"}, want: Public().Configuration()},
		"authority only":          {given: cloud.Configuration{ActiveDirectoryAuthorityHost: "https://login.chinacloudapi.cn"}, want: cloud.Configuration{ActiveDirectoryAuthorityHost: "https://login.chinacloudapi.cn", Services: china.Configuration().Services}},
		"resource manager only":   {given: cloud.Configuration{Services: manager("https://management.chinacloudapi.cn/")}, want: china.Configuration()},
		"custom authority only":   {given: cloud.Configuration{ActiveDirectoryAuthorityHost: "https://login.example"}, want: cloud.Configuration{ActiveDirectoryAuthorityHost: "https://login.example"}},
		"custom authority by env": {variable: [2]string{authorityHost, "https://login.example"}, want: cloud.Configuration{ActiveDirectoryAuthorityHost: "https://login.example", Services: Public().Configuration().Services}},
	} {
		t.Run(name, func(t *testing.T) {
			clearVariables(t)
			if test.variable[0] != "" {
				t.Setenv(test.variable[0], test.variable[1])
			}
			got, err := Resolve(test.given)
			require.NoError(t, err)
			assert.Equal(t, test.want, got)
		})
	}
	t.Setenv(currentCloud, "Mars")
	_, err = Resolve(cloud.Configuration{})
	require.ErrorIs(t, err, azureml.ErrInvalid)
}

func TestSame(t *testing.T) {
	t.Parallel()
	public := Public().Configuration()
	assert.True(t, Same(public, cloud.Configuration{Services: manager("https://MANAGEMENT.azure.com")}))
	assert.False(t, Same(public, cloud.Configuration{Services: manager("https://management.chinacloudapi.cn")}))
	assert.True(t, Same(public, cloud.Configuration{ActiveDirectoryAuthorityHost: "https://login.microsoftonline.com"}))
	assert.False(t, Same(public, cloud.Configuration{ActiveDirectoryAuthorityHost: "https://login.example"}))
}

// TestTheTable compares with azcore's own table where that has the same facts.
func TestTheTable(t *testing.T) {
	t.Parallel()
	for name, known := range map[string]cloud.Configuration{
		"AzureCloud": cloud.AzurePublic, "AzureChinaCloud": cloud.AzureChina, "AzureUSGovernment": cloud.AzureGovernment,
	} {
		c, ok := ByName(name)
		require.True(t, ok)
		assert.Equal(t, known.ActiveDirectoryAuthorityHost, c.Configuration().ActiveDirectoryAuthorityHost)
		of, ok := Of(known)
		require.True(t, ok)
		assert.Equal(t, name, of.Name)
		assert.Equal(t, name, NameOf(known))
		assert.NotEmpty(t, c.MLAudience)
		assert.Equal(t, c.Audience+"/.default", c.Scope())
	}
	_, ok := Of(cloud.Configuration{ActiveDirectoryAuthorityHost: "https://login.example"})
	assert.False(t, ok, "a custom cloud needs a resource manager")
	custom, ok := Of(cloud.Configuration{ActiveDirectoryAuthorityHost: "https://login.example", Services: manager("https://management.example")})
	require.True(t, ok)
	assert.Equal(t, "https://management.example/", custom.Audience)
}

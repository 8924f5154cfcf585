package clouds

import (
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/stretchr/testify/assert"
)

func TestOf(t *testing.T) {
	t.Parallel()
	for _, c := range All() {
		got, ok := Of(c.Configuration())
		assert.True(t, ok)
		assert.Equal(t, c, got)
		got, ok = Of(cloud.Configuration{ActiveDirectoryAuthorityHost: c.Authority})
		assert.True(t, ok)
		assert.Equal(t, c, got)
		byName, ok := ByName(" " + c.Name)
		assert.True(t, ok)
		assert.Equal(t, c, byName)
	}
	got, ok := Of(cloud.Configuration{})
	assert.True(t, ok)
	assert.Equal(t, "AzureCloud", got.Name)
	_, ok = Of(cloud.Configuration{ActiveDirectoryAuthorityHost: "https://login.custom.example"})
	assert.False(t, ok)
	_, ok = ByName("AzureClout")
	assert.False(t, ok)
	custom, ok := Of(cloud.Configuration{
		ActiveDirectoryAuthorityHost: "https://login.custom.example/",
		Services:                     map[cloud.ServiceName]cloud.ServiceConfiguration{cloud.ResourceManager: {Endpoint: "https://arm.custom.example/"}},
	})
	assert.True(t, ok)
	assert.Equal(t, "https://arm.custom.example", custom.ResourceManager)
	assert.Equal(t, "https://arm.custom.example//.default", custom.Scope())
}

func TestScopeKeepsTheAudiencesSlash(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "https://management.core.windows.net//.default", Public().Scope())
}

func TestDiscoveryDomain(t *testing.T) {
	assert.Equal(t, "api.azureml.ms", Public().DiscoveryDomain())
	t.Setenv("AML_DISCOVERY_API_HOST", "other.example")
	assert.Equal(t, "other.example", Public().DiscoveryDomain())
	t.Setenv("AZURECLOUD_AML_DISCOVERY_API_HOST", "first.example")
	assert.Equal(t, "first.example", Public().DiscoveryDomain())
}

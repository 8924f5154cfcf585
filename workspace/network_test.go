package workspace_test

import (
	"context"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/recording"
	"github.com/azureml-go/azureml/workspace"
)

// nobody is a credential that must not be asked.
type nobody struct{}

func (nobody) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	panic("a token was asked for")
}

// of is a credential of a cloud.
type of struct {
	nobody
	cloud cloud.Configuration
}

func (o of) Cloud() cloud.Configuration { return o.cloud }

func TestNetworkRefusalsAreExplained(t *testing.T) {
	t.Parallel()
	service := workspace.Request{Service: workspace.ModelManagement, Operation: "get", Subject: `web service "a"`, Path: "services/a"}
	for name, row := range map[string]struct {
		request workspace.Request
		kind    error
		help    []string
		not     string
	}{
		"private_refused": {service, azureml.ErrForbidden, []string{
			"Blocked: the request to the workspace's model management was refused because it came over the public network.",
			"Setting: publicNetworkAccess of the workspace is Disabled and it has 2 private endpoint(s).",
			"the DNS zone privatelink.api.azureml.ms", `PublicNetworkAccess "Enabled"`,
		}, "may have come"},
		"private_unreached": {service, azureml.ErrUnavailable, []string{
			"service discovery at 0eda8a1d-135f-8f1c-27f7-3e5f0f916b2d.workspace.westeurope.api.azureml.ms failed",
			"Setting: publicNetworkAccess of the workspace is Disabled and it has 2 private endpoint(s).",
		}, "was refused"},
		"private_role": {service, azureml.ErrForbidden, []string{"has no role on this scope"}, "publicNetworkAccess"},
		"legacy_refused": {workspace.Request{Service: workspace.ResourceManager, Operation: "list", Subject: "online endpoints", Path: "onlineEndpoints"}, azureml.ErrForbidden, []string{
			"Blocked: the request to the resource manager", "Setting: v1LegacyMode of the workspace is true", "BeginUpdate with V1LegacyMode",
		}, "publicNetworkAccess"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ws, err := open(t, recording.Play(t, name), "ws-prod", "rg-ml")
			require.NoError(t, err)
			_, err = ws.Do(t.Context(), row.request, nil)
			require.ErrorIs(t, err, row.kind)
			for _, help := range row.help {
				assert.Contains(t, azureml.Explain(err), help)
			}
			assert.NotContains(t, azureml.Explain(err), row.not)
		})
	}
}

func TestCloudOfTheCredential(t *testing.T) {
	government := azcore.ClientOptions{Cloud: cloud.AzureGovernment}
	_, err := workspace.At(wsID, of{cloud: cloud.AzurePublic}, &workspace.GetOptions{ClientOptions: government})
	require.ErrorIs(t, err, azureml.ErrInvalid)
	assert.Contains(t, err.Error(), `ClientOptions.Cloud ("AzureUSGovernment") is not the cloud of the credential, AzureCloud`)

	ws, err := workspace.At(wsID, of{cloud: cloud.AzureGovernment}, &workspace.GetOptions{ClientOptions: government})
	require.NoError(t, err, "the same")
	assert.Equal(t, cloud.AzureGovernment.ActiveDirectoryAuthorityHost, ws.ClientOptions().Cloud.ActiveDirectoryAuthorityHost)

	ws, err = workspace.At(wsID, of{cloud: cloud.AzureChina}, nil)
	require.NoError(t, err, "the credential's cloud is taken when the options name none")
	assert.Equal(t, cloud.AzureChina.ActiveDirectoryAuthorityHost, ws.ClientOptions().Cloud.ActiveDirectoryAuthorityHost)

	t.Setenv("AZUREML_CURRENT_CLOUD", "AzureUSGovernment")
	ws, err = workspace.At(wsID, nobody{}, nil)
	require.NoError(t, err)
	assert.Contains(t, ws.ClientOptions().Cloud.Services[cloud.ResourceManager].Endpoint, "usgovcloudapi.net")
	t.Setenv("AZUREML_CURRENT_CLOUD", "Atlantis")
	_, err = workspace.At(wsID, nobody{}, nil)
	require.ErrorIs(t, err, azureml.ErrInvalid)
	_, err = workspace.Get(t.Context(), "w", nobody{}, &workspace.GetOptions{ClientOptions: azcore.ClientOptions{Cloud: cloud.Configuration{ActiveDirectoryAuthorityHost: "https://login.example"}}})
	require.ErrorIs(t, err, azureml.ErrInvalid)
	assert.Contains(t, err.Error(), "must name a resource manager")
}

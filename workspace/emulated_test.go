package workspace_test

import (
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/internal/recording"
	"github.com/azureml-go/azureml/workspace"
)

// TestEmulated plays what the emulator answered; AZUREML_RECORD=emulator records it anew.
func TestEmulated(t *testing.T) {
	t.Parallel()
	p := recording.Play(t, "emulated", recording.Emulator(func() (policy.Transporter, azcore.TokenCredential) {
		srv := azuremltest.NewServer(nil)
		t.Cleanup(srv.Close)
		return srv.Client(), srv.Credential()
	}))
	ws, err := workspace.Get(t.Context(), azuremltest.WorkspaceName, p.Credential(), &workspace.GetOptions{
		ClientOptions:  p.ClientOptions(),
		SubscriptionID: p.Setting("AZUREML_TEST_SUBSCRIPTION", azuremltest.SubscriptionID), ResourceGroup: azuremltest.ResourceGroup,
	})
	require.NoError(t, err)
	assert.Equal(t, azuremltest.Location, ws.Location)
	_, err = ws.Do(t.Context(), workspace.Request{Service: workspace.ModelManagement, Operation: "get", Subject: "a service", Path: "services/nope"}, nil)
	require.ErrorIs(t, err, azureml.ErrNotFound)
}

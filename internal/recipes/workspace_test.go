package recipes

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/workspace"
)

var workspaceRecipes = []recipe{
	{id: "A10", title: "Workspace.get(name, auth, subscription_id) without a resource group, then get_details()", run: recipeGetAndDetails},
}

func recipeGetAndDetails(t *testing.T, w *world) {
	ws, err := workspace.Get(t.Context(), azuremltest.WorkspaceName, w.srv.Credential(), &workspace.GetOptions{
		ClientOptions: w.srv.ClientOptions(), SubscriptionID: azuremltest.SubscriptionID,
	})
	require.NoError(t, err)
	assert.Equal(t, azuremltest.ResourceGroup, ws.ResourceGroup)
	details, err := ws.Details(t.Context())
	require.NoError(t, err)
	assert.Equal(t, azuremltest.Location, details.Location)
	assert.NotEmpty(t, details.Properties.WorkspaceID)
}

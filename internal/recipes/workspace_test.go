package recipes

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/workspace"
)

var workspaceRecipes = []recipe{
	{id: "A06", python: "`az ad sp show --id …`", title: "the object id of a service principal from its client id", run: recipeObjectID},
	{id: "A07", python: "`az ml workspace share -w … -g … --user … --role owner`", title: "give a principal a role on the workspace (ml workspace share -w -g --user OBJECTID --role owner)", run: recipeShare},
	{id: "A10", python: "`Workspace.get(name, auth, subscription_id).get_details()`", title: "Workspace.get(name, auth, subscription_id) without a resource group, then get_details()", run: recipeGetAndDetails},
}

func recipeGetAndDetails(t *testing.T, w *world) {
	ws, err := workspace.Get(t.Context(), azuremltest.WorkspaceName, w.srv.Credential(), &workspace.GetOptions{
		ClientOptions: w.srv.ClientOptions(), SubscriptionID: azuremltest.SubscriptionID,
	}) // README: A10
	require.NoError(t, err)
	assert.Equal(t, azuremltest.ResourceGroup, ws.ResourceGroup)
	details, err := ws.Details(t.Context()) // README: A10
	require.NoError(t, err)
	assert.Equal(t, azuremltest.Location, details.Location)
	assert.NotEmpty(t, details.Properties.WorkspaceID)
}

// recipeWorkspace opens the workspace with everything given.
func recipeWorkspace(t *testing.T, w *world) *workspace.Workspace {
	ws, err := workspace.Get(t.Context(), azuremltest.WorkspaceName, w.srv.Credential(), &workspace.GetOptions{
		ClientOptions: w.srv.ClientOptions(), SubscriptionID: azuremltest.SubscriptionID, ResourceGroup: azuremltest.ResourceGroup,
	})
	require.NoError(t, err)
	return ws
}

func recipeObjectID(t *testing.T, w *world) {
	app := w.srv.AddServicePrincipal(azuremltest.ServicePrincipal{ClientID: "44444444-4444-4444-4444-444444444444"})
	found, err := recipeWorkspace(t, w).LookupPrincipal(t.Context(), app.ClientID) // README: A06
	require.NoError(t, err)
	assert.Equal(t, app.ObjectID, found.ObjectID)
	assert.Equal(t, workspace.PrincipalServicePrincipal, found.Type)
}

func recipeShare(t *testing.T, w *world) {
	app := w.srv.AddServicePrincipal(azuremltest.ServicePrincipal{ClientID: "44444444-4444-4444-4444-444444444444"})
	ws := recipeWorkspace(t, w)
	first, err := ws.Share(t.Context(), app.ObjectID, "owner", nil) // README: A07
	require.NoError(t, err)
	again, err := ws.Share(t.Context(), app.ObjectID, "owner", nil)
	require.NoError(t, err)
	assert.Equal(t, first.ID, again.ID, "twice is once")
	access, err := ws.Access(t.Context(), nil)
	require.NoError(t, err)
	require.Len(t, access, 1)
	assert.Equal(t, app.ObjectID, access[0].PrincipalID)
	assert.Equal(t, "Owner", access[0].RoleName)
	assert.Equal(t, workspace.PrincipalServicePrincipal, access[0].PrincipalType)
}

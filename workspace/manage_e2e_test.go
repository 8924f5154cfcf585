package workspace_test

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/workspace"
)

func newServer(t *testing.T) *azuremltest.Server {
	srv := azuremltest.NewServer(nil)
	t.Cleanup(srv.Close)
	return srv
}

func openEmulated(t *testing.T, srv *azuremltest.Server) *workspace.Workspace {
	ws, err := workspace.Get(t.Context(), azuremltest.WorkspaceName, srv.Credential(), &workspace.GetOptions{
		ClientOptions: srv.ClientOptions(), SubscriptionID: azuremltest.SubscriptionID, ResourceGroup: azuremltest.ResourceGroup,
	})
	require.NoError(t, err)
	return ws
}

// TestRequestsCounted: what opening a workspace costs, tokens aside.
func TestRequestsCounted(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	srv.AddWorkspace(azuremltest.Workspace{ResourceGroup: "rg-other", Name: "other"})
	dir := t.TempDir()
	_, err := openEmulated(t, srv).WriteConfig(dir, nil)
	require.NoError(t, err)
	for name, row := range map[string]struct {
		want int
		open func() (*workspace.Workspace, error)
	}{
		"everything given": {1, func() (*workspace.Workspace, error) { return openEmulated(t, srv), nil }},
		"id": {1, func() (*workspace.Workspace, error) {
			return workspace.Get(t.Context(), "/subscriptions/"+azuremltest.SubscriptionID+"/resourcegroups/rg-ml/providers/microsoft.machinelearningservices/workspaces/ML-Example", srv.Credential(), &workspace.GetOptions{ClientOptions: srv.ClientOptions()})
		}},
		"without resource group": {1, func() (*workspace.Workspace, error) {
			return workspace.Get(t.Context(), "ML-Example", srv.Credential(), &workspace.GetOptions{ClientOptions: srv.ClientOptions(), SubscriptionID: azuremltest.SubscriptionID})
		}},
		"name only": {2, func() (*workspace.Workspace, error) {
			return workspace.Get(t.Context(), azuremltest.WorkspaceName, srv.Credential(), &workspace.GetOptions{ClientOptions: srv.ClientOptions()})
		}},
		"config file": {1, func() (*workspace.Workspace, error) {
			return workspace.FromConfig(t.Context(), srv.Credential(), &workspace.FromConfigOptions{ClientOptions: srv.ClientOptions(), Path: filepath.Join(dir, "deep", "down")})
		}},
		"handle": {0, func() (*workspace.Workspace, error) {
			return workspace.At("/subscriptions/"+azuremltest.SubscriptionID+"/resourceGroups/rg-ml/providers/Microsoft.MachineLearningServices/workspaces/ml-example", srv.Credential(), &workspace.GetOptions{ClientOptions: srv.ClientOptions()})
		}},
	} {
		srv.ResetRequests()
		ws, err := row.open()
		require.NoError(t, err, name)
		assert.True(t, strings.EqualFold(azuremltest.WorkspaceName, ws.Name), name)
		assert.Len(t, srv.Requests(), row.want, name)
	}
}

// TestWorkspaceLife makes, changes and deletes a workspace with all that it uses.
func TestWorkspaceLife(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	options := workspace.CreateOptions{ClientOptions: srv.ClientOptions(), ResourceGroup: "rg-new", Location: "North Europe", Description: "[not an expression]", Tags: map[string]string{"a": "[b]"}}
	poller, err := workspace.BeginCreate(t.Context(), "ws-new", srv.Credential(), &options)
	require.NoError(t, err)
	ws, err := azureml.Wait(t.Context(), poller, quickly())
	require.NoError(t, err)
	assert.Equal(t, "northeurope", ws.Location)
	assert.Equal(t, "[not an expression]", ws.Description)
	assert.Equal(t, "[b]", ws.Tags["a"])
	assert.Regexp(t, `/storageAccounts/wsnewstorage[0-9a-f]{12}$`, ws.StorageAccount)
	assert.Regexp(t, `/vaults/wsnewkeyvault[0-9a-f]{11}$`, ws.KeyVault)
	require.Len(t, ws.Dependents(), 3)

	_, err = workspace.BeginCreate(t.Context(), "WS-New", srv.Credential(), &options)
	require.ErrorIs(t, err, azureml.ErrConflict)
	second := options
	second.StorageAccount, second.KeyVault, second.ApplicationInsights = ws.StorageAccount, ws.KeyVault, ws.ApplicationInsights
	poller, err = workspace.BeginCreate(t.Context(), "ws-second", srv.Credential(), &second)
	require.NoError(t, err)
	_, err = azureml.Wait(t.Context(), poller, quickly())
	require.NoError(t, err)

	access := workspace.PublicNetworkAccessDisabled
	changing, err := ws.BeginUpdate(t.Context(), workspace.Update{FriendlyName: new("New"), Tags: map[string]string{}, PublicNetworkAccess: &access, V1LegacyMode: new(true)}, nil)
	require.NoError(t, err)
	_, err = ws.BeginUpdate(t.Context(), workspace.Update{FriendlyName: new("Newer")}, nil)
	require.ErrorIs(t, err, azureml.ErrConflict)
	changed, err := azureml.Wait(t.Context(), changing, quickly())
	require.NoError(t, err)
	assert.Equal(t, "New", changed.FriendlyName)
	assert.Empty(t, changed.Tags)
	assert.Equal(t, new(true), changed.V1LegacyMode)

	_, err = changed.Do(t.Context(), workspace.Request{Service: workspace.ModelManagement, Operation: "list", Subject: "models", Path: "models"}, nil)
	require.ErrorIs(t, err, azureml.ErrForbidden)
	assert.Contains(t, azureml.Explain(err), "Setting: publicNetworkAccess of the workspace is Disabled")

	require.NoError(t, changed.SyncKeys(t.Context()))
	keys, err := changed.Keys(t.Context())
	require.NoError(t, err)
	assert.NotEmpty(t, keys.StorageKey.Reveal())

	deleting, err := changed.BeginDelete(t.Context(), "ws-new", &workspace.DeleteOptions{Dependents: changed.Dependents()})
	require.NoError(t, err)
	_, err = deleting.Poll(t.Context())
	require.NoError(t, err)
	token, err := deleting.ResumeToken()
	require.NoError(t, err)
	handle, err := workspace.At(ws.ID, srv.Credential(), &workspace.GetOptions{ClientOptions: srv.ClientOptions()})
	require.NoError(t, err)
	deleting, err = handle.BeginDelete(t.Context(), "ws-new", &workspace.DeleteOptions{Dependents: changed.Dependents(), ResumeToken: token})
	require.NoError(t, err)
	result, err := azureml.Wait(t.Context(), deleting, quickly())
	require.NoError(t, err)
	require.NoError(t, result.Err())
	require.Len(t, result.Dependents, 3)
	_, err = handle.Refresh(t.Context())
	require.ErrorIs(t, err, azureml.ErrNotFound)

	other, err := workspace.Get(t.Context(), "ws-second", srv.Credential(), &workspace.GetOptions{ClientOptions: srv.ClientOptions()})
	require.NoError(t, err)
	diagnosis, err := other.Diagnose(t.Context(), nil)
	require.NoError(t, err)
	require.Len(t, diagnosis.StorageAccount, 1, "it was deleted with the other workspace")
	assert.Equal(t, workspace.FindingError, diagnosis.StorageAccount[0].Level)
}

func TestCreationFails(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	for _, made := range []bool{true, false} {
		srv.FailNextOperation(azuremltest.OperationFailure{Kind: "workspace", Name: "ws-new", Code: "QuotaExceeded", Message: "No more."})
		own := openEmulated(t, srv)
		options := workspace.CreateOptions{ClientOptions: srv.ClientOptions(), SubscriptionID: azuremltest.SubscriptionID, ResourceGroup: azuremltest.ResourceGroup}
		if !made {
			options.StorageAccount, options.KeyVault, options.ApplicationInsights = own.StorageAccount, own.KeyVault, own.ApplicationInsights
		}
		poller, err := workspace.BeginCreate(t.Context(), "ws-new", srv.Credential(), &options)
		require.NoError(t, err)
		_, err = azureml.Wait(t.Context(), poller, quickly())
		require.ErrorIs(t, err, azureml.ErrOperationFailed)
		assert.Contains(t, err.Error(), "No more.")
		assert.Equal(t, made, strings.Contains(azureml.Explain(err), `names that begin with "wsnew"`))
	}
}

// TestSharing gives roles to everybody there is, and takes one away.
func TestSharing(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	ws := openEmulated(t, srv)
	deployer := srv.AddServicePrincipal(azuremltest.ServicePrincipal{ClientID: "44444444-4444-4444-4444-444444444444", Name: "deployer"})
	person := srv.AddUser(azuremltest.User{Name: "o'neil@contoso.example"})
	team := srv.AddGroup(azuremltest.Group{Name: "ml team", Mail: "team@contoso.example"})
	for who, want := range map[string]string{
		deployer.ObjectID: deployer.ObjectID, deployer.ClientID: deployer.ObjectID, "api://" + deployer.ClientID: deployer.ObjectID, "deployer": deployer.ObjectID,
		person.Name: person.ObjectID, person.ObjectID: person.ObjectID, team.Mail: team.ObjectID, team.Name: team.ObjectID,
	} {
		first, err := ws.Share(t.Context(), who, "reader", nil)
		require.NoError(t, err, who)
		assert.Equal(t, want, first.PrincipalID, who)
		again, err := ws.Share(t.Context(), who, "Reader", nil)
		require.NoError(t, err, who)
		assert.Equal(t, first.ID, again.ID, "twice is once")
	}
	all, err := ws.Access(t.Context(), &workspace.AccessOptions{Principals: true})
	require.NoError(t, err)
	require.Len(t, all, 3)
	for _, a := range all {
		assert.Equal(t, "Reader", a.RoleName)
		require.NotNil(t, a.Principal)
	}

	srv.AddRole(azuremltest.Role{Role: "Contributor", PrincipalID: person.ObjectID, PrincipalType: "User"})
	existed, err := ws.Share(t.Context(), person.Name, "Contributor", nil)
	require.NoError(t, err)
	assert.True(t, existed.Existed)
	require.NoError(t, ws.Unshare(t.Context(), person.Name, "Contributor"), "whoever gave it")
	require.ErrorIs(t, ws.Unshare(t.Context(), person.Name, "Contributor"), azureml.ErrNotFound)

	srv.AddRole(azuremltest.Role{Scope: "/subscriptions/" + azuremltest.SubscriptionID, Role: "User Access Administrator", PrincipalID: person.ObjectID, PrincipalType: "User"})
	err = ws.Unshare(t.Context(), person.Name, "User Access Administrator")
	require.ErrorIs(t, err, azureml.ErrNotFound)
	assert.Contains(t, azureml.Explain(err), "inherited from /subscriptions/"+azuremltest.SubscriptionID)

	_, err = ws.Share(t.Context(), "nobody@contoso.example", "Reader", nil)
	require.ErrorIs(t, err, azureml.ErrNotFound)
	_, err = ws.Share(t.Context(), deployer.ObjectID, "Reader", &workspace.ShareOptions{PrincipalType: workspace.PrincipalUser})
	require.ErrorIs(t, err, azureml.ErrInvalid)
	_, err = ws.Share(t.Context(), deployer.ClientID, "Owner", &workspace.ShareOptions{PrincipalType: workspace.PrincipalServicePrincipal, Patience: -1})
	require.ErrorIs(t, err, azureml.ErrNotFound, "an application id is no object id")

	remove := srv.Fault(azuremltest.Fault{Host: "graph.microsoft.com", Status: http.StatusForbidden, Count: -1})
	defer remove()
	found, err := ws.Share(t.Context(), deployer.ObjectID, "Owner", nil)
	require.NoError(t, err, "the resource manager knows by itself what it is")
	assert.Equal(t, workspace.PrincipalServicePrincipal, found.PrincipalType)
}

// TestStuckOperation: what never ends is waited for as long as the caller wants, and can
// be waited for again.
func TestStuckOperation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := azuremltest.NewServer(&azuremltest.Options{InMemory: true, RetryAfter: 10 * time.Second})
		defer srv.Close()
		ws := openEmulated(t, srv)
		srv.FailNextOperation(azuremltest.OperationFailure{Kind: "workspace", State: "Stuck"})
		poller, err := ws.BeginUpdate(t.Context(), workspace.Update{Description: new("x")}, nil)
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		_, err = azureml.Wait(ctx, poller, nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Contains(t, err.Error(), "the operation goes on at the service, last seen in state Updating")
		_, err = poller.ResumeToken()
		require.NoError(t, err)

		srv.FailNextOperation(azuremltest.OperationFailure{Kind: "workspace", State: "Canceled"})
		poller2, err := ws.BeginDelete(t.Context(), ws.Name, nil)
		require.NoError(t, err)
		_, err = azureml.Wait(t.Context(), poller2, nil)
		require.ErrorIs(t, err, azureml.ErrOperationCanceled)
	})
}

// TestLostAnswers: the connection breaks after the request has had its effect.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := azuremltest.NewServer(&azuremltest.Options{InMemory: true})
		defer srv.Close()
		options := workspace.CreateOptions{ClientOptions: srv.ClientOptions(), SubscriptionID: azuremltest.SubscriptionID, ResourceGroup: azuremltest.ResourceGroup}
		srv.Fault(azuremltest.Fault{Method: http.MethodPut, Path: "/deployments/", ResetAfter: true, Count: -1})
		poller, err := workspace.BeginCreate(t.Context(), "ws-new", srv.Credential(), &options)
		require.NoError(t, err, "the deployment is there, and followed")
		ws, err := azureml.Wait(t.Context(), poller, nil)
		require.NoError(t, err)

		srv.Fault(azuremltest.Fault{Method: http.MethodDelete, ResetAfter: true, Count: -1})
		deleting, err := ws.BeginDelete(t.Context(), "ws-new", nil)
		require.NoError(t, err)
		_, err = azureml.Wait(t.Context(), deleting, nil)
		require.NoError(t, err)
	})
}

// TestTokensGoWhereTheyBelong: one for the resource manager and the services, one for
// Microsoft Graph, none for discovery.
func TestTokensGoWhereTheyBelong(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	ws := openEmulated(t, srv)
	_, err := ws.Do(t.Context(), workspace.Request{Service: workspace.ModelManagement, Path: "models"}, nil)
	require.NoError(t, err)
	_, err = ws.LookupPrincipal(t.Context(), azuremltest.ClientID)
	require.NoError(t, err)
	got := map[string]string{}
	for _, r := range srv.Requests() {
		key := r.Host
		if r.URL.Path == "/discovery" {
			key += r.URL.Path
		}
		got[key] = r.Header.Get("Authorization")
	}
	assert.Equal(t, map[string]string{
		"management.azure.com":                   "Bearer aud=https://management.core.windows.net/",
		"westeurope.modelmanagement.azureml.net": "Bearer aud=https://management.core.windows.net/",
		"westeurope.api.azureml.ms/discovery":    "",
		"graph.microsoft.com":                    "Bearer aud=https://graph.microsoft.com",
	}, got)
}

// TestDefaultLogin: no credential is the default one.
func TestDefaultLogin(t *testing.T) {
	srv := newServer(t)
	t.Setenv("AML_TENANT_ID", azuremltest.TenantID)
	t.Setenv("AML_PRINCIPAL_ID", azuremltest.ClientID)
	t.Setenv("AML_PRINCIPAL_PASS", azuremltest.ClientSecret)
	ws, err := workspace.Get(t.Context(), azuremltest.WorkspaceName, nil, &workspace.GetOptions{ClientOptions: srv.ClientOptions(), SubscriptionID: azuremltest.SubscriptionID})
	require.NoError(t, err)
	assert.Equal(t, azuremltest.Location, ws.Location)
}

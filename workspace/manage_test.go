package workspace_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/recording"
	"github.com/azureml-go/azureml/workspace"
)

const (
	wsID      = "/subscriptions/" + subscription + "/resourceGroups/rg-ml/providers/Microsoft.MachineLearningServices/workspaces/ws-prod"
	resources = "/subscriptions/" + subscription + "/resourceGroups/rg-ml/providers/"
	storage   = resources + "Microsoft.Storage/storageAccounts/wsprodstorage"
	vault     = resources + "Microsoft.Keyvault/vaults/wsprodkeyvault"
	insights  = resources + "Microsoft.insights/components/wsprodinsights"
	registry  = resources + "Microsoft.ContainerRegistry/registries/wsprodacr"
	uai       = resources + "Microsoft.ManagedIdentity/userAssignedIdentities/uai"
)

// at is a handle that costs no request.
func at(t *testing.T, p *recording.Player) *workspace.Workspace {
	ws, err := workspace.At(wsID, p.Credential(), &workspace.GetOptions{ClientOptions: p.ClientOptions()})
	require.NoError(t, err)
	return ws
}

// quickly polls without noticeable waits.
func quickly() *azureml.WaitOptions { return &azureml.WaitOptions{MinInterval: time.Millisecond} }

// given are options for a workspace of resources that exist.
func given() workspace.CreateOptions {
	return workspace.CreateOptions{
		SubscriptionID: subscription, ResourceGroup: "rg-ml", Tags: map[string]string{"team": "ml"}, FriendlyName: "Production", Description: "A workspace",
		StorageAccount: storage, KeyVault: vault, ApplicationInsights: insights, ContainerRegistry: registry, PublicNetworkAccess: workspace.PublicNetworkAccessDisabled,
	}
}

func TestBeginCreate(t *testing.T) {
	t.Parallel()
	made := func(o *workspace.CreateOptions) {
		*o = workspace.CreateOptions{SubscriptionID: subscription, ResourceGroup: "rg-ml", Description: "[resourceGroup().id]"}
	}
	for name, row := range map[string]struct {
		change func(*workspace.CreateOptions)
		kind   error
		text   string
		help   string
	}{
		"create_given":    {nil, nil, "", ""},
		"create_lost":     {nil, nil, "", ""},
		"create_group":    {func(o *workspace.CreateOptions) { o.Location = "West Europe" }, nil, "", ""},
		"create_deployed": {made, nil, "", ""},
		"create_encrypted": {func(o *workspace.CreateOptions) {
			o.Tags, o.FriendlyName, o.Description, o.ContainerRegistry, o.PublicNetworkAccess = map[string]string{"createdByToolkit": "mine"}, "", "", "", ""
			o.Encryption = &workspace.CustomerKey{KeyVault: resources + "Microsoft.KeyVault/vaults/kv-cmk", Key: "https://kv-cmk.vault.azure.net/keys/k1/aabbccddee112233445566778899aabb", UserAssignedIdentity: uai}
			o.HBIWorkspace, o.SystemDatastoresAuthMode, o.V1LegacyMode = true, "identity", new(false)
		}, nil, "", ""},
		"create_identity": {func(o *workspace.CreateOptions) {
			o.Tags, o.FriendlyName, o.Description, o.ContainerRegistry, o.PublicNetworkAccess = nil, "", "", "", ""
			o.PrimaryUserAssignedIdentity = uai
		}, nil, "", ""},
		"create_failed":        {nil, azureml.ErrOperationFailed, `cannot create workspace "ws-prod": Internal error (InternalServerError)`, ""},
		"create_exists":        {nil, azureml.ErrConflict, "there is one of this name in resource group rg-ml", "ExistOK"},
		"create_group_missing": {nil, azureml.ErrNotFound, "ResourceGroupNotFound", "give Location to have it made there"},
		"create_required_group": {func(o *workspace.CreateOptions) { o.Location, o.RequireResourceGroup = "westeurope", true }, azureml.ErrNotFound,
			"ResourceGroupNotFound", "Make the resource group first.\n"},
		"create_required_invisible":     {func(o *workspace.CreateOptions) { o.Location, o.RequireResourceGroup = "westeurope", true }, azureml.ErrNotFound, "SubscriptionNotFound", "tenant and cloud"},
		"create_invisible_subscription": {func(o *workspace.CreateOptions) { o.Location = "westeurope" }, azureml.ErrNotFound, "SubscriptionNotFound", "tenant and cloud"},
		"create_forbidden":              {nil, azureml.ErrForbidden, "workspaces/write", "has no role on this scope"},
		"create_deployment_failed": {made, azureml.ErrOperationFailed, "At least one resource deployment operation failed: The storage account named x is already taken.",
			`look for names that begin with "wsprod" and for the tag createdByToolkit=azureml-go-v0.1.0`},
		"create_deployment_lost": {made, azureml.ErrOperationFailed, "The template deployment failed: No more workspaces. (InvalidTemplateDeployment", "vCPU quota"},
		"create_subscriptions":   {func(o *workspace.CreateOptions) { o.SubscriptionID = "" }, azureml.ErrAmbiguous, "the credential sees 2 subscriptions", "Give SubscriptionID"},
		"create_no_subscription": {func(o *workspace.CreateOptions) { o.SubscriptionID = "" }, azureml.ErrNotFound, "the credential sees no subscription", "tenant"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := recording.Play(t, name)
			options := given()
			if row.change != nil {
				row.change(&options)
			}
			options.ClientOptions = p.ClientOptions()
			poller, err := workspace.BeginCreate(t.Context(), "ws-prod", p.Credential(), &options)
			var ws *workspace.Workspace
			if err == nil {
				ws, err = azureml.Wait(t.Context(), poller, quickly())
			}
			if row.kind != nil {
				require.ErrorIs(t, err, row.kind)
				assert.Contains(t, err.Error(), row.text)
				assert.Contains(t, azureml.Explain(err), row.help)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, wsID, ws.ID)
			assert.Equal(t, "Succeeded", ws.ProvisioningState)
			assert.NotEmpty(t, ws.DiscoveryURL)
		})
	}
}

func TestBeginCreateTakesWhatExists(t *testing.T) {
	t.Parallel()
	p := recording.Play(t, "create_exists")
	options := given()
	options.ClientOptions, options.ExistOK = p.ClientOptions(), true
	poller, err := workspace.BeginCreate(t.Context(), "ws-prod", p.Credential(), &options)
	require.NoError(t, err)
	require.True(t, poller.Done())
	ws, err := poller.Result(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "westeurope", ws.Location)
}

func TestBeginCreateResumes(t *testing.T) {
	t.Parallel()
	p := recording.Play(t, "create_given")
	options := given()
	options.ClientOptions = p.ClientOptions()
	poller, err := workspace.BeginCreate(t.Context(), "ws-prod", p.Credential(), &options)
	require.NoError(t, err)
	_, err = poller.Poll(t.Context())
	require.NoError(t, err)
	token, err := poller.ResumeToken()
	require.NoError(t, err)

	again := workspace.CreateOptions{ClientOptions: p.ClientOptions(), SubscriptionID: subscription, ResourceGroup: "rg-ml", ResumeToken: token}
	_, err = workspace.BeginCreate(t.Context(), "ws-other", p.Credential(), &again)
	require.ErrorIs(t, err, azureml.ErrInvalid, "a token of another workspace")
	poller, err = workspace.BeginCreate(t.Context(), "ws-prod", p.Credential(), &again)
	require.NoError(t, err)
	ws, err := azureml.Wait(t.Context(), poller, quickly())
	require.NoError(t, err)
	assert.Equal(t, "ws-prod", ws.Name)
}

func TestBeginCreateChecksEverythingFirst(t *testing.T) {
	t.Parallel()
	_, err := workspace.BeginCreate(t.Context(), "-x", nil, &workspace.CreateOptions{
		SubscriptionID: "my subscription", ResourceGroup: "a/b", Location: "[evil]", StorageAccount: vault, KeyVault: "vault", ApplicationInsights: insights,
		LogAnalyticsWorkspace: insights, Encryption: &workspace.CustomerKey{Key: "https://v/keys/k"}, SystemDatastoresAuthMode: "none", PublicNetworkAccess: "off",
	})
	require.ErrorIs(t, err, azureml.ErrInvalid)
	e, ok := errors.AsType[*azureml.Error](err)
	require.True(t, ok)
	var fields []string
	for _, v := range e.Violations {
		fields = append(fields, v.Field)
	}
	assert.Equal(t, []string{"name", "SubscriptionID", "ResourceGroup", "Location", "StorageAccount", "KeyVault", "LogAnalyticsWorkspace", "LogAnalyticsWorkspace",
		"Encryption.KeyVault", "Encryption.Key", "SystemDatastoresAuthMode", "PublicNetworkAccess"}, fields)
}

func TestBeginUpdate(t *testing.T) {
	t.Parallel()
	legacy := workspace.Update{V1LegacyMode: new(false)}
	access := workspace.PublicNetworkAccessEnabled
	for name, row := range map[string]struct {
		update workspace.Update
		kind   error
		text   string
	}{
		"update": {workspace.Update{
			Tags: map[string]string{"team": "x"}, FriendlyName: new("f"), Description: new(""), ImageBuildCompute: new("cpu-cluster"), ContainerRegistry: new(registry),
			CosmosDBThroughput: new(800), PublicNetworkAccess: &access, AllowPublicAccessWhenBehindVnet: new(true), V1LegacyMode: new(false),
		}, nil, ""},
		"update_plain":             {legacy, nil, ""},
		"update_202":               {legacy, nil, ""},
		"update_204":               {legacy, nil, ""},
		"update_location":          {legacy, nil, ""},
		"update_tags":              {workspace.Update{Tags: map[string]string{}}, nil, ""},
		"update_identity":          {workspace.Update{PrimaryUserAssignedIdentity: new(uai)}, nil, ""},
		"update_identity_assigned": {workspace.Update{PrimaryUserAssignedIdentity: new(uai)}, nil, ""},
		"update_canceled":          {legacy, azureml.ErrOperationCanceled, "the operation ended in state Canceled"},
		"update_conflict":          {legacy, azureml.ErrConflict, "Another operation is in progress"},
		"update_not_repeated":      {legacy, azureml.ErrUnavailable, "HTTP 500"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := recording.Play(t, name)
			before := at(t, p)
			poller, err := before.BeginUpdate(t.Context(), row.update, nil)
			var ws *workspace.Workspace
			if err == nil {
				ws, err = azureml.Wait(t.Context(), poller, quickly())
			}
			if row.kind != nil {
				require.ErrorIs(t, err, row.kind)
				assert.Contains(t, err.Error(), row.text)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, "f", ws.FriendlyName)
			assert.Empty(t, before.FriendlyName, "the handle is a picture")
		})
	}
}

func TestBeginUpdateChecksEverythingFirst(t *testing.T) {
	t.Parallel()
	ws, err := workspace.At(wsID, nobody{}, nil)
	require.NoError(t, err)
	_, err = ws.BeginUpdate(t.Context(), workspace.Update{}, nil)
	require.ErrorIs(t, err, azureml.ErrInvalid)
	assert.Contains(t, err.Error(), "changes nothing")
	off := workspace.PublicNetworkAccess("off")
	_, err = ws.BeginUpdate(t.Context(), workspace.Update{ContainerRegistry: new(""), ApplicationInsights: new(storage), CosmosDBThroughput: new(-1), PublicNetworkAccess: &off}, nil)
	e, ok := errors.AsType[*azureml.Error](err)
	require.True(t, ok)
	assert.Len(t, e.Violations, 4, "%v", err)
}

func TestBeginDelete(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		kind error
		text string
	}{
		"delete":                  {nil, ""},
		"delete_204":              {nil, ""},
		"delete_looked_at":        {nil, ""},
		"delete_of_failed":        {nil, ""},
		"delete_forbidden_status": {nil, ""},
		"delete_missing":          {azureml.ErrNotFound, "ResourceGroupNotFound"},
		"delete_failed":           {azureml.ErrOperationFailed, "The scope is locked."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			poller, err := at(t, recording.Play(t, name)).BeginDelete(t.Context(), "ws-prod", nil)
			var result workspace.DeleteResult
			if err == nil {
				result, err = azureml.Wait(t.Context(), poller, quickly())
			}
			if row.kind != nil {
				require.ErrorIs(t, err, row.kind)
				assert.Contains(t, err.Error(), row.text)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, workspace.DeleteResult{ID: wsID}, result)
			assert.NoError(t, result.Err())
		})
	}
}

func TestBeginDeleteWithDependents(t *testing.T) {
	t.Parallel()
	ws, err := open(t, recording.Play(t, "delete_dependents"), "ws-prod", "rg-ml")
	require.NoError(t, err)
	ids := ws.Dependents()
	require.Equal(t, []string{storage, vault, insights, registry}, ids)
	poller, err := ws.BeginDelete(t.Context(), "ws-prod", &workspace.DeleteOptions{Dependents: ids})
	require.NoError(t, err)
	result, err := azureml.Wait(t.Context(), poller, quickly())
	require.NoError(t, err, "the workspace is gone")
	require.Len(t, result.Dependents, 4)
	for i, deleted := range []bool{true, true, false, true} {
		assert.Equal(t, ids[i], result.Dependents[i].ID)
		assert.Equal(t, deleted, result.Dependents[i].Deleted, ids[i])
	}
	require.ErrorIs(t, result.Err(), azureml.ErrForbidden)
	assert.Contains(t, result.Err().Error(), `cannot delete components "wsprodinsights" of workspace "ws-prod"`)
}

func TestBeginDeleteAsksForTheName(t *testing.T) {
	t.Parallel()
	ws, err := workspace.At(wsID, nobody{}, nil)
	require.NoError(t, err)
	_, err = ws.BeginDelete(t.Context(), "ws-pord", &workspace.DeleteOptions{Dependents: []string{storage, uai, "x"}})
	require.ErrorIs(t, err, azureml.ErrInvalid)
	assert.Contains(t, err.Error(), `name ("ws-pord") must be the workspace's name, "ws-prod"; Dependents[1]`)
	assert.Contains(t, err.Error(), "Dependents[2]")
}

func TestKeys(t *testing.T) {
	t.Parallel()
	keys, err := at(t, recording.Play(t, "keys")).Keys(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "PLANTED-storage", keys.StorageKey.Reveal())
	assert.Equal(t, storage, keys.StorageAccount)
	assert.Equal(t, "PLANTED-insights", keys.AppInsightsInstrumentationKey.Reveal())
	require.NotNil(t, keys.ContainerRegistry)
	assert.Equal(t, "wsprodacr.azurecr.io", keys.ContainerRegistry.LoginServer)
	require.Len(t, keys.ContainerRegistry.Passwords, 2)
	assert.Equal(t, "PLANTED-2", keys.ContainerRegistry.Passwords[1].Value.Reveal())
	require.NotNil(t, keys.Notebook)
	assert.Equal(t, "PLANTED-b", keys.Notebook.Secondary.Reveal())
	data, err := json.Marshal(keys)
	require.NoError(t, err)
	assert.NotContains(t, string(data)+fmt.Sprintf("%v %+v %#v", keys, *keys, *keys.ContainerRegistry), "PLANTED")

	keys, err = at(t, recording.Play(t, "keys_without_registry")).Keys(t.Context())
	require.NoError(t, err)
	assert.Nil(t, keys.ContainerRegistry)
	_, err = at(t, recording.Play(t, "keys_forbidden")).Keys(t.Context())
	require.ErrorIs(t, err, azureml.ErrForbidden)
}

func TestSyncKeys(t *testing.T) {
	t.Parallel()
	require.NoError(t, at(t, recording.Play(t, "sync_keys")).SyncKeys(t.Context()))
	require.NoError(t, at(t, recording.Play(t, "sync_keys_204")).SyncKeys(t.Context()))
	err := at(t, recording.Play(t, "sync_keys_failed")).SyncKeys(t.Context())
	require.ErrorIs(t, err, azureml.ErrOperationFailed)
	assert.Contains(t, err.Error(), `cannot synchronize the keys of workspace "ws-prod": The storage account is gone.`)
}

func TestDiagnose(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]*workspace.DiagnoseOptions{
		"diagnose":           nil,
		"diagnose_at_once":   {DNSResolution: map[string]any{"a": "b"}},
		"diagnose_operation": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := at(t, recording.Play(t, name)).Diagnose(t.Context(), options)
			require.NoError(t, err)
			var all []string
			for part, f := range d.All() {
				all = append(all, fmt.Sprintf("%s: %s %s", part, f.Level, f.Code))
			}
			assert.Equal(t, []string{"DNS resolution: Warning CustomDnsInUse", "storage account: Fatal X"}, all)
		})
	}
	_, err := at(t, recording.Play(t, "diagnose_failed")).Diagnose(t.Context(), nil)
	require.ErrorIs(t, err, azureml.ErrConflict)
	_, err = at(t, recording.Play(t, "diagnose_odd")).Diagnose(t.Context(), nil)
	require.Error(t, err)
	assert.Contains(t, err.Error(), "the answer holds no diagnosis")
}

func TestAt(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"ws-prod", "/subscriptions/Prod/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/w"} {
		_, err := workspace.At(id, nobody{}, nil)
		require.ErrorIs(t, err, azureml.ErrInvalid, id)
	}
	ws := at(t, recording.Play(t, "at_discovers"))
	assert.Equal(t, "ws-prod", ws.Name)
	var got thing
	_, err := ws.Do(t.Context(), workspace.Request{Service: workspace.ModelManagement, Method: http.MethodGet, Path: "services/a"}, &got)
	require.NoError(t, err)
	assert.Equal(t, "a", got.Name)
}

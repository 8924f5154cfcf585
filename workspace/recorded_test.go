package workspace_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/recording"
	"github.com/azureml-go/azureml/workspace"
)

const subscription = "11111111-2222-3333-4444-555555555555"

func open(t *testing.T, p *recording.Player, name, group string) (*workspace.Workspace, error) {
	return workspace.Get(t.Context(), name, p.Credential(), &workspace.GetOptions{
		ClientOptions: p.ClientOptions(), SubscriptionID: subscription, ResourceGroup: group,
	})
}

func TestGet(t *testing.T) {
	t.Parallel()
	ws, err := open(t, recording.Play(t, "get"), "ws-prod", "rg-ml")
	require.NoError(t, err)
	assert.Equal(t, "ws-prod", ws.Name)
	assert.Equal(t, "rg-ml", ws.ResourceGroup)
	assert.Equal(t, subscription, ws.SubscriptionID)
	assert.Equal(t, "westeurope", ws.Location)
	assert.Equal(t, "Succeeded", ws.ProvisioningState)
	assert.NotEmpty(t, ws.WorkspaceID)
	assert.NotEmpty(t, ws.DiscoveryURL)
	assert.Equal(t, "workspace ws-prod in resource group rg-ml, subscription "+subscription, fmt.Sprintf("%+v", ws))
	data, err := json.Marshal(ws)
	require.NoError(t, err)
	assert.NotContains(t, string(data), "aud=")
}

func TestGetFailures(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		recording, workspace, group string
		kind                        error
		text, help                  string
	}{
		"not found":       {"not_found", "nope", "rg-ml", azureml.ErrNotFound, `azureml: cannot get workspace "nope": The Resource 'Microsoft.MachineLearningServices/workspaces/nope'`, "Did you mean nopf in rg-dev? Workspaces there: nopf in rg-dev, "},
		"group not found": {"resource_group_not_found", "ws-prod", "nope", azureml.ErrNotFound, "ResourceGroupNotFound", "Check the name of the resource group"},
		"forbidden":       {"forbidden", "ws-prod", "rg-ml", azureml.ErrForbidden, "AuthorizationFailed", "has no role on this scope"},
		"wrong tenant":    {"get_wrong_tenant", "ws-prod", "rg-ml", azureml.ErrUnauthorized, "22222222-2222-2222-2222-222222222222", "Subscriptions that the credential sees: 22222222-3333-4444-5555-666666666666 (Dev, tenant "},
		"subscription":    {"subscription_not_found", "ws-prod", "rg-ml", azureml.ErrNotFound, "SubscriptionNotFound", "Tenants in which it is known, to sign in to with a tenant id: aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee (Contoso), 22222222-2222-2222-2222-222222222222 (Fabrikam)."},
		"no hint":         {"get_hint_forbidden", "ws-prod", "rg-ml", azureml.ErrUnauthorized, "22222222-2222-2222-2222-222222222222", "another tenant"},
		"throttled":       {"get_throttled_for_ever", "ws-prod", "rg-ml", azureml.ErrThrottled, "TooManyRequests", "attempts     4"},
		"unreached":       {"get_unreached", "ws-prod", "rg-ml", azureml.ErrUnavailable, "reset", "Check that management.azure.com can be reached"},
		"bare error":      {"get_html_once", "ws-prod", "rg-ml", azureml.ErrInvalid, "InvalidApiVersionParameter", ""},
		"html":            {"get_html", "ws-prod", "rg-ml", azureml.ErrUnavailable, `an HTML page: "502 Bad Gateway" (HTTP 502`, ""},
		"truncated":       {"get_truncated", "ws-prod", "rg-ml", nil, "the answer is not complete JSON", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := open(t, recording.Play(t, row.recording), row.workspace, row.group)
			require.Error(t, err)
			if row.kind != nil {
				require.ErrorIs(t, err, row.kind)
			}
			assert.Contains(t, err.Error(), row.text)
			assert.Contains(t, azureml.Explain(err), row.help)
		})
	}
}

func TestGetReadsLeniently(t *testing.T) {
	t.Parallel()
	ws, err := open(t, recording.Play(t, "get_sparse"), "ws-prod", "rg-ml")
	require.NoError(t, err)
	assert.Equal(t, "rg-ml", ws.ResourceGroup, "taken from what was asked for")
	assert.Zero(t, ws.PrivateLinkCount)
}

func TestGetIsRepeatedAfterFailures(t *testing.T) {
	t.Parallel()
	_, err := open(t, recording.Play(t, "get_recovers"), "ws-prod", "rg-ml")
	require.NoError(t, err)
}

func TestGetIsRepeatedWhenThrottled(t *testing.T) {
	t.Parallel()
	_, err := open(t, recording.Play(t, "get_throttled"), "ws-prod", "rg-ml")
	require.NoError(t, err)
}

func TestGetChecksBeforeAsking(t *testing.T) {
	t.Parallel()
	_, err := workspace.Get(t.Context(), "", nil, nil)
	require.ErrorIs(t, err, azureml.ErrInvalid)
	assert.Contains(t, err.Error(), "name is required")
}

func TestFromConfig(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "config.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"subscription_id":"`+subscription+`","resource_group":"rg-ml","workspace_name":"ws-prod"}`), 0o644))
	p := recording.Play(t, "from_config")
	ws, err := workspace.FromConfig(t.Context(), p.Credential(), &workspace.FromConfigOptions{ClientOptions: p.ClientOptions(), Path: filepath.Join(dir, "below")})
	require.NoError(t, err)
	assert.Equal(t, "ws-prod", ws.Name)
	assert.Equal(t, file, ws.ConfigFile)
	again, err := ws.Refresh(t.Context())
	require.NoError(t, err)
	assert.Equal(t, ws.ID, again.ID)
	assert.Equal(t, file, again.ConfigFile)
}

func TestFromConfigNamesTheFileOfAFailure(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "mine.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"subscription_id":"`+subscription+`","resource_group":"rg-ml","workspace_name":"nope"}`), 0o644))
	p := recording.Play(t, "not_found")
	_, err := workspace.FromConfig(t.Context(), p.Credential(), &workspace.FromConfigOptions{ClientOptions: p.ClientOptions(), Path: file})
	require.ErrorIs(t, err, azureml.ErrNotFound)
	assert.Contains(t, azureml.Explain(err), "The workspace was named by "+file)
}

type thing struct {
	Name string `json:"name"`
}

// TestDoor is a stranger's package: it reads, creates, waits, resumes and lists.
func TestDoor(t *testing.T) {
	t.Parallel()
	ws, err := open(t, recording.Play(t, "door"), "ws-prod", "rg-ml")
	require.NoError(t, err)
	var got thing
	resp, err := ws.Do(t.Context(), workspace.Request{
		Service: workspace.ModelManagement, Operation: "get", Subject: "a thing",
		Path: "things/" + workspace.Segment("a b"), Query: url.Values{"expand": {"true"}},
	}, &got)
	require.NoError(t, err)
	assert.Equal(t, 200, resp.StatusCode)
	assert.Equal(t, "a b", got.Name)

	operation := workspace.Operation[*thing]{
		Kind: "create", Resource: "things/c",
		Done: func(context.Context, workspace.OperationStatus) (*thing, error) { return &thing{"c"}, nil },
	}
	create := workspace.Request{
		Service: workspace.ModelManagement, Operation: "create", Subject: `thing "c"`, Method: http.MethodPost, Path: "things", Body: thing{"c"},
	}
	poller, err := workspace.Begin(t.Context(), ws, create, operation)
	require.NoError(t, err)
	token, err := poller.ResumeToken()
	require.NoError(t, err)
	operation.ResumeToken = token
	poller, err = workspace.Begin(t.Context(), ws, create, operation)
	require.NoError(t, err, "resuming posts nothing")
	made, err := azureml.Wait(t.Context(), poller, nil)
	require.NoError(t, err)
	assert.Equal(t, "c", made.Name)

	var names []string
	for item, err := range workspace.List[thing](t.Context(), ws, workspace.Request{
		Service: workspace.ModelManagement, Operation: "list", Subject: "things", Path: "things", Query: url.Values{"count": {"2"}},
	}, nil) {
		require.NoError(t, err)
		names = append(names, item.Name)
	}
	assert.Equal(t, []string{"a", "b", "c"}, names)
}

func TestDiscoveryDown(t *testing.T) {
	t.Parallel()
	p := recording.Play(t, "discovery_down")
	var warnings []azureml.Warning
	ws, err := workspace.Get(t.Context(), "ws-prod", p.Credential(), &workspace.GetOptions{
		ClientOptions: p.ClientOptions(), SubscriptionID: subscription, ResourceGroup: "rg-ml",
		OnWarning: func(w azureml.Warning) { warnings = append(warnings, w) },
	})
	require.NoError(t, err)
	_, err = ws.Do(t.Context(), workspace.Request{Service: workspace.ModelManagement, Path: "things/a"}, nil)
	require.NoError(t, err)
	require.Len(t, warnings, 1)
	assert.Contains(t, warnings[0].String(), "well-known host https://westeurope.api.azureml.ms")
}

func TestUnknownService(t *testing.T) {
	t.Parallel()
	ws, err := open(t, recording.Play(t, "get"), "ws-prod", "rg-ml")
	require.NoError(t, err)
	_, err = ws.Do(t.Context(), workspace.Request{Service: "nothing", Operation: "get", Subject: "it"}, nil)
	require.ErrorIs(t, err, azureml.ErrInvalid)
	_, ok := errors.AsType[*azureml.Error](err)
	assert.True(t, ok)
}

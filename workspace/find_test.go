package workspace_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/recording"
	"github.com/azureml-go/azureml/workspace"
)

const otherSubscription = "22222222-3333-4444-5555-666666666666"

func TestGetSearches(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		recording, subscription, group string
		kind                           error
		id, text, help                 string
	}{
		"subscription known":      {"find_in_subscription", subscription, "", nil, "/subscriptions/" + subscription + "/resourceGroups/RG-ML/providers/Microsoft.MachineLearningServices/workspaces/WS-Prod", "", ""},
		"nothing known":           {"find_everywhere", "", "", nil, "/subscriptions/" + otherSubscription + "/resourceGroups/rg-dev/providers/Microsoft.MachineLearningServices/workspaces/ws-prod", "", ""},
		"group known":             {"find_everywhere_in_group", "", "rg-ml", nil, "/subscriptions/" + subscription + "/resourceGroups/rg-ml/providers/Microsoft.MachineLearningServices/workspaces/ws-prod", "", ""},
		"several":                 {"find_ambiguous", subscription, "", azureml.ErrAmbiguous, "", "2 workspaces have this name", "  - /subscriptions/" + subscription + "/resourceGroups/rg-a/"},
		"none, near ones":         {"find_nothing", subscription, "", azureml.ErrNotFound, "", "there is none of this name in subscription " + subscription, "Did you mean ws-prd in rg-ml?"},
		"none at all":             {"find_nothing_at_all", subscription, "", azureml.ErrNotFound, "", "none of this name", "sees no workspace there"},
		"no subscription visible": {"find_no_subscription", "", "", azureml.ErrNotFound, "", "the credential sees no subscription", "tenant"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := recording.Play(t, row.recording)
			ws, err := workspace.Get(t.Context(), "ws-prod", p.Credential(), &workspace.GetOptions{ClientOptions: p.ClientOptions(), SubscriptionID: row.subscription, ResourceGroup: row.group})
			if row.kind != nil {
				require.ErrorIs(t, err, row.kind)
				assert.Contains(t, err.Error(), row.text)
				assert.Contains(t, azureml.Explain(err), row.help)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, row.id, ws.ID)
			assert.NotEmpty(t, ws.DiscoveryURL, "complete without a further request")
		})
	}
}

func TestAmbiguousListsAll(t *testing.T) {
	t.Parallel()
	p := recording.Play(t, "find_ambiguous")
	_, err := workspace.Get(t.Context(), "ws-prod", p.Credential(), &workspace.GetOptions{ClientOptions: p.ClientOptions(), SubscriptionID: subscription})
	e, ok := errors.AsType[*azureml.Error](err)
	require.True(t, ok)
	require.Len(t, e.Details, 2)
	assert.Contains(t, e.Details[0].Message, "/resourceGroups/rg-a/")
}

func TestGetByID(t *testing.T) {
	t.Parallel()
	p := recording.Play(t, "get")
	ws, err := workspace.Get(t.Context(), "/subscriptions/"+subscription+"/resourcegroups/rg-ml/providers/microsoft.machinelearningservices/workspaces/ws-prod", p.Credential(), &workspace.GetOptions{ClientOptions: p.ClientOptions()})
	require.NoError(t, err)
	assert.Equal(t, "ws-prod", ws.Name)
}

func TestAll(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		options  workspace.AllOptions
		want     []string
		warnings int
		kind     error
	}{
		"all_in_subscription": {workspace.AllOptions{SubscriptionID: subscription}, []string{"a", "b", "c"}, 0, nil},
		"all_in_group":        {workspace.AllOptions{SubscriptionID: subscription, ResourceGroup: "rg-ml"}, []string{"a"}, 0, nil},
		"all_everywhere":      {workspace.AllOptions{}, []string{"d"}, 1, nil},
		"all_forbidden":       {workspace.AllOptions{SubscriptionID: subscription}, nil, 0, azureml.ErrForbidden},
		"all_repeating":       {workspace.AllOptions{SubscriptionID: subscription}, []string{"a", "b"}, 0, azureml.ErrUnavailable},
		"all_broken":          {workspace.AllOptions{SubscriptionID: subscription}, []string{"a"}, 0, azureml.ErrInvalid},
		"all_foreign_link":    {workspace.AllOptions{SubscriptionID: subscription}, []string{"a"}, 0, azureml.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := recording.Play(t, name)
			warnings := 0
			row.options.ClientOptions = p.ClientOptions()
			row.options.OnWarning = func(azureml.Warning) { warnings++ }
			found, err := azureml.Collect(workspace.All(t.Context(), p.Credential(), &row.options))
			if row.kind != nil {
				require.ErrorIs(t, err, row.kind)
			} else {
				require.NoError(t, err)
			}
			var names []string
			for _, w := range found {
				names = append(names, w.Name)
				assert.NotEmpty(t, w.DiscoveryURL)
			}
			assert.Equal(t, row.want, names)
			assert.Equal(t, row.warnings, warnings)
		})
	}
}

func TestAllChecksBeforeAsking(t *testing.T) {
	t.Parallel()
	_, err := azureml.Collect(workspace.All(t.Context(), nil, &workspace.AllOptions{SubscriptionID: "my subscription"}))
	require.ErrorIs(t, err, azureml.ErrInvalid)
	assert.Contains(t, err.Error(), `SubscriptionID ("my subscription") must be a GUID`)
}

func TestSubscriptions(t *testing.T) {
	t.Parallel()
	p := recording.Play(t, "subscriptions")
	found, err := workspace.Subscriptions(t.Context(), p.Credential(), &workspace.AllOptions{ClientOptions: p.ClientOptions()})
	require.NoError(t, err)
	require.Len(t, found, 2)
	assert.Equal(t, "Prod", found[0].Name)
	assert.Equal(t, otherSubscription, found[1].ID)
}

func TestDetails(t *testing.T) {
	t.Parallel()
	ws, err := open(t, recording.Play(t, "details"), "ws-prod", "rg-ml")
	require.NoError(t, err)
	d, err := ws.Details(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "SystemAssigned", d.Identity.Type)
	assert.Equal(t, "Basic", d.SKU.Tier)
	assert.Equal(t, "owner@example.com", d.SystemData.CreatedBy)
	assert.Equal(t, 2024, d.SystemData.CreatedAt.Year())
	assert.Contains(t, d.Properties.ContainerRegistry, "wsprodacr")
	assert.Equal(t, "Default", d.Raw["kind"])
}

// TestDetailsAreComplete: nothing that the contract's example holds gets lost on the way
// through the typed picture.
func TestDetailsAreComplete(t *testing.T) {
	t.Parallel()
	p := recording.Play(t, "details_full")
	ws, err := workspace.At("/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg-ml-dev/providers/Microsoft.MachineLearningServices/workspaces/ws-dev", p.Credential(), &workspace.GetOptions{ClientOptions: p.ClientOptions()})
	require.NoError(t, err)
	d, err := ws.Details(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "88888888-0000-0000-0000-000000000001", d.Properties.TelemetryKey.Reveal())
	data, err := json.Marshal(d)
	require.NoError(t, err)
	var typed map[string]any
	require.NoError(t, json.Unmarshal(data, &typed))
	compare(t, "", d.Raw, typed)
}

// compare notes what of raw is not in typed, but for what is empty.
func compare(t *testing.T, path string, raw, typed any) {
	switch r := raw.(type) {
	case map[string]any:
		m, _ := typed.(map[string]any)
		for key, value := range r {
			compare(t, path+"."+key, value, m[key])
		}
	case []any:
		l, _ := typed.([]any)
		if assert.Len(t, l, len(r), path) {
			for i := range r {
				compare(t, path, r[i], l[i])
			}
		}
	case string:
		// Secrets are redacted; types and places of private endpoints say nothing.
		known := strings.HasSuffix(path, "InsightsKey") ||
			strings.HasSuffix(path, "Connections.type") || strings.HasSuffix(path, "Connections.location")
		if r != "" && !known {
			assert.Equal(t, r, typed, path)
		}
	case bool, float64:
		if r != float64(0) {
			assert.Equal(t, r, typed, path)
		}
	}
}

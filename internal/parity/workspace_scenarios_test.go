package parity_test

import (
	"context"

	"github.com/azureml-go/azureml/internal/parity"
	"github.com/azureml-go/azureml/internal/recording/wire"
	"github.com/azureml-go/azureml/workspace"
)

const configFile = `{"subscription_id":"` + parity.SubscriptionID + `","resource_group":"rg-ml","workspace_name":"ws-prod"}`

// fromConfig writes config files, goes into a folder and opens the workspace from there.
func fromConfig(folder string, files map[string]string) func(context.Context, *parity.Stage) (any, error) {
	return func(ctx context.Context, s *parity.Stage) (any, error) {
		for name, content := range files {
			s.WriteFile(name, content)
		}
		s.Chdir(folder)
		ws, err := workspace.FromConfig(ctx, s.Credential(), &workspace.FromConfigOptions{ClientOptions: s.ClientOptions()})
		if err != nil {
			return nil, err
		}
		return map[string]any{"name": ws.Name, "location": ws.Location}, nil
	}
}

func workspaceScenarios() []parity.Scenario {
	opening := func(name, group string) func(context.Context, *parity.Stage) (any, error) {
		return func(ctx context.Context, s *parity.Stage) (any, error) {
			_, err := openWorkspace(ctx, s, name, group)
			return nil, err
		}
	}
	const other = `{"subscription_id":"` + parity.SubscriptionID + `","resource_group":"rg-other","workspace_name":"ws-other"}`
	hint := parity.Allowance{
		For: parity.EnrichesError, Method: "GET", Path: "/workspaces",
		Answer: wire.Response{Status: 200, Headers: map[string]string{"Content-Type": "application/json"}, JSON: []byte(`{"value":[]}`)},
	}
	return []parity.Scenario{
		{Name: "workspace_get", Run: within(func(_ context.Context, _ *parity.Stage, ws *workspace.Workspace) (any, error) {
			return map[string]any{
				"name": ws.Name, "location": ws.Location, "subscription_id": ws.SubscriptionID, "resource_group": ws.ResourceGroup,
				"discovery_url": ws.DiscoveryURL,
			}, nil
		})},
		{Name: "workspace_from_config_cwd", Run: fromConfig(".", map[string]string{"config.json": configFile})},
		{Name: "workspace_from_config_parent", Run: fromConfig("a/b", map[string]string{".azureml/config.json": configFile})},
		{Name: "workspace_from_config_azureml_folder", Run: fromConfig(".", map[string]string{".azureml/config.json": configFile, "config.json": other})},
		{Name: "workspace_not_found", Allow: []parity.Allowance{hint}, Run: opening("nope", parity.ResourceGroup)},
		{Name: "workspace_resource_group_not_found", Allow: []parity.Allowance{hint}, Run: opening(parity.Workspace, "nope")},
		{Name: "workspace_forbidden", Run: opening(parity.Workspace, parity.ResourceGroup)},
	}
}

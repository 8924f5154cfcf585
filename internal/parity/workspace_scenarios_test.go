package parity_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/compute"
	"github.com/azureml-go/azureml/internal/parity"
	"github.com/azureml-go/azureml/internal/recording/wire"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/webservice"
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
		{Name: "workspace_from_config_bad", Allow: []parity.Allowance{hint}, Run: fromBadConfigs},
		{Name: "workspace_from_config_missing", Run: fromNoConfig},
		{Name: "workspace_write_config", Run: within(writeConfigs)},
		{Name: "workspace_get_details", Run: within(details)},
		{Name: "workspace_list", Run: listing("")},
		{Name: "workspace_list_resource_group", Run: listing(parity.ResourceGroup)},
		{Name: "workspace_collections", Run: within(collections)},
		{Name: "workspace_not_found", Allow: []parity.Allowance{hint}, Run: opening("nope", parity.ResourceGroup)},
		{Name: "workspace_resource_group_not_found", Allow: []parity.Allowance{hint}, Run: opening(parity.Workspace, "nope")},
		{Name: "workspace_forbidden", Run: opening(parity.Workspace, parity.ResourceGroup)},
	}
}

// fromBadConfigs tries the files of the golden, each by its path.
func fromBadConfigs(ctx context.Context, s *parity.Stage) (any, error) {
	from := func(name, content string, kind error) any {
		_, err := workspace.FromConfig(ctx, s.Credential(), &workspace.FromConfigOptions{ClientOptions: s.ClientOptions(), Path: s.WriteFile(name, content)})
		return refused(s.Of(err, kind))
	}
	return map[string]any{
		"no workspace_name":      from("a/config.json", `{"subscription_id":"`+parity.SubscriptionID+`","resource_group":"rg-ml"}`, azureml.ErrInvalid),
		"not JSON":               from("b/config.json", "nonsense", azureml.ErrInvalid),
		"unknown resource group": from("c/config.json", `{"subscription_id":"`+parity.SubscriptionID+`","resource_group":"nope","workspace_name":"nope"}`, azureml.ErrNotFound),
	}, nil
}

// fromNoConfig searches where no file is, and no variable stands in for one.
func fromNoConfig(ctx context.Context, s *parity.Stage) (any, error) {
	s.Setenv("AZUREML_WORKSPACE_NAME", "")
	result, err := fromConfig(".", nil)(ctx, s)
	return result, s.Of(err, azureml.ErrNotFound)
}

// writeConfigs writes files with and without a name, and opens what the first one says.
func writeConfigs(ctx context.Context, s *parity.Stage, ws *workspace.Workspace) (any, error) {
	s.WriteFile("proj/here.txt", "x")
	s.Chdir(".")
	_, first := ws.WriteConfig("", nil)
	_, second := ws.WriteConfig("proj", &workspace.WriteConfigOptions{FileName: "my"})
	if err := errors.Join(first, second); err != nil {
		return nil, err
	}
	files := map[string]any{}
	for _, name := range []string{".azureml/config.json", "proj/.azureml/my.json"} {
		data, err := os.ReadFile(filepath.Join(s.Dir(), name))
		if err != nil {
			return nil, err
		}
		files[name] = json.RawMessage(data)
	}
	back, err := workspace.FromConfig(ctx, s.Credential(), &workspace.FromConfigOptions{ClientOptions: s.ClientOptions()})
	if err != nil {
		return nil, err
	}
	return map[string]any{"files": files, "read_back": back.Name}, nil
}

// details gives the members of the golden, in its spelling.
func details(ctx context.Context, _ *parity.Stage, ws *workspace.Workspace) (any, error) {
	d, err := ws.Details(ctx)
	if err != nil {
		return nil, err
	}
	p := d.Properties
	return map[string]any{
		"id": d.ID, "name": d.Name, "type": d.Type, "location": d.Location, "tags": d.Tags, "sku": d.SKU.Name,
		"identity":    map[string]any{"principal_id": d.Identity.PrincipalID, "tenant_id": d.Identity.TenantID, "type": d.Identity.Type},
		"workspaceid": p.WorkspaceID, "sdkTelemetryAppInsightsKey": p.TelemetryKey.Reveal(),
		"description": p.Description, "friendlyName": p.FriendlyName, "creationTime": p.CreationTime.Format(time.RFC3339Nano),
		"containerRegistry": p.ContainerRegistry, "keyVault": p.KeyVault, "applicationInsights": p.ApplicationInsights, "storageAccount": p.StorageAccount,
		"hbiWorkspace": p.HBIWorkspace, "allowPublicAccessWhenBehindVnet": p.AllowPublicAccessWhenBehindVnet, "v1LegacyMode": p.V1LegacyMode,
		"provisioningState": p.ProvisioningState, "discoveryUrl": p.DiscoveryURL,
		"notebookInfo": map[string]any{"fqdn": p.NotebookInfo.FQDN, "resource_id": p.NotebookInfo.ResourceID},
	}, nil
}

// listing lists the workspaces of the subscription, or of a group in it, by name, and
// gives the location of the last one.
func listing(group string) func(context.Context, *parity.Stage) (any, error) {
	return func(ctx context.Context, s *parity.Stage) (any, error) {
		var golden struct{ Found map[string]any }
		if err := json.Unmarshal(s.Golden().Result, &golden); err != nil {
			return nil, err
		}
		found := map[string][][]string{}
		for name := range golden.Found {
			found[name] = [][]string{} // members that we do not give are not compared
		}
		location := ""
		for ws, err := range workspace.All(ctx, s.Credential(), &workspace.AllOptions{ClientOptions: s.ClientOptions(), SubscriptionID: parity.SubscriptionID, ResourceGroup: group}) {
			if err != nil {
				return nil, err
			}
			found[ws.Name] = append(found[ws.Name], []string{ws.Name, ws.ResourceGroup, ws.SubscriptionID})
			location = ws.Location
		}
		return map[string]any{"found": found, "location": location}, nil
	}
}

// collections lists what is in the workspace.
func collections(ctx context.Context, _ *parity.Stage, ws *workspace.Workspace) (any, error) {
	computes, err := azureml.Collect(compute.List(ctx, ws, nil))
	if err != nil {
		return nil, err
	}
	models, err := azureml.Collect(model.List(ctx, ws, &model.ListOptions{LatestVersionOnly: true}))
	if err != nil {
		return nil, err
	}
	services, err := azureml.Collect(webservice.List(ctx, ws, nil))
	if err != nil {
		return nil, err
	}
	environments, err := azureml.Collect(model.ListEnvironments(ctx, ws))
	if err != nil {
		return nil, err
	}
	targets, versions, names, defined := []string{}, map[string]int64{}, []string{}, []string{}
	for _, c := range computes {
		targets = append(targets, c.Name)
	}
	for _, m := range models {
		versions[m.Name] = m.Version
	}
	for _, svc := range services {
		names = append(names, svc.Common().Name)
	}
	for _, e := range environments {
		defined = append(defined, e.Name)
	}
	return map[string]any{"compute_targets": targets, "models": versions, "webservices": names, "environments": defined}, nil
}

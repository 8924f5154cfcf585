package parity_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/parity"
	"github.com/azureml-go/azureml/internal/recording/wire"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

// withEndpoint makes a scenario that begins with the endpoint churn-ep that was read.
func withEndpoint(run func(ctx context.Context, s *parity.Stage, ws *workspace.Workspace, e *webservice.AksEndpoint) (any, error)) func(context.Context, *parity.Stage) (any, error) {
	return within(func(ctx context.Context, s *parity.Stage, ws *workspace.Workspace) (any, error) {
		e, err := webservice.GetEndpoint(ctx, ws, "churn-ep")
		if err != nil {
			return nil, err
		}
		return run(ctx, s, ws, e)
	})
}

// otherEndpoints is the look at the workspace's other endpoints.
func otherEndpoints() parity.Allowance {
	return parity.Allowance{
		For: parity.SafetyCheck, Option: "SkipVersionNameCheck", Method: "GET", Path: "/services",
		Answer: wire.Response{Status: 200, Headers: map[string]string{"Content-Type": "application/json"}, JSON: []byte(`{"value":[]}`)},
	}
}

// awaited waits for what was begun.
func awaited[T any](ctx context.Context, p *runtime.Poller[T], err error) (T, error) {
	if err != nil {
		return *new(T), err
	}
	return azureml.Wait(ctx, p, nil)
}

func endpointScenarios() []parity.Scenario {
	return []parity.Scenario{
		allowing(parity.Scenario{Name: "endpoint_deploy_first_version", Run: within(deployEndpoint)}, otherEndpoints()),
		allowing(parity.Scenario{Name: "endpoint_deploy_no_code", Run: within(deployEndpointWithoutCode)}, otherEndpoints()),
		{Name: "endpoint_invalid_options", Run: invalidEndpoints},
		{Name: "endpoint_get", Run: withEndpoint(getEndpoint)},
		{Name: "endpoint_keys", Run: withEndpoint(endpointKeys)},
		{Name: "endpoint_delete", Run: withEndpoint(func(ctx context.Context, _ *parity.Stage, _ *workspace.Workspace, e *webservice.AksEndpoint) (any, error) {
			p, err := e.BeginDelete(ctx, nil)
			_, err = awaited(ctx, p, err)
			return nil, err
		})},
		allowing(parity.Scenario{Name: "endpoint_create_version", Run: withEndpoint(createVersion)}, otherEndpoints()),
		allowing(parity.Scenario{Name: "endpoint_create_version_limits", Run: withEndpoint(createVersionWithLimits)}, otherEndpoints()),
		{Name: "endpoint_create_version_refused", Run: withEndpoint(refuseVersions)},
		{Name: "endpoint_update_version_traffic", Run: withEndpoint(changeTraffic)},
		{Name: "endpoint_update_version_default_control", Run: withEndpoint(changeMarks)},
		{Name: "endpoint_update_version_refused", Run: withEndpoint(refuseVersionUpdates)},
		{Name: "endpoint_delete_version", Run: withEndpoint(func(ctx context.Context, _ *parity.Stage, _ *workspace.Workspace, e *webservice.AksEndpoint) (any, error) {
			p, err := e.BeginDeleteVersion(ctx, "version-b", nil)
			if e, err = awaited(ctx, p, err); err != nil {
				return nil, err
			}
			return slices.Sorted(maps.Keys(e.Versions)), nil
		})},
		{Name: "endpoint_update", Run: withEndpoint(updateEndpoint)},
	}
}

// describedVersions is what the goldens return of the versions.
func describedVersions(e *webservice.AksEndpoint, keys ...string) map[string]any {
	all := map[string]any{}
	for name, v := range e.Versions {
		var tags any
		if v.Tags != nil {
			tags = v.Tags
		}
		all[name] = only(map[string]any{
			"name": v.Name, "is_default": v.IsDefault, "traffic_percentile": v.TrafficPercentile, "version_type": v.VersionType,
			"num_replicas": v.NumReplicas, "autoscaler": v.AutoScaler, "state": v.State, "scoring_uri": v.ScoringURI, "tags": tags,
		}, keys...)
	}
	return all
}

func deployEndpoint(ctx context.Context, s *parity.Stage, ws *workspace.Workspace) (any, error) {
	config := webservice.AksEndpointDeployConfiguration{ComputeTarget: "aks-prod", VersionName: "version-a", TrafficPercentile: new(100.0)}
	p, err := beginAs(ctx, s, ws, "churn-ep", config, theirEnvironment(), nil)
	if err != nil {
		return nil, err
	}
	before, err := webservice.GetEndpoint(ctx, ws, "churn-ep")
	if err != nil {
		return nil, err
	}
	e, err := azureml.Wait(ctx, p, nil)
	if err != nil {
		return nil, err
	}
	answer, err := score(ctx, &e.Service, `{"data": [[1]]}`)
	return map[string]any{"before": before.State, "run": answer, "versions": describedVersions(e, "name", "state", "is_default", "traffic_percentile", "version_type", "num_replicas", "autoscaler", "scoring_uri"), "endpoint": map[string]any{
		"name": e.Name, "state": e.State, "compute_type": e.ComputeType, "compute_name": e.ComputeName, "scoring_uri": e.ScoringURI,
		"swagger_uri": e.SwaggerURI, "namespace": e.Namespace, "auth_enabled": e.AuthEnabled, "token_auth_enabled": e.TokenAuthEnabled,
		"enable_app_insights": e.AppInsightsEnabled, "properties": e.Properties,
	}}, err
}

func deployEndpointWithoutCode(ctx context.Context, _ *parity.Stage, ws *workspace.Workspace) (any, error) {
	m, err := model.Get(ctx, ws, "sk", nil)
	if err != nil {
		return nil, err
	}
	config := webservice.AksEndpointDeployConfiguration{ComputeTarget: "aks-prod", VersionName: "one", TokenAuthEnabled: new(true), AuthEnabled: new(false)}
	p, err := model.BeginDeploy(ctx, ws, "sk-ep", []*model.Model{m}, nil, config, nil)
	e, err := awaited(ctx, p, err)
	if err != nil {
		return nil, err
	}
	token, err := e.Token(ctx)
	if err != nil {
		return nil, err
	}
	answer, err := score(ctx, &e.Service, `{"data": [[1]]}`)
	return map[string]any{"token": token.Token.Reveal(), "refresh": token.RefreshAfter.Format("2006-01-02T15:04:05"), "run": answer}, err
}

func getEndpoint(ctx context.Context, _ *parity.Stage, ws *workspace.Workspace, e *webservice.AksEndpoint) (any, error) {
	typed, err := webservice.GetEndpoint(ctx, ws, "churn-ep")
	if err != nil {
		return nil, err
	}
	if typed, err = typed.Refresh(ctx); err != nil {
		return nil, err
	}
	class := func(svc any) string { return fmt.Sprintf("%T", svc)[len("*webservice."):] }
	return map[string]any{"class": []string{class(e), class(typed)}, "versions": describedVersions(typed, "is_default", "traffic_percentile", "version_type", "state"), "dict": map[string]any{
		"name": typed.Name, "state": typed.State, "computeName": typed.ComputeName, "computeType": typed.ComputeType,
		"scoringUri": typed.ScoringURI, "authEnabled": typed.AuthEnabled, "aadAuthEnabled": typed.TokenAuthEnabled,
	}}, nil
}

func endpointKeys(ctx context.Context, _ *parity.Stage, _ *workspace.Workspace, e *webservice.AksEndpoint) (any, error) {
	first, err := revealed(e.Keys(ctx))
	if err != nil {
		return nil, err
	}
	second, err := revealed(e.RegenerateKey(ctx, webservice.KeyTypePrimary, nil))
	return map[string]any{"first": first, "second": second}, err
}

func createVersion(ctx context.Context, s *parity.Stage, ws *workspace.Workspace, e *webservice.AksEndpoint) (any, error) {
	m, err := model.Get(ctx, ws, "churn", nil)
	if err != nil {
		return nil, err
	}
	inference := &model.InferenceConfig{EntryScript: s.WriteFile("score.py", parity.EntryScript), Environment: theirEnvironment()}
	p, err := e.BeginCreateVersion(ctx, "version-b", []*model.Model{m}, inference, webservice.VersionConfiguration{
		TrafficPercentile: new(0.0), NumReplicas: 2, Tags: map[string]string{"a": "b"}, Properties: map[string]string{"build": "43"}, Description: "second",
	}, nil)
	if e, err = awaited(ctx, p, err); err != nil {
		return nil, err
	}
	return describedVersions(e, "is_default", "traffic_percentile", "version_type", "num_replicas", "tags"), nil
}

func createVersionWithLimits(ctx context.Context, _ *parity.Stage, ws *workspace.Workspace, e *webservice.AksEndpoint) (any, error) {
	m, err := model.Get(ctx, ws, "sk", nil)
	if err != nil {
		return nil, err
	}
	p, err := e.BeginCreateVersion(ctx, "version-b", []*model.Model{m}, nil, webservice.VersionConfiguration{
		CPUCores: 1, CPUCoresLimit: 2, MemoryGB: 1, MemoryGBLimit: 2,
	}, nil)
	_, err = awaited(ctx, p, err)
	return nil, err
}

func refuseVersions(ctx context.Context, s *parity.Stage, ws *workspace.Workspace, e *webservice.AksEndpoint) (any, error) {
	sk, err := model.Get(ctx, ws, "sk", nil)
	if err != nil {
		return nil, err
	}
	own, err := model.Get(ctx, ws, "own", nil)
	if err != nil {
		return nil, err
	}
	try := func(name string, c webservice.VersionConfiguration, models ...*model.Model) any {
		_, err := e.BeginCreateVersion(ctx, name, models, nil, c, nil)
		return refused(s.Of(err, azureml.ErrInvalid))
	}
	return map[string]any{
		"no name":                   try("", webservice.VersionConfiguration{}, sk),
		"traffic 150":               try("version-b", webservice.VersionConfiguration{TrafficPercentile: new(150.0)}, sk),
		"traffic -1":                try("version-b", webservice.VersionConfiguration{TrafficPercentile: new(-1.0)}, sk),
		"bad name":                  try("Bad_Name", webservice.VersionConfiguration{}, sk),
		"no models":                 try("version-b", webservice.VersionConfiguration{}),
		"custom model without code": try("version-b", webservice.VersionConfiguration{}, own),
		"cpu -1":                    try("version-b", webservice.VersionConfiguration{CPUCores: -1}, sk),
		"autoscale and replicas":    try("version-b", webservice.VersionConfiguration{AutoscaleEnabled: new(true), NumReplicas: 2}, sk),
		"sum over 100":              try("version-b", webservice.VersionConfiguration{TrafficPercentile: new(10.0)}, sk),
	}, nil
}

func changeTraffic(ctx context.Context, _ *parity.Stage, _ *workspace.Workspace, e *webservice.AksEndpoint) (any, error) {
	p, err := e.BeginUpdateVersion(ctx, "version-a", webservice.VersionUpdate{TrafficPercentile: new(80.0)}, nil)
	if e, err = awaited(ctx, p, err); err != nil {
		return nil, err
	}
	p, err = e.BeginUpdateVersion(ctx, "version-b", webservice.VersionUpdate{TrafficPercentile: new(20.0)}, nil)
	if e, err = awaited(ctx, p, err); err != nil {
		return nil, err
	}
	return e.Traffic(), nil
}

func changeMarks(ctx context.Context, s *parity.Stage, _ *workspace.Workspace, e *webservice.AksEndpoint) (any, error) {
	p, err := e.BeginUpdateVersion(ctx, "version-b", webservice.VersionUpdate{IsDefault: new(true)}, nil)
	if e, err = awaited(ctx, p, err); err != nil {
		return nil, err
	}
	p, err = e.BeginUpdateVersion(ctx, "version-b", webservice.VersionUpdate{IsControlVersionType: new(true)}, nil)
	if e, err = awaited(ctx, p, err); err != nil {
		return nil, err
	}
	_, err = e.BeginUpdateVersion(ctx, "version-a", webservice.VersionUpdate{IsDefault: new(false), IsControlVersionType: new(false)}, nil)
	_ = s.Of(err, azureml.ErrInvalid)
	return describedVersions(e, "is_default", "version_type"), nil
}

func refuseVersionUpdates(ctx context.Context, s *parity.Stage, _ *workspace.Workspace, e *webservice.AksEndpoint) (any, error) {
	try := func(name string, kind error, u webservice.VersionUpdate) any {
		_, err := e.BeginUpdateVersion(ctx, name, u, nil)
		return refused(s.Of(err, kind))
	}
	return map[string]any{
		"no name":                 try("", azureml.ErrInvalid, webservice.VersionUpdate{TrafficPercentile: new(1.0)}),
		"nothing":                 try("version-a", azureml.ErrInvalid, webservice.VersionUpdate{}),
		"traffic 150":             try("version-a", azureml.ErrInvalid, webservice.VersionUpdate{TrafficPercentile: new(150.0)}),
		"traffic -5":              try("version-a", azureml.ErrInvalid, webservice.VersionUpdate{TrafficPercentile: new(-5.0)}),
		"sum over 100":            try("version-b", azureml.ErrInvalid, webservice.VersionUpdate{TrafficPercentile: new(50.0)}),
		"unknown version":         try("nope", azureml.ErrNotFound, webservice.VersionUpdate{TrafficPercentile: new(1.0)}),
		"unknown version default": try("nope", azureml.ErrNotFound, webservice.VersionUpdate{IsDefault: new(true)}),
		"cpu -1":                  try("version-a", azureml.ErrInvalid, webservice.VersionUpdate{CPUCores: new(-1.0)}),
	}, nil
}

func updateEndpoint(ctx context.Context, s *parity.Stage, _ *workspace.Workspace, e *webservice.AksEndpoint) (any, error) {
	update := func(u webservice.EndpointUpdate) error {
		p, err := e.BeginUpdate(ctx, u, nil)
		_, err = awaited(ctx, p, err)
		return err
	}
	if err := update(webservice.EndpointUpdate{Tags: map[string]string{"a": "b"}, Description: new("text")}); err != nil {
		return nil, err
	}
	if err := update(webservice.EndpointUpdate{AuthEnabled: new(false), TokenAuthEnabled: new(true)}); err != nil {
		return nil, err
	}
	if err := update(webservice.EndpointUpdate{EnableAppInsights: new(true)}); err != nil {
		return nil, err
	}
	nothing := update(webservice.EndpointUpdate{})
	_, err := e.AddTags(ctx, map[string]string{"x": "y"})
	return map[string]any{"nothing": refused(s.Of(nothing, azureml.ErrInvalid))}, err
}

// invalidEndpoints tries the configurations of the golden, each on its own.
func invalidEndpoints(_ context.Context, s *parity.Stage) (any, error) {
	var golden map[string]string
	if err := json.Unmarshal(s.Golden().Result, &golden); err != nil {
		return nil, err
	}
	type config = webservice.AksEndpointDeployConfiguration
	result := map[string]any{}
	for options, change := range map[string]func(*config){
		"traffic_percentile=150":  func(c *config) { c.TrafficPercentile = new(150.0) },
		"traffic_percentile=-1":   func(c *config) { c.TrafficPercentile = new(-1.0) },
		"traffic_percentile=0":    func(c *config) { c.TrafficPercentile = new(0.0) },
		"traffic_percentile=100":  func(c *config) { c.TrafficPercentile = new(100.0) },
		"version_name='Bad_Name'": func(c *config) { c.VersionName = "Bad_Name" },
		"version_name='ab'":       func(c *config) { c.VersionName = "ab" },
		"cpu_cores=-1":            func(c *config) { c.CPUCores = -1 },
		"auth_enabled=True, token_auth_enabled=True": func(c *config) {
			c.AuthEnabled, c.TokenAuthEnabled = new(true), new(true)
		},
		"cpu_cores=1, cpu_cores_limit=2, memory_gb=1, memory_gb_limit=2": func(c *config) {
			c.CPUCores, c.CPUCoresLimit, c.MemoryGB, c.MemoryGBLimit = 1, 2, 1, 2
		},
	} {
		c := config{ComputeTarget: "aks-prod", VersionName: "version-a"}
		change(&c)
		_, err := c.DeployPayload(model.DeployRequest{Name: "churn-ep"})
		result[options] = judged(err, golden[options])
	}
	return result, nil
}

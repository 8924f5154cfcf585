package recipes

import (
	"fmt"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

var endpointRecipes = []recipe{
	{id: "B12", python: "`AksEndpoint.deploy_configuration(…, version_name, traffic_percentile)`, `Model.deploy(…)`", title: "AksEndpoint.deploy_configuration(cpu_cores, memory_gb, enable_app_insights, tags, description, version_name, traffic_percentile)", run: recipeDeployEndpoint},
	{id: "B13", python: "`endpoint.create_version(version_name, inference_config, models, …)`", title: "endpoint.create_version(version_name, inference_config, models, tags, description, traffic_percentile), with CPU and memory", run: recipeCreateVersion},
	{id: "B14", python: "`endpoint.update_version(name, …)`", title: "endpoint.update_version(name, description, traffic_percentile, is_default, is_control_version_type)", run: recipeUpdateVersion},
	{id: "B15", python: "`endpoint.delete_version(version_name)`", title: "endpoint.delete_version(version_name)", run: recipeDeleteVersion},
	{id: "B16", python: "`endpoint.update(…)`, `add_tags(…)`", title: "endpoint update and tags", run: recipeUpdateEndpoint},
	{id: "B17", python: `shares of the traffic, one version after the other`, title: "up to six versions; the default takes what the percentages leave; one control, several treatments", run: recipeVersions},
}

// endpoint deploys "myendpoint" with "versiona" to a new cluster, as the guide does.
func (w *world) endpoint(ws *workspace.Workspace) *webservice.AksEndpoint {
	w.t.Helper()
	p, err := model.BeginDeploy(w.t.Context(), ws, "myendpoint", []*model.Model{w.model(ws)}, w.inference(), webservice.AksEndpointDeployConfiguration{
		ComputeTarget: w.cluster(ws).Name, CPUCores: 0.1, MemoryGB: 0.2, EnableAppInsights: to.Ptr(true),
		Tags: map[string]string{"modelVersion": "1"}, Description: "my first version", VersionName: "versiona", TrafficPercentile: to.Ptr(20.0),
	}, nil) // README: B12
	require.NoError(w.t, err)
	e, err := azureml.Wait(w.t.Context(), p, nil)
	require.NoError(w.t, err)
	return e
}

// version adds a version that runs what the first one does.
func (w *world) version(ws *workspace.Workspace, e *webservice.AksEndpoint, name string, c webservice.VersionConfiguration) (*webservice.AksEndpoint, error) {
	w.t.Helper()
	m, err := model.Get(w.t.Context(), ws, "mymodel", nil)
	require.NoError(w.t, err)
	p, err := e.BeginCreateVersion(w.t.Context(), name, []*model.Model{m}, w.inference(), c, nil)
	if err != nil {
		return nil, err
	}
	return azureml.Wait(w.t.Context(), p, nil)
}

func recipeDeployEndpoint(t *testing.T, w *world) {
	e := w.endpoint(w.workspace())
	assert.Equal(t, webservice.StateHealthy, e.State)
	assert.Equal(t, "versiona", e.DefaultVersion())
	assert.Equal(t, map[string]float64{"versiona": 100}, e.Traffic())
	assert.True(t, *e.AppInsightsEnabled)
	assert.Equal(t, map[string]string{"modelVersion": "1"}, e.Versions["versiona"].Tags)
	_, err := e.Run(t.Context(), question)
	require.NoError(t, err)
	regenerateBoth(t, e)
}

func recipeCreateVersion(t *testing.T, w *world) {
	ws := w.workspace()
	e, err := w.version(ws, w.endpoint(ws), "versionb", webservice.VersionConfiguration{
		CPUCores: 0.1, CPUCoresLimit: 0.2, MemoryGB: 0.2, MemoryGBLimit: 0.4, Tags: map[string]string{"modelVersion": "b"},
		Description: "my second version", TrafficPercentile: to.Ptr(10.0),
	}) // README: B13
	require.NoError(t, err)
	assert.Equal(t, map[string]float64{"versiona": 90, "versionb": 10}, e.Traffic())
	assert.Equal(t, "my second version", e.Versions["versionb"].Description)
	assert.InDelta(t, 0.2, *e.Versions["versionb"].ContainerResourceRequirements.CPULimit, 0)
}

func recipeUpdateVersion(t *testing.T, w *world) {
	ws := w.workspace()
	e, err := w.version(ws, w.endpoint(ws), "versionb", webservice.VersionConfiguration{TrafficPercentile: to.Ptr(10.0)})
	require.NoError(t, err)
	p, err := e.BeginUpdateVersion(t.Context(), "versionb", webservice.VersionUpdate{
		Description: to.Ptr("my second version update"), TrafficPercentile: to.Ptr(40.0), IsDefault: to.Ptr(true), IsControlVersionType: to.Ptr(true),
		Tags: map[string]string{"stage": "prod"},
	}, nil) // README: B14
	require.NoError(t, err)
	e, err = azureml.Wait(t.Context(), p, nil)
	require.NoError(t, err)
	assert.Equal(t, map[string]float64{"versiona": 20, "versionb": 80}, e.Traffic())
	assert.Equal(t, map[string]string{"stage": "prod"}, e.Versions["versionb"].Tags)
	assert.Equal(t, "my second version update", e.Versions["versionb"].Description)
	assert.Equal(t, "versionb", e.DefaultVersion())
	assert.Equal(t, "versionb", e.ControlVersion())
	assert.Equal(t, webservice.VersionTypeTreatment, e.Versions["versiona"].VersionType)
}

func recipeDeleteVersion(t *testing.T, w *world) {
	ws := w.workspace()
	e, err := w.version(ws, w.endpoint(ws), "versionb", webservice.VersionConfiguration{})
	require.NoError(t, err)
	_, err = e.BeginDeleteVersion(t.Context(), "versiona", nil)
	require.ErrorIs(t, err, azureml.ErrInvalid, "it is the default version")
	p, err := e.BeginDeleteVersion(t.Context(), "versionb", nil) // README: B15
	require.NoError(t, err)
	e, err = azureml.Wait(t.Context(), p, nil)
	require.NoError(t, err)
	assert.Len(t, e.Versions, 1)
}

func recipeUpdateEndpoint(t *testing.T, w *world) {
	e := w.endpoint(w.workspace())
	p, err := e.BeginUpdate(t.Context(), webservice.EndpointUpdate{TokenAuthEnabled: to.Ptr(true), AuthEnabled: to.Ptr(false), Description: to.Ptr("changed")}, nil) // README: B16
	require.NoError(t, err)
	e, err = azureml.Wait(t.Context(), p, nil)
	require.NoError(t, err)
	assert.Equal(t, "changed", e.Description)
	_, err = e.Token(t.Context())
	require.NoError(t, err)
	e, err = e.AddTags(t.Context(), map[string]string{"owner": "ml"}) // README: B16
	require.NoError(t, err)
	e, err = e.RemoveTags(t.Context(), "modelVersion")
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"owner": "ml"}, e.Tags)
	e, err = e.AddProperties(t.Context(), map[string]string{"build": "1"})
	require.NoError(t, err)
	assert.Equal(t, "1", e.Properties["build"])
}

func recipeVersions(t *testing.T, w *world) {
	ws := w.workspace()
	e := w.endpoint(ws)
	for i := range 5 {
		var err error
		e, err = w.version(ws, e, fmt.Sprintf("version-%d", i), webservice.VersionConfiguration{TrafficPercentile: to.Ptr(5.0)})
		require.NoError(t, err)
	}
	assert.InDelta(t, 75, e.Traffic()["versiona"], 0, "20 of its own, and the 55 that the others leave")
	assert.Equal(t, "versiona", e.ControlVersion())
	_, err := w.version(ws, e, "version-5", webservice.VersionConfiguration{})
	require.ErrorIs(t, err, azureml.ErrInvalid)
	e, err = e.SetTraffic(t.Context(), map[string]float64{"versiona": 50, "version-0": 50}, &webservice.SetTrafficOptions{DefaultVersion: "version-0"}) // README: B17
	require.NoError(t, err)
	assert.InDelta(t, 50, e.Traffic()["version-0"], 0)
	assert.Len(t, w.srv.Services(azuremltest.Workspace{})[0].Versions, 6)
}

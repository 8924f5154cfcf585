package recipes

import (
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

var aciRecipes = []recipe{
	{id: "A14", python: "`AciWebservice.deploy_configuration(cpu_cores=1, memory_gb=1, auth_enabled=True)`", title: "ACI: deploy_configuration(cpu_cores, memory_gb, auth_enabled=True); key auth is off by default on ACI", run: recipeACI},
	{id: "A15", python: "`InferenceConfig(entry_script, environment)`, `Model.deploy(…)`, `wait_for_deployment(True)`", title: "Model.deploy with InferenceConfig(entry_script, environment), wait_for_deployment(True)", run: recipeInferenceConfig},
	{id: "A16", python: "`get_keys()`, `regen_key(\"Primary\")`", title: `get_keys(), regen_key("Primary"), regen_key("Secondary")`, run: recipeACIKeys},
}

// deployToACI deploys "myaci" and waits for it.
func (w *world) deployToACI(ws *workspace.Workspace, c webservice.AciDeployConfiguration) *webservice.AciWebservice {
	w.t.Helper()
	p, err := model.BeginDeploy(w.t.Context(), ws, "myaci", []*model.Model{w.model(ws)}, w.inference(), c, nil) // README: A15
	require.NoError(w.t, err)
	svc, err := azureml.Wait(w.t.Context(), p, nil) // README: A15
	require.NoError(w.t, err)
	return svc
}

func recipeACI(t *testing.T, w *world) {
	ws := w.workspace()
	svc := w.deployToACI(ws, webservice.AciDeployConfiguration{CPUCores: 1, MemoryGB: 1, AuthEnabled: to.Ptr(true)}) // README: A14
	require.NotNil(t, svc.AuthEnabled)
	assert.True(t, *svc.AuthEnabled)
	answer, err := svc.Run(t.Context(), question)
	require.NoError(t, err)
	assert.JSONEq(t, string(question), string(answer))
}

func recipeInferenceConfig(t *testing.T, w *world) {
	svc := w.deployToACI(w.workspace(), webservice.AciDeployConfiguration{CPUCores: 1, MemoryGB: 1})
	assert.Equal(t, webservice.StateHealthy, svc.State)
	assert.False(t, svc.AuthEnabled != nil && *svc.AuthEnabled, "keys are off unless asked for")
	_, err := svc.Run(t.Context(), question)
	require.NoError(t, err)
}

func recipeACIKeys(t *testing.T, w *world) {
	svc := w.deployToACI(w.workspace(), webservice.AciDeployConfiguration{AuthEnabled: to.Ptr(true)})
	regenerateBoth(t, svc)
}

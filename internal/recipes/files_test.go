package recipes

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/webservice"
)

var fileRecipes = []recipe{
	{id: "B10", python: "`az ml model deploy -ct myaks -m mymodel:1 … -ic … -dc …`", title: "ml model deploy -ct myaks -m mymodel:1 -n myservice -ic inferenceconfig.json -dc deploymentconfig.json, with all keys", run: recipeFiles},
}

func recipeFiles(t *testing.T, w *world) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"src/score.py": "def init():\n    pass\n\ndef run(data):\n    return data\n",
		"src/env.yml":  "dependencies:\n  - python=3.9\n  - pip: [azureml-defaults]\n",
		"src/steps":    "RUN true\n",
		"inferenceconfig.json": `{
			"entryScript": "score.py", "sourceDirectory": "src", "runtime": "python", "condaFile": "env.yml", "extraDockerfileSteps": "steps",
			"enableGpu": false, "cudaVersion": null, "baseImage": "reg.example.com/base:1", "baseImageRegistry": "reg.example.com", "description": "text"}`,
		"with-environment.json": `{"entryScript": "score.py", "sourceDirectory": "src", "environment": {
			"name": "myenv", "docker": {"baseImage": "mcr.microsoft.com/azureml/base:1"}, "python": {"userManagedDependencies": true}, "inferencingStackVersion": "latest"}}`,
		"deploymentconfig.json": `{
			"computeType": "aks", "computeTargetName": "other",
			"containerResourceRequirements": {"cpu": 0.5, "cpuLimit": 1, "memoryInGB": 1, "memoryInGBLimit": 2}, "gpuCores": 0,
			"authEnabled": true, "tokenAuthEnabled": false, "appInsightsEnabled": true,
			"keys": {"primaryKey": "my-first-key", "secondaryKey": "my-second-key"},
			"autoScaler": {"autoscaleEnabled": true, "minReplicas": 1, "maxReplicas": 3, "refreshPeriodInSeconds": 1, "targetUtilization": 70},
			"dataCollection": {"storageEnabled": true}, "numReplicas": null, "scoringTimeoutMs": 60000,
			"maxConcurrentRequestsPerContainer": 2, "maxQueueWaitMs": 500, "namespace": "scoring",
			"livenessProbeRequirements": {"periodSeconds": 10, "initialDelaySeconds": 310, "timeoutSeconds": 2, "successThreshold": 1, "failureThreshold": 3}}`,
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	ws := w.workspace()
	w.cluster(ws)
	w.model(ws)
	printed := w.line("ml model deploy -ct myaks -m mymodel:1 -n by-command -ic " + dir + "/inferenceconfig.json -dc " + dir + "/deploymentconfig.json") // README: B10
	assert.Contains(t, printed, `"state": "Healthy"`)
	m, err := model.Get(t.Context(), ws, "mymodel:1", nil)
	require.NoError(t, err)
	config, err := webservice.LoadDeployConfiguration(filepath.Join(dir, "deploymentconfig.json"), &webservice.LoadDeployConfigurationOptions{ComputeTarget: "myaks"}) // README: B10
	require.NoError(t, err)
	for _, file := range []string{"inferenceconfig.json", "with-environment.json"} {
		inference, err := model.LoadInferenceConfig(filepath.Join(dir, file), &model.LoadInferenceConfigOptions{EnvironmentName: "myservice-env"}) // README: B10
		require.NoError(t, err)
		p, err := model.BeginDeploy(t.Context(), ws, "myservice", []*model.Model{m}, inference, config, &model.DeployOptions{Overwrite: true})
		require.NoError(t, err)
		svc, err := azureml.Wait(t.Context(), p, nil)
		require.NoError(t, err)
		aks, ok := svc.(*webservice.AksWebservice)
		require.True(t, ok, "%T", svc)
		assert.Equal(t, webservice.StateHealthy, aks.State)
		assert.Equal(t, "myaks", aks.ComputeName, "-ct comes before the file")
		assert.Equal(t, 3, *aks.AutoScaler.MaxReplicas)
		assert.Equal(t, []string{"mymodel:1"}, aks.ModelIDs)
		keys, err := aks.Keys(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "my-first-key", keys.Primary.Reveal())
		_, err = aks.Run(t.Context(), question)
		require.NoError(t, err)
	}
	// The command makes the same of the files as a program does.
	byProgram, err := webservice.GetAks(t.Context(), ws, "myservice")
	require.NoError(t, err)
	byCommand, err := webservice.GetAks(t.Context(), ws, "by-command")
	require.NoError(t, err)
	assert.Equal(t, byProgram.AutoScaler, byCommand.AutoScaler)
	assert.Equal(t, byProgram.ContainerResourceRequirements, byCommand.ContainerResourceRequirements)
	assert.Equal(t, byProgram.LivenessProbe, byCommand.LivenessProbe)
	assert.Equal(t, byProgram.ComputeName, byCommand.ComputeName)
	assert.Equal(t, byProgram.ModelIDs, byCommand.ModelIDs)
}

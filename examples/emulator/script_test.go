package main

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The quickstart's own script, model and environment, uploaded with the driver
// that the library makes, predict in a process of Python.
func TestQuickstartScriptRuns(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("there is no python3 to run the script with")
	}
	srv := azuremltest.NewServer(&azuremltest.Options{RunScripts: "python3"})
	defer srv.Close()
	srv.AddCompute(azuremltest.Workspace{}, azuremltest.Compute{Name: "aks"})
	ctx, from := t.Context(), filepath.Join("..", "quickstart")
	ws, err := workspace.Get(ctx, azuremltest.WorkspaceName, srv.Credential(), &workspace.GetOptions{ClientOptions: srv.ClientOptions(), SubscriptionID: azuremltest.SubscriptionID})
	require.NoError(t, err)
	registered, err := model.Register(ctx, ws, "diabetes", filepath.Join(from, "model", "diabetes.json"), nil)
	require.NoError(t, err)
	environment, err := model.NewEnvironmentFromCondaFile("env", filepath.Join(from, "environment.yml"))
	require.NoError(t, err)
	poller, err := model.BeginDeploy(ctx, ws, "svc", []*model.Model{registered},
		&model.InferenceConfig{EntryScript: filepath.Join(from, "score.py"), Environment: environment}, webservice.AksDeployConfiguration{ComputeTarget: "aks"}, nil)
	require.NoError(t, err)
	svc, err := azureml.Wait(ctx, poller, nil)
	require.NoError(t, err)

	answer, err := svc.Run(ctx, []byte(`{"data": [[0, 0, 0, 0, 0, 0, 0, 0, 0, 0]]}`))
	require.NoError(t, err)
	var predicted []float64
	require.NoError(t, json.Unmarshal(answer, &predicted))
	require.Len(t, predicted, 1)
	assert.NotZero(t, predicted[0])

	_, err = svc.Run(ctx, []byte(`{"data": [[0]]}`))
	require.Error(t, err)
	logs := srv.Services(azuremltest.Workspace{})[0].Logs
	assert.Contains(t, logs, "data[0]: want 10 numbers")
}

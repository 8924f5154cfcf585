package azureml_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/compute"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

// TestFailuresSayWhatToDo looks at the screens of the failures that a newcomer meets.
func TestFailuresSayWhatToDo(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	ws, err := workspace.Get(ctx, azuremltest.WorkspaceName, srv.Credential(), &workspace.GetOptions{ClientOptions: srv.ClientOptions()})
	require.NoError(t, err)
	screen := func(err, kind error, wants ...string) {
		t.Helper()
		require.ErrorIs(t, err, kind)
		for _, want := range wants {
			assert.Contains(t, azureml.Explain(err), want)
		}
	}

	_, err = compute.GetAks(ctx, ws, "nope")
	screen(err, azureml.ErrNotFound, `Could not get compute "nope"`, "What to do:", "compute.List")
	_, err = webservice.GetAks(ctx, ws, "nope")
	screen(err, azureml.ErrNotFound, `Could not get web service "nope"`, "What to do:", "webservice.List")
	_, err = model.Get(ctx, ws, "nope", nil)
	screen(err, azureml.ErrNotFound, `model "nope"`, "What to do:")

	dir := t.TempDir()
	_, err = model.Register(ctx, ws, "m", filepath.Join(dir, "missing.json"), nil)
	screen(err, azureml.ErrInvalid, "missing.json", "must be a file or folder that exists")

	file := filepath.Join(dir, "score.py")
	require.NoError(t, os.WriteFile(file, []byte("def init(): pass\ndef run(d): return d\n"), 0o600))
	m, err := model.Register(ctx, ws, "m", file, nil)
	require.NoError(t, err)
	inference := &model.InferenceConfig{EntryScript: file, Environment: model.NewEnvironment("e")}
	deploy := func(target string) error {
		p, err := model.BeginDeploy(ctx, ws, "svc", []*model.Model{m}, inference, webservice.AksDeployConfiguration{ComputeTarget: target}, nil)
		if err == nil {
			_, err = azureml.Wait(ctx, p, nil)
		}
		return err
	}
	err = deploy("nope")
	require.Error(t, err)
	assert.Contains(t, azureml.Explain(err), "nope")
	assert.Contains(t, azureml.Explain(err), "compute.List")

	cluster, err := compute.BeginCreate(ctx, ws, "myaks", compute.AksProvisioningConfiguration{}, nil)
	require.NoError(t, err)
	_, err = azureml.Wait(ctx, cluster, nil)
	require.NoError(t, err)
	require.NoError(t, deploy("myaks"))
	screen(deploy("myaks"), azureml.ErrConflict, `web service "svc"`, "deploy with Overwrite")

	srv.FailNextOperation(azuremltest.OperationFailure{Kind: "compute", Name: "other", State: "Failed", Code: "QuotaExceeded", Message: "Operation could not be completed as it results in exceeding approved standardDv2Family Cores quota."})
	cluster, err = compute.BeginCreate(ctx, ws, "other", compute.AksProvisioningConfiguration{}, nil)
	require.NoError(t, err)
	_, err = azureml.Wait(ctx, cluster, nil)
	screen(err, azureml.ErrOperationFailed, `Could not create compute "other"`, "quota", "What to do:")
}

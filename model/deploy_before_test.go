package model_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/workspace"
)

// TestModelOfAnotherWorkspace: its id would mean another model here, or none.
func TestModelOfAnotherWorkspace(t *testing.T) {
	t.Parallel()
	srv, ws := emulated(t)
	srv.AddWorkspace(azuremltest.Workspace{Name: "staging"})
	other, err := workspace.Get(t.Context(), "staging", srv.Credential(), &workspace.GetOptions{
		ClientOptions: srv.ClientOptions(), SubscriptionID: azuremltest.SubscriptionID, ResourceGroup: azuremltest.ResourceGroup,
	})
	require.NoError(t, err)
	theirs, err := model.Register(t.Context(), other, "m", pickle(t), nil)
	require.NoError(t, err)
	before := len(srv.Requests())
	_, err = model.BeginDeploy(t.Context(), ws, "svc", []*model.Model{theirs}, scoring(sklearn()), aks, nil)
	require.ErrorIs(t, err, azureml.ErrInvalid)
	assert.ErrorContains(t, err, `models ("m:1") is of the workspace "staging"`)
	_, err = model.BeginPackage(t.Context(), ws, []*model.Model{theirs}, scoring(sklearn()), nil)
	require.ErrorIs(t, err, azureml.ErrInvalid)
	assert.Len(t, srv.Requests(), before, "nothing may be sent")
}

// TestEntryScriptIsALink that leads out of the source directory, and is not packed.
func TestEntryScriptIsALink(t *testing.T) {
	t.Parallel()
	root := write(t, map[string]string{"src/helper.py": "", "score.py": "def init(): pass\ndef run(d): return d\n"})
	require.NoError(t, os.Symlink("../score.py", filepath.Join(root, "src", "score.py")))
	err := model.CheckImage(churn(), &model.InferenceConfig{EntryScript: "score.py", SourceDirectory: filepath.Join(root, "src")})
	require.ErrorIs(t, err, azureml.ErrInvalid)
	assert.ErrorContains(t, err, "must not be a link that leads out of SourceDirectory")
}

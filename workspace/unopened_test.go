package workspace_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/workspace"
)

// TestUnopened: a workspace that nobody has opened is an error, not a panic.
func TestUnopened(t *testing.T) {
	t.Parallel()
	request := workspace.Request{Service: workspace.ModelManagement, Operation: "get", Subject: `model "m"`, Path: "models"}
	for name, ws := range map[string]*workspace.Workspace{"nil": nil, "not opened": {}} {
		_, err := ws.Do(t.Context(), request, nil)
		require.ErrorIs(t, err, azureml.ErrInvalid, name)
		assert.EqualError(t, err, `azureml: cannot get model "m": the workspace is nil, or was not opened with workspace.Get or workspace.FromConfig`)
		for _, err := range workspace.List[string](t.Context(), ws, request, nil) {
			require.ErrorIs(t, err, azureml.ErrInvalid, name)
		}
		_, err = workspace.Begin(t.Context(), ws, request, workspace.Operation[string]{})
		require.ErrorIs(t, err, azureml.ErrInvalid, name)
		_, err = workspace.Begin(t.Context(), ws, request, workspace.Operation[string]{ResumeToken: "x"})
		require.ErrorIs(t, err, azureml.ErrInvalid, name)
		assert.Zero(t, ws.ClientOptions())
	}
}

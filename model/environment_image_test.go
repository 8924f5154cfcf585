package model_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/workspace"
)

func TestBuildEnvironment(t *testing.T) {
	t.Parallel()
	play(t, "environment_build", func(t *testing.T, ws *workspace.Workspace) {
		ctx, lines := logged(t.Context())
		poller, err := model.BeginBuildEnvironment(ctx, ws, &model.Environment{Name: "my env", Version: "1"}, nil)
		require.NoError(t, err)
		token, err := poller.ResumeToken()
		require.NoError(t, err)
		image, err := poller.PollUntilDone(ctx, nil)
		require.NoError(t, err)
		assert.Equal(t, []string{"building"}, *lines)
		assert.True(t, image.Exists)
		assert.Equal(t, "acr1.azurecr.io/azureml/azureml_0123", image.Reference())
		assert.Equal(t, "planted-password", image.Registry.Password.Reveal())
		assert.Equal(t, "/azureml-envs/x", image.CondaEnvironmentPath)
		assert.Equal(t, "FROM x\n", image.Dockerfile)

		resumed, err := model.BeginBuildEnvironment(ctx, ws, &model.Environment{Name: "my env"}, &model.BuildEnvironmentOptions{ResumeToken: token})
		require.NoError(t, err)
		again, err := resumed.PollUntilDone(ctx, nil)
		require.NoError(t, err)
		assert.Equal(t, image, again)

		unbuilt, err := model.GetEnvironmentImage(ctx, ws, "my env", "")
		require.NoError(t, err)
		assert.False(t, unbuilt.Exists)
		assert.Equal(t, "azureml/azureml_0123", unbuilt.Reference())
		_, err = model.GetEnvironmentImage(ctx, ws, "", "")
		require.ErrorIs(t, err, azureml.ErrInvalid)
	})
}

func TestBuildEnvironmentFailures(t *testing.T) {
	t.Parallel()
	play(t, "environment_build_failed", func(t *testing.T, ws *workspace.Workspace) {
		e := &model.Environment{Name: "my env", Version: "1"}
		poller, err := model.BeginBuildEnvironment(t.Context(), ws, e, &model.BuildEnvironmentOptions{Compute: "cpu-cluster"})
		require.NoError(t, err)
		_, err = azureml.Wait(t.Context(), poller, nil)
		require.ErrorIs(t, err, azureml.ErrOperationFailed)
		assert.Equal(t, "CondaEnvException: Pip failed", failure(t, err).LogTail)
		_, err = model.BeginBuildEnvironment(t.Context(), ws, e, nil)
		require.ErrorIs(t, err, azureml.ErrNotFound)
		for range 2 { // no address, and one of a stranger
			poller, err = model.BeginBuildEnvironment(t.Context(), ws, e, nil)
			require.NoError(t, err)
			_, err = azureml.Wait(t.Context(), poller, nil)
			require.ErrorContains(t, err, "named no operation")
		}
	})
}

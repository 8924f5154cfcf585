package model_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/workspace"
)

// TestDeployBuildFails: before there is a container, the build log tells why.
func TestDeployBuildFails(t *testing.T) {
	t.Parallel()
	play(t, "deploy_build_failed", func(t *testing.T, ws *workspace.Workspace) {
		p, err := model.BeginDeploy(t.Context(), ws, "sk-svc", sklearnModel(), nil, quiet{aks}, nil)
		require.NoError(t, err)
		_, err = p.PollUntilDone(t.Context(), nil)
		require.ErrorIs(t, err, azureml.ErrOperationFailed)
		assert.Equal(t, "Step 1\nERROR: nope", failure(t, err).LogTail)
	})
}

// quiet adds nothing to a failure.
type quiet struct{ testConfiguration }

func (quiet) DeployFailure(_ context.Context, _ *workspace.Workspace, _ string, failure *azureml.Error) error {
	return failure
}

package model_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/model"
)

// TestEndToEndEnvironments: environments of every origin are registered and read back as
// they were, listed with the curated ones, and deployed by their names.
func TestEndToEndEnvironments(t *testing.T) {
	t.Parallel()
	_, ws := emulated(t)
	ctx := t.Context()
	root := write(t, map[string]string{"env.yml": "dependencies:\n- python=3.10\n- pip:\n  - azureml-defaults\n", "Dockerfile": "FROM scratch\n"})
	fromFile, err := model.NewEnvironmentFromCondaFile("from-file", filepath.Join(root, "env.yml"))
	require.NoError(t, err)
	fromDockerfile, err := model.NewEnvironmentFromDockerfile("from-dockerfile", filepath.Join(root, "Dockerfile"))
	require.NoError(t, err)
	image := model.NewEnvironmentFromDockerImage("from-image", "registry.example/team/image:1", nil)
	image.InferencingStackVersion = "latest"
	image.EnvironmentVariables = map[string]string{"LOG_LEVEL": "info"}
	for _, e := range []*model.Environment{fromFile, fromDockerfile, image, sklearn()} {
		e.Docker.SharedVolumes, e.Spark.PrecachePackages = new(true), new(true) // the defaults, as the service tells them
		registered, err := model.RegisterEnvironment(ctx, ws, e)
		require.NoError(t, err, e.Name)
		assert.Equal(t, "1", registered.Version)
		read, err := model.GetEnvironment(ctx, ws, e.Name, &model.GetEnvironmentOptions{Version: "1"})
		require.NoError(t, err)
		assert.Equal(t, registered, read)
		read = read.Clone(e.Name)
		want, err := json.Marshal(e)
		require.NoError(t, err)
		got, err := json.Marshal(read)
		require.NoError(t, err)
		assert.JSONEq(t, string(want), string(got), e.Name)
	}
	var curated []string
	for e, err := range model.ListEnvironments(ctx, ws) {
		require.NoError(t, err)
		if strings.HasPrefix(e.Name, "AzureML") {
			curated = append(curated, e.Name)
		}
	}
	require.NotEmpty(t, curated)
	e, err := model.GetEnvironment(ctx, ws, curated[0], nil)
	require.NoError(t, err)
	_, err = model.RegisterEnvironment(ctx, ws, e)
	require.ErrorIs(t, err, azureml.ErrInvalid)
	mine, err := model.RegisterEnvironment(ctx, ws, e.Clone("mine"))
	require.NoError(t, err)
	assert.Equal(t, e.Docker.BaseImage, mine.Docker.BaseImage)

	m, err := model.RegisterReader(ctx, ws, "churn", "m.pkl", strings.NewReader("x"), nil)
	require.NoError(t, err)
	poller, err := model.BeginDeploy(ctx, ws, "curated-svc", []*model.Model{m}, scoring(&model.Environment{Name: curated[0]}), aci{}, nil)
	require.NoError(t, err)
	_, err = azureml.Wait(ctx, poller, nil)
	require.NoError(t, err)
}

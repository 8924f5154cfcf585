package model_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/workspace"
)

// folderModel is a registered model of a folder, and an inference configuration with a source
// directory that has a program in it.
func folderModel(t *testing.T, ws *workspace.Workspace) (*model.Model, *model.InferenceConfig) {
	t.Helper()
	root := write(t, map[string]string{"churn/a.bin": "a", "churn/sub/b c": "b", "src/score.py": "def init(): pass\ndef run(data): return data\n", "src/tools/start.sh": "#!/bin/sh\n"})
	require.NoError(t, os.Chmod(filepath.Join(root, "src", "tools", "start.sh"), 0o700))
	m, err := model.Register(t.Context(), ws, "churn", filepath.Join(root, "churn"), nil)
	require.NoError(t, err)
	e, err := model.RegisterEnvironment(t.Context(), ws, sklearn())
	require.NoError(t, err)
	return m, &model.InferenceConfig{EntryScript: "score.py", SourceDirectory: filepath.Join(root, "src"), Environment: e}
}

// logged collects the lines of the build log.
func logged(ctx context.Context) (context.Context, *[]string) {
	lines := new([]string)
	return azureml.WithProgress(ctx, func(p azureml.Progress) { *lines = append(*lines, p.LogLines...) }), lines
}

func TestEndToEndPackageImage(t *testing.T) {
	t.Parallel()
	_, ws := emulated(t)
	m, inference := folderModel(t, ws)
	ctx, lines := logged(t.Context())
	poller, err := model.BeginPackage(ctx, ws, []*model.Model{m}, inference, &model.PackageOptions{ImageName: "team/churn", ImageLabel: "1.2"})
	require.NoError(t, err)
	token, err := poller.ResumeToken()
	require.NoError(t, err)
	p, err := azureml.Wait(ctx, poller, nil)
	require.NoError(t, err)
	assert.Equal(t, model.PackageDockerImage, p.Type)
	registry, err := p.ContainerRegistry(ctx)
	require.NoError(t, err)
	assert.Equal(t, registry.Address+"/team/churn:1.2", p.Location)
	assert.NotEmpty(t, registry.Username)
	assert.NotEmpty(t, registry.Password.Reveal())
	assert.Contains(t, strings.Join(*lines, "\n"), "Image building done.")
	text, err := p.Logs(ctx)
	require.NoError(t, err)
	assert.Contains(t, text, "Building image.\n")
	require.ErrorIs(t, p.Save(ctx, t.TempDir(), nil), azureml.ErrInvalid)
	_, err = p.Environment(ctx)
	require.ErrorIs(t, err, azureml.ErrInvalid)

	resumed, err := model.BeginPackage(t.Context(), ws, nil, nil, &model.PackageOptions{ResumeToken: token})
	require.NoError(t, err)
	again, err := azureml.Wait(t.Context(), resumed, nil)
	require.NoError(t, err)
	assert.Equal(t, p.Location, again.Location)
	_, err = model.BeginProfile(t.Context(), ws, "prof", nil, nil, "", &model.ProfileOptions{ResumeToken: token})
	require.ErrorIs(t, err, azureml.ErrInvalid, "a token of another operation")
}

func TestEndToEndPackageDockerfile(t *testing.T) {
	t.Parallel()
	srv, ws := emulated(t)
	ctx := t.Context()
	m, inference := folderModel(t, ws)
	poller, err := model.BeginPackage(ctx, ws, []*model.Model{m}, inference, &model.PackageOptions{GenerateDockerfile: true})
	require.NoError(t, err)
	p, err := azureml.Wait(ctx, poller, nil)
	require.NoError(t, err)
	assert.Equal(t, model.PackageDockerBuildContext, p.Type)
	assert.NotContains(t, p.Location, "sig=")
	dir := filepath.Join(t.TempDir(), "context")
	var last model.DownloadProgress
	require.NoError(t, p.Save(ctx, dir, &model.SaveOptions{Progress: func(p model.DownloadProgress) { last = p }}))
	assert.Equal(t, last.Files, last.FilesDone)
	for name, want := range map[string]string{
		"Dockerfile": "FROM ", "azureml-app/azureml-models/churn/1/churn/a.bin": "a", "azureml-app/azureml-models/churn/1/churn/sub/b c": "b",
		"azureml-app/src/score.py": "def init()", "azureml-app/src/tools/start.sh": "#!/bin/sh\n",
	} {
		content, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		require.NoError(t, err)
		assert.Contains(t, string(content), want)
	}
	info, err := os.Stat(filepath.Join(dir, "azureml-app", "src", "tools", "start.sh"))
	require.NoError(t, err)
	assert.NotZero(t, info.Mode()&0o100, "a program stays one")
	drivers, err := filepath.Glob(filepath.Join(dir, "azureml-app", "driver_*.py"))
	require.NoError(t, err)
	assert.Len(t, drivers, 1)

	e, err := p.Environment(ctx)
	require.NoError(t, err)
	assert.Equal(t, "sklearn-env", e.Name)
	assert.Equal(t, "1", e.Version)

	err = p.Save(ctx, dir, nil)
	require.ErrorIs(t, err, azureml.ErrConflict)
	assert.Contains(t, err.Error(), `"Dockerfile" exists already`)
	require.NoError(t, p.Save(ctx, dir, &model.SaveOptions{Overwrite: true}))
	for _, r := range srv.Requests() {
		if strings.HasSuffix(r.Host, ".blob.core.windows.net") {
			assert.Empty(t, r.Header.Get("Authorization"), "storage must not get the token")
		}
	}
}

func TestEndToEndPackageFailure(t *testing.T) {
	t.Parallel()
	srv, ws := emulated(t)
	m, inference := folderModel(t, ws)
	srv.FailNextOperation(azuremltest.OperationFailure{Kind: "package"})
	poller, err := model.BeginPackage(t.Context(), ws, []*model.Model{m}, inference, nil)
	require.NoError(t, err)
	_, err = azureml.Wait(t.Context(), poller, nil)
	require.ErrorIs(t, err, azureml.ErrOperationFailed)
	e := failure(t, err)
	assert.Equal(t, "EnvironmentBuildFailed", e.Code)
	assert.Equal(t, "BuildImage", e.Stage)
	assert.Contains(t, e.LogTail, "Registering the environment.\n")
	assert.Contains(t, e.Remedy, "package name")
	assert.NotContains(t, e.LogURL, "sig")

	srv.Fault(azuremltest.Fault{Method: http.MethodPost, Path: "/packages", ResetAfter: true})
	_, err = model.BeginPackage(t.Context(), ws, []*model.Model{m}, inference, nil)
	require.ErrorIs(t, err, azureml.ErrUnavailable)
	assert.Contains(t, failure(t, err).Remedy, "may have taken the request")
}

func TestEndToEndProfile(t *testing.T) {
	t.Parallel()
	srv, ws := emulated(t)
	ctx := t.Context()
	m, inference := folderModel(t, ws)
	dataset := srv.AddDataset(azuremltest.Workspace{}, azuremltest.Dataset{Rows: 20})
	begin := func() (*model.ModelProfile, error) {
		poller, err := model.BeginProfile(ctx, ws, "prof1", []*model.Model{m}, inference, "aml://dataset/"+dataset, &model.ProfileOptions{CPU: 2, MemoryGB: 4, Description: "d"})
		require.NoError(t, err)
		return azureml.Wait(ctx, poller, nil)
	}
	p, err := begin()
	require.NoError(t, err)
	assert.Equal(t, "Succeeded", p.State)
	assert.Equal(t, []string{"churn:1"}, p.ModelIDs)
	assert.InDelta(t, 0.5, *p.RecommendedCPU, 0)
	assert.InDelta(t, 2, *p.Requirements.CPU, 0)
	assert.InDelta(t, 20, *p.TotalQueries, 0)
	assert.InDelta(t, 130.25, *p.LatencyPercentile999Ms, 0)
	assert.Equal(t, "sklearn-env", p.Environment.Name)
	assert.False(t, p.CreatedTime.IsZero())

	srv.FailNextOperation(azuremltest.OperationFailure{Kind: "profile", Name: "prof1"})
	_, err = begin()
	require.ErrorIs(t, err, azureml.ErrOperationFailed)
	e := failure(t, err)
	assert.Equal(t, "ModelProfilingFailed", e.Code)
	assert.Contains(t, e.LogTail, "Sending the requests of the dataset.")
	newest, err := model.GetProfile(ctx, ws, "prof1")
	require.NoError(t, err)
	assert.Equal(t, "Failed", newest.State)
	require.NotNil(t, newest.Error)
	assert.Equal(t, "ModelProfilingFailed", newest.Error.Code)
	all, err := azureml.Collect(model.ListProfiles(ctx, ws))
	require.NoError(t, err)
	require.Len(t, all, 2)
	assert.Equal(t, newest.ID, all[0].ID)
	assert.Equal(t, p.ID, all[1].ID)
	_, err = model.GetProfile(ctx, ws, "nope")
	require.ErrorIs(t, err, azureml.ErrNotFound)

	_, err = model.BeginProfile(ctx, ws, "prof1", []*model.Model{m}, inference, "nope", nil)
	require.ErrorIs(t, err, azureml.ErrInvalid)
	assert.Contains(t, err.Error(), "Dataset with id 'nope' not found")
}

func TestEndToEndBuildEnvironment(t *testing.T) {
	t.Parallel()
	srv, ws := emulated(t)
	ctx, lines := logged(t.Context())
	e := sklearn()
	poller, err := model.BeginBuildEnvironment(ctx, ws, e, nil)
	require.NoError(t, err)
	assert.Empty(t, e.Version, "the caller's environment stays as it is")
	token, err := poller.ResumeToken()
	require.NoError(t, err)
	before, err := model.GetEnvironmentImage(ctx, ws, e.Name, "1")
	require.NoError(t, err)
	assert.False(t, before.Exists)
	image, err := azureml.Wait(ctx, poller, nil)
	require.NoError(t, err)
	assert.True(t, image.Exists)
	assert.True(t, strings.HasPrefix(image.Reference(), image.Registry.Address+"/azureml/azureml_"), image.Reference())
	assert.NotEmpty(t, image.Registry.Password.Reveal())
	assert.Contains(t, strings.Join(*lines, "\n"), "Image building done.")

	// Another process goes on with it: its workspace has not asked for the hosts yet.
	elsewhere := openWorkspace(ctx, srv)
	resumed, err := model.BeginBuildEnvironment(ctx, elsewhere, &model.Environment{Name: e.Name}, &model.BuildEnvironmentOptions{ResumeToken: token})
	require.NoError(t, err)
	again, err := azureml.Wait(t.Context(), resumed, nil)
	require.NoError(t, err)
	assert.Equal(t, image.Name, again.Name)
	_, err = model.BeginBuildEnvironment(ctx, ws, &model.Environment{Name: "other"}, &model.BuildEnvironmentOptions{ResumeToken: token})
	require.ErrorIs(t, err, azureml.ErrInvalid)

	srv.FailNextOperation(azuremltest.OperationFailure{Kind: "environment"})
	poller, err = model.BeginBuildEnvironment(ctx, ws, &model.Environment{Name: e.Name}, nil)
	require.NoError(t, err)
	_, err = azureml.Wait(ctx, poller, nil)
	require.ErrorIs(t, err, azureml.ErrOperationFailed)
	f := failure(t, err)
	assert.Equal(t, "ImageBuildFailure", f.Code)
	assert.Contains(t, f.LogTail, "Building image.")
	assert.NotEmpty(t, f.Remedy)

	_, err = model.BeginBuildEnvironment(ctx, ws, &model.Environment{Name: "AzureML-minimal-ubuntu18.04-py37-cpu-inference"}, nil)
	require.NoError(t, err, "a curated environment is built without being registered")
	_, err = model.BeginBuildEnvironment(ctx, ws, &model.Environment{Name: e.Name, Version: "1"}, &model.BuildEnvironmentOptions{Compute: "nope"})
	require.ErrorIs(t, err, azureml.ErrNotFound)
	_, err = model.BeginBuildEnvironment(ctx, ws, nil, nil)
	require.ErrorIs(t, err, azureml.ErrInvalid)
	assert.False(t, strings.Contains(err.Error(), "\n"))
}

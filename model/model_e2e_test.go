package model_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/workspace"
)

// emulated gives an emulated Azure and its workspace.
func emulated(t testing.TB) (*azuremltest.Server, *workspace.Workspace) {
	t.Helper()
	return emulatedBy(t, nil)
}

func emulatedBy(t testing.TB, o *azuremltest.Options) (*azuremltest.Server, *workspace.Workspace) {
	t.Helper()
	srv := azuremltest.NewServer(o)
	t.Cleanup(srv.Close)
	options := srv.ClientOptions()
	options.Retry.RetryDelay = time.Millisecond
	ws, err := workspace.Get(t.Context(), azuremltest.WorkspaceName, srv.Credential(), &workspace.GetOptions{
		ClientOptions: options, SubscriptionID: azuremltest.SubscriptionID, ResourceGroup: azuremltest.ResourceGroup,
	})
	require.NoError(t, err)
	return srv, ws
}

// uploads are the files in the storage that were uploaded, by their paths.
func uploads(srv *azuremltest.Server) []string {
	return slices.DeleteFunc(srv.Blobs(azuremltest.Workspace{}), func(name string) bool { return !strings.HasPrefix(name, "LocalUpload/") })
}

// aci deploys to container instances without any options.
type aci struct{}

func (aci) DeployPayload(r model.DeployRequest) (any, error) {
	return map[string]any{
		"containerResourceRequirements": map[string]any{"cpu": 1, "memoryInGB": 1}, "cname": nil, "dnsNameLabel": nil,
		"name": r.Name, "description": nil, "kvTags": map[string]string{"a": "b"}, "properties": r.Properties,
		"keys": map[string]any{"primaryKey": nil, "secondaryKey": nil}, "computeType": "ACI", "environmentImageRequest": r.Image, "location": nil,
	}, nil
}

func (aci) DeployedService(ctx context.Context, ws *workspace.Workspace, name string) (*testService, error) {
	s := new(testService)
	_, err := ws.Do(ctx, workspace.Request{Service: workspace.ModelManagement, Path: "services/" + workspace.Segment(name)}, s)
	return s, err
}

func (aci) DeployFailure(_ context.Context, _ *workspace.Workspace, _ string, failure *azureml.Error) error {
	return failure
}

func TestEndToEnd(t *testing.T) {
	t.Parallel()
	srv, ws := emulated(t)
	large := bytes.Repeat([]byte("0123456789abcdef"), 9<<16) // 9 MiB: two blocks
	root := write(t, map[string]string{"bundle/large.bin": string(large), "bundle/ü x/empty": "", "bundle/.hidden": "h"})
	m, err := model.Register(t.Context(), ws, "bundle", filepath.Join(root, "bundle"), &model.RegisterOptions{Tags: map[string]string{"stage": "test"}})
	require.NoError(t, err)
	assert.Equal(t, "bundle:1", m.ID)
	stored := map[string][]byte{}
	for _, name := range uploads(srv) {
		_, after, ok := strings.Cut(name, "/bundle/")
		content, there := srv.Blob(name)
		require.True(t, ok && there, name)
		stored[after] = content
	}
	assert.Len(t, stored, 3)
	assert.True(t, bytes.Equal(large, stored["large.bin"]))
	assert.Equal(t, []byte("h"), stored[".hidden"])
	assert.Contains(t, stored, "ü x/empty")

	again, err := model.RegisterReader(t.Context(), ws, "bundle", "large.bin", bytes.NewReader(large), nil)
	require.NoError(t, err)
	assert.EqualValues(t, 2, again.Version)
	latest, err := model.Get(t.Context(), ws, "bundle", nil)
	require.NoError(t, err)
	assert.Equal(t, again.ID, latest.ID)
	tagged, err := model.Get(t.Context(), ws, "bundle", &model.GetOptions{Tags: map[string]string{"stage": "test"}})
	require.NoError(t, err)
	assert.Equal(t, m, tagged)

	registered, err := model.RegisterEnvironment(t.Context(), ws, sklearn())
	require.NoError(t, err)
	read, err := model.GetEnvironment(t.Context(), ws, "sklearn-env", &model.GetEnvironmentOptions{Version: registered.Version})
	require.NoError(t, err)
	assert.Equal(t, registered, read)

	before := len(uploads(srv))
	p, err := model.BeginDeploy(t.Context(), ws, "svc", []*model.Model{m}, &model.InferenceConfig{
		EntryScript: "sub/score2.py", SourceDirectory: "testdata/src", Environment: &model.Environment{Name: "sklearn-env", Version: registered.Version},
	}, aci{}, nil)
	require.NoError(t, err)
	s, err := azureml.Wait(t.Context(), p, &azureml.WaitOptions{MinInterval: time.Millisecond})
	require.NoError(t, err)
	assert.Equal(t, "svc", s.Name)
	assert.Len(t, uploads(srv), before+2)
	for _, name := range uploads(srv) {
		if content, _ := srv.Blob(name); strings.HasSuffix(name, ".tar.gz") {
			assert.Equal(t, []string{"src/", "src/helper.py", "src/sub/", "src/sub/score2.py"}, listArchive(t, content))
		}
	}
	_, err = model.BeginDeploy(t.Context(), ws, "svc", []*model.Model{m}, &model.InferenceConfig{EntryScript: "testdata/score.py", Environment: sklearn()}, aci{}, nil)
	require.ErrorIs(t, err, azureml.ErrConflict)
	assert.Len(t, uploads(srv), before+2, "something was uploaded for a name that is taken")
}

func listArchive(t *testing.T, content []byte) []string {
	t.Helper()
	unzipped, err := gzip.NewReader(bytes.NewReader(content))
	require.NoError(t, err)
	var names []string
	for archive := tar.NewReader(unzipped); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return names
		}
		require.NoError(t, err)
		names = append(names, h.Name)
	}
}

// TestEndToEndLostAnswers: every request that makes something takes effect, and its answer
// is lost. There is one of everything in the end.
func TestEndToEndLostAnswers(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]azuremltest.Fault{
		"reset": {ResetAfter: true}, "500": {Status: 500, AfterEffect: true}, "503": {Status: 503, AfterEffect: true}, "504": {Status: 504, AfterEffect: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, ws := emulated(t)
			const scope = "/modelmanagement/v1.0/subscriptions/*/resourceGroups/*/providers/*/workspaces/*/"
			for _, path := range []string{"/batch/metadata/", scope + "assets", scope + "models", "/model.pkl", scope + "services"} {
				f := fault
				f.Path, f.Method = path, http.MethodPost
				if path == "/model.pkl" {
					f.Method = http.MethodPut
				}
				srv.Fault(f)
			}
			m, err := model.Register(t.Context(), ws, "churn", pickle(t), &model.RegisterOptions{Framework: model.FrameworkOnnx})
			require.NoError(t, err)
			assert.Equal(t, "churn:1", m.ID)
			p, err := model.BeginDeploy(t.Context(), ws, "svc", []*model.Model{m}, nil, aci{}, nil)
			require.NoError(t, err)
			_, err = azureml.Wait(t.Context(), p, &azureml.WaitOptions{MinInterval: time.Millisecond})
			require.NoError(t, err)
			hit := 0
			for _, r := range srv.Requests() {
				if r.Fault {
					hit++
				}
			}
			assert.Equal(t, 5, hit)
			assert.Len(t, uploads(srv), 1)
		})
	}
}

func TestEndToEndFailure(t *testing.T) {
	t.Parallel()
	_, ws := emulated(t)
	_, err := model.BeginDeploy(t.Context(), ws, "svc", []*model.Model{{ID: "nope:1", Framework: model.FrameworkOnnx}}, nil, aci{}, nil)
	_ = failure(t, err)
	_, err = model.GetEnvironment(t.Context(), ws, "nope", nil)
	require.ErrorIs(t, err, azureml.ErrNotFound)
	_, err = model.RegisterURL(t.Context(), ws, "x", "aml://asset/nope", nil)
	_ = failure(t, err)
}

// TestUploadCanBeCanceled: a canceled registration ends within a second.
func TestUploadCanBeCanceled(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "model.bin")
	f, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, f.Truncate(200<<20))
	require.NoError(t, f.Close())
	bubble(t, azuremltest.Options{}, func(t *testing.T, srv *azuremltest.Server, ws *workspace.Workspace) {
		// Storage that answers no more after the first block.
		srv.Fault(azuremltest.Fault{Host: storage, From: 2, Count: -1, Delay: time.Hour})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, cancel)
		start := time.Now()
		_, err := model.Register(ctx, ws, "large", path, nil)
		require.ErrorIs(t, err, context.Canceled)
		assert.Less(t, time.Since(start)-time.Minute, time.Second)
	})
}

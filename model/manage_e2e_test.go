package model_test

import (
	"bytes"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/workspace"
)

// TestEndToEndManage: list, change, use and delete models.
func TestEndToEndManage(t *testing.T) {
	t.Parallel()
	srv := azuremltest.NewServer(&azuremltest.Options{PageSize: 2})
	t.Cleanup(srv.Close)
	ctx := t.Context()
	ws := openWorkspace(ctx, srv)
	var all []*model.Model
	for range 5 {
		m, err := model.RegisterReader(ctx, ws, "churn", "model.pkl", bytes.NewReader([]byte("x")), &model.RegisterOptions{
			Framework: model.FrameworkOnnx, Properties: map[string]string{"auc": "0.9"},
		})
		require.NoError(t, err)
		all = append(all, m)
	}
	found, err := ids(model.List(ctx, ws, &model.ListOptions{Name: "churn", OrderBy: model.OrderByCreatedAtAsc}))
	require.NoError(t, err)
	assert.Equal(t, []string{"churn:1", "churn:2", "churn:3", "churn:4", "churn:5"}, found)
	found, err = ids(model.List(ctx, ws, &model.ListOptions{LatestVersionOnly: true}))
	require.NoError(t, err)
	assert.Equal(t, []string{"churn:5"}, found)

	m, err := all[0].Update(ctx, model.Update{
		Tags: map[string]string{"stage": "prod"}, Properties: map[string]string{"data": "v2"}, Description: to.Ptr("d"),
		SampleInput: "d1", ResourceConfiguration: &model.ResourceConfiguration{CPU: 2},
	})
	require.NoError(t, err)
	m, err = m.AddTags(ctx, map[string]string{"owner": "me"})
	require.NoError(t, err)
	m, err = m.RemoveTags(ctx, "stage")
	require.NoError(t, err)
	m, err = m.AddProperties(ctx, map[string]string{"more": "1"})
	require.NoError(t, err)
	again, err := model.Get(ctx, ws, m.ID, nil)
	require.NoError(t, err)
	assert.Equal(t, again, m)
	assert.Equal(t, map[string]string{"owner": "me"}, m.Tags)
	assert.Equal(t, map[string]string{"auc": "0.9", "data": "v2", "more": "1"}, m.Properties)
	assert.Equal(t, &model.ResourceConfiguration{CPU: 2}, m.ResourceConfiguration)

	p, err := model.BeginDeploy(ctx, ws, "svc", []*model.Model{m}, nil, aci{}, nil)
	require.NoError(t, err)
	_, err = azureml.Wait(ctx, p, &azureml.WaitOptions{MinInterval: time.Millisecond})
	require.NoError(t, err)
	_, err = m.Delete(ctx)
	require.ErrorIs(t, err, azureml.ErrInUse)
	assert.Contains(t, err.Error(), "svc")
	for _, gone := range []bool{false, true} {
		result, err := all[1].Delete(ctx)
		require.NoError(t, err)
		assert.Equal(t, gone, result.AlreadyGone)
	}
	_, err = all[1].AddTags(ctx, map[string]string{"a": "b"})
	require.ErrorIs(t, err, azureml.ErrNotFound)

	for _, name := range []string{"a", "b", "c"} {
		_, err := model.RegisterEnvironment(ctx, ws, model.NewEnvironment(name))
		require.NoError(t, err)
	}
	names := map[string]bool{}
	for e, err := range model.ListEnvironments(ctx, ws) {
		require.NoError(t, err)
		names[e.Name] = true
	}
	assert.Subset(t, names, map[string]bool{"a": true, "b": true, "c": true})
}

// TestEndToEndDownload: what was registered comes back, over connections that break.
func TestEndToEndDownload(t *testing.T) {
	t.Parallel()
	srv := azuremltest.NewServer(&azuremltest.Options{PageSize: 2})
	t.Cleanup(srv.Close)
	options := srv.ClientOptions()
	options.Retry.RetryDelay = time.Millisecond
	ws, err := workspace.Get(t.Context(), azuremltest.WorkspaceName, srv.Credential(), &workspace.GetOptions{
		ClientOptions: options, SubscriptionID: azuremltest.SubscriptionID, ResourceGroup: azuremltest.ResourceGroup,
	})
	require.NoError(t, err)
	large := bytes.Repeat([]byte("0123456789abcdef"), 9<<16) // 9 MiB: two blocks
	files := map[string]string{"large.bin": string(large), "ü x/empty": "", ".hidden": "h", "a/b/c%41#?.txt": "c"}
	given := map[string]string{}
	for name, content := range files {
		given["bundle/"+name] = content
	}
	m, err := model.Register(t.Context(), ws, "bundle", filepath.Join(write(t, given), "bundle"), nil)
	require.NoError(t, err)
	srv.Fault(azuremltest.Fault{Method: http.MethodGet, Path: "large.bin", Host: "*.blob.core.windows.net", CutBody: 5 << 20})
	srv.Fault(azuremltest.Fault{Method: http.MethodGet, Path: "large.bin", Host: "*.blob.core.windows.net", ResetBefore: true})
	srv.Fault(azuremltest.Fault{Method: http.MethodGet, Path: ".hidden", Host: "*.blob.core.windows.net", Status: 503})
	dir := t.TempDir()
	path, err := m.Download(t.Context(), dir, nil)
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(dir, "bundle"), path)
	assert.Equal(t, files, tree(t, path))
	reads := 0
	for _, r := range srv.Requests() {
		if r.Method == http.MethodGet && r.Fault {
			reads++
		}
	}
	assert.Equal(t, 3, reads)
}

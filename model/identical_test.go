package model_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/model"
)

func TestReuseIdentical(t *testing.T) {
	t.Parallel()
	srv, ws := emulated(t)
	root := write(t, map[string]string{"m/b": "two", "m/a/x y": "one", "m/a.b": "dot", "m/ü%#": ""})
	path := filepath.Join(root, "m")
	register := func(o model.RegisterOptions) *model.Model {
		t.Helper()
		o.ReuseIdentical = true
		m, err := model.Register(t.Context(), ws, "m", path, &o)
		require.NoError(t, err)
		return m
	}
	plain, err := model.Register(t.Context(), ws, "m", path, nil)
	require.NoError(t, err)
	assert.NotContains(t, plain.Properties, model.ContentHashProperty, "only on request")

	tags := map[string]string{"stage": "test"}
	properties := map[string]string{"p": "q"}
	first := register(model.RegisterOptions{Tags: tags, Properties: properties})
	assert.Equal(t, "m:2", first.ID, "versions without the property are not found")
	assert.Equal(t, map[string]string{"p": "q"}, properties, "the caller's map was changed")
	lines := ""
	for _, f := range [][2]string{{"m/a.b", "dot"}, {"m/a/x y", "one"}, {"m/b", "two"}, {"m/ü%#", ""}} {
		lines += fmt.Sprintf("%x  %s\n", sha256.Sum256([]byte(f[1])), f[0])
	}
	assert.Equal(t, fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(lines))), first.Properties[model.ContentHashProperty])
	assert.Equal(t, "q", first.Properties["p"])

	srv.ResetRequests()
	warn, warnings := collector()
	again := register(model.RegisterOptions{Tags: tags, Properties: properties, OnWarning: warn})
	assert.Equal(t, first, again)
	assert.Empty(t, *warnings)
	require.Len(t, srv.Requests(), 1, "one list request")
	assert.Equal(t, http.MethodGet, srv.Requests()[0].Method)

	again = register(model.RegisterOptions{Tags: map[string]string{"stage": "prod"}, Description: "d", RunID: "r", OnWarning: warn})
	assert.Equal(t, first, again)
	assert.Equal(t, []string{"m:2 has the same content and is reused as it is; it differs in Description, Tags, RunID"}, *warnings)

	assert.Equal(t, "m:3", register(model.RegisterOptions{Framework: model.FrameworkOnnx}).ID, "it would be run another way")
	assert.Equal(t, "m:3", register(model.RegisterOptions{Framework: model.FrameworkOnnx}).ID)
	assert.Equal(t, "m:2", register(model.RegisterOptions{Framework: model.FrameworkCustom}).ID)
	assert.Equal(t, "m:4", register(model.RegisterOptions{ResourceConfiguration: &model.ResourceConfiguration{CPU: 2}}).ID)

	require.NoError(t, os.Rename(filepath.Join(path, "b"), filepath.Join(path, "c")))
	assert.Equal(t, "m:5", register(model.RegisterOptions{}).ID, "another name is another content")
	require.NoError(t, os.Rename(filepath.Join(path, "c"), filepath.Join(path, "b")))
	assert.Equal(t, "m:2", register(model.RegisterOptions{}).ID)
	newer := model.RegisterOptions{Framework: model.FrameworkOnnx, FrameworkVersion: "1.2"}
	assert.Equal(t, "m:6", register(newer).ID, "another version of the framework")
	assert.Equal(t, "m:6", register(newer).ID)
	other, err := model.Register(t.Context(), ws, "other", path, &model.RegisterOptions{ReuseIdentical: true})
	require.NoError(t, err)
	assert.Equal(t, "other:1", other.ID)
}

// TestContentHashIsOfPlainTools: the documented command gives the same hash.
func TestContentHashIsOfPlainTools(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"bash", "find", "sort", "xargs", "sha256sum"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("there is no " + tool)
		}
	}
	_, ws := emulated(t)
	root := write(t, map[string]string{"m/b": "two", "m/a/x y": "one", "m/a.b": "dot", "m/ü": "", "m/B": "", "m/a-b": "-"})
	cmd := exec.Command("bash", "-c", `find m -type f | LC_ALL=C sort | xargs -d '\n' sha256sum | sha256sum | cut -d ' ' -f 1`)
	cmd.Dir = root
	if runtime.GOOS != "linux" {
		t.Skip("xargs -d is GNU's and BusyBox's")
	}
	out, err := cmd.Output()
	require.NoError(t, err)
	m, err := model.Register(t.Context(), ws, "m", filepath.Join(root, "m"), &model.RegisterOptions{ReuseIdentical: true})
	require.NoError(t, err)
	assert.Equal(t, "sha256:"+string(out[:64]), m.Properties[model.ContentHashProperty])
}

// TestReuseEndsAnUpload: an interrupted upload is not needed when somebody else has
// registered the same.
func TestReuseEndsAnUpload(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := interruptBy(t, azuremltest.Fault{Method: http.MethodPut, Host: storage, Path: "2.bin", From: 5, Status: http.StatusForbidden, Count: -1})
		m, err := model.Register(t.Context(), i.ws, "m", i.path, &model.RegisterOptions{ReuseIdentical: true})
		require.NoError(t, err)
		again, err := i.register(model.RegisterOptions{ReuseIdentical: true})
		require.NoError(t, err)
		assert.Equal(t, m, again)
		assert.NoFileExists(t, i.checkpoint)
	})
}

func TestReuseFailures(t *testing.T) {
	t.Parallel()
	srv, ws := emulated(t)
	path := pickle(t)
	_, err := model.Register(t.Context(), ws, "m", path, &model.RegisterOptions{
		ReuseIdentical: true, Properties: map[string]string{model.ContentHashProperty: "mine"},
	})
	assert.Equal(t, []string{"Properties"}, fields(failure(t, err)))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = model.Register(ctx, ws, "m", path, &model.RegisterOptions{ReuseIdentical: true})
	require.ErrorIs(t, err, context.Canceled)
	srv.Fault(azuremltest.Fault{Method: http.MethodGet, Path: "/models", Status: http.StatusForbidden})
	_, err = model.Register(t.Context(), ws, "m", path, &model.RegisterOptions{ReuseIdentical: true})
	require.ErrorIs(t, err, azureml.ErrForbidden)
	assert.Empty(t, uploads(srv))
	require.NoError(t, os.Chtimes(path, time.Time{}, time.Now().Add(-time.Hour)))
}

package model_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/internal/rights"
	"github.com/azureml-go/azureml/model"
)

// TestForeignCheckpoint: a file that is not the checkpoint of this upload is an error
// before anything is sent, and stays as it is.
func TestForeignCheckpoint(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := interruptBy(t, azuremltest.Fault{Method: http.MethodPut, Host: storage, Status: http.StatusForbidden, Count: -1})
		good, err := os.ReadFile(i.checkpoint)
		require.NoError(t, err)
		edit := func(key string, value any) string {
			var all map[string]any
			require.NoError(t, json.Unmarshal(good, &all))
			all[key] = value
			data, err := json.Marshal(all)
			require.NoError(t, err)
			return string(data)
		}
		for text, want := range map[string]string{
			"":                          "is not a checkpoint",
			"my diary":                  "is not a checkpoint",
			string(good[:len(good)/2]):  "is damaged",
			`{"format":"else"}`:         "is not a checkpoint",
			edit("version", 0):          "another version",
			edit("version", 2):          "another version",
			edit("model", "other"):      `the model "other"`,
			edit("workspace", "/other"): "another workspace",
			edit("path", "/other"):      `of "/other"`,
			edit("container", "../x"):   "is damaged",
			edit("container", "a/b"):    "is damaged",
			edit("files", []any{}):      "is damaged",
			edit("files", []any{map[string]any{"path": "../x"}}): "is damaged",
		} {
			require.NoError(t, os.WriteFile(i.checkpoint, []byte(text), 0o600))
			_, err := i.register(model.RegisterOptions{})
			require.ErrorIs(t, err, azureml.ErrInvalid, text)
			assert.Equal(t, []string{"Checkpoint"}, fields(failure(t, err)))
			assert.Contains(t, err.Error(), want)
			assert.Contains(t, err.Error(), "up.checkpoint")
			kept, err := os.ReadFile(i.checkpoint)
			require.NoError(t, err)
			assert.Equal(t, text, string(kept))
		}
		for checkpoint, want := range map[string]string{
			filepath.Join(i.path, "inside"):       "must not be in what is uploaded",
			filepath.Join(i.path, "no", "folder"): "must be in a folder that exists",
			filepath.Dir(i.checkpoint):            "is not a checkpoint",
		} {
			i.checkpoint = checkpoint
			_, err := i.register(model.RegisterOptions{})
			require.ErrorIs(t, err, azureml.ErrInvalid)
			assert.Contains(t, err.Error(), want)
		}
		assert.Empty(t, i.srv.Requests())

		_, err = model.RegisterReader(t.Context(), i.ws, "m", "f", strings.NewReader("x"), &model.RegisterOptions{Checkpoint: "c", ReuseIdentical: true})
		assert.Equal(t, []string{"Checkpoint", "ReuseIdentical"}, fields(failure(t, err)))
		_, err = model.RegisterURL(t.Context(), i.ws, "m", "aml://asset/1", &model.RegisterOptions{Checkpoint: "c", ReuseIdentical: true})
		assert.Equal(t, []string{"Checkpoint", "ReuseIdentical"}, fields(failure(t, err)))
	})
}

// TestUnwritableCheckpoint: without its checkpoint nothing begins.
func TestUnwritableCheckpoint(t *testing.T) {
	t.Parallel()
	srv, ws := emulated(t)
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o500))
	path := pickle(t)
	rights.Drop(t)
	_, err := model.Register(t.Context(), ws, "m", path, &model.RegisterOptions{Checkpoint: filepath.Join(dir, "c")})
	require.Error(t, err)
	assert.Contains(t, err.Error(), "the checkpoint cannot be written")
	assert.True(t, errors.Is(err, fs.ErrPermission))
	assert.Empty(t, uploads(srv))
}

func FuzzCheckpoint(f *testing.F) {
	f.Add([]byte(`{"format":"azureml-go model upload","version":1,"container":"c","files":[{"path":"a","size":1,"modified":"2024-05-01T10:00:00Z","blocks":["x"]}]}`))
	f.Add([]byte(`{"format":"azureml-go model upload","version":1,"container":"..","files":[{"path":"../a"}]}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		paths, err := model.ParseCheckpoint(data)
		if err != nil {
			require.Empty(t, paths)
			return
		}
		require.NotEmpty(t, paths)
		for _, p := range paths {
			require.True(t, fs.ValidPath(p), "%q", p)
		}
	})
}

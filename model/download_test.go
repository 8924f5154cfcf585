package model_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/model"
)

// tree is what is in a folder, by paths with slashes.
func tree(t testing.TB, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		found[filepath.ToSlash(name)] = string(content)
		return err
	}))
	return found
}

func TestDownload(t *testing.T) {
	t.Parallel()
	playModel(t, "download_file", func(t *testing.T, m *model.Model) {
		dir := filepath.Join(t.TempDir(), "a", "down")
		var told []model.DownloadProgress
		path, err := m.Download(t.Context(), dir, &model.DownloadOptions{Progress: func(p model.DownloadProgress) { told = append(told, p) }})
		require.NoError(t, err)
		assert.Equal(t, filepath.Join(dir, "model.pkl"), path)
		assert.Equal(t, map[string]string{"model.pkl": "twenty bytes of data"}, tree(t, dir))
		assert.Equal(t, model.DownloadProgress{File: "model.pkl", Received: 20, Size: 20, TotalReceived: 20, FilesDone: 1, Files: 1}, told[len(told)-1])

		_, err = m.Download(t.Context(), dir, nil)
		require.ErrorIs(t, err, azureml.ErrConflict)
		assert.Equal(t, `azureml: cannot download model "churn:1": "model.pkl" exists already`, err.Error())
		assert.Contains(t, failure(t, err).Remedy, "set Overwrite")

		_, err = m.Download(t.Context(), dir, &model.DownloadOptions{Overwrite: true, Concurrency: 64})
		require.NoError(t, err)
		assert.Equal(t, map[string]string{"model.pkl": "new content"}, tree(t, dir))
	})
	playModel(t, "download_folder", func(t *testing.T, m *model.Model) {
		dir := t.TempDir()
		path, err := m.Download(t.Context(), dir, &model.DownloadOptions{Concurrency: 1})
		require.NoError(t, err)
		assert.Equal(t, dir, path)
		assert.Equal(t, map[string]string{"deep/x/y.txt": "deep", "deep/empty": "", "ü x.txt": "one"}, tree(t, dir))
	})
}

func TestDownloadFailures(t *testing.T) {
	t.Parallel()
	playModel(t, "download_failures", func(t *testing.T, m *model.Model) {
		dir := t.TempDir()
		for _, c := range []struct {
			kind error
			text string
		}{
			{azureml.ErrNotFound, "Asset not found"},
			{azureml.ErrNotFound, "it has no files"},
			{azureml.ErrForbidden, "no role"},
			{nil, "gave no storage address"},
			{azureml.ErrNotFound, "no such artifact"},
			{azureml.ErrForbidden, "It said no"},
			{azureml.ErrUnavailable, "MD5 sums differ"},
		} {
			_, err := m.Download(t.Context(), dir, nil)
			if c.kind != nil {
				require.ErrorIs(t, err, c.kind, c.text)
			}
			assert.Contains(t, failure(t, err).Error(), c.text)
			assert.Empty(t, tree(t, dir))
		}
	})
}

func TestDownloadRules(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		answer, dir string
		concurrency int
		want        []string
	}{
		{`{"id":"m:1","url":"azureml://subscriptions/x?sig=secret"}`, "d", 0, []string{"URL"}},
		{`{"id":"m:1","url":"aml://asset/"}`, "d", 0, []string{"URL"}},
		{`{"id":"m:1"}`, "", -1, []string{"dir", "Concurrency", "URL"}},
		{`{"id":"m:1","url":"azureml://asset/1"}`, "", 65, []string{"dir", "Concurrency", "URL"}},
	} {
		ws := scripted(t, func(r *http.Request) (int, string) {
			assert.Contains(t, r.URL.Path, "/models/")
			return 200, c.answer
		})
		m, err := model.Get(t.Context(), ws, "m:1", nil)
		require.NoError(t, err)
		_, err = m.Download(t.Context(), c.dir, &model.DownloadOptions{Concurrency: c.concurrency})
		require.ErrorIs(t, err, azureml.ErrInvalid)
		assert.Equal(t, c.want, fields(failure(t, err)))
		assert.NotContains(t, err.Error(), "secret")
	}
	_, err := (&model.Model{ID: "m:1", URL: "aml://asset/1"}).Download(t.Context(), "d", nil)
	require.ErrorIs(t, err, azureml.ErrInvalid)
}

// named is a model whose folder "c/dir" has files of these paths; each holds its path.
func named(t testing.TB, paths ...string) *model.Model {
	t.Helper()
	var value []map[string]string
	for i, p := range paths {
		value = append(value, map[string]string{"origin": "O", "container": "c", "path": p, "contentUri": fmt.Sprintf("https://store.example/%d?sig=%s", i, signature)})
	}
	list, err := json.Marshal(map[string]any{"value": value})
	require.NoError(t, err)
	ws := scripted(t.(*testing.T), func(r *http.Request) (int, string) {
		switch {
		case r.URL.Host == "store.example":
			assert.Empty(t, r.Header.Get("Authorization"))
			var i int
			_, err := fmt.Sscanf(r.URL.Path, "/%d", &i)
			assert.NoError(t, err)
			return 200, paths[i]
		case strings.Contains(r.URL.Path, "/assets/"):
			return 200, `{"artifacts":[{"prefix":"O/c/dir"}]}`
		case strings.Contains(r.URL.Path, "/artifacts/"):
			return 200, string(list)
		}
		return 200, `{"id":"m:1","url":"aml://asset/1"}`
	})
	m, err := model.Get(t.Context(), ws, "m:1", nil)
	require.NoError(t, err)
	return m
}

// TestDownloadStaysInside: no name of a file leads out of the folder.
func TestDownloadStaysInside(t *testing.T) {
	t.Parallel()
	for _, p := range []string{
		"../evil", "dir/../../evil", "dir/..", "dir/./x", "dir//x", "/etc/evil", "dir/..\\evil", "dir/a\\b", "..", ".", "",
		"C:/evil", "C:evil", "\\\\host\\share", "dir/a\x00b", "dir/a\nb", "other/file", "dir/../dir/../../x", "dir/" + strings.Repeat("a", 1000),
	} {
		outer := t.TempDir()
		m := named(t, "dir/good", p)
		_, err := m.Download(t.Context(), filepath.Join(outer, "in"), nil)
		require.ErrorIs(t, err, azureml.ErrInvalid, "%q", p)
		assert.Contains(t, failure(t, err).Message, "does not belong below the folder", "%q", p)
		assert.Empty(t, tree(t, outer), "%q", p)
	}
	for _, prefix := range []string{"O/c/../x", "../x", "x", "", "O/c/C:", "/etc/x"} {
		list := `{"value":[{"origin":"O","container":"c","path":"C:","contentUri":"https://store.example/"}]}`
		ws := scripted(t, func(r *http.Request) (int, string) {
			switch {
			case strings.Contains(r.URL.Path, "/assets/"):
				return 200, `{"artifacts":[{"prefix":` + fmt.Sprintf("%q", prefix) + `}]}`
			case strings.Contains(r.URL.Path, "/artifacts/"):
				return 200, list
			}
			return 200, `{"id":"m:1","url":"aml://asset/1"}`
		})
		m, err := model.Get(t.Context(), ws, "m:1", nil)
		require.NoError(t, err)
		_, err = m.Download(t.Context(), t.TempDir(), nil)
		require.ErrorIs(t, err, azureml.ErrInvalid, "%q", prefix)
	}
}

// TestDownloadObstacles: what is in the way is named before anything is written.
func TestDownloadObstacles(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("symbolic links need a privilege there")
	}
	outer := t.TempDir()
	outside := filepath.Join(outer, "outside")
	require.NoError(t, os.Mkdir(outside, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(outside, "file"), []byte("precious"), 0o600))
	for name, c := range map[string]struct {
		prepare   func(dir string) error
		overwrite bool
		want      string
	}{
		"linked folder": {func(dir string) error { return os.Symlink(outside, filepath.Join(dir, "dir")) }, true, `"dir" is a symbolic link`},
		"linked folder inside": {func(dir string) error {
			return os.Symlink(".", filepath.Join(dir, "dir"))
		}, true, `"dir" is a symbolic link`},
		"linked file": {func(dir string) error {
			return os.Symlink(filepath.Join(outside, "file"), filepath.Join(dir, "dir", "file"))
		}, true, `"dir/file" is a symbolic link`},
		"dangling link":       {func(dir string) error { return os.Symlink("nowhere", filepath.Join(dir, "dir", "file")) }, false, `"dir/file" is a symbolic link`},
		"folder in the place": {func(dir string) error { return os.Mkdir(filepath.Join(dir, "dir", "file"), 0o700) }, true, `"dir/file" is not a file`},
		"file in the place":   {func(dir string) error { return os.WriteFile(filepath.Join(dir, "dir"), nil, 0o600) }, true, `"dir" is not a folder`},
		"existing": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "dir", "file"), []byte("mine"), 0o600)
		}, false, `"dir/file" exists already`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if !strings.HasPrefix(c.want, `"dir" `) {
				require.NoError(t, os.Mkdir(filepath.Join(dir, "dir"), 0o700))
			}
			require.NoError(t, c.prepare(dir))
			before := tree(t, dir)
			_, err := named(t, "dir/file", "dir/sub/other").Download(t.Context(), dir, &model.DownloadOptions{Overwrite: c.overwrite})
			require.ErrorIs(t, err, azureml.ErrConflict)
			assert.Equal(t, c.want, failure(t, err).Message)
			assert.Equal(t, before, tree(t, dir))
			assert.Equal(t, map[string]string{"file": "precious"}, tree(t, outside))
		})
	}
	_, err := named(t, "dir/file", "dir/file").Download(t.Context(), t.TempDir(), nil)
	assert.Equal(t, `"dir/file" is there twice in the model`, failure(t, err).Message)
	_, err = named(t, "dir/file").Download(t.Context(), filepath.Join(outside, "file"), nil)
	assert.Contains(t, failure(t, err).Message, "cannot be used: not a directory")
	_, err = named(t, "dir/a", "dir/a/b").Download(t.Context(), t.TempDir(), nil)
	assert.Contains(t, failure(t, err).Message, "cannot be written", "a file cannot be a folder too")
}

func FuzzDownloadPath(f *testing.F) {
	for _, p := range []string{"dir/a", "dir/../../x", "dir/C:/x", "C:", "dir/a\\..\\b", "dir/ü", "dir/.azureml-x.part", "dir/con"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p string) {
		outer := t.TempDir()
		dir := filepath.Join(outer, "in")
		_, err := named(t, p).Download(t.Context(), dir, nil)
		for name := range tree(t, outer) {
			require.True(t, strings.HasPrefix(name, "in/dir"), "%q was written for %q", name, p)
		}
		if err != nil {
			require.Empty(t, tree(t, outer), "%q", p)
		}
	})
}

package model_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/model"
)

// packedModel is an old model whose one file is the archive.
func packedModel(t *testing.T, archive string) *model.Model {
	t.Helper()
	ws := scripted(t, func(r *http.Request) (int, string) {
		switch {
		case r.URL.Host == "store.example":
			return http.StatusOK, archive
		case strings.Contains(r.URL.Path, "/assets/"):
			return http.StatusOK, `{"artifacts":[{"id":"LocalUpload/c/m.tar.gz"}]}`
		case strings.Contains(r.URL.Path, "/artifacts/"):
			return http.StatusOK, `{"contentUri":"https://store.example/m.tar.gz?sig=` + signature + `"}`
		}
		return http.StatusOK, `{"id":"m:1","url":"aml://asset/1","unpack":true}`
	})
	m, err := model.Get(t.Context(), ws, "m:1", nil)
	require.NoError(t, err)
	return m
}

// tarGz packs files, folders (a name that ends in a slash) and links (">" and a target).
func tarGz(t *testing.T, members ...[2]string) string {
	t.Helper()
	var b bytes.Buffer
	zipped := gzip.NewWriter(&b)
	w := tar.NewWriter(zipped)
	for _, m := range members {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: m[0], Size: int64(len(m[1])), Mode: 0o644}
		if target, link := strings.CutPrefix(m[1], ">"); link {
			h.Typeflag, h.Size, h.Linkname = tar.TypeSymlink, 0, target
		} else if strings.HasSuffix(m[0], "/") {
			h.Typeflag = tar.TypeDir
		}
		require.NoError(t, w.WriteHeader(h))
		if h.Size > 0 {
			_, err := w.Write([]byte(m[1]))
			require.NoError(t, err)
		}
	}
	require.NoError(t, w.Close())
	require.NoError(t, zipped.Close())
	return b.String()
}

// TestDownloadUnpacks the archive that an old model is.
func TestDownloadUnpacks(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "in")
	m := packedModel(t, tarGz(t, [2]string{"mydir/"}, [2]string{"mydir/a.pkl", "a"}, [2]string{"mydir/sub/b", "b"}, [2]string{"mydir/link", ">/etc/passwd"}))
	warn, warnings := collector()
	where, err := m.Download(t.Context(), dir, &model.DownloadOptions{OnWarning: warn})
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(dir, "mydir"), where)
	assert.Equal(t, map[string]string{"mydir/a.pkl": "a", "mydir/sub/b": "b"}, tree(t, dir))
	require.Len(t, *warnings, 1)
	assert.Contains(t, (*warnings)[0], "mydir/link is left out")

	_, err = m.Download(t.Context(), dir, nil)
	require.ErrorIs(t, err, azureml.ErrConflict)
	assert.Contains(t, failure(t, err).Remedy, "Overwrite")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "mydir", "a.pkl"), []byte("old"), 0o600))
	_, err = m.Download(t.Context(), dir, &model.DownloadOptions{Overwrite: true})
	require.NoError(t, err)
	assert.Equal(t, "a", tree(t, dir)["mydir/a.pkl"])

	flat := t.TempDir()
	where, err = packedModel(t, tarGz(t, [2]string{"a", "1"}, [2]string{"b", "2"})).Download(t.Context(), flat, nil)
	require.NoError(t, err)
	assert.Equal(t, flat, where, "several files and folders")
}

// TestDownloadUnpacksInside: no member of an archive leads out of the folder.
func TestDownloadUnpacksInside(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"../evil", "/etc/evil", "a/../../evil", "./../evil", "C:/evil", `a\..\..\evil`} {
		outer := t.TempDir()
		_, err := packedModel(t, tarGz(t, [2]string{name, "x"})).Download(t.Context(), filepath.Join(outer, "in"), nil)
		require.ErrorIs(t, err, azureml.ErrInvalid, name)
		assert.Empty(t, tree(t, outer), name)
	}
	_, err := packedModel(t, "this is no archive").Download(t.Context(), t.TempDir(), nil)
	require.ErrorContains(t, err, `"m.tar.gz" cannot be unpacked`)
	assert.Contains(t, failure(t, err).Remedy, "Register the model anew")
}

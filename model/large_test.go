package model_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/workspace"
)

// bubble runs test in virtual time with an emulated Azure.
func bubble(t *testing.T, o azuremltest.Options, test func(t *testing.T, srv *azuremltest.Server, ws *workspace.Workspace)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o.InMemory = true
		srv := azuremltest.NewServer(&o)
		defer srv.Close()
		ws, err := workspace.Get(t.Context(), azuremltest.WorkspaceName, srv.Credential(), &workspace.GetOptions{
			ClientOptions: srv.ClientOptions(), SubscriptionID: azuremltest.SubscriptionID, ResourceGroup: azuremltest.ResourceGroup,
		})
		require.NoError(t, err)
		test(t, srv, ws)
	})
}

// TestSignatureRunsOut: an upload and a download that take longer than the right to
// storage lasts.
func TestSignatureRunsOut(t *testing.T) {
	t.Parallel()
	root := write(t, map[string]string{"m/1": string(random(20 * kib)), "m/2": string(random(20*kib + 1)), "m/3": "three"})
	bubble(t, azuremltest.Options{SignatureLifetime: time.Minute}, func(t *testing.T, srv *azuremltest.Server, ws *workspace.Workspace) {
		slow := srv.Fault(azuremltest.Fault{Host: storage, Delay: 20 * time.Second, Count: -1})
		m, err := model.Register(t.Context(), ws, "m", filepath.Join(root, "m"), model.InBlocksOf(kib, model.RegisterOptions{}))
		require.NoError(t, err)
		assert.GreaterOrEqual(t, asked(srv, http.MethodGet, "/artifacts/write/"), 2)
		assert.Less(t, asked(srv, http.MethodGet, "/artifacts/write/"), 12, "each block renewed it by itself")
		slow()
		srv.Fault(azuremltest.Fault{Host: storage, Delay: 70 * time.Second, Count: 1})
		dir := t.TempDir()
		_, err = m.Download(t.Context(), dir, &model.DownloadOptions{Concurrency: 1})
		require.NoError(t, err)
		assert.Equal(t, 3, asked(srv, http.MethodGet, "/artifacts/contentinfo/"), "the first one is asked for after it has waited")
		got := tree(t, dir)
		assert.Equal(t, tree(t, root), got)
	})
}

// TestSignatureCannotBeRenewed: the service's refusal is what the error tells.
func TestSignatureCannotBeRenewed(t *testing.T) {
	t.Parallel()
	path := pickle(t)
	bubble(t, azuremltest.Options{SignatureLifetime: -time.Minute}, func(t *testing.T, srv *azuremltest.Server, ws *workspace.Workspace) {
		srv.Fault(azuremltest.Fault{Path: "/artifacts/write/", Status: http.StatusForbidden})
		_, err := model.Register(t.Context(), ws, "m", path, nil)
		require.ErrorIs(t, err, azureml.ErrForbidden)
		assert.Contains(t, failure(t, err).Message, "has run out and cannot be renewed")
	})
}

// TestManySmallFiles: several batches of files, the last one not full, with progress that
// adds up; two thousand where heavy tests are wanted.
func TestManySmallFiles(t *testing.T) {
	t.Parallel()
	files := 230
	if os.Getenv("AZUREML_HEAVY") != "" {
		files = 2000
	}
	srv, ws := emulated(t)
	content := map[string]string{}
	for i := range files {
		content[fmt.Sprintf("m/%02d/file %04d", i%40, i)] = fmt.Sprint(i)
	}
	root := write(t, content)
	var last model.UploadProgress
	m, err := model.Register(t.Context(), ws, "m", filepath.Join(root, "m"), &model.RegisterOptions{
		Checkpoint: filepath.Join(t.TempDir(), "c"), Concurrency: 16, Progress: func(p model.UploadProgress) {
			assert.GreaterOrEqual(t, p.TotalSent, last.TotalSent)
			last = p
		},
	})
	require.NoError(t, err)
	assert.Equal(t, files, last.FilesDone)
	assert.Equal(t, last.TotalSize, last.TotalSent)
	assert.Equal(t, (files+49)/50, asked(srv, http.MethodPost, "/batch/"))
	dir := t.TempDir()
	_, err = m.Download(t.Context(), dir, &model.DownloadOptions{Concurrency: 16})
	require.NoError(t, err)
	assert.Equal(t, content, tree(t, dir))
}

// TestOddNames: what a file may be called, it is called everywhere.
func TestOddNames(t *testing.T) {
	t.Parallel()
	_, ws := emulated(t)
	content := map[string]string{}
	for _, name := range []string{
		"a b", "ü", "日本", "100%", "%41", "#1", "a#b?", "q?a=b&c", "a+b", "a;b", "'", `"`, "a:b", "[x]", "{y}", ".hidden", "-", "~", "$HOME", "a&b", "e\u0301", "<x>", "|", "*",
	} {
		if runtime.GOOS == "windows" && strings.ContainsAny(name, `:?"<>|*`) {
			continue
		}
		content["the #1 model/"+name+"/"+name] = name
	}
	content["the #1 model/empty"] = ""
	root := write(t, content)
	require.NoError(t, os.MkdirAll(filepath.Join(root, "the #1 model", "empty folder", "in it"), 0o700))
	m, err := model.Register(t.Context(), ws, "m", filepath.Join(root, "the #1 model"), &model.RegisterOptions{Checkpoint: filepath.Join(root, "c")})
	require.NoError(t, err)
	dir := t.TempDir()
	where, err := m.Download(t.Context(), dir, nil)
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(dir, "the #1 model"), where)
	assert.Equal(t, content, tree(t, dir))
	assert.NoDirExists(t, filepath.Join(where, "empty folder"))
}

// TestFileChangesMeanwhile: whatever is done to a file while it goes out is noticed, and
// no version is made.
func TestFileChangesMeanwhile(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(path string) error{
		"longer":   func(path string) error { return os.WriteFile(path, random(31*kib), 0o600) },
		"shorter":  func(path string) error { return os.Truncate(path, 25*kib) },
		"touched":  func(path string) error { return os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour)) },
		"removed":  os.Remove,
		"replaced": func(path string) error { return os.Rename(path+".other", path) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, ws := emulated(t)
			path := filepath.Join(write(t, map[string]string{"f": string(random(30 * kib)), "f.other": string(random(30*kib + 1)[1:])}), "f")
			require.NoError(t, os.Chtimes(path, time.Time{}, time.Now().Add(-time.Hour)))
			var once sync.Once
			_, err := model.Register(t.Context(), ws, "m", path, model.InBlocksOf(kib, model.RegisterOptions{
				Concurrency: 1, Progress: func(p model.UploadProgress) {
					if p.Sent > 10*kib {
						once.Do(func() { assert.NoError(t, spoil(path)) })
					}
				},
			}))
			require.ErrorIs(t, err, azureml.ErrConflict)
			assert.Contains(t, failure(t, err).Message, "changed while it was being uploaded")
			assert.Empty(t, uploads(srv))
			assert.Zero(t, asked(srv, http.MethodPost, "/models"))
		})
	}
}

// TestCancelIsQuick: with requests that hang, the call ends with its context.
func TestCancelIsQuick(t *testing.T) {
	t.Parallel()
	path := filepath.Join(write(t, map[string]string{"f": string(random(30 * kib))}), "f")
	bubble(t, azuremltest.Options{}, func(t *testing.T, srv *azuremltest.Server, ws *workspace.Workspace) {
		srv.Fault(azuremltest.Fault{Host: storage, Delay: time.Hour, Count: -1, From: 3})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		_, err := model.Register(ctx, ws, "m", path, model.InBlocksOf(kib, model.RegisterOptions{}))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Less(t, time.Since(start)-time.Minute, time.Second)
	})
}

// TestDownloadGoesOn: a call that failed leaves what it has got, and the next one asks for
// the rest.
func TestDownloadGoesOn(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("files are not locked there")
	}
	const mib = 1 << 20
	for name, c := range map[string]struct {
		spoil func(t *testing.T, dir string)
		first string
		whole bool
	}{
		"as it was":    {func(*testing.T, string) {}, "bytes=2097152-", false},
		"part damaged": {func(t *testing.T, dir string) { edit(t, dir, ".part", func(b []byte) []byte { b[77]++; return b }) }, "bytes=2097152-", true},
		"note lost":    {func(t *testing.T, dir string) { edit(t, dir, ".json", func([]byte) []byte { return nil }) }, "", true},
		"note of another file": {func(t *testing.T, dir string) {
			edit(t, dir, ".json", func(b []byte) []byte { return []byte(strings.Replace(string(b), "LocalUpload", "WebUpload", 1)) })
		}, "", true},
		"another blob": {func(t *testing.T, dir string) {
			edit(t, dir, ".json", func(b []byte) []byte { return []byte(strings.Replace(string(b), "0x8D", "0x8E", 1)) })
		}, "bytes=2097152-", true},
		"part too long": {func(t *testing.T, dir string) {
			edit(t, dir, ".part", func(b []byte) []byte { return append(b, random(3*mib)...) })
		}, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, ws := emulated(t)
			content := random(3*mib + 5)
			m, err := model.Register(t.Context(), ws, "m", filepath.Join(write(t, map[string]string{"f": string(content)}), "f"), nil)
			require.NoError(t, err)
			dir := t.TempDir()
			cut := srv.Fault(azuremltest.Fault{Method: http.MethodGet, Host: storage, CutBody: 2 * mib})
			refused := srv.Fault(azuremltest.Fault{Method: http.MethodGet, Host: storage, Status: http.StatusForbidden, Count: -1})
			_, err = m.Download(t.Context(), dir, nil)
			require.ErrorIs(t, err, azureml.ErrForbidden)
			assert.NoFileExists(t, filepath.Join(dir, "f"))
			require.Len(t, tree(t, dir), 2, "a part and what is known of it")
			cut()
			refused()
			c.spoil(t, dir)
			srv.ResetRequests()
			_, err = m.Download(t.Context(), dir, nil)
			require.NoError(t, err)
			assert.Equal(t, map[string]string{"f": string(content)}, tree(t, dir))
			var ranges []string
			for _, r := range srv.Requests() {
				if strings.HasSuffix(r.Host, ".blob.core.windows.net") {
					ranges = append(ranges, r.Header.Get("x-ms-range"))
				}
			}
			require.NotEmpty(t, ranges)
			assert.Equal(t, c.first, ranges[0])
			assert.Equal(t, c.whole, ranges[len(ranges)-1] == "")
		})
	}
}

// edit changes the one file of a folder that has that ending.
func edit(t *testing.T, dir, ending string, change func([]byte) []byte) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, ".azureml-*"+ending))
	require.NoError(t, err)
	require.Len(t, found, 1)
	data, err := os.ReadFile(found[0])
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(found[0], change(data), 0o600))
}

// TestTwoDownloadsAtOnce: they do not get into each other's way.
func TestTwoDownloadsAtOnce(t *testing.T) {
	t.Parallel()
	_, ws := emulated(t)
	content := string(random(3 << 20))
	m, err := model.Register(t.Context(), ws, "m", filepath.Join(write(t, map[string]string{"f": content}), "f"), nil)
	require.NoError(t, err)
	dir := t.TempDir()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			_, err := m.Download(t.Context(), dir, &model.DownloadOptions{Overwrite: true})
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	assert.Equal(t, map[string]string{"f": content}, tree(t, dir))
}

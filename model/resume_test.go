package model_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
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

// kib is the size of a block in these tests.
const kib = 1 << 10

// random is content of n bytes, always the same.
func random(n int) []byte {
	content := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(content)
	return content
}

// blockPuts counts the blocks that storage has taken.
func blockPuts(srv *azuremltest.Server) int { return answered(srv, http.MethodPut, "comp=block&") }

// answered counts requests to storage that have succeeded, by method and part of the
// address.
func answered(srv *azuremltest.Server, method, part string) int {
	n := 0
	for _, r := range srv.Requests() {
		if r.Method == method && r.Status/100 == 2 && strings.HasSuffix(r.Host, ".blob.core.windows.net") && strings.Contains(r.URL.RequestURI()+"&", part) {
			n++
		}
	}
	return n
}

// asked counts requests to other services.
func asked(srv *azuremltest.Server, method, part string) int {
	n := 0
	for _, r := range srv.Requests() {
		if r.Method == method && strings.Contains(r.URL.RequestURI(), part) && r.Status/100 == 2 {
			n++
		}
	}
	return n
}

// onlyModel is the one version of a model that there is, and its files' contents.
func onlyModel(t *testing.T, srv *azuremltest.Server, ws *workspace.Workspace, name string) (*model.Model, map[string]string) {
	t.Helper()
	models, err := azureml.Collect(model.List(t.Context(), ws, &model.ListOptions{Name: name}))
	require.NoError(t, err)
	require.Len(t, models, 1)
	dir := t.TempDir()
	_, err = models[0].Download(t.Context(), dir, nil)
	require.NoError(t, err)
	return models[0], tree(t, dir)
}

// TestKillAndResume: a process that is killed in the middle of an upload; another one
// sends the blocks that are missing and nothing else.
func TestKillAndResume(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("a killed process leaves its connections in another state there")
	}
	srv, ws := emulated(t)
	content := random(60*kib + 5)
	root := write(t, map[string]string{"m/large.bin": string(content), "m/a small one": "small"})
	checkpoint := filepath.Join(t.TempDir(), "checkpoint.json")
	j := jobFor(srv, job{Name: "big", Path: filepath.Join(root, "m"), Checkpoint: checkpoint, BlockSize: kib})

	standStill := srv.Fault(azuremltest.Fault{Method: http.MethodPut, Host: "*.blob.core.windows.net", Path: "large.bin", From: 21, Count: -1, Delay: time.Hour})
	cmd, out := j.child(t)
	require.Eventually(t, func() bool { return blockPuts(srv) == 20 && answered(srv, http.MethodPut, "small") == 1 }, 20*time.Second, 5*time.Millisecond, "%s", out)
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	standStill()

	info, err := os.Stat(checkpoint)
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
	text, err := os.ReadFile(checkpoint)
	require.NoError(t, err)
	for _, secret := range []string{"sig=", "https://", j.Token, "se="} {
		assert.NotContains(t, string(text), secret)
	}
	srv.ResetRequests()
	cmd, out = j.child(t)
	require.NoError(t, cmd.Wait(), "%s", out)
	assert.Contains(t, out.String(), "registered big:1")
	assert.Equal(t, 61-20, blockPuts(srv), "blocks that storage had were sent again, or some were not sent")
	assert.Zero(t, answered(srv, http.MethodPut, "small"), "a file that was there was sent again")
	_, err = os.Stat(checkpoint)
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, files := onlyModel(t, srv, ws, "big")
	assert.Equal(t, map[string]string{"m/large.bin": string(content), "m/a small one": "small"}, files)
}

// interrupted is a registration that has failed.
type interrupted struct {
	srv        *azuremltest.Server
	ws         *workspace.Workspace
	path       string
	checkpoint string
	// concurrency is 32 if 0.
	concurrency int
}

func (i *interrupted) register(o model.RegisterOptions) (*model.Model, error) {
	// More than there are blocks, so that no file waits for another one.
	o.Checkpoint, o.Concurrency = i.checkpoint, cmp.Or(i.concurrency, 32)
	return model.Register(context.Background(), i.ws, "m", i.path, model.InBlocksOf(kib, o))
}

// interruptBy registers a folder of three files, with a fault that makes it fail. It is for
// bubbles, in which nothing depends on how fast the machine is.
func interruptBy(t *testing.T, f azuremltest.Fault) *interrupted {
	t.Helper()
	srv, ws := emulatedBy(t, &azuremltest.Options{InMemory: true})
	root := write(t, map[string]string{"m/1.bin": string(random(3 * kib)), "m/2.bin": string(random(10 * kib)), "m/3.txt": "three"})
	i := &interrupted{srv: srv, ws: ws, path: filepath.Join(root, "m"), checkpoint: filepath.Join(t.TempDir(), "up.checkpoint")}
	if f.Host == storage {
		// By then the other files are there.
		f.Delay = 300 * time.Millisecond
	}
	remove := srv.Fault(f)
	_, err := i.register(model.RegisterOptions{})
	require.Error(t, err)
	remove()
	assert.Contains(t, azureml.Explain(err), "the same Checkpoint")
	srv.ResetRequests()
	return i
}

func change(t *testing.T, path, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	require.NoError(t, os.Chtimes(path, time.Time{}, time.Now().Add(time.Minute)))
}

const storage = "*.blob.core.windows.net"

// TestResume: whatever was done when a call failed is found by the next one.
func TestResume(t *testing.T) {
	t.Parallel()
	refuse := azuremltest.Fault{Status: http.StatusForbidden, Count: -1}
	at := func(method, host, path string, from int) azuremltest.Fault {
		f := refuse
		f.Method, f.Host, f.Path, f.From = method, host, path, from
		return f
	}
	lost := at(http.MethodPost, "", "/models", 1)
	lost.Status, lost.ResetAfter, lost.Count = 0, true, 1
	for name, c := range map[string]struct {
		fault  azuremltest.Fault
		change func(t *testing.T, path string)
		// blocks, puts, batches, assets and models are what the second call may send.
		blocks, lists, batches, assets, models int
		warning                                string
	}{
		"in the middle":             {fault: at(http.MethodPut, storage, "2.bin", 5), blocks: 6, lists: 1, assets: 1, models: 1},
		"before the first artifact": {fault: at(http.MethodPost, "*.api.azureml.ms", "/batch/", 1), blocks: 13, lists: 2, batches: 1, assets: 1, models: 1},
		"before the block list":     {fault: at(http.MethodPut, storage, "2.bin", 11), blocks: 0, lists: 1, assets: 1, models: 1},
		"before the asset":          {fault: at(http.MethodPost, "", "/assets", 1), assets: 1, models: 1},
		"before the model":          {fault: at(http.MethodPost, "", "/models", 1), models: 1},
		"a file has changed": {
			fault:  at(http.MethodPut, storage, "2.bin", 5),
			change: func(t *testing.T, path string) { change(t, filepath.Join(path, "1.bin"), string(random(5*kib))) },
			blocks: 6 + 5, lists: 2, assets: 1, models: 1,
		},
		"a file has other content of the same size": {
			fault: at(http.MethodPut, storage, "2.bin", 5),
			change: func(t *testing.T, path string) {
				change(t, filepath.Join(path, "1.bin"), string(random(3 * kib)[1:])+"x")
			},
			blocks: 6 + 3, lists: 2, assets: 1, models: 1,
		},
		"the file in the middle has changed": {
			fault:  at(http.MethodPut, storage, "2.bin", 5),
			change: func(t *testing.T, path string) { change(t, filepath.Join(path, "2.bin"), string(random(10*kib))) },
			blocks: 10, lists: 1, assets: 1, models: 1,
		},
		"a file has come": {
			fault:  at(http.MethodPut, storage, "2.bin", 5),
			change: func(t *testing.T, path string) { change(t, filepath.Join(path, "new.bin"), string(random(2*kib))) },
			blocks: 6 + 2, lists: 2, batches: 1, assets: 1, models: 1,
		},
		"a file has gone": {
			fault:  at(http.MethodPut, storage, "2.bin", 5),
			change: func(t *testing.T, path string) { require.NoError(t, os.Remove(filepath.Join(path, "3.txt"))) },
			blocks: 13, lists: 2, batches: 1, assets: 1, models: 1, warning: "begins anew",
		},
		"changed when it may be a model": {
			fault:  at(http.MethodPost, "", "/models", 1),
			change: func(t *testing.T, path string) { change(t, filepath.Join(path, "3.txt"), "other") },
			blocks: 13, lists: 2, batches: 1, assets: 1, models: 1, warning: "begins anew",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				i := interruptBy(t, c.fault)
				if c.change != nil {
					c.change(t, i.path)
				}
				warn, warnings := collector()
				var last model.UploadProgress
				m, err := i.register(model.RegisterOptions{OnWarning: warn, Progress: func(p model.UploadProgress) { last = p }})
				require.NoError(t, err)
				assert.Equal(t, "m:1", m.ID)
				assert.Equal(t, c.blocks, blockPuts(i.srv), "blocks")
				assert.Equal(t, c.lists, answered(i.srv, http.MethodPut, "comp=blocklist"), "block lists")
				assert.Equal(t, c.batches, asked(i.srv, http.MethodPost, "/batch/"), "batches")
				assert.Equal(t, c.assets, asked(i.srv, http.MethodPost, "/assets"), "assets")
				assert.Equal(t, c.models, asked(i.srv, http.MethodPost, "/models"), "models")
				assert.Equal(t, c.warning != "", len(*warnings) > 0 && strings.Contains((*warnings)[0], c.warning), "%v", *warnings)
				if c.lists > 0 {
					assert.Equal(t, last.Files, last.FilesDone)
					assert.Equal(t, last.TotalSize, last.TotalSent)
				}
				_, err = os.Stat(i.checkpoint)
				require.ErrorIs(t, err, fs.ErrNotExist)
				want := map[string]string{}
				for file, content := range tree(t, i.path) {
					want["m/"+file] = content
				}
				_, files := onlyModel(t, i.srv, i.ws, "m")
				assert.Equal(t, want, files)
			})
		})
	}
	t.Run("after the model", func(t *testing.T) {
		t.Parallel()
		srv, ws := emulated(t)
		root := write(t, map[string]string{"m/1": "one"})
		i := &interrupted{srv: srv, ws: ws, path: filepath.Join(root, "m"), checkpoint: filepath.Join(t.TempDir(), "c")}
		srv.Fault(lost)
		srv.Fault(azuremltest.Fault{Method: http.MethodGet, Path: "/models", Status: http.StatusForbidden, Count: 1})
		_, err := i.register(model.RegisterOptions{})
		require.Error(t, err)
		srv.ResetRequests()
		m, err := i.register(model.RegisterOptions{})
		require.NoError(t, err)
		assert.Equal(t, "m:1", m.ID)
		assert.Zero(t, asked(srv, http.MethodPost, ""), "something was made again")
		onlyModel(t, srv, ws, "m")
	})
}

// TestResumeAfterCancel: a context that ends stops an upload at once, and what was sent
// counts.
func TestResumeAfterCancel(t *testing.T) {
	t.Parallel()
	root := write(t, map[string]string{"large.bin": string(random(30 * kib))})
	checkpoint := filepath.Join(t.TempDir(), "c")
	bubble(t, azuremltest.Options{}, func(t *testing.T, srv *azuremltest.Server, ws *workspace.Workspace) {
		ctx, cancel := context.WithCancel(t.Context())
		options := model.RegisterOptions{Checkpoint: checkpoint, Concurrency: 1, Progress: func(p model.UploadProgress) {
			if p.Sent >= 10*kib {
				cancel()
			}
		}}
		start := time.Now()
		_, err := model.Register(ctx, ws, "m", filepath.Join(root, "large.bin"), model.InBlocksOf(kib, options))
		require.ErrorIs(t, err, context.Canceled)
		assert.Less(t, time.Since(start), time.Second)
		sent := blockPuts(srv)
		require.NotZero(t, sent)
		srv.ResetRequests()
		options.Progress = nil
		_, err = model.Register(t.Context(), ws, "m", filepath.Join(root, "large.bin"), model.InBlocksOf(kib, options))
		require.NoError(t, err)
		assert.InDelta(t, 30-sent, blockPuts(srv), 1, "the block that was under way may have arrived")
	})
}

// TestCheckpointInUse: a second call with the same checkpoint would make a second version.
func TestCheckpointInUse(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("files are not locked there")
	}
	srv, ws := emulated(t)
	path, folder := pickle(t), t.TempDir()
	options := model.RegisterOptions{Checkpoint: filepath.Join(folder, "c")}
	second := options
	var refused error
	options.Progress = func(model.UploadProgress) {
		if refused == nil {
			_, refused = model.Register(context.Background(), ws, "m", path, &second)
		}
	}
	_, err := model.Register(t.Context(), ws, "m", path, &options)
	require.NoError(t, err)
	require.ErrorIs(t, refused, azureml.ErrConflict)
	assert.ErrorContains(t, refused, "is being used by another call")
	onlyModel(t, srv, ws, "m")
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.Empty(t, left, "neither checkpoint nor lock")
	_, err = model.Register(t.Context(), ws, "m", path, &second)
	require.NoError(t, err)
}

// TestSilentChange: a file that was written to without a trace in its size and time.
func TestSilentChange(t *testing.T) {
	t.Parallel()
	srv, ws := emulated(t)
	path := filepath.Join(write(t, map[string]string{"2.bin": string(random(10 * kib))}), "2.bin")
	// One block after the other, so that it is known which are there.
	i := &interrupted{srv: srv, ws: ws, path: path, checkpoint: filepath.Join(t.TempDir(), "c"), concurrency: 1}
	refuse := srv.Fault(azuremltest.Fault{Method: http.MethodPut, Host: storage, From: 5, Status: http.StatusForbidden, Count: -1})
	_, err := i.register(model.RegisterOptions{})
	require.Error(t, err)
	refuse()
	srv.ResetRequests()
	info, err := os.Stat(path)
	require.NoError(t, err)
	content := random(10 * kib)
	content[kib+1]++
	require.NoError(t, os.WriteFile(path, content, 0o600))
	require.NoError(t, os.Chtimes(path, time.Time{}, info.ModTime()))
	warn, warnings := collector()
	_, err = i.register(model.RegisterOptions{OnWarning: warn})
	require.NoError(t, err)
	assert.Equal(t, 9, blockPuts(i.srv), "all but the first block")
	assert.Contains(t, (*warnings)[0], "although its size and time have not")
	_, files := onlyModel(t, i.srv, i.ws, "m")
	assert.True(t, bytes.Equal(content, []byte(files["2.bin"])))
}

// TestResumeWithoutListing: a service that does not list artifacts which have no content
// yet, or lists them without an address.
func TestResumeWithoutListing(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(container string) string{
		"not listed": func(string) string { return `{"value":[],"continuationToken":null}` },
		"no address": func(container string) string {
			return `{"value":[{"origin":"LocalUpload","container":"` + container + `","path":"m/2.bin"}]}`
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				i := interruptBy(t, azuremltest.Fault{Method: http.MethodPut, Host: storage, Path: "2.bin", From: 5, Status: http.StatusForbidden, Count: -1})
				require.NoError(t, os.Remove(filepath.Join(i.path, "1.bin")))
				require.NoError(t, os.Remove(filepath.Join(i.path, "3.txt")))
				text, err := os.ReadFile(i.checkpoint)
				require.NoError(t, err)
				var state map[string]any
				require.NoError(t, json.Unmarshal(text, &state))
				state["files"] = slices.DeleteFunc(state["files"].([]any), func(f any) bool { return f.(map[string]any)["path"] != "m/2.bin" })
				text, err = json.Marshal(state)
				require.NoError(t, err)
				require.NoError(t, os.WriteFile(i.checkpoint, text, 0o600))
				i.srv.Fault(azuremltest.Fault{Path: "/prefix/contentinfo/", Status: http.StatusOK, Body: answer(state["container"].(string))})
				_, err = i.register(model.RegisterOptions{})
				require.NoError(t, err)
				assert.Equal(t, 6, blockPuts(i.srv))
			})
		})
	}
}

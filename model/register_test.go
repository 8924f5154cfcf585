package model_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/rights"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/workspace"
)

const content = "a model made of bytes"

func pickle(t *testing.T) string {
	return filepath.Join(write(t, map[string]string{"model.pkl": content}), "model.pkl")
}

func TestRegister(t *testing.T) {
	t.Parallel()
	bundle := map[string]string{
		"bundle/weights.bin": "bundle/weights.bin", "bundle/vocab/words.txt": "bundle/vocab/words.txt",
		"bundle/vocab/extra/more.txt": "bundle/vocab/extra/more.txt",
	}
	many := map[string]string{}
	for i := range 52 {
		name := fmt.Sprintf("many/part-%02d.bin", i)
		many[name] = name
	}
	for _, c := range []struct {
		recording, name, path string
		files                 map[string]string
		options               *model.RegisterOptions
	}{
		{"register_file", "churn", "model.pkl", map[string]string{"model.pkl": content}, nil},
		{"register_directory", "bundle", "bundle", bundle, nil},
		{"register_child_paths", "part", "bundle", bundle, &model.RegisterOptions{ChildPaths: []string{"weights.bin", "vocab/extra", "./vocab/extra/more.txt"}}},
		{"register_empty_file", "empty", "empty.bin", map[string]string{"empty.bin": ""}, nil},
		{"register_many_files", "many", "many", many, nil},
	} {
		t.Run(c.recording, func(t *testing.T) {
			play(t, c.recording, func(t *testing.T, ws *workspace.Workspace) {
				root := write(t, c.files)
				m, err := model.Register(t.Context(), ws, c.name, filepath.Join(root, c.path), c.options)
				require.NoError(t, err)
				assert.Equal(t, c.name+":1", m.ID)
				assert.Equal(t, c.name, m.String()[:len(c.name)])
				assert.EqualValues(t, 1, m.Version)
				assert.Equal(t, model.FrameworkCustom, m.Framework)
				assert.Equal(t, "aml://asset/5480dccd-dc95-e7db-7c28-18cfd5c1264c", m.URL)
				assert.Equal(t, time.Date(2024, 6, 10, 6, 13, 20, 0, time.UTC), m.CreatedTime)
				assert.Equal(t, "ml-deployer", m.CreatedBy.Name)
			})
		})
	}
}

func TestRegisterOptions(t *testing.T) {
	t.Parallel()
	play(t, "register_options", func(t *testing.T, ws *workspace.Workspace) {
		options := &model.RegisterOptions{
			Description: "d", Tags: map[string]string{"area": "diabetes"}, Properties: map[string]string{"p": "q"},
			Framework: model.FrameworkScikitLearn, FrameworkVersion: "0.24.1",
			Datasets:    []model.DatasetReference{{Name: "training", ID: "33333333-0000-4000-8000-000000000001"}},
			SampleInput: "33333333-0000-4000-8000-000000000002", SampleOutput: "aml://dataset/33333333-0000-4000-8000-000000000003",
			ResourceConfiguration: &model.ResourceConfiguration{CPU: 1, MemoryGB: 0.5},
			RunID:                 "run1", ExperimentName: "exp",
		}
		before := fmt.Sprintf("%+v", *options)
		m, err := model.Register(t.Context(), ws, "mymodel", pickle(t), options)
		require.NoError(t, err)
		assert.Equal(t, before, fmt.Sprintf("%+v", *options), "the caller's options were changed")
		assert.Equal(t, map[string]string{"area": "diabetes"}, m.Tags)
		assert.Equal(t, &model.ResourceConfiguration{CPU: 1, MemoryGB: 0.5}, m.ResourceConfiguration)
		assert.Equal(t, "exp", m.ExperimentName)
	})
}

func TestRegisterReader(t *testing.T) {
	t.Parallel()
	play(t, "register_reader", func(t *testing.T, ws *workspace.Workspace) {
		var seen []model.UploadProgress
		_, err := model.RegisterReader(t.Context(), ws, "churn", "dir/model.bin", io.MultiReader(strings.NewReader(content)), &model.RegisterOptions{
			Progress: func(p model.UploadProgress) { seen = append(seen, p) },
		})
		require.NoError(t, err)
		require.NotEmpty(t, seen)
		size := int64(len(content))
		assert.Equal(t, model.UploadProgress{File: "dir/model.bin", Sent: size, Size: -1, TotalSent: size, TotalSize: -1, FilesDone: 1, Files: 1}, seen[len(seen)-1])
	})
}

func TestRegisterURL(t *testing.T) {
	t.Parallel()
	play(t, "register_url", func(t *testing.T, ws *workspace.Workspace) {
		m, err := model.RegisterURL(t.Context(), ws, "churn", "aml://asset/abc", nil)
		require.NoError(t, err)
		assert.Equal(t, "churn:1", m.ID)
	})
	play(t, "register_run_output", func(t *testing.T, ws *workspace.Workspace) {
		_, err := model.RegisterURL(t.Context(), ws, "churn", "aml://artifact/ExperimentRun/dcid.run1/outputs/model.pkl", &model.RegisterOptions{RunID: "run1"})
		require.NoError(t, err)
	})
}

// TestRegisterLostAnswers: what was made although its answer got lost is taken for ours.
func TestRegisterLostAnswers(t *testing.T) {
	t.Parallel()
	for recording, id := range map[string]string{
		"register_lost_artifacts": "churn:1", "register_lost_asset": "churn:1", "register_lost_model": "churn:7", "register_models_503": "churn:2",
	} {
		t.Run(recording, func(t *testing.T) {
			play(t, recording, func(t *testing.T, ws *workspace.Workspace) {
				m, err := model.Register(t.Context(), ws, "churn", pickle(t), nil)
				require.NoError(t, err)
				assert.Equal(t, id, m.ID)
			})
		})
	}
	play(t, "register_lost_for_good", func(t *testing.T, ws *workspace.Workspace) {
		_, err := model.Register(t.Context(), ws, "churn", pickle(t), nil)
		require.ErrorIs(t, err, azureml.ErrUnavailable)
		assert.Contains(t, failure(t, err).Remedy, "model.RegisterURL with aml://artifact/LocalUpload/")
	})
}

func TestRegisterFailures(t *testing.T) {
	t.Parallel()
	for recording, want := range map[string]struct {
		kind error
		code string
		text string
	}{
		"register_artifact_conflict": {azureml.ErrConflict, "UserError", "already exists"},
		"register_blob_403":          {azureml.ErrForbidden, "AuthorizationFailure", `cannot register file "model.pkl" of model "churn": This request is not authorized`},
		"register_refused":           {azureml.ErrInvalid, "BadRequest", "Too many tags"},
	} {
		t.Run(recording, func(t *testing.T) {
			play(t, recording, func(t *testing.T, ws *workspace.Workspace) {
				_, err := model.Register(t.Context(), ws, "churn", pickle(t), nil)
				require.ErrorIs(t, err, want.kind)
				e := failure(t, err)
				assert.Equal(t, want.code, e.Code)
				assert.Contains(t, err.Error(), want.text)
				assert.NotEmpty(t, e.Subject)
				if e.StatusCode == http.StatusForbidden {
					assert.Contains(t, e.Remedy, "firewall")
					assert.True(t, strings.HasSuffix(e.Help, "#azurestorageerror"), "not the page about roles: %s", e.Help)
				}
			})
		})
	}
}

// TestRegisterRules: everything that is wrong is said at once, before any request.
func TestRegisterRules(t *testing.T) {
	t.Parallel()
	root := write(t, map[string]string{"model.pkl": content, "dir/a": "1", "bad/b\x01": "1"})
	require.NoError(t, os.Mkdir(filepath.Join(root, "empty"), 0o700))
	require.NoError(t, os.Mkdir(filepath.Join(root, "dangling"), 0o700))
	require.NoError(t, os.Symlink("nowhere", filepath.Join(root, "dangling", "link")))
	long := strings.Repeat("a", 256)
	for _, c := range []struct {
		name, path string
		options    model.RegisterOptions
		want       []string
	}{
		{"with space", "model.pkl", model.RegisterOptions{}, []string{"name"}},
		{long, "model.pkl", model.RegisterOptions{}, []string{"name"}},
		{"-a", "nope", model.RegisterOptions{}, []string{"name", "path"}},
		{"a\n", "model.pkl", model.RegisterOptions{}, []string{"name"}},
		{"", "", model.RegisterOptions{}, []string{"name", "path"}},
		{"a", "empty", model.RegisterOptions{}, []string{"path"}},
		{"a", "bad", model.RegisterOptions{}, []string{"path"}},
		{"a", "dangling", model.RegisterOptions{}, []string{"path"}},
		{"a", "/", model.RegisterOptions{}, []string{"path"}},
		{"a", "model.pkl", model.RegisterOptions{ChildPaths: []string{"x"}}, []string{"ChildPaths"}},
		{"a", "dir", model.RegisterOptions{ChildPaths: []string{"../model.pkl", "nope", "", filepath.Join(root, "dir", "a"), "a"}}, []string{"ChildPaths", "ChildPaths", "ChildPaths", "ChildPaths"}},
		{"a", "model.pkl", model.RegisterOptions{
			FrameworkVersion: "1", Tags: map[string]string{"": "x"}, Properties: map[string]string{"": "x"}, Datasets: []model.DatasetReference{{Name: "x"}},
			ResourceConfiguration: &model.ResourceConfiguration{CPU: -1, MemoryGB: -0.5, GPU: -1}, Concurrency: 65,
		}, []string{
			"FrameworkVersion", "Tags", "Properties", "Datasets",
			"ResourceConfiguration.CPU", "ResourceConfiguration.MemoryGB", "ResourceConfiguration.GPU", "Concurrency",
		}},
	} {
		path := c.path
		if path != "" && path != "/" {
			path = filepath.Join(root, path)
		}
		_, err := model.Register(t.Context(), offline(t), c.name, path, &c.options)
		require.ErrorIs(t, err, azureml.ErrInvalid, "%q %q", c.name, c.path)
		assert.Equal(t, c.want, fields(failure(t, err)), "%q %q", c.name, c.path)
	}
	for _, name := range []string{"", "/a", "a//b", "../a", "a/./b", `a\b`, "a\n", "a/", "\xff"} {
		_, err := model.RegisterReader(t.Context(), offline(t), "a", name, strings.NewReader(""), nil)
		require.ErrorIs(t, err, azureml.ErrInvalid, name)
		assert.Equal(t, []string{"fileName"}, fields(failure(t, err)), name)
	}
	_, err := model.RegisterReader(t.Context(), offline(t), "a", "b", nil, &model.RegisterOptions{ChildPaths: []string{"x"}})
	assert.Equal(t, []string{"content", "ChildPaths"}, fields(failure(t, err)))
	for _, address := range []string{"", "no address", "aml://artifact/LocalUpload/x", "aml://artifact/LocalUpload/../x", "https://u:" + signature + "@h/x", "https://h/x?sig=" + signature} {
		_, err := model.RegisterURL(t.Context(), offline(t), "a", address, &model.RegisterOptions{})
		require.ErrorIs(t, err, azureml.ErrInvalid, address)
		if !strings.Contains(address, "@") {
			_ = failure(t, err)
		}
	}
}

// TestNoWorkspace: the nil workspace of an error that was not looked at is an error.
func TestNoWorkspace(t *testing.T) {
	t.Parallel()
	_, err := model.Register(t.Context(), nil, "m", pickle(t), &model.RegisterOptions{Checkpoint: filepath.Join(t.TempDir(), "c")})
	require.ErrorContains(t, err, "the workspace is nil")
	_, err = model.Get(t.Context(), nil, "m", nil)
	require.ErrorIs(t, err, azureml.ErrInvalid)
	_, err = model.BeginDeploy(t.Context(), nil, "svc", churn(), scoring(sklearn()), aks, nil)
	require.ErrorIs(t, err, azureml.ErrInvalid)
}

func TestRegisterWarnsOfOldFramework(t *testing.T) {
	t.Parallel()
	play(t, "register_old_framework", func(t *testing.T, ws *workspace.Workspace) {
		warn, warnings := collector()
		_, err := model.Register(t.Context(), ws, "churn", pickle(t), &model.RegisterOptions{Framework: model.FrameworkTfKeras, OnWarning: warn})
		require.NoError(t, err)
		assert.Equal(t, []string{"the framework TfKeras is out of date; use TensorFlow"}, *warnings)
	})
}

// TestRegisterChangedFile: a file that is written to while it is uploaded is noticed.
func TestRegisterChangedFile(t *testing.T) {
	t.Parallel()
	play(t, "register_changed", func(t *testing.T, ws *workspace.Workspace) {
		path := pickle(t)
		require.NoError(t, os.Chtimes(path, time.Unix(1, 0), time.Unix(1, 0)))
		changed := &toucher{ws: ws, path: path}
		_, err := model.Register(t.Context(), ws, "churn", path, &model.RegisterOptions{OnWarning: changed.touch, Framework: model.FrameworkTfKeras})
		require.ErrorIs(t, err, azureml.ErrConflict)
		assert.Contains(t, err.Error(), "changed while it was being uploaded")
		_ = failure(t, err)
	})
}

// toucher writes to a file after it was looked at: when the first warning comes.
type toucher struct {
	ws   *workspace.Workspace
	path string
}

func (c *toucher) touch(azureml.Warning) {
	_ = os.WriteFile(c.path, []byte("another "+content[8:]), 0o600)
}

func TestRegisterCanceled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	ws := offline(t)
	cancel()
	_, err := model.Register(ctx, ws, "churn", pickle(t), nil)
	require.ErrorIs(t, err, context.Canceled)
}

// TestOddAnswers: whatever the services answer, the error says what is wrong.
func TestOddAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ artifacts, asset, model, want string }{
		"no artifacts":  {`{}`, "", "", "no storage address"},
		"null":          {`null`, "", "", "no storage address"},
		"html":          {`<html><title>Sign in</title></html>`, "", "", "HTML page"},
		"cut off":       {`{"artifacts":`, "", "", "not complete JSON"},
		"empty":         {` `, "", "", "empty"},
		"http address":  {`{"artifactContentInformation":{"model.pkl":{"contentUri":"http://h/x?sig=` + signature + `"}}}`, "", "", "not https"},
		"other errors":  {`{"artifactContentInformation":{"model.pkl":{"contentUri":"https://h/x"}},"errors":{"y":{"error":{"code":"E","message":"M"}}}}`, "", "", "y: M"},
		"asset without": {good, `{"name":"x"}`, "", "no id for the asset"},
		"asset null":    {good, `null`, "", "no id for the asset"},
		"model without": {good, `{"id":"1"}`, `{"name":"churn"}`, "no id for the model"},
		"model list":    {good, `{"id":"1"}`, `[]`, "not the JSON that was expected"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ws := scripted(t, func(r *http.Request) (int, string) {
				switch {
				case strings.Contains(r.URL.Path, "/batch/metadata/"):
					return 200, c.artifacts
				case strings.HasSuffix(r.URL.Path, "/assets"):
					return 200, c.asset
				case strings.HasSuffix(r.URL.Path, "/models"):
					return 200, c.model
				}
				return 201, ""
			})
			_, err := model.Register(t.Context(), ws, "churn", pickle(t), nil)
			_ = failure(t, err)
			assert.Contains(t, err.Error(), c.want)
		})
	}
}

const good = `{"artifactContentInformation":{"model.pkl":{"contentUri":"https://wsprodstorage.blob.core.windows.net/a?sig=` + signature + `"}}}`

// TestLenientModel: a model with members of unexpected types is read as far as it goes.
func TestLenientModel(t *testing.T) {
	t.Parallel()
	ws := scripted(t, func(*http.Request) (int, string) {
		return 200, `{"id":"m:3","version":"three","kvTags":{"a":null,"b":1,"c":true},"properties":[],"createdTime":"yesterday","modifiedTime":"2024-06-10T06:13:20.1234567","datasets":null,"unpack":null,"resourceRequirements":{"cpu":null,"memoryInGB":0.5},"createdBy":"me"}`
	})
	m, err := model.Get(t.Context(), ws, "m:3", nil)
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"a": "", "b": "1", "c": "true"}, m.Tags)
	assert.EqualValues(t, 3, m.Version)
	assert.Equal(t, "m", m.Name)
	assert.True(t, m.CreatedTime.IsZero())
	assert.Equal(t, 123456700, m.ModifiedTime.Nanosecond())
	assert.InDelta(t, 0.5, m.ResourceConfiguration.MemoryGB, 0)
}

func TestUploadProgress(t *testing.T) {
	t.Parallel()
	ws := scripted(t, func(r *http.Request) (int, string) {
		switch {
		case strings.Contains(r.URL.Path, "/batch/metadata/"):
			return 200, `{"artifactContentInformation":{"d/a":{"contentUri":"https://h/a"},"d/b":{"contentUri":"https://h/b"}}}`
		case r.Method == http.MethodPut:
			_, _ = io.Copy(io.Discard, r.Body)
			return 201, ""
		}
		return 200, `{"id":"churn:1"}`
	})
	root := write(t, map[string]string{"d/a": "12345", "d/b": "123"})
	var last model.UploadProgress
	_, err := model.Register(t.Context(), ws, "churn", filepath.Join(root, "d"), &model.RegisterOptions{Progress: func(p model.UploadProgress) {
		assert.GreaterOrEqual(t, p.TotalSent, last.TotalSent)
		assert.GreaterOrEqual(t, p.FilesDone, last.FilesDone)
		assert.EqualValues(t, 8, p.TotalSize)
		assert.EqualValues(t, map[string]int64{"d/a": 5, "d/b": 3}[p.File], p.Size)
		last = p
	}})
	require.NoError(t, err)
	assert.EqualValues(t, 8, last.TotalSent)
	assert.Equal(t, 2, last.FilesDone)
}

// TestForbiddenFile: that a file may not be read is said before anything is sent.
func TestForbiddenFile(t *testing.T) {
	t.Parallel()
	root := write(t, map[string]string{"m/a": "a", "m/b": "b"})
	require.NoError(t, os.Chmod(filepath.Join(root, "m", "b"), 0))
	ws := offline(t)
	rights.Drop(t)
	_, err := model.Register(t.Context(), ws, "m", filepath.Join(root, "m"), nil)
	require.ErrorIs(t, err, azureml.ErrInvalid)
	assert.ErrorContains(t, err, "b\") cannot be read: permission denied")
}

// TestUnreadableFile: a file that vanishes between look and upload.
func TestUnreadableFile(t *testing.T) {
	t.Parallel()
	path := pickle(t)
	ws := scripted(t, func(*http.Request) (int, string) { return 200, good })
	_, err := model.Register(t.Context(), ws, "churn", path, &model.RegisterOptions{
		Framework: model.FrameworkTfKeras, OnWarning: func(azureml.Warning) { _ = os.Remove(path) },
	})
	require.ErrorIs(t, err, os.ErrNotExist)
	assert.Contains(t, err.Error(), `cannot register file "model.pkl" of model "churn": it cannot be opened`)
}

func TestReaderFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("the pipe broke")
	ws := scripted(t, func(*http.Request) (int, string) { return 200, good })
	_, err := model.RegisterReader(t.Context(), ws, "churn", "model.pkl", io.MultiReader(bytes.NewReader([]byte("x")), &failing{broken}), nil)
	require.ErrorIs(t, err, broken)
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }

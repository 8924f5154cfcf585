package model_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/workspace"
)

// onnx is a model that can be packaged without code.
func onnx() []*model.Model {
	return []*model.Model{{ID: "churn:1", Name: "churn", Version: 1, Framework: model.FrameworkOnnx}}
}

func TestPackageImage(t *testing.T) {
	t.Parallel()
	play(t, "package_image", func(t *testing.T, ws *workspace.Workspace) {
		ctx, lines := logged(t.Context())
		poller, err := model.BeginPackage(ctx, ws, onnx(), nil, &model.PackageOptions{ImageName: "team/churn", ImageLabel: "1.2"})
		require.NoError(t, err)
		p, err := poller.PollUntilDone(ctx, nil)
		require.NoError(t, err)
		assert.Equal(t, "acr1.azurecr.io/team/churn:1.2", p.Location)
		assert.Equal(t, p.Location, p.String())
		assert.Equal(t, model.PackageDockerImage, p.Type)
		assert.NotEmpty(t, p.OperationID)
		assert.Equal(t, []string{"Step 1/9 : FROM x", "Step 2/9 : RUN y", "Successfully built"}, *lines)
		registry, err := p.ContainerRegistry(ctx)
		require.NoError(t, err)
		assert.Equal(t, "acr1.azurecr.io", registry.Address)
		assert.Equal(t, "ACR1", registry.Username)
		assert.Equal(t, "planted-password", registry.Password.Reveal())
	})
}

func TestPackageFailures(t *testing.T) {
	t.Parallel()
	play(t, "package_failed", func(t *testing.T, ws *workspace.Workspace) {
		poller, err := model.BeginPackage(t.Context(), ws, onnx(), nil, nil)
		require.NoError(t, err)
		_, err = poller.PollUntilDone(t.Context(), nil)
		require.ErrorIs(t, err, azureml.ErrOperationFailed)
		e := failure(t, err)
		assert.Equal(t, "EnvironmentBuildFailed", e.Code)
		assert.Equal(t, "BuildEnvironment", e.Stage)
		assert.Contains(t, e.LogTail, "ERROR: No matching distribution found for nope")
		assert.Contains(t, e.Remedy, "package name or version")
		assert.Contains(t, azureml.Explain(err), "| Collecting nope")
		assert.Equal(t, "https://wsprodstorage.blob.core.windows.net/azureml/ImageLogs/build.log", e.LogURL)
	})
	play(t, "package_refused", func(t *testing.T, ws *workspace.Workspace) {
		_, err := model.BeginPackage(t.Context(), ws, onnx(), nil, &model.PackageOptions{GenerateDockerfile: true})
		require.ErrorIs(t, err, azureml.ErrInvalid)
		assert.Contains(t, err.Error(), "There is no model with id churn:1")
	})
}

func TestPackageContext(t *testing.T) {
	t.Parallel()
	play(t, "package_context", func(t *testing.T, ws *workspace.Workspace) {
		poller, err := model.BeginPackage(t.Context(), ws, onnx(), nil, &model.PackageOptions{GenerateDockerfile: true})
		require.NoError(t, err)
		p, err := poller.PollUntilDone(t.Context(), nil)
		require.NoError(t, err)
		assert.Equal(t, "https://wsprodstorage.blob.core.windows.net/azureml/Packages/manifest.json", p.Location)
		dir := t.TempDir()
		onWarning, warnings := collector()
		require.NoError(t, p.Save(t.Context(), dir, &model.SaveOptions{OnWarning: onWarning}))
		assert.Equal(t, []string{"azureml-app/src/link is left out: it is neither a file nor a folder"}, *warnings)
		for name, want := range map[string]string{
			"Dockerfile": "FROM x\n", "azureml-app/src/score.py": "def init(): pass\n", "azureml-app/azureml-models/churn/1/mydir/a.pkl": "the model",
		} {
			content, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
			require.NoError(t, err)
			assert.Equal(t, want, string(content))
		}
		text, err := p.Logs(t.Context())
		require.NoError(t, err)
		assert.Empty(t, text, "the operation named no log")
	})
}

func TestPackageInvalid(t *testing.T) {
	t.Parallel()
	ws := offline(t)
	_, err := model.BeginPackage(t.Context(), ws, nil, nil, &model.PackageOptions{GenerateDockerfile: true, ImageName: "Team/Churn:1", ImageLabel: "-x"})
	require.ErrorIs(t, err, azureml.ErrInvalid)
	assert.Equal(t, []string{"inference", "ImageName", "ImageLabel", "ImageName", "ImageLabel"}, fields(failure(t, err)))
	_, err = model.BeginPackage(t.Context(), ws, onnx(), &model.InferenceConfig{EntryScript: "nope.py"}, nil)
	assert.Equal(t, []string{"inference.EntryScript"}, fields(failure(t, err)))
	_, err = model.BeginPackage(t.Context(), ws, nil, nil, &model.PackageOptions{ResumeToken: "{}"})
	require.ErrorIs(t, err, azureml.ErrInvalid)

	unbound := &model.ModelPackage{Type: model.PackageDockerBuildContext}
	err = unbound.Save(t.Context(), "", &model.SaveOptions{Concurrency: 99})
	assert.Equal(t, []string{"dir", "Concurrency"}, fields(failure(t, err)))
	require.ErrorIs(t, unbound.Save(t.Context(), t.TempDir(), nil), azureml.ErrInvalid)
	_, err = unbound.ContainerRegistry(t.Context())
	require.ErrorIs(t, err, azureml.ErrInvalid)
	_, err = unbound.Environment(t.Context())
	require.ErrorIs(t, err, azureml.ErrInvalid)
	_, err = unbound.Logs(t.Context())
	require.ErrorIs(t, err, azureml.ErrInvalid)
}

// answers is a workspace in which a package has been made: its operation ended with the
// one body, its manifest is the other.
func answers(t *testing.T, operation, manifest string, rest func(r *http.Request) (int, string)) (*model.ModelPackage, error) {
	t.Helper()
	ws := scripted(t, func(r *http.Request) (int, string) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/operations/op1"):
			return http.StatusOK, operation
		case strings.HasSuffix(r.URL.Path, "/manifest"):
			return http.StatusOK, manifest
		case rest != nil:
			return rest(r)
		}
		return http.StatusNotFound, ""
	})
	token := fmt.Sprintf(`{"type":"*ModelPackage","token":{"v":1,"kind":"package","resource":"packages","workspace":%q,"id":"op1"}}`, ws.ID)
	poller, err := model.BeginPackage(t.Context(), ws, nil, nil, &model.PackageOptions{ResumeToken: token})
	require.NoError(t, err)
	return poller.PollUntilDone(t.Context(), nil)
}

const contextDone = `{"id":"op1","operationType":"PackageDockerBuildContext","state":"Succeeded","resourceLocation":"https://x.blob.core.windows.net/c/manifest?sig=` + signature + `"}`

// TestPackageOddOperations: whatever the operation says at its end, there is a package or a
// clear error.
func TestPackageOddOperations(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"state":"Succeeded"}`: "does not say where the package is",
		`{"state":"Succeeded","resourceLocation":null,"operationType":null}`:       "does not say where the package is",
		`{"state":"Succeeded","resourceLocation":"acr/x:1","operationType":"New"}`: "",
		`{"state":"Failed"}`: "does not say why",
		`{"state":"TimedOut","error":{"message":"too long"}}`:    "too long",
		`{"state":"Cancelled","error":null,"operationLog":null}`: "ended in state Cancelled",
		`<html><body>Bad gateway</body></html>`:                  "HTML",
		`{"state":"Succee`:                                       "cannot",
	} {
		p, err := answers(t, body, "", nil)
		if want == "" {
			require.NoError(t, err, body)
			assert.Equal(t, model.PackageDockerImage, p.Type)
			continue
		}
		assert.ErrorContains(t, err, want, body)
		failure(t, err)
	}
}

// TestPackageOddManifests: nothing is written that the manifest has no right to.
func TestPackageOddManifests(t *testing.T) {
	t.Parallel()
	for manifest, want := range map[string]string{
		``:                   "not the JSON",
		`<html></html>`:      "not the JSON",
		`{"context":[{"en`:   "not the JSON",
		`null`:               "names no files",
		`{"context":null}`:   "names no files",
		`{"context":[null]}`: "does not belong",
		`{"context":[{"entryType":"inline","path":"../x","content":""}]}`:                                                 "does not belong below the folder",
		`{"context":[{"entryType":"inline","path":"/etc/x","content":""}]}`:                                               "does not belong below the folder",
		`{"context":[{"entryType":"inline","path":"a/../../x","content":""}]}`:                                            "does not belong below the folder",
		`{"context":[{"entryType":"inline","path":"","content":""}]}`:                                                     "does not belong below the folder",
		`{"context":[{"entryType":"inline","path":"x","encoding":"base64","content":"%%"}]}`:                              "not base64",
		`{"context":[{"entryType":"inline","path":"x","encoding":"rot13","content":"a"}]}`:                                "unknown encoding",
		`{"context":[{"entryType":"new","path":"x"}]}`:                                                                    "unknown type",
		`{"context":[{"entryType":"remote","path":"x","uri":"https://evil.example/a?sig=` + signature + `"}]}`:            "is no artifact",
		`{"context":[{"entryType":"remote","path":"x","uri":"aml://artifact/LocalUpload/../../x"}]}`:                      "is no artifact",
		`{"context":[{"entryType":"remote","path":"x","uri":"aml://artifact/LocalUpload/c/none"}]}`:                       "there are no files",
		`{"context":[{"entryType":"inline","path":"x","content":"a"},{"entryType":"inline","path":"x","content":"b"}]}`:   "twice",
		`{"context":[{"entryType":"inline","path":"x","content":"a"},{"entryType":"inline","path":"y/z","content":"b"}]}`: "",
		`{"context":[{"entryType":"remote","unpack":true,"path":".","uri":"aml://artifact/LocalUpload/c/zip"}]}`:          "zip file",
		`{"context":[{"entryType":"remote","unpack":true,"path":".","uri":"aml://artifact/LocalUpload/c/large-zip"}]}`:    "zip file",
		`{"context":[{"entryType":"remote","unpack":true,"path":"a","uri":"aml://artifact/LocalUpload/c/junk"}]}`:         "cannot be unpacked",
		`{"context":[{"entryType":"remote","unpack":true,"path":"a","uri":"aml://artifact/LocalUpload/c/slip"}]}`:         "does not belong below the folder",
		`{"context":[{"entryType":"remote","unpack":true,"path":"a","uri":"aml://artifact/LocalUpload/c/short"}]}`:        "cannot be unpacked",
		`{"context":[{"entryType":"inline","path":"a/b.txt","content":"a"},{"entryType":"remote","unpack":true,"path":"./","uri":"aml://artifact/LocalUpload/c/good"},{"entryType":"remote","unpack":true,"path":"","uri":"aml://artifact/LocalUpload/c/good"}]}`: "",
		`{"context":[{"entryType":"remote","unpack":true,"path":"","uri":"aml://artifact/LocalUpload/c/good"}]}`:                                                                                                                                                  "",
	} {
		p, err := answers(t, contextDone, manifest, archives(t))
		require.NoError(t, err)
		parent := t.TempDir()
		err = p.Save(t.Context(), filepath.Join(parent, "dir"), nil)
		if want == "" {
			require.NoError(t, err, manifest)
		} else {
			require.ErrorContains(t, err, want, manifest)
			failure(t, err)
		}
		beside, err := os.ReadDir(parent)
		require.NoError(t, err)
		assert.LessOrEqual(t, len(beside), 1, "something was written beside the folder")
	}
}

// archives answers with artifacts of the names that the manifests have.
func archives(t *testing.T) func(r *http.Request) (int, string) {
	files := map[string]string{
		"large-zip": "PK\x03\x04" + strings.Repeat("x", 1<<20), "zip": "PK\x03\x04rest", "junk": strings.Repeat("junk", 400),
		"good": tarOf(t, "a/b.txt", "content"), "slip": tarOf(t, "../../evil", "content"),
	}
	files["short"] = files["good"][:515]
	return func(r *http.Request) (int, string) {
		name := filepath.Base(r.URL.Path)
		content, ok := files[name]
		switch {
		case strings.Contains(r.URL.Path, "/prefix/contentinfo/") && ok:
			return http.StatusOK, `{"value":[{"contentUri":"https://x.blob.core.windows.net/c/` + name + `?sig=` + signature + `","origin":"LocalUpload","container":"c","path":"` + name + `"}]}`
		case strings.Contains(r.URL.Path, "/prefix/contentinfo/"):
			return http.StatusOK, `{"value":[]}`
		case ok:
			return http.StatusOK, content
		}
		return http.StatusNotFound, ""
	}
}

// TestPackageSaveLinks: what is linked into the folder is not written through.
func TestPackageSaveLinks(t *testing.T) {
	t.Parallel()
	p, err := answers(t, contextDone, `{"context":[{"entryType":"remote","unpack":true,"path":".","uri":"aml://artifact/LocalUpload/c/good"}]}`, archives(t))
	require.NoError(t, err)
	dir, outside := t.TempDir(), t.TempDir()
	if err := os.Symlink(outside, filepath.Join(dir, "a")); err != nil {
		t.Skip("no links here: " + err.Error())
	}
	err = p.Save(t.Context(), dir, &model.SaveOptions{Overwrite: true})
	require.Error(t, err)
	_, err = os.Stat(filepath.Join(outside, "b.txt"))
	assert.True(t, errors.Is(err, os.ErrNotExist), "%v", err)
}

// tarOf is an archive of one file.
func tarOf(t *testing.T, name, content string) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	require.NoError(t, w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(content)), Mode: 0o644}))
	_, err := w.Write([]byte(content))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.String()
}

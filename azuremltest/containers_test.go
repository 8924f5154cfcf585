//go:build unix

package azuremltest_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/azureml-go/azureml/azuremltest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// goodScript answers with the model's file and what it was sent.
const goodScript = `
import json, os
def init():
    global model
    model = open(os.path.join(os.environ["AZUREML_MODEL_DIR"], "dir", "weights.bin")).read()
    print("loaded", model, os.getpid())
def run(raw_data):
    data = json.loads(raw_data)
    if data == "die":
        os._exit(9)
    if data == "hang":
        import time
        time.sleep(3600)
    print("scoring")
    return {"model": model, "data": data, "extra": os.environ.get("EXTRA")}
`

// newScriptWorld runs programs. The test is skipped where there is no Python.
func newScriptWorld(t *testing.T) *azuremltest.Server {
	t.Helper()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("there is no python3 to run programs with")
	}
	return newServiceWorld(t, &azuremltest.Options{RunScripts: "python3"})
}

// scriptImage uploads an entry script that is its own driver.
func scriptImage(t testing.TB, srv *azuremltest.Server, container, script string) object {
	t.Helper()
	id := upload(t, srv, container, "score.py", script)
	return object{"driverProgram": "score.py", "modelIds": []string{"m:1"},
		"assets":      []any{object{"id": "score.py", "url": artifactPrefix + id, "mimeType": "application/x-python"}},
		"environment": object{"name": "env", "version": nil, "docker": object{"baseImage": "x"}, "python": object{}, "environmentVariables": object{"EXTRA": "x=y"}}}
}

// eventually polls an operation until it has ended: programs take time to start.
func eventually(t testing.TB, srv *azuremltest.Server, started answer) answer {
	t.Helper()
	url := operationURL(t, started)
	for range 3000 {
		a := do(t, srv, http.MethodGet, url, "").want(t, http.StatusOK)
		if s := a.at("state"); s != "NotStarted" && s != "Running" {
			return a
		}
		time.Sleep(10 * time.Millisecond)
	}
	require.Fail(t, "the operation does not end")
	return answer{}
}

// ask scores a service.
func ask(t testing.TB, srv *azuremltest.Server, name, body string) answer {
	t.Helper()
	for _, svc := range srv.Services(defaultWorkspace) {
		if svc.Name == name {
			a, err := try(srv, http.MethodPost, svc.ScoringURL, body, "Authorization", "Bearer "+svc.PrimaryKey)
			require.NoError(t, err)
			return a
		}
	}
	require.Fail(t, "there is no such service")
	return answer{}
}

func logsOf(t testing.TB, srv *azuremltest.Server, name string) string {
	t.Helper()
	return do(t, srv, http.MethodGet, servicesURL+"/"+name+"/logs", "").want(t, http.StatusOK).at("content").(string)
}

func TestScriptRuns(t *testing.T) {
	t.Parallel()
	srv := newScriptWorld(t)
	request := aksRequest("svc", "scoringTimeoutMs", 3000, "environmentImageRequest", scriptImage(t, srv, "good", goodScript))
	require.Equal(t, "Succeeded", eventually(t, srv, create(t, srv, request)).at("state"))
	a := ask(t, srv, "svc", `[1, "ü"]`).want(t, http.StatusOK)
	assert.JSONEq(t, `{"model":"42","data":[1,"ü"],"extra":"x=y"}`, a.text)
	assert.Equal(t, "False", a.header.Get("x-ms-run-function-failed"))
	assert.Regexp(t, `loaded 42 \d+\nscoring\n`, logsOf(t, srv, "svc"))

	a = ask(t, srv, "svc", `not json`).want(t, http.StatusInternalServerError)
	assert.Equal(t, "True", a.header.Get("x-ms-run-function-failed"))
	assert.NotContains(t, a.text, "JSONDecodeError", "the reason is for the log")
	assert.Contains(t, logsOf(t, srv, "svc"), "JSONDecodeError")

	a = ask(t, srv, "svc", `"die"`).want(t, http.StatusBadGateway)
	assert.Equal(t, "Replica closed connection before replying\n", a.text)
	ask(t, srv, "svc", `1`).want(t, http.StatusOK)
	ask(t, srv, "svc", `"hang"`).want(t, http.StatusGatewayTimeout)
	ask(t, srv, "svc", `1`).want(t, http.StatusOK)
	assert.Equal(t, 3, strings.Count(logsOf(t, srv, "svc"), "loaded"), "it is started anew")

	srv.SetScorer("svc", nil)
	state := saved(t, srv)
	load(t, srv, state)
	assert.JSONEq(t, `{"model":"42","data":2,"extra":"x=y"}`, ask(t, srv, "svc", `2`).want(t, http.StatusOK).text, "started when it is wanted")
}

// The process and its folder go with the service, the update and the server.
func TestScriptProcessesEnd(t *testing.T) {
	t.Parallel()
	srv := newScriptWorld(t)
	image := func(container string) object { return scriptImage(t, srv, container, goodScript) }
	eventually(t, srv, create(t, srv, aciRequest("one", "environmentImageRequest", image("c1"))))
	eventually(t, srv, create(t, srv, aciRequest("two", "environmentImageRequest", image("c2"))))
	first, second := processOf(t, srv, "one"), processOf(t, srv, "two")
	eventually(t, srv, change(t, srv, "one", `[{"op":"replace","path":"/environmentImageRequest","value":`+jsonOf(t, image("c3"))+`}]`))
	ended(t, first)
	updated := processOf(t, srv, "one")
	assert.NotEqual(t, first, updated)
	assert.NoError(t, syscall.Kill(second, 0))
	do(t, srv, http.MethodDelete, servicesURL+"/one", "").want(t, http.StatusOK)
	ended(t, updated)
	srv.Close()
	assert.ErrorIs(t, syscall.Kill(second, 0), syscall.ESRCH)
}

// processOf is the id that the script has printed last.
func processOf(t testing.TB, srv *azuremltest.Server, name string) int {
	t.Helper()
	words := strings.Fields(logsOf(t, srv, name))
	require.NotEmpty(t, words)
	id, err := strconv.Atoi(words[len(words)-1])
	require.NoError(t, err)
	return id
}

func ended(t testing.TB, process int) {
	t.Helper()
	assert.Eventually(t, func() bool { return syscall.Kill(process, 0) != nil }, 20*time.Second, 10*time.Millisecond)
}

func TestScriptCrashes(t *testing.T) {
	t.Parallel()
	srv := newScriptWorld(t)
	image := scriptImage(t, srv, "bad", "import not_installed_anywhere\ndef run(raw_data): pass\n")
	last := eventually(t, srv, create(t, srv, aksRequest("svc", "environmentImageRequest", image)))
	assert.Equal(t, "Failed", last.at("state"))
	assert.Equal(t, "KubernetesDeploymentFailed", last.at("error", "code"))
	assert.Equal(t, "CrashLoopBackOff", last.at("error", "details", 0, "code"))
	assert.Equal(t, "Failed", get(t, srv, "svc").at("state"))
	assert.Contains(t, logsOf(t, srv, "svc"), "No module named 'not_installed_anywhere'")

	// An update that crashes leaves what was there before.
	good := scriptImage(t, srv, "good", goodScript)
	eventually(t, srv, create(t, srv, aksRequest("other", "environmentImageRequest", good)))
	last = eventually(t, srv, change(t, srv, "other", `[{"op":"replace","path":"/environmentImageRequest","value":`+jsonOf(t, image)+`}]`))
	assert.Equal(t, "Failed", last.at("state"))
	ask(t, srv, "other", `1`).want(t, http.StatusOK)
}

func TestScriptsOfVersions(t *testing.T) {
	t.Parallel()
	srv := newScriptWorld(t)
	of := func(name string) object {
		return scriptImage(t, srv, name, "def init(): print('init')\ndef run(raw_data): return '"+name+"'\n")
	}
	eventually(t, srv, create(t, srv, with(endpointRequest("end", "one"), "versions",
		object{"one": aksRequest("one", "computeType", "AKSENDPOINT", "computeName", nil, "trafficPercentile", 100, "environmentImageRequest", of("one"))})))
	assert.Equal(t, `"one"`, ask(t, srv, "end", "{}").text)
	eventually(t, srv, change(t, srv, "end", `[{"op":"add","path":"/versions/two","value":`+
		jsonOf(t, aksRequest("two", "computeType", "AKSENDPOINT", "computeName", nil, "trafficPercentile", 0, "environmentImageRequest", of("two")))+`}]`))
	url := srv.Services(defaultWorkspace)[0].ScoringURL
	for _, version := range []string{"one", "two"} {
		a, err := try(srv, http.MethodPost, strings.Replace(url, "/score", "/"+version+"/score", 1), "{}", "Authorization", "Bearer "+srv.Services(defaultWorkspace)[0].PrimaryKey)
		require.NoError(t, err)
		assert.Equal(t, `"`+version+`"`, a.want(t, http.StatusOK).text)
	}
	assert.Equal(t, 2, strings.Count(logsOf(t, srv, "end"), "init"), "the first version was left alone")
}

// A driver gets the body and the headers by name, as the one that azureml.core
// makes, and loads a script out of an archive.
func TestScriptInArchive(t *testing.T) {
	t.Parallel()
	srv := newScriptWorld(t)
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	archive := tar.NewWriter(zipped)
	add := func(name, text string) {
		require.NoError(t, archive.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(text)), Typeflag: tar.TypeReg}))
		_, err := archive.Write([]byte(text))
		require.NoError(t, err)
	}
	require.NoError(t, archive.WriteHeader(&tar.Header{Name: "src", Mode: 0o700, Typeflag: tar.TypeDir}))
	add("src/score.py", "import helper\ndef answer(body): return helper.twice(body)\n")
	add("src/helper.py", "def twice(x): return x + x\n")
	require.NoError(t, archive.Close())
	require.NoError(t, zipped.Close())
	driver := "import os, sys\nsys.path.append(os.path.join(os.path.dirname(__file__), 'src'))\nimport score\n" +
		"def init(): pass\ndef run(http_body, request_headers): return score.answer(http_body) + request_headers['X-Extra']\n"
	image := object{"driverProgram": "driver.py", "modelIds": []string{"m:1", "sk:1"}, "assets": []any{
		object{"id": "driver.py", "url": artifactPrefix + upload(t, srv, "d", "driver.py", driver), "mimeType": "application/x-python"},
		object{"id": "src.tar.gz", "url": artifactPrefix + upload(t, srv, "s", "src.tar.gz", packed.String()), "mimeType": "application/octet-stream", "unpack": true},
	}, "environment": object{"name": "env", "version": nil, "docker": object{"baseImage": "x"}, "python": object{}}}
	last := eventually(t, srv, create(t, srv, aciRequest("svc", "environmentImageRequest", image, "authEnabled", false)))
	require.Equal(t, "Succeeded", last.at("state"), logsOf(t, srv, "svc"))
	a, err := try(srv, http.MethodPost, srv.Services(defaultWorkspace)[0].ScoringURL, "ab", "X-Extra", "!")
	require.NoError(t, err)
	assert.Equal(t, `"abab!"`, a.want(t, http.StatusOK).text)
}

// An archive cannot write outside of the container's folder.
func TestScriptArchiveEscapes(t *testing.T) {
	t.Parallel()
	srv := newScriptWorld(t)
	outside := filepath.Join(t.TempDir(), "escaped")
	var packed bytes.Buffer
	archive := tar.NewWriter(&packed)
	require.NoError(t, archive.WriteHeader(&tar.Header{Name: "../../../../../../../.." + outside, Mode: 0o600, Size: 1, Typeflag: tar.TypeReg}))
	_, err := archive.Write([]byte("x"))
	require.NoError(t, err)
	require.NoError(t, archive.Close())
	image := scriptImage(t, srv, "good", goodScript)
	image["assets"] = append(image["assets"].([]any), object{"id": "x.tar", "url": artifactPrefix + upload(t, srv, "x", "x.tar", packed.String()), "mimeType": "x/y", "unpack": true})
	assert.Equal(t, "Failed", eventually(t, srv, create(t, srv, aciRequest("svc", "environmentImageRequest", image))).at("state"))
	assert.NoFileExists(t, outside)
	assert.Contains(t, logsOf(t, srv, "svc"), "x.tar: ")
}

func TestNoPython(t *testing.T) {
	t.Parallel()
	_, err := azuremltest.Start(&azuremltest.Options{RunScripts: "no-such-python"})
	assert.ErrorIs(t, err, exec.ErrNotFound)
	_, err = azuremltest.Start(&azuremltest.Options{RunScripts: filepath.Join(t.TempDir(), "python")})
	assert.ErrorIs(t, err, os.ErrNotExist)
}

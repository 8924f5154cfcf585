package azuremltest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/azureml-go/azureml/azuremltest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// onnxModel registers a model that needs no program, of a container of its own.
func onnxModel(t testing.TB, srv *azuremltest.Server, container string) string {
	t.Helper()
	id := asset(t, srv, "m", upload(t, srv, container, "m.onnx", "x"))
	return do(t, srv, http.MethodPost, mmsURL+"/models", fmt.Sprintf(`{"name":"m","framework":"Onnx","url":"aml://asset/%s","mimeType":"application/json","unpack":false,"datasets":[]}`, id)).
		want(t, http.StatusOK).at("id").(string)
}

// follow polls an operation of model management to its end.
func follow(t testing.TB, srv *azuremltest.Server, accepted answer) answer {
	t.Helper()
	location := accepted.want(t, http.StatusAccepted).header.Get("Operation-Location")
	id := location[strings.LastIndexByte(location, '/')+1:]
	for range 10 {
		a := do(t, srv, http.MethodGet, mmsURL+"/operations/"+id, "").want(t, http.StatusOK)
		if s := a.at("state"); s != "NotStarted" && s != "Running" {
			return a
		}
	}
	t.Fatal("the operation does not end")
	return answer{}
}

func TestPackages(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	id := onnxModel(t, srv, "c1")
	body := func(kind, name, label string) string {
		return fmt.Sprintf(`{"imageRequest":{"modelIds":[%q]},"packageType":%q,"imageName":%s,"imageLabel":%s}`, id, kind, name, label)
	}
	post := func(body string) answer { return do(t, srv, http.MethodPost, mmsURL+"/packages", body) }
	done := follow(t, srv, post(body("DockerImage", "null", `"v2"`)))
	assert.Equal(t, "Succeeded", done.at("state"))
	assert.Equal(t, "PackageDockerImage", done.at("operationType"))
	assert.Regexp(t, `^[a-z0-9]+\.azurecr\.io/package/m:v2$`, done.at("resourceLocation"))
	done = follow(t, srv, post(body("DockerBuildContext", "null", "null")))
	assert.Equal(t, "PackageDockerBuildContext", done.at("operationType"))
	assert.Regexp(t, `^https://.*/manifest\.json\?.*sig=`, done.at("resourceLocation"))

	srv.FailNextOperation(azuremltest.OperationFailure{Kind: "package", Name: "team/m", Code: "EnvironmentBuildFailed"})
	failed := follow(t, srv, post(body("DockerImage", `"team/m"`, "null")))
	assert.Equal(t, "Failed", failed.at("state"))
	assert.Equal(t, "EnvironmentBuildFailed", failed.at("error", "code"))
	assert.Equal(t, "BuildEnvironment", failed.at("operationDetails", "subOperationType"))
	assert.Nil(t, failed.at("resourceLocation"))

	wantMMSError(t, post(body("Zip", "null", "null")), http.StatusBadRequest, "InvalidPackageType", "Zip")
	wantMMSError(t, post(body("DockerImage", `"A"`, "null")), http.StatusBadRequest, "InvalidImageName", "'A'")
	wantMMSError(t, post(body("DockerImage", "null", `".x"`)), http.StatusBadRequest, "InvalidImageLabel", ".x")
	wantMMSError(t, post(`{"packageType":"DockerImage"}`), http.StatusBadRequest, "ImageRequestRequired", "required")
	wantMMSError(t, post(`{"imageRequest":{"modelIds":["no:1"]},"packageType":"DockerImage"}`), http.StatusBadRequest, "ModelNotFound", "no:1")
}

func TestProfiles(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	id := onnxModel(t, srv, "c1")
	dataset := srv.AddDataset(azuremltest.Workspace{}, azuremltest.Dataset{})
	assert.Panics(t, func() { srv.AddDataset(azuremltest.Workspace{}, azuremltest.Dataset{ID: dataset}) })
	post := func(name, dataset, cpu string) answer {
		return do(t, srv, http.MethodPost, mmsURL+"/profiles", fmt.Sprintf(`{"name":%q,"description":null,"inputDatasetId":%q,"containerResourceRequirements":{"cpu":%s},"environmentImageRequest":{"modelIds":[%q]}}`, name, dataset, cpu, id))
	}
	begun := post("p", dataset, "1")
	waiting := do(t, srv, http.MethodGet, mmsURL+"/profiles?name=p&orderBy=CreatedAtDesc&count=1", "").want(t, http.StatusOK)
	assert.Equal(t, "NotStarted", waiting.at("value", 0, "state"))
	assert.Nil(t, waiting.at("value", 0, "recommendedCpu"))
	assert.Equal(t, "Succeeded", follow(t, srv, begun).at("state"))
	srv.FailNextOperation(azuremltest.OperationFailure{Kind: "profile"})
	follow(t, srv, post("p", dataset, "3.5"))
	list := do(t, srv, http.MethodGet, mmsURL+"/profiles?name=p", "").want(t, http.StatusOK)
	require.Len(t, list.at("value"), 2)
	assert.Equal(t, "Failed", list.at("value", 0, "state"))
	assert.NotNil(t, list.at("value", 0, "errorLogsUri"))
	assert.EqualValues(t, 0.5, list.at("value", 1, "recommendedCpu"))
	assert.Empty(t, do(t, srv, http.MethodGet, mmsURL+"/profiles?name=q", "").want(t, http.StatusOK).at("value"))
	wantMMSError(t, post("", dataset, "1"), http.StatusBadRequest, "NameRequired", "required")
	wantMMSError(t, post("p", "nope", "1"), http.StatusBadRequest, "DatasetNotFound", "nope")
	wantMMSError(t, post("p", dataset, "3.6"), http.StatusBadRequest, "InvalidValue", "3.6")
}

func TestEnvironmentImages(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	do(t, srv, http.MethodPut, envURL+"/myenv", envBody).want(t, http.StatusOK)
	assert.Equal(t, false, do(t, srv, http.MethodGet, envURL+"/myenv/image", "").want(t, http.StatusOK).at("imageExistsInRegistry"))
	v2 := strings.Replace(envURL, "/environment/v1.0", "/environment/v2.0", 1)
	location := do(t, srv, http.MethodPost, v2+"/myenv/versions/1/image", "{}").want(t, http.StatusAccepted).at("location").(string)
	var states []any
	for range 3 {
		a := do(t, srv, http.MethodGet, location, "")
		states = append(states, a.at("status"))
	}
	assert.Equal(t, []any{"Queued", "Running", "Succeeded"}, states)
	built := do(t, srv, http.MethodGet, envURL+"/myenv/versions/1/image", "").want(t, http.StatusOK)
	assert.Equal(t, true, built.at("imageExistsInRegistry"))
	assert.NotEmpty(t, built.at("dockerImage", "registry", "password"))
	for _, path := range []string{"/myenv/versions/9/image", "/nope/versions/1/image", "/myenv/versions/1/imageoncompute/nope"} {
		do(t, srv, http.MethodPost, v2+path, "{}").want(t, http.StatusNotFound)
	}
	do(t, srv, http.MethodGet, envURL+"/nope/image", "").want(t, http.StatusNotFound)
	do(t, srv, http.MethodGet, v2+"/myenv/versions/1/image/builds/nope", "").want(t, http.StatusNotFound)
}

// TestListModelsByBody: the filters in a body give the same list, and its next page.
func TestListModelsByBody(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	for _, container := range []string{"c1", "c2", "c3"} {
		onnxModel(t, srv, container)
	}
	list := func(body string) answer { return do(t, srv, http.MethodPost, mmsURL+"/models/list", body) }
	first := list(`{"name":"m","count":2,"orderBy":"CreatedAtAsc","tags":null}`).want(t, http.StatusOK)
	require.Len(t, first.at("value"), 2)
	assert.Equal(t, "m:1", first.at("value", 0, "id"))
	next, ok := first.at("nextRequest").(map[string]any)
	require.True(t, ok, first.text)
	second := list(jsonOf(t, next)).want(t, http.StatusOK)
	require.Len(t, second.at("value"), 1)
	assert.Equal(t, "m:3", second.at("value", 0, "id"))
	assert.NotContains(t, second.body, "nextRequest")
	assert.Equal(t, "m:2", list(`{"name":"m","version":2}`).want(t, http.StatusOK).at("value", 0, "id"))
	assert.Len(t, list(`{"latestVersionOnly":true}`).want(t, http.StatusOK).at("value"), 1)
	wantMMSError(t, list(`{"nome":"m"}`), http.StatusBadRequest, "InvalidFilter", "nome")
	wantMMSError(t, list(`{"tags":["a"]}`), http.StatusBadRequest, "InvalidFilter", "tags")

	services := func(body string) answer { return do(t, srv, http.MethodPost, mmsURL+"/services/list", body) }
	assert.Empty(t, services(`{"computeType":"AKS","expand":true}`).want(t, http.StatusOK).at("value"))
	wantMMSError(t, services(`{"computeType":"XYZ"}`), http.StatusBadRequest, "InvalidComputeType", "XYZ")
}

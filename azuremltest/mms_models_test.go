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

// wantMMSError checks the whole shape of an error of model management: one
// reason, which is in the details.
func wantMMSError(t testing.TB, a answer, status int, detail, message string) {
	t.Helper()
	a.want(t, status)
	assert.EqualValues(t, status, a.at("statusCode"))
	assert.NotEmpty(t, a.at("code"))
	assert.NotEmpty(t, a.at("message"))
	assert.NotEmpty(t, a.at("correlation", "RequestId"))
	assert.Len(t, a.at("details"), 1, a.text)
	assert.Equal(t, detail, a.at("details", 0, "code"), a.text)
	assert.Contains(t, a.at("details", 0, "message"), message)
}

// asset registers uploaded files under a name.
func asset(t testing.TB, srv *azuremltest.Server, name, prefix string) string {
	t.Helper()
	return do(t, srv, http.MethodPost, mmsURL+"/assets", fmt.Sprintf(`{"name":%q,"artifacts":[{"prefix":%q}]}`, name, prefix)).
		want(t, http.StatusOK).at("id").(string)
}

func TestAssets(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	file := upload(t, srv, "c1", "mydir/a.pkl", "x")
	a := do(t, srv, http.MethodPost, mmsURL+"/assets", `{"name":"mymodel","artifacts":[{"prefix":"LocalUpload/c1/mydir"}]}`,
		"Content-Type", "application/json; charset=utf-8").want(t, http.StatusOK)
	assert.Regexp(t, `^[0-9a-f]{32}$`, a.at("id"))
	assert.Equal(t, "mymodel", a.at("name"))
	assert.Equal(t, []any{map[string]any{"id": nil, "prefix": "LocalUpload/c1/mydir"}}, a.at("artifacts"))
	assert.Equal(t, map[string]any{}, a.at("kvTags"))
	assert.Contains(t, a.body, "runid")
	assert.Contains(t, a.body, "meta")
	url := mmsURL + "/assets/" + a.at("id").(string)
	assert.Equal(t, a.body, do(t, srv, http.MethodGet, url, "").want(t, http.StatusOK).body)

	do(t, srv, http.MethodPost, mmsURL+"/assets", fmt.Sprintf(`{"name":"one","artifacts":[{"id":%q}],"kvTags":{"a":"b"}}`, file)).want(t, http.StatusOK)
	list := func(query string) (names []any) {
		for _, v := range do(t, srv, http.MethodGet, mmsURL+"/assets?"+query, "").want(t, http.StatusOK).at("value").([]any) {
			names = append(names, v.(map[string]any)["name"])
		}
		return names
	}
	assert.Equal(t, []any{"one", "mymodel"}, list(""))
	assert.Equal(t, []any{"mymodel", "one"}, list("orderby=CreatedAtAsc"))
	assert.Equal(t, []any{"one"}, list("tags=a%3Db"))
	assert.Equal(t, []any{"mymodel"}, list("name=mymodel"))

	b := do(t, srv, http.MethodPatch, url, `[{"op":"replace","path":"/kvTags","value":{"n":1}},{"op":"add","path":"/properties/p","value":"q"},{"op":"replace","path":"/description","value":"d"}]`,
		"Content-Type", patchType).want(t, http.StatusOK)
	assert.Equal(t, map[string]any{"n": "1"}, b.at("kvTags"))
	assert.Equal(t, "d", b.at("description"))
	wantMMSError(t, do(t, srv, http.MethodPatch, url, `[{"op":"add","path":"/properties/p","value":"r"}]`, "Content-Type", patchType),
		http.StatusBadRequest, "PropertyImmutable", "The property 'p' exists")

	model := do(t, srv, http.MethodPost, mmsURL+"/models", `{"name":"m","url":"aml://asset/`+a.at("id").(string)+`","mimeType":"application/json"}`).want(t, http.StatusOK)
	wantMMSError(t, do(t, srv, http.MethodDelete, url, ""), http.StatusPreconditionFailed, "DeletionRequired", model.at("id").(string))
	do(t, srv, http.MethodDelete, mmsURL+"/models/m:1", "").want(t, http.StatusOK)
	do(t, srv, http.MethodDelete, url, "").want(t, http.StatusOK)
	do(t, srv, http.MethodDelete, url, "").want(t, http.StatusNoContent)
	wantMMSError(t, do(t, srv, http.MethodGet, url, ""), http.StatusNotFound, "AssetNotFound", "not found")
}

func TestAssetsRefused(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	upload(t, srv, "c1", "a", "x")
	for name, c := range map[string]struct{ body, code, message string }{
		"no name":     {`{"artifacts":[{"prefix":"LocalUpload/c1/a"}]}`, "NameRequired", "Name"},
		"nothing":     {`{"name":"m"}`, "ArtifactsRequired", "Artifacts"},
		"both":        {`{"name":"m","artifacts":[{"id":"LocalUpload/c1/a","prefix":"LocalUpload/c1/a"}]}`, "InvalidArtifact", "Exactly one"},
		"neither":     {`{"name":"m","artifacts":[{}]}`, "InvalidArtifact", "Exactly one"},
		"no path":     {`{"name":"m","artifacts":[{"prefix":"LocalUpload"}]}`, "InvalidArtifact", "does not name artifacts"},
		"origin":      {`{"name":"m","artifacts":[{"prefix":"Upload/c1/a"}]}`, "InvalidArtifact", "does not name artifacts"},
		"not created": {`{"name":"m","artifacts":[{"prefix":"LocalUpload/c1/b"}]}`, "ArtifactNotFound", "LocalUpload/c1/b"},
		"no such id":  {`{"name":"m","artifacts":[{"id":"LocalUpload/c1"}]}`, "ArtifactNotFound", "LocalUpload/c1"},
	} {
		wantMMSError(t, do(t, srv, http.MethodPost, mmsURL+"/assets", c.body), http.StatusBadRequest, c.code, c.message)
		t.Log(name)
	}
	do(t, srv, http.MethodPost, mmsURL+"/assets", `{}`, "Content-Type", patchType).want(t, http.StatusUnsupportedMediaType)
}

func TestRegisterModel(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	id := asset(t, srv, "mymodel", upload(t, srv, "c1", "mydir/a.pkl", "weights"))
	a := do(t, srv, http.MethodPost, mmsURL+"/models", `{"name":"mymodel","framework":"ScikitLearn","frameworkVersion":"0.24.1",
		"datasets":[{"name":"training","id":"33333333-0000-4000-8000-000000000001"}],"url":"aml://asset/`+id+`","mimeType":"application/json",
		"description":"d","unpack":false,"kvTags":{"area":"diabetes","n":1,"t":true,"z":null},"properties":{"p":"q"},
		"resourceRequirements":{"cpu":1.0,"memoryInGB":0.5}}`).want(t, http.StatusOK)
	assert.Equal(t, "mymodel:1", a.at("id"))
	assert.EqualValues(t, 1, a.at("version"))
	assert.Equal(t, map[string]any{"area": "diabetes", "n": "1", "t": "true", "z": nil}, a.at("kvTags"))
	assert.Equal(t, map[string]any{"cpu": 1.0, "memoryInGB": 0.5, "gpu": nil, "fpga": nil}, a.at("resourceRequirements"))
	assert.Equal(t, []any{}, a.at("derivedModelIds"))
	assert.Equal(t, "training", a.at("datasets", 0, "name"))
	assert.Equal(t, azuremltest.TenantID, a.at("createdBy", "userTenantId"))
	assert.Regexp(t, `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}\+00:00$`, a.at("createdTime"))
	for _, key := range []string{"parentModelId", "runId", "experimentName", "sampleInputData", "sampleOutputData"} {
		assert.Contains(t, a.body, key)
	}
	// The colon may be escaped or not.
	assert.Equal(t, a.body, do(t, srv, http.MethodGet, mmsURL+"/models/mymodel%3A1", "").want(t, http.StatusOK).body)
	assert.Equal(t, a.body, do(t, srv, http.MethodGet, mmsURL+"/models/mymodel:1", "").want(t, http.StatusOK).body)

	// The next integer of the name; a version is never given twice.
	second := srv.AddModel(defaultWorkspace, azuremltest.Model{Name: "mymodel"})
	assert.Equal(t, "mymodel:2", second.ID)
	do(t, srv, http.MethodDelete, mmsURL+"/models/mymodel%3A2", "").want(t, http.StatusOK)
	assert.Equal(t, "mymodel:3", srv.AddModel(defaultWorkspace, azuremltest.Model{Name: "mymodel"}).ID)
	assert.Equal(t, "other:1", srv.AddModel(defaultWorkspace, azuremltest.Model{Name: "other"}).ID)

	known := srv.Models(defaultWorkspace)
	require.Len(t, known, 3)
	assert.Equal(t, azuremltest.Model{Name: "mymodel", Version: 1, ID: "mymodel:1", Framework: "ScikitLearn",
		Tags: map[string]string{"area": "diabetes", "n": "1", "t": "true", "z": ""}, Files: map[string][]byte{"a.pkl": []byte("weights")}}, known[0])
}

func TestRegisterModelRefused(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	url := "aml://asset/" + asset(t, srv, "m", upload(t, srv, "c1", "a", "x"))
	for name, c := range map[string]struct{ body, code, message string }{
		"name":      {`{"name":"-m","url":"` + url + `","mimeType":"x"}`, "InvalidModelName", "'-m' is invalid"},
		"long name": {`{"name":"` + strings.Repeat("m", 256) + `","url":"` + url + `","mimeType":"x"}`, "InvalidModelName", "is invalid"},
		"no type":   {`{"name":"m","url":"` + url + `"}`, "MimeTypeRequired", "MimeType"},
		"no url":    {`{"name":"m","mimeType":"x"}`, "UrlRequired", "Url"},
		"odd url":   {`{"name":"m","url":"https://x","mimeType":"x"}`, "InvalidUrl", "aml://asset/{id} is expected"},
		"no asset":  {`{"name":"m","url":"aml://asset/nope","mimeType":"x"}`, "AssetNotFound", "Asset with id nope not found"},
		"version":   {`{"name":"m","url":"` + url + `","mimeType":"x","frameworkVersion":"1"}`, "FrameworkRequired", "without a Framework"},
		"cpu":       {`{"name":"m","url":"` + url + `","mimeType":"x","resourceRequirements":{"cpu":0}}`, "InvalidValue", "resourceRequirements.cpu must be greater than 0, it is 0."},
		"gpu":       {`{"name":"m","url":"` + url + `","mimeType":"x","resourceRequirements":{"gpu":-1}}`, "InvalidValue", "must not be negative"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantMMSError(t, do(t, srv, http.MethodPost, mmsURL+"/models", c.body), http.StatusBadRequest, c.code, c.message)
		})
	}
	nested := do(t, srv, http.MethodPost, mmsURL+"/models", `{"name":"m","url":"`+url+`","mimeType":"x","kvTags":{"a":{}}}`).want(t, http.StatusBadRequest)
	assert.Contains(t, nested.text, "only text, numbers and booleans can be stored")
	all := do(t, srv, http.MethodPost, mmsURL+"/models", `{}`).want(t, http.StatusBadRequest)
	assert.Len(t, all.at("details"), 3, "one answer names all that is wrong")
	for _, method := range []string{http.MethodGet, http.MethodPatch} {
		a := do(t, srv, method, mmsURL+"/models/m%3A9", `[]`, "Content-Type", patchType)
		wantMMSError(t, a, http.StatusNotFound, "ModelNotFound", "The Model with id m:9 could not be found in workspace "+azuremltest.WorkspaceName+".")
		assert.Equal(t, "NotFound", a.at("code"))
	}
	do(t, srv, http.MethodDelete, mmsURL+"/models/m%3A9", "").want(t, http.StatusNoContent)
}

func TestListModels(t *testing.T) {
	t.Parallel()
	srv := newServer(t, &azuremltest.Options{PageSize: 4})
	for i, framework := range []string{"Onnx", "Custom", "ScikitLearn"} {
		for _, name := range []string{"a", "b"} {
			srv.AddModel(defaultWorkspace, azuremltest.Model{Name: name, Framework: framework, Tags: map[string]string{"i": fmt.Sprint(i), name: "x"}})
		}
	}
	patch := func(id, body string) {
		do(t, srv, http.MethodPatch, mmsURL+"/models/"+id, body, "Content-Type", patchType).want(t, http.StatusOK)
	}
	patch("a:1", `[{"op":"add","path":"/properties/p","value":"q=r"},{"op":"replace","path":"/description","value":"first"}]`)
	patch("b:2", `[{"op":"add","path":"/datasets","value":[{"name":"training","id":"d1"}]}]`)
	ids := func(query string) []string {
		list, _ := pages(t, srv, mmsURL+"/models"+query)
		return list
	}
	all := []string{"b:3", "a:3", "b:2", "a:2", "b:1", "a:1"}
	for query, want := range map[string][]string{
		"":                                   all,
		"?name=a":                            {"a:3", "a:2", "a:1"},
		"?name=a&count=1":                    {"a:3", "a:2", "a:1"},
		"?name=A":                            nil,
		"?framework=Onnx":                    {"b:1", "a:1"},
		"?tags=i":                            all,
		"?tags=i%3D1":                        {"b:2", "a:2"},
		"?tags=i%3D1%2Ca%3Dx":                {"a:2"},
		"?tag=b":                             {"b:3", "b:2", "b:1"},
		"?properties=p%3Dq%3Dr":              {"a:1"},
		"?properties=p":                      {"a:1"},
		"?runId=r1":                          nil,
		"?datasetId=d1":                      {"b:2"},
		"?description=first":                 {"a:1"},
		"?latestVersionOnly=true":            {"b:3", "a:3"},
		"?latestVersionOnly=true&tags=i%3D0": {"b:1", "a:1"},
		"?latestVersionOnly=false&count=0":   all,
		"?orderBy=CreatedAtAsc":              {"a:1", "b:1", "a:2", "b:2", "a:3", "b:3"},
		"?orderBy=UpdatedAtDesc&count=2":     {"b:2", "a:1", "b:3", "a:3", "a:2", "b:1"},
		"?orderBy=UpdatedAtAsc":              {"b:1", "a:2", "a:3", "b:3", "a:1", "b:2"},
	} {
		assert.Equal(t, want, ids(query), query)
	}

	first := do(t, srv, http.MethodGet, mmsURL+"/models?name=a&count=2", "").want(t, http.StatusOK)
	assert.Len(t, first.at("value"), 2)
	assert.Regexp(t, `^`+mmsURL+`/models\?%24skipToken=[^&]+&count=2&name=a$`, first.at("nextLink"))
	last := do(t, srv, http.MethodGet, first.at("nextLink").(string), "").want(t, http.StatusOK)
	assert.NotContains(t, last.body, "nextLink", "the reference follows one that is null")
	assert.NotContains(t, last.body, "continuationToken")

	// A page goes on where the last one ended, although its last model has gone and there is a new one.
	do(t, srv, http.MethodDelete, mmsURL+"/models/a%3A2", "").want(t, http.StatusOK)
	assert.NotNil(t, do(t, srv, http.MethodGet, first.at("nextLink").(string), "").want(t, http.StatusOK).at("value"))

	wantMMSError(t, do(t, srv, http.MethodGet, mmsURL+"/models?count=-1", ""), http.StatusBadRequest, "InvalidCount", `"-1"`)
	wantMMSError(t, do(t, srv, http.MethodGet, mmsURL+"/models?$skipToken=x", ""), http.StatusBadRequest, "InvalidSkipToken", "none of ours")
	wantMMSError(t, do(t, srv, http.MethodGet, mmsURL+"/models?orderBy=Name", ""), http.StatusBadRequest, "InvalidOrderBy", "'Name'")
	wantMMSError(t, do(t, srv, http.MethodGet, mmsURL+"/models?latestVersionOnly=2", ""), http.StatusBadRequest, "InvalidLatestVersionOnly", `"2"`)
}

// pages follows the links of a list and returns the ids on all pages.
func pages(t testing.TB, srv *azuremltest.Server, url string) (ids []string, n int) {
	t.Helper()
	for url != "" {
		a := do(t, srv, http.MethodGet, url, "").want(t, http.StatusOK)
		for _, v := range a.at("value").([]any) {
			ids = append(ids, v.(map[string]any)["id"].(string))
		}
		n++
		url, _ = a.at("nextLink").(string)
	}
	return ids, n
}

func TestImages(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	assert.Equal(t, []any{}, do(t, srv, http.MethodGet, mmsURL+"/images?modelId=m%3A1", "").want(t, http.StatusOK).at("value"))
	wantMMSError(t, do(t, srv, http.MethodGet, mmsURL+"/images/i:1", ""), http.StatusNotFound, "ImageNotFound", "i:1")
}

func TestPatchModel(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	srv.AddModel(defaultWorkspace, azuremltest.Model{Name: "m", Tags: map[string]string{"old": "x"}})
	patch := func(body string) answer {
		return do(t, srv, http.MethodPatch, mmsURL+"/models/m%3A1", body, "Content-Type", patchType+"; charset=utf-8")
	}
	a := patch(`[{"value":{"area":"diabetes","n":2},"path":"/kvTags","op":"replace"},{"value":"d","path":"/description","op":"replace"},
		{"value":"aml://dataset/1","path":"/sampleInputData","op":"replace"},
		{"value":{"cpu":2,"memoryInGB":4.5,"gpu":null},"path":"/resourceRequirements","op":"replace"},
		{"value":{"p":"q"},"path":"/properties","op":"add"}]`).want(t, http.StatusOK)
	assert.Equal(t, map[string]any{"area": "diabetes", "n": "2"}, a.at("kvTags"))
	assert.Equal(t, "d", a.at("description"))
	assert.Equal(t, "aml://dataset/1", a.at("sampleInputData"))
	assert.Equal(t, 4.5, a.at("resourceRequirements", "memoryInGB"))
	assert.Equal(t, map[string]any{"p": "q"}, a.at("properties"))
	assert.Equal(t, "m:1", a.at("id"))
	assert.Equal(t, a.at("kvTags"), do(t, srv, http.MethodGet, mmsURL+"/models/m:1", "").at("kvTags"))
	assert.Equal(t, a.at("kvTags"), patch(`[]`).want(t, http.StatusOK).at("kvTags"))
	// The whole union may be sent, as the reference does.
	assert.Equal(t, map[string]any{"p": "q", "r": "s"}, patch(`[{"value":{"p":"q","r":"s"},"path":"/properties","op":"add"}]`).want(t, http.StatusOK).at("properties"))

	wantMMSError(t, patch(`[{"value":{"r":"s"},"path":"/properties","op":"add"}]`), http.StatusBadRequest, "PropertyImmutable", "'p'")
	wantMMSError(t, patch(`[{"op":"remove","path":"/properties/p"}]`), http.StatusBadRequest, "InvalidPatchOperation", "'remove' is not allowed on '/properties/p'")
	wantMMSError(t, patch(`[{"op":"replace","path":"/name","value":"n"}]`), http.StatusBadRequest, "InvalidPatchPath", "'/name'")
	wantMMSError(t, patch(`[{"op":"replace","path":"/tags","value":{}}]`), http.StatusBadRequest, "InvalidPatchPath", "'/tags'")
	wantMMSError(t, patch(`[{"op":"replace","path":"/kvTags/nope","value":"x"}]`), http.StatusBadRequest, "InvalidPatch", "not found")
	wantMMSError(t, patch(`[{"op":"replace","path":"/kvTags","value":"x"}]`), http.StatusBadRequest, "InvalidPatch", "cannot be applied")
	wantMMSError(t, patch(`[{"op":"replace","path":"/resourceRequirements","value":{"cpu":-1}}]`), http.StatusBadRequest, "InvalidValue", "cpu")
	do(t, srv, http.MethodPatch, mmsURL+"/models/m:1", `[]`, "Content-Type", "application/json").want(t, http.StatusUnsupportedMediaType)
	patch(`{}`).want(t, http.StatusBadRequest)
	assert.Equal(t, a.at("kvTags"), do(t, srv, http.MethodGet, mmsURL+"/models/m:1", "").at("kvTags"), "what is refused changes nothing")
}

package azuremltest_test

import (
	"net/http"
	"testing"

	"github.com/azureml-go/azureml/azuremltest"
	"github.com/stretchr/testify/assert"
)

func TestOverwrite(t *testing.T) {
	t.Parallel()
	srv := newServiceWorld(t, nil)
	first := deploy(t, srv, aksRequest("svc"))
	wantMMSError(t, create(t, srv, aksRequest("svc")), http.StatusConflict, "ServiceExists", "Service svc with the same name already exists")
	keys := srv.Services(defaultWorkspace)[0]

	started := create(t, srv, aksRequest("svc", "overwrite", true, "description", "second", "keys", object{"primaryKey": nil, "secondaryKey": "mine"}))
	assert.Equal(t, "Transitioning", get(t, srv, "svc").at("state"))
	settle(t, srv, started)
	second := get(t, srv, "svc")
	assert.Equal(t, "second", second.at("description"))
	assert.Equal(t, first.at("createdTime"), second.at("createdTime"))
	now := srv.Services(defaultWorkspace)[0]
	assert.Equal(t, keys.PrimaryKey, now.PrimaryKey, "keys stay unless others are sent")
	assert.Equal(t, "mine", now.SecondaryKey)

	wantMMSError(t, create(t, srv, aciRequest("svc", "overwrite", true)), http.StatusBadRequest, "ComputeTypeMismatch", "cannot be overwritten")
	settle(t, srv, create(t, srv, aksRequest("fresh", "overwrite", true)))

	// A container group moves to the name that is asked for.
	deploy(t, srv, aciRequest("group"))
	moved := deploy(t, srv, aciRequest("group", "overwrite", true, "dnsNameLabel", "here"))
	assert.Equal(t, "http://here.westeurope.azurecontainer.io/score", moved.at("scoringUri"))

	// An overwritten deployment that is under way is cancelled.
	one := create(t, srv, aksRequest("twice"))
	two := create(t, srv, aksRequest("twice", "overwrite", true))
	_, last := settle(t, srv, one)
	assert.Equal(t, "Cancelled", last.at("state"))
	_, last = settle(t, srv, two)
	assert.Equal(t, "Succeeded", last.at("state"))
}

func TestServiceNotFound(t *testing.T) {
	t.Parallel()
	srv := newServiceWorld(t, nil)
	for _, c := range []struct{ method, path, body string }{
		{http.MethodGet, "/nope?expand=true", ""}, {http.MethodPatch, "/nope", "[]"}, {http.MethodGet, "/nope/logs", ""},
		{http.MethodPost, "/nope/listkeys", ""}, {http.MethodPost, "/nope/token", ""}, {http.MethodPost, "/nope/regenerateKeys", "{}"},
		{http.MethodPost, "/migrate", `{"serviceName":"nope","computeTarget":"x"}`},
	} {
		contentType := "application/json"
		if c.method == http.MethodPatch {
			contentType = patchType
		}
		a := do(t, srv, c.method, servicesURL+c.path, c.body, "Content-Type", contentType)
		wantMMSError(t, a, http.StatusNotFound, "ServiceNotFound", "Service with name nope not found")
		assert.Equal(t, "Service with name nope not found", a.at("message"))
	}
	do(t, srv, http.MethodDelete, servicesURL+"/nope", "").want(t, http.StatusNoContent)
	wantMMSError(t, do(t, srv, http.MethodGet, mmsURL+"/operations/nope", ""), http.StatusNotFound, "OperationNotFound", "Operation with id nope not found")
}

func TestListServices(t *testing.T) {
	t.Parallel()
	srv := newServiceWorld(t, &azuremltest.Options{PageSize: 2, OperationPolls: -1})
	deploy(t, srv, aksRequest("one", "kvTags", object{"a": "b", "c": "d"}, "properties", object{"p": "q"}))
	deploy(t, srv, aciRequest("two", "kvTags", object{"a": "x"}, "environmentImageRequest", codeImage(t, srv, "x")))
	deploy(t, srv, endpointRequest("three", "version"))
	ids := func(query string) []string {
		list, _ := pages(t, srv, servicesURL+"?expand=true"+query)
		return list
	}
	for query, want := range map[string][]string{
		"":                         {"three", "two", "one"},
		"&computeType=AKS":         {"one"},
		"&computeType=aci":         {"two"},
		"&computeType=AKSENDPOINT": {"three"},
		"&computeType=IOT":         nil,
		"&tags=a":                  {"two", "one"},
		"&tags=a%3Db":              {"one"},
		"&tags=a%2Cc%3Dd":          {"one"},
		"&properties=p%3Dq":        {"one"},
		"&properties=hasHttps":     {"three", "two", "one"},
		"&modelName=sk":            {"three", "one"},
		"&modelId=m%3A1":           {"two"},
		"&modelId=sk%3A2":          nil,
		"&imageName=x":             nil,
		"&name=two":                {"two"},
		"&orderby=CreatedAtAsc":    {"one", "two", "three"},
		"&count=1":                 {"three", "two", "one"},
	} {
		assert.Equal(t, want, ids(query), query)
	}
	digest := get(t, srv, "two").at("imageDigest").(string)
	assert.Equal(t, []string{"two"}, ids("&imageDigest="+escaped(digest)))
	_, n := pages(t, srv, servicesURL+"?expand=true")
	assert.Equal(t, 2, n)
	change(t, srv, "one", `[{"op":"replace","path":"/description","value":"d"}]`).want(t, http.StatusOK)
	assert.Equal(t, []string{"one", "three", "two"}, ids(""), "the one that was changed last comes first")

	last := do(t, srv, http.MethodGet, servicesURL+"?computeType=ACI", "").want(t, http.StatusOK)
	assert.NotContains(t, last.body, "nextLink", "the reference follows one that is null")
	assert.Equal(t, []any{}, last.at("value", 0, "models"), "models are described only with expand")
	wantMMSError(t, do(t, srv, http.MethodGet, servicesURL+"?computeType=FPGA", ""), http.StatusBadRequest, "InvalidComputeType", "'FPGA'")
	wantMMSError(t, do(t, srv, http.MethodGet, servicesURL+"?orderby=x", ""), http.StatusBadRequest, "InvalidOrderBy", "'x'")
	wantMMSError(t, do(t, srv, http.MethodGet, servicesURL+"?expand=x", ""), http.StatusBadRequest, "InvalidExpand", `"x"`)
}

func TestModelInUse(t *testing.T) {
	t.Parallel()
	srv := newServiceWorld(t, nil)
	deploy(t, srv, aksRequest("svc"))
	deploy(t, srv, endpointRequest("end", "version"))
	a := do(t, srv, http.MethodDelete, mmsURL+"/models/sk%3A1", "")
	wantMMSError(t, a, http.StatusPreconditionFailed, "DeletionRequired", "Model sk:1 is in use")
	assert.Contains(t, a.at("message"), "DeletionRequired")
	assert.Contains(t, a.at("message"), "end, svc")
	for _, name := range []string{"svc", "end"} {
		settle(t, srv, do(t, srv, http.MethodDelete, servicesURL+"/"+name, ""))
	}
	do(t, srv, http.MethodDelete, mmsURL+"/models/sk%3A1", "").want(t, http.StatusOK)
}

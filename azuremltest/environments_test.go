package azuremltest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/azureml-go/azureml/azuremltest"
	"github.com/stretchr/testify/assert"
)

// envBody is what the reference sends.
const envBody = `{"Name":"myenv","python":{"userManagedDependencies":false,"interpreterPath":"python","condaDependencies":{"dependencies":["python=3.8.13",{"pip":["azureml-defaults"]}]}},
 "EnvironmentVariables":{"A":"B"},"Docker":{"enabled":false,"baseImage":"mcr.microsoft.com/azureml/x","baseDockerfile":null,"buildContext":null},
 "Spark":{"precachePackages":true},"InferencingStackVersion":null,"r":null}`

func TestRegisterEnvironment(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	a := do(t, srv, http.MethodPut, envURL+"/myenv", envBody).want(t, http.StatusOK)
	assert.Equal(t, "myenv", a.at("name"))
	assert.Equal(t, "1", a.at("version"))
	assert.Equal(t, "azureml://locations/westeurope/workspaces/"+srv.Workspaces()[0].ID+"/environments/myenv/versions/1", a.at("assetId"))
	assert.Equal(t, map[string]any{"A": "B"}, a.at("environmentVariables"))
	assert.Equal(t, "mcr.microsoft.com/azureml/x", a.at("docker", "baseImage"))
	assert.Equal(t, true, a.at("spark", "precachePackages"))
	assert.NotContains(t, a.body, "Docker")

	changed := strings.Replace(envBody, `"A":"B"`, `"A":"C"`, 1)
	assert.Equal(t, "2", do(t, srv, http.MethodPut, envURL+"/myenv", changed).want(t, http.StatusOK).at("version"))
	assert.Equal(t, "7", do(t, srv, http.MethodPut, envURL+"/myenv/versions/7", envBody).want(t, http.StatusOK).at("version"))
	assert.Equal(t, "8", do(t, srv, http.MethodPut, envURL+"/myenv", changed).want(t, http.StatusOK).at("version"))
	do(t, srv, http.MethodPut, envURL+"/myenv/versions/dev", envBody).want(t, http.StatusOK)

	// A version can be sent again, but not changed.
	do(t, srv, http.MethodPut, envURL+"/myenv/versions/7", strings.ReplaceAll(envBody, `,"`, `, "`)).want(t, http.StatusOK)
	do(t, srv, http.MethodPut, envURL+"/myenv/versions/7", strings.Replace(envBody, `"Name":"myenv",`, ``, 1)).want(t, http.StatusOK)
	conflict := do(t, srv, http.MethodPut, envURL+"/myenv/versions/7", changed).want(t, http.StatusConflict)
	assert.Equal(t, "Conflict", conflict.at("error", "innerError", "code"))

	assert.Equal(t, "dev", do(t, srv, http.MethodGet, envURL+"/myenv", "").want(t, http.StatusOK).at("version"))
	two := do(t, srv, http.MethodGet, envURL+"/myenv/versions/2", "").want(t, http.StatusOK)
	assert.Equal(t, map[string]any{"A": "C"}, two.at("environmentVariables"))

	do(t, srv, http.MethodPut, envURL+"/myenv/versions/2/metadata", `{"Labels":["prod"]}`).want(t, http.StatusOK)
	assert.Equal(t, "2", do(t, srv, http.MethodGet, envURL+"/myenv/labels/prod", "").want(t, http.StatusOK).at("version"))
	assert.Equal(t, "dev", do(t, srv, http.MethodGet, envURL+"/myenv/labels/latest", "").want(t, http.StatusOK).at("version"))
	do(t, srv, http.MethodPut, envURL+"/myenv/versions/7/metadata", `{"Labels":["prod"]}`).want(t, http.StatusOK)
	assert.Equal(t, "7", do(t, srv, http.MethodGet, envURL+"/myenv/labels/prod", "").want(t, http.StatusOK).at("version"))
	do(t, srv, http.MethodPut, envURL+"/myenv/versions/7/metadata", `{"Labels":[]}`).want(t, http.StatusOK)
	do(t, srv, http.MethodGet, envURL+"/myenv/labels/prod", "").want(t, http.StatusNotFound)
	do(t, srv, http.MethodPut, envURL+"/myenv/versions/7/metadata", `{"Labels":["Latest"]}`).want(t, http.StatusBadRequest)

	// A name with a blank and one with a slash.
	do(t, srv, http.MethodPut, envURL+"/my%20env", `{}`).want(t, http.StatusOK)
	assert.Equal(t, "my env", do(t, srv, http.MethodGet, envURL+"/my%20env", "").want(t, http.StatusOK).at("name"))
}

func TestEnvironmentRefused(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	a := do(t, srv, http.MethodGet, envURL+"/nope", "").want(t, http.StatusNotFound)
	assert.Equal(t, "UserError", a.at("error", "code"))
	assert.Equal(t, "NotFound", a.at("error", "innerError", "code"))
	assert.Equal(t, "Environment nope version None not found", a.at("error", "message"))
	assert.Equal(t, "environment", a.at("componentName"))
	do(t, srv, http.MethodPut, envURL+"/myenv", envBody).want(t, http.StatusOK)
	do(t, srv, http.MethodGet, envURL+"/myenv/versions/9", "").want(t, http.StatusNotFound)
	do(t, srv, http.MethodPut, envURL+"/myenv/versions/9/metadata", `{"Labels":["x"]}`).want(t, http.StatusNotFound)

	for name, c := range map[string]struct{ url, body, want string }{
		"reserved":  {"/AzureML-mine", `{}`, "AzureML-mine is reserved"},
		"microsoft": {"/MicrosoftX", `{}`, "is reserved"},
		"name":      {"/other", envBody, "not the one in the URL, other"},
		"image":     {"/e", `{"docker":{"baseImage":"a","baseDockerfile":"FROM b"}}`, "At most one of"},
		"context":   {"/e", `{"docker":{"baseImage":"a","buildContext":{"location":"x"}}}`, "At most one of"},
		"docker":    {"/e", `{"docker":"x"}`, "docker section is malformed"},
	} {
		b := do(t, srv, http.MethodPut, envURL+c.url, c.body).want(t, http.StatusBadRequest)
		assert.Contains(t, b.at("error", "message"), c.want, name)
	}
	do(t, srv, http.MethodPut, envURL+"/e", `[]`).want(t, http.StatusBadRequest)
}

func TestListEnvironments(t *testing.T) {
	t.Parallel()
	srv := newServer(t, &azuremltest.Options{PageSize: 2})
	do(t, srv, http.MethodPut, envURL+"/b", `{}`).want(t, http.StatusOK)
	do(t, srv, http.MethodPut, envURL+"/b", `{"r":{}}`).want(t, http.StatusOK)
	do(t, srv, http.MethodPut, envURL+"/a", `{}`).want(t, http.StatusOK)
	var names []string
	token := ""
	for range 3 {
		a := do(t, srv, http.MethodGet, envURL+"/?continuation="+escaped(token), "").want(t, http.StatusOK)
		for _, v := range a.at("value").([]any) {
			e := v.(map[string]any)
			names = append(names, e["name"].(string)+":"+e["version"].(string))
		}
		token, _ = a.at("continuationToken").(string)
		if token == "" {
			break
		}
	}
	assert.Equal(t, []string{"AzureML-minimal-ubuntu18.04-py37-cpu-inference:1", "AzureML-sklearn-1.0-ubuntu20.04-py38-cpu:1", "a:1", "b:2"}, names)
	do(t, srv, http.MethodGet, envURL+"?continuation=x", "").want(t, http.StatusBadRequest)
	curated := do(t, srv, http.MethodGet, envURL+"/AzureML-sklearn-1.0-ubuntu20.04-py38-cpu", "").want(t, http.StatusOK)
	assert.Contains(t, curated.at("docker", "baseImage"), "mcr.microsoft.com/azureml/curated/")
}

package azuremltest_test

import (
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/azureml-go/azureml/azuremltest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	scope       = "/subscriptions/" + azuremltest.SubscriptionID + "/resourceGroups/" + azuremltest.ResourceGroup + "/providers/Microsoft.MachineLearningServices/workspaces/" + azuremltest.WorkspaceName
	mmsURL      = "https://westeurope.modelmanagement.azureml.net/modelmanagement/v1.0" + scope
	artifactURL = "https://westeurope.api.azureml.ms/artifact/v2.0" + scope + "/artifacts"
	envURL      = "https://westeurope.api.azureml.ms/environment/v1.0" + scope + "/environments"

	patchType      = "application/json-patch+json"
	artifactPrefix = "aml://artifact/"
)

// the default workspace
var defaultWorkspace = azuremltest.Workspace{}

// want fails the test unless an answer has the status.
func (a answer) want(t testing.TB, status int) answer {
	t.Helper()
	require.Equal(t, status, a.status, a.text)
	return a
}

// createArtifact makes an empty artifact and returns where to upload to.
func createArtifact(t testing.TB, srv *azuremltest.Server, container, path string) string {
	t.Helper()
	a := do(t, srv, http.MethodPost, artifactURL+"/batch/metadata/LocalUpload/"+container, fmt.Sprintf(`{"paths":[{"path":%q}]}`, path),
		"Content-Type", patchType+"; charset=utf-8").want(t, http.StatusOK)
	require.Empty(t, a.at("errors"))
	return a.at("artifactContentInformation", path, "contentUri").(string)
}

// put sends a Put Blob as the reference does; later headers win.
func put(t testing.TB, srv *azuremltest.Server, uri, content string, header ...string) answer {
	t.Helper()
	sum := md5.Sum([]byte(content))
	a, err := try(srv, http.MethodPut, uri, content, append([]string{"x-ms-blob-type", "BlockBlob", "If-None-Match", "*", "x-ms-version", "2021-08-06",
		"Content-Type", "application/octet-stream", "Content-MD5", base64.StdEncoding.EncodeToString(sum[:])}, header...)...)
	require.NoError(t, err)
	return a
}

// upload makes an artifact with content and returns its id.
func upload(t testing.TB, srv *azuremltest.Server, container, path, content string) string {
	t.Helper()
	put(t, srv, createArtifact(t, srv, container, path), content).want(t, http.StatusCreated)
	return "LocalUpload/" + container + "/" + path
}

func TestCreateArtifacts(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	const batch = artifactURL + "/batch/metadata/LocalUpload/240501T100000-ab12cd34"
	a := do(t, srv, http.MethodPost, batch, `{"paths":[{"path":"mydir/a.pkl"},{"path":"mydir/sub dir/ü.txt"}]}`, "Content-Type", patchType).want(t, http.StatusOK)
	assert.Equal(t, "LocalUpload/240501T100000-ab12cd34/mydir/a.pkl", a.at("artifacts", "mydir/a.pkl", "artifactId"))
	assert.Equal(t, "LocalUpload", a.at("artifacts", "mydir/a.pkl", "origin"))
	assert.Equal(t, "240501T100000-ab12cd34", a.at("artifacts", "mydir/a.pkl", "container"))
	assert.Equal(t, "mydir/a.pkl", a.at("artifacts", "mydir/a.pkl", "path"))
	assert.NotEmpty(t, a.at("artifacts", "mydir/a.pkl", "etag"))
	assert.Equal(t, map[string]any{}, a.at("errors"))

	account := strings.TrimPrefix(do(t, srv, http.MethodGet, workspaceURL+version, "").at("properties", "storageAccount").(string),
		"/subscriptions/"+azuremltest.SubscriptionID+"/resourcegroups/rg-ml/providers/microsoft.storage/storageaccounts/")
	uri := a.at("artifactContentInformation", "mydir/sub dir/ü.txt", "contentUri").(string)
	assert.True(t, strings.HasPrefix(uri, "https://"+account+".blob.core.windows.net/azureml/LocalUpload/240501T100000-ab12cd34/mydir/sub%20dir/%C3%BC.txt?sv=2019-07-07&sr=b&sig="), uri)
	assert.True(t, strings.HasSuffix(uri, "&sp=rcw"), uri)

	// Those that exist are errors in an answer that says 200; the others are made.
	b := do(t, srv, http.MethodPost, batch, `{"paths":[{"path":"mydir/a.pkl"},{"path":"new"},{"path":"../x"}]}`, "Content-Type", patchType).want(t, http.StatusOK)
	assert.Equal(t, "Resource Conflict: ArtifactId LocalUpload/240501T100000-ab12cd34/mydir/a.pkl already exists.", b.at("errors", "mydir/a.pkl", "error", "message"))
	assert.Equal(t, "UserError", b.at("errors", "mydir/a.pkl", "error", "code"))
	assert.Equal(t, "Conflict", b.at("errors", "mydir/a.pkl", "error", "innerError", "code"))
	assert.Equal(t, "artifact", b.at("errors", "mydir/a.pkl", "componentName"))
	assert.Equal(t, "The artifact path '../x' is invalid.", b.at("errors", "../x", "error", "message"))
	assert.NotNil(t, b.at("artifacts", "new"))
	assert.Nil(t, b.at("artifacts", "mydir/a.pkl"))
}

func TestCreateArtifactsRefused(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	const batch = artifactURL + "/batch/metadata/LocalUpload/c"
	many := strings.TrimSuffix(strings.Repeat(`{"path":"x"},`, 51), ",")
	a := do(t, srv, http.MethodPost, batch, `{"paths":[`+many+`]}`, "Content-Type", patchType).want(t, http.StatusBadRequest)
	assert.Equal(t, "The number of paths must be between 1 and 50; there are 51.", a.at("error", "message"))
	assert.Equal(t, "UserError", a.at("error", "code"))
	do(t, srv, http.MethodPost, batch, `{"paths":[]}`, "Content-Type", patchType).want(t, http.StatusBadRequest)
	do(t, srv, http.MethodPost, batch, `{"paths":`, "Content-Type", patchType).want(t, http.StatusBadRequest)
	do(t, srv, http.MethodPost, batch, `{}`, "Content-Type", "text/plain").want(t, http.StatusUnsupportedMediaType)
	do(t, srv, http.MethodPost, strings.Replace(batch, "LocalUpload", "Elsewhere", 1), `{"paths":[{"path":"x"}]}`).want(t, http.StatusBadRequest)
	do(t, srv, http.MethodPost, strings.Replace(batch, azuremltest.WorkspaceName, "nope", 1), `{}`).want(t, http.StatusNotFound)
	anonymous, err := try(srv, http.MethodPost, batch, `{}`)
	require.NoError(t, err)
	anonymous.want(t, http.StatusUnauthorized)
}

func TestFindArtifacts(t *testing.T) {
	t.Parallel()
	srv := newServer(t, &azuremltest.Options{PageSize: 2})
	for _, p := range []string{"dir/a", "dir/b c", "dir/sub/d", "dirt", "e"} {
		upload(t, srv, "c1", p, "content of "+p)
	}
	// pages of two, until there is no token
	pages := func(url string) (paths []string, n int) {
		token := ""
		for {
			n++
			a := do(t, srv, http.MethodGet, url+"?continuationToken="+escaped(token), "").want(t, http.StatusOK)
			for _, v := range a.at("value").([]any) {
				paths = append(paths, v.(map[string]any)["path"].(string))
			}
			next, _ := a.at("continuationToken").(string)
			if token = next; token == "" {
				return paths, n
			}
		}
	}
	paths, n := pages(artifactURL + "/prefix/contentinfo/LocalUpload/c1/dir")
	assert.Equal(t, []string{"dir/a", "dir/b c", "dir/sub/d"}, paths)
	assert.Equal(t, 2, n)
	paths, _ = pages(artifactURL + "/prefix/contentinfo/LocalUpload/c1/dir/")
	assert.Len(t, paths, 3)
	paths, _ = pages(artifactURL + "/prefix/contentinfo/LocalUpload/c1/dir/b%20c")
	assert.Equal(t, []string{"dir/b c"}, paths)
	paths, _ = pages(artifactURL + "/prefix/contentinfo/LocalUpload/c1/nothing")
	assert.Empty(t, paths)
	paths, n = pages(artifactURL + "/LocalUpload/c1")
	assert.Equal(t, []string{"dir/a", "dir/b c", "dir/sub/d", "dirt", "e"}, paths)
	assert.Equal(t, 3, n)
	do(t, srv, http.MethodGet, artifactURL+"/LocalUpload/c1?continuationToken=!", "").want(t, http.StatusBadRequest)

	info := do(t, srv, http.MethodGet, artifactURL+"/contentinfo/LocalUpload/c1/dir/b%20c", "").want(t, http.StatusOK)
	read, err := try(srv, http.MethodGet, info.at("contentUri").(string), "")
	require.NoError(t, err)
	assert.Equal(t, "content of dir/b c", read.want(t, http.StatusOK).text)
	put(t, srv, info.at("contentUri").(string), "x").want(t, http.StatusForbidden)

	write := do(t, srv, http.MethodGet, artifactURL+"/write/LocalUpload/c1/e", "").want(t, http.StatusOK)
	put(t, srv, write.at("contentUri").(string), "x", "If-None-Match", "").want(t, http.StatusCreated)

	missing := do(t, srv, http.MethodGet, artifactURL+"/contentinfo/LocalUpload/c1/nope", "").want(t, http.StatusNotFound)
	assert.Equal(t, "Resource NotFound: ArtifactId LocalUpload/c1/nope does not exist.", missing.at("error", "message"))
}

func TestArtifactMetadata(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	id := upload(t, srv, "c1", "dir/a", "x")
	const url = artifactURL + "/metadata/LocalUpload/c1/dir/a"
	assert.Equal(t, id, do(t, srv, http.MethodGet, url, "").want(t, http.StatusOK).at("artifactId"))
	do(t, srv, http.MethodDelete, url, "").want(t, http.StatusOK)
	do(t, srv, http.MethodGet, url, "").want(t, http.StatusNotFound)
	do(t, srv, http.MethodDelete, url, "").want(t, http.StatusNotFound)
	_, there := srv.Blob(id)
	assert.True(t, there, "the bytes are kept unless hardDelete says otherwise")

	id = upload(t, srv, "c1", "dir/b", "y")
	do(t, srv, http.MethodDelete, artifactURL+"/metadata/LocalUpload/c1/dir/b?hardDelete=true", "").want(t, http.StatusOK)
	_, there = srv.Blob(id)
	assert.False(t, there)
}

// escaped escapes a query value.
func escaped(text string) string { return url.QueryEscape(text) }

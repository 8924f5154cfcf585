package model

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
)

// TestImageRequestSecrets: they are in the JSON that is sent, and in nothing printed.
func TestImageRequestSecrets(t *testing.T) {
	t.Parallel()
	e := NewEnvironment("e")
	e.Docker.BaseImageRegistry = ContainerRegistry{Username: "u", Password: azureml.NewSecret("PLANTED")}
	image := &ImageRequest{ModelIDs: []string{}, Environment: e.body()}
	data, err := json.Marshal(image)
	require.NoError(t, err)
	assert.Contains(t, string(data), `"password":"PLANTED"`)
	assert.Contains(t, string(data), `"modelIds":[]`)
	assert.NotContains(t, fmt.Sprintf("%v %+v %#v %s", image, *image, *image, image.Environment), "PLANTED")
}

func TestOurs(t *testing.T) {
	t.Parallel()
	at := time.Date(2024, 6, 10, 6, 13, 20, 0, time.UTC)
	withCode := newSentDeployment(&ImageRequest{Assets: []ImageAsset{{URL: "aml://artifact/a"}, {URL: "aml://artifact/b"}}, ModelIDs: []string{"m:1"}}, nil, time.Time{})
	noCode := newSentDeployment(&ImageRequest{ModelIDs: []string{"m:1"}}, map[string]any{"computeName": "AKS", "kvTags": map[string]any{"a": "b"}}, at)
	overwriting := newSentDeployment(&ImageRequest{ModelIDs: []string{"m:1"}}, map[string]any{"computeName": "AKS", "kvTags": map[string]any{"a": "b"}}, time.Time{})
	for _, c := range []struct {
		name string
		sent sentDeployment
		body string
		want bool
	}{
		{"second file", withCode, `{"environmentImageRequest":{"assets":[{"url":"aml://artifact/x"},{"url":"aml://artifact/b"}]}}`, true},
		{"version of an endpoint", withCode, `{"versions":{"v":null,"w":{"environmentImageRequest":{"assets":[{"url":"aml://artifact/a"}]}}}}`, true},
		{"other files", withCode, `{"environmentImageRequest":{"assets":[{"url":"aml://artifact/x"}],"modelIds":["m:1"]}}`, false},
		{"nothing", withCode, `{}`, false},
		{"nulls", withCode, `{"environmentImageRequest":null,"versions":null}`, false},
		{"no code", noCode, `{"createdTime":"2024-06-10T06:13:30Z","computeName":"aks","kvTags":{"a":"b"},"environmentImageRequest":{"modelIds":["m:1"]}}`, true},
		{"older", noCode, `{"createdTime":"2024-06-10T06:11:30Z","computeName":"aks","kvTags":{"a":"b"},"environmentImageRequest":{"modelIds":["m:1"]}}`, false},
		{"undated", noCode, `{"computeName":"aks","kvTags":{"a":"b"},"environmentImageRequest":{"modelIds":["m:1"]}}`, false},
		{"other compute", noCode, `{"createdTime":"2024-06-10T06:13:30Z","computeName":"x","kvTags":{"a":"b"},"environmentImageRequest":{"modelIds":["m:1"]}}`, false},
		{"other tags", noCode, `{"createdTime":"2024-06-10T06:13:30Z","computeName":"aks","kvTags":{"a":"c"},"environmentImageRequest":{"modelIds":["m:1"]}}`, false},
		{"other model", noCode, `{"createdTime":"2024-06-10T06:13:30Z","computeName":"aks","kvTags":{"a":"b"},"environmentImageRequest":{"modelIds":["m:2"]}}`, false},
		{"name not asked for", overwriting, `{"createdTime":"2024-06-10T06:13:30Z","computeName":"aks","kvTags":{"a":"b"},"environmentImageRequest":{"modelIds":["m:1"]}}`, false},
	} {
		var s service
		require.NoError(t, json.Unmarshal([]byte(c.body), &s), c.name)
		assert.Equal(t, c.want, c.sent.ours(s), c.name)
	}
}

// TestVariables: what an earlier use of an environment left in it does not count.
func TestVariables(t *testing.T) {
	t.Parallel()
	e := NewEnvironment("e")
	e.EnvironmentVariables = map[string]string{"A": "B", sourceVariable: "old", scriptVariable: "old/x.py"}
	got := code{entry: "score.py"}.inEnvironment(e)
	assert.Equal(t, map[string]string{"A": "B", scriptVariable: "score.py"}, got.EnvironmentVariables)
	got = code{entry: "src/score.py", directory: "src"}.inEnvironment(&Environment{})
	assert.Equal(t, map[string]string{sourceVariable: "src", scriptVariable: "src/score.py"}, got.EnvironmentVariables)
}

func TestGitFolder(t *testing.T) {
	t.Parallel()
	assert.Equal(t, ".", imagePlan{}.gitFolder(nil))
	assert.Equal(t, "s", imagePlan{}.gitFolder(&InferenceConfig{SourceDirectory: "s"}))
	assert.Equal(t, "a/b", imagePlan{code: code{script: file{local: "a/b/score.py"}}}.gitFolder(&InferenceConfig{}))
}

package compute

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
)

func TestProvisioningErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		body string
		want []azureml.ErrorDetail
	}{
		{`null`, nil},
		{`[]`, nil},
		{`[{"error":null}]`, nil},
		{
			`[{"error":{"code":"BadArgument","message":"Cluster should have at least 12 cores to operate.","details":[{"code":"AgentCores","message":"few","target":"t"}]}}]`,
			[]azureml.ErrorDetail{{Code: "BadArgument", Message: "Cluster should have at least 12 cores to operate."}, {Code: "AgentCores", Message: "few", Target: "t"}},
		},
		{`{"code":"A","message":"a"}`, []azureml.ErrorDetail{{Code: "A", Message: "a"}}},
		{`["just text"]`, []azureml.ErrorDetail{{Message: "just text"}}},
		{
			`[{"error":{"code":"BadArgument","message":"InvalidTemplateDeployment: Details: {\"error\":{\"code\":\"SkuNotAvailable\",\"message\":\"no such size here\"}}"}}]`,
			[]azureml.ErrorDetail{{Code: "BadArgument", Message: "InvalidTemplateDeployment: Details"}, {Code: "SkuNotAvailable", Message: "no such size here"}},
		},
		{`[{"error":{"message":"{not json"}}]`, []azureml.ErrorDetail{{Message: "{not json"}}},
	} {
		assert.Equal(t, c.want, provisioningErrors(json.RawMessage(c.body)), c.body)
	}
}

func TestScrub(t *testing.T) {
	t.Parallel()
	var r resource
	require.NoError(t, json.Unmarshal([]byte(`{"name":"x","tags":{"key":"kept"},"properties":{"computeType":"AKS","big":12345678901234567890,"properties":{
		"sslConfiguration":{"status":"Enabled","key":"PRIVATE","cert":"public"},
		"userAccountCredentials":{"adminUserName":"a","adminUserPassword":"PRIVATE"},
		"administratorAccount":[{"privateKeyData":"PRIVATE","password":null}]}}}`), &r))
	c := r.snapshot(nil, "")
	data, err := json.Marshal(c)
	require.NoError(t, err)
	assert.NotContains(t, string(data), "PRIVATE")
	assert.Contains(t, string(c.Raw), `"cert":"public"`)
	assert.Contains(t, string(c.Raw), `"key":"kept"`)
	assert.Contains(t, string(c.Raw), `12345678901234567890`)
	assert.Contains(t, string(c.Properties), `"key":"[redacted]"`)

	clean := json.RawMessage(`{ "a": 1.0 }`)
	assert.Equal(t, string(clean), string(scrub(clean)), "JSON without secrets stays as it is")
}

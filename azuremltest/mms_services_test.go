package azuremltest_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDeployAKS(t *testing.T) {
	t.Parallel()
	srv := newServiceWorld(t, nil)
	image := codeImage(t, srv, "def run(data): pass")
	started := create(t, srv, aksRequest("myservice", "environmentImageRequest", image, "kvTags", object{"team": "ml"}, "properties", object{"p": "q"}, "description", "demo"))
	assert.Equal(t, "1.0, 2018-03-01-preview, 2018-11-19", started.header.Get("api-supported-versions"))

	early := get(t, srv, "myservice")
	assert.Equal(t, "Transitioning", early.at("state"))
	assert.Nil(t, early.at("scoringUri"))
	assert.Nil(t, early.at("deploymentStatus"))

	states, last := settle(t, srv, started)
	assert.Equal(t, []string{"NotStarted", "Running", "Succeeded"}, states)
	assert.Equal(t, "Service", last.at("operationType"))
	assert.Equal(t, "/api"+scope+"/services/myservice", last.at("resourceLocation"))
	assert.Equal(t, "DeployService", last.at("operationDetails", "subOperationType"))
	assert.Equal(t, "Succeeded", last.at("operationDetails", "subOperationState"))
	assert.Nil(t, last.at("error"))

	a := get(t, srv, "myservice")
	host := strings.TrimPrefix(srv.Computes(defaultWorkspace)[0].ScoringURL, "http://")
	for key, want := range map[string]any{
		"id": "myservice", "name": "myservice", "description": "demo", "kvTags": object{"team": "ml"},
		"properties":  object{"p": "q", "hasInferenceSchema": "False", "hasHttps": "False"},
		"operationId": last.at("id"), "state": "Healthy", "error": nil, "computeType": "AKS", "deploymentType": "HttpRealtimeEndpoint",
		"isDefault": true, "trafficPercentile": 100.0, "type": "Control", "imageId": nil,
		"containerResourceRequirements":     object{"cpu": 0.1, "cpuLimit": 0.1, "memoryInGB": 0.5, "memoryInGBLimit": 0.5, "gpu": nil, "fpga": nil},
		"maxConcurrentRequestsPerContainer": 1.0, "maxQueueWaitMs": 500.0, "computeName": "aks", "namespace": "azureml-ml-example", "numReplicas": nil,
		"dataCollection": object{"eventHubEnabled": false, "storageEnabled": false}, "appInsightsEnabled": false,
		"autoScaler":                object{"autoscaleEnabled": true, "minReplicas": 1.0, "maxReplicas": 10.0, "targetUtilization": 70.0, "refreshPeriodInSeconds": 1.0},
		"scoringUri":                "http://" + host + ":80/api/v1/service/myservice/score",
		"swaggerUri":                "http://" + host + ":80/api/v1/service/myservice/swagger.json",
		"deploymentStatus":          object{"desiredReplicas": 1.0, "updatedReplicas": 1.0, "availableReplicas": 1.0, "error": nil},
		"scoringTimeoutMs":          60000.0,
		"livenessProbeRequirements": object{"failureThreshold": 3.0, "successThreshold": 1.0, "timeoutSeconds": 2.0, "periodSeconds": 10.0, "initialDelaySeconds": 310.0},
		"authEnabled":               true, "aadAuthEnabled": false, "modelConfigMap": object{"m:1": object{"frameworkVersion": nil}},
	} {
		assert.Contains(t, a.body, key)
		assert.Equal(t, want, a.at(key), key)
	}
	assert.Equal(t, "m:1", a.at("models", 0, "id"))
	assert.Contains(t, a.at("models", 0), "tags")
	assert.Regexp(t, "^sha256:[0-9a-f]{64}$", a.at("imageDigest"))
	assert.NotEmpty(t, a.at("createdBy", "userTenantId"))
	assert.NotContains(t, a.body, "imageDetails")
	assert.NotContains(t, a.body, "keys")
	var sent any
	require.NoError(t, json.Unmarshal([]byte(jsonOf(t, with(image, "models", []any{}, "environmentReference", nil))), &sent))
	assert.Equal(t, sent, a.at("environmentImageRequest"), "the image request is shown as it was sent")

	known := srv.Services(defaultWorkspace)
	require.Len(t, known, 1)
	assert.Equal(t, "Healthy", known[0].State)
	assert.Equal(t, a.at("scoringUri"), known[0].ScoringURL)
	assert.Equal(t, last.at("id"), known[0].OperationID)
	assert.Equal(t, []string{"m:1"}, known[0].ModelIDs)
	assert.Equal(t, map[string]string{"p": "q"}, known[0].Properties)
}

func TestDeployWithEverything(t *testing.T) {
	t.Parallel()
	srv := newServiceWorld(t, nil)
	a := deploy(t, srv, aksRequest("myservice", "numReplicas", 3, "autoScaler", object{"autoscaleEnabled": false},
		"containerResourceRequirements", object{"cpu": 1, "cpuLimit": 2, "memoryInGB": 1, "memoryInGBLimit": 2, "gpu": 0},
		"dataCollection", object{"storageEnabled": true, "eventHubEnabled": false}, "appInsightsEnabled", true, "namespace", "ns1",
		"maxConcurrentRequestsPerContainer", 4, "maxQueueWaitMs", 1000, "scoringTimeoutMs", 300000, "authEnabled", false, "aadAuthEnabled", true,
		"storageInitEnabled", false, "livenessProbeRequirements", object{"initialDelaySeconds": 1, "periodSeconds": 2, "failureThreshold": 3, "successThreshold": 4, "timeoutSeconds": 5}))
	for key, want := range map[string]any{
		"numReplicas": 3.0, "appInsightsEnabled": true, "namespace": "ns1", "maxConcurrentRequestsPerContainer": 4.0, "maxQueueWaitMs": 1000.0,
		"scoringTimeoutMs": 300000.0, "authEnabled": false, "aadAuthEnabled": true,
		"containerResourceRequirements": object{"cpu": 1.0, "cpuLimit": 2.0, "memoryInGB": 1.0, "memoryInGBLimit": 2.0, "gpu": 0.0, "fpga": nil},
		"dataCollection":                object{"eventHubEnabled": false, "storageEnabled": true},
		"livenessProbeRequirements":     object{"failureThreshold": 3.0, "successThreshold": 4.0, "timeoutSeconds": 5.0, "periodSeconds": 2.0, "initialDelaySeconds": 1.0},
		"deploymentStatus":              object{"desiredReplicas": 3.0, "updatedReplicas": 3.0, "availableReplicas": 3.0, "error": nil},
	} {
		assert.Equal(t, want, a.at(key), key)
	}
	assert.Equal(t, false, a.at("autoScaler", "autoscaleEnabled"))
}

func TestDeployACI(t *testing.T) {
	t.Parallel()
	srv := newServiceWorld(t, nil)
	a := deploy(t, srv, aciRequest("my-aci"))
	assert.Equal(t, "ACI", a.at("computeType"))
	assert.Equal(t, "westeurope", a.at("location"))
	assert.Equal(t, false, a.at("authEnabled"))
	assert.Equal(t, false, a.at("sslEnabled"))
	assert.Equal(t, 0.1, a.at("containerResourceRequirements", "cpu"))
	assert.Equal(t, 0.5, a.at("containerResourceRequirements", "memoryInGB"))
	assert.Regexp(t, `^http://[0-9a-f-]{36}\.westeurope\.azurecontainer\.io/score$`, a.at("scoringUri"))
	assert.Regexp(t, `^[0-9a-f-]{36}\.westeurope\.azurecontainer\.io$`, a.at("publicFqdn"))
	assert.NotEmpty(t, a.at("publicIp"))
	for _, key := range []string{"cname", "sslCertificate", "sslKey", "vnetConfiguration", "encryptionProperties", "dnsNameLabel"} {
		assert.Contains(t, a.body, key)
		assert.Nil(t, a.at(key))
	}

	const pem = "-----BEGIN CERTIFICATE-----\nFAKE\n-----END CERTIFICATE-----\n"
	b := deploy(t, srv, aciRequest("tls", "sslEnabled", true, "sslCertificate", pem, "sslKey", pem, "cname", "ml.contoso.example",
		"dnsNameLabel", "mylabel", "location", "westus2", "encryptionProperties", object{"vaultBaseUrl": "https://kv1.vault.example", "keyName": "k1", "keyVersion": "1"}))
	assert.Equal(t, "https://ml.contoso.example/score", b.at("scoringUri"))
	assert.Equal(t, "mylabel.westus2.azurecontainer.io", b.at("publicFqdn"))
	assert.Equal(t, "True", b.at("properties", "hasHttps"))
	assert.Equal(t, "k1", b.at("encryptionProperties", "keyName"))

	taken := create(t, srv, aciRequest("other", "dnsNameLabel", "mylabel", "location", "westus2"))
	wantMMSError(t, taken, http.StatusBadRequest, "DnsNameLabelNotAvailable", "'mylabel' is not available in region 'westus2'")

	c := deploy(t, srv, aciRequest("vnet", "vnetConfiguration", object{"vnetName": "v", "subnetName": "s"}))
	assert.Nil(t, c.at("publicFqdn"))
	assert.Equal(t, "http://"+c.at("publicIp").(string)+"/score", c.at("scoringUri"))
}

func TestDeployEndpoint(t *testing.T) {
	t.Parallel()
	srv := newServiceWorld(t, nil)
	a := deploy(t, srv, endpointRequest("myendpoint", "versiona", "kvTags", object{"sklearn": "demo"}, "appInsightsEnabled", true, "namespace", "endpointns"))
	host := strings.TrimPrefix(srv.Computes(defaultWorkspace)[0].ScoringURL, "http://")
	for key, want := range map[string]any{
		"name": "myendpoint", "computeType": "AKSENDPOINT", "state": "Healthy", "computeName": "aks", "namespace": "endpointns",
		"appInsightsEnabled": true, "authEnabled": true, "aadAuthEnabled": false, "kvTags": object{"sklearn": "demo"},
		"scoringUri": "http://" + host + ":80/api/v1/service/myendpoint/score",
	} {
		assert.Equal(t, want, a.at(key), key)
	}
	assert.NotContains(t, a.body, "models")
	assert.Len(t, a.at("versions"), 1)
	for key, want := range map[string]any{
		"name": "versiona", "computeType": "AKS", "isDefault": true, "trafficPercentile": 20.0, "type": "Control", "state": "Healthy",
		"namespace": "endpointns", "appInsightsEnabled": true, "computeName": "aks", "authEnabled": true,
	} {
		assert.Equal(t, want, a.at("versions", "versiona", key), key)
	}
	for _, key := range []string{"autoScaler", "containerResourceRequirements", "dataCollection", "livenessProbeRequirements", "createdTime", "numReplicas", "environmentImageRequest", "scoringUri"} {
		assert.Contains(t, a.at("versions", "versiona"), key)
	}
}

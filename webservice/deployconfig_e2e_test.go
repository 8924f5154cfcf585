package webservice_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/webservice"
)

// deployFiles deploys a new model as both files say and gives the service and the
// request that made it.
func deployFiles(t *testing.T, w world, name string, o *webservice.LoadDeployConfigurationOptions, deployment string) (webservice.Webservice, map[string]any) {
	t.Helper()
	m, err := model.RegisterReader(t.Context(), w.ws, "filemodel", "model.bin", strings.NewReader("…"), nil)
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "score.py"), []byte("def init(): pass\ndef run(data): return data\n"), 0o600))
	path := filepath.Join(dir, "inferenceconfig.json")
	require.NoError(t, os.WriteFile(path, []byte(`{"entryScript":"score.py","runtime":"python"}`), 0o600))
	inference, err := model.LoadInferenceConfig(path, nil)
	require.NoError(t, err)
	config, err := webservice.LoadDeployConfiguration(deployment, o)
	require.NoError(t, err)

	p, err := model.BeginDeploy(t.Context(), w.ws, name, []*model.Model{m}, inference, config, nil)
	require.NoError(t, err)
	svc, err := azureml.Wait(t.Context(), p, nil)
	require.NoError(t, err)
	assert.Equal(t, webservice.StateHealthy, svc.Common().State)
	var sent map[string]any
	for _, r := range w.srv.Requests() {
		if r.Method == "POST" && strings.HasSuffix(r.URL.Path, "/services") {
			require.NoError(t, json.Unmarshal(r.Body, &sent))
		}
	}
	require.NotNil(t, sent)
	return svc, sent
}

// holds fails unless have has all members of want, deeply.
func holds(t *testing.T, want string, have any) {
	t.Helper()
	var members map[string]any
	require.NoError(t, json.Unmarshal([]byte(want), &members))
	object, ok := have.(map[string]any)
	require.True(t, ok)
	for key, value := range members {
		assert.Equal(t, value, object[key], key)
	}
}

const keysOfSamples = `"keys":{"primaryKey":"first-key-of-the-sample","secondaryKey":"second-key-of-the-sample"}`

func TestDeployFilesOnAks(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, w world) {
		svc, sent := deployFiles(t, w, "myservice", &webservice.LoadDeployConfigurationOptions{Tags: map[string]string{"a": "b"}}, sample("aks-all.json"))
		assert.IsType(t, (*webservice.AksWebservice)(nil), svc)
		holds(t, `{"computeType":"AKS","computeName":"myaks","kvTags":{"a":"b"},"authEnabled":true,"aadAuthEnabled":false,"appInsightsEnabled":true,
			"containerResourceRequirements":{"cpu":0.5,"cpuLimit":1,"memoryInGB":1.5,"memoryInGBLimit":2,"gpu":0},"numReplicas":null,
			"autoScaler":{"autoscaleEnabled":true,"minReplicas":2,"maxReplicas":5,"refreshPeriodInSeconds":3,"targetUtilization":60},
			"dataCollection":{"storageEnabled":true,"eventHubEnabled":false},"scoringTimeoutMs":30000,"maxConcurrentRequestsPerContainer":4,"maxQueueWaitMs":250,
			"livenessProbeRequirements":{"periodSeconds":11,"initialDelaySeconds":120,"timeoutSeconds":4,"successThreshold":2,"failureThreshold":5},
			"namespace":"scoring",`+keysOfSamples+`}`, sent)
	})
}

func TestDeployFilesOnEndpoint(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, w world) {
		o := &webservice.LoadDeployConfigurationOptions{ComputeTarget: "myaks"}
		svc, sent := deployFiles(t, w, "myendpoint", o, sample("endpoint-all.json"))
		endpoint, ok := svc.(*webservice.AksEndpoint)
		require.True(t, ok, "%T", svc)
		assert.Contains(t, endpoint.Versions, "version-a")
		holds(t, `{"computeType":"AKSENDPOINT","computeName":"myaks","authEnabled":true,"namespace":"scoring"}`, sent)

		// The look at the cluster's other endpoints is made through the file, too.
		config, err := webservice.LoadDeployConfiguration(sample("endpoint-all.json"), o)
		require.NoError(t, err)
		_, err = model.BeginDeploy(t.Context(), w.ws, "otherendpoint", []*model.Model{w.m}, nil, config, nil)
		require.ErrorIs(t, err, azureml.ErrConflict)
	})
}

func TestDeployFilesOnAci(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, w world) {
		// The samples' own are no PEM text, for which searches for secrets would raise the alarm.
		certificate, key := pem("CERTIFICATE"), pem("PRIVATE KEY")
		svc, sent := deployFiles(t, w, "myaci", &webservice.LoadDeployConfigurationOptions{Set: map[string]any{
			"sslCertificate": deployFile(t, "cert.pem", certificate), "sslKey": deployFile(t, "key.pem", key),
		}}, sample("aci-all.json"))
		assert.Equal(t, certificate, sent["sslCertificate"])
		assert.Equal(t, key, sent["sslKey"])
		assert.IsType(t, (*webservice.AciWebservice)(nil), svc)
		holds(t, `{"computeType":"ACI","location":"westeurope","authEnabled":true,"appInsightsEnabled":true,"containerResourceRequirements":{"cpu":0.5,"memoryInGB":1.5},
			"sslEnabled":true,"cname":"score.example.com","dnsNameLabel":"score",
			"encryptionProperties":{"vaultBaseUrl":"https://myvault.vault.azure.net/","keyName":"disk","keyVersion":"1"},
			"vnetConfiguration":{"vnetName":"net","subnetName":"sub"},`+keysOfSamples+`}`, sent)
	})
}

func pem(kind string) string {
	return "-----BEGIN " + kind + "-----\nAAAA\n-----END " + kind + "-----\n"
}

// TestDeployFilesWithoutCluster: a file need not name the cluster, a deployment must.
func TestDeployFilesWithoutCluster(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, w world) {
		config, err := webservice.LoadDeployConfiguration(sample("published-aks.json"), nil)
		require.NoError(t, err)
		_, err = model.BeginDeploy(t.Context(), w.ws, "myservice", []*model.Model{w.m}, nil, config, nil)
		require.EqualError(t, err, `azureml: cannot deploy web service "myservice": ComputeTarget is required`)

		aks, ok := config.Typed().(webservice.AksDeployConfiguration)
		require.True(t, ok)
		aks.ComputeTarget = "myaks"
		svc, err := deploy(t, w, "myservice", aks)
		require.NoError(t, err)
		assert.Equal(t, "myaks", svc.ComputeName)
	})
}

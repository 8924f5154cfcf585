package webservice_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

// payloader is what both configurations have in common.
type payloader interface {
	DeployPayload(r model.DeployRequest) (any, error)
}

// TestPayloads compares what is sent with what azureml-core 1.51.0 sends, and with the
// contract's examples that have everything set.
func TestPayloads(t *testing.T) {
	t.Parallel()
	cert, key := filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	require.NoError(t, os.WriteFile(cert, []byte("fake certificate\r\n"), 0o600))
	require.NoError(t, os.WriteFile(key, []byte("fake key\n"), 0o600))
	pem := func(kind string) string { return "-----BEGIN " + kind + "-----\nFAKE\n-----END " + kind + "-----\n" }
	for name, test := range map[string]struct {
		request model.DeployRequest
		config  payloader
	}{
		"webservice_aks_deploy_default": {model.DeployRequest{Name: "churn-svc"}, webservice.AksDeployConfiguration{ComputeTarget: "aks-prod"}},
		"webservice_aks_deploy_autoscale": {model.DeployRequest{Name: "churn-svc"}, webservice.AksDeployConfiguration{
			ComputeTarget: "aks-prod", AutoscaleEnabled: to.Ptr(true), AutoscaleMinReplicas: 2, AutoscaleMaxReplicas: 8,
			AutoscaleTargetUtilization: 60, AutoscaleRefresh: 5 * time.Second,
		}},
		"webservice_aks_deploy_token_auth":    {model.DeployRequest{Name: "churn-svc"}, webservice.AksDeployConfiguration{ComputeTarget: "aks-prod", TokenAuthEnabled: to.Ptr(true)}},
		"webservice_aks_deploy_auth_disabled": {model.DeployRequest{Name: "churn-svc"}, webservice.AksDeployConfiguration{ComputeTarget: "aks-prod", AuthEnabled: to.Ptr(false)}},
		"webservice_aks_deploy_overwrite":     {model.DeployRequest{Name: "churn-svc", Overwrite: true}, webservice.AksDeployConfiguration{ComputeTarget: "aks-prod", NumReplicas: 2}},
		"contract_aks": {model.DeployRequest{Name: "myservice", Overwrite: true}, webservice.AksDeployConfiguration{
			ComputeTarget: "myaks", Description: "demo", Tags: map[string]string{"team": "ml"}, Properties: map[string]string{"p": "q"},
			CollectModelData: to.Ptr(true), EnableAppInsights: to.Ptr(true), AutoscaleEnabled: to.Ptr(true), AutoscaleMinReplicas: 1, AutoscaleMaxReplicas: 3,
			AutoscaleTargetUtilization: 70, AutoscaleRefresh: 10 * time.Second, CPUCores: 1, CPUCoresLimit: 2, MemoryGB: 1, MemoryGBLimit: 2, GPUCores: to.Ptr(0),
			ReplicaMaxConcurrentRequests: 1, MaxRequestWaitTime: 500 * time.Millisecond, Namespace: "ns1", ScoringTimeout: time.Minute,
			AuthEnabled: to.Ptr(true), TokenAuthEnabled: to.Ptr(false), BlobfuseEnabled: to.Ptr(true),
			LivenessProbe: webservice.LivenessProbe{InitialDelay: 310 * time.Second, Period: 10 * time.Second, FailureThreshold: 3, SuccessThreshold: 1, Timeout: 2 * time.Second},
			PrimaryKey:    azureml.NewSecret("FAKEPK"), SecondaryKey: azureml.NewSecret("FAKESK"),
		}},
		"aci_deploy_default": {model.DeployRequest{Name: "churn-aci"}, webservice.AciDeployConfiguration{}},
		"aci_deploy_options": {model.DeployRequest{Name: "churn-aci"}, webservice.AciDeployConfiguration{
			CPUCores: 1, MemoryGB: 2, AuthEnabled: to.Ptr(true), EnableAppInsights: to.Ptr(true), CollectModelData: to.Ptr(true), DNSNameLabel: "churn-test",
			Description: "on ACI", Tags: map[string]string{"team": "ml"}, Properties: map[string]string{"build": "42"}, Location: "northeurope",
			PrimaryKey: azureml.NewSecret("my-primary-key"), SecondaryKey: azureml.NewSecret("my-secondary-key"),
		}},
		"aci_deploy_ssl": {model.DeployRequest{Name: "churn-aci"}, webservice.AciDeployConfiguration{
			SSL: &webservice.AciSslConfiguration{CName: "www.contoso.com", CertPEMFile: cert, KeyPEMFile: key},
		}},
		"contract_aci": {model.DeployRequest{Name: "my-aci", Overwrite: true}, webservice.AciDeployConfiguration{
			Description: "d", Tags: map[string]string{"a": "b"}, Properties: map[string]string{"p": "q"}, Location: "westus2", CPUCores: 1, MemoryGB: 2,
			AuthEnabled: to.Ptr(true), EnableAppInsights: to.Ptr(true), CollectModelData: to.Ptr(true), DNSNameLabel: "mylabel",
			SSL:        &webservice.AciSslConfiguration{CName: "ml.contoso.example", CertPEM: pem("CERTIFICATE"), KeyPEM: azureml.NewSecret(pem("PRIVATE KEY"))},
			Encryption: &webservice.EncryptionProperties{VaultBaseURL: "https://kv1.vault.example", KeyName: "k1", KeyVersion: "00000000000000000000000000000001"},
			Vnet:       &webservice.VnetConfiguration{VnetName: "vnet1", SubnetName: "sub1"},
			PrimaryKey: azureml.NewSecret("FAKEPK"), SecondaryKey: azureml.NewSecret("FAKESK"),
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, err := os.ReadFile(filepath.Join("testdata", "payloads", name+".json"))
			require.NoError(t, err)
			test.request.Image = &model.ImageRequest{ModelIDs: []string{"churn:1"}}
			if strings.HasPrefix(name, "contract") {
				test.request.Image.ModelIDs = []string{"mymodel:1"}
			}
			payload, err := test.config.DeployPayload(test.request)
			require.NoError(t, err)
			got, err := json.Marshal(payload)
			require.NoError(t, err)
			var wantValue, gotValue map[string]any
			require.NoError(t, json.Unmarshal(want, &wantValue))
			require.NoError(t, json.Unmarshal(got, &gotValue))
			if name == "contract_aks" {
				assert.Equal(t, false, wantValue["storageInitEnabled"])
			}
			assert.Equal(t, wantValue, gotValue)
			shown := fmt.Sprintf("%v %+v %#v", payload, payload, payload)
			assert.NotContains(t, shown, "FAKEPK")
			assert.NotContains(t, shown, "my-primary-key")
			assert.NotContains(t, shown, "PRIVATE KEY")
		})
	}
}

func TestPayloadProperties(t *testing.T) {
	t.Parallel()
	given := map[string]string{"a": "mine"}
	payload, err := webservice.AksDeployConfiguration{ComputeTarget: "c", Properties: given}.DeployPayload(model.DeployRequest{
		Name: "svc", Properties: map[string]string{"a": "theirs", "b": "git"},
	})
	require.NoError(t, err)
	encoded, err := json.Marshal(payload)
	require.NoError(t, err)
	assert.Contains(t, string(encoded), `"properties":{"a":"mine","b":"git"}`)
	assert.Equal(t, map[string]string{"a": "mine"}, given)
}

func TestAksRules(t *testing.T) {
	t.Parallel()
	type config = webservice.AksDeployConfiguration
	for name, test := range map[string]struct {
		config config
		broken []string
	}{
		"defaults":                    {config{}, nil},
		"cpu -1":                      {config{CPUCores: -1}, []string{"CPUCores"}},
		"cpu limit too low":           {config{CPUCores: 2, CPUCoresLimit: 1}, []string{"CPUCoresLimit"}},
		"cpu limit alone":             {config{CPUCoresLimit: 1}, nil},
		"cpu limit alone, -1":         {config{CPUCoresLimit: -1}, []string{"CPUCoresLimit"}},
		"memory -1":                   {config{MemoryGB: -1}, []string{"MemoryGB"}},
		"memory limit too low":        {config{MemoryGB: 2, MemoryGBLimit: 1}, []string{"MemoryGBLimit"}},
		"memory limit alone, -1":      {config{MemoryGBLimit: -1}, []string{"MemoryGBLimit"}},
		"gpu -1":                      {config{GPUCores: to.Ptr(-1)}, []string{"GPUCores"}},
		"gpu 0":                       {config{GPUCores: to.Ptr(0)}, nil},
		"probe":                       {config{LivenessProbe: webservice.LivenessProbe{Period: -1, InitialDelay: time.Millisecond, Timeout: -time.Second, SuccessThreshold: -1, FailureThreshold: -1}}, []string{"LivenessProbe.Period", "LivenessProbe.InitialDelay", "LivenessProbe.Timeout", "LivenessProbe.SuccessThreshold", "LivenessProbe.FailureThreshold"}},
		"namespace":                   {config{Namespace: "Not_Valid"}, []string{"Namespace"}},
		"namespace of 63":             {config{Namespace: strings.Repeat("a", 63)}, nil},
		"namespace of 64":             {config{Namespace: strings.Repeat("a", 64)}, []string{"Namespace"}},
		"namespace that ends with -":  {config{Namespace: "a-"}, []string{"Namespace"}},
		"namespace with a line break": {config{Namespace: "a\n"}, []string{"Namespace"}},
		"scoring timeout":             {config{ScoringTimeout: -time.Second}, []string{"ScoringTimeout"}},
		"scoring timeout not whole":   {config{ScoringTimeout: 1500 * time.Microsecond}, []string{"ScoringTimeout"}},
		"concurrency":                 {config{ReplicaMaxConcurrentRequests: -1}, []string{"ReplicaMaxConcurrentRequests"}},
		"wait time":                   {config{MaxRequestWaitTime: -1}, []string{"MaxRequestWaitTime"}},
		"replicas":                    {config{NumReplicas: -1}, []string{"NumReplicas"}},
		"autoscale and replicas":      {config{AutoscaleEnabled: to.Ptr(true), NumReplicas: 2}, []string{"NumReplicas"}},
		"autoscale bounds":            {config{AutoscaleEnabled: to.Ptr(true), AutoscaleMinReplicas: 3, AutoscaleMaxReplicas: 2}, []string{"AutoscaleMaxReplicas"}},
		"autoscale negative":          {config{AutoscaleEnabled: to.Ptr(true), AutoscaleMinReplicas: -1, AutoscaleMaxReplicas: -1, AutoscaleRefresh: -1, AutoscaleTargetUtilization: -1}, []string{"AutoscaleMinReplicas", "AutoscaleMaxReplicas", "AutoscaleRefresh", "AutoscaleTargetUtilization"}},
		"autoscale target over 100":   {config{AutoscaleEnabled: to.Ptr(true), AutoscaleTargetUtilization: 150}, nil},
		"autoscale off":               {config{AutoscaleEnabled: to.Ptr(false)}, []string{"NumReplicas"}},
		"autoscale off with replicas": {config{AutoscaleEnabled: to.Ptr(false), NumReplicas: 1}, nil},
		"autoscale settings, not on":  {config{AutoscaleMinReplicas: 1, AutoscaleMaxReplicas: 1, AutoscaleRefresh: time.Second, AutoscaleTargetUtilization: 1}, []string{"AutoscaleMinReplicas", "AutoscaleMaxReplicas", "AutoscaleRefresh", "AutoscaleTargetUtilization"}},
		"keys and tokens":             {config{AuthEnabled: to.Ptr(true), TokenAuthEnabled: to.Ptr(true)}, []string{"TokenAuthEnabled"}},
		"neither keys nor tokens":     {config{AuthEnabled: to.Ptr(false), TokenAuthEnabled: to.Ptr(false)}, nil},
		"primary key alone":           {config{PrimaryKey: azureml.NewSecret("a")}, nil},
		"secondary key alone":         {config{SecondaryKey: azureml.NewSecret("planted")}, []string{"SecondaryKey"}},
		"a key with a line break":     {config{PrimaryKey: azureml.NewSecret("planted\n")}, []string{"PrimaryKey"}},
		"many at once":                {config{CPUCores: -1, MemoryGB: -1, NumReplicas: -1}, []string{"CPUCores", "MemoryGB", "NumReplicas"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.config.ComputeTarget = "aks-prod"
			_, err := test.config.DeployPayload(model.DeployRequest{Name: "churn-svc"})
			if test.broken == nil {
				require.NoError(t, err)
				return
			}
			assert.Equal(t, test.broken, fields(failure(t, err, azureml.ErrInvalid)))
		})
	}
}

func TestDataCollectionIsLeftOutUnlessOn(t *testing.T) {
	t.Parallel()
	for _, config := range []payloader{
		webservice.AksDeployConfiguration{ComputeTarget: "c", CollectModelData: to.Ptr(false)}, webservice.AciDeployConfiguration{CollectModelData: to.Ptr(false)},
	} {
		payload, err := config.DeployPayload(model.DeployRequest{Name: "svc"})
		require.NoError(t, err)
		encoded, err := json.Marshal(payload)
		require.NoError(t, err)
		assert.NotContains(t, string(encoded), "dataCollection")
	}
}

func TestAksNeedsACluster(t *testing.T) {
	t.Parallel()
	_, err := webservice.AksDeployConfiguration{CPUCores: -1}.DeployPayload(model.DeployRequest{Name: "svc"})
	assert.Equal(t, []string{"ComputeTarget", "CPUCores"}, fields(failure(t, err, azureml.ErrInvalid)))
}

func TestAciRules(t *testing.T) {
	t.Parallel()
	type config = webservice.AciDeployConfiguration
	type ssl = webservice.AciSslConfiguration
	empty := filepath.Join(t.TempDir(), "empty.pem")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	for name, test := range map[string]struct {
		config config
		broken []string
	}{
		"sizes":                {config{CPUCores: -1, MemoryGB: -1}, []string{"CPUCores", "MemoryGB"}},
		"ssl without anything": {config{SSL: &ssl{}}, []string{"SSL.CName", "SSL.CertPEM", "SSL.KeyPEM"}},
		"ssl twice":            {config{SSL: &ssl{CName: "a", CertPEM: "c", CertPEMFile: "f", KeyPEM: azureml.NewSecret("planted"), KeyPEMFile: "f"}}, []string{"SSL.CertPEMFile", "SSL.KeyPEMFile"}},
		"ssl files missing":    {config{SSL: &ssl{CName: "a", CertPEMFile: "missing.pem", KeyPEMFile: empty}}, []string{"SSL.CertPEMFile", "SSL.KeyPEMFile"}},
		"half a key":           {config{Encryption: &webservice.EncryptionProperties{KeyName: "a"}}, []string{"Encryption.VaultBaseURL", "Encryption.KeyVersion"}},
		"half a network":       {config{Vnet: &webservice.VnetConfiguration{VnetName: "a"}}, []string{"Vnet.SubnetName"}},
		"secondary key alone":  {config{SecondaryKey: azureml.NewSecret("planted")}, []string{"SecondaryKey"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := test.config.DeployPayload(model.DeployRequest{Name: "churn-aci"})
			assert.Equal(t, test.broken, fields(failure(t, err, azureml.ErrInvalid)))
		})
	}
}

func TestDeployedServiceAndFailure(t *testing.T) {
	t.Parallel()
	play(t, "deployed", func(t *testing.T, ws *workspace.Workspace) {
		config := webservice.AksDeployConfiguration{ComputeTarget: "aks-prod"}
		svc, err := config.DeployedService(t.Context(), ws, "churn-svc")
		require.NoError(t, err)
		assert.Equal(t, "churn-svc", svc.Name)

		given := &azureml.Error{Operation: "deploy", Subject: "s", Kind: azureml.ErrOperationFailed, Stage: "DeployService", Code: "KubernetesDeploymentFailed", Details: []azureml.ErrorDetail{{Code: "ErrImagePull"}}}
		e := failure(t, config.DeployFailure(t.Context(), ws, "churn-svc", given), azureml.ErrOperationFailed)
		assert.Equal(t, "last\nlines", e.LogTail)
		assert.Contains(t, e.Remedy, "cannot fetch the image")
		assert.Empty(t, given.LogTail, "the given error is not changed")

		aci, err := webservice.AciDeployConfiguration{}.DeployedService(t.Context(), ws, "churn-aci")
		require.NoError(t, err)
		assert.Equal(t, "churn-aci", aci.Name)
		e = failure(t, webservice.AciDeployConfiguration{}.DeployFailure(t.Context(), ws, "churn-aci", &azureml.Error{
			Operation: "deploy", Subject: "s", Kind: azureml.ErrOperationFailed, Stage: "DeployService", Code: "AciDeploymentFailed", Message: "Error in entry script",
			Details: []azureml.ErrorDetail{{Code: "CrashLoopBackOff"}},
		}), azureml.ErrOperationFailed)
		assert.Contains(t, e.Remedy, "The container crashes")
	})
}

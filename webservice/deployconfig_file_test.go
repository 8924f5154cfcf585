package webservice_test

import (
	"errors"
	"fmt"
	"maps"
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
)

// deployFile writes a deployment configuration file.
func deployFile(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

var (
	first  = azureml.NewSecret("first-key-of-the-sample")
	second = azureml.NewSecret("second-key-of-the-sample")
)

func sample(name string) string {
	return filepath.Join("testdata", "deploymentconfig", "good", name)
}

// allOfAks is what aks-all.json says.
func allOfAks() webservice.AksDeployConfiguration {
	return webservice.AksDeployConfiguration{
		ComputeTarget: "myaks", CPUCores: 0.5, CPUCoresLimit: 1, MemoryGB: 1.5, MemoryGBLimit: 2, GPUCores: to.Ptr(0),
		AuthEnabled: to.Ptr(true), TokenAuthEnabled: to.Ptr(false), EnableAppInsights: to.Ptr(true), PrimaryKey: first, SecondaryKey: second,
		AutoscaleEnabled: to.Ptr(true), AutoscaleMinReplicas: 2, AutoscaleMaxReplicas: 5, AutoscaleRefresh: 3 * time.Second, AutoscaleTargetUtilization: 60,
		CollectModelData: to.Ptr(true), ScoringTimeout: 30 * time.Second, ReplicaMaxConcurrentRequests: 4, MaxRequestWaitTime: 250 * time.Millisecond,
		LivenessProbe: webservice.LivenessProbe{Period: 11 * time.Second, InitialDelay: 120 * time.Second, Timeout: 4 * time.Second, SuccessThreshold: 2, FailureThreshold: 5},
		Namespace:     "scoring",
	}
}

// TestLoadAllKeys: each key of each kind arrives in its field.
func TestLoadAllKeys(t *testing.T) {
	t.Parallel()
	aks := allOfAks()
	fixed := webservice.AksDeployConfiguration{AutoscaleEnabled: to.Ptr(false), NumReplicas: 3}
	for name, row := range map[string]struct {
		path string
		want any
	}{
		"AKS": {sample("aks-all.json"), aks},
		"AKS, fixed number of replicas": {
			deployFile(t, "dc.json", `{"computeType":"aks","numReplicas":3.0,"autoScaler":{"autoscaleEnabled":false}}`), fixed,
		},
		"endpoint": {sample("endpoint-all.json"), webservice.AksEndpointDeployConfiguration{
			VersionName: "version-a", TrafficPercentile: to.Ptr(40.5),
			CPUCores: aks.CPUCores, CPUCoresLimit: aks.CPUCoresLimit, MemoryGB: aks.MemoryGB, MemoryGBLimit: aks.MemoryGBLimit, GPUCores: aks.GPUCores,
			AuthEnabled: aks.AuthEnabled, TokenAuthEnabled: aks.TokenAuthEnabled, EnableAppInsights: aks.EnableAppInsights,
			PrimaryKey: first, SecondaryKey: second,
			AutoscaleEnabled: aks.AutoscaleEnabled, AutoscaleMinReplicas: 2, AutoscaleMaxReplicas: 5, AutoscaleRefresh: aks.AutoscaleRefresh,
			AutoscaleTargetUtilization: 60, CollectModelData: aks.CollectModelData, ScoringTimeout: aks.ScoringTimeout,
			ReplicaMaxConcurrentRequests: 4, MaxRequestWaitTime: aks.MaxRequestWaitTime, LivenessProbe: aks.LivenessProbe, Namespace: "scoring",
		}},
		"ACI": {sample("aci-all.json"), webservice.AciDeployConfiguration{
			CPUCores: 0.5, MemoryGB: 1.5, AuthEnabled: to.Ptr(true), EnableAppInsights: to.Ptr(true), PrimaryKey: first, SecondaryKey: second,
			Location: "westeurope", DNSNameLabel: "score",
			SSL:        &webservice.AciSslConfiguration{CName: "score.example.com", CertPEMFile: sample("tls/cert.pem"), KeyPEMFile: sample("tls/key.pem")},
			Encryption: &webservice.EncryptionProperties{VaultBaseURL: "https://myvault.vault.azure.net/", KeyName: "disk", KeyVersion: "1"},
			Vnet:       &webservice.VnetConfiguration{VnetName: "net", SubnetName: "sub"},
		}},
		"published sample for AKS": {sample("published-aks.json"), webservice.AksDeployConfiguration{
			AutoscaleEnabled: to.Ptr(true), AutoscaleMinReplicas: 1, AutoscaleMaxReplicas: 3, AutoscaleRefresh: time.Second, AutoscaleTargetUtilization: 70,
			CollectModelData: to.Ptr(true), AuthEnabled: to.Ptr(true), CPUCores: 0.5, MemoryGB: 1,
		}},
		"published sample for ACI": {sample("published-aci.json"), webservice.AciDeployConfiguration{
			CPUCores: 0.5, MemoryGB: 1, AuthEnabled: to.Ptr(true), EnableAppInsights: to.Ptr(false),
		}},
		"YAML":            {deployFile(t, "dc.yml", "# mine\ncomputeType: aks\nautoScaler: {autoscaleEnabled: false}\nnumReplicas: 3\n"), fixed},
		"byte order mark": {deployFile(t, "dc.json", "\xef\xbb\xbf{\"computeType\":\"ACI\"}\r\n"), webservice.AciDeployConfiguration{}},
		"null everywhere": {
			deployFile(t, "dc.json", `{"computeType":"aks","autoScaler":null,"keys":null,"authEnabled":null,"numReplicas":null,"namespace":null,"livenessProbeRequirements":{"periodSeconds":null}}`),
			webservice.AksDeployConfiguration{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := webservice.LoadDeployConfiguration(row.path, nil)
			require.NoError(t, err)
			assert.Equal(t, row.want, c.Typed())
			assert.Equal(t, fmt.Sprintf("%T", row.want), fmt.Sprintf("%+v", c), "no verb shows the keys")
		})
	}
}

// TestLoadProblems: what is wrong, in the words of the file.
func TestLoadProblems(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		text string
		want []string
	}{
		"everything at once": {"{\n  \"computeType\": \"ask\",\n  // mine\n  \"enableAppInsights\": true,\n  \"autoScaler\": {\"minReplicas\": 3, \"maxReplicas\": 1,},\n  \"cpu\": 1\n  \"primary_key\": 7,\n  \"location\": \"x\",\n  \"keys\": {\"primaryKey\": \"a b\"},\n  \"gpuCores\": -1, \"numReplicas\": 1.5, \"numReplicas\": 3000000000\n}", []string{
			`line 2: computeType ("ask") must be "aks", "aksendpoint" or "aci"`,
			`line 3: JSON has no comments`,
			`line 4: unknown key "enableAppInsights"; did you mean "appInsightsEnabled"?`,
			`line 5: JSON allows no comma before "}"`,
			`line 5: autoScaler.maxReplicas (1) must be >= autoScaler.minReplicas (3)`,
			`line 5: autoScaler.minReplicas (3) needs autoScaler.autoscaleEnabled to be true`,
			`line 5: autoScaler.maxReplicas (1) needs autoScaler.autoscaleEnabled to be true`,
			`line 6: unknown key "cpu"; did you mean "containerResourceRequirements.cpu"?`,
			`line 7: a comma is missing before this`,
			`line 7: unknown key "primary_key"; did you mean "keys.primaryKey"?`,
			`line 8: location is not for computeType "aks"; it is for "aci"`,
			`line 9: keys.primaryKey (3 bytes) must be ASCII text without blanks and control characters`,
			`line 10: gpuCores (-1) must be >= 0`,
			`line 10: numReplicas (1.5) must be a whole number`,
			`line 10: key "numReplicas" is there twice, first in line 10`,
			`line 10: numReplicas (3000000000) must be <= 2147483647`,
		}},
		"empty":            {" \n", []string{`the file is empty`}},
		"no object":        {"\n[1]", []string{`line 2: the file must hold an object ({…}), not a list`}},
		"UTF-16":           {"\xff\xfe{\x00}\x00", []string{`the file is UTF-16 text; save it as UTF-8`}},
		"Latin-1":          {"{\n\"cname\": \"m\xfcller\"}", []string{`line 2: the file is not UTF-8 text`}},
		"cut off":          {"{\"computeType\": \"aks\"", []string{`line 1: the file ends where a comma or "}" should be`}},
		"more":             {"{\"computeType\": \"aks\"}\n}", []string{`line 2: there is more after the end of the object`}},
		"Python":           {"{\"computeType\": \"aks\",\n\"authEnabled\": True}", []string{`line 2: True is not JSON; write true`}},
		"single quotes":    {"{'computeType': 'aks'}", []string{`line 1: texts and keys stand in double quotes, not in single ones`}},
		"key unquoted":     {"{computeType: 1}", []string{`line 1: a key in double quotes should be here; texts and keys stand in double quotes`}},
		"text unquoted":    {"{\"computeType\": \"aks\", \"keys\": {\"primaryKey\": planted}}", []string{`line 1: a value should be here; texts and keys stand in double quotes`}},
		"open text":        {"{\"computeType\": \"aks\",\n\"keys\": {\"primaryKey\": \"planted\n}}", []string{`line 2: the text that begins here has no end; a double quote is missing`}},
		"backslash":        {`{"computeType":"aci","sslKey":"C:\planted"}`, []string{`line 1: the text has a backslash or a control character that JSON does not allow; a backslash is written \\`}},
		"nothing":          {"{}", []string{`computeType is required`}},
		"number as kind":   {"{\"computeType\": 1}", []string{`line 1: computeType must be a text, not a number`}},
		"local":            {`{"computeType":"Local","port":80}`, []string{`line 1: computeType ("local") must be "aks", "aksendpoint" or "aci"; a local service runs in Docker without the workspace`}},
		"types":            {"{\"computeType\":\"aks\",\n\"authEnabled\":\"true\",\n\"numReplicas\":\"1\",\n\"autoScaler\":true,\n\"keys\":{\"primaryKey\":12345}}", []string{`line 2: authEnabled must be true or false, not a text`, `line 3: numReplicas must be a number, not a text`, `line 4: autoScaler must be an object, not true`, `line 5: keys.primaryKey must be a text, not a number`}},
		"zero is no unset": {`{"computeType":"aci","containerResourceRequirements":{"cpu":0}}`, []string{`line 1: containerResourceRequirements.cpu (0) must be > 0`}},
		"rules of ACI": {"{\"computeType\":\"aci\",\n\"sslEnabled\":true,\n\"sslKey\":\"no.pem\",\n\"vnetName\":\"v\",\n\"tokenAuthEnabled\":true}", []string{
			`line 3: sslKey ("FOLDER/no.pem") cannot be read: no such file or directory`, `line 5: tokenAuthEnabled is not for computeType "aci"; it is for "aks" and "aksendpoint"`,
			`cname is required`, `sslCertificate is required`, `subnetName is required`,
		}},
		"rules of endpoints": {`{"computeType":"aksendpoint","computeTargetName":"a","trafficPercentile":101}`, []string{
			`line 1: computeTargetName is not for computeType "aksendpoint"; it is for "aks"`, `line 1: trafficPercentile (101) must be <= 100`, `versionName is required`,
		}},
		"key and token":      {`{"computeType":"aks","authEnabled":true,"tokenAuthEnabled":true}`, []string{`line 1: tokenAuthEnabled (true) cannot be true together with authEnabled: a service asks for keys or for tokens`}},
		"second key only":    {`{"computeType":"aks","keys":{"secondaryKey":"planted"}}`, []string{`line 1: keys.secondaryKey (7 bytes) needs a keys.primaryKey beside it`}},
		"no fixed number":    {`{"computeType":"aks","autoScaler":{"autoscaleEnabled":false}}`, []string{`numReplicas is required when autoScaler.autoscaleEnabled is false`}},
		"only the cause":     {`{"computeType":"aks","autoScaler":{"autoscaleEnabled":"true","minReplicas":2}}`, []string{`line 1: autoScaler.autoscaleEnabled must be true or false, not a text`}},
		"kind by most keys":  {`{"sslEnabled":true,"dnsNameLabel":"x","vnetNam":"v"}`, []string{`line 1: unknown key "vnetNam"; did you mean "vnetName"?`, `computeType is required`, `cname is required`, `sslCertificate is required`, `sslKey is required`}},
		"nothing like it":    {`{"computeType":"aks","color":"red"}`, []string{`line 1: unknown key "color"`}},
		"other place, other": {`{"computeType":"aks","containerResourceRequirements":{"gpu":1,"memoryGb":1}}`, []string{`line 1: unknown key "gpu" in containerResourceRequirements; did you mean "gpuCores"?`, `line 1: unknown key "memoryGb" in containerResourceRequirements; did you mean "containerResourceRequirements.memoryInGB"?`}},
		"names of azureml.core": {"{\"computeType\":\"aks\",\n\"cpu_cores\":1,\n\"autoscale_refresh_seconds\":1,\n\"ssl_cname\":1,\n\"max_request_wait_time\":1,\n\"computeTarget\":\"a\"}", []string{
			`line 2: unknown key "cpu_cores"; did you mean "containerResourceRequirements.cpu"?`, `line 3: unknown key "autoscale_refresh_seconds"; did you mean "autoScaler.refreshPeriodInSeconds"?`,
			`line 4: unknown key "ssl_cname"`, `line 5: unknown key "max_request_wait_time"; did you mean "maxQueueWaitMs"?`, `line 6: unknown key "computeTarget"; did you mean "computeTargetName"?`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := deployFile(t, "deploymentconfig.json", row.text)
			c, err := webservice.LoadDeployConfiguration(path, nil)
			assert.Nil(t, c)
			e := failure(t, err, azureml.ErrInvalid)
			assert.Equal(t, fmt.Sprintf("deployment configuration %q", path), e.Subject)
			var got []string
			for _, v := range e.Violations {
				got = append(got, strings.ReplaceAll(v.String(), filepath.Dir(path), "FOLDER"))
			}
			assert.Equal(t, row.want, got)
		})
	}
}

func TestLoadFilesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := webservice.LoadDeployConfiguration(filepath.Join(dir, "none.json"), nil)
	failure(t, err, azureml.ErrNotFound)
	_, err = webservice.LoadDeployConfiguration(dir, nil)
	failure(t, err, azureml.ErrInvalid)
	_, err = webservice.LoadDeployConfiguration(deployFile(t, "large.json", strings.Repeat(" ", 1<<20+1)), nil)
	failure(t, err, azureml.ErrInvalid)
	if os.Getuid() > 0 {
		path := deployFile(t, "mine.json", "{}")
		require.NoError(t, os.Chmod(path, 0))
		_, err = webservice.LoadDeployConfiguration(path, nil)
		failure(t, err, azureml.ErrForbidden)
	}
}

func TestLoadWarnings(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		text string
		mode os.FileMode
		want []string
	}{
		"quiet":         {`{"computeType":"aks","keys":{"primaryKey":"planted"}}`, 0o600, nil},
		"public keys":   {"{\"computeType\":\"aks\",\n\"keys\":{\"primaryKey\":\"planted\"}}", 0o644, []string{"line 2: it holds keys of the service and everyone on this machine may read it; take that right away (chmod 600)"}},
		"public":        {`{"computeType":"aks"}`, 0o644, nil},
		"data on ACI":   {`{"computeType":"aci","dataCollection":{"storageEnabled":true}}`, 0o600, []string{"line 1: dataCollection ignored, because the service is on ACI"}},
		"no TLS on ACI": {"{\"computeType\":\"aci\",\n\"sslKey\":\"k\",\n\"cname\":\"c\"}", 0o600, []string{"line 2: sslKey ignored, because sslEnabled is not true", "line 3: cname ignored, because sslEnabled is not true"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := deployFile(t, "dc.json", row.text)
			require.NoError(t, os.Chmod(path, row.mode))
			var got []string
			_, err := webservice.LoadDeployConfiguration(path, &webservice.LoadDeployConfigurationOptions{OnWarning: func(w azureml.Warning) {
				assert.Equal(t, fmt.Sprintf("deployment configuration %q", path), w.Subject)
				got = append(got, w.Message)
			}})
			require.NoError(t, err)
			assert.Equal(t, row.want, got)
		})
	}
}

// TestLoadOptions: options stand in for what the file says, and are not changed.
func TestLoadOptions(t *testing.T) {
	t.Parallel()
	set := map[string]any{"autoScaler.maxReplicas": 9, "autoScaler.minReplicas": nil, "keys": nil, "containerResourceRequirements.cpu": 0.75}
	o := webservice.LoadDeployConfigurationOptions{
		ComputeTarget: "other", Set: maps.Clone(set), Tags: map[string]string{"a": "b"}, Properties: map[string]string{"c": "d"}, Description: "text",
	}
	c, err := webservice.LoadDeployConfiguration(sample("aks-all.json"), &o)
	require.NoError(t, err)
	assert.Equal(t, set, o.Set)
	want := allOfAks()
	want.ComputeTarget, want.AutoscaleMaxReplicas, want.AutoscaleMinReplicas, want.CPUCores = "other", 9, 0, 0.75
	want.PrimaryKey, want.SecondaryKey = azureml.Secret{}, azureml.Secret{}
	want.Tags, want.Properties, want.Description = o.Tags, o.Properties, o.Description
	assert.Equal(t, want, c.Typed())

	c, err = webservice.LoadDeployConfiguration("", &webservice.LoadDeployConfigurationOptions{Set: map[string]any{"computeType": "aci"}})
	require.NoError(t, err)
	assert.Equal(t, webservice.AciDeployConfiguration{}, c.Typed())

	// A secret among the options is the secret, not what is shown of it.
	c, err = webservice.LoadDeployConfiguration("", &webservice.LoadDeployConfigurationOptions{Set: map[string]any{"computeType": "aci", "keys.primaryKey": first}})
	require.NoError(t, err)
	assert.Equal(t, webservice.AciDeployConfiguration{PrimaryKey: first}, c.Typed())
	_, err = webservice.LoadDeployConfiguration("", &webservice.LoadDeployConfigurationOptions{Set: map[string]any{"computeType": "aci", "keys": map[string]any{"primaryKey": first}}})
	require.ErrorContains(t, err, "keys.primaryKey is not the secret itself, but what is shown in its place")

	_, err = webservice.LoadDeployConfiguration("", &webservice.LoadDeployConfigurationOptions{
		ComputeTarget: "myaks", Set: map[string]any{"computeType": "aci", "locatoin": "x", "containerResourceRequirements.cpu": -1, "cname": func() {}},
	})
	e := failureOfLoading(t, err)
	assert.Equal(t, "deployment configuration", e.Subject)
	assert.Equal(t, `azureml: cannot read deployment configuration: cname cannot be written as JSON; containerResourceRequirements.cpu (-1) must be > 0; Set: unknown key "locatoin"; did you mean "location"?; computeType ("aci") does not go with the compute target "myaks"; a service on ACI has none`, err.Error())
}

func failureOfLoading(t *testing.T, err error) *azureml.Error {
	t.Helper()
	require.ErrorIs(t, err, azureml.ErrInvalid)
	e, ok := errors.AsType[*azureml.Error](err)
	require.True(t, ok)
	return e
}

func TestAnyDeploy(t *testing.T) {
	t.Parallel()
	c := webservice.AnyDeploy(webservice.AksDeployConfiguration{ComputeTarget: "myaks", CPUCores: -1})
	_, err := c.DeployPayload(model.DeployRequest{Name: "myservice"})
	require.ErrorContains(t, err, "CPUCores (-1) must be > 0")
	assert.Nil(t, webservice.AnyDeploy[*webservice.AksWebservice](nil))
	_, err = new(webservice.AnyDeployConfiguration).DeployPayload(model.DeployRequest{Name: "myservice"})
	require.EqualError(t, err, `azureml: cannot deploy web service "myservice": config must be made by AnyDeploy or LoadDeployConfiguration`)
	assert.Nil(t, webservice.AnyDeploy((*webservice.AciDeployConfiguration)(nil)))
}

func FuzzLoadDeployConfiguration(f *testing.F) {
	for _, folder := range []string{"good", "bad"} {
		files, err := filepath.Glob(filepath.Join("testdata", "deploymentconfig", folder, "*.json"))
		require.NoError(f, err)
		for _, path := range files {
			text, err := os.ReadFile(path)
			require.NoError(f, err)
			f.Add(text, false)
		}
	}
	f.Add([]byte("computeType: aks\nnumReplicas: .inf\n? [a]\n: &x {y: *x}\n"), true)
	f.Add([]byte("{\"a\":[1,,{\"b\":'"), false)
	f.Fuzz(func(t *testing.T, text []byte, isYAML bool) {
		name := "deploymentconfig.json"
		if isYAML {
			name = "deploymentconfig.yml"
		}
		path := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.WriteFile(path, text, 0o600))
		c, err := webservice.LoadDeployConfiguration(path, &webservice.LoadDeployConfigurationOptions{OnWarning: func(azureml.Warning) {}})
		if err != nil {
			require.ErrorIs(t, err, azureml.ErrInvalid)
			e, _ := errors.AsType[*azureml.Error](err)
			require.NotEmpty(t, e.Violations)
			require.Contains(t, e.Subject, fmt.Sprintf("%q", path))
			return
		}
		_, err = c.DeployPayload(model.DeployRequest{Name: "myservice"})
		if err != nil {
			require.ErrorIs(t, err, azureml.ErrInvalid)
		}
	})
}

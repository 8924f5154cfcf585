package azuremltest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/azureml-go/azureml/azuremltest"
	"github.com/stretchr/testify/assert"
)

// refusal is a request that must be refused, and why.
type refusal struct {
	request       object
	code, message string
}

// refuse checks that requests are refused, and that the pre-check says the same.
func refuse(t *testing.T, srv *azuremltest.Server, table map[string]refusal) {
	t.Helper()
	for name, c := range table {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := jsonOf(t, c.request)
			a := do(t, srv, http.MethodPost, servicesURL, body)
			wantMMSError(t, a, http.StatusBadRequest, c.code, c.message)
			assert.Equal(t, "The request is invalid", a.at("message"))
			v := do(t, srv, http.MethodPost, servicesURL+"/validate", `{"type":"Create","serviceName":`+jsonOf(t, c.request["name"])+
				`,"createRequest":`+body+`,"updateRequest":null}`).want(t, http.StatusOK)
			assert.Equal(t, c.code, v.at("error", "code"))
			assert.Contains(t, v.at("error", "message"), c.message)
		})
	}
	t.Cleanup(func() { assert.Empty(t, srv.Services(defaultWorkspace)) })
}

func TestCreateRefused(t *testing.T) {
	t.Parallel()
	srv := newServiceWorld(t, nil)
	srv.AddCompute(defaultWorkspace, azuremltest.Compute{Name: "broken", State: "Failed"})
	srv.AddCompute(defaultWorkspace, azuremltest.Compute{Name: "k8s", Type: "Kubernetes"})
	aks := func(change ...any) object { return aksRequest("svc", change...) }
	limits := func(change ...any) object { return aks("containerResourceRequirements", with(object{}, change...)) }
	refuse(t, srv, map[string]refusal{
		"name":                   {aksRequest("MyService"), "InvalidServiceName", "'MyService' is invalid"},
		"short name":             {aksRequest("ab"), "InvalidServiceName", "'ab'"},
		"long name":              {aksRequest(strings.Repeat("a", 33)), "InvalidServiceName", "3 to 32"},
		"dash at the end":        {aksRequest("abc-"), "InvalidServiceName", "'abc-'"},
		"no compute type":        {aks("computeType", nil), "ComputeTypeRequired", "ComputeType"},
		"compute type":           {aks("computeType", "MIR"), "ComputeTypeNotSupported", "'MIR'"},
		"no compute":             {aks("computeName", nil), "ComputeNameRequired", "ComputeName"},
		"unknown compute":        {aks("computeName", "nope"), "ComputeNotFound", "Compute with name nope not found"},
		"failed compute":         {aks("computeName", "broken"), "ComputeResourceNotCreated", "Compute resource with Id: broken is not in Succeeded state. Compute provisioning state: Failed"},
		"other compute":          {aks("computeName", "k8s"), "ComputeTypeMismatch", "is of type Kubernetes"},
		"both auth":              {aks("authEnabled", true, "aadAuthEnabled", true), "InvalidAuthSettings", "cannot both be enabled"},
		"cpu":                    {limits("cpu", 0), "InvalidValue", "containerResourceRequirements.cpu must be greater than 0, it is 0."},
		"memory":                 {limits("memoryInGB", -1), "InvalidValue", "memoryInGB must be greater"},
		"gpu":                    {limits("gpu", -1), "InvalidValue", "gpu must not be negative"},
		"cpu limit":              {limits("cpu", 2, "cpuLimit", 1), "InvalidValue", "cpuLimit (1) must not be less than cpu (2)"},
		"memory limit":           {limits("memoryInGB", 2, "memoryInGBLimit", 1), "InvalidValue", "memoryInGBLimit (1)"},
		"timeout":                {aks("scoringTimeoutMs", 300001), "InvalidValue", "must not be greater than 300000"},
		"no timeout":             {aks("scoringTimeoutMs", 0), "InvalidValue", "scoringTimeoutMs must be greater than 0"},
		"concurrency":            {aks("maxConcurrentRequestsPerContainer", 0), "InvalidValue", "maxConcurrentRequestsPerContainer"},
		"queue":                  {aks("maxQueueWaitMs", -1), "InvalidValue", "maxQueueWaitMs"},
		"probe":                  {aks("livenessProbeRequirements", object{"periodSeconds": 0}), "InvalidValue", "livenessProbeRequirements.periodSeconds"},
		"namespace":              {aks("namespace", "Name_Space"), "InvalidNamespace", "'Name_Space'"},
		"replicas":               {aks("numReplicas", 0), "InvalidValue", "numReplicas"},
		"replicas and autoscale": {aks("numReplicas", 1, "autoScaler", object{"autoscaleEnabled": true}), "InvalidAutoScaler", "while autoscaling is enabled"},
		"neither":                {aks("autoScaler", object{"autoscaleEnabled": false}), "InvalidAutoScaler", "while autoscaling is disabled"},
		"autoscale range":        {aks("autoScaler", object{"autoscaleEnabled": true, "minReplicas": 5, "maxReplicas": 3}), "InvalidAutoScaler", "minReplicas (5)"},
		"autoscale target":       {aks("autoScaler", object{"autoscaleEnabled": true, "targetUtilization": 0}), "InvalidValue", "targetUtilization"},
	})
	all := create(t, srv, aks("numReplicas", 0, "namespace", "-", "computeName", "nope")).want(t, http.StatusBadRequest)
	assert.Len(t, all.at("details"), 3, "one answer names all that is wrong: %s", all.text)
	do(t, srv, http.MethodPost, servicesURL, `{"name":`).want(t, http.StatusBadRequest)
	do(t, srv, http.MethodPost, servicesURL, `{"name":"svc","numReplicas":"two"}`).want(t, http.StatusBadRequest)
	do(t, srv, http.MethodPost, servicesURL, `{}`, "Content-Type", patchType).want(t, http.StatusUnsupportedMediaType)
}

func TestCreateImageRefused(t *testing.T) {
	t.Parallel()
	srv := newServiceWorld(t, nil)
	image := codeImage(t, srv, "x")
	createArtifact(t, srv, "c9", "empty.py")
	aks := func(change ...any) object { return aksRequest("svc", change...) }
	asset := func(change ...any) object {
		return with(image, "assets", []any{image["assets"].([]any)[0], with(image["assets"].([]any)[1].(object), change...)})
	}
	refuse(t, srv, map[string]refusal{
		"no image":           {aks("environmentImageRequest", nil), "ImageRequired", "EnvironmentImageRequest"},
		"old image":          {aks("environmentImageRequest", nil, "imageId", "img:1"), "ImageNotFound", "img:1"},
		"unknown model":      {aks("environmentImageRequest", object{"modelIds": []string{"m:9"}}), "ModelNotFound", "There is no model with id m:9"},
		"framework":          {aks("environmentImageRequest", object{"modelIds": []string{"m:1"}}), "NoCodeDeploymentNotSupported", "framework Custom"},
		"no model":           {aks("environmentImageRequest", object{"modelIds": []string{}}), "NoCodeDeploymentNotSupported", "there are 0"},
		"driver":             {aks("environmentImageRequest", with(image, "driverProgram", "other.py")), "DriverProgramNotFound", "'other.py'"},
		"asset without type": {aks("environmentImageRequest", asset("mimeType", "")), "InvalidAsset", "must have id, url and mimeType"},
		"asset twice":        {aks("environmentImageRequest", asset("id", "driver.py")), "DuplicateAsset", "'driver.py'"},
		"asset elsewhere":    {aks("environmentImageRequest", asset("url", "aml://asset/x")), "InvalidAsset", "aml://artifact/{id} is expected"},
		"asset unknown":      {aks("environmentImageRequest", asset("url", "aml://artifact/LocalUpload/c9/nope")), "ArtifactNotFound", "LocalUpload/c9/nope"},
		"asset not uploaded": {aks("environmentImageRequest", asset("url", "aml://artifact/LocalUpload/c9/empty.py")), "ArtifactNotUploaded", "nothing has been uploaded"},
		"environment":        {aks("environmentImageRequest", with(image, "environment", object{"name": "nope", "version": "3"})), "EnvironmentNotFound", "Environment nope version 3 not found"},
		"named environment":  {aks("environmentImageRequest", with(image, "environment", object{"name": "nope", "version": nil, "docker": nil})), "EnvironmentNotFound", "Environment nope version None not found"},
	})
}

func TestCreateACIRefused(t *testing.T) {
	t.Parallel()
	refuse(t, newServiceWorld(t, nil), map[string]refusal{
		"token on ACI":       {aciRequest("aci", "aadAuthEnabled", true), "TokenAuthNotSupported", "ACI"},
		"TLS without name":   {aciRequest("aci", "sslEnabled", true, "sslCertificate", "-----BEGIN X-----\n-----END X-----\n", "sslKey", "-----BEGIN X-----\n-----END X-----\n"), "InvalidSslSettings", "cname"},
		"half an encryption": {aciRequest("aci", "encryptionProperties", object{"keyName": "k"}), "InvalidEncryptionProperties", "together"},
		"half a network":     {aciRequest("aci", "vnetConfiguration", object{"vnetName": "v"}), "InvalidVnetConfiguration", "together"},
		"ACI cpu":            {aciRequest("aci", "containerResourceRequirements", object{"cpu": 0}), "InvalidValue", "cpu"},
	})
}

func TestCreateEndpointRefused(t *testing.T) {
	t.Parallel()
	version := func(change ...any) object {
		return endpointRequest("end", "vea", "versions", object{"vea": aksRequest("vea", change...)})
	}
	two := func(a, b []any) object {
		return endpointRequest("end", "vea", "versions", object{"vea": aksRequest("vea", a...), "veb": aksRequest("veb", b...)})
	}
	seven := object{}
	for i := range 7 {
		seven[fmt.Sprintf("version-%d", i)] = aksRequest(fmt.Sprintf("version-%d", i))
	}
	refuse(t, newServiceWorld(t, nil), map[string]refusal{
		"two defaults":          {two([]any{"isDefault", true}, []any{"isDefault", true}), "InvalidDefaultVersion", "there are 2"},
		"no default":            {version("isDefault", false), "InvalidDefaultVersion", "there are 0"},
		"two controls":          {two([]any{"type", "Control"}, []any{"type", "Control"}), "InvalidVersionType", "there are 2"},
		"version type":          {version("type", "Canary"), "InvalidVersionType", "must be Control or Treatment, it is Canary"},
		"traffic":               {two([]any{"trafficPercentile", 60}, []any{"trafficPercentile", 50.5}), "InvalidTrafficPercentile", "The sum of trafficPercentile of all versions of endpoint end is 110.5; it must not exceed 100."},
		"negative traffic":      {version("trafficPercentile", -5), "InvalidTrafficPercentile", "between 0 and 100, it is -5"},
		"version's name":        {endpointRequest("end", "vea", "versions", object{"vx": aksRequest("vx")}), "InvalidServiceName", "version name 'vx'"},
		"version's other name":  {endpointRequest("end", "vea", "versions", object{"version": aksRequest("vea")}), "InvalidVersionName", "The version at 'version' is named 'vea'"},
		"no versions":           {endpointRequest("end", "vea", "versions", nil), "InvalidVersionCount", "there are 0"},
		"seven versions":        {endpointRequest("end", "vea", "versions", seven), "InvalidVersionCount", "between 1 and 6 versions; there are 7"},
		"version's image":       {version("environmentImageRequest", nil), "ImageRequired", "EnvironmentImageRequest"},
		"endpoint's compute":    {endpointRequest("end", "vea", "computeName", "nope"), "ComputeNotFound", "nope"},
		"endpoint's both auths": {endpointRequest("end", "vea", "authEnabled", true, "aadAuthEnabled", true), "InvalidAuthSettings", "cannot both"},
	})
}

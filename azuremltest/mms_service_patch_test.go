package azuremltest_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/azureml-go/azureml/azuremltest"
	"github.com/stretchr/testify/assert"
)

func TestPatchTexts(t *testing.T) {
	t.Parallel()
	srv := newServiceWorld(t, nil)
	before := deploy(t, srv, aksRequest("svc"))
	a := change(t, srv, "svc", `[{"op":"replace","path":"/kvTags","value":{"a":"b","n":1}},{"op":"add","path":"/properties/azureml.git.branch","value":"main"},
		{"op":"add","path":"/properties/a~1b","value":"c"},{"op":"replace","path":"/description","value":"d"}]`).want(t, http.StatusOK)
	assert.Equal(t, object{"a": "b", "n": "1"}, a.at("kvTags"))
	assert.Equal(t, object{"azureml.git.branch": "main", "a/b": "c", "hasHttps": "False", "hasInferenceSchema": "False"}, a.at("properties"))
	assert.Equal(t, "d", a.at("description"))
	assert.Equal(t, "Healthy", a.at("state"))
	assert.Equal(t, before.at("operationId"), a.at("operationId"))
	assert.Empty(t, a.header.Get("Operation-Location"))
	change(t, srv, "svc", `[]`).want(t, http.StatusOK)
	change(t, srv, "svc", `[{"op":"add","path":"/properties/a~1b","value":"c"}]`).want(t, http.StatusOK)
	wantMMSError(t, change(t, srv, "svc", `[{"op":"add","path":"/properties/a~1b","value":"x"}]`), http.StatusBadRequest, "PropertyImmutable", "'a/b'")

	// Texts can be changed while something else is going on.
	started := change(t, srv, "svc", `[{"op":"replace","path":"/appInsightsEnabled","value":true}]`)
	change(t, srv, "svc", `[{"op":"add","path":"/kvTags/c","value":"d"}]`).want(t, http.StatusOK)
	wantMMSError(t, change(t, srv, "svc", `[{"op":"replace","path":"/maxQueueWaitMs","value":9}]`), http.StatusConflict, "OperationInProgress", "Another operation is running on service svc.")
	settle(t, srv, started)
	assert.Equal(t, "d", get(t, srv, "svc").at("kvTags", "c"))
}

func TestPatchAKS(t *testing.T) {
	t.Parallel()
	srv := newServiceWorld(t, nil)
	deploy(t, srv, aksRequest("svc"))
	started := change(t, srv, "svc", `[{"op":"replace","path":"/autoScaler/autoscaleEnabled","value":true},{"op":"replace","path":"/autoScaler/minReplicas","value":2},
		{"op":"replace","path":"/autoScaler/maxReplicas","value":4},{"op":"replace","path":"/autoScaler/refreshPeriodInSeconds","value":5},{"op":"replace","path":"/autoScaler/targetUtilization","value":50},
		{"op":"replace","path":"/dataCollection/storageEnabled","value":true},{"op":"replace","path":"/authEnabled","value":false},{"op":"replace","path":"/aadAuthEnabled","value":true},
		{"op":"replace","path":"/containerResourceRequirements/cpu","value":2},{"op":"replace","path":"/containerResourceRequirements/cpuLimit","value":3},
		{"op":"replace","path":"/containerResourceRequirements/memoryInGB","value":2},{"op":"replace","path":"/containerResourceRequirements/memoryInGBLimit","value":6},
		{"op":"replace","path":"/containerResourceRequirements/gpu","value":1},{"op":"replace","path":"/appInsightsEnabled","value":true},
		{"op":"replace","path":"/scoringTimeoutMs","value":1000},{"op":"replace","path":"/maxConcurrentRequestsPerContainer","value":2},{"op":"replace","path":"/maxQueueWaitMs","value":100},
		{"op":"replace","path":"/livenessProbeRequirements/periodSeconds","value":20},{"op":"replace","path":"/namespace","value":"ns2"},{"op":"replace","path":"/kvTags","value":{"a":"b"}}]`)
	assert.Equal(t, "Transitioning", get(t, srv, "svc").at("state"))
	_, last := settle(t, srv, started)
	assert.Equal(t, "Succeeded", last.at("state"))
	a := get(t, srv, "svc")
	for key, want := range map[string]any{
		"autoScaler":                    object{"autoscaleEnabled": true, "minReplicas": 2.0, "maxReplicas": 4.0, "targetUtilization": 50.0, "refreshPeriodInSeconds": 5.0},
		"dataCollection":                object{"eventHubEnabled": false, "storageEnabled": true},
		"containerResourceRequirements": object{"cpu": 2.0, "cpuLimit": 3.0, "memoryInGB": 2.0, "memoryInGBLimit": 6.0, "gpu": 1.0, "fpga": nil},
		"authEnabled":                   false, "aadAuthEnabled": true, "appInsightsEnabled": true, "scoringTimeoutMs": 1000.0,
		"maxConcurrentRequestsPerContainer": 2.0, "maxQueueWaitMs": 100.0, "namespace": "ns2", "kvTags": object{"a": "b"}, "state": "Healthy",
	} {
		assert.Equal(t, want, a.at(key), key)
	}
	assert.Equal(t, 20.0, a.at("livenessProbeRequirements", "periodSeconds"))
	assert.Equal(t, 310.0, a.at("livenessProbeRequirements", "initialDelaySeconds"))

	// A fixed number of replicas switches the autoscaler off, and the other way round.
	settle(t, srv, change(t, srv, "svc", `[{"op":"replace","path":"/numReplicas","value":3}]`))
	a = get(t, srv, "svc")
	assert.Equal(t, false, a.at("autoScaler", "autoscaleEnabled"))
	assert.Equal(t, 3.0, a.at("deploymentStatus", "desiredReplicas"))
	settle(t, srv, change(t, srv, "svc", `[{"op":"replace","path":"/autoScaler/autoscaleEnabled","value":true}]`))
	assert.Nil(t, get(t, srv, "svc").at("numReplicas"))

	// Another image is built.
	image := codeImage(t, srv, "x")
	started = change(t, srv, "svc", `[{"op":"replace","path":"/environmentImageRequest","value":`+jsonOf(t, image)+`}]`)
	settle(t, srv, started)
	assert.Equal(t, "m:1", get(t, srv, "svc").at("models", 0, "id"))
}

func TestPatchRefused(t *testing.T) {
	t.Parallel()
	srv := newServiceWorld(t, nil)
	deploy(t, srv, aksRequest("svc"))
	deploy(t, srv, aciRequest("aci"))
	for name, c := range map[string]struct{ service, steps, code, message string }{
		"unknown path":     {"svc", `[{"op":"replace","path":"/autoscaler/minReplicas","value":1}]`, "InvalidPatchPath", "'/autoscaler/minReplicas' does not exist"},
		"name":             {"svc", `[{"op":"replace","path":"/name","value":"x"}]`, "InvalidPatchPath", "'/name'"},
		"state":            {"svc", `[{"op":"replace","path":"/state","value":"Healthy"}]`, "InvalidPatchPath", "'/state'"},
		"the whole":        {"svc", `[{"op":"replace","path":"","value":{}}]`, "InvalidPatchPath", "''"},
		"keys":             {"svc", `[{"op":"replace","path":"/keys","value":{}}]`, "InvalidPatchPath", "'/keys'"},
		"tags":             {"svc", `[{"op":"replace","path":"/tags","value":{}}]`, "InvalidPatchPath", "'/tags'"},
		"versions":         {"svc", `[{"op":"add","path":"/versions/a","value":{}}]`, "InvalidPatchPath", "'/versions/a'"},
		"property":         {"svc", `[{"op":"replace","path":"/properties/p","value":"x"}]`, "InvalidPatchOperation", "'replace' is not allowed"},
		"move":             {"svc", `[{"op":"move","from":"/name","path":"/description"}]`, "InvalidPatchOperation", "'move' is not allowed"},
		"no value":         {"svc", `[{"op":"replace","path":"/description"}]`, "InvalidPatchValue", "has no value"},
		"type":             {"svc", `[{"op":"replace","path":"/numReplicas","value":"many"}]`, "InvalidPatch", "cannot be applied"},
		"test":             {"svc", `[{"op":"test","path":"/description","value":"x"}]`, "InvalidPatch", "another one"},
		"both auths":       {"svc", `[{"op":"replace","path":"/aadAuthEnabled","value":true}]`, "InvalidAuthSettings", "cannot both"},
		"replicas":         {"svc", `[{"op":"replace","path":"/autoScaler/autoscaleEnabled","value":false}]`, "InvalidAutoScaler", "numReplicas is required"},
		"both scalings":    {"svc", `[{"op":"replace","path":"/autoScaler/autoscaleEnabled","value":true},{"op":"replace","path":"/numReplicas","value":2}]`, "InvalidAutoScaler", "cannot be set"},
		"range":            {"svc", `[{"op":"replace","path":"/autoScaler/minReplicas","value":11}]`, "InvalidAutoScaler", "minReplicas (11)"},
		"cpu":              {"svc", `[{"op":"replace","path":"/containerResourceRequirements/cpu","value":0}]`, "InvalidValue", "cpu must be greater"},
		"model":            {"svc", `[{"op":"replace","path":"/environmentImageRequest","value":{"modelIds":["nope:1"]}}]`, "ModelNotFound", "nope:1"},
		"image":            {"svc", `[{"op":"replace","path":"/environmentImageRequest","value":null}]`, "ImageRequired", "EnvironmentImageRequest"},
		"token on ACI":     {"aci", `[{"op":"replace","path":"/aadAuthEnabled","value":true}]`, "InvalidPatchPath", "'/aadAuthEnabled'"},
		"cpu on ACI":       {"aci", `[{"op":"replace","path":"/containerResourceRequirements/cpu","value":2}]`, "InvalidPatchPath", "cpu"},
		"location on ACI":  {"aci", `[{"op":"replace","path":"/location","value":"x"}]`, "InvalidPatchPath", "'/location'"},
		"TLS without cert": {"aci", `[{"op":"replace","path":"/sslEnabled","value":true},{"op":"replace","path":"/cname","value":"x"},{"op":"replace","path":"/sslKey","value":"-----BEGIN X-----\n-----END X-----\n"}]`, "InvalidSslSettings", "sslCertificate"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantMMSError(t, change(t, srv, c.service, c.steps), http.StatusBadRequest, c.code, c.message)
			v := do(t, srv, http.MethodPost, servicesURL+"/validate", `{"type":"Update","serviceName":"`+c.service+`","createRequest":null,"updateRequest":`+c.steps+`}`).want(t, http.StatusOK)
			assert.Equal(t, c.code, v.at("error", "code"))
			assert.Contains(t, v.at("error", "message"), c.message)
		})
	}
	do(t, srv, http.MethodPatch, servicesURL+"/svc", `[]`, "Content-Type", "application/json").want(t, http.StatusUnsupportedMediaType)
	change(t, srv, "svc", `{"op":"add"}`).want(t, http.StatusBadRequest)
}

func TestPatchACI(t *testing.T) {
	t.Parallel()
	srv := newServiceWorld(t, nil)
	plain := deploy(t, srv, aciRequest("aci")).at("scoringUri")
	const pem = `"-----BEGIN X-----\nFAKE\n-----END X-----\n"`
	started := change(t, srv, "aci", `[{"op":"replace","path":"/authEnabled","value":true},{"op":"replace","path":"/sslEnabled","value":true},
		{"op":"replace","path":"/sslCertificate","value":`+pem+`},{"op":"replace","path":"/sslKey","value":`+pem+`},{"op":"replace","path":"/cname","value":"ml.contoso.example"}]`)
	settle(t, srv, started)
	a := get(t, srv, "aci")
	assert.Equal(t, "https://ml.contoso.example/score", a.at("scoringUri"))
	assert.Equal(t, true, a.at("authEnabled"))
	settle(t, srv, change(t, srv, "aci", `[{"op":"replace","path":"/sslEnabled","value":false},{"op":"replace","path":"/authEnabled","value":false}]`))
	assert.Equal(t, plain, get(t, srv, "aci").at("scoringUri"), "the name of a container group stays")
}

// endpointWorld has an endpoint "end" with the default version "versiona" and 20 %.
func endpointWorld(t *testing.T) *azuremltest.Server {
	srv := newServiceWorld(t, &azuremltest.Options{OperationPolls: -1})
	deploy(t, srv, endpointRequest("end", "versiona"))
	return srv
}

// newVersion is the step of a patch that adds a version, changed by pairs.
func newVersion(t *testing.T, name string, change ...any) string {
	return `{"op":"add","path":"/versions/` + name + `","value":` + jsonOf(t, aksRequest(name, change...)) + `}`
}

func TestVersions(t *testing.T) {
	t.Parallel()
	srv := endpointWorld(t)
	shares := func() map[string]float64 {
		m := map[string]float64{}
		for _, v := range srv.Services(defaultWorkspace)[0].Versions {
			m[v.Name] = v.Share
		}
		return m
	}
	assert.Equal(t, map[string]float64{"versiona": 100}, shares())

	settle(t, srv, change(t, srv, "end", `[`+newVersion(t, "versionb", "trafficPercentile", 10, "kvTags", object{"v": "b"})+`]`))
	a := get(t, srv, "end")
	assert.Equal(t, false, a.at("versions", "versionb", "isDefault"))
	assert.Equal(t, "Treatment", a.at("versions", "versionb", "type"))
	assert.Equal(t, "Healthy", a.at("versions", "versionb", "state"))
	assert.Equal(t, object{"v": "b"}, a.at("versions", "versionb", "kvTags"))
	assert.Equal(t, map[string]float64{"versiona": 90, "versionb": 10}, shares(), "the default version gets the rest")

	// The documented example: B becomes the default with 40, A keeps its 20.
	settle(t, srv, change(t, srv, "end", `[{"op":"replace","path":"/versions/versiona/isDefault","value":false},{"op":"replace","path":"/versions/versionb/isDefault","value":true},
		{"op":"replace","path":"/versions/versionb/trafficPercentile","value":40},{"op":"replace","path":"/versions/versionb/description","value":"second"}]`))
	assert.Equal(t, map[string]float64{"versiona": 20, "versionb": 80}, shares())
	settle(t, srv, change(t, srv, "end", `[{"op":"replace","path":"/versions/versiona/type","value":"Treatment"},{"op":"replace","path":"/versions/versionb/type","value":"Control"}]`))
	a = get(t, srv, "end")
	assert.Equal(t, "Control", a.at("versions", "versionb", "type"))
	assert.Equal(t, "second", a.at("versions", "versionb", "description"))

	// Texts take no operation; all else of a version does.
	change(t, srv, "end", `[{"op":"replace","path":"/versions/versiona/kvTags","value":{"x":"y"}},{"op":"add","path":"/versions/versiona/properties/p","value":"q"}]`).want(t, http.StatusOK)
	settle(t, srv, change(t, srv, "end", `[{"op":"replace","path":"/versions/versiona/containerResourceRequirements/cpu","value":0.5},{"op":"replace","path":"/versions/versiona/numReplicas","value":2}]`))
	a = get(t, srv, "end")
	assert.Equal(t, 0.5, a.at("versions", "versiona", "containerResourceRequirements", "cpu"))
	assert.Equal(t, false, a.at("versions", "versiona", "autoScaler", "autoscaleEnabled"))

	// What the endpoint says holds for its versions.
	settle(t, srv, change(t, srv, "end", `[{"op":"replace","path":"/appInsightsEnabled","value":true},{"op":"replace","path":"/authEnabled","value":false},{"op":"replace","path":"/aadAuthEnabled","value":true}]`))
	assert.Equal(t, true, get(t, srv, "end").at("versions", "versiona", "aadAuthEnabled"))

	settle(t, srv, change(t, srv, "end", `[{"op":"remove","path":"/versions/versiona"}]`))
	assert.Len(t, get(t, srv, "end").at("versions"), 1)
	assert.Equal(t, map[string]float64{"versionb": 100}, shares())
}

func TestVersionsRefused(t *testing.T) {
	t.Parallel()
	srv := endpointWorld(t)
	settle(t, srv, change(t, srv, "end", `[`+newVersion(t, "versionb")+`]`))
	many := []string{}
	for _, name := range []string{"version-1", "version-2", "version-3", "version-4", "version-5"} {
		many = append(many, newVersion(t, name))
	}
	for name, c := range map[string]struct{ steps, code, message string }{
		"seven":             {strings.Join(many, ","), "InvalidVersionCount", "there are 7"},
		"twice":             {newVersion(t, "versionb"), "VersionExists", "has a version versionb already"},
		"name":              {newVersion(t, "Version"), "InvalidServiceName", "version name 'Version'"},
		"other name":        {newVersion(t, "versionc", "name", "versiond"), "InvalidVersionName", "'versionc' is named 'versiond'"},
		"two defaults":      {newVersion(t, "versionc", "isDefault", true), "InvalidDefaultVersion", "there are 2"},
		"no default":        {`{"op":"replace","path":"/versions/versiona/isDefault","value":false}`, "InvalidDefaultVersion", "there are 0"},
		"default removed":   {`{"op":"remove","path":"/versions/versiona"}`, "InvalidDefaultVersion", "there are 0"},
		"unknown removed":   {`{"op":"remove","path":"/versions/nope"}`, "InvalidPatch", "not found"},
		"unknown changed":   {`{"op":"replace","path":"/versions/nope/trafficPercentile","value":1}`, "InvalidPatch", "not found"},
		"traffic":           {`{"op":"replace","path":"/versions/versionb/trafficPercentile","value":81}`, "InvalidTrafficPercentile", "is 101; it must not exceed 100"},
		"negative traffic":  {`{"op":"replace","path":"/versions/versionb/trafficPercentile","value":-5}`, "InvalidTrafficPercentile", "it is -5"},
		"no control":        {`{"op":"replace","path":"/versions/versiona/type","value":"Treatment"}`, "InvalidVersionType", "One version of endpoint end must be of type Control"},
		"two controls":      {`{"op":"replace","path":"/versions/versionb/type","value":"Control"}`, "InvalidVersionType", "there are 2"},
		"endpoint's name":   {newVersion(t, "end"), "InvalidVersionName", "cannot have the endpoint's name"},
		"tags":              {`{"op":"replace","path":"/versions/versiona/tags","value":{}}`, "InvalidPatchPath", "'/versions/versiona/tags'"},
		"version replaced":  {`{"op":"replace","path":"/versions/versiona","value":{}}`, "InvalidPatchOperation", "'replace' is not allowed"},
		"auth of a version": {`{"op":"replace","path":"/versions/versiona/authEnabled","value":false}`, "InvalidPatchPath", "authEnabled"},
		"cpu":               {`{"op":"replace","path":"/versions/versiona/containerResourceRequirements/cpu","value":-1}`, "InvalidValue", "cpu"},
		"own cpu":           {`{"op":"replace","path":"/containerResourceRequirements/cpu","value":1}`, "InvalidPatchPath", "cpu"},
		"property":          {`{"op":"add","path":"/versions/versiona/properties/p","value":"q"},{"op":"add","path":"/versions/versiona/properties/p","value":{}}`, "InvalidPatch", "only text"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantMMSError(t, change(t, srv, "end", `[`+c.steps+`]`), http.StatusBadRequest, c.code, c.message)
		})
	}
}

// A version that comes back under an old name is a new one.
func TestVersionAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := azuremltest.NewServer(&azuremltest.Options{InMemory: true, OperationPolls: -1})
		defer srv.Close()
		furnish(srv)
		srv.AddService(defaultWorkspace, endpointRequest("end", "versiona"))
		created := func() any {
			settle(t, srv, change(t, srv, "end", `[`+newVersion(t, "versionb")+`]`))
			return get(t, srv, "end").at("versions", "versionb", "createdTime")
		}
		first := created()
		settle(t, srv, change(t, srv, "end", `[{"op":"remove","path":"/versions/versionb"}]`))
		time.Sleep(time.Hour)
		assert.NotEqual(t, first, created())
	})
}

// A version whose deployment fails gets no requests; the others go on.
func TestFailedVersion(t *testing.T) {
	t.Parallel()
	srv := endpointWorld(t)
	srv.FailNextOperation(azuremltest.OperationFailure{Kind: "service", Name: "end"})
	_, last := settle(t, srv, change(t, srv, "end", `[`+newVersion(t, "versionb", "trafficPercentile", 50)+`]`))
	assert.Equal(t, "Failed", last.at("state"))
	a := get(t, srv, "end")
	assert.Equal(t, "Failed", a.at("state"))
	assert.Equal(t, "Healthy", a.at("versions", "versiona", "state"))
	assert.Equal(t, "Failed", a.at("versions", "versionb", "state"))
	assert.Equal(t, "KubernetesDeploymentFailed", a.at("versions", "versionb", "error", "code"))

	settle(t, srv, change(t, srv, "end", `[{"op":"replace","path":"/versions/versiona/maxQueueWaitMs","value":7}]`))
	versions := srv.Services(defaultWorkspace)[0].Versions
	assert.Equal(t, "Healthy", srv.Services(defaultWorkspace)[0].State)
	assert.Equal(t, "Failed", versions[1].State)
	assert.Equal(t, []float64{100, 0}, []float64{versions[0].Share, versions[1].Share})

	// It takes another container, not other numbers, to heal it.
	settle(t, srv, change(t, srv, "end", `[{"op":"replace","path":"/versions/versionb/trafficPercentile","value":40}]`))
	assert.Equal(t, "Failed", srv.Services(defaultWorkspace)[0].Versions[1].State)
	settle(t, srv, change(t, srv, "end", `[{"op":"replace","path":"/versions/versionb/environmentImageRequest","value":`+noCode+`}]`))
	versions = srv.Services(defaultWorkspace)[0].Versions
	assert.Equal(t, []float64{60, 40}, []float64{versions[0].Share, versions[1].Share})
}

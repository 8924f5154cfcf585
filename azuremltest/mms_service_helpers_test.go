package azuremltest_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/azureml-go/azureml/azuremltest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	servicesURL = mmsURL + "/services"
	noCode      = `{"modelIds":["sk:1"]}`
)

// object is a JSON object.
type object = map[string]any

// newServiceWorld has what services need: an AKS compute "aks", a model "m:1"
// of no framework and a model "sk:1" that needs no program.
func newServiceWorld(t testing.TB, options *azuremltest.Options) *azuremltest.Server {
	t.Helper()
	srv := newServer(t, options)
	furnish(srv)
	return srv
}

func furnish(srv *azuremltest.Server) {
	srv.AddCompute(defaultWorkspace, azuremltest.Compute{Name: "aks"})
	srv.AddModel(defaultWorkspace, azuremltest.Model{Name: "m", Files: map[string][]byte{"dir/weights.bin": []byte("42")}})
	srv.AddModel(defaultWorkspace, azuremltest.Model{Name: "sk", Framework: "ScikitLearn"})
}

// codeImage uploads a program and returns the environmentImageRequest for it.
func codeImage(t testing.TB, srv *azuremltest.Server, script string, modelIDs ...string) object {
	t.Helper()
	container := "c" + strings.NewReplacer("/", "", ".", "").Replace(t.Name())
	driver, entry := container+"/driver.py", container+"/score.py"
	if _, there := srv.Blob("LocalUpload/" + driver); !there {
		upload(t, srv, container, "driver.py", "import score")
		upload(t, srv, container, "score.py", script)
	}
	if modelIDs == nil {
		modelIDs = []string{"m:1"}
	}
	return object{"driverProgram": "driver.py", "modelIds": modelIDs, "assets": []any{
		object{"id": "driver.py", "url": artifactPrefix + "LocalUpload/" + driver, "mimeType": "application/x-python"},
		object{"id": "score.py", "url": artifactPrefix + "LocalUpload/" + entry, "mimeType": "application/octet-stream"},
	}, "environment": object{"name": "env", "version": nil, "docker": object{"baseImage": "x"}, "python": object{}}}
}

// with returns a JSON object changed by pairs of key and value.
func with(base object, change ...any) object {
	o := maps.Clone(base)
	for i := 0; i < len(change); i += 2 {
		o[change[i].(string)] = change[i+1]
	}
	return o
}

// jsonOf encodes.
func jsonOf(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return string(b)
}

// aksRequest is the reference's request for an AKS service with all defaults
// and no code, changed by pairs.
func aksRequest(name string, change ...any) object {
	return with(object{"numReplicas": nil, "computeName": "aks", "containerResourceRequirements": object{"cpu": nil, "cpuLimit": nil, "memoryInGB": nil, "memoryInGBLimit": nil, "gpu": nil},
		"maxConcurrentRequestsPerContainer": nil, "maxQueueWaitMs": nil, "namespace": nil, "scoringTimeoutMs": nil,
		"livenessProbeRequirements": object{"initialDelaySeconds": nil, "periodSeconds": nil, "failureThreshold": nil, "successThreshold": nil, "timeoutSeconds": nil},
		"name":                      name, "description": nil, "kvTags": nil, "properties": object{}, "keys": object{"primaryKey": nil, "secondaryKey": nil},
		"computeType": "AKS", "environmentImageRequest": json.RawMessage(noCode), "location": nil}, change...)
}

// aciRequest is the same for ACI.
func aciRequest(name string, change ...any) object {
	return with(object{"containerResourceRequirements": object{"cpu": nil, "memoryInGB": nil}, "cname": nil, "dnsNameLabel": nil, "name": name,
		"description": nil, "kvTags": nil, "properties": object{}, "keys": object{"primaryKey": nil, "secondaryKey": nil}, "computeType": "ACI",
		"environmentImageRequest": json.RawMessage(noCode), "location": nil}, change...)
}

// endpointRequest is the same for an endpoint with one version.
func endpointRequest(name, version string, change ...any) object {
	return with(object{"name": name, "description": nil, "tags": nil, "properties": object{}, "computeType": "AKSENDPOINT", "computeName": "aks",
		"versions": object{version: aksRequest(version, "computeType", "AKSENDPOINT", "computeName", nil, "trafficPercentile", 20)},
		"keys":     object{"primaryKey": nil, "secondaryKey": nil}, "kvTags": nil}, change...)
}

// create posts a service.
func create(t testing.TB, srv *azuremltest.Server, request object) answer {
	t.Helper()
	return do(t, srv, http.MethodPost, servicesURL, jsonOf(t, request))
}

// operationURL is where to poll what an answer has started.
func operationURL(t testing.TB, a answer) string {
	t.Helper()
	a.want(t, http.StatusAccepted)
	assert.Empty(t, a.text)
	location := a.header.Get("Operation-Location")
	require.True(t, strings.HasPrefix(location, "/api"+scope+"/operations/"), location)
	return mmsURL + "/operations/" + location[strings.LastIndexByte(location, '/')+1:]
}

// settle polls to the end and returns all states and the last answer.
func settle(t testing.TB, srv *azuremltest.Server, started answer) (states []string, last answer) {
	t.Helper()
	url := operationURL(t, started)
	for range 20 {
		last = do(t, srv, http.MethodGet, url, "").want(t, http.StatusOK)
		state := last.at("state").(string)
		states = append(states, state)
		if state != "NotStarted" && state != "Running" {
			assert.Empty(t, last.header.Get("retry-after-ms"))
			assert.NotNil(t, last.at("endTime"))
			return states, last
		}
		assert.Equal(t, "10", last.header.Get("retry-after-ms"))
		assert.Nil(t, last.at("endTime"))
	}
	require.Fail(t, "the operation does not end", last.text)
	return nil, last
}

// deploy makes a service and waits until it is there.
func deploy(t testing.TB, srv *azuremltest.Server, request object) answer {
	t.Helper()
	_, last := settle(t, srv, create(t, srv, request))
	require.Equal(t, "Succeeded", last.at("state"), last.text)
	return get(t, srv, request["name"].(string))
}

func get(t testing.TB, srv *azuremltest.Server, name string) answer {
	t.Helper()
	return do(t, srv, http.MethodGet, servicesURL+"/"+name+"?expand=true", "", "Content-Type", "application/json").want(t, http.StatusOK)
}

// change patches a service.
func change(t testing.TB, srv *azuremltest.Server, name, steps string) answer {
	t.Helper()
	return do(t, srv, http.MethodPatch, servicesURL+"/"+name, steps, "Content-Type", patchType)
}

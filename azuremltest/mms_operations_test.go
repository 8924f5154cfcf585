package azuremltest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/azureml-go/azureml/azuremltest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOperationStates(t *testing.T) {
	t.Parallel()
	for polls, want := range map[int][]string{
		-1: {"Succeeded DeployService"},
		1:  {"Running DeployService", "Succeeded DeployService"},
		2:  {"NotStarted BuildEnvironment", "Running DeployService", "Succeeded DeployService"},
		4: {"NotStarted BuildEnvironment", "Running BuildEnvironment", "Running BuildImage", "Running DeployService",
			"Succeeded DeployService"},
	} {
		t.Run(fmt.Sprint(polls), func(t *testing.T) {
			t.Parallel()
			srv := newServiceWorld(t, &azuremltest.Options{OperationPolls: polls})
			url := operationURL(t, create(t, srv, aksRequest("svc")))
			var states []string
			for range want {
				a := do(t, srv, http.MethodGet, url, "")
				states = append(states, a.at("state").(string)+" "+a.at("operationDetails", "subOperationType").(string))
				assert.Equal(t, a.at("state"), a.at("operationDetails", "subOperationState"))
			}
			assert.Equal(t, want, states)
		})
	}
}

// Who never looks at the operation sees the service become healthy all the same.
func TestOperationEndsByReads(t *testing.T) {
	t.Parallel()
	srv := newServiceWorld(t, nil)
	url := operationURL(t, create(t, srv, aksRequest("svc")))
	var states []any
	for range 4 {
		states = append(states, get(t, srv, "svc").at("state"))
	}
	assert.Equal(t, []any{"Transitioning", "Transitioning", "Healthy", "Healthy"}, states)
	do(t, srv, http.MethodGet, servicesURL+"?expand=true", "")
	assert.Equal(t, "Succeeded", do(t, srv, http.MethodGet, url, "").at("state"))
}

func TestStreamingLog(t *testing.T) {
	t.Parallel()
	srv := newServiceWorld(t, &azuremltest.Options{OperationPolls: 5})
	url := operationURL(t, create(t, srv, aksRequest("svc", "environmentImageRequest", codeImage(t, srv, "x"))))
	without := do(t, srv, http.MethodGet, url, "")
	assert.NotContains(t, without.body, "streamingOperationLog")
	received := ""
	for range 6 {
		a := do(t, srv, http.MethodGet, fmt.Sprintf("%s?offset=%d", url, len(received)), "").want(t, http.StatusOK)
		require.Contains(t, a.body, "streamingOperationLog")
		received += a.at("streamingOperationLog").(string)
	}
	var lines []string
	for line := range strings.SplitSeq(strings.TrimSuffix(received, "#"), "#") {
		assert.Regexp(t, `^\d{14}\|`, line)
		lines = append(lines, line[15:])
	}
	want := []string{"Creating Container Registry if not exists.", "Registering the environment.", "Building image.", "Image building done.",
		"Generating deployment configuration.", "Submitting deployment to compute.", "Checking the status of deployment svc."}
	assert.Equal(t, want, lines)
	beyond := do(t, srv, http.MethodGet, url+"?offset=100000", "")
	assert.Equal(t, "", beyond.at("streamingOperationLog"))
	for _, bad := range []string{"-1", "x", ""} {
		wantMMSError(t, do(t, srv, http.MethodGet, url+"?offset="+bad, ""), http.StatusBadRequest, "InvalidOffset", "'"+bad+"'")
	}

	// The log is a file, too, that needs no token.
	log := blobRequest(t, srv, http.MethodGet, beyond.at("operationLog").(string), "").want(t, http.StatusOK)
	assert.Equal(t, strings.Join(want, "\n")+"\n", log.text)
	assert.Equal(t, "text/plain", log.header.Get("Content-Type"))
}

func TestFailedDeployment(t *testing.T) {
	t.Parallel()
	crash := func(name string) string {
		return "Your container application crashed. This may be caused by errors in your scoring file's init() function.\nPlease check the logs for your container instance: " + name + "."
	}
	for name, c := range map[string]struct {
		request                   object
		failure                   azuremltest.OperationFailure
		state, service, code, sub string
		status                    float64
		detail, message           string
	}{
		"AKS":       {aksRequest("svc"), azuremltest.OperationFailure{}, "Failed", "Failed", "KubernetesDeploymentFailed", "DeployService", 400, "CrashLoopBackOff", crash("svc")},
		"ACI":       {aciRequest("svc"), azuremltest.OperationFailure{}, "Failed", "Failed", "AciDeploymentFailed", "DeployService", 400, "CrashLoopBackOff", crash("svc")},
		"cancelled": {aksRequest("svc"), azuremltest.OperationFailure{State: "Canceled"}, "Cancelled", "Failed", "OperationCancelled", "DeployService", 409, "", ""},
		"environment": {aksRequest("svc"), azuremltest.OperationFailure{Code: "EnvironmentBuildFailed", StatusCode: 422, Message: "conda says no",
			Details: []azuremltest.ErrorDetail{{Code: "X", Message: "y"}}}, "Failed", "Failed", "EnvironmentBuildFailed", "BuildEnvironment", 422, "X", "y"},
		"image": {endpointRequest("svc", "version"), azuremltest.OperationFailure{Code: "ImageBuildFailed"}, "Failed", "Failed", "ImageBuildFailed", "BuildImage", 400, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := newServiceWorld(t, nil)
			c.failure.Kind = "service"
			srv.FailNextOperation(c.failure)
			_, last := settle(t, srv, create(t, srv, c.request))
			assert.Equal(t, c.state, last.at("state"))
			assert.Equal(t, c.code, last.at("error", "code"))
			assert.Equal(t, c.status, last.at("error", "statusCode"))
			assert.Equal(t, c.sub, last.at("operationDetails", "subOperationType"))
			if c.detail != "" {
				assert.Equal(t, c.detail, last.at("error", "details", 0, "code"))
				assert.Equal(t, c.message, last.at("error", "details", 0, "message"))
			} else {
				assert.Nil(t, last.at("error", "details"))
			}
			if c.failure.Message != "" {
				assert.Equal(t, c.failure.Message, last.at("error", "message"))
			}
			a := get(t, srv, "svc")
			assert.Equal(t, c.service, a.at("state"))
			assert.Equal(t, last.at("error"), a.at("error"))
			assert.Nil(t, a.at("scoringUri"))
			logs := do(t, srv, http.MethodGet, servicesURL+"/svc/logs?tail=5000&init=False", "").want(t, http.StatusOK)
			assert.Contains(t, logs.at("content"), last.at("error", "message"))

			// The failure is used up: overwriting heals the service.
			_, last = settle(t, srv, create(t, srv, with(c.request, "overwrite", true)))
			assert.Equal(t, "Succeeded", last.at("state"))
			assert.Nil(t, get(t, srv, "svc").at("error"))
		})
	}
}

func TestTimedOutDeployment(t *testing.T) {
	t.Parallel()
	srv := newServiceWorld(t, nil)
	srv.FailNextOperation(azuremltest.OperationFailure{State: "TimedOut"})
	_, last := settle(t, srv, create(t, srv, aksRequest("svc")))
	assert.Equal(t, "TimedOut", last.at("state"))
	assert.Equal(t, "DeploymentTimedOut", last.at("error", "code"))
	assert.EqualValues(t, 504, last.at("error", "statusCode"))
	assert.Contains(t, last.at("error", "message"), "Timed out waiting for AKS deployment to complete. pollTimeout : 00:20:00 serviceName: svc serviceId: ")

	// It becomes healthy after it has been seen unhealthy twice.
	var states []any
	for range 4 {
		states = append(states, get(t, srv, "svc").at("state"))
	}
	assert.Equal(t, []any{"Unhealthy", "Unhealthy", "Healthy", "Healthy"}, states)
	assert.NotNil(t, get(t, srv, "svc").at("scoringUri"))
}

func TestTimedOutVersion(t *testing.T) {
	t.Parallel()
	srv := endpointWorld(t)
	srv.FailNextOperation(azuremltest.OperationFailure{State: "TimedOut"})
	settle(t, srv, change(t, srv, "end", `[`+newVersion(t, "versionb", "trafficPercentile", 50)+`]`))
	get(t, srv, "end")
	late := get(t, srv, "end")
	assert.Equal(t, "Healthy", late.at("versions", "versiona", "state"))
	assert.Equal(t, "Unhealthy", late.at("versions", "versionb", "state"))
	assert.EqualValues(t, 100, srv.Services(defaultWorkspace)[0].Versions[0].Share)
	assert.Equal(t, "Healthy", get(t, srv, "end").at("versions", "versionb", "state"))
	assert.EqualValues(t, 50, srv.Services(defaultWorkspace)[0].Versions[1].Share)
}

func TestStuckDeployment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := azuremltest.NewServer(&azuremltest.Options{InMemory: true})
		defer srv.Close()
		furnish(srv)
		srv.FailNextOperation(azuremltest.OperationFailure{State: "Stuck"})
		url := operationURL(t, create(t, srv, aksRequest("svc")))
		for range 50 {
			time.Sleep(time.Minute)
			last := do(t, srv, http.MethodGet, url, "")
			assert.NotEmpty(t, last.header.Get("retry-after-ms"))
			assert.Contains(t, []any{"NotStarted", "Running"}, last.at("state"))
			assert.Equal(t, "Transitioning", get(t, srv, "svc").at("state"))
		}
	})
}

func TestDoomedDeployments(t *testing.T) {
	t.Parallel()
	srv := newServiceWorld(t, nil)
	// A program without an environment fails, unless a model comes from a run.
	image := codeImage(t, srv, "x")
	delete(image, "environment")
	_, last := settle(t, srv, create(t, srv, aksRequest("svc", "environmentImageRequest", image)))
	assert.Equal(t, "Failed", last.at("state"))
	assert.Equal(t, "EnvironmentNotSpecified", last.at("error", "code"))
	assert.Equal(t, "BuildEnvironment", last.at("operationDetails", "subOperationType"))

	id := asset(t, srv, "r", upload(t, srv, "run", "a", "x"))
	do(t, srv, http.MethodPost, mmsURL+"/models", `{"name":"run","url":"aml://asset/`+id+`","mimeType":"x","runId":"r1"}`).want(t, http.StatusOK)
	image["modelIds"] = []string{"run:1"}
	deploy(t, srv, aciRequest("svc2", "environmentImageRequest", image))

	// Nor can something start for which the cluster has no room.
	_, last = settle(t, srv, create(t, srv, aksRequest("big", "containerResourceRequirements", object{"cpu": 64})))
	assert.Equal(t, "InsufficientResource", last.at("error", "code"))
	assert.Equal(t, "Unschedulable", get(t, srv, "big").at("state"))
}

func TestValidate(t *testing.T) {
	t.Parallel()
	srv := newServiceWorld(t, nil)
	deploy(t, srv, aksRequest("svc"))
	name := func(name string) answer {
		return do(t, srv, http.MethodPost, servicesURL+"/validate/name/"+name, `{}`).want(t, http.StatusOK)
	}
	assert.Equal(t, "{}", name("fresh").text)
	taken := name("svc")
	assert.Equal(t, "Service svc with the same name already exists, please use a different service name or delete the existing service.", taken.at("error", "message"))
	assert.Contains(t, name("Bad").at("error", "message"), "'Bad' is invalid")

	validate := func(body string) answer {
		return do(t, srv, http.MethodPost, servicesURL+"/validate", body).want(t, http.StatusOK)
	}
	assert.Equal(t, "{}", validate(`{"type":"Create","serviceName":"new-svc","createRequest":`+jsonOf(t, aksRequest("new-svc"))+`,"updateRequest":null}`).text)
	assert.Contains(t, validate(`{"type":"Create","serviceName":"other","createRequest":`+jsonOf(t, aksRequest("new-svc"))+`}`).at("error", "message"), "is not the name in the request")
	assert.Equal(t, "{}", validate(`{"type":"Update","serviceName":"svc","createRequest":null,"updateRequest":[{"op":"replace","path":"/kvTags","value":{"a":"b"}}]}`).text)
	assert.Equal(t, "ServiceNotFound", validate(`{"type":"Update","serviceName":"nope","updateRequest":[]}`).at("error", "code"))
	assert.Equal(t, "{}", validate(`{"type":"Delete","serviceName":"nope","createRequest":null,"updateRequest":null}`).text)
	assert.Equal(t, "InvalidValidationRequest", validate(`{"type":"Create","serviceName":"svc"}`).at("error", "code"))
	assert.Len(t, srv.Services(defaultWorkspace), 1, "a pre-check changes nothing")
	assert.Empty(t, get(t, srv, "svc").at("kvTags"))
}

func TestValidateResource(t *testing.T) {
	t.Parallel()
	srv := newServiceWorld(t, nil) // three nodes with four cores and 14 GB each
	check := func(request object) any {
		return do(t, srv, http.MethodPost, servicesURL+"/validate/resource", jsonOf(t, request)).want(t, http.StatusOK).at("error", "message")
	}
	needs := func(cpu, memory float64, replicas int) object {
		return aksRequest("svc", "numReplicas", replicas, "containerResourceRequirements", object{"cpu": cpu, "memoryInGB": memory})
	}
	assert.Nil(t, check(needs(4, 14, 3)))
	assert.Nil(t, check(needs(0.1, 0.1, 120)))
	assert.Equal(t, "Deployment request failed due to insufficient compute resource. For the specified compute target, 1 replica cannot be created per specified CPU/Memory configuration(64 CPU Cores, 2GB Memory).",
		check(needs(64, 2, 1)))
	assert.Contains(t, check(needs(5, 1, 1)), "5 CPU Cores", "no node has five cores")
	assert.Contains(t, check(needs(1, 15, 1)), "15GB Memory")
	assert.Contains(t, check(needs(4, 1, 4)), "4 replica")
	assert.Contains(t, check(needs(-1, 1, 1)), "must be greater than 0")
	assert.Nil(t, check(aciRequest("svc")))

	deploy(t, srv, with(needs(3, 1, 3), "name", "first"))
	assert.Nil(t, check(needs(3, 1, 1)))
	assert.Contains(t, check(needs(3.5, 1, 1)), "3.5 CPU Cores")
	assert.Nil(t, check(with(needs(4, 1, 3), "name", "first")), "what is replaced does not count")
	update := do(t, srv, http.MethodPost, servicesURL+"/validate", `{"type":"Update","serviceName":"first","updateRequest":[{"op":"replace","path":"/containerResourceRequirements/cpu","value":4.5}]}`)
	assert.Equal(t, "InsufficientResource", update.at("error", "code"))
	settle(t, srv, do(t, srv, http.MethodDelete, servicesURL+"/first", ""))
	assert.Nil(t, check(needs(4, 1, 3)))
}

func TestDeleteService(t *testing.T) {
	t.Parallel()
	srv := newServiceWorld(t, nil)
	deploy(t, srv, aksRequest("svc"))
	deploy(t, srv, aciRequest("aci"))
	remove := func(name string) answer { return do(t, srv, http.MethodDelete, servicesURL+"/"+name, "") }
	assert.Empty(t, remove("aci").want(t, http.StatusOK).text)
	remove("aci").want(t, http.StatusNoContent)

	srv.FailNextOperation(azuremltest.OperationFailure{Kind: "service", Name: "svc"})
	_, last := settle(t, srv, remove("svc"))
	assert.Equal(t, "Failed", last.at("state"))
	assert.Equal(t, "Failed to delete service svc.", last.at("error", "message"))
	assert.Equal(t, "Healthy", get(t, srv, "svc").at("state"))

	started := remove("svc")
	assert.Equal(t, "Transitioning", get(t, srv, "svc").at("state"))
	wantMMSError(t, remove("svc"), http.StatusConflict, "OperationInProgress", "svc")
	wantMMSError(t, create(t, srv, aksRequest("svc", "overwrite", true)), http.StatusConflict, "OperationInProgress", "svc")
	settle(t, srv, started)
	wantMMSError(t, do(t, srv, http.MethodGet, servicesURL+"/svc", ""), http.StatusNotFound, "ServiceNotFound", "svc")
	remove("svc").want(t, http.StatusNoContent)

	// The deployment under way is cancelled.
	deploying := create(t, srv, aksRequest("again"))
	settle(t, srv, remove("again"))
	_, last = settle(t, srv, deploying)
	assert.Equal(t, "Cancelled", last.at("state"))
}

func TestComputeGone(t *testing.T) {
	t.Parallel()
	srv := newServiceWorld(t, &azuremltest.Options{OperationPolls: -1})
	uri := deploy(t, srv, aksRequest("svc")).at("scoringUri")
	deploy(t, srv, endpointRequest("end", "version"))
	deploy(t, srv, aciRequest("aci"))
	a := do(t, srv, http.MethodDelete, computesURL+"/aks"+version+"&underlyingResourceAction=Delete", "")
	finish(t, srv, a)
	b := get(t, srv, "svc")
	assert.Equal(t, "Unhealthy", b.at("state"))
	assert.Equal(t, "ComputeNotFound", b.at("error", "code"))
	assert.Equal(t, uri, b.at("scoringUri"))
	score(t, srv, uri, "{}").want(t, http.StatusBadGateway) // the address is nobody's any more
	assert.Equal(t, "Unhealthy", get(t, srv, "end").at("versions", "version", "state"))
	assert.Equal(t, "Healthy", get(t, srv, "aci").at("state"))
	wantMMSError(t, change(t, srv, "svc", `[{"op":"replace","path":"/numReplicas","value":1}]`), http.StatusBadRequest, "ComputeNotFound", "aks")
	settle(t, srv, do(t, srv, http.MethodDelete, servicesURL+"/svc", ""))
}

// A cluster that is detached goes on, but what ran there for the workspace does not.
func TestComputeDetached(t *testing.T) {
	t.Parallel()
	srv := newServer(t, &azuremltest.Options{OperationPolls: -1})
	srv.AddCompute(defaultWorkspace, azuremltest.Compute{Name: "aks", ResourceID: clusterPath})
	srv.AddModel(defaultWorkspace, azuremltest.Model{Name: "sk", Framework: "ScikitLearn"})
	svc := srv.AddService(defaultWorkspace, aksRequest("svc", "authEnabled", false))
	score(t, srv, svc.ScoringURL, "{}").want(t, http.StatusOK)
	finish(t, srv, do(t, srv, http.MethodDelete, computesURL+"/aks"+version+"&underlyingResourceAction=Detach", ""))
	assert.Equal(t, "Unhealthy", get(t, srv, "svc").at("state"))
	score(t, srv, svc.ScoringURL, "{}").want(t, http.StatusServiceUnavailable)
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	srv := newServiceWorld(t, nil)
	srv.AddCompute(defaultWorkspace, azuremltest.Compute{Name: "k8s1", Type: "Kubernetes"})
	deploy(t, srv, aksRequest("svc"))
	deploy(t, srv, aciRequest("aci"))
	migrate := func(name, target string) answer {
		return do(t, srv, http.MethodPost, servicesURL+"/migrate", `{"serviceName":"`+name+`","computeTarget":`+target+`}`)
	}
	const path = `"` + scope + `/computes/`
	wantMMSError(t, migrate("svc", `null`), http.StatusBadRequest, "ComputeTargetRequired", "resource id")
	wantMMSError(t, migrate("svc", `"k8s1"`), http.StatusBadRequest, "ComputeNotFound", "k8s1")
	wantMMSError(t, migrate("svc", path+`aks"`), http.StatusBadRequest, "ComputeTypeMismatch", "not of type Kubernetes")
	wantMMSError(t, migrate("aci", path+`k8s1"`), http.StatusBadRequest, "MigrationNotSupported", "ACI")

	srv.FailNextOperation(azuremltest.OperationFailure{Name: "svc"})
	_, last := settle(t, srv, migrate("svc", path+`k8s1"`))
	assert.Equal(t, "Failed", last.at("state"))
	get(t, srv, "svc")
	started := migrate("svc", path+`k8s1"`)
	wantMMSError(t, migrate("svc", path+`k8s1"`), http.StatusConflict, "OperationInProgress", "svc")
	settle(t, srv, started)
	do(t, srv, http.MethodGet, servicesURL+"/svc", "").want(t, http.StatusNotFound)
}

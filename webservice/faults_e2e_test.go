package webservice_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/webservice"
)

// managing are the calls that manage services, one of each class of repetition.
var managing = map[string]struct {
	method, path string // of the request that the fault hits
	wide         bool   // it may be sent again whatever happened
	call         func(ctx context.Context, w world, svc *webservice.AksWebservice) error
}{
	"Get": {http.MethodGet, "/services/myservice", true, func(ctx context.Context, w world, _ *webservice.AksWebservice) error {
		_, err := webservice.Get(ctx, w.ws, "myservice")
		return err
	}},
	"Keys": {http.MethodPost, "/listkeys", true, func(ctx context.Context, _ world, svc *webservice.AksWebservice) error {
		_, err := svc.Keys(ctx)
		return err
	}},
	"RegenerateKey": {http.MethodPost, "/regenerateKeys", false, func(ctx context.Context, _ world, svc *webservice.AksWebservice) error {
		_, err := svc.RegenerateKey(ctx, webservice.KeyTypePrimary, nil)
		return err
	}},
	"BeginUpdate": {http.MethodPatch, "/services/myservice", false, func(ctx context.Context, _ world, svc *webservice.AksWebservice) error {
		_, err := update(ctx, svc, webservice.AksUpdate{CPUCores: to.Ptr(0.2), CPUCoresLimit: to.Ptr(0.4)}, nil)
		return err
	}},
	"BeginDelete": {http.MethodDelete, "/services/myservice", true, func(ctx context.Context, _ world, svc *webservice.AksWebservice) error {
		_, err := remove(ctx, svc, nil)
		return err
	}},
}

// TestManagementFaults has each fault of the way to the services that manage, and what
// comes of it: calls that may be sent again are, others only when they cannot have
// had an effect.
func TestManagementFaults(t *testing.T) {
	t.Parallel()
	page := http.Header{"Content-Type": {"text/html"}}
	const gateway = "<html><head><title>504 Gateway Time-out</title></head></html>"
	for name, test := range map[string]struct {
		fault    azuremltest.Fault
		harmless bool // it cannot have had an effect
		after    bool // it had one
		onlyGet  bool // of answers with a body
	}{
		"429 with Retry-After": {fault: azuremltest.Fault{Status: 429, RetryAfter: "3"}, harmless: true},
		"503 with Retry-After": {fault: azuremltest.Fault{Status: 503, RetryAfter: "2"}, harmless: true},
		"503":                  {fault: azuremltest.Fault{Status: 503}},
		"reset before":         {fault: azuremltest.Fault{ResetBefore: true}},
		"reset after":          {fault: azuremltest.Fault{ResetAfter: true}, after: true},
		"HTML 504":             {fault: azuremltest.Fault{Status: 504, Body: gateway, Header: page, AfterEffect: true}, after: true},
		"truncated JSON":       {fault: azuremltest.Fault{CutBody: 20}, onlyGet: true},
	} {
		for call, c := range managing {
			if test.onlyGet && call != "Get" && call != "Keys" {
				continue
			}
			t.Run(name+"/"+call, func(t *testing.T) {
				t.Parallel()
				inMemory(t, func(t *testing.T, w world) {
					svc := mustDeploy(t, w, webservice.AksDeployConfiguration{})
					f := test.fault
					f.Method, f.Path, f.Count = c.method, c.path, 1
					w.srv.Fault(f)
					began, before := time.Now(), len(w.srv.Requests())
					err := c.call(t.Context(), w, svc)
					sends := 0
					for _, r := range w.srv.Requests()[before:] {
						if r.Method == c.method && strings.HasSuffix(r.URL.Path, c.path) && (r.Fault || r.Status != 0) {
							sends++
						}
					}
					if f.RetryAfter != "" {
						assert.GreaterOrEqual(t, time.Since(began), 2*time.Second, "Retry-After is obeyed")
					}
					switch {
					case c.wide || test.harmless:
						require.NoError(t, err)
						assert.GreaterOrEqual(t, sends, 2)
					default:
						e := failure(t, err, azureml.ErrUnavailable)
						assert.Equal(t, 1, sends)
						assert.Equal(t, 1, e.Attempts)
						if f.Body != "" {
							assert.ErrorContains(t, err, `the service answered with an HTML page: "504 Gateway Time-out"`)
						}
					}
				})
			})
		}
	}
}

// TestAnswerOfACreateLost: what was made is recognised as ours, and nothing is made twice.
func TestAnswerOfACreateLost(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]azuremltest.Fault{
		"reset":    {ResetAfter: true},
		"HTML 504": {Status: 504, Body: "<html></html>", AfterEffect: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inMemory(t, func(t *testing.T, w world) {
				fault.Method, fault.Path, fault.Count = http.MethodPost, "/workspaces/*/services", 1
				fault.Path = "/modelmanagement/v1.0/subscriptions/*/resourceGroups/*/providers/*/workspaces/*/services"
				w.srv.Fault(fault)
				svc, err := deploy(t, w, "myservice", webservice.AksDeployConfiguration{ComputeTarget: "myaks"})
				require.NoError(t, err)
				assert.Equal(t, webservice.StateHealthy, svc.State)
				creates := 0
				for _, r := range w.srv.Requests() {
					if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/services") {
						creates++
					}
				}
				assert.Equal(t, 1, creates)
			})
		})
	}
}

// TestOperationTimedOutThenHealthy: a deployment that the service gave up on is waited
// for until it is healthy, as its error says.
func TestOperationTimedOutThenHealthy(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, w world) {
		w.srv.FailNextOperation(azuremltest.OperationFailure{Kind: "service", State: "TimedOut"})
		_, err := deploy(t, w, "myservice", webservice.AksDeployConfiguration{ComputeTarget: "myaks"})
		e := failure(t, err, azureml.ErrOperationTimedOut)
		assert.Contains(t, e.Remedy, "The service may still become healthy")
		assert.Contains(t, e.Remedy, "wait with webservice.BeginWait")
		assert.True(t, strings.HasSuffix(e.Help, "/TROUBLESHOOTING.md#deploymenttimedout"), e.Help)
		svc, err := webservice.GetAks(t.Context(), w.ws, "myservice")
		require.NoError(t, err)
		assert.Equal(t, webservice.StateUnhealthy, svc.State)
		svc, err = await(t.Context(), svc)
		require.NoError(t, err)
		assert.Equal(t, webservice.StateHealthy, svc.State)
		_, err = svc.Run(t.Context(), one)
		require.NoError(t, err)
	})
}

// TestFailuresOfDeploymentsSayWhatToDo: stage, code, details, log and remedy are one
// readable error.
func TestFailuresOfDeploymentsSayWhatToDo(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		failure azuremltest.OperationFailure
		texts   []string
	}{
		"CrashLoopBackOff": {azuremltest.OperationFailure{Code: "KubernetesDeploymentFailed", Message: "Kubernetes Deployment failed", Details: []azuremltest.ErrorDetail{{Code: "CrashLoopBackOff", Message: "Your container application crashed."}}},
			[]string{"stage        DeployService", "CrashLoopBackOff: Your container application crashed.", "Last lines of the log:", "The container crashes", "#crashloopbackoff"}},
		"ErrImagePull": {azuremltest.OperationFailure{Code: "KubernetesDeploymentFailed", Message: "Kubernetes Deployment failed", Details: []azuremltest.ErrorDetail{{Code: "ErrImagePull", Message: "Back-off pulling image"}}},
			[]string{"ErrImagePull: Back-off pulling image", "az aks update --attach-acr", "#errimagepull"}},
		"insufficient CPU": {azuremltest.OperationFailure{Code: "KubernetesDeploymentFailed", Message: "0/3 nodes are available: 3 Insufficient cpu."},
			[]string{"No node of the cluster has so much CPU to spare", "The cluster myaks has 3 nodes of size Standard_D3_v2", "#insufficient-cpu"}},
		"insufficient memory": {azuremltest.OperationFailure{Code: "KubernetesDeploymentFailed", Message: "0/3 nodes are available: 3 Insufficient memory."},
			[]string{"No node of the cluster has so much memory to spare", "The cluster myaks has 3 nodes", "#insufficient-memory"}},
		"a module that is missing": {azuremltest.OperationFailure{Code: "KubernetesDeploymentFailed", Message: "Error in entry script, ModuleNotFoundError: No module named 'joblib'"},
			[]string{"Add it to the environment's Python packages", "#no-module-named"}},
		"a build that fails": {azuremltest.OperationFailure{Code: "EnvironmentBuildFailed", Message: "The environment could not be built."},
			[]string{"stage        BuildEnvironment", "log          https://", "Read the build log", "#environmentbuildfailed"}},
		"quota": {azuremltest.OperationFailure{Code: "QuotaExceeded", Message: "Operation results in exceeding approved Cores quota."},
			[]string{"vCPU quota is used up", "#cores-quota-exceeded"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inMemory(t, func(t *testing.T, w world) {
				test.failure.Kind = "service"
				w.srv.FailNextOperation(test.failure)
				_, err := deploy(t, w, "myservice", webservice.AksDeployConfiguration{ComputeTarget: "myaks"})
				failure(t, err, azureml.ErrOperationFailed)
				for _, text := range test.texts {
					assert.Contains(t, azureml.Explain(err), text)
				}
				assert.NotContains(t, azureml.Explain(err), "sig=")
			})
		})
	}
	inMemory(t, func(t *testing.T, w world) {
		w.srv.AddCompute(azuremltest.Workspace{}, azuremltest.Compute{Name: "broken", State: "Failed"})
		_, err := model.BeginDeploy(t.Context(), w.ws, "myservice", []*model.Model{w.m}, nil, webservice.AksDeployConfiguration{ComputeTarget: "broken"}, nil)
		e, ok := errors.AsType[*azureml.Error](err)
		require.True(t, ok, "%v", err)
		assert.True(t, e.HasCode("ComputeResourceNotCreated"), "%v", err)
		assert.Contains(t, e.Remedy, "provisioning state is Succeeded")
	})
}

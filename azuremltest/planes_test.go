package azuremltest_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Model management answers on its own host and on the regional one, with the
// shape of errors that it has everywhere.
func TestErrorsOfModelManagement(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	for _, host := range []string{"westeurope.modelmanagement.azureml.net", "westeurope.api.azureml.ms"} {
		services := "https://" + host + "/modelmanagement/v1.0" + strings.TrimPrefix(workspaceURL, arm) + "/services"
		assert.Equal(t, http.StatusOK, do(t, srv, http.MethodGet, services, "").status)

		a, err := try(srv, http.MethodGet, services, "")
		require.NoError(t, err)
		assert.Equal(t, http.StatusUnauthorized, a.status)
		assert.Equal(t, "AuthenticationFailed", a.at("code"))
		assert.EqualValues(t, 401, a.at("statusCode"))
		assert.Equal(t, a.header.Get("x-ms-request-id"), a.at("correlation", "RequestId"))
		assert.NotEmpty(t, a.header.Get("WWW-Authenticate"))

		a = do(t, srv, http.MethodGet, strings.Replace(services, azuremltest.WorkspaceName, "nope", 1), "")
		assert.Equal(t, http.StatusNotFound, a.status)
		assert.Equal(t, "ResourceNotFound", a.at("code"))
		assert.EqualValues(t, 404, a.at("statusCode"))
	}
}

// The pollers of the Azure SDK follow an operation, in whatever time it takes.
func TestPollerOfAzcore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := azuremltest.NewServer(&azuremltest.Options{InMemory: true, OperationPolls: 30, RetryAfter: time.Minute})
		defer srv.Close()
		options := srv.ClientOptions()
		pipeline := runtime.NewPipeline("azuremltest", "v0.1.0", runtime.PipelineOptions{PerRetry: []policy.Policy{
			runtime.NewBearerTokenPolicy(srv.Credential(), []string{armScope}, nil)}}, &options)
		req, err := runtime.NewRequest(t.Context(), http.MethodPut, computesURL+"/aks"+version)
		require.NoError(t, err)
		require.NoError(t, runtime.MarshalAsJSON(req, map[string]any{"location": "westeurope", "properties": map[string]any{"computeType": "AKS"}}))
		resp, err := pipeline.Do(req)
		require.NoError(t, err)
		poller, err := runtime.NewPoller[struct{ Name string }](resp, pipeline, nil)
		require.NoError(t, err)
		start := time.Now()
		got, err := poller.PollUntilDone(t.Context(), nil)
		require.NoError(t, err)
		assert.Equal(t, "aks", got.Name)
		assert.Equal(t, 31*time.Minute, time.Since(start).Truncate(time.Minute))
	})
}

package azuremltest_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/azureml-go/azureml/azuremltest"
)

// A router of the newer kind knows services, but no endpoints.
func TestNewRouter(t *testing.T) {
	t.Parallel()
	srv := newServer(t, &azuremltest.Options{OperationPolls: -1})
	srv.AddModel(defaultWorkspace, azuremltest.Model{Name: "sk", Framework: "ScikitLearn"})
	assert.True(t, srv.AddCompute(defaultWorkspace, azuremltest.Compute{Name: "aks", NewRouter: true}).NewRouter)
	endpoint := deploy(t, srv, endpointRequest("end", "versiona", "authEnabled", false))
	assert.Equal(t, "Healthy", endpoint.at("state"))
	assert.Equal(t, http.StatusNotFound, score(t, srv, endpoint.at("scoringUri"), "{}").status)
	assert.Equal(t, http.StatusNotFound, score(t, srv, endpoint.at("versions", "versiona", "scoringUri"), "{}").status)
	service := deploy(t, srv, aksRequest("svc", "authEnabled", false))
	assert.Equal(t, http.StatusOK, score(t, srv, service.at("scoringUri"), "{}").status)
}

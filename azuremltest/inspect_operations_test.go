package azuremltest_test

import (
	"net/http"
	"testing"

	"github.com/azureml-go/azureml/azuremltest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOperations(t *testing.T) {
	t.Parallel()
	srv := newServiceWorld(t, nil)
	assert.Empty(t, srv.Operations())
	started := create(t, srv, aciRequest("svc"))
	do(t, srv, http.MethodGet, servicesURL+"/svc", "")
	do(t, srv, http.MethodGet, operationURL(t, started), "")
	list := srv.Operations()
	require.Len(t, list, 1)
	assert.Equal(t, srv.Services(defaultWorkspace)[0].OperationID, list[0].ID)
	assert.Equal(t, "Service svc ml-example", list[0].Kind+" "+list[0].Subject+" "+list[0].Workspace)
	assert.True(t, list[0].Active)
	assert.Zero(t, list[0].Ended)
	assert.Equal(t, [2]int{1, 1}, [2]int{list[0].Polls, list[0].Reads})
	settle(t, srv, started)

	srv.FailNextOperation(azuremltest.OperationFailure{Kind: "compute", Code: "QuotaExceeded", Message: "none left"})
	a := do(t, srv, http.MethodPut, computesURL+"/other"+version, aks("{}")).want(t, http.StatusCreated)
	poll(t, srv, a.header.Get("Azure-AsyncOperation"))
	list = srv.Operations()
	require.Len(t, list, 2)
	assert.Equal(t, "Succeeded", list[0].State)
	assert.False(t, list[0].Active)
	assert.NotZero(t, list[0].Ended)
	assert.Nil(t, list[0].Error)
	assert.Equal(t, "compute other ml-example Failed", list[1].Kind+" "+list[1].Subject+" "+list[1].Workspace+" "+list[1].State)
	assert.Equal(t, &azuremltest.ErrorDetail{Code: "QuotaExceeded", Message: "none left"}, list[1].Error)

	again := newServer(t, nil)
	load(t, again, saved(t, srv))
	kept := again.Operations()
	require.Len(t, kept, 2)
	assert.Equal(t, list[1].Subject, kept[1].Subject)
	assert.Equal(t, list[1].Error, kept[1].Error)
}

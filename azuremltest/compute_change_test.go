package azuremltest_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/azureml-go/azureml/azuremltest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// edit reads a compute, changes properties.properties as the reference does,
// and puts the whole back.
func edit(t *testing.T, srv *azuremltest.Server, name string, change func(inner map[string]any)) answer {
	t.Helper()
	a := do(t, srv, http.MethodGet, computesURL+"/"+name+version, "")
	require.Equal(t, http.StatusOK, a.status, a.text)
	change(a.at("properties", "properties").(map[string]any))
	body, err := json.Marshal(a.body)
	require.NoError(t, err)
	return do(t, srv, http.MethodPut, computesURL+"/"+name+version, string(body))
}

func TestUpdateTLS(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	srv.AddCompute(azuremltest.Workspace{}, azuremltest.Compute{Name: "aks"})
	ssl := func(v string) func(map[string]any) {
		return func(inner map[string]any) {
			inner["sslConfiguration"] = json.RawMessage(v)
			delete(inner, "loadBalancerType")
			delete(inner, "loadBalancerSubnet")
		}
	}
	apply := func(change func(map[string]any)) map[string]any {
		t.Helper()
		put := edit(t, srv, "aks", change)
		require.Equal(t, http.StatusOK, put.status, put.text)
		assert.Equal(t, "Updating", put.at("properties", "provisioningState"))
		states, last := finish(t, srv, put)
		assert.Equal(t, []string{"Updating", "Updating", "Succeeded"}, states, last.text)
		got, _ := do(t, srv, http.MethodGet, computesURL+"/aks"+version, "").at("properties", "properties").(map[string]any)
		assert.Equal(t, "PublicIp", got["loadBalancerType"])
		v, _ := got["sslConfiguration"].(map[string]any)
		return v
	}
	url := func() string { return srv.Computes(azuremltest.Workspace{})[0].ScoringURL }
	plain := url()
	assert.True(t, strings.HasPrefix(plain, "http://"))

	got := apply(ssl(`{"status":"Enabled","cname":"www.contoso.example","cert":"CERT","key":"KEY"}`))
	assert.Equal(t, map[string]any{"status": "Enabled", "cert": nil, "key": nil, "cname": "www.contoso.example",
		"leafDomainLabel": "", "overwriteExistingDomain": false}, got)
	assert.Equal(t, "https://www.contoso.example", url())

	// What was read and put back changes nothing.
	apply(func(inner map[string]any) { delete(inner, "loadBalancerType") })
	assert.Equal(t, "https://www.contoso.example", url())

	got = apply(ssl(`{"status":"Auto","leafDomainLabel":"contoso","overwriteExistingDomain":true}`))
	assert.Equal(t, "contoso", got["leafDomainLabel"])
	assert.Equal(t, true, got["overwriteExistingDomain"])
	assert.Regexp(t, `^contoso[0-9a-f]{6}\.westeurope\.cloudapp\.azure\.com$`, got["cname"])
	auto := url()
	old, err := try(srv, http.MethodGet, "https://www.contoso.example/", "")
	require.NoError(t, err)
	assert.Equal(t, http.StatusBadGateway, old.status, "the old name is free")
	apply(func(inner map[string]any) { inner["sslConfiguration"].(map[string]any)["renew"] = true })
	assert.Equal(t, auto, url())

	assert.Equal(t, "Disabled", apply(ssl(`{"status":"Disabled"}`))["status"])
	assert.Equal(t, plain, url())
}

func TestNamesWithTLSAreServed(t *testing.T) {
	t.Parallel()
	srv := newServer(t, &azuremltest.Options{OperationPolls: -1})
	get := func(url string) int {
		a, err := try(srv, http.MethodGet, url, "")
		require.NoError(t, err)
		return a.status
	}
	const name = "https://scoring.contoso.example/"
	assert.Equal(t, http.StatusBadGateway, get(name))
	k := srv.AddCompute(azuremltest.Workspace{}, azuremltest.Compute{Name: "aks", TLSName: "scoring.contoso.example"})
	assert.Equal(t, "https://scoring.contoso.example", k.ScoringURL)
	assert.NotEqual(t, http.StatusBadGateway, get(name))
	do(t, srv, http.MethodDelete, computesURL+"/aks"+version+"&underlyingResourceAction=Delete", "")
	assert.Equal(t, http.StatusBadGateway, get(name))

	k = srv.AddCompute(azuremltest.Workspace{}, azuremltest.Compute{Name: "plain"})
	assert.NotEqual(t, http.StatusBadGateway, get(k.ScoringURL))
	assert.NotEqual(t, http.StatusBadGateway, get(strings.Replace(k.ScoringURL, "http:", "https:", 1)), "TLS without a server name")
	assert.Equal(t, http.StatusBadGateway, get("http://203.0.113.1/"))
}

func TestDelete(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	srv.AddCompute(azuremltest.Workspace{}, azuremltest.Compute{Name: "made"})
	srv.AddCompute(azuremltest.Workspace{}, azuremltest.Compute{Name: "att", ResourceID: clusterPath})
	made := arm + srv.Computes(azuremltest.Workspace{})[1].ResourceID + "?api-version=2019-11-01"
	del := func(name, action string) answer {
		return do(t, srv, http.MethodDelete, computesURL+"/"+name+"?api-version=2020-02-02"+action, "")
	}

	for _, action := range []string{"", "&underlyingResourceAction=", "&underlyingResourceAction=destroy"} {
		a := del("made", action)
		assert.Equal(t, http.StatusBadRequest, a.status)
		assert.Contains(t, a.at("error", "message"), "'underlyingResourceAction' must be 'Delete' or 'Detach'")
	}
	a := del("att", "&underlyingResourceAction=delete")
	assert.Equal(t, http.StatusBadRequest, a.status)
	assert.Contains(t, a.at("error", "message"), "attached")
	assert.Equal(t, http.StatusNotFound, del("nope", "&underlyingResourceAction=delete").status)

	a = del("made", "&underlyingResourceAction=delete")
	require.Equal(t, http.StatusAccepted, a.status, a.text)
	assert.Empty(t, a.text)
	assert.Contains(t, a.header.Get("Location"), "/computeOperationsResults/")
	assert.Equal(t, http.StatusConflict, del("made", "&underlyingResourceAction=delete").status)
	put := do(t, srv, http.MethodPut, computesURL+"/made"+version, aks("{}"))
	assert.Equal(t, http.StatusConflict, put.status)
	assert.Equal(t, "Conflict", put.at("error", "code"))
	assert.Equal(t, http.StatusAccepted, do(t, srv, http.MethodGet, a.header.Get("Location"), "").status)
	states, _ := finish(t, srv, a)
	assert.Equal(t, []string{"Deleting", "Succeeded"}, states, "the look at the result counted, too")
	assert.Equal(t, http.StatusNoContent, do(t, srv, http.MethodGet, a.header.Get("Location"), "").status)
	assert.Equal(t, http.StatusNotFound, do(t, srv, http.MethodGet, made, "").status, "the cluster is gone, too")

	gone := do(t, srv, http.MethodGet, rpURL+"/made?api-version=2020-02-02", "")
	assert.Equal(t, http.StatusNotFound, gone.status)
	assert.Equal(t, "Compute target made not found", gone.at("error", "message"))
	assert.Equal(t, "rp", gone.at("componentName"))

	a = del("ATT", "&underlyingResourceAction=DeTach")
	require.Equal(t, http.StatusAccepted, a.status, a.text)
	finish(t, srv, a)
	assert.Empty(t, srv.Computes(azuremltest.Workspace{}))
	assert.Equal(t, http.StatusOK, do(t, srv, http.MethodGet, arm+clusterPath+"?api-version=2019-11-01", "").status, "the cluster stays")
}

func TestDeleteWhileCreating(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	put := do(t, srv, http.MethodPut, computesURL+"/aks"+version, aks("{}"))
	again := do(t, srv, http.MethodPut, computesURL+"/aks"+version, aks("{}"))
	assert.Equal(t, http.StatusConflict, again.status)
	finish(t, srv, do(t, srv, http.MethodDelete, computesURL+"/aks"+version+"&underlyingResourceAction=Delete", ""))
	assert.Empty(t, srv.Computes(azuremltest.Workspace{}))
	states, _ := finish(t, srv, put)
	assert.Equal(t, []string{"Canceled"}, states)
	assert.Empty(t, srv.Computes(azuremltest.Workspace{}))
}

func TestOperationsThatFail(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		failure     azuremltest.OperationFailure
		state, code string
	}{
		"as told": {azuremltest.OperationFailure{Kind: "compute", Name: "AKS", Code: "BadArgument", Message: "No.", StatusCode: 400,
			Details: []azuremltest.ErrorDetail{{Code: "QuotaExceeded", Message: "Too much."}}}, "Failed", "BadArgument"},
		"by default": {azuremltest.OperationFailure{}, "Failed", "InternalServerError"},
		"canceled":   {azuremltest.OperationFailure{State: "Canceled"}, "Canceled", "OperationCanceled"},
		"timed out":  {azuremltest.OperationFailure{State: "TimedOut"}, "Failed", "OperationTimedOut"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := newServer(t, nil)
			srv.FailNextOperation(azuremltest.OperationFailure{Kind: "service"})
			srv.FailNextOperation(azuremltest.OperationFailure{Name: "another"})
			srv.FailNextOperation(c.failure)
			_, last := finish(t, srv, do(t, srv, http.MethodPut, computesURL+"/aks"+version, aks("{}")))
			assert.Equal(t, c.state, last.at("status"))
			assert.Equal(t, c.code, last.at("error", "code"))
			got := do(t, srv, http.MethodGet, computesURL+"/aks"+version, "")
			assert.Equal(t, c.state, got.at("properties", "provisioningState"))
			assert.Equal(t, c.code, got.at("properties", "provisioningErrors", 0, "error", "code"))
			for i, d := range c.failure.Details {
				assert.Equal(t, d.Message, last.at("error", "details", i, "message"))
			}
			// It was good for one operation.
			_, last = finish(t, srv, do(t, srv, http.MethodPut, computesURL+"/aks"+version, aks("{}")))
			assert.Equal(t, "Succeeded", last.at("status"))
		})
	}
}

func TestStuckOperation(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	srv.FailNextOperation(azuremltest.OperationFailure{State: "Stuck"})
	states, _ := finish(t, srv, do(t, srv, http.MethodPut, computesURL+"/aks"+version, aks("{}")))
	assert.Len(t, states, 10)
	assert.NotContains(t, states, "Succeeded")
	for range 10 {
		got := do(t, srv, http.MethodGet, computesURL+"/aks"+version, "")
		assert.Equal(t, "Creating", got.at("properties", "provisioningState"))
	}
	assert.Panics(t, func() { srv.FailNextOperation(azuremltest.OperationFailure{State: "Lazy"}) })
	assert.Panics(t, func() { srv.FailNextOperation(azuremltest.OperationFailure{Kind: "model"}) })
}

func TestFailedDeletion(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	srv.AddCompute(azuremltest.Workspace{}, azuremltest.Compute{Name: "aks"})
	srv.FailNextOperation(azuremltest.OperationFailure{Code: "Conflict", Message: "The cluster is locked.", StatusCode: 409})
	started := do(t, srv, http.MethodDelete, computesURL+"/aks"+version+"&underlyingResourceAction=Delete", "")
	_, last := finish(t, srv, started)
	assert.Equal(t, "Failed", last.at("status"))
	assert.EqualValues(t, 409, last.at("error", "statusCode"))
	result := do(t, srv, http.MethodGet, started.header.Get("Location"), "")
	assert.Equal(t, http.StatusConflict, result.status)
	assert.Equal(t, "Failed", srv.Computes(azuremltest.Workspace{})[0].State)
}

func TestListComputesAndKeys(t *testing.T) {
	t.Parallel()
	srv := newServer(t, &azuremltest.Options{PageSize: 2})
	var ws azuremltest.Workspace
	srv.AddCompute(ws, azuremltest.Compute{Name: "aks-one"})
	srv.AddCompute(ws, azuremltest.Compute{Name: "cluster", Type: "AmlCompute", Properties: map[string]any{"osType": "Linux"}})
	srv.AddCompute(ws, azuremltest.Compute{Name: "odd", Type: "Unknownish", State: "Failed", Errors: []azuremltest.ErrorDetail{{Code: "BadArgument", Message: "no quota"}}})
	for _, base := range []string{rpURL + "?api-version=2020-02-02", computesURL + version} {
		first := do(t, srv, http.MethodGet, base, "")
		assert.Equal(t, "aks-one", first.at("value", 0, "name"))
		assert.Equal(t, "Linux", first.at("value", 1, "properties", "properties", "osType"))
		next, _ := first.at("nextLink").(string)
		assert.True(t, strings.HasPrefix(next, base+"&$skiptoken="), next)
		last := do(t, srv, http.MethodGet, next, "")
		assert.Equal(t, "no quota", last.at("value", 0, "properties", "provisioningErrors", 0, "error", "message"))
		assert.NotContains(t, last.body, "nextLink")
	}
	keys := do(t, srv, http.MethodPost, computesURL+"/aks-one/listKeys?api-version=2020-02-02", "")
	assert.Equal(t, "AKS", keys.at("computeType"))
	assert.Contains(t, keys.at("userKubeConfig"), "kind: Config")
	assert.Equal(t, "azureml-image-pull-secret", keys.at("imagePullSecretName"))
	assert.Equal(t, http.StatusBadRequest, do(t, srv, http.MethodPost, computesURL+"/cluster/listKeys"+version, "").status)
	assert.Equal(t, http.StatusNotFound, do(t, srv, http.MethodPost, computesURL+"/nope/listKeys"+version, "").status)
	assert.Equal(t, http.StatusNotFound, do(t, srv, http.MethodGet, subURL+"/providers/Microsoft.MachineLearningServices/locations/westeurope/computeOperationsStatus/nope"+version, "").status)
}

func TestDeletedCluster(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	k := srv.AddCompute(azuremltest.Workspace{}, azuremltest.Compute{Name: "aks"})
	srv.DeleteCluster(k.ResourceID)
	assert.Equal(t, "Succeeded", srv.Computes(azuremltest.Workspace{})[0].State, "the service knows nothing of it")
	a, err := try(srv, http.MethodGet, k.ScoringURL, "")
	require.NoError(t, err)
	assert.Equal(t, http.StatusBadGateway, a.status)
	assert.Panics(t, func() { srv.DeleteCluster(k.ResourceID) })
}

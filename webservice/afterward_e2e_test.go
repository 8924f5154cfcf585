package webservice_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/webservice"
)

// TestReadsLagBehindChanges: the result of a change is never a picture from before it.
func TestReadsLagBehindChanges(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, w world) {
		e := mustDeployEndpoint(t, w)
		// The first read is before the change; the two after it do not see it.
		w.srv.Fault(azuremltest.Fault{Method: http.MethodGet, Path: "/services/myendpoint", From: 2, Count: 2, Stale: true})
		e, err := addVersion(t.Context(), w, e, "version-b", webservice.VersionConfiguration{TrafficPercentile: to.Ptr(20.0)}, nil)
		require.NoError(t, err)
		assert.NotNil(t, e.Versions["version-b"], "the version that was reported to be there")
	})
	inMemory(t, func(t *testing.T, w world) {
		w.srv.Fault(azuremltest.Fault{Method: http.MethodGet, Path: "/services/myservice", Count: 3, Stale: true})
		svc := mustDeploy(t, w, webservice.AksDeployConfiguration{CPUCores: 1, MemoryGB: 1})
		assert.Equal(t, webservice.StateHealthy, svc.State)
		w.srv.Fault(azuremltest.Fault{Method: http.MethodGet, Path: "/services/myservice", Count: 3, Status: http.StatusNotFound})
		svc, err := update(t.Context(), svc, webservice.AksUpdate{Tags: map[string]string{"b": "2"}, CPUCores: to.Ptr(2.0), CPUCoresLimit: to.Ptr(2.0)}, nil)
		require.NoError(t, err)
		assert.Equal(t, map[string]string{"b": "2"}, svc.Tags)
	})
}

// TestSetTrafficAgain: shares whose change failed stand in the endpoint but are not in
// effect. To set them again changes nothing in the picture, and must be done all the same.
func TestSetTrafficAgain(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, w world) {
		ctx := t.Context()
		e := mustDeployEndpoint(t, w)
		e, err := addVersion(ctx, w, e, "version-b", webservice.VersionConfiguration{TrafficPercentile: to.Ptr(20.0)}, nil)
		require.NoError(t, err)
		shares := map[string]float64{"version-a": 70, "version-b": 30}
		w.srv.FailNextOperation(azuremltest.OperationFailure{Kind: "service"})
		_, err = e.SetTraffic(ctx, shares, nil)
		require.ErrorIs(t, err, azureml.ErrOperationFailed)
		e, err = e.SetTraffic(ctx, shares, nil)
		require.NoError(t, err)
		assert.Equal(t, webservice.StateHealthy, e.State)
		for _, v := range w.srv.Services(azuremltest.Workspace{})[0].Versions {
			assert.InDelta(t, shares[v.Name], v.Share, 0, v.Name)
		}
		sent := len(changes(w))
		_, err = e.SetTraffic(ctx, shares, nil)
		require.NoError(t, err)
		assert.Len(t, changes(w), sent, "what is in effect is not sent again")
	})
}

// TestRotateKeysObeysRetryAfter: a busy service is left alone for as long as it asks.
func TestRotateKeysObeysRetryAfter(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, w world) {
		svc := mustDeploy(t, w, webservice.AksDeployConfiguration{CPUCores: 1, MemoryGB: 1})
		w.srv.Fault(azuremltest.Fault{Method: http.MethodPost, Path: "/score", Status: http.StatusTooManyRequests, RetryAfter: "7"})
		_, err := svc.RotateKeys(t.Context(), nil)
		require.NoError(t, err)
		var times []time.Time
		for _, r := range w.srv.Requests() {
			if strings.HasSuffix(r.URL.Path, "/score") {
				times = append(times, r.Time)
			}
		}
		require.GreaterOrEqual(t, len(times), 2)
		assert.GreaterOrEqual(t, times[1].Sub(times[0]), 7*time.Second)
	})
}

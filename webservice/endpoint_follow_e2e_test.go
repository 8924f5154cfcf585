package webservice_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
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

// TestTransitionsAreWaitedFor: the tutorial makes a version the default and deletes the
// other one before that is done.
func TestTransitionsAreWaitedFor(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, w world) {
		ctx := t.Context()
		e := mustDeployEndpoint(t, w)
		_, err := e.BeginCreateVersion(ctx, "version-b", []*model.Model{w.m}, nil, webservice.VersionConfiguration{}, nil)
		require.NoError(t, err)
		_, err = e.BeginUpdateVersion(ctx, "version-b", webservice.VersionUpdate{IsDefault: to.Ptr(true), IsControlVersionType: to.Ptr(true)}, nil)
		require.NoError(t, err)
		e, err = deleteVersion(ctx, e, "version-a")
		require.NoError(t, err)
		assert.Equal(t, map[string]float64{"version-b": 100}, e.Traffic())
		_, err = deleteVersion(ctx, e, "version-b")
		assert.Contains(t, failure(t, err, azureml.ErrInvalid).Error(), "without a default version")

		// A change that fails is waited for, too, and can be mended.
		w.srv.FailNextOperation(azuremltest.OperationFailure{Kind: "service", Code: "KubernetesDeploymentFailed", Message: "Kubernetes Deployment failed"})
		_, err = e.BeginCreateVersion(ctx, "version-c", []*model.Model{w.m}, nil, webservice.VersionConfiguration{}, nil)
		require.NoError(t, err)
		e, err = deleteVersion(ctx, e, "version-c")
		require.NoError(t, err)
		assert.Len(t, e.Versions, 1)

		// And only for as long as the caller wants to.
		_, err = e.BeginCreateVersion(ctx, "version-d", []*model.Model{w.m}, nil, webservice.VersionConfiguration{}, nil)
		require.NoError(t, err)
		short, cancel := context.WithTimeout(ctx, time.Millisecond)
		defer cancel()
		_, err = e.BeginDeleteVersion(short, "version-d", nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestEndpointsResume(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, w world) {
		ctx := t.Context()
		d, err := model.BeginDeploy(ctx, w.ws, "myendpoint", []*model.Model{w.m}, nil, firstVersion(), nil)
		require.NoError(t, err)
		token, err := d.ResumeToken()
		require.NoError(t, err)
		d, err = model.BeginDeploy(ctx, w.ws, "myendpoint", nil, nil, firstVersion(), &model.DeployOptions{ResumeToken: token})
		require.NoError(t, err)
		e, err := azureml.Wait(ctx, d, nil)
		require.NoError(t, err)

		create, err := e.BeginCreateVersion(ctx, "version-b", []*model.Model{w.m}, nil, webservice.VersionConfiguration{}, nil)
		require.NoError(t, err)
		token, err = create.ResumeToken()
		require.NoError(t, err)
		sent := len(changes(w))
		_, err = e.BeginCreateVersion(ctx, "version-c", nil, nil, webservice.VersionConfiguration{}, &webservice.CreateVersionOptions{ResumeToken: token})
		require.Error(t, err, "another version's token")
		_, err = e.BeginUpdate(ctx, webservice.EndpointUpdate{}, &webservice.UpdateOptions{ResumeToken: token})
		require.Error(t, err, "another change's token")
		create, err = e.BeginCreateVersion(ctx, "version-b", nil, nil, webservice.VersionConfiguration{}, &webservice.CreateVersionOptions{ResumeToken: token})
		require.NoError(t, err)
		e, err = azureml.Wait(ctx, create, nil)
		require.NoError(t, err)
		assert.Len(t, e.Versions, 2)

		change, err := e.BeginUpdateVersion(ctx, "version-b", webservice.VersionUpdate{TrafficPercentile: to.Ptr(5.0)}, nil)
		require.NoError(t, err)
		token, err = change.ResumeToken()
		require.NoError(t, err)
		change, err = e.BeginUpdateVersion(ctx, "version-b", webservice.VersionUpdate{}, &webservice.UpdateOptions{ResumeToken: token})
		require.NoError(t, err)
		e, err = azureml.Wait(ctx, change, nil)
		require.NoError(t, err)
		assert.Equal(t, map[string]float64{"version-a": 95, "version-b": 5}, e.Traffic())

		var warned string
		removal, err := e.BeginDeleteVersion(ctx, "version-b", &webservice.UpdateOptions{OnWarning: func(w azureml.Warning) { warned = w.Message }})
		require.NoError(t, err)
		assert.Contains(t, warned, "version-a")
		token, err = removal.ResumeToken()
		require.NoError(t, err)
		removal, err = e.BeginDeleteVersion(ctx, "version-b", &webservice.UpdateOptions{ResumeToken: token})
		require.NoError(t, err)
		e, err = azureml.Wait(ctx, removal, nil)
		require.NoError(t, err)
		assert.Len(t, e.Versions, 1)

		update, err := e.BeginUpdate(ctx, webservice.EndpointUpdate{EnableAppInsights: to.Ptr(true)}, nil)
		require.NoError(t, err)
		token, err = update.ResumeToken()
		require.NoError(t, err)
		update, err = e.BeginUpdate(ctx, webservice.EndpointUpdate{}, &webservice.UpdateOptions{ResumeToken: token})
		require.NoError(t, err)
		_, err = azureml.Wait(ctx, update, nil)
		require.NoError(t, err)
		assert.Len(t, changes(w), sent+3, "nothing was sent twice")
	})
}

// TestLostAnswerOfAnEndpoint: the deployment is found by what it was sent with.
func TestLostAnswerOfAnEndpoint(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, w world) {
		w.srv.Fault(azuremltest.Fault{Method: http.MethodPost, Path: "/services", ResetAfter: true})
		e := mustDeployEndpoint(t, w)
		assert.Len(t, e.Versions, 1)

		// Each of the changes is made once, though its answer is lost.
		lose := func() {
			w.srv.Fault(azuremltest.Fault{Method: http.MethodPatch, Path: "/services/myendpoint", ResetAfter: true})
		}
		lose()
		e, err := addVersion(t.Context(), w, e, "version-b", webservice.VersionConfiguration{}, nil)
		require.NoError(t, err)
		lose()
		script := filepath.Join(t.TempDir(), "score.py")
		require.NoError(t, os.WriteFile(script, []byte("def init():\n    pass\n\ndef run(data):\n    return data\n"), 0o600))
		p, err := e.BeginCreateVersion(t.Context(), "version-c", []*model.Model{w.m}, &model.InferenceConfig{EntryScript: script, Environment: model.NewEnvironment("myenv")}, webservice.VersionConfiguration{}, nil)
		require.NoError(t, err)
		e, err = azureml.Wait(t.Context(), p, nil)
		require.NoError(t, err)
		assert.Len(t, e.Versions, 3)
		lose()
		e, err = deleteVersion(t.Context(), e, "version-b")
		require.NoError(t, err)
		assert.Len(t, e.Versions, 2)
		assert.Len(t, changes(w), 3)

		// What was not taken, or cannot be told, is an error.
		w.srv.Fault(azuremltest.Fault{Method: http.MethodPatch, Path: "/services/myendpoint", ResetBefore: true})
		_, err = addVersion(t.Context(), w, e, "version-d", webservice.VersionConfiguration{}, nil)
		failure(t, err, azureml.ErrUnavailable)
		lose()
		_, err = updateVersion(t.Context(), e, "version-c", webservice.VersionUpdate{TrafficPercentile: to.Ptr(5.0)})
		failure(t, err, azureml.ErrUnavailable)
	})
}

func TestVersionsFail(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, w world) {
		e := mustDeployEndpoint(t, w)
		w.srv.FailNextOperation(azuremltest.OperationFailure{Kind: "service", Code: "KubernetesDeploymentFailed", Message: "Kubernetes Deployment failed", Details: []azuremltest.ErrorDetail{{Code: "CrashLoopBackOff", Message: "Your container application crashed."}}})
		_, err := addVersion(t.Context(), w, e, "version-b", webservice.VersionConfiguration{TrafficPercentile: to.Ptr(0.0)}, nil)
		found := failure(t, err, azureml.ErrOperationFailed)
		assert.Equal(t, "create version version-b of", found.Operation)
		assert.NotEmpty(t, found.LogTail)
		assert.Contains(t, found.Remedy, "The container crashes")
	})
}

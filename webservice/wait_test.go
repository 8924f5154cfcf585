package webservice_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/webservice"
)

// await waits for what goes on with a service.
func await[S webservice.Webservice](ctx context.Context, svc S) (S, error) {
	p, err := webservice.BeginWait(ctx, svc, nil)
	if err != nil {
		return svc, err
	}
	return azureml.Wait(ctx, p, nil)
}

func TestBeginWait(t *testing.T) {
	t.Parallel()
	playAks(t, "wait_operation", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		var states, lines []string
		ctx = azureml.WithProgress(ctx, func(p azureml.Progress) {
			states = append(states, p.String())
			lines = append(lines, p.LogLines...)
		})
		after, err := await(ctx, svc)
		require.NoError(t, err)
		assert.Equal(t, webservice.StateHealthy, after.State)
		assert.Equal(t, []string{"Running (BuildImage)", "Running (DeployService)", "Succeeded (DeployService)"}, states)
		require.Len(t, lines, 1)
		assert.Contains(t, lines[0], "Creating Container Registry")
	})
	playAks(t, "wait_state", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		var states []string
		ctx = azureml.WithProgress(ctx, func(p azureml.Progress) { states = append(states, p.State) })
		p, err := webservice.BeginWait[webservice.Webservice](ctx, svc, nil)
		require.NoError(t, err)
		token, err := p.ResumeToken()
		require.NoError(t, err)
		p, err = webservice.BeginWait[webservice.Webservice](ctx, svc, &webservice.WaitOptions{ResumeToken: token})
		require.NoError(t, err)
		after, err := azureml.Wait(ctx, p, nil)
		require.NoError(t, err)
		assert.Equal(t, webservice.StateHealthy, after.Common().State)
		assert.Equal(t, []string{"Unhealthy", "Unschedulable", "Transitioning", "Succeeded"}, states)
	})
}

func TestBeginWaitNeedsALiveContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	svc := &webservice.AksWebservice{Service: webservice.Service{Name: "x", ComputeType: webservice.ComputeTypeAKS}}
	_, err := webservice.BeginWait(ctx, svc, nil)
	require.ErrorIs(t, err, context.Canceled)
	assert.EqualError(t, err, `azureml: cannot wait for web service "x": not begun: context canceled`)
}

func TestBeginWaitFails(t *testing.T) {
	t.Parallel()
	playAks(t, "wait_failed", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		_, err := await(ctx, svc)
		e := failure(t, err, azureml.ErrOperationFailed)
		assert.Equal(t, "DeployService", e.Stage)
		assert.True(t, e.HasCode("CrashLoopBackOff"))
		assert.Equal(t, "line 1\nAuthorization: Bearer [redacted]\nModuleNotFoundError: No module named 'joblib'", e.LogTail)
		assert.Equal(t, "https://wsprodstorage.blob.core.windows.net/azureml/ImageLogs/e397cab7/build.log", e.LogURL)
		assert.Contains(t, e.Remedy, "Add it to the environment's Python packages")
		text := azureml.Explain(err)
		for _, part := range []string{"DeployService", "KubernetesDeploymentFailed", "CrashLoopBackOff", "joblib", "build.log", "What to do"} {
			assert.Contains(t, text, part)
		}
	})
	playAks(t, "wait_failed_silently", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		_, err := await(ctx, svc)
		e := failure(t, err, azureml.ErrOperationFailed)
		assert.Equal(t, "KubernetesUnschedulable", e.Code)
		assert.Equal(t, "0/3 nodes are available: 3 Insufficient cpu.", e.Message)
		assert.Contains(t, e.Remedy, "No node of the cluster has so much CPU")
		assert.NotContains(t, e.Remedy, "The cluster aks-prod", "what could not be read is not told")
	})
	playAks(t, "wait_failed_state", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		_, err := await(ctx, svc)
		e := failure(t, err, azureml.ErrOperationFailed)
		assert.Equal(t, "KubernetesDeploymentFailed", e.Code)
		assert.Equal(t, "crash", e.LogTail)
		assert.Contains(t, e.Remedy, "The container crashes")
	})
	playAks(t, "wait_timed_out", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		_, err := await(ctx, svc)
		e := failure(t, err, azureml.ErrOperationTimedOut)
		assert.NotErrorIs(t, err, azureml.ErrOperationFailed)
		assert.Contains(t, e.Remedy, "wait with webservice.BeginWait")
		svc, err = svc.Refresh(ctx)
		require.NoError(t, err)
		after, err := await(ctx, svc)
		require.NoError(t, err)
		assert.Equal(t, webservice.StateHealthy, after.State)
	})
	playAks(t, "wait_build_failed", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		_, err := await(ctx, svc)
		e := failure(t, err, azureml.ErrOperationFailed)
		assert.Equal(t, "BuildEnvironment", e.Stage)
		assert.Empty(t, e.LogTail)
		assert.Contains(t, e.Remedy, "build log")
	})
}

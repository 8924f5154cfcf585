package webservice_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

// remove deletes a service and waits.
func remove(ctx context.Context, svc webservice.Webservice, o *webservice.DeleteOptions) (webservice.DeleteResult, error) {
	p, err := svc.BeginDelete(ctx, o)
	if err != nil {
		return webservice.DeleteResult{}, err
	}
	return azureml.Wait(ctx, p, nil)
}

func TestDelete(t *testing.T) {
	t.Parallel()
	playAks(t, "delete", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		result, err := remove(ctx, svc, nil)
		require.NoError(t, err)
		assert.False(t, result.AlreadyGone)
	})
	playAks(t, "delete_resumed", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		p, err := svc.BeginDelete(ctx, nil)
		require.NoError(t, err)
		_, err = p.Poll(ctx)
		require.NoError(t, err)
		token, err := p.ResumeToken()
		require.NoError(t, err)
		assert.NotContains(t, token, "https://")
		result, err := remove(ctx, svc, &webservice.DeleteOptions{ResumeToken: token})
		require.NoError(t, err)
		assert.False(t, result.AlreadyGone)
	})
	playAks(t, "delete_at_once", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		for i, gone := range []bool{false, true, true} {
			result, err := remove(ctx, svc, nil)
			require.NoError(t, err)
			assert.Equal(t, gone, result.AlreadyGone, "%d", i)
		}
	})
	playAks(t, "delete_gone_meanwhile", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		_, err := remove(ctx, svc, nil)
		require.NoError(t, err)
		_, err = remove(ctx, svc, &webservice.DeleteOptions{SkipPrecheck: true})
		assert.ErrorContains(t, err, "no operation to wait for")
	})
	play(t, "delete_unknown_kind", func(t *testing.T, ws *workspace.Workspace) {
		svc, err := webservice.Get(t.Context(), ws, "edge")
		require.NoError(t, err)
		_, err = remove(t.Context(), svc, nil)
		require.NoError(t, err)
	})
}

func TestDeleteFails(t *testing.T) {
	t.Parallel()
	playAks(t, "delete_refused", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		_, err := remove(ctx, svc, nil)
		e := failure(t, err, azureml.ErrConflict)
		assert.True(t, e.HasCode("OperationInProgress"))
		assert.Contains(t, e.Remedy, "webservice.BeginWait")
	})
	playAks(t, "delete_failed", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		_, err := remove(ctx, svc, nil)
		assert.Contains(t, failure(t, err, azureml.ErrOperationFailed).Error(), `cannot delete web service "churn-svc": the cluster does not answer (DeleteFailed, stage DeleteService)`)
	})
	playAks(t, "delete_precheck", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		_, err := remove(ctx, svc, nil)
		assert.Equal(t, "Not now.", failure(t, err, azureml.ErrInvalid).Message)
		var warnings []azureml.Warning
		o := &webservice.DeleteOptions{OnWarning: func(w azureml.Warning) { warnings = append(warnings, w) }}
		for range 2 {
			_, err = remove(ctx, svc, o)
			require.NoError(t, err)
		}
		assert.Len(t, warnings, 1, "no answer is a warning, an odd one is none")
		_, err = remove(ctx, svc, &webservice.DeleteOptions{SkipPrecheck: true})
		require.NoError(t, err)
	})
}

// TestDeleteRecovered: the answer to a deletion is lost, and its repetition is refused
// since something goes on with the service.
func TestDeleteRecovered(t *testing.T) {
	t.Parallel()
	playAks(t, "delete_recovered", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		result, err := remove(ctx, svc, nil)
		require.NoError(t, err)
		assert.False(t, result.AlreadyGone)
	})
	playAks(t, "delete_not_recovered", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		_, err := remove(ctx, svc, nil)
		e := failure(t, err, azureml.ErrConflict)
		assert.Equal(t, "something else changed it meanwhile, and it is still there", e.Message)
		assert.Equal(t, "Delete it again.", e.Remedy)
	})
	playAks(t, "delete_in_doubt", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		_, err := remove(ctx, svc, nil)
		e := failure(t, err, azureml.ErrConflict)
		assert.True(t, e.HasCode("OperationInProgress"))
		assert.Equal(t, 2, e.Attempts)
	})
	playAks(t, "delete_recovered_failed", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		_, err := remove(ctx, svc, nil)
		assert.Contains(t, failure(t, err, azureml.ErrOperationFailed).Message, "the cluster does not answer")
	})
}

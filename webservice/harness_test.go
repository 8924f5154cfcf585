package webservice_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/recording"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

// play runs test in virtual time against a recording, which begins with the reading of
// the workspace and of its services' addresses.
func play(t *testing.T, name string, test func(t *testing.T, ws *workspace.Workspace)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := recording.Play(t, name)
		ws, err := workspace.Get(t.Context(), "ws-prod", p.Credential(), &workspace.GetOptions{
			ClientOptions: p.ClientOptions(), SubscriptionID: "11111111-2222-3333-4444-555555555555", ResourceGroup: "rg-ml",
		})
		require.NoError(t, err)
		test(t, ws)
	})
}

// playAks is play for a recording that goes on with the reading of churn-svc.
func playAks(t *testing.T, name string, test func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice)) {
	t.Helper()
	play(t, name, func(t *testing.T, ws *workspace.Workspace) {
		svc, err := webservice.GetAks(t.Context(), ws, "churn-svc")
		require.NoError(t, err)
		test(t, t.Context(), svc)
	})
}

// failure is the *azureml.Error behind err, of the given kind. No way to show it may
// show what was planted in the recordings.
func failure(t *testing.T, err, kind error) *azureml.Error {
	t.Helper()
	require.Error(t, err)
	e, ok := errors.AsType[*azureml.Error](err)
	require.True(t, ok, "%T is no *azureml.Error: %v", err, err)
	assert.Equal(t, kind, e.Kind, "%v", err)
	assert.NotEmpty(t, e.Operation)
	assert.NotEmpty(t, e.Subject)
	for _, text := range []string{err.Error(), azureml.Explain(err), e.LogURL, e.LogTail} {
		assert.NotContains(t, text, "planted")
	}
	return e
}

// fields are the fields of a failure's violations.
func fields(e *azureml.Error) []string {
	var list []string
	for _, v := range e.Violations {
		list = append(list, v.Field)
	}
	return list
}

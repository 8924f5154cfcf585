package webservice_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

// changing is what services of every known kind can do to themselves.
type changing[S any] interface {
	webservice.Webservice
	Refresh(ctx context.Context) (S, error)
	AddTags(ctx context.Context, tags map[string]string) (S, error)
	RemoveTags(ctx context.Context, names ...string) (S, error)
	AddProperties(ctx context.Context, properties map[string]string) (S, error)
}

// change refreshes a service and changes its tags and properties.
func change[S changing[S]](t *testing.T, svc S) {
	t.Helper()
	ctx := t.Context()
	fresh, err := svc.Refresh(ctx)
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"a": "1"}, fresh.Common().Tags)
	more, err := fresh.AddTags(ctx, map[string]string{"b": "2"})
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"a": "1", "b": "2"}, more.Common().Tags)
	fewer, err := more.RemoveTags(ctx, "a")
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"b": "2"}, fewer.Common().Tags)
	last, err := fewer.AddProperties(ctx, map[string]string{"new": "x"})
	require.NoError(t, err)
	assert.Equal(t, "x", last.Common().Properties["new"])
}

func TestEveryKindChanges(t *testing.T) {
	t.Parallel()
	play(t, "changes_aci", func(t *testing.T, ws *workspace.Workspace) {
		svc, err := webservice.GetAci(t.Context(), ws, "churn-aci")
		require.NoError(t, err)
		change(t, svc)
	})
	play(t, "changes_endpoint", func(t *testing.T, ws *workspace.Workspace) {
		svc, err := webservice.GetEndpoint(t.Context(), ws, "churn-ep")
		require.NoError(t, err)
		change(t, svc)
	})
}

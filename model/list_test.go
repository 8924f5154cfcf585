package model_test

import (
	"iter"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/workspace"
)

// ids are the ids of a list and the failure that ended it.
func ids(list iter.Seq2[*model.Model, error]) (found []string, failure error) {
	for m, err := range list {
		if err != nil {
			return found, err
		}
		found = append(found, m.ID)
	}
	return found, nil
}

func TestList(t *testing.T) {
	t.Parallel()
	play(t, "list", func(t *testing.T, ws *workspace.Workspace) {
		found, err := ids(model.List(t.Context(), ws, nil))
		require.NoError(t, err)
		assert.Equal(t, []string{"m4:1", "m3:1", "m2:1", "m1:1", "m0:1"}, found)
	})
	play(t, "list_filtered", func(t *testing.T, ws *workspace.Workspace) {
		found, err := ids(model.List(t.Context(), ws, &model.ListOptions{
			Name: "mymodel", Framework: model.FrameworkOnnx, Tags: map[string]string{"stage": "a b", "area": ""},
			Properties: map[string]string{"p": "q"}, RunID: "run1", DatasetID: "d1", Description: "a & b",
			LatestVersionOnly: true, OrderBy: model.OrderByUpdatedAtAsc, PageSize: 20,
		}))
		require.NoError(t, err)
		assert.Equal(t, []string{"mymodel:3", "mymodel:2"}, found)
	})
}

func TestListFailures(t *testing.T) {
	t.Parallel()
	play(t, "list_broken", func(t *testing.T, ws *workspace.Workspace) {
		found, err := ids(model.List(t.Context(), ws, nil))
		assert.Equal(t, []string{"m4:1"}, found)
		require.ErrorIs(t, err, azureml.ErrForbidden)
		assert.Contains(t, err.Error(), "cannot list models: no role")
	})
	for _, c := range []struct {
		status int
		body   string
		kind   error
	}{
		{401, ``, azureml.ErrUnauthorized}, {404, ``, azureml.ErrNotFound}, {429, `{}`, azureml.ErrThrottled}, {500, `<html>`, azureml.ErrUnavailable},
		{200, `{"value":["x"]}`, nil}, {200, `<html>`, nil},
	} {
		ws := scripted(t, func(*http.Request) (int, string) { return c.status, c.body })
		found, err := ids(model.List(t.Context(), ws, nil))
		assert.Empty(t, found)
		if c.kind != nil {
			require.ErrorIs(t, err, c.kind)
		}
		_ = failure(t, err)
	}
}

// TestListStops: nothing is asked for that the loop does not want.
func TestListStops(t *testing.T) {
	t.Parallel()
	asked := 0
	ws := scripted(t, func(*http.Request) (int, string) {
		asked++
		return 200, `{"value":[{"id":"m:2"},{"id":"m:1"}],"nextLink":"https://h/models?$skipToken=1"}`
	})
	for m, err := range model.List(t.Context(), ws, nil) {
		require.NoError(t, err)
		assert.Equal(t, "m:2", m.ID)
		break
	}
	assert.Equal(t, 1, asked)
	found, err := ids(model.List(t.Context(), ws, nil))
	require.NoError(t, err)
	assert.Len(t, found, 4)
	assert.Equal(t, 3, asked)
}

func TestListRules(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		options model.ListOptions
		want    []string
	}{
		{model.ListOptions{Name: "a:1"}, []string{"name"}},
		{model.ListOptions{PageSize: 19}, []string{"PageSize"}},
		{model.ListOptions{PageSize: 256}, []string{"PageSize"}},
		{model.ListOptions{PageSize: -1, OrderBy: "Name", Tags: map[string]string{"a=b": ""}, Properties: map[string]string{"a": "b,c"}},
			[]string{"Tags", "Properties", "OrderBy", "PageSize"}},
	} {
		_, err := ids(model.List(t.Context(), offline(t), &c.options))
		require.ErrorIs(t, err, azureml.ErrInvalid)
		assert.Equal(t, c.want, fields(failure(t, err)))
	}
	assert.Len(t, model.PossibleOrderByValues(), 4)
}

func TestListEnvironments(t *testing.T) {
	t.Parallel()
	play(t, "environment_list", func(t *testing.T, ws *workspace.Workspace) {
		var found []string
		for e, err := range model.ListEnvironments(t.Context(), ws) {
			require.NoError(t, err)
			found = append(found, e.Name+" "+e.Version)
		}
		assert.Equal(t, []string{"AzureML-sklearn 12", "mine 3"}, found)
		var last error
		for e, err := range model.ListEnvironments(t.Context(), ws) {
			if err != nil {
				assert.Nil(t, e)
			}
			last = err
		}
		require.ErrorIs(t, last, azureml.ErrNotFound)
		assert.Equal(t, "environments", failure(t, last).Subject)
	})
	asked := 0
	ws := scripted(t, func(*http.Request) (int, string) {
		asked++
		return 200, `{"value":[{"name":"e"}],"continuationToken":"same"}`
	})
	for _, err := range model.ListEnvironments(t.Context(), ws) {
		require.NoError(t, err)
	}
	assert.Equal(t, 2, asked)
	for range model.ListEnvironments(t.Context(), ws) {
		break
	}
	assert.Equal(t, 3, asked)
}

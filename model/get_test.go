package model_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/workspace"
)

func TestGet(t *testing.T) {
	t.Parallel()
	play(t, "get_by_name", func(t *testing.T, ws *workspace.Workspace) {
		m, err := model.Get(t.Context(), ws, "churn", nil)
		require.NoError(t, err)
		assert.Equal(t, "churn:2", m.ID)
		assert.Equal(t, model.FrameworkScikitLearn, m.Framework)
		assert.Equal(t, map[string]string{"stage": "prod"}, m.Tags)
	})
	for _, ask := range []func(t *testing.T, ws *workspace.Workspace) (*model.Model, error){
		func(t *testing.T, ws *workspace.Workspace) (*model.Model, error) {
			return model.Get(t.Context(), ws, "churn:1", nil)
		},
		func(t *testing.T, ws *workspace.Workspace) (*model.Model, error) {
			return model.Get(t.Context(), ws, "churn", &model.GetOptions{Version: 1})
		},
		func(t *testing.T, ws *workspace.Workspace) (*model.Model, error) {
			return model.Get(t.Context(), ws, "churn:1", &model.GetOptions{Version: 1})
		},
	} {
		play(t, "get_by_id", func(t *testing.T, ws *workspace.Workspace) {
			m, err := ask(t, ws)
			require.NoError(t, err)
			assert.EqualValues(t, 1, m.Version)
			assert.Nil(t, m.ResourceConfiguration)
		})
	}
	play(t, "get_filtered", func(t *testing.T, ws *workspace.Workspace) {
		m, err := model.Get(t.Context(), ws, "mymodel", &model.GetOptions{
			Tags: map[string]string{"stage": "a b", "area": ""}, Properties: map[string]string{"p": "q"}, Framework: model.FrameworkOnnx, RunID: "run1",
		})
		require.NoError(t, err)
		assert.Equal(t, "mymodel:3", m.ID)
	})
}

func TestGetUnknown(t *testing.T) {
	t.Parallel()
	play(t, "get_unknown", func(t *testing.T, ws *workspace.Workspace) {
		_, err := model.Get(t.Context(), ws, "nope", nil)
		require.ErrorIs(t, err, azureml.ErrNotFound)
		assert.True(t, azureml.HasCode(err, "ModelNotFound"))
		_, err = model.Get(t.Context(), ws, "churn", &model.GetOptions{Version: 9})
		require.ErrorIs(t, err, azureml.ErrNotFound)
		assert.True(t, azureml.HasCode(err, "ModelNotFound"))
	})
	ws := scripted(t, func(*http.Request) (int, string) { return 200, `{"value":[null]}` })
	_, err := model.Get(t.Context(), ws, "m", &model.GetOptions{Tags: map[string]string{"a": "b"}, Framework: "X", RunID: "r", Properties: map[string]string{"p": ""}})
	require.ErrorIs(t, err, azureml.ErrNotFound)
	assert.Equal(t, `azureml: cannot get model "m": there is no such model with tags a=b, properties p, framework X, run r (ModelNotFound)`, err.Error())
}

func TestGetFailures(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		body   string
		kind   error
	}{
		{403, `{"error":{"code":"AuthorizationFailed","message":"no role"}}`, azureml.ErrForbidden},
		{401, ``, azureml.ErrUnauthorized}, {500, `<html>`, azureml.ErrUnavailable}, {404, ``, azureml.ErrNotFound},
		{429, `{}`, azureml.ErrThrottled},
	} {
		ws := scripted(t, func(*http.Request) (int, string) { return c.status, c.body })
		for _, name := range []string{"m", "m:1"} {
			_, err := model.Get(t.Context(), ws, name, nil)
			require.ErrorIs(t, err, c.kind, "%d %s", c.status, name)
			_ = failure(t, err)
		}
	}
}

func TestGetRules(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		options model.GetOptions
		want    []string
	}{
		{"", model.GetOptions{}, []string{"name"}},
		{"a:0", model.GetOptions{}, []string{"name"}},
		{"a:01", model.GetOptions{}, []string{"name"}},
		{"a:b", model.GetOptions{}, []string{"name"}},
		{"a:1:2", model.GetOptions{}, []string{"name"}},
		{"a:+1", model.GetOptions{}, []string{"name"}},
		{"a:99999999999999999999", model.GetOptions{}, []string{"name"}},
		{"a", model.GetOptions{Version: -1}, []string{"Version"}},
		{"a:1", model.GetOptions{Version: 2}, []string{"Version"}},
		{"a:1", model.GetOptions{RunID: "r"}, []string{"Version"}},
		{"a", model.GetOptions{Tags: map[string]string{"a,b": "", "c=d": "", "": "", "e": "f,g"}, Properties: map[string]string{"": ""}}, []string{"Tags", "Tags", "Tags", "Tags", "Properties"}},
	} {
		_, err := model.Get(t.Context(), offline(t), c.name, &c.options)
		require.ErrorIs(t, err, azureml.ErrInvalid, c.name)
		assert.Equal(t, c.want, fields(failure(t, err)), "%q", c.name)
	}
	_, err := model.Get(t.Context(), offline(t), "a:0", nil)
	assert.ErrorContains(t, err, `such as "a:1": "0" is no version`)
}

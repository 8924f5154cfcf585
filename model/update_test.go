package model_test

import (
	"net/http"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/workspace"
)

// playModel plays a recording that goes on with the reading of the model churn:1.
func playModel(t *testing.T, name string, test func(t *testing.T, m *model.Model)) {
	t.Helper()
	play(t, name, func(t *testing.T, ws *workspace.Workspace) {
		m, err := model.Get(t.Context(), ws, "churn:1", nil)
		require.NoError(t, err)
		test(t, m)
	})
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	playModel(t, "update", func(t *testing.T, m *model.Model) {
		ctx := t.Context()
		after, err := m.Update(ctx, model.Update{
			Tags: map[string]string{"stage": "prod", "owner": "me"}, Description: to.Ptr("new"),
			ResourceConfiguration: &model.ResourceConfiguration{CPU: 2, MemoryGB: 4.5},
		})
		require.NoError(t, err)
		assert.Equal(t, "new", after.Description)
		assert.Equal(t, &model.ResourceConfiguration{CPU: 2, MemoryGB: 4.5}, after.ResourceConfiguration)
		assert.Equal(t, "old", m.Description, "a picture does not change")
		after, err = after.Update(ctx, model.Update{
			Tags: map[string]string{}, Description: to.Ptr(""), SampleInput: "d1", SampleOutput: "aml://dataset/d2",
			ResourceConfiguration: &model.ResourceConfiguration{GPU: 1},
		})
		require.NoError(t, err)
		assert.Equal(t, "aml://dataset/d1", after.SampleInput)
		after, err = after.Update(ctx, model.Update{Properties: map[string]string{"data": "v2", "auc": "0.9"}})
		require.NoError(t, err)
		assert.Equal(t, "v2", after.Properties["data"])
		_, err = after.Update(ctx, model.Update{Properties: map[string]string{"data": "v2"}})
		require.NoError(t, err, "nothing is sent")
		_, err = after.Update(ctx, model.Update{Properties: map[string]string{"data": "v3", "fresh": "1"}, Description: to.Ptr("x")})
		require.ErrorIs(t, err, azureml.ErrInvalid)
		assert.Contains(t, err.Error(), `properties["data"] ("v3") is "v2" already`)
	})
}

func TestTags(t *testing.T) {
	t.Parallel()
	playModel(t, "tags", func(t *testing.T, m *model.Model) {
		ctx := t.Context()
		given := map[string]string{"stage": "prod", "owner": "me"}
		after, err := m.AddTags(ctx, given)
		require.NoError(t, err)
		assert.Equal(t, map[string]string{"theirs": "1", "stage": "prod", "owner": "me"}, after.Tags)
		assert.Len(t, given, 2)
		assert.Empty(t, m.Tags, "a picture does not change")
		after, err = after.RemoveTags(ctx, "owner", "missing")
		require.NoError(t, err)
		assert.Equal(t, map[string]string{"theirs": "1", "stage": "prod"}, after.Tags)
		_, err = after.RemoveTags(ctx, "missing")
		require.NoError(t, err)
		_, err = after.AddTags(ctx, map[string]string{"theirs": "1"})
		require.NoError(t, err)
		after, err = after.AddProperties(ctx, map[string]string{"data": "v2"})
		require.NoError(t, err)
		assert.Equal(t, map[string]string{"auc": "0.9", "data": "v2"}, after.Properties)
		_, err = after.AddProperties(ctx, map[string]string{"auc": "0.9"})
		require.NoError(t, err, "nothing is sent")
		_, err = after.AddProperties(ctx, map[string]string{"auc": "0.5", "fresh": "1"})
		require.ErrorIs(t, err, azureml.ErrInvalid)
		assert.Contains(t, err.Error(), `cannot add properties to model "churn:1": properties["auc"] ("0.5") is "0.9" already, and properties cannot be changed`)
	})
}

func TestUpdateFailures(t *testing.T) {
	t.Parallel()
	playModel(t, "update_refused", func(t *testing.T, m *model.Model) {
		ctx := t.Context()
		_, err := m.AddTags(ctx, map[string]string{"a": "b"})
		require.ErrorIs(t, err, azureml.ErrNotFound)
		assert.True(t, azureml.HasCode(err, "ModelNotFound"))
		_, err = m.Update(ctx, model.Update{Properties: map[string]string{"a": "b"}})
		require.ErrorIs(t, err, azureml.ErrNotFound)
		_, err = m.Update(ctx, model.Update{Description: to.Ptr("x")})
		require.ErrorIs(t, err, azureml.ErrInvalid)
		_, err = m.Update(ctx, model.Update{Description: to.Ptr("x")})
		assert.Contains(t, failure(t, err).Message, "did not answer with the model")
	})
}

func TestUpdateRules(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	ws := scripted(t, func(r *http.Request) (int, string) {
		assert.Equal(t, http.MethodGet, r.Method)
		return 200, `{"id":"m:1"}`
	})
	m, err := model.Get(ctx, ws, "m:1", nil)
	require.NoError(t, err)
	empty := map[string]string{"": "x"}
	for _, c := range []struct {
		update model.Update
		want   []string
	}{
		{model.Update{}, []string{"update"}},
		{model.Update{Tags: empty, Properties: empty, ResourceConfiguration: &model.ResourceConfiguration{CPU: -1, MemoryGB: -1, GPU: -1}},
			[]string{"Tags", "Properties", "ResourceConfiguration.CPU", "ResourceConfiguration.MemoryGB", "ResourceConfiguration.GPU"}},
	} {
		_, err := m.Update(ctx, c.update)
		require.ErrorIs(t, err, azureml.ErrInvalid)
		assert.Equal(t, c.want, fields(failure(t, err)))
	}
	_, err = m.AddTags(ctx, empty)
	assert.Equal(t, []string{"tags"}, fields(failure(t, err)))
	_, err = m.AddProperties(ctx, empty)
	assert.Equal(t, []string{"properties"}, fields(failure(t, err)))

	unbound := &model.Model{ID: "m:1"}
	for name, call := range map[string]func() error{
		"update": func() error { _, err := unbound.Update(ctx, model.Update{SampleInput: "d"}); return err },
		"tags":   func() error { _, err := unbound.RemoveTags(ctx, "a"); return err },
		"delete": func() error { _, err := unbound.Delete(ctx); return err },
	} {
		err := call()
		require.ErrorIs(t, err, azureml.ErrInvalid, name)
		assert.Contains(t, err.Error(), "does not know its workspace; read it with model.Get", name)
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	playModel(t, "delete", func(t *testing.T, m *model.Model) {
		for _, want := range []bool{false, true, true} {
			result, err := m.Delete(t.Context())
			require.NoError(t, err)
			assert.Equal(t, model.DeleteResult{AlreadyGone: want}, result)
		}
	})
	playModel(t, "delete_in_use", func(t *testing.T, m *model.Model) {
		_, err := m.Delete(t.Context())
		require.ErrorIs(t, err, azureml.ErrInUse)
		e := failure(t, err)
		assert.Contains(t, e.Error(), `cannot delete model "churn:1": DeletionRequired: Model churn:1 is in use and cannot be deleted. Web services that use it: svc-a, svc-b.`)
		assert.Equal(t, "Delete or update these web services first: svc-a, svc-b.", e.Remedy)
		assert.True(t, azureml.HasCode(err, "DeletionRequired"))

		_, err = m.Delete(t.Context())
		require.ErrorIs(t, err, azureml.ErrInUse)
		assert.Contains(t, failure(t, err).Remedy, "services that use the model")
		assert.Contains(t, failure(t, err).Remedy, "or an image of old", "where no service is known to use it")
		_, err = m.Delete(t.Context())
		require.ErrorIs(t, err, azureml.ErrConflict)
	})
}

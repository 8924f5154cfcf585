package model_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml/model"
)

// TestAllOfAModelIsRead: what a model shows is read, by the same names.
func TestAllOfAModelIsRead(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	m := model.Model{
		ID: "m:2", Name: "m", Version: 2, Framework: model.FrameworkOnnx, FrameworkVersion: "1", Description: "d", URL: "aml://asset/x", MIMEType: "a/b",
		Unpack: true, CreatedTime: at, ModifiedTime: at.Add(time.Hour), Tags: map[string]string{"a": "1"}, Properties: map[string]string{"b": "2"},
		RunID: "r", ExperimentName: "e", ParentID: "p:1", DerivedIDs: []string{"q:1"}, Datasets: []model.DatasetReference{{"training", "i"}},
		SampleInput: "in", SampleOutput: "out", ResourceConfiguration: &model.ResourceConfiguration{CPU: 1}, CreatedBy: &model.User{Name: "Jane"},
	}
	all := reflect.ValueOf(m)
	for i := range all.NumField() {
		if field := all.Type().Field(i); field.IsExported() {
			assert.False(t, all.Field(i).IsZero(), "%s is not in the sample", field.Name)
		}
	}
	text, err := json.Marshal(m)
	require.NoError(t, err)
	var read model.Model
	require.NoError(t, json.Unmarshal(text, &read))
	assert.Equal(t, m, read)
}

// TestOddTags: values that are no texts are taken as they are written, of one model and of
// each in a list.
func TestOddTags(t *testing.T) {
	t.Parallel()
	const text = `{"id":"m:1","version":"one","kvTags":{"a":1,"b":"x","c":null,"d":{"e":true}},"properties":[]}`
	want := map[string]string{"a": "1", "b": "x", "c": "", "d": `{"e":true}`}
	var m model.Model
	require.NoError(t, json.Unmarshal([]byte(text), &m))
	assert.Equal(t, want, m.Tags)
	assert.Empty(t, m.Properties)
	assert.Equal(t, "m", m.Name)
	assert.EqualValues(t, 1, m.Version)

	ws := scripted(t, func(*http.Request) (int, string) {
		return http.StatusOK, `{"value":[` + text + `,null,{"id":"n:2","tags":{"f":"y"}}]}`
	})
	var tags []map[string]string
	for m, err := range model.List(t.Context(), ws, nil) {
		require.NoError(t, err)
		tags = append(tags, m.Tags)
	}
	assert.Equal(t, []map[string]string{want, {"f": "y"}}, tags)
}

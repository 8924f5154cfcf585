package model_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/workspace"
)

const profiled = "33333333-0000-4000-8000-000000000002"

func TestProfile(t *testing.T) {
	t.Parallel()
	play(t, "profile", func(t *testing.T, ws *workspace.Workspace) {
		poller, err := model.BeginProfile(t.Context(), ws, "prof1", churn(), scoring(sklearn()), "aml://dataset/"+profiled, &model.ProfileOptions{CPU: 2, Description: "d"})
		require.NoError(t, err)
		p, err := poller.PollUntilDone(t.Context(), nil)
		require.NoError(t, err)
		assert.Equal(t, "prof1", p.String())
		assert.Equal(t, profiled, p.InputDatasetID)
		assert.InDelta(t, 2, *p.Requirements.CPU, 0)
		assert.Nil(t, p.Requirements.MemoryGB)
		for want, got := range map[float64]*float64{
			0.5: p.RecommendedCPU, 0.35: p.MaxUtilizedMemoryGB, 0.48: p.MaxUtilizedCPU, 12.5: p.MeasuredQueriesPerSecond, 100: p.TotalQueries,
			99: p.SuccessQueries, 80.5: p.AverageLatencyMs, 75: p.LatencyPercentile50Ms, 95.5: p.LatencyPercentile90Ms,
			101: p.LatencyPercentile95Ms, 120: p.LatencyPercentile99Ms, 130.25: p.LatencyPercentile999Ms,
		} {
			if assert.NotNil(t, got, want) {
				assert.InDelta(t, want, *got, 0)
			}
		}
		assert.InDelta(t, 99, *p.SuccessRate, 0)
		assert.InDelta(t, 0.5, *p.RecommendedMemoryGB, 0)
		assert.Equal(t, "1", p.Environment.Version)
		assert.Equal(t, 2024, p.CreatedTime.Year())
		assert.Nil(t, p.Error)
	})
}

func TestProfileFailure(t *testing.T) {
	t.Parallel()
	play(t, "profile_failed", func(t *testing.T, ws *workspace.Workspace) {
		poller, err := model.BeginProfile(t.Context(), ws, "prof1", churn(), scoring(sklearn()), profiled, nil)
		require.NoError(t, err)
		_, err = poller.PollUntilDone(t.Context(), nil)
		require.ErrorIs(t, err, azureml.ErrOperationFailed)
		e := failure(t, err)
		assert.Equal(t, "ModelProfilingFailed", e.Code)
		assert.Equal(t, "The model crashed.", e.Message)
		assert.Equal(t, "Traceback\nModuleNotFoundError: No module named joblib", e.LogTail)
		assert.True(t, e.HasCode("CrashLoopBackOff"))
	})
}

// TestGetProfile: odd values are left empty or kept as they are.
func TestGetProfile(t *testing.T) {
	t.Parallel()
	play(t, "profile_get", func(t *testing.T, ws *workspace.Workspace) {
		p, err := model.GetProfile(t.Context(), ws, "prof1")
		require.NoError(t, err)
		assert.Equal(t, "Dreaming", p.State)
		assert.Nil(t, p.RecommendedCPU)
		assert.Empty(t, p.ModelIDs)
		assert.Nil(t, p.Environment)
		assert.Nil(t, p.Error)
		assert.True(t, p.CreatedTime.IsZero())
		for range 2 {
			_, err = model.GetProfile(t.Context(), ws, "prof1")
			require.ErrorIs(t, err, azureml.ErrNotFound)
		}
		all, err := azureml.Collect(model.ListProfiles(t.Context(), ws))
		require.NoError(t, err)
		require.Len(t, all, 2)
		assert.Equal(t, "Your container application crashed.", all[1].Error.Details[0].Message)
		data, err := json.Marshal(all[1])
		require.NoError(t, err)
		assert.NotContains(t, string(data), signature)
	})
}

func TestProfileInvalid(t *testing.T) {
	t.Parallel()
	ws := offline(t)
	_, err := model.BeginProfile(t.Context(), ws, "", nil, nil, "aml://dataset/", &model.ProfileOptions{CPU: 3.6, MemoryGB: 0.05})
	require.ErrorIs(t, err, azureml.ErrInvalid)
	assert.Equal(t, []string{"name", "datasetID", "CPU", "MemoryGB", "inference", "models"}, fields(failure(t, err)))
	_, err = model.GetProfile(t.Context(), ws, "")
	assert.Equal(t, []string{"name"}, fields(failure(t, err)))
	for range model.ListProfiles(t.Context(), scripted(t, func(*http.Request) (int, string) { return http.StatusOK, `{"value":[null,{"name":"a"}]}` })) {
		break
	}
	for body, want := range map[string]string{"<html>": "HTML", `{"value":[{"na`: "", "null": "no such profile", `{"value":{}}`: "no such profile"} {
		_, err := model.GetProfile(t.Context(), scripted(t, func(*http.Request) (int, string) { return http.StatusOK, body }), "prof1")
		require.ErrorContains(t, err, want, body)
	}
}

func FuzzProfileJSON(f *testing.F) {
	f.Add(`{"name":"a","state":"Failed","error":{"code":"x","details":[null,{"code":1}]},"recommendedCpu":"1","environment":{"name":1}}`)
	f.Add(`{"error":"text","errorLogsUri":1,"containerResourceRequirements":[],"modelIds":{}}`)
	f.Fuzz(func(t *testing.T, text string) {
		var p model.ModelProfile
		if json.Unmarshal([]byte(text), &p) != nil {
			return
		}
		data, err := json.Marshal(&p)
		require.NoError(t, err)
		var again model.ModelProfile
		require.NoError(t, json.Unmarshal(data, &again), strings.ToValidUTF8(string(data), ""))
	})
}

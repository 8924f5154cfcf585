package webservice_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/internal/recording"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

// recorded plays a rollout in one step of version2 of the endpoint churn, or of another
// version, against a recording of the emulator, in which faults were set up.
func recorded(t *testing.T, name, version string, o webservice.RolloutOptions, faults ...func(*azuremltest.Server)) (*webservice.RolloutResult, error) {
	t.Helper()
	var result *webservice.RolloutResult
	var err error
	synctest.Test(t, func(t *testing.T) {
		p := recording.Play(t, name, recording.Emulator(func() (policy.Transporter, azcore.TokenCredential) {
			s := newStage(t, &azuremltest.Options{InMemory: true, OperationPolls: 1})
			for _, fault := range faults {
				fault(s.srv)
			}
			return s.srv.Client(), s.srv.Credential()
		}))
		ws, openErr := workspace.Get(t.Context(), azuremltest.WorkspaceName, p.Credential(), &workspace.GetOptions{
			ClientOptions:  p.ClientOptions(),
			SubscriptionID: p.Setting("AZUREML_TEST_SUBSCRIPTION", azuremltest.SubscriptionID), ResourceGroup: azuremltest.ResourceGroup,
		})
		require.NoError(t, openErr)
		e, openErr := webservice.GetEndpoint(t.Context(), ws, "churn")
		require.NoError(t, openErr)
		o.Steps, o.Bake = []float64{50}, -1
		result, err = webservice.Rollout(t.Context(), e, version, &o)
	})
	return result, err
}

func TestRolloutRecorded(t *testing.T) {
	t.Parallel()
	t.Run("promoted", func(t *testing.T) {
		t.Parallel()
		result, err := recorded(t, "rollout_promoted", "version2", webservice.RolloutOptions{})
		require.NoError(t, err)
		assert.Equal(t, webservice.RolloutPromoted, result.Outcome)
	})
	t.Run("and the old one deleted", func(t *testing.T) {
		t.Parallel()
		_, err := recorded(t, "rollout_deleted", "version2", webservice.RolloutOptions{DeleteOld: true, SkipPrecheck: true})
		require.NoError(t, err)
	})
	t.Run("rolled back", func(t *testing.T) {
		t.Parallel()
		_, err := recorded(t, "rollout_rolled_back", "version2", webservice.RolloutOptions{Judge: badAt(0)})
		failure(t, err, webservice.ErrRolledBack)
	})
	t.Run("another rollout is under way", func(t *testing.T) {
		t.Parallel()
		_, err := recorded(t, "rollout_conflict", "version2", webservice.RolloutOptions{}, mark("theirs"))
		e := failure(t, err, azureml.ErrConflict)
		assert.Equal(t, `rollout "theirs" is under way`, e.Message)
		assert.Contains(t, e.Remedy, `TakeOver "theirs"`)
	})
	t.Run("a dead one is taken over", func(t *testing.T) {
		t.Parallel()
		result, err := recorded(t, "rollout_take_over", "version2", webservice.RolloutOptions{TakeOver: "theirs", SkipPrecheck: true}, mark("theirs"))
		require.NoError(t, err)
		assert.Equal(t, webservice.RolloutPromoted, result.Outcome)
	})
	t.Run("there is no such version", func(t *testing.T) {
		t.Parallel()
		_, err := recorded(t, "rollout_no_version", "version9", webservice.RolloutOptions{})
		e := failure(t, err, azureml.ErrInvalid)
		assert.Equal(t, `version ("version9") is not one of its versions (version1, version2, version3)`, e.Violations[0].String())
	})
	t.Run("the service refuses", func(t *testing.T) {
		t.Parallel()
		_, err := recorded(t, "rollout_refused", "version2", webservice.RolloutOptions{}, func(srv *azuremltest.Server) {
			srv.Fault(azuremltest.Fault{Method: http.MethodPatch, Status: 400, Body: `{"code":"BadRequest","statusCode":400,"message":"The request is invalid"}`, Header: http.Header{"Content-Type": {"application/json"}}})
		})
		failure(t, err, webservice.ErrRolledBack)
		require.ErrorIs(t, err, azureml.ErrInvalid)
	})
	t.Run("the precheck refuses", func(t *testing.T) {
		t.Parallel()
		_, err := recorded(t, "rollout_precheck", "version2", webservice.RolloutOptions{OnError: webservice.RolloutHold}, func(srv *azuremltest.Server) {
			srv.Fault(azuremltest.Fault{Method: http.MethodPost, Path: "/services/validate", Status: 200, Body: `{"error":{"code":"NotNow","message":"not now"}}`, Header: http.Header{"Content-Type": {"application/json"}}})
		})
		e := failure(t, err, nil)
		assert.Contains(t, e.Message, "not now")
	})
	t.Run("the operation fails", func(t *testing.T) {
		t.Parallel()
		result, err := recorded(t, "rollout_operation_failed", "version2", webservice.RolloutOptions{SkipPrecheck: true}, func(srv *azuremltest.Server) {
			srv.FailNextOperation(azuremltest.OperationFailure{Kind: "service"})
		})
		require.NoError(t, err, "it is tried again")
		assert.Equal(t, webservice.RolloutPromoted, result.Outcome)
	})
	t.Run("the answer to a patch is lost", func(t *testing.T) {
		t.Parallel()
		_, err := recorded(t, "rollout_answer_lost", "version2", webservice.RolloutOptions{SkipPrecheck: true}, func(srv *azuremltest.Server) {
			srv.Fault(azuremltest.Fault{Method: http.MethodPatch, ResetAfter: true})
		})
		require.NoError(t, err, "it is seen to have taken effect")
	})
}

// mark puts another rollout's tag on the endpoint.
func mark(id string) func(*azuremltest.Server) {
	return func(srv *azuremltest.Server) {
		ctx := context.Background()
		ws, err := workspace.Get(ctx, azuremltest.WorkspaceName, srv.Credential(), &workspace.GetOptions{
			ClientOptions: srv.ClientOptions(), SubscriptionID: azuremltest.SubscriptionID, ResourceGroup: azuremltest.ResourceGroup,
		})
		check(err)
		e, err := webservice.GetEndpoint(ctx, ws, "churn")
		check(err)
		_, err = e.AddTags(ctx, map[string]string{webservice.RolloutTag: id})
		check(err)
	}
}

func TestRolloutRules(t *testing.T) {
	t.Parallel()
	s := newSplitter(t, 0)
	for name, test := range map[string]struct {
		version string
		o       webservice.RolloutOptions
		broken  []string
	}{
		"no version":       {"", webservice.RolloutOptions{}, []string{"version"}},
		"another version":  {"nope", webservice.RolloutOptions{}, []string{"version"}},
		"no steps":         {"new", webservice.RolloutOptions{Steps: []float64{}}, []string{"Steps"}},
		"steps that fall":  {"new", webservice.RolloutOptions{Steps: []float64{50, 5}}, []string{"Steps"}},
		"steps that stand": {"new", webservice.RolloutOptions{Steps: []float64{5, 5}}, []string{"Steps"}},
		"no share":         {"new", webservice.RolloutOptions{Steps: []float64{0, 5}}, []string{"Steps"}},
		"too much":         {"new", webservice.RolloutOptions{Steps: []float64{101}}, []string{"Steps"}},
		"no number":        {"new", webservice.RolloutOptions{Steps: []float64{math.NaN()}}, []string{"Steps"}},
		"all of it": {"new", webservice.RolloutOptions{Interval: -1, JudgeTimeout: -1, RollBackTimeout: -1, OnCancel: "panic", OnError: "panic"},
			[]string{"Interval", "JudgeTimeout", "RollBackTimeout", "OnCancel", "OnError"}},
	} {
		result, err := webservice.Rollout(t.Context(), s, test.version, &test.o)
		assert.Nil(t, result, name)
		assert.Equal(t, test.broken, fields(failure(t, err, azureml.ErrInvalid)), name)
	}
	result, err := webservice.Rollout(t.Context(), s, "old", nil)
	require.NoError(t, err, "it is the default already")
	assert.Equal(t, webservice.RolloutPromoted, result.Outcome)
	text, err := json.Marshal(result)
	require.NoError(t, err)
	assert.JSONEq(t, `{"outcome":"promoted","traffic":{"old":100,"new":0},"state":null}`, string(text))
}

// TestRolloutLeavesOutSteps: what a version has already is not taken from it.
func TestRolloutLeavesOutSteps(t *testing.T) {
	t.Parallel()
	for has, want := range map[float64][]float64{0: {5, 25, 50, 100}, 5: {5, 25, 50, 100}, 30: {50, 100}, 50: {50, 100}, 99: {100}} {
		var shares []float64
		_, err := webservice.Rollout(t.Context(), newSplitter(t, has), "new", &webservice.RolloutOptions{
			Bake: -1, Judge: fine,
			OnEvent: func(e webservice.RolloutEvent) {
				if e.Kind == webservice.RolloutEventShifted {
					shares = append(shares, e.Traffic["new"])
				}
			},
		})
		require.NoError(t, err)
		assert.Equal(t, want, shares, "%v", has)
	}
	var shares []float64
	_, err := webservice.Rollout(t.Context(), newSplitter(t, 40), "new", &webservice.RolloutOptions{Steps: []float64{10, 20}, Bake: -1, Judge: fine, OnEvent: func(e webservice.RolloutEvent) {
		if e.Kind == webservice.RolloutEventShifted {
			shares = append(shares, e.Traffic["new"])
		}
	}})
	require.NoError(t, err)
	assert.Equal(t, []float64{100}, shares)
}

func TestResumeRolloutRules(t *testing.T) {
	t.Parallel()
	s := newSplitter(t, 0)
	var state webservice.RolloutState
	_, err := webservice.ResumeRollout(t.Context(), s, state, nil)
	assert.Equal(t, []string{"state"}, fields(failure(t, err, azureml.ErrInvalid)))
	ctx, cancel := context.WithCancel(t.Context())
	_, err = webservice.Rollout(ctx, s, "new", &webservice.RolloutOptions{Judge: fine, Save: func(_ context.Context, at webservice.RolloutState) error {
		state = at
		if at.Phase() == "baking" {
			cancel()
		}
		return nil
	}})
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, "churn", state.Name())
	assert.Equal(t, "old", state.Old())
	assert.Contains(t, state.String(), "of churn new: baking at 5 %")
	other, err := webservice.NewSplitter(t.Context(), "other", []webservice.SplitterVersion{{Name: "old", Scorer: canned(t, "1")}}, nil)
	require.NoError(t, err)
	_, err = webservice.ResumeRollout(t.Context(), other, state, nil)
	assert.Equal(t, []string{"state"}, fields(failure(t, err, azureml.ErrInvalid)))
	same, err := webservice.NewSplitter(t.Context(), "churn", []webservice.SplitterVersion{{Name: "old", Scorer: canned(t, "1")}}, nil)
	require.NoError(t, err)
	_, err = webservice.ResumeRollout(t.Context(), same, state, &webservice.RolloutOptions{Judge: fine})
	assert.Equal(t, []string{"state"}, fields(failure(t, err, azureml.ErrInvalid)))
	assert.Equal(t, map[string]float64{"old": 100}, same.Traffic(), "there is no such version: nothing is touched")

	text, err := json.Marshal(state)
	require.NoError(t, err)
	var read webservice.RolloutState
	require.NoError(t, json.Unmarshal(text, &read))
	assert.Equal(t, state, read)
	require.Error(t, json.Unmarshal([]byte(`{"format":9}`), &read))
	require.NoError(t, json.Unmarshal([]byte(`null`), &read))
	_, err = webservice.ParseRolloutState([]byte(strings.Replace(string(text), `"format":1`, `"format":2`, 1)))
	e := failure(t, err, azureml.ErrInvalid)
	assert.Contains(t, e.Message, "its format is 2")
}

func TestRolloutEventsAreForLogs(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	logger := slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	e := webservice.RolloutEvent{
		Kind: webservice.RolloutEventJudged, RolloutID: "r1", Target: "churn", Version: "v2", Old: "v1", Step: 1, Steps: 4, Percent: 5,
		Traffic: map[string]float64{"v2": 5, "v1": 95}, Verdict: webservice.Verdict{Decision: webservice.DecisionHold, Reason: "few requests"},
	}
	logger.Info("rollout", "event", e)
	assert.Equal(t, "level=INFO msg=rollout event.kind=judged event.rollout=r1 event.target=churn event.version=v2 event.old=v1 event.step=1 event.percent=5 event.traffic.v1=95 event.traffic.v2=5 event.verdict=hold event.reason=\"few requests\"\n", b.String())
	assert.Equal(t, "churn v2: judged at 5 % (step 1 of 4): hold: few requests", e.String())
	e.Err = errors.New("down")
	b.Reset()
	logger.Info("rollout", "event", e)
	assert.Contains(t, b.String(), "event.error=down")
	assert.Equal(t, "churn v2: judged at 5 % (step 1 of 4): down", e.String())
	assert.Len(t, webservice.PossibleRolloutOutcomeValues(), 3)
	assert.Len(t, webservice.PossibleDecisionValues(), 3)
}

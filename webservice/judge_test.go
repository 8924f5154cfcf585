package webservice_test

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/webservice"
)

func stats(requests, failures float64, latency time.Duration) webservice.VersionStats {
	return webservice.VersionStats{Requests: requests, Failures: failures, Latency: latency}
}

// TestMetricJudge has the rules by which versions are compared.
func TestMetricJudge(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	old := stats(1000, 10, 100*ms)
	for name, test := range map[string]struct {
		old, fresh webservice.VersionStats
		limits     *webservice.Limits
		want       webservice.Decision
		reason     string
	}{
		"as good":                    {old, stats(100, 1, 100*ms), nil, webservice.DecisionPromote, `version "v2": 100 requests, 99 % well, 100ms; version "v1": 1000 requests, 99 % well, 100ms`},
		"better":                     {old, stats(100, 0, 50*ms), nil, webservice.DecisionPromote, ""},
		"no requests":                {old, stats(0, 0, 0), nil, webservice.DecisionHold, "fewer than 20 requests"},
		"few requests":               {old, stats(19, 0, 0), nil, webservice.DecisionHold, "fewer than 20 requests"},
		"few are enough":             {old, stats(1, 0, 0), &webservice.Limits{MinRequests: -1}, webservice.DecisionPromote, ""},
		"two failures may be chance": {old, stats(2, 2, 0), nil, webservice.DecisionHold, ""},
		"three are none":             {old, stats(3, 3, 0), nil, webservice.DecisionRollBack, "too many failures"},
		"a little worse":             {old, stats(100, 3, 100*ms), nil, webservice.DecisionHold, "perhaps too many failures"},
		"a little worse, for sure":   {old, stats(10_000, 300, 100*ms), nil, webservice.DecisionRollBack, "at most 2 % are allowed"},
		"worse is allowed":           {old, stats(10_000, 300, 100*ms), &webservice.Limits{MaxSuccessDrop: 0.05}, webservice.DecisionPromote, ""},
		"not at all worse":           {old, stats(100_000, 1300, 100*ms), &webservice.Limits{MaxSuccessDrop: -1}, webservice.DecisionRollBack, "at most 1 % are allowed"},
		"below the floor":            {stats(1000, 200, 0), stats(1000, 190, 0), &webservice.Limits{MinSuccessRate: 0.9}, webservice.DecisionRollBack, "at most 10 % are allowed"},
		"slow":                       {old, stats(100, 0, 201*ms), nil, webservice.DecisionRollBack, "too slow (at most 200ms is allowed)"},
		"not so slow":                {old, stats(100, 0, 199*ms), nil, webservice.DecisionPromote, ""},
		"slow does not count":        {old, stats(100, 0, time.Hour), &webservice.Limits{MaxLatencyRatio: -1}, webservice.DecisionPromote, ""},
		"slower than anyone may be":  {old, stats(100, 0, 160*ms), &webservice.Limits{MaxLatency: 150 * ms}, webservice.DecisionRollBack, "at most 150ms"},
		"without slack":              {old, stats(100, 0, 160*ms), &webservice.Limits{LatencySlack: -1}, webservice.DecisionRollBack, "at most 150ms"},
		"slow, but few":              {old, stats(5, 0, time.Hour), nil, webservice.DecisionHold, ""},
		"nothing to compare with":    {stats(0, 0, 0), stats(100, 4, time.Hour), nil, webservice.DecisionPromote, ""},
		"absolutely bad":             {stats(0, 0, 0), stats(100, 20, 0), nil, webservice.DecisionRollBack, "at most 5 % are allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			since := time.Now()
			judge := webservice.MetricJudge(func(_ context.Context, version string, from time.Time) (webservice.VersionStats, error) {
				assert.Equal(t, since, from)
				return map[string]webservice.VersionStats{"v1": test.old, "v2": test.fresh}[version], nil
			}, test.limits)
			verdict, err := judge(t.Context(), webservice.Observation{RolloutID: "r", Version: "v2", Old: "v1", Since: since})
			require.NoError(t, err)
			assert.Equal(t, test.want, verdict.Decision, verdict.Reason)
			assert.Contains(t, verdict.Reason, test.reason)
		})
	}

	// The old version is remembered from when it had requests.
	step := 0
	judge := webservice.MetricJudge(func(_ context.Context, version string, _ time.Time) (webservice.VersionStats, error) {
		switch {
		case step == 2:
			return stats(0, 0, 0), errors.New("down")
		case version == "v1" && step == 0:
			return stats(1000, 100, 0), nil
		case version == "v1":
			return stats(0, 0, 0), nil
		}
		return stats(1000, 100, 0), nil
	}, nil)
	for step = range 2 {
		verdict, err := judge(t.Context(), webservice.Observation{RolloutID: "r", Version: "v2", Old: "v1"})
		require.NoError(t, err)
		assert.Equal(t, webservice.DecisionPromote, verdict.Decision, verdict.Reason)
	}
	verdict, err := judge(t.Context(), webservice.Observation{RolloutID: "another", Version: "v2", Old: "v1"})
	require.NoError(t, err)
	assert.Equal(t, webservice.DecisionRollBack, verdict.Decision)
	step = 2
	_, err = judge(t.Context(), webservice.Observation{RolloutID: "r", Version: "v2", Old: "v1"})
	require.ErrorContains(t, err, `metrics of version "v1": down`)
}

func TestAllJudges(t *testing.T) {
	t.Parallel()
	says := func(d webservice.Decision, reason string, err error) webservice.Judge {
		return func(context.Context, webservice.Observation) (webservice.Verdict, error) {
			return webservice.Verdict{Decision: d, Reason: reason}, err
		}
	}
	good, better := says(webservice.DecisionPromote, "good", nil), says(webservice.DecisionPromote, "better", nil)
	hold, bad, broken := says(webservice.DecisionHold, "hold", nil), says(webservice.DecisionRollBack, "bad", nil), says("", "", errors.New("broken"))
	for name, test := range map[string]struct {
		judges []webservice.Judge
		want   string
		failed bool
	}{
		"none":       {nil, "promote", false},
		"good":       {[]webservice.Judge{good, better}, "promote: good; better", false},
		"hold":       {[]webservice.Judge{good, hold, better}, "hold: hold", false},
		"two holds":  {[]webservice.Judge{hold, hold}, "hold: hold; hold", false},
		"bad":        {[]webservice.Judge{hold, broken, bad}, "roll back: bad", false},
		"broken":     {[]webservice.Judge{good, broken, hold}, "hold: hold", true},
		"speechless": {[]webservice.Judge{says("", "", nil)}, "promote", true},
	} {
		verdict, err := webservice.AllJudges(test.judges...)(t.Context(), webservice.Observation{})
		assert.Equal(t, test.failed, err != nil, name)
		assert.Equal(t, test.want, verdict.String(), name)
	}
}

func TestStateJudge(t *testing.T) {
	t.Parallel()
	for state, want := range map[webservice.State]webservice.Decision{
		webservice.StateHealthy: webservice.DecisionPromote, webservice.StateTransitioning: webservice.DecisionHold,
		webservice.StateUnhealthy: webservice.DecisionHold, webservice.StateFailed: webservice.DecisionRollBack, "": webservice.DecisionRollBack,
	} {
		e := &webservice.AksEndpoint{Versions: map[string]*webservice.AksWebservice{}}
		if state != "" {
			e.Versions["v2"] = &webservice.AksWebservice{Service: webservice.Service{State: state}}
		}
		verdict, err := webservice.StateJudge()(t.Context(), webservice.Observation{Version: "v2", Endpoint: e})
		require.NoError(t, err)
		assert.Equal(t, want, verdict.Decision, state)
	}
	failed := &webservice.AksEndpoint{Service: webservice.Service{State: webservice.StateFailed}}
	verdict, err := webservice.StateJudge()(t.Context(), webservice.Observation{Version: "v2", Endpoint: failed})
	require.NoError(t, err)
	assert.Equal(t, webservice.DecisionHold, verdict.Decision)
	verdict, err = webservice.TrafficJudge(nil)(t.Context(), webservice.Observation{})
	require.NoError(t, err)
	assert.Equal(t, webservice.DecisionHold, verdict.Decision)
}

// TestProbeJudge: a version that fails, or is slow, is found by probes of the endpoint's
// one address, at a small share too.
func TestProbeJudge(t *testing.T) {
	t.Parallel()
	after := func(d time.Duration, fail func(n int64) bool) azuremltest.Scorer {
		var n atomic.Int64
		return func(_ context.Context, in *azuremltest.ScoreRequest) (*azuremltest.ScoreResponse, error) {
			time.Sleep(d)
			if fail != nil && fail(n.Add(1)) {
				return nil, errors.New("boom")
			}
			return &azuremltest.ScoreResponse{Body: []byte(`"` + in.Version + `"`), Header: http.Header{"X-Version": {in.Version}}}, nil
		}
	}
	const usual = 20 * time.Millisecond
	always := func(int64) bool { return true }
	fifth := func(n int64) bool { return n%5 == 0 }
	versionOf := func(a *webservice.Answer) string { return a.Header.Get("X-Version") }
	for name, test := range map[string]struct {
		old, fresh azuremltest.Scorer
		o          webservice.ProbeOptions
		reason     string // empty: it is promoted
	}{
		"good":                              {after(usual, nil), after(usual, nil), webservice.ProbeOptions{}, ""},
		"failing":                           {after(usual, nil), after(usual, always), webservice.ProbeOptions{}, "too many failures"},
		"failing now and then":              {after(usual, nil), after(usual, fifth), webservice.ProbeOptions{}, "too many failures"},
		"failing as ever":                   {after(usual, fifth), after(usual, fifth), webservice.ProbeOptions{}, ""},
		"slow":                              {after(usual, nil), after(10*usual, nil), webservice.ProbeOptions{}, "too slow"},
		"wrong answers":                     {after(usual, nil), after(usual, nil), webservice.ProbeOptions{Check: wrongOf("version2")}, "too many failures"},
		"good, known by header":             {after(usual, nil), after(usual, nil), webservice.ProbeOptions{VersionOf: versionOf}, ""},
		"failing, known by header":          {after(usual, nil), after(usual, always), webservice.ProbeOptions{VersionOf: versionOf}, "too many failures"},
		"slow, known by header":             {after(usual, nil), after(10*usual, nil), webservice.ProbeOptions{VersionOf: versionOf}, "too slow"},
		"wrong answers, known by header":    {after(usual, nil), after(usual, nil), webservice.ProbeOptions{VersionOf: versionOf, Check: wrongOf("version2")}, "too many failures"},
		"timeouts":                          {after(usual, nil), after(20*time.Second, nil), webservice.ProbeOptions{Concurrency: 20}, "too many failures"},
		"bad limits of the caller's choice": {after(usual, nil), after(usual, nil), webservice.ProbeOptions{Limits: &webservice.Limits{MaxLatency: time.Millisecond}}, "too slow"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onStage(t, func(t *testing.T, s stage) {
				s.srv.SetVersionScorer("churn", "version1", test.old)
				s.srv.SetVersionScorer("churn", "version2", test.fresh)
				s.srv.SetVersionScorer("churn", "version3", test.old)
				reason := ""
				_, err := webservice.Rollout(t.Context(), s.endpoint(t.Context(), t), "version2", &webservice.RolloutOptions{
					Steps: []float64{10, 100}, Bake: 5 * time.Minute, Interval: time.Minute, Judge: webservice.ProbeJudge([][]byte{one}, &test.o),
					OnEvent: func(e webservice.RolloutEvent) {
						if e.Kind == webservice.RolloutEventJudged {
							reason = e.Verdict.Reason
						}
					},
				})
				if test.reason == "" {
					require.NoError(t, err)
					assert.Contains(t, reason, "version1", "the comparison is with the old version")
					return
				}
				assert.Contains(t, failure(t, err, webservice.ErrRolledBack).Message, test.reason)
			})
		})
	}
}

func wrongOf(version string) func(*webservice.Answer) error {
	return func(a *webservice.Answer) error {
		if a.Header.Get("X-Version") == version {
			return errors.New("wrong")
		}
		return nil
	}
}

func TestProbeJudgeRules(t *testing.T) {
	t.Parallel()
	judge := webservice.ProbeJudge(nil, &webservice.ProbeOptions{Count: -1, Concurrency: -1, Timeout: -1, Direct: true, Scorer: canned(t, "1")})
	_, err := judge(t.Context(), webservice.Observation{})
	assert.Equal(t, []string{"bodies", "Count", "Concurrency", "Timeout", "Scorer"}, fields(failure(t, err, azureml.ErrInvalid)))
	_, err = webservice.ProbeJudge([][]byte{one}, nil)(t.Context(), webservice.Observation{})
	require.ErrorContains(t, err, "nothing to probe")
	e := &webservice.AksEndpoint{Service: webservice.Service{Name: "churn", ScoringURI: "http://10.0.0.9/score"}}
	_, err = webservice.ProbeJudge([][]byte{one}, &webservice.ProbeOptions{Direct: true})(t.Context(), webservice.Observation{Endpoint: e})
	failure(t, err, azureml.ErrInvalid)

	// A splitter's versions are probed each by themselves.
	s, err := webservice.NewSplitter(t.Context(), "churn", []webservice.SplitterVersion{{Name: "good", Scorer: canned(t, "1")}, {Name: "bad", Scorer: canned(t, "")}}, nil)
	require.NoError(t, err)
	_, err = webservice.Rollout(t.Context(), s, "bad", &webservice.RolloutOptions{Bake: -1, Judge: webservice.ProbeJudge([][]byte{one}, nil)})
	assert.Contains(t, failure(t, err, webservice.ErrRolledBack).Message, "too many failures")
	assert.Equal(t, map[string]float64{"good": 100}, s.Traffic())
}

// TestProbesDirect reaches the versions at their own addresses, those of the emulator.
func TestProbesDirect(t *testing.T) {
	t.Parallel()
	onStage(t, func(t *testing.T, s stage) {
		s.srv.SetVersionScorer("churn", "version2", func(context.Context, *azuremltest.ScoreRequest) (*azuremltest.ScoreResponse, error) {
			return nil, errors.New("boom")
		})
		_, err := webservice.Rollout(t.Context(), s.endpoint(t.Context(), t), "version2", &webservice.RolloutOptions{
			Judge: webservice.ProbeJudge([][]byte{one}, &webservice.ProbeOptions{Direct: true}),
		})
		e := failure(t, err, webservice.ErrRolledBack)
		assert.Contains(t, e.Message, "too many failures")
		for _, r := range s.srv.Requests() {
			assert.NotEqual(t, http.MethodPatch, r.Method, "it was seen before the first step")
		}
	})
}

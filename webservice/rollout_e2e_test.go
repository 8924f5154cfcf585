package webservice_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

// stage is an emulated workspace with the endpoint churn: version v1 is the default and
// the control with 20 %, v2 waits for its rollout, v3 keeps 10 %.
type stage struct {
	srv *azuremltest.Server
}

func newStage(t *testing.T, o *azuremltest.Options) stage {
	t.Helper()
	srv := azuremltest.NewServer(o)
	t.Cleanup(srv.Close)
	srv.AddCompute(azuremltest.Workspace{}, azuremltest.Compute{Name: "myaks"})
	id := srv.AddModel(azuremltest.Workspace{}, azuremltest.Model{Name: "mymodel", Framework: "ScikitLearn"}).ID
	version := func(name string, members map[string]any) map[string]any {
		members["name"], members["computeType"] = name, "AKS"
		members["environmentImageRequest"] = map[string]any{"modelIds": []string{id}}
		return members
	}
	srv.AddService(azuremltest.Workspace{}, map[string]any{
		"name": "churn", "computeType": "AKSENDPOINT", "computeName": "myaks", "kvTags": map[string]string{"team": "ml"},
		"versions": map[string]any{
			"version1": version("version1", map[string]any{"isDefault": true, "type": "Control", "trafficPercentile": 20}),
			"version2": version("version2", map[string]any{"isDefault": false, "type": "Treatment"}),
			"version3": version("version3", map[string]any{"isDefault": false, "type": "Treatment", "trafficPercentile": 10}),
		},
	})
	return stage{srv}
}

// endpoint opens the workspace anew and reads the endpoint, as a program does that begins.
func (s stage) endpoint(ctx context.Context, t *testing.T, options ...azcore.ClientOptions) *webservice.AksEndpoint {
	t.Helper()
	options = append(options, s.srv.ClientOptions())
	ws, err := workspace.Get(ctx, azuremltest.WorkspaceName, s.srv.Credential(), &workspace.GetOptions{
		ClientOptions: options[0], SubscriptionID: azuremltest.SubscriptionID, ResourceGroup: azuremltest.ResourceGroup,
	})
	require.NoError(t, err)
	e, err := webservice.GetEndpoint(ctx, ws, "churn")
	require.NoError(t, err)
	return e
}

// picture is what a rollout may change of the endpoint.
func (s stage) picture(t *testing.T) string {
	t.Helper()
	e := s.endpoint(t.Context(), t)
	text := fmt.Sprintf("%s %v", e.State, e.Tags)
	for _, name := range []string{"version1", "version2", "version3"} {
		v := e.Versions[name]
		if v == nil {
			text += fmt.Sprintf(" %s gone", name)
			continue
		}
		own := 0.0
		if v.TrafficPercentile != nil {
			own = *v.TrafficPercentile
		}
		text += fmt.Sprintf(" %s %v %v %s", name, own, *v.IsDefault, v.VersionType)
	}
	return text
}

const (
	before   = "Healthy map[team:ml] version1 20 true Control version2 0 false Treatment version3 10 false Treatment"
	promoted = "Healthy map[team:ml] version1 0 false Treatment version2 20 true Control version3 10 false Treatment"
	deleted  = "Healthy map[team:ml] version1 gone version2 20 true Control version3 10 false Treatment"
)

// onStage runs a test with a stage in memory and in virtual time.
func onStage(t *testing.T, test func(t *testing.T, s stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, newStage(t, &azuremltest.Options{InMemory: true, OperationPolls: 1})) })
}

// quick is a rollout whose times do not matter.
func quick(judge webservice.Judge) *webservice.RolloutOptions {
	return &webservice.RolloutOptions{Steps: []float64{10, 50, 100}, Bake: time.Minute, Interval: time.Minute, Judge: judge, DeleteOld: true}
}

func fine(context.Context, webservice.Observation) (webservice.Verdict, error) {
	return webservice.Verdict{Decision: webservice.DecisionPromote}, nil
}

// badAt rolls back at a step.
func badAt(step int) webservice.Judge {
	return func(ctx context.Context, o webservice.Observation) (webservice.Verdict, error) {
		if !o.Baseline && o.Step == step {
			return webservice.Verdict{Decision: webservice.DecisionRollBack, Reason: "it is worse"}, nil
		}
		return fine(ctx, o)
	}
}

func TestRolloutPromotes(t *testing.T) {
	t.Parallel()
	onStage(t, func(t *testing.T, s stage) {
		var lines []string
		var states []webservice.RolloutState
		var observed []webservice.Observation
		start := time.Now()
		result, err := webservice.Rollout(t.Context(), s.endpoint(t.Context(), t), "version2", &webservice.RolloutOptions{
			Judge: webservice.AllJudges(webservice.StateJudge(), func(ctx context.Context, o webservice.Observation) (webservice.Verdict, error) {
				observed = append(observed, o)
				return fine(ctx, o)
			}),
			OnEvent: func(e webservice.RolloutEvent) { lines = append(lines, e.String()) },
			Save: func(_ context.Context, state webservice.RolloutState) error {
				states = append(states, state)
				return nil
			},
		})
		require.NoError(t, err)
		assert.Equal(t, webservice.RolloutPromoted, result.Outcome)
		assert.Equal(t, map[string]float64{"version1": 0, "version2": 90, "version3": 10}, result.Traffic)
		assert.Equal(t, promoted, s.picture(t))
		assert.InDelta(t, 20, time.Since(start).Minutes(), 1, "5 minutes for each of four steps")
		assert.Equal(t, []string{
			"churn version2: started", "churn version2: judged: promote: version \"version2\" is Healthy",
			"churn version2: shifted at 5 % (step 1 of 4)",
		}, lines[:3])
		assert.Equal(t, "churn version2: promoted at 100 % (step 4 of 4)", lines[len(lines)-1])
		assert.True(t, observed[0].Baseline)
		assert.Zero(t, observed[0].Share())
		assert.InDelta(t, 4.5, observed[1].Share(), 1e-9, "5 % of the 90 % that version1 and version2 have")
		assert.Equal(t, "version1", observed[1].Old)
		assert.NotNil(t, observed[1].Endpoint)
		last := states[len(states)-1]
		assert.True(t, last.Ended())
		assert.Equal(t, result.State, last)

		// From its last state, and anew: nothing is changed.
		sent := len(s.srv.Requests())
		for range 2 {
			result, err = webservice.ResumeRollout(t.Context(), s.endpoint(t.Context(), t), last, nil)
			require.NoError(t, err)
			assert.Equal(t, webservice.RolloutPromoted, result.Outcome)
			result, err = webservice.Rollout(t.Context(), s.endpoint(t.Context(), t), "version2", nil)
			require.NoError(t, err)
			assert.Equal(t, webservice.RolloutPromoted, result.Outcome)
		}
		for _, r := range s.srv.Requests()[sent:] {
			assert.Equal(t, http.MethodGet, r.Method)
		}
		assert.Empty(t, result.State.ID())
	})
}

func TestRolloutDeletesTheOldVersion(t *testing.T) {
	t.Parallel()
	onStage(t, func(t *testing.T, s stage) {
		_, err := webservice.Rollout(t.Context(), s.endpoint(t.Context(), t), "version2", quick(fine))
		require.NoError(t, err)
		assert.Equal(t, deleted, s.picture(t))
	})
}

func TestRolloutRollsBack(t *testing.T) {
	t.Parallel()
	for step := range 3 {
		t.Run(fmt.Sprint(step), func(t *testing.T) {
			t.Parallel()
			onStage(t, func(t *testing.T, s stage) {
				result, err := webservice.Rollout(t.Context(), s.endpoint(t.Context(), t), "version2", quick(badAt(step)))
				e := failure(t, err, webservice.ErrRolledBack)
				assert.Equal(t, `azureml: cannot roll out version "version2" of web service "churn": it was rolled back, the traffic is as it was before: it is worse`, e.Error())
				assert.Equal(t, webservice.RolloutRolledBack, result.Outcome)
				assert.Equal(t, "it is worse", result.Reason)
				assert.Equal(t, before, s.picture(t))
			})
		})
	}
}

func TestRolloutIsCancelled(t *testing.T) {
	t.Parallel()
	onStage(t, func(t *testing.T, s stage) {
		for _, action := range []webservice.RolloutAction{webservice.RolloutRollBack, webservice.RolloutHold} {
			ctx, cancel := context.WithCancel(t.Context())
			options := quick(func(ctx context.Context, o webservice.Observation) (webservice.Verdict, error) {
				if o.Step == 1 {
					cancel()
				}
				return fine(ctx, o)
			})
			options.OnCancel = action
			start := time.Now()
			result, err := webservice.Rollout(ctx, s.endpoint(ctx, t), "version2", options)
			require.ErrorIs(t, err, context.Canceled)
			assert.Less(t, time.Since(start), 130*time.Second)
			if action == webservice.RolloutRollBack {
				failure(t, err, webservice.ErrRolledBack)
				assert.Equal(t, before, s.picture(t))
				continue
			}
			e := failure(t, err, nil)
			assert.Equal(t, "stopped at 50 %, the traffic stays as it is: it was cancelled", e.Message)
			assert.Equal(t, webservice.RolloutStopped, result.Outcome)
			assert.Equal(t, "Healthy map[azureml-go.rollout:"+result.State.ID()+" team:ml] version1 20 true Control version2 45 false Treatment version3 10 false Treatment", s.picture(t))

			// A second rollout is refused, and says how to go on.
			_, err = webservice.Rollout(t.Context(), s.endpoint(t.Context(), t), "version2", quick(fine))
			e = failure(t, err, azureml.ErrConflict)
			assert.Contains(t, e.Remedy, result.State.ID())
			_, err = webservice.ResumeRollout(t.Context(), s.endpoint(t.Context(), t), result.State, quick(fine))
			require.NoError(t, err)
			assert.Equal(t, deleted, s.picture(t))
		}
	})
}

// killer cuts a program off at a moment: the n-th request or saving is its last one.
type killer struct {
	mu   sync.Mutex
	left int
	kill context.CancelFunc
	next http.RoundTripper
}

// tick counts a moment; it tells whether the program is still alive in it.
func (k *killer) tick() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.left--
	if k.left == 0 {
		defer k.kill()
	}
	return k.left >= 0
}

func (k *killer) Do(r *http.Request) (*http.Response, error) {
	if !k.tick() {
		return nil, errors.New("killed")
	}
	// The request gets to the service whatever happens here.
	resp, err := k.next.RoundTrip(r.WithContext(context.WithoutCancel(r.Context())))
	if err == nil && r.Context().Err() != nil {
		resp.Body.Close()
		return nil, r.Context().Err()
	}
	return resp, err
}

// TestRolloutKilledAndResumed kills a rollout at each request and each saving, and resumes
// it from what was saved last, in a program of its own: everything is as without the kill.
func TestRolloutKilledAndResumed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		judge webservice.Judge
		want  string
	}{"promoted": {fine, deleted}, "rolled back": {badAt(1), before}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reached := 0
			for n := 1; ; n++ {
				alive := false
				onStage(t, func(t *testing.T, s stage) {
					reached, alive = n, killAndResume(t, s, n, test.judge, test.want)
				})
				if alive || t.Failed() {
					break
				}
			}
			t.Logf("killed at %d moments", reached-1)
			assert.Greater(t, reached, 25)
		})
	}
}

func killAndResume(t *testing.T, s stage, n int, judge webservice.Judge, want string) (alive bool) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	k := &killer{left: n, kill: cancel, next: s.srv.Client().Transport}
	var saved []byte
	options := quick(judge)
	options.Save = func(_ context.Context, state webservice.RolloutState) error {
		if !k.tick() {
			return errors.New("killed")
		}
		var err error
		saved, err = json.Marshal(state)
		return err
	}
	through := s.srv.ClientOptions()
	through.Transport = k
	k.left = 1 << 30
	e := s.endpoint(ctx, t, through)
	k.left = n
	_, err := webservice.Rollout(ctx, e, "version2", options)
	k.mu.Lock()
	alive = k.left > 0
	k.mu.Unlock()
	if alive {
		assert.Equal(t, want, s.picture(t))
		return true
	}
	if err != nil {
		require.True(t, ctx.Err() != nil, "%v", err)
	}
	options = quick(judge)
	if saved == nil {
		_, err = webservice.Rollout(t.Context(), s.endpoint(t.Context(), t), "version2", options)
	} else {
		state, parseErr := webservice.ParseRolloutState(saved)
		require.NoError(t, parseErr)
		_, err = webservice.ResumeRollout(t.Context(), s.endpoint(t.Context(), t), state, options)
	}
	if err != nil {
		require.ErrorIs(t, err, webservice.ErrRolledBack, "killed at %d", n)
	}
	require.Equal(t, want, s.picture(t), "killed at %d", n)
	return false
}

// TestRolloutRace: of rollouts that begin at the same moment one wins, the other ones
// get a conflict and change nothing more.
func TestRolloutRace(t *testing.T) {
	t.Parallel()
	for seed := range 8 {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			onStage(t, func(t *testing.T, s stage) {
				var wins, conflicts atomic.Int32
				var wg sync.WaitGroup
				for i := range 4 {
					wg.Go(func() {
						time.Sleep(time.Duration(i*seed) * time.Millisecond)
						_, err := webservice.Rollout(t.Context(), s.endpoint(t.Context(), t), "version2", quick(fine))
						switch {
						case err == nil:
							wins.Add(1)
						case errors.Is(err, azureml.ErrConflict):
							conflicts.Add(1)
						default:
							t.Errorf("%v", err)
						}
					})
				}
				wg.Wait()
				assert.EqualValues(t, 1, wins.Load())
				assert.EqualValues(t, 3, conflicts.Load())
				assert.Equal(t, deleted, s.picture(t))
			})
		})
	}
}

// TestRolloutOverTCP is one rollout over TLS and real connections, under load: what the
// versions get is what the steps say, and the probes see nothing bad.
func TestRolloutOverTCP(t *testing.T) {
	t.Parallel()
	s := newStage(t, &azuremltest.Options{OperationPolls: 1})
	e := s.endpoint(t.Context(), t)
	var served sync.Map
	for _, name := range []string{"version1", "version2", "version3"} {
		var count atomic.Int64
		served.Store(name, &count)
		s.srv.SetVersionScorer("churn", name, func(context.Context, *azuremltest.ScoreRequest) (*azuremltest.ScoreResponse, error) {
			count.Add(1)
			return &azuremltest.ScoreResponse{Body: []byte(`[1]`)}, nil
		})
	}
	scorer, err := e.Scorer(t.Context(), nil)
	require.NoError(t, err)
	const calls = 10_000
	judge := func(ctx context.Context, o webservice.Observation) (webservice.Verdict, error) {
		if o.Baseline || o.Step > 0 {
			return fine(ctx, o)
		}
		counts := map[string]int64{}
		served.Range(func(name, count any) bool {
			counts[name.(string)] = count.(*atomic.Int64).Load()
			return true
		})
		var left atomic.Int64
		var wg sync.WaitGroup
		left.Store(calls)
		for range 16 {
			wg.Go(func() {
				for left.Add(-1) >= 0 {
					if _, err := scorer.Run(ctx, one); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		served.Range(func(name, count any) bool {
			got := float64(count.(*atomic.Int64).Load()-counts[name.(string)]) * 100 / calls
			assert.InDelta(t, o.Traffic[name.(string)], got, 2, "%v at step %d", name, o.Step)
			return true
		})
		return fine(ctx, o)
	}
	result, err := webservice.Rollout(t.Context(), e, "version2", &webservice.RolloutOptions{
		Steps: []float64{25, 100}, Bake: -1, Interval: time.Millisecond,
		Judge: webservice.AllJudges(webservice.StateJudge(), judge, webservice.ProbeJudge([][]byte{one}, nil)),
	})
	require.NoError(t, err)
	assert.Equal(t, webservice.RolloutPromoted, result.Outcome)
	assert.Equal(t, promoted, s.picture(t))
}

// patches are the changes that were sent to the service.
func patches(srv *azuremltest.Server) []azuremltest.Request {
	var list []azuremltest.Request
	for _, r := range srv.Requests() {
		if r.Method == http.MethodPatch {
			list = append(list, r)
		}
	}
	return list
}

// TestRolloutFaults: whatever goes wrong once with any of the requests, the rollout gets
// to its end, and nothing is changed twice.
func TestRolloutFaults(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]azuremltest.Fault{
		"a patch is lost":            {Method: http.MethodPatch, ResetBefore: true},
		"its answer is lost":         {Method: http.MethodPatch, ResetAfter: true},
		"a gateway gives up on it":   {Method: http.MethodPatch, Status: 504, AfterEffect: true, Body: "<html>"},
		"another change is going on": {Method: http.MethodPatch, Status: 409, Body: `{"code":"Conflict","statusCode":409,"message":"Conflict"}`},
		"the precheck fails":         {Method: http.MethodPost, Path: "/services/validate", Status: 500, Count: 2},
		"reads fail":                 {Method: http.MethodGet, Path: "/services/churn", Status: 500, Count: 3},
	} {
		for from := 1; from <= 4; from++ {
			fault := fault
			fault.From = from
			t.Run(fmt.Sprint(name, " ", from), func(t *testing.T) {
				t.Parallel()
				onStage(t, func(t *testing.T, s stage) {
					e := s.endpoint(t.Context(), t)
					s.srv.Fault(fault)
					_, err := webservice.Rollout(t.Context(), e, "version2", quick(fine))
					require.NoError(t, err)
					assert.Equal(t, deleted, s.picture(t))
					wanted := 5
					if fault.ResetBefore || fault.Status == 409 {
						wanted++
					}
					if fault.Method == http.MethodPatch {
						assert.Len(t, patches(s.srv), wanted)
					}
				})
			})
		}
	}
	onStage(t, func(t *testing.T, s stage) {
		e := s.endpoint(t.Context(), t)
		s.srv.FailNextOperation(azuremltest.OperationFailure{Kind: "service"})
		_, err := webservice.Rollout(t.Context(), e, "version2", quick(fine))
		require.NoError(t, err, "an operation that failed is begun again")
		assert.Len(t, patches(s.srv), 6)
		assert.Equal(t, deleted, s.picture(t))
	})
	onStage(t, func(t *testing.T, s stage) {
		e := s.endpoint(t.Context(), t)
		s.srv.Fault(azuremltest.Fault{Method: http.MethodPatch, From: 2, Count: 1, Status: 403})
		_, err := webservice.Rollout(t.Context(), e, "version2", quick(fine))
		failure(t, err, webservice.ErrRolledBack)
		require.ErrorIs(t, err, azureml.ErrForbidden)
		assert.Equal(t, before, s.picture(t))
	})
	onStage(t, func(t *testing.T, s stage) {
		e := s.endpoint(t.Context(), t)
		s.srv.Fault(azuremltest.Fault{Method: http.MethodPatch, From: 2, Count: -1, Status: 500})
		result, err := webservice.Rollout(t.Context(), e, "version2", quick(fine))
		failed := failure(t, err, nil)
		require.ErrorIs(t, err, azureml.ErrUnavailable)
		assert.Contains(t, failed.Message, "it should be rolled back")
		assert.True(t, strings.HasPrefix(failed.Remedy, "Look at the endpoint's traffic."))
		assert.Equal(t, "rollingBack", result.State.Phase())
	})
}

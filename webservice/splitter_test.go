package webservice_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/webservice"
)

// canned is a scorer that answers without any network.
func canned(t testing.TB, answer string) *webservice.Scorer {
	t.Helper()
	scorer, err := webservice.NewScorer("http://10.0.0.9/score", webservice.ScorerAuth{}, &webservice.ScorerOptions{
		MaxRetries: -1,
		Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			if err := r.Context().Err(); err != nil {
				return nil, err
			}
			status := http.StatusOK
			if answer == "" {
				status = http.StatusInternalServerError
			}
			return &http.Response{StatusCode: status, Request: r, Header: http.Header{}, ContentLength: int64(len(answer)), Body: io.NopCloser(strings.NewReader(answer))}, nil
		}),
	})
	require.NoError(t, err)
	return scorer
}

func newSplitter(t testing.TB, percentile float64) *webservice.Splitter {
	t.Helper()
	s, err := webservice.NewSplitter(t.Context(), "churn", []webservice.SplitterVersion{
		{Name: "old", Scorer: canned(t, `"old"`)}, {Name: "new", Scorer: canned(t, `"new"`), Percentile: percentile},
	}, nil)
	require.NoError(t, err)
	return s
}

// TestSplitterIsSticky: the same callers always get the same version, in all programs, and
// raising a share moves callers only one way.
func TestSplitterIsSticky(t *testing.T) {
	t.Parallel()
	const callers = 10_000
	s := newSplitter(t, 0)
	moved := map[string]bool{}
	for _, share := range []float64{1, 5, 25, 33.3333, 50, 99, 100} {
		require.NoError(t, s.SetTraffic(map[string]float64{"old": 100 - share, "new": share}))
		other := newSplitter(t, share)
		count := 0.0
		for i := range callers {
			key := fmt.Sprint("customer-", i)
			version := s.Version(key)
			require.Equal(t, version, other.Version(key))
			if version == "new" {
				count++
				moved[key] = true
			}
			require.Equal(t, moved[key], version == "new", "%s has moved back at %v %%", key, share)
		}
		assert.InDelta(t, share, 100*count/callers, 2)
	}
	// These places are a promise to callers: they must never change.
	require.NoError(t, s.SetTraffic(map[string]float64{"old": 50, "new": 50}))
	got := ""
	for i := range 16 {
		got += s.Version(fmt.Sprint("caller-", i))[:1]
	}
	assert.Equal(t, "nonnnoonnnoonnnn", got)
}

func TestSplitterSaltAndChance(t *testing.T) {
	t.Parallel()
	versions := []webservice.SplitterVersion{{Name: "a", Scorer: canned(t, "1")}, {Name: "b", Scorer: canned(t, "1"), Percentile: 50}}
	plain, err := webservice.NewSplitter(t.Context(), "s", versions, nil)
	require.NoError(t, err)
	salted, err := webservice.NewSplitter(t.Context(), "s", versions, &webservice.SplitterOptions{Salt: "x"})
	require.NoError(t, err)
	same, b := 0.0, 0.0
	for i := range 10_000 {
		if key := fmt.Sprint(i); plain.Version(key) == salted.Version(key) {
			same++
		}
		if plain.Version("") == "b" {
			b++
		}
	}
	assert.InDelta(t, 5000, same, 200)
	assert.InDelta(t, 5000, b, 200)
}

// TestSplitterUnderChange: calls go on, each to a version that has a share, while the
// shares change all the time.
func TestSplitterUnderChange(t *testing.T) {
	t.Parallel()
	s := newSplitter(t, 0)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		for share := 0.0; ctx.Err() == nil; share = float64(int(share+7) % 101) {
			assert.NoError(t, s.SetTraffic(map[string]float64{"old": 100 - share, "new": share}))
		}
	})
	var calls atomic.Int64
	var callers sync.WaitGroup
	for i := range 8 {
		callers.Go(func() {
			for range 500 {
				out, err := webservice.SplitScore[string](ctx, s, fmt.Sprint(i), 1)
				assert.NoError(t, err)
				assert.Contains(t, []string{"old", "new"}, out)
				calls.Add(1)
			}
		})
	}
	callers.Wait()
	stop()
	wg.Wait()
	stats := s.Stats()
	assert.InDelta(t, 4000, stats["old"].Requests+stats["new"].Requests, 0)
	assert.EqualValues(t, 4000, calls.Load())
}

func TestSplitterCounts(t *testing.T) {
	t.Parallel()
	s, err := webservice.NewSplitter(t.Context(), "churn", []webservice.SplitterVersion{{Name: "good", Scorer: canned(t, "1")}, {Name: "bad", Scorer: canned(t, "")}}, nil)
	require.NoError(t, err)
	answer, err := s.Call(t.Context(), "k", one, nil)
	require.NoError(t, err)
	assert.Equal(t, "good", answer.Version)
	assert.Equal(t, "1", string(answer.Body))
	require.NoError(t, s.SetTraffic(map[string]float64{"bad": 100}))
	assert.Equal(t, map[string]float64{"bad": 100}, s.Traffic())
	_, err = s.Run(t.Context(), "k", one)
	require.Error(t, err)
	_, err = webservice.SplitScore[any](t.Context(), s, "k", func() {})
	require.ErrorIs(t, err, azureml.ErrInvalid)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = s.Run(ended, "k", one)
	require.ErrorIs(t, err, context.Canceled)
	stats := s.Stats()
	assert.InDelta(t, 1, stats["good"].Requests, 0)
	assert.InDelta(t, 1, stats["bad"].Requests, 0, "what was refused here, or given up, does not count")
	assert.InDelta(t, 1, stats["bad"].Failures, 0)
	assert.Equal(t, `splitter "churn"`, s.String())
}

func TestSplitterRules(t *testing.T) {
	t.Parallel()
	scorer := canned(t, "1")
	for name, test := range map[string]struct {
		versions []webservice.SplitterVersion
		broken   []string
	}{
		"none":             {nil, []string{"versions"}},
		"no name":          {[]webservice.SplitterVersion{{Scorer: scorer}}, []string{"versions[0].Name"}},
		"nothing to call":  {[]webservice.SplitterVersion{{Name: "a"}}, []string{"versions[0].Scorer"}},
		"double":           {[]webservice.SplitterVersion{{Name: "a", Scorer: scorer}, {Name: "a", Scorer: scorer}}, []string{"versions[1].Name"}},
		"a negative share": {[]webservice.SplitterVersion{{Name: "a", Scorer: scorer, Percentile: -1}}, []string{"versions[0].Percentile"}},
		"too much":         {[]webservice.SplitterVersion{{Name: "a", Scorer: scorer, Percentile: 60}, {Name: "b", Scorer: scorer, Percentile: 60}}, []string{"versions"}},
	} {
		_, err := webservice.NewSplitter(t.Context(), "s", test.versions, nil)
		assert.Equal(t, test.broken, fields(failure(t, err, azureml.ErrInvalid)), name)
	}
	_, err := webservice.NewSplitter(t.Context(), " ", []webservice.SplitterVersion{{Name: "a", Scorer: scorer}}, nil)
	assert.Equal(t, []string{"name"}, fields(failure(t, err, azureml.ErrInvalid)))
	s := newSplitter(t, 0)
	for _, shares := range []map[string]float64{nil, {"old": 99}, {"old": 101, "new": -1}, {"other": 100}} {
		failure(t, s.SetTraffic(shares), azureml.ErrInvalid)
	}
	assert.Equal(t, map[string]float64{"old": 100}, s.Traffic())
}

// twoServices are two plain services in an emulated workspace.
func twoServices(t *testing.T) (*azuremltest.Server, *webservice.AksWebservice, *webservice.AksWebservice) {
	t.Helper()
	w := newWorld(t, &azuremltest.Options{InMemory: true, OperationPolls: 1})
	var services []*webservice.AksWebservice
	for _, name := range []string{"churn-1", "churn-2"} {
		svc, err := deploy(t, w, name, webservice.AksDeployConfiguration{ComputeTarget: "myaks"})
		require.NoError(t, err)
		services = append(services, svc)
	}
	return w.srv, services[0], services[1]
}

// load calls the splitter all the time, as many callers, until the context ends.
func load(ctx context.Context, s *webservice.Splitter) {
	for i := 0; ctx.Err() == nil; i++ {
		_, _ = s.Run(ctx, fmt.Sprint(i%1000), one)
		time.Sleep(20 * time.Millisecond)
	}
}

func split(t *testing.T, first, second *webservice.AksWebservice) *webservice.Splitter {
	t.Helper()
	s, err := webservice.NewSplitter(t.Context(), "churn", []webservice.SplitterVersion{{Service: first}, {Service: second}}, nil)
	require.NoError(t, err)
	return s
}

func TestSplitterRollout(t *testing.T) {
	t.Parallel()
	after := func(d time.Duration) azuremltest.Scorer {
		return func(context.Context, *azuremltest.ScoreRequest) (*azuremltest.ScoreResponse, error) {
			time.Sleep(d)
			return &azuremltest.ScoreResponse{Body: []byte("1")}, nil
		}
	}
	for name, test := range map[string]struct {
		scorer azuremltest.Scorer
		reason string
	}{
		"good": {after(12 * time.Millisecond), ""},
		"failing": {func(context.Context, *azuremltest.ScoreRequest) (*azuremltest.ScoreResponse, error) {
			return nil, errors.New("boom")
		}, "too many failures"},
		"slow": {after(500 * time.Millisecond), "too slow"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inMemory(t, func(t *testing.T, _ world) {
				srv, first, second := twoServices(t)
				srv.SetScorer("churn-1", after(10*time.Millisecond))
				srv.SetScorer("churn-2", test.scorer)
				s := split(t, first, second)
				defer s.Close()
				ctx, stop := context.WithCancel(t.Context())
				var wg sync.WaitGroup
				wg.Go(func() { load(ctx, s) })
				var states []webservice.RolloutState
				result, err := webservice.Rollout(t.Context(), s, "churn-2", &webservice.RolloutOptions{
					Steps: []float64{10, 50, 100}, Bake: 40 * time.Second, DeleteOld: true,
					Save: func(_ context.Context, state webservice.RolloutState) error {
						states = append(states, state)
						return nil
					},
				})
				if test.reason != "" {
					e := failure(t, err, webservice.ErrRolledBack)
					assert.Contains(t, e.Message, test.reason)
					assert.Equal(t, map[string]float64{"churn-1": 100}, s.Traffic())
				} else {
					require.NoError(t, err)
					assert.Equal(t, webservice.RolloutPromoted, result.Outcome)
					assert.Equal(t, map[string]float64{"churn-2": 100}, s.Traffic())
					_, err := first.Refresh(t.Context())
					require.ErrorIs(t, err, azureml.ErrNotFound)
				}
				stop()
				wg.Wait()
				text, err := json.Marshal(states[0])
				require.NoError(t, err)
				assert.NotContains(t, strings.ToLower(string(text)), "key")
			})
		})
	}
}

// TestSplitterRolloutResumes: a splitter that was made anew, in another process, takes up
// the rollout where it stood.
func TestSplitterRolloutResumes(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, _ world) {
		_, first, second := twoServices(t)
		for n := 1; n <= 8; n++ {
			ctx, kill := context.WithCancel(t.Context())
			var last webservice.RolloutState
			saves := 0
			options := &webservice.RolloutOptions{Steps: []float64{10, 50}, Bake: time.Minute, Judge: fine, Save: func(_ context.Context, state webservice.RolloutState) error {
				last = state
				if saves++; saves == n {
					kill()
				}
				return nil
			}}
			_, err := webservice.Rollout(ctx, split(t, first, second), "churn-2", options)
			if n < 7 {
				require.ErrorIs(t, err, context.Canceled, "%d", n)
			}
			s := split(t, first, second)
			options.Save = nil
			options.OnEvent = func(e webservice.RolloutEvent) {
				if e.Kind == webservice.RolloutEventStarted {
					assert.InDelta(t, last.Percent(), s.Traffic()["churn-2"], 50)
				}
			}
			result, err := webservice.ResumeRollout(t.Context(), s, last, options)
			require.NoError(t, err, "%d", n)
			assert.Equal(t, webservice.RolloutPromoted, result.Outcome)
			assert.Equal(t, map[string]float64{"churn-2": 100}, s.Traffic())
			kill()
		}
		// While a rollout is under way nobody else may change the shares.
		s := split(t, first, second)
		_, err := webservice.Rollout(t.Context(), s, "churn-2", &webservice.RolloutOptions{Bake: -1, Judge: func(ctx context.Context, o webservice.Observation) (webservice.Verdict, error) {
			if !o.Baseline {
				failure(t, s.SetTraffic(map[string]float64{"churn-1": 100}), azureml.ErrConflict)
				_, err := webservice.Rollout(ctx, s, "churn-2", nil)
				failure(t, err, azureml.ErrConflict)
			}
			return fine(ctx, o)
		}})
		require.NoError(t, err)
		require.NoError(t, s.SetTraffic(map[string]float64{"churn-1": 100}))
	})
}

// BenchmarkSplitter is what a splitter adds to a call.
func BenchmarkSplitter(b *testing.B) {
	b.Run("scorer", func(b *testing.B) {
		scorer := canned(b, "1")
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				_, _ = scorer.Run(context.Background(), one)
			}
		})
	})
	b.Run("splitter", func(b *testing.B) {
		s := newSplitter(b, 25)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				_, _ = s.Run(context.Background(), "customer-42", one)
			}
		})
	})
}

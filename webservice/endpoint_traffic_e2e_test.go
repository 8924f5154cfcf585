package webservice_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/webservice"
)

// TestObservedTraffic calls an endpoint ten thousand times and counts who answers.
func TestObservedTraffic(t *testing.T) {
	t.Parallel()
	w := newWorld(t, &azuremltest.Options{OperationPolls: -1})
	ctx := t.Context()
	var mu sync.Mutex
	counts := map[string]float64{}
	w.srv.SetScorer("myendpoint", func(_ context.Context, in *azuremltest.ScoreRequest) (*azuremltest.ScoreResponse, error) {
		mu.Lock()
		defer mu.Unlock()
		counts[in.Version]++
		return &azuremltest.ScoreResponse{Body: []byte("1")}, nil
	})
	e := mustDeployEndpoint(t, w)
	for _, name := range []string{"version-b", "version-c"} {
		var err error
		e, err = addVersion(ctx, w, e, name, webservice.VersionConfiguration{}, nil)
		require.NoError(t, err)
	}
	shares := map[string]float64{"version-a": 62.5, "version-b": 12.5, "version-c": 25}
	e, err := e.SetTraffic(ctx, shares, nil)
	require.NoError(t, err)
	assert.Equal(t, shares, e.Traffic())
	scorer, err := e.Scorer(ctx, &webservice.ScorerOptions{Transport: w.srv.Client().Transport})
	require.NoError(t, err)
	defer scorer.Close()
	const calls, callers = 10_000, 8
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for range calls / callers {
				if _, err := scorer.Run(ctx, one); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	for name, share := range shares {
		assert.InDelta(t, share, counts[name]*100/calls, 2, "%s answered %v of %d", name, counts[name], calls)
	}
}

func TestSetTraffic(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, w world) {
		ctx := t.Context()
		e := mustDeployEndpoint(t, w)
		e, err := addVersion(ctx, w, e, "version-b", webservice.VersionConfiguration{}, nil)
		require.NoError(t, err)
		stale := e
		sent := len(changes(w))
		last := func() string { list := changes(w); return list[len(list)-1] }

		e, err = e.SetTraffic(ctx, map[string]float64{"version-a": 95, "version-b": 5}, &webservice.SetTrafficOptions{
			SetTags: map[string]string{"rollout": "r1"}, IfTags: map[string]string{"rollout": ""},
		})
		require.NoError(t, err)
		assert.Equal(t, map[string]float64{"version-a": 95, "version-b": 5}, e.Traffic())
		assert.Equal(t, `PATCH [{"op":"replace","path":"/versions/version-b/trafficPercentile","value":5},{"op":"replace","path":"/kvTags","value":{"rollout":"r1"}}]`, last())

		_, err = e.SetTraffic(ctx, map[string]float64{"version-a": 95, "version-b": 5}, nil)
		require.NoError(t, err)
		assert.Len(t, changes(w), sent+1, "there was nothing to change")

		_, err = stale.SetTraffic(ctx, map[string]float64{"nope": 100}, &webservice.SetTrafficOptions{IfTags: map[string]string{"rollout": "r2", "other": "x"}})
		assert.Equal(t, []string{`IfTags["other"]`, `IfTags["rollout"]`}, fields(failure(t, err, azureml.ErrConflict)), "what is wrong besides does not hide it")
		_, err = e.SetTraffic(ctx, map[string]float64{"nope": 50, "version-a": 50}, &webservice.SetTrafficOptions{DefaultVersion: "no", ControlVersion: "one"})
		assert.Equal(t, []string{"DefaultVersion", "ControlVersion", `shares["nope"]`}, fields(failure(t, err, azureml.ErrInvalid)))
		requests := len(w.srv.Requests())
		_, err = e.SetTraffic(ctx, map[string]float64{"version-a": 50, "version-b": 49}, nil)
		failure(t, err, azureml.ErrInvalid)
		assert.Len(t, w.srv.Requests(), requests, "refused before any request")

		// The last step of a rollout: all of it, as default and control, without the tag.
		e, err = e.SetTraffic(ctx, map[string]float64{"version-b": 100}, &webservice.SetTrafficOptions{
			DefaultVersion: "version-b", ControlVersion: "version-b", IfTags: map[string]string{"rollout": "r1"}, RemoveTags: []string{"rollout"}, SkipPrecheck: true,
		})
		require.NoError(t, err)
		assert.Equal(t, map[string]float64{"version-a": 0, "version-b": 100}, e.Traffic())
		assert.Equal(t, "version-b", e.DefaultVersion())
		assert.Equal(t, "version-b", e.ControlVersion())
		assert.Empty(t, e.Tags)
		assert.NotContains(t, last(), "trafficPercentile", "the new default gets the rest; the old one has no percentage of its own")
	})
}

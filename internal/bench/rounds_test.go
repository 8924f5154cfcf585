package main

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMedian(t *testing.T) {
	t.Parallel()
	assert.True(t, math.IsNaN(median(nil)))
	for want, values := range map[float64][]float64{
		7: {7}, 2: {3, 1, 2}, 2.5: {4, 1, 3, 2}, 1: {1, 1, 100}, 50.5: {100, 1},
	} {
		assert.InDelta(t, want, median(values), 1e-9)
	}
}

func TestRelate(t *testing.T) {
	t.Parallel()
	base := sample{calls: 10, elapsed: time.Second, p99: 20, allocs: 100, bytes: 1000}
	other := sample{calls: 20, elapsed: 3 * time.Second, p99: 30, allocs: 130, bytes: 900}
	got := relate(base, other)
	assert.InDelta(t, 1.5, got.time, 1e-9)
	assert.InDelta(t, 1/1.5, got.throughput(), 1e-9)
	assert.InDelta(t, 1.5, got.p99, 1e-9)
	assert.InDelta(t, 30, got.allocs, 1e-9)
	assert.InDelta(t, -100, got.bytes, 1e-9)
	assert.InDelta(t, 1.3, got.allocRatio, 1e-9)
	base.p99 = 0
	assert.Zero(t, relate(base, other).p99, "no times were taken")
}

// TestCompare: one side takes twice as long as the baseline, which is the same as itself;
// the round before the first one does not count, nor does a single slow one.
func TestCompare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var order []string
		takes := func(name string, each time.Duration) side {
			return func(context.Context) (int, []time.Duration, error) {
				order = append(order, name)
				if len(order) <= 3 || len(order) == 8 {
					each := 50 * each
					time.Sleep(each)
					return 1, []time.Duration{each}, nil
				}
				time.Sleep(each)
				return 1, []time.Duration{each}, nil
			}
		}
		got, err := compare(t.Context(), 5, takes("b", time.Second), takes("o", 2*time.Second))
		require.NoError(t, err)
		assert.InDelta(t, 2, got.ours.time, 1e-9)
		assert.InDelta(t, 2, got.ours.p99, 1e-9)
		assert.InDelta(t, 1, got.self.time, 1e-9)
		assert.Len(t, order, 6*3)
		first := map[string]int{}
		for i := 0; i < len(order); i += 3 {
			assert.Len(t, strings.Split(strings.Join(order[i:i+3], ""), "o"), 2, "ours once a round")
			first[order[i]]++
		}
		assert.Equal(t, map[string]int{"b": 4, "o": 2}, first, "the order turns")
	})
}

func TestCompareStopsAtAFailure(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	fine := func(context.Context) (int, []time.Duration, error) { return 1, nil, nil }
	_, err := compare(t.Context(), 3, fine, func(context.Context) (int, []time.Duration, error) { return 0, nil, broken })
	assert.ErrorIs(t, err, broken)
}

func TestParallel(t *testing.T) {
	t.Parallel()
	calls, times, err := parallel(t.Context(), 4, 102, func(context.Context) error { return nil })
	require.NoError(t, err)
	assert.Equal(t, 100, calls, "each caller makes as many")
	assert.Len(t, times, 100)
	broken := errors.New("broken")
	_, _, err = parallel(t.Context(), 2, 10, func(context.Context) error { return broken })
	assert.ErrorIs(t, err, broken)
}

func TestTable(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	missed := table(&out, []line{
		{row: 1, work: "w", baseline: "b", figure: "1.00 ×", self: "1.01 ×", goal: "≤ 2", met: true},
		{row: 2, work: "v", baseline: "c", figure: "3.00 ×", goal: "≤ 2"},
	}, settings{rounds: 3})
	assert.Equal(t, 1, missed)
	assert.Equal(t, 1, strings.Count(out.String(), "**missed**"))
	assert.Contains(t, out.String(), "3 rounds")
}

func TestGoldenRequests(t *testing.T) {
	t.Parallel()
	var g golden
	for _, i := range []struct {
		step        int
		method, url string
	}{
		{0, "GET", "https://m/workspace"}, {1, "GET", "https://x/discovery/workspaces/1"}, {1, "PUT", "https://m/computes/a"},
		{2, "GET", "https://m/computeOperationsStatus/1?n=1"}, {2, "GET", "https://m/computeOperationsStatus/1?n=2"},
		{2, "GET", "https://m/computes/a"}, {2, "GET", "https://m/computes/a"}, {3, "DELETE", "https://m/computes/a"},
	} {
		g.Interactions = append(g.Interactions, interaction{Step: i.step, Request: request{i.method, i.url}})
	}
	assert.Equal(t, counts{theirs: 5, once: 4}, g.requests([]int{1, 2}), "a poll that is repeated counts as recorded, or once")
	assert.Equal(t, counts{theirs: 1, once: 1}, g.requests([]int{3}))
}

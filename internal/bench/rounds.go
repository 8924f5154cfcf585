package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"time"
)

// sample is what one side did in one round.
type sample struct {
	calls         int
	elapsed       time.Duration
	p99           time.Duration
	allocs, bytes float64 // per call, of the whole process: of server and client
}

// perCall is the time of one call.
func (s sample) perCall() float64 { return float64(s.elapsed) / float64(s.calls) }

// side does its work once. It returns how many calls it made and, if it took them, their
// times.
type side func(context.Context) (calls int, latencies []time.Duration, err error)

// measure runs a side once and looks at clock and heap.
func measure(ctx context.Context, do side) (sample, error) {
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	calls, latencies, err := do(ctx)
	elapsed := time.Since(start)
	runtime.ReadMemStats(&after)
	if err != nil {
		return sample{}, err
	}
	s := sample{
		calls: calls, elapsed: elapsed,
		allocs: float64(after.Mallocs-before.Mallocs) / float64(calls),
		bytes:  float64(after.TotalAlloc-before.TotalAlloc) / float64(calls),
	}
	if len(latencies) > 0 {
		slices.Sort(latencies)
		s.p99 = latencies[(len(latencies)*99+99)/100-1]
	}
	return s, nil
}

// comparison holds the ratios and differences of ours to the baseline, and those of the
// baseline to itself, round by round.
type comparison struct{ ours, self figures }

// figures are medians over the rounds.
type figures struct {
	time          float64 // of a call, as a ratio
	p99           float64 // as a ratio
	allocs, bytes float64 // more per call
	allocRatio    float64
}

// throughput is the ratio of calls in the same time.
func (f figures) throughput() float64 { return 1 / f.time }

// compare measures baseline, ours, and the baseline again in each round, in an order that
// turns with the rounds, after one round that does not count.
func compare(ctx context.Context, rounds int, baseline, ours side) (comparison, error) {
	var mine, itself []figures
	for round := -1; round < rounds; round++ {
		var got [3]sample // baseline, ours, baseline again
		sides := [3]side{baseline, ours, baseline}
		for i := range sides {
			n := (i + round + 3) % 3
			s, err := measure(ctx, sides[n])
			if err != nil {
				return comparison{}, err
			}
			got[n] = s
		}
		if round < 0 {
			continue
		}
		mine = append(mine, relate(got[0], got[1]), relate(got[2], got[1]))
		itself = append(itself, relate(got[0], got[2]))
	}
	return comparison{medians(mine), medians(itself)}, nil
}

func relate(base, other sample) figures {
	f := figures{time: other.perCall() / base.perCall(), allocs: other.allocs - base.allocs, bytes: other.bytes - base.bytes, allocRatio: other.allocs / base.allocs}
	if base.p99 > 0 {
		f.p99 = float64(other.p99) / float64(base.p99)
	}
	return f
}

func medians(all []figures) figures {
	of := func(pick func(figures) float64) float64 {
		values := make([]float64, len(all))
		for i, f := range all {
			values[i] = pick(f)
		}
		return median(values)
	}
	return figures{
		time:       of(func(f figures) float64 { return f.time }),
		p99:        of(func(f figures) float64 { return f.p99 }),
		allocs:     of(func(f figures) float64 { return f.allocs }),
		bytes:      of(func(f figures) float64 { return f.bytes }),
		allocRatio: of(func(f figures) float64 { return f.allocRatio }),
	}
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	slices.Sort(values)
	half := len(values) / 2
	if len(values)%2 == 1 {
		return values[half]
	}
	return (values[half-1] + values[half]) / 2
}

// parallel shares calls out among callers and takes the time of each.
func parallel(ctx context.Context, callers, calls int, do func(context.Context) error) (int, []time.Duration, error) {
	var wait sync.WaitGroup
	times := make([]time.Duration, calls)
	errs := make([]error, callers)
	share := calls / callers
	for c := range callers {
		wait.Go(func() {
			for i := range share {
				start := time.Now()
				if err := do(ctx); err != nil {
					errs[c] = err
					return
				}
				times[c*share+i] = time.Since(start)
			}
		})
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		return 0, nil, err
	}
	return share * callers, times[:share*callers], nil
}

func ratio(r float64) string { return fmt.Sprintf("%.2f ×", r) }

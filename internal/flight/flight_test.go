package flight

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestManyCallersShareOneWork(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var g Group[int]
		var runs atomic.Int32
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				v, err := g.Do(t.Context(), func(context.Context) (int, error) {
					runs.Add(1)
					time.Sleep(time.Second)
					return 7, nil
				})
				assert.NoError(t, err)
				assert.Equal(t, 7, v)
			})
		}
		wg.Wait()
		assert.EqualValues(t, 1, runs.Load())
		assert.False(t, g.Busy())
	})
}

func TestACallerLeavesWithItsOwnContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var g Group[int]
		slow := func(ctx context.Context) (int, error) {
			select {
			case <-time.After(time.Minute):
				return 1, nil
			case <-ctx.Done():
				return 0, ctx.Err()
			}
		}
		patient := make(chan error, 1)
		go func() { _, err := g.Do(context.Background(), slow); patient <- err }()
		synctest.Wait()

		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err := g.Do(ctx, slow)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 50*time.Millisecond, time.Since(start))
		assert.NoError(t, <-patient, "the work goes on for the others")
	})
}

func TestWorkThatNobodyWaitsForIsCancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var g Group[int]
		canceled := make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		go func() { time.Sleep(time.Second); cancel() }()
		_, err := g.Do(ctx, func(ctx context.Context) (int, error) {
			<-ctx.Done()
			close(canceled)
			return 0, ctx.Err()
		})
		assert.ErrorIs(t, err, context.Canceled)
		<-canceled
		v, err := g.Do(t.Context(), func(context.Context) (int, error) { return 3, nil })
		assert.NoError(t, err)
		assert.Equal(t, 3, v)
	})
}

func TestErrorsAreShared(t *testing.T) {
	t.Parallel()
	var g Group[int]
	want := errors.New("no")
	_, err := g.Do(t.Context(), func(context.Context) (int, error) { return 0, want })
	assert.Equal(t, want, err)
}

package limit

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestLimit: each try ends when its own time is up, whatever becomes of those before it.
func TestLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := New(10 * time.Second)
		start := time.Now()
		_, first := l.Start(t.Context())
		time.Sleep(4 * time.Second)
		second, secondTry := l.Start(t.Context())
		first.End()
		time.Sleep(2 * time.Second)
		third, thirdTry := l.Start(t.Context())
		_, lifted := l.Start(t.Context())
		lifted.Unbind()

		<-second.Done()
		assert.Equal(t, 14*time.Second, time.Since(start))
		require.ErrorIs(t, context.Cause(second), Exceeded(10*time.Second))
		assert.NotErrorIs(t, context.Cause(second), context.DeadlineExceeded)
		require.NoError(t, third.Err())
		<-third.Done()
		assert.Equal(t, 16*time.Second, time.Since(start))

		broken := errors.New("broken")
		assert.EqualError(t, secondTry.Reason(broken), "no answer within 10s")
		assert.Equal(t, broken, first.Reason(broken), "it was not too late")
		assert.NoError(t, lifted.ctx.Err())
		for _, try := range []*Try{first, secondTry, thirdTry, lifted, lifted} {
			try.End()
		}
		assert.Nil(t, l.first)
		assert.Nil(t, l.last)
		time.Sleep(time.Minute)
		assert.True(t, l.due.IsZero(), "nothing is left to be waited for")
	})
}

// TestCaller: the caller's own end comes through as it is.
func TestCaller(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	bound, try := New(time.Hour).Start(ctx)
	defer try.End()
	cancel()
	<-bound.Done()
	require.ErrorIs(t, context.Cause(bound), context.Canceled)
	assert.Equal(t, bound.Err(), try.Reason(bound.Err()))
}

// TestManyTries begins and ends tries in any order, some of them too late.
func TestManyTries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := New(time.Second)
		random := rand.New(rand.NewPCG(1, 2))
		var late, all int
		var mu sync.Mutex
		var group sync.WaitGroup
		for range 1000 {
			begin, length := time.Duration(random.Int64N(int64(5*time.Second))), time.Duration(random.Int64N(int64(2*time.Second)))
			group.Go(func() {
				time.Sleep(begin)
				ctx, try := l.Start(t.Context())
				defer try.End()
				start := time.Now()
				select {
				case <-ctx.Done():
					assert.Equal(t, time.Second, time.Since(start))
					mu.Lock()
					late++
					mu.Unlock()
				case <-time.After(length):
					assert.Less(t, length, time.Second+1)
				}
				mu.Lock()
				all++
				mu.Unlock()
			})
		}
		group.Wait()
		assert.Equal(t, 1000, all)
		assert.InDelta(t, 500, late, 100)
		assert.Nil(t, l.first)
	})
}

// TestOtherClocks: a limit that was used under another clock goes on working, though the
// timer set there never fires.
func TestOtherClocks(t *testing.T) {
	t.Parallel()
	l := New(50 * time.Millisecond)
	begun := func() {
		_, try := l.Start(t.Context())
		try.End()
	}
	held := func() {
		ctx, try := l.Start(t.Context())
		defer try.End()
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Second):
			t.Error("the limit does not hold any more")
		}
	}
	begun()
	synctest.Test(t, func(*testing.T) { held(); begun() })
	synctest.Test(t, func(*testing.T) { held(); begun() })
	held()
}

func BenchmarkLimit(b *testing.B) {
	l := New(time.Minute)
	for b.Loop() {
		_, try := l.Start(b.Context())
		try.End()
	}
}

// BenchmarkLimitBaseline sets a timer for each try.
func BenchmarkLimitBaseline(b *testing.B) {
	for b.Loop() {
		_, cancel := context.WithTimeout(b.Context(), time.Minute)
		cancel()
	}
}

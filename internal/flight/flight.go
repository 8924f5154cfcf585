// Package flight lets many callers share one piece of work, each with a context
// of its own: a caller whose context ends leaves at once, the work goes on for the
// others, and it is cancelled when the last caller has left.
package flight

import (
	"context"
	"sync"
)

// Group runs at most one piece of work at a time. The zero value is ready.
type Group[T any] struct {
	mu      sync.Mutex
	current *call[T]
}

type call[T any] struct {
	done    chan struct{}
	cancel  context.CancelFunc
	waiters int
	value   T
	err     error
}

// Do joins the work that is going on, or starts work with a context that carries
// the values of ctx but not its end. It returns the work's result, or ctx.Err()
// when ctx ends first.
func (g *Group[T]) Do(ctx context.Context, work func(context.Context) (T, error)) (T, error) {
	if err := ctx.Err(); err != nil {
		return *new(T), err
	}
	g.mu.Lock()
	c := g.current
	if c == nil {
		workCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		c = &call[T]{done: make(chan struct{}), cancel: cancel}
		g.current = c
		go g.run(workCtx, c, work)
	}
	c.waiters++
	g.mu.Unlock()

	select {
	case <-c.done:
		return c.value, c.err
	case <-ctx.Done():
		g.leave(c)
		return *new(T), ctx.Err()
	}
}

// Busy tells whether work is going on.
func (g *Group[T]) Busy() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.current != nil
}

func (g *Group[T]) run(ctx context.Context, c *call[T], work func(context.Context) (T, error)) {
	defer c.cancel()
	value, err := work(ctx)
	g.mu.Lock()
	c.value, c.err = value, err
	if g.current == c {
		g.current = nil
	}
	g.mu.Unlock()
	close(c.done)
}

// leave takes one caller out; work that nobody waits for is cancelled, and the next
// caller starts anew.
func (g *Group[T]) leave(c *call[T]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c.waiters--
	if c.waiters == 0 {
		c.cancel()
		if g.current == c {
			g.current = nil
		}
	}
}

// Package limit bounds how long single tries of requests may take. All tries of one
// [Limit] share a timer: to set one for each, hardly any of which ever fires, wakes the
// scheduler each time and shows in the time of a short request.
package limit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Exceeded is why the context of a try that took longer than this has ended. It is not
// context.DeadlineExceeded, which is for the time that the caller set.
type Exceeded time.Duration

// Error says how long was waited.
func (e Exceeded) Error() string { return fmt.Sprintf("no answer within %s", time.Duration(e)) }

// Timeout is what net.Error asks.
func (Exceeded) Timeout() bool { return true }

// Limit bounds tries to one length of time. It is safe for concurrent use.
type Limit struct {
	after time.Duration

	mu sync.Mutex
	// first to last are the tries under way: as they began, and so as they have to end.
	first, last *Try
	// due is when the timer fires; zero if none is set. It is not stopped when the try
	// that it was set for ends, but finds then what comes next.
	due time.Time
}

// New makes a limit of a positive length.
func New(after time.Duration) *Limit { return &Limit{after: after} }

// Try is what is bounded.
type Try struct {
	limit          *Limit
	ctx            context.Context //nolint:containedctx // it is the try's
	cancel         context.CancelCauseFunc
	end            time.Time
	previous, next *Try
}

// Start begins a try. Its context ends with an [Exceeded] as its cause when it takes too
// long; [Try.End] must be called.
func (l *Limit) Start(ctx context.Context) (context.Context, *Try) {
	t := &Try{limit: l}
	t.ctx, t.cancel = context.WithCancelCause(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	t.end = now.Add(l.after)
	if l.last == nil {
		l.first = t
	} else {
		t.previous, l.last.next = l.last, t
	}
	l.last = t
	// A timer that should have fired belongs to a clock that stands still, as that of a
	// synctest bubble that is over, and one too far ahead to another clock.
	if l.due.IsZero() || now.Sub(l.due) > time.Second || l.due.After(t.end) {
		l.set(now)
	}
	return t.ctx, t
}

// set sets the timer for the first try, if there is one.
func (l *Limit) set(now time.Time) {
	if l.first == nil {
		l.due = time.Time{}
		return
	}
	l.due = l.first.end
	time.AfterFunc(l.due.Sub(now), l.fire)
}

// fire ends the tries whose time is up.
func (l *Limit) fire() {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for l.first != nil && !l.first.end.After(now) {
		l.first.cancel(Exceeded(l.after))
		l.remove(l.first)
	}
	l.set(now)
}

// remove takes a try out of the list, unless it is out already.
func (l *Limit) remove(t *Try) {
	if t.previous == nil && l.first != t {
		return
	}
	if t.previous == nil {
		l.first = t.next
	} else {
		t.previous.next = t.next
	}
	if t.next == nil {
		l.last = t.previous
	} else {
		t.next.previous = t.previous
	}
	t.previous, t.next = nil, nil
}

// Unbind lifts the limit from a try that goes on.
func (t *Try) Unbind() {
	t.limit.mu.Lock()
	defer t.limit.mu.Unlock()
	t.limit.remove(t)
}

// End ends a try and its context. It may be called more than once.
func (t *Try) End() {
	t.Unbind()
	t.cancel(nil)
}

// Reason gives the [Exceeded] in place of err, the failure of the try, if that is why the
// try failed. Transports say so in different ways, or say only that the context ended.
func (t *Try) Reason(err error) error {
	if late, ok := errors.AsType[Exceeded](context.Cause(t.ctx)); ok {
		return late
	}
	return err
}

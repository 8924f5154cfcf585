package rollout

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Picture is a target at a time.
type Picture struct {
	// Owner is the id of the rollout that the target is marked with, if any.
	Owner   string
	Traffic Traffic
	// Broken tells that the last change has failed: the traffic in effect may be another.
	Broken bool
	// Detail is what the target shows to judges.
	Detail any
}

// Has tells whether there is a version of the name.
func (p Picture) Has(version string) bool {
	_, is := p.Traffic.Own[version]
	return is
}

// Change is what a target is to be changed to.
type Change struct {
	Traffic Traffic
	// Owner is the mark to leave; none takes it away.
	Owner string
	// Delete names a version to delete.
	Delete string
}

// Target is what the traffic is moved on.
type Target interface {
	// Read looks.
	Read(ctx context.Context) (Picture, error)
	// Settle looks, when nothing is going on with the target any more.
	Settle(ctx context.Context) (Picture, error)
	// Apply changes what is different from now and returns when that is in effect.
	Apply(ctx context.Context, now Picture, change Change) (Picture, error)
}

// Decision is what a judge decides.
type Decision string

// The decisions.
const (
	Promote  Decision = "promote"
	Hold     Decision = "hold"
	RollBack Decision = "roll back"
)

// Verdict is a decision and why.
type Verdict struct {
	Decision Decision
	Reason   string
}

// Look is what a judge is asked about.
type Look struct {
	State   State
	Picture Picture
	// Before tells that nothing has been shifted yet.
	Before bool
	// Last tells that the step has baked: to promote goes on to the next one.
	Last bool
	// Number counts the looks of the step from 1.
	Number int
	// Elapsed is the time since the step's traffic came into effect.
	Elapsed time.Duration
}

// EventKind says what happened.
type EventKind string

// The kinds of events.
const (
	EventStarted     EventKind = "started"
	EventShifted     EventKind = "shifted"
	EventJudged      EventKind = "judged"
	EventProblem     EventKind = "problem"
	EventPromoted    EventKind = "promoted"
	EventDeleted     EventKind = "deleted"
	EventRollingBack EventKind = "rolling back"
	EventRolledBack  EventKind = "rolled back"
	EventStopped     EventKind = "stopped"
)

// Event is something that happened.
type Event struct {
	Kind    EventKind
	State   State
	Traffic Traffic
	Verdict Verdict
	Err     error
}

// LostError tells that the target is in the hands of another rollout, or of none.
type LostError struct{ Owner string }

// Error names the other one.
func (e *LostError) Error() string {
	if e.Owner == "" {
		return "the mark of this rollout is gone"
	}
	return fmt.Sprintf("rollout %q is under way", e.Owner)
}

// DriftError tells that somebody else has changed the traffic.
type DriftError struct{ Found, Expected Traffic }

// Error says what was found.
func (e *DriftError) Error() string {
	return fmt.Sprintf("somebody else has changed the traffic: found %v, left %v", e.Found, e.Expected)
}

// foreign tells of failures after which the target is not ours to touch.
func foreign(err error) bool {
	if _, lost := errors.AsType[*LostError](err); lost {
		return true
	}
	_, drift := errors.AsType[*DriftError](err)
	return drift
}

package rollout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/azureml-go/azureml"
)

// Plan is how a rollout goes about it. All durations are set.
type Plan struct {
	// Bake is how long each step is watched, Interval the pause between two looks,
	// MaxHold how long the judge may hold a step back beyond Bake; 0 is for ever.
	Bake, Interval, MaxHold time.Duration
	// JudgeTimeout bounds a look, RollBackTimeout the roll-back once it has begun.
	JudgeTimeout, RollBackTimeout time.Duration
	Judge                         func(context.Context, Look) (Verdict, error)
	// CancelRollsBack and ErrorHolds say what to do when the context ends, and when
	// something fails for good.
	CancelRollsBack, ErrorHolds bool
	Emit                        func(Event)
	Save                        func(context.Context, State) error
}

// tries bounds how often what fails is tried, with growing pauses in between.
const (
	tries      = 4
	firstPause = time.Second
	// lastSaving bounds the saving of a state when a rollout stops.
	lastSaving = 10 * time.Second
)

// Outcome is how a run ended.
type Outcome string

// The outcomes. Stopped is midway; the state says where.
const (
	OutcomePromoted   Outcome = "promoted"
	OutcomeRolledBack Outcome = "rolled back"
	OutcomeStopped    Outcome = "stopped"
)

// Result is the end of a run.
type Result struct {
	Outcome Outcome
	State   State
	// Cause is why it was not promoted, where that was no verdict; after a promotion, why
	// the old version could not be deleted.
	Cause error
	// RollBackErr is why the roll-back did not succeed.
	RollBackErr error
}

type run struct {
	target Target
	state  State
	plan   Plan
	// seen is the last picture of the target.
	seen Picture
	// saved tells that the state is kept as it is now.
	saved bool
	// watched tells that the judge has been asked in this run.
	watched bool
}

// Run goes on with a rollout from its state, to its end if nothing comes between.
func Run(ctx context.Context, target Target, state State, plan Plan) Result {
	r := &run{target: target, state: state.Clone(), plan: plan}
	if !r.state.Ended() {
		r.emit(Event{Kind: EventStarted, Traffic: r.state.Traffic()})
	}
	var cause error
	for !r.state.Ended() {
		if cause = r.next(ctx); cause == nil || r.state.Ended() {
			continue
		}
		if r.state.Phase == RollingBack {
			result := r.stop(ctx, cause)
			result.Cause, result.RollBackErr = nil, cause
			return result
		}
		if !r.mayRollBack(ctx, cause) {
			return r.stop(ctx, cause)
		}
		r.state.Phase, r.state.Reason, r.saved = RollingBack, reasonOf(cause), false
		if err := r.next(ctx); err != nil && !r.state.Ended() {
			result := r.stop(ctx, cause)
			result.RollBackErr = err
			return result
		}
	}
	outcome := OutcomePromoted
	if r.state.Phase == RolledBack {
		outcome = OutcomeRolledBack
	}
	return Result{Outcome: outcome, State: r.state, Cause: cause}
}

// reasonOf puts a failure into words.
func reasonOf(cause error) string {
	switch cause.Error() {
	case context.Canceled.Error():
		return "it was cancelled"
	case context.DeadlineExceeded.Error():
		return "its time was over"
	}
	return cause.Error()
}

// stop leaves everything as it is. What has changed since the last saving is saved, once:
// without that, resuming finds out by itself.
func (r *run) stop(ctx context.Context, cause error) Result {
	if !r.saved {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastSaving)
		defer cancel()
		r.saved = r.plan.Save(ctx, r.state.Clone()) == nil
	}
	result := Result{Outcome: OutcomeStopped, State: r.state, Cause: cause}
	if r.state.Phase == Deleting {
		result.Outcome = OutcomePromoted
	}
	r.emit(Event{Kind: EventStopped, Traffic: r.seen.Traffic, Err: cause})
	return result
}

// mayRollBack tells whether a failure is answered by a roll-back.
func (r *run) mayRollBack(ctx context.Context, cause error) bool {
	switch {
	case foreign(cause), r.state.Phase == Deleting:
		return false
	case ctx.Err() != nil:
		return r.plan.CancelRollsBack
	}
	return !r.plan.ErrorHolds
}

// next does what the phase asks for.
func (r *run) next(ctx context.Context) error {
	if r.state.Phase == RollingBack {
		return r.rollBack(ctx)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := r.save(ctx); err != nil {
		return err
	}
	switch r.state.Phase {
	case Checking:
		return r.check(ctx)
	case Shifting:
		return r.shift(ctx)
	case Baking:
		return r.bake(ctx)
	case Promoting:
		return r.promote(ctx)
	default:
		return r.delete(ctx)
	}
}

// enter changes the phase; it is saved before anything else happens.
func (r *run) enter(phase Phase) {
	r.state.Phase, r.saved = phase, false
	if r.state.Ended() {
		r.state.TakeOver = ""
	}
}

// end enters a last phase and saves it.
func (r *run) end(ctx context.Context, phase Phase) error {
	r.enter(phase)
	return r.save(ctx)
}

// save keeps the state, unless it is kept as it is.
func (r *run) save(ctx context.Context) error {
	if r.saved {
		return nil
	}
	err := r.persist(ctx, func() error { return r.plan.Save(ctx, r.state.Clone()) })
	if err != nil {
		return fmt.Errorf("the state could not be saved: %w", err)
	}
	r.saved = true
	return nil
}

// persist tries something until it succeeds, the tries are used up, or trying again
// would be of no use.
func (r *run) persist(ctx context.Context, do func() error) error {
	pause := firstPause
	for try := 1; ; try++ {
		err := do()
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case try == tries || hopeless(err):
			return err
		}
		r.emit(Event{Kind: EventProblem, Traffic: r.seen.Traffic, Err: err})
		if err := sleep(ctx, pause); err != nil {
			return err
		}
		pause *= 2
	}
}

// hopeless tells of failures that come again.
func hopeless(err error) bool {
	if foreign(err) {
		return true
	}
	for _, kind := range []error{azureml.ErrInvalid, azureml.ErrForbidden, azureml.ErrUnauthorized, azureml.ErrNotFound} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

func (r *run) emit(e Event) {
	e.State = r.state.Clone()
	e.Traffic = e.Traffic.Clone()
	r.plan.Emit(e)
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

package rollout

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// check asks the judge before anything is changed.
func (r *run) check(ctx context.Context) error {
	verdict, err := r.watch(ctx, time.Now(), 0, true)
	if err != nil {
		return err
	}
	if verdict.Decision == RollBack {
		return r.refuse(verdict)
	}
	r.enter(Shifting)
	return nil
}

// shift puts the traffic of the step in effect.
func (r *run) shift(ctx context.Context) error {
	err := r.persist(ctx, func() error {
		now, err := r.settle(ctx)
		if err != nil {
			return err
		}
		done, err := r.position(now)
		if err != nil || done {
			return err
		}
		return r.apply(ctx, now, Change{Traffic: r.state.at(r.state.Step), Owner: r.state.ID})
	})
	if err != nil || r.state.Ended() || r.state.Phase == Deleting {
		return err
	}
	r.enter(Baking)
	r.state.Since = time.Now().UTC().Truncate(time.Millisecond)
	r.emit(Event{Kind: EventShifted, Traffic: r.seen.Traffic})
	return nil
}

// position finds out where the target stands, which may be further than the state says:
// the last saving may have failed. It tells that there is nothing to shift.
func (r *run) position(now Picture) (done bool, err error) {
	s := &r.state
	if now.Owner != s.ID {
		return r.unmarked(now)
	}
	for step := len(s.Steps) - 1; step >= s.Step; step-- {
		if now.Traffic.Equal(s.at(step)) {
			if step > s.Step {
				s.Step, r.saved = step, false
			}
			return !now.Broken, nil
		}
	}
	if now.Traffic.Equal(s.final()) {
		r.enter(Deleting)
		return true, nil
	}
	expected := s.Before
	if s.Step > 0 {
		expected = s.at(s.Step - 1)
	}
	if !now.Traffic.Equal(expected) {
		return false, &DriftError{Found: now.Traffic, Expected: expected}
	}
	return false, nil
}

// unmarked is [run.position] for a target that does not bear our mark.
func (r *run) unmarked(now Picture) (done bool, err error) {
	s := &r.state
	switch {
	case now.Owner == "" && now.Traffic.Equal(s.final()):
		r.enter(Promoted)
		return true, nil
	case now.Owner == "" && now.Traffic.Equal(s.Before) && (s.Phase != Shifting || s.Step > 0):
		s.Reason = "it was rolled back before"
		r.enter(RolledBack)
		return true, nil
	case now.Owner != "" && now.Owner != s.TakeOver:
		return false, &LostError{Owner: now.Owner}
	case s.Phase != Shifting || s.Step > 0:
		return false, &LostError{}
	case !now.Traffic.Equal(s.Before):
		return false, &DriftError{Found: now.Traffic, Expected: s.Before}
	case !now.Has(s.Version):
		return false, fmt.Errorf("there is no version %q any more", s.Version)
	}
	return false, nil
}

// bake watches the step until its time is over and the judge promotes it.
func (r *run) bake(ctx context.Context) error {
	verdict, err := r.watch(ctx, r.state.Since, r.plan.Bake, false)
	switch {
	case err != nil || verdict.Decision == Hold: // it stands elsewhere now
		return err
	case verdict.Decision == RollBack:
		return r.refuse(verdict)
	}
	if r.state.Step+1 < len(r.state.Steps) {
		r.state.Step++
		r.enter(Shifting)
		return nil
	}
	r.enter(Promoting)
	return nil
}

// refuse begins the roll-back that a judge wants.
func (r *run) refuse(verdict Verdict) error {
	r.state.Reason = verdict.Reason
	if r.state.Reason == "" {
		r.state.Reason = "the judge said so"
	}
	r.enter(RollingBack)
	return nil
}

// promote makes the new version the default.
func (r *run) promote(ctx context.Context) error {
	final := r.state.final()
	err := r.persist(ctx, func() error {
		now, err := r.settle(ctx)
		switch {
		case err != nil:
			return err
		case now.Owner != r.state.ID && now.Owner != "":
			return &LostError{Owner: now.Owner}
		case now.Traffic.Equal(final) && !now.Broken || r.deleted(now):
			return nil
		case now.Owner == "":
			return &LostError{}
		}
		if left := r.state.at(len(r.state.Steps) - 1); !now.Broken && !now.Traffic.Equal(left) {
			return &DriftError{Found: now.Traffic, Expected: left}
		}
		change := Change{Traffic: final}
		if r.state.DeleteOld {
			change.Owner = r.state.ID // the old version is still to be deleted
		}
		return r.apply(ctx, now, change)
	})
	if err != nil {
		return err
	}
	r.state.Phase = Deleting
	r.emit(Event{Kind: EventPromoted, Traffic: r.seen.Traffic})
	if !r.state.DeleteOld {
		return r.end(ctx, Promoted)
	}
	r.enter(Deleting)
	return nil
}

// deleted tells that a rollout has been through to its end, the old version's deletion.
func (r *run) deleted(now Picture) bool {
	return r.state.DeleteOld && !now.Has(r.state.Old) && now.Traffic.Equal(r.state.final().Without(r.state.Old))
}

// delete deletes the old version and takes the mark away.
func (r *run) delete(ctx context.Context) error {
	err := r.persist(ctx, func() error {
		now, err := r.settle(ctx)
		switch {
		case err != nil:
			return err
		case now.Owner != r.state.ID && now.Owner != "":
			return &LostError{Owner: now.Owner}
		case now.Owner == "" && (!r.state.DeleteOld || !now.Has(r.state.Old)):
			return nil
		case now.Owner == "":
			return &LostError{}
		}
		final := r.state.final()
		if found := now.Traffic; !found.Equal(final) {
			return &DriftError{Found: found, Expected: final}
		}
		change := Change{Traffic: final}
		if r.state.DeleteOld {
			change.Traffic = final.Without(r.state.Old)
			if now.Has(r.state.Old) {
				change.Delete = r.state.Old
			}
		}
		return r.apply(ctx, now, change)
	})
	if err != nil {
		return err
	}
	if r.state.DeleteOld {
		r.emit(Event{Kind: EventDeleted, Traffic: r.seen.Traffic})
	}
	return r.end(ctx, Promoted)
}

// settle looks when nothing is going on.
func (r *run) settle(ctx context.Context) (Picture, error) {
	now, err := r.target.Settle(ctx)
	if err == nil {
		r.seen = now
	}
	return now, err
}

// apply changes the target and looks whether somebody else did so at the same moment.
func (r *run) apply(ctx context.Context, now Picture, change Change) error {
	after, err := r.target.Apply(ctx, now, change)
	if err != nil {
		return err
	}
	r.seen = after
	if after.Owner != change.Owner {
		return &LostError{Owner: after.Owner}
	}
	return nil
}

// rollBack puts back the traffic before. It goes on after ctx has ended, for as long as
// the plan allows.
func (r *run) rollBack(outer context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(outer), r.plan.RollBackTimeout)
	defer cancel()
	r.emit(Event{Kind: EventRollingBack, Traffic: r.seen.Traffic, Verdict: Verdict{RollBack, r.state.Reason}})
	// A state that cannot be saved must not keep bad traffic where it is.
	saveErr := r.save(ctx)
	err := r.persist(ctx, func() error {
		now, err := r.settle(ctx)
		switch {
		case err != nil:
			return err
		case now.Owner == "" && now.Traffic.Equal(r.state.Before):
			return nil
		case now.Owner == "" || now.Owner != r.state.ID:
			if now.Owner == r.state.TakeOver && now.Traffic.Equal(r.state.Before) {
				return nil // never begun: what was to be taken over is untouched
			}
			return &LostError{Owner: now.Owner}
		}
		return r.apply(ctx, now, Change{Traffic: r.state.Before})
	})
	if err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("the roll-back did not end within %v: %w", r.plan.RollBackTimeout, err)
		}
		return errors.Join(err, saveErr)
	}
	r.enter(RolledBack)
	r.emit(Event{Kind: EventRolledBack, Traffic: r.state.Before, Verdict: Verdict{RollBack, r.state.Reason}})
	return r.save(ctx)
}

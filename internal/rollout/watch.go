package rollout

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// watch lets the judge look, again and again, until the time to bake is over and it has
// decided, or until it wants to roll back. A phase other than before tells that the
// target stands elsewhere than the state said.
func (r *run) watch(ctx context.Context, since time.Time, bake time.Duration, before bool) (Verdict, error) {
	over, phase := since.Add(bake), r.state.Phase
	patience := time.Now() // time in which nobody looked does not count as undecided
	if over.After(patience) {
		patience = over
	}
	patience = patience.Add(r.plan.MaxHold)
	for number := 1; ; number++ {
		wait := min(r.plan.Interval, time.Until(over))
		switch {
		case !r.watched: // one that goes on after a pause looks at once
			wait, r.watched = 0, true
		case wait <= 0 && number > 1:
			wait = r.plan.Interval
		}
		if err := sleep(ctx, wait); err != nil {
			return Verdict{}, err
		}
		now, err := r.look(ctx, before)
		if err != nil || r.state.Phase != phase || !before && !r.saved {
			return Verdict{Decision: Hold}, err
		}
		look := Look{
			State: r.state.Clone(), Picture: now, Before: before, Last: !time.Now().Before(over),
			Number: number, Elapsed: time.Since(since),
		}
		verdict, err := r.judge(ctx, look)
		if err != nil {
			return verdict, err
		}
		if verdict.Decision == Hold && r.plan.MaxHold > 0 && !time.Now().Before(patience) {
			verdict = Verdict{RollBack, fmt.Sprintf("undecided for %v beyond the time to bake: %s", r.plan.MaxHold, verdict.Reason)}
		}
		r.emit(Event{Kind: EventJudged, Traffic: now.Traffic, Verdict: verdict})
		if verdict.Decision == RollBack || verdict.Decision == Promote && look.Last {
			return verdict, nil
		}
	}
}

// look reads the target and checks that it is as it was left.
func (r *run) look(ctx context.Context, before bool) (Picture, error) {
	var now Picture
	err := r.persist(ctx, func() (err error) {
		now, err = r.target.Read(ctx)
		return err
	})
	if err != nil {
		return now, err
	}
	r.seen = now
	if before {
		if now.Owner != "" && now.Owner != r.state.TakeOver && now.Owner != r.state.ID {
			return now, &LostError{Owner: now.Owner}
		}
		return now, nil
	}
	step := r.state.Step
	done, err := r.position(now)
	switch {
	case err != nil || r.state.Phase != Baking:
		return now, err
	case !done && !now.Broken:
		return now, &DriftError{Found: now.Traffic, Expected: r.state.at(step)}
	case r.state.Step != step:
		r.state.Since = time.Now().UTC().Truncate(time.Millisecond)
	}
	return now, nil
}

// judge asks the judge, again if it fails.
func (r *run) judge(ctx context.Context, look Look) (verdict Verdict, err error) {
	err = r.persist(ctx, func() error {
		limited, cancel := context.WithTimeout(ctx, r.plan.JudgeTimeout)
		defer cancel()
		verdict, err = r.plan.Judge(limited, look)
		if err != nil {
			return fmt.Errorf("the judge failed: %w", err)
		}
		switch verdict.Decision {
		case Promote, Hold, RollBack:
			return nil
		}
		return errors.New("the judge gave no verdict")
	})
	return verdict, err
}

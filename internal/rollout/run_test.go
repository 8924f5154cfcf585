package rollout_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/rollout"
)

func TestPromoted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, j := newFake(), &journal{}
		var shares []float64
		start := time.Now()
		result := rollout.Run(t.Context(), f, begin(f), j.plan(func(_ context.Context, l rollout.Look) (rollout.Verdict, error) {
			shares = append(shares, l.Picture.Traffic.Share("b"))
			return promote(t.Context(), l)
		}))
		require.NoError(t, result.Cause)
		assert.Equal(t, rollout.OutcomePromoted, result.Outcome)
		assert.Equal(t, 30*time.Minute, time.Since(start), "three times to bake")
		assert.Equal(t, []float64{0, 4.5, 4.5, 4.5, 4.5, 45, 45, 45, 45, 90, 90, 90, 90}, shares, "of the 90 % that a and b have between them")
		assert.Equal(t, rollout.Traffic{Default: "b", Control: "b", Own: map[string]float64{"a": 0, "b": 20, "c": 10}}, f.picture.Traffic)
		assert.Empty(t, f.picture.Owner)
		assert.Equal(t, 4, f.changes)
		assert.Equal(t, []rollout.EventKind{"started", "shifted", "shifted", "shifted", "promoted"}, j.kinds())
		assert.Equal(t, result.State, j.last())

		// Once more, from any state that was saved on the way: nothing is changed.
		for _, s := range j.states[2:] {
			again := rollout.Run(t.Context(), f, s, j.plan(promote))
			assert.Equal(t, rollout.OutcomePromoted, again.Outcome, "%+v: %v", s, again.Cause)
			assert.Equal(t, 4, f.changes)
		}
	})
}

func TestOldVersionIsDeleted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, j := newFake(), &journal{}
		s := begin(f)
		s.DeleteOld = true
		result := rollout.Run(t.Context(), f, s, j.plan(promote))
		require.NoError(t, result.Cause)
		assert.Equal(t, rollout.Traffic{Default: "b", Control: "b", Own: map[string]float64{"b": 20, "c": 10}}, f.picture.Traffic)
		assert.Equal(t, []rollout.EventKind{"started", "shifted", "shifted", "shifted", "promoted", "deleted"}, j.kinds())

		// Deleting fails: it is promoted all the same, and the error says what is left.
		f, j = newFake(), &journal{}
		f.fail = func(int) (error, bool) {
			if f.picture.Traffic.Default == "b" {
				return errDown, false
			}
			return nil, true
		}
		result = rollout.Run(t.Context(), f, s, j.plan(promote))
		assert.Equal(t, rollout.OutcomePromoted, result.Outcome)
		require.ErrorIs(t, result.Cause, errDown)
		assert.Equal(t, rollout.Deleting, result.State.Phase)
	})
}

// rolledBack checks that everything is as it was.
func rolledBack(t *testing.T, f *fake, result rollout.Result) {
	t.Helper()
	assert.Equal(t, rollout.OutcomeRolledBack, result.Outcome)
	require.NoError(t, result.RollBackErr)
	assert.Equal(t, newFake().picture, f.picture)
}

func TestRolledBack(t *testing.T) {
	for look := 1; look <= 12; look++ {
		t.Run(fmt.Sprint("at look ", look), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f, j, n := newFake(), &journal{}, 0
				result := rollout.Run(t.Context(), f, begin(f), j.plan(func(ctx context.Context, l rollout.Look) (rollout.Verdict, error) {
					if n++; n == look {
						return rollout.Verdict{Decision: rollout.RollBack, Reason: "slow"}, nil
					}
					return promote(ctx, l)
				}))
				rolledBack(t, f, result)
				require.NoError(t, result.Cause)
				assert.Equal(t, "slow", result.State.Reason)
				if look == 1 {
					assert.Zero(t, f.changes, "nothing was begun")
				}
				changes := f.changes
				for _, s := range j.states {
					if s.Phase == rollout.Checking || s.Phase == rollout.Shifting && s.Step == 0 {
						continue // before the first change: this is where it begins
					}
					again := rollout.Run(t.Context(), f, s, j.plan(promote))
					rolledBack(t, f, again)
				}
				assert.Equal(t, changes, f.changes)
			})
		})
	}
}

func TestHeldBack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, j, n := newFake(), &journal{}, 0
		start := time.Now()
		result := rollout.Run(t.Context(), f, begin(f), j.plan(func(ctx context.Context, l rollout.Look) (rollout.Verdict, error) {
			if n++; n <= 8 {
				return rollout.Verdict{Decision: rollout.Hold}, nil
			}
			return promote(ctx, l)
		}))
		assert.Equal(t, rollout.OutcomePromoted, result.Outcome)
		assert.Greater(t, time.Since(start), 45*time.Minute)

		f, j = newFake(), &journal{}
		start = time.Now()
		result = rollout.Run(t.Context(), f, begin(f), j.plan(func(ctx context.Context, l rollout.Look) (rollout.Verdict, error) {
			if l.Before {
				return promote(ctx, l)
			}
			return rollout.Verdict{Decision: rollout.Hold, Reason: "few requests"}, nil
		}))
		rolledBack(t, f, result)
		assert.Equal(t, "undecided for 1h0m0s beyond the time to bake: few requests", result.State.Reason)
		assert.Equal(t, 70*time.Minute, time.Since(start))
	})
}

func TestJudgeFails(t *testing.T) {
	failing := func(times int) func(context.Context, rollout.Look) (rollout.Verdict, error) {
		n := 0
		return func(ctx context.Context, l rollout.Look) (rollout.Verdict, error) {
			if n++; !l.Before && n <= times+1 {
				return rollout.Verdict{}, errDown
			}
			return promote(ctx, l)
		}
	}
	bubble(t, func(t *testing.T) {
		f, j := newFake(), &journal{}
		assert.Equal(t, rollout.OutcomePromoted, rollout.Run(t.Context(), f, begin(f), j.plan(failing(3))).Outcome)
		assert.Contains(t, j.kinds(), rollout.EventProblem)

		f = newFake()
		result := rollout.Run(t.Context(), f, begin(f), j.plan(failing(4)))
		rolledBack(t, f, result)
		require.ErrorIs(t, result.Cause, errDown)
		assert.Equal(t, "the judge failed: down", result.State.Reason)

		f = newFake()
		plan := j.plan(failing(4))
		plan.ErrorHolds = true
		result = rollout.Run(t.Context(), f, begin(f), plan)
		assert.Equal(t, rollout.OutcomeStopped, result.Outcome)
		assert.InDelta(t, 4.5, f.picture.Traffic.Share("b"), 1e-9)
		result = rollout.Run(t.Context(), f, result.State, j.plan(promote))
		assert.Equal(t, rollout.OutcomePromoted, result.Outcome)

		// One that hangs, one that has nothing to say.
		for _, judge := range []func(context.Context, rollout.Look) (rollout.Verdict, error){
			func(ctx context.Context, _ rollout.Look) (rollout.Verdict, error) {
				<-ctx.Done()
				return rollout.Verdict{}, ctx.Err()
			},
			func(context.Context, rollout.Look) (rollout.Verdict, error) { return rollout.Verdict{}, nil },
		} {
			f = newFake()
			result = rollout.Run(t.Context(), f, begin(f), j.plan(judge))
			rolledBack(t, f, result)
			require.Error(t, result.Cause)
			assert.Zero(t, f.changes)
		}
	})
}

// TestFaults: every read and change fails once, before and after its effect.
func TestFaults(t *testing.T) {
	for n := 1; n <= 30; n++ {
		for _, effect := range []bool{false, true} {
			t.Run(fmt.Sprint(n, effect), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					f, j := newFake(), &journal{}
					f.fail = func(call int) (error, bool) {
						if call == n {
							return errDown, effect
						}
						return nil, true
					}
					s := begin(f)
					s.DeleteOld = true
					result := rollout.Run(t.Context(), f, s, j.plan(promote))
					require.NoError(t, result.Cause)
					assert.Equal(t, rollout.OutcomePromoted, result.Outcome)
					assert.Equal(t, 5, f.changes, "what has had its effect is not done again")
				})
			})
		}
	}
}

// TestKilled cuts a rollout off at every call and every saving, and goes on from the last
// state that was saved.
func TestKilled(t *testing.T) {
	for _, bad := range []bool{false, true} {
		for n := 1; n <= 40; n++ {
			t.Run(fmt.Sprint(bad, n), func(t *testing.T) {
				bubble(t, func(t *testing.T) { killed(t, n, bad) })
			})
		}
	}
}

func killed(t *testing.T, n int, bad bool) {
	judge := func(ctx context.Context, l rollout.Look) (rollout.Verdict, error) {
		if bad && l.State.Step == 1 {
			return rollout.Verdict{Decision: rollout.RollBack, Reason: "bad"}, nil
		}
		return promote(ctx, l)
	}
	f, j := newFake(), &journal{}
	ctx, kill := context.WithCancel(t.Context())
	moment, dead := 0, false
	tick := func() bool {
		if moment++; moment == n {
			dead = true
			kill()
		}
		return dead
	}
	f.fail = func(int) (error, bool) {
		if dead {
			return errDown, false
		}
		tick()
		return nil, true // the one that is cut off has had its effect
	}
	plan := j.plan(judge)
	keep := plan.Save
	plan.Save = func(ctx context.Context, s rollout.State) error {
		if dead {
			return errDown
		}
		tick()
		return keep(ctx, s)
	}
	s := begin(f)
	s.DeleteOld = true
	rollout.Run(ctx, f, s, plan)
	f.fail = nil
	if len(j.states) == 0 {
		j.states = []rollout.State{s} // killed before it began
	}
	result := rollout.Run(t.Context(), f, j.last(), j.plan(judge))
	require.NoError(t, result.Cause)
	require.NoError(t, result.RollBackErr)
	if bad {
		assert.Equal(t, newFake().picture, f.picture)
		assert.Equal(t, 3, f.changes)
		assert.Equal(t, rollout.OutcomeRolledBack, result.Outcome)
		return
	}
	assert.Equal(t, rollout.Traffic{Default: "b", Control: "b", Own: map[string]float64{"b": 20, "c": 10}}, f.picture.Traffic)
	assert.Empty(t, f.picture.Owner)
	assert.Equal(t, 5, f.changes)
	assert.Equal(t, rollout.OutcomePromoted, result.Outcome)
}

func TestCancelled(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for _, back := range []bool{false, true} {
			f, j := newFake(), &journal{}
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(15*time.Minute, cancel)
			plan := j.plan(promote)
			plan.CancelRollsBack = back
			start := time.Now()
			result := rollout.Run(ctx, f, begin(f), plan)
			assert.Equal(t, 15*time.Minute, time.Since(start))
			require.ErrorIs(t, result.Cause, context.Canceled)
			if back {
				rolledBack(t, f, result)
				assert.Equal(t, "it was cancelled", result.State.Reason)
				continue
			}
			assert.Equal(t, rollout.OutcomeStopped, result.Outcome)
			assert.InDelta(t, 45, f.picture.Traffic.Share("b"), 1e-9)
			assert.Equal(t, "r1", f.picture.Owner)
			result = rollout.Run(t.Context(), f, j.last(), j.plan(promote))
			assert.Equal(t, rollout.OutcomePromoted, result.Outcome)
			assert.Equal(t, 30*time.Minute, time.Since(start), "the time to bake goes on while nobody looks")
		}
	})
}

// TestResumedLongAfter: the hours in which no program was there are no undecided ones.
func TestResumedLongAfter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, j := newFake(), &journal{}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(5*time.Minute, cancel)
		result := rollout.Run(ctx, f, begin(f), j.plan(promote))
		assert.Equal(t, rollout.OutcomeStopped, result.Outcome)
		time.Sleep(5 * time.Hour)
		looks := 0
		result = rollout.Run(t.Context(), f, result.State, j.plan(func(ctx context.Context, l rollout.Look) (rollout.Verdict, error) {
			if looks++; looks < 4 {
				return rollout.Verdict{Decision: rollout.Hold}, nil
			}
			return promote(ctx, l)
		}))
		assert.Equal(t, rollout.OutcomePromoted, result.Outcome, result.State.Reason)
	})
}

// TestRollBackIsBounded: one that cannot succeed ends, cancelled or not.
func TestRollBackIsBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, j := newFake(), &journal{}
		plan := j.plan(func(context.Context, rollout.Look) (rollout.Verdict, error) {
			return rollout.Verdict{Decision: rollout.RollBack, Reason: "bad"}, nil
		})
		f.fail = func(n int) (error, bool) {
			if n > 1 {
				return errDown, false
			}
			return nil, true
		}
		result := rollout.Run(t.Context(), f, begin(f), plan)
		assert.Equal(t, rollout.OutcomeStopped, result.Outcome)
		require.NoError(t, result.Cause)
		require.ErrorIs(t, result.RollBackErr, errDown)
		assert.Equal(t, rollout.RollingBack, result.State.Phase)
		f.fail = nil
		rolledBack(t, f, rollout.Run(t.Context(), f, result.State, plan))
	})
}

// TestRaces: whoever writes the mark last wins, the other one notices.
func TestRaces(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, j := newFake(), &journal{}
		f.racer = func(f *fake) { // between our look and our change; its change comes before ours
			f.picture.Owner = "r2"
		}
		result := rollout.Run(t.Context(), f, begin(f), j.plan(promote))
		assert.Equal(t, rollout.OutcomePromoted, result.Outcome, "ours was the last")

		f, j = newFake(), &journal{}
		f.follower = func(f *fake) { f.picture.Owner = "r2" } // its change comes right after ours
		start := time.Now()
		result = rollout.Run(t.Context(), f, begin(f), j.plan(promote))
		assert.Equal(t, rollout.OutcomeStopped, result.Outcome)
		assert.Equal(t, 1, f.changes)
		assert.Zero(t, time.Since(start), "it is noticed at once")

		f, j = newFake(), &journal{}
		s := begin(f)
		f.picture.Owner = "r2"
		result = rollout.Run(t.Context(), f, s, j.plan(promote))
		lost, ok := errors.AsType[*rollout.LostError](result.Cause)
		require.True(t, ok)
		assert.Equal(t, "r2", lost.Owner)
		assert.Zero(t, f.changes)
		s.TakeOver = "r2"
		result = rollout.Run(t.Context(), f, s, j.plan(promote))
		assert.Equal(t, rollout.OutcomePromoted, result.Outcome)

		// At every later moment another one writes its mark: ours stops and touches nothing.
		for minutes := 1; minutes < 30; minutes += 4 {
			f, j := newFake(), &journal{}
			changes := 0
			time.AfterFunc(time.Duration(minutes)*time.Minute+time.Second, func() {
				f.change(func() { f.picture.Owner, changes = "r2", f.changes })
			})
			result = rollout.Run(t.Context(), f, begin(f), j.plan(promote))
			assert.Equal(t, rollout.OutcomeStopped, result.Outcome)
			_, ok := errors.AsType[*rollout.LostError](result.Cause)
			require.True(t, ok, "%v", result.Cause)
			f.change(func() { assert.Equal(t, changes, f.changes) })
			assert.Equal(t, "r2", f.picture.Owner)
		}

		// Somebody takes the traffic away by hand.
		hand, j := newFake(), &journal{}
		time.AfterFunc(15*time.Minute, func() { hand.change(func() { hand.picture.Traffic.Own["b"] = 0 }) })
		result = rollout.Run(t.Context(), hand, begin(hand), j.plan(promote))
		assert.Equal(t, rollout.OutcomeStopped, result.Outcome)
		_, ok = errors.AsType[*rollout.DriftError](result.Cause)
		require.True(t, ok, "%v", result.Cause)
		hand.change(func() { assert.Zero(t, hand.picture.Traffic.Own["b"]) })
		synctest.Wait()
	})
}

func TestSavingFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, j := newFake(), &journal{}
		plan := j.plan(promote)
		plan.Save = func(context.Context, rollout.State) error { return errDown }
		result := rollout.Run(t.Context(), f, begin(f), plan)
		rolledBack(t, f, result)
		assert.Zero(t, f.changes, "without a state nothing is begun")
		require.ErrorIs(t, result.Cause, errDown)

		n := 0
		plan.Save = func(context.Context, rollout.State) error {
			if n++; n > 4 {
				return azureml.ErrForbidden
			}
			return nil
		}
		f = newFake()
		result = rollout.Run(t.Context(), f, begin(f), plan)
		rolledBack(t, f, result)
		assert.Equal(t, "the state could not be saved: forbidden", result.State.Reason)
	})
}

// TestTrafficChangedAtTheLastMoment: somebody changes the traffic between the last verdict
// and the promotion. It is not overridden.
func TestTrafficChangedAtTheLastMoment(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, j := newFake(), &journal{}
		changes := 0
		result := rollout.Run(t.Context(), f, begin(f), j.plan(func(ctx context.Context, l rollout.Look) (rollout.Verdict, error) {
			if l.Last && !l.Before && l.State.Step == len(l.State.Steps)-1 {
				f.change(func() { f.picture.Traffic.Own["b"], changes = 1, f.changes })
			}
			return promote(ctx, l)
		}))
		assert.Equal(t, rollout.OutcomeStopped, result.Outcome)
		_, drift := errors.AsType[*rollout.DriftError](result.Cause)
		assert.True(t, drift, "%v", result.Cause)
		assert.Equal(t, changes, f.changes)
		assert.InDelta(t, 1, f.picture.Traffic.Own["b"], 0)
	})
}

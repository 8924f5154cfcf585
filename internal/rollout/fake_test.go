package rollout_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/azureml-go/azureml/internal/rollout"
)

var errDown = errors.New("down")

// fake is a target that keeps everything in memory. Reads and changes are counted, and
// can be cut off or made to fail at a given count, before or after they take effect.
type fake struct {
	mu             sync.Mutex
	picture        rollout.Picture
	calls, changes int
	// fail decides for call n whether it fails, and whether it has its effect all the same.
	fail func(n int) (err error, effect bool)
	// racer is called once in between looking and changing, follower right after a change.
	racer, follower func(*fake)
}

func newFake() *fake {
	return &fake{picture: rollout.Picture{Traffic: rollout.Traffic{
		Default: "a", Control: "a", Own: map[string]float64{"a": 20, "b": 0, "c": 10},
	}}}
}

func (f *fake) count() (effect bool, err error) {
	f.calls++
	if f.fail == nil {
		return true, nil
	}
	err, effect = f.fail(f.calls)
	return effect, err
}

func (f *fake) Read(ctx context.Context) (rollout.Picture, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return rollout.Picture{}, err
	}
	if _, err := f.count(); err != nil {
		return rollout.Picture{}, err
	}
	return f.copy(), nil
}

func (f *fake) Settle(ctx context.Context) (rollout.Picture, error) { return f.Read(ctx) }

func (f *fake) Apply(ctx context.Context, _ rollout.Picture, change rollout.Change) (rollout.Picture, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return rollout.Picture{}, err
	}
	if f.racer != nil {
		racer := f.racer
		f.racer = nil
		racer(f)
	}
	effect, err := f.count()
	if effect {
		f.changes++
		f.picture.Traffic, f.picture.Owner = change.Traffic.Clone(), change.Owner
		delete(f.picture.Traffic.Own, change.Delete)
	}
	if f.follower != nil {
		f.follower(f)
	}
	return f.copy(), err
}

// change does what somebody else does.
func (f *fake) change(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
}

func (f *fake) copy() rollout.Picture {
	p := f.picture
	p.Traffic = p.Traffic.Clone()
	return p
}

// journal keeps what a rollout says and saves.
type journal struct {
	events []rollout.Event
	states []rollout.State
}

func (j *journal) last() rollout.State { return j.states[len(j.states)-1] }

func promote(context.Context, rollout.Look) (rollout.Verdict, error) {
	return rollout.Verdict{Decision: rollout.Promote}, nil
}

func (j *journal) plan(judge func(context.Context, rollout.Look) (rollout.Verdict, error)) rollout.Plan {
	return rollout.Plan{
		Bake: 10 * time.Minute, Interval: 3 * time.Minute, MaxHold: time.Hour,
		JudgeTimeout: time.Minute, RollBackTimeout: 5 * time.Minute,
		Judge: judge, Emit: func(e rollout.Event) { j.events = append(j.events, e) },
		Save: func(_ context.Context, s rollout.State) error { j.states = append(j.states, s); return nil },
	}
}

// kinds are the events without those of judging.
func (j *journal) kinds() []rollout.EventKind {
	var kinds []rollout.EventKind
	for _, e := range j.events {
		if e.Kind != rollout.EventJudged {
			kinds = append(kinds, e.Kind)
		}
	}
	return kinds
}

func begin(f *fake) rollout.State {
	return rollout.State{
		Format: rollout.Format, ID: "r1", Kind: "endpoint", Name: "e", Version: "b", Old: "a",
		Steps: []float64{5, 50, 100}, Before: f.picture.Traffic.Clone(), Phase: rollout.Checking,
	}
}

// bubble runs a test in virtual time.
func bubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, test)
}

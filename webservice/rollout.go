package webservice

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/rollout"
	"github.com/azureml-go/azureml/internal/validate"
)

// RolloutTarget is what a rollout moves requests on: an *[AksEndpoint], or a *[Splitter].
// No other type implements it.
type RolloutTarget interface {
	rolloutTarget(o *RolloutOptions) rolloutTarget
}

// rolloutTarget is a target with what must be known of it beside its traffic.
type rolloutTarget interface {
	rollout.Target
	// identity is its kind, its workspace and its name.
	identity() (kind, workspaceID, name string)
	subject() string
	// adopt makes ready a target that has forgotten its traffic, or notes why it cannot.
	adopt(s rollout.State, check *validate.Checker)
	// observe fills in what judges see of the target.
	observe(look rollout.Look, o *Observation)
	defaultJudge() Judge
}

// RolloutAction is what a rollout does when it cannot go on.
type RolloutAction string

// The actions.
const (
	// RolloutHold leaves the traffic as it is; [ResumeRollout] goes on from there.
	RolloutHold RolloutAction = "hold"
	// RolloutRollBack puts the traffic back as it was before the rollout.
	RolloutRollBack RolloutAction = "roll back"
)

// PossibleRolloutActionValues returns the values of [RolloutAction].
func PossibleRolloutActionValues() []RolloutAction {
	return []RolloutAction{RolloutHold, RolloutRollBack}
}

// RolloutOptions are the optional parts of [Rollout] and [ResumeRollout].
type RolloutOptions struct {
	// Steps are the shares that the new version gets one after the other, in percent of
	// what it and the version that it replaces have between them: with two versions, of
	// all requests. They rise and are from 0.01 to 100. Default 5, 25, 50, 100. Those below
	// the share that the version has already are left out. A resumed rollout has those of
	// its state.
	Steps []float64
	// Bake is how long each step is watched at least. Default 5 minutes; negative not at
	// all: the judge is asked once.
	Bake time.Duration
	// Interval is the pause between two looks of the judge. Default a quarter of Bake,
	// from 1 s to 1 minute; 10 s without Bake.
	Interval time.Duration
	// MaxHold is how long the judge may hold a step back beyond Bake; then it is rolled
	// back. Default 1 hour; negative does not bound it.
	MaxHold time.Duration
	// Judge decides before the first step and at each step. Default: [StateJudge], and for
	// a [Splitter] together with [TrafficJudge].
	Judge Judge
	// JudgeTimeout bounds each look of the judge. Default 5 minutes.
	JudgeTimeout time.Duration
	// OnCancel says what to do when the context ends. Default [RolloutHold].
	OnCancel RolloutAction
	// OnError says what to do when the judge, the service or Save keeps failing: each is
	// tried four times within some 7 seconds. Default [RolloutRollBack].
	OnError RolloutAction
	// RollBackTimeout bounds the roll-back, which goes on after the context has ended.
	// Default 10 minutes.
	RollBackTimeout time.Duration
	// DeleteOld deletes the version that was replaced, after the new one has become the
	// default. Default: it stays, without requests. A resumed rollout has that of its state.
	DeleteOld bool
	// OnEvent is called with everything that happens, in the goroutine of the rollout,
	// which it must not block.
	OnEvent func(RolloutEvent)
	// Save keeps the state, so that [ResumeRollout] can go on after the program has ended.
	// It is called before every change. Nothing is changed unless it succeeds.
	Save func(ctx context.Context, state RolloutState) error
	// TakeOver is the id of another rollout, one that is dead, whose mark on the endpoint
	// is to be replaced. The traffic as that one has left it is then what is rolled back
	// to. To go on with a dead rollout, use [ResumeRollout] instead.
	TakeOver string
	// SkipPrecheck leaves out the question whether the service accepts a change, one
	// request before each.
	SkipPrecheck bool
	// OnWarning gets what is worth saying.
	OnWarning func(azureml.Warning)
}

const (
	defaultBake            = 5 * time.Minute
	defaultMaxHold         = time.Hour
	defaultJudgeTimeout    = 5 * time.Minute
	defaultRollBackTimeout = 10 * time.Minute
	unbakedInterval        = 10 * time.Second
)

func defaultSteps() []float64 { return []float64{5, 25, 50, 100} }

// Rollout moves the requests of target from its default version to version, step by
// step, and watches: at each step it waits, asks the judge again and again, and goes on
// only if that says so. A bad verdict puts the traffic back exactly as it was. In the
// end the new version takes the place of the old one: it is the default, with the old
// one's percentile, and the control version if that was; other versions keep theirs.
// It blocks for as long as all that takes.
//
// The result says how it ended, also together with an error. Promoted is nil; rolled
// back is an *azureml.Error of kind [ErrRolledBack], with the reason; stopped midway is
// one that wraps why: the end of ctx, azureml.ErrConflict, or another failure. A version
// that is the default already is promoted without a change.
//
// # One at a time
//
// The endpoint is marked with the rollout's id, as the tag [RolloutTag], in the patch of
// the first step. The mark is read again before each further one and at every look. A
// second rollout that finds another's mark changes nothing and returns
// azureml.ErrConflict. The service has no condition for a patch: two that begin between
// the same two requests both write their mark; the last one wins, and the other one
// notices after its patch, at its next look at the latest, and stops with
// azureml.ErrConflict without touching anything more. The same happens when somebody
// else changes the percentages meanwhile. Tags that others change in that moment can be
// lost.
//
// # Restarts
//
// With Save, a rollout survives the end of the program: [ResumeRollout] goes on from the
// state that was saved last. Whatever the service shows to be done is not done again.
func Rollout(ctx context.Context, target RolloutTarget, version string, o *RolloutOptions) (*RolloutResult, error) {
	options := o.orZero()
	operation := fmt.Sprintf("roll out version %q of", version)
	if err := checkTarget(operation, target); err != nil {
		return nil, err
	}
	t := target.rolloutTarget(&options)
	if err := options.check(operation, t.subject(), version); err != nil {
		return nil, err
	}
	now, err := t.Read(ctx)
	if err != nil {
		return nil, err
	}
	if now.Traffic.Default == version && now.Owner == "" {
		return &RolloutResult{Outcome: RolloutPromoted, Traffic: now.Traffic.Shares()}, nil
	}
	if now.Owner != "" && now.Owner != options.TakeOver {
		return nil, lost(operation, t.subject(), &rollout.LostError{Owner: now.Owner}, "")
	}
	state := rollout.State{
		Format: rollout.Format, ID: uuid.NewString(), Version: version, Old: now.Traffic.Default, DeleteOld: options.DeleteOld,
		Before: now.Traffic.Clone(), Phase: rollout.Checking, TakeOver: options.TakeOver,
	}
	state.Kind, state.Workspace, state.Name = t.identity()
	if state.Steps, err = options.fit(now, operation, t.subject(), version); err != nil {
		return nil, err
	}
	return drive(ctx, t, state, &options)
}

// ResumeRollout goes on with a rollout from the state that its Save was given last, on
// the same endpoint or a [Splitter] of the same name. The options are those of [Rollout];
// Steps, DeleteOld and TakeOver are taken from the state. The time to bake has gone on
// while nobody looked. One that has ended is not begun again: its result is that of then.
//
// Do not resume a rollout that is still running elsewhere: two runs with the same id
// cannot tell each other apart.
func ResumeRollout(ctx context.Context, target RolloutTarget, state RolloutState, o *RolloutOptions) (*RolloutResult, error) {
	options, s := o.orZero(), state.state
	operation := fmt.Sprintf("resume the rollout of version %q of", s.Version)
	if err := checkTarget(operation, target); err != nil {
		return nil, err
	}
	t := target.rolloutTarget(&options)
	var check validate.Checker
	kind, workspaceID, name := t.identity()
	switch {
	case s.ID == "":
		check.Add("state", nil, "is empty")
	case s.Kind != kind || s.Name != name:
		check.Addf("state", s.Kind+" "+s.Name, "is not of the %s %q", kind, name)
	case !strings.EqualFold(s.Workspace, workspaceID):
		check.Add("state", s.Workspace, "is of another workspace")
	}
	if err := check.Err(operation, t.subject()); err != nil {
		return nil, err
	}
	options.Steps = nil
	if err := options.check(operation, t.subject(), s.Version); err != nil {
		return nil, err
	}
	t.adopt(s, &check)
	if err := check.Err(operation, t.subject()); err != nil {
		return nil, err
	}
	return drive(ctx, t, s, &options)
}

// checkTarget refuses a target that there is not, or that was written down by hand.
func checkTarget(operation string, target RolloutTarget) error {
	var check validate.Checker
	if isNil(target) {
		check.Require("target", "")
		return check.Err(operation, "a web service")
	}
	switch typed := target.(type) {
	case *AksEndpoint:
		if typed.ws == nil {
			check.Add("target", nil, "must be an endpoint that was read (GetEndpoint)")
		}
	case *Splitter:
		if typed.table.Load() == nil {
			check.Add("target", nil, "must be a splitter that was made by NewSplitter")
		}
	}
	return check.Err(operation, fmt.Sprint(target))
}

func (o *RolloutOptions) orZero() RolloutOptions {
	if o == nil {
		return RolloutOptions{}
	}
	return *o
}

func (o *RolloutOptions) check(operation, subject, version string) error {
	var check validate.Checker
	check.Require("version", version)
	if o.Steps != nil {
		if problem := rollout.StepsProblem(o.Steps); problem != "" {
			check.Add("Steps", fmt.Sprint(o.Steps), problem)
		}
	}
	validate.Positive(&check, "Interval", o.Interval)
	validate.Positive(&check, "JudgeTimeout", o.JudgeTimeout)
	validate.Positive(&check, "RollBackTimeout", o.RollBackTimeout)
	validate.OneOf(&check, "OnCancel", o.OnCancel, PossibleRolloutActionValues()...)
	validate.OneOf(&check, "OnError", o.OnError, PossibleRolloutActionValues()...)
	return check.Err(operation, subject)
}

// fit checks that the version can be rolled out, and leaves out the steps that would
// take from it what it has already.
func (o *RolloutOptions) fit(now rollout.Picture, operation, subject, version string) ([]float64, error) {
	var check validate.Checker
	switch {
	case !now.Has(version):
		names := slices.Sorted(maps.Keys(now.Traffic.Own))
		check.Addf("version", version, "is not one of its versions (%s)", strings.Join(names, ", "))
	case now.Traffic.Default == "":
		check.Add("version", version, "cannot be rolled out: no version is the default, whose place it could take")
	case now.Traffic.Default == version:
		check.Add("version", version, "is the default already")
	case now.Traffic.Step(now.Traffic.Default, version, 100).Own[version] <= 0:
		check.Add("version", version, "cannot get a share: other versions have all of the traffic by percentiles of their own")
	}
	if err := check.Err(operation, subject); err != nil {
		return nil, err
	}
	steps := o.Steps
	if steps == nil {
		steps = defaultSteps()
	}
	has, old := now.Traffic.Share(version), now.Traffic.Default
	steps = slices.DeleteFunc(slices.Clone(steps), func(percent float64) bool {
		return now.Traffic.Step(old, version, percent).Own[version] < has-0.01
	})
	if len(steps) == 0 {
		steps = []float64{100}
	}
	return steps, nil
}

// plan is the engine's part of the options, with their defaults.
func (o *RolloutOptions) plan(t rolloutTarget) rollout.Plan {
	plan := rollout.Plan{
		Bake: o.Bake, Interval: o.Interval, MaxHold: o.MaxHold, JudgeTimeout: o.JudgeTimeout, RollBackTimeout: o.RollBackTimeout,
		CancelRollsBack: o.OnCancel == RolloutRollBack, ErrorHolds: o.OnError == RolloutHold,
	}
	setDefault(&plan.Bake, defaultBake)
	plan.Bake = max(plan.Bake, 0)
	if plan.Interval == 0 {
		plan.Interval = unbakedInterval
		if plan.Bake > 0 {
			plan.Interval = max(time.Second, min(plan.Bake/4, time.Minute))
		}
	}
	setDefault(&plan.MaxHold, defaultMaxHold)
	plan.MaxHold = max(plan.MaxHold, 0)
	setDefault(&plan.JudgeTimeout, defaultJudgeTimeout)
	setDefault(&plan.RollBackTimeout, defaultRollBackTimeout)
	judge := o.Judge
	if judge == nil {
		judge = t.defaultJudge()
	}
	plan.Judge = func(ctx context.Context, look rollout.Look) (rollout.Verdict, error) {
		observation := observationOf(look)
		t.observe(look, &observation)
		verdict, err := judge(ctx, observation)
		return rollout.Verdict{Decision: rollout.Decision(verdict.Decision), Reason: verdict.Reason}, err
	}
	plan.Emit = func(rollout.Event) {}
	if o.OnEvent != nil {
		plan.Emit = func(e rollout.Event) { o.OnEvent(eventOf(e)) }
	}
	plan.Save = func(context.Context, rollout.State) error { return nil }
	if o.Save != nil {
		plan.Save = func(ctx context.Context, s rollout.State) error { return o.Save(ctx, RolloutState{s}) }
	}
	return plan
}

func setDefault(d *time.Duration, value time.Duration) {
	if *d == 0 {
		*d = value
	}
}

// drive runs the engine and puts its result into words.
func drive(ctx context.Context, t rolloutTarget, state rollout.State, o *RolloutOptions) (*RolloutResult, error) {
	end := rollout.Run(ctx, t, state, o.plan(t))
	result := &RolloutResult{
		Outcome: RolloutOutcome(end.Outcome), State: RolloutState{end.State}, Reason: end.State.Reason,
		Traffic: end.State.Traffic().Shares(),
	}
	return result, rolloutError(t.subject(), end)
}

package webservice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/rollout"
)

// ErrRolledBack is the kind of the error of a [Rollout] that was rolled back: the
// traffic is as it was before.
var ErrRolledBack = errors.New("rolled back")

// RolloutOutcome is how a rollout ended.
type RolloutOutcome string

// The outcomes.
const (
	// RolloutPromoted: the new version is the default.
	RolloutPromoted = RolloutOutcome(rollout.OutcomePromoted)
	// RolloutRolledBack: the traffic is as it was before.
	RolloutRolledBack = RolloutOutcome(rollout.OutcomeRolledBack)
	// RolloutStopped: midway; [ResumeRollout] goes on from the result's state.
	RolloutStopped = RolloutOutcome(rollout.OutcomeStopped)
)

// PossibleRolloutOutcomeValues returns the values of [RolloutOutcome].
func PossibleRolloutOutcomeValues() []RolloutOutcome {
	return []RolloutOutcome{RolloutPromoted, RolloutRolledBack, RolloutStopped}
}

// RolloutResult is the end of a rollout.
type RolloutResult struct {
	Outcome RolloutOutcome `json:"outcome"`
	// Reason is why it was rolled back.
	Reason string `json:"reason,omitempty"`
	// Traffic is the share of each version in percent that it ought to have now.
	Traffic map[string]float64 `json:"traffic"`
	// State is the last one, whether it could be saved or not. It is zero where nothing
	// was to be done.
	State RolloutState `json:"state"`
}

// RolloutState is all that a rollout must know to go on: a small JSON document, without
// secrets, to be kept with json.Marshal and read with json.Unmarshal or
// [ParseRolloutState].
type RolloutState struct{ state rollout.State }

// ParseRolloutState reads the JSON of a state. Errors: azureml.ErrInvalid for what no
// rollout of this or an earlier version of the library can have written.
func ParseRolloutState(data []byte) (RolloutState, error) {
	s, err := rollout.Parse(data)
	if err != nil {
		return RolloutState{}, &azureml.Error{
			Operation: "read", Subject: "the state of a rollout", Kind: azureml.ErrInvalid, Message: err.Error(), Err: err,
		}
	}
	return RolloutState{s}, nil
}

// MarshalJSON writes the state's document, null for a zero state.
func (s RolloutState) MarshalJSON() ([]byte, error) {
	if s.state.ID == "" {
		return []byte("null"), nil
	}
	return json.Marshal(s.state)
}

// UnmarshalJSON is [ParseRolloutState].
func (s *RolloutState) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	parsed, err := ParseRolloutState(data)
	if err == nil {
		*s = parsed
	}
	return err
}

// ID is the rollout's id, which the endpoint is marked with.
func (s RolloutState) ID() string { return s.state.ID }

// Name is the endpoint's name, or the splitter's.
func (s RolloutState) Name() string { return s.state.Name }

// Version is what is rolled out, Old what it replaces.
func (s RolloutState) Version() string { return s.state.Version }

// Old is the version that is replaced.
func (s RolloutState) Old() string { return s.state.Old }

// Phase is where it stands: "checking", "shifting", "baking", "promoting", "deleting",
// "rollingBack", "promoted" or "rolledBack".
func (s RolloutState) Phase() string { return string(s.state.Phase) }

// Percent is the step that is in effect, 0 before the first.
func (s RolloutState) Percent() float64 {
	if s.state.ID == "" {
		return 0
	}
	return s.state.Percent()
}

// Ended tells that there is nothing left to do.
func (s RolloutState) Ended() bool { return s.state.Ended() }

// String says what it is the state of.
func (s RolloutState) String() string {
	return fmt.Sprintf("rollout %s of %s %s: %s at %v %%", s.state.ID, s.state.Name, s.state.Version, s.state.Phase, s.Percent())
}

// RolloutEventKind says what happened.
type RolloutEventKind string

// The kinds of events.
const (
	// RolloutEventStarted: it begins, or goes on.
	RolloutEventStarted = RolloutEventKind(rollout.EventStarted)
	// RolloutEventShifted: the traffic of a step is in effect.
	RolloutEventShifted = RolloutEventKind(rollout.EventShifted)
	// RolloutEventJudged: the judge has looked; see Verdict.
	RolloutEventJudged = RolloutEventKind(rollout.EventJudged)
	// RolloutEventProblem: something failed and is tried again; see Err.
	RolloutEventProblem = RolloutEventKind(rollout.EventProblem)
	// RolloutEventPromoted: the new version is the default.
	RolloutEventPromoted = RolloutEventKind(rollout.EventPromoted)
	// RolloutEventDeleted: the old version is deleted.
	RolloutEventDeleted = RolloutEventKind(rollout.EventDeleted)
	// RolloutEventRollingBack: the traffic is being put back; see Verdict for the reason.
	RolloutEventRollingBack = RolloutEventKind(rollout.EventRollingBack)
	// RolloutEventRolledBack: it is as it was.
	RolloutEventRolledBack = RolloutEventKind(rollout.EventRolledBack)
	// RolloutEventStopped: it stops midway; see Err.
	RolloutEventStopped = RolloutEventKind(rollout.EventStopped)
)

// RolloutEvent is something that happened in a rollout. It is made to be logged:
//
//	OnEvent: func(e webservice.RolloutEvent) { slog.Info("rollout", "event", e) }
type RolloutEvent struct {
	Kind RolloutEventKind `json:"kind"`
	Time time.Time        `json:"time"`
	// RolloutID, Target, Version and Old say of which rollout it is.
	RolloutID string `json:"rolloutId"`
	Target    string `json:"target"`
	Version   string `json:"version"`
	Old       string `json:"old"`
	// Step counts from 1 to Steps, Percent is its share. Both are of the step that is in
	// effect; they are zero before the first.
	Step    int     `json:"step"`
	Steps   int     `json:"steps"`
	Percent float64 `json:"percent"`
	// Traffic is the share of each version in percent, as it was seen last.
	Traffic map[string]float64 `json:"traffic,omitempty"`
	// Verdict is of events of the judge and of roll-backs.
	Verdict Verdict `json:"verdict,omitzero"`
	// Err is of problems and stops.
	Err error `json:"-"`
}

// String tells it in a line.
func (e RolloutEvent) String() string {
	text := fmt.Sprintf("%s %s: %s", e.Target, e.Version, e.Kind)
	if e.Step > 0 {
		text += fmt.Sprintf(" at %v %% (step %d of %d)", e.Percent, e.Step, e.Steps)
	}
	switch {
	case e.Err != nil:
		text += ": " + e.Err.Error()
	case e.Verdict.Decision != "":
		text += ": " + e.Verdict.String()
	}
	return text
}

// LogValue gives log/slog the parts as a group.
func (e RolloutEvent) LogValue() slog.Value {
	attrs := []slog.Attr{
		slog.String("kind", string(e.Kind)), slog.String("rollout", e.RolloutID), slog.String("target", e.Target),
		slog.String("version", e.Version), slog.String("old", e.Old), slog.Int("step", e.Step), slog.Float64("percent", e.Percent),
	}
	if len(e.Traffic) > 0 {
		var shares []any
		for _, name := range slices.Sorted(maps.Keys(e.Traffic)) {
			shares = append(shares, slog.Float64(name, e.Traffic[name]))
		}
		attrs = append(attrs, slog.Group("traffic", shares...))
	}
	if e.Verdict.Decision != "" {
		attrs = append(attrs, slog.String("verdict", string(e.Verdict.Decision)), slog.String("reason", e.Verdict.Reason))
	}
	if e.Err != nil {
		attrs = append(attrs, slog.String("error", e.Err.Error()))
	}
	return slog.GroupValue(attrs...)
}

func eventOf(e rollout.Event) RolloutEvent {
	s := e.State
	event := RolloutEvent{
		Kind: RolloutEventKind(e.Kind), Time: time.Now(), RolloutID: s.ID, Target: s.Name, Version: s.Version, Old: s.Old,
		Step: s.Reached(), Steps: len(s.Steps), Percent: s.Percent(), Err: e.Err,
		Verdict: Verdict{Decision: Decision(e.Verdict.Decision), Reason: e.Verdict.Reason},
	}
	if e.Traffic.Default != "" {
		event.Traffic = e.Traffic.Shares()
	}
	return event
}

// rolloutError puts the end of a rollout that was not promoted into one error.
func rolloutError(subject string, end rollout.Result) error {
	s := end.State
	e := &azureml.Error{Operation: fmt.Sprintf("roll out version %q of", s.Version), Subject: subject, Err: end.Cause}
	switch {
	case end.Outcome == rollout.OutcomePromoted && end.Cause == nil:
		return nil
	case end.Outcome == rollout.OutcomePromoted && s.Ended():
		e.Message = "it is promoted, but " + plain(end.Cause)
	case end.Outcome == rollout.OutcomePromoted:
		e.Operation = fmt.Sprintf("delete version %q of", s.Old)
		e.Message = fmt.Sprintf("version %q is promoted, but the old one could not be deleted: %s", s.Version, plain(end.Cause))
		e.Remedy = "Resume the rollout from its state, or delete the version."
	case end.Outcome == rollout.OutcomeRolledBack:
		e.Kind = ErrRolledBack
		e.Message = "it was rolled back, the traffic is as it was before: " + s.Reason
	case end.RollBackErr != nil:
		e.Err = errors.Join(end.Cause, end.RollBackErr)
		e.Message = fmt.Sprintf("it should be rolled back (%s), but that failed: %s", s.Reason, plain(end.RollBackErr))
		e.Remedy = "Look at the endpoint's traffic. Resume the rollout from its state to roll back, or set the traffic yourself."
	case isForeign(end.Cause):
		return lost(e.Operation, subject, end.Cause, s.ID)
	default:
		e.Message = fmt.Sprintf("stopped at %v %%, the traffic stays as it is: %s", s.Percent(), plain(end.Cause))
		e.Remedy = "Resume the rollout from its state (ResumeRollout)."
	}
	return e
}

func isForeign(err error) bool {
	_, mark := errors.AsType[*rollout.LostError](err)
	_, drift := errors.AsType[*rollout.DriftError](err)
	return mark || drift
}

// lost is the error of a rollout whose target is in other hands. Of id it is the mark
// that it has left, if any.
func lost(operation, subject string, cause error, id string) error {
	e := &azureml.Error{Operation: operation, Subject: subject, Kind: azureml.ErrConflict, Err: cause, Message: cause.Error()}
	if mark, ok := errors.AsType[*rollout.LostError](cause); ok {
		e.Remedy = "Look who has changed the endpoint; this rollout touches nothing more."
		if mark.Owner != "" {
			e.Remedy = fmt.Sprintf("Wait for the other rollout. If it is dead, resume it from its state, or begin anew with TakeOver %q.", mark.Owner)
		}
		return e
	}
	e.Remedy = fmt.Sprintf("This rollout touches nothing more. When the traffic is as it should be, begin anew with TakeOver %q.", id)
	return e
}

// plain is an error's text in the middle of another one.
func plain(err error) string {
	switch {
	case errors.Is(err, context.Canceled) && err.Error() == context.Canceled.Error():
		return "it was cancelled"
	case errors.Is(err, context.DeadlineExceeded) && err.Error() == context.DeadlineExceeded.Error():
		return "its time was over"
	}
	return strings.TrimPrefix(err.Error(), "azureml: ")
}

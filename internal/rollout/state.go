package rollout

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"
)

// Format is the version of the state's document.
const Format = 1

// maxState is how large a state's document may be; real ones have less than 2 KB.
const maxState = 64 << 10

// Phase is where a rollout stands.
type Phase string

// The phases. Promoted and RolledBack are ends.
const (
	// Checking: nothing has been changed; the judge is asked before the first step.
	Checking Phase = "checking"
	// Shifting: the traffic of State.Step is being put in effect.
	Shifting Phase = "shifting"
	// Baking: it is in effect since State.Since, and is judged.
	Baking Phase = "baking"
	// Promoting: all steps are passed; the new version becomes the default.
	Promoting Phase = "promoting"
	// Deleting: it is; the old version is being deleted.
	Deleting Phase = "deleting"
	// RollingBack: the traffic before the rollout is being put back.
	RollingBack Phase = "rollingBack"
	Promoted    Phase = "promoted"
	RolledBack  Phase = "rolledBack"
)

var phases = []Phase{Checking, Shifting, Baking, Promoting, Deleting, RollingBack, Promoted, RolledBack}

// State is all that a rollout must know to go on.
type State struct {
	Format int `json:"format"`
	// ID marks the target as being rolled out by this rollout.
	ID string `json:"id"`
	// Kind, Workspace and Name say on what it runs.
	Kind      string `json:"kind"`
	Workspace string `json:"workspace,omitempty"`
	Name      string `json:"name"`
	// Version is rolled out, in the place of Old.
	Version string `json:"version"`
	Old     string `json:"old"`
	// DeleteOld tells that Old is deleted in the end.
	DeleteOld bool      `json:"deleteOld,omitempty"`
	Steps     []float64 `json:"steps"`
	// Before is the traffic to roll back to.
	Before Traffic `json:"before"`
	Phase  Phase   `json:"phase"`
	// Step is the index in Steps of the one that is shifted to or baked.
	Step int `json:"step"`
	// Since is when its traffic came into effect.
	Since time.Time `json:"since,omitzero"`
	// TakeOver is the mark of another rollout that may be replaced by ID.
	TakeOver string `json:"takeOver,omitempty"`
	// Reason is why it was rolled back.
	Reason string `json:"reason,omitempty"`
}

// Clone copies s.
func (s State) Clone() State {
	s.Steps = slices.Clone(s.Steps)
	s.Before = s.Before.Clone()
	return s
}

// Ended tells that there is nothing left to do.
func (s State) Ended() bool { return s.Phase == Promoted || s.Phase == RolledBack }

// at is the traffic of a step.
func (s State) at(step int) Traffic { return s.Before.Step(s.Old, s.Version, s.Steps[step]) }

// final is the traffic in the end, when the old version is kept.
func (s State) final() Traffic { return s.Before.Final(s.Old, s.Version) }

// Traffic is what ought to be in effect at s's phase and step.
func (s State) Traffic() Traffic {
	switch s.Phase {
	case Checking, RollingBack, RolledBack:
		return s.Before.Clone()
	case Shifting, Baking:
		return s.at(s.Step)
	}
	return s.final()
}

// Reached counts the steps whose traffic has come into effect.
func (s State) Reached() int {
	switch s.Phase {
	case Checking:
		return 0
	case Shifting:
		return s.Step
	}
	return s.Step + 1
}

// Percent is the step that is in effect, 0 before the first.
func (s State) Percent() float64 {
	switch {
	case s.Phase == RolledBack || s.Reached() == 0:
		return 0
	case s.Phase == Deleting || s.Phase == Promoted:
		return 100
	}
	return s.Steps[s.Reached()-1]
}

// Parse reads a state's document. It takes only what this package can have written.
func Parse(data []byte) (State, error) {
	var s State
	if len(data) > maxState {
		return s, fmt.Errorf("it has %d bytes, more than any state has", len(data))
	}
	var head struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return s, fmt.Errorf("it is not JSON of a state: %w", err)
	}
	if head.Format != Format {
		return s, fmt.Errorf("its format is %d; this version of the library reads %d", head.Format, Format)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&s); err != nil {
		return State{}, fmt.Errorf("it is not JSON of a state: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return State{}, errors.New("there is something behind it")
	}
	if err := s.check(); err != nil {
		return State{}, err
	}
	return s, nil
}

// check finds what no run can have left behind.
func (s State) check() error {
	switch {
	case s.ID == "" || s.Kind == "" || s.Name == "" || s.Version == "" || s.Old == "":
		return errors.New("it lacks one of id, kind, name, version and old")
	case s.Version == s.Old:
		return errors.New("its version and old are the same")
	case s.Before.Default != s.Old:
		return errors.New("its old version is not the default one before")
	case !slices.Contains(phases, s.Phase):
		return fmt.Errorf("its phase %q is unknown", s.Phase)
	case s.Step < 0 || s.Step >= len(s.Steps):
		return fmt.Errorf("its step is %d of %d", s.Step, len(s.Steps))
	}
	if problem := StepsProblem(s.Steps); problem != "" {
		return errors.New("its steps " + problem)
	}
	for name, own := range s.Before.Own {
		if name == "" || !(own >= 0 && own <= 100) {
			return fmt.Errorf("its percentile %v of version %q is outside of 0 to 100", own, name)
		}
	}
	if s.Before.sum() > 100+tolerance || s.Before.pool(s.Old, s.Version) < grain {
		return errors.New("its percentiles do not fit into 100")
	}
	return nil
}

// StepsProblem says what is wrong with steps, or nothing.
func StepsProblem(steps []float64) string {
	if len(steps) == 0 {
		return "must be at least one"
	}
	for i, s := range steps {
		if math.IsNaN(s) || s < 0.01 || s > 100 {
			return "must each be from 0.01 to 100"
		}
		if i > 0 && s <= steps[i-1] {
			return "must rise"
		}
	}
	return ""
}

package webservice

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/azureml-go/azureml/internal/rollout"
	"github.com/azureml-go/azureml/internal/validate"
)

// Decision is what a [Judge] decides.
type Decision string

// The decisions.
const (
	// DecisionPromote: nothing speaks against the new version. Once the step has baked,
	// the next one follows.
	DecisionPromote = Decision(rollout.Promote)
	// DecisionHold: it cannot be said yet; look again.
	DecisionHold = Decision(rollout.Hold)
	// DecisionRollBack: the new version is bad. It is rolled back at once.
	DecisionRollBack = Decision(rollout.RollBack)
)

// PossibleDecisionValues returns the values of [Decision].
func PossibleDecisionValues() []Decision {
	return []Decision{DecisionPromote, DecisionHold, DecisionRollBack}
}

// Verdict is a decision and why.
type Verdict struct {
	Decision Decision `json:"decision,omitempty"`
	// Reason is for people; that of a roll-back is in the error of [Rollout].
	Reason string `json:"reason,omitempty"`
}

// String gives decision and reason in a line.
func (v Verdict) String() string {
	if v.Reason == "" {
		return string(v.Decision)
	}
	return string(v.Decision) + ": " + v.Reason
}

// Judge decides how a rollout goes on. It is asked before the first step, then again and
// again at each step: while the step bakes, only a roll-back counts. Calls are never
// concurrent within a rollout, and their context ends after RolloutOptions.JudgeTimeout.
// An error is no verdict: the judge is asked again, up to four times, and then
// RolloutOptions.OnError counts.
//
// The ready-made ones remember what they have seen; make one for each rollout.
type Judge func(ctx context.Context, o Observation) (Verdict, error)

// Observation is what a [Judge] is asked about.
type Observation struct {
	// RolloutID is the rollout's id, Target the name of the endpoint or splitter.
	RolloutID string
	Target    string
	// Version is what is rolled out, Old what it replaces.
	Version string
	Old     string
	// Baseline tells of looks before the first step: nothing has been changed yet.
	Baseline bool
	// Step is the index in Steps of the step that is in effect.
	Step  int
	Steps []float64
	// Traffic is the share of each version in percent.
	Traffic map[string]float64
	// Last tells that the step has baked: DecisionPromote goes on now.
	Last bool
	// Look counts the looks of the step from 1, Elapsed is the time since its traffic came
	// into effect, Since is when that was.
	Look    int
	Elapsed time.Duration
	Since   time.Time
	// Endpoint is the endpoint as it is now; nil for a Splitter.
	Endpoint *AksEndpoint
	// Splitter is the splitter; nil for an endpoint.
	Splitter *Splitter
	// Stats is what a Splitter has seen of each version since the step began.
	Stats map[string]VersionStats
}

// Share is what the new version gets, in percent.
func (o Observation) Share() float64 { return o.Traffic[o.Version] }

func observationOf(look rollout.Look) Observation {
	s := look.State
	o := Observation{
		RolloutID: s.ID, Target: s.Name, Version: s.Version, Old: s.Old, Baseline: look.Before, Step: s.Step, Steps: s.Steps,
		Traffic: look.Picture.Traffic.Shares(), Last: look.Last, Look: look.Number, Elapsed: look.Elapsed, Since: s.Since,
	}
	if look.Before {
		o.Since = time.Now().Add(-look.Elapsed).UTC()
	}
	return o
}

// AllJudges asks all judges. One that wants to roll back decides, then one that failed,
// then one that holds; promote is only said by all. Those after the first that wants to
// roll back are not asked.
func AllJudges(judges ...Judge) Judge {
	return func(ctx context.Context, o Observation) (Verdict, error) {
		var failures []error
		all := Verdict{Decision: DecisionPromote}
		for i, judge := range judges {
			if judge == nil {
				failures = append(failures, noJudge(fmt.Sprintf("judges[%d]", i)))
				continue
			}
			v, err := judge(ctx, o)
			switch {
			case err != nil:
				failures = append(failures, err)
			case v.Decision == DecisionRollBack:
				return v, nil
			case v.Decision != DecisionPromote && v.Decision != DecisionHold:
				failures = append(failures, fmt.Errorf("a judge gave the verdict %q", v.Decision))
			case v.Decision == all.Decision && v.Reason != "" && all.Reason != "":
				all.Reason += "; " + v.Reason
			case v.Decision == DecisionHold || all.Decision == DecisionPromote && all.Reason == "":
				all = v
			}
		}
		return all, errors.Join(failures...)
	}
}

// noJudge is the error of a judge that lacks what it needs.
func noJudge(field string) error {
	var check validate.Checker
	check.Require(field, "")
	return check.Err("judge", "versions")
}

// StateJudge looks at what the service itself says: it promotes while the new version is
// healthy, rolls back when it has failed or is gone, and holds otherwise, also when the
// endpoint as a whole has failed. Of a [Splitter] it reads the services that the splitter
// was given.
func StateJudge() Judge {
	return func(ctx context.Context, o Observation) (Verdict, error) {
		var version *AksWebservice
		switch {
		case o.Endpoint != nil && o.Endpoint.State == StateFailed:
			return Verdict{DecisionHold, "the endpoint is " + string(StateFailed)}, nil
		case o.Endpoint != nil:
			version = o.Endpoint.Versions[o.Version]
		case o.Splitter != nil:
			known := o.Splitter.service(o.Version)
			if known == nil {
				return Verdict{Decision: DecisionPromote, Reason: "the splitter was given no service of " + o.Version}, nil
			}
			var err error
			if version, err = known.Refresh(ctx); err != nil {
				return Verdict{}, err
			}
		}
		if version == nil {
			return Verdict{DecisionRollBack, fmt.Sprintf("there is no version %q", o.Version)}, nil
		}
		reason := fmt.Sprintf("version %q is %s", o.Version, version.State)
		switch version.State {
		case StateHealthy:
			return Verdict{DecisionPromote, reason}, nil
		case StateFailed:
			if version.Error != nil && version.Error.Message != "" {
				reason += ": " + version.Error.Message
			}
			return Verdict{DecisionRollBack, reason}, nil
		}
		return Verdict{DecisionHold, reason}, nil
	}
}

// MetricSource tells how a version did from since until now, from wherever that is
// measured: Prometheus, Application Insights, a log.
type MetricSource func(ctx context.Context, version string, since time.Time) (VersionStats, error)

// MetricJudge compares the versions by numbers of the caller's own. At each look the
// source is asked for both versions, from the beginning of the step; before the first
// step, for the old one from the beginning of the look. Nil limits are the defaults.
func MetricJudge(source MetricSource, limits *Limits) Judge {
	var memory oldStats
	return func(ctx context.Context, o Observation) (Verdict, error) {
		switch {
		case source == nil:
			return Verdict{}, noJudge("source")
		case o.Baseline:
			return Verdict{Decision: DecisionPromote}, nil
		}
		old, err := source(ctx, o.Old, o.Since)
		if err != nil {
			return Verdict{}, fmt.Errorf("metrics of version %q: %w", o.Old, err)
		}
		fresh, err := source(ctx, o.Version, o.Since)
		if err != nil {
			return Verdict{}, fmt.Errorf("metrics of version %q: %w", o.Version, err)
		}
		return limits.compare(o, memory.best(o.RolloutID, old), fresh), nil
	}
}

// TrafficJudge compares the versions by what a [Splitter] has seen of the callers'
// requests since the step began. It holds for an endpoint, of which nothing of the kind
// is known.
func TrafficJudge(limits *Limits) Judge {
	var memory oldStats
	return func(_ context.Context, o Observation) (Verdict, error) {
		switch {
		case o.Splitter == nil:
			return Verdict{DecisionHold, "TrafficJudge needs a Splitter"}, nil
		case o.Baseline:
			memory.best(o.RolloutID, o.Stats[o.Old])
			return Verdict{Decision: DecisionPromote}, nil
		}
		return limits.compare(o, memory.best(o.RolloutID, o.Stats[o.Old]), o.Stats[o.Version]), nil
	}
}

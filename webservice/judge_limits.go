package webservice

import (
	"cmp"
	"fmt"
	"math"
	"time"
)

// VersionStats is how a version did.
type VersionStats struct {
	// Requests counts the requests, Failures those that failed. They may be estimates.
	Requests float64 `json:"requests"`
	Failures float64 `json:"failures"`
	// Latency is the mean time of those that succeeded; 0 if it is not known.
	Latency time.Duration `json:"latency,omitempty"`
}

// SuccessRate is the part of the requests that succeeded, from 0 to 1; 1 without any.
func (s VersionStats) SuccessRate() float64 {
	if s.Requests <= 0 {
		return 1
	}
	return math.Max(0, 1-s.Failures/s.Requests)
}

// String tells it in a few words.
func (s VersionStats) String() string {
	text := fmt.Sprintf("%.4g requests, %.4g %% well", s.Requests, 100*s.SuccessRate())
	if s.Latency > 0 {
		text += fmt.Sprintf(", %v", s.Latency.Round(100*time.Microsecond))
	}
	return text
}

// Limits say how much worse than the old version the new one may be. Zero values are the
// defaults.
type Limits struct {
	// MinRequests is how many requests the new version must have had for a promotion and
	// for a verdict on its latency. Default 20; negative none.
	MinRequests int
	// MaxSuccessDrop is by how much its success rate may be below the old version's.
	// Default 0.01; negative not at all.
	MaxSuccessDrop float64
	// MinSuccessRate is the success rate that it must have, whatever the old one's is.
	// Default: 0.95 while nothing is known of the old version, else none.
	MinSuccessRate float64
	// MaxLatencyRatio is how many times the old version's mean latency its own may be, and
	// LatencySlack what is added to that, as ratios of very short times mean little.
	// Defaults 1.5 and 50 ms; a negative ratio compares no latencies, a negative slack
	// adds nothing.
	MaxLatencyRatio float64
	LatencySlack    time.Duration
	// MaxLatency is the mean latency that it may have, whatever the old one's is.
	// Default: none.
	MaxLatency time.Duration
}

const (
	defaultMinRequests  = 20
	defaultSuccessDrop  = 0.01
	unknownSuccessRate  = 0.95
	defaultLatencyRatio = 1.5
	defaultLatencySlack = 50 * time.Millisecond
	// enoughFailures is how many failures are no accident.
	enoughFailures = 3
	// confidence is how many standard errors a failure rate must be above what is allowed:
	// one time in twenty it is so by chance.
	confidence = 1.64
)

func (l *Limits) withDefaults() Limits {
	var set Limits
	if l != nil {
		set = *l
	}
	set.MinRequests = max(0, cmp.Or(set.MinRequests, defaultMinRequests))
	set.MaxSuccessDrop = max(0, cmp.Or(set.MaxSuccessDrop, defaultSuccessDrop))
	set.MaxLatencyRatio = cmp.Or(set.MaxLatencyRatio, defaultLatencyRatio)
	set.LatencySlack = max(0, cmp.Or(set.LatencySlack, defaultLatencySlack))
	return set
}

// allowed is the failure rate that is allowed beside an old version.
func (l Limits) allowed(old VersionStats) float64 {
	allowed := 1.0
	if old.Requests > 0 {
		allowed = 1 - old.SuccessRate() + l.MaxSuccessDrop
	}
	switch {
	case l.MinSuccessRate > 0:
		allowed = min(allowed, 1-l.MinSuccessRate)
	case old.Requests <= 0:
		allowed = 1 - unknownSuccessRate
	}
	return allowed
}

// compare gives the verdict on the new version: a roll-back when it is worse beyond
// chance, a hold when there is too little to say, or when it looks worse and may yet
// prove to be so by chance.
func (l *Limits) compare(o Observation, old, fresh VersionStats) Verdict {
	limits := l.withDefaults()
	facts := fmt.Sprintf("version %q: %v", o.Version, fresh)
	if old.Requests > 0 {
		facts += fmt.Sprintf("; version %q: %v", o.Old, old)
	}
	failing, allowed := 1-fresh.SuccessRate(), limits.allowed(old)
	likely := (fresh.Failures + 1) / (fresh.Requests + 2)
	doubt := confidence * math.Sqrt(likely*(1-likely)/math.Max(1, fresh.Requests))
	if fresh.Failures >= enoughFailures && failing-doubt > allowed {
		return Verdict{DecisionRollBack, fmt.Sprintf("too many failures (at most %.4g %% are allowed): %s", 100*allowed, facts)}
	}
	if fresh.Requests < float64(limits.MinRequests) {
		return Verdict{DecisionHold, fmt.Sprintf("fewer than %d requests: %s", limits.MinRequests, facts)}
	}
	if most := limits.latency(old); fresh.Latency > most {
		return Verdict{DecisionRollBack, fmt.Sprintf("too slow (at most %v is allowed): %s", most.Round(100*time.Microsecond), facts)}
	}
	if failing > allowed {
		return Verdict{DecisionHold, "perhaps too many failures: " + facts}
	}
	return Verdict{DecisionPromote, facts}
}

// latency is the mean latency that is allowed beside an old version.
func (l Limits) latency(old VersionStats) time.Duration {
	most := time.Duration(math.MaxInt64)
	if old.Latency > 0 && l.MaxLatencyRatio > 0 {
		most = time.Duration(float64(old.Latency)*l.MaxLatencyRatio) + l.LatencySlack
	}
	if l.MaxLatency > 0 {
		most = min(most, l.MaxLatency)
	}
	return most
}

// oldStats remembers the old version from when it had requests: at the last step it has
// none.
type oldStats struct {
	rollout string
	stats   VersionStats
}

// best is the richer of what is remembered and what is known now.
func (m *oldStats) best(rolloutID string, now VersionStats) VersionStats {
	if m.rollout != rolloutID {
		m.rollout, m.stats = rolloutID, VersionStats{}
	}
	if now.Requests >= min(m.stats.Requests, 4*defaultMinRequests) && now.Requests > 0 {
		m.stats = now
	}
	return m.stats
}

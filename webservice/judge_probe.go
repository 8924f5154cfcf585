package webservice

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/validate"
)

// ProbeOptions are the optional parts of [ProbeJudge].
type ProbeOptions struct {
	// Limits are what the versions are compared by. Nil are the defaults.
	Limits *Limits
	// Count is how many probes each look sends, to each version where they can be
	// addressed. Default 50.
	Count int
	// Concurrency is how many are under way at once. Default 4.
	Concurrency int
	// Timeout bounds a probe; one that takes longer has failed. Default 10 s.
	Timeout time.Duration
	// Check says of an answer why it is wrong. Default: every answer with a 2xx status is
	// right.
	Check func(*Answer) error
	// VersionOf reads out of an answer which version gave it, "" where it does not tell,
	// for scripts that say so in a header or in the body. An endpoint itself does not say.
	VersionOf func(*Answer) string
	// Direct sends the probes of an endpoint to the scoring addresses of its versions.
	// Whether these can be reached is not documented; one without an address is an error.
	Direct bool
	// Scorer sends the probes of an endpoint. Default: one with the endpoint's key or
	// token, which repeats nothing. It cannot be set together with Direct.
	Scorer *Scorer
}

const (
	defaultProbes       = 50
	defaultProbeTimeout = 10 * time.Second
	defaultProbers      = 4
)

// ProbeJudge sends requests of its own and compares success rate and latency of the
// versions. The bodies are taken in turn.
//
// The probes of a [Splitter] go to each version. Those of an endpoint go to its one
// address, and nothing in the answers says which version gave them. So the judge sends
// probes before the first step, when the old version answers all of them, and puts down
// what is worse at a step to the new version, according to its share: with 5 %, a new
// version that always fails shows in one of twenty probes. Small shares need many probes;
// they are added up over the looks of a step. After a restart nothing is known from
// before, and all answers together must be within the absolute limits. To be exact, let
// the scripts tell (VersionOf), or reach the versions (Direct).
//
// Probes are requests as any other: they count in the endpoint's metrics, and a script
// that keeps what it is sent keeps them too.
func ProbeJudge(bodies [][]byte, o *ProbeOptions) Judge {
	p := &prober{}
	if o != nil {
		p.options = *o
	}
	for _, body := range bodies {
		p.bodies = append(p.bodies, slices.Clone(body))
	}
	p.violations = p.check()
	p.setDefaults()
	return p.judge
}

// prober is the memory of a ProbeJudge.
type prober struct {
	options    ProbeOptions
	bodies     [][]byte
	violations error

	rollout string
	step    int
	scorers map[string]*Scorer
	sent    int
	// before are the probes of before the first step, all and now those of the step: to
	// the versions by name, "" where that is not known.
	before sample
	now    map[string]*sample
	old    oldStats
}

func (p *prober) check() error {
	var check validate.Checker
	o := p.options
	if len(p.bodies) == 0 {
		check.Add("bodies", nil, "must be at least one")
	}
	validate.Positive(&check, "Count", o.Count)
	validate.Positive(&check, "Concurrency", o.Concurrency)
	validate.Positive(&check, "Timeout", o.Timeout)
	if o.Direct && o.Scorer != nil {
		check.Add("Scorer", nil, "cannot be set together with Direct")
	}
	return check.Err("probe", "versions")
}

func (p *prober) setDefaults() {
	o := &p.options
	if o.Count == 0 {
		o.Count = defaultProbes
	}
	if o.Concurrency == 0 {
		o.Concurrency = defaultProbers
	}
	if o.Timeout == 0 {
		o.Timeout = defaultProbeTimeout
	}
	if o.Check == nil {
		o.Check = func(*Answer) error { return nil }
	}
	if o.VersionOf == nil {
		o.VersionOf = func(*Answer) string { return "" }
	}
}

func (p *prober) judge(ctx context.Context, o Observation) (Verdict, error) {
	if p.violations != nil {
		return Verdict{}, p.violations
	}
	if p.rollout != o.RolloutID {
		p.rollout, p.step, p.before, p.now = o.RolloutID, -1, sample{}, nil
	}
	if step := o.Step; p.now == nil || step != p.step || o.Baseline {
		p.step, p.now = step, map[string]*sample{}
	}
	to, err := p.addressees(o)
	if err != nil {
		return Verdict{}, err
	}
	if o.Baseline {
		to = slices.DeleteFunc(to, func(a addressee) bool { return a.version == o.Version && o.Splitter == nil && !p.options.Direct })
	}
	for _, a := range to {
		if err := p.probe(ctx, a); err != nil {
			return Verdict{}, err
		}
	}
	old, fresh := p.versions(o)
	if o.Baseline {
		p.before = p.total()
		if fresh.Requests == 0 {
			return Verdict{DecisionPromote, fmt.Sprintf("before the first step: %v", p.before.stats())}, nil
		}
	}
	return p.options.Limits.compare(o, p.old.best(o.RolloutID, old), fresh), nil
}

// addressee is where probes are sent; without a version to whichever answers.
type addressee struct {
	version string
	scorer  *Scorer
}

func (p *prober) addressees(o Observation) ([]addressee, error) {
	switch {
	case o.Splitter != nil:
		return []addressee{{o.Old, o.Splitter.scorer(o.Old)}, {o.Version, o.Splitter.scorer(o.Version)}}, nil
	case o.Endpoint == nil:
		return nil, errors.New("there is nothing to probe")
	case p.options.Scorer != nil:
		return []addressee{{"", p.options.Scorer}}, nil
	case !p.options.Direct:
		scorer, err := p.scorer("", o.Endpoint, o.Endpoint.ScoringURI)
		return []addressee{{"", scorer}}, err
	}
	var list []addressee
	for _, name := range []string{o.Old, o.Version} {
		uri := ""
		if v := o.Endpoint.Versions[name]; v != nil {
			uri = v.ScoringURI
		}
		if uri == "" || uri == o.Endpoint.ScoringURI {
			return nil, &azureml.Error{
				Operation: "probe", Subject: fmt.Sprintf("version %q of %s", name, o.Endpoint.subject()), Kind: azureml.ErrInvalid,
				Message: "it has no scoring address of its own", Remedy: "Probe the endpoint: leave Direct out.",
			}
		}
		scorer, err := p.scorer(name, o.Endpoint, uri)
		if err != nil {
			return nil, err
		}
		list = append(list, addressee{name, scorer})
	}
	return list, nil
}

// scorer makes a scorer at the first use of an address.
func (p *prober) scorer(name string, s *AksEndpoint, uri string) (*Scorer, error) {
	if found := p.scorers[uri]; found != nil {
		return found, nil
	}
	if err := s.scorable(); err != nil {
		return nil, err
	}
	subject := s.subject()
	if name != "" {
		subject = fmt.Sprintf("version %q of %s", name, subject)
	}
	made, err := newScorer(subject, uri, s.auth(), ScorerOptions{
		MaxRetries: -1, AttemptTimeout: -1, Transport: roundTripper(s.ws.ClientOptions().Transport),
	})
	if err != nil {
		return nil, err
	}
	if p.scorers == nil {
		p.scorers = map[string]*Scorer{}
	}
	p.scorers[uri] = made
	return made, nil
}

// sample is what probes have found.
type sample struct {
	requests, failures float64
	sum, squares       float64 // of the seconds of those that succeeded
}

func (s *sample) add(seconds float64, failed bool) {
	s.requests++
	if failed {
		s.failures++
		return
	}
	s.sum += seconds
	s.squares += seconds * seconds
}

// mean is the mean time and the error of it, in seconds.
func (s *sample) mean() (mean, deviation float64) {
	n := s.requests - s.failures
	if n <= 0 {
		return 0, 0
	}
	mean = s.sum / n
	return mean, math.Sqrt(math.Max(0, s.squares/n-mean*mean) / n)
}

func (s *sample) stats() VersionStats {
	mean, _ := s.mean()
	return VersionStats{Requests: s.requests, Failures: s.failures, Latency: ofSeconds(mean)}
}

func ofSeconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// probe sends a look's probes and notes what comes back. It fails only with ctx.
func (p *prober) probe(ctx context.Context, to addressee) error {
	var mu sync.Mutex
	var wg sync.WaitGroup
	left := make(chan []byte, p.options.Count)
	for range p.options.Count {
		left <- p.bodies[p.sent%len(p.bodies)]
		p.sent++
	}
	close(left)
	for range min(p.options.Concurrency, p.options.Count) {
		wg.Go(func() {
			for body := range left {
				version, took, failed := p.send(ctx, to, body)
				if ctx.Err() != nil {
					return
				}
				mu.Lock()
				if p.now[version] == nil {
					p.now[version] = &sample{}
				}
				p.now[version].add(took.Seconds(), failed)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return ctx.Err()
}

// send sends one probe.
func (p *prober) send(ctx context.Context, to addressee, body []byte) (version string, took time.Duration, failed bool) {
	ctx, cancel := context.WithTimeout(ctx, p.options.Timeout)
	defer cancel()
	start := time.Now()
	answer, err := to.scorer.Call(ctx, body, nil)
	took = time.Since(start)
	if err != nil {
		return to.version, took, true
	}
	version = to.version
	if version == "" {
		version = p.options.VersionOf(answer)
	}
	return version, took, p.options.Check(answer) != nil
}

func (p *prober) total() sample {
	var all sample
	for _, s := range p.now {
		all.requests += s.requests
		all.failures += s.failures
		all.sum += s.sum
		all.squares += s.squares
	}
	return all
}

// versions shares out what the probes of the step have found to the two versions.
func (p *prober) versions(o Observation) (old, fresh VersionStats) {
	unknown := p.now[""]
	if unknown == nil || unknown.requests == 0 {
		return p.known(o.Old).stats(), p.known(o.Version).stats()
	}
	if o.Baseline {
		return p.before.stats(), VersionStats{}
	}
	if p.before.requests == 0 {
		all := p.total()
		return VersionStats{}, all.stats()
	}
	return p.before.stats(), p.estimate(o, unknown)
}

func (p *prober) known(version string) *sample {
	if s := p.now[version]; s != nil {
		return s
	}
	return &sample{}
}

// estimate puts down to the new version what is worse than before among the probes whose
// version is not known, and adds those of which it is.
func (p *prober) estimate(o Observation, unknown *sample) VersionStats {
	known := p.known(o.Version)
	share := o.Share() / 100
	all := p.total()
	others := (1 - share) * all.requests
	failures := math.Max(0, unknown.failures-others*p.before.failures/p.before.requests)
	fresh := VersionStats{Failures: known.failures + failures, Latency: known.stats().Latency}
	if known.requests > 0 {
		fresh.Requests = known.requests + failures
		return fresh
	}
	fresh.Requests = math.Max(share*all.requests, failures)
	mean, deviation := unknown.mean()
	before, beforeDeviation := p.before.mean()
	if mean > 0 && before > 0 && share > 0 {
		// The difference is that of the new version, thinned by its share; what chance may
		// have added is taken off.
		excess := (mean - before - confidence*math.Hypot(deviation, beforeDeviation)) / share
		fresh.Latency = ofSeconds(before + math.Max(0, excess))
	}
	return fresh
}

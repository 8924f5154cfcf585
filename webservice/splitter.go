package webservice

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/rollout"
	"github.com/azureml-go/azureml/internal/validate"
)

// SplitterVersion is one of the services behind a [Splitter].
type SplitterVersion struct {
	// Name is what the version is called. Default: the service's name.
	Name string
	// Service is the service. It may be left out where there is a Scorer; then nothing
	// can be said of its state, and it cannot be deleted.
	Service *AksWebservice
	// Scorer calls it. Default: one made of Service, that Close closes.
	Scorer *Scorer
	// Percentile is its own share of the requests, from 0 to 100. The first version gets
	// what the percentiles leave, on top of its own.
	Percentile float64
}

// SplitterOptions are the optional parts of [NewSplitter].
type SplitterOptions struct {
	// Salt makes splitters choose different callers. Splitters with the same salt, the
	// same versions and the same shares choose the same, in all processes and for ever.
	Salt string
	// Scorer are the options of the scorers that the splitter makes.
	Scorer *ScorerOptions
}

// Splitter shares out calls between services, as an [AksEndpoint] does between its
// versions, but in the calling program: for clusters whose router does not know
// endpoints (azureml-fe version 2), and for services on different clusters.
//
// Which service is called depends on the caller's key: the same key always gets the same
// one while the shares stay as they are. The versions lie beside each other in the order
// given to [NewSplitter], each as wide as its share, and a key has its place in that
// line for ever. When a version gets more at the cost of its neighbour, callers only move
// from the one to the other, and those that have moved stay: with two versions that is
// always so. An empty key is a place by chance.
//
// A Splitter is safe for concurrent use; calls take no lock, also while the shares
// change. [Rollout] moves its shares and watches its calls. It knows only the calls of
// its own process, and its shares end with it.
type Splitter struct {
	name     string
	salt     uint64
	versions []*splitVersion
	byName   map[string]*splitVersion
	owned    []*Scorer
	table    atomic.Pointer[splitTable]

	// change guards the changes of table and what only rollouts look at.
	change  sync.Mutex
	owner   string
	traffic rollout.Traffic
	since   map[string]splitCount
}

// splitVersion is a version with the counters of its calls.
type splitVersion struct {
	name    string
	service *AksWebservice
	scorer  *Scorer

	calls, failures, nanoseconds atomic.Int64
}

// NewSplitter makes a splitter between services; name says what it is, in errors and in
// the states of rollouts. The first version is the default one. It fetches the keys or
// tokens of the services for which it makes the scorers. Errors: azureml.ErrInvalid for
// names that are missing or double, percentiles that do not fit into 100, and versions
// without service and scorer.
func NewSplitter(ctx context.Context, name string, versions []SplitterVersion, o *SplitterOptions) (*Splitter, error) {
	var options SplitterOptions
	if o != nil {
		options = *o
	}
	s := &Splitter{
		name: name, salt: hash(0, options.Salt), byName: map[string]*splitVersion{},
		traffic: rollout.Traffic{Own: map[string]float64{}},
	}
	if err := s.add(versions); err != nil {
		return nil, err
	}
	for _, v := range s.versions {
		if v.scorer != nil {
			continue
		}
		made, err := v.service.Scorer(ctx, options.Scorer)
		if err != nil {
			s.Close()
			return nil, err
		}
		v.scorer, s.owned = made, append(s.owned, made)
	}
	s.put(s.traffic)
	return s, nil
}

// add checks the versions and takes them in.
func (s *Splitter) add(versions []SplitterVersion) error {
	var check validate.Checker
	check.Require("name", s.name)
	if len(versions) == 0 {
		check.Add("versions", nil, "must be at least one")
	}
	sum := 0.0
	for i, given := range versions {
		v := &splitVersion{name: given.Name, service: given.Service, scorer: given.Scorer}
		if v.name == "" && v.service != nil {
			v.name = v.service.Name
		}
		if i == 0 {
			s.traffic.Default = v.name
		}
		check.In(fmt.Sprintf("versions[%d]", i), func(check *validate.Checker) {
			check.Require("Name", v.name)
			if v.service == nil && v.scorer == nil {
				check.Add("Scorer", nil, "or Service is required")
			}
			if s.byName[v.name] != nil {
				check.Add("Name", v.name, "is there already")
			}
			validate.Between(check, "Percentile", &given.Percentile, 0, 100)
		})
		s.versions, s.byName[v.name], s.traffic.Own[v.name] = append(s.versions, v), v, given.Percentile
		sum += given.Percentile
	}
	if !(sum <= 100+1e-9) {
		check.Addf("versions", nil, "must have percentiles that are 100 together at most, not %v", sum)
	}
	return check.Err("split", splitterSubject(s.name))
}

func splitterSubject(name string) string { return fmt.Sprintf("splitter %q", name) }

// String names the splitter.
func (s *Splitter) String() string { return splitterSubject(s.name) }

// Close closes the scorers that the splitter has made.
func (s *Splitter) Close() {
	for _, scorer := range s.owned {
		scorer.Close()
	}
}

// splitTable is the line of the versions: each reaches to its bound in percent.
type splitTable struct {
	versions []*splitVersion
	bounds   []float64
	shares   map[string]float64
}

// put brings shares into effect. The caller holds s.change, or is the only one.
func (s *Splitter) put(traffic rollout.Traffic) {
	t := &splitTable{shares: traffic.Shares()}
	bound := 0.0
	for _, v := range s.versions {
		share := t.shares[v.name]
		if share <= 0 {
			continue
		}
		bound += share
		t.versions, t.bounds = append(t.versions, v), append(t.bounds, bound)
	}
	s.traffic = traffic
	s.table.Store(t)
}

// at finds the version at a place from 0 to 100.
func (t *splitTable) at(place float64) *splitVersion {
	for i, bound := range t.bounds {
		if place < bound {
			return t.versions[i]
		}
	}
	return t.versions[len(t.versions)-1] // sums of fractions may end a hair below 100
}

func (s *Splitter) pick(key string) *splitVersion { return s.table.Load().at(s.place(key)) }

// Version tells which version calls with the key go to now.
func (s *Splitter) Version(key string) string { return s.pick(key).name }

// Traffic is the share of each version in percent, those without any left out.
func (s *Splitter) Traffic() map[string]float64 {
	shares := map[string]float64{}
	for name, share := range s.table.Load().shares {
		if share > 0 {
			shares[name] = share
		}
	}
	return shares
}

// SetTraffic shares calls out anew, at once; calls under way go on. The shares are in
// percent; versions that are not named get 0, and the one with the largest share becomes
// the default. Errors: azureml.ErrInvalid unless they are 100
// together and of versions that are there; azureml.ErrConflict while a rollout is under
// way.
func (s *Splitter) SetTraffic(shares map[string]float64) error {
	const operation = "set the traffic of"
	var check validate.Checker
	sum := 0.0
	for name, share := range shares {
		sum += share
		if s.byName[name] == nil {
			check.Addf("shares", name, "is not one of its versions")
		}
		if !(share >= 0 && share <= 100) {
			check.Addf("shares", name, "must be from 0 to 100, not %v", share)
		}
	}
	if !(math.Abs(sum-100) <= 1e-6) {
		check.Addf("shares", nil, "must be 100 together, not %v", sum)
	}
	if err := check.Err(operation, s.String()); err != nil {
		return err
	}
	s.change.Lock()
	defer s.change.Unlock()
	if s.owner != "" {
		return lost(operation, s.String(), &rollout.LostError{Owner: s.owner}, "")
	}
	next := rollout.Traffic{Own: map[string]float64{}}
	most := -1.0
	for _, v := range s.versions {
		share := shares[v.name]
		next.Own[v.name] = share
		if share > most {
			next.Default, most = v.name, share
		}
	}
	s.put(next)
	return nil
}

// Run calls the version that the key falls to; see [Scorer.Run].
func (s *Splitter) Run(ctx context.Context, key string, body []byte) ([]byte, error) {
	return watched(ctx, s.pick(key), func(scorer *Scorer) ([]byte, error) { return scorer.Run(ctx, body) })
}

// SplitAnswer is what a version answered to a call.
type SplitAnswer struct {
	Answer
	// Version is the version that was called.
	Version string
}

// Call is [Splitter.Run] with options and the answer's headers; see [Scorer.Call].
func (s *Splitter) Call(ctx context.Context, key string, body []byte, o *CallOptions) (*SplitAnswer, error) {
	v := s.pick(key)
	answer, err := watched(ctx, v, func(scorer *Scorer) (*Answer, error) { return scorer.Call(ctx, body, o) })
	if err != nil {
		return nil, err
	}
	return &SplitAnswer{Answer: *answer, Version: v.name}, nil
}

// SplitScore calls the version that the key falls to with in as JSON and reads the JSON
// of the answer; see [Score].
func SplitScore[Out any](ctx context.Context, s *Splitter, key string, in any) (Out, error) {
	return watched(ctx, s.pick(key), func(scorer *Scorer) (Out, error) { return Score[Out](ctx, scorer, in) })
}

// watched makes a call and counts it. One that the caller gives up says nothing about
// the version, nor does one that was never sent.
func watched[T any](ctx context.Context, v *splitVersion, call func(*Scorer) (T, error)) (T, error) {
	start := time.Now()
	out, err := call(v.scorer)
	switch {
	case err == nil:
		v.nanoseconds.Add(int64(time.Since(start)))
		v.calls.Add(1)
	case ctx.Err() != nil || neverSent(err):
	default:
		v.failures.Add(1)
		v.calls.Add(1)
	}
	return out, err
}

// neverSent tells of input that was refused before anything was sent.
func neverSent(err error) bool {
	e, ok := errors.AsType[*azureml.Error](err)
	return ok && e.StatusCode == 0 && errors.Is(e, azureml.ErrInvalid)
}

// Stats is what was seen of each version since the splitter was made. A call that did not
// succeed is a failure, whatever its status; those that the caller gave up, and those
// that were never sent, do not count.
func (s *Splitter) Stats() map[string]VersionStats {
	all := make(map[string]VersionStats, len(s.versions))
	for _, v := range s.versions {
		all[v.name] = v.count().stats()
	}
	return all
}

// splitCount is what the counters of a version show.
type splitCount struct{ calls, failures, nanoseconds int64 }

func (v *splitVersion) count() splitCount {
	// In the order opposite to that of counting: never more failures than calls.
	failures, nanoseconds := v.failures.Load(), v.nanoseconds.Load()
	return splitCount{v.calls.Load(), failures, nanoseconds}
}

func (c splitCount) minus(earlier splitCount) splitCount {
	return splitCount{c.calls - earlier.calls, c.failures - earlier.failures, c.nanoseconds - earlier.nanoseconds}
}

func (c splitCount) stats() VersionStats {
	stats := VersionStats{Requests: float64(c.calls), Failures: float64(c.failures)}
	if well := c.calls - c.failures; well > 0 {
		stats.Latency = time.Duration(c.nanoseconds / well)
	}
	return stats
}

package webservice

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/rollout"
	"github.com/azureml-go/azureml/internal/validate"
)

func (s *Splitter) rolloutTarget(o *RolloutOptions) rolloutTarget {
	return &splitterTarget{splitter: s, remove: DeleteOptions{SkipPrecheck: o.SkipPrecheck, OnWarning: o.OnWarning}}
}

// splitterTarget moves the shares of a splitter.
type splitterTarget struct {
	splitter *Splitter
	remove   DeleteOptions
}

func (t *splitterTarget) identity() (kind, workspaceID, name string) {
	for _, v := range t.splitter.versions {
		if v.service != nil {
			workspaceID = v.service.ws.ID
			break
		}
	}
	return "splitter", workspaceID, t.splitter.name
}

func (t *splitterTarget) subject() string { return t.splitter.String() }

// adopt brings into effect what the state of a rollout says, where the splitter was made
// anew and knows nothing of it.
func (t *splitterTarget) adopt(state rollout.State, check *validate.Checker) {
	s := t.splitter
	s.change.Lock()
	defer s.change.Unlock()
	done := state.Phase == rollout.Promoted || state.Phase == rollout.Deleting
	for _, name := range slices.Sorted(maps.Keys(state.Before.Own)) {
		if s.byName[name] == nil && (name != state.Old || !done) {
			check.Addf("state", nil, "is about version %q, which the splitter does not have", name)
		}
	}
	if !check.OK() || s.owner != "" || state.Phase == rollout.Checking {
		return
	}
	traffic := state.Traffic()
	switch state.Phase {
	case rollout.Promoting: // its patch may not have come to pass, and can be made again
		last := state
		last.Phase = rollout.Baking
		traffic, s.owner = last.Traffic(), state.ID
	case rollout.Promoted, rollout.RolledBack:
	default:
		s.owner = state.ID
	}
	if s.byName[state.Old] == nil {
		traffic = traffic.Without(state.Old)
	}
	s.begin()
	s.put(traffic)
}

// begin starts to count for a step. The caller holds s.change.
func (s *Splitter) begin() {
	s.since = make(map[string]splitCount, len(s.versions))
	for _, v := range s.versions {
		s.since[v.name] = v.count()
	}
}

func (t *splitterTarget) observe(_ rollout.Look, o *Observation) {
	s := t.splitter
	o.Splitter = s
	s.change.Lock()
	defer s.change.Unlock()
	o.Stats = make(map[string]VersionStats, len(s.versions))
	for _, v := range s.versions {
		o.Stats[v.name] = v.count().minus(s.since[v.name]).stats()
	}
}

func (t *splitterTarget) defaultJudge() Judge { return AllJudges(StateJudge(), TrafficJudge(nil)) }

// Read looks at the splitter.
func (t *splitterTarget) Read(ctx context.Context) (rollout.Picture, error) {
	t.splitter.change.Lock()
	defer t.splitter.change.Unlock()
	return t.picture(), ctx.Err()
}

// Settle is Read: a splitter changes at once.
func (t *splitterTarget) Settle(ctx context.Context) (rollout.Picture, error) { return t.Read(ctx) }

func (t *splitterTarget) picture() rollout.Picture {
	return rollout.Picture{Owner: t.splitter.owner, Traffic: t.splitter.traffic.Clone()}
}

// Apply changes the shares. What was looked at must still be so: in one process that can
// be told.
func (t *splitterTarget) Apply(ctx context.Context, now rollout.Picture, change rollout.Change) (rollout.Picture, error) {
	s := t.splitter
	if err := t.delete(ctx, change.Delete); err != nil {
		return rollout.Picture{}, err
	}
	s.change.Lock()
	defer s.change.Unlock()
	if err := ctx.Err(); err != nil {
		return rollout.Picture{}, err
	}
	if s.owner != now.Owner {
		return rollout.Picture{}, &rollout.LostError{Owner: s.owner}
	}
	if !s.traffic.Equal(now.Traffic) {
		return rollout.Picture{}, &rollout.DriftError{Found: s.traffic, Expected: now.Traffic}
	}
	s.owner = change.Owner
	s.begin()
	s.put(change.Traffic.Clone())
	return t.picture(), nil
}

// delete deletes the service behind a version that gets no calls any more.
func (t *splitterTarget) delete(ctx context.Context, name string) error {
	service := t.splitter.service(name)
	if service == nil {
		return nil
	}
	p, err := service.BeginDelete(ctx, &t.remove)
	if err == nil {
		_, err = azureml.Wait(ctx, p, nil)
	}
	if errors.Is(err, azureml.ErrNotFound) {
		return nil
	}
	return err
}

// service is the service of a version, nil if the splitter was given none.
func (s *Splitter) service(name string) *AksWebservice {
	if v := s.byName[name]; v != nil {
		return v.service
	}
	return nil
}

// scorer is the scorer of a version that is there.
func (s *Splitter) scorer(name string) *Scorer { return s.byName[name].scorer }

package webservice

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/jsonpatch"
	"github.com/azureml-go/azureml/internal/rollout"
	"github.com/azureml-go/azureml/internal/validate"
)

// RolloutTag is the name of the tag that an endpoint has while a [Rollout] is under way,
// with the rollout's id as its value.
const RolloutTag = "azureml-go.rollout"

func (s *AksEndpoint) rolloutTarget(o *RolloutOptions) rolloutTarget {
	return &endpointTarget{
		endpoint: s,
		update:   UpdateOptions{SkipPrecheck: o.SkipPrecheck, OnWarning: o.OnWarning},
	}
}

// endpointTarget moves the traffic of an endpoint's versions.
type endpointTarget struct {
	endpoint *AksEndpoint
	update   UpdateOptions
}

func (t *endpointTarget) identity() (kind, workspaceID, name string) {
	return "endpoint", t.endpoint.ws.ID, t.endpoint.Name
}

func (t *endpointTarget) subject() string { return t.endpoint.subject() }

// adopt does nothing: an endpoint keeps its traffic.
func (t *endpointTarget) adopt(rollout.State, *validate.Checker) {}

func (t *endpointTarget) observe(look rollout.Look, o *Observation) {
	o.Endpoint, _ = look.Picture.Detail.(*AksEndpoint)
}

func (t *endpointTarget) defaultJudge() Judge { return StateJudge() }

// Read looks at the endpoint.
func (t *endpointTarget) Read(ctx context.Context) (rollout.Picture, error) {
	now, err := t.endpoint.Refresh(ctx)
	if err != nil {
		return rollout.Picture{}, err
	}
	return pictureOf(now), nil
}

// Settle waits for what goes on with the endpoint, however that ends, and looks then.
func (t *endpointTarget) Settle(ctx context.Context) (rollout.Picture, error) {
	now, err := t.endpoint.settled(ctx, "read")
	if err != nil {
		return rollout.Picture{}, err
	}
	return pictureOf(now), nil
}

// Apply patches the endpoint and waits until that is done.
func (t *endpointTarget) Apply(ctx context.Context, picture rollout.Picture, change rollout.Change) (rollout.Picture, error) {
	now, ok := picture.Detail.(*AksEndpoint)
	if !ok {
		return rollout.Picture{}, fmt.Errorf("no picture of %s", t.subject())
	}
	p, err := beginUpdate(ctx, now, trafficPatch(now, picture, change), &t.update)
	if err != nil {
		return rollout.Picture{}, err
	}
	after, err := azureml.Wait(ctx, p, nil)
	if err != nil {
		return rollout.Picture{}, err
	}
	return pictureOf(after), nil
}

// pictureOf takes the traffic out of an endpoint. A version without a percentile has 0:
// that is what it gets.
func pictureOf(s *AksEndpoint) rollout.Picture {
	traffic := rollout.Traffic{Own: make(map[string]float64, len(s.Versions))}
	for _, name := range slices.Sorted(maps.Keys(s.Versions)) {
		v := s.Versions[name]
		traffic.Own[name] = 0
		if v == nil {
			continue
		}
		if v.TrafficPercentile != nil {
			traffic.Own[name] = *v.TrafficPercentile
		}
		if isTrue(v.IsDefault) {
			traffic.Default = name
		}
		if v.VersionType == VersionTypeControl {
			traffic.Control = name
		}
	}
	return rollout.Picture{Owner: s.Tags[RolloutTag], Traffic: traffic, Broken: s.State == StateFailed, Detail: s}
}

// trafficPatch is the smallest patch of the change; after a failed operation, of which
// nobody knows what it has left, it says everything anew. Its parts are in the order of
// the service's own clients: default, type, percentiles, tags.
func trafficPatch(s *AksEndpoint, now rollout.Picture, change rollout.Change) *jsonpatch.Patch {
	var p jsonpatch.Patch
	want := change.Traffic
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(s.Versions)), func(name string) bool { return name == change.Delete })
	at := func(name, member string) string { return "/versions" + jsonpatch.Path(name, member) }
	for _, name := range names {
		if is := name == want.Default; now.Broken || is != (name == now.Traffic.Default) {
			p.Replace(at(name, "isDefault"), is)
		}
	}
	for _, name := range names {
		if want.Control == "" {
			break
		}
		part := VersionTypeTreatment
		if name == want.Control {
			part = VersionTypeControl
		}
		if is := name == want.Control; now.Broken || is != (name == now.Traffic.Control) {
			p.Replace(at(name, "type"), part)
		}
	}
	for _, name := range names {
		if own := want.Own[name]; now.Broken || own != now.Traffic.Own[name] {
			p.Replace(at(name, "trafficPercentile"), own)
		}
	}
	if change.Delete != "" {
		p.Remove("/versions" + jsonpatch.Path(change.Delete))
	}
	if change.Owner != now.Owner {
		tags := maps.Clone(s.Tags)
		if tags == nil {
			tags = map[string]string{}
		}
		tags[RolloutTag] = change.Owner
		if change.Owner == "" {
			delete(tags, RolloutTag)
		}
		p.Replace("/kvTags", tags)
	}
	return &p
}

package webservice

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/jsonpatch"
	"github.com/azureml-go/azureml/internal/traffic"
)

// Traffic gives the share of the requests that each version gets, in percent: its own
// percentage, and for the default version what all percentages leave of 100 on top. In
// units of 0.0001 % the shares come to exactly 100.
func (s *AksEndpoint) Traffic() map[string]float64 { return traffic.Effective(planOf(s).traffic()) }

// DefaultVersion names the version that gets the traffic that the percentages leave; ""
// if the endpoint does not tell.
func (s *AksEndpoint) DefaultVersion() string { return first(planOf(s).defaults()) }

// ControlVersion names the version that the others are compared with; "" if the endpoint
// does not tell.
func (s *AksEndpoint) ControlVersion() string { return first(planOf(s).controls()) }

func first(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return names[0]
}

// SetTrafficOptions are the optional parts of [AksEndpoint.SetTraffic].
type SetTrafficOptions struct {
	// DefaultVersion and ControlVersion make another version the default, or the
	// control, in the same change.
	DefaultVersion string
	ControlVersion string
	// SetTags and RemoveTags change some of the endpoint's tags in the same change.
	SetTags    map[string]string
	RemoveTags []string
	// IfTags are tags that the endpoint must have when it is read for the change, with
	// these values; "" is for a tag that must not be there. If they are others, nothing is
	// changed and the error is azureml.ErrConflict. The service itself has no condition:
	// what changes between the read and the change, a moment later, is not seen.
	IfTags map[string]string
	// SkipPrecheck leaves out the question whether the service accepts the change, one
	// request before the change itself.
	SkipPrecheck bool
	// OnWarning gets what is worth saying.
	OnWarning func(azureml.Warning)
}

// SetTraffic gives each version a share of the requests, in percent, waits until that is
// in effect and returns the endpoint as it is then. The shares must come to 100; versions
// that are not named get nothing. They are rounded to 0.0001 %; what that leaves goes to
// one of the larger ones.
//
// The endpoint is read first, and a transition in progress is waited for. Then the fewest
// percentages are changed that bring the shares about: the default version's own only if
// it is too high, as it gets what the others leave anyway. If nothing is to be changed,
// nothing is sent, unless the endpoint is not healthy: a change that failed is then in the
// picture, but not in effect, and is sent again.
//
// Errors: azureml.ErrInvalid, with all violations, for unknown versions and shares that
// are none, before anything is changed; azureml.ErrConflict for IfTags, or when something
// else changes the endpoint at that very moment. When ctx ends while it waits, the change
// may have been made or still be made: read the endpoint.
func (s *AksEndpoint) SetTraffic(ctx context.Context, shares map[string]float64, o *SetTrafficOptions) (*AksEndpoint, error) {
	var options SetTrafficOptions
	if o != nil {
		options = *o
	}
	const operation = "set the traffic of"
	if err := checkShares(shares).err(operation, s.subject()); err != nil {
		return nil, err
	}
	return s.applyChange(ctx, endpointChange{
		operation: operation, kind: "set-traffic", skipPrecheck: options.SkipPrecheck, onWarning: options.OnWarning,
		build: func(_ context.Context, now *AksEndpoint, rules *endpointRules, patch *jsonpatch.Patch) error {
			options.build(now, shares, rules, patch)
			return nil
		},
	})
}

// build makes the patch of SetTraffic.
func (o SetTrafficOptions) build(now *AksEndpoint, shares map[string]float64, rules *endpointRules, patch *jsonpatch.Patch) {
	checkTags(rules, now.Tags, o.IfTags)
	if !rules.OK() {
		return // who has changed the tags may have changed anything
	}
	before, after := planOf(now), planOf(now)
	markVersion(rules, "DefaultVersion", o.DefaultVersion, now, after.makeDefault)
	markVersion(rules, "ControlVersion", o.ControlVersion, now, after.makeControl)
	changes, problems := traffic.Plan(after.traffic(), shares)
	noteShares(rules, problems)
	for _, c := range changes {
		after.setPercentile(c.Version, c.Percentage)
	}
	if !rules.OK() {
		return
	}
	after.check(rules, before)
	for _, name := range slices.Sorted(maps.Keys(after)) {
		path := versionPath(name)
		if after[name].isDefault != before[name].isDefault {
			patch.Replace(path+"/isDefault", after[name].isDefault)
		}
		if after[name].isControl != before[name].isControl {
			patch.Replace(path+"/type", versionType(after[name].isControl))
		}
	}
	for _, c := range changes {
		patch.Replace(versionPath(c.Version)+"/trafficPercentile", c.Percentage)
	}
	o.patchTags(now.Tags, patch)
	if patch.Len() == 0 && now.State != StateHealthy {
		// What the endpoint has to be may not be what answers: a change has failed.
		for _, name := range slices.Sorted(maps.Keys(after)) {
			if percentile := after[name].percentile; percentile != nil {
				patch.Replace(versionPath(name)+"/trafficPercentile", *percentile)
			}
		}
	}
}

// checkShares checks wanted shares as far as it can be done without the endpoint.
func checkShares(shares map[string]float64) *endpointRules {
	named := make(map[string]traffic.Version, len(shares))
	for name := range shares {
		named[name] = traffic.Version{}
	}
	_, problems := traffic.Plan(named, shares)
	rules := new(endpointRules)
	noteShares(rules, problems)
	return rules
}

func noteShares(rules *endpointRules, problems []traffic.Problem) {
	for _, p := range problems {
		field := "shares"
		if p.Version != "" {
			field = fmt.Sprintf("shares[%q]", p.Version)
		}
		rules.Add(field, p.Value, p.Rule)
	}
}

// patchTags adds the change of tags to a patch.
func (o SetTrafficOptions) patchTags(now map[string]string, patch *jsonpatch.Patch) {
	tags := make(map[string]string, len(now)+len(o.SetTags))
	maps.Copy(tags, now)
	for _, name := range o.RemoveTags {
		delete(tags, name)
	}
	maps.Copy(tags, o.SetTags)
	if !maps.Equal(tags, now) {
		patch.Replace("/kvTags", tags)
	}
}

// checkTags notes tags that are not as they must be.
func checkTags(rules *endpointRules, now, must map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(must)) {
		value, is := now[name]
		switch {
		case value == must[name]:
		case is:
			rules.conflict(fmt.Sprintf("IfTags[%q]", name), must[name], fmt.Sprintf("does not hold: the endpoint's tag is %q now", value))
		default:
			rules.conflict(fmt.Sprintf("IfTags[%q]", name), must[name], "does not hold: the endpoint has no such tag now")
		}
	}
}

// markVersion changes the plan for a version that is named, if it is there.
func markVersion(rules *endpointRules, field, name string, now *AksEndpoint, mark func(string)) {
	switch {
	case name == "":
	case now.Versions[name] == nil:
		rules.Add(field, name, "is no version of the endpoint; it has "+quoted(now.Versions))
	default:
		mark(name)
	}
}

func versionPath(name string) string { return jsonpatch.Path("versions", name) }

func versionType(isControl bool) VersionType {
	if isControl {
		return VersionTypeControl
	}
	return VersionTypeTreatment
}

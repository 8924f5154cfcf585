package webservice

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/traffic"
	"github.com/azureml-go/azureml/internal/validate"
)

// maxVersions is how many versions an endpoint can have.
const maxVersions = 6

// endpointRules collects what speaks against a change.
type endpointRules struct {
	validate.Checker
	conflicts int
}

// conflict notes what is no fault of the request itself: something is there already, or
// is not as it is expected to be.
func (r *endpointRules) conflict(field string, value any, rule string) {
	r.conflicts++
	r.Add(field, value, rule)
}

// err is one error with everything: azureml.ErrConflict if all of it are conflicts, else
// azureml.ErrInvalid.
func (r *endpointRules) err(operation, subject string) error {
	err := r.Err(operation, subject)
	if e, ok := errors.AsType[*azureml.Error](err); ok && r.conflicts == len(e.Violations) {
		e.Kind = azureml.ErrConflict
	}
	return err
}

// plannedVersion is what the rules need of a version as it is after a change.
type plannedVersion struct {
	percentile *float64
	isDefault  bool
	isControl  bool
}

// plan is an endpoint's versions by name. It begins as they are and is changed as the
// patch changes them.
type plan map[string]plannedVersion

func planOf(s *AksEndpoint) plan {
	p := make(plan, len(s.Versions))
	for name, v := range s.Versions {
		if v == nil {
			continue
		}
		p[name] = plannedVersion{v.TrafficPercentile, isTrue(v.IsDefault), v.VersionType == VersionTypeControl}
	}
	return p
}

// traffic is what the arithmetic needs of them.
func (p plan) traffic() map[string]traffic.Version {
	versions := make(map[string]traffic.Version, len(p))
	for name, v := range p {
		versions[name] = traffic.Version{Percentage: v.percentile, Default: v.isDefault}
	}
	return versions
}

func (p plan) setPercentile(name string, percentile float64) {
	v := p[name]
	v.percentile = &percentile
	p[name] = v
}

// makeDefault makes a version the only default.
func (p plan) makeDefault(name string) {
	for other, v := range p {
		v.isDefault = other == name
		p[other] = v
	}
}

// makeControl makes a version the only control.
func (p plan) makeControl(name string) {
	for other, v := range p {
		v.isControl = other == name
		p[other] = v
	}
}

func (p plan) names(is func(plannedVersion) bool) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(p)) {
		if is(p[name]) {
			names = append(names, name)
		}
	}
	return names
}

func (p plan) defaults() []string {
	return p.names(func(v plannedVersion) bool { return v.isDefault })
}

func (p plan) controls() []string {
	return p.names(func(v plannedVersion) bool { return v.isControl })
}

// check notes what the service would not, or must not, accept of p as what before is
// changed to: too many versions, too much traffic, and not exactly one default and one
// control. What the service does not tell of before cannot be checked.
func (p plan) check(rules *endpointRules, before plan) {
	if len(p) > maxVersions && len(p) > len(before) {
		rules.Addf("versionName", nil, "is one too many: an endpoint has %d versions at most, this one has %s; delete one first", maxVersions, quoted(before))
	}
	if sum := traffic.Sum(p.traffic()); sum > 100 {
		rules.Addf("TrafficPercentile", nil, "would bring the sum of the versions' percentages to %v (%s), of 100 at most; lower others first, or use SetTraffic", sum, p.percentages())
	}
	checkOne(rules, "IsDefault", "default version", "that gets the traffic that the percentages leave", before.defaults(), p.defaults())
	checkOne(rules, "IsControlVersionType", "control version", "that the others are compared with", before.controls(), p.controls())
}

// checkOne wants exactly one version with a mark after a change, if there was one before.
func checkOne(rules *endpointRules, field, mark, purpose string, before, after []string) {
	switch {
	case len(after) == 1 || len(before) == 0 && len(after) == 0:
	case len(after) == 0:
		rules.Addf(field, nil, "would leave the endpoint without a %s, %s: %q is the only one; make another version the %s first", mark, purpose, before[0], mark)
	default:
		rules.Addf(field, nil, "would give the endpoint more than one %s: %s", mark, strings.Join(after, ", "))
	}
}

// percentages lists what each version has, for errors.
func (p plan) percentages() string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(p)) {
		if v := p[name].percentile; v != nil && *v != 0 {
			list = append(list, fmt.Sprintf("%s %v", name, *v))
		}
	}
	return strings.Join(list, ", ")
}

// quoted lists names, for errors.
func quoted[V any](versions map[string]V) string {
	if len(versions) == 0 {
		return "none"
	}
	var list []string
	for _, name := range slices.Sorted(maps.Keys(versions)) {
		list = append(list, fmt.Sprintf("%q", name))
	}
	return strings.Join(list, ", ")
}

// noSuchVersion is the error for a version that is not there.
func (s *AksEndpoint) noSuchVersion(operation, name string) error {
	return &azureml.Error{
		Operation: operation, Subject: s.subject(), Kind: azureml.ErrNotFound,
		Message: fmt.Sprintf("the endpoint has no version %q; it has %s", name, quoted(s.Versions)),
	}
}

// Package traffic is the arithmetic of an endpoint's traffic: what share of the requests
// each version gets, and which percentages to change so that it gets another one.
//
// Each version has a percentage of its own; what the percentages leave of 100 goes to
// the default version on top of its own (contract: webservice §6). All sums are made in
// whole units of 0.0001 %, so that they are exact; finer differences do not exist here,
// nor would they survive the service, which keeps 32-bit floating-point numbers.
package traffic

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
)

// unit is how many units make one percent, whole how many make all of the traffic.
const (
	unit  = 10_000
	whole = 100 * unit
)

// slack is what a sum of floating-point numbers may be off.
const slack = 1e-9

// Version is what the arithmetic needs of a version.
type Version struct {
	// Percentage is the version's own; nil is none, which counts as 0.
	Percentage *float64
	// Default tells that it gets what the percentages leave.
	Default bool
}

// own is the version's own percentage in units; what cannot be one counts as 0.
func (v Version) own() int {
	if v.Percentage == nil || !(*v.Percentage >= 0 && *v.Percentage <= 1e6) {
		return 0
	}
	return units(*v.Percentage)
}

func units(percent float64) int { return int(math.Round(percent * unit)) }

// percent is the nearest number to units that is written with four decimals at most.
func percent(units int) float64 { return float64(units) / unit }

// Sum is what the versions' percentages come to, the default's own among them.
func Sum(versions map[string]Version) float64 {
	sum := 0
	for _, v := range versions {
		sum += v.own()
	}
	return percent(sum)
}

// Effective gives the share of the requests that each version gets, in percent. The
// shares come to 100, unless no version is the default, or the percentages alone come to
// more, neither of which the service allows. With more than one default, which it does
// not allow either, the first by name counts.
func Effective(versions map[string]Version) map[string]float64 {
	effective := make(map[string]float64, len(versions))
	for name, share := range effectiveUnits(versions) {
		effective[name] = percent(share)
	}
	return effective
}

func effectiveUnits(versions map[string]Version) map[string]int {
	effective, rest := make(map[string]int, len(versions)), whole
	for name, v := range versions {
		effective[name] = v.own()
		rest -= v.own()
	}
	if name, ok := defaultOf(versions); ok && rest > 0 {
		effective[name] += rest
	}
	return effective
}

// defaultOf names the default version. A version without others gets all the traffic,
// whether it says so or not.
func defaultOf(versions map[string]Version) (string, bool) {
	names := slices.Sorted(maps.Keys(versions))
	at := slices.IndexFunc(names, func(name string) bool { return versions[name].Default })
	if at < 0 && len(names) == 1 {
		at = 0
	}
	if at < 0 {
		return "", false
	}
	return names[at], true
}

// Change gives a version another percentage.
type Change struct {
	Version    string
	Percentage float64
}

// Problem is what is wrong with wanted shares. Version is empty where it is about all of
// them.
type Problem struct {
	Version string
	Value   any
	Rule    string
}

// Plan gives the fewest changes of percentages after which each version gets its share of
// shares, and one that is not named there nothing, sorted by version. The default's own
// percentage is only touched where it is more than its share. It gives problems, and
// no changes, where shares cannot be had.
func Plan(versions map[string]Version, shares map[string]float64) ([]Change, []Problem) {
	wanted, problems := round(versions, shares)
	if len(problems) > 0 {
		return nil, problems
	}
	byDefault, _ := defaultOf(versions)
	var changes []Change
	for _, name := range slices.Sorted(maps.Keys(versions)) {
		v := versions[name]
		fits := v.own() == wanted[name]
		if name == byDefault {
			fits = v.own() <= wanted[name]
		}
		if !fits {
			changes = append(changes, Change{name, percent(wanted[name])})
		}
	}
	return changes, nil
}

// round checks wanted shares and makes units of them that come to the whole. What is
// lost or won by rounding goes to the default version if it has 1 % or more, else to
// the one with the greatest share.
func round(versions map[string]Version, shares map[string]float64) (map[string]int, []Problem) {
	var problems []Problem
	wanted, sum, exact := make(map[string]int, len(shares)), 0, 0.0
	for _, name := range slices.Sorted(maps.Keys(shares)) {
		share := shares[name]
		if _, ok := versions[name]; !ok {
			problems = append(problems, Problem{name, share, "is no version of the endpoint; it has " + list(versions)})
			continue
		}
		if !(share >= 0 && share <= 100+slack) {
			problems = append(problems, Problem{name, share, "must be from 0 to 100"})
			continue
		}
		wanted[name] = units(share)
		sum, exact = sum+wanted[name], exact+share
	}
	if len(problems) > 0 {
		return nil, problems
	}
	// Half a unit for each share is what its own rounding may come to.
	if math.Abs(exact-100) > float64(len(shares))/(2*unit)+slack {
		return nil, []Problem{{Value: strconv.FormatFloat(exact, 'g', 10, 64), Rule: "must come to 100 in all"}}
	}
	if heir := heirOf(versions, wanted); heir != "" {
		wanted[heir] += whole - sum
	}
	return wanted, nil
}

// heirOf names the version that gets what rounding has left.
func heirOf(versions map[string]Version, wanted map[string]int) string {
	if byDefault, ok := defaultOf(versions); ok && wanted[byDefault] >= unit {
		return byDefault
	}
	heir := ""
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		if heir == "" || wanted[name] > wanted[heir] {
			heir = name
		}
	}
	return heir
}

// list names the versions.
func list(versions map[string]Version) string {
	if len(versions) == 0 {
		return "none"
	}
	text := ""
	for i, name := range slices.Sorted(maps.Keys(versions)) {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%q", name)
	}
	return text
}

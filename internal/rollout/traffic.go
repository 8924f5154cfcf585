package rollout

import (
	"maps"
	"math"
	"slices"
)

// tolerance is by how much percentages may differ and still be the same: services keep
// them as 32-bit numbers.
const tolerance = 1e-3

// grain is what percentages are rounded down to.
const grain = 1e-4

// Traffic says how requests are shared out. Each version has a share of its own in
// percent, and the default version gets the rest on top of its own.
type Traffic struct {
	Default string `json:"default"`
	// Control is the version that experiments are compared with; often the default one.
	Control string `json:"control,omitempty"`
	// Own are the percentages by version; a version that is not here has 0.
	Own map[string]float64 `json:"percentiles"`
}

// Clone copies t.
func (t Traffic) Clone() Traffic {
	t.Own = maps.Clone(t.Own)
	if t.Own == nil {
		t.Own = map[string]float64{}
	}
	return t
}

// sum adds up the own percentages, in the order of the names so that it is always the same.
func (t Traffic) sum() float64 {
	total := 0.0
	for _, name := range slices.Sorted(maps.Keys(t.Own)) {
		total += t.Own[name]
	}
	return total
}

// Shares gives what each version gets, the rest of the default version included.
func (t Traffic) Shares() map[string]float64 {
	shares := maps.Clone(t.Own)
	if shares == nil {
		shares = map[string]float64{}
	}
	// What sums of fractions are off by, 1e-14 or so, is not to be seen.
	shares[t.Default] = math.Round(math.Max(0, t.Own[t.Default]+100-t.sum())*1e9) / 1e9
	return shares
}

// Share is what one version gets.
func (t Traffic) Share(version string) float64 { return t.Shares()[version] }

// Equal tells that both share out alike and call the same versions default and control.
func (t Traffic) Equal(other Traffic) bool {
	if t.Default != other.Default || t.Control != other.Control {
		return false
	}
	return !t.differs(other) && !other.differs(t)
}

func (t Traffic) differs(other Traffic) bool {
	for name, own := range t.Own {
		if math.Abs(own-other.Own[name]) > tolerance {
			return true
		}
	}
	return false
}

// pool is what the old and the new version have between them. Rollouts share out only
// that; all other versions keep what they have.
func (t Traffic) pool(from, to string) float64 {
	others := 0.0
	for _, name := range slices.Sorted(maps.Keys(t.Own)) {
		if name != from && name != to {
			others += t.Own[name]
		}
	}
	return math.Max(0, 100-others)
}

// Step gives the version to its percentage of what it has together with the version
// from, which is the default one and gets the rest.
func (t Traffic) Step(from, to string, percent float64) Traffic {
	next := t.Clone()
	pool := t.pool(from, to)
	next.Own[to] = floor(pool * percent / 100)
	next.Own[from] = floor(math.Max(0, math.Min(t.Own[from], pool-next.Own[to])))
	// What rounding has left above the whole would be refused by the service.
	for next.sum() > 100 && next.Own[to] > 0 {
		next.Own[to] = floor(next.Own[to] - grain)
	}
	return next
}

// Final puts the version to in the place of the version from: it is the default then,
// with from's own percentage, and the control if from was. From gets nothing.
func (t Traffic) Final(from, to string) Traffic {
	next := t.Clone()
	next.Default = to
	if t.Control == from {
		next.Control = to
	}
	next.Own[to] = t.Own[from]
	next.Own[from] = 0
	return next
}

// Without is t when a version that gets nothing has been deleted.
func (t Traffic) Without(version string) Traffic {
	next := t.Clone()
	delete(next.Own, version)
	return next
}

// floor rounds down to the grain, but not what is a hair below it.
func floor(percent float64) float64 {
	return math.Floor(percent/grain+1e-6) / math.Round(1/grain)
}

package traffic

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/quick"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func at(percentage float64) Version { return Version{Percentage: &percentage} }

func defaulting(percentage float64) Version {
	return Version{Percentage: &percentage, Default: true}
}

func TestEffective(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		versions map[string]Version
		want     map[string]float64
	}{
		"the contract's example":       {map[string]Version{"a": defaulting(20), "b": at(10)}, map[string]float64{"a": 90, "b": 10}},
		"and what comes of it":         {map[string]Version{"a": at(20), "b": defaulting(40)}, map[string]float64{"a": 20, "b": 80}},
		"no percentages":               {map[string]Version{"a": {Default: true}, "b": {}}, map[string]float64{"a": 100, "b": 0}},
		"all of it given":              {map[string]Version{"a": defaulting(60), "b": at(40)}, map[string]float64{"a": 60, "b": 40}},
		"one version that says little": {map[string]Version{"a": {}}, map[string]float64{"a": 100}},
		"no default known":             {map[string]Version{"a": at(20), "b": at(10)}, map[string]float64{"a": 20, "b": 10}},
		"two defaults":                 {map[string]Version{"a": defaulting(20), "b": defaulting(10)}, map[string]float64{"a": 90, "b": 10}},
		"too much":                     {map[string]Version{"a": defaulting(80), "b": at(40)}, map[string]float64{"a": 80, "b": 40}},
		"fractions":                    {map[string]Version{"a": {Default: true}, "b": at(0.1), "c": at(0.2)}, map[string]float64{"a": 99.7, "b": 0.1, "c": 0.2}},
		"32-bit numbers":               {map[string]Version{"a": {Default: true}, "b": at(float64(float32(33.3333)))}, map[string]float64{"a": 66.6667, "b": 33.3333}},
		"odd numbers":                  {map[string]Version{"a": {Default: true}, "b": at(math.NaN()), "c": at(-5), "d": at(math.Inf(1))}, map[string]float64{"a": 100, "b": 0, "c": 0, "d": 0}},
		"nothing":                      {nil, map[string]float64{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, test.want, Effective(test.versions))
		})
	}
}

func TestPlan(t *testing.T) {
	t.Parallel()
	three := map[string]Version{"a": defaulting(20), "b": at(10), "c": {}}
	for name, test := range map[string]struct {
		versions map[string]Version
		shares   map[string]float64
		want     []Change
	}{
		"the rest covers the default":     {three, map[string]float64{"a": 50, "b": 50}, []Change{{"b", 50}}},
		"nothing to do":                   {three, map[string]float64{"a": 90, "b": 10, "c": 0}, nil},
		"nothing to do, c left out":       {three, map[string]float64{"a": 90, "b": 10}, nil},
		"the default has too much":        {three, map[string]float64{"a": 10, "b": 90}, []Change{{"a", 10}, {"b", 90}}},
		"only the default changes":        {map[string]Version{"a": defaulting(90), "b": at(10), "c": at(0)}, map[string]float64{"a": 90, "c": 10}, []Change{{"b", 0}, {"c", 10}}},
		"one version":                     {map[string]Version{"a": defaulting(100)}, map[string]float64{"a": 100}, nil},
		"no default known":                {map[string]Version{"a": at(0), "b": at(10)}, map[string]float64{"a": 90, "b": 10}, []Change{{"a", 90}}},
		"thirds":                          {three, map[string]float64{"a": 100.0 / 3, "b": 100.0 / 3, "c": 100.0 / 3}, []Change{{"b", 33.3333}, {"c", 33.3333}}},
		"thirds, nothing for the default": {map[string]Version{"a": defaulting(0), "b": {}, "c": {}, "d": {}}, map[string]float64{"b": 100.0 / 3, "c": 100.0 / 3, "d": 100.0 / 3}, []Change{{"b", 33.3334}, {"c", 33.3333}, {"d", 33.3333}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changes, problems := Plan(test.versions, test.shares)
			require.Empty(t, problems)
			assert.Equal(t, test.want, changes)
		})
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	versions := map[string]Version{"a": defaulting(20), "b": at(10)}
	for name, test := range map[string]struct {
		shares map[string]float64
		want   []string // of which versions
	}{
		"unknown":          {map[string]float64{"a": 50, "nope": 50}, []string{"nope"}},
		"negative":         {map[string]float64{"a": 105, "b": -5}, []string{"a", "b"}},
		"not a number":     {map[string]float64{"a": math.NaN(), "b": 50}, []string{"a"}},
		"endless":          {map[string]float64{"a": math.Inf(1), "b": math.Inf(-1)}, []string{"a", "b"}},
		"too little":       {map[string]float64{"a": 50, "b": 49.99}, []string{""}},
		"too much":         {map[string]float64{"a": 50, "b": 50.01}, []string{""}},
		"nothing":          {nil, []string{""}},
		"several at once":  {map[string]float64{"a": -1, "x": 1, "y": 1}, []string{"a", "x", "y"}},
		"a sum of zero":    {map[string]float64{"a": 0, "b": 0}, []string{""}},
		"more than allows": {map[string]float64{"a": 100, "b": 100}, []string{""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changes, problems := Plan(versions, test.shares)
			assert.Empty(t, changes)
			var of []string
			for _, p := range problems {
				of = append(of, p.Version)
				assert.NotEmpty(t, p.Rule)
			}
			assert.Equal(t, test.want, of)
		})
	}
}

// endpoint makes an endpoint of up to six versions that the service would allow, and
// shares that are wanted of it.
func endpoint(seed uint64) (map[string]Version, map[string]float64) {
	r := rand.New(rand.NewPCG(seed, 1))
	n := 1 + r.IntN(6)
	names := []string{"a", "b", "c", "d", "e", "f"}[:n]
	versions := map[string]Version{}
	left, byDefault := 100.0, r.IntN(n)
	for i, name := range names {
		v := Version{Default: i == byDefault}
		if r.IntN(4) > 0 {
			share := math.Floor(r.Float64()*left*100) / 100
			left -= share
			v.Percentage = &share
		}
		versions[name] = v
	}
	weights, total := map[string]float64{}, 0.0
	for _, name := range names {
		if r.IntN(4) > 0 {
			weights[name] = r.ExpFloat64()
			total += weights[name]
		}
	}
	if total == 0 {
		return versions, map[string]float64{names[0]: 100}
	}
	for name := range weights {
		weights[name] *= 100 / total
	}
	return versions, weights
}

func apply(versions map[string]Version, changes []Change) map[string]Version {
	after := maps.Clone(versions)
	for _, c := range changes {
		after[c.Version] = Version{Percentage: &c.Percentage, Default: versions[c.Version].Default}
	}
	return after
}

// What a plan leads to is what was wanted, comes to exactly the whole, is allowed by the
// service, and cannot be had with any of its changes left out.
func TestPlansLeadToTheSharesWithTheFewestChanges(t *testing.T) {
	t.Parallel()
	require.NoError(t, quick.Check(func(seed uint64) bool {
		versions, shares := endpoint(seed)
		changes, problems := Plan(versions, shares)
		if len(problems) > 0 {
			t.Logf("%v of %v: %v", shares, versions, problems)
			return false
		}
		after := apply(versions, changes)
		effective, sum := effectiveUnits(after), 0
		for name, share := range effective {
			sum += share
			// Rounding moves at most half a unit for each version, to one of them.
			if math.Abs(percent(share)-shares[name]) > 6.0/unit {
				return false
			}
		}
		if sum != whole || Sum(after) > 100 {
			return false
		}
		for i := range changes {
			if maps.Equal(effectiveUnits(apply(versions, slices.Delete(slices.Clone(changes), i, i+1))), effective) {
				return false
			}
		}
		again, _ := Plan(after, Effective(after))
		return len(again) == 0
	}, &quick.Config{MaxCount: 5000}))
}

func FuzzPlan(f *testing.F) {
	f.Add(20.0, 10.0, 50.0, 50.0, true)
	f.Add(math.NaN(), -1.0, 33.33333, 66.66667, false)
	f.Add(1e300, 5e-324, 0.00005, 99.99995, true)
	f.Fuzz(func(t *testing.T, ownA, ownB, wantA, wantB float64, first bool) {
		versions := map[string]Version{"a": {&ownA, first}, "b": {&ownB, !first}}
		changes, problems := Plan(versions, map[string]float64{"a": wantA, "b": wantB})
		if len(problems) > 0 {
			if len(changes) > 0 {
				t.Fatal("changes beside problems")
			}
			return
		}
		effective := effectiveUnits(apply(versions, changes))
		if effective["a"]+effective["b"] != whole || effective["a"] < 0 || effective["b"] < 0 {
			t.Fatalf("%v comes to %v", changes, effective)
		}
	})
}

package rollout_test

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml/internal/rollout"
)

// some is random traffic between up to six versions, a the default and b among them.
func some(r *rand.Rand) rollout.Traffic {
	t := rollout.Traffic{Default: "a", Control: "a", Own: map[string]float64{}}
	left := 100.0
	for _, name := range []string{"c", "d", "e", "b", "a"}[r.IntN(4):] {
		t.Own[name] = float64(int(r.Float64()*left*10000)) / 10000
		left -= t.Own[name]
	}
	return t
}

// TestTrafficProperties holds for all traffic: steps and the end share out all of 100, no
// more, leave the others alone, and only ever move requests to the new version.
func TestTrafficProperties(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 3_000 {
		before := some(r)
		shares := before.Shares()
		pool := shares["a"] + shares["b"]
		last := 0.0
		for _, percent := range []float64{0.5, 5, 33.3333, r.Float64() * 100, 100} {
			step := before.Step("a", "b", percent)
			assertWhole(t, step)
			for name, share := range step.Shares() {
				if name != "a" && name != "b" {
					require.InDelta(t, shares[name], share, 1e-9)
				}
			}
			require.InDelta(t, pool*percent/100, step.Share("b"), 3e-4)
			require.LessOrEqual(t, step.Own["a"], before.Own["a"])
			require.Equal(t, "a", step.Default)
			last = step.Share("b")
		}
		require.InDelta(t, pool, last, 3e-4)
		final := before.Final("a", "b")
		assertWhole(t, final)
		require.InDelta(t, pool, final.Share("b"), 1e-9)
		require.Zero(t, final.Share("a"))
		require.Equal(t, "b", final.Control)
	}
}

func assertWhole(t *testing.T, traffic rollout.Traffic) {
	t.Helper()
	own, effective := 0.0, 0.0
	for name, share := range traffic.Shares() {
		require.GreaterOrEqual(t, share, 0.0)
		require.GreaterOrEqual(t, traffic.Own[name], 0.0)
		own += traffic.Own[name]
		effective += share
	}
	require.LessOrEqual(t, own, 100+1e-9)
	require.InDelta(t, 100, effective, 1e-9)
}

func TestTrafficEqual(t *testing.T) {
	t.Parallel()
	a := rollout.Traffic{Default: "a", Control: "a", Own: map[string]float64{"a": 20, "b": 33.3333}}
	for name, test := range map[string]struct {
		other rollout.Traffic
		want  bool
	}{
		"a version without traffic more": {rollout.Traffic{Default: "a", Control: "a", Own: map[string]float64{"a": 20, "b": 33.3333, "x": 0}}, true},
		"32-bit numbers":                 {rollout.Traffic{Default: "a", Control: "a", Own: map[string]float64{"a": 20, "b": float64(float32(33.3333))}}, true},
		"a version with traffic more":    {rollout.Traffic{Default: "a", Control: "a", Own: map[string]float64{"a": 20, "b": 33.3333, "x": 1}}, false},
		"one less":                       {rollout.Traffic{Default: "a", Control: "a", Own: map[string]float64{"a": 20}}, false},
		"another default":                {rollout.Traffic{Default: "b", Control: "a", Own: a.Own}, false},
		"another control":                {rollout.Traffic{Default: "a", Own: a.Own}, false},
	} {
		assert.Equal(t, test.want, a.Equal(test.other), name)
		assert.Equal(t, test.want, test.other.Equal(a), name)
	}
	assert.Equal(t, map[string]float64{"": 100}, rollout.Traffic{}.Shares())
	thirds := rollout.Traffic{Default: "a", Own: map[string]float64{"a": 20, "b": 33.3333, "c": 44.4444}}
	assert.Equal(t, map[string]float64{"a": 22.2223, "b": 33.3333, "c": 44.4444}, thirds.Shares(), "not 22.22229999999999")
}

func good() rollout.State {
	return rollout.State{
		Format: 1, ID: "r1", Kind: "endpoint", Workspace: "w", Name: "e", Version: "b", Old: "a", DeleteOld: true,
		Steps:  []float64{5, 100},
		Before: rollout.Traffic{Default: "a", Control: "a", Own: map[string]float64{"a": 20, "b": 0}},
		Phase:  rollout.Baking, Step: 1, Since: time.Date(2024, 6, 10, 6, 13, 20, 5e6, time.UTC), Reason: "slow",
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(good())
	require.NoError(t, err)
	s, err := rollout.Parse(text)
	require.NoError(t, err)
	assert.Equal(t, good(), s)
	for from, to := range map[string]string{
		`"format":1`:              `"format":2`,
		`"id":"r1"`:               `"id":""`,
		`"version":"b"`:           `"version":"a"`,
		`"old":"a"`:               `"old":"c"`,
		`"steps":[5,100]`:         `"steps":[100,5]`,
		`[5,100]`:                 `[5,101]`,
		`[5,`:                     `[0,`,
		`"steps":[5,100]`[:8]:     `"stebs":`,
		`"step":1`:                `"step":2`,
		`"phase":"baking"`:        `"phase":"boiling"`,
		`"a":20`:                  `"a":-1`,
		`"b":0`:                   `"b":99`,
		`"a":20,`:                 `"a":0,"c":100,`,
		`{"format"`:               `[{"format"`,
		`"reason":"slow"}`:        `"reason":"slow"}{}`,
		`"since":"2024-06-10T06:`: `"since":"2024-13-10T06:`,
		`"slow"`:                  `"` + strings.Repeat("s", 70_000) + `"`,
	} {
		changed := strings.Replace(string(text), from, to, 1)
		require.NotEqual(t, string(text), changed, from)
		_, err := rollout.Parse([]byte(changed))
		require.Error(t, err, to)
	}
}

// FuzzParse: what is read can be written and read again, and has traffic that can be set.
func FuzzParse(f *testing.F) {
	text, err := json.Marshal(good())
	require.NoError(f, err)
	f.Add(text)
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := rollout.Parse(data)
		if err != nil {
			return
		}
		text, err := json.Marshal(s)
		require.NoError(t, err)
		again, err := rollout.Parse(text)
		require.NoError(t, err)
		require.True(t, s.Traffic().Equal(again.Traffic()))
		shares := 0.0
		for _, share := range s.Traffic().Shares() {
			shares += share
		}
		require.InDelta(t, 100, shares, 0.1)
	})
}

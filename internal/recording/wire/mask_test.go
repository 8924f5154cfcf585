package wire

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMatch(t *testing.T) {
	t.Parallel()
	const id = "11111111-2222-3333-4444-555555555555"
	for name, in := range map[string]struct {
		pattern, text string
		known         map[string]string
		want          []string // values, nil for no match
	}{
		"plain":                    {pattern: "a.b", text: "a.b", want: []string{}},
		"plain differs":            {pattern: "a.b", text: "axb"},
		"dot beside a mask":        {pattern: "<uuid8>.b", text: "0a1b2c3dxb"},
		"uuid":                     {pattern: "/x/<uuid>/y", text: "/x/" + id + "/y", want: []string{id}},
		"uuid too short":           {pattern: "<uuid>", text: id[1:]},
		"not in the middle":        {pattern: "<uuid8>", text: "0a1b2c3d4"},
		"container":                {pattern: "LocalUpload/<timestamp>-<uuid8>/m.pkl", text: "LocalUpload/240610T061320-944ca0ff/m.pkl", want: []string{"240610T061320", "944ca0ff"}},
		"rfc 3339":                 {pattern: "<timestamp>", text: "2024-06-10T06:13:20.1234567+00:00", want: []string{"2024-06-10T06:13:20.1234567+00:00"}},
		"http date":                {pattern: "<timestamp>", text: "Mon, 10 Jun 2024 06:13:20 GMT", want: []string{"Mon, 10 Jun 2024 06:13:20 GMT"}},
		"no date":                  {pattern: "<timestamp>", text: "yesterday"},
		"temporary name":           {pattern: "<tmpname>.py", text: "tmpab_12.py", want: []string{"tmpab_12"}},
		"no path as a name":        {pattern: "<tmpname>.py", text: "../x.py"},
		"any, also lines":          {pattern: "a<any>z", text: "a\n\nz", want: []string{"\n\n"}},
		"jwt with audience":        {pattern: "<jwt aud=https://x/y>", text: "aaa.bbb.ccc", want: []string{"aaa.bbb.ccc"}},
		"jwt":                      {pattern: "<jwt>", text: "aaa"},
		"named, known":             {pattern: "<uuid8:1>", text: "0a1b2c3d", known: map[string]string{"uuid8:1": "0a1b2c3d"}, want: []string{"0a1b2c3d"}},
		"named, known otherwise":   {pattern: "<uuid8:1>", text: "0a1b2c3d", known: map[string]string{"uuid8:1": "ffffffff"}},
		"same name twice":          {pattern: "<uuid8:1>/<uuid8:1>", text: "0a1b2c3d/0a1b2c3d", want: []string{"0a1b2c3d", "0a1b2c3d"}},
		"same name, two values":    {pattern: "<uuid8:1>/<uuid8:1>", text: "0a1b2c3d/ffffffff"},
		"other name, two values":   {pattern: "<uuid8:1>/<uuid8:2>", text: "0a1b2c3d/ffffffff", want: []string{"0a1b2c3d", "ffffffff"}},
		"no mask, taken literally": {pattern: "<html>", text: "<html>", want: []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bound, ok := Match(in.pattern, in.text, in.known)
			require.Equal(t, in.want != nil, ok)
			var values []string
			for _, b := range bound {
				values = append(values, b.Value)
			}
			assert.ElementsMatch(t, in.want, values)
		})
	}
}

func TestMasksAndFill(t *testing.T) {
	t.Parallel()
	text := "<uuid:1> <jwt aud=https://a.b/c> <timestamp> <b> <uuid9>"
	assert.Equal(t, []Mask{{Kind: "uuid", Name: "1"}, {Kind: "jwt", Audience: "https://a.b/c"}, {Kind: "timestamp"}}, Masks(text))
	filled := Fill(text, func(m Mask) (string, bool) { return strings.ToUpper(m.Kind) + m.Audience, m.Kind != "timestamp" })
	assert.Equal(t, "UUID JWThttps://a.b/c <timestamp> <b> <uuid9>", filled)
}

// A pattern filled with values of its kinds matches what it was filled with.
func FuzzMatch(f *testing.F) {
	for _, seed := range []string{"", "a<uuid>b", "<any><any>", "<uuid8:1>-<uuid8:1>", "\\E<timestamp>\\Q", "<tmpname>.py<jwt aud=x>", "<<uuid>>", "a\xff<any>"} {
		f.Add(seed, seed)
	}
	values := map[string]string{
		"uuid": "11111111-2222-3333-4444-555555555555", "uuid8": "0a1b2c3d", "timestamp": "240610T061320",
		"tmpname": "tmp1", "any": "x", "jwt": "a.b.c",
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 1000 || len(text) > 10_000 {
			return
		}
		Match(pattern, text, nil)
		filled := Fill(pattern, func(m Mask) (string, bool) { return values[m.Kind], true })
		bound, ok := Match(pattern, filled, nil)
		require.True(t, ok || !validUTF8(pattern), "%q does not match %q", pattern, filled)
		if ok {
			assert.Len(t, bound, len(Masks(pattern)))
		}
	})
}

func validUTF8(text string) bool { return strings.ToValidUTF8(text, "") == text }

package cli

import (
	"flag"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFlags(t *testing.T) {
	t.Parallel()
	f := newFlags("test")
	name := f.text("n name", "a name (required)")
	models := f.texts("m model", "models")
	tags := f.pairs("tag", "tags")
	wanted := f.pairsOrNames("with", "tags or names")
	on := f.on("wait", "wait")
	auth := f.boolean("ae auth-enabled", "keys")
	count := f.whole("nr num-replicas", "replicas")
	cpu := f.number("cc cpu-cores", "cores")
	key := f.choice("k key", "which (required)", "Primary", "Secondary")
	none := f.whole("none", "never given")
	require.NoError(t, f.parse(strings.Fields("--name x -m a:1 --model b -tag k=v=w -tag l= -with stage -with l=2 -wait -ae=false --nr 3 -cc 0.5 -k primary rest")))
	require.NoError(t, f.check())
	assert.Equal(t, "x", *name)
	assert.Equal(t, []string{"a:1", "b"}, *models)
	assert.Equal(t, map[string]string{"k": "v=w", "l": ""}, *tags, "parted at the first =")
	assert.Equal(t, map[string]string{"stage": "", "l": "2"}, *wanted)
	assert.True(t, *on)
	assert.False(t, **auth)
	assert.Equal(t, 3, **count)
	assert.InDelta(t, 0.5, **cpu, 0)
	assert.Equal(t, "Primary", *key)
	assert.Nil(t, *none)
	assert.Equal(t, []string{"rest"}, f.set.Args())
	assert.True(t, f.given("num-replicas"), "by any of its names")
	assert.False(t, f.given("none"))
	assert.Contains(t, f.usage(), "-k, -key TEXT")
	assert.Contains(t, f.usage(), "which: Primary, Secondary (required)")
}

// TestWrongFlags: a mistake is a usage error that names the flag.
func TestWrongFlags(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"-nr three":                `invalid value "three" for flag -nr: invalid syntax`,
		"-tag stage":               "must look like NAME=VALUE",
		"-tag =x":                  "must look like NAME=VALUE",
		"-k third":                 "must be one of Primary, Secondary",
		"-num-replica 3":           "unknown flag -num-replica; did you mean -num-replicas?",
		"-zzzzz":                   "unknown flag -zzzzz",
		"-nr":                      "flag needs an argument: -nr",
		"-wait=perhaps":            "perhaps",
		"-k Primary":               "",
		"-h":                       "help requested",
		"-nr 99999999999999999999": "out of range",
	} {
		f := newFlags("test")
		f.whole("nr num-replicas", "replicas")
		f.pairs("tag", "tags")
		f.on("wait", "wait")
		f.choice("k key", "which", "Primary", "Secondary")
		err := f.parse(strings.Fields(line))
		if want == "" {
			assert.NoError(t, err, line)
			continue
		}
		require.ErrorContains(t, err, want, line)
		var usage *usageError
		assert.True(t, line == "-h" && assert.ErrorIs(t, err, flag.ErrHelp) || assert.ErrorAs(t, err, &usage), line)
	}
}

// TestMissingFlags: all that are missing are named at once.
func TestMissingFlags(t *testing.T) {
	t.Parallel()
	f := newFlags("test")
	f.text("n name", "a name (required)")
	f.choice("k key", "which (required)", "Primary", "Secondary")
	require.NoError(t, f.parse(nil))
	assert.EqualError(t, f.check(), "missing -n, -name, -k, -key")
}

func TestDistance(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"abc", "abc", 0}, {"", "abc", 3}, {"abc", "", 3}, {"deplyo", "deploy", 2}, {"nema", "name", 2}, {"kitten", "sitting", 3}} {
		assert.Equal(t, c.want, distance(c.a, c.b), "%s %s", c.a, c.b)
		assert.Equal(t, c.want, distance(c.b, c.a), "%s %s", c.b, c.a)
	}
	assert.Equal(t, "ml model deploy", nearest("ml model deplyo"))
	assert.Equal(t, "ml model deploy", nearest("model deploy"))
	assert.Empty(t, nearest("make me a sandwich"))
}

// TestFlagNames: no command has two flags of one name, and none takes one of those that
// all commands have.
func TestFlagNames(t *testing.T) {
	t.Parallel()
	for _, c := range commands() {
		f := newFlags(c.words)
		require.NotPanics(t, func() {
			(&Globals{}).declare(f)
			c.setup(f)
		}, c.words)
		assert.NotEmpty(t, c.short, c.words)
		for _, d := range f.list {
			assert.NotEmpty(t, d.help, "%s: %s", c.words, d.title())
		}
		if c.example == "" {
			continue
		}
		rest, ok := strings.CutPrefix(c.example, c.words)
		require.True(t, ok, "the example is one of %s", c.words)
		if i := strings.IndexAny(rest, "'>"); i >= 0 {
			rest = rest[:i] + "X"
		}
		require.NoError(t, f.parse(strings.Fields(rest)), c.example)
		assert.NoError(t, f.check(), c.example)
	}
}

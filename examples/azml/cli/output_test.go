package cli

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOutput(t *testing.T) {
	t.Parallel()
	type thing struct {
		Name string `json:"name"`
		N    *int   `json:"n,omitempty"`
	}
	three := 3
	things := list([]thing{{"a\tb\nc <&>", &three}, {"longer", nil}}, []string{"NAME", "N"}, func(v thing) []any { return []any{v.Name, v.N} })
	single := one(thing{"x", nil}, "Name", "x", "Nothing", (*int)(nil), "When", time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600)),
		"Tags", map[string]string{"b": "2", "a": "1"}, "None", map[string]string{}, "Words", []string{"p", "q"}, "Never", time.Time{})
	for _, c := range []struct {
		r    result
		form string
		want string
	}{
		{things, formJSON, "[\n  {\n    \"name\": \"a\\tb\\nc <&>\",\n    \"n\": 3\n  },\n  {\n    \"name\": \"longer\"\n  }\n]\n"},
		{things, formTSV, "a b c <&>\t3\nlonger\t\n"},
		{things, formTable, "NAME       N\n----       -\na b c <&>  3\nlonger\n"},
		{single, formTSV, "Name\tx\nWhen\t2026-01-02 02:04:05\nTags\t{\"a\":\"1\",\"b\":\"2\"}\nWords\tp, q\n"},
		{single, formTable, "Name   x\nWhen   2026-01-02 02:04:05\nTags   {\"a\":\"1\",\"b\":\"2\"}\nWords  p, q\n"},
		{list([]thing(nil), []string{"NAME"}, func(v thing) []any { return nil }), formJSON, "[]\n"},
		{list([]thing(nil), []string{"NAME"}, func(v thing) []any { return nil }), formTSV, ""},
		{result{}, formJSON, ""},
		{result{text: "a\nb", verbatim: true}, formJSON, "a\nb\n"},
		{result{text: "a\nb"}, formJSON, "\"a\\nb\"\n"},
		{result{text: "a\n", verbatim: true}, formTable, "a\n"},
	} {
		var out strings.Builder
		require.NoError(t, c.r.write(&out, c.form))
		assert.Equal(t, c.want, out.String(), c.form)
	}
	for _, form := range []string{formJSON, formTSV, formTable} {
		assert.ErrorIs(t, single.write(full{}, form), errFull, form)
	}
}

var errFull = errors.New("the disk is full")

// full is a writer that fails.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

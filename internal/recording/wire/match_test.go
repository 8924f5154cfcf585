package wire

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMatcherJSON(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]struct {
		want, got string
		byValue   bool
		findings  []string
	}{
		"equal, other order":   {want: `{"a":1,"b":[true,null,"x"]}`, got: `{"b":[true,null,"x"],"a":1}`},
		"value":                {want: `{"a":{"b":"x"}}`, got: `{"a":{"b":"y"}}`, findings: []string{`$.a.b: want "x", got "y"`}},
		"null is not absent":   {want: `{"a":null}`, got: `{}`, findings: []string{`$.a: want null, but it is absent`}},
		"absent is not null":   {want: `{}`, got: `{"a":null}`, findings: []string{`$.a: not expected, got null`}},
		"null is not false":    {want: `{"a":null}`, got: `{"a":false}`, findings: []string{`$.a: want null, got false`}},
		"string is not number": {want: `{"a":"1"}`, got: `{"a":1}`, findings: []string{`$.a: want "1", got 1`}},
		"numbers as spelt":     {want: `[1.0]`, got: `[1]`, findings: []string{`$[0]: want 1.0, got 1`}},
		"numbers by value":     {want: `[1.0,1e2]`, got: `[1,100]`, byValue: true},
		"other number":         {want: `[1.0]`, got: `[1.5]`, byValue: true, findings: []string{`$[0]: want 1.0, got 1.5`}},
		"array too long":       {want: `[1]`, got: `[1,2]`, findings: []string{`$: want 1 elements [1], got 2 [1,2]`}},
		"array order":          {want: `[1,2]`, got: `[2,1]`, findings: []string{`$[0]: want 1, got 2`, `$[1]: want 2, got 1`}},
		"object for array":     {want: `[]`, got: `{}`, findings: []string{`$: want [], got {}`}},
		"odd key":              {want: `{"a/b":1}`, got: `{"a/b":2}`, findings: []string{`$["a/b"]: want 1, got 2`}},
		"mask":                 {want: `{"a":"<uuid8>.py"}`, got: `{"a":"0a1b2c3d.py"}`},
		"any value":            {want: `{"a":"<any>"}`, got: `{"a":{"b":[1]}}`},
		"any needs something":  {want: `{"a":"<any>"}`, got: `{}`, findings: []string{`$.a: want "<any>", but it is absent`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, err := DecodeJSON([]byte(in.want))
			require.NoError(t, err)
			got, err := DecodeJSON([]byte(in.got))
			require.NoError(t, err)
			m := &Matcher{ByValue: in.byValue}
			assert.Equal(t, in.findings, m.JSON(want, got))
		})
	}
}

func TestMatcherURL(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]struct {
		want, got string
		findings  []string
	}{
		"query in any order":      {want: "https://h/p?a=1&b=2", got: "https://h/p?b=2&a=1"},
		"escaped alike":           {want: "https://h/p?$filter=a%20b", got: "https://h/p?%24filter=a%20b"},
		"plus is no blank":        {want: "https://h/p?f=a%20b", got: "https://h/p?f=a+b", findings: []string{`query f: want "a b", got "a+b"`}},
		"path as spelt":           {want: "https://h/m%3A1", got: "https://h/m:1", findings: []string{"url: want https://h/m%3A1, got https://h/m:1"}},
		"double slash":            {want: "https://h//p", got: "https://h/p", findings: []string{"url: want https://h//p, got https://h/p"}},
		"scheme":                  {want: "https://h/p", got: "http://h/p", findings: []string{"url: want https://h/p, got http://h/p"}},
		"missing":                 {want: "https://h/p?a=1", got: "https://h/p", findings: []string{`query a: want ["1"], got []`}},
		"too much":                {want: "https://h/p", got: "https://h/p?a=1", findings: []string{`query a: not expected, got ["1"]`}},
		"twice":                   {want: "https://h/p?a=1&a=2", got: "https://h/p?a=2&a=1", findings: []string{`query a: want "1", got "2"`, `query a: want "2", got "1"`}},
		"masks in host and query": {want: "https://<uuid8>.h/p?a=<uuid8>", got: "https://0a1b2c3d.h/p?a=00000000"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, in.findings, new(Matcher).URL(in.want, in.got))
		})
	}
}

func TestMatcherRemembersNames(t *testing.T) {
	t.Parallel()
	m := new(Matcher)
	require.True(t, m.String("a/<uuid8:x>", "a/0a1b2c3d"))

	try := m.Clone()
	assert.False(t, try.String("<uuid8:x>", "ffffffff"))
	assert.True(t, try.String("<uuid8:y>", "ffffffff"))

	_, ok := m.Named(Mask{Kind: "uuid8", Name: "y"})
	assert.False(t, ok, "a clone's finds stay in the clone")
	value, ok := m.Named(Mask{Kind: "uuid8", Name: "x"})
	assert.True(t, ok)
	assert.Equal(t, "0a1b2c3d", value)
	assert.Equal(t, map[string]string{"a/<uuid8:x>": "a/0a1b2c3d"}, m.Pairs)
}

func TestDecodeJSONRefusesWhatFollows(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "{", `{} {}`, `1 2`, `{}x`} {
		_, err := DecodeJSON([]byte(text))
		assert.Error(t, err, text)
	}
}

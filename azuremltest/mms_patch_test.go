package azuremltest

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestApplyPatch(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ doc, steps, want string }{
		"nothing":                  {`{"a":1}`, `[]`, `{"a":1}`},
		"add member":               {`{"foo":"bar"}`, `[{"op":"add","path":"/baz","value":"qux"}]`, `{"baz":"qux","foo":"bar"}`},
		"add replaces":             {`{"a":1}`, `[{"op":"add","path":"/a","value":2}]`, `{"a":2}`},
		"add null":                 {`{}`, `[{"op":"add","path":"/a","value":null}]`, `{"a":null}`},
		"insert":                   {`{"foo":["bar","baz"]}`, `[{"op":"add","path":"/foo/1","value":"qux"}]`, `{"foo":["bar","qux","baz"]}`},
		"insert at the end":        {`[1]`, `[{"op":"add","path":"/1","value":2}]`, `[1,2]`},
		"append":                   {`{"foo":["bar"]}`, `[{"op":"add","path":"/foo/-","value":["abc"]}]`, `{"foo":["bar",["abc"]]}`},
		"add the whole":            {`{"a":1}`, `[{"op":"add","path":"","value":[]}]`, `[]`},
		"remove member":            {`{"baz":"qux","foo":"bar"}`, `[{"op":"remove","path":"/baz"}]`, `{"foo":"bar"}`},
		"remove element":           {`{"foo":["bar","qux","baz"]}`, `[{"op":"remove","path":"/foo/1"}]`, `{"foo":["bar","baz"]}`},
		"replace member":           {`{"baz":"qux","foo":"bar"}`, `[{"op":"replace","path":"/baz","value":"boo"}]`, `{"baz":"boo","foo":"bar"}`},
		"replace element":          {`[1,2]`, `[{"op":"replace","path":"/0","value":{"x":[1]}}]`, `[{"x":[1]},2]`},
		"move":                     {`{"foo":{"bar":"baz","waldo":"fred"},"qux":{}}`, `[{"op":"move","from":"/foo/waldo","path":"/qux/thud"}]`, `{"foo":{"bar":"baz"},"qux":{"thud":"fred"}}`},
		"move element":             {`["all","grass","cows","eat"]`, `[{"op":"move","from":"/1","path":"/3"}]`, `["all","cows","eat","grass"]`},
		"copy of an array":         {`[[1,{"a":2}],3]`, `[{"op":"copy","from":"/0","path":"/-"},{"op":"remove","path":"/2/1/a"},{"op":"add","path":"/2/-","value":4}]`, `[[1,{"a":2}],3,[1,{},4]]`},
		"copy is no link":          {`{"a":{"x":1}}`, `[{"op":"copy","from":"/a","path":"/b"},{"op":"replace","path":"/b/x","value":2}]`, `{"a":{"x":1},"b":{"x":2}}`},
		"test":                     {`{"a":{"x":[1,"b",null,true]}}`, `[{"op":"test","path":"/a","value":{"x":[1.0,"b",null,true]}}]`, `{"a":{"x":[1,"b",null,true]}}`},
		"escapes":                  {`{"a/b":{"m~n":1}}`, `[{"op":"replace","path":"/a~1b/m~0n","value":2}]`, `{"a/b":{"m~n":2}}`},
		"tilde one is not a slash": {`{"~1":10}`, `[{"op":"remove","path":"/~01"}]`, `{}`},
		"empty name":               {`{"":1}`, `[{"op":"replace","path":"/","value":2}]`, `{"":2}`},
		"numbers keep their form":  {`{"a":1.0,"b":12345678901234567890}`, `[{"op":"add","path":"/c","value":1e2}]`, `{"a":1.0,"b":12345678901234567890,"c":1e2}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var steps []patchOperation
			require.NoError(t, json.Unmarshal([]byte(c.steps), &steps))
			got, err := applyPatch([]byte(c.doc), steps)
			require.NoError(t, err)
			assert.Equal(t, c.want, string(got))
		})
	}
}

func TestApplyPatchRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ doc, steps, want string }{
		"unknown operation":   {`{}`, `[{"op":"spam","path":"/a"}]`, `there is no operation "spam"`},
		"no value":            {`{}`, `[{"op":"add","path":"/a"}]`, "value is missing"},
		"parent missing":      {`{}`, `[{"op":"add","path":"/a/b","value":1}]`, "not found"},
		"into scalar":         {`{"a":1}`, `[{"op":"add","path":"/a/b","value":1}]`, "not found"},
		"replace missing":     {`{}`, `[{"op":"replace","path":"/a","value":1}]`, "not found"},
		"remove missing":      {`{}`, `[{"op":"remove","path":"/a"}]`, "not found"},
		"index too high":      {`[1]`, `[{"op":"add","path":"/2","value":1}]`, "not found"},
		"index with zero":     {`[1,2]`, `[{"op":"remove","path":"/01"}]`, "not found"},
		"index with sign":     {`[1,2]`, `[{"op":"remove","path":"/+1"}]`, "not found"},
		"remove after end":    {`[1]`, `[{"op":"remove","path":"/-"}]`, "not found"},
		"no slash":            {`{}`, `[{"op":"add","path":"a","value":1}]`, "begins with a slash"},
		"bad escape":          {`{}`, `[{"op":"add","path":"/a~2","value":1}]`, "tilde"},
		"test differs":        {`{"a":"1"}`, `[{"op":"test","path":"/a","value":1}]`, "another one"},
		"test missing":        {`{}`, `[{"op":"test","path":"/a","value":null}]`, "not found"},
		"move into itself":    {`{"a":{"b":1}}`, `[{"op":"move","from":"/a","path":"/a/b"}]`, "into itself"},
		"copy of nothing":     {`{}`, `[{"op":"copy","from":"/a","path":"/b"}]`, "not found"},
		"says which":          {`{"a":1}`, `[{"op":"remove","path":"/a"},{"op":"remove","path":"/a"}]`, "operation 1, remove /a"},
		"no document":         {`{`, `[]`, "unexpected"},
		"rest after document": {`{} {}`, `[]`, "something after"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var steps []patchOperation
			require.NoError(t, json.Unmarshal([]byte(c.steps), &steps))
			_, err := applyPatch([]byte(c.doc), steps)
			assert.ErrorContains(t, err, c.want)
		})
	}
}

func FuzzApplyPatch(f *testing.F) {
	f.Add(`{"foo":["bar","baz"],"a":{"b":null}}`, `[{"op":"add","path":"/foo/1","value":"qux"},{"op":"remove","path":"/a/b"}]`)
	f.Add(`{"a":{"x":1}}`, `[{"op":"copy","from":"/a","path":"/b"},{"op":"move","from":"/b","path":"/a/y"},{"op":"test","path":"/a/y/x","value":1e0}]`)
	f.Add(`[[1],2]`, `[{"op":"replace","path":"/0/0","value":{}},{"op":"add","path":"/0/-","value":[]}]`)
	f.Add(`"x"`, `[{"op":"remove","path":""},{"op":"add","path":"","value":{"~":1}}]`)
	f.Fuzz(func(t *testing.T, doc, text string) {
		var steps []patchOperation
		if json.Unmarshal([]byte(text), &steps) != nil || len(steps) > 8 {
			t.Skip("every copy may double the document")
		}
		got, err := applyPatch([]byte(doc), steps)
		if err != nil {
			return
		}
		if !json.Valid(got) {
			t.Fatalf("%s patched with %s is %s", doc, text, got)
		}
		same, err := applyPatch(got, []patchOperation{{Op: "test", Value: got}})
		if err != nil || !bytes.Equal(same, got) {
			t.Fatalf("%s differs from itself: %v", got, err)
		}
	})
}

func TestPatchRules(t *testing.T) {
	t.Parallel()
	rules := rulesFor(typeEndpoint)
	for path, want := range map[string]string{
		"/kvTags": anyOf, "/kvTags/a": anyOf, "/properties/azureml.git.branch": addOnly, "/properties": "", "/name": "", "": "", "/": "",
		"/versions": "", "/versions/": "", "/versions/a": "add remove", "/versions/a/isDefault": "add replace test",
		"/versions/a/tags": "", "/versions/a/kvTags": anyOf, "/versions//kvTags": "", "/versions/a/autoScaler/minReplicas": anyOf,
		"/versions/a/name": "", "/numReplicas": "", "/authEnabled": "add replace test",
	} {
		assert.Equal(t, want, rules.allow(path), path)
	}
	assert.NotEmpty(t, rulesFor(typeAKS).allow("/namespace"))
	assert.Empty(t, rulesFor(typeACI).allow("/aadAuthEnabled"))
	assert.Empty(t, rulesFor(typeACI).allow("/containerResourceRequirements/cpu"))

	bad := rules.check([]patchOperation{{Op: "replace", Path: "/versions/a/tags"}, {Op: "remove", Path: "/authEnabled"}, {Op: "replace", Path: "/description"}})
	require.Len(t, bad, 3)
	assert.Equal(t, []string{"InvalidPatchPath", "InvalidPatchOperation", "InvalidPatchValue"}, []string{bad[0].Code, bad[1].Code, bad[2].Code})
}

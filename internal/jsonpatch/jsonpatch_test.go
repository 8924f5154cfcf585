package jsonpatch

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOperationsKeepTheirOrder(t *testing.T) {
	t.Parallel()
	var p Patch
	zero, off := 0, false
	Set(&p, "/autoScaler/autoscaleEnabled", &off)
	Set(&p, "/containerResourceRequirements/gpu", &zero)
	Set(&p, "/numReplicas", (*int)(nil))
	p.Replace("/kvTags", map[string]string{"b": "2", "a": "<1>"})
	p.AddEach("/properties", map[string]string{"z": "1", "a/b~c": "2"})
	p.Replace("/cname", nil)
	p.Remove(Path("versions", "versionb"))
	got, err := json.Marshal(&p)
	require.NoError(t, err)
	// encoding/json escapes what a MarshalJSON gives when it is called from outside.
	assert.Equal(t, `[{"op":"replace","path":"/autoScaler/autoscaleEnabled","value":false},`+
		`{"op":"replace","path":"/containerResourceRequirements/gpu","value":0},`+
		`{"op":"replace","path":"/kvTags","value":{"a":"\u003c1\u003e","b":"2"}},`+
		`{"op":"add","path":"/properties/a~1b~0c","value":"2"},{"op":"add","path":"/properties/z","value":"1"},`+
		`{"op":"replace","path":"/cname","value":null},{"op":"remove","path":"/versions/versionb"}]`, string(got))
	assert.Equal(t, 7, p.Len())

	direct, err := p.MarshalJSON()
	require.NoError(t, err)
	assert.Contains(t, string(direct), `"<1>"`)
}

func TestAnEmptyPatchIsAnArray(t *testing.T) {
	t.Parallel()
	got, err := json.Marshal(new(Patch))
	require.NoError(t, err)
	assert.Equal(t, "[]", string(got))
}

func TestAppendPutsAPrefixInFront(t *testing.T) {
	t.Parallel()
	var p, other Patch
	p.Remove("/a")
	other.Replace("/isDefault", true)
	other.Remove("/b")
	p.Append(Path("versions", "v/1"), other)
	got, err := json.Marshal(&p)
	require.NoError(t, err)
	assert.JSONEq(t, `[{"op":"remove","path":"/a"},{"op":"replace","path":"/versions/v~11/isDefault","value":true},{"op":"remove","path":"/versions/v~11/b"}]`, string(got))
	before, err := json.Marshal(&other)
	require.NoError(t, err)
	assert.JSONEq(t, `[{"op":"replace","path":"/isDefault","value":true},{"op":"remove","path":"/b"}]`, string(before), "what is appended stays as it was")
}

func TestValuesThatAreNoJSON(t *testing.T) {
	t.Parallel()
	var p Patch
	p.Add("/x", func() {})
	_, err := p.MarshalJSON()
	assert.Error(t, err)
}

func FuzzPath(f *testing.F) {
	f.Add("a/b", "~")
	f.Add("", "~1")
	f.Fuzz(func(t *testing.T, a, b string) {
		parts := strings.Split(Path(a, b), "/")
		require.Len(t, parts, 3)
		unescape := strings.NewReplacer("~1", "/", "~0", "~")
		assert.Equal(t, a, unescape.Replace(parts[1]))
		assert.Equal(t, b, unescape.Replace(parts[2]))
	})
}

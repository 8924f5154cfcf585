package configfile

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
)

type inner struct {
	Count *int           `json:"count" jsonschema:"minimum=1"`
	Key   azureml.Secret `json:"key"`
}

type embedded struct {
	Enabled *bool `json:"autoscaleEnabled"`
}

type sampleFile struct {
	embedded
	Name  string            `json:"name" jsonschema:"required"`
	Share float64           `json:"share" jsonschema:"exclusiveMinimum=0,maximum=100"`
	Inner inner             `json:"inner"`
	Tags  map[string]string `json:"tags"`
	List  []string          `json:"list"`
	Raw   json.RawMessage   `json:"raw"`
}

func TestNearest(t *testing.T) {
	t.Parallel()
	keys := []string{"appInsightsEnabled", "authEnabled", "tokenAuthEnabled", "entryScript", "enableGpu", "cname"}
	for name, want := range map[string]string{
		"entryscript": "entryScript", "entry_script": "entryScript", "entry-Script": "entryScript", "entryScirpt": "entryScript",
		"enableAppInsights": "appInsightsEnabled", "enable_app_insights": "appInsightsEnabled", "authEnable": "authEnabled",
		"gpuEnabled": "enableGpu", "name": "cname", "color": "", "x": "", "": "", "description": "",
	} {
		assert.Equal(t, want, Nearest(name, keys), name)
	}
	short := []string{"name", "cpu", "port"}
	for name, want := range map[string]string{"nme": "name", "cpus": "cpu", "prt": "port", "gpu": "", "na": "", "_": "", "env": ""} {
		assert.Equal(t, want, Nearest(name, short), name)
	}
}

func TestDecode(t *testing.T) {
	t.Parallel()
	d := ParseJSON([]byte(`{"autoscaleEnabled":true,"name":"n","share":1e1,"inner":{"count":2,"key":"k"},"tags":{"a":"b"},"list":["x"],"raw":{"y":[1,null,true]}}`))
	var got sampleFile
	d.Decode(&got, Options{})
	require.NoError(t, d.Err("file"))
	on, two := true, 2
	assert.Equal(t, sampleFile{
		embedded{&on}, "n", 10, inner{&two, azureml.NewSecret("k")}, map[string]string{"a": "b"}, []string{"x"}, json.RawMessage(`{"y":[1,null,true]}`),
	}, got)
	assert.Equal(t, 1, d.Line("inner.count"))
	assert.Equal(t, 0, d.Line("none"))
}

func TestDecodeWrong(t *testing.T) {
	t.Parallel()
	d := ParseJSON([]byte("{\"share\":101,\n\"inner\":{\"count\":0},\n\"tags\":{\"a\":1,\"a\":\"b\"},\n\"list\":[null,2],\n\"autoscaleenabled\":1,\n\"far\":1,\n\"inner\":{\"key\":77}}"))
	var got sampleFile
	d.Decode(&got, Options{Tolerated: func(path string) bool { return path == "far" }})
	err := d.Err("file")
	require.ErrorIs(t, err, azureml.ErrInvalid)
	assert.Equal(t, `azureml: cannot read file: line 1: share (101) must be <= 100; line 2: inner.count (0) must be >= 1; `+
		`line 3: tags.a must be a text, not a number; line 3: key "a" is there twice, first in line 3; line 4: list[0] must not be null; `+
		`line 4: list[1] must be a text, not a number; line 5: unknown key "autoscaleenabled"; did you mean "autoscaleEnabled"?; `+
		`line 7: key "inner" is there twice, first in line 2; line 7: inner.key must be a text, not a number; name is required`, err.Error())
	var warnings []string
	d.SendWarnings("file", func(w azureml.Warning) { warnings = append(warnings, w.String()) })
	assert.Equal(t, []string{`file: line 6: unknown key "far"`}, warnings)
}

func TestSet(t *testing.T) {
	t.Parallel()
	d := ParseJSON([]byte(`{"inner":7,"name":"a"}`))
	d.Set("inner.count", 3)
	d.Set("name", nil)
	d.Set("tags.x", "y")
	assert.JSONEq(t, `{"inner":{"count":3},"name":null,"tags":{"x":"y"}}`, string(d.Root.JSON()))
	assert.Nil(t, d.Root.Get("name"))
}

// FuzzParseJSON: what encoding/json takes we take, and read the same out of it; what it
// refuses we refuse. Keys that are there twice are left to [Document.Decode].
func FuzzParseJSON(f *testing.F) {
	for _, text := range []string{`{}`, `{"a":[1,-2.5e3,"\u00fc\n",{"b":null}],"c":true}`, "{\"a\":1,}", "{// x\n}", `{"a":}`, `{"a":1 "b":2}`, "[", `{"a":"\q"}`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d := ParseJSON([]byte(text))
		var want map[string]any
		good := json.Unmarshal([]byte(text), &want) == nil && want != nil && utf8.ValidString(text)
		var got sampleFile
		if !good {
			if text != "" && text[0] != '\xef' {
				require.Error(t, d.Err("file"), "%q", text)
			}
			return
		}
		if d.Err("file") != nil {
			// Too deep, or not an object.
			require.ErrorContains(t, d.Err("file"), "nested")
			return
		}
		again, err := json.Marshal(want)
		require.NoError(t, err)
		var ours any
		if json.Unmarshal(d.Root.JSON(), &ours) == nil {
			have, err := json.Marshal(ours)
			require.NoError(t, err)
			require.Equal(t, string(again), string(have))
		}
		d.Decode(&got, Options{})
	})
}

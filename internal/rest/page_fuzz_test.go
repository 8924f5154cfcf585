package rest

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// kept is an item that keeps its text.
type kept struct {
	Name string `json:"name"`
	text string
}

func (k *kept) KeepJSON(text []byte, _ error) { k.text = string(text) }

// FuzzPage: what is read in one go is what is read item by item.
func FuzzPage(f *testing.F) {
	for _, seed := range []string{
		`{"value":[{"name":"a"},{"name":"b"}],"nextLink":"https://x/y?z"}`,
		" {\n \"Value\" : [ {\"name\" : \"\\\"]}\" } ,\tnull, {\"x\":[1,[2],{\"y\":\"\\\\\"}]} ] , \"continuationToken\":\"t\", \"n\": 1 }\r\n",
		`{"value":[],"count":-1e5,"a":true,"b":[],"c":{}}`,
		`{"value":[{}],"VALUE":[{}]}`, `{"\u0076alue":[{"name":"a"}]}`, `{"value":{"a":1}}`, `{"value":[{"name":1}]}`,
		`{"value":null}`, `{}`, `null`, `[]`, `{"value":[{}]`, `{"a":"\\","value":[{}],"nextLink":5}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var quick, careful pageOf[kept]
		if !quick.readWhole(data) {
			return
		}
		require.True(t, json.Valid(data))
		require.NoError(t, careful.readByItem(data))
		assert.Equal(t, careful.Page, quick.Page)
		assert.Equal(t, len(careful.items), len(quick.items))
		for i := range careful.items {
			assert.Equal(t, careful.items[i], quick.items[i])
		}
	})
}

// TestPageIsReadInOneGo: the quick way is taken for what services send, and left for
// what it cannot read.
func TestPageIsReadInOneGo(t *testing.T) {
	t.Parallel()
	for text, quick := range map[string]bool{
		`{"value":[{"name":"a","x":[{"y":"\"}"}]},{"name":"b"}],"nextLink":"n"}`: true,
		`{"value":[{"name":"a"},{"name":"b"}],"nextLink":null}`:                  true,
		`{"nextLink":"n", "value":[ {"name":"a"} , {"name":"b"} ]}`:              true,
		`{"value":[{"name":"a"},{"name":5},{"name":"b"}]}`:                       false,
		`{"value":[{"name":"a"},{"name":"b"}],"nextLink":5}`:                     false,
		`{"value":[{"name":"a"}],"Value":[{"name":"b"}]}`:                        false,
	} {
		var p pageOf[kept]
		assert.Equal(t, quick, p.readWhole([]byte(text)), text)
		var page pageOf[kept]
		require.NoError(t, page.unmarshalText([]byte(text)), text)
		assert.Equal(t, "a", page.items[0].Name)
		assert.Equal(t, "b", page.items[len(page.items)-1].Name)
		assert.JSONEq(t, `{"name":"b"}`, page.items[len(page.items)-1].text)
	}
}

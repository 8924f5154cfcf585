package webservice

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml/internal/rest"
)

// seeds adds all answers of the recordings to f.
func seeds(f *testing.F) {
	f.Helper()
	files, err := filepath.Glob("testdata/recordings/*.json")
	require.NoError(f, err)
	require.NotEmpty(f, files)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(f, err)
		var recording struct {
			Exchanges []struct {
				Response struct {
					JSON json.RawMessage `json:"json"`
				} `json:"response"`
			} `json:"exchanges"`
		}
		require.NoError(f, json.Unmarshal(data, &recording))
		for _, exchange := range recording.Exchanges {
			f.Add([]byte(exchange.Response.JSON))
		}
	}
}

// FuzzService: a JSON object is always a service of some kind, anything else an error,
// and what was read can be shown and written.
func FuzzService(f *testing.F) {
	seeds(f)
	f.Add([]byte(`{"computeType":"AKSENDPOINT","versions":{"a":null,"b":{"name":5}},"scoringUri":"/","createdTime":"2024-01-01T00:00:00"}`))
	f.Add([]byte(`{"computeType":"AKS","NAME":5,"autoScaler":{"minReplicas":1e99},"models":[{"id":1}]}`))
	f.Add([]byte(`{"ComputeTYpe":"ACI","CREATEDTIME":"0"}`))
	f.Add([]byte(`{"computeType":"ACI","sslKey":"planted-private-key"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		svc, err := decode(nil, data)
		var object map[string]json.RawMessage
		isObject := json.Unmarshal(data, &object) == nil && object != nil
		if err != nil {
			if isObject {
				assert.ErrorContains(t, err, "too many members")
			}
			return
		}
		_ = svc.Common().String()
		encoded, err := json.Marshal(svc)
		require.NoError(t, err)
		again, err := decode(nil, encoded)
		require.NoError(t, err, "what is written can be read")
		assert.IsType(t, svc, again)
		assert.Equal(t, svc.Common().Tags, again.Common().Tags)
		assert.Equal(t, svc.Common().CreatedTime, again.Common().CreatedTime)
		if endpoint, ok := svc.(*AksEndpoint); ok {
			for name, version := range endpoint.Versions {
				require.NotNil(t, version, name)
			}
		}
		names := propertyOrder(svc.Common().raw)
		for name := range svc.Common().Properties {
			assert.Contains(t, names, name)
		}
	})
}

// FuzzWire: reading in one go and reading member by member give the same.
func FuzzWire(f *testing.F) {
	seeds(f)
	f.Add([]byte(`{"computeType":"ACI","sslKey":null,"kvTags":{"a":1},"properties":{},"models":[{"id":"m:1"},{"id":"m:1"}]}`))
	f.Add([]byte(`{"computeType":"AKS","kvTags":{"a":"b"},"environmentImageRequest":{"modelIds":["m:1"],"environment":{"name":"e"}},"createdTime":"0"}`))
	f.Add([]byte(`{"computeType":"AKS","numReplicas":"two","versions":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var wire wireService
		if rest.Unmarshal(bytes.Clone(data), &wire) != nil {
			return
		}
		quick, quickErr := wire.service(nil)
		slow, slowErr := decode(nil, bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")))
		require.Equal(t, slowErr == nil, quickErr == nil, "%v %v", slowErr, quickErr)
		if slowErr != nil {
			return
		}
		require.IsType(t, slow, quick)
		want, err := json.Marshal(slow)
		require.NoError(t, err)
		got, err := json.Marshal(quick)
		require.NoError(t, err)
		assert.Equal(t, string(want), string(got))
		assert.NotContains(t, string(quick.Common().RawJSON()), `"sslKey":"`)
	})
}

// FuzzRefusal: the answer to a precheck never fails, and refuses only with an error in it.
func FuzzRefusal(f *testing.F) {
	seeds(f)
	f.Add([]byte(`{"error":null}`))
	f.Add([]byte(`{"error":"text"}`))
	f.Add([]byte(`{"error":{"message":"no"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		err := refusal("update", "s", &http.Response{Header: http.Header{}}, data)
		if err != nil {
			assert.Contains(t, strings.ToLower(string(data)), "error")
			assert.NotEmpty(t, err.Error())
		}
	})
}

// FuzzAnswer: an answer is read or refused, whatever it is.
func FuzzAnswer(f *testing.F) {
	seeds(f)
	f.Add([]byte(`"{\"a\":1}"`))
	f.Add([]byte(`"\"nested\""`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var whatever any
		var text string
		var raw json.RawMessage
		var object struct {
			A *int `json:"a"`
		}
		for _, out := range []any{&whatever, &raw} {
			if decodeAnswer(data, out) == nil {
				assert.True(t, json.Valid(data))
			}
		}
		if decodeAnswer(data, &text) == nil {
			assert.True(t, json.Valid(data))
		}
		if len(raw) > 0 {
			assert.True(t, json.Valid(raw))
		}
		_ = decodeAnswer(data, &object)
	})
}

// FuzzNewLines: following two looks at a growing log loses and repeats nothing.
func FuzzNewLines(f *testing.F) {
	f.Add("1\n2\n3\n", "4\n5\n", uint8(1))
	f.Add("", "1\n", uint8(0))
	f.Add("a\n\na\n", "a\nb", uint8(2))
	f.Fuzz(func(t *testing.T, before, grown string, lost uint8) {
		seen := wholeLines(before)
		all := append([]string{}, wholeLines(strings.Join(seen, "")+grown)...)
		assert.Equal(t, all[len(seen):], append([]string{}, newLines(seen, all)...), "nothing was lost in front")
		cut := min(int(lost), len(seen))
		got := newLines(seen, all[cut:])
		assert.LessOrEqual(t, len(got), len(all)-cut)
		assert.Equal(t, all[len(all)-len(got):], append([]string{}, got...), "always an end of what is there")
	})
}

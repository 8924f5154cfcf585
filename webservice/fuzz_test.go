package webservice

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml/internal/rest"
	"github.com/azureml-go/azureml/internal/validate"
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
		seen, _ := wholeLines(before)
		lines, rest := wholeLines(strings.Join(seen, "") + grown)
		assert.Equal(t, strings.Join(seen, "")+grown, strings.Join(lines, "")+rest)
		all := append([]string{}, lines...)
		assert.Equal(t, all[len(seen):], append([]string{}, newLines(seen, all)...), "nothing was lost in front")
		cut := min(int(lost), len(seen))
		got := newLines(seen, all[cut:])
		assert.LessOrEqual(t, len(got), len(all)-cut)
		assert.Equal(t, all[len(all)-len(got):], append([]string{}, got...), "always an end of what is there")
	})
}

// FuzzRotationState: what was saved of a rotation is taken as it was, or refused.
func FuzzRotationState(f *testing.F) {
	f.Add([]byte(`{"v":1,"workspace":"w","service":"s","next":"verify-secondary","salt":"00000000000000000000000000000000","secondary":"01020304"}`))
	f.Add([]byte(`{"v":1,"workspace":"w","service":"s","next":"regenerate-secondary","salt":"00000000000000000000000000000000","before":"01020304"}`))
	f.Add([]byte(`{"v":9}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var check validate.Checker
		state := readRotationState(&check, data, "w", "s")
		if !check.OK() {
			return
		}
		require.NotNil(t, state)
		assert.Contains(t, PossibleRotationStepValues(), state.Next)
		encoded, err := json.Marshal(state)
		require.NoError(t, err)
		again := readRotationState(&check, encoded, "w", "s")
		require.True(t, check.OK())
		assert.Equal(t, state, again)
	})
}

// FuzzSwagger: a JSON object is always a description, anything else an error, and all
// parts of it are JSON.
func FuzzSwagger(f *testing.F) {
	seeds(f)
	f.Add([]byte(`{"paths":{"/score":{"post":{"parameters":[{"in":"body","schema":{"$ref":"#/definitions/A"}}]}}},"definitions":{"A":{"$ref":"#/definitions/A"}}}`))
	f.Add([]byte(`{"openapi":"3.0.0","paths":{"/score":{"post":{"requestBody":{"content":{"application/json":{"schema":{"example":1}}}},"responses":{"200":{"$ref":"#/x"}}}}},"x":{"content":null}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := parseSwagger(data)
		var whatever any
		isJSON := json.Unmarshal(data, &whatever) == nil
		if _, isObject := whatever.(map[string]any); !isJSON || !isObject {
			require.Error(t, err)
			return
		}
		require.NoError(t, err)
		for _, part := range []json.RawMessage{s.Raw, s.Input, s.Output, s.SampleInput, s.SampleOutput} {
			assert.True(t, len(part) == 0 || json.Valid(part))
		}
		if s.ScorePath != "" {
			assert.Contains(t, s.Paths[s.ScorePath], http.MethodPost)
		}
		_, err = json.Marshal(s)
		require.NoError(t, err)
	})
}

// FuzzKeys: an answer is keys or none, and showing them shows nothing of them.
func FuzzKeys(f *testing.F) {
	seeds(f)
	f.Add([]byte(`{"primaryKey":"FAKEPRIMARYKEY","secondaryKey":null}`))
	f.Add([]byte(`{"primaryKey":5}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var wire listedKeys
		if rest.Unmarshal(data, &wire) != nil {
			return
		}
		keys := wire.keys()
		require.Equal(t, wire.Primary == "" && wire.Secondary == "", keys == nil)
		if keys == nil {
			return
		}
		assert.Equal(t, wire, listedKeys{keys.Primary.Reveal(), keys.Secondary.Reveal()})
		encoded, err := json.Marshal(keys)
		require.NoError(t, err)
		hidden(t, wire.Primary+wire.Secondary, string(encoded), fmt.Sprintf("%v %+v %#v", keys, keys, *keys))
	})
}

// FuzzToken: as FuzzKeys, and times are in UTC and can be written.
func FuzzToken(f *testing.F) {
	seeds(f)
	f.Add([]byte(`{"accessToken":"eyJFAKE.eyJFAKE.FAKE","tokenType":"Bearer","refreshAfter":1700000000,"expiryOn":1700043200}`))
	f.Add([]byte(`{"accessToken":"a","refreshAfter":-1,"expiryOn":9223372036854775807}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var wire issuedToken
		if rest.Unmarshal(data, &wire) != nil {
			return
		}
		token := wire.token()
		require.Equal(t, wire.Token == "", token == nil)
		if token == nil {
			return
		}
		for _, at := range []time.Time{token.RefreshAfter, token.ExpiresOn} {
			assert.Equal(t, time.UTC, at.Location())
		}
		encoded, err := json.Marshal(token)
		require.NoError(t, err)
		hidden(t, wire.Token, string(encoded), fmt.Sprintf("%v %+v %#v", token, token, *token))
	})
}

// hidden asserts that a secret is not in the texts, where it is long enough to be one.
func hidden(t *testing.T, secret string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if len(secret) > 12 {
			assert.NotContains(t, text, secret)
		}
	}
}

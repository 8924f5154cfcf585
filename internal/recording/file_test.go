package recording

import (
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// valid is a recording that uses every member.
const valid = `{
  "source": "contract webservice §3.4",
  "title": "everything",
  "exchanges": [
    {"request": {"method": "POST", "url": "https://h/a/<uuid:1>?x=1", "headers": {"Content-Type": "application/json"}, "json": {"a": null}},
     "response": {"status": 200, "headers": {"Location": "https://h/<uuid:1>"}, "json": {"id": "<uuid:1>"}}},
    {"request": {"method": "POST", "url": "https://h/b", "text": "a=b"}, "response": {"fault": "reset"}, "unordered": "g"},
    {"request": {"method": "PUT", "url": "https://h/c?sig=x", "bytes": {"length": 1, "sha256": "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"}},
     "response": {"status": 201, "base64": "eA=="}, "unordered": "g"},
    {"request": {"method": "GET", "url": "https://h/d"}, "response": {"status": 404, "text": "<html>"}}
  ]
}`

func TestParseAndEncode(t *testing.T) {
	t.Parallel()
	r, err := Parse([]byte(valid))
	require.NoError(t, err)
	data, err := r.Encode()
	require.NoError(t, err)
	assert.Contains(t, string(data), "<uuid:1>", "masks stay readable")
	again, err := Parse(data)
	require.NoError(t, err)
	twice, err := again.Encode()
	require.NoError(t, err)
	assert.Equal(t, string(data), string(twice))
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]struct{ old, new, want string }{
		"no JSON":               {valid, `{`, "unexpected EOF"},
		"two values":            {valid, valid + valid, "something follows"},
		"unknown member":        {`"title"`, `"titel"`, `unknown field "titel"`},
		"unknown inner member":  {`"status": 404`, `"status": 404, "sleep": 1`, `unknown field "sleep"`},
		"no source":             {`"source": "contract webservice §3.4",`, ``, `source ""`},
		"odd source":            {`contract webservice §3.4`, `my head`, `source "my head"`},
		"odd contract":          {`contract webservice §3.4`, `contract webservices §3`, `source "contract`},
		"no title":              {`"title": "everything"`, `"title": ""`, "title is missing"},
		"method":                {`"GET"`, `"get"`, `exchange 4: method "get"`},
		"relative url":          {`https://h/d`, `/d`, "absolute"},
		"unknown mask":          {`https://h/d`, `https://h/<id>`, "mask that is not known"},
		"two bodies":            {`"text": "a=b"`, `"text": "a=b", "json": 1`, "exchange 2: the request has more than one body"},
		"digest":                {`2d711642`, `2D711642`, "sha256 of 64"},
		"two answers":           {`"fault": "reset"`, `"fault": "reset", "status": 200`, "a fault and something else"},
		"unknown fault":         {`"fault": "reset"`, `"fault": "boom"`, `fault "boom"`},
		"no status":             {`"status": 404`, `"status": 0`, "status 0"},
		"base64":                {`eA==`, `e`, "base64 body"},
		"authorization on sas":  {`"https://h/c?sig=x"`, `"https://h/c?sig=x", "headers": {"authorization": "Bearer x"}`, "must not get an Authorization"},
		"header twice":          {`"Content-Type": "application/json"`, `"Content-Type": "a", "content-type": "b"`, "there twice"},
		"nameless mask, answer": {`{"id": "<uuid:1>"}`, `{"id": "<uuid>"}`, "only masks with a name"},
		"mask not yet known":    {`"text": "<html>"`, `"text": "<uuid:2>"`, "exchange 4: the answer holds <uuid:2>"},
		"group of one":          {`"base64": "eA=="}, "unordered": "g"`, `"base64": "eA=="}`, "has no other member"},
		"group reopened":        {`"text": "<html>"}`, `"text": "<html>"}, "unordered": "h"}, {"request": {"method": "GET", "url": "https://h/e"}, "response": {"status": 200}, "unordered": "g"`, "was closed before"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, valid, in.old)
			_, err := Parse([]byte(strings.Replace(valid, in.old, in.new, 1)))
			assert.ErrorContains(t, err, in.want)
		})
	}
	t.Run("all at once", func(t *testing.T) {
		t.Parallel()
		_, err := Parse([]byte(`{}`))
		for _, part := range []string{"source", "title", "exchanges"} {
			assert.ErrorContains(t, err, part)
		}
	})
}

// All recordings of the module load and hold no secret.
func TestRecordingsOfTheModule(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	require.FileExists(t, filepath.Join(root, "go.mod"))
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Base(filepath.Dir(path)) != "recordings" || filepath.Ext(path) != ".json" {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		_, err = Parse(data)
		assert.NoError(t, err, path)
		assert.Empty(t, realSecrets(string(data)), path)
		return nil
	})
	require.NoError(t, err)
}

// realSecrets lists what grants something: private keys, and web tokens that are signed.
// Made-up tokens, which a client has to be able to read, say that they are not ("alg":"none").
func realSecrets(file string) []string {
	found := regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----`).FindAllString(file, -1)
	for _, token := range regexp.MustCompile(`\b(eyJ[A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+\.`).FindAllStringSubmatch(file, -1) {
		var header struct{ Alg string }
		decoded, err := base64.RawURLEncoding.DecodeString(token[1])
		if err != nil || json.Unmarshal(decoded, &header) != nil || header.Alg != "none" {
			found = append(found, "a signed token: "+token[1])
		}
	}
	return found
}

func TestRealSecrets(t *testing.T) {
	t.Parallel()
	encode := base64.RawURLEncoding.EncodeToString
	claims := encode([]byte(`{"aud":"x"}`))
	assert.Empty(t, realSecrets(encode([]byte(`{"alg":"none"}`))+"."+claims+". "+encode([]byte(`{"uid":"x"}`))))
	for _, text := range []string{
		encode([]byte(`{"alg":"RS256"}`)) + "." + claims + ".c2ln", encode([]byte(`{"typ":"JWT"}`)) + "." + claims + ".", "eyJh." + claims + ".x",
		"-----BEGIN RSA PRIVATE KEY-----",
	} {
		assert.Len(t, realSecrets(text), 1, text)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(valid))
	for _, text := range []string{`{}`, `null`, `{"exchanges":[{}]}`, strings.Replace(valid, `"json": {"a": null}`, `"json": null`, 1), strings.Replace(valid, `<uuid:1>?`, `%zz?`, 1)} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Parse(data)
		if err != nil {
			return
		}
		encoded, err := r.Encode()
		require.NoError(t, err)
		again, err := Parse(encoded)
		require.NoError(t, err, string(encoded))
		twice, err := again.Encode()
		require.NoError(t, err)
		require.Equal(t, string(encoded), string(twice))
	})
}

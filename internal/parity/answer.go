package parity

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"

	"github.com/azureml-go/azureml/internal/recording/wire"
)

// defaults stand for masks of which no request has said what they are.
var defaults = map[string]string{
	"uuid": "0a0b0c0d-0000-4000-8000-000000000000", "uuid8": "0a0b0c0d", "timestamp": "2024-06-10T06:13:20Z",
	"tmpname": "tmp0a0b0c0d", "any": "any",
}

// filler replaces the masks of an answer: by what they stood for in the request, else by
// what stood in the place of the whole text before, else by the latest of their kind.
func (s *Stage) filler(request []wire.Bound) func(string) string {
	latest := func(bound []wire.Bound) map[string]string {
		values := map[string]string{}
		for _, b := range bound {
			values[b.Kind] = b.Value
		}
		return values
	}
	here, before, pairs := latest(request), latest(s.matcher.Bound), maps.Clone(s.matcher.Pairs)
	return func(text string) string {
		masks := wire.Masks(text)
		known := true
		for _, mask := range masks {
			if _, ok := here[mask.Kind]; !ok {
				known = false
			}
		}
		if whole, ok := pairs[text]; ok && !known {
			return whole
		}
		return wire.Fill(text, func(mask wire.Mask) (string, bool) {
			if mask.Kind == "jwt" {
				return webToken(mask.Audience), true
			}
			for _, values := range []map[string]string{here, before, defaults} {
				if value, ok := values[mask.Kind]; ok {
					return value, true
				}
			}
			return "", false
		})
	}
}

// respond builds an HTTP answer.
func respond(r *Response, request *http.Request, fill func(string) string) (*http.Response, error) {
	body, err := r.Body()
	switch {
	case err != nil:
		return nil, err
	case len(r.JSON) > 0:
		body, err = fillJSON(body, fill)
		if err != nil {
			return nil, err
		}
	case r.Bytes != nil:
		body = bytes.Repeat([]byte{0}, int(r.Bytes.Length))
	case r.Base64 == nil:
		body = []byte(fill(string(body)))
	}
	filled := r.Response
	filled.Headers = map[string]string{}
	for name, value := range r.Headers {
		filled.Headers[name] = fill(value)
	}
	return filled.HTTP(request, body), nil
}

// fillJSON fills the texts of a JSON document and leaves everything else as it is: the
// order of an object's members can matter.
func fillJSON(body []byte, fill func(string) string) ([]byte, error) {
	var out bytes.Buffer
	for len(body) > 0 {
		start := bytes.IndexByte(body, '"')
		if start < 0 {
			break
		}
		out.Write(body[:start])
		body = body[start:]
		end := 1
		for end < len(body) && body[end] != '"' {
			if body[end] == '\\' {
				end++
			}
			end++
		}
		var text string
		if end >= len(body) {
			return nil, errors.New("parity: the golden's answer: a text without an end")
		}
		if err := json.Unmarshal(body[:end+1], &text); err != nil {
			return nil, fmt.Errorf("parity: the golden's answer: %w", err)
		}
		filled, err := json.Marshal(fill(text))
		if err != nil {
			return nil, err
		}
		out.Write(filled)
		body = body[end+1:]
	}
	out.Write(body)
	return out.Bytes(), nil
}

// webToken is an unsigned web token for an audience.
func webToken(audience string) string {
	part := func(claims map[string]any) string {
		data, err := json.Marshal(claims)
		if err != nil {
			panic(err) // maps of strings and numbers always encode
		}
		return base64.RawURLEncoding.EncodeToString(data)
	}
	claims := map[string]any{"aud": audience, "tid": TenantID, "appid": ClientID, "oid": "0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e", "exp": 4102444800}
	return part(map[string]any{"alg": "none", "typ": "JWT"}) + "." + part(claims) + ".c2ln"
}

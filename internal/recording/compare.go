package recording

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/azureml-go/azureml/internal/recording/wire"
)

// requestMatcher compares whole requests.
type requestMatcher struct{ *wire.Matcher }

// request lists how a request differs from the recorded one.
func (m requestMatcher) request(want *wire.Request, got *wire.Got) []string {
	var findings []string
	if want.Method != got.Method {
		findings = append(findings, fmt.Sprintf("method: want %s, got %s", want.Method, got.Method))
	}
	findings = append(findings, m.URL(want.URL, got.URL)...)
	findings = append(findings, m.headers(want, got)...)
	return append(findings, m.body(want, got.Body)...)
}

func (m requestMatcher) headers(want *wire.Request, got *wire.Got) []string {
	var findings []string
	for _, name := range slices.Sorted(maps.Keys(want.Headers)) {
		values := got.Header.Values(name)
		if len(values) == 1 && m.String(want.Headers[name], values[0]) {
			continue
		}
		if strings.EqualFold(name, "Authorization") {
			findings = append(findings, "header Authorization: want "+want.Headers[name]+", got "+showAuthorization(values))
			continue
		}
		findings = append(findings, fmt.Sprintf("header %s: want %q, got %q", name, want.Headers[name], values))
	}
	if _, recorded := want.Header("Authorization"); !recorded && got.Header.Get("Authorization") != "" {
		findings = append(findings, "header Authorization: not expected, got "+showAuthorization(got.Header.Values("Authorization")))
	}
	return findings
}

// showAuthorization never shows a real credential: only the fake tokens of this package.
func showAuthorization(values []string) string {
	if len(values) == 0 {
		return "none"
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !strings.HasPrefix(token, "aud=") {
		token = "…"
	}
	return scheme + " " + token
}

func (m requestMatcher) body(want *wire.Request, got []byte) []string {
	switch {
	case len(want.JSON) > 0:
		return m.jsonBody(want.JSON, got)
	case want.Text != nil:
		if !m.String(*want.Text, string(got)) {
			return []string{fmt.Sprintf("body: want %q, got %q", clip(*want.Text), clip(string(got)))}
		}
	case want.Bytes != nil:
		if digest := wire.DigestOf(got); digest != *want.Bytes {
			return []string{fmt.Sprintf("body: want %d bytes with sha256 %s, got %d with %s", want.Bytes.Length, want.Bytes.SHA256, digest.Length, digest.SHA256)}
		}
	default:
		if len(got) > 0 {
			return []string{fmt.Sprintf("body: want none, got %q", clip(string(got)))}
		}
	}
	return nil
}

func (m requestMatcher) jsonBody(recorded json.RawMessage, sent []byte) []string {
	want, err := wire.DecodeJSON(recorded)
	if err != nil {
		return []string{"recorded json: " + err.Error()}
	}
	got, err := wire.DecodeJSON(sent)
	if err != nil {
		return []string{fmt.Sprintf("body: want JSON, got %q (%v)", clip(string(sent)), err)}
	}
	return m.JSON(want, got)
}

// clipLimit keeps reports of bodies to a few lines.
const clipLimit = 400

func clip(text string) string {
	if len(text) > clipLimit {
		return text[:clipLimit] + "…"
	}
	return text
}

// quote escapes a text for the inside of a JSON string.
func quote(text string) string {
	data, err := json.Marshal(text)
	if err != nil {
		return text
	}
	return string(data[1 : len(data)-1])
}

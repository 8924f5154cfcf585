package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Matcher compares what was recorded with what was sent and remembers the values of the
// masks. The zero value is ready; it is not safe for concurrent use.
type Matcher struct {
	// ByValue takes 1 and 1.0 for the same number; else numbers must be spelt alike.
	ByValue bool
	// Bound are the values of all masks met so far, in order.
	Bound []Bound
	// Pairs maps each recorded string with masks to what stood in its place last.
	Pairs map[string]string

	named map[string]string
}

// Clone returns a copy, to try a comparison that may not hold.
func (m *Matcher) Clone() *Matcher {
	return &Matcher{ByValue: m.ByValue, Bound: slices.Clone(m.Bound), Pairs: maps.Clone(m.Pairs), named: maps.Clone(m.named)}
}

// Named returns the value that a named mask got.
func (m *Matcher) Named(mask Mask) (string, bool) {
	value, ok := m.named[mask.Named()]
	return value, ok && mask.Name != ""
}

// String compares one text.
func (m *Matcher) String(want, got string) bool {
	bound, ok := Match(want, got, m.named)
	if !ok {
		return false
	}
	for _, b := range bound {
		if name := b.Named(); name != "" {
			if m.named == nil {
				m.named = map[string]string{}
			}
			m.named[name] = b.Value
		}
	}
	if len(bound) > 0 {
		if m.Pairs == nil {
			m.Pairs = map[string]string{}
		}
		m.Pairs[want] = got
		m.Bound = append(m.Bound, bound...)
	}
	return true
}

// URL compares two addresses: everything before the query as spelt, the query as a set
// of decoded values. A plus sign is a plus sign and no blank.
func (m *Matcher) URL(want, got string) []string {
	var findings []string
	wantBase, wantQuery, _ := strings.Cut(want, "?")
	gotBase, gotQuery, _ := strings.Cut(got, "?")
	if !m.String(wantBase, gotBase) {
		findings = append(findings, fmt.Sprintf("url: want %s, got %s", wantBase, gotBase))
	}
	wants, gots := Query(wantQuery), Query(gotQuery)
	for _, key := range slices.Sorted(maps.Keys(wants)) {
		if len(gots[key]) != len(wants[key]) {
			findings = append(findings, fmt.Sprintf("query %s: want %q, got %q", key, wants[key], gots[key]))
			continue
		}
		for i, value := range wants[key] {
			if !m.String(value, gots[key][i]) {
				findings = append(findings, fmt.Sprintf("query %s: want %q, got %q", key, value, gots[key][i]))
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(gots)) {
		if _, ok := wants[key]; !ok {
			findings = append(findings, fmt.Sprintf("query %s: not expected, got %q", key, gots[key]))
		}
	}
	return findings
}

// Query takes a raw query apart; values of one key keep their order.
func Query(raw string) map[string][]string {
	values := map[string][]string{}
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		key, value, _ := strings.Cut(part, "=")
		key, value = unescape(key), unescape(value)
		values[key] = append(values[key], value)
	}
	return values
}

func unescape(text string) string {
	if plain, err := url.PathUnescape(text); err == nil {
		return plain
	}
	return text
}

// DecodeJSON decodes one JSON value and nothing after it; numbers keep their spelling.
func DecodeJSON(data []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON value")
	}
	return value, nil
}

// JSON compares two values of DecodeJSON. Null and absent are different; the findings
// name the place like $.properties.models[0].
func (m *Matcher) JSON(want, got any) []string { return m.json("$", want, got) }

func (m *Matcher) json(path string, want, got any) []string {
	switch want := want.(type) {
	case map[string]any:
		if got, ok := got.(map[string]any); ok {
			return m.object(path, want, got)
		}
	case []any:
		if got, ok := got.([]any); ok {
			return m.array(path, want, got)
		}
	case json.Number:
		if got, ok := got.(json.Number); ok && m.sameNumber(want, got) {
			return nil
		}
	case string:
		if want == "<any>" {
			return nil
		}
		if got, ok := got.(string); ok && m.String(want, got) {
			return nil
		}
	default:
		if want == got {
			return nil
		}
	}
	return []string{fmt.Sprintf("%s: want %s, got %s", path, show(want), show(got))}
}

func (m *Matcher) object(path string, want, got map[string]any) []string {
	var findings []string
	for _, key := range slices.Sorted(maps.Keys(want)) {
		place := join(path, key)
		if value, ok := got[key]; ok {
			findings = append(findings, m.json(place, want[key], value)...)
		} else {
			findings = append(findings, fmt.Sprintf("%s: want %s, but it is absent", place, show(want[key])))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[key]; !ok {
			findings = append(findings, fmt.Sprintf("%s: not expected, got %s", join(path, key), show(got[key])))
		}
	}
	return findings
}

func (m *Matcher) array(path string, want, got []any) []string {
	if len(want) != len(got) {
		return []string{fmt.Sprintf("%s: want %d elements %s, got %d %s", path, len(want), show(want), len(got), show(got))}
	}
	var findings []string
	for i := range want {
		findings = append(findings, m.json(fmt.Sprintf("%s[%d]", path, i), want[i], got[i])...)
	}
	return findings
}

func (m *Matcher) sameNumber(want, got json.Number) bool {
	if want == got {
		return true
	}
	if !m.ByValue {
		return false
	}
	a, errA := strconv.ParseFloat(want.String(), 64)
	b, errB := strconv.ParseFloat(got.String(), 64)
	return errA == nil && errB == nil && a == b
}

func join(path, key string) string {
	if key != "" && strings.Trim(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == "" {
		return path + "." + key
	}
	return path + "[" + strconv.Quote(key) + "]"
}

// showLimit keeps findings readable when whole documents differ.
const showLimit = 160

func show(value any) string {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return fmt.Sprint(value)
	}
	text := strings.TrimSpace(out.String())
	if len(text) > showLimit {
		return strings.ToValidUTF8(text[:showLimit], "") + "…"
	}
	return text
}

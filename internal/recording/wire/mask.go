package wire

import (
	"regexp"
	"strings"
)

// Mask is a placeholder in a recorded text for a part that differs from run to run:
//
//	<uuid>       a UUID with dashes
//	<uuid8>      8 hexadecimal digits
//	<timestamp>  240610T061320, RFC 3339, or the date format of HTTP
//	<tmpname>    a temporary file's name without its extension
//	<jwt>        a web token; <jwt aud=X> says for whom
//	<any>        anything; as a whole JSON string also null, numbers, objects
//
// A mask may have a name, <uuid:1>: all masks of that kind and name stand for the same
// value, and an answer may use it.
type Mask struct {
	Kind string
	Name string
	// Audience is X in <jwt aud=X>.
	Audience string
}

// Named is the key of a named mask, "uuid:1"; empty if it has no name.
func (m Mask) Named() string {
	if m.Name == "" {
		return ""
	}
	return m.Kind + ":" + m.Name
}

// Bound is a mask with the value it stood for.
type Bound struct {
	Mask
	Value string
}

var maskSyntax = regexp.MustCompile(`<(uuid8|uuid|timestamp|tmpname|any|jwt(?: aud=[^<>]*)?)(?::([A-Za-z0-9_-]+))?>`)

var maskValues = map[string]string{
	"uuid":      `[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}`,
	"uuid8":     `[0-9a-f]{8}`,
	"timestamp": `(?:\d{6}T\d{6}|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?|[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT)`,
	"tmpname":   `[A-Za-z0-9_-]+`,
	"any":       `(?s:.*?)`,
	"jwt":       `[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*`,
}

func maskOf(groups []string) Mask {
	kind, audience, _ := strings.Cut(groups[1], " aud=")
	return Mask{Kind: kind, Name: groups[2], Audience: audience}
}

// Masks lists the masks of a text in order.
func Masks(text string) []Mask {
	var masks []Mask
	for _, groups := range maskSyntax.FindAllStringSubmatch(text, -1) {
		masks = append(masks, maskOf(groups))
	}
	return masks
}

// Fill replaces the masks for which value knows something.
func Fill(text string, value func(Mask) (string, bool)) string {
	return maskSyntax.ReplaceAllStringFunc(text, func(found string) string {
		if v, ok := value(maskOf(maskSyntax.FindStringSubmatch(found))); ok {
			return v
		}
		return found
	})
}

// Match compares a text with a pattern, a text with masks. Named masks that known holds
// stand for that value. It returns the values of all masks, in order.
func Match(pattern, text string, known map[string]string) ([]Bound, bool) {
	masks := Masks(pattern)
	if len(masks) == 0 {
		return nil, pattern == text
	}
	expression, err := regexp.Compile(expressionOf(pattern, known))
	if err != nil {
		return nil, false
	}
	groups := expression.FindStringSubmatch(text)
	if groups == nil {
		return nil, false
	}
	var bound []Bound
	seen := map[string]string{}
	for i, mask := range masks {
		value := groups[i+1]
		if name := mask.Named(); name != "" {
			if first, ok := seen[name]; ok && first != value {
				return nil, false
			}
			seen[name] = value
		}
		bound = append(bound, Bound{Mask: mask, Value: value})
	}
	return bound, true
}

// expressionOf turns a pattern into a regular expression with one group per mask.
func expressionOf(pattern string, known map[string]string) string {
	var out strings.Builder
	out.WriteString(`\A`)
	rest := pattern
	for {
		at := maskSyntax.FindStringSubmatchIndex(rest)
		if at == nil {
			break
		}
		mask := maskOf(maskSyntax.FindStringSubmatch(rest))
		out.WriteString(regexp.QuoteMeta(rest[:at[0]]))
		value := maskValues[mask.Kind]
		if v, ok := known[mask.Named()]; ok && mask.Name != "" {
			value = regexp.QuoteMeta(v)
		}
		out.WriteString("(" + value + ")")
		rest = rest[at[1]:]
	}
	out.WriteString(regexp.QuoteMeta(rest) + `\z`)
	return out.String()
}

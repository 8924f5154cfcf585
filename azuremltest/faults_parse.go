package azuremltest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// LoadFaults reads a file that [ParseFaults] understands.
func LoadFaults(file string) ([]Fault, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("azuremltest: cannot read the faults: %w", err)
	}
	list, err := ParseFaults(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return list, nil
}

// ParseFaults reads a plan of faults, for [Server.Fault], from JSON:
//
//	{"faults": [
//	  {"host": "*.azureml.net", "method": "GET", "probability": 0.2, "seed": 7, "status": 429, "retryAfter": "2"},
//	  {"path": "/computes/", "method": "PUT", "from": 2, "resetAfter": true},
//	  {"path": "/services", "method": "POST", "operation": {"state": "TimedOut"}},
//	  {"path": "/score", "count": -1, "delay": "1.5s"}
//	]}
//
// The members are the fields of [Fault] with a small first letter, those of
// operation the fields of [OperationFailure]; header maps names to texts.
// Durations are written as for [time.ParseDuration]. The error names everything
// that is wrong, with its line: unknown members, values of the wrong kind or out
// of range, and faults with which nothing goes wrong.
func ParseFaults(text []byte) ([]Fault, error) {
	p := &faultParser{text: text}
	list := p.parse()
	if len(p.problems) > 0 {
		return nil, errors.New("azuremltest: the faults are malformed: " + strings.Join(p.problems, "; "))
	}
	return list, nil
}

// problems says what is wrong with a fault.
func (f *Fault) problems() (list []string) {
	bad := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	for _, pattern := range []string{f.Host, f.Path} {
		if _, err := path.Match(pattern, ""); err != nil {
			bad("pattern %q: %v", pattern, err)
		}
	}
	if f.Status != 0 && (f.Status < 200 || f.Status > 599) {
		bad("status %d is not from 200 to 599", f.Status)
	}
	if !(f.Probability >= 0 && f.Probability <= 1) {
		bad("probability %v is not from 0 to 1", f.Probability)
	}
	if f.Delay < 0 || f.BodyDelay < 0 {
		bad("a delay is negative")
	}
	if o := f.Operation; o != nil && !slices.Contains([]string{"", stateFailed, stateCanceled, stateTimedOut, stateStuck}, o.State) {
		bad("an operation cannot end as %q", o.State)
	}
	return list
}

// harmless reports whether nothing goes wrong with the fault.
func (f *Fault) harmless() bool {
	return f.Status == 0 && !f.ResetBefore && !f.ResetAfter && f.CutBody == 0 && f.Delay == 0 && f.BodyDelay == 0 &&
		!f.Stale && !f.ExpireToken && !f.RotateKeys && f.ClockSkew == 0 && f.Operation == nil
}

// faultParser reads a plan and collects what is wrong.
type faultParser struct {
	text     []byte
	problems []string
}

// bad adds a problem with the line of an offset.
func (p *faultParser) bad(offset int64, format string, args ...any) {
	line := 1 + bytes.Count(p.text[:min(max(offset, 0), int64(len(p.text)))], []byte("\n"))
	p.problems = append(p.problems, fmt.Sprintf("line %d: ", line)+fmt.Sprintf(format, args...))
}

// parse reads the document.
func (p *faultParser) parse() (list []Fault) {
	if err := json.Unmarshal(p.text, new(any)); err != nil {
		offset := int64(len(p.text))
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			offset = syntax.Offset
		}
		p.bad(offset, "%v", err)
		return nil
	}
	if !bytes.HasPrefix(bytes.TrimSpace(p.text), []byte("{")) {
		p.bad(0, "the document is no object; write {\"faults\": [...]}")
		return nil
	}
	found := false
	p.object(p.text, 0, "the document", func(key string, at int64, value json.RawMessage) {
		if key != "faults" {
			p.bad(at, "unknown member %q; only \"faults\" is known", key)
			return
		}
		found = true
		d := json.NewDecoder(bytes.NewReader(value))
		base := at - int64(len(value))
		if open, _ := d.Token(); open != json.Delim('[') {
			p.bad(base, "\"faults\" is no list")
			return
		}
		for d.More() {
			var raw json.RawMessage
			if d.Decode(&raw) != nil {
				return
			}
			list = append(list, p.fault(raw, base+d.InputOffset()-int64(len(raw))))
		}
	})
	if !found && len(p.problems) == 0 {
		p.bad(0, "\"faults\" is missing")
	}
	return list
}

// object calls member with every member of an object and the offset at which
// its value ends; the object begins at base.
func (p *faultParser) object(raw []byte, base int64, what string, member func(key string, end int64, value json.RawMessage)) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if open, _ := d.Token(); open != json.Delim('{') {
		p.bad(base, "%s is no object", what)
		return
	}
	seen := map[string]bool{}
	for d.More() {
		token, err := d.Token()
		key, _ := token.(string)
		var value json.RawMessage
		if err != nil || d.Decode(&value) != nil {
			return
		}
		if seen[key] {
			p.bad(base+d.InputOffset(), "%q is there twice", key)
			continue
		}
		seen[key] = true
		member(key, base+d.InputOffset(), value)
	}
}

// fault reads one fault.
func (p *faultParser) fault(raw json.RawMessage, base int64) (f Fault) {
	before := len(p.problems)
	fields := f.fields()
	p.object(raw, base, "a fault", func(key string, end int64, value json.RawMessage) {
		p.set(fields, key, end, value)
		if key == "operation" && !isNull(value) {
			f.Operation = &OperationFailure{}
			inner := f.Operation.fields()
			p.object(value, end-int64(len(value)), "operation", func(key string, end int64, value json.RawMessage) { p.set(inner, key, end, value) })
		}
	})
	for _, problem := range f.problems() {
		p.bad(base, "%s", problem)
	}
	if len(p.problems) == before && f.harmless() {
		p.bad(base, "with this fault nothing goes wrong")
	}
	return f
}

// set reads a member into its field.
func (p *faultParser) set(fields map[string]any, key string, end int64, value json.RawMessage) {
	at := end - int64(len(value))
	field, known := fields[key]
	switch field := field.(type) {
	case nil:
		if !known {
			p.bad(at, "unknown member %q; known are %s", key, strings.Join(sortedKeys(fields), ", "))
		}
	case *time.Duration:
		var text string
		err := json.Unmarshal(value, &text)
		if err == nil {
			*field, err = time.ParseDuration(text)
		}
		if err != nil {
			p.bad(at, "%s is no duration such as \"1.5s\"", key)
		}
	case *http.Header:
		var texts map[string]string
		if json.Unmarshal(value, &texts) != nil {
			p.bad(at, "%s is no object of texts", key)
		}
		*field = http.Header{}
		for name, text := range texts {
			field.Set(name, text)
		}
	default:
		if err := json.Unmarshal(value, field); err != nil {
			p.bad(at, "%s: %s", key, strings.TrimPrefix(err.Error(), "json: "))
		}
	}
}

// fields are the members of a fault in a plan and where they go.
func (f *Fault) fields() map[string]any {
	return map[string]any{
		"method": &f.Method, "host": &f.Host, "path": &f.Path, "from": &f.From, "count": &f.Count,
		"probability": &f.Probability, "seed": &f.Seed, "status": &f.Status, "afterEffect": &f.AfterEffect,
		"retryAfter": &f.RetryAfter, "header": &f.Header, "body": &f.Body, "resetBefore": &f.ResetBefore,
		"resetAfter": &f.ResetAfter, "cutBody": &f.CutBody, "delay": &f.Delay, "bodyDelay": &f.BodyDelay,
		"stale": &f.Stale, "expireToken": &f.ExpireToken, "rotateKeys": &f.RotateKeys, "clockSkew": &f.ClockSkew,
		"operation": nil,
	}
}

// fields are the members of an operation in a plan.
func (f *OperationFailure) fields() map[string]any {
	return map[string]any{"state": &f.State, "code": &f.Code, "message": &f.Message, "statusCode": &f.StatusCode}
}

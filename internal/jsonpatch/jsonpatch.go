// Package jsonpatch builds JSON patches (RFC 6902) in the order in which their
// operations are added: the model management applies them in that order.
package jsonpatch

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// ContentType is what a request with a patch as its body says of it.
const ContentType = "application/json-patch+json"

// Patch is a list of operations. The zero value is an empty patch; it belongs to one
// goroutine.
type Patch struct{ operations []operation }

type operation struct {
	op, path string
	value    any
}

// MarshalJSON writes op, path and, except for remove, the value, null too.
func (o operation) MarshalJSON() ([]byte, error) {
	if o.op == "remove" {
		return marshal(struct {
			Op   string `json:"op"`
			Path string `json:"path"`
		}{o.op, o.path})
	}
	return marshal(struct {
		Op    string `json:"op"`
		Path  string `json:"path"`
		Value any    `json:"value"`
	}{o.op, o.path, o.value})
}

// marshal is json.Marshal that leaves <, > and & alone.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Path puts the names of members into a JSON pointer, each escaped.
func Path(names ...string) string {
	var b strings.Builder
	for _, name := range names {
		b.WriteByte('/')
		b.WriteString(pointerEscape.Replace(name))
	}
	return b.String()
}

var pointerEscape = strings.NewReplacer("~", "~0", "/", "~1")

// Add appends an operation that sets a member, there or not.
func (p *Patch) Add(path string, value any) {
	p.operations = append(p.operations, operation{"add", path, value})
}

// Replace appends an operation that sets a member that is there.
func (p *Patch) Replace(path string, value any) {
	p.operations = append(p.operations, operation{"replace", path, value})
}

// Remove appends an operation that takes a member away.
func (p *Patch) Remove(path string) {
	p.operations = append(p.operations, operation{op: "remove", path: path})
}

// AddEach appends an Add for every entry of values below path, sorted by name.
func (p *Patch) AddEach(path string, values map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		p.Add(path+Path(name), values[name])
	}
}

// Set appends a Replace with what value points to, unless it is nil.
func Set[T any](p *Patch, path string, value *T) {
	if value != nil {
		p.Replace(path, *value)
	}
}

// Append appends the operations of other with prefix in front of their paths.
func (p *Patch) Append(prefix string, other Patch) {
	for _, o := range other.operations {
		o.path = prefix + o.path
		p.operations = append(p.operations, o)
	}
}

// Len is the number of operations.
func (p *Patch) Len() int { return len(p.operations) }

// MarshalJSON writes the patch as a JSON array, an empty one as [].
func (p *Patch) MarshalJSON() ([]byte, error) {
	if len(p.operations) == 0 {
		return []byte("[]"), nil
	}
	return marshal(p.operations)
}

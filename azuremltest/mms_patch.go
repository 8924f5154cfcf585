package azuremltest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// patchOperation is one step of a JSON Patch (RFC 6902).
type patchOperation struct {
	Op    string          `json:"op"`
	Path  string          `json:"path"`
	From  string          `json:"from"`
	Value json.RawMessage `json:"value"` // nil if absent, "null" if null
}

// errNoTarget is what a patch gets for a location that does not exist.
var errNoTarget = errors.New("the target location was not found")

// applyPatch changes the JSON document doc and returns the result. Nothing is
// changed if one of the steps is impossible.
func applyPatch(doc []byte, steps []patchOperation) ([]byte, error) {
	root, err := decodeTree(doc)
	if err != nil {
		return nil, err
	}
	for i, step := range steps {
		if root, err = step.apply(root); err != nil {
			return nil, fmt.Errorf("operation %d, %s %s: %w", i, step.Op, step.Path, err)
		}
	}
	return marshal(root)
}

// decodeTree reads JSON into maps, slices and scalars. Numbers keep their
// spelling: a patch must not turn 1.0 into 1.
func decodeTree(b []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var tree any
	if err := d.Decode(&tree); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("there is something after the JSON value")
	}
	return tree, nil
}

func (p *patchOperation) apply(root any) (any, error) {
	to, err := parsePointer(p.Path)
	if err != nil {
		return nil, err
	}
	switch p.Op {
	case "add", "replace", "test":
		if p.Value == nil {
			return nil, errors.New("the member value is missing")
		}
		value, err := decodeTree(p.Value)
		if err != nil {
			return nil, err
		}
		switch p.Op {
		case "add":
			return addAt(root, to, value)
		case "replace":
			return replaceAt(root, to, value)
		}
		found, err := lookUp(root, to)
		if err == nil && !sameTree(found, value) {
			err = errors.New("the value is another one")
		}
		return root, err
	case "remove":
		return removeAt(root, to)
	case "move", "copy":
		return p.transfer(root, to)
	}
	return nil, fmt.Errorf("there is no operation %q", p.Op)
}

// transfer carries out a move or a copy.
func (p *patchOperation) transfer(root any, to []string) (any, error) {
	from, err := parsePointer(p.From)
	if err != nil {
		return nil, err
	}
	value, err := lookUp(root, from)
	if err != nil {
		return nil, err
	}
	if p.Op == "copy" {
		return addAt(root, to, cloneTree(value))
	}
	if len(from) < len(to) && slices.Equal(from, to[:len(from)]) {
		return nil, errors.New("a value cannot be moved into itself")
	}
	if root, err = removeAt(root, from); err != nil {
		return nil, err
	}
	return addAt(root, to, value)
}

// parsePointer splits a JSON Pointer (RFC 6901).
func parsePointer(text string) ([]string, error) {
	if text == "" {
		return nil, nil
	}
	if text[0] != '/' {
		return nil, errors.New("a path begins with a slash")
	}
	tokens := strings.Split(text[1:], "/")
	for i, t := range tokens {
		rest := strings.ReplaceAll(strings.ReplaceAll(t, "~0", ""), "~1", "")
		if strings.Contains(rest, "~") {
			return nil, errors.New("a tilde in a path is written ~0")
		}
		tokens[i] = strings.ReplaceAll(strings.ReplaceAll(t, "~1", "/"), "~0", "~")
	}
	return tokens, nil
}

func lookUp(root any, path []string) (any, error) {
	for _, t := range path {
		switch n := root.(type) {
		case map[string]any:
			v, ok := n[t]
			if !ok {
				return nil, errNoTarget
			}
			root = v
		case []any:
			i, err := arrayIndex(t, len(n)-1)
			if err != nil {
				return nil, err
			}
			root = n[i]
		default:
			return nil, errNoTarget
		}
	}
	return root, nil
}

// arrayIndex reads an index from 0 to last.
func arrayIndex(token string, last int) (int, error) {
	i, err := strconv.Atoi(token)
	if err != nil || strconv.Itoa(i) != token || i < 0 || i > last {
		return 0, errNoTarget
	}
	return i, nil
}

// change gives the container that holds the last token of path to edit, and
// puts what edit returns in its place.
func change(root any, path []string, edit func(parent any, token string) (any, error)) (any, error) {
	if len(path) == 1 {
		return edit(root, path[0])
	}
	child, err := lookUp(root, path[:1])
	if err != nil {
		return nil, err
	}
	if child, err = change(child, path[1:], edit); err != nil {
		return nil, err
	}
	switch n := root.(type) {
	case map[string]any:
		n[path[0]] = child
	case []any:
		i, _ := arrayIndex(path[0], len(n)-1)
		n[i] = child
	}
	return root, nil
}

func addAt(root any, path []string, value any) (any, error) {
	if len(path) == 0 {
		return value, nil
	}
	return change(root, path, func(parent any, token string) (any, error) {
		switch n := parent.(type) {
		case map[string]any:
			n[token] = value
			return n, nil
		case []any:
			if token == "-" {
				return append(n, value), nil
			}
			i, err := arrayIndex(token, len(n))
			if err != nil {
				return nil, err
			}
			return slices.Insert(n, i, value), nil
		}
		return nil, errNoTarget
	})
}

func replaceAt(root any, path []string, value any) (any, error) {
	if len(path) == 0 {
		return value, nil
	}
	return change(root, path, func(parent any, token string) (any, error) {
		if _, err := lookUp(parent, []string{token}); err != nil {
			return nil, err
		}
		switch n := parent.(type) {
		case map[string]any:
			n[token] = value
		case []any:
			i, _ := arrayIndex(token, len(n)-1)
			n[i] = value
		}
		return parent, nil
	})
}

func removeAt(root any, path []string) (any, error) {
	if len(path) == 0 {
		return nil, nil
	}
	return change(root, path, func(parent any, token string) (any, error) {
		if _, err := lookUp(parent, []string{token}); err != nil {
			return nil, err
		}
		switch n := parent.(type) {
		case map[string]any:
			delete(n, token)
			return n, nil
		case []any:
			i, _ := arrayIndex(token, len(n)-1)
			return slices.Delete(n, i, i+1), nil
		}
		return nil, errNoTarget
	})
}

func cloneTree(v any) any {
	switch n := v.(type) {
	case map[string]any:
		c := maps.Clone(n)
		for k, child := range c {
			c[k] = cloneTree(child)
		}
		return c
	case []any:
		c := slices.Clone(n)
		for i, child := range c {
			c[i] = cloneTree(child)
		}
		return c
	}
	return v
}

// sameTree compares JSON values; numbers by what they mean.
func sameTree(a, b any) bool {
	switch x := a.(type) {
	case map[string]any:
		y, ok := b.(map[string]any)
		return ok && maps.EqualFunc(x, y, sameTree)
	case []any:
		y, ok := b.([]any)
		return ok && slices.EqualFunc(x, y, sameTree)
	case json.Number:
		y, ok := b.(json.Number)
		if !ok {
			return false
		}
		f, errF := x.Float64()
		g, errG := y.Float64()
		return x == y || errF == nil && errG == nil && f == g
	}
	return a == b
}

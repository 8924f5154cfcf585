package configfile

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/azureml-go/azureml"
)

// MaxInt is the largest whole number: the services keep them in 32 bits.
const MaxInt = math.MaxInt32

// Options say how [Document.Decode] treats keys that the type does not have.
type Options struct {
	// Other gives the rule for an unknown key that is known elsewhere ("is not for
	// …"); "" for all others.
	Other func(path string) string
	// Tolerated tells that an unknown key there is worth a warning only, unless it looks
	// like a slip of the pen: like a key that belongs there.
	Tolerated func(path string) bool
	// Aliases are other names that people know keys by, with the paths of the keys; case
	// and underscores do not count.
	Aliases map[string]string
}

// Decode puts what the file says into the struct behind target, by its json tags, and
// notes unknown and repeated keys, wrong types, and values outside of the bounds in the
// tags `jsonschema:"required,minimum=…,exclusiveMinimum=…,maximum=…"`, which the
// published schemas are made of, too. null is as if the key were not there.
func (d *Document) Decode(target any, o Options) {
	v := reflect.ValueOf(target).Elem()
	(&decoder{doc: d, options: o, paths: Keys(v.Type())}).object(d.Root, v, "")
}

// Keys are the paths of all keys of a type, with dots between.
func Keys(t reflect.Type) []string {
	var paths []string
	for _, f := range fields(t) {
		paths = append(paths, f.key)
		inner := f.typ
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		if inner.Kind() != reflect.Struct || leaf(inner) {
			continue
		}
		for _, path := range Keys(inner) {
			paths = append(paths, f.key+"."+path)
		}
	}
	return paths
}

var (
	secretType      = reflect.TypeFor[azureml.Secret]()
	unmarshalerType = reflect.TypeFor[json.Unmarshaler]()
)

// leaf tells of a type that reads itself.
func leaf(t reflect.Type) bool { return reflect.PointerTo(t).Implements(unmarshalerType) }

// field is a field of a struct, or of one that is embedded in it.
type field struct {
	key   string
	typ   reflect.Type
	index []int
	tags  map[string]string
}

func fields(t reflect.Type) []field {
	var all []field
	for _, f := range reflect.VisibleFields(t) {
		key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if key == "" || key == "-" || f.Anonymous {
			continue
		}
		tags := map[string]string{}
		for tag := range strings.SplitSeq(f.Tag.Get("jsonschema"), ",") {
			name, value, _ := strings.Cut(tag, "=")
			tags[name] = value
		}
		all = append(all, field{key: key, typ: f.Type, index: f.Index, tags: tags})
	}
	return all
}

type decoder struct {
	doc     *Document
	options Options
	paths   []string
}

func (c *decoder) wrong(n *Node, path, rule string) {
	c.doc.wrong(problem{line: n.Line, path: path, field: path, rule: rule})
}

func (c *decoder) object(n *Node, v reflect.Value, path string) {
	known := fields(v.Type())
	seen := map[string]int{}
	for _, m := range n.Members {
		at := join(path, m.Key)
		if first, twice := seen[m.Key]; twice {
			c.doc.wrong(problem{line: m.Line, path: at, rule: fmt.Sprintf("key %s is there twice, first in line %d", Quoted(m.Key), first)})
		}
		seen[m.Key] = m.Line
		i := slices.IndexFunc(known, func(f field) bool { return f.key == m.Key })
		if i < 0 {
			c.unknown(m, path, known)
			continue
		}
		f := known[i]
		target := v.FieldByIndex(f.index)
		target.SetZero()
		c.value(m.Value, target, at)
		c.bounds(m.Value, f, at)
	}
	for _, f := range known {
		if _, required := f.tags["required"]; required && n.Get(f.key) == nil {
			c.doc.wrong(problem{line: n.lineOf(path), path: join(path, f.key), field: join(path, f.key), rule: "is required"})
		}
	}
}

// lineOf is the line of an object, but that of the whole file says nothing.
func (n *Node) lineOf(path string) int {
	if path == "" {
		return 0
	}
	return n.Line
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// unknown notes a key that the type does not have.
func (c *decoder) unknown(m Member, path string, known []field) {
	at := join(path, m.Key)
	if c.options.Other != nil {
		if rule := c.options.Other(at); rule != "" {
			c.doc.wrong(problem{line: m.Line, path: at, field: at, rule: rule})
			return
		}
	}
	text := "unknown key " + Quoted(m.Key)
	if path != "" {
		text += " in " + path
	}
	beside, near := c.near(m.Key, known)
	if near != "" {
		text += fmt.Sprintf("; did you mean %q?", near)
	}
	p := problem{line: m.Line, path: at, rule: text}
	if !beside && c.options.Tolerated != nil && c.options.Tolerated(at) {
		c.doc.warnings = append(c.doc.warnings, p)
		return
	}
	c.doc.wrong(p)
}

// near looks for a key like this one: beside it, then anywhere.
func (c *decoder) near(key string, known []field) (beside bool, near string) {
	for alias, path := range c.options.Aliases {
		if simplified(alias) == simplified(key) && slices.Contains(c.paths, path) {
			return false, path
		}
	}
	var keys []string
	for _, f := range known {
		keys = append(keys, f.key)
	}
	if near := Nearest(key, keys); near != "" {
		return true, near
	}
	for _, path := range c.paths {
		last := path[strings.LastIndexByte(path, '.')+1:]
		if simplified(last) == simplified(key) || simplified(path) == simplified(key) {
			return false, path
		}
	}
	return false, ""
}

func (c *decoder) value(n *Node, v reflect.Value, path string) {
	if n.Kind == Null {
		return
	}
	t := v.Type()
	switch {
	case t.Kind() == reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		c.value(n, v.Elem(), path)
	case t == secretType:
		if !c.is(n, Text, path) {
			return
		}
		if secret := azureml.NewSecret(n.Text); n.Text != "" && n.Text == secret.String() {
			c.wrong(n, path, "is not the secret itself, but what is shown in its place")
		} else {
			v.Set(reflect.ValueOf(secret))
		}
	case leaf(t):
		if err := json.Unmarshal(n.JSON(), v.Addr().Interface()); err != nil {
			c.wrong(n, path, err.Error())
		}
	default:
		c.plain(n, v, path)
	}
}

// plain reads values of Go's own types.
func (c *decoder) plain(n *Node, v reflect.Value, path string) {
	switch v.Kind() {
	case reflect.Bool:
		if c.is(n, Bool, path) {
			v.SetBool(n.Text == "true")
		}
	case reflect.String:
		if c.is(n, Text, path) {
			v.SetString(n.Text)
		}
	case reflect.Int:
		c.int(n, v, path)
	case reflect.Float64:
		if c.is(n, Number, path) {
			// What is too large is infinite, and beyond every bound.
			number, err := strconv.ParseFloat(n.Text, 64)
			if err != nil {
				c.wrong(n, path, "is too large")
			}
			v.SetFloat(number)
		}
	case reflect.Struct:
		if c.is(n, Object, path) {
			c.object(n, v, path)
		}
	case reflect.Slice:
		if c.is(n, List, path) {
			v.Set(reflect.MakeSlice(v.Type(), len(n.Items), len(n.Items)))
			for i, item := range n.Items {
				c.item(item, v.Index(i), fmt.Sprintf("%s[%d]", path, i))
			}
		}
	case reflect.Map:
		if c.is(n, Object, path) {
			c.texts(n, v, path)
		}
	default:
		panic("configfile: " + path + ": no reading of " + v.Type().String())
	}
}

func (c *decoder) item(n *Node, v reflect.Value, path string) {
	if n.Kind == Null {
		c.wrong(n, path, "must not be null")
		return
	}
	c.value(n, v, path)
}

// texts reads a map of texts.
func (c *decoder) texts(n *Node, v reflect.Value, path string) {
	v.Set(reflect.MakeMap(v.Type()))
	seen := map[string]int{}
	for _, m := range n.Members {
		if first, twice := seen[m.Key]; twice {
			c.doc.wrong(problem{line: m.Line, path: join(path, m.Key), rule: fmt.Sprintf("key %s is there twice, first in line %d", Quoted(m.Key), first)})
		}
		seen[m.Key] = m.Line
		item := reflect.New(v.Type().Elem()).Elem()
		c.item(m.Value, item, join(path, m.Key))
		v.SetMapIndex(reflect.ValueOf(m.Key), item)
	}
}

func (c *decoder) int(n *Node, v reflect.Value, path string) {
	if !c.is(n, Number, path) {
		return
	}
	number, err := strconv.ParseFloat(n.Text, 64)
	switch {
	case err != nil || math.Abs(number) > MaxInt:
		c.doc.wrong(problem{line: n.Line, path: path, field: path, value: shown(n), rule: fmt.Sprintf("must be <= %d", MaxInt)})
	case number != math.Trunc(number):
		c.doc.wrong(problem{line: n.Line, path: path, field: path, value: shown(n), rule: "must be a whole number"})
	default:
		v.SetInt(int64(number))
	}
}

// is notes a value of the wrong type, without showing it.
func (c *decoder) is(n *Node, want Kind, path string) bool {
	if n.Kind == want {
		return true
	}
	what := n.Kind.String()
	if n.Kind == Bool {
		what = n.Text
	}
	c.wrong(n, path, fmt.Sprintf("must be %s, not %s", want, what))
	return false
}

// bounds notes a number outside of the bounds of its tags.
func (c *decoder) bounds(n *Node, f field, path string) {
	if n.Kind != Number || c.doc.HasProblem(path) {
		return
	}
	number, err := strconv.ParseFloat(n.Text, 64)
	if err != nil {
		return
	}
	for _, bound := range []struct {
		tag, rule string
		holds     func(bound float64) bool
	}{
		{"minimum", "must be >= ", func(b float64) bool { return number >= b }},
		{"exclusiveMinimum", "must be > ", func(b float64) bool { return number > b }},
		{"maximum", "must be <= ", func(b float64) bool { return number <= b }},
	} {
		text, set := f.tags[bound.tag]
		if !set {
			continue
		}
		if b, err := strconv.ParseFloat(text, 64); err == nil && !bound.holds(b) {
			c.doc.wrong(problem{line: n.Line, path: path, field: path, value: shown(n), rule: bound.rule + text})
		}
	}
}

func shown(n *Node) string {
	if len(n.Text) > 20 {
		return n.Text[:20] + "…"
	}
	return n.Text
}

// JSON writes the value as JSON; of a key that is there twice, the last one.
func (n *Node) JSON() []byte {
	text, err := json.Marshal(n.plain())
	if err != nil {
		return []byte("null")
	}
	return text
}

func (n *Node) plain() any {
	switch n.Kind {
	case Bool:
		return n.Text == "true"
	case Number:
		return json.Number(n.Text)
	case Text:
		return n.Text
	case List:
		items := make([]any, len(n.Items))
		for i, item := range n.Items {
			items[i] = item.plain()
		}
		return items
	case Object:
		members := make(map[string]any, len(n.Members))
		for _, m := range n.Members {
			members[m.Key] = m.Value.plain()
		}
		return members
	}
	return nil
}

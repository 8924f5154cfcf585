// Package configfile reads the JSON (and YAML) files that people write by hand: with
// the line of everything, all that is wrong at once, and the nearest known key for one
// that is not known.
package configfile

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/azureml-go/azureml"
)

// maxSize is the size of a file above which it is a mistake.
const maxSize = 1 << 20

// Kind is the kind of a [Node].
type Kind int

// The kinds of nodes.
const (
	Null Kind = iota
	Bool
	Number
	Text
	List
	Object
)

// String names the kind for a person.
func (k Kind) String() string {
	return [...]string{"null", "true or false", "a number", "a text", "a list", "an object"}[k]
}

// Node is a value with its place in the file.
type Node struct {
	Kind Kind
	// Line counts from 1; 0 is a value that is not from the file.
	Line int
	// Text is the text, the number as it is written, or "true".
	Text    string
	Items   []*Node
	Members []Member
}

// Member is a member of an object.
type Member struct {
	Key   string
	Line  int
	Value *Node
}

// Get gives the last member of that key; nil if there is none, or it is null.
func (n *Node) Get(key string) *Node {
	if n == nil {
		return nil
	}
	for _, m := range slices.Backward(n.Members) {
		if m.Key == key {
			if m.Value.Kind == Null {
				return nil
			}
			return m.Value
		}
	}
	return nil
}

// Document is a file that was read, and what is wrong with it so far. It belongs to
// one goroutine.
type Document struct {
	// Root is an object, an empty one when the file holds none: it is then Broken.
	Root   *Node
	Broken bool
	// Public tells that everyone on this machine may read the file.
	Public bool

	problems []problem
	warnings []problem
}

// problem is one thing that is wrong.
type problem struct {
	line                     int
	path, field, value, rule string
}

// violation is the problem as errors have it. What has neither line nor field is a key
// of [Document.Set], which the loaders have an option of that name for.
func (p problem) violation() azureml.Violation {
	v := azureml.Violation{Field: p.field, Value: p.value, Rule: p.rule}
	switch {
	case p.line > 0:
		v.Field = strings.TrimSpace(fmt.Sprintf("line %d: %s", p.line, v.Field))
	case v.Field == "":
		v.Field = "Set:"
	}
	return v
}

// Read reads the file of that kind ("inference configuration") and notes what is wrong
// with its form. The error is of a file that cannot be read at all. An empty path gives
// an empty document.
func Read(what, path string) (*Document, error) {
	if path == "" {
		return &Document{Root: &Node{Kind: Object}}, nil
	}
	data, public, err := load(path)
	if err != nil {
		e := &azureml.Error{Operation: "read", Subject: Subject(what, path), Kind: azureml.ErrInvalid, Err: err, Message: reason(err)}
		switch {
		case errors.Is(err, fs.ErrNotExist):
			e.Kind = azureml.ErrNotFound
		case errors.Is(err, fs.ErrPermission):
			e.Kind = azureml.ErrForbidden
		}
		return nil, e
	}
	d := new(Document)
	switch strings.ToLower(filepath.Ext(path)) {
	case ".yml", ".yaml":
		d = ParseYAML(data)
	default:
		d = ParseJSON(data)
	}
	d.Public = public
	return d, nil
}

// Subject names a file of a kind.
func Subject(what, path string) string {
	if path == "" {
		return what
	}
	return fmt.Sprintf("%s %q", what, path)
}

func load(path string) (data []byte, public bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, false, err
	}
	if info.IsDir() {
		return nil, false, errors.New("it is a folder, not a file")
	}
	if data, err = io.ReadAll(io.LimitReader(f, maxSize+1)); err != nil {
		return nil, false, err
	}
	if len(data) > maxSize {
		return nil, false, fmt.Errorf("it is larger than %d KiB, so it is no such file", maxSize>>10)
	}
	// The mode says nothing on Windows.
	return data, info.Mode().Perm()&0o004 != 0 && runtime.GOOS != "windows", nil
}

// reason is an error of the file system without the path, which the subject names.
func reason(err error) string {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err.Error()
	}
	return err.Error()
}

// Set puts a value in the place of what the file says; path is one of keys with dots
// between them. A nil value takes the key away.
func (d *Document) Set(path string, value any) {
	if secret, ok := value.(azureml.Secret); ok {
		value = secret.Reveal()
	}
	text, err := json.Marshal(value)
	if err != nil {
		d.wrong(problem{path: path, field: path, rule: "cannot be written as JSON"})
		return
	}
	parsed := new(Document)
	node := parseValue(parsed, text)
	clearLines(node)
	at := d.Root
	keys := strings.Split(path, ".")
	for i, key := range keys {
		if i == len(keys)-1 {
			at.put(key, node)
			return
		}
		next := at.Get(key)
		if next == nil || next.Kind != Object {
			next = &Node{Kind: Object}
			at.put(key, next)
		}
		at = next
	}
}

func (n *Node) put(key string, value *Node) {
	n.Members = slices.DeleteFunc(n.Members, func(m Member) bool { return m.Key == key })
	n.Members = append(n.Members, Member{Key: key, Value: value})
}

func clearLines(n *Node) {
	n.Line = 0
	for _, item := range n.Items {
		clearLines(item)
	}
	for i := range n.Members {
		n.Members[i].Line = 0
		clearLines(n.Members[i].Value)
	}
}

func (d *Document) wrong(p problem) { d.problems = append(d.problems, p) }

// Wrong notes that the value at path breaks rule. value is what to show of it.
func (d *Document) Wrong(path, value, rule string) {
	d.wrong(problem{line: d.Line(path), path: path, field: path, value: value, rule: rule})
}

// Warn notes what is worth saying about the value at path.
func (d *Document) Warn(path, message string) {
	d.warnings = append(d.warnings, problem{line: d.Line(path), path: path, rule: message})
}

// HasProblem tells that something is wrong with the value at path, or within it.
func (d *Document) HasProblem(path string) bool {
	return slices.ContainsFunc(d.problems, func(p problem) bool {
		return p.path == path || strings.HasPrefix(p.path, path+".") || strings.HasPrefix(path, p.path+".") && p.path != ""
	})
}

// Line is where the value at path is, or what of it there is; 0 if nothing of it is in
// the file.
func (d *Document) Line(path string) int {
	line, n := 0, d.Root
	for key := range strings.SplitSeq(path, ".") {
		next := n.Get(key)
		if next == nil {
			break
		}
		n, line = next, next.Line
	}
	return line
}

// Err is nil if nothing is wrong, else one error of kind azureml.ErrInvalid with all
// problems, in the order of their lines.
func (d *Document) Err(subject string) error {
	if len(d.problems) == 0 {
		return nil
	}
	e := &azureml.Error{Operation: "read", Subject: subject, Kind: azureml.ErrInvalid}
	for _, p := range sorted(d.problems) {
		e.Violations = append(e.Violations, p.violation())
	}
	return e
}

// SendWarnings hands the warnings to the caller of the library, in the order of their
// lines.
func (d *Document) SendWarnings(subject string, to func(azureml.Warning)) {
	if to == nil {
		return
	}
	for _, p := range sorted(d.warnings) {
		message := p.rule
		if p.line > 0 {
			message = fmt.Sprintf("line %d: %s", p.line, p.rule)
		}
		to(azureml.Warning{Subject: subject, Message: message})
	}
}

// Quoted is a text as a problem shows it, shortened.
func Quoted(text string) string {
	const longest = 80
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "") + "…"
	}
	return strconv.Quote(text)
}

func sorted(problems []problem) []problem {
	problems = slices.Clone(problems)
	// What has no line comes last.
	slices.SortStableFunc(problems, func(a, b problem) int {
		return cmp.Compare(uint(a.line-1), uint(b.line-1))
	})
	return problems
}

package configfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxDepth is how deep values may be nested.
const maxDepth = 64

// ParseJSON reads JSON and notes what is wrong with it. It goes on after comments and
// after commas that are too many or missing, so that all of them are told at once.
func ParseJSON(data []byte) *Document {
	d := &Document{Root: &Node{Kind: Object}, Broken: true}
	data, ok := d.decodeText(data)
	if !ok {
		return d
	}
	p := &parser{data: data, line: 1, doc: d}
	p.blanks()
	if p.at == len(p.data) {
		d.wrong(problem{field: "the file", rule: "is empty"})
		return d
	}
	root, ok := p.value(0)
	if !ok {
		return d
	}
	if p.peek() != 0 || p.at < len(p.data) {
		p.wrong("there is more after the end of the object")
	}
	d.root(root)
	return d
}

// parseValue reads a value that encoding/json wrote.
func parseValue(d *Document, text []byte) *Node {
	p := &parser{data: text, line: 1, doc: d}
	n, _ := p.value(0)
	return n
}

// decodeText takes a byte order mark away and refuses what is not UTF-8.
func (d *Document) decodeText(data []byte) ([]byte, bool) {
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		d.wrong(problem{field: "the file", rule: "is UTF-16 text; save it as UTF-8"})
		return nil, false
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(data) {
		valid := 0
		for valid < len(data) {
			r, size := utf8.DecodeRune(data[valid:])
			if r == utf8.RuneError && size == 1 {
				break
			}
			valid += size
		}
		d.wrong(problem{line: 1 + bytes.Count(data[:valid], []byte("\n")), field: "the file", rule: "is not UTF-8 text"})
		return nil, false
	}
	return data, true
}

// root takes the outermost value, which must be an object.
func (d *Document) root(n *Node) {
	switch {
	case n == nil:
	case n.Kind == Object:
		d.Root, d.Broken = n, false
	default:
		d.wrong(problem{line: n.Line, field: "the file", rule: "must hold an object ({…}), not " + n.Kind.String()})
	}
}

type parser struct {
	data     []byte
	at, line int
	doc      *Document
}

func (p *parser) wrong(format string, args ...any) {
	p.doc.wrong(problem{line: p.line, rule: fmt.Sprintf(format, args...)})
}

// blanks skips blanks, and comments, which it notes.
func (p *parser) blanks() {
	for p.at < len(p.data) {
		rest := p.data[p.at:]
		switch {
		case rest[0] == '\n':
			p.line++
			p.at++
		case rest[0] == ' ' || rest[0] == '\t' || rest[0] == '\r':
			p.at++
		case rest[0] == '#' || bytes.HasPrefix(rest, []byte("//")):
			p.wrong("JSON has no comments")
			p.skip(bytes.IndexByte(rest, '\n'), 0)
		case bytes.HasPrefix(rest, []byte("/*")):
			p.wrong("JSON has no comments")
			p.skip(bytes.Index(rest, []byte("*/")), 2)
		default:
			return
		}
	}
}

// skip goes on by n bytes and what ends them; to the end if n < 0.
func (p *parser) skip(n, end int) {
	if n < 0 {
		n, end = len(p.data)-p.at, 0
	}
	p.line += bytes.Count(p.data[p.at:p.at+n], []byte("\n"))
	p.at += n + end
}

// peek is the next byte after blanks; 0 at the end.
func (p *parser) peek() byte {
	p.blanks()
	if p.at == len(p.data) {
		return 0
	}
	return p.data[p.at]
}

// value reads a value; false when it makes no sense to go on.
func (p *parser) value(depth int) (*Node, bool) {
	c := p.peek()
	n := &Node{Line: p.line}
	switch {
	case depth > maxDepth:
		p.wrong("the values are nested more than %d deep", maxDepth)
		return nil, false
	case c == '{':
		return n, p.object(n, depth)
	case c == '[':
		return n, p.list(n, depth)
	case c == '"':
		n.Kind = Text
		text, ok := p.text()
		n.Text = text
		return n, ok
	case c == '-' || c >= '0' && c <= '9':
		n.Kind = Number
		return n, p.number(n)
	}
	word := p.word()
	switch word {
	case "true", "false":
		n.Kind, n.Text = Bool, word
	case "null":
	default:
		p.at -= len(word)
		p.expected("a value", word)
		return nil, false
	}
	return n, true
}

// hints are what people write where JSON wants something else.
var hints = map[string]string{
	"True": "true", "TRUE": "true", "yes": "true", "False": "false", "FALSE": "false", "no": "false",
	"None": "null", "Null": "null", "NULL": "null", "undefined": "null",
}

// expected notes that something else is there. It shows no more than one sign of it:
// it may be a key without its quotes.
func (p *parser) expected(what, word string) {
	c := p.peek()
	switch {
	case c == 0:
		p.wrong("the file ends where %s should be", what)
	case hints[word] != "":
		p.wrong("%s is not JSON; write %s", word, hints[word])
	case c == '\'':
		p.wrong("texts and keys stand in double quotes, not in single ones")
	case word != "":
		p.wrong("%s should be here; texts and keys stand in double quotes", what)
	default:
		r, _ := utf8.DecodeRune(p.data[p.at:])
		p.wrong("%s should be here, not %q", what, r)
	}
}

func (p *parser) word() string {
	start := p.at
	for p.at < len(p.data) && (p.data[p.at]|0x20 >= 'a' && p.data[p.at]|0x20 <= 'z' || p.data[p.at] == '_') {
		p.at++
	}
	return string(p.data[start:p.at])
}

func (p *parser) number(n *Node) bool {
	end := bytes.IndexFunc(p.data[p.at:], func(r rune) bool { return !strings.ContainsRune("+-.eE0123456789", r) })
	if end < 0 {
		end = len(p.data) - p.at
	}
	n.Text = string(p.data[p.at : p.at+end])
	if !json.Valid([]byte(n.Text)) {
		p.wrong("a value should be here; this is no number, and texts stand in double quotes")
		return false
	}
	p.at += end
	return true
}

func (p *parser) text() (string, bool) {
	end := p.at + 1
	for ; end < len(p.data) && p.data[end] != '"'; end++ {
		if p.data[end] == '\n' {
			break
		}
		if p.data[end] == '\\' && end+1 < len(p.data) {
			end++
		}
	}
	if end >= len(p.data) || p.data[end] != '"' {
		p.wrong("the text that begins here has no end; a double quote is missing")
		return "", false
	}
	var text string
	literal := p.data[p.at : end+1]
	p.at = end + 1
	if json.Unmarshal(literal, &text) != nil {
		p.wrong(`the text has a backslash or a control character that JSON does not allow; a backslash is written \\`)
		p.line += bytes.Count(literal, []byte("\n"))
		return "", true
	}
	return text, true
}

func (p *parser) list(n *Node, depth int) bool {
	n.Kind = List
	return p.sequence(']', func() bool {
		item, ok := p.value(depth + 1)
		if item != nil {
			n.Items = append(n.Items, item)
		}
		return ok
	})
}

func (p *parser) object(n *Node, depth int) bool {
	n.Kind = Object
	return p.sequence('}', func() bool {
		if p.peek() != '"' {
			word := p.word()
			p.at -= len(word)
			p.expected("a key in double quotes", word)
			return false
		}
		m := Member{Line: p.line}
		var ok bool
		if m.Key, ok = p.text(); !ok {
			return false
		}
		if p.peek() != ':' {
			p.expected("the colon after a key", "")
			return false
		}
		p.at++
		if m.Value, ok = p.value(depth + 1); m.Value != nil {
			n.Members = append(n.Members, m)
		}
		return ok
	})
}

// sequence reads what stands between brackets with commas between.
func (p *parser) sequence(closing byte, element func() bool) bool {
	p.at++
	for first := true; ; first = false {
		switch c := p.peek(); {
		case c == closing:
			p.at++
			return true
		case first:
		case c == ',':
			line := p.line
			p.at++
			if p.peek() == closing {
				p.doc.wrong(problem{line: line, rule: fmt.Sprintf("JSON allows no comma before %q", string(closing))})
				continue
			}
		case slices.Contains([]byte(`"{[`), c):
			p.wrong("a comma is missing before this")
		default:
			p.expected(fmt.Sprintf("a comma or %q", string(closing)), "")
			return false
		}
		if !element() {
			return false
		}
	}
}

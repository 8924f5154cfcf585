package rest

import (
	"bytes"
	"encoding/json"
	"strings"
)

// readWhole reads a page in one go. It gives up on one with anything in it that is not
// as expected: unmarshalText then goes through that item by item.
func (p *pageOf[T]) readWhole(data []byte) bool {
	var whole struct {
		NextLink          string `json:"nextLink"`
		ContinuationToken string `json:"continuationToken"`
		Value             []T    `json:"value"`
	}
	if p.expected > 0 {
		whole.Value = make([]T, 0, p.expected)
	}
	if json.Unmarshal(data, &whole) != nil {
		return false
	}
	if _, keeps := any(new(T)).(Keeper); keeps {
		texts, ok := itemTexts(data)
		if !ok || len(texts) != len(whole.Value) {
			return false
		}
		for i, text := range texts {
			// A copy: an item that is kept must not keep the page.
			any(&whole.Value[i]).(Keeper).KeepJSON(bytes.Clone(text), nil)
		}
	}
	p.Page = Page{whole.NextLink, whole.ContinuationToken}
	p.items = whole.Value
	return true
}

// itemTexts are the texts of the items of a page, which must be valid JSON. A page
// that is not plain to read (no object, an escape in a name, not exactly one "value"
// that is an array) is not ok.
func itemTexts(data []byte) (texts [][]byte, ok bool) {
	s := &skipper{data: data}
	if s.next() != '{' {
		return nil, false
	}
	s.at++
	for s.next() == '"' {
		name := s.value()
		if bytes.IndexByte(name, '\\') >= 0 || s.next() != ':' {
			return nil, false
		}
		s.at++
		switch {
		case !strings.EqualFold(string(name[1:len(name)-1]), "value"):
			s.next()
			s.value()
		case ok || s.next() != '[':
			return nil, false
		default:
			texts, ok = s.items(), true
		}
		if s.next() == ',' {
			s.at++
		}
	}
	return texts, ok
}

// skipper steps through JSON that is known to be valid.
type skipper struct {
	data []byte
	at   int
}

// next gives the next byte that is no blank, without stepping over it; 0 at the end.
func (s *skipper) next() byte {
	for ; s.at < len(s.data); s.at++ {
		switch c := s.data[s.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// items steps over an array and gives the texts in it.
func (s *skipper) items() (texts [][]byte) {
	s.at++
	for {
		switch s.next() {
		case ']':
			s.at++
			return texts
		case ',':
			s.at++
		case 0:
			return texts
		default:
			texts = append(texts, s.value())
		}
	}
}

// value steps over the value that begins here.
func (s *skipper) value() []byte {
	start, depth := s.at, 0
	for s.at < len(s.data) {
		switch s.data[s.at] {
		case '"':
			s.text()
			if depth == 0 {
				return s.data[start:s.at]
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 { // behind a number or a word
				return s.data[start:s.at]
			}
			if depth--; depth == 0 {
				s.at++
				return s.data[start:s.at]
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return s.data[start:s.at]
			}
		}
		s.at++
	}
	return s.data[start:]
}

// text steps over the text that begins here.
func (s *skipper) text() {
	for s.at++; ; s.at++ {
		n := bytes.IndexByte(s.data[s.at:], '"')
		if n < 0 {
			s.at = len(s.data)
			return
		}
		s.at += n
		escapes := 0
		for s.data[s.at-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			s.at++
			return
		}
	}
}

package azuremltest

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// A router finds the route of a request on one host. It takes the patterns of
// [http.ServeMux] but matches literal segments ignoring case, as Azure does,
// never redirects, and tries a wildcard where a literal leads nowhere.
type router struct {
	root node
}

// node is one position in the paths that a router knows.
type node struct {
	literal map[string]*node // by lower-case segment
	wild    *node            // any one segment
	rest    *node            // all segments left, at least one (may be empty: a trailing slash)
	names   []string         // wildcards on the way here, "" for those without a name
	routes  map[string]*route
}

// add registers a route. It panics if the pattern is malformed or taken: both
// are mistakes in this package.
func (rt *router) add(r *route) {
	path, ok := strings.CutPrefix(r.pattern, "/")
	if !ok {
		panic("azuremltest: pattern " + r.pattern + " does not begin with a slash")
	}
	n := &rt.root
	var names []string
	segments := strings.Split(path, "/")
	for i, seg := range segments {
		last := i == len(segments)-1
		name, wild := strings.CutPrefix(seg, "{")
		name = strings.TrimSuffix(name, "}")
		switch {
		case wild && name == "$":
			n = n.child("")
		case last && seg == "":
			names = append(names, "")
			n = n.below(&n.rest)
		case wild && strings.HasSuffix(name, "..."):
			names = append(names, strings.TrimSuffix(name, "..."))
			n = n.below(&n.rest)
		case wild:
			names = append(names, name)
			n = n.below(&n.wild)
		default:
			n = n.child(strings.ToLower(seg))
		}
	}
	if n.routes == nil {
		n.routes = map[string]*route{}
		n.names = names
	}
	if n.routes[r.method] != nil || strings.Join(n.names, ",") != strings.Join(names, ",") {
		panic(fmt.Sprintf("azuremltest: two routes for %s %s", r.method, r.pattern))
	}
	n.routes[r.method] = r
}

func (n *node) child(literal string) *node {
	if n.literal == nil {
		n.literal = map[string]*node{}
	}
	c := n.literal[literal]
	if c == nil {
		c = &node{}
		n.literal[literal] = c
	}
	return c
}

func (n *node) below(slot **node) *node {
	if *slot == nil {
		*slot = &node{}
	}
	return *slot
}

// match finds the route of a request. It returns the methods that the path
// allows if there is none for this one, and nothing if the path is unknown.
func (rt *router) match(method, escapedPath string) (r *route, wild map[string]string, allowed []string) {
	path := strings.TrimLeft(escapedPath, "/")
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if u, err := url.PathUnescape(s); err == nil {
			segments[i] = u
		}
	}
	s := search{method: method}
	n := s.find(&rt.root, segments, nil)
	if n == nil {
		return nil, nil, s.allowed
	}
	wild = make(map[string]string, len(s.values))
	for i, name := range n.names {
		wild[name] = s.values[i]
	}
	return n.route(method), wild, nil
}

// route returns the node's route for a method, or nil.
func (n *node) route(method string) *route {
	if r := n.routes[method]; r != nil {
		return r
	}
	if method == http.MethodHead {
		if r := n.routes[http.MethodGet]; r != nil {
			return r
		}
	}
	return n.routes[""]
}

// search is one walk through a router.
type search struct {
	method  string
	values  []string // of the wildcards on the way to what was found
	allowed []string // methods of routes that fit but for the method
}

// find walks down, literal before wildcard before rest, until it comes to a
// route for the method.
func (s *search) find(n *node, segments, values []string) *node {
	if len(segments) == 0 {
		return s.accept(n, values)
	}
	head, tail := segments[0], segments[1:]
	if c := n.literal[strings.ToLower(head)]; c != nil {
		if found := s.find(c, tail, values); found != nil {
			return found
		}
	}
	if n.wild != nil && head != "" {
		if found := s.find(n.wild, tail, append(values, head)); found != nil {
			return found
		}
	}
	if n.rest != nil {
		return s.accept(n.rest, append(values, strings.Join(segments, "/")))
	}
	return nil
}

// accept ends the search at a node if it has a route for the method.
func (s *search) accept(n *node, values []string) *node {
	if n.route(s.method) != nil {
		s.values = values
		return n
	}
	for m := range n.routes {
		s.allowed = append(s.allowed, m)
	}
	return nil
}

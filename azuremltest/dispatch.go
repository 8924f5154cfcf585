package azuremltest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
)

// maxBody is how much of a body that is not streamed is read.
const maxBody = 64 << 20

// ServeHTTP answers one request of any host.
func (s *Server) serveHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodConnect {
		s.tunnel(w, r)
		return
	}
	c := &call{srv: s, w: w, r: r, kind: s.hostKindOf(r.Host)}
	s.commonHeaders(c)
	var allowed []string
	c.route, c.wild, allowed = s.route(c.kind, r)
	if c.route == nil || !c.route.stream {
		if !c.readBody() {
			return
		}
	}
	entry := s.recordArrival(c)
	out := &answer{header: w.Header()}
	defer s.recordAnswer(entry, out)
	if f := s.takeFault(c); f != nil {
		s.serveFault(c, f, out, allowed)
		return
	}
	s.respond(c, out, allowed)
	s.remember(c, out)
	out.flush(w)
}

// respond runs the route's handler, if there is one. Answers of unlocked
// routes go out at once, all others are left in out.
func (s *Server) respond(c *call, out *answer, allowed []string) {
	direct := c.w
	c.w = out
	defer s.answerPanic(c, out)
	switch {
	case c.route == nil:
		c.noRoute(allowed)
	case c.route.unlocked:
		if s.admit(c) {
			if !out.held {
				out.direct = direct
			}
			c.route.handle(c)
		}
	default:
		s.mu.Lock()
		defer s.mu.Unlock()
		defer s.reapContainers()
		if c.fault != nil && c.fault.Operation != nil {
			s.destined = c.fault.Operation
			defer func() { s.destined = nil }()
		}
		if c.admit() {
			c.route.handle(c)
		}
	}
}

// admit runs the checks of an unlocked route under the lock.
func (s *Server) admit(c *call) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return c.admit()
}

// answerPanic turns a mistake in a handler into an answer that shows it.
func (s *Server) answerPanic(c *call, out *answer) {
	p := recover()
	if p == nil {
		return
	}
	if aborted, ok := p.(error); ok && errors.Is(aborted, http.ErrAbortHandler) || out.sent {
		panic(http.ErrAbortHandler)
	}
	out.reset()
	c.w = out
	c.text(http.StatusInternalServerError, fmt.Sprintf("azuremltest: a mistake in the emulator: %v\n%s", p, debug.Stack()))
}

// route finds the route of a request. Model management answers on the
// regional API's host, too, and the other way round.
func (s *Server) route(kind hostKind, r *http.Request) (*route, map[string]string, []string) {
	path := r.URL.EscapedPath()
	found, wild, allowed := s.routers[kind].match(r.Method, path)
	if found != nil || len(allowed) > 0 {
		return found, wild, allowed
	}
	switch kind {
	case hostAPI:
		return s.routers[hostMMS].match(r.Method, path)
	case hostMMS:
		return s.routers[hostAPI].match(r.Method, path)
	}
	return nil, nil, nil
}

// readBody reads the whole body into c.body. It answers itself, and returns
// false, if that cannot be done.
func (c *call) readBody() bool {
	var err error
	c.body, err = io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, maxBody))
	if err == nil {
		return true
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		c.fail(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "The request body is larger than "+strconv.Itoa(maxBody)+" bytes.")
		return false
	}
	panic(http.ErrAbortHandler) // the client has gone
}

// noRoute answers a request that the emulator does not know.
func (c *call) noRoute(allowed []string) {
	switch {
	case c.kind == hostForeign:
		c.text(http.StatusBadGateway, "azuremltest: "+c.host()+" is not a host that is emulated, and nothing is forwarded to the real one")
	case len(allowed) > 0:
		slices.Sort(allowed)
		c.w.Header().Set("Allow", strings.Join(allowed, ", "))
		c.fail(http.StatusMethodNotAllowed, "HttpMethodNotSupported",
			"The requested resource does not support http method '"+c.r.Method+"'.")
	default:
		c.fail(http.StatusNotFound, "InvalidResourceType",
			"azuremltest does not emulate "+c.r.Method+" "+c.r.URL.Path+" on "+c.host()+".")
	}
}

// commonHeaders sets what every service sends.
func (s *Server) commonHeaders(c *call) {
	h := c.w.Header()
	h.Set("x-ms-request-id", s.guid())
	switch c.kind {
	case hostARM:
		h.Set("Cache-Control", "no-cache")
		h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
		h.Set("x-ms-correlation-request-id", s.guid())
		if c.r.Method == http.MethodGet {
			h.Set("x-ms-ratelimit-remaining-subscription-reads", "11999")
		} else {
			h.Set("x-ms-ratelimit-remaining-subscription-writes", "1199")
		}
	case hostMMS, hostAPI:
		h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
		h.Set("api-supported-versions", "1.0, 2018-03-01-preview, 2018-11-19")
	}
	for _, name := range []string{"x-ms-client-request-id", "x-ms-client-session-id"} {
		if v := c.r.Header.Get(name); v != "" {
			h.Set(name, v)
		}
	}
}

// answer is a response on its way: kept in memory, or passed on to direct.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
	direct http.ResponseWriter
	sent   bool
	held   bool // keep even what an unlocked route writes
	fault  bool
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
	if a.direct != nil && !a.sent {
		a.sent = true
		a.direct.WriteHeader(status)
	}
}

func (a *answer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	if a.direct != nil {
		return a.direct.Write(b)
	}
	return a.body.Write(b)
}

// Unwrap lets [http.ResponseController] find the connection's writer.
func (a *answer) Unwrap() http.ResponseWriter { return a.direct }

// reset forgets what has been written.
func (a *answer) reset() {
	a.status = 0
	a.body.Reset()
	for _, name := range []string{"Content-Length", "Content-Type", "Retry-After", "Operation-Location", "Azure-AsyncOperation", "Location"} {
		a.header.Del(name)
	}
}

// cut sends the headers and the first n bytes of the body and breaks the
// connection if there is more.
func (a *answer) cut(w http.ResponseWriter, n int) {
	if n >= a.body.Len() {
		return
	}
	length := a.body.Len()
	a.body.Truncate(n)
	a.sent = true
	a.header.Set("Content-Length", strconv.Itoa(length))
	w.WriteHeader(max(a.status, http.StatusOK))
	w.Write(a.body.Bytes())
	http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// flush sends what was kept.
func (a *answer) flush(w http.ResponseWriter) {
	if a.sent {
		return
	}
	a.sent = true
	if a.status == 0 {
		a.status = http.StatusOK
	}
	if a.status != http.StatusNoContent && a.status != http.StatusNotModified {
		a.header.Set("Content-Length", strconv.Itoa(a.body.Len()))
	}
	w.WriteHeader(a.status)
	w.Write(a.body.Bytes())
}

package azuremltest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// maxRequests is how many requests are remembered.
const maxRequests = 10000

// Request is what the server remembers of a request that it received.
type Request struct {
	Time   time.Time // when it arrived
	Method string
	Host   string      // lower case, without port
	URL    *url.URL    // absolute; path and query as they were sent
	Header http.Header // with Authorization masked: see [Server.Requests]
	Body   []byte      // nil where Streamed; of token requests the secrets are masked
	// Streamed says that the body was read by its handler (a blob, a scoring
	// request) and is not kept.
	Streamed bool

	// Status is the status that was answered, 0 while there is no answer or
	// if the connection was broken without one.
	Status int
	// Fault says that a [Fault] interfered.
	Fault bool
}

// Requests returns the requests received so far in the order of their arrival,
// the last 10,000 at most. Requests to hosts that are not emulated are among
// them, CONNECT requests are not: a client that comes through the proxy for TLS with
// such a host is refused before it makes a request, which [Options].Log is told.
//
// Access tokens are not kept: their Authorization header reads
// "Bearer aud=<audience>". Other credentials in it become "***". Signatures in
// URLs are kept, and so are all bodies but those of token requests, with what
// secrets they hold: a test may want to see them.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Request, len(s.requests))
	for i, r := range s.requests {
		list[i] = r.clone()
	}
	return list
}

// ResetRequests forgets the requests received so far.
func (s *Server) ResetRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
}

func (r *Request) clone() Request {
	c := *r
	u := *r.URL
	c.URL = &u
	c.Header = r.Header.Clone()
	c.Body = slices.Clone(r.Body)
	return c
}

// recordArrival remembers a request before it is answered.
func (s *Server) recordArrival(c *call) *Request {
	u := *c.r.URL
	u.Host = c.r.Host
	u.Scheme = "http"
	if c.r.TLS != nil {
		u.Scheme = "https"
	}
	entry := &Request{
		Time:     time.Now(),
		Method:   c.r.Method,
		Host:     c.host(),
		URL:      &u,
		Header:   c.r.Header.Clone(),
		Body:     c.body,
		Streamed: c.route != nil && c.route.stream,
	}
	if a := entry.Header.Get("Authorization"); a != "" {
		entry.Header.Set("Authorization", s.maskAuthorization(a))
	}
	if c.kind == hostAuthority {
		entry.Body = maskForm(c.body)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.requests) >= maxRequests {
		s.requests = slices.Delete(s.requests, 0, maxRequests/10)
	}
	s.requests = append(s.requests, entry)
	return entry
}

// recordAnswer completes an entry and tells Options.Log.
func (s *Server) recordAnswer(entry *Request, out *answer) {
	s.mu.Lock()
	if out.sent {
		entry.Status = out.status
	}
	entry.Fault = out.fault
	told := entry.clone()
	s.mu.Unlock()
	if s.opts.Log != nil {
		s.opts.Log(told)
	}
}

// maskAuthorization names a token of ours by its audience and hides all else.
func (s *Server) maskAuthorization(value string) string {
	scheme, token, ok := strings.Cut(value, " ")
	if !ok {
		return "***"
	}
	if claims, err := s.verify(token); err == nil {
		return scheme + " aud=" + claims.Audience
	}
	return scheme + " ***"
}

// secretFields are the parameters of token requests that are not kept.
var secretFields = []string{"client_secret", "client_assertion", "refresh_token", "password", "code_verifier", "device_code", "code"}

// maskForm hides the values of secret parameters and leaves the rest of a form
// as it was sent.
func maskForm(body []byte) []byte {
	pairs := strings.Split(string(body), "&")
	for i, pair := range pairs {
		key, _, _ := strings.Cut(pair, "=")
		if name, err := url.QueryUnescape(key); err == nil && slices.Contains(secretFields, name) {
			pairs[i] = key + "=***"
		}
	}
	return []byte(strings.Join(pairs, "&"))
}

package azuremltest

import (
	"math/rand/v2"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Fault makes matching requests go wrong. The first group of fields says
// which requests, the second which of those, the third what happens.
//
// The pages at the server's own address ([Options].Home and /ca.pem) go wrong, and
// are counted, only where a Host is given.
//
// A fault that is hit decides alone: later ones do not see the request.
//
// Beware when counting resets: the transport of net/http by itself sends a GET,
// HEAD or OPTIONS again if a connection that it has used before breaks before
// the first byte of an answer.
type Fault struct {
	// Method is the HTTP method; empty means all.
	Method string
	// Host is a pattern for the host name as of [path.Match], in lower case
	// ("*.api.azureml.ms"); empty means all.
	Host string
	// Path is looked for in the path as it was sent, ignoring case: if it
	// contains one of *?[ it is a pattern for the whole path as of
	// [path.Match], where * stops at a slash; otherwise it may stand anywhere
	// in the path. Empty means all.
	Path string

	// From is the first matching request to go wrong, counting from 1; 0
	// means 1.
	From int
	// Count is how many requests go wrong, beginning with that one. 0 means
	// one, or all if Probability is set; a negative number means all.
	Count int
	// Probability, between 0 and 1, is the chance of each of those requests to
	// go wrong; 0 means that all do.
	Probability float64
	// Seed makes the choice of Probability; the same seed chooses the same.
	Seed uint64

	// Status is sent instead of the real answer, without the request having
	// any effect.
	Status int
	// AfterEffect lets the request take effect before Status is sent, as a
	// gateway does that loses patience.
	AfterEffect bool
	// RetryAfter is the value of the Retry-After header that goes with Status.
	RetryAfter string
	// Header holds further headers of that answer.
	Header http.Header
	// Body is its body. If it is empty, an error in the shape of the service is
	// sent, with a code that fits the status.
	Body string
	// ResetBefore breaks the connection without the request having any effect.
	ResetBefore bool
	// ResetAfter breaks the connection after the request has taken effect.
	ResetAfter bool
	// CutBody breaks the connection after that many bytes of the body, and
	// after the headers if it is negative. The body is that of Status, if set,
	// and otherwise the real one.
	CutBody int
	// Delay passes before anything else happens, so that the headers of the
	// answer come late. With nothing else set, the request is answered as usual
	// after it.
	Delay time.Duration
	// BodyDelay passes in the middle of the body, after the headers and the first
	// half of it have been sent.
	BodyDelay time.Duration

	// Stale answers a GET as the last one of the same URL was answered, as long as
	// the fault is set up, and 404 if there has been none: a read that does not
	// see the write before it. Requests with other methods are answered as usual.
	Stale bool
	// ExpireToken answers as if the request's access token had just expired.
	ExpireToken bool
	// RotateKeys gives the web service that the request is about, or is sent to,
	// two new keys before it is answered, as somebody else may do.
	RotateKeys bool
	// ClockSkew is by how much the clock of the service is ahead of the client's,
	// or behind if negative: it shows in the Date header, and in what is thought of
	// the times in access tokens (five minutes are forgiven, as usual) and signatures.
	ClockSkew time.Duration
	// Operation says how the long-running operation ends that the request begins,
	// if it begins one; see [Server.FailNextOperation]. Kind and Name are not
	// looked at.
	Operation *OperationFailure
}

// faultState is a fault that has been set up.
type faultState struct {
	Fault
	seen   int
	random *rand.Rand
	reads  map[string]staleAnswer // of Stale, by method and URL
}

// Fault sets up a fault and returns a function that removes it again. Faults
// are tried in the order in which they were set up. It panics if a pattern is
// malformed, a number is out of its range, or the operation cannot end like that.
func (s *Server) Fault(f Fault) (remove func()) {
	if problems := f.problems(); len(problems) > 0 {
		panic("azuremltest: " + strings.Join(problems, "; "))
	}
	if f.Operation != nil {
		o := *f.Operation
		setDefault(&o.State, stateFailed)
		f.Operation = &o
	}
	state := &faultState{Fault: f, random: rand.New(rand.NewPCG(f.Seed, 0)), reads: map[string]staleAnswer{}}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, state)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.faults = slices.DeleteFunc(s.faults, func(f *faultState) bool { return f == state })
	}
}

// takeFault returns the fault that hits the request, or nil. Who watches the server
// at its own address must not use up what is meant for the program that is tested.
func (s *Server) takeFault(c *call) *faultState {
	home := c.kind == hostSelf && c.route != nil && c.route.unlocked
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if home && f.Host == "" {
			continue
		}
		if f.matches(c.r) && f.hits() {
			return f
		}
	}
	return nil
}

// matches says whether the request is one of those that the fault is about.
func (f *Fault) matches(r *http.Request) bool {
	if f.Method != "" && !equalFold(f.Method, r.Method) {
		return false
	}
	if f.Host != "" {
		if ok, _ := path.Match(strings.ToLower(f.Host), hostname(r.Host)); !ok {
			return false
		}
	}
	if f.Path == "" {
		return true
	}
	pattern, sent := strings.ToLower(f.Path), strings.ToLower(r.URL.EscapedPath())
	if !strings.ContainsAny(pattern, "*?[") {
		return strings.Contains(sent, pattern)
	}
	ok, _ := path.Match(pattern, sent)
	return ok
}

// hits counts a matching request and says whether it goes wrong.
func (f *faultState) hits() bool {
	f.seen++
	from, count := max(f.From, 1), f.Count
	if count == 0 && f.Probability == 0 {
		count = 1
	}
	if f.seen < from || count > 0 && f.seen >= from+count {
		return false
	}
	return f.Probability <= 0 || f.random.Float64() < f.Probability
}

// serveFault answers a request that a fault has hit.
func (s *Server) serveFault(c *call, f *faultState, out *answer, allowed []string) {
	out.fault = true
	c.fault = &f.Fault
	direct := c.w
	if f.Delay > 0 && !s.sleep(c.r, f.Delay) {
		panic(http.ErrAbortHandler)
	}
	if f.ResetBefore {
		resetConn(c.r)
		panic(http.ErrAbortHandler)
	}
	if f.ClockSkew != 0 {
		out.header.Set("Date", c.now().UTC().Format(http.TimeFormat))
	}
	stale := f.Stale && isRead(c.r)
	switch {
	case stale && !f.ResetAfter && f.Status == 0:
		s.serveStale(c, f, out)
	case f.Status == 0 || f.AfterEffect || f.ResetAfter:
		out.held = f.Status != 0 || f.ResetAfter || f.CutBody != 0 || f.BodyDelay > 0
		s.respond(c, out, allowed)
	}
	if f.ResetAfter {
		resetConn(c.r)
		panic(http.ErrAbortHandler)
	}
	if f.Status != 0 {
		out.reset()
		c.w = out
		f.answer(c)
	}
	if f.CutBody != 0 {
		out.cut(direct, max(f.CutBody, 0))
	}
	if f.BodyDelay > 0 {
		out.flushSlowly(direct, func() bool { return s.sleep(c.r, f.BodyDelay) })
	}
	out.flush(direct)
}

// answer writes the fault's own answer.
func (f *Fault) answer(c *call) {
	h := c.w.Header()
	if f.RetryAfter != "" {
		h.Set("Retry-After", f.RetryAfter)
	}
	if f.Body == "" {
		c.fail(f.Status, faultCode(f.Status), "azuremltest: a fault that was set up")
		for name, values := range f.Header {
			h[http.CanonicalHeaderKey(name)] = values
		}
		return
	}
	for name, values := range f.Header {
		h[http.CanonicalHeaderKey(name)] = values
	}
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", http.DetectContentType([]byte(f.Body)))
	}
	c.w.WriteHeader(f.Status)
	c.w.Write([]byte(f.Body))
}

// faultCode is the error code that goes with a status.
func faultCode(status int) string {
	switch status {
	case http.StatusTooManyRequests:
		return "TooManyRequests"
	case http.StatusUnauthorized:
		return "AuthenticationFailed"
	case http.StatusForbidden:
		return "AuthorizationFailed"
	case http.StatusServiceUnavailable:
		return "ServiceUnavailable"
	}
	if text := http.StatusText(status); text != "" {
		return strings.ReplaceAll(text, " ", "")
	}
	return "Status" + strconv.Itoa(status)
}

// sleep waits, and returns false if the client or the server went away first.
func (s *Server) sleep(r *http.Request, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.Context().Done():
	case <-s.closing:
	}
	return false
}

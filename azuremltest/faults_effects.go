package azuremltest

import (
	"maps"
	"net/http"
	"strconv"
	"time"
)

const (
	// maxStale and maxStaleBody bound what is kept for Fault.Stale.
	maxStale     = 1000
	maxStaleBody = 1 << 20
	// forgivenSkew is how far clocks may differ before a token is refused.
	forgivenSkew = 5 * time.Minute
)

// staleAnswer is how a read was answered.
type staleAnswer struct {
	status int
	header http.Header
	body   []byte
}

func isRead(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

func staleKey(r *http.Request) string { return r.Method + " " + hostname(r.Host) + r.URL.RequestURI() }

// remember keeps what a read was answered for the faults that answer so again.
func (s *Server) remember(c *call, out *answer) {
	if !isRead(c.r) || out.direct != nil || out.body.Len() > maxStaleBody {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if f.Stale && f.matches(c.r) && len(f.reads) < maxStale {
			f.reads[staleKey(c.r)] = staleAnswer{max(out.status, http.StatusOK), maps.Clone(out.header), append([]byte{}, out.body.Bytes()...)}
		}
	}
}

// serveStale answers a read as the last one was.
func (s *Server) serveStale(c *call, f *faultState, out *answer) {
	s.mu.Lock()
	old, known := f.reads[staleKey(c.r)]
	s.mu.Unlock()
	c.w = out
	if !known {
		c.fail(http.StatusNotFound, "ResourceNotFound", "azuremltest: a fault that was set up: the resource is not yet to be seen")
		return
	}
	for name, values := range old.header {
		if name != "Date" {
			out.header[name] = values
		}
	}
	out.WriteHeader(old.status)
	out.Write(old.body)
}

// flushSlowly sends the headers and half of the body, waits, and sends the rest.
func (a *answer) flushSlowly(w http.ResponseWriter, wait func() bool) {
	if a.sent {
		return
	}
	a.sent = true
	a.status = max(a.status, http.StatusOK)
	body := a.body.Bytes()
	if a.status != http.StatusNoContent && a.status != http.StatusNotModified {
		a.header.Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(a.status)
	w.Write(body[:len(body)/2])
	http.NewResponseController(w).Flush()
	if !wait() {
		panic(http.ErrAbortHandler)
	}
	w.Write(body[len(body)/2:])
}

// now is the time on the service's clock.
func (c *call) now() time.Time {
	if c.fault != nil {
		return time.Now().Add(c.fault.ClockSkew)
	}
	return time.Now()
}

// expired reports whether the service finds that a token's time is over.
func (c *call) expired(t *tokenClaims) bool {
	now := c.now()
	if c.fault != nil && c.fault.ClockSkew != 0 {
		now = now.Add(-forgivenSkew)
	}
	return c.fault != nil && c.fault.ExpireToken || now.Unix() >= t.Expires
}

// premature reports whether the service finds that a token's time has not come.
func (c *call) premature(t *tokenClaims) bool {
	return c.now().Add(forgivenSkew).Unix() < t.NotBefore
}

// rotate gives the service new keys if a fault says so. The caller holds srv.mu.
func (c *call) rotate(svc *service) {
	if c.fault != nil && c.fault.RotateKeys && svc != nil {
		svc.primary, svc.secondary = c.srv.hex(16), c.srv.hex(16)
	}
}

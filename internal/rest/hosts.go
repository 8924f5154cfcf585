package rest

import (
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"

	"github.com/azureml-go/azureml"
)

// Hosts is the set of origins that a token may be sent to. It only grows, and is
// safe for concurrent use.
type Hosts struct {
	mu      sync.RWMutex
	origins map[site]bool
	// seen are the addresses whose origins are known, and spelled schemes and hosts in
	// them: most calls name one again in just this way.
	seen    map[string]bool
	spelled map[[2]string]bool
}

// NewHosts makes a set of the origins of addresses; see [Hosts.Allow].
func NewHosts(addresses ...string) *Hosts {
	h := &Hosts{origins: make(map[site]bool), seen: make(map[string]bool), spelled: make(map[[2]string]bool)}
	for _, a := range addresses {
		_ = h.Allow(a)
	}
	return h
}

// Allow adds the origin of address, which must be https, or http on loopback.
func (h *Hosts) Allow(address string) error {
	h.mu.RLock()
	seen := h.seen[address]
	h.mu.RUnlock()
	if seen {
		return nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return fmt.Errorf("%q is not an address", address)
	}
	if !secure(u) {
		return fmt.Errorf("%q is neither https nor on loopback", address)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.origins[origin(u)], h.seen[address], h.spelled[[2]string{u.Scheme, u.Host}] = true, true, true
	return nil
}

// Check refuses a URL that a token must not be sent to.
func (h *Hosts) Check(u *url.URL) error {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.spelled[[2]string{u.Scheme, u.Host}] || h.origins[origin(u)] && secure(u) {
		return nil
	}
	return &azureml.Error{
		Kind:    azureml.ErrInvalid,
		Message: fmt.Sprintf("refused to send the access token to %s://%s, which is not a host of this workspace", u.Scheme, u.Host),
		Remedy:  "The address came from the service, an environment override (AZUREML_DEV_URL_…) or a token for resuming. Check where it came from.",
	}
}

func secure(u *url.URL) bool {
	switch strings.ToLower(u.Scheme) {
	case "https":
		return true
	case "http":
		if strings.EqualFold(u.Hostname(), "localhost") {
			return true
		}
		ip := net.ParseIP(u.Hostname())
		return ip != nil && ip.IsLoopback()
	}
	return false
}

// site is a scheme, a host and a port, in one spelling.
type site struct{ scheme, host, port string }

func origin(u *url.URL) site {
	s := site{strings.ToLower(u.Scheme), strings.ToLower(u.Hostname()), u.Port()}
	switch {
	case s.port != "":
	case s.scheme == "https":
		s.port = "443"
	case s.scheme == "http":
		s.port = "80"
	}
	return s
}

// final marks an error that the retry policy must not retry.
type final struct{ error }

// NonRetriable is what azcore's retry policy looks for.
func (final) NonRetriable() {}

// Unwrap gives the error itself.
func (f final) Unwrap() error { return f.error }

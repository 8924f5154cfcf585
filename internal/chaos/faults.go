package chaos

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/azureml-go/azureml/azuremltest"
)

// kind is a way in which a request goes wrong.
type kind struct {
	name string
	// fault is what the emulator is told; nil for what is done on the way to it.
	fault *azuremltest.Fault
	// lost: the request takes effect, and its caller does not learn of it.
	lost bool
	// fits limits it to some requests; nil: all.
	fits func(*faults, *http.Request) bool
	// apply is what is done to the request on its way; a non-nil answer is the answer.
	apply func(*faults, *http.Request) *http.Response
}

const page = "<html><head><title>Gateway Time-out</title></head><body>The gateway did not receive a timely response.</body></html>"

var html = http.Header{"Content-Type": {"text/html"}}

// kinds are all ways in which requests go wrong. Their order is part of what a seed means.
func kinds() []kind {
	return []kind{
		{name: "429 with Retry-After", fault: &azuremltest.Fault{Status: 429, RetryAfter: "7"}},
		{name: "429", fault: &azuremltest.Fault{Status: 429}},
		{name: "500", fault: &azuremltest.Fault{Status: 500}},
		{name: "502, HTML page", fault: &azuremltest.Fault{Status: 502, Body: page, Header: html}},
		{name: "503", fault: &azuremltest.Fault{Status: 503}},
		{name: "503 with Retry-After", fault: &azuremltest.Fault{Status: 503, RetryAfter: "2"}},
		{name: "504 after the effect", fault: &azuremltest.Fault{Status: 504, AfterEffect: true}, lost: true},
		{name: "504 after the effect, HTML page", fault: &azuremltest.Fault{Status: 504, AfterEffect: true, Body: page, Header: html}, lost: true},
		{name: "reset before the effect", fault: &azuremltest.Fault{ResetBefore: true}},
		{name: "reset after the effect", fault: &azuremltest.Fault{ResetAfter: true}, lost: true},
		{name: "body cut", fault: &azuremltest.Fault{CutBody: 9}, lost: true},
		{name: "cut after the headers", fault: &azuremltest.Fault{CutBody: -1}, lost: true},
		{name: "slow", fault: &azuremltest.Fault{Delay: 20 * time.Second}},
		{name: "too slow", fault: &azuremltest.Fault{Delay: 3 * time.Minute}},
		{name: "slow body", fault: &azuremltest.Fault{BodyDelay: 20 * time.Second}},
		staleRead(),
		{name: "expired token", fault: &azuremltest.Fault{ExpireToken: true}, fits: hasToken},
		{name: "rotated keys", fault: &azuremltest.Fault{RotateKeys: true}, fits: isScoring},
		{name: "clock ahead", fault: &azuremltest.Fault{ClockSkew: 10 * time.Minute}},
		{name: "clock behind", fault: &azuremltest.Fault{ClockSkew: -10 * time.Minute}},
	}
}

func staleRead() kind {
	return kind{name: "stale read", fits: (*faults).hasStale, apply: (*faults).stale}
}

// ends are the ways in which operations end badly, or never.
func ends() []kind {
	var list []kind
	for _, state := range []string{"Failed", "Canceled", "TimedOut", "Stuck"} {
		k := kind{name: "operation: " + state, fault: &azuremltest.Fault{Operation: &azuremltest.OperationFailure{State: state}}}
		if state == "Stuck" {
			k.fits = makes // what never ends can be overwritten or deleted then
		}
		list = append(list, k)
	}
	return list
}

// begins tells of a request that begins an operation.
func begins(req *http.Request) bool {
	parts := strings.Split(req.URL.Path, "/")
	resource := len(parts) > 2 && (parts[len(parts)-2] == "services" || parts[len(parts)-2] == "computes")
	switch req.Method {
	case http.MethodPut, http.MethodPatch, http.MethodDelete:
		return resource
	case http.MethodPost:
		return parts[len(parts)-1] == "services"
	}
	return false
}

// makes tells of a request that makes a compute or a service.
func makes(_ *faults, req *http.Request) bool {
	return req.Method == http.MethodPut || req.Method == http.MethodPost
}

// staleFor is how long a read may show what was before.
const staleFor = 10 * time.Second

// faults is the way to the emulator: it makes a share of the requests go wrong. Whether
// and how depends on the seed, on what is asked, and on how often that was asked before,
// not on the order in which goroutines run: a seed is the same again.
type faults struct {
	srv  *azuremltest.Server
	base http.RoundTripper
	seed uint64
	rate float64
	all  []kind
	ends []kind // of operations
	late []kind // of reads of what was changed
	// trace, if set, gets a line about each request.
	trace io.Writer

	mu      sync.Mutex
	calm    bool
	asked   map[string]uint64
	read    map[string]seen
	effects map[string]int
	hits    []hit
	pauses  map[string]time.Time // until when a request must not be sent again
	early   []string             // that were all the same
	open    int                  // bodies that were not closed
	count   map[string]int
	sent    int
	secrets *secrets
}

// hit is a request that went wrong.
type hit struct {
	kind *kind
	req  *http.Request
}

// seen is an answer that was given.
type seen struct {
	resp *http.Response
	body []byte
	at   time.Time
}

func newFaults(srv *azuremltest.Server, o Options, s *secrets) *faults {
	return &faults{
		srv: srv, base: srv.Client().Transport, seed: o.Seed, rate: o.Rate, trace: o.Trace, all: kinds(), ends: ends(), late: []kind{staleRead()}, secrets: s,
		asked: map[string]uint64{}, read: map[string]seen{}, effects: map[string]int{}, pauses: map[string]time.Time{}, count: map[string]int{},
	}
}

// setCalm stops the faults, or lets them go on.
func (f *faults) setCalm(calm bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calm = calm
}

// RoundTrip implements [http.RoundTripper].
func (f *faults) RoundTrip(req *http.Request) (*http.Response, error) {
	f.secrets.ofRequest(req)
	k := f.choose(req)
	if k == nil {
		k = &kind{}
	}
	if k.apply != nil {
		req = req.Clone(req.Context())
		if resp := k.apply(f, req); resp != nil {
			if req.Body != nil {
				req.Body.Close()
			}
			f.traced(req, k, resp, nil)
			return resp, nil
		}
	}
	if k.fault != nil {
		fault := *k.fault
		fault.Method, fault.Host, fault.Path, fault.Count = req.Method, req.URL.Hostname(), req.URL.EscapedPath(), -1
		defer f.srv.Fault(fault)()
	}
	resp, err := f.base.RoundTrip(req)
	f.traced(req, k, resp, err)
	f.noteEffect(req, resp, k.lost)
	f.askPause(req, resp)
	if err != nil {
		return nil, err
	}
	f.keep(req, resp, k)
	f.mu.Lock()
	f.open++
	f.mu.Unlock()
	resp.Body = &body{ReadCloser: resp.Body, f: f}
	return resp, nil
}

// traced writes a line about a request.
func (f *faults) traced(req *http.Request, k *kind, resp *http.Response, err error) {
	if f.trace == nil {
		return
	}
	outcome := ""
	if resp != nil {
		outcome = resp.Status
	}
	fmt.Fprintf(f.trace, "%s %s %s: %s %v", req.Method, req.URL.Hostname(), req.URL.Path, outcome, err)
	if k.name != "" {
		fmt.Fprintf(f.trace, " (%s)", k.name)
	}
	fmt.Fprintln(f.trace)
}

// body counts that it is closed.
type body struct {
	io.ReadCloser
	f    *faults
	once sync.Once
}

func (b *body) Close() error {
	b.once.Do(func() {
		b.f.mu.Lock()
		defer b.f.mu.Unlock()
		b.f.open--
	})
	return b.ReadCloser.Close()
}

// ids are the parts of paths that differ from run to run.
var ids = regexp.MustCompile(`[0-9a-f]{8,}|[0-9]{6}t[0-9]{6}`)

// choose decides about a request.
func (f *faults) choose(req *http.Request) *kind {
	what := req.Method + " " + req.URL.Hostname() + ids.ReplaceAllString(strings.ToLower(req.URL.Path), "*")
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sent++
	f.notePause(req)
	if f.calm {
		return nil
	}
	n := f.asked[what]
	f.asked[what]++
	hash := fnv.New64a()
	hash.Write([]byte(what))
	random := rand.New(rand.NewPCG(f.seed, hash.Sum64()+n))
	if random.Float64() >= f.rate {
		return nil
	}
	among := f.all
	if begins(req) && random.IntN(2) == 0 {
		among = f.ends
	}
	if f.hasStale(req) && !strings.Contains(req.URL.Path, "/operations/") && random.IntN(2) == 0 {
		among = f.late
	}
	k := &among[random.IntN(len(among))]
	for k.fits != nil && !k.fits(f, req) {
		k = &among[random.IntN(len(among))]
	}
	f.count[k.name]++
	f.hits = append(f.hits, hit{k, req})
	return k
}

// keep remembers an answer for stale reads.
func (f *faults) keep(req *http.Request, resp *http.Response, k *kind) {
	if req.Method != http.MethodGet || k.fault != nil || resp.Header.Get("Content-Type") == "" || strings.Contains(req.URL.Hostname(), ".blob.") {
		return
	}
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusNotFound {
		return
	}
	content, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(content))
	if err != nil {
		resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(content), broken{err}))
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.read[req.URL.String()] = seen{resp, content, time.Now()}
}

// broken is a body that breaks off.
type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

// hasStale tells whether the same was read a moment ago.
func (f *faults) hasStale(req *http.Request) bool {
	s, ok := f.read[req.URL.String()]
	return ok && req.Method == http.MethodGet && time.Since(s.at) < staleFor
}

// stale answers with what was read a moment ago.
func (f *faults) stale(req *http.Request) *http.Response {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.read[req.URL.String()]
	resp := *s.resp
	resp.Header, resp.Request = s.resp.Header.Clone(), req
	resp.Body = io.NopCloser(bytes.NewReader(s.body))
	return &resp
}

// isScoring tells of a request to a web service itself.
func isScoring(_ *faults, req *http.Request) bool { return strings.HasSuffix(req.URL.Path, "/score") }

// hasToken tells of a request with an access token.
func hasToken(f *faults, req *http.Request) bool {
	return strings.HasPrefix(req.Header.Get("Authorization"), "Bearer ") && !isScoring(f, req)
}

package chaos

import (
	"maps"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// harmless are the last parts of the paths of POSTs that change nothing, or the same again.
var harmless = []string{"listkeys", "listKeys", "token", "score", "list", "validate", "resource", "query"}

// effect names what a request makes or changes, if that must not happen twice; else "".
func effect(req *http.Request) string {
	if req.Method != http.MethodPost && req.Method != http.MethodPatch {
		return ""
	}
	host, last := req.URL.Hostname(), path.Base(req.URL.Path)
	if strings.HasPrefix(host, "login.") || strings.Contains(req.URL.Path, "/validate/") ||

		req.Method == http.MethodPatch && strings.Contains(req.URL.Path, "/models/") || // sets whole values
		strings.Contains(req.URL.Path, "/batch/metadata/") || // of a container that is the caller's alone: the same again
		slices.Contains(harmless, last) {
		return ""
	}
	return req.Method + " " + req.URL.Path
}

// noteEffect counts the requests that took effect. Of one whose answer was lost it is
// taken for granted: the faults of that kind let it through.
func (f *faults) noteEffect(req *http.Request, resp *http.Response, lost bool) {
	what := effect(req)
	if what == "" {
		return
	}
	if lost || resp != nil && resp.StatusCode < 300 {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.effects[what]++
	}
}

// recognised are the last parts of the paths of POSTs that make something which the
// library knows again when the answer was lost.
var recognised = []string{"services", "models", "assets"}

// lostLast tells that the last that went wrong was that the answer to such a request was
// lost: what went wrong before was survived, or it would not have been sent.
func lostLast(hits []hit) bool {
	if len(hits) == 0 {
		return false
	}
	last := hits[len(hits)-1]
	return last.kind.lost && last.req.Method == http.MethodPost && slices.Contains(recognised, path.Base(last.req.URL.Path))
}

// askPause notes how long a request must not be sent again.
func (f *faults) askPause(req *http.Request, resp *http.Response) {
	if resp == nil || resp.StatusCode < 400 {
		return
	}
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds > 0 {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.pauses[req.Method+" "+req.URL.String()] = time.Now().Add(time.Duration(seconds) * time.Second)
	}
}

// notePause notes a request that comes too early. The caller holds the lock.
func (f *faults) notePause(req *http.Request) {
	if until := f.pauses[req.Method+" "+req.URL.String()]; time.Now().Before(until) {
		f.early = append(f.early, req.Method+" "+req.URL.Path+" "+time.Until(until).String()+" too early")
	}
}

// takeHits gives what went wrong since the last time, and what came too early.
func (f *faults) takeHits() (hits []hit, early []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	hits, early = f.hits, f.early
	f.hits, f.early = nil, nil
	clear(f.pauses)
	return hits, early
}

// takeEffects gives the counts since the last time, and begins anew.
func (f *faults) takeEffects() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	taken := f.effects
	f.effects = map[string]int{}
	return taken
}

// twice lists what took effect more often than most.
func twice(effects map[string]int, most int) []string {
	var list []string
	for _, what := range slices.Sorted(maps.Keys(effects)) {
		if effects[what] > most {
			list = append(list, what)
		}
	}
	return list
}

package chaos

import (
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
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

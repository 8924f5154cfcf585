package chaos

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing/synctest"
	"time"
)

// Jobs are the names of what is run.
func Jobs() []string { return []string{"main", "endpoint"} }

// Options say what to run.
type Options struct {
	// Job is one of [Jobs].
	Job string
	// Seed chooses what goes wrong, Rate which share of the requests does.
	Seed uint64
	Rate float64
	// Dir holds the files that [Prepare] wrote.
	Dir string
	// Trace, if set, gets a line about each request.
	Trace io.Writer
}

// Run runs one job and gives what happened. It must be called in a bubble of
// testing/synctest, and in one at a time.
func Run(o Options) *Tally {
	r := newRun(o)
	begun := time.Now()
	heard.Store(r.secrets)
	switch o.Job {
	case "main":
		r.mainJob()
	case "endpoint":
		r.endpointJob()
	}
	r.tally.Virtual = time.Since(begun)
	heard.Store(nil)
	r.close()
	for _, leak := range r.secrets.leaks() {
		r.step = "output"
		r.finding("holds %s", leak)
	}
	r.tally.Requests = r.faults.sent
	add(r.tally.Faults, r.faults.count)
	for _, f := range r.found {
		r.tally.Findings = append(r.tally.Findings, fmt.Sprintf("%s job, seed %d: %s", o.Job, o.Seed, f))
	}
	return r.tally
}

// close ends the world and looks for what is left of the library.
func (r *run) close() {
	r.step = "after the run"
	synctest.Wait()
	r.faults.mu.Lock()
	open := r.faults.open
	r.faults.mu.Unlock()
	r.expect(open == 0, "%d bodies of answers were not closed", open)
	if files := openFiles(r.dir); len(files) > 0 {
		r.finding("files are open: %v", files)
	}
	r.faults.base.(*http.Transport).CloseIdleConnections()
	r.srv.Close()
	synctest.Wait()
	if left := others(); left != "" {
		r.finding("goroutines are left:\n%s", left)
	}
}

// others are the other goroutines of this bubble.
func others() string {
	buffer := make([]byte, 1<<18)
	all := strings.Split(string(buffer[:runtime.Stack(buffer, true)]), "\n\n")
	here := bubbleIn(all[0])
	var left []string
	for _, g := range all[1:] {
		if here != "" && bubbleIn(g) == here && !strings.Contains(g, "testing/synctest.") && !strings.Contains(g, "internal/synctest.") {
			left = append(left, g)
		}
	}
	return strings.Join(left, "\n\n")
}

package chaos

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
)

// Tally counts what happened in runs.
type Tally struct {
	// Runs are jobs that were run to their end, Calls the calls of the library in them,
	// Requests what these sent, Warnings what they warned of.
	Runs, Calls, Requests, Warnings int
	// Faults by kind.
	Faults map[string]int
	// Failed are calls that ended in an error, by its kind; FailedSteps by step, too.
	Failed, FailedSteps map[string]int
	// Virtual is how long the runs took by their own clock.
	Virtual time.Duration
	// Findings are what must not be.
	Findings []string
}

func newTally() *Tally {
	return &Tally{Faults: map[string]int{}, Failed: map[string]int{}, FailedSteps: map[string]int{}}
}

// Add adds the counts of other.
func (t *Tally) Add(other *Tally) {
	t.Runs += other.Runs
	t.Calls += other.Calls
	t.Requests += other.Requests
	t.Warnings += other.Warnings
	t.Virtual += other.Virtual
	add(t.Faults, other.Faults)
	add(t.Failed, other.Failed)
	add(t.FailedSteps, other.FailedSteps)
	t.Findings = append(t.Findings, other.Findings...)
}

func add(to, from map[string]int) {
	for k, n := range from {
		to[k] += n
	}
}

func sum(m map[string]int) int {
	n := 0
	for _, v := range m {
		n += v
	}
	return n
}

// Print writes the counts as Markdown.
func (t *Tally) Print(w io.Writer) {
	failed, faults := sum(t.Failed), sum(t.Faults)
	fmt.Fprintf(w, "| | |\n|---|--:|\n")
	fmt.Fprintf(w, "| runs | %d |\n| calls | %d |\n| requests | %d |\n| faults | %d |\n", t.Runs, t.Calls, t.Requests, faults)
	fmt.Fprintf(w, "| calls that succeeded | %d |\n| calls that ended in a typed error | %d |\n| warnings | %d |\n", t.Calls-failed, failed, t.Warnings)
	fmt.Fprintf(w, "| virtual time | %.0f days |\n| **findings** | **%d** |\n\n", t.Virtual.Hours()/24, len(t.Findings))
	fmt.Fprintf(w, "| Fault | Times |\n|---|--:|\n")
	printTable(w, t.Faults)
	fmt.Fprintf(w, "\n| Error | Calls |\n|---|--:|\n")
	printTable(w, t.Failed)
}

// printTable writes the rows, the largest first.
func printTable(w io.Writer, m map[string]int) {
	keys := slices.SortedFunc(maps.Keys(m), func(a, b string) int {
		if m[a] != m[b] {
			return m[b] - m[a]
		}
		return compare(a, b)
	})
	for _, k := range keys {
		fmt.Fprintf(w, "| %s | %d |\n", k, m[k])
	}
}

func compare(a, b string) int {
	if a < b {
		return -1
	}
	return 1
}

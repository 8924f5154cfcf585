package chaos

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	seeds = flag.Int("seeds", 0, "run that many seeds of each job")
	first = flag.Uint64("seed", 1, "the first seed")
	only  = flag.String("job", "", "run this job alone")
	trace = flag.Bool("requests", false, "show all requests")
	rate  = flag.Float64("rate", 0.2, "the share of requests that go wrong")
)

func TestMain(m *testing.M) {
	flag.Parse()
	Listen()
	os.Exit(m.Run())
}

const workers = 2

// runSeeds runs n seeds of each job.
func runSeeds(t *testing.T, from uint64, n int) *Tally {
	t.Helper()
	var mu sync.Mutex
	total := newTally()
	begun := time.Now()
	t.Run("seeds", func(t *testing.T) {
		for worker := range workers {
			t.Run(fmt.Sprint(worker), func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				require.NoError(t, Prepare(dir))
				for i := worker; i < n; i += workers {
					for _, job := range Jobs() {
						if *only != "" && *only != job {
							continue
						}
						seed := from + uint64(i)
						result := one(t, job, seed, dir)
						mu.Lock()
						total.Add(result)
						mu.Unlock()
					}
				}
			})
		}
	})
	t.Logf("%d seeds in %s", n, time.Since(begun).Round(time.Millisecond))
	return total
}

// one runs one seed and fails with how to run it again.
func one(t *testing.T, job string, seed uint64, dir string) (result *Tally) {
	t.Helper()
	o := Options{Job: job, Seed: seed, Rate: *rate, Dir: dir}
	if *trace {
		o.Trace = os.Stdout
	}
	synctest.Test(t, func(*testing.T) { result = Run(o) })
	if len(result.Findings) > 0 {
		t.Errorf("%s\nagain: go test ./internal/chaos -run TestChaos -job %s -seed %d -seeds 1 -rate %v -v", strings.Join(result.Findings, "\n"), job, seed, *rate)
	}
	return result
}

// TestChaos runs a few seeds, or those that the flags name.
func TestChaos(t *testing.T) {
	n := 20
	if *seeds > 0 {
		n = *seeds
	}
	total := runSeeds(t, *first, n)
	var table strings.Builder
	total.Print(&table)
	t.Log("\n" + table.String())
	if testing.Verbose() {
		var steps strings.Builder
		printTable(&steps, total.FailedSteps)
		t.Log("\n" + steps.String())
	}
	assert.Empty(t, len(total.Findings), "findings")
}

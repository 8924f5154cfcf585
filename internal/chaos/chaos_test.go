package chaos

import (
	"flag"
	"os"
	"runtime/debug"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	seeds = flag.Int("seeds", 0, "run that many seeds of each job")
	until = flag.Duration("for", 0, "begin no seed after that time")
	first = flag.Uint64("seed", 1, "the first seed")
	only  = flag.String("job", "", "run this job alone")
	trace = flag.Bool("requests", false, "show all requests")
	rate  = flag.Float64("rate", 0.2, "the share of requests that go wrong")
)

func TestMain(m *testing.M) {
	flag.Parse()
	Listen()
	debug.SetGCPercent(400) // many small worlds
	os.Exit(m.Run())
}

// runSeeds runs n seeds of each job, or those for which there is time.
func runSeeds(t *testing.T, from uint64, n int) *Tally {
	t.Helper()
	total, begun, dir := newTally(), time.Now(), t.TempDir()
	require.NoError(t, Prepare(dir))
	for seed := from; seed < from+uint64(n) && (*until == 0 || time.Since(begun) < *until); seed++ {
		for _, job := range Jobs() {
			if *only == "" || *only == job {
				total.Add(one(t, job, seed, dir))
			}
		}
	}
	t.Logf("%d runs in %s", total.Runs, time.Since(begun).Round(time.Second))
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
	assert.Zero(t, len(total.Findings), "findings")
}

// TestChaosHeavy runs 200 seeds.
func TestChaosHeavy(t *testing.T) {
	if os.Getenv("AZUREML_HEAVY") != "1" {
		t.Skip("200 seeds take a while: set AZUREML_HEAVY=1")
	}
	total := runSeeds(t, 1, 200)
	var table strings.Builder
	total.Print(&table)
	t.Log("\n" + table.String())
	assert.Zero(t, len(total.Findings), "findings")
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/azureml-go/azureml/azuremltest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// committed is the result in the repository.
const committed = "RESULT.json"

// python is the program that the heavy tests make virtual environments with.
const python = "python3"

// heavy skips a test that needs Python and a package index unless it is asked for.
func heavy(t *testing.T) {
	t.Helper()
	if os.Getenv("AZUREML_HEAVY") != "1" {
		t.Skip("it installs and runs a Python program: set AZUREML_HEAVY=1")
	}
}

// TestConformanceHeavy runs all scenarios. Where the client cannot be had, the result in
// the repository stands in for them, for as long as it is fresh.
func TestConformanceHeavy(t *testing.T) {
	heavy(t)
	folder := t.TempDir()
	c, err := install(t.Context(), python, folder)
	if errors.Is(err, errUnavailable) {
		r, readErr := readResult(committed)
		require.NoError(t, readErr)
		require.NoError(t, r.stillGood(time.Now()), "and %v", err)
		t.Skipf("%v; the result of %s stands in for it", err, r.Date.Format(time.DateOnly))
	}
	require.NoError(t, err)
	r := newResult(c, time.Now(), drive(t.Context(), c, folder, scenarios, max(2, runtime.NumCPU()), func(o outcome) {
		assert.NotEqual(t, failed, o.Outcome, "%s: %s", o.Scenario, strings.Join(o.Wrong, "\n"))
	}))
	t.Log(r.summary())
}

func TestUnreachableIndexHeavy(t *testing.T) {
	heavy(t)
	t.Setenv("PIP_CONFIG_FILE", os.DevNull)
	t.Setenv("PIP_INDEX_URL", "http://127.0.0.1:9/")
	t.Setenv("PIP_EXTRA_INDEX_URL", "")
	t.Setenv("PIP_RETRIES", "0")
	_, err := install(t.Context(), python, t.TempDir())
	assert.ErrorIs(t, err, errUnavailable)
}

func TestNoPython(t *testing.T) {
	t.Parallel()
	_, err := install(context.Background(), "no-such-python", t.TempDir())
	assert.ErrorIs(t, err, errUnavailable)
}

func TestStillGood(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	days := func(n int) time.Time { return now.AddDate(0, 0, n) }
	good := []outcome{{Outcome: passed}, {Outcome: referenceBug, Bugs: []bug{{AsKnown: true}}}}
	for name, c := range map[string]struct {
		date     time.Time
		outcomes []outcome
		want     string
	}{
		"of today":      {now, good, ""},
		"30 days old":   {days(-30), good, ""},
		"31 days old":   {days(-31), good, "31 days old, more than 30"},
		"of next week":  {days(7), good, "which is to come"},
		"of a failure":  {now, append(good, outcome{Outcome: failed}), "not of a run that passed"},
		"of no run":     {now, nil, "not of a run that passed"},
		"without dates": {time.Time{}, good, "days old"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := newResult(&pythonClient{}, c.date, c.outcomes).stillGood(now)
			if c.want == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, c.want)
			}
		})
	}
}

// TestCommittedResult holds that the result in the repository is of these scenarios.
func TestCommittedResult(t *testing.T) {
	t.Parallel()
	r, err := readResult(committed)
	require.NoError(t, err)
	assert.NoError(t, r.stillGood(r.Date))
	assert.Regexp(t, `^azureml-core \d+\.\d+`, r.Client)
	assert.Regexp(t, `^\d+\.\d+`, r.Python)
	var names, want []string
	bugs := 0
	for _, o := range r.Scenarios {
		names = append(names, o.Scenario+": "+o.About)
		assert.Positive(t, o.Checks, o.Scenario)
		bugs += len(o.Bugs)
		for _, b := range o.Bugs {
			assert.True(t, b.AsKnown, b.Label)
		}
	}
	for _, s := range scenarios {
		want = append(want, s.name+": "+s.about)
	}
	assert.Equal(t, want, names, "run the command with -out again")
	assert.Equal(t, bugs, r.ReferenceBugs)
	copied := t.TempDir() + "/copy.json"
	require.NoError(t, r.write(copied))
	again, err := os.ReadFile(copied)
	require.NoError(t, err)
	text, err := os.ReadFile(committed)
	require.NoError(t, err)
	assert.Equal(t, string(text), string(again), "it was written by the command")
}

// TestScriptsAndTables holds that every function marked as a scenario is run.
func TestScriptsAndTables(t *testing.T) {
	t.Parallel()
	var inPython, inGo []string
	marked := regexp.MustCompile(`(?m)^@scenario\ndef ([a-z_]+)\(run\):`)
	names, err := fs.Glob(scripts, "scenarios/*.py")
	require.NoError(t, err)
	for _, name := range names {
		text, err := scripts.ReadFile(name)
		require.NoError(t, err)
		for _, m := range marked.FindAllSubmatch(text, -1) {
			inPython = append(inPython, string(m[1]))
		}
	}
	for _, s := range scenarios {
		inGo = append(inGo, s.name)
		assert.NotEmpty(t, s.about)
	}
	for _, f := range flows {
		inGo = append(inGo, f.name)
	}
	slices.Sort(inPython)
	slices.Sort(inGo)
	assert.Equal(t, inGo, inPython)
}

func TestOutcome(t *testing.T) {
	t.Parallel()
	well := check{Label: "a", OK: true}
	for name, c := range map[string]struct {
		report report
		want   []string
	}{
		"well":               {report{Checks: []check{well}}, nil},
		"a known bug":        {report{Checks: []check{well}, Bugs: []bug{{AsKnown: true}}}, nil},
		"another value":      {report{Checks: []check{{Label: "a", Got: "1", Want: "2"}}}, []string{"a: got 1, want 2"}},
		"a bug that is gone": {report{Checks: []check{well}, Bugs: []bug{{Label: "b", Exception: "E", Message: "m", Got: "nothing raised"}}}, []string{"b: known to raise E: m, but: nothing raised"}},
		"an exception":       {report{Checks: []check{well}, Error: "Traceback"}, []string{"Traceback"}},
		"nothing":            {report{}, []string{"nothing was compared"}},
	} {
		assert.Equal(t, c.want, c.report.faults(), name)
	}
}

func TestDifferences(t *testing.T) {
	t.Parallel()
	ours := map[string]any{"a": 1, "b": []string{"x", "y"}, "c": nil, "d": map[string]any{"e": true}}
	assert.Empty(t, differences("world", ours, map[string]any{"a": 1.0, "b": []any{"x", "y"}, "c": nil, "d": map[string]bool{"e": true}}))
	assert.Equal(t, []string{
		"world.a: the library has 1, the client \"1\"",
		"world.b[1]: the library has \"y\", the client \"z\"",
		"world.d: the library has {\"e\":true}, the client null",
		"world.f: the library has null, the client 2",
	}, differences("world", ours, map[string]any{"a": "1", "b": []any{"x", "z"}, "f": 2}))
	assert.Len(t, differences("list", []int{1}, []int{1, 2}), 1)
}

// TestLook holds that what the library sees of a workspace is complete.
func TestLook(t *testing.T) {
	t.Parallel()
	srv := newFlowServer()
	defer srv.Close()
	ws, err := open(t.Context(), srv.Server)
	require.NoError(t, err)
	seen, err := look(t.Context(), ws)
	require.NoError(t, err)
	world := seen.(map[string]any)
	assert.Len(t, world["models"], 3)
	assert.Len(t, world["computes"], 1)
	assert.Len(t, world["services"], 1)
	assert.Empty(t, world["environments"])
	assert.Equal(t, azuremltest.WorkspaceName, world["workspace"].(map[string]any)["name"])

	answers, err := score(t.Context(), ws)
	require.NoError(t, err)
	assert.Empty(t, answers)
	wrong, err := download(t.Context(), ws, map[string]map[string]string{"mymodel:1": {"model.pkl": "no digest"}, "nope:1": {}})
	require.NoError(t, err)
	assert.Len(t, wrong, 1)
}

// TestFlows holds that our side of the flows does what it says where nothing goes wrong.
func TestFlows(t *testing.T) {
	t.Parallel()
	for _, f := range flows {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			result := f.try(t.Context(), nil, "", 0, 1)
			assert.Empty(t, result.problem)
			assert.True(t, result.saidDone && result.right)
			assert.True(t, result.inOrder)
			if f.made != nil {
				assert.Equal(t, 1, result.count)
			}
		})
	}
}

func TestPlan(t *testing.T) {
	t.Parallel()
	srv := newFlowServer()
	defer srv.Close()
	plan(srv.Server, notSignIn, 0.2, 7)
	const requests = 2000
	for i := range requests {
		for _, host := range []string{"management.azure.com", "login.microsoftonline.com"} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+host+"/", http.NoBody)
			require.NoError(t, err, i)
			if resp, err := srv.Client().Do(req); err == nil {
				resp.Body.Close()
			}
		}
	}
	hit := map[string]int{}
	for _, r := range srv.Requests() {
		if r.Fault {
			hit[r.Host]++
		}
	}
	assert.Zero(t, hit["login.microsoftonline.com"])
	assert.InDelta(t, 0.2*requests, hit["management.azure.com"], 80)
}

func TestTally(t *testing.T) {
	t.Parallel()
	made := flow{about: "make", made: registered}
	got := tallyOf([]trial{
		{saidDone: true, right: true, count: 1, inOrder: true, requests: 3, faults: 2, took: 3 * time.Second},
		{saidDone: true, right: true, count: 2, inOrder: true, requests: 9, took: time.Second},
		{saidDone: true, right: true, requests: 1, took: 2 * time.Second},
		{count: 1, inOrder: true},
		{},
	})
	assert.Equal(t, "| make | 20 % | this library | 2 of 5 | 1 | 1 | 1 | 1 | 2 | 1 | 1.0 | 3.0 |", got.row(made, 0.2, nil))
	read := flow{about: "read"}
	got = tallyOf([]trial{{saidDone: true, inOrder: true}, {saidDone: true, right: true, inOrder: true}})
	assert.Equal(t, "| read | 5 % | azureml-core | 1 of 2 | 0 | 0 | 1 | – | 0 | 0 | 0.0 | 0.0 |", got.row(read, 0.05, &pythonClient{}))
}

func TestArguments(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-parallel", "0"}, {"-seeds", "0"}, {"word"}, {"-run", "("}, {"-nope"}} {
		_, err := parse(args)
		assert.Error(t, err, args)
	}
	a, err := parse([]string{"-run", "^model_", "-faults"})
	require.NoError(t, err)
	assert.True(t, a.faults && a.match.MatchString("model_list") && !a.match.MatchString("my_model_list"))
}

func TestBareEnvironment(t *testing.T) {
	t.Setenv("AZURE_CLIENT_SECRET", "x")
	t.Setenv("NO_PROXY", "*")
	for _, entry := range bareEnvironment() {
		assert.NotContains(t, entry, "AZURE")
		assert.NotContains(t, entry, "NO_PROXY")
	}
}

func TestLastLine(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "a.E: why", lastLine("Traceback\n  File x\na.E: why\n\tMessage\n{\n  \"x\": 1\n}\n"))
	assert.Empty(t, lastLine(""))
}

// TestCommittedTable holds that the table in the repository is of these flows and faults.
func TestCommittedTable(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("FAULTS.md")
	require.NoError(t, err)
	page := string(text)
	seeds := regexp.MustCompile(`-faults -seeds (\d+) -out`).FindStringSubmatch(page)
	require.NotNil(t, seeds, "the command that wrote it")
	assert.Contains(t, page, "with each of "+seeds[1]+" seeds")
	assert.Equal(t, strings.Count(page, " of "+seeds[1]+" | "), 4*len(flows), "every row is of all seeds")
	for _, k := range faultKinds {
		assert.Contains(t, page, k.about)
	}
	rows := 0
	for _, f := range flows {
		for _, share := range faultyShares {
			for _, client := range []string{"this library", packageName} {
				assert.Contains(t, page, fmt.Sprintf("\n| %s | %.0f %% | %s | ", f.about, share*100, client))
				rows++
			}
		}
	}
	assert.Equal(t, rows+2, strings.Count(page, "\n| ")+strings.Count(page, "\n|-"))
}

package parity

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Scenario does with our packages what a golden's steps do with the reference.
type Scenario struct {
	// Name is the golden's.
	Name string
	// Allow declares requests beyond the golden's.
	Allow []Allowance
	// Run returns what is compared with the golden's result, of objects only the members
	// that it gives (nil: nothing), and the error that ended the steps.
	Run func(ctx context.Context, s *Stage) (any, error)
}

// Outcome is what a scenario cost, beside the reference.
type Outcome struct {
	Scenario string
	// Requests are all but those for tokens, the declared ones too.
	Requests, ReferenceRequests int
	// Waited is all the time that passed; of the reference only the pauses are known, not
	// how long it waited for answers that did not come.
	Waited, ReferenceWaited      time.Duration
	Succeeded, ReferenceSucceeds bool
}

// Test replays a golden in a bubble with virtual time.
func Test(t *testing.T, scenario Scenario) Outcome {
	t.Helper()
	golden, err := Load(scenario.Name)
	if err != nil {
		t.Fatal(err)
	}
	var outcome Outcome
	synctest.Test(t, func(t *testing.T) {
		outcome = replay(t, golden, Differences(), scenario)
	})
	return outcome
}

// replay runs a scenario and reports every difference.
func replay(t testing.TB, golden *Golden, rules []Difference, scenario Scenario) Outcome {
	t.Helper()
	stage, err := newStage(t, golden, rules)
	if err != nil {
		t.Fatalf("parity: %v", err)
	}
	stage.allow(scenario.Allow)
	result, err := scenario.Run(t.Context(), stage)
	waited := time.Since(stage.start)
	for _, finding := range append(stage.verify(), compareOutcome(stage.script, result, err)...) {
		t.Errorf("%s: %s", golden.Scenario, finding)
	}
	return Outcome{
		Scenario: golden.Scenario,
		Requests: len(stage.sent), ReferenceRequests: golden.Requests,
		Waited: waited, ReferenceWaited: time.Duration(golden.Waited * float64(time.Second)),
		Succeeded: err == nil, ReferenceSucceeds: golden.Error == nil,
	}
}

// Requests is the sum of all requests, ours and the reference's.
func Requests(outcomes []Outcome) (ours, theirs int) {
	for _, o := range outcomes {
		ours += o.Requests
		theirs += o.ReferenceRequests
	}
	return ours, theirs
}

// Table puts our requests and waits beside the reference's.
func Table(outcomes []Outcome) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%-36s %18s %26s %18s\n", "scenario", "requests (theirs)", "waited (theirs)", "ends (theirs)")
	for _, o := range outcomes {
		fmt.Fprintf(&out, "%-36s %18s %26s %18s\n", o.Scenario,
			fmt.Sprintf("%d (%d)", o.Requests, o.ReferenceRequests),
			fmt.Sprintf("%s (%s)", o.Waited.Round(100*time.Millisecond), o.ReferenceWaited),
			fmt.Sprintf("%s (%s)", ends(o.Succeeded), ends(o.ReferenceSucceeds)))
	}
	return out.String()
}

func ends(succeeded bool) string {
	if succeeded {
		return "ok"
	}
	return "error"
}

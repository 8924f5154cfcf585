package azureml

import (
	"context"
	"strings"
	"time"
)

// Progress is one look at a long-running operation.
type Progress struct {
	// Operation and Subject say what is going on: "deploy", `web service "myservice"`.
	Operation string
	Subject   string
	// State is the service's word for it: "Creating", "Running", "Succeeded".
	State string
	// SubOperation and SubState are the part that is going on, where the service
	// tells: "BuildImage", "Running".
	SubOperation string
	SubState     string
	// LogLines are lines of the operation's log that were not reported before.
	LogLines []string
	// Elapsed is the time since this process began to wait for it.
	Elapsed time.Duration
	// Done tells that State is final.
	Done bool
}

// String gives state and part in a few words: "Running (BuildImage)".
func (p Progress) String() string {
	state := p.State
	if state == "" {
		state = "started"
	}
	part := p.SubOperation
	if part != "" && p.SubState != "" && !strings.EqualFold(p.SubState, p.State) {
		part += " " + p.SubState
	}
	if part != "" {
		state += " (" + part + ")"
	}
	return state
}

type progressKey struct{}

// WithProgress returns a context that makes every long-running operation polled
// with it call report: once a poll, in the goroutine of the poll, which it must
// not block. Inside of another WithProgress both are called, the outer one first.
func WithProgress(ctx context.Context, report func(Progress)) context.Context {
	if report == nil {
		return ctx
	}
	if outer, ok := ctx.Value(progressKey{}).(func(Progress)); ok {
		inner := report
		report = func(p Progress) { outer(p); inner(p) }
	}
	return context.WithValue(ctx, progressKey{}, report)
}

// Reporting tells whether a function of [WithProgress] listens. What a report costs
// requests of its own for, a log, is left out when nobody does.
func Reporting(ctx context.Context) bool {
	_, listening := ctx.Value(progressKey{}).(func(Progress))
	return listening
}

// Report tells the function of [WithProgress], if ctx has one, about p. It is what
// poll handlers call; programs that write handlers of their own may too.
func Report(ctx context.Context, p Progress) {
	if report, ok := ctx.Value(progressKey{}).(func(Progress)); ok {
		report(p)
	}
}

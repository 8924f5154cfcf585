package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"slices"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azruntime "github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

// limit is the deadline of each call, in virtual time.
const limit = 30 * time.Minute

// pollEvery is how often the services want to be asked about what takes long.
const pollEvery = 30 * time.Second

// calmTries is how often what failed is tried without faults: what is still going on may
// be in the way of the first tries.
const calmTries = 4

// run is one run of a job against a world of its own.
type run struct {
	random  *rand.Rand
	srv     *azuremltest.Server
	faults  *faults
	secrets *secrets
	options azcore.ClientOptions
	ws      *workspace.Workspace
	dir     string // holds the model's files and the script
	tally   *Tally

	step     string
	calm     bool
	there    map[string]bool
	uploads  int
	register map[string]int // calls of Register by name of the model
	found    []string
}

// newRun starts a world. It must be closed.
func newRun(o Options) *run {
	srv := azuremltest.NewServer(&azuremltest.Options{InMemory: true, RetryAfter: pollEvery})
	s := newSecrets()
	f := newFaults(srv, o, s)
	r := &run{
		random: rand.New(rand.NewPCG(o.Seed, 1)), srv: srv, faults: f, secrets: s, dir: o.Dir, tally: newTally(),
		there: map[string]bool{}, register: map[string]int{},
	}
	r.options = srv.ClientOptions()
	r.options.Transport = &http.Client{Transport: f}
	return r
}

// trace writes a line about what goes on, if somebody wants to see it.
func (r *run) trace(format string, args ...any) {
	if r.faults.trace != nil {
		fmt.Fprintf(r.faults.trace, format+"\n", args...)
	}
}

// finding notes that something is wrong.
func (r *run) finding(format string, args ...any) {
	r.found = append(r.found, r.step+": "+fmt.Sprintf(format, args...))
}

// warn is the OnWarning of all options.
func (r *run) warn(w azureml.Warning) {
	r.tally.Warnings++
	r.secrets.shown(w.String())
	r.secrets.shown(fmt.Sprintf("%+v %#v", w, w))
}

// do is what a careful program does: it makes a call, and when that fails once more,
// perhaps while things still go wrong, and at the last when they do not. Then it must
// succeed. check looks at the emulator after each success.
func (r *run) do(step string, call func(ctx context.Context) error, check func()) bool {
	return r.doing(step, 1, call, check)
}

// doing is do for calls that change things up to most times.
func (r *run) doing(step string, most int, call func(ctx context.Context) error, check func()) bool {
	r.step, r.calm = step, false
	tries := calmTries + 1
	if r.random.IntN(2) == 0 {
		tries++ // another one while things go wrong
	}
	for try := 1; try <= tries; try++ {
		r.calm = try > tries-calmTries
		r.faults.setCalm(r.calm)
		err := r.call(most, call)
		hits, early := r.faults.takeHits()
		r.expect(len(early) == 0, "Retry-After is not obeyed: %v", early)
		r.expect(try > 1 || err == nil || !lostLast(hits), "nothing went wrong after an answer was lost, and what was made is not recognised: %v", err)
		if err == nil {
			if check != nil {
				check()
			}
			r.account()
			r.faults.setCalm(false)
			return len(r.found) == 0
		}
		if len(r.found) > 0 {
			return false
		}
		if try == tries {
			r.finding("fails also when nothing goes wrong any more: %v", err)
		}
	}
	r.faults.setCalm(false)
	return false
}

// call makes one call and judges how it ended.
func (r *run) call(most int, call func(ctx context.Context) error) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	ctx = azureml.WithProgress(ctx, func(p azureml.Progress) {
		r.secrets.shown(fmt.Sprintf("%s %s %s %v", p.Operation, p.Subject, p, p.LogLines))
	})
	r.faults.takeEffects()
	r.faults.takeHits()
	begun := time.Now()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
			r.finding("panics: %v\n%s", p, debug.Stack())
		}
		r.noteKeys()
		if list := twice(r.faults.takeEffects(), most); len(list) > 0 {
			r.finding("took effect more than once: %v", list)
		}
	}()
	r.trace("--- %s (calm: %t)", r.step, r.calm)
	err = call(ctx)
	r.trace("--- %s after %s: %v", r.step, time.Since(begun), err)
	r.tally.Calls++
	if took := time.Since(begun); took > limit+time.Second {
		r.finding("took %s, and its deadline was %s", took, limit)
	}
	if err != nil {
		r.judge(err)
	}
	return err
}

// sentinels are the kinds of failure, by their names.
func sentinels() []error {
	return []error{
		azureml.ErrNotFound, azureml.ErrConflict, azureml.ErrUnauthorized, azureml.ErrForbidden, azureml.ErrThrottled, azureml.ErrInvalid,
		azureml.ErrAmbiguous, azureml.ErrInUse, azureml.ErrUnavailable, azureml.ErrInteractionRequired,
		azureml.ErrOperationFailed, azureml.ErrOperationTimedOut, azureml.ErrOperationCanceled,
		webservice.ErrScript, webservice.ErrScoringTimeout,
	}
}

// judge looks at an error: it must be typed, and hold no secret however it is shown.
func (r *run) judge(err error) {
	name := "untyped"
	e, typed := errors.AsType[*azureml.Error](err)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		name = "deadline exceeded"
	case typed && slices.Contains(sentinels(), e.Kind):
		name = e.Kind.Error()
	default:
		r.finding("the error is of no kind: %v (%T)", err, err)
	}
	r.tally.Failed[name]++
	r.tally.FailedSteps[r.step+": "+name]++
	r.show(err)
}

// show shows an error in every way there is.
func (r *run) show(err error) {
	r.secrets.shown(azureml.Explain(err))
	r.secrets.shown(fmt.Sprintf("%v %+v %#v %q", err, err, err, err))
	if data, jsonErr := json.Marshal(err); jsonErr == nil {
		r.secrets.shown(string(data))
	}
	slog.New(slog.NewJSONHandler(r.secrets, nil)).Info("it failed", "error", err)
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(inner) {
		r.secrets.shown(inner.Error())
	}
}

// noteKeys notes the keys of all services that there are.
func (r *run) noteKeys() {
	for _, svc := range r.srv.Services(azuremltest.Workspace{}) {
		r.secrets.add(svc.PrimaryKey, "a primary key")
		r.secrets.add(svc.SecondaryKey, "a secondary key")
	}
}

// wait waits for an operation, as a program would that shows its status and keeps its
// token.
func wait[T any](ctx context.Context, r *run, p *azruntime.Poller[T], err error) (T, error) {
	if err != nil {
		var none T
		return none, err
	}
	if !p.Done() {
		token, err := p.ResumeToken()
		if err != nil {
			r.finding("no resume token: %v", err)
		}
		r.secrets.shown(token)
	}
	return azureml.Wait(ctx, p, &azureml.WaitOptions{Output: io.Writer(r.secrets)})
}

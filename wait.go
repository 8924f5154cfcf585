package azureml

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// WaitOptions are the optional parts of [Wait].
type WaitOptions struct {
	// Output, when set, gets a live status line if it is a terminal, and plain lines,
	// one a change of state, if it is not. Errors of writing to it are ignored.
	Output io.Writer
	// OnProgress, when set, is called once a poll, in the calling goroutine.
	OnProgress func(Progress)
	// MinInterval is the first pause between two polls. Default 1 s.
	MinInterval time.Duration
	// MaxInterval is the longest pause between two polls. Default 10 s. Each pause is
	// 1.5 times the one before.
	MaxInterval time.Duration
}

const (
	defaultMinInterval = time.Second
	defaultMaxInterval = 10 * time.Second
	// maxServerInterval bounds what a service may ask for with Retry-After.
	maxServerInterval = 2 * time.Minute
)

// Wait polls a long-running operation until it is done and returns its result: at
// once, then after 1 s, and with pauses that grow by half up to 10 s; a Retry-After
// (or retry-after-ms) of the service, up to 2 minutes, is obeyed instead.
//
// When ctx ends first, the operation itself goes on: Wait then returns an [Error]
// that wraps ctx.Err(), and Poller.ResumeToken (still to be asked of p) lets
// another call or process go on waiting. There is no other time limit.
//
// It mirrors azureml.core's wait_for_completion and wait_for_deployment. A poller
// must not be used by two goroutines at once.
func Wait[T any](ctx context.Context, p *runtime.Poller[T], o *WaitOptions) (T, error) {
	var options WaitOptions
	if o != nil {
		options = *o
	}
	pause := options.MinInterval
	if pause <= 0 {
		pause = defaultMinInterval
	}
	longest := options.MaxInterval
	if longest <= 0 {
		longest = max(defaultMaxInterval, pause)
	}
	var last Progress
	ctx = WithProgress(ctx, func(p Progress) { last = p })
	ctx = WithProgress(ctx, options.OnProgress)
	display := newStatus(options.Output)
	defer display.close()
	ctx = WithProgress(ctx, display.report)

	for {
		resp, err := p.Poll(ctx)
		if err != nil {
			return *new(T), interrupted(ctx, err, last)
		}
		if p.Done() {
			result, err := p.Result(ctx)
			if err != nil {
				return *new(T), interrupted(ctx, err, last)
			}
			return result, nil
		}
		wait := pause
		if asked := retryAfter(resp); asked > 0 {
			wait = min(asked, maxServerInterval)
		} else {
			pause = min(pause*3/2, longest)
		}
		if err := sleep(ctx, wait); err != nil {
			return *new(T), interrupted(ctx, err, last)
		}
	}
}

// interrupted says of a wait that its context ended that the operation goes on;
// any other error is handed on as it is.
func interrupted(ctx context.Context, err error, last Progress) error {
	if ctx.Err() == nil || !errors.Is(err, ctx.Err()) {
		return err
	}
	if last.Done {
		return err
	}
	state := ""
	if last.State != "" {
		state = ", last seen in state " + last.String()
	}
	return &Error{
		Operation: "wait for the end of",
		Subject:   operationName(last),
		Message:   "stopped waiting; the operation goes on at the service" + state,
		Remedy:    "Wait again with the same poller, or keep its ResumeToken and start from it later.",
		Err:       ctx.Err(),
	}
}

// operationName names an operation inside a sentence: `"deploy web service "x""`.
func operationName(p Progress) string {
	switch {
	case p.Operation != "" && p.Subject != "":
		return "the operation “" + p.Operation + " " + p.Subject + "”"
	case p.Subject != "":
		return "the operation on " + p.Subject
	}
	return "the operation"
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// retryAfter is the pause that an answer asks for, 0 when it asks for none. It
// knows milliseconds (retry-after-ms, x-ms-retry-after-ms), seconds and dates.
func retryAfter(resp *http.Response) time.Duration {
	if resp == nil {
		return 0
	}
	for _, name := range []string{"Retry-After-Ms", "X-Ms-Retry-After-Ms"} {
		if ms, err := strconv.Atoi(resp.Header.Get(name)); err == nil && ms > 0 {
			return time.Duration(ms) * time.Millisecond
		}
	}
	value := resp.Header.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

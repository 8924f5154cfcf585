package webservice

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/rest"
)

// defaultProbe is a request that costs a script nothing.
const defaultProbe = `{"data":[]}`

const (
	defaultVerifyTimeout = 2 * time.Minute
	checkTimeout         = 30 * time.Second
	// firstLook and longestLook bound the pauses between two looks at the same thing; they
	// grow by half.
	firstLook   = time.Second
	longestLook = 10 * time.Second
)

// verifier tries a key: nil if it lets in.
type verifier func(ctx context.Context, key azureml.Secret) error

// probe is the verifier that scores.
func (s *Service) probe(options RotateKeysOptions) verifier {
	body := options.Probe
	if body == nil {
		body = []byte(defaultProbe)
	}
	return func(ctx context.Context, key azureml.Secret) error {
		var scoring ScorerOptions
		if options.Scorer != nil {
			scoring = *options.Scorer
		}
		scoring.MaxRetries = -1 // a verification repeats itself
		if scoring.Transport == nil {
			scoring.Transport = roundTripper(s.ws.ClientOptions().Transport)
		}
		scorer, err := newScorer(s.subject(), s.ScoringURI, ScorerAuth{PrimaryKey: key}, scoring)
		if err != nil {
			return err
		}
		defer scorer.Close()
		_, err = scorer.Call(ctx, body, options.ProbeCall)
		if letsIn(err) {
			return nil
		}
		return err
	}
}

// letsIn tells of an answer that shows that the key was accepted: a success, or what
// the script itself has answered, of which only the script's headers are a proof. Other
// statuses may come from in front of the place where keys are looked at: 404 and 502 of a
// front that has no replica, 429 and 503 of a busy one.
func letsIn(err error) bool {
	if err == nil {
		return true
	}
	if e, ok := errors.AsType[*azureml.Error](err); !ok || e.StatusCode == http.StatusUnauthorized {
		return false
	} else if e.StatusCode >= 200 && e.StatusCode <= 299 {
		return true // it broke off later
	}
	answer, ok := errors.AsType[*azcore.ResponseError](err)
	if !ok || answer.RawResponse == nil {
		return false
	}
	h := answer.RawResponse.Header
	return h.Get("X-Ms-Run-Function-Failed") != "" || h.Get("X-Ms-Run-Fn-Exec-Ms") != ""
}

// verify tries key again and again until it lets in, or for as long as is allowed: a key
// takes a while to reach all parts of a service.
func (r *rotation) verify(ctx context.Context, key azureml.Secret) error {
	within := r.options.VerifyTimeout
	if r.state.Next == RotationCheck {
		within = min(within, checkTimeout) // this key is not new
	}
	ctx, cancel := context.WithTimeoutCause(ctx, within, errVerifyTimeout)
	defer cancel()
	var last error
	err := again(ctx, func() (bool, time.Duration, error) {
		r.attempts++
		err := r.try(ctx, key)
		if err == nil {
			return true, 0, nil
		}
		if ctx.Err() == nil {
			last = err
		}
		// Input that is refused stays so; it was never sent.
		if e, ok := errors.AsType[*azureml.Error](err); ok && len(e.Violations) > 0 {
			return false, 0, err
		}
		return false, askedPause(err), nil
	})
	if !errors.Is(context.Cause(ctx), errVerifyTimeout) || err == nil {
		return err
	}
	if last == nil {
		last = err
	}
	return &verifyError{within, last}
}

var errVerifyTimeout = errors.New("the key could not be verified in time")

// verifyError is that of a key that never let in.
type verifyError struct {
	within time.Duration
	last   error
}

// Error says what the last try gave.
func (e *verifyError) Error() string {
	return fmt.Sprintf("no answer within %s shows that the key lets in; the last try: %s", e.within, messageOf(e.last))
}

// Unwrap gives the last try's error.
func (e *verifyError) Unwrap() error { return e.last }

// longestAsked bounds the pause that a service asks for with Retry-After.
const longestAsked = 30 * time.Second

// askedPause is the pause that the answer behind an error asks for; 0 if there is none.
func askedPause(err error) time.Duration {
	answer, ok := errors.AsType[*azcore.ResponseError](err)
	if !ok || answer.RawResponse == nil {
		return 0
	}
	return min(rest.RetryAfter(answer.RawResponse.Header), longestAsked)
}

// again calls look until it says that it is done, with growing pauses, or those that it
// asks for if they are longer.
func again(ctx context.Context, look func() (done bool, asked time.Duration, err error)) error {
	for pause := firstLook; ; pause = min(pause*3/2, longestLook) {
		done, asked, err := look()
		if done || err != nil {
			return err
		}
		select {
		case <-time.After(max(pause, asked)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

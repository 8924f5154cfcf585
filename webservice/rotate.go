package webservice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/validate"
	"github.com/azureml-go/azureml/workspace"
)

// RotateKeysOptions are the optional parts of [Service.RotateKeys].
type RotateKeysOptions struct {
	// HandOver gives clients the keys; use is the one that they must use from now on, as the
	// other one may be replaced next. It must not return before they do: when it has
	// returned nil for the secondary key, the primary one is replaced. After a crash it may
	// be called again with the same keys. Leave it out only if all clients fetch keys by
	// themselves, as a [Scorer] made from a service does.
	HandOver func(ctx context.Context, keys Keys, use KeyType) error
	// Probe is what the service is called with to see whether a key lets in. The script
	// runs with it, and need not like it: an exception shows as well that the key was
	// accepted. Default {"data":[]}.
	Probe []byte
	// ProbeCall holds headers and content type of that call.
	ProbeCall *CallOptions
	// Scorer is how that call is made: certificates, transport, timeouts.
	Scorer *ScorerOptions
	// Verify, if set, is asked in place of a call with Probe: nil means that key lets in.
	// It is called again until it does. Services of unknown kinds need it.
	Verify func(ctx context.Context, key azureml.Secret) error
	// VerifyTimeout is how long a new key may take until it lets in. Default 2 minutes; the
	// primary key as it is has at most 30 seconds of it.
	VerifyTimeout time.Duration
	// SaveState keeps what is needed to go on after a crash, each state in place of the
	// one before it. It is called before and after everything that has an effect, and an
	// error of it ends the rotation. The state is a short JSON text without secrets.
	SaveState func(ctx context.Context, state json.RawMessage) error
	// State goes on with the rotation that saved it. What it has done is not done again.
	State json.RawMessage
	// OnStep is told of each step when it begins and when it is done.
	OnStep func(RotationEvent)
}

// RotationEvent tells how far a rotation is.
type RotationEvent struct {
	Step RotationStep
	// Done is false when the step begins.
	Done bool
	// Attempts is how often the key was tried, for the steps that do.
	Attempts int
	// Elapsed is the time that the step took.
	Elapsed time.Duration
}

// RotateKeys replaces both keys of the service without a moment in which clients hold
// none that lets in: the secondary key is regenerated, tried by calling the service until
// it lets in, and handed over to the clients; then the same is done with the primary one.
// It blocks until that is done, seconds to minutes, and returns the keys as they are then.
//
// Nothing is changed unless the primary key is seen to let in with Probe beforehand. When
// it fails later, one key that clients hold still lets in; the error says which. It can
// be continued with the last state that SaveState was given, also by another process.
//
// Errors: azureml.ErrInvalid when the service asks for no keys; azureml.ErrConflict when
// someone else changes keys meanwhile; *azureml.Error wrapping what a step failed with.
// azureml.core has nothing like it.
func (s *Service) RotateKeys(ctx context.Context, o *RotateKeysOptions) (*Keys, error) {
	r := &rotation{svc: s}
	if o != nil {
		r.options = *o
	}
	if err := r.prepare(); err != nil {
		return nil, err
	}
	if err := r.run(ctx); err != nil {
		return nil, r.fail(err)
	}
	return r.keys, nil
}

const rotateOperation = "rotate the keys of"

// rotation is one going on.
type rotation struct {
	svc      *Service
	options  RotateKeysOptions
	state    *rotationState
	try      verifier
	keys     *Keys // as they were last read
	attempts int
}

// prepare checks the input; it sends nothing.
func (r *rotation) prepare() error {
	var check validate.Checker
	validate.Positive(&check, "VerifyTimeout", r.options.VerifyTimeout)
	if r.options.VerifyTimeout == 0 {
		r.options.VerifyTimeout = defaultVerifyTimeout
	}
	workspace := ""
	if r.svc.ws != nil {
		workspace = r.svc.ws.ID
	}
	r.state = newRotationState(workspace, r.svc.Name)
	if len(r.options.State) > 0 {
		r.state = readRotationState(&check, r.options.State, workspace, r.svc.Name)
	}
	r.try = r.options.Verify
	if r.try == nil {
		if !r.svc.isKnown() {
			check.Add("Verify", nil, "is required, as services of kind "+kindName(r.svc.ComputeType)+" cannot be called through this package")
		}
		r.try = r.svc.probe(r.options)
	}
	if err := check.Err(rotateOperation, r.svc.subject()); err != nil {
		return err
	}
	if r.options.Verify == nil {
		if err := r.svc.scorable(); err != nil {
			e, _ := errors.AsType[*azureml.Error](err)
			e.Operation = rotateOperation
			return e
		}
	}
	return nil
}

// run makes all steps that are left.
func (r *rotation) run(ctx context.Context) error {
	var err error
	if r.keys, err = r.svc.Keys(ctx); err != nil {
		return err
	}
	for r.state.Next != RotationDone {
		if err := r.look(ctx); err != nil {
			return err
		}
		began := time.Now()
		r.attempts = 0
		r.tell(RotationEvent{Step: r.state.Next})
		if err := r.step(ctx); err != nil {
			return err
		}
		event := RotationEvent{Step: r.state.Next, Done: true, Attempts: r.attempts, Elapsed: time.Since(began)}
		next := *r.state
		next.Next, next.Before = next.Next.after(), ""
		if err := r.save(ctx, &next); err != nil {
			return err
		}
		r.state = &next
		r.tell(event)
	}
	return nil
}

func (r *rotation) tell(event RotationEvent) {
	if r.options.OnStep != nil {
		r.options.OnStep(event)
	}
}

// step makes the next step.
func (r *rotation) step(ctx context.Context) error {
	switch r.state.Next {
	case RotationCheck, RotationVerifyPrimary:
		return r.verify(ctx, r.keys.Primary)
	case RotationRegenerateSecondary:
		if err := r.regenerate(ctx, KeyTypeSecondary); err != nil {
			return err
		}
		r.state.Secondary = r.state.fingerprint(r.keys.Secondary)
		return nil
	case RotationVerifySecondary:
		return r.verify(ctx, r.keys.Secondary)
	case RotationHandOverSecondary:
		return r.handOver(ctx, KeyTypeSecondary)
	case RotationRegeneratePrimary:
		return r.regenerate(ctx, KeyTypePrimary)
	default:
		return r.handOver(ctx, KeyTypePrimary)
	}
}

// look makes sure, before each step, that it can be made. Handing over may have taken
// long, so the keys are read anew before the one that clients held is replaced.
func (r *rotation) look(ctx context.Context) error {
	if r.state.Next == RotationRegeneratePrimary {
		keys, err := r.svc.Keys(ctx)
		if err != nil {
			return err
		}
		r.keys = keys
	}
	return r.unchanged()
}

// unchanged makes sure that the secondary key, once it is new, is still that key: clients
// are about to depend on it, or do so already.
func (r *rotation) unchanged() error {
	if r.state.Secondary == "" || r.state.fingerprint(r.keys.Secondary) == r.state.Secondary {
		return nil
	}
	return &azureml.Error{Kind: azureml.ErrConflict, Message: "the new secondary key was changed by someone else meanwhile"}
}

func (r *rotation) handOver(ctx context.Context, use KeyType) error {
	if r.options.HandOver == nil {
		return nil
	}
	return r.options.HandOver(ctx, *r.keys, use)
}

func (r *rotation) save(ctx context.Context, state *rotationState) error {
	if r.options.SaveState == nil {
		return nil
	}
	data, err := json.Marshal(state)
	if err != nil {
		return err
	}
	if err := r.options.SaveState(ctx, data); err != nil {
		return fmt.Errorf("the state could not be saved: %w", err)
	}
	return nil
}

// lostTime is how long a regeneration is looked for whose answer was lost.
const lostTime = 30 * time.Second

// regenerate replaces one key, unless a run before this one did. The key as it is now is
// saved first, as a fingerprint: that a key has changed is the one proof that survives a
// crash.
func (r *rotation) regenerate(ctx context.Context, key KeyType) error {
	resumed := r.state.Before != ""
	switch {
	case !resumed:
		r.state.Before = r.state.fingerprint(r.key(key))
		if err := r.save(ctx, r.state); err != nil {
			return err
		}
	case r.replaced(key):
		return nil
	}
	fresh, err := r.svc.RegenerateKey(ctx, key, nil)
	switch {
	case err == nil:
		r.keys = fresh
		if !r.replaced(key) {
			return &azureml.Error{Message: "the service says that it has regenerated the key, but it is the same as before"}
		}
		return nil
	case errors.Is(err, azureml.ErrUnavailable), errors.Is(err, azureml.ErrConflict) && resumed:
		return r.find(ctx, key, err)
	}
	return err
}

// find looks whether a regeneration has taken place whose answer was lost, to this
// process or to the one before it. cause is the error if it has not.
func (r *rotation) find(ctx context.Context, key KeyType, cause error) error {
	limited, cancel := context.WithTimeout(ctx, lostTime)
	defer cancel()
	err := again(limited, func() (bool, time.Duration, error) {
		r.svc.awaitLatest(limited)
		if keys, err := r.svc.Keys(limited); err == nil {
			r.keys = keys
		}
		return r.replaced(key), 0, nil
	})
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return cause
	}
	return nil
}

// awaitLatest waits for the end of the operation that the service names as its latest. It
// is for those whose operation is not known; how it ends is for them to find out.
func (s *Service) awaitLatest(ctx context.Context) {
	now, err := Get(ctx, s.ws, s.Name)
	if err != nil || now.Common().OperationID == "" {
		return
	}
	p, err := workspace.Follow(s.ws, s.request("wait for", ""), now.Common().OperationID, workspace.Operation[struct{}]{
		Kind: "wait", Resource: servicePath(s.Name),
		Done: func(context.Context, workspace.OperationStatus) (struct{}, error) { return struct{}{}, nil },
	})
	if err == nil {
		_, _ = azureml.Wait(ctx, p, nil)
	}
}

func (r *rotation) key(key KeyType) azureml.Secret {
	if key == KeyTypePrimary {
		return r.keys.Primary
	}
	return r.keys.Secondary
}

// replaced tells that a key is another one than before its regeneration.
func (r *rotation) replaced(key KeyType) bool {
	return r.state.fingerprint(r.key(key)) != r.state.Before
}

// fail says how far the rotation came, which key lets in, and how to go on.
func (r *rotation) fail(err error) error {
	e := &azureml.Error{Operation: rotateOperation, Subject: r.svc.subject(), Err: err}
	if inner, ok := errors.AsType[*azureml.Error](err); ok {
		e.Kind, e.Code, e.StatusCode, e.Details = inner.Kind, inner.Code, inner.StatusCode, inner.Details
		e.Remedy, e.Help, e.RequestID, e.Stage = inner.Remedy, inner.Help, inner.RequestID, inner.Stage
		e.Violations = inner.Violations
	}
	if r.keys == nil {
		e.Message = messageOf(err)
		return e
	}
	held := "the primary key is unchanged, clients that use it are not affected"
	switch r.state.Next {
	case RotationRegeneratePrimary, RotationVerifyPrimary, RotationHandOverPrimary:
		held = "the new secondary key, which was handed over, lets in"
		if r.unchanged() != nil {
			held = "hand over the keys as they are now (Keys)"
		}
	}
	e.Message = fmt.Sprintf("%s failed: %s; %s", strings.ReplaceAll(string(r.state.Next), "-", " "), messageOf(err), held)
	e.Remedy = strings.TrimSpace(e.Remedy + "\n" + r.advice(err))
	return e
}

// advice says how to go on.
func (r *rotation) advice(err error) string {
	if r.unchanged() != nil {
		return "Find out who else changes the keys, then begin anew, without State."
	}
	if _, ok := errors.AsType[*verifyError](err); ok {
		if r.state.Next == RotationCheck {
			return "Give a Probe that the script answers, or a Verify function. Nothing was changed."
		}
		return "Give the service more time (VerifyTimeout), and go on with the last state that SaveState was given."
	}
	if r.state.Next == RotationCheck {
		return "Nothing was changed. Try again."
	}
	return "Go on with the last state that SaveState was given (State)."
}

// messageOf is what an error says, without the facts that the error around it repeats.
func messageOf(err error) string {
	if e, ok := errors.AsType[*azureml.Error](err); ok && error(e) == err && e.Message != "" { //nolint:errorlint // not one that is wrapped
		return e.Message
	}
	return strings.TrimPrefix(err.Error(), "azureml: ")
}

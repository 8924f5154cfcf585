package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/redact"
	"github.com/azureml-go/azureml/internal/remedy"
)

// Status is what one poll says of an operation.
type Status struct {
	ID           string
	State        string
	SubOperation string
	SubState     string
	// LogURL is where the operation's log is, with its signature.
	LogURL string
	// Resource is what the operation makes or changes, as the service names it.
	Resource string
	// Failure is what the operation says went wrong; nil when it says nothing.
	Failure *ParsedError
	// Stream is the part of the log that is new since the poll before.
	Stream string
	// Body is the whole answer.
	Body json.RawMessage
}

// Operation says how an operation that has been started is followed to its end.
type Operation[T any] struct {
	// Kind and Resource tell operations apart in resume tokens: "deploy", the
	// resource's path. Workspace is the id of the workspace.
	Kind, Resource, Workspace string
	// Operation and Subject are the words for errors and progress.
	Operation, Subject string
	// Where gives the address of the model-management operation id, without query.
	Where func(ctx context.Context, id string) (string, error)
	// Plain tells that Where's address is to be asked as it is, not for parts of a log.
	Plain bool
	// Log reads what follows the first offset bytes of the log at an address that the
	// service named, for services that do not send it with the polls; nil reads none.
	Log func(ctx context.Context, address string, offset int64) ([]byte, error)
	// Look asks the resource itself how it is doing; it is used when the service gave
	// neither an operation nor the right to read it.
	Look func(ctx context.Context) (Status, *http.Response, error)
	// Gone tells that a 404 while polling means success (deletions).
	Gone bool
	// Done makes the result of a success.
	Done func(ctx context.Context, s Status) (T, error)
	// Failed may add to the error of a failure (log tail, remedy); nil adds nothing.
	Failed func(ctx context.Context, s Status, failure *azureml.Error) error
}

// Started is how the service answered the request that began an operation.
type Started struct {
	// ID of a model-management operation, or
	ID string
	// URL of a resource-manager operation, or
	URL string
	// Location tells that URL gives the result when it is done, not a status.
	Location bool
	// Finished: nothing to poll; or none of them: poll the resource.
	Finished bool
	// Response is the answer, whose Retry-After is obeyed; may be nil.
	Response *http.Response
}

// token is what a resume token holds: no URL of the model management, no secrets.
type token struct {
	Version   int    `json:"v"`
	Kind      string `json:"kind"`
	Resource  string `json:"resource"`
	Workspace string `json:"workspace"`
	ID        string `json:"id,omitempty"`
	URL       string `json:"url,omitempty"`
	Location  bool   `json:"location,omitempty"`
	Finished  bool   `json:"finished,omitempty"`
}

const tokenVersion = 1

// handler polls one operation; it is azcore's PollingHandler for both planes.
type handler[T any] struct {
	token   token
	client  *Client
	op      Operation[T]
	started time.Time

	status   Status
	seen     bool   // the operation has been read at least once
	offset   int    // characters of the log read so far
	logged   int64  // bytes of the log's own file read so far
	unread   int    // how often in a row it could not be read
	logPart  string // the line that they end in
	lookOnly bool   // the operation may not be read; ask the resource
	unknown  string
	unknowns int
	since    time.Time
	finished bool
	failure  error
}

// NewPoller makes a poller for an operation that was just started.
func NewPoller[T any](c *Client, op Operation[T], s Started) (*runtime.Poller[T], error) {
	h := newHandler(c, op)
	h.token.ID, h.token.URL, h.token.Location, h.token.Finished = s.ID, s.URL, s.Location, s.Finished
	if s.URL != "" {
		if err := h.checkURL(); err != nil {
			return nil, err
		}
	}
	if s.Finished {
		h.finished, h.status = true, Status{State: "Succeeded"}
	}
	return runtime.NewPoller(s.Response, c.wide, &runtime.NewPollerOptions[T]{Handler: h, Tracer: c.tracer})
}

// Resume makes a poller from a resume token, without any request. A token of
// another operation, resource or workspace is refused.
func Resume[T any](c *Client, op Operation[T], resumeToken string) (*runtime.Poller[T], error) {
	h := newHandler(c, op)
	p, err := runtime.NewPollerFromResumeToken(resumeToken, c.wide, &runtime.NewPollerFromResumeTokenOptions[T]{Handler: h, Tracer: c.tracer})
	if err != nil {
		if e, ok := errors.AsType[*azureml.Error](err); ok {
			return nil, e
		}
		return nil, h.refuse("it is not a resume token of this operation", err)
	}
	return p, nil
}

func newHandler[T any](c *Client, op Operation[T]) *handler[T] {
	return &handler[T]{
		client: c, op: op, started: time.Now(),
		token: token{Version: tokenVersion, Kind: op.Kind, Resource: op.Resource, Workspace: op.Workspace},
	}
}

func (h *handler[T]) refuse(reason string, cause error) error {
	return &azureml.Error{
		Operation: "resume: " + h.op.Operation, Subject: h.op.Subject, Kind: azureml.ErrInvalid, Err: cause,
		Violations: []azureml.Violation{{Field: "ResumeToken", Rule: "cannot be used here: " + reason}},
	}
}

// MarshalJSON writes the resume token.
func (h *handler[T]) MarshalJSON() ([]byte, error) { return Marshal(h.token) }

// UnmarshalJSON reads a resume token and refuses one that is not of this operation.
func (h *handler[T]) UnmarshalJSON(data []byte) error {
	var t token
	if err := json.Unmarshal(data, &t); err != nil {
		return err
	}
	switch want := h.token; {
	case t.Version != tokenVersion:
		return h.refuse(fmt.Sprintf("its version is %d, not %d", t.Version, tokenVersion), nil)
	case t.Kind != want.Kind:
		return h.refuse(fmt.Sprintf("it is of the operation %q", t.Kind), nil)
	case !strings.EqualFold(t.Resource, want.Resource):
		return h.refuse(fmt.Sprintf("it is of %q, not of %q", t.Resource, want.Resource), nil)
	case !strings.EqualFold(t.Workspace, want.Workspace):
		return h.refuse("it is of another workspace", nil)
	case t.ID != "" && t.ID != Segment(t.ID):
		return h.refuse("its operation id is not valid", nil)
	}
	h.token = t
	if t.Finished {
		h.finished, h.status = true, Status{State: "Succeeded"}
	}
	if t.URL != "" {
		return h.checkURL()
	}
	return nil
}

func (h *handler[T]) checkURL() error {
	req, err := http.NewRequest(http.MethodGet, h.token.URL, nil)
	if err != nil {
		return h.refuse("its address is not valid", nil)
	}
	return h.client.hosts.Check(req.URL)
}

// Done tells whether the operation has ended, well or not.
func (h *handler[T]) Done() bool { return h.finished || h.failure != nil }

// appearing is how long a 404 for a fresh operation is taken as "not there yet".
const appearing = 2 * time.Minute

// Poll looks once and reports the progress.
func (h *handler[T]) Poll(ctx context.Context) (*http.Response, error) {
	status, resp, err := h.look(ctx)
	if err != nil {
		if !errors.Is(err, azureml.ErrNotFound) {
			return nil, err
		}
		switch {
		case h.op.Gone:
			status = Status{State: "Succeeded"}
		case !h.seen && time.Since(h.started) < appearing:
			status = Status{State: "NotStarted"}
		default:
			return nil, err
		}
	} else {
		h.seen = true
	}
	lines := h.newLines(status)
	h.status = status
	h.judge(ctx)
	lines = append(lines, h.readLog(ctx)...)
	azureml.Report(ctx, azureml.Progress{
		Operation: h.op.Operation, Subject: h.op.Subject,
		State: status.State, SubOperation: status.SubOperation, SubState: status.SubState,
		LogLines: lines, Elapsed: time.Since(h.started), Done: h.Done(),
	})
	return resp, nil
}

// judge sorts the state into done, failed and going on.
func (h *handler[T]) judge(ctx context.Context) {
	switch final, failure := endOf(h.status.State); {
	case !final:
		h.judgeUnknown()
	case failure == nil:
		h.finished = true
	default:
		h.failure = h.fail(ctx, failure)
	}
}

const (
	patienceUnknown = 10 * time.Minute
	pollsUnknown    = 30
)

// judgeUnknown gives up on a state that is not in the contract when it stays for
// 30 polls and 10 minutes.
func (h *handler[T]) judgeUnknown() {
	state := strings.ToLower(h.status.State)
	if knownStates[state] {
		h.unknown, h.unknowns = "", 0
		return
	}
	if h.unknowns == 0 || state != h.unknown {
		h.unknown, h.unknowns, h.since = state, 0, time.Now()
	}
	h.unknowns++
	if h.unknowns >= pollsUnknown && time.Since(h.since) >= patienceUnknown {
		h.failure = &azureml.Error{
			Operation: h.op.Operation, Subject: h.op.Subject, Kind: azureml.ErrUnavailable,
			Message: fmt.Sprintf("the operation has been in the unknown state %q for %s", h.status.State, time.Since(h.since).Round(time.Second)),
		}
	}
}

// Result makes the result once; a failure stays the same however often it is asked for.
func (h *handler[T]) Result(ctx context.Context, out *T) error {
	if h.failure != nil {
		return h.failure
	}
	result, err := h.op.Done(ctx, h.status)
	if err != nil {
		return err
	}
	*out = result
	return nil
}

// fail makes the error of an operation that ended badly.
func (h *handler[T]) fail(ctx context.Context, kind error) error {
	e := &azureml.Error{
		Operation: h.op.Operation, Subject: h.op.Subject, Kind: kind,
		Stage: h.status.SubOperation, Body: h.status.Body,
	}
	if f := h.status.Failure; f != nil {
		e.Code, e.Message, e.Details, e.StatusCode = f.Code, f.Message, f.Details, f.StatusCode
	}
	if h.status.LogURL != "" {
		e.LogURL = redact.URL(h.status.LogURL)
	}
	if e.Message == "" {
		e.Message = fmt.Sprintf("the operation ended in state %s, and the service does not say why", h.status.State)
	}
	e.Remedy, e.Help = remedy.For(e)
	if h.op.Failed != nil {
		if err := h.op.Failed(ctx, h.status, e); err != nil {
			return err
		}
	}
	return e
}

// look reads the operation where it is, or the resource.
func (h *handler[T]) look(ctx context.Context) (Status, *http.Response, error) {
	switch {
	case h.lookOnly || h.token.ID == "" && h.token.URL == "":
		if h.op.Look == nil {
			return Status{}, nil, &azureml.Error{Operation: h.op.Operation, Subject: h.op.Subject, Message: "the service named no operation to wait for"}
		}
		return h.op.Look(ctx)
	case h.token.ID != "":
		return h.lookModelManagement(ctx)
	default:
		status, resp, err := h.lookResourceManager(ctx)
		if err != nil && errors.Is(err, azureml.ErrForbidden) && h.op.Look != nil {
			// A role on the workspace alone lets start an operation but not read it.
			h.lookOnly = true
			return h.op.Look(ctx)
		}
		return status, resp, err
	}
}

var _ runtime.PollingHandler[struct{}] = (*handler[struct{}])(nil)

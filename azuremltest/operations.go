package azuremltest

import (
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// OperationFailure makes one long-running operation end badly.
type OperationFailure struct {
	// Kind is "compute", "service", "workspace", "package", "profile" or "environment"
	// (a build of its image); empty means any.
	Kind string
	// Name is the name of the compute, service, workspace, profile or environment, or the
	// image name of the package, in any case; empty means any.
	Name string
	// State is how the operation ends: "Failed" (also if empty), "Canceled",
	// "TimedOut", or "Stuck", which never ends.
	State string
	// Code, Message, StatusCode and Details are the error of the operation;
	// where they are empty they are made up.
	Code, Message string
	StatusCode    int
	Details       []ErrorDetail
}

// ErrorDetail is one of the details of an error.
type ErrorDetail struct{ Code, Message string }

// States that an OperationFailure may ask for.
const (
	stateFailed   = "Failed"
	stateCanceled = "Canceled"
	stateTimedOut = "TimedOut"
	stateStuck    = "Stuck"
)

// FailNextOperation lets the next operation that f describes end badly. Every
// call is good for one operation; several calls are used up in their order. It
// panics if the kind or the state is none of those listed.
func (s *Server) FailNextOperation(f OperationFailure) {
	if f.State == "" {
		f.State = stateFailed
	}
	if !slices.Contains([]string{stateFailed, stateCanceled, stateTimedOut, stateStuck}, f.State) {
		panic("azuremltest: an operation cannot end as " + strconv.Quote(f.State))
	}
	if !slices.Contains([]string{"", "compute", "service", "workspace", "package", "profile", "environment"}, f.Kind) {
		panic("azuremltest: there are no operations of kind " + strconv.Quote(f.Kind))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures = append(s.failures, f)
}

// takeFailure returns, and uses up, the failure that was set up for an
// operation that begins now, or nil. The caller holds srv.mu.
func (s *Server) takeFailure(kind, name string) *OperationFailure {
	if f := s.destined; f != nil {
		s.destined = nil
		return f
	}
	for i, f := range s.failures {
		if (f.Kind == "" || f.Kind == kind) && (f.Name == "" || equalFold(f.Name, name)) {
			s.failures = slices.Delete(s.failures, i, i+1)
			return &f
		}
	}
	return nil
}

// details converts the failure's details for the wire.
func (f *OperationFailure) details() []errorDetail {
	list := []errorDetail{}
	for _, d := range f.Details {
		list = append(list, errorDetail{Code: d.Code, Message: d.Message})
	}
	return list
}

// progress counts the looks that clients take at something unfinished. An
// operation is finished when the number of polls that the options ask for has
// been answered with "not yet", be it on the operation's own URL or on that of
// the resource.
type progress struct {
	polls, reads int
	stuck        bool
}

// poll counts a look at the operation and says whether it is finished.
func (p *progress) poll(s *Server) bool {
	p.polls++
	return !p.stuck && p.polls > s.opts.OperationPolls
}

// read counts a look at the resource and says whether it is finished.
func (p *progress) read(s *Server) bool {
	p.reads++
	return !p.stuck && p.reads > s.opts.OperationPolls
}

// retryAfter tells the client when to ask again.
func (c *call) retryAfter() {
	d := c.srv.opts.RetryAfter
	if d < 0 {
		return
	}
	c.w.Header().Set("Retry-After", strconv.Itoa(int(math.Floor(d.Seconds()))))
	c.w.Header().Set("retry-after-ms", strconv.FormatInt(d.Milliseconds(), 10))
}

// operation is a long-running operation of the resource manager.
type operation struct {
	id string
	about
	sub      string
	location string
	verb     string // what it is doing: Creating, Updating, Deleting
	status   string // verb until it ends
	started  time.Time
	ended    time.Time
	failure  *OperationFailure // how it will end, nil for good
	problem  *operationError   // how it has ended
	progress
	finish func(*operation) // changes the resource when the operation ends
}

// about says what an operation works on, for [Server.Operations].
type about struct{ kind, workspace, subject string }

// operationError is the error of an operation that failed.
type operationError struct {
	Code       string        `json:"code"`
	StatusCode int           `json:"statusCode"`
	Message    string        `json:"message"`
	Details    []errorDetail `json:"details"`
}

// end finishes the operation as was decided at its start.
func (o *operation) end() {
	if o.status != o.verb {
		return
	}
	o.ended = time.Now()
	o.status = "Succeeded"
	if f := o.failure; f != nil {
		o.status = stateFailed
		if f.State == stateCanceled {
			o.status = stateCanceled
		}
		o.problem = f.problem()
	}
	o.finish(o)
}

// problem makes the failure into an error of the resource manager.
func (f *OperationFailure) problem() *operationError {
	p := &operationError{Code: f.Code, StatusCode: f.StatusCode, Message: f.Message, Details: f.details()}
	defaults := operationError{Code: "InternalServerError", StatusCode: http.StatusInternalServerError,
		Message: "An internal server error occurred. Please try again. If the problem persists, contact support"}
	switch f.State {
	case stateCanceled:
		defaults = operationError{Code: "OperationCanceled", StatusCode: http.StatusConflict, Message: "The operation was canceled."}
	case stateTimedOut:
		defaults = operationError{Code: "OperationTimedOut", StatusCode: http.StatusGatewayTimeout, Message: "The operation did not complete in time."}
	}
	if p.Code == "" {
		p.Code = defaults.Code
	}
	if p.StatusCode == 0 {
		p.StatusCode = defaults.StatusCode
	}
	if p.Message == "" {
		p.Message = defaults.Message
	}
	return p
}

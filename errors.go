package azureml

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// The kinds of failure, to be told apart with errors.Is. Each error of this
// module answers for at most one of them, besides the errors that it wraps.
var (
	// ErrNotFound: what was asked for does not exist, or the caller may not see it.
	ErrNotFound = errors.New("not found")
	// ErrConflict: it exists already, or something else is changing it right now.
	ErrConflict = errors.New("conflict")
	// ErrUnauthorized: no token, or one that was refused (sign in again, other tenant).
	ErrUnauthorized = errors.New("unauthorized")
	// ErrForbidden: signed in, but a role is missing or a network rule is in the way.
	ErrForbidden = errors.New("forbidden")
	// ErrThrottled: too many requests, also after the retries.
	ErrThrottled = errors.New("throttled")
	// ErrInvalid: the input breaks a rule; see [Error.Violations].
	ErrInvalid = errors.New("invalid")
	// ErrAmbiguous: the name fits more than one resource.
	ErrAmbiguous = errors.New("ambiguous")
	// ErrInUse: it cannot be changed or deleted because something uses it.
	ErrInUse = errors.New("in use")
	// ErrUnavailable: the service could not be reached or failed (5xx), also after the retries.
	ErrUnavailable = errors.New("unavailable")
	// ErrInteractionRequired: a person has to sign in, and nobody may be asked here.
	ErrInteractionRequired = errors.New("interaction required")
	// ErrOperationFailed: a long-running operation ended in failure.
	ErrOperationFailed = errors.New("operation failed")
	// ErrOperationTimedOut: the service gave up waiting for a long-running
	// operation. What it made may still become healthy; it is not ErrOperationFailed.
	ErrOperationTimedOut = errors.New("operation timed out")
	// ErrOperationCanceled: a long-running operation was cancelled by someone. It is
	// not ErrOperationFailed.
	ErrOperationCanceled = errors.New("operation canceled")
)

// Error is the one error type of this module. Error, String and every print verb
// give one line that is safe to log; the longer parts are fields. [Explain] puts
// all of it on a screen.
type Error struct {
	// Operation is what was tried, as a verb phrase without subject: "deploy".
	Operation string `json:"operation,omitempty"`
	// Subject is what it was tried on: `web service "myservice"`.
	Subject string `json:"subject,omitempty"`
	// Kind is one of this package's sentinels, or nil when none fits.
	Kind error `json:"-"`
	// StatusCode is the HTTP status of the answer, 0 where there was none. For a
	// failed operation it is the status that the operation's error states.
	StatusCode int `json:"statusCode,omitempty"`
	// Code is the service's error code ("ResourceNotFound").
	Code string `json:"code,omitempty"`
	// Message is the service's message, or ours where the service gave none.
	Message string `json:"message,omitempty"`
	// Details are the service's inner errors, outermost first.
	Details []ErrorDetail `json:"details,omitempty"`
	// Violations are the broken rules of invalid input, all of them.
	Violations []Violation `json:"violations,omitempty"`
	// Method and URL say which request was answered; the URL has no query.
	Method string `json:"method,omitempty"`
	URL    string `json:"url,omitempty"`
	// RequestID and CorrelationID are what the service's support asks for.
	RequestID     string `json:"requestId,omitempty"`
	CorrelationID string `json:"correlationId,omitempty"`
	// Attempts is how often the request was sent, 0 where nothing was sent.
	Attempts int `json:"attempts,omitempty"`
	// Stage is the part of a long-running operation that failed ("BuildImage").
	Stage string `json:"stage,omitempty"`
	// LogTail are the last lines of the log that belongs to the failure, if it was read.
	LogTail string `json:"logTail,omitempty"`
	// LogURL is where the whole log is, without its signature.
	LogURL string `json:"logUrl,omitempty"`
	// Remedy says what a person can do about it.
	Remedy string `json:"remedy,omitempty"`
	// Help is the address of a page about it; empty where nothing more is known than
	// the kind, to whose section [Explain] leads then.
	Help string `json:"help,omitempty"`
	// Body is the answer as it came. It is never printed; it may hold anything.
	Body []byte `json:"-"`
	// Err is the wrapped error: *azcore.ResponseError where there was an answer,
	// the transport's or the context's error where there was none.
	Err error `json:"-"`
}

// ErrorDetail is an inner error of the service.
type ErrorDetail struct {
	Code    string `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
	Target  string `json:"target,omitempty"`
}

// Violation is one broken rule of invalid input.
type Violation struct {
	// Field is the Go name of the field or argument ("CPUCores").
	Field string `json:"field"`
	// Value is what was given, shortened; of a secret only its length.
	Value string `json:"value,omitempty"`
	// Rule says what is allowed ("must be > 0").
	Rule string `json:"rule"`
}

// String gives field, value and rule in one line.
func (v Violation) String() string {
	if v.Value == "" {
		return v.Field + " " + v.Rule
	}
	return v.Field + " (" + v.Value + ") " + v.Rule
}

// Error is one line: what was tried, what went wrong, code, status, request id.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("azureml: ")
	if e.Operation != "" {
		b.WriteString("cannot ")
		b.WriteString(e.Operation)
		if e.Subject != "" {
			b.WriteByte(' ')
			b.WriteString(e.Subject)
		}
		b.WriteString(": ")
	} else if e.Subject != "" {
		b.WriteString(e.Subject)
		b.WriteString(": ")
	}
	b.WriteString(e.reason())
	if facts := e.facts(); len(facts) > 0 {
		b.WriteString(" (")
		b.WriteString(strings.Join(facts, ", "))
		b.WriteByte(')')
	}
	return b.String()
}

// reason is the text of what went wrong, on one line.
func (e *Error) reason() string {
	if len(e.Violations) > 0 {
		parts := make([]string, len(e.Violations))
		for i, v := range e.Violations {
			parts[i] = v.String()
		}
		return strings.Join(parts, "; ")
	}
	text := oneLine(e.Message)
	for _, d := range e.Details {
		detail := oneLine(d.Message)
		if detail == "" || strings.Contains(text, detail) {
			continue
		}
		if text != "" {
			text = strings.TrimRight(text, ".:; ") + ": "
		}
		text += detail
	}
	if text != "" {
		return text
	}
	if e.Err != nil && e.StatusCode == 0 {
		return oneLine(e.Err.Error())
	}
	if e.Kind != nil {
		return e.Kind.Error()
	}
	return "unknown failure"
}

func (e *Error) facts() []string {
	var facts []string
	if e.Code != "" {
		facts = append(facts, e.Code)
	}
	if e.StatusCode != 0 {
		facts = append(facts, fmt.Sprintf("HTTP %d", e.StatusCode))
	}
	if e.Stage != "" {
		facts = append(facts, "stage "+e.Stage)
	}
	if e.RequestID != "" {
		facts = append(facts, "request "+e.RequestID)
	}
	return facts
}

// Is answers errors.Is for the sentinel in Kind.
func (e *Error) Is(target error) bool { return e.Kind != nil && target == e.Kind }

// Unwrap gives the wrapped error.
func (e *Error) Unwrap() error { return e.Err }

// HasCode tells whether the service's code, or the code of one of its details, is
// one of codes. Upper and lower case are the same.
func (e *Error) HasCode(codes ...string) bool {
	for _, want := range codes {
		if strings.EqualFold(e.Code, want) {
			return true
		}
		for _, d := range e.Details {
			if strings.EqualFold(d.Code, want) {
				return true
			}
		}
	}
	return false
}

// Format prints the line of [Error.Error] whatever the verb, so that no verb shows
// the answer's body.
func (e *Error) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, e.Error()) }

// GoString is [Error.Error].
func (e *Error) GoString() string { return e.Error() }

// LogValue gives log/slog the safe parts as a group.
func (e *Error) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("message", e.Error())}
	if e.Kind != nil {
		attrs = append(attrs, slog.String("kind", e.Kind.Error()))
	}
	if e.Code != "" {
		attrs = append(attrs, slog.String("code", e.Code))
	}
	if e.StatusCode != 0 {
		attrs = append(attrs, slog.Int("status", e.StatusCode))
	}
	if e.RequestID != "" {
		attrs = append(attrs, slog.String("requestId", e.RequestID))
	}
	return slog.GroupValue(attrs...)
}

// HasCode tells whether err is, or wraps, an [Error] with one of the service codes.
func HasCode(err error, codes ...string) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.HasCode(codes...)
}

// oneLine folds all white space, line breaks too, into single blanks.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

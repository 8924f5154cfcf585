package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/redact"
	"github.com/azureml-go/azureml/internal/remedy"
)

// failed turns a request that got no answer into an error.
func failed(r Request, resp *http.Response, err error, attempts int) error {
	e := &azureml.Error{Operation: r.Operation, Subject: r.Subject, Method: r.Method, URL: redact.URL(r.URL), Attempts: attempts}
	if inner, ok := errors.AsType[*azureml.Error](err); ok {
		// The credential or the host pin said it already; add what was going on.
		copied := *inner
		copied.Err = err
		if copied.Operation != "" {
			copied.Message = "cannot " + strings.TrimSpace(copied.Operation+" "+copied.Subject) + ": " + messageOf(inner)
			copied.Violations = nil
			copied.Details = nil
		}
		copied.Operation, copied.Subject, copied.Attempts = r.Operation, r.Subject, attempts
		return &copied
	}
	if resp != nil {
		e.StatusCode = resp.StatusCode
		identify(e, resp)
	}
	e.Err = safeTransportError(err)
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		e.Message = "gave up: " + contextReason(err)
		return e
	}
	e.Kind = azureml.ErrUnavailable
	e.Message = redact.Text(innermost(e.Err))
	e.Remedy = remedy.Transport(r.URL)
	return e
}

// messageOf is what went wrong, without what was tried and without the facts that the
// new error takes over.
func messageOf(e *azureml.Error) string {
	if e.Message != "" && len(e.Violations) == 0 && len(e.Details) == 0 {
		return e.Message
	}
	text := strings.TrimPrefix(e.Error(), "azureml: ")
	if _, rest, ok := strings.Cut(text, ": "); ok && e.Operation != "" {
		return rest
	}
	return text
}

func contextReason(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return context.DeadlineExceeded.Error()
	}
	return context.Canceled.Error()
}

// safeTransportError takes the query, which may hold a signature, out of the
// address that net/http puts into its errors.
func safeTransportError(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return &url.Error{Op: u.Op, URL: redact.URL(u.URL), Err: u.Err}
	}
	return err
}

// innermost is the text of a transport error without method and address.
func innermost(err error) string {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err.Error()
	}
	return err.Error()
}

// answerError turns an answer that is a failure into an error.
func answerError(r Request, resp *http.Response, attempts int) error {
	body, err := runtime.Payload(resp)
	if err != nil && len(body) == 0 {
		body = nil
	}
	// azcore's error shows the body, and its log does as soon as the error is made.
	resp.Body = io.NopCloser(strings.NewReader(redact.Text(string(body))))
	e := &azureml.Error{
		Operation: r.Operation, Subject: r.Subject, Method: r.Method, URL: redact.URL(r.URL),
		StatusCode: resp.StatusCode, Attempts: attempts, Body: body, Kind: KindOf(resp.StatusCode),
		Err: runtime.NewResponseError(resp),
	}
	identify(e, resp)
	p := ParseError(body, resp.Header.Get("Content-Type"))
	e.Code, e.Message, e.Details = p.Code, p.Message, p.Details
	if e.Message == "" {
		e.Message = strings.ToLower(http.StatusText(resp.StatusCode))
	}
	if e.Code == "" {
		e.Code = resp.Header.Get("x-ms-error-code")
	}
	e.Remedy, e.Help = remedy.For(e)
	return e
}

// oddAnswer is a success that cannot be understood.
func oddAnswer(r Request, resp *http.Response, reason string, cause error, attempts int) error {
	body, _ := runtime.Payload(resp)
	// azcore's error shows the body, and its log does as soon as the error is made.
	resp.Body = io.NopCloser(strings.NewReader(redact.Text(string(body))))
	e := &azureml.Error{
		Operation: r.Operation, Subject: r.Subject, Method: r.Method, URL: redact.URL(r.URL),
		StatusCode: resp.StatusCode, Attempts: attempts, Body: body, Message: reason, Err: cause,
		Remedy: "Something between you and the service (a proxy, a sign-in page) may have answered in its place.",
	}
	identify(e, resp)
	return e
}

func identify(e *azureml.Error, resp *http.Response) {
	for _, name := range []string{"x-ms-request-id", "request-id", "x-request-id"} {
		if e.RequestID = resp.Header.Get(name); e.RequestID != "" {
			break
		}
	}
	e.CorrelationID = resp.Header.Get("x-ms-correlation-request-id")
}

// KindOf is the sentinel that an HTTP status stands for, nil where none does.
func KindOf(status int) error {
	switch status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return azureml.ErrInvalid
	case http.StatusUnauthorized:
		return azureml.ErrUnauthorized
	case http.StatusForbidden:
		return azureml.ErrForbidden
	case http.StatusNotFound, http.StatusGone:
		return azureml.ErrNotFound
	case http.StatusConflict, http.StatusPreconditionFailed:
		return azureml.ErrConflict
	case http.StatusTooManyRequests:
		return azureml.ErrThrottled
	case http.StatusRequestTimeout:
		return azureml.ErrUnavailable
	}
	if status >= http.StatusInternalServerError {
		return azureml.ErrUnavailable
	}
	return nil
}

// ParsedError is what the body of a failure says.
type ParsedError struct {
	Code       string
	Message    string
	StatusCode int
	Details    []azureml.ErrorDetail
}

// wireError fits all error shapes of the services: with or without the "error"
// envelope (also twice), inner errors under either name, a status inside.
type wireError struct {
	Code        string           `json:"code"`
	Message     string           `json:"message"`
	StatusCode  int              `json:"statusCode"`
	Target      string           `json:"target"`
	Details     []wireError      `json:"details"`
	Inner       *wireError       `json:"innerError"`
	Error       *json.RawMessage `json:"error"`
	Description string           `json:"error_description"`
}

// maxErrorDepth bounds how deep inner errors are followed.
const maxErrorDepth = 8

// ParseError reads an error body of any shape: JSON with or without envelope, HTML,
// text, empty, cut off. It never fails; what it cannot read it describes.
func ParseError(body []byte, contentType string) ParsedError {
	text := strings.TrimSpace(strings.TrimPrefix(string(body), "\ufeff"))
	switch {
	case text == "":
		return ParsedError{}
	case looksLikeHTML(contentType, body):
		return ParsedError{Message: "the service answered with an HTML page" + pageTitle(body)}
	case strings.HasPrefix(text, "<"):
		return parseXML(text)
	}
	var w wireError
	if err := Unmarshal([]byte(text), &w); err != nil {
		var quoted string
		if json.Unmarshal([]byte(text), &quoted) == nil {
			text = quoted
		}
		return ParsedError{Message: shorten(redact.Text(text))}
	}
	return parsed(w, 0)
}

func parsed(w wireError, depth int) ParsedError {
	if w.Error != nil && depth < maxErrorDepth {
		var inner wireError
		var code string
		switch {
		case json.Unmarshal(*w.Error, &code) == nil && code != "":
			return ParsedError{Code: code, Message: redact.Text(first(w.Description, w.Message))}
		case Unmarshal(*w.Error, &inner) == nil && (inner.Code != "" || inner.Message != "" || inner.Error != nil):
			p := parsed(inner, depth+1)
			if p.StatusCode == 0 {
				p.StatusCode = w.StatusCode
			}
			return p
		}
	}
	p := ParsedError{Code: w.Code, Message: redact.Text(strings.TrimSpace(w.Message)), StatusCode: w.StatusCode}
	p.Details = append(p.Details, details(w, depth)...)
	return p
}

func details(w wireError, depth int) []azureml.ErrorDetail {
	if depth >= maxErrorDepth {
		return nil
	}
	var all []azureml.ErrorDetail
	add := func(inner wireError) {
		if inner.Error != nil {
			p := parsed(inner, depth+1)
			inner = wireError{Code: p.Code, Message: p.Message}
		}
		if inner.Code != "" || inner.Message != "" {
			all = append(all, azureml.ErrorDetail{Code: inner.Code, Message: redact.Text(inner.Message), Target: inner.Target})
		}
		all = append(all, details(inner, depth+1)...)
	}
	for _, d := range w.Details {
		add(d)
	}
	if w.Inner != nil {
		add(*w.Inner)
	}
	return all
}

var (
	titlePattern   = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)
	headingPattern = regexp.MustCompile(`(?is)<h[12][^>]*>(.*?)</h[12]>`)
	xmlCode        = regexp.MustCompile(`(?s)<Code>(.*?)</Code>`)
	xmlMessage     = regexp.MustCompile(`(?s)<Message>(.*?)</Message>`)
)

func looksLikeHTML(contentType string, body []byte) bool {
	head := strings.ToLower(strings.TrimSpace(string(body[:min(len(body), 256)])))
	return strings.HasPrefix(head, "<!doctype html") || strings.HasPrefix(head, "<html") ||
		strings.Contains(strings.ToLower(contentType), "text/html") && strings.HasPrefix(head, "<")
}

// pageTitle gives an HTML page's title in the form `: "502 Bad Gateway"`.
func pageTitle(body []byte) string {
	for _, p := range []*regexp.Regexp{titlePattern, headingPattern} {
		if m := p.FindSubmatch(body); m != nil {
			return fmt.Sprintf(": %q", shorten(redact.Text(strings.Join(strings.Fields(string(m[1])), " "))))
		}
	}
	return ""
}

// parseXML reads storage's error bodies.
func parseXML(text string) ParsedError {
	var p ParsedError
	if m := xmlCode.FindStringSubmatch(text); m != nil {
		p.Code = strings.TrimSpace(m[1])
	}
	if m := xmlMessage.FindStringSubmatch(text); m != nil {
		p.Message, _, _ = strings.Cut(redact.Text(strings.TrimSpace(m[1])), "\n")
	}
	if p.Code == "" && p.Message == "" {
		p.Message = shorten(redact.Text(text))
	}
	return p
}

// maxErrorText is how much of an unknown text an error shows.
const maxErrorText = 300

func shorten(text string) string {
	if len(text) <= maxErrorText {
		return text
	}
	return strings.ToValidUTF8(text[:maxErrorText], "") + "…"
}

func first(texts ...string) string {
	for _, t := range texts {
		if t = strings.TrimSpace(t); t != "" {
			return t
		}
	}
	return ""
}

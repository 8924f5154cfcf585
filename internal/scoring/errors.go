package scoring

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/limit"
	"github.com/azureml-go/azureml/internal/redact"
	"github.com/azureml-go/azureml/internal/remedy"
	"github.com/azureml-go/azureml/internal/rest"
)

// The kinds of failure that only scoring has.
var (
	// ErrScript: the entry script failed, or its replica broke down while it ran.
	ErrScript = errors.New("the entry script failed")
	// ErrTimeout: the script took longer than the service, or the caller, allows.
	ErrTimeout = errors.New("scoring timed out")
)

// answerError makes an error of an answer that is a failure, whose body has been read
// unless the call streams.
func (c *Client) answerError(call *call, r Request, t *ticket, resp *http.Response) *azureml.Error {
	if call.body == nil {
		// Not read below the retries: a stream, or the last of too many tries.
		call.body, _ = io.ReadAll(io.LimitReader(resp.Body, maxFailure))
		_ = resp.Body.Close()
	}
	body := call.body
	p := rest.ParseError(body, resp.Header.Get("Content-Type"))
	e := &azureml.Error{
		Operation: r.Operation, Subject: c.config.Subject, Method: resp.Request.Method, URL: redact.URL(resp.Request.URL.String()),
		StatusCode: resp.StatusCode, Attempts: call.attempts, Body: body,
		Code: p.Code, Message: hide(p.Message, t), Details: p.Details,
		Err: responseError(resp, hide(redact.Text(string(body)), t)),
	}
	for _, name := range []string{"X-Ms-Request-Id", "X-Request-Id"} {
		if e.RequestID = resp.Header.Get(name); e.RequestID != "" {
			break
		}
	}
	if e.Message == "" {
		e.Message = strings.ToLower(http.StatusText(resp.StatusCode))
	}
	if resp.StatusCode >= 300 && resp.StatusCode <= 399 {
		e.Message = "the address answers with a redirect" + target(resp) + ", which is not followed: the key would go along"
	}
	e.Kind = kindOf(resp, p.Message)
	e.Remedy, e.Help = remedyOf(e)
	return e
}

// kindOf tells failures of the script from those of the service around it.
func kindOf(resp *http.Response, message string) error {
	timedOut := strings.HasPrefix(strings.ToLower(message), "scoring timeout")
	switch status := resp.StatusCode; {
	case timedOut, status == http.StatusGatewayTimeout, status == http.StatusRequestTimeout:
		return ErrTimeout
	case scriptFailed(resp.Header), status == http.StatusInternalServerError:
		return ErrScript
	case status == http.StatusBadGateway && !isPage(resp.Header, message):
		return ErrScript
	case status == http.StatusRequestEntityTooLarge, status == http.StatusUnsupportedMediaType:
		return azureml.ErrInvalid
	default:
		return rest.KindOf(status)
	}
}

// isPage tells of an HTML page, which a proxy on the way sends, not the service.
func isPage(h http.Header, message string) bool {
	return strings.Contains(h.Get("Content-Type"), "html") && strings.Contains(message, "HTML page")
}

func remedyOf(e *azureml.Error) (text, help string) {
	switch {
	case errors.Is(e, ErrScript):
		return remedy.Named(remedy.ScoringScript)
	case errors.Is(e, ErrTimeout):
		return remedy.Named(remedy.ScoringTimeout)
	case e.StatusCode == http.StatusServiceUnavailable:
		return remedy.Named(remedy.ScoringBusy)
	case e.StatusCode == http.StatusUnauthorized:
		return remedy.Named(remedy.ScoringKey)
	case e.StatusCode == http.StatusNotFound:
		return remedy.Named(remedy.ScoringNowhere)
	case e.StatusCode >= 300 && e.StatusCode <= 399:
		return remedy.Named(remedy.ScoringMoved)
	}
	return remedy.For(e)
}

// target names the host that a redirect leads to.
func target(resp *http.Response) string {
	if u, err := resp.Location(); err == nil {
		return " to " + u.Scheme + "://" + u.Host
	}
	return ""
}

// responseError is azcore's error for an answer, without the key in the request. It shows
// the body, which must hold no key either.
func responseError(resp *http.Response, body string) error {
	copied := *resp
	copied.Body = io.NopCloser(strings.NewReader(body))
	copied.Request = resp.Request.Clone(context.WithoutCancel(resp.Request.Context()))
	copied.Request.Header.Del("Authorization")
	return runtime.NewResponseError(&copied)
}

// hide takes the key out of a text that echoes the request.
func hide(text string, t *ticket) string {
	if t == nil {
		return text
	}
	for _, value := range t.values {
		text = strings.ReplaceAll(text, value.Reveal(), redact.Mask)
	}
	return text
}

// transportError makes an error of a call without an answer.
func (c *Client) transportError(call *call, r Request, t *ticket, err error) error {
	e := &azureml.Error{
		Operation: r.Operation, Subject: c.config.Subject, Method: http.MethodPost, URL: redact.URL(c.config.URL.String()),
		Attempts: call.attempts, Err: safe(err),
	}
	if r.Address != nil {
		e.Method, e.URL = http.MethodGet, redact.URL(r.Address.String())
	}
	after := ""
	if call.status >= 300 {
		after = fmt.Sprintf(" (the last answer was HTTP %d)", call.status)
	}
	_, late := errors.AsType[limit.Exceeded](err)
	switch {
	case call.Err() != nil:
		e.Message = "gave up: " + call.Err().Error() + after
		if !errors.Is(e.Err, call.Err()) {
			e.Err = errors.Join(call.Err(), e.Err)
		}
	case errors.Is(err, errTooLarge):
		e.Kind = azureml.ErrInvalid
		e.Message = fmt.Sprintf("the answer is larger than the %d bytes that are allowed", c.config.MaxAnswer)
		e.Remedy = "Raise MaxAnswerBytes, or use Stream."
	case late:
		e.Kind, e.Message = ErrTimeout, reasonOf(err)
		e.Remedy = "Raise AttemptTimeout, or look at why the service does not answer (Logs)."
	case call.status >= 200 && call.status <= 299:
		e.Kind, e.StatusCode, e.Message = azureml.ErrUnavailable, call.status, "the answer broke off: "+hide(reasonOf(err), t)
		e.Remedy = "The script has run. Declare the call idempotent to have it repeated."
	default:
		e.Kind, e.Message = azureml.ErrUnavailable, hide(redact.Text(reasonOf(err)), t)
		e.Remedy = remedy.Transport(e.URL)
	}
	return e
}

// credentialError makes an error of a call for which there is no key or token.
func (c *Client) credentialError(call *call, r Request, err error) error {
	e := &azureml.Error{Operation: r.Operation, Subject: c.config.Subject, Err: err, Message: "no key or token for it: " + reasonOf(err)}
	if inner, ok := errors.AsType[*azureml.Error](err); ok {
		e.Kind, e.Remedy, e.StatusCode, e.RequestID = inner.Kind, inner.Remedy, inner.StatusCode, inner.RequestID
	}
	if call.Err() != nil {
		e.Message = "gave up: " + call.Err().Error()
	}
	return e
}

// safe takes the query out of the address in a transport error.
func safe(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return &url.Error{Op: u.Op, URL: redact.URL(u.URL), Err: u.Err}
	}
	return err
}

// reasonOf is an error's text without method and address, on one line.
func reasonOf(err error) string {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return strings.Join(strings.Fields(strings.TrimPrefix(err.Error(), "azureml: ")), " ")
}

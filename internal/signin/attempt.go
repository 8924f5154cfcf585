// Package signin turns the failures of credentials into this module's errors: code,
// one line of message, ids for support, what to do, and no secrets.
package signin

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/redact"
	"github.com/azureml-go/azureml/internal/remedy"
)

// Attempt is what was tried, and what was seen of it on the wire.
type Attempt struct {
	// Operation and Subject are those of the error.
	Operation, Subject string
	// Remedy is what helps when nothing better is known.
	Remedy string
	// Address is the host that is asked, for the remedy when it cannot be reached.
	Address string
	// Trace is what came over the wire; nil where that was not watched.
	Trace *Trace
	// Soft makes a failure that no service has decided on one that lets a chain of
	// azidentity go on to its next member.
	Soft bool
	// Keep leaves err within reach of errors.Is and errors.As where nothing else is
	// known of it, for the errors of foreign credentials and functions.
	Keep bool
	// Secrets are taken out of all texts.
	Secrets []azureml.Secret
}

// Error explains err. One that is, or wraps, an *azureml.Error stays as it is.
func (a Attempt) Error(err error) error {
	if _, ok := errors.AsType[*azureml.Error](err); ok {
		return err
	}
	e := &azureml.Error{Operation: a.Operation, Subject: a.Subject}
	resp, cause := a.wire(err)
	if a.Trace != nil {
		e.Attempts = a.Trace.Sends
	}
	switch {
	case errors.Is(err, context.Canceled), errors.Is(cause, context.Canceled):
		e.Message, e.Err = "gave up: "+context.Canceled.Error(), context.Canceled
	case errors.Is(err, context.DeadlineExceeded), errors.Is(cause, context.DeadlineExceeded):
		a.tooSlow(e)
	case resp != nil && resp.StatusCode >= 300:
		a.refused(e, resp)
	case cause != nil:
		a.unreachable(e, cause)
	case resp != nil && a.givesToken(resp):
		a.odd(e, resp)
	default:
		a.said(e, err)
	}
	if e.Remedy == "" {
		e.Remedy = a.Remedy
	}
	return e
}

// wire gives the last answer and the last failure of the connection.
func (a Attempt) wire(err error) (*http.Response, error) {
	if failed, ok := errors.AsType[*azidentity.AuthenticationFailedError](err); ok && failed.RawResponse != nil {
		return failed.RawResponse, nil
	}
	if a.Trace == nil {
		return nil, transportError(err)
	}
	return a.Trace.Answer, a.Trace.Failure
}

// body is the body of an answer, which may have been read before.
func (a Attempt) body(resp *http.Response) []byte {
	if t := a.Trace; t != nil && t.Answer != nil && (t.Answer == resp || t.Answer.StatusCode == resp.StatusCode) {
		return t.body
	}
	body, _ := runtime.Payload(resp)
	return body
}

// transportError finds a failure of the connection in the error of a foreign credential.
func transportError(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u
	}
	return nil
}

// tooSlow is a request that this module's own bounds ended; those of the caller are
// for whoever has the caller's context to tell.
func (a Attempt) tooSlow(e *azureml.Error) {
	e.Kind, e.Message, e.Err = azureml.ErrUnavailable, "there was no answer in time", context.DeadlineExceeded
	if e.Remedy = a.Remedy; a.Address != "" {
		e.Remedy = remedy.Transport(a.Address)
	}
	if a.Soft {
		e.Err = errors.Join(azidentity.NewCredentialUnavailableError(e.Message), e.Err)
	}
}

// refused reads an answer that is a failure.
func (a Attempt) refused(e *azureml.Error, resp *http.Response) {
	body := a.body(resp)
	e.StatusCode, e.Body = resp.StatusCode, body
	a.request(e, resp)
	w := parse(body)
	e.Code, e.RequestID, e.CorrelationID = w.code(), w.trace, w.correlation
	if e.RequestID == "" {
		e.RequestID = resp.Header.Get("x-ms-request-id")
	}
	e.Message = a.hide(w.message())
	if e.Message == "" {
		e.Message = "the answer is not what a failed sign-in is answered with" + kindOfPage(body)
	}
	e.Kind = kindOf(resp.StatusCode, w.name, w.number)
	e.Remedy, e.Help = remedy.SignInCode(w.number, w.name), remedy.SignInHelp(w.number, w.name)
	if e.Remedy == "" {
		e.Remedy = later[e.Kind]
	}
	e.Err = runtime.NewResponseErrorWithErrorCode(a.harmless(resp, body), e.Code)
	if a.Soft {
		e.Err = errors.Join(azidentity.NewCredentialUnavailableError(e.Message), e.Err)
	}
}

// later is what helps against failures that pass.
var later = map[error]string{
	azureml.ErrUnavailable: "The sign-in service failed. Try again in a few minutes.",
	azureml.ErrThrottled:   "Tokens are asked for too often. Try again in a few minutes; keep one credential and use it again and again.",
}

// request notes which request was answered.
func (a Attempt) request(e *azureml.Error, resp *http.Response) {
	if resp.Request != nil && resp.Request.URL != nil {
		e.Method, e.URL = resp.Request.Method, redact.URL(resp.Request.URL.String())
	}
}

// harmless is a copy of an answer that can be printed.
func (a Attempt) harmless(resp *http.Response, body []byte) *http.Response {
	copied := &http.Response{
		Status: resp.Status, StatusCode: resp.StatusCode, Header: resp.Header.Clone(),
		Body: io.NopCloser(strings.NewReader(a.hide(string(body)))),
	}
	copied.Header.Del("Set-Cookie")
	if resp.Request != nil && resp.Request.URL != nil {
		if u, err := url.Parse(redact.URL(resp.Request.URL.String())); err == nil {
			copied.Request = &http.Request{Method: resp.Request.Method, URL: u, Header: http.Header{}}
		}
	}
	if copied.Request == nil {
		copied.Request = &http.Request{Method: http.MethodPost, URL: &url.URL{}, Header: http.Header{}}
	}
	return copied
}

// unreachable is a failure without any answer.
func (a Attempt) unreachable(e *azureml.Error, cause error) {
	e.Kind = azureml.ErrUnavailable
	address := a.Address
	if u, ok := errors.AsType[*url.Error](cause); ok {
		address = u.URL
		cause = &url.Error{Op: u.Op, URL: redact.URL(u.URL), Err: u.Err}
		e.Message = a.hide(u.Err.Error())
	} else {
		e.Message = a.hide(cause.Error())
	}
	e.Err = cause
	e.Remedy = remedy.Transport(address)
	if a.Soft {
		e.Err = errors.Join(azidentity.NewCredentialUnavailableError(e.Message), cause)
	}
}

// givesToken tells of an answer that may hold a token, so that a text about it may
// quote the token.
func (a Attempt) givesToken(resp *http.Response) bool {
	body := a.body(resp)
	if resp.Request != nil && resp.Request.URL != nil && resp.Request.Method == http.MethodGet &&
		strings.Contains(resp.Request.URL.Path, "openid-configuration") {
		return false
	}
	return len(body) == 0 || tokenName.Match(body) || !strings.HasPrefix(strings.TrimSpace(string(body)), "{")
}

var tokenName = regexp.MustCompile(`(?i)(access|refresh|id)_?token`)

// odd is a success that the credential could not understand.
func (a Attempt) odd(e *azureml.Error, resp *http.Response) {
	body := a.body(resp)
	a.request(e, resp)
	e.StatusCode, e.Kind = resp.StatusCode, azureml.ErrUnavailable
	e.Message = "the answer to the request for a token cannot be understood" + kindOfPage(body)
	e.Remedy = "Something between you and the sign-in service (a proxy, a sign-in page) may have answered in its place."
}

// said reads the text of a credential that sent nothing, such as that of the Azure CLI.
func (a Attempt) said(e *azureml.Error, err error) {
	text := err.Error()
	if m := guide.FindStringSubmatch(text); m != nil {
		e.Help, text = m[1], strings.Replace(text, m[0], "", 1)
	}
	line := a.hide(tellingLine(text))
	w := wire{description: line}
	w.number = w.readText()
	e.Code, e.RequestID, e.CorrelationID = w.code(), w.trace, w.correlation
	e.Message = w.message()
	e.Kind = kindOf(http.StatusUnauthorized, "", w.number)
	e.Remedy = remedy.SignInCode(w.number, "")
	if help := remedy.SignInHelp(w.number, ""); help != "" {
		e.Help = help
	}
	needsPerson := isRequired(err) || mentionsLogin.MatchString(text)
	if needsPerson && w.number == "" {
		e.Kind = azureml.ErrInteractionRequired
	}
	switch {
	case a.Keep:
		e.Err = shown{line, err}
	case a.Soft, isRequired(err):
		e.Err = azidentity.NewCredentialUnavailableError(line)
	default:
		e.Err = errors.New(line)
	}
}

// shown is an error of someone else that shows a text without secrets instead of its own.
type shown struct {
	text string
	err  error
}

func (s shown) Error() string { return s.text }
func (s shown) Unwrap() error { return s.err }

func isRequired(err error) bool {
	_, ok := errors.AsType[*azidentity.AuthenticationRequiredError](err)
	return ok
}

var (
	guide          = regexp.MustCompile(` *To troubleshoot, visit (https://\S+)`)
	credentialName = regexp.MustCompile(`^\w*Credential(\.\w+\(\))?: *`)
	mentionsLogin  = regexp.MustCompile(`\baz login\b`)
)

// tellingLine takes the line that says what went wrong out of what a program printed.
func tellingLine(text string) string {
	lines := slices.DeleteFunc(strings.Split(text, "\n"), func(l string) bool { return strings.TrimSpace(l) == "" })
	if len(lines) == 0 {
		return "no reason was given"
	}
	best := lines[0]
	for _, line := range lines {
		if _, after, ok := strings.Cut(line, "ERROR:"); ok {
			best = after
			break
		}
	}
	return strings.Join(strings.Fields(credentialName.ReplaceAllString(strings.TrimSpace(best), "")), " ")
}

// hide takes secrets out of a text: what looks like one, and those that are known.
func (a Attempt) hide(text string) string {
	for _, s := range a.Secrets {
		if s.Len() < shortestSecret {
			continue
		}
		text = strings.ReplaceAll(text, s.Reveal(), redact.Mask)
		text = strings.ReplaceAll(text, url.QueryEscape(s.Reveal()), redact.Mask)
	}
	return redact.Text(text)
}

// shortestSecret is the length below which a secret is not looked for in texts: it
// would be found in the midst of words.
const shortestSecret = 4

func kindOfPage(body []byte) string {
	text := strings.TrimSpace(string(body))
	switch {
	case text == "":
		return " (it is empty)"
	case strings.HasPrefix(text, "<"):
		return " (it is an HTML page)"
	}
	return ""
}

package blob

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/redact"
	"github.com/azureml-go/azureml/internal/remedy"
	"github.com/azureml-go/azureml/internal/rest"
)

func (u *Uploader) failure(up Upload, err error) *azureml.Error { return u.failureAfter(up, err, 0) }

// failureAfter makes the error of an upload or download without the signature of its address.
func (u *Uploader) failureAfter(up Upload, err error, tries int) *azureml.Error {
	e := &azureml.Error{Operation: u.operation, Subject: up.Subject, Attempts: tries, URL: redact.URL(up.URI)}
	if renewal, ok := errors.AsType[*RenewalError](err); ok {
		return renewalFailed(e, renewal)
	}
	if answer, ok := errors.AsType[*azcore.ResponseError](err); ok {
		answered(e, answer)
		return e
	}
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		e.Message = "gave up: " + contextReason(err)
		e.Err = err
	case errors.Is(err, ErrChanged):
		e.Kind, e.Err, e.Message = azureml.ErrConflict, err, err.Error()
		e.Remedy = "Register it again when nothing writes to it any more."
		return e
	case tries == 0:
		// Nothing was sent: the content could not be read.
		e.Err, e.URL = err, ""
		return e
	default:
		e.Kind = azureml.ErrUnavailable
		e.Err = err
		e.Remedy = remedy.Transport(up.URI)
	}
	if sent, ok := errors.AsType[*url.Error](e.Err); ok {
		e.Err = &url.Error{Op: sent.Op, URL: redact.URL(sent.URL), Err: sent.Err}
	}
	if e.Message == "" {
		e.Message = redact.Text(e.Err.Error())
	}
	return e
}

// renewalFailed takes over what the service says that did not renew an address.
func renewalFailed(e *azureml.Error, renewal *RenewalError) *azureml.Error {
	e.Kind, e.Err, e.Message = azureml.ErrUnavailable, renewal.Err, redact.Text(renewal.Error())
	if cause, ok := errors.AsType[*azureml.Error](renewal.Err); ok {
		e.Kind, e.StatusCode, e.Code, e.RequestID, e.Remedy, e.Help = cause.Kind, cause.StatusCode, cause.Code, cause.RequestID, cause.Remedy, cause.Help
		e.Message = "the right to the storage has run out and cannot be renewed: " + cmp.Or(cause.Message, cause.Error())
	}
	return e
}

func contextReason(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return context.DeadlineExceeded.Error()
	}
	return context.Canceled.Error()
}

// answered fills in what storage said.
func answered(e *azureml.Error, answer *azcore.ResponseError) {
	e.StatusCode, e.Kind, e.Code, e.Err = answer.StatusCode, rest.KindOf(answer.StatusCode), answer.ErrorCode, answer
	if resp := answer.RawResponse; resp != nil {
		body, err := runtime.Payload(resp)
		if err != nil {
			body = nil
		}
		// Storage repeats parts of the address in its messages.
		e.Body = []byte(redact.Text(string(body)))
		p := rest.ParseError(e.Body, resp.Header.Get("Content-Type"))
		e.Code, e.Message = cmp.Or(p.Code, e.Code), p.Message
		e.RequestID = resp.Header.Get("x-ms-request-id")
		e.Err = runtime.NewResponseErrorWithErrorCode(withoutSignature(resp, e.Body), e.Code) //nolint:bodyclose // it is in memory
		if resp.Request != nil {
			e.Method = resp.Request.Method
		}
	}
	e.Message = cmp.Or(e.Message, "storage refused it: "+strings.ToLower(http.StatusText(answer.StatusCode)))
	e.Remedy, e.Help = remedy.For(e)
	if answer.StatusCode == http.StatusForbidden {
		// Storage says AuthorizationFailed, too; that of the services is about roles.
		_, e.Help = remedy.For(&azureml.Error{Code: "AzureStorageError"})
		e.Remedy = "The storage account refuses this machine. Check that its firewall lets this machine in, that the clock of this machine is right, and that the account allows shared access signatures."
	}
}

// withoutSignature gives a copy of an answer that shows the signature neither in its
// request nor in its body.
func withoutSignature(resp *http.Response, body []byte) *http.Response {
	copied := *resp
	copied.Body = io.NopCloser(bytes.NewReader(body))
	if resp.Request != nil && resp.Request.URL != nil {
		request := *resp.Request
		address := *request.URL
		address.RawQuery = ""
		request.URL = &address
		copied.Request = &request
	}
	return &copied
}

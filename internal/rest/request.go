package rest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/google/uuid"

	"github.com/azureml-go/azureml"
)

// Request is one logical call.
type Request struct {
	// Operation and Subject say in errors what was tried: "get", `compute "myaks"`.
	Operation string
	Subject   string
	Method    string
	// URL is absolute, with query.
	URL    string
	Header http.Header
	// Body is sent as it is if it is []byte or io.ReadSeeker, else as JSON; nil sends none.
	Body any
	// ContentType of the body; default application/json.
	ContentType string
	Class       Class
	// Stream leaves the body of a successful answer unread, for the caller to read and close.
	Stream bool
	// Allow are statuses outside of 2xx that are no failure; their bodies are not decoded.
	Allow []int
}

// Do sends r and decodes the JSON of a successful answer into out, unless out is nil
// or the answer is empty. A *[]byte takes the body as it is, a *json.RawMessage too. The answer's body is
// read and closed, except with Stream. Failures are *azureml.Error; the answer, if
// there was one, is returned along with them.
func (c *Client) Do(ctx context.Context, r Request, out any) (resp *http.Response, err error) {
	if c.tracer.Enabled() {
		spanned, end := runtime.StartSpan(ctx, spanName(r), c.tracer, nil)
		defer func() { end(err) }()
		ctx = spanned
	}
	body, err := encode(r.Body)
	if err != nil {
		return nil, &azureml.Error{Operation: r.Operation, Subject: r.Subject, Kind: azureml.ErrInvalid, Message: "the body cannot be written as JSON", Err: err}
	}
	call := &sending{stream: r.Stream}
	call.body, _ = body.([]byte)
	pl, sendCtx := c.pipeline(context.WithValue(ctx, sendingKey{}, call), r.Class)
	req, err := runtime.NewRequest(sendCtx, r.Method, r.URL)
	if err != nil {
		return nil, &azureml.Error{Operation: r.Operation, Subject: r.Subject, Kind: azureml.ErrInvalid, Message: "the address of the request is not valid", Err: err}
	}
	setHeader(req.Raw().Header, r.Header)
	if r.Stream {
		runtime.SkipBodyDownload(req)
	}
	if body != nil {
		if err := req.SetBody(seekable(body), cmp.Or(r.ContentType, "application/json")); err != nil {
			return nil, failed(r, nil, err, 0)
		}
	}
	resp, err = pl.Do(req)
	if err != nil {
		return nil, failed(r, resp, err, call.attempts)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		if slices.Contains(r.Allow, resp.StatusCode) {
			_ = resp.Body.Close()
			return resp, nil
		}
		return resp, answerError(r, resp, call.attempts)
	}
	if r.Stream {
		return resp, nil
	}
	return resp, decode(r, resp, out, call.attempts)
}

// setHeader sets what the caller asks for and, unless that has them, what all requests
// have: what is accepted, and an id that all tries share.
func setHeader(h, asked http.Header) {
	for name, values := range asked {
		h[http.CanonicalHeaderKey(name)] = slices.Clone(values)
	}
	if len(h["Accept"]) == 0 {
		h["Accept"] = []string{"application/json"}
	}
	if len(h[requestID]) == 0 {
		h[requestID] = []string{uuid.NewString()}
	}
}

// requestID is the header by which Azure's logs find a request again.
const requestID = "X-Ms-Client-Request-Id"

func spanName(r Request) string { return "azureml." + strings.ReplaceAll(r.Operation, " ", "-") }

// encode gives a body as bytes or, if it is one, as the reader that it is.
func encode(body any) (any, error) {
	switch b := body.(type) {
	case nil, []byte, io.ReadSeeker:
		return b, nil
	}
	return Marshal(body)
}

// seekable makes azcore's kind of body.
func seekable(body any) io.ReadSeekCloser {
	switch b := body.(type) {
	case []byte:
		return streaming.NopCloser(bytes.NewReader(b))
	case io.ReadSeekCloser:
		return b
	case io.ReadSeeker:
		return streaming.NopCloser(b)
	}
	return nil
}

// Marshal is json.Marshal that leaves <, > and & alone.
func Marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func decode(r Request, resp *http.Response, out any, attempts int) error {
	body, err := runtime.Payload(resp)
	if err != nil {
		return failed(r, resp, err, attempts)
	}
	if out == nil {
		return nil
	}
	switch raw := out.(type) {
	case *[]byte:
		*raw = body
		return nil
	case *json.RawMessage:
		if len(bytes.TrimSpace(body)) == 0 {
			return nil
		}
	}
	if len(bytes.TrimSpace(body)) == 0 {
		if resp.StatusCode == http.StatusNoContent || resp.StatusCode == http.StatusAccepted {
			return nil
		}
		return oddAnswer(r, resp, "the answer is empty", nil, attempts)
	}
	if err := Unmarshal(body, out); err != nil {
		return oddAnswer(r, resp, oddReason(resp, body, err), err, attempts)
	}
	return nil
}

// Keeper is what wants to see the JSON that it was decoded from.
type Keeper interface {
	// KeepJSON gets the text, which is the keeper's own. mismatch is not nil if there
	// was something of a type that was not expected; that is then missing.
	KeepJSON(text []byte, mismatch error)
}

// Mender is what can read more of JSON with something of a type that was not expected than
// what fits.
type Mender interface {
	// MendJSON gets the text, which it must not keep.
	MendJSON(text []byte)
}

// Unmarshal is json.Unmarshal that takes members of an unexpected type as absent
// ("reading is lenient"), as long as the value as a whole has the right type. A [Keeper]
// gets data, which must not be used for anything else then.
func Unmarshal(data []byte, out any) error {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if page, ok := out.(interface{ unmarshalText(data []byte) error }); ok {
		return page.unmarshalText(data)
	}
	err := json.Unmarshal(data, out)
	mismatch, odd := errors.AsType[*json.UnmarshalTypeError](err)
	if err != nil && !odd {
		return err
	}
	if keeper, ok := out.(Keeper); ok {
		keeper.KeepJSON(data, err)
		return nil
	}
	if odd && mismatch.Field != "" {
		if mender, ok := out.(Mender); ok {
			mender.MendJSON(data)
		}
		return nil
	}
	return err
}

func oddReason(resp *http.Response, body []byte, err error) string {
	if looksLikeHTML(resp.Header.Get("Content-Type"), body) {
		return "the answer is an HTML page, not JSON" + pageTitle(body)
	}
	if _, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Sprintf("the answer is not complete JSON (%d bytes)", len(body))
	}
	return "the answer is not the JSON that was expected"
}

// Join puts path elements behind base, which may or may not end in a slash, and a
// query. Elements are put in as they are: escape them with [Segment].
func Join(base string, query url.Values, path string) string {
	mark, encoded := "", ""
	if len(query) > 0 {
		mark, encoded = "?", Query(query)
	}
	return strings.TrimRight(base, "/") + "/" + strings.TrimLeft(path, "/") + mark + encoded
}

// Query encodes a query with %20 for blanks, which the resource manager wants.
func Query(q url.Values) string { return strings.ReplaceAll(q.Encode(), "+", "%20") }

// Segment escapes one path segment, the colon too, as the services' own clients do.
func Segment(s string) string {
	return strings.ReplaceAll(url.PathEscape(s), ":", "%3A")
}

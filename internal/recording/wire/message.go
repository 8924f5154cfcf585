package wire

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/azureml-go/azureml/internal/redact"
)

// Request is one recorded request. At most one of JSON, Text and Bytes is set; none
// means an empty body.
type Request struct {
	Method string `json:"method"`
	// URL is absolute, with the query as sent.
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers,omitempty"`
	JSON    json.RawMessage   `json:"json,omitempty"`
	Text    *string           `json:"text,omitempty"`
	Bytes   *Digest           `json:"bytes,omitempty"`
}

// Digest stands for a body that is too long or too binary to be kept.
type Digest struct {
	Length int64  `json:"length"`
	SHA256 string `json:"sha256"`
}

// DigestOf returns the digest of a body.
func DigestOf(body []byte) Digest {
	sum := sha256.Sum256(body)
	return Digest{Length: int64(len(body)), SHA256: hex.EncodeToString(sum[:])}
}

// Header returns the recorded header of that name, in any case.
func (r *Request) Header(name string) (string, bool) {
	return headerOf(r.Headers, name)
}

// Bodies is the number of body forms that are set; more than one is an error of the
// recording.
func (r *Request) Bodies() int {
	n := 0
	for _, set := range []bool{len(r.JSON) > 0, r.Text != nil, r.Bytes != nil} {
		if set {
			n++
		}
	}
	return n
}

// Response is one recorded answer: either a status with headers and at most one body
// form, or a fault.
type Response struct {
	Status  int               `json:"status,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	JSON    json.RawMessage   `json:"json,omitempty"`
	Text    *string           `json:"text,omitempty"`
	Base64  *string           `json:"base64,omitempty"`
	Fault   Fault             `json:"fault,omitempty"`
}

// Bodies is the number of body forms that are set.
func (r *Response) Bodies() int {
	n := 0
	for _, set := range []bool{len(r.JSON) > 0, r.Text != nil, r.Base64 != nil} {
		if set {
			n++
		}
	}
	return n
}

// Body returns the answer's bytes, JSON without its white space.
func (r *Response) Body() ([]byte, error) {
	switch {
	case len(r.JSON) > 0:
		var out bytes.Buffer
		if err := json.Compact(&out, r.JSON); err != nil {
			return nil, fmt.Errorf("json body of the answer: %w", err)
		}
		return out.Bytes(), nil
	case r.Text != nil:
		return []byte(*r.Text), nil
	case r.Base64 != nil:
		body, err := base64.StdEncoding.DecodeString(*r.Base64)
		if err != nil {
			return nil, fmt.Errorf("base64 body of the answer: %w", err)
		}
		return body, nil
	}
	return nil, nil
}

// HTTP builds the answer to a request, with the given body. Its Request is set, which
// azcore relies on.
func (r *Response) HTTP(request *http.Request, body []byte) *http.Response {
	header := http.Header{}
	for name, value := range r.Headers {
		header.Set(name, value)
	}
	length := int64(len(body))
	if request.Method == http.MethodHead {
		body = nil
	}
	return &http.Response{
		Status:     fmt.Sprintf("%d %s", r.Status, http.StatusText(r.Status)),
		StatusCode: r.Status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        header,
		Body:          io.NopCloser(bytes.NewReader(body)),
		ContentLength: length,
		Request:       request,
	}
}

// Got is a request as a client sent it, its body read.
type Got struct {
	Method string
	// URL is what goes over the wire: scheme, host, escaped path, raw query.
	URL    string
	Header http.Header
	Body   []byte
}

// Read takes a client's request apart and closes its body.
func Read(request *http.Request) (*Got, error) {
	got := &Got{Method: request.Method, Header: request.Header}
	if got.Method == "" {
		got.Method = http.MethodGet
	}
	path := request.URL.EscapedPath()
	if path == "" {
		path = "/"
	}
	got.URL = request.URL.Scheme + "://" + request.URL.Host + path
	if request.URL.RawQuery != "" {
		got.URL += "?" + request.URL.RawQuery
	}
	if request.Body == nil {
		return got, nil
	}
	body, err := io.ReadAll(request.Body)
	if err := errors.Join(err, request.Body.Close()); err != nil {
		return nil, fmt.Errorf("reading the body of %s %s: %w", got.Method, got.URL, err)
	}
	got.Body = body
	return got, nil
}

// String is the request line, without signatures.
func (g *Got) String() string { return redact.Text(g.Method + " " + g.URL) }

// headerOf looks a name up in a map whose keys are written by people.
func headerOf(headers map[string]string, name string) (string, bool) {
	for key, value := range headers {
		if strings.EqualFold(key, name) {
			return value, true
		}
	}
	return "", false
}

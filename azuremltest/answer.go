package azuremltest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
)

// errorDetail is one entry of the details of an error body.
type errorDetail struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Target  string `json:"target,omitempty"`
}

// json answers with a JSON body.
func (c *call) json(status int, v any) {
	b, err := marshal(v)
	if err != nil {
		panic("azuremltest: cannot encode an answer: " + err.Error())
	}
	c.w.Header().Set("Content-Type", "application/json; charset=utf-8")
	c.w.WriteHeader(status)
	c.w.Write(b)
}

// empty answers without a body.
func (c *call) empty(status int) {
	c.w.WriteHeader(status)
}

// text answers with a line of plain text.
func (c *call) text(status int, message string) {
	c.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	c.w.WriteHeader(status)
	io.WriteString(c.w, message+"\n")
}

// marshal encodes as the services do: no HTML escapes, no newline at the end.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// decode reads the JSON body into v. The content type must be one of types,
// or application/json if there are none. If something is wrong, decode
// answers 415 or 400 in the shape of the host and returns false.
func (c *call) decode(v any, types ...string) bool {
	if len(types) == 0 {
		types = []string{"application/json"}
	}
	sent := c.r.Header.Get("Content-Type")
	if media, _, err := mime.ParseMediaType(sent); err != nil || !slices.Contains(types, media) {
		c.fail(http.StatusUnsupportedMediaType, "UnsupportedMediaType",
			"The content media type '"+sent+"' is not supported. Only '"+strings.Join(types, "', '")+"' is supported.")
		return false
	}
	if err := json.Unmarshal(c.body, v); err != nil {
		c.fail(http.StatusBadRequest, "InvalidRequestContent",
			"The request content was invalid and could not be deserialized: '"+jsonProblem(err, c.body)+"'.")
		return false
	}
	return true
}

// jsonProblem puts a JSON error into words.
func jsonProblem(err error, body []byte) string {
	if len(body) == 0 {
		return "The request body is empty"
	}
	if t, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && t.Field != "" {
		return "The value at '" + t.Field + "' is a JSON " + t.Value + ", which does not fit"
	}
	return err.Error()
}

// fail answers with an error in the shape of the service that was called.
func (c *call) fail(status int, code, message string) {
	switch c.plane() {
	case planeMMS:
		c.mmsError(status, code, message)
	case planeService:
		c.serviceError(status, code, message)
	default:
		c.armError(status, code, message)
	}
}

// plane is a family of services that share the shape of their errors.
type plane int

const (
	planeARM     plane = iota // {"error":{"code","message"}}
	planeMMS                  // {"code","statusCode","message","details"}
	planeService              // {"error":{…,"innerError"},"correlation",…}
)

// plane returns the family that the request belongs to.
func (c *call) plane() plane {
	path := strings.ToLower(c.r.URL.Path)
	switch {
	case c.kind != hostMMS && c.kind != hostAPI, strings.HasPrefix(path, "/rp/"):
		return planeARM
	case c.kind == hostMMS, strings.HasPrefix(path, "/modelmanagement/"):
		return planeMMS
	default:
		return planeService
	}
}

// armError answers as the resource manager does. contract: workspace §2.1
func (c *call) armError(status int, code, message string, details ...errorDetail) {
	c.json(status, map[string]any{"error": armErrorBody{Code: code, Message: message, Details: details}})
}

// armErrorBody is the inner object of an error of the resource manager.
type armErrorBody struct {
	Code           string        `json:"code"`
	Message        string        `json:"message"`
	Target         *string       `json:"target,omitempty"`
	Details        []errorDetail `json:"details,omitempty"`
	AdditionalInfo []any         `json:"additionalInfo,omitempty"`
}

// mmsError answers as model management does. contract: webservice §3.2
func (c *call) mmsError(status int, code, message string, details ...errorDetail) {
	c.json(status, mmsErrorBody{Code: code, StatusCode: status, Message: message, Details: details,
		Correlation: map[string]string{"RequestId": c.requestID()}})
}

// mmsErrorBody is an error of model management, as an answer and inside of
// operations and services.
type mmsErrorBody struct {
	Code        string            `json:"code"`
	StatusCode  int               `json:"statusCode"`
	Message     string            `json:"message"`
	Details     []errorDetail     `json:"details,omitempty"`
	Correlation map[string]string `json:"correlation,omitempty"`
}

// serviceError answers as the artifact and environment services do.
func (c *call) serviceError(status int, code, message string) {
	c.json(status, c.serviceErrorBody(status, code, message))
}

// serviceErrorBody is an error of the artifact and environment services: code
// is the inner code ("Conflict"); the outer one follows from the status.
// contract: model §1
func (c *call) serviceErrorBody(status int, code, message string) any {
	outer := "UserError"
	switch {
	case status == http.StatusTooManyRequests:
		outer = "RequestThrottled"
	case status >= 500:
		outer = "ServiceError"
	}
	region := c.region()
	return map[string]any{
		"error": map[string]any{
			"code": outer, "severity": nil, "message": message, "messageFormat": nil, "messageParameters": nil,
			"referenceCode": nil, "detailsUri": nil, "target": nil, "details": []any{},
			"innerError": map[string]any{"code": code, "innerError": nil}, "additionalInfo": nil,
		},
		"correlation":   map[string]string{"operation": c.srv.hex(16), "request": c.srv.hex(8)},
		"environment":   region,
		"location":      region,
		"time":          time.Now().UTC().Format("2006-01-02T15:04:05.0000000+00:00"),
		"componentName": c.component(),
	}
}

// region returns the region in the host name, or that of the workspace.
func (c *call) region() string {
	if c.ws != nil {
		return c.ws.location
	}
	return hostRegion(c.host())
}

// component returns the name of the service in the first path segment.
func (c *call) component() string {
	first, _, _ := strings.Cut(strings.TrimPrefix(c.r.URL.Path, "/"), "/")
	return first
}

// requestID returns the id under which the emulator answers this call.
func (c *call) requestID() string { return c.w.Header().Get("x-ms-request-id") }

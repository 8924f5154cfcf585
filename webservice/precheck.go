package webservice

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/jsonpatch"
	"github.com/azureml-go/azureml/internal/redact"
	"github.com/azureml-go/azureml/internal/remedy"
	"github.com/azureml-go/azureml/internal/rest"
	"github.com/azureml-go/azureml/workspace"
)

// precheckTimeout bounds the question whether a change would be accepted.
const precheckTimeout = 30 * time.Second

// precheck asks the service whether it would accept a change ("Update", with its patch)
// or a deletion ("Delete"). Only a clear no is an error; when there is no answer, that
// is a warning, and the change itself will tell.
func (s *Service) precheck(ctx context.Context, operation, kind string, patch *jsonpatch.Patch, warn func(azureml.Warning)) error {
	ctx, cancel := context.WithTimeout(ctx, precheckTimeout)
	defer cancel()
	request := workspace.Request{
		Service: workspace.ModelManagement, Operation: operation, Subject: s.subject(),
		Method: http.MethodPost, Path: "services/validate", Repeat: workspace.RepeatNever,
		Body: struct {
			Type   string           `json:"type"`
			Name   string           `json:"serviceName"`
			Create *struct{}        `json:"createRequest"`
			Update *jsonpatch.Patch `json:"updateRequest"`
		}{Type: kind, Name: s.Name, Update: patch},
	}
	var body []byte
	resp, err := s.ws.Do(ctx, request, &body)
	if err != nil {
		if warn != nil {
			warn(azureml.Warning{Subject: s.subject(), Message: "the service was not asked whether it accepts this (" + operation + "), going on without", Err: err})
		}
		return nil
	}
	return refusal(operation, s.subject(), resp, body)
}

// refusal is the no in the answer to a precheck, nil for everything else.
func refusal(operation, subject string, resp *http.Response, body []byte) error {
	var answer struct {
		Error json.RawMessage `json:"error"`
	}
	if rest.Unmarshal(body, &answer) != nil {
		return nil //nolint:nilerr // what cannot be read is no refusal
	}
	p := rest.ParseError(answer.Error, "application/json")
	if answer.Error == nil || string(answer.Error) == "null" || p.Code == "" && p.Message == "" {
		return nil
	}
	e := &azureml.Error{
		Operation: operation, Subject: subject, Kind: azureml.ErrInvalid, Code: p.Code, Message: redact.Text(p.Message),
		Details: p.Details, StatusCode: p.StatusCode, Body: body, RequestID: resp.Header.Get("x-ms-request-id"),
	}
	e.Remedy, e.Help = remedy.For(e)
	return e
}

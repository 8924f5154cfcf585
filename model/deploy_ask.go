package model

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/redact"
	"github.com/azureml-go/azureml/internal/remedy"
	"github.com/azureml-go/azureml/internal/rest"
	"github.com/azureml-go/azureml/workspace"
)

// How long the questions that precede a deployment may take; they are asked once.
const (
	nameTimeout     = 5 * time.Second
	payloadTimeout  = 30 * time.Second
	resourceTimeout = 15 * time.Second
)

// askName asks whether the name is free. known tells since when it was known to be so;
// zero if there was no answer or nobody asked.
func (d *deployment) askName(ctx context.Context) (known time.Time, err error) {
	if d.options.SkipValidation || d.options.Overwrite {
		return time.Time{}, nil
	}
	return d.ask(ctx, nameTimeout, "whether the name is free", "validate/name/"+workspace.Segment(d.name), struct{}{}, azureml.ErrConflict)
}

// askPayload asks whether the deployment would be taken and whether there is room.
func (d *deployment) askPayload(ctx context.Context, payload any) error {
	if d.options.SkipValidation {
		return nil
	}
	body := struct {
		Type   string    `json:"type"`
		Name   string    `json:"serviceName"`
		Create any       `json:"createRequest"`
		Update *struct{} `json:"updateRequest"`
	}{Type: "Create", Name: d.name, Create: payload}
	if _, err := d.ask(ctx, payloadTimeout, "whether it takes the deployment", "validate", body, azureml.ErrInvalid); err != nil || d.options.Overwrite {
		return err
	}
	_, err := d.ask(ctx, resourceTimeout, "whether there is room", "validate/resource", payload, azureml.ErrInvalid)
	return err
}

// ask puts one question. Only a 200 with an error in it is a no; without an answer the
// deployment goes on, with a warning. at is when the service answered, by its own clock,
// by which the creation of services is dated, too; zero without an answer.
func (d *deployment) ask(ctx context.Context, timeout time.Duration, what, path string, body any, no error) (at time.Time, err error) {
	asking, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var answer []byte
	resp, err := d.ws.Do(asking, workspace.Request{
		Service: workspace.ModelManagement, Operation: d.task.operation, Subject: d.task.subject,
		Method: http.MethodPost, Path: "services/" + path, Body: body, Repeat: workspace.RepeatNever,
	}, &answer)
	if ctx.Err() != nil {
		return at, &azureml.Error{Operation: d.task.operation, Subject: d.task.subject, Err: ctx.Err(), Message: "gave up: " + ctx.Err().Error()}
	}
	if err != nil {
		d.unanswered(what, err)
		return at, nil
	}
	refusal, err := d.refusal(resp, answer, no)
	if err != nil {
		d.unanswered(what, err)
		return at, nil
	}
	if at, err = http.ParseTime(resp.Header.Get("Date")); err != nil {
		at = time.Now()
	}
	return at, refusal
}

// unanswered warns of a question that got no answer.
func (d *deployment) unanswered(what string, err error) {
	if d.options.OnWarning != nil {
		d.options.OnWarning(azureml.Warning{Subject: d.task.subject, Message: "the service did not say " + what + "; the deployment goes on", Err: err})
	}
}

// refusal is the error in a 200, nil if there is none; err tells of an answer that is
// neither yes nor no.
func (d *deployment) refusal(resp *http.Response, body []byte, kind error) (refusal, err error) {
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answered with HTTP %d", resp.StatusCode)
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, nil
	}
	var answer struct {
		Error json.RawMessage `json:"error"`
	}
	if rest.Unmarshal(body, &answer) != nil {
		return nil, errors.New("the answer is not the JSON that was expected")
	}
	if len(answer.Error) == 0 || answer.Error[0] != '{' {
		return nil, nil
	}
	p := rest.ParseError(answer.Error, "application/json")
	if p.Message == "" && len(p.Details) == 0 {
		return nil, nil
	}
	e := &azureml.Error{
		Operation: d.task.operation, Subject: d.task.subject, Kind: kind, StatusCode: p.StatusCode, Code: p.Code,
		Message: redact.Text(p.Message), Details: p.Details, RequestID: resp.Header.Get("x-ms-request-id"), Body: body,
	}
	e.Remedy, e.Help = remedy.For(e)
	if errors.Is(kind, azureml.ErrConflict) {
		e.Remedy = "Choose another name, deploy with Overwrite, or delete the service first."
	}
	return e, nil
}

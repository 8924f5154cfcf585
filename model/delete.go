package model

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/validate"
	"github.com/azureml-go/azureml/workspace"
)

// DeleteResult is the outcome of a deletion that succeeded.
type DeleteResult struct {
	// AlreadyGone tells that there was no such model. It is not known for sure of a
	// deletion whose first answer was lost.
	AlreadyGone bool `json:"alreadyGone"`
}

// Delete deletes this version of the model; its files stay in the workspace's storage.
// That it is gone already is a success. It mirrors azureml.core's Model.delete.
//
// Errors: ErrInUse when web services use it, which the error names, and those of every
// call.
func (m *Model) Delete(ctx context.Context) (DeleteResult, error) {
	const operation = "delete"
	var c validate.Checker
	m.checkBound(&c)
	if err := c.Err(operation, subject(m.ID)); err != nil {
		return DeleteResult{}, err
	}
	resp, err := m.ws.Do(ctx, workspace.Request{
		Service: workspace.ModelManagement, Operation: operation, Subject: subject(m.ID), Method: http.MethodDelete,
		Path: m.path(), Allow: []int{http.StatusNotFound, http.StatusGone},
	}, nil)
	if e, ok := errors.AsType[*azureml.Error](err); ok && e.StatusCode == http.StatusPreconditionFailed {
		return DeleteResult{}, m.inUse(ctx, e)
	}
	if err != nil {
		return DeleteResult{}, err
	}
	switch resp.StatusCode {
	case http.StatusNoContent, http.StatusNotFound, http.StatusGone:
		return DeleteResult{AlreadyGone: true}, nil
	}
	return DeleteResult{}, nil
}

// inUse makes the error of a model that is in use name the services that use it. If
// they cannot be read, what the service said has to do.
func (m *Model) inUse(ctx context.Context, refused *azureml.Error) error {
	e := *refused
	e.Kind = azureml.ErrInUse
	e.Remedy = "Delete or update the web services that use the model first. No service is known to: it may be one that you may not see, or an image of old."
	names := map[string]bool{}
	for service, err := range workspace.List[struct {
		Name string `json:"name"`
	}](ctx, m.ws, workspace.Request{
		Service: workspace.ModelManagement, Operation: e.Operation, Subject: e.Subject,
		Path: "services", Query: url.Values{"modelId": {m.ID}},
	}, nil) {
		if err != nil {
			return &e
		}
		if service.Name != "" {
			names[service.Name] = true
		}
	}
	if len(names) > 0 {
		used := strings.Join(slices.Sorted(maps.Keys(names)), ", ")
		e.Message = strings.TrimSpace(e.Message + " Web services that use it: " + used + ".")
		e.Remedy = "Delete or update these web services first: " + used + "."
	}
	return &e
}

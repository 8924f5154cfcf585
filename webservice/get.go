package webservice

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/validate"
	"github.com/azureml-go/azureml/workspace"
)

// Get reads a web service of any kind by its name. Errors: azureml.ErrNotFound when
// there is none. It makes one request and mirrors azureml.core's
// Webservice(workspace, name).
func Get(ctx context.Context, ws *workspace.Workspace, name string) (Webservice, error) {
	var check validate.Checker
	check.Require("name", name)
	about := subject(name)
	if err := check.Err("get", about); err != nil {
		return nil, err
	}
	var wire wireService
	resp, err := ws.Do(ctx, workspace.Request{
		Service: workspace.ModelManagement, Operation: "get", Subject: about,
		Path: servicePath(name), Query: url.Values{"expand": {"true"}},
	}, &wire)
	if err != nil {
		return nil, err
	}
	svc, err := wire.service(ws)
	return read(svc, err, name, resp, wire.text)
}

// read makes a service of an answer.
func read(svc Webservice, err error, name string, resp *http.Response, raw json.RawMessage) (Webservice, error) {
	if err != nil {
		return nil, &azureml.Error{
			Operation: "get", Subject: subject(name), StatusCode: resp.StatusCode, Body: raw, Err: err,
			Message: "the answer is not the description of a web service",
		}
	}
	if common := svc.Common(); common.Name == "" {
		common.Name = name
		if endpoint, ok := svc.(*AksEndpoint); ok {
			endpoint.ownVersions()
		}
	}
	return svc, nil
}

// GetAks reads a web service on AKS. A service of another kind is an error that says
// which; see [Get].
func GetAks(ctx context.Context, ws *workspace.Workspace, name string) (*AksWebservice, error) {
	return get[*AksWebservice](ctx, ws, name)
}

// GetAci reads a web service on ACI. A service of another kind is an error that says
// which; see [Get].
func GetAci(ctx context.Context, ws *workspace.Workspace, name string) (*AciWebservice, error) {
	return get[*AciWebservice](ctx, ws, name)
}

// GetEndpoint reads an endpoint on AKS with its versions. A service of another kind is
// an error that says which; see [Get].
func GetEndpoint(ctx context.Context, ws *workspace.Workspace, name string) (*AksEndpoint, error) {
	return get[*AksEndpoint](ctx, ws, name)
}

// get reads a service that must be an S.
func get[S Webservice](ctx context.Context, ws *workspace.Workspace, name string) (S, error) {
	svc, err := Get(ctx, ws, name)
	if err != nil {
		return *new(S), err
	}
	return as[S]("get", svc)
}

// as checks the kind of a service.
func as[S Webservice](operation string, svc Webservice) (S, error) {
	typed, ok := svc.(S)
	if ok {
		return typed, nil
	}
	kind := svc.Common().ComputeType
	return *new(S), &azureml.Error{
		Operation: operation, Subject: svc.Common().subject(), Kind: azureml.ErrInvalid,
		Message: fmt.Sprintf("its kind is %s, not that of %s", kindName(kind), strings.TrimPrefix(fmt.Sprintf("%T", *new(S)), "*webservice.")),
		Remedy:  "Read it with webservice." + getterOf(kind) + ".",
	}
}

func kindName(kind ComputeType) string {
	if kind == "" {
		return "unknown"
	}
	return string(kind)
}

func getterOf(kind ComputeType) string {
	switch kind {
	case ComputeTypeAKS:
		return "GetAks"
	case ComputeTypeACI:
		return "GetAci"
	case ComputeTypeAKSEndpoint:
		return "GetEndpoint"
	}
	return "Get"
}

// Refresh reads the service anew. It mirrors azureml.core's update_deployment_state.
func (s *AksWebservice) Refresh(ctx context.Context) (*AksWebservice, error) {
	return refresh[*AksWebservice](ctx, &s.Service)
}

// Refresh reads the service anew; see [AksWebservice.Refresh].
func (s *AciWebservice) Refresh(ctx context.Context) (*AciWebservice, error) {
	return refresh[*AciWebservice](ctx, &s.Service)
}

// Refresh reads the endpoint and its versions anew; see [AksWebservice.Refresh].
func (s *AksEndpoint) Refresh(ctx context.Context) (*AksEndpoint, error) {
	return refresh[*AksEndpoint](ctx, &s.Service)
}

// Refresh reads the service anew; see [AksWebservice.Refresh].
func (s *UnknownWebservice) Refresh(ctx context.Context) (*UnknownWebservice, error) {
	return refresh[*UnknownWebservice](ctx, &s.Service)
}

// refresh reads a service again. What Run has fetched to call it stays shared, unless
// the service is now called otherwise.
func refresh[S Webservice](ctx context.Context, s *Service) (S, error) {
	if err := s.standsAlone("get"); err != nil {
		return *new(S), err
	}
	fresh, err := get[S](ctx, s.ws, s.Name)
	if err == nil {
		fresh.Common().inherit(s)
	}
	return fresh, err
}

package model

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/validate"
	"github.com/azureml-go/azureml/workspace"
)

// GetEnvironmentOptions are the optional parts of [GetEnvironment].
type GetEnvironmentOptions struct {
	// Version to read; empty is the latest one.
	Version string
	// Label to read the version of ("prod"); not together with Version.
	Label string
}

// GetEnvironment reads a registered environment; also one of the curated ones, whose
// names start with "AzureML". It mirrors azureml.core's Environment.get.
//
// Errors: ErrInvalid, ErrNotFound, and those of every call.
func GetEnvironment(ctx context.Context, ws *workspace.Workspace, name string, o *GetEnvironmentOptions) (*Environment, error) {
	var options GetEnvironmentOptions
	if o != nil {
		options = *o
	}
	var c validate.Checker
	c.Require("name", name)
	if options.Version != "" && options.Label != "" {
		c.Add("Label", options.Label, "cannot be given together with Version")
	}
	if err := c.Err("get", environmentSubject(name)); err != nil {
		return nil, err
	}
	path := "environments/" + workspace.Segment(name)
	switch {
	case options.Version != "":
		path += "/versions/" + workspace.Segment(options.Version)
	case options.Label != "":
		path += "/labels/" + workspace.Segment(options.Label)
	}
	e := new(Environment)
	_, err := ws.Do(ctx, workspace.Request{
		Service: workspace.Environments, Operation: "get", Subject: environmentSubject(name), Path: path,
	}, e)
	if err != nil {
		return nil, err
	}
	return e, nil
}

// ListEnvironments gives the workspace's environments page by page as the loop asks for
// them: the latest version of each, and the curated ones too, whose names start with
// "AzureML". A failure is yielded once, with a nil environment, and ends the list. It
// mirrors azureml.core's Environment.list, which gives a map by name.
func ListEnvironments(ctx context.Context, ws *workspace.Workspace) iter.Seq2[*Environment, error] {
	return func(yield func(*Environment, error) bool) {
		request := workspace.Request{
			// The service wants the slash at the end.
			Service: workspace.Environments, Operation: "list", Subject: "environments", Path: "environments/",
		}
		for e, err := range workspace.List[*Environment](ctx, ws, request, nextEnvironments) {
			if e == nil && err == nil {
				continue
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// nextEnvironments asks for the page after the one that gave a token. A page that gives
// its own token is the last one.
func nextEnvironments(r workspace.Request, page workspace.Page) (workspace.Request, bool) {
	if page.ContinuationToken == "" || page.ContinuationToken == r.Query.Get("continuation") {
		return r, false
	}
	r.Query = url.Values{"continuation": {page.ContinuationToken}}
	return r, true
}

// RegisterEnvironment registers an environment and gives it back as the service keeps
// it, with version and id. Without e.Version the service makes a new version, with it
// that version is made or replaced. e is not changed. It mirrors azureml.core's
// Environment.register.
func RegisterEnvironment(ctx context.Context, ws *workspace.Workspace, e *Environment) (*Environment, error) {
	var c validate.Checker
	name := ""
	if e == nil {
		c.Add("environment", nil, "is required")
	} else {
		name = e.Name
		e.check(&c)
		if c.OK() && e.reference() {
			c.Add("environment", name, "is nothing but a name; start with NewEnvironment")
		}
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "azureml") || strings.HasPrefix(lower, "microsoft") {
			c.Add("Name", name, `must not start with "AzureML" or "Microsoft", which are reserved; Clone a curated environment under another name`)
		}
	}
	if err := c.Err("register", environmentSubject(name)); err != nil {
		return nil, err
	}
	request := workspace.Request{
		Service: workspace.Environments, Operation: "register", Subject: environmentSubject(name), Method: http.MethodPut,
		Path: "environments/" + workspace.Segment(name), Body: e.registration(),
		// Each request without a version makes a new one.
		Repeat: workspace.RepeatNarrow,
	}
	if e.Version != "" {
		request.Path += "/versions/" + workspace.Segment(e.Version)
		request.Repeat = workspace.RepeatAlways
	}
	registered := new(Environment)
	if _, err := ws.Do(ctx, request, registered); err != nil {
		return nil, err
	}
	if registered.Name == "" {
		return nil, &azureml.Error{Operation: "register", Subject: environmentSubject(name), Message: "the service did not answer with the environment"}
	}
	return registered, nil
}

// resolved reads an environment that is only a reference; any other is given back as it is.
func (e *Environment) resolved(ctx context.Context, ws *workspace.Workspace) (*Environment, error) {
	if e == nil || !e.reference() {
		return e, nil
	}
	return GetEnvironment(ctx, ws, e.Name, &GetEnvironmentOptions{Version: e.Version})
}

func environmentSubject(name string) string { return fmt.Sprintf("environment %q", name) }

package compute

import (
	"context"
	"iter"
	"strings"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/validate"
	"github.com/azureml-go/azureml/workspace"
)

// Get reads the compute name, of whatever type, with one request; [Compute.AksCompute]
// makes an AKS compute of one that is.
//
// Errors: azureml.ErrNotFound, ErrForbidden, ErrInvalid. It mirrors azureml.core's
// ComputeTarget(ws, name).
func Get(ctx context.Context, ws *workspace.Workspace, name string) (*Compute, error) {
	if err := given("get", ws, name); err != nil {
		return nil, err
	}
	return read(ctx, ws, name, "get")
}

// GetAks reads the AKS compute name with one request. A compute of another type is an
// error of kind azureml.ErrInvalid that names the type; [Get] reads those.
//
// Errors: azureml.ErrNotFound, ErrForbidden, ErrInvalid. It mirrors azureml.core's
// AksCompute(ws, name).
func GetAks(ctx context.Context, ws *workspace.Workspace, name string) (*AksCompute, error) {
	c, err := Get(ctx, ws, name)
	if err != nil {
		return nil, err
	}
	return c.AksCompute()
}

// given checks what every call by name needs.
func given(operation string, ws *workspace.Workspace, name string) error {
	var check validate.Checker
	if ws == nil {
		check.Add("ws", nil, "is required")
	}
	check.Require("name", name)
	return check.Err(operation, subject(name))
}

// read reads a compute; operation is what for.
func read(ctx context.Context, ws *workspace.Workspace, name, operation string) (*Compute, error) {
	r := workspace.Request{
		Service: workspace.ResourceManager, Operation: operation, Subject: subject(name), Path: path(name),
	}
	var found resource
	resp, err := ws.Do(ctx, r, &found)
	if err != nil {
		return nil, err
	}
	if !found.isCompute() {
		return nil, &azureml.Error{
			Operation: operation, Subject: subject(name), StatusCode: resp.StatusCode, Body: found.raw,
			Message: "the answer is not a compute: it names no computeType",
		}
	}
	return found.snapshot(ws, name), nil
}

// ListOptions are the optional parts of [List].
type ListOptions struct {
	// Type, when set, leaves out computes of other types. The service knows no such
	// filter; all pages are read either way.
	Type Type
}

// List reads the workspace's computes, page by page as the loop asks for them. A
// failure is yielded once, with a nil compute, and ends the list. Entries that cannot
// be understood are given with what could be read, and all of it in Raw; they are never
// dropped, unless a Type is asked for.
//
// It mirrors azureml.core's ComputeTarget.list(ws).
func List(ctx context.Context, ws *workspace.Workspace, o *ListOptions) iter.Seq2[*Compute, error] {
	var options ListOptions
	if o != nil {
		options = *o
	}
	return func(yield func(*Compute, error) bool) {
		if ws == nil {
			var check validate.Checker
			check.Add("ws", nil, "is required")
			yield(nil, check.Err("list", "the computes"))
			return
		}
		for item, err := range all(ctx, ws, "list") {
			if err != nil {
				yield(nil, err)
				return
			}
			if options.Type != "" && !strings.EqualFold(string(item.Type), string(options.Type)) {
				continue
			}
			if !yield(item, nil) {
				return
			}
		}
	}
}

func all(ctx context.Context, ws *workspace.Workspace, operation string) iter.Seq2[*Compute, error] {
	return func(yield func(*Compute, error) bool) {
		r := workspace.Request{
			Service: workspace.ResourceManager, Operation: operation, Subject: "the computes of workspace " + ws.Name,
			Path: "computes",
		}
		for item, err := range workspace.List[resource](ctx, ws, r, nil) {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(item.snapshot(ws, ""), nil) {
				return
			}
		}
	}
}

// Refresh reads the compute anew.
func (c *Compute) Refresh(ctx context.Context) (*Compute, error) {
	if err := c.connected("refresh"); err != nil {
		return nil, err
	}
	return read(ctx, c.ws, c.Name, "refresh")
}

// Refresh reads the compute anew. It mirrors refresh_state and get_status.
func (c *AksCompute) Refresh(ctx context.Context) (*AksCompute, error) {
	fresh, err := c.Compute.Refresh(ctx)
	if err != nil {
		return nil, err
	}
	return fresh.AksCompute()
}

package workspace

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/rest"
)

// operation finds operations by their id.
func (w *Workspace) operation(r Request, where func(string) Request) func(context.Context, string) (string, error) {
	return func(ctx context.Context, id string) (string, error) {
		at := Request{Service: r.Service, Path: "operations/" + Segment(id)}
		if where != nil {
			at = where(id)
		}
		at.Operation, at.Subject = r.Operation, r.Subject
		request, err := w.request(ctx, at)
		return request.URL, err
	}
}

func adapt[T any](w *Workspace, r Request, o Operation[T]) rest.Operation[T] {
	adapted := rest.Operation[T]{
		Kind: o.Kind, Resource: o.Resource, Workspace: w.ID,
		Operation: r.Operation, Subject: r.Subject, Where: w.operation(r, o.Where), Plain: o.Where != nil, Gone: o.Gone,
		Done: func(ctx context.Context, s rest.Status) (T, error) { return o.Done(ctx, public(s)) },
	}
	if o.Failed != nil {
		adapted.Failed = func(ctx context.Context, s rest.Status, e *azureml.Error) error { return o.Failed(ctx, public(s), e) }
	}
	if o.Log != nil {
		adapted.Log = func(ctx context.Context, address string, offset int64) ([]byte, error) {
			return o.Log(ctx, azureml.NewSecret(address), offset)
		}
	}
	if o.Look != nil {
		adapted.Look = func(ctx context.Context) (rest.Status, *http.Response, error) {
			state, failure := o.Look(ctx)
			s := rest.Status{State: state}
			if failure == nil {
				return s, nil, nil
			}
			e, ok := errors.AsType[*azureml.Error](failure)
			if state == "" || !ok {
				return s, nil, failure
			}
			s.Failure = &rest.ParsedError{Code: e.Code, Message: e.Message, Details: e.Details, StatusCode: e.StatusCode}
			return s, nil, nil
		}
	}
	return adapted
}

func public(s rest.Status) OperationStatus {
	return OperationStatus{ID: s.ID, State: s.State, SubOperation: s.SubOperation, LogURL: azureml.NewSecret(s.LogURL), Body: s.Body}
}

// startOf reads from the first answer what is to be polled.
func startOf(resp *http.Response, s Service, canLook bool) rest.Started {
	started := rest.Started{Response: resp}
	if s != ResourceManager {
		started.ID = rest.OperationID(resp.Header.Get("Operation-Location"))
	} else {
		for _, name := range []string{"Azure-AsyncOperation", "Location"} {
			if started.URL = absolute(resp, resp.Header.Get(name)); started.URL != "" {
				started.Location = name == "Location"
				break
			}
		}
	}
	if started.ID == "" && started.URL == "" {
		started.Finished = resp.StatusCode == http.StatusNoContent || !canLook && resp.StatusCode != http.StatusAccepted
	}
	return started
}

// absolute resolves an address against that of the request it came with.
func absolute(resp *http.Response, address string) string {
	if address == "" {
		return ""
	}
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	if !u.IsAbs() && resp.Request != nil {
		u = resp.Request.URL.ResolveReference(u)
	}
	return u.String()
}

// recoverStart asks whether a request that failed had its effect all the same.
// If not, it gives the failure to return.
func recoverStart[T any](ctx context.Context, o Operation[T], err error) (rest.Started, error) {
	e, ok := errors.AsType[*azureml.Error](err)
	if !ok || o.Recover == nil || ctx.Err() != nil || !inDoubt(e) {
		return rest.Started{}, err
	}
	id, found, recoverErr := o.Recover(ctx, e)
	switch {
	case errors.Is(recoverErr, azureml.ErrConflict):
		return rest.Started{}, recoverErr
	case recoverErr != nil || !found:
		return rest.Started{}, err
	}
	return rest.Started{ID: id}, nil
}

// inDoubt tells of a failure that the request may have had its effect before it: the
// connection broke, a gateway failed, or a repetition met what the first try had made.
func inDoubt(e *azureml.Error) bool {
	switch {
	case e.Attempts == 0:
		return false
	case e.StatusCode == 0, e.StatusCode >= http.StatusInternalServerError, e.StatusCode == http.StatusRequestTimeout:
		return true
	}
	// A repeated creation meets what it made; a repeated deletion meets nothing.
	return e.Attempts > 1 && (e.StatusCode == http.StatusConflict || e.StatusCode == http.StatusNotFound)
}

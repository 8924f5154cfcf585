package workspace

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/rest"
)

// Repeat says when a request may be sent again after a failure.
type Repeat int

const (
	// RepeatByMethod takes GET, HEAD, PUT and DELETE as [RepeatAlways], every other method
	// as [RepeatNarrow].
	RepeatByMethod Repeat = iota
	// RepeatAlways sends again on 408, 429, 5xx (but 501 and 505) and failures of the connection.
	// For POSTs that only read, too.
	RepeatAlways
	// RepeatNarrow sends again only when the request cannot have had an effect (no connection was
	// made, 429, 503 with Retry-After). For everything that makes something new.
	RepeatNarrow
	// RepeatNever sends once.
	RepeatNever
)

// APIVersion is the api-version of the resource manager's machine learning calls,
// unless the client options name another one.
const APIVersion = "2024-04-01"

// Request is a call to one of the workspace's services. Packages outside of this
// module use it for what is not wrapped here.
type Request struct {
	// Service that is called.
	Service Service
	// Operation and Subject name in errors what was tried: "get", `model "m:1"`.
	Operation string
	Subject   string
	// Method is the HTTP method; default GET.
	Method string
	// Path, without a leading slash, stands behind the workspace's own path in that
	// service: "services/myservice". With a leading slash it stands behind the host.
	// Escape what comes from people with [Segment].
	Path string
	// Query of the request. For the resource manager api-version is added when it is
	// missing and the path is one of Microsoft.MachineLearningServices.
	Query url.Values
	// Header holds further headers.
	Header http.Header
	// Body is sent as it is if it is []byte or an io.ReadSeeker, else as JSON.
	Body any
	// ContentType of the body; default application/json.
	ContentType string
	// Repeat says when the request may be sent again.
	Repeat Repeat
	// Stream leaves the answer's body unread; the caller reads and closes it.
	Stream bool
	// Allow are statuses besides 2xx that are no failure.
	Allow []int
}

// Segment escapes one segment of a path, slashes and colons too.
func Segment(s string) string { return rest.Segment(s) }

// Do sends r with the workspace's token and decodes the JSON of the answer into out
// (nil: not at all; *[]byte: as it is). It returns the answer, whose body has been
// read and closed unless r.Stream is set. Failures are *azureml.Error; where there was
// an answer, it is returned beside the error. Do is safe for concurrent use.
//
// The token goes only to the workspace's own hosts over https: the resource manager
// and what service discovery, or an AZUREML_DEV_URL_… variable, names.
func (w *Workspace) Do(ctx context.Context, r Request, out any) (*http.Response, error) {
	request, err := w.request(ctx, r)
	if err != nil {
		return nil, err
	}
	resp, err := w.client.Do(ctx, request, out)
	if err != nil {
		err = w.explainRefusal(r.Service, err)
	}
	return resp, err
}

// Page is one page of a list; see [List].
type Page = rest.Page

// List reads a list of r page by page as the loop asks for items. next turns the
// request for one page into that for the following one, given the page, and reports
// whether there is one; nil follows the page's nextLink: the resource manager's as it
// is, pinned to its host; of the other services' only the query. A failure is yielded
// once, with the zero T, and ends the list.
func List[T any](ctx context.Context, w *Workspace, r Request, next func(r Request, page Page) (Request, bool)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		request, err := w.request(ctx, r)
		if err != nil {
			yield(*new(T), err)
			return
		}
		follow := rest.FollowQuery
		if r.Service == ResourceManager {
			follow = rest.FollowLink
		}
		if next != nil {
			current := r
			follow = func(_ rest.Request, page rest.Page) (rest.Request, bool, error) {
				following, more := next(current, page)
				if !more {
					return rest.Request{}, false, nil
				}
				current = following
				sent, err := w.request(ctx, following)
				return sent, true, err
			}
		}
		for item, err := range rest.List[T](ctx, w.client, request, follow) {
			if err != nil {
				err = w.explainRefusal(r.Service, err)
			}
			if !yield(item, err) {
				return
			}
		}
	}
}

// opened refuses a workspace that is nil, or that was written down by hand: it has no
// credential.
func (w *Workspace) opened(r Request) error {
	if w != nil && w.client != nil {
		return nil
	}
	return &azureml.Error{
		Operation: r.Operation, Subject: r.Subject, Kind: azureml.ErrInvalid,
		Message: "the workspace is nil, or was not opened with workspace.Get or workspace.FromConfig",
		Remedy:  "Open the workspace (workspace.Get, FromConfig) and read what is in it with that.",
	}
}

// request resolves r to an address.
func (w *Workspace) request(ctx context.Context, r Request) (rest.Request, error) {
	if err := w.opened(r); err != nil {
		return rest.Request{}, err
	}
	base, err := w.base(ctx, r.Service)
	if err != nil {
		return rest.Request{}, during(err, r)
	}
	path := r.Path
	if !strings.HasPrefix(path, "/") {
		slash := "/"
		if path == "" {
			slash = ""
		}
		path = services[r.Service].prefix + w.scope() + slash + path
	}
	query := r.Query
	if r.Service == ResourceManager {
		query = w.connection.versioned(path, query)
	}
	return w.connection.prepare(r, rest.Join(base, query, path)), nil
}

// prepare makes the request proper.
func (c *connection) prepare(r Request, address string) rest.Request {
	method := r.Method
	if method == "" {
		method = http.MethodGet
	}
	return rest.Request{
		Operation: r.Operation, Subject: r.Subject, Method: method, URL: address, Header: r.Header,
		Body: r.Body, ContentType: r.ContentType, Class: r.Repeat.class(method), Stream: r.Stream, Allow: r.Allow,
	}
}

// versioned adds the api-version to the query of a machine learning call.
func (c *connection) versioned(path string, query url.Values) url.Values {
	if query.Get("api-version") != "" || !strings.Contains(strings.ToLower(path), "/providers/microsoft.machinelearningservices") {
		return query
	}
	copied := url.Values{}
	for k, v := range query {
		copied[k] = v
	}
	copied.Set("api-version", c.apiVersion)
	return copied
}

func (r Repeat) class(method string) rest.Class {
	switch r {
	case RepeatAlways:
		return rest.Wide
	case RepeatNarrow:
		return rest.Narrow
	case RepeatNever:
		return rest.Once
	}
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete:
		return rest.Wide
	}
	return rest.Narrow
}

// during says of a failure that came before the request what the request was for.
func during(err error, r Request) error {
	e, ok := errors.AsType[*azureml.Error](err)
	if !ok {
		return &azureml.Error{Operation: r.Operation, Subject: r.Subject, Err: err}
	}
	copied := *e
	copied.Message = strings.TrimPrefix(e.Error(), "azureml: ")
	copied.Code, copied.StatusCode, copied.RequestID, copied.Details = "", 0, "", nil
	copied.Operation, copied.Subject, copied.Err = r.Operation, r.Subject, err
	return &copied
}

// scope is the workspace's path in the resource manager.
func (w *Workspace) scope() string {
	if w.discovery != nil && w.discovery.scope != "" {
		return w.discovery.scope
	}
	return "/subscriptions/" + Segment(w.SubscriptionID) + "/resourceGroups/" + Segment(w.ResourceGroup) +
		"/providers/Microsoft.MachineLearningServices/workspaces/" + Segment(w.Name)
}

// ClientOptions gives a copy of the options the workspace was opened with, for
// clients of other services (storage, scoring) that shall use the same transport.
func (w *Workspace) ClientOptions() azcore.ClientOptions {
	if w == nil || w.connection == nil {
		return azcore.ClientOptions{} // what is done with them fails for want of a workspace
	}
	return w.connection.options
}

// OperationStatus is what one poll says of an operation.
type OperationStatus struct {
	// ID of a model-management operation.
	ID string
	// State is the service's word: "Running", "Succeeded".
	State string
	// SubOperation is the part that is going on or failed: "BuildImage".
	SubOperation string
	// LogURL is the address of the operation's log with its signature: a secret.
	LogURL azureml.Secret
	// Body is the last answer as it came.
	Body []byte
}

// Operation says how [Begin] follows what a request has started.
type Operation[T any] struct {
	// Kind and Resource are kept in resume tokens; a token of another kind, resource
	// or workspace is refused. Kind is a word ("deploy"), Resource a path in the
	// workspace ("services/myservice").
	Kind, Resource string
	// ResumeToken, when set, goes on with an operation that was begun earlier: the
	// request is not sent.
	ResumeToken string
	// Done makes the result when the operation has succeeded.
	Done func(ctx context.Context, s OperationStatus) (T, error)
	// Failed may change the error of an operation that ended badly; nil leaves it.
	Failed func(ctx context.Context, s OperationStatus, failure *azureml.Error) error
	// Look asks the resource itself for its state, when the service gave no operation
	// to poll or does not let it be read; nil makes that a failure.
	Look func(ctx context.Context) (state string, failure error)
	// Gone makes 404 while polling a success: the operation deletes the resource.
	Gone bool
	// Recover is asked when the request failed in a way that leaves open whether it
	// had an effect. It may find the operation that was started after all: its id, or
	// "" to follow the resource with Look; it returns false to let the failure stand. An
	// error that is ErrConflict takes the failure's place: what is there is not ours.
	Recover func(ctx context.Context, failure *azureml.Error) (id string, found bool, err error)
	// Where gives the request that reads the operation id, for services other than the
	// model management, whose ids are the package's own (they must need no escaping and
	// hold no address: a resume token may come from anywhere). Nil is the model management.
	Where func(id string) Request
	// Log reads what follows the first offset bytes of the operation's log, for services
	// that do not send it with the polls. It is called only when somebody listens; see
	// [azureml.WithProgress].
	Log func(ctx context.Context, address azureml.Secret, offset int64) ([]byte, error)
	// Answered is shown an answer whose headers name no operation. It may find the id of
	// a model-management operation in the body; "" leaves the answer as final as it is.
	Answered func(status int, body []byte) (id string)
}

// Begin sends r and returns a poller for the operation that it starts. It knows both
// planes: the model management's Operation-Location (of which only the id is used and
// kept) and the resource manager's Azure-AsyncOperation and Location (which must be on
// its own host); an answer that names no operation is done if it is final (200, 201
// and 204 without Look) and is followed through Look otherwise.
//
// A poller belongs to one goroutine.
func Begin[T any](ctx context.Context, w *Workspace, r Request, o Operation[T]) (*runtime.Poller[T], error) {
	if err := w.opened(r); err != nil {
		return nil, err
	}
	adapted := adapt(w, r, o)
	if o.ResumeToken != "" {
		return rest.Resume(w.client, adapted, o.ResumeToken)
	}
	resp, err := w.Do(ctx, r, nil)
	if err != nil {
		started, err := recoverStart(ctx, o, err)
		if err != nil {
			return nil, err
		}
		return rest.NewPoller(w.client, adapted, started)
	}
	started := startOf(resp, r.Service, o.Look != nil)
	if o.Answered != nil && started.ID == "" && started.URL == "" {
		body, _ := runtime.Payload(resp)
		if id := o.Answered(resp.StatusCode, body); id != "" {
			started.ID, started.Finished = id, false
		}
	}
	return rest.NewPoller(w.client, adapted, started)
}

// Follow returns a poller for something that another request, maybe of another process,
// has started: the model-management operation id, or, with "", what o.Look says of the
// resource. It sends nothing; r only names the service, and the words for errors.
func Follow[T any](w *Workspace, r Request, id string, o Operation[T]) (*runtime.Poller[T], error) {
	if err := w.opened(r); err != nil {
		return nil, err
	}
	adapted := adapt(w, r, o)
	if o.ResumeToken != "" {
		return rest.Resume(w.client, adapted, o.ResumeToken)
	}
	return rest.NewPoller(w.client, adapted, rest.Started{ID: id})
}

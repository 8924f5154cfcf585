package workspace

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/validate"
)

// DeleteOptions are the optional parts of [Workspace.BeginDelete].
type DeleteOptions struct {
	// Dependents are the ids of resources that are deleted after the workspace: what
	// [Workspace.Dependents] lists, or a part of it. Other workspaces may use the same
	// ones, a container registry above all. Default: none.
	Dependents []string
	// ResumeToken goes on with a deletion that was begun earlier; give the same Dependents.
	// A handle of [At] does.
	ResumeToken string
}

// DeleteResult says what was deleted.
type DeleteResult struct {
	// ID is that of the workspace.
	ID string `json:"id"`
	// Dependents are what became of [DeleteOptions].Dependents, in their order.
	Dependents []DependentResult `json:"dependents,omitempty"`
}

// DependentResult says what became of one resource.
type DependentResult struct {
	ID string `json:"id"`
	// Deleted tells that it exists no more. A key vault can still be recovered for some
	// time, during which its name is taken.
	Deleted bool `json:"deleted"`
	// Err is why it was not deleted.
	Err error `json:"-"`
}

// Err is nil if everything was deleted, else the failures of all dependents.
func (r DeleteResult) Err() error {
	var all []error
	for _, d := range r.Dependents {
		all = append(all, d.Err)
	}
	return errors.Join(all...)
}

// Dependents are the ids of the resources that the workspace uses: storage account, key
// vault, Application Insights and, if there is one, container registry.
func (w *Workspace) Dependents() []string {
	var ids []string
	for _, id := range []string{w.StorageAccount, w.KeyVault, w.ApplicationInsights, w.ContainerRegistry} {
		if id != "" {
			ids = append(ids, id)
		}
	}
	return ids
}

// BeginDelete deletes the workspace, with its models, services and computes' records; name
// must be the workspace's name again. Resources that it uses stay, unless
// [DeleteOptions].Dependents name them: they are deleted when the workspace is gone, while
// the poller's result is made, each with its own entry in the result. A dependent that
// cannot be deleted is no failure of the operation; see [DeleteResult.Err].
//
// Errors: ErrInvalid (another name, ids that are not of resources a workspace uses),
// ErrNotFound, ErrForbidden, ErrConflict, ErrOperationFailed. It mirrors azureml.core's
// Workspace.delete, which deletes the dependents first and hides their failures.
func (w *Workspace) BeginDelete(ctx context.Context, name string, o *DeleteOptions) (*runtime.Poller[DeleteResult], error) {
	var options DeleteOptions
	if o != nil {
		options = *o
	}
	dependents, err := options.check(w, name)
	if err != nil {
		return nil, err
	}
	return Begin(ctx, w, w.self(http.MethodDelete, "delete"), Operation[DeleteResult]{
		Kind: "delete workspace", Resource: "workspace", ResumeToken: options.ResumeToken, Gone: true, Look: w.lookGone(),
		Done: func(ctx context.Context, _ OperationStatus) (DeleteResult, error) {
			result := DeleteResult{ID: w.ID}
			for i, r := range dependents {
				err := w.deleteDependent(ctx, r)
				result.Dependents = append(result.Dependents, DependentResult{ID: options.Dependents[i], Deleted: err == nil, Err: err})
			}
			return result, nil
		},
		Recover: func(ctx context.Context, _ *azureml.Error) (string, bool, error) {
			state, err := w.look(ctx)
			if errors.Is(err, azureml.ErrNotFound) {
				return "", true, nil
			}
			return "", strings.EqualFold(state, "Deleting"), err
		},
	})
}

func (o DeleteOptions) check(w *Workspace, name string) ([]resource, error) {
	var check validate.Checker
	if name != w.Name {
		check.Add("name", name, fmt.Sprintf("must be the workspace's name, %q", w.Name))
	}
	var dependents []resource
	for i, id := range o.Dependents {
		r, ok := parseResource(id)
		if !ok || !r.is(storageType) && !r.is(vaultType) && !r.is(insightsType) && !r.is(registryType) {
			check.Add(fmt.Sprintf("Dependents[%d]", i), id, "must be the id of a storage account, key vault, Application Insights component or container registry")
		}
		dependents = append(dependents, r)
	}
	return dependents, check.Err("delete", w.subject())
}

// disappearing is how long a workspace may look untouched after the request to delete it.
const disappearing = 2 * time.Minute

// lookGone asks the workspace itself whether it is still there. As long as it can be read
// it is being deleted, unless it says for a while that this has failed.
func (w *Workspace) lookGone() func(context.Context) (string, error) {
	var since time.Time
	return func(ctx context.Context) (string, error) {
		state, err := w.look(ctx)
		if err != nil {
			return "", err
		}
		if since.IsZero() {
			since = time.Now()
		}
		ended := strings.EqualFold(state, "Failed") || strings.EqualFold(state, "Canceled")
		if ended && time.Since(since) >= disappearing {
			return state, nil
		}
		return "Deleting", nil
	}
}

// deleteDependent deletes one resource and waits until it is gone. One that does not
// exist is gone.
func (w *Workspace) deleteDependent(ctx context.Context, r resource) error {
	kind := r.kind[strings.LastIndexByte(r.kind, '/')+1:]
	poller, err := Begin(ctx, w, Request{
		Service: ResourceManager, Operation: "delete", Subject: fmt.Sprintf("%s %q of %s", kind, r.name, w.subject()), Method: http.MethodDelete,
		Path: r.path(), Query: url.Values{"api-version": {versions[strings.ToLower(r.kind)]}}, Allow: []int{http.StatusNotFound},
	}, Operation[struct{}]{
		Kind: "delete resource", Resource: r.path(), Gone: true,
		Done: func(context.Context, OperationStatus) (struct{}, error) { return struct{}{}, nil },
	})
	if err != nil {
		return err
	}
	_, err = azureml.Wait(ctx, poller, nil)
	return err
}

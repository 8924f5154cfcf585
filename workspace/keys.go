package workspace

import (
	"context"
	"net/http"

	"github.com/azureml-go/azureml"
)

// Keys are the keys of the resources that a workspace uses. All are secrets; printing or
// marshalling Keys shows none of them.
type Keys struct {
	// StorageKey is a key of the storage account StorageAccount (an id).
	StorageKey     azureml.Secret `json:"userStorageKey,omitzero"`
	StorageAccount string         `json:"userStorageResourceId,omitempty"`
	// AppInsightsInstrumentationKey is that of Application Insights.
	AppInsightsInstrumentationKey azureml.Secret `json:"appInsightsInstrumentationKey,omitzero"`
	// ContainerRegistry is nil as long as the workspace has no registry.
	ContainerRegistry *RegistryCredentials `json:"containerRegistryCredentials,omitempty"`
	// Notebook is nil where the service does not tell.
	Notebook *NotebookKeys `json:"notebookAccessKeys,omitempty"`
}

// RegistryCredentials let pull images from the workspace's container registry.
type RegistryCredentials struct {
	// LoginServer is its host.
	LoginServer string `json:"location,omitempty"`
	Username    string `json:"username,omitempty"`
	// Passwords are all valid; one is enough.
	Passwords []RegistryPassword `json:"passwords,omitempty"`
}

// RegistryPassword is a password of a container registry.
type RegistryPassword struct {
	Name  string         `json:"name,omitempty"`
	Value azureml.Secret `json:"value,omitzero"`
}

// NotebookKeys are the keys of the workspace's notebook resource.
type NotebookKeys struct {
	Primary   azureml.Secret `json:"primaryAccessKey,omitzero"`
	Secondary azureml.Secret `json:"secondaryAccessKey,omitzero"`
}

// Keys reads the keys of the resources that the workspace uses, in one request. Errors:
// ErrForbidden: it takes Contributor, not only Reader; ErrNotFound. It mirrors
// azureml.core's Workspace.list_keys.
func (w *Workspace) Keys(ctx context.Context) (*Keys, error) {
	keys := new(Keys)
	r := Request{
		Service: ResourceManager, Operation: "list the keys of", Subject: w.subject(),
		Method: http.MethodPost, Path: w.scope() + "/listKeys", Repeat: RepeatAlways,
	}
	if _, err := w.Do(ctx, r, keys); err != nil {
		return nil, err
	}
	return keys, nil
}

// SyncKeys lets the workspace read the keys of its storage account and container registry
// anew, after they were changed there, and waits until it has. It mirrors azureml.core's
// Workspace.sync_keys.
func (w *Workspace) SyncKeys(ctx context.Context) error {
	poller, err := Begin(ctx, w, Request{
		Service: ResourceManager, Operation: "synchronize the keys of", Subject: w.subject(),
		Method: http.MethodPost, Path: w.scope() + "/resynckeys",
	}, Operation[struct{}]{
		Kind: "sync keys", Resource: "workspace",
		Done: func(context.Context, OperationStatus) (struct{}, error) { return struct{}{}, nil },
	})
	if err != nil {
		return err
	}
	_, err = azureml.Wait(ctx, poller, nil)
	return err
}

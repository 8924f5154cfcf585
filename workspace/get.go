package workspace

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/rest"
	"github.com/azureml-go/azureml/internal/validate"
)

// GetOptions are the optional parts of [Get].
type GetOptions struct {
	// ClientOptions apply to every call made through the workspace. Cloud chooses the
	// cloud; default: that of the credential, else what AZUREML_CURRENT_CLOUD names, else
	// the public one. APIVersion is the api-version of the resource manager's machine
	// learning calls; default: [APIVersion].
	azcore.ClientOptions
	// SubscriptionID is the GUID of the subscription; blanks and quotes around it are
	// taken off. Default: all subscriptions that the credential sees are searched.
	SubscriptionID string
	// ResourceGroup is the name of the resource group. Default: all are searched.
	ResourceGroup string
	// WithoutHints leaves out the request that, after a workspace was not found, looks
	// for what may have been meant.
	WithoutHints bool
	// OnWarning gets what is worth saying, for all calls made through the workspace.
	OnWarning func(azureml.Warning)
}

// Get opens the workspace name, which may also be a whole id
// (/subscriptions/…/workspaces/NAME). With subscription and resource group given it
// makes one request; without the group it lists the subscription's workspaces, without
// both those of every subscription that the credential sees, and compares names in any
// case of letters. credential may be any azcore.TokenCredential; nil is
// authentication.NewDefault.
//
// Errors: ErrInvalid; ErrNotFound, whose Remedy names what may have been meant;
// ErrAmbiguous, whose Details list the ids of all that fit; ErrForbidden;
// ErrUnauthorized. It mirrors azureml.core's Workspace.get and Workspace().
func Get(ctx context.Context, name string, credential azcore.TokenCredential, o *GetOptions) (*Workspace, error) {
	var options GetOptions
	if o != nil {
		options = *o
	}
	asked, err := options.reference(name)
	if err != nil {
		return nil, err
	}
	c, err := newConnection(credential, options.ClientOptions, options.OnWarning)
	if err != nil {
		return nil, err
	}
	if asked.subscription == "" || asked.group == "" {
		return c.find(ctx, asked)
	}
	return c.get(ctx, asked, !options.WithoutHints)
}

// reference checks and tidies what was given.
func (o GetOptions) reference(name string) (reference, error) {
	asked := reference{trim(o.SubscriptionID), trim(o.ResourceGroup), trim(name)}
	if strings.HasPrefix(asked.name, "/") {
		parsed, err := parseID(asked.name)
		if err != nil {
			return asked, &azureml.Error{Operation: "get", Subject: "a workspace", Kind: azureml.ErrInvalid, Message: err.Error()}
		}
		asked = parsed
	}
	var check validate.Checker
	check.Require("name", asked.name)
	if asked.subscription != "" {
		check.Match("SubscriptionID", asked.subscription, guidPattern, "must be a GUID (the subscription's id, not its name)")
	}
	return asked, check.Err("get", "a workspace")
}

// trim takes off the blanks and quotes that get copied along with an id.
func trim(s string) string { return strings.Trim(strings.TrimSpace(s), `"' `) }

// get reads one workspace.
func (c *connection) get(ctx context.Context, asked reference, hints bool) (*Workspace, error) {
	client := c.client()
	var found wireWorkspace
	_, err := client.Do(ctx, c.prepare(Request{
		Service: ResourceManager, Operation: "get", Subject: fmt.Sprintf("workspace %q", asked.name), Method: http.MethodGet,
	}, rest.Join(c.cloud.ResourceManager, c.versioned(asked.path(), nil), asked.path())), &found)
	if err != nil {
		if hints {
			err = c.hint(ctx, client, asked, err)
		}
		return nil, err
	}
	return c.open(client, found, asked), nil
}

// Refresh reads the workspace anew. The result shares the connection and what is
// known about the services.
func (w *Workspace) Refresh(ctx context.Context) (*Workspace, error) {
	asked := reference{w.SubscriptionID, w.ResourceGroup, w.Name}
	var found wireWorkspace
	if _, err := w.Do(ctx, Request{Service: ResourceManager, Operation: "get", Subject: w.subject(), Path: asked.path()}, &found); err != nil {
		return nil, err
	}
	fresh := w.connection.open(w.client, found, asked)
	fresh.ConfigFile, fresh.discovery = w.ConfigFile, w.discovery
	return fresh, nil
}

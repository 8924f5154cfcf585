package workspace

import (
	"context"
	"iter"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/rest"
	"github.com/azureml-go/azureml/internal/validate"
)

// AllOptions are the optional parts of [All] and [Subscriptions].
type AllOptions struct {
	// ClientOptions apply to every call, also to those made through the workspaces.
	azcore.ClientOptions
	// SubscriptionID limits the list to one subscription; empty is all that the
	// credential sees.
	SubscriptionID string
	// ResourceGroup limits the list to groups of this name.
	ResourceGroup string
	// OnWarning gets what is worth saying, also for calls made through the workspaces.
	OnWarning func(azureml.Warning)
}

// All lists workspaces, page by page as the loop asks for them: of one subscription or
// of all that the credential sees, of one resource group or of all. Each is complete,
// as from [Get]. A subscription that may not be read is passed over with a warning
// unless it was asked for. A failure is yielded once and ends the list; use
// azureml.Collect for a slice.
//
// It mirrors azureml.core's Workspace.list.
func All(ctx context.Context, credential azcore.TokenCredential, o *AllOptions) iter.Seq2[*Workspace, error] {
	var options AllOptions
	if o != nil {
		options = *o
	}
	return func(yield func(*Workspace, error) bool) {
		c, err := options.connect(credential)
		if err != nil {
			yield(nil, err)
			return
		}
		client := c.client()
		subscriptions := []Subscription{{ID: trim(options.SubscriptionID)}}
		if subscriptions[0].ID == "" {
			if subscriptions, err = c.subscriptions(ctx, client, "list workspaces"); err != nil {
				yield(nil, err)
				return
			}
		}
		for _, s := range subscriptions {
			for w, err := range rest.List[wireWorkspace](ctx, client, c.listRequest("list", "workspaces", s.ID, trim(options.ResourceGroup)), rest.FollowLink) {
				if err != nil && options.SubscriptionID == "" && hidden(err) {
					if options.ResourceGroup == "" {
						c.warn(azureml.Warning{Subject: "subscription " + s.ID, Message: "its workspaces could not be listed", Err: err})
					}
					break
				}
				if err != nil {
					yield(nil, err)
					return
				}
				if !yield(c.open(c.client(), w, reference{name: w.Name}), nil) {
					return
				}
			}
		}
	}
}

// Subscriptions lists the subscriptions that the credential sees.
func Subscriptions(ctx context.Context, credential azcore.TokenCredential, o *AllOptions) ([]Subscription, error) {
	var options AllOptions
	if o != nil {
		options = *o
	}
	c, err := options.connect(credential)
	if err != nil {
		return nil, err
	}
	return c.subscriptions(ctx, c.client(), "list them")
}

func (o AllOptions) connect(credential azcore.TokenCredential) (*connection, error) {
	var check validate.Checker
	if id := trim(o.SubscriptionID); id != "" {
		check.Match("SubscriptionID", id, guidPattern, "must be a GUID (the subscription's id, not its name)")
	}
	if err := check.Err("list", "workspaces"); err != nil {
		return nil, err
	}
	return newConnection(credential, o.ClientOptions, o.OnWarning)
}

package workspace

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/rest"
)

// subscriptionsVersion is the api-version of the list of subscriptions.
const subscriptionsVersion = "2021-01-01"

// searchWidth is how many subscriptions are searched at a time.
const searchWidth = 4

// Subscription is a subscription that the credential sees.
type Subscription struct {
	// ID is its GUID.
	ID string `json:"subscriptionId"`
	// Name is its display name.
	Name string `json:"displayName"`
	// TenantID is the tenant that it trusts.
	TenantID string `json:"tenantId,omitempty"`
	// State is "Enabled" for one that can be used; further values: Warned, PastDue,
	// Disabled, Deleted.
	State string `json:"state,omitempty"`
}

// find looks for a workspace of which the group, or the subscription too, is unknown:
// one list for a known subscription, one for each visible one otherwise.
func (c *connection) find(ctx context.Context, asked reference) (*Workspace, error) {
	client := c.client()
	subject := fmt.Sprintf("workspace %q", asked.name)
	ids := []string{asked.subscription}
	if asked.subscription == "" {
		visible, err := c.subscriptions(ctx, client, "find "+subject)
		if err != nil {
			return nil, err
		}
		if len(visible) == 0 {
			return nil, &azureml.Error{Operation: "find", Subject: subject, Kind: azureml.ErrNotFound, Message: "the credential sees no subscription", Remedy: "Check the credential's tenant, and that it has a role somewhere."}
		}
		ids = nil
		for _, s := range visible {
			ids = append(ids, s.ID)
		}
	}
	all, err := c.search(ctx, client, subject, ids, asked.group)
	if err != nil {
		return nil, err
	}
	var hits []wireWorkspace
	for _, w := range all {
		if strings.EqualFold(w.Name, asked.name) {
			hits = append(hits, w)
		}
	}
	switch len(hits) {
	case 1:
		return c.open(client, hits[0], asked), nil
	case 0:
		return nil, notFound(subject, asked, ids, all)
	}
	return nil, ambiguous(subject, hits)
}

// search lists the workspaces of several subscriptions at once. One that the
// credential may not read is passed over, unless it is the only one.
func (c *connection) search(ctx context.Context, client *rest.Client, subject string, ids []string, group string) ([]wireWorkspace, error) {
	found := make([][]wireWorkspace, len(ids))
	workers, groupCtx := errgroup.WithContext(ctx)
	workers.SetLimit(searchWidth)
	for i, id := range ids {
		workers.Go(func() error {
			for w, err := range rest.List[wireWorkspace](groupCtx, client, c.listRequest("find", subject, id, group), rest.FollowLink) {
				if err != nil {
					if len(ids) > 1 && hidden(err) {
						return nil
					}
					return err
				}
				found[i] = append(found[i], w)
			}
			return nil
		})
	}
	if err := workers.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(found...), nil
}

// hidden tells of a failure that concerns one subscription or group only.
func hidden(err error) bool {
	return errors.Is(err, azureml.ErrUnauthorized) || errors.Is(err, azureml.ErrForbidden) || errors.Is(err, azureml.ErrNotFound)
}

// listRequest lists the workspaces of a subscription or of a resource group in it.
func (c *connection) listRequest(operation, subject, subscription, group string) rest.Request {
	path := "/subscriptions/" + Segment(subscription)
	if group != "" {
		path += "/resourceGroups/" + Segment(group)
	}
	path += "/providers/Microsoft.MachineLearningServices/workspaces"
	return c.prepare(Request{Operation: operation, Subject: subject}, rest.Join(c.cloud.ResourceManager, c.versioned(path, nil), path))
}

// subscriptions lists what the credential sees.
func (c *connection) subscriptions(ctx context.Context, client *rest.Client, why string) ([]Subscription, error) {
	var all []Subscription
	request := c.prepare(Request{Operation: "list the subscriptions to", Subject: why},
		rest.Join(c.cloud.ResourceManager, url.Values{"api-version": {subscriptionsVersion}}, "/subscriptions"))
	for s, err := range rest.List[Subscription](ctx, client, request, rest.FollowLink) {
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

func ambiguous(subject string, hits []wireWorkspace) error {
	e := &azureml.Error{
		Operation: "find", Subject: subject, Kind: azureml.ErrAmbiguous,
		Message: fmt.Sprintf("%d workspaces have this name", len(hits)),
		Remedy:  "Give SubscriptionID and ResourceGroup, or the id of the one that is meant.",
	}
	slices.SortFunc(hits, func(a, b wireWorkspace) int { return strings.Compare(a.ID, b.ID) })
	for _, w := range hits {
		e.Details = append(e.Details, azureml.ErrorDetail{Message: w.ID, Target: w.Location})
	}
	return e
}

package workspace

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/rest"
)

// hintTimeout bounds the look-ups that only make an error more helpful.
const hintTimeout = 10 * time.Second

// hint adds to the failure of reading one workspace what may have been meant: the
// nearest names in the subscription (one request), or the subscriptions and tenants that
// are visible at all (two), and makes none after the caller's context has ended.
func (c *connection) hint(ctx context.Context, client *rest.Client, asked reference, failure error) error {
	e, ok := errors.AsType[*azureml.Error](failure)
	if !ok || ctx.Err() != nil {
		return failure
	}
	ctx, cancel := context.WithTimeout(ctx, hintTimeout)
	defer cancel()
	copied := *e
	switch {
	case e.HasCode("SubscriptionNotFound", "InvalidSubscriptionId", "InvalidAuthenticationTokenTenant"):
		visible, err := c.subscriptions(ctx, client, "explain the failure")
		if err != nil {
			return failure
		}
		copied.Remedy = strings.TrimSpace(copied.Remedy + "\n" + describeSubscriptions(asked.subscription, visible))
		if tenants, err := c.tenants(ctx, client); err == nil {
			copied.Remedy += describeTenants(tenants)
		}
	case errors.Is(failure, azureml.ErrNotFound):
		var all []wireWorkspace
		for w, err := range rest.List[wireWorkspace](ctx, client, c.listRequest("list", "workspaces", asked.subscription, ""), rest.FollowLink) {
			if err != nil {
				return failure
			}
			all = append(all, w)
		}
		copied.Remedy = strings.TrimSpace(didYouMean(asked, all) + "\n" + copied.Remedy)
	default:
		return failure
	}
	return &copied
}

func notFound(subject string, asked reference, ids []string, all []wireWorkspace) error {
	where := "in subscription " + asked.subscription
	if asked.subscription == "" {
		where = fmt.Sprintf("in the %d subscriptions that the credential sees", len(ids))
	}
	if asked.group != "" {
		where += ", resource group " + asked.group
	}
	return &azureml.Error{
		Operation: "find", Subject: subject, Kind: azureml.ErrNotFound,
		Message: "there is none of this name " + where, Remedy: didYouMean(asked, all),
	}
}

// maxHints is how many names a hint lists.
const maxHints = 5

// didYouMean names the workspaces that are nearest to what was asked for.
func didYouMean(asked reference, all []wireWorkspace) string {
	type near struct {
		reference
		distance int
	}
	var names []near
	for _, w := range all {
		at, err := parseID(w.ID)
		if err != nil {
			at = reference{name: w.Name}
		}
		names = append(names, near{at, distance(strings.ToLower(asked.name), strings.ToLower(at.name))})
	}
	if len(names) == 0 {
		return "The credential sees no workspace there. Check subscription, resource group and the credential's roles."
	}
	slices.SortStableFunc(names, func(a, b near) int { return a.distance - b.distance })
	var text []string
	for _, n := range names[:min(maxHints, len(names))] {
		text = append(text, fmt.Sprintf("%s in %s", n.name, n.group))
	}
	if best := names[0]; best.distance <= max(2, len(asked.name)/3) {
		return "Did you mean " + text[0] + "? Workspaces there: " + strings.Join(text, ", ") + "."
	}
	return "Workspaces there: " + strings.Join(text, ", ") + "."
}

func describeSubscriptions(wanted string, visible []Subscription) string {
	if len(visible) == 0 {
		return "The credential sees no subscription at all in its tenant."
	}
	var text []string
	for _, s := range visible[:min(maxHints, len(visible))] {
		if strings.EqualFold(s.Name, wanted) {
			return fmt.Sprintf("%q is the name of a subscription; give its id, %s.", s.Name, s.ID)
		}
		text = append(text, fmt.Sprintf("%s (%s, tenant %s)", s.ID, s.Name, s.TenantID))
	}
	return "Subscriptions that the credential sees: " + strings.Join(text, "; ") + "."
}

// tenant is a tenant in which the signed-in principal is known.
type tenant struct {
	ID     string `json:"tenantId"`
	Name   string `json:"displayName"`
	Domain string `json:"defaultDomain"`
}

// tenantsVersion is the api-version of the list of tenants.
const tenantsVersion = "2019-11-01"

func (c *connection) tenants(ctx context.Context, client *rest.Client) ([]tenant, error) {
	var all []tenant
	request := c.prepare(Request{Operation: "list", Subject: "the tenants"},
		rest.Join(c.cloud.ResourceManager, url.Values{"api-version": {tenantsVersion}}, "/tenants"))
	for t, err := range rest.List[tenant](ctx, client, request, rest.FollowLink) {
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, nil
}

// describeTenants suggests the tenants to sign in to.
func describeTenants(tenants []tenant) string {
	if len(tenants) == 0 {
		return ""
	}
	var text []string
	for _, t := range tenants[:min(maxHints, len(tenants))] {
		if name := cmp.Or(t.Name, t.Domain); name != "" {
			t.ID += " (" + name + ")"
		}
		text = append(text, t.ID)
	}
	return "\nTenants in which it is known, to sign in to with a tenant id: " + strings.Join(text, ", ") + "."
}

// distance is the number of letters to change, add or take out to get from a to b.
func distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i, x := range from {
		diagonal := row[0]
		row[0] = i + 1
		for j, y := range to {
			change := diagonal
			if x != y {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(to)]
}

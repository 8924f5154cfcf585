package webservice

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/jsonpatch"
	"github.com/azureml-go/azureml/internal/validate"
)

// EndpointUpdate says what to change of an [AksEndpoint] as a whole. What is nil stays as
// it is. For its versions see [AksEndpoint.BeginUpdateVersion] and
// [AksEndpoint.SetTraffic].
type EndpointUpdate struct {
	// AuthEnabled and TokenAuthEnabled: to go from keys to tokens, or back, set both.
	AuthEnabled      *bool
	TokenAuthEnabled *bool
	// EnableAppInsights logs requests to Application Insights.
	EnableAppInsights *bool
	// Tags replace all tags; an empty map takes them all away. To change some, see
	// [AksEndpoint.AddTags].
	Tags map[string]string
	// Properties are added; those that are there cannot be changed.
	Properties  map[string]string
	Description *string
}

// BeginUpdate changes the endpoint as a whole. It reads the endpoint first and waits for
// a transition in progress.
//
// Errors: azureml.ErrInvalid for a change that breaks a rule, that the service refuses,
// or that is empty; azureml.ErrConflict when something else changes the endpoint at that
// very moment. It mirrors azureml.core's update, which fails for endpoints.
func (s *AksEndpoint) BeginUpdate(ctx context.Context, u EndpointUpdate, o *UpdateOptions) (*runtime.Poller[*AksEndpoint], error) {
	change := endpointChange{operation: "update", kind: "update"}.with(o)
	patch := u.patch()
	if err := refuseEmpty(change, s, &patch); err != nil {
		return nil, err
	}
	change.build = func(_ context.Context, now *AksEndpoint, rules *endpointRules, p *jsonpatch.Patch) error {
		checkAuth(&rules.Checker, &now.Service, u.AuthEnabled, u.TokenAuthEnabled)
		checkProperties(&rules.Checker, now.Properties, u.Properties)
		p.Append("", patch)
		return nil
	}
	p, _, err := s.beginChange(ctx, change)
	return p, err
}

// refuseEmpty refuses a patch that changes nothing, before any request.
func refuseEmpty(c endpointChange, s *AksEndpoint, patch *jsonpatch.Patch) error {
	if c.resumeToken != "" {
		return nil
	}
	var check validate.Checker
	checkEmpty(&check, patch)
	return check.Err(c.operation, s.subject())
}

// patch builds the patch in the contract's order (webservice §6.4).
func (u EndpointUpdate) patch() jsonpatch.Patch {
	var p jsonpatch.Patch
	jsonpatch.Set(&p, "/authEnabled", u.AuthEnabled)
	jsonpatch.Set(&p, "/aadAuthEnabled", u.TokenAuthEnabled)
	jsonpatch.Set(&p, "/appInsightsEnabled", u.EnableAppInsights)
	if u.Tags != nil {
		p.Replace("/kvTags", u.Tags)
	}
	p.AddEach("/properties", u.Properties)
	jsonpatch.Set(&p, "/description", u.Description)
	return p
}

// checkProperties notes properties that are there with another value.
func checkProperties(check *validate.Checker, now, added map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(added)) {
		if before, is := now[name]; is && before != added[name] {
			check.Addf(fmt.Sprintf("Properties[%q]", name), added[name], "is %q already, and properties cannot be changed", before)
		}
	}
}

// versionNames are the names of the versions, sorted.
func (s *AksEndpoint) versionNames() []string { return slices.Sorted(maps.Keys(s.Versions)) }

// BeginDeleteVersion deletes a version. What it had of the traffic goes to the default
// version. The endpoint is read first, and a transition in progress is waited for.
//
// Errors: azureml.ErrNotFound when there is no such version; azureml.ErrInvalid when it
// is the default version or the control, which an endpoint cannot be without: make
// another version that first, or delete the endpoint with [Service.BeginDelete]. It
// mirrors azureml.core's delete_version.
func (s *AksEndpoint) BeginDeleteVersion(ctx context.Context, versionName string, o *UpdateOptions) (*runtime.Poller[*AksEndpoint], error) {
	change := endpointChange{operation: "delete version " + versionName + " of", kind: "delete-version", version: versionName}.with(o)
	if err := requireVersion(change, s); err != nil {
		return nil, err
	}
	change.build = func(_ context.Context, now *AksEndpoint, rules *endpointRules, p *jsonpatch.Patch) error {
		if now.Versions[versionName] == nil {
			return now.noSuchVersion(change.operation, versionName)
		}
		before, after := planOf(now), planOf(now)
		delete(after, versionName)
		after.check(rules, before)
		if share := now.Traffic()[versionName]; share > 0 && rules.OK() && change.onWarning != nil {
			change.onWarning(azureml.Warning{Subject: s.subject(), Message: fmt.Sprintf(
				"version %s has %v %% of the traffic, which go to the default version %s at once", versionName, share, now.DefaultVersion())})
		}
		p.Remove(versionPath(versionName))
		return nil
	}
	change.made = func(now *AksEndpoint) bool { return now.Versions[versionName] == nil }
	p, _, err := s.beginChange(ctx, change)
	return p, err
}

// requireVersion wants a version's name, before any request.
func requireVersion(c endpointChange, s *AksEndpoint) error {
	var check validate.Checker
	check.Require("versionName", c.version)
	return check.Err(c.operation, s.subject())
}

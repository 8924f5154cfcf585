package azuremltest_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/azureml-go/azureml/azuremltest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	otherTenant = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"
	otherSub    = "bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb"
	subURL      = arm + "/subscriptions/" + azuremltest.SubscriptionID
	version     = "?api-version=2024-04-01"
)

// armError is the whole body of an error of the resource manager.
func armError(code, message string) map[string]any {
	return map[string]any{"error": map[string]any{"code": code, "message": message}}
}

func TestWorkspace(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	a := do(t, srv, http.MethodGet, workspaceURL+"?api-version=2022-05-01", "")
	require.Equal(t, http.StatusOK, a.status, a.text)
	known := srv.Workspaces()[0]
	assert.Equal(t, strings.TrimPrefix(workspaceURL, arm), a.at("id"))
	assert.Equal(t, "Microsoft.MachineLearningServices/workspaces", a.at("type"))
	assert.Equal(t, azuremltest.Location, a.at("location"))
	assert.Equal(t, known.ID, a.at("properties", "workspaceId"))
	assert.Equal(t, azuremltest.TenantID, a.at("properties", "tenantId"))
	assert.Equal(t, "https://westeurope.api.azureml.ms/discovery", a.at("properties", "discoveryUrl"))
	assert.Equal(t, "Basic", a.at("sku", "tier"))
	assert.Regexp(t, `/storageaccounts/[a-z0-9]{3,24}$`, a.at("properties", "storageAccount"))
	assert.NotEmpty(t, a.header.Get("x-ms-request-id"))
	assert.NotEmpty(t, a.header.Get("x-ms-correlation-request-id"))

	// Names are found whatever their case, and a slash too many does not matter.
	odd := arm + "//SUBSCRIPTIONS/" + azuremltest.SubscriptionID + "/resourcegroups/RG-ML/Providers/microsoft.machinelearningservices/Workspaces/ML-Example"
	b := do(t, srv, http.MethodGet, odd+"?API-Version=2024-04-01", "")
	require.Equal(t, http.StatusOK, b.status, b.text)
	assert.Equal(t, a.at("id"), b.at("id"))
}

func TestNotFound(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	for url, want := range map[string]map[string]any{
		strings.Replace(workspaceURL, azuremltest.WorkspaceName, "nope", 1): armError("ResourceNotFound",
			"The Resource 'Microsoft.MachineLearningServices/workspaces/nope' under resource group 'rg-ml' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix"),
		strings.Replace(workspaceURL, "rg-ml", "nope", 1):                    armError("ResourceGroupNotFound", "Resource group 'nope' could not be found."),
		strings.Replace(workspaceURL, azuremltest.SubscriptionID, "None", 1): armError("SubscriptionNotFound", "The subscription 'None' could not be found."),
	} {
		a := do(t, srv, http.MethodGet, url+version, "")
		assert.Equal(t, http.StatusNotFound, a.status)
		assert.Equal(t, want, a.body)
	}
	a := do(t, srv, http.MethodGet, arm+"/nothing/here", "")
	assert.Equal(t, http.StatusNotFound, a.status)
	assert.Contains(t, a.at("error", "message"), "azuremltest does not emulate GET /nothing/here")
	a = do(t, srv, http.MethodDelete, arm+"/subscriptions"+version, "")
	assert.Equal(t, http.StatusMethodNotAllowed, a.status)
	assert.Equal(t, "GET", a.header.Get("Allow"))
}

func TestAPIVersion(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	a := do(t, srv, http.MethodGet, workspaceURL, "")
	assert.Equal(t, http.StatusBadRequest, a.status)
	assert.Equal(t, armError("MissingApiVersionParameter", "The api-version query parameter (?api-version=) is required for all requests."), a.body)
	a = do(t, srv, http.MethodGet, workspaceURL+"?api-version=2017-01-01", "")
	assert.Equal(t, http.StatusBadRequest, a.status)
	assert.Equal(t, "InvalidApiVersionParameter", a.at("error", "code"))
	assert.Contains(t, a.at("error", "message"), "The api-version '2017-01-01' is invalid. The supported versions are '")
	for _, v := range []string{"2018-03-01-preview", "2020-01-01", "2020-02-02", "2022-05-01", "2024-04-01"} {
		assert.Equal(t, http.StatusOK, do(t, srv, http.MethodGet, workspaceURL+"?api-version="+v, "").status, v)
	}
}

func TestTokensAreChecked(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	srv.AddTenant(azuremltest.Tenant{ID: otherTenant})
	bearer := func(o azuremltest.TokenOptions) string { return "Bearer " + srv.Token(o) }
	good := bearer(azuremltest.TokenOptions{})
	for name, c := range map[string]struct{ authorization, code, text string }{
		"none":     {"", "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing."},
		"basic":    {"Basic eDp5", "AuthenticationFailedInvalidHeader", "invalid format"},
		"garbage":  {"Bearer abc", "InvalidAuthenticationToken", "The access token is invalid."},
		"forged":   {good[:len(good)-2] + "xx", "InvalidAuthenticationToken", "The access token is invalid."},
		"of other": {"Bearer " + newServer(t, nil).Token(azuremltest.TokenOptions{}), "InvalidAuthenticationToken", "The access token is invalid."},
		"audience": {bearer(azuremltest.TokenOptions{Audience: "https://graph.microsoft.com"}), "InvalidAuthenticationToken",
			"The access token has been obtained for wrong audience or resource 'https://graph.microsoft.com'."},
		"expired": {bearer(azuremltest.TokenOptions{Lifetime: -time.Minute}), "ExpiredAuthenticationToken", "The access token expiry UTC time '"},
		"tenant": {bearer(azuremltest.TokenOptions{TenantID: otherTenant}), "InvalidAuthenticationTokenTenant",
			"It must match the tenant 'https://sts.windows.net/" + azuremltest.TenantID + "/' associated with this subscription."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, err := try(srv, http.MethodGet, workspaceURL+version, "", "Authorization", c.authorization)
			require.NoError(t, err)
			assert.Equal(t, http.StatusUnauthorized, a.status)
			assert.Equal(t, c.code, a.at("error", "code"))
			assert.Contains(t, a.at("error", "message"), c.text)
			assert.Contains(t, a.header.Get("WWW-Authenticate"),
				`Bearer authorization_uri="https://login.windows.net/`+azuremltest.TenantID+`", error="invalid_token"`)
		})
	}
	for _, audience := range []string{"https://management.azure.com", "https://management.azure.com/", "https://management.core.windows.net", ""} {
		a, err := try(srv, http.MethodGet, workspaceURL+version, "", "Authorization", bearer(azuremltest.TokenOptions{Audience: audience}))
		require.NoError(t, err)
		assert.Equal(t, http.StatusOK, a.status, audience)
	}
}

func TestListsArePaged(t *testing.T) {
	t.Parallel()
	srv := newServer(t, &azuremltest.Options{PageSize: 1})
	srv.AddWorkspace(azuremltest.Workspace{Name: "ws-2", Tags: map[string]string{"team": "ml"}})
	srv.AddWorkspace(azuremltest.Workspace{Name: "ws-3", ResourceGroup: "rg-other", Location: "northeurope"})
	srv.AddSubscription(azuremltest.Subscription{ID: otherSub})
	srv.AddSubscription(azuremltest.Subscription{ID: strings.ReplaceAll(otherSub, "b", "c")})
	srv.AddTenant(azuremltest.Tenant{ID: otherTenant})
	srv.AddSubscription(azuremltest.Subscription{ID: strings.ReplaceAll(otherSub, "b", "d"), TenantID: otherTenant})

	const types = "Microsoft.MachineLearningServices/workspaces"
	all := []any{azuremltest.WorkspaceName, "ws-2", "ws-3"}
	filter := "&$filter=" + url.PathEscape("resourceType eq '"+types+"'")
	for name, c := range map[string]struct {
		url  string
		key  string
		want []any
	}{
		"subscription":        {subURL + "/providers/" + types + version, "name", all},
		"group":               {subURL + "/resourceGroups/RG-ML/providers/" + types + version, "name", all[:2]},
		"resources":           {subURL + "/resources?api-version=2022-09-01" + filter, "name", all},
		"resources, newer":    {subURL + "/resources?api-version=2025-04-01" + filter, "name", all}, // azure-mgmt-resource 24 of Python
		"resources by name":   {subURL + "/resources?api-version=2022-09-01" + filter + "%20and%20name%20eq%20'WS-2'", "name", []any{"ws-2"}},
		"clusters":            {subURL + "/resources?api-version=2022-09-01&$filter=resourceType+eq+'microsoft.containerservice/managedclusters'", "name", []any{azuremltest.ClusterName}},
		"subscriptions":       {arm + "/subscriptions?api-version=2021-01-01", "subscriptionId", []any{azuremltest.SubscriptionID, otherSub, strings.ReplaceAll(otherSub, "b", "c")}},
		"tenants":             {arm + "/tenants?api-version=2019-11-01", "tenantId", []any{azuremltest.TenantID}},
		"groups":              {subURL + "/resourcegroups?api-version=2022-09-01", "name", []any{"rg-aks", "rg-ml", "rg-other"}},
		"clusters of a group": {subURL + "/resourceGroups/rg-aks/providers/Microsoft.ContainerService/managedClusters?api-version=2019-11-01", "name", []any{azuremltest.ClusterName}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []any
			pages := 0
			for next := c.url; next != ""; pages++ {
				a := do(t, srv, http.MethodGet, next, "")
				require.Equal(t, http.StatusOK, a.status, a.text)
				for _, item := range a.at("value").([]any) {
					got = append(got, item.(map[string]any)[c.key])
				}
				next, _ = a.at("nextLink").(string)
			}
			assert.Equal(t, c.want, got)
			assert.Equal(t, len(c.want), pages)
		})
	}
	for _, bad := range []string{"/resources?api-version=2022-09-01&$filter=tagName+eq+'x'", "/resources?api-version=2022-09-01&$skiptoken=99",
		"/resources?api-version=2022-09-01&$skiptoken=x"} {
		assert.Equal(t, http.StatusBadRequest, do(t, srv, http.MethodGet, subURL+bad, "").status, bad)
	}
	// Generic resources lack their properties.
	a := do(t, srv, http.MethodGet, subURL+"/resources?api-version=2022-09-01"+filter, "")
	assert.NotContains(t, a.at("value", 0), "properties")
}

func TestDiscovery(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	private := srv.AddWorkspace(azuremltest.Workspace{Name: "private", PrivateLink: true})
	get := func(url string) answer {
		a, err := try(srv, http.MethodGet, url, "")
		require.NoError(t, err)
		return a
	}
	const api = "https://westeurope.api.azureml.ms"
	a := get(api + "/discovery")
	assert.Equal(t, http.StatusOK, a.status)
	assert.Equal(t, map[string]any{"api": api, "catalog": "https://catalog.cortanaanalytics.com", "experimentation": api,
		"gallery": "https://gallery.cortanaintelligence.com/project", "history": api, "hyperdrive": api, "labeling": api,
		"modelmanagement": "https://westeurope.modelmanagement.azureml.net", "pipelines": api, "studio": "https://ml.azure.com",
		"studiocoreservices": api}, a.body)

	ws := do(t, srv, http.MethodGet, strings.Replace(workspaceURL, azuremltest.WorkspaceName, "private", 1)+version, "")
	url, _ := ws.at("properties", "discoveryUrl").(string)
	host := "https://" + private.ID + ".workspace.westeurope.api.azureml.ms"
	assert.Equal(t, host+"/discovery/workspaces/"+private.ID, url)
	a = get(url)
	assert.Equal(t, host, a.at("api"))
	assert.Equal(t, host, a.at("modelmanagement"))

	a = get(api + "/discovery/workspaces/" + otherSub)
	assert.Equal(t, http.StatusNotFound, a.status)
	assert.Equal(t, "NotFound", a.at("error", "innerError", "code"))
}

func TestManagedCluster(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	const url = subURL + "/resourceGroups/rg-aks/providers/Microsoft.ContainerService/managedClusters/"
	a := do(t, srv, http.MethodGet, url+"Existing-AKS?api-version=2019-11-01", "")
	require.Equal(t, http.StatusOK, a.status, a.text)
	assert.Equal(t, "Microsoft.ContainerService/ManagedClusters", a.at("type"))
	assert.Contains(t, a.at("id"), "/resourcegroups/rg-aks/")
	assert.EqualValues(t, 3, a.at("properties", "agentPoolProfiles", 0, "count"))
	assert.Equal(t, "Standard_D3_v2", a.at("properties", "agentPoolProfiles", 0, "vmSize"))
	a = do(t, srv, http.MethodGet, url+"nope?api-version=2019-11-01", "")
	assert.Equal(t, http.StatusNotFound, a.status)
	assert.Equal(t, "ResourceNotFound", a.at("error", "code"))
}

func TestMachineSizes(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	find := func(a answer, key string) map[string]any {
		t.Helper()
		require.Equal(t, http.StatusOK, a.status, a.text)
		list, _ := a.at(key).([]any)
		for _, item := range list {
			if m := item.(map[string]any); m["name"] == "Standard_D3_v2" {
				return m
			}
		}
		t.Fatal("Standard_D3_v2 is missing")
		return nil
	}
	const ml = subURL + "/providers/Microsoft.MachineLearningServices/locations/westeurope/"
	size := find(do(t, srv, http.MethodGet, ml+"vmSizes?api-version=2020-02-02", ""), "amlCompute")
	assert.EqualValues(t, 4, size["vCPUs"])
	assert.EqualValues(t, 14, size["memoryGB"])
	assert.Equal(t, size, find(do(t, srv, http.MethodGet, ml+"vmSizes?api-version=2021-07-01", ""), "value"))
	size = find(do(t, srv, http.MethodGet, subURL+"/providers/Microsoft.Compute/locations/westeurope/vmSizes?api-version=2021-07-01", ""), "value")
	assert.EqualValues(t, 4, size["numberOfCores"])
	size = find(do(t, srv, http.MethodGet, subURL+"/providers/Microsoft.Compute/skus?api-version=2021-07-01&$filter=location%20eq%20'westeurope'", ""), "value")
	assert.Contains(t, size["capabilities"], map[string]any{"name": "vCPUs", "value": "4"})
	assert.Equal(t, []any{"westeurope"}, size["locations"])

	a := do(t, srv, http.MethodGet, ml+"usages?api-version=2020-02-02", "")
	assert.EqualValues(t, 0, a.at("value", 0, "currentValue"))
	srv.AddCompute(azuremltest.Workspace{}, azuremltest.Compute{Name: "aks"})
	a = do(t, srv, http.MethodGet, ml+"usages?api-version=2020-02-02", "")
	assert.EqualValues(t, 12, a.at("value", 0, "currentValue"))
}

package azuremltest

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Api-versions that the resource manager accepts, newest first.
var (
	resourceVersions = []string{"2025-04-01", "2025-03-01", "2024-11-01", "2024-07-01", "2022-12-01", "2022-09-01", "2022-01-01", "2021-04-01", "2021-01-01", "2020-10-01", "2020-06-01",
		"2020-01-01", "2019-11-01", "2019-10-01", "2019-06-01", "2019-05-01", "2018-05-01", "2016-09-01", "2016-06-01", "2016-02-01"}
	mlVersions = []string{"2024-10-01", "2024-07-01-preview", "2024-04-01", "2024-01-01-preview", "2023-10-01", "2023-04-01", "2022-10-01",
		"2022-05-01", "2022-01-01-preview", "2021-07-01", "2021-04-01", "2021-03-01-preview", "2021-01-01", "2020-09-01-preview", "2020-08-01",
		"2020-06-01", "2020-05-15-preview", "2020-04-01-preview", "2020-04-01", "2020-03-01", "2020-02-18-preview", "2020-02-02",
		"2020-01-01", "2019-11-01", "2019-06-01", "2019-05-01", "2018-11-19", "2018-03-01-preview"}
	containerServiceVersions = []string{"2024-05-01", "2024-02-01", "2023-10-01", "2023-04-01", "2022-04-01", "2021-05-01", "2020-09-01", "2020-03-01", "2019-11-01"}
	computeVersions          = []string{"2024-07-01", "2023-07-01", "2022-03-01", "2021-07-01", "2021-04-01", "2019-04-01", "2019-03-01"}
)

// Paths of the resource manager.
const (
	armSubscription = "/subscriptions/{sub}"
	armGroup        = armSubscription + "/resourceGroups/{rg}"
	armWorkspaces   = "/providers/Microsoft.MachineLearningServices/workspaces"
	armWorkspace    = armGroup + armWorkspaces + "/{ws}"
	armMLLocation   = armSubscription + "/providers/Microsoft.MachineLearningServices/locations/{location}"
)

// armGet is a route of the resource manager that reads.
func armGet(pattern string, versions []string, handle func(*call)) route {
	return route{host: hostARM, method: http.MethodGet, pattern: pattern, auth: authARM, versions: versions, handle: handle}
}

// armRoutes are subscriptions, tenants, groups, workspaces and clusters.
func (s *Server) armRoutes() []route {
	list := []route{
		{host: hostARM, method: http.MethodGet, pattern: "/metadata/endpoints", handle: (*call).cloudMetadata},
		armGet("/subscriptions", resourceVersions, (*call).listSubscriptions),
		armGet(armSubscription, resourceVersions, (*call).getSubscription),
		armGet("/tenants", resourceVersions, (*call).listTenants),
		armGet(armSubscription+"/resources", resourceVersions, (*call).listResources),
		armGet(armSubscription+"/resourceGroups", resourceVersions, (*call).listGroups),
		armGet(armGroup, resourceVersions, (*call).getGroup),
		armGet(armSubscription+armWorkspaces, mlVersions, (*call).listWorkspaces),
		armGet(armGroup+armWorkspaces, mlVersions, (*call).listWorkspaces),
		armGet(armWorkspace, mlVersions, (*call).getWorkspace),
		{host: hostAPI, method: http.MethodGet, pattern: "/rp/workspaces" + armWorkspace, auth: authARM, versions: mlVersions, handle: (*call).getWorkspace},
	}
	return append(list, s.clusterRoutes()...)
}

// checkVersion checks the api-version parameter, or answers.
func (c *call) checkVersion() bool {
	if c.route.versions == nil {
		return true
	}
	v := c.query("api-version")
	switch {
	case v == "":
		c.fail(http.StatusBadRequest, "MissingApiVersionParameter", "The api-version query parameter (?api-version=) is required for all requests.")
		return false
	case !slices.ContainsFunc(c.route.versions, func(known string) bool { return equalFold(known, v) }):
		c.fail(http.StatusBadRequest, "InvalidApiVersionParameter",
			"The api-version '"+v+"' is invalid. The supported versions are '"+strings.Join(c.route.versions, ",")+"'.")
		return false
	}
	return true
}

// since reports whether the request's api-version is not older than v.
func (c *call) since(v string) bool { return c.query("api-version") >= v }

// answerPage answers with one page of a list under the given key.
func answerPage[T any](c *call, key string, items []T, wire func(T) any) {
	start := 0
	if token := c.query("$skiptoken"); token != "" {
		n, err := strconv.Atoi(token)
		if err != nil || n <= 0 || n >= len(items) {
			c.fail(http.StatusBadRequest, "InvalidSkipToken", "The provided $skiptoken '"+token+"' is invalid.")
			return
		}
		start = n
	}
	end := min(start+c.srv.opts.PageSize, len(items))
	list := make([]any, 0, end-start)
	for _, item := range items[start:end] {
		list = append(list, wire(item))
	}
	body := map[string]any{key: list}
	if end < len(items) {
		body["nextLink"] = c.skipLink(strconv.Itoa(end))
	}
	c.json(http.StatusOK, body)
}

// skipLink is the URL of the request with another $skiptoken.
func (c *call) skipLink(token string) string {
	var kept []string
	for pair := range strings.SplitSeq(c.r.URL.RawQuery, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if name = strings.Replace(name, "%24", "$", 1); !equalFold(name, "$skiptoken") {
			kept = append(kept, pair)
		}
	}
	return "https://" + c.host() + c.r.URL.EscapedPath() + "?" + strings.Join(append(kept, "$skiptoken="+token), "&")
}

// cloudMetadata describes the cloud. contract: authentication §1
func (c *call) cloudMetadata() {
	c.json(http.StatusOK, []any{map[string]any{
		"name": "AzureCloud",
		"authentication": map[string]any{
			"loginEndpoint": "https://" + authorityHost + "/", "tenant": "common", "identityProvider": "AAD",
			"audiences": []string{"https://management.core.windows.net/", "https://management.azure.com/"},
		},
		"resourceManager": "https://" + armHost + "/", "graphAudience": "https://graph.windows.net/", "portal": "https://portal.azure.com",
		"sqlManagement": "https://management.core.windows.net:8443/", "gallery": "https://gallery.azure.com/",
		"batch": "https://batch.core.windows.net/", "media": "https://rest.media.azure.net",
		"vmImageAliasDoc": "https://raw.githubusercontent.com/Azure/azure-rest-api-specs/master/arm-compute/quickstart-templates/aliases.json",
		"suffixes": map[string]string{"storage": "core.windows.net", "keyVaultDns": "vault.azure.net",
			"acrLoginServer": "azurecr.io", "sqlServerHostname": "database.windows.net"},
	}})
}

// visibleSubscriptions are those of the token's tenant.
func (c *call) visibleSubscriptions() []*subscription {
	return slices.DeleteFunc(sortedValues(c.srv.world.subscriptions), func(s *subscription) bool { return s.tenant != c.tok.Tenant })
}

func (c *call) listSubscriptions() {
	visible := c.visibleSubscriptions()
	answerPage(c, "value", visible, (*subscription).wire)
}

func (c *call) getSubscription() {
	if sub := c.findSubscription(); sub != nil {
		c.json(http.StatusOK, sub.wire())
	}
}

// wire is the subscription as the resource manager shows it. contract: workspace §5.1
func (s *subscription) wire() any {
	return map[string]any{
		"id": "/subscriptions/" + s.id, "authorizationSource": "RoleBased", "managedByTenants": []any{},
		"subscriptionId": s.id, "tenantId": s.tenant, "displayName": s.name, "state": "Enabled",
		"subscriptionPolicies": map[string]string{"locationPlacementId": "Public_2014-09-01", "quotaId": "PayAsYouGo_2014-09-01", "spendingLimit": "Off"},
	}
}

// listTenants shows the token's tenant. contract: authentication §10
func (c *call) listTenants() {
	mine := slices.DeleteFunc(sortedValues(c.srv.world.tenants), func(t *tenant) bool { return t.id != c.tok.Tenant })
	answerPage(c, "value", mine, func(t *tenant) any {
		return map[string]any{"id": "/tenants/" + t.id, "tenantId": t.id, "countryCode": "DE", "displayName": t.name, "domains": []string{t.domain}}
	})
}

func (c *call) listGroups() {
	if sub := c.findSubscription(); sub != nil {
		answerPage(c, "value", sortedValues(sub.groups), func(g *resourceGroup) any { return g.wire(sub) })
	}
}

func (c *call) getGroup() {
	if c.findGroup() {
		sub := c.srv.world.subscription(c.path("sub"))
		c.json(http.StatusOK, sub.group(c.path("rg")).wire(sub))
	}
}

func (g *resourceGroup) wire(s *subscription) any {
	return map[string]any{"id": "/subscriptions/" + s.id + "/resourceGroups/" + g.name, "name": g.name,
		"type": "Microsoft.Resources/resourceGroups", "location": g.location, "properties": map[string]string{"provisioningState": "Succeeded"}}
}

// filterTerm is one comparison of a $filter.
var filterTerm = regexp.MustCompile(`(?i)^\s*(resourceType|name|resourceGroup)\s+eq\s+'((?:[^']|'')*)'\s*$`)

// listResources lists workspaces and clusters as generic resources, without
// their properties.
func (c *call) listResources() {
	sub := c.findSubscription()
	if sub == nil {
		return
	}
	want := map[string]string{}
	if filter := c.query("$filter"); filter != "" {
		for _, term := range regexp.MustCompile(`(?i)\s+and\s+`).Split(filter, -1) {
			m := filterTerm.FindStringSubmatch(term)
			if m == nil {
				c.fail(http.StatusBadRequest, "InvalidFilterInQueryString", "Invalid $filter '"+filter+"' specified in the query string.")
				return
			}
			want[strings.ToLower(m[1])] = strings.ReplaceAll(m[2], "''", "'")
		}
	}
	var found []any
	add := func(kind, name, group string, wire any) {
		for field, value := range map[string]string{"resourcetype": kind, "name": name, "resourcegroup": group} {
			if w, ok := want[field]; ok && !equalFold(w, value) {
				return
			}
		}
		found = append(found, wire)
	}
	for _, ws := range c.srv.world.sortedWorkspaces(func(ws *workspace) bool { return ws.sub == sub.id }) {
		add(workspaceType, ws.name, ws.rg, ws.envelope())
	}
	for _, g := range sortedValues(sub.groups) {
		for _, k := range sortedValues(g.clusters) {
			add(clusterType, k.name, k.rg, map[string]any{"id": k.path(), "name": k.name, "type": clusterType, "location": k.location})
		}
	}
	answerPage(c, "value", found, func(v any) any { return v })
}

// Resource types.
const (
	workspaceType = "Microsoft.MachineLearningServices/workspaces"
	clusterType   = "Microsoft.ContainerService/managedClusters"
)

package azuremltest

import (
	"maps"
	"net/http"
)

// getWorkspace shows the workspace, and counts as a look at the operation on it.
func (c *call) getWorkspace() {
	if op := c.ws.op; op != nil && op.read(c.srv) {
		op.end()
		if c.srv.world.workspace(c.ws.sub, c.ws.rg, c.ws.name) == nil {
			c.findWorkspace() // it was deleted: answers 404
			return
		}
	}
	c.json(http.StatusOK, c.ws.wire())
}

// listWorkspaces lists those of the group in the path, or of the subscription.
func (c *call) listWorkspaces() {
	group, inGroup := c.wild["rg"]
	if inGroup && !c.findGroup() || !inGroup && c.findSubscription() == nil {
		return
	}
	sub := c.srv.world.subscription(c.path("sub"))
	list := c.srv.world.sortedWorkspaces(func(ws *workspace) bool {
		return ws.sub == sub.id && (!inGroup || equalFold(ws.rg, group))
	})
	answerPage(c, "value", list, (*workspace).wire)
}

// envelope is the workspace without its properties.
func (ws *workspace) envelope() map[string]any {
	tags := ws.tags
	if tags == nil {
		tags = map[string]string{}
	}
	return map[string]any{
		"id": ws.path(), "name": ws.name, "type": workspaceType, "location": ws.location, "tags": tags,
		"etag": nil, "kind": "Default", "sku": map[string]string{"name": "Basic", "tier": "Basic"},
		"identity": ws.identity(),
	}
}

// wire is the workspace as the resource manager shows it. contract: workspace §4
func (ws *workspace) wire() any {
	created := ws.created.UTC().Format("2006-01-02T15:04:05.0000000Z")
	properties := ws.settings.wire()
	maps.Copy(properties, map[string]any{
		"creationTime": created, "workspaceId": ws.id, "tenantId": ws.tenant, "adbWorkspace": nil,
		"discoveryUrl":               ws.discoveryURL(),
		"mlFlowTrackingUri":          "azureml://" + ws.apiHost() + "/mlflow/v1.0" + ws.path(),
		"privateLinkCount":           0,
		"storageHnsEnabled":          false,
		"linkedModelInventoryArmId":  nil,
		"privateEndpointConnections": []any{},
		"notebookInfo": map[string]any{"resourceId": ws.resourceName("notebook", 32), "isPrivateLinkEnabled": false,
			"fqdn":                     "ml-" + ws.name + "-" + ws.location + "-" + ws.id + "." + ws.location + ".notebooks.azure.net",
			"notebookPreparationError": nil},
	})
	body := maps.Clone(ws.envelope())
	body["properties"] = properties
	body["systemData"] = map[string]string{"createdAt": created, "createdBy": "someone@contoso.example", "createdByType": "User",
		"lastModifiedAt": created, "lastModifiedBy": "someone@contoso.example", "lastModifiedByType": "User"}
	return body
}

// discoveryRoutes tell clients the hosts of a workspace's services. contract: workspace §7
func (s *Server) discoveryRoutes() []route {
	get := func(pattern string, h func(*call)) route {
		return route{host: hostAPI, method: http.MethodGet, pattern: pattern, handle: h}
	}
	return []route{
		get("/discovery", func(c *call) { c.json(http.StatusOK, discovery("https://"+c.host(), "https://"+c.region()+mmsDomain)) }),
		get("/discovery/workspaces/{id}", (*call).workspaceDiscovery),
	}
}

func (c *call) workspaceDiscovery() {
	found := c.srv.world.sortedWorkspaces(func(ws *workspace) bool { return equalFold(ws.id, c.path("id")) })
	if len(found) == 0 {
		c.serviceError(http.StatusNotFound, "NotFound", "Workspace "+c.path("id")+" was not found.")
		return
	}
	c.json(http.StatusOK, discovery("https://"+found[0].apiHost(), "https://"+found[0].mmsHost()))
}

// discovery is the document that names the hosts.
func discovery(api, mms string) any {
	return map[string]string{
		"api": api, "catalog": "https://catalog.cortanaanalytics.com", "experimentation": api,
		"gallery": "https://gallery.cortanaintelligence.com/project", "history": api, "hyperdrive": api, "labeling": api,
		"modelmanagement": mms, "pipelines": api, "studio": "https://ml.azure.com", "studiocoreservices": api,
	}
}

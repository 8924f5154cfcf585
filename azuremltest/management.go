package azuremltest

import (
	"net/http"
	"strings"
)

// management is what the resource manager keeps besides workspaces, computes and
// clusters. Its maps are keyed by lower-case ids.
type management struct {
	resources   map[string]*armResource
	deployments map[string]*deployment
	assignments map[string]*roleAssignment
	groups      map[string]*Group // of principals, by object id
	results     map[string]any    // of operations whose Location ends with a body, by id
}

func newManagement() management {
	return management{
		resources:   map[string]*armResource{},
		deployments: map[string]*deployment{},
		assignments: map[string]*roleAssignment{},
		groups:      map[string]*Group{},
		results:     map[string]any{},
	}
}

// armResource is a resource that workspaces use: nothing is known of it but that it exists.
type armResource struct {
	id, kind, name, location string
	tags                     map[string]string
	properties               map[string]any
}

// Types of resources that workspaces use.
const (
	storageType  = "Microsoft.Storage/storageAccounts"
	vaultType    = "Microsoft.KeyVault/vaults"
	insightsType = "Microsoft.Insights/components"
	registryType = "Microsoft.ContainerRegistry/registries"
	logsType     = "Microsoft.OperationalInsights/workspaces"
)

// resourceTypes are those types with the api-versions that their providers take.
var resourceTypes = map[string][]string{
	storageType:  {"2023-01-01", "2022-09-01", "2021-09-01", "2019-06-01", "2018-07-01"},
	vaultType:    {"2023-07-01", "2023-02-01", "2022-07-01", "2019-09-01", "2015-06-01"},
	insightsType: {"2020-02-02", "2020-02-02-preview", "2018-05-01-preview", "2015-05-01"},
	registryType: {"2023-07-01", "2022-12-01", "2021-09-01", "2019-05-01"},
	logsType:     {"2023-09-01", "2022-10-01", "2021-06-01", "2020-08-01"},
}

// managementRoutes are writing workspaces, what can be done to them, what they use, and
// who may use them.
func (s *Server) managementRoutes() []route {
	arm := func(method, pattern string, versions []string, h func(*call)) route {
		return route{host: hostARM, method: method, pattern: pattern, auth: authARM, versions: versions, handle: h}
	}
	const deployment = armGroup + "/providers/Microsoft.Resources/deployments/{deployment}"
	list := []route{
		arm(http.MethodPut, armGroup, resourceVersions, (*call).putGroup),
		{host: hostARM, method: http.MethodPut, pattern: armWorkspace, auth: authARM, versions: mlVersions, creates: true, handle: (*call).putWorkspace},
		arm(http.MethodPatch, armWorkspace, mlVersions, (*call).patchWorkspace),
		arm(http.MethodDelete, armWorkspace, mlVersions, (*call).deleteWorkspace),
		arm(http.MethodPost, armWorkspace+"/listKeys", mlVersions, (*call).listWorkspaceKeys),
		arm(http.MethodPost, armWorkspace+"/resynckeys", mlVersions, (*call).resyncKeys),
		arm(http.MethodPost, armWorkspace+"/diagnose", mlVersions, (*call).diagnose),
		arm(http.MethodGet, armMLLocation+"/workspaceOperationsStatus/{operation}", mlVersions, (*call).operationStatus),
		arm(http.MethodGet, armMLLocation+"/workspaceOperationResults/{operation}", mlVersions, (*call).workspaceResult),
		arm(http.MethodPut, deployment, resourceVersions, (*call).putDeployment),
		arm(http.MethodGet, deployment, resourceVersions, (*call).getDeployment),
		arm(http.MethodGet, deployment+"/operationStatuses/{operation}", resourceVersions, (*call).operationStatus),
	}
	for kind, versions := range resourceTypes {
		pattern := armGroup + "/providers/" + kind + "/{name}"
		list = append(list,
			arm(http.MethodGet, pattern, versions, func(c *call) { c.getResource(kind) }),
			arm(http.MethodDelete, pattern, versions, func(c *call) { c.deleteResource(kind) }))
	}
	list = append(list, s.roleRoutes()...)
	return append(list, s.graphRoutes()...)
}

// resourceID is the id of a resource in the group of the path.
func (c *call) resourceID(kind, name string) string {
	return "/subscriptions/" + c.path("sub") + "/resourceGroups/" + c.path("rg") + "/providers/" + kind + "/" + name
}

// findResource returns the resource in the path, or nil.
func (c *call) findResource(kind string) *armResource {
	return c.srv.world.management.resources[strings.ToLower(c.resourceID(kind, c.path("name")))]
}

func (c *call) getResource(kind string) {
	if !c.findGroup() {
		return
	}
	r := c.findResource(kind)
	if r == nil {
		c.resourceNotFound(kind+"/"+c.path("name"), c.path("rg"))
		return
	}
	c.json(http.StatusOK, map[string]any{"id": r.id, "name": r.name, "type": r.kind, "location": r.location, "tags": r.tags, "properties": r.properties})
}

// deleteResource deletes a resource, whoever uses it. Nothing to delete is as good.
func (c *call) deleteResource(kind string) {
	if !c.findGroup() {
		return
	}
	r := c.findResource(kind)
	if r == nil {
		c.empty(http.StatusNoContent)
		return
	}
	delete(c.srv.world.management.resources, strings.ToLower(r.id))
	c.empty(http.StatusOK)
}

// addResource makes a resource known.
func (w *world) addResource(id, kind, location string) *armResource {
	r := &armResource{id: id, kind: kind, name: id[strings.LastIndexByte(id, '/')+1:], location: location, properties: map[string]any{"provisioningState": "Succeeded"}}
	w.management.resources[strings.ToLower(id)] = r
	return r
}

// putGroup makes a resource group, or finds it there.
func (c *call) putGroup() {
	var body struct {
		Location string `json:"location"`
	}
	sub := c.findSubscription()
	if sub == nil || !c.decode(&body) {
		return
	}
	status := http.StatusOK
	switch g := sub.group(c.path("rg")); {
	case body.Location == "":
		c.armError(http.StatusBadRequest, "LocationRequired", "The location property is required for this definition.")
		return
	case g == nil:
		status = http.StatusCreated
	case !equalFold(g.location, body.Location):
		c.armError(http.StatusConflict, "InvalidResourceGroupLocation", "Invalid resource group location '"+body.Location+
			"'. The Resource group already exists in location '"+g.location+"'.")
		return
	}
	c.json(status, sub.makeGroup(c.path("rg"), strings.ToLower(body.Location)).wire(sub))
}

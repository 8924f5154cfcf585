package azuremltest

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// roleDefinition is a role that can be given.
type roleDefinition struct{ id, name string }

// builtInRoles are those that are asked for in the context of machine learning.
var builtInRoles = []roleDefinition{
	{"8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "Owner"},
	{"b24988ac-6180-42a0-ab88-20f7382dd24c", "Contributor"},
	{"acdd72a7-3385-48ef-bd42-f606fba81ae7", "Reader"},
	{"f6c7c914-8db3-469d-8ca1-694a8f32e121", "AzureML Data Scientist"},
	{"18d7d88d-d35e-4fb5-a5c3-7773c20a72d9", "User Access Administrator"},
}

// roleAssignment says that a principal has a role.
type roleAssignment struct {
	id, name, scope, role, principal, kind, description string
	created                                             time.Time
}

// Role is a role that a principal has, as [Server.AddRole] makes it.
type Role struct {
	// Scope is the id of what the role is for: a subscription, a resource group or a
	// workspace. The workspace of the default world if empty.
	Scope string
	// Role is the name of a built-in role, "Owner", "Contributor", "Reader", "AzureML Data
	// Scientist" or "User Access Administrator"; "Reader" if empty.
	Role string
	// PrincipalID is an object id, PrincipalType what it is.
	PrincipalID, PrincipalType string
}

// AddRole gives a principal a role, as somebody else would, and returns the id of the
// assignment. It panics if there is no such role. Of roles the emulator enforces one:
// whoever has no other on a workspace, or above it, than Reader may read there and fetch
// the tokens of web services, and is refused all else. Who has no role at all may do
// everything.
func (s *Server) AddRole(r Role) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	setDefault(&r.Scope, "/subscriptions/"+SubscriptionID+"/resourceGroups/"+ResourceGroup+"/providers/"+workspaceType+"/"+WorkspaceName)
	setDefault(&r.Role, "Reader")
	i := slices.IndexFunc(builtInRoles, func(d roleDefinition) bool { return equalFold(d.name, r.Role) })
	if i < 0 {
		panic("azuremltest: there is no role " + r.Role)
	}
	a := &roleAssignment{name: s.guid(), scope: r.Scope, role: builtInRoles[i].path(SubscriptionID), principal: r.PrincipalID, kind: r.PrincipalType, created: time.Now()}
	s.world.management.addAssignment(a)
	return a.id
}

func (m *management) addAssignment(a *roleAssignment) {
	a.id = a.scope + "/providers/Microsoft.Authorization/roleAssignments/" + a.name
	m.assignments[strings.ToLower(a.id)] = a
}

func (d roleDefinition) path(sub string) string {
	return "/subscriptions/" + sub + "/providers/Microsoft.Authorization/roleDefinitions/" + d.id
}

// authorizationVersions are the api-versions of roles.
var authorizationVersions = []string{"2022-04-01", "2020-04-01-preview", "2018-09-01-preview", "2018-01-01-preview", "2015-07-01"}

// roleRoutes are the roles on workspaces. contract: workspace §9
func (s *Server) roleRoutes() []route {
	arm := func(method, pattern string, h func(*call)) route {
		return route{host: hostARM, method: method, pattern: armWorkspace + "/providers/Microsoft.Authorization" + pattern, auth: authARM, versions: authorizationVersions, handle: h}
	}
	return []route{
		arm(http.MethodGet, "/roleDefinitions", (*call).listRoles),
		arm(http.MethodGet, "/roleAssignments", (*call).listAssignments),
		arm(http.MethodPut, "/roleAssignments/{assignment}", (*call).putAssignment),
		arm(http.MethodDelete, "/roleAssignments/{assignment}", (*call).deleteAssignment),
	}
}

var (
	roleNameFilter  = regexp.MustCompile(`(?i)^roleName eq '((?:[^']|'')*)'$`)
	principalFilter = regexp.MustCompile(`(?i)^principalId eq '([^']*)'$`)
)

func (c *call) listRoles() {
	found := builtInRoles
	if filter := c.query("$filter"); filter != "" {
		m := roleNameFilter.FindStringSubmatch(filter)
		if m == nil {
			c.armError(http.StatusBadRequest, "UnsupportedQuery", "The filter '"+filter+"' is not supported.")
			return
		}
		found = slices.DeleteFunc(slices.Clone(found), func(d roleDefinition) bool { return !equalFold(d.name, strings.ReplaceAll(m[1], "''", "'")) })
	}
	answerPage(c, "value", found, func(d roleDefinition) any {
		return map[string]any{"id": d.path(c.ws.sub), "type": "Microsoft.Authorization/roleDefinitions", "name": d.id,
			"properties": map[string]any{"roleName": d.name, "type": "BuiltInRole", "description": "", "assignableScopes": []string{"/"}}}
	})
}

// listAssignments lists those on the workspace and above it, and with a principal also
// those below it.
func (c *call) listAssignments() {
	filter := c.query("$filter")
	principal := ""
	switch m := principalFilter.FindStringSubmatch(filter); {
	case m != nil:
		principal = m[1]
	case filter != "" && !equalFold(filter, "atScope()"):
		c.armError(http.StatusBadRequest, "UnsupportedQuery", "The filter '"+filter+"' is not supported.")
		return
	}
	here := strings.ToLower(c.ws.path()) + "/"
	var found []*roleAssignment
	for _, key := range slices.Sorted(maps.Keys(c.srv.world.management.assignments)) {
		a := c.srv.world.management.assignments[key]
		scope := strings.ToLower(a.scope) + "/"
		above, below := strings.HasPrefix(here, scope), strings.HasPrefix(scope, here)
		if (above || below && principal != "") && (principal == "" || equalFold(a.principal, principal)) {
			found = append(found, a)
		}
	}
	answerPage(c, "value", found, (*roleAssignment).wire)
}

func (a *roleAssignment) wire() any {
	created := a.created.UTC().Format("2006-01-02T15:04:05.0000000Z")
	var description any
	if a.description != "" {
		description = a.description
	}
	return map[string]any{
		"id": a.id, "type": "Microsoft.Authorization/roleAssignments", "name": a.name,
		"properties": map[string]any{
			"roleDefinitionId": a.role, "principalId": a.principal, "principalType": a.kind, "scope": a.scope,
			"condition": nil, "conditionVersion": nil, "createdOn": created, "updatedOn": created, "createdBy": nil, "updatedBy": nil,
			"delegatedManagedIdentityResourceId": nil, "description": description,
		},
	}
}

// putAssignment gives a role. contract: workspace §9
func (c *call) putAssignment() {
	var body struct {
		Properties struct {
			Role        string `json:"roleDefinitionId"`
			Principal   string `json:"principalId"`
			Type        string `json:"principalType"`
			Description string `json:"description"`
		} `json:"properties"`
	}
	if !c.decode(&body) {
		return
	}
	p, name := body.Properties, c.path("assignment")
	kind := c.principalKind(p.Principal)
	switch {
	case !isGUID(name):
		c.armError(http.StatusBadRequest, "InvalidRoleAssignmentId", "The role assignment ID '"+name+"' is not valid. The role assignment ID must be a GUID.")
		return
	case !slices.ContainsFunc(builtInRoles, func(d roleDefinition) bool {
		return strings.HasSuffix(strings.ToLower(p.Role), "/roledefinitions/"+d.id)
	}):
		c.armError(http.StatusBadRequest, "RoleDefinitionDoesNotExist", "The specified role definition with ID '"+p.Role+"' does not exist.")
		return
	case !isGUID(p.Principal) || kind == "":
		c.armError(http.StatusBadRequest, "PrincipalNotFound", "Principal "+strings.ReplaceAll(p.Principal, "-", "")+" does not exist in the directory "+c.tok.Tenant+
			". Check that you have the correct principal ID. If you are creating this principal and then immediately assigning a role, this error might be related to a replication delay. "+
			"In this case, set the role assignment principalType property to a value, such as ServicePrincipal, User, or Group. See https://aka.ms/docs-principaltype")
		return
	case p.Type != "" && p.Type != kind:
		c.armError(http.StatusBadRequest, "UnmatchedPrincipalType", "The PrincipalId '"+strings.ReplaceAll(p.Principal, "-", "")+"' has type '"+kind+
			"' , which is different from specified PrinciaplType '"+p.Type+"'.")
		return
	}
	a := &roleAssignment{name: name, scope: c.ws.path(), role: p.Role, principal: p.Principal, kind: kind, description: p.Description, created: time.Now()}
	for _, have := range c.srv.world.management.assignments {
		if equalFold(have.scope, a.scope) && equalFold(have.principal, a.principal) && equalFold(lastSegment(have.role), lastSegment(a.role)) && !equalFold(have.name, name) {
			c.armError(http.StatusConflict, "RoleAssignmentExists", "The role assignment already exists.")
			return
		}
	}
	c.srv.world.management.addAssignment(a)
	c.json(http.StatusCreated, a.wire())
}

func lastSegment(id string) string { return id[strings.LastIndexByte(id, '/')+1:] }

func (c *call) deleteAssignment() {
	key := strings.ToLower(c.ws.path() + "/providers/Microsoft.Authorization/roleAssignments/" + c.path("assignment"))
	a := c.srv.world.management.assignments[key]
	if a == nil {
		c.empty(http.StatusNoContent)
		return
	}
	delete(c.srv.world.management.assignments, key)
	c.json(http.StatusOK, a.wire())
}

// principalKind says what an object id of the token's tenant stands for, "" if for nobody.
func (c *call) principalKind(objectID string) string {
	for _, o := range c.directory() {
		if equalFold(o.id, objectID) {
			return o.kind
		}
	}
	return ""
}

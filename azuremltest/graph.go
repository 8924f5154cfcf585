package azuremltest

import (
	"cmp"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// Group is a group of principals.
type Group struct {
	TenantID string // TenantID if empty
	Name     string // display name
	Mail     string
	ObjectID string // made up if empty
}

// AddGroup makes a group and returns it with its object id. It panics if the tenant does
// not exist.
func (s *Server) AddGroup(g Group) Group {
	s.mu.Lock()
	defer s.mu.Unlock()
	setDefault(&g.TenantID, TenantID)
	g.TenantID = s.mustTenant(g.TenantID).id
	if g.ObjectID == "" {
		g.ObjectID = s.guid()
	}
	mustGUID("group", g.ObjectID)
	s.world.management.groups[strings.ToLower(g.ObjectID)] = &g
	return g
}

// directoryObject is somebody in the directory.
type directoryObject struct {
	id, kind           string
	name, appID, login string
	mail               string
	names              []string // of a service principal
}

// directory lists everybody in the token's tenant.
func (c *call) directory() []directoryObject {
	var all []directoryObject
	if t := c.srv.world.tenant(c.tok.Tenant); t != nil {
		for _, u := range sortedValues(t.users) {
			all = append(all, directoryObject{id: u.ObjectID, kind: "User", name: u.Name, login: u.Name, mail: u.Name})
		}
		for _, p := range sortedValues(t.principals) {
			all = append(all, directoryObject{id: p.ObjectID, kind: "ServicePrincipal", name: cmp.Or(p.Name, p.ClientID), appID: p.ClientID, names: []string{p.ClientID, "api://" + p.ClientID}})
		}
	}
	for _, g := range sortedValues(c.srv.world.management.groups) {
		if g.TenantID == c.tok.Tenant {
			all = append(all, directoryObject{id: g.ObjectID, kind: "Group", name: g.Name, mail: g.Mail})
		}
	}
	return all
}

// graphRoutes are looking up principals in Microsoft Graph. contract: workspace §9
func (s *Server) graphRoutes() []route {
	graph := func(method, pattern string, h func(*call)) route {
		return route{host: hostGraph, method: method, pattern: "/v1.0" + pattern, auth: authSelf, handle: func(c *call) {
			if c.checkGraphToken() {
				h(c)
			}
		}}
	}
	return []route{
		graph(http.MethodGet, "/users", func(c *call) { c.listDirectory("users", "User") }),
		graph(http.MethodGet, "/groups", func(c *call) { c.listDirectory("groups", "Group") }),
		graph(http.MethodGet, "/servicePrincipals", func(c *call) { c.listDirectory("servicePrincipals", "ServicePrincipal") }),
		graph(http.MethodPost, "/directoryObjects/getByIds", (*call).directoryByID),
	}
}

// checkGraphToken wants a token for Microsoft Graph.
func (c *call) checkGraphToken() bool {
	scheme, token, _ := strings.Cut(c.r.Header.Get("Authorization"), " ")
	claims, err := c.srv.verify(strings.TrimSpace(token))
	switch {
	case !equalFold(scheme, "Bearer") || err != nil:
		return c.unauthorized("InvalidAuthenticationToken", "Access token is empty or malformed.")
	case strings.TrimSuffix(claims.Audience, "/") != "https://"+graphHost:
		return c.unauthorized("InvalidAuthenticationToken", "Access token validation failure. Invalid audience.")
	case c.expired(claims):
		return c.unauthorized("InvalidAuthenticationToken", "Lifetime validation failed, the token is expired.")
	}
	c.tok = claims
	return true
}

var (
	equalsFilter = regexp.MustCompile(`^(userPrincipalName|mail|displayName|appId) eq '((?:[^']|'')*)'$`)
	namesFilter  = regexp.MustCompile(`^servicePrincipalNames/any\((\w+):\s*(\w+) eq '((?:[^']|'')*)'\)$`)
)

// listDirectory lists the objects of a kind for which the filter holds.
func (c *call) listDirectory(collection, kind string) {
	keep := func(directoryObject) bool { return true }
	if filter := c.query("$filter"); filter != "" {
		if keep = filterOf(filter, kind); keep == nil {
			c.armError(http.StatusBadRequest, "Request_UnsupportedQuery", "Unsupported or invalid query filter clause specified for property of resource '"+kind+"'.")
			return
		}
	}
	found := []any{}
	for _, o := range c.directory() {
		if o.kind == kind && keep(o) {
			found = append(found, o.wire(false))
		}
	}
	c.json(http.StatusOK, map[string]any{"@odata.context": "https://" + graphHost + "/v1.0/$metadata#" + collection, "value": found})
}

// filterOf understands a filter, or returns nil.
func filterOf(filter, kind string) func(directoryObject) bool {
	if m := namesFilter.FindStringSubmatch(filter); m != nil && kind == "ServicePrincipal" && m[1] == m[2] {
		want := strings.ReplaceAll(m[3], "''", "'")
		return func(o directoryObject) bool {
			return slices.ContainsFunc(o.names, func(n string) bool { return equalFold(n, want) })
		}
	}
	m := equalsFilter.FindStringSubmatch(filter)
	if m == nil {
		return nil
	}
	value, known := map[string]func(directoryObject) string{
		"User.userPrincipalName": func(o directoryObject) string { return o.login }, "User.mail": func(o directoryObject) string { return o.mail },
		"Group.mail": func(o directoryObject) string { return o.mail }, "ServicePrincipal.appId": func(o directoryObject) string { return o.appID },
		"User.displayName": func(o directoryObject) string { return o.name }, "Group.displayName": func(o directoryObject) string { return o.name },
		"ServicePrincipal.displayName": func(o directoryObject) string { return o.name },
	}[kind+"."+m[1]]
	if !known {
		return nil
	}
	want := strings.ReplaceAll(m[2], "''", "'")
	return func(o directoryObject) bool { return equalFold(value(o), want) }
}

// directoryByID lists objects of the kinds that are asked for; unknown ids are left out.
func (c *call) directoryByID() {
	var body struct {
		IDs   []string `json:"ids"`
		Types []string `json:"types"`
	}
	if !c.decode(&body) {
		return
	}
	if len(body.IDs) == 0 || len(body.IDs) > 1000 || slices.ContainsFunc(body.IDs, func(id string) bool { return !isGUID(id) }) {
		c.armError(http.StatusBadRequest, "Request_BadRequest", "Invalid GUID, or not from 1 to 1000 of them, in 'ids'.")
		return
	}
	found := []any{}
	for _, o := range c.directory() {
		asked := len(body.Types) == 0 || slices.ContainsFunc(body.Types, func(t string) bool { return equalFold(t, o.kind) })
		if asked && slices.ContainsFunc(body.IDs, func(id string) bool { return equalFold(id, o.id) }) {
			found = append(found, o.wire(true))
		}
	}
	c.json(http.StatusOK, map[string]any{"@odata.context": "https://" + graphHost + "/v1.0/$metadata#directoryObjects", "value": found})
}

// wire is the object as Microsoft Graph shows it, with its type where kinds are mixed.
func (o directoryObject) wire(typed bool) any {
	m := map[string]any{"id": o.id, "displayName": o.name}
	switch o.kind {
	case "User":
		m["userPrincipalName"], m["mail"] = o.login, o.mail
	case "Group":
		m["mail"] = o.mail
	default:
		m["appId"], m["servicePrincipalNames"], m["servicePrincipalType"] = o.appID, o.names, "Application"
	}
	if typed {
		m["@odata.type"] = "#microsoft.graph." + strings.ToLower(o.kind[:1]) + o.kind[1:]
	}
	return m
}

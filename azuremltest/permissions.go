package azuremltest

import (
	"net/http"
	"slices"
	"strings"
)

// permitted checks that the caller's roles on the workspace allow the request. If it
// returns false it has answered. Only one thing is modelled: whoever has roles here or
// above, and all of them are Reader, may read and fetch tokens of services, nothing else.
// contract: authentication §15
func (c *call) permitted() bool {
	if c.tok == nil || c.reads() || !c.onlyReader() {
		return true
	}
	verb := map[string]string{http.MethodPost: "action", http.MethodDelete: "delete"}[c.r.Method]
	if verb == "" {
		verb = "write"
	}
	c.w.Header().Set("x-ms-failure-cause", "gateway")
	c.fail(http.StatusForbidden, "AuthorizationFailed", "The client '"+c.tok.ObjectID+"' with object id '"+c.tok.ObjectID+
		"' does not have authorization to perform action '"+workspaceType+"/"+c.lastLiteral()+"/"+verb+"' over scope '"+c.ws.path()+
		"' or the scope is invalid. If access was recently granted, please refresh your credentials.")
	return false
}

// reads tells whether the request is one that a Reader may make.
func (c *call) reads() bool {
	token := c.r.Method == http.MethodPost && strings.HasSuffix(c.route.pattern, "/services/{name}/token")
	return token || c.r.Method == http.MethodGet || c.r.Method == http.MethodHead
}

// onlyReader tells whether the caller has no role here but Reader, and that one. Of
// callers without any role nothing is known.
func (c *call) onlyReader() bool {
	reader := builtInRoles[slices.IndexFunc(builtInRoles, func(d roleDefinition) bool { return d.name == "Reader" })]
	here := strings.ToLower(c.ws.path()) + "/"
	found := false
	for _, a := range c.srv.world.management.assignments {
		if !equalFold(a.principal, c.tok.ObjectID) || !strings.HasPrefix(here, strings.ToLower(a.scope)+"/") {
			continue
		}
		if !equalFold(lastSegment(a.role), reader.id) {
			return false
		}
		found = true
	}
	return found
}

// lastLiteral is the last part of the route's pattern that is no wildcard.
func (c *call) lastLiteral() string {
	segments := strings.Split(c.route.pattern, "/")
	for _, s := range slices.Backward(segments) {
		if s != "" && !strings.HasPrefix(s, "{") {
			return s
		}
	}
	return ""
}

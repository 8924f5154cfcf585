package azuremltest

import (
	"net/http"
	"strings"
	"time"
)

// armAudiences are the audiences that the resource manager accepts.
var armAudiences = map[string]bool{
	"https://management.core.windows.net/": true,
	"https://management.core.windows.net":  true,
	"https://management.azure.com/":        true,
	"https://management.azure.com":         true,
}

// admit checks the caller's token as the route wants it, and finds the
// workspace. If it returns false it has answered. The caller holds srv.mu.
func (c *call) admit() bool {
	if c.route.auth == authARM && !c.checkToken() || !c.checkVersion() {
		return false
	}
	if c.wild["ws"] == "" || c.route.creates {
		return true
	}
	return c.findWorkspace() && c.permitted()
}

// checkToken reads the bearer token.
func (c *call) checkToken() bool {
	scheme, token, _ := strings.Cut(c.r.Header.Get("Authorization"), " ")
	if scheme == "" {
		return c.unauthorized("AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
	}
	if !equalFold(scheme, "Bearer") {
		return c.unauthorized("AuthenticationFailedInvalidHeader",
			"Authentication failed. The 'Authorization' header is provided in an invalid format.")
	}
	claims, err := c.srv.verify(strings.TrimSpace(token))
	if err != nil {
		return c.unauthorized("InvalidAuthenticationToken", "The access token is invalid.")
	}
	c.tok = claims
	if !armAudiences[claims.Audience] {
		return c.unauthorized("InvalidAuthenticationToken", "The access token has been obtained for wrong audience or resource '"+
			claims.Audience+"'. It should exactly match with one of the allowed audiences 'https://management.core.windows.net/',"+
			"'https://management.core.windows.net','https://management.azure.com/','https://management.azure.com'.")
	}
	if c.premature(claims) {
		return c.unauthorized("InvalidAuthenticationToken", "The access token is not yet valid.")
	}
	if c.expired(claims) {
		const layout = "1/2/2006 3:04:05 PM"
		return c.unauthorized("ExpiredAuthenticationToken", "The access token expiry UTC time '"+
			time.Unix(claims.Expires, 0).UTC().Format(layout)+"' is earlier than current UTC time '"+c.now().UTC().Format(layout)+"'.")
	}
	return c.checkTenant()
}

// checkTenant compares the token's tenant with that of the subscription in the path.
func (c *call) checkTenant() bool {
	sub := c.srv.world.subscription(c.wild["sub"])
	if sub == nil || sub.tenant == c.tok.Tenant {
		return true
	}
	right := "https://login.windows.net/" + sub.tenant
	return c.unauthorized("InvalidAuthenticationTokenTenant", "The access token is from the wrong issuer '"+c.tok.Issuer+
		"'. It must match the tenant 'https://sts.windows.net/"+sub.tenant+"/' associated with this subscription. Please use the authority (URL) '"+
		right+"' to get the token. Note, if the subscription is transferred to another tenant there is no impact to the services, "+
		"but information about new tenant could take time to propagate (up to an hour). If you just transferred your subscription "+
		"and see this error message, please try back later.")
}

// unauthorized answers 401 with the challenge that Azure sends along. It returns false.
func (c *call) unauthorized(code, message string) bool {
	authority := "https://login.windows.net/"
	if sub := c.srv.world.subscription(c.wild["sub"]); sub != nil {
		authority += sub.tenant
	}
	c.w.Header().Set("WWW-Authenticate", `Bearer authorization_uri="`+authority+`", error="invalid_token", error_description="`+message+`"`)
	c.fail(http.StatusUnauthorized, code, message)
	return false
}

// findWorkspace sets c.ws, or answers 404.
func (c *call) findWorkspace() bool {
	w := &c.srv.world
	if c.ws = w.workspace(c.wild["sub"], c.wild["rg"], c.wild["ws"]); c.ws != nil {
		return c.checkNetwork()
	}
	if !c.findGroup() {
		return false
	}
	c.resourceNotFound("Microsoft.MachineLearningServices/workspaces/"+c.wild["ws"], c.wild["rg"])
	return false
}

// findSubscription answers 404 unless the subscription in the path exists.
func (c *call) findSubscription() *subscription {
	id := c.wild["sub"]
	if sub := c.srv.world.subscription(id); sub != nil {
		return sub
	}
	c.w.Header().Set("x-ms-failure-cause", "gateway")
	c.fail(http.StatusNotFound, "SubscriptionNotFound", "The subscription '"+id+"' could not be found.")
	return nil
}

// findGroup answers 404 unless the resource group in the path exists.
func (c *call) findGroup() bool {
	sub := c.findSubscription()
	if sub == nil {
		return false
	}
	if sub.group(c.wild["rg"]) == nil {
		c.w.Header().Set("x-ms-failure-cause", "gateway")
		c.fail(http.StatusNotFound, "ResourceGroupNotFound", "Resource group '"+c.wild["rg"]+"' could not be found.")
		return false
	}
	return true
}

// resourceNotFound answers 404 for a resource, named by type and name.
func (c *call) resourceNotFound(resource, group string) {
	c.fail(http.StatusNotFound, "ResourceNotFound", "The Resource '"+resource+"' under resource group '"+group+
		"' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix")
}

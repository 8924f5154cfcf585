package azuremltest

import (
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// authorityRoutes are the endpoints of Entra ID. contract: authentication §11, §12
func (s *Server) authorityRoutes() []route {
	get := func(pattern string, h func(*call)) route {
		return route{host: hostAuthority, method: http.MethodGet, pattern: pattern, handle: h}
	}
	return []route{
		get("/common/discovery/instance", (*call).instanceDiscovery),
		get("/{tenant}/v2.0/.well-known/openid-configuration", (*call).openidConfiguration),
		get("/{tenant}/.well-known/openid-configuration", (*call).openidConfiguration),
		get("/{tenant}/discovery/v2.0/keys", func(c *call) { c.json(http.StatusOK, map[string]any{"keys": []any{}}) }),
		{host: hostAuthority, method: http.MethodPost, pattern: "/{tenant}/oauth2/v2.0/token", handle: func(c *call) { c.token(2) }},
		{host: hostAuthority, method: http.MethodPost, pattern: "/{tenant}/oauth2/token", handle: func(c *call) { c.token(1) }},
	}
}

// instanceDiscovery tells clients which names the authority has.
func (c *call) instanceDiscovery() {
	endpoint, err := url.Parse(c.query("authorization_endpoint"))
	if err != nil || endpoint.Host == "" || publicHost(hostname(endpoint.Host)) != hostAuthority {
		c.entraError(http.StatusBadRequest, "invalid_instance", 50049, "AADSTS50049: Unknown or invalid instance.")
		return
	}
	tenantSegment, _, _ := strings.Cut(strings.TrimPrefix(endpoint.Path, "/"), "/")
	if tenantSegment == "" {
		tenantSegment = "common"
	}
	c.json(http.StatusOK, map[string]any{
		"tenant_discovery_endpoint": "https://" + authorityHost + "/" + tenantSegment + "/v2.0/.well-known/openid-configuration",
		"api-version":               "1.1",
		"metadata": []any{map[string]any{
			"preferred_network": authorityHost,
			"preferred_cache":   "login.windows.net",
			"aliases":           []string{authorityHost, "login.windows.net", "login.microsoft.com", "sts.windows.net"},
		}},
	})
}

// openidConfiguration describes a tenant's endpoints.
func (c *call) openidConfiguration() {
	id := c.path("tenant")
	if t := c.findTenant(id); t != nil {
		id = t.id
	} else if !manyTenants[strings.ToLower(id)] {
		c.unknownTenant("invalid_tenant")
		return
	}
	base := "https://" + authorityHost + "/" + id
	issuer := base + "/v2.0"
	if manyTenants[strings.ToLower(id)] {
		issuer = "https://" + authorityHost + "/{tenantid}/v2.0"
	}
	c.json(http.StatusOK, map[string]any{
		"token_endpoint":                        base + "/oauth2/v2.0/token",
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt", "client_secret_basic"},
		"jwks_uri":                              base + "/discovery/v2.0/keys",
		"response_modes_supported":              []string{"query", "fragment", "form_post"},
		"subject_types_supported":               []string{"pairwise"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"response_types_supported":              []string{"code", "id_token", "code id_token", "id_token token"},
		"scopes_supported":                      []string{"openid", "profile", "email", "offline_access"},
		"issuer":                                issuer,
		"authorization_endpoint":                base + "/oauth2/v2.0/authorize",
		"device_authorization_endpoint":         base + "/oauth2/v2.0/devicecode",
		"tenant_region_scope":                   "EU",
		"cloud_instance_name":                   "microsoftonline.com",
		"cloud_graph_host_name":                 "graph.windows.net",
		"msgraph_host":                          graphHost,
	})
}

// manyTenants are the path segments that stand for no single tenant.
var manyTenants = map[string]bool{"common": true, "organizations": true, "consumers": true}

// findTenant finds a tenant by its id or its domain, or returns nil.
func (c *call) findTenant(name string) *tenant { return c.srv.world.tenant(name) }

// A grant is what a token request asks for.
type grant struct {
	version  int     // of the endpoint: 1 or 2
	tenant   *tenant // nil if a user's own is meant
	form     url.Values
	audience string
}

// token answers a token request, with its errors in the order in which Entra
// ID finds them.
func (c *call) token(version int) {
	g := grant{version: version}
	media, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if media == "application/x-www-form-urlencoded" {
		g.form, _ = url.ParseQuery(string(c.body))
	}
	if g.form.Get("grant_type") == "" {
		c.missingParameter("grant_type")
		return
	}
	forUser := manyTenants[strings.ToLower(c.path("tenant"))] && g.form.Get("grant_type") != "client_credentials"
	if g.tenant = c.findTenant(c.path("tenant")); g.tenant == nil && !forUser {
		c.unknownTenant("invalid_request")
		return
	}
	switch g.form.Get("grant_type") {
	case "client_credentials":
		c.clientCredentials(&g)
	case "refresh_token":
		c.refreshToken(&g)
	case "authorization_code":
		c.authorizationCode(&g)
	case "device_code", "urn:ietf:params:oauth:grant-type:device_code":
		c.deviceGrant(&g)
	default:
		c.entraError(http.StatusBadRequest, "unsupported_grant_type", 70003,
			"AADSTS70003: The app requested an unsupported grant type '"+g.form.Get("grant_type")+"'.")
	}
}

// clientCredentials gives a service principal a token.
func (c *call) clientCredentials(g *grant) {
	p := c.principal(g)
	if p == nil || !c.readAudience(g) {
		return
	}
	secret, assertion := g.form.Get("client_secret"), g.form.Get("client_assertion")
	switch {
	case secret == "" && assertion == "":
		c.entraError(http.StatusUnauthorized, "invalid_client", 7000216,
			"AADSTS7000216: 'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.")
		return
	case assertion != "" && !p.Certificate:
		c.entraError(http.StatusUnauthorized, "invalid_client", 700027,
			"AADSTS700027: The certificate with identifier used to sign the client assertion is not registered on application.")
		return
	case assertion == "" && (p.Secret == "" || secret != p.Secret):
		c.entraError(http.StatusUnauthorized, "invalid_client", 7000215, "AADSTS7000215: Invalid client secret provided. "+
			"Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '"+p.ClientID+"'.")
		return
	}
	c.grantToken(g, principalClaims(p), nil)
}

// refreshToken gives whoever holds a refresh token a new access token.
func (c *call) refreshToken(g *grant) {
	if g.form.Get("refresh_token") == "" {
		c.missingParameter("refresh_token")
		return
	}
	if g.form.Get("client_id") == "" {
		c.missingParameter("client_id")
		return
	}
	if !c.readAudience(g) {
		return
	}
	token := g.form.Get("refresh_token")
	claims, ok := c.srv.world.refreshTokens[token]
	if !ok || !equalFold(claims.AppID, g.form.Get("client_id")) || g.tenant != nil && claims.Tenant != g.tenant.id {
		c.entraError(http.StatusBadRequest, "invalid_grant", 9002313, "AADSTS9002313: Invalid request. Request is malformed or invalid.")
		return
	}
	c.grantToken(g, claims, c.srv.userAnswer(g, claims, token))
}

// principal finds the application that asks, or answers.
func (c *call) principal(g *grant) *ServicePrincipal {
	id := g.form.Get("client_id")
	if id == "" {
		c.missingParameter("client_id")
		return nil
	}
	p := g.tenant.principals[strings.ToLower(id)]
	if p == nil {
		c.entraError(http.StatusBadRequest, "unauthorized_client", 700016, "AADSTS700016: Application with identifier '"+id+
			"' was not found in the directory '"+g.tenant.name+"'. This can happen if the application has not been installed by the administrator "+
			"of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.")
	}
	return p
}

// oidcScopes are scopes that ask for no resource.
var oidcScopes = map[string]bool{"openid": true, "profile": true, "offline_access": true, "email": true}

// readAudience finds out for which resource the token shall be, or answers.
func (c *call) readAudience(g *grant) bool {
	if g.version == 1 {
		if g.audience = g.form.Get("resource"); g.audience == "" {
			c.missingParameter("resource")
			return false
		}
		return c.knownResource(g)
	}
	if g.form.Get("scope") == "" {
		c.missingParameter("scope")
		return false
	}
	for _, scope := range strings.Fields(g.form.Get("scope")) {
		if oidcScopes[scope] {
			continue
		}
		audience, ok := cutResourceScope(scope, g.form.Get("grant_type") == "client_credentials")
		if !ok || g.audience != "" {
			c.badScope(g)
			return false
		}
		g.audience = audience
	}
	if g.audience == "" {
		c.badScope(g)
		return false
	}
	return c.knownResource(g)
}

// resourceHosts are the hosts in the names of the resources that every tenant
// knows.
var resourceHosts = map[string]bool{
	"management.core.windows.net": true, "management.azure.com": true, "ml.azure.com": true, "storage.azure.com": true,
	"vault.azure.net": true, "graph.microsoft.com": true, "graph.windows.net": true,
}

// knownResource checks that there is such a resource, or answers.
func (c *call) knownResource(g *grant) bool {
	if u, err := url.Parse(g.audience); err == nil && u.Scheme == "https" && resourceHosts[u.Host] && strings.Trim(u.Path, "/") == "" {
		return true
	}
	c.entraError(http.StatusBadRequest, "invalid_resource", 500011, "AADSTS500011: The resource principal named "+g.audience+
		" was not found in the tenant named "+c.path("tenant")+". This can happen if the application has not been installed by the administrator "+
		"of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant.")
	return false
}

// cutResourceScope returns the resource of a scope. Applications may only ask
// for /.default.
func cutResourceScope(scope string, application bool) (resource string, ok bool) {
	resource, ok = strings.CutSuffix(scope, "/.default")
	if !ok && !application {
		resource, ok = strings.CutSuffix(scope, "/user_impersonation")
	}
	return resource, ok && resource != ""
}

func (c *call) badScope(g *grant) {
	scope := g.form.Get("scope")
	if g.form.Get("grant_type") == "client_credentials" {
		c.entraError(http.StatusBadRequest, "invalid_scope", 1002012, "AADSTS1002012: The provided value for scope "+scope+
			" is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).")
		return
	}
	c.entraError(http.StatusBadRequest, "invalid_scope", 70011,
		"AADSTS70011: The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope "+scope+" is not valid.")
}

// principalClaims says who a service principal is.
func principalClaims(p *ServicePrincipal) tokenClaims {
	return tokenClaims{Tenant: p.TenantID, AppID: p.ClientID, AppIDType: "1", IDType: "app", ObjectID: p.ObjectID}
}

// grantToken answers with an access token.
func (c *call) grantToken(g *grant, claims tokenClaims, more map[string]any) {
	claims.Audience = g.audience
	lifetime := c.srv.opts.TokenLifetime
	token := c.srv.mint(claims, lifetime)
	// Entra ID says one second less than the token has.
	seconds := max(int64(lifetime/time.Second)-1, 0)
	body := map[string]any{"token_type": "Bearer", "access_token": token, "expires_in": seconds, "ext_expires_in": seconds}
	if g.version == 1 {
		now := time.Now()
		text := func(n int64) string { return strconv.FormatInt(n, 10) }
		body["expires_in"], body["ext_expires_in"] = text(seconds), text(seconds)
		body["expires_on"], body["not_before"] = text(now.Add(lifetime).Unix()), text(now.Unix())
		body["resource"] = g.audience
	}
	for k, v := range more {
		body[k] = v
	}
	c.w.Header().Set("Cache-Control", "no-store, no-cache")
	c.json(http.StatusOK, body)
}

func (c *call) missingParameter(name string) {
	c.entraError(http.StatusBadRequest, "invalid_request", 900144,
		"AADSTS900144: The request body must contain the following parameter: '"+name+"'.")
}

func (c *call) unknownTenant(code string) {
	c.entraError(http.StatusBadRequest, code, 90002, "AADSTS90002: Tenant '"+c.path("tenant")+
		"' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. "+
		"Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.")
}

// entraError answers as Entra ID does. contract: authentication §11.3
func (c *call) entraError(status int, code string, number int, description string) {
	trace, correlation := c.srv.guid(), c.r.Header.Get("client-request-id")
	if correlation == "" {
		correlation = c.srv.guid()
	}
	now := time.Now().UTC().Format("2006-01-02 15:04:05Z")
	c.json(status, map[string]any{
		"error":             code,
		"error_description": description + "\r\nTrace ID: " + trace + "\r\nCorrelation ID: " + correlation + "\r\nTimestamp: " + now,
		"error_codes":       []int{number},
		"timestamp":         now,
		"trace_id":          trace,
		"correlation_id":    correlation,
		"error_uri":         "https://" + authorityHost + "/error?code=" + strconv.Itoa(number),
	})
}

package azuremltest

import (
	"net/http"
	"strconv"
	"time"
)

// ManagedIdentity is an identity of the machine that programs run on.
type ManagedIdentity struct {
	TenantID   string // TenantID if empty
	ClientID   string // made up if empty
	ObjectID   string // made up if empty
	ResourceID string // of a user-assigned identity; empty for the machine's own
}

// IdentityHeader is what programs have to send to [Server.IdentityEndpoint].
const IdentityHeader = "identity-header-of-the-emulator"

// AddManagedIdentity gives the machine an identity, and returns it with its
// ids. Its own, without a ResourceID, is the one that programs get who name
// none. Programs find it at 169.254.169.254, as on a virtual machine, and at
// [Server.IdentityEndpoint].
func (s *Server) AddManagedIdentity(m ManagedIdentity) ManagedIdentity {
	s.mu.Lock()
	defer s.mu.Unlock()
	setDefault(&m.TenantID, TenantID)
	m.TenantID = s.mustTenant(m.TenantID).id
	if m.ClientID == "" {
		m.ClientID = s.guid()
	}
	if m.ObjectID == "" {
		m.ObjectID = s.guid()
	}
	s.world.identities = append(s.world.identities, m)
	return m
}

// IdentityEndpoint returns the address for IDENTITY_ENDPOINT (App Service; with
// [IdentityHeader] as IDENTITY_HEADER) and for MSI_ENDPOINT (Azure ML compute;
// with IdentityHeader as MSI_SECRET). It is empty if the server is in memory.
func (s *Server) IdentityEndpoint() string {
	if s.URL == "" {
		return ""
	}
	return s.URL + "/msi/token"
}

// identityRoutes are the endpoints of managed identities. contract: authentication §13
func (s *Server) identityRoutes() []route {
	return []route{
		{host: hostIMDS, method: http.MethodGet, pattern: "/metadata/identity/oauth2/token", handle: (*call).metadataToken},
		{host: hostSelf, method: http.MethodGet, pattern: "/msi/token", handle: (*call).endpointToken},
	}
}

// metadataToken answers as a virtual machine's metadata service does.
func (c *call) metadataToken() {
	switch {
	case !equalFold(c.r.Header.Get("Metadata"), "true"):
		c.identityError(http.StatusBadRequest, "bad_request_102", "Required metadata header not specified")
	case c.query("api-version") == "":
		c.identityError(http.StatusBadRequest, "invalid_request", "Required query variable 'api-version' is missing")
	default:
		c.identityToken(func(expires int64) map[string]any {
			seconds := strconv.FormatInt(int64(c.srv.opts.TokenLifetime/time.Second), 10)
			return map[string]any{
				"expires_in": seconds, "ext_expires_in": seconds, "expires_on": strconv.FormatInt(expires, 10),
				"not_before": strconv.FormatInt(time.Now().Unix(), 10),
			}
		})
	}
}

// endpointToken answers as App Service and Azure ML compute do.
func (c *call) endpointToken() {
	switch c.query("api-version") {
	case "2019-08-01":
		if c.r.Header.Get("X-IDENTITY-HEADER") != IdentityHeader {
			c.identityError(http.StatusUnauthorized, "unauthorized", "The X-IDENTITY-HEADER is missing or wrong")
			return
		}
		c.identityToken(func(expires int64) map[string]any {
			return map[string]any{"expires_on": strconv.FormatInt(expires, 10)}
		})
	case "2017-09-01":
		if c.r.Header.Get("secret") != IdentityHeader {
			c.identityError(http.StatusUnauthorized, "unauthorized", "The secret is missing or wrong")
			return
		}
		c.identityToken(func(expires int64) map[string]any { return map[string]any{"expires_on": expires} })
	default:
		c.identityError(http.StatusBadRequest, "invalid_request", "The api-version is not supported")
	}
}

// identityToken finds the identity that is meant and gives its token.
func (c *call) identityToken(times func(expires int64) map[string]any) {
	audience := c.query("resource")
	if audience == "" {
		c.identityError(http.StatusBadRequest, "invalid_request", "Required query variable 'resource' is missing")
		return
	}
	m := c.identity()
	if m == nil {
		c.identityError(http.StatusBadRequest, "invalid_request", "Identity not found")
		return
	}
	lifetime := c.srv.opts.TokenLifetime
	claims := tokenClaims{Tenant: m.TenantID, AppID: m.ClientID, AppIDType: "2", IDType: "app", ObjectID: m.ObjectID, Audience: audience}
	body := times(time.Now().Add(lifetime).Unix())
	body["access_token"], body["client_id"] = c.srv.mint(claims, lifetime), m.ClientID
	body["resource"], body["token_type"] = audience, "Bearer"
	c.json(http.StatusOK, body)
}

// identity finds the identity that the query names, or returns nil.
func (c *call) identity() *ManagedIdentity {
	client, object, resource := c.query("client_id")+c.query("clientid"), c.query("object_id"), c.query("msi_res_id")+c.query("mi_res_id")
	for i := range c.srv.world.identities {
		m := &c.srv.world.identities[i]
		switch {
		case client != "":
			if equalFold(m.ClientID, client) {
				return m
			}
		case object != "":
			if equalFold(m.ObjectID, object) {
				return m
			}
		case resource != "":
			if m.ResourceID != "" && equalFold(m.ResourceID, resource) {
				return m
			}
		case m.ResourceID == "":
			return m
		}
	}
	return nil
}

func (c *call) identityError(status int, code, description string) {
	c.json(status, map[string]any{"error": code, "error_description": description})
}

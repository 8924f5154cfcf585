package azuremltest

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

// deviceLogin is a login with a code that is typed in elsewhere.
type deviceLogin struct {
	deviceCode, clientID string
	expires              time.Time
	user                 *User // nil until somebody has logged in
	declined             bool
}

const (
	deviceLife = 15 * time.Minute
	devicePage = "https://" + authorityHost + "/common/oauth2/deviceauth"
)

// deviceRoutes are the endpoints of the login with a device code.
// contract: authentication §11.4
func (s *Server) deviceRoutes() []route {
	return []route{
		{host: hostAuthority, method: http.MethodPost, pattern: "/{tenant}/oauth2/v2.0/devicecode", handle: (*call).deviceCode},
		{host: hostAuthority, method: http.MethodGet, pattern: "/common/oauth2/deviceauth", handle: func(c *call) {
			c.page(http.StatusOK, loginPage, loginForm{Device: true, Code: c.query("otc")})
		}},
		{host: hostAuthority, method: http.MethodPost, pattern: "/common/oauth2/deviceauth", handle: (*call).enterDeviceCode},
	}
}

// CompleteDeviceLogin logs u in with the code that a program shows, as if u had
// typed it in on the page. It reports whether the code is known.
func (s *Server) CompleteDeviceLogin(userCode string, u User) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	setDefault(&u.TenantID, TenantID)
	known := s.mustTenant(u.TenantID).users[strings.ToLower(u.Name)]
	if known == nil {
		panic("azuremltest: there is no user " + u.Name)
	}
	login := s.world.logins.device(userCode)
	if login != nil {
		login.user = known
	}
	return login != nil
}

// DeclineDeviceLogin refuses the login with the code that a program shows. It
// reports whether the code is known.
func (s *Server) DeclineDeviceLogin(userCode string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	login := s.world.logins.device(userCode)
	if login != nil {
		login.declined = true
	}
	return login != nil
}

// device finds a login that is not over, or returns nil.
func (l *logins) device(userCode string) *deviceLogin {
	login := l.devices[strings.ToUpper(strings.TrimSpace(userCode))]
	if login == nil || login.user != nil || login.declined || time.Now().After(login.expires) {
		return nil
	}
	return login
}

// deviceCode begins a login.
func (c *call) deviceCode() {
	form, _ := url.ParseQuery(string(c.body))
	g := grant{version: 2, form: form, tenant: c.findTenant(c.path("tenant"))}
	if g.tenant == nil && !manyTenants[strings.ToLower(c.path("tenant"))] {
		c.unknownTenant("invalid_request")
		return
	}
	if form.Get("client_id") == "" {
		c.missingParameter("client_id")
		return
	}
	if !equalFold(form.Get("client_id"), CLIClientID) {
		c.entraError(http.StatusBadRequest, "unauthorized_client", 700016,
			"AADSTS700016: Application with identifier '"+form.Get("client_id")+"' was not found in the directory.")
		return
	}
	if !c.readAudience(&g) {
		return
	}
	userCode := strings.ToUpper(c.srv.hex(5))[:9]
	login := &deviceLogin{deviceCode: "D" + c.srv.hex(32), clientID: strings.ToLower(form.Get("client_id")), expires: time.Now().Add(deviceLife)}
	c.srv.world.logins.devices[userCode] = login
	c.json(http.StatusOK, map[string]any{
		"user_code": userCode, "device_code": login.deviceCode, "verification_uri": devicePage,
		"expires_in": int(deviceLife / time.Second), "interval": 5,
		"message": "To sign in, use a web browser to open the page " + devicePage + " and enter the code " + userCode + " to authenticate.",
	})
}

// enterDeviceCode takes what the user entered on the page.
func (c *call) enterDeviceCode() {
	form, _ := url.ParseQuery(string(c.body))
	shown := loginForm{Device: true, Code: form.Get("user_code"), Hint: form.Get("login")}
	login := c.srv.world.logins.device(form.Get("user_code"))
	if login == nil {
		shown.Problem = "That code didn't work. Check the code and try again."
		c.page(http.StatusOK, loginPage, shown)
		return
	}
	if form.Get("action") == "cancel" {
		login.declined = true
		c.page(http.StatusOK, donePage, "You have declined. You can close this window.")
		return
	}
	if login.user = c.findUser(form.Get("login")); login.user == nil {
		shown.Problem = "We couldn't find an account with that username."
		c.page(http.StatusOK, loginPage, shown)
		return
	}
	c.page(http.StatusOK, donePage, "You have signed in. You can close this window.")
}

// deviceGrant answers a program that waits for the user.
func (c *call) deviceGrant(g *grant) {
	var login *deviceLogin
	var userCode string
	for code, l := range c.srv.world.logins.devices {
		if l.deviceCode == g.form.Get("device_code") && l.clientID == strings.ToLower(g.form.Get("client_id")) {
			login, userCode = l, code
		}
	}
	switch {
	case login == nil:
		c.entraError(http.StatusBadRequest, "bad_verification_code", 70018, "AADSTS70018: Invalid verification code due to User typing in wrong user code for device code flow.")
	case login.declined:
		c.entraError(http.StatusBadRequest, "authorization_declined", 70018, "AADSTS70018: The end user denied the authorization request.")
	case login.user == nil && time.Now().After(login.expires):
		c.entraError(http.StatusBadRequest, "expired_token", 70019, "AADSTS70019: Verification code expired.")
	case login.user == nil:
		c.entraError(http.StatusBadRequest, "authorization_pending", 70016, "AADSTS70016: OAuth 2.0 device flow error. Authorization is pending. Continue polling.")
	case g.tenant != nil && login.user.TenantID != g.tenant.id:
		c.entraError(http.StatusBadRequest, "invalid_grant", 50020, "AADSTS50020: User account '"+login.user.Name+"' does not exist in tenant '"+g.tenant.name+"'.")
	case c.readAudience(g):
		delete(c.srv.world.logins.devices, userCode)
		c.grantUser(g, login.user)
	}
}

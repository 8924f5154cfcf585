package azuremltest

import (
	"crypto/sha256"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// logins are the ways in which users are logging in right now.
type logins struct {
	devices map[string]*deviceLogin // by user code
	codes   map[string]*codeLogin   // by authorization code
}

func newLogins() logins {
	return logins{devices: map[string]*deviceLogin{}, codes: map[string]*codeLogin{}}
}

// codeLogin is a login on the page, about to be turned into tokens.
type codeLogin struct {
	clientID, redirect, challenge string
	user                          *User
	expires                       time.Time
}

// codeLife is how long an authorization code is good.
const codeLife = 10 * time.Minute

// loginRoutes are the pages where users log in. contract: authentication §7
func (s *Server) loginRoutes() []route {
	return []route{
		{host: hostAuthority, method: http.MethodGet, pattern: "/{tenant}/oauth2/v2.0/authorize", handle: (*call).authorizePage},
		{host: hostAuthority, method: http.MethodPost, pattern: "/{tenant}/oauth2/v2.0/authorize", handle: (*call).authorize},
	}
}

// loginPage asks who logs in. The user name is all that is checked.
var loginPage = template.Must(template.New("login").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Sign in to your account</title></head>
<body><h1>Sign in</h1>
{{with .Problem}}<p role="alert">{{.}}</p>{{end}}
<form method="post">
{{if .Device}}<p><label>Code <input name="user_code" value="{{.Code}}" autocomplete="off"></label></p>{{end}}
<p><label>User <input name="login" value="{{.Hint}}" autocomplete="off" autofocus></label></p>
<p><button name="action" value="login">Sign in</button> <button name="action" value="cancel">Cancel</button></p>
</form></body></html>
`))

// postBackPage brings the answer to the program that opened the page.
var postBackPage = template.Must(template.New("post").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Working...</title></head>
<body><form method="post" action="{{.Action}}">
{{range $name, $values := .Fields}}{{range $values}}<input type="hidden" name="{{$name}}" value="{{.}}">
{{end}}{{end}}<noscript><button>Continue</button></noscript>
</form><script>document.forms[0].submit()</script></body></html>
`))

// donePage is the end of a login that goes on in another program.
var donePage = template.Must(template.New("done").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Signed in</title></head><body><p>{{.}}</p></body></html>
`))

// loginForm is what loginPage shows.
type loginForm struct {
	Problem, Hint, Code string
	Device              bool
}

// page answers with an HTML page.
func (c *call) page(status int, t *template.Template, data any) {
	c.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	c.w.Header().Set("Cache-Control", "no-store, no-cache")
	c.w.WriteHeader(status)
	if err := t.Execute(c.w, data); err != nil {
		panic("azuremltest: cannot write a page: " + err.Error())
	}
}

// authorizePage shows where to log in.
func (c *call) authorizePage() {
	if c.checkAuthorize() {
		c.page(http.StatusOK, loginPage, loginForm{Hint: c.query("login_hint")})
	}
}

// authorize takes what the user entered on the page.
func (c *call) authorize() {
	if !c.checkAuthorize() {
		return
	}
	form, _ := url.ParseQuery(string(c.body))
	answer := url.Values{"state": {c.query("state")}}
	if form.Get("action") == "cancel" {
		answer.Set("error", "access_denied")
		answer.Set("error_description", "AADSTS65004: User declined to consent to access the app.")
		c.postBack(answer)
		return
	}
	u := c.findUser(form.Get("login"))
	if u == nil {
		c.page(http.StatusOK, loginPage, loginForm{Hint: form.Get("login"), Problem: "We couldn't find an account with that username."})
		return
	}
	code := "1." + c.srv.hex(32)
	c.srv.world.logins.codes[code] = &codeLogin{
		clientID: strings.ToLower(c.query("client_id")), redirect: c.query("redirect_uri"), challenge: c.query("code_challenge"),
		user: u, expires: time.Now().Add(codeLife),
	}
	answer.Set("code", code)
	c.postBack(answer)
}

// checkAuthorize checks what the program asked the page for, or answers.
func (c *call) checkAuthorize() bool {
	id := c.path("tenant")
	if c.findTenant(id) == nil && !manyTenants[strings.ToLower(id)] {
		c.unknownTenant("invalid_tenant")
		return false
	}
	redirect, err := url.Parse(c.query("redirect_uri"))
	switch {
	case !equalFold(c.query("client_id"), CLIClientID):
		c.entraError(http.StatusBadRequest, "unauthorized_client", 700016,
			"AADSTS700016: Application with identifier '"+c.query("client_id")+"' was not found in the directory.")
	case err != nil || redirect.Scheme != "http" || redirect.Hostname() != "localhost":
		c.entraError(http.StatusBadRequest, "invalid_request", 50011,
			"AADSTS50011: The redirect URI '"+c.query("redirect_uri")+"' specified in the request does not match the redirect URIs configured for the application.")
	case c.query("response_type") != "code":
		c.entraError(http.StatusBadRequest, "unsupported_response_type", 70002, "AADSTS70002: The response_type is not supported for the application.")
	case c.query("code_challenge") != "" && c.query("code_challenge_method") != "S256":
		c.entraError(http.StatusBadRequest, "invalid_request", 501491, "AADSTS501491: Invalid Code_Challenge_method parameter.")
	case c.query("scope") == "":
		c.missingParameter("scope")
	default:
		return true
	}
	return false
}

// postBack sends the browser back to the program, in the way that it asked for.
func (c *call) postBack(answer url.Values) {
	redirect := c.query("redirect_uri")
	if c.query("response_mode") == "form_post" {
		c.page(http.StatusOK, postBackPage, struct {
			Action string
			Fields url.Values
		}{redirect, answer})
		return
	}
	joint := "?"
	if strings.Contains(redirect, "?") {
		joint = "&"
	}
	c.w.Header().Set("Location", redirect+joint+answer.Encode())
	c.empty(http.StatusFound)
}

// findUser finds a user by name in the tenant of the path, or in the one where the
// person is at home if the path stands for many, or returns nil.
func (c *call) findUser(name string) *User {
	name = strings.ToLower(strings.TrimSpace(name))
	if t := c.findTenant(c.path("tenant")); t != nil {
		return t.users[name]
	}
	for _, t := range sortedValues(c.srv.world.tenants) {
		if u := t.users[name]; u != nil && !u.Guest {
			return u
		}
	}
	return nil
}

// authorizationCode turns what the page gave into tokens.
func (c *call) authorizationCode(g *grant) {
	code := g.form.Get("code")
	if code == "" {
		c.missingParameter("code")
		return
	}
	login := c.srv.world.logins.codes[code]
	if login == nil || login.clientID != strings.ToLower(g.form.Get("client_id")) || time.Now().After(login.expires) {
		c.entraError(http.StatusBadRequest, "invalid_grant", 70008,
			"AADSTS70008: The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource.")
		return
	}
	sum := sha256.Sum256([]byte(g.form.Get("code_verifier")))
	switch {
	case login.redirect != g.form.Get("redirect_uri"):
		c.entraError(http.StatusBadRequest, "invalid_grant", 500112,
			"AADSTS500112: The reply address '"+g.form.Get("redirect_uri")+"' does not match the reply address '"+login.redirect+"' provided when requesting Authorization code.")
	case login.challenge != "" && login.challenge != base64.RawURLEncoding.EncodeToString(sum[:]):
		c.entraError(http.StatusBadRequest, "invalid_grant", 501481,
			"AADSTS501481: The Code_Verifier does not match the code_challenge supplied in the authorization request.")
	case c.readAudience(g):
		delete(c.srv.world.logins.codes, code)
		c.grantUser(g, login.user)
	}
}

// grantUser answers with the tokens of a user who has just logged in.
func (c *call) grantUser(g *grant, u *User) {
	token := "0." + c.srv.hex(32)
	claims := u.claims()
	c.srv.world.refreshTokens[token] = claims
	c.grantToken(g, claims, c.srv.userAnswer(g, claims, token))
}

package azuremltest

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"
)

// CLIClientID is the application under which command-line tools log users in:
// that of the Azure CLI, which needs no secret.
const CLIClientID = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"

// User is a person who logs in.
type User struct {
	TenantID string // TenantID if empty
	Name     string // such as "someone@contoso.example"
	ObjectID string // made up if empty
	// Guest says that the person is at home in another tenant, where a user of the same
	// name is: a login that names no tenant goes there.
	Guest bool
}

// AddUser makes a user and returns it with its object id. It panics if the
// tenant does not exist or the name is empty or taken.
func (s *Server) AddUser(u User) User {
	s.mu.Lock()
	defer s.mu.Unlock()
	setDefault(&u.TenantID, TenantID)
	t := s.mustTenant(u.TenantID)
	if u.Name == "" {
		panic("azuremltest: a user needs a name")
	}
	mustBeFree(t.users, strings.ToLower(u.Name), "user", u.Name)
	if u.ObjectID == "" {
		u.ObjectID = s.guid()
	}
	u.TenantID = t.id
	t.users[strings.ToLower(u.Name)] = &u
	return u
}

// RefreshToken logs a user in, as a browser would, and returns the refresh
// token that the application CLIClientID is given. It stays valid. It panics
// if there is no such user.
func (s *Server) RefreshToken(u User) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	setDefault(&u.TenantID, TenantID)
	known := s.mustTenant(u.TenantID).users[strings.ToLower(u.Name)]
	if known == nil {
		panic(fmt.Sprintf("azuremltest: there is no user %q", u.Name))
	}
	token := "0." + s.hex(32)
	s.world.refreshTokens[token] = known.claims()
	return token
}

// claims says who a user is, to the command-line tools' application.
func (u *User) claims() tokenClaims {
	return tokenClaims{Tenant: u.TenantID, AppID: CLIClientID, AppIDType: "0", IDType: "user", ObjectID: u.ObjectID, UPN: u.Name, Name: u.Name}
}

// idClaims is the payload of an id token.
type idClaims struct {
	Audience string `json:"aud"`
	Issuer   string `json:"iss"`
	IssuedAt int64  `json:"iat"`
	Expires  int64  `json:"exp"`
	ObjectID string `json:"oid"`
	Subject  string `json:"sub"`
	Tenant   string `json:"tid"`
	UserName string `json:"preferred_username"`
	Name     string `json:"name"`
	Version  string `json:"ver"`
}

// userAnswer is what a user's token request is answered with besides the
// access token. contract: authentication §11.4
func (s *Server) userAnswer(g *grant, claims tokenClaims, refreshToken string) map[string]any {
	now := time.Now()
	more := map[string]any{
		"scope": g.form.Get("scope"), "refresh_token": refreshToken, "foci": "1",
		"client_info": base64.RawURLEncoding.EncodeToString([]byte(`{"uid":"` + claims.ObjectID + `","utid":"` + claims.Tenant + `"}`)),
		"id_token": s.signed(idClaims{
			Audience: claims.AppID, Issuer: "https://" + authorityHost + "/" + claims.Tenant + "/v2.0",
			IssuedAt: now.Unix(), Expires: now.Add(time.Hour).Unix(), ObjectID: claims.ObjectID, Subject: claims.ObjectID,
			Tenant: claims.Tenant, UserName: claims.UPN, Name: claims.Name, Version: "2.0",
		}),
	}
	return more
}

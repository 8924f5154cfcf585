package azuremltest

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// tokenClaims is the payload of an access token.
type tokenClaims struct {
	Audience  string `json:"aud"`
	Issuer    string `json:"iss"`
	IssuedAt  int64  `json:"iat"`
	NotBefore int64  `json:"nbf"`
	Expires   int64  `json:"exp"`
	AppID     string `json:"appid,omitempty"`
	AppIDType string `json:"appidacr,omitempty"`
	IDType    string `json:"idtyp,omitempty"`
	Name      string `json:"name,omitempty"`
	UPN       string `json:"upn,omitempty"`
	ObjectID  string `json:"oid"`
	Subject   string `json:"sub"`
	Tenant    string `json:"tid"`
	Version   string `json:"ver"`
}

// errBadToken is all that is said about a token that is not ours.
var errBadToken = errors.New("the access token is invalid")

// newTokenKey returns the key of a server's tokens.
func newTokenKey() []byte {
	key := make([]byte, 32)
	rand.Read(key)
	return key
}

// mint fills in issuer and times and signs.
func (s *Server) mint(c tokenClaims, lifetime time.Duration) string {
	now := time.Now()
	c.Issuer = "https://sts.windows.net/" + c.Tenant + "/"
	c.IssuedAt, c.NotBefore, c.Expires = now.Unix(), now.Unix(), now.Add(lifetime).Unix()
	c.Subject = c.ObjectID
	c.Version = "1.0"
	return s.signed(c)
}

// signed makes a JWT of claims.
func (s *Server) signed(claims any) string {
	payload, err := marshal(claims)
	if err != nil {
		panic("azuremltest: cannot encode a token: " + err.Error())
	}
	signed := base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"JWT","alg":"HS256"}`)) + "." +
		base64.RawURLEncoding.EncodeToString(payload)
	return signed + "." + base64.RawURLEncoding.EncodeToString(s.sign(signed))
}

func (s *Server) sign(text string) []byte {
	m := hmac.New(sha256.New, s.tokenKey)
	m.Write([]byte(text))
	return m.Sum(nil)
}

// verify checks the signature only: who made the token. Whether it is good
// for something is for the caller to judge.
func (s *Server) verify(token string) (*tokenClaims, error) {
	signed, signature, ok := cutLast(token, ".")
	if !ok {
		return nil, errBadToken
	}
	sum, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil || subtle.ConstantTimeCompare(sum, s.sign(signed)) != 1 {
		return nil, errBadToken
	}
	_, payload, _ := strings.Cut(signed, ".")
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return nil, errBadToken
	}
	var c tokenClaims
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, errBadToken
	}
	return &c, nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// TokenOptions say what a token that the server makes by itself is like.
type TokenOptions struct {
	TenantID string // TenantID if empty
	ClientID string // ClientID if empty; an unknown one is as good as any
	Audience string // "https://management.core.windows.net/" if empty
	// Lifetime is how long the token is valid, Options.TokenLifetime if zero. A
	// negative one makes a token that has expired.
	Lifetime time.Duration
}

// Token makes an access token without a request to the emulated authority.
func (s *Server) Token(o TokenOptions) string {
	setDefault(&o.TenantID, TenantID)
	setDefault(&o.ClientID, ClientID)
	setDefault(&o.Audience, "https://management.core.windows.net/")
	if o.Lifetime == 0 {
		o.Lifetime = s.opts.TokenLifetime
	}
	s.mu.Lock()
	p := &ServicePrincipal{TenantID: o.TenantID, ClientID: o.ClientID}
	if t := s.world.tenant(o.TenantID); t != nil {
		if known := t.principals[strings.ToLower(o.ClientID)]; known != nil {
			p = known
		}
	}
	s.mu.Unlock()
	claims := principalClaims(p)
	claims.Audience = o.Audience
	return s.mint(claims, o.Lifetime)
}

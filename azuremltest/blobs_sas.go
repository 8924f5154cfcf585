package azuremltest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// sasVersion is the storage version that our signatures are made for.
	sasVersion = "2019-07-07"
	// writeGrant and readGrant are the permissions of those URLs.
	writeGrant, readGrant = "rcw", "r"
)

// sas is a shared access signature: the part of a URL that lets anybody who
// has it read or write one blob.
type sas struct {
	version, resource, permissions, signature string
	start, expiry                             string // as written
	starts, expires                           time.Time
	identifier, ip, protocol                  string
	snapshot, scope                           string
	overrides                                 [5]string // rscc rscd rsce rscl rsct
}

// sasTimes are the notations that a signature's times may have.
var sasTimes = []string{time.RFC3339Nano, "2006-01-02T15:04Z", "2006-01-02"}

// parseSAS reads the signature in a query.
func parseSAS(q url.Values) (*sas, error) {
	s := &sas{
		version: q.Get("sv"), resource: q.Get("sr"), permissions: q.Get("sp"), signature: q.Get("sig"),
		start: q.Get("st"), expiry: q.Get("se"), identifier: q.Get("si"), ip: q.Get("sip"), protocol: q.Get("spr"),
		snapshot: q.Get("snapshot"), scope: q.Get("ses"),
	}
	for i, key := range []string{"rscc", "rscd", "rsce", "rscl", "rsct"} {
		s.overrides[i] = q.Get(key)
	}
	for key, value := range map[string]string{"sv": s.version, "sr": s.resource, "sp": s.permissions, "se": s.expiry} {
		if value == "" {
			return nil, errors.New(key + " is mandatory. Cannot be empty")
		}
	}
	var err error
	if s.expires, err = parseSASTime(s.expiry); err != nil {
		return nil, err
	}
	if s.start != "" {
		if s.starts, err = parseSASTime(s.start); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func parseSASTime(text string) (time.Time, error) {
	for _, layout := range sasTimes {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time", text)
}

// toSign is the text whose HMAC is the signature of a service SAS.
func (s *sas) toSign(account, name string) string {
	fields := []string{s.permissions, s.start, s.expiry, "/blob/" + account + "/" + name,
		s.identifier, s.ip, s.protocol, s.version, s.resource, s.snapshot}
	if s.version >= "2020-12-06" {
		fields = append(fields, s.scope)
	}
	return strings.Join(append(fields, s.overrides[:]...), "\n")
}

// sign computes the signature for the blob name of the account.
func (s *sas) sign(key []byte, account, name string) string {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(s.toSign(account, name)))
	return base64.StdEncoding.EncodeToString(m.Sum(nil))
}

// signedURL returns a URL that gives the permissions on an artifact's blob.
func (ws *workspace) signedURL(path, permissions string) string {
	s := sas{version: sasVersion, resource: "b", permissions: permissions,
		expiry: time.Now().UTC().Add(ws.srv.opts.SignatureLifetime).Format("2006-01-02T15:04:05Z")}
	account := ws.storageAccount()
	name := artifactContainer + "/" + path
	return "https://" + account + blobDomain + "/" + escapePath(name) + "?sv=" + s.version + "&sr=" + s.resource +
		"&sig=" + url.QueryEscape(s.sign(ws.data.store.key, account, name)) + "&se=" + url.QueryEscape(s.expiry) + "&sp=" + s.permissions
}

// escapePath escapes what may not stand in a URL's path, but no slashes.
func escapePath(path string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		segments[i] = url.PathEscape(s)
	}
	return strings.Join(segments, "/")
}

// authenticate checks who calls: a signature in the URL and nothing else. If
// it returns false it has answered.
func (b *blobCall) authenticate(account string) bool {
	if b.r.Header.Get("Authorization") != "" {
		return b.unauthenticated("An Authorization header was sent along with a request to a workspace's storage; " +
			"a shared access signature in the URL is the only way in.")
	}
	q := b.r.URL.Query()
	if q.Get("sig") == "" {
		return b.unauthenticated("The URL has no shared access signature.")
	}
	var err error
	if b.sas, err = parseSAS(q); err != nil {
		return b.unauthenticated(err.Error())
	}
	if b.sas.resource != "b" {
		return b.unauthenticated("Signed resource " + b.sas.resource + " does not match a blob.")
	}
	if want := b.sas.sign(b.ws.data.store.key, account, b.name); !hmac.Equal([]byte(want), []byte(b.sas.signature)) {
		return b.unauthenticated("Signature did not match. String to sign used was " + b.sas.toSign(account, b.name))
	}
	if now := b.now(); now.After(b.sas.expires) || now.Before(b.sas.starts) {
		return b.unauthenticated("Signature not valid in the specified time frame: Start [" + b.sas.start +
			"] - Expiry [" + b.sas.expires.Format(http.TimeFormat) + "] - Current [" + now.UTC().Format(http.TimeFormat) + "]")
	}
	return true
}

func (b *blobCall) unauthenticated(detail string) bool {
	return b.blobError(http.StatusForbidden, "AuthenticationFailed",
		"Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly including the signature.",
		"<AuthenticationErrorDetail>"+xmlText(detail)+"</AuthenticationErrorDetail>")
}

// permitted checks that the signature grants one of the permissions. If it
// returns false it has answered.
func (b *blobCall) permitted(oneOf string) bool {
	if strings.ContainsAny(b.sas.permissions, oneOf) {
		return true
	}
	return b.blobError(http.StatusForbidden, "AuthorizationPermissionMismatch",
		"This request is not authorized to perform this operation using this permission.")
}

// xmlText escapes text for XML.
func xmlText(text string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(text))
	return b.String()
}

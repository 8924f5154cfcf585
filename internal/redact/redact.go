// Package redact takes secrets out of texts before a person or a log sees them.
package redact

import (
	"net/url"
	"regexp"
	"strings"
)

// Mask stands where a secret stood.
const Mask = "[redacted]"

var rules = []struct {
	pattern *regexp.Regexp
	replace string
}{
	// Signatures of storage addresses, also percent-encoded ones.
	{regexp.MustCompile(`(?i)(sig=)[^&\s"'<>\\]+`), "${1}" + Mask},
	{regexp.MustCompile(`(?i)(sig%3D)[^&\s"'<>\\]+`), "${1}" + Mask},
	{regexp.MustCompile(`(?i)\b(bearer\s+)[^\s"'<>,\\]+`), "${1}" + Mask},
	// JSON web tokens wherever they stand.
	{regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*\.?[A-Za-z0-9_-]*`), Mask},
	{regexp.MustCompile(`(?i)\b(client_secret|client_assertion|refresh_token|access_token|device_code|code_verifier|password)=[^&\s"'<>]+`), "${1}=" + Mask},
	{regexp.MustCompile(`(?i)("(?:access_token|refresh_token|id_token|client_secret|accessToken|primaryKey|secondaryKey|keyValue|password|secret|userKubeConfig|adminKubeConfig|userStorageKey)"\s*:\s*)"(?:[^"\\]|\\.)*"?`), `${1}"` + Mask + `"`},
	{regexp.MustCompile(`(?i)\b(AccountKey|SharedAccessSignature)=[^;\s"']+`), "${1}=" + Mask},
	{regexp.MustCompile(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)`), Mask},
}

// Text replaces what looks like a secret: signatures of storage addresses, bearer
// tokens, web tokens, passwords of forms and JSON, account keys, private keys.
func Text(text string) string {
	for _, r := range rules {
		text = r.pattern.ReplaceAllString(text, r.replace)
	}
	return text
}

// URL gives the address without user information, query and fragment. Of a text that is no
// address it gives what stands before what may be one of these.
func URL(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		if strings.Contains(address, "@") {
			return Mask
		}
		if end := strings.IndexAny(address, "?#="); end >= 0 {
			address = address[:end] + Mask
		}
		return Text(address)
	}
	u.User, u.RawQuery, u.Fragment, u.RawFragment, u.ForceQuery = nil, "", "", "", false
	return u.String()
}

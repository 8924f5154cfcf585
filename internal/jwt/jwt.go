// Package jwt reads claims out of access tokens, without checking their signature:
// that is for the service that the token is meant for.
package jwt

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
)

// Claims are the claims that a client has a use for. What is missing or odd is zero.
type Claims struct {
	// Expires is the end of the token's life.
	Expires time.Time
	// Tenant is the id of the tenant that the token belongs to.
	Tenant string
	// Audience is the resource that the token is for.
	Audience string
}

// latest is the last second of the year 9999, beyond which times cannot be written.
const latest = 253402300799

// Parse reads the claims of token; ok is false for one that is no JSON web token.
func Parse(token string) (c Claims, ok bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return Claims{}, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return Claims{}, false
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(payload, &raw); err != nil || raw == nil {
		return Claims{}, false
	}
	c.Tenant, c.Audience = text(raw["tid"]), text(raw["aud"])
	if seconds, ok := number(raw["exp"]); ok && seconds > 0 && seconds <= latest {
		c.Expires = time.Unix(int64(seconds), 0).UTC()
	}
	return c, true
}

func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// number reads a JSON number, or one in quotes, which some issuers write.
func number(raw json.RawMessage) (float64, bool) {
	n, err := strconv.ParseFloat(string(bytes.Trim(raw, `"`)), 64)
	return n, err == nil && !math.IsNaN(n) && !math.IsInf(n, 0)
}

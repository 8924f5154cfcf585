package jwt

import (
	"encoding/base64"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func token(payload string) string {
	return "eyJhbGciOiJub25lIn0." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".c2ln"
}

func TestParse(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 5, 9, 5, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		token string
		want  Claims
		ok    bool
	}{
		"all claims":         {token(`{"exp":1767603900,"tid":"T","aud":"https://ml.azure.com"}`), Claims{at, "T", "https://ml.azure.com"}, true},
		"expiry in quotes":   {token(`{"exp":"1767603900"}`), Claims{Expires: at}, true},
		"fraction":           {token(`{"exp":1767603900.75}`), Claims{Expires: at}, true},
		"expiry out of time": {token(`{"exp":1e300,"tid":"T"}`), Claims{Tenant: "T"}, true},
		"negative expiry":    {token(`{"exp":-5}`), Claims{}, true},
		"not a number":       {token(`{"exp":"NaN"}`), Claims{}, true},
		"odd types":          {token(`{"exp":{},"tid":7,"aud":["a"]}`), Claims{}, true},
		"padded payload":     {"e30." + base64.URLEncoding.EncodeToString([]byte(`{"tid":"AB"}`)) + ".x", Claims{Tenant: "AB"}, true},
		"opaque":             {"fake_token", Claims{}, false},
		"two parts":          {"a.b", Claims{}, false},
		"not base64":         {"a.!.c", Claims{}, false},
		"not JSON":           {"a.eHg.c", Claims{}, false},
		"null":               {token("null"), Claims{}, false},
		"empty":              {"", Claims{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := Parse(test.token)
			assert.Equal(t, test.ok, ok)
			assert.Equal(t, test.want, got)
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{token(`{"exp":1767603900}`), token(`{"exp":"x"}`), "a.b.c", "", "..", token(`{"exp":1e999}`), "a.e30=.c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, ok := Parse(s)
		if !ok {
			assert.Zero(t, c)
		}
		if !c.Expires.IsZero() {
			assert.Positive(t, c.Expires.Unix())
			_, err := c.Expires.MarshalText()
			assert.NoError(t, err, "a time that cannot be written")
		}
	})
}

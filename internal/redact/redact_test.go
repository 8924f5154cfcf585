package redact

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestText(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"sas":           "GET https://x.blob.core.windows.net/a?sv=1&sig=PLANTED%3D&se=2",
		"sas in a word": "a://0sig=PLANTED",
		"encoded sas":   "next=https%3A%2F%2Fx%3Fsig%3DPLANTED",
		"bearer":        "Authorization: Bearer PLANTED",
		"jwt":           "token eyJhbGciOiJIUzI1NiJ9.PLANTEDPLANTED.PLANTED was refused",
		"form":          "client_id=1&client_secret=PLANTED&grant_type=x",
		"json key":      `{"primaryKey":"PLANTED","a":1}`,
		"json escaped":  `{"password" : "x\"PLANTED"}`,
		"cut json":      `{"access_token":"PLANTED`,
		"account key":   "AccountName=a;AccountKey=PLANTED==;EndpointSuffix=b",
		"pem":           "x\n-----BEGIN PRIVATE KEY-----\nPLANTED\n-----END PRIVATE KEY-----\ny",
		"cut pem":       "-----BEGIN RSA PRIVATE KEY-----\nPLANTED",
	} {
		t.Run(name, func(t *testing.T) {
			got := Text(in)
			assert.NotContains(t, got, "PLANTED")
			assert.Contains(t, got, Mask)
		})
	}
	assert.Equal(t, "nothing secret, design=1", Text("nothing secret, design=1"))
}

func TestURL(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "https://h/p/a%20b", URL("https://user:PLANTED@h/p/a%20b?sig=PLANTED#PLANTED"))
	assert.Equal(t, "https://h/%zz[redacted]", URL("https://h/%zz?sig=PLANTED"))
	assert.NotContains(t, URL("://0sig=PLANTED"), "PLANTED")
	assert.NotContains(t, URL("://user:PLANTED@h"), "PLANTED")
}

func FuzzText(f *testing.F) {
	f.Add("GET https://x/?sig=abc")
	f.Add(`{"primaryKey":"abc`)
	f.Fuzz(func(t *testing.T, in string) {
		once := Text(in + " sig=PLANTED ")
		assert.NotContains(t, once, "sig=PLANTED ")
		_ = URL(in)
	})
}

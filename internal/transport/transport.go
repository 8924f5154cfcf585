// Package transport is the HTTP client that all requests of this module go through
// unless the caller brings one.
package transport

import (
	"crypto/tls"
	"net/http"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// Of gives the caller's transport, an *http.Client as a copy that follows no redirects,
// or the shared client of the process. A redirect would take secrets along, even from
// https to http.
func Of(given policy.Transporter) policy.Transporter {
	switch t := given.(type) {
	case nil:
		return shared()
	case *http.Client:
		copied := *t
		copied.CheckRedirect = stay
		return &copied
	default:
		return given
	}
}

func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// shared keeps connections for everything in the process.
var shared = sync.OnceValue(func() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	t.ForceAttemptHTTP2 = true
	t.MaxIdleConns = 0
	t.MaxIdleConnsPerHost = 256
	return &http.Client{Transport: t, CheckRedirect: stay}
})

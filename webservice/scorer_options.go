package webservice

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"slices"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/transport"
	"github.com/azureml-go/azureml/internal/validate"
)

// ScorerOptions are the optional parts of a [Scorer].
type ScorerOptions struct {
	// Idempotent declares that it does no harm when a call runs twice. Calls are then
	// also repeated on a connection that broke, an answer that broke off, a timeout, and
	// on 408, 502 and 504.
	Idempotent bool
	// MaxRetries is how often a call is repeated. Default 3; negative never.
	MaxRetries int
	// RetryDelay is the pause before the first repetition; each further one is twice as
	// long. Default 500 ms.
	RetryDelay time.Duration
	// MaxRetryDelay bounds the pauses, those that the service asks for with Retry-After
	// too. Default 30 s.
	MaxRetryDelay time.Duration
	// AttemptTimeout bounds each try. Default 310 s, more than the service allows a
	// script; negative does not bound it. A whole call is bounded by its context.
	AttemptTimeout time.Duration
	// MaxAnswerBytes is how large an answer may be. Default 64 MiB.
	MaxAnswerBytes int64
	// Header holds headers for all calls.
	Header http.Header
	// RequireTLS refuses plain http addresses.
	RequireTLS bool
	// RootCAs are the certificate authorities that are trusted in place of the system's,
	// for clusters with certificates of their own. The scorer then has connections of
	// its own; see [Scorer.Close].
	RootCAs *x509.CertPool
	// Transport makes the connections. Default: that of the workspace's client options,
	// if it is an *http.Client; else one that all scorers of the process share and that
	// keeps 256 idle connections per host. Mind that an http.Transport of your own keeps
	// 2 unless it says otherwise.
	Transport http.RoundTripper
}

const (
	defaultRetries        = 3
	defaultRetryDelay     = 500 * time.Millisecond
	defaultMaxRetryDelay  = 30 * time.Second
	defaultAttemptTimeout = 310 * time.Second
	defaultMaxAnswer      = 64 << 20
	idleConnections       = 256
)

func (o ScorerOptions) check(check *validate.Checker, auth ScorerAuth) {
	validate.Positive(check, "RetryDelay", o.RetryDelay)
	validate.Positive(check, "MaxRetryDelay", o.MaxRetryDelay)
	validate.Positive(check, "MaxAnswerBytes", o.MaxAnswerBytes)
	if !auth.isZero() && len(canonical(o.Header)["Authorization"]) > 0 {
		check.Add("Header", nil, "must not set Authorization, which the service's key or token takes")
	}
}

func (o ScorerOptions) withDefaults() ScorerOptions {
	switch {
	case o.MaxRetries == 0:
		o.MaxRetries = defaultRetries
	case o.MaxRetries < 0:
		o.MaxRetries = 0
	}
	if o.RetryDelay == 0 {
		o.RetryDelay = defaultRetryDelay
	}
	if o.MaxRetryDelay == 0 {
		o.MaxRetryDelay = max(defaultMaxRetryDelay, o.RetryDelay)
	}
	switch {
	case o.AttemptTimeout == 0:
		o.AttemptTimeout = defaultAttemptTimeout
	case o.AttemptTimeout < 0:
		o.AttemptTimeout = 0
	}
	if o.MaxAnswerBytes == 0 {
		o.MaxAnswerBytes = defaultMaxAnswer
	}
	return o
}

// header is what all calls have.
func (o ScorerOptions) header() http.Header {
	all := http.Header{
		"Accept":       {"application/json"},
		"Content-Type": {"application/json"},
		"User-Agent":   {"azsdk-go-azureml/" + azureml.Version},
	}
	for name, values := range canonical(o.Header) {
		all[name] = values
	}
	return all
}

// canonical copies headers under their canonical names.
func canonical(h http.Header) http.Header {
	copied := make(http.Header, len(h)+2)
	for name, values := range h {
		name = http.CanonicalHeaderKey(name)
		copied[name] = append(copied[name], slices.Clone(values)...)
	}
	return copied
}

// transport is what makes the connections, and whether it is the scorer's own.
func (o ScorerOptions) transport(check *validate.Checker) (base http.RoundTripper, owned *http.Transport) {
	base = o.Transport
	if base == nil {
		base = roundTripper(nil)
	}
	if o.RootCAs == nil {
		return base, nil
	}
	given, ok := base.(*http.Transport)
	if !ok || given.DialTLSContext != nil {
		check.Add("RootCAs", nil, "cannot be set together with a Transport that does TLS by itself; let that trust them")
		return base, nil
	}
	owned = given.Clone()
	if owned.TLSClientConfig == nil {
		owned.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	owned.TLSClientConfig.RootCAs = o.RootCAs
	if owned.MaxIdleConnsPerHost >= 0 {
		owned.MaxIdleConnsPerHost = max(owned.MaxIdleConnsPerHost, idleConnections)
	}
	return owned, owned
}

// roundTripper takes the transport out of a client: the one below it, where it is an
// *http.Client, so that its timeout and cookies stay out of scoring.
func roundTripper(client policy.Transporter) http.RoundTripper {
	switch t := transport.Of(client).(type) {
	case *http.Client:
		if t.Transport == nil {
			return http.DefaultTransport
		}
		return t.Transport
	case nil:
		return http.DefaultTransport
	default:
		return transporter{t}
	}
}

// transporter makes an http.RoundTripper of azcore's interface.
type transporter struct{ client policy.Transporter }

// RoundTrip sends one request.
func (t transporter) RoundTrip(request *http.Request) (*http.Response, error) {
	return t.client.Do(request)
}

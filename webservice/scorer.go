package webservice

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/redact"
	"github.com/azureml-go/azureml/internal/scoring"
	"github.com/azureml-go/azureml/internal/validate"
)

// The kinds of failure that only scoring has, beside those of package azureml:
// azureml.ErrUnauthorized (401), azureml.ErrThrottled (429), azureml.ErrUnavailable (no
// replica was free, 503, or the service could not be reached), azureml.ErrInvalid.
var (
	// ErrScript: the entry script raised an exception, or its replica broke down. The
	// call is not repeated, as it would most likely fail again.
	ErrScript = scoring.ErrScript
	// ErrScoringTimeout: the script took longer than the service's ScoringTimeout or the
	// scorer's AttemptTimeout.
	ErrScoringTimeout = scoring.ErrTimeout
)

// Scorer calls one web service. It is made for programs that do so millions of times:
// it is safe for concurrent use, keeps connections open, and fetches the service's key
// or token once, for all callers. Tokens are renewed before they end. When the service
// refuses a key, the keys are fetched anew once and both are tried, so that callers do
// not notice that a key was changed.
//
// A call is repeated when it cannot have run: no connection was made, 429, or 503. With
// Idempotent it is also repeated when it may have run but the answer is lost. The key
// goes to the scoring address only; redirects are not followed.
//
// Services on AKS are reached over plain http unless the cluster has TLS enabled: keys
// and data then cross the network in the clear. RequireTLS refuses that.
type Scorer struct {
	credentials *scoring.Credentials
	client      *scoring.Client
	subject     string
	options     ScorerOptions
	address     *url.URL
	swagger     *url.URL
	owned       *http.Transport
}

// ScorerAuth is how a [Scorer] made by [NewScorer] gets in: with keys, with what Keys
// or Token fetches, or, being zero, without. Only one of the three may be set.
type ScorerAuth struct {
	// PrimaryKey is tried first, SecondaryKey when it is refused. One of them is enough.
	PrimaryKey   azureml.Secret
	SecondaryKey azureml.Secret
	// Keys fetches the keys, once and again when they are refused. [Service.Keys] is
	// such a function. It is called by one goroutine at a time.
	Keys func(context.Context) (*Keys, error)
	// Token fetches a token, again after its RefreshAfter and when it is refused.
	// [Service.Token] is such a function. It is called by one goroutine at a time.
	Token func(context.Context) (*AccessToken, error)
}

// Scorer makes a scorer for the service and fetches its key or token. Errors:
// azureml.ErrUnavailable when the service has no scoring address, because it is not
// deployed yet or has failed.
func (s *Service) Scorer(ctx context.Context, o *ScorerOptions) (*Scorer, error) {
	scorer, err := s.newScorer(o)
	if err != nil {
		return nil, err
	}
	if err := scorer.client.Warm(ctx); err != nil {
		scorer.Close()
		return nil, err
	}
	return scorer, nil
}

func (s *Service) newScorer(o *ScorerOptions) (*Scorer, error) {
	if err := s.scorable(); err != nil {
		return nil, err
	}
	var options ScorerOptions
	if o != nil {
		options = *o
	}
	if options.Transport == nil {
		options.Transport = roundTripper(s.ws.ClientOptions().Transport)
	}
	scorer, err := newScorer(s.subject(), s.ScoringURI, s.auth(), options)
	if err != nil {
		return nil, err
	}
	scorer.swagger = swaggerAddress(scorer.address, s.SwaggerURI)
	return scorer, nil
}

// scorable says why a service cannot be called.
func (s *Service) scorable() error {
	e := &azureml.Error{Operation: "score", Subject: s.subject()}
	switch {
	case !s.isKnown():
		e.Kind = azureml.ErrInvalid
		e.Message = fmt.Sprintf("services of kind %s cannot be called through this package", kindName(s.ComputeType))
	case s.ScoringURI == "":
		e.Kind = azureml.ErrUnavailable
		adopt(e, s.Error)
		e.Message = fmt.Sprintf("it has no scoring address; its state is %s", s.State)
		if s.Error != nil && s.Error.Message != "" {
			e.Message += ": " + redact.Text(s.Error.Message)
		}
		e.Remedy = "Wait until it is healthy (BeginWait), and read it anew."
		if s.State == StateFailed {
			e.Remedy = "Its deployment failed. Read its log (Logs), and deploy it again."
		}
	default:
		return nil
	}
	return e
}

// auth is how the service lets in, as far as it tells; the defaults are those of its kind.
func (s *Service) auth() ScorerAuth {
	switch {
	case isTrue(s.TokenAuthEnabled) && s.ComputeType != ComputeTypeACI:
		return ScorerAuth{Token: s.Token}
	case isTrue(s.AuthEnabled), s.AuthEnabled == nil && s.ComputeType != ComputeTypeACI:
		return ScorerAuth{Keys: s.listKeys}
	}
	return ScorerAuth{}
}

// NewScorer makes a scorer for a scoring address, for programs that hold nothing but
// the address and a key. It sends nothing. Errors: azureml.ErrInvalid for an address
// that is not http or https, and for options that do not go together.
func NewScorer(uri string, auth ScorerAuth, o *ScorerOptions) (*Scorer, error) {
	var options ScorerOptions
	if o != nil {
		options = *o
	}
	return newScorer("", uri, auth, options)
}

func newScorer(subject, uri string, auth ScorerAuth, options ScorerOptions) (*Scorer, error) {
	var check validate.Checker
	address := checkAddress(&check, uri, options.RequireTLS)
	auth.check(&check)
	options.check(&check, auth)
	transport, owned := options.transport(&check)
	switch {
	case subject != "":
	case address != nil:
		subject = "the web service at " + address.Host
	default:
		subject = "a web service"
	}
	if err := check.Err("score", subject); err != nil {
		return nil, err
	}
	options = options.withDefaults()
	credentials := auth.credentials(subject)
	return &Scorer{
		credentials: credentials,
		client: scoring.New(scoring.Config{
			URL: address, Subject: subject, Transport: transport, Header: options.header(), Credentials: credentials,
			MaxRetries: options.MaxRetries, MinWait: options.RetryDelay, MaxWait: options.MaxRetryDelay,
			AttemptTimeout: options.AttemptTimeout, MaxAnswer: options.MaxAnswerBytes,
		}),
		subject: subject, options: options, address: address, swagger: swaggerAddress(address, ""), owned: owned,
	}, nil
}

// checkAddress parses a scoring address.
func checkAddress(check *validate.Checker, uri string, requireTLS bool) *url.URL {
	if !check.Require("uri", uri) {
		return nil
	}
	u, err := url.Parse(uri)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		check.Add("uri", redact.URL(uri), "must be an http or https address")
		return nil
	case u.User != nil:
		check.Add("uri", redact.URL(uri), "must not hold a user name or password")
		return nil
	case requireTLS && u.Scheme != "https":
		check.Add("uri", redact.URL(uri), "must be an https address, as RequireTLS is set")
		return nil
	}
	u.Fragment, u.RawFragment = "", ""
	return u
}

func (a ScorerAuth) check(check *validate.Checker) {
	checkKey(check, "PrimaryKey", a.PrimaryKey)
	checkKey(check, "SecondaryKey", a.SecondaryKey)
	ways := 0
	for _, way := range []bool{!a.PrimaryKey.IsZero() || !a.SecondaryKey.IsZero(), a.Keys != nil, a.Token != nil} {
		if way {
			ways++
		}
	}
	if ways > 1 {
		check.Add("ScorerAuth", nil, "must have only one of keys, Keys and Token")
	}
}

func (a ScorerAuth) isZero() bool {
	return a.PrimaryKey.IsZero() && a.SecondaryKey.IsZero() && a.Keys == nil && a.Token == nil
}

// credentials adapts a to what the calls are signed with.
func (a ScorerAuth) credentials(subject string) *scoring.Credentials {
	missing := func(what string) error {
		return &azureml.Error{Operation: "score", Subject: subject, Kind: azureml.ErrUnauthorized, Message: "there is no " + what}
	}
	switch {
	case a.Token != nil:
		return scoring.NewCredentials(func(ctx context.Context) (scoring.Credential, error) {
			token, err := a.Token(ctx)
			if err != nil {
				return scoring.Credential{}, err
			}
			if token == nil || token.Token.IsZero() {
				return scoring.Credential{}, missing("token")
			}
			return scoring.Credential{Values: []azureml.Secret{token.Token}, RefreshAfter: token.RefreshAfter, Expires: token.ExpiresOn}, nil
		})
	case a.Keys != nil:
		return scoring.NewCredentials(func(ctx context.Context) (scoring.Credential, error) {
			keys, err := a.Keys(ctx)
			if err != nil {
				return scoring.Credential{}, err
			}
			if keys == nil || keys.Primary.IsZero() && keys.Secondary.IsZero() {
				return scoring.Credential{}, missing("key")
			}
			return scoring.Credential{Values: []azureml.Secret{keys.Primary, keys.Secondary}}, nil
		})
	case !a.isZero():
		return scoring.Fixed(a.PrimaryKey, a.SecondaryKey)
	}
	return scoring.NewCredentials(nil)
}

// CallOptions are the optional parts of one call.
type CallOptions struct {
	// ContentType of the body. Default application/json.
	ContentType string
	// Accept says what the answer should be. Default application/json.
	Accept string
	// Header holds further headers of this call.
	Header http.Header
	// Idempotent allows to repeat this call when it may have run, as the option of the
	// same name does for all calls.
	Idempotent bool
}

// Answer is what a service answered to a call.
type Answer struct {
	// Body is the answer as it came.
	Body []byte
	// Header has all headers, among them x-ms-request-id, x-ms-run-function-failed,
	// x-ms-run-fn-exec-ms and x-ms-server-version.
	Header http.Header
	// StatusCode is the HTTP status, 2xx.
	StatusCode int
	// Attempts is how often the call was sent.
	Attempts int
}

// AnswerStream is an answer that is read as it arrives. It must be closed.
type AnswerStream struct {
	io.ReadCloser
	// Header, StatusCode and Attempts are as in [Answer].
	Header     http.Header
	StatusCode int
	Attempts   int
}

// Run calls the service with body, JSON by default, and gives the answer's body. It
// mirrors azureml.core's run. Errors: [ErrScript], [ErrScoringTimeout] and those of
// package azureml, all *azureml.Error.
func (s *Scorer) Run(ctx context.Context, body []byte) ([]byte, error) {
	answer, err := s.client.Do(ctx, scoring.Request{Operation: "score", Body: body, Idempotent: s.options.Idempotent})
	if err != nil {
		return nil, err
	}
	return answer.Body, nil
}

// Call is [Scorer.Run] with options for this call and with the answer's headers. The
// body must not be changed afterwards either: a service may answer before all of it has
// been sent.
func (s *Scorer) Call(ctx context.Context, body []byte, o *CallOptions) (*Answer, error) {
	answer, err := s.client.Do(ctx, s.request(scoring.Request{Body: body}, o))
	if err != nil {
		return nil, err
	}
	return &Answer{Body: answer.Body, Header: answer.Header, StatusCode: answer.Status, Attempts: answer.Attempts}, nil
}

// Stream is [Scorer.Call] for what is too large to be held in memory, or shall be read
// while it is made. The body is read anew from its beginning for every try; nil is empty. The answer
// is not limited in size, and AttemptTimeout bounds only the time to its beginning; it
// ends with ctx.
func (s *Scorer) Stream(ctx context.Context, body io.ReadSeeker, o *CallOptions) (*AnswerStream, error) {
	if body == nil {
		body = bytes.NewReader(nil)
	}
	answer, err := s.client.Stream(ctx, s.request(scoring.Request{Reader: body}, o))
	if err != nil {
		return nil, err
	}
	return &AnswerStream{ReadCloser: answer.Stream, Header: answer.Header, StatusCode: answer.Status, Attempts: answer.Attempts}, nil
}

func (s *Scorer) request(r scoring.Request, o *CallOptions) scoring.Request {
	r.Operation, r.Idempotent = "score", s.options.Idempotent
	if o == nil {
		return r
	}
	r.Idempotent = r.Idempotent || o.Idempotent
	if len(o.Header) > 0 || o.ContentType != "" || o.Accept != "" {
		r.Header = canonical(o.Header)
	}
	if o.ContentType != "" {
		r.Header["Content-Type"] = []string{o.ContentType}
	}
	if o.Accept != "" {
		r.Header["Accept"] = []string{o.Accept}
	}
	return r
}

// Close closes the idle connections of a scorer that has its own (RootCAs). Others
// share theirs, and need no Close.
func (s *Scorer) Close() {
	if s.owned != nil {
		s.owned.CloseIdleConnections()
	}
}

// String names what is called.
func (s *Scorer) String() string { return "scorer of " + s.subject }

// Format prints [Scorer.String] whatever the verb, so that no verb shows keys.
func (s *Scorer) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue is [Scorer.String] for log/slog.
func (s *Scorer) LogValue() slog.Value { return slog.StringValue(s.String()) }

package scoring

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/limit"
)

// Config says what a [Client] calls, and how. All of it is checked by the caller.
type Config struct {
	// URL is the scoring address: http or https, without user information.
	URL *url.URL
	// Subject names the service in errors: `web service "myservice"`.
	Subject string
	// Transport makes the connections. It must not follow redirects, as no
	// http.RoundTripper does.
	Transport http.RoundTripper
	// Header holds what all requests have, with the canonical names of headers.
	Header http.Header
	// Credentials are sent with every request; nil sends none.
	Credentials *Credentials
	// MaxRetries is how often a call is repeated, MinWait and MaxWait bound the pauses.
	MaxRetries       int
	MinWait, MaxWait time.Duration
	// AttemptTimeout bounds one try, the answer's body included; 0 does not.
	AttemptTimeout time.Duration
	// MaxAnswer is the most bytes of an answer that are read into memory.
	MaxAnswer int64
}

// Client calls one scoring address. It is safe for concurrent use.
type Client struct {
	config   Config
	template *http.Request
	sender   *retryablehttp.Client
}

// New makes a client; it sends nothing.
func New(config Config) *Client {
	if config.Credentials == nil {
		config.Credentials = NewCredentials(nil)
	}
	if config.Header == nil {
		config.Header = http.Header{}
	}
	config.Credentials.carry(config.Header)
	return &Client{
		config: config,
		template: &http.Request{
			Method: http.MethodPost, URL: config.URL, Host: config.URL.Host,
			Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		},
		sender: &retryablehttp.Client{
			HTTPClient: &http.Client{
				// No type that could close idle connections: the sender would close those of
				// all callers whenever one call fails.
				Transport:     attempts{base: config.Transport, timeout: config.AttemptTimeout, limit: limit.New(config.AttemptTimeout)},
				CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			},
			RetryMax: config.MaxRetries, RetryWaitMin: config.MinWait, RetryWaitMax: config.MaxWait,
			CheckRetry: checkRetry, Backoff: backoff, ErrorHandler: retryablehttp.PassthroughErrorHandler,
		},
	}
}

// Request is one call.
type Request struct {
	// Body is what [Client.Do] sends.
	Body []byte
	// Reader is what [Client.Stream] sends, from its beginning for every try.
	Reader io.ReadSeeker
	// Header is set on top of that of the client.
	Header http.Header
	// Idempotent allows to send it again when it may have run.
	Idempotent bool
	// Address, when set, is read with GET in place of a call to the scoring address.
	// It must be of the same origin.
	Address *url.URL
	// Operation is what is tried, for errors.
	Operation string
}

// Answer is the answer to a call.
type Answer struct {
	Status   int
	Header   http.Header
	Attempts int
	// Body is the whole answer of [Client.Do].
	Body []byte
	// Stream is the answer of [Client.Stream], to be closed by the caller.
	Stream io.ReadCloser
}

// Warm fetches the credentials, unless they are there.
func (c *Client) Warm(ctx context.Context) error {
	_, err := c.config.Credentials.get(ctx)
	return err
}

// Do sends r and reads the answer. Everything but a status 2xx is an *azureml.Error.
func (c *Client) Do(ctx context.Context, r Request) (Answer, error) {
	call := &call{Context: ctx, idempotent: r.Idempotent, limit: c.config.MaxAnswer}
	resp, err := c.authorized(call, r)
	if err != nil {
		return Answer{}, err
	}
	return Answer{Status: resp.StatusCode, Header: resp.Header, Attempts: call.attempts, Body: call.body}, nil
}

// Stream sends r and hands the answer over as it arrives. The timeout of an attempt
// bounds only the time to its beginning, and MaxAnswer does not bound it.
func (c *Client) Stream(ctx context.Context, r Request) (Answer, error) {
	call := &call{Context: ctx, idempotent: r.Idempotent, limit: c.config.MaxAnswer, stream: true}
	call.replay = &replay{source: r.Reader}
	resp, err := c.authorized(call, r)
	if err != nil {
		call.replay.end()
		return Answer{}, err
	}
	body := &stream{resp.Body, call.replay}
	return Answer{Status: resp.StatusCode, Header: resp.Header, Attempts: call.attempts, Stream: body}, nil
}

// authorized sends r, with other credentials where the first are refused.
func (c *Client) authorized(call *call, r Request) (*http.Response, error) {
	ticket, err := c.config.Credentials.get(call.Context)
	if err != nil {
		return nil, c.credentialError(call, r, err)
	}
	if ticket.authorized() && len(r.Header["Authorization"]) > 0 {
		return nil, &azureml.Error{Operation: r.Operation, Subject: c.config.Subject, Kind: azureml.ErrInvalid, Violations: []azureml.Violation{{
			Field: "Header", Rule: "must not set Authorization, which the service's key or token takes",
		}}}
	}
	resp, failure, err := c.try(call, r, ticket)
	if failure == nil {
		return resp, err
	}
	if failure.StatusCode != http.StatusUnauthorized || !ticket.authorized() {
		return nil, failure
	}
	return c.otherwise(call, r, ticket, failure)
}

// otherwise sends r with other credentials than those that were refused.
func (c *Client) otherwise(call *call, r Request, refused *ticket, failure *azureml.Error) (*http.Response, error) {
	var used refusals
	for failure.StatusCode == http.StatusUnauthorized {
		used.add(refused)
		next, err := c.config.Credentials.replace(call.Context, refused, &used)
		if err != nil {
			failure.Err = errors.Join(failure.Err, err)
			failure.Message += "; fetching new credentials failed: " + reasonOf(err)
		}
		if next == nil {
			return nil, failure
		}
		resp, refusal, err := c.try(call, r, next)
		if refusal == nil {
			return resp, err
		}
		refused, failure = next, refusal
	}
	return nil, failure
}

// try sends r with one credential. An answer that is a failure is failure, and err is
// that of a call without an answer.
func (c *Client) try(call *call, r Request, t *ticket) (resp *http.Response, failure *azureml.Error, err error) {
	resp, err = c.send(call, r, t)
	switch {
	case err != nil:
		return nil, nil, c.transportError(call, r, t, err)
	case resp.StatusCode >= 200 && resp.StatusCode <= 299:
		return resp, nil, nil
	}
	return nil, c.answerError(call, r, t, resp), nil
}

// send sends r with one credential, again where that is allowed.
func (c *Client) send(call *call, r Request, t *ticket) (*http.Response, error) {
	call.body = nil
	request := retryablehttp.Request{Request: c.template.WithContext(call)}
	request.Header = t.header
	if len(r.Header) > 0 {
		request.Header = t.header.Clone()
		maps.Copy(request.Header, r.Header)
	}
	switch {
	case r.Address != nil:
		request.Method, request.URL = http.MethodGet, r.Address
	case call.stream:
		if err := setReader(&request, call.replay); err != nil {
			return nil, err
		}
	default:
		if err := request.SetBody(r.Body); err != nil {
			return nil, err
		}
	}
	if !call.stream {
		request.SetResponseHandler(call.read)
	}
	resp, err := c.sender.Do(&request)
	if err != nil {
		if resp != nil {
			_ = resp.Body.Close()
		}
		return nil, err
	}
	return resp, nil
}

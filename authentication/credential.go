package authentication

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/clouds"
	"github.com/azureml-go/azureml/internal/signin"
	"github.com/azureml-go/azureml/internal/tokencache"
	"github.com/azureml-go/azureml/internal/transport"
	"github.com/azureml-go/azureml/internal/validate"
)

// credential is what all types of this package are made of: a way to get tokens, with
// the cache, the errors and the manners that are the same for all.
type credential struct {
	name   string
	cloud  cloud.Configuration
	ask    tokencache.Source
	errors signin.Attempt
	tokens *tokencache.Cache
}

// way is a way to get tokens.
type way struct {
	// name says who it is, in logs and when printed: `service principal "…"`.
	name string
	// subject continues "cannot sign in"; default: "as " and the name.
	subject string
	cloud   cloud.Configuration
	// source gets a token from wherever it comes from.
	source tokencache.Source
	// cache says how tokens are kept; its Source is set here.
	cache tokencache.Config
	// failure is completed with operation, subject and what was seen on the wire.
	failure signin.Attempt
}

func newCredential(w way) *credential {
	c := &credential{name: w.name, cloud: w.cloud, errors: w.failure}
	c.errors.Operation, c.errors.Subject = "sign in", w.subject
	if w.subject == "" {
		c.errors.Subject = "as " + w.name
	}
	if c.errors.Address == "" {
		c.errors.Address = w.cloud.ActiveDirectoryAuthorityHost
	}
	c.ask = func(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
		ctx, trace := signin.Watch(ctx)
		token, err := w.source(ctx, o)
		if err == nil {
			return token, nil
		}
		attempt := c.errors
		attempt.Trace = trace
		return azcore.AccessToken{}, attempt.Error(err)
	}
	w.cache.Source = c.ask
	c.tokens = tokencache.New(w.cache)
	return c
}

// GetToken gives an access token for the scopes of o. It is safe for concurrent use: all
// who ask at once share one request, and each waits no longer than its own ctx. A token
// is kept and renewed some minutes before it ends; when that fails the old one goes on
// serving to its end. With o.Claims, the answer to a challenge of continuous access
// evaluation, a new token is asked for.
//
// Errors are *azureml.Error of kind ErrUnauthorized, ErrInteractionRequired,
// ErrThrottled, ErrUnavailable or ErrInvalid, with the AADSTS number as code. It
// implements azcore.TokenCredential.
func (c *credential) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	if c == nil {
		return azcore.AccessToken{}, invalid("sign in", "", "the credential was not made by a constructor of package authentication")
	}
	if len(o.Scopes) == 0 {
		return azcore.AccessToken{}, invalid("sign in", c.errors.Subject, "a scope is required, such as "+c.scope())
	}
	token, err := c.tokens.Get(ctx, o)
	if err == nil {
		return token, nil
	}
	return azcore.AccessToken{}, c.explain(ctx, err)
}

// explain gives what is still a bare error this module's type.
func (c *credential) explain(ctx context.Context, err error) error {
	if _, ok := errors.AsType[*azureml.Error](err); ok {
		return err
	}
	if cause := ctx.Err(); cause != nil {
		return &azureml.Error{Operation: c.errors.Operation, Subject: c.errors.Subject, Message: "gave up: " + cause.Error(), Err: cause}
	}
	return c.errors.Error(err)
}

// Header gives a new header set with "Authorization: Bearer …" for the resource manager
// of the credential's cloud, which the services of a workspace take as well. It is for
// callers of their REST interfaces with plain net/http; the token is the shared one, so
// ask for the header before each request instead of keeping it. It mirrors
// get_authentication_header.
func (c *credential) Header(ctx context.Context) (http.Header, error) {
	if c == nil || c.scope() == "" {
		return nil, invalid("make", "an Authorization header", "the credential's cloud names no resource manager")
	}
	token, err := c.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{c.scope()}})
	if err != nil {
		return nil, err
	}
	return http.Header{"Authorization": {"Bearer " + token.Token}}, nil
}

// scope is that of the cloud's resource manager.
func (c *credential) scope() string {
	if known, ok := clouds.Of(c.cloud); ok {
		return known.Scope()
	}
	return ""
}

// Cloud gives the cloud that the credential signs in to, in the form that
// azcore.ClientOptions take.
func (c *credential) Cloud() cloud.Configuration {
	if c == nil {
		return cloud.Configuration{}
	}
	copied := c.cloud
	copied.Services = make(map[cloud.ServiceName]cloud.ServiceConfiguration, len(c.cloud.Services))
	for name, service := range c.cloud.Services {
		copied.Services[name] = service
	}
	return copied
}

// Forget makes the next call ask for a new token if token is the one that is kept. A
// workspace calls it when a service refuses the token.
func (c *credential) Forget(token string) {
	if c != nil {
		c.tokens.Forget(token)
	}
}

// String says who signs in to which cloud; it holds no secret.
func (c *credential) String() string {
	if c == nil {
		return "no credential"
	}
	return c.name + " (" + clouds.NameOf(c.cloud) + ")"
}

// Format prints the text of String whatever the verb, so that no verb shows a secret.
func (c *credential) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// GoString is the text of String.
func (c *credential) GoString() string { return c.String() }

// LogValue gives log/slog the text of String.
func (c *credential) LogValue() slog.Value { return slog.StringValue(c.String()) }

// tryTimeout bounds one try of a request to the authority, unless the caller's options do.
const tryTimeout = 30 * time.Second

// clientOptions makes of the caller's options those for azidentity.
func clientOptions(given azcore.ClientOptions) (azcore.ClientOptions, error) {
	resolved, err := clouds.Resolve(given.Cloud)
	if err != nil {
		return given, err
	}
	if host := resolved.ActiveDirectoryAuthorityHost; host != "" && !strings.HasPrefix(strings.ToLower(host), "https://") {
		var check validate.Checker
		check.Add("ActiveDirectoryAuthorityHost", host, "must begin with https://")
		return given, check.Err("use", "the cloud")
	}
	given.Cloud = resolved
	given.APIVersion = ""             // is for the resource manager; azidentity refuses it
	given.Logging.IncludeBody = false // bodies hold secrets and tokens
	given.Transport = transport.Of(given.Transport)
	given.PerRetryPolicies = append(slices.Clone(given.PerRetryPolicies), signin.Watcher{})
	if given.Retry.TryTimeout == 0 {
		given.Retry.TryTimeout = tryTimeout
	}
	return given, nil
}

func invalid(operation, subject, message string) error {
	return &azureml.Error{Operation: operation, Subject: subject, Kind: azureml.ErrInvalid, Message: message}
}

// optional gives what o points to, or the zero value for nil.
func optional[T any](o *T) T {
	if o == nil {
		return *new(T)
	}
	return *o
}

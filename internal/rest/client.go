// Package rest sends the requests of all packages: it owns the pipelines and their
// policies (host pin, shared token, retries, request ids), turns answers into
// errors, follows pages and polls operations. Only this package builds pipelines.
package rest

import (
	"cmp"
	"context"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/tracing"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/clouds"
	"github.com/azureml-go/azureml/internal/limit"
	"github.com/azureml-go/azureml/internal/transport"
)

const moduleName = "azureml"

// defaultTryTimeout bounds one try of a request, unless the caller's options say
// otherwise; streams have no such bound.
const defaultTryTimeout = 100 * time.Second

// Config says how a [Client] reaches the services.
type Config struct {
	Credential azcore.TokenCredential
	Cloud      clouds.Cloud
	// Options are the caller's; they are copied, not changed. Cloud and APIVersion in
	// them are not used here.
	Options azcore.ClientOptions
	// Scope of the token; default: that of the cloud's resource manager, which a
	// workspace's services take, too. Other services (Microsoft Graph) have their own.
	Scope string
	// Hosts are where the token may go.
	Hosts *Hosts
}

// Client sends requests. It is safe for concurrent use.
type Client struct {
	wide, narrow, bare runtime.Pipeline
	wideRetry          policy.RetryOptions
	narrowRetry        policy.RetryOptions
	tracer             tracing.Tracer
	hosts              *Hosts
}

// New makes the pipelines. They share one token and, unless the caller brings a
// transport, one connection pool of the process.
func New(config Config) *Client {
	options := config.Options
	options.APIVersion = ""
	options.Logging.IncludeBody = false // bodies hold keys, tokens and kubeconfigs
	options.Cloud = config.Cloud.Configuration()
	options.Transport = transport.Of(options.Transport)
	// Our own bound takes the place of azcore's, which sets a timer for each try.
	try := attempt{longest: maxRetryAfter(options.Retry), limit: limit.New(cmp.Or(max(options.Retry.TryTimeout, 0), defaultTryTimeout))}
	options.Retry.TryTimeout = 0
	c := &Client{hosts: config.Hosts}
	c.wideRetry, c.narrowRetry = options.Retry, options.Retry
	c.wideRetry.ShouldRetry = retryWide
	c.narrowRetry.ShouldRetry = retryNarrow
	if options.TracingProvider.NewTracer(moduleName, azureml.Version).Enabled() {
		c.tracer = options.TracingProvider.NewTracer(moduleName, azureml.Version)
	}

	scope := config.Scope
	if scope == "" {
		scope = config.Cloud.Scope()
	}
	gate := newTokenGate(config.Credential, scope, config.Hosts)
	// The gate stands in front of the bearer policy and decides about http itself
	// (loopback only), so the bearer policy's own check is lifted.
	bearer := runtime.NewBearerTokenPolicy(gate, []string{scope}, &policy.BearerTokenOptions{InsecureAllowCredentialWithHTTP: true})
	build := func(retry policy.RetryOptions, perRetry ...policy.Policy) runtime.Pipeline {
		copied := options
		copied.Retry = retry
		return runtime.NewPipeline(moduleName, azureml.Version, runtime.PipelineOptions{
			PerRetry: perRetry,
			Tracing:  runtime.TracingOptions{Namespace: "Microsoft.MachineLearningServices"},
		}, &copied)
	}
	c.wide = build(c.wideRetry, try, gate, bearer, bodies{again: true})
	c.narrow = build(c.narrowRetry, try, gate, bearer, bodies{})
	c.bare = build(c.wideRetry, try, bodies{again: true})
	return c
}

// Hosts gives where the token may go.
func (c *Client) Hosts() *Hosts { return c.hosts }

// pipeline chooses by class what carries a request, and the context it goes with.
func (c *Client) pipeline(ctx context.Context, class Class) (runtime.Pipeline, context.Context) {
	pl, retry := c.wide, c.wideRetry
	override := false
	switch class {
	case Narrow:
		// A caller's policy.WithRetryOptions must not make such a request repeatable.
		pl, retry, override = c.narrow, c.narrowRetry, true
	case Once:
		pl, retry, override = c.narrow, c.narrowRetry, true
		retry.MaxRetries = -1
	case Anonymous:
		pl = c.bare
	}
	if override {
		ctx = policy.WithRetryOptions(ctx, retry)
	}
	return pl, ctx
}

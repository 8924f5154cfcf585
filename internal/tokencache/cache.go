// Package tokencache keeps access tokens for many callers: one request for all who ask at
// once, each with its own context; renewal before the end of a token's life; failures
// of an early renewal hidden as long as the token lives.
package tokencache

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/azureml-go/azureml/internal/flight"
)

const (
	// defaultBefore is how long before its end a token is renewed.
	defaultBefore = 5 * time.Minute
	// defaultPause is the least time between two tries to renew a token that still lives.
	defaultPause = 30 * time.Second
	// defaultTimeout bounds a request for a token that no caller bounds.
	defaultTimeout = 5 * time.Minute
	// patience is how long a caller with a living token waits for a new one.
	patience = 10 * time.Second
)

// Source gives a new token.
type Source func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error)

// Config says how a [Cache] works; zero fields have defaults.
type Config struct {
	// Source is asked for tokens, by one goroutine at a time for the same options.
	Source Source
	// Timeout bounds one request to Source; default 5 minutes.
	Timeout time.Duration
	// Before is how long before its end a token is renewed, unless the token says itself
	// or lives for less than twice that; default 5 minutes.
	Before time.Duration
	// Pause is the least time between two tries to renew a living token; default 30 s.
	Pause time.Duration
	// Background leaves the early renewal to [Cache.Renew]: callers get the token in hand
	// as long as it lives.
	Background bool
	// OnToken, if set, is called after a new token was put into the cache.
	OnToken func()
}

// Cache keeps one token per scope, tenant and kind. It is safe for concurrent use.
type Cache struct {
	config Config

	mu      sync.Mutex
	entries map[key]*entry
}

// key is what makes two requests ask for the same token.
type key struct {
	scope, tenant, claims string
	cae                   bool
}

type entry struct {
	options policy.TokenRequestOptions
	flight  flight.Group[azcore.AccessToken]

	// The rest is guarded by the cache's mutex.
	token azcore.AccessToken
	life  time.Duration // when it was new
	tried time.Time     // the last try to renew the living token
}

// New makes a cache.
func New(config Config) *Cache {
	if config.Timeout <= 0 {
		config.Timeout = defaultTimeout
	}
	if config.Before <= 0 {
		config.Before = defaultBefore
	}
	if config.Pause <= 0 {
		config.Pause = defaultPause
	}
	return &Cache{config: config, entries: make(map[key]*entry)}
}

// Get gives the shared token for o, or asks for one. A request with claims, the answer
// to a challenge of continuous access evaluation, always asks; its token becomes the
// shared one. The error is the source's, or ctx.Err() when ctx ends first.
func (c *Cache) Get(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	if o.Claims != "" {
		return c.challenge(ctx, o)
	}
	e, token, state := c.look(o)
	switch state {
	case fresh:
		return token, nil
	case due:
		return c.early(ctx, e, token)
	}
	return c.fetch(ctx, e)
}

// Forget drops a token that a service refused, so that the next Get asks anew.
func (c *Cache) Forget(refused string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.entries {
		if e.token.Token == refused {
			e.token = azcore.AccessToken{}
		}
	}
}

type state int

const (
	missing state = iota
	due           // alive, and this caller should renew it
	fresh
)

// look finds the entry for o, its token and what to do with it.
func (c *Cache) look(o policy.TokenRequestOptions) (*entry, azcore.AccessToken, state) {
	k := keyOf(o)
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entryLocked(k, o)
	switch {
	case !e.alive(now):
		return e, e.token, missing
	case c.config.Background, now.Before(c.renewAt(e)), now.Sub(e.tried) < c.pause(e):
		return e, e.token, fresh
	}
	e.tried = now
	return e, e.token, due
}

func (c *Cache) entryLocked(k key, o policy.TokenRequestOptions) *entry {
	e := c.entries[k]
	if e == nil {
		e = &entry{options: o}
		e.options.Scopes = slices.Clone(o.Scopes)
		c.entries[k] = e
	}
	return e
}

func keyOf(o policy.TokenRequestOptions) key {
	k := key{tenant: o.TenantID, claims: o.Claims, cae: o.EnableCAE}
	if len(o.Scopes) == 1 {
		k.scope = o.Scopes[0] // no allocation on the way that is taken all the time
	} else {
		k.scope = strings.Join(o.Scopes, " ")
	}
	return k
}

func (e *entry) alive(now time.Time) bool {
	return e.token.Token != "" && now.Before(e.token.ExpiresOn)
}

// renewAt is when the token should be renewed: when it says, or some time before its end.
func (c *Cache) renewAt(e *entry) time.Time {
	at := e.token.ExpiresOn.Add(-min(c.config.Before, e.life/2))
	if on := e.token.RefreshOn; !on.IsZero() && on.Before(at) {
		return on
	}
	return at
}

// pause is the least time between two tries; tokens that live shortly are tried sooner.
func (c *Cache) pause(e *entry) time.Duration {
	if e.life <= 0 {
		return c.config.Pause
	}
	return min(c.config.Pause, e.life/10)
}

// early renews a token that still lives. The caller gets that one when the renewal
// fails or takes long; half of the caller's own time is left for what it is about.
func (c *Cache) early(ctx context.Context, e *entry, token azcore.AccessToken) (azcore.AccessToken, error) {
	wait := patience
	if deadline, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(deadline)/2)
	}
	short, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	if renewed, err := c.fetch(short, e); err == nil {
		return renewed, nil
	}
	if time.Now().Before(token.ExpiresOn) {
		return token, nil
	}
	return c.fetch(ctx, e)
}

// fetch asks the source, together with all others who ask for the same.
func (c *Cache) fetch(ctx context.Context, e *entry) (azcore.AccessToken, error) {
	return e.flight.Do(ctx, func(ctx context.Context) (azcore.AccessToken, error) {
		token, err := c.ask(ctx, e.options)
		if err == nil {
			c.keep(e, token)
		}
		return token, err
	})
}

func (c *Cache) ask(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	o.Scopes = slices.Clone(o.Scopes) // sources may write to it
	return c.config.Source(ctx, o)
}

func (c *Cache) keep(e *entry, token azcore.AccessToken) {
	c.mu.Lock()
	if e.token.Token != token.Token {
		e.life = time.Until(token.ExpiresOn)
		e.tried = time.Time{}
	}
	e.token = token
	c.mu.Unlock()
	if c.config.OnToken != nil {
		c.config.OnToken()
	}
}

// challenge asks for a token with claims and makes it the shared one.
func (c *Cache) challenge(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	k := keyOf(o)
	plain := o
	plain.Claims = ""
	c.mu.Lock()
	e, shared := c.entryLocked(k, o), c.entryLocked(keyOf(plain), plain)
	c.mu.Unlock()
	return e.flight.Do(ctx, func(ctx context.Context) (azcore.AccessToken, error) {
		token, err := c.ask(ctx, e.options)
		if err == nil {
			c.keep(shared, token)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.entries[k] == e {
			delete(c.entries, k)
		}
		return token, err
	})
}

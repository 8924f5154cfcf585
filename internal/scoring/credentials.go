package scoring

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/flight"
)

// Credential is what lets in to a service.
type Credential struct {
	// Values are the keys, the preferred one first, or the one token.
	Values []azureml.Secret
	// RefreshAfter is when a new one should be fetched, Expires when this one ends; zero
	// for keys.
	RefreshAfter, Expires time.Time
}

// Source fetches a credential.
type Source func(context.Context) (Credential, error)

const (
	// refreshPause is the least time between two tries to renew a credential that still
	// lets in.
	refreshPause = 30 * time.Second
	// refreshBefore is how long before its end a credential is renewed that does not
	// say when.
	refreshBefore = 5 * time.Minute
	// futilePause is how long no new keys are asked for after those that came were the
	// ones just refused.
	futilePause = time.Second
)

// Credentials holds the credential of a service for all callers: fetched by the first
// one, renewed when it is due, replaced when it is refused. It is safe for concurrent
// use.
type Credentials struct {
	source Source
	header http.Header // of all requests
	flight flight.Group[*ticket]
	// renewing is set while a caller renews a credential that still lets in.
	renewing atomic.Bool
	current  atomic.Pointer[ticket]

	mu       sync.Mutex
	nextTry  time.Time // not before, for one that is due
	nextNews time.Time // not before, for one that was refused
}

// NewCredentials takes its credential from source; nil is none at all.
func NewCredentials(source Source) *Credentials { return &Credentials{source: source} }

// Fixed always has the same keys, the preferred one first.
func Fixed(keys ...azureml.Secret) *Credentials {
	c := &Credentials{}
	c.current.Store(&ticket{values: slices.DeleteFunc(keys, azureml.Secret.IsZero)})
	return c
}

// carry makes header that of all requests. It is called once, before the first use.
func (c *Credentials) carry(header http.Header) {
	c.header = header
	if t := c.current.Load(); t != nil {
		c.current.Store(c.ticket(Credential{Values: t.values}, 0))
	} else if c.source == nil {
		c.current.Store(&ticket{header: header})
	}
}

// ticket is one credential made ready to be sent. It is not changed.
type ticket struct {
	header          http.Header // shared by all requests; never written to
	values          []azureml.Secret
	at              int // which of values is in header
	refresh, expiry time.Time
}

func (t *ticket) authorized() bool { return len(t.values) > 0 }

func (t *ticket) value() azureml.Secret {
	if !t.authorized() {
		return azureml.Secret{}
	}
	return t.values[t.at]
}

// ticket makes one of credential, with the value at the given place.
func (c *Credentials) ticket(credential Credential, at int) *ticket {
	t := &ticket{header: maps.Clone(c.header), values: credential.Values, at: at, refresh: credential.RefreshAfter, expiry: credential.Expires}
	if t.header == nil {
		t.header = make(http.Header, 1) // not carried by a client
	}
	if t.refresh.IsZero() && !t.expiry.IsZero() {
		t.refresh = t.expiry.Add(-refreshBefore)
	}
	if t.authorized() {
		t.header["Authorization"] = []string{"Bearer " + t.value().Reveal()}
	}
	return t
}

// get gives the credential to send. One that is due to be renewed is, by one caller,
// while the others go on with it as long as it lets in.
func (c *Credentials) get(ctx context.Context) (*ticket, error) {
	t := c.current.Load()
	if t != nil && t.refresh.IsZero() {
		return t, nil
	}
	now := time.Now()
	alive := t != nil && (t.expiry.IsZero() || now.Before(t.expiry))
	if t != nil && alive && (now.Before(t.refresh) || c.resting(now) || c.flight.Busy()) {
		return t, nil
	}
	if alive {
		if !c.renewing.CompareAndSwap(false, true) {
			return t, nil
		}
		defer c.renewing.Store(false)
	}
	fresh, err := c.flight.Do(ctx, func(ctx context.Context) (*ticket, error) {
		if latest := c.current.Load(); latest != nil && latest != t {
			return latest, nil
		}
		return c.fetch(ctx, azureml.Secret{})
	})
	if err == nil {
		return fresh, nil
	}
	if alive && ctx.Err() == nil {
		c.rest(now.Add(refreshPause))
		return t, nil
	}
	return nil, err
}

// Offer makes values the credential to send from now on, for whoever knows that they have
// just been changed. Were they refused nevertheless, that is dealt with as always.
func (c *Credentials) Offer(values ...azureml.Secret) {
	values = slices.DeleteFunc(values, azureml.Secret.IsZero)
	if len(values) > 0 {
		c.current.Store(c.ticket(Credential{Values: values}, 0))
	}
}

func (c *Credentials) resting(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return now.Before(c.nextTry)
}

func (c *Credentials) rest(until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nextTry = until
}

// fetch asks for a credential and makes it the current one. Of several values the
// first is taken that is not refused.
func (c *Credentials) fetch(ctx context.Context, refused azureml.Secret) (*ticket, error) {
	credential, err := c.source(ctx)
	if err != nil {
		return nil, err
	}
	credential.Values = slices.DeleteFunc(slices.Clone(credential.Values), azureml.Secret.IsZero)
	at := 0
	if len(credential.Values) > 1 && credential.Values[0].Equal(refused) {
		at = 1
	}
	if slices.ContainsFunc(credential.Values, refused.Equal) {
		c.mu.Lock()
		c.nextNews = time.Now().Add(futilePause)
		c.mu.Unlock()
	}
	t := c.ticket(credential, at)
	c.current.Store(t)
	return t, nil
}

// refusals are the credentials that a call was refused with.
type refusals struct {
	values  []azureml.Secret
	fetched bool
}

func (r *refusals) add(t *ticket) { r.values = append(r.values, t.value()) }

func (r *refusals) has(value azureml.Secret) bool { return slices.ContainsFunc(r.values, value.Equal) }

// replace finds another credential than those that were refused, refused being the
// last of them: what another caller found meanwhile; what is fetched anew, once a call
// and once for all callers who wait; the other key. nil means that there is none.
func (c *Credentials) replace(ctx context.Context, refused *ticket, used *refusals) (*ticket, error) {
	if latest := c.current.Load(); latest != refused && !used.has(latest.value()) {
		return latest, nil
	}
	var failure error
	if c.source != nil && !used.fetched && !c.futile() {
		used.fetched = true
		fresh, err := c.flight.Do(ctx, func(ctx context.Context) (*ticket, error) {
			if latest := c.current.Load(); latest != refused && !used.has(latest.value()) {
				return latest, nil
			}
			return c.fetch(ctx, refused.value())
		})
		if err == nil {
			if !used.has(fresh.value()) {
				return fresh, nil
			}
			refused = fresh
		}
		failure = err
	}
	for at, value := range refused.values {
		if used.has(value) {
			continue
		}
		other := c.ticket(Credential{Values: refused.values, RefreshAfter: refused.refresh, Expires: refused.expiry}, at)
		c.current.CompareAndSwap(refused, other)
		return other, nil
	}
	return nil, failure
}

func (c *Credentials) futile() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Before(c.nextNews)
}

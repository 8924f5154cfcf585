package tokencache

import (
	"context"
	"time"
)

// Next tells when the first of the tokens is to be renewed; ok is false when there is
// none. A token that has ended, because it could not be renewed, is still tried.
func (c *Cache) Next() (at time.Time, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.entries {
		if e.token.Token == "" {
			continue
		}
		when := c.renewAt(e)
		if again := e.tried.Add(c.pause(e)); !e.tried.IsZero() && again.After(when) {
			when = again
		}
		if !ok || when.Before(at) {
			at, ok = when, true
		}
	}
	return at, ok
}

// Renew renews the tokens whose time has come, one after the other. failed is called
// for each failure, with the end of the life of the token that is left.
func (c *Cache) Renew(ctx context.Context, failed func(err error, expires time.Time)) {
	for _, e := range c.takeDue() {
		if _, err := c.fetch(ctx, e); err != nil && ctx.Err() == nil {
			c.mu.Lock()
			expires := e.token.ExpiresOn
			c.mu.Unlock()
			failed(err, expires)
		}
	}
}

// takeDue gives the entries to be renewed and notes that they are tried.
func (c *Cache) takeDue() []*entry {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []*entry
	for _, e := range c.entries {
		if e.token.Token != "" && !now.Before(c.renewAt(e)) && now.Sub(e.tried) >= c.pause(e) {
			e.tried = now
			all = append(all, e)
		}
	}
	return all
}

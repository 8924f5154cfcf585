package blob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/azureml-go/azureml/internal/flight"
)

// address is where a blob is and the right to it, which ends at some time and is then
// renewed, once for all requests that are under way.
type address struct {
	// ctx is of the upload or download. A renewal is no part of the request that needs
	// it, so it must not inherit what azcore keeps in that one's context.
	ctx   context.Context //nolint:containedctx // see above
	renew func(context.Context) (string, error)
	work  flight.Group[struct{}]

	mu  sync.Mutex
	url *url.URL
	// end is when the address runs out; zero if it does not say.
	end time.Time
	// skewed tells that the address seemed to have run out when it was new: this
	// machine's clock is not to be trusted, storage says when an address has.
	skewed bool
}

// expiring is how long before its end an address is renewed already.
const expiring = 5 * time.Second

// RenewalError is of an address that has run out and could not be renewed.
type RenewalError struct{ Err error }

func (e *RenewalError) Error() string {
	return "the right to the storage has run out and cannot be renewed: " + e.Err.Error()
}

// Unwrap gives why.
func (e *RenewalError) Unwrap() error { return e.Err }

// NonRetriable keeps azcore from trying again: the renewal has had its own tries.
func (e *RenewalError) NonRetriable() {}

// Do sends a try to the address as it is now, and once more if storage says that it has
// run out.
func (a *address) Do(req *policy.Request) (*http.Response, error) {
	ctx := req.Raw().Context()
	used := a.current()
	if a.late(used) {
		if err := a.replace(ctx, used); err != nil {
			return nil, err
		}
		used = a.current()
	}
	resp, err := used.send(req)
	if err != nil || a.renew == nil || !ranOut(resp, used.URL) {
		return resp, err
	}
	_ = resp.Body.Close()
	if err := a.replace(ctx, used); err != nil {
		return nil, err
	}
	if err := req.RewindBody(); err != nil {
		return nil, err
	}
	return a.current().send(req)
}

// set takes a new address.
func (a *address) set(u *url.URL) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.url, a.end = u, expiry(u)
	a.skewed = a.past()
}

func (a *address) current() exact {
	a.mu.Lock()
	defer a.mu.Unlock()
	return exact{a.url}
}

// late tells whether the address has run out by this machine's clock, or is another by now.
func (a *address) late(used exact) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.renew != nil && (used.URL != a.url || !a.skewed && a.past())
}

// past tells that the address has run out, or is about to, by this machine's clock. The
// caller has the lock.
func (a *address) past() bool {
	return !a.end.IsZero() && !time.Now().Add(expiring).Before(a.end)
}

// replace renews the address, unless another request has done so since used was current.
func (a *address) replace(ctx context.Context, used exact) error {
	_, err := a.work.Do(ctx, func(work context.Context) (struct{}, error) {
		if a.current() != used {
			return struct{}{}, nil
		}
		ctx, cancel := context.WithCancel(a.ctx)
		defer cancel()
		defer context.AfterFunc(work, cancel)()
		text, err := a.renew(ctx)
		if err != nil {
			return struct{}{}, &RenewalError{err}
		}
		fresh, err := url.Parse(text)
		if err != nil || fresh.Scheme != used.Scheme || !strings.EqualFold(fresh.Host, used.Host) || fresh.Path != used.Path {
			return struct{}{}, &RenewalError{errors.New("the service named another place")}
		}
		a.set(fresh)
		return struct{}{}, nil
	})
	return err
}

// expiry is when an address runs out; zero if it does not say.
func expiry(u *url.URL) time.Time {
	text := u.Query().Get("se")
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z", time.DateOnly} {
		if end, err := time.Parse(layout, text); err == nil {
			return end
		}
	}
	return time.Time{}
}

// ranOut tells of an answer that refuses the address because its time is over: by
// storage's own clock, or in so many words.
func ranOut(resp *http.Response, used *url.URL) bool {
	if resp.StatusCode != http.StatusForbidden {
		return false
	}
	now, err := http.ParseTime(resp.Header.Get("Date"))
	if end := expiry(used); !end.IsZero() && err == nil && !now.Before(end) {
		return true
	}
	body, err := runtime.Payload(resp)
	return err == nil && bytes.Contains(body, []byte("AuthenticationFailed")) && bytes.Contains(body, []byte("not valid in the specified time frame"))
}

// exact puts the address's own query back, byte for byte: the client library decodes,
// sorts and encodes it anew. It also spells headers as usual and sets the version of
// storage's interface.
type exact struct{ *url.URL }

// send sends a try with the address's own query, then what the operation needs.
func (e exact) send(req *policy.Request) (*http.Response, error) {
	raw := req.Raw()
	sent := raw.URL.Query()
	query := e.RawQuery
	for _, name := range []string{"comp", "blockid", "blocklisttype"} {
		if value := sent.Get(name); value != "" {
			query = strings.TrimPrefix(query+"&", "&") + name + "=" + url.QueryEscape(value)
		}
	}
	raw.URL.RawQuery = query
	// The client library writes names in lower case, past Header.Set: nobody who looks
	// for them with Header.Get would find them.
	for name, values := range raw.Header {
		if canonical := http.CanonicalHeaderKey(name); canonical != name {
			delete(raw.Header, name)
			raw.Header[canonical] = values
		}
	}
	raw.Header.Set("x-ms-version", storageVersion)
	return req.Next()
}

// parseAddress reads the address that a service gave.
func parseAddress(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || !secure(u) {
		return nil, fmt.Errorf("it is not https")
	}
	return u, nil
}

package authentication

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/clouds"
	"github.com/azureml-go/azureml/internal/signin"
	"github.com/azureml-go/azureml/internal/tokencache"
	"github.com/azureml-go/azureml/internal/validate"
)

// TokenRefresher keeps the tokens of another credential fresh in the background. It is
// safe for concurrent use. Close it when it is no longer needed.
type TokenRefresher struct {
	*credential
	onWarning func(azureml.Warning)
	wake      chan struct{}
	cancel    context.CancelFunc
	done      chan struct{}
}

var _ io.Closer = (*TokenRefresher)(nil)

// TokenRefresherOptions are the optional parts of [NewTokenRefresher].
type TokenRefresherOptions struct {
	// Before is how long before its end a token is renewed, or at half of its life if
	// that is later; default 5 minutes.
	Before time.Duration
	// RetryInterval is the pause after a renewal that failed, at most a tenth of the
	// token's life; default 30 seconds.
	RetryInterval time.Duration
	// OnWarning gets each renewal that failed, from the background goroutine; it must not
	// call Close.
	OnWarning func(azureml.Warning)
	// Cloud is that of source, if source does not know it itself; default: see [Cloud].
	Cloud cloud.Configuration
}

// NewTokenRefresher keeps the tokens that source gives fresh: from the first time that a
// token is asked for, a background goroutine renews it before it ends, so that callers
// never wait for it. There is one request for a token of a kind at a time. While renewals
// fail, the old token is served for as long as it lives, failures are reported to
// OnWarning, and the next try follows soon. It mirrors AzureMLTokenAuthentication, whose
// source is the run's own token; see [NewTokenFunc] for such a source.
//
// After Close nothing is renewed: the token in hand serves to its end, after that
// GetToken fails with an error that is os.ErrClosed.
func NewTokenRefresher(source azcore.TokenCredential, o *TokenRefresherOptions) (*TokenRefresher, error) {
	given := optional(o)
	var check validate.Checker
	if source == nil {
		check.Add("source", nil, "must not be nil")
	}
	if given.Before < 0 {
		check.Add("Before", given.Before, "must be > 0")
	}
	if given.RetryInterval < 0 {
		check.Add("RetryInterval", given.RetryInterval, "must be > 0")
	}
	if err := check.Err("make", "a token refresher"); err != nil {
		return nil, err
	}
	if knows, ok := source.(interface{ Cloud() cloud.Configuration }); ok && given.Cloud.ActiveDirectoryAuthorityHost == "" && len(given.Cloud.Services) == 0 {
		given.Cloud = knows.Cloud()
	}
	resolved, err := clouds.Resolve(given.Cloud)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &TokenRefresher{onWarning: given.OnWarning, wake: make(chan struct{}, 1), cancel: cancel, done: make(chan struct{})}
	name := "a credential kept fresh"
	if named, ok := source.(interface{ String() string }); ok && isOurs(source) {
		name = named.String() + ", kept fresh"
	}
	r.credential = newCredential(way{
		name: name, subject: "with " + name, cloud: resolved,
		source: func(ask context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
			if ctx.Err() != nil {
				return azcore.AccessToken{}, &azureml.Error{Operation: "sign in", Subject: "with " + name, Message: "the token refresher is closed", Err: os.ErrClosed}
			}
			return source.GetToken(ask, o)
		},
		cache:   tokencache.Config{Before: given.Before, Pause: given.RetryInterval, Background: true, OnToken: r.woken},
		failure: signin.Attempt{Keep: true},
	})
	go r.run(ctx)
	return r, nil
}

// isOurs tells of a credential of this package, whose String is known to be harmless.
func isOurs(c azcore.TokenCredential) bool {
	_, ok := c.(interface{ scope() string })
	return ok
}

// Close stops the background goroutine and returns when it has ended. It may be called
// more than once, and never fails.
func (r *TokenRefresher) Close() error {
	r.cancel()
	<-r.done
	return nil
}

// woken is called when there is a new token, whose end is to be watched.
func (r *TokenRefresher) woken() {
	select {
	case r.wake <- struct{}{}:
	default: // it will look at all tokens anyway
	}
}

func (r *TokenRefresher) run(ctx context.Context) {
	defer close(r.done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		timer.Stop()
		if at, ok := r.tokens.Next(); ok {
			timer.Reset(time.Until(at))
		}
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		case <-timer.C:
			r.tokens.Renew(ctx, r.failed)
		}
	}
}

// failed reports a renewal that failed.
func (r *TokenRefresher) failed(err error, expires time.Time) {
	if r.onWarning == nil {
		return
	}
	text := "the token could not be renewed; the old one serves until " + expires.UTC().Format(time.RFC3339)
	if left := time.Until(expires); left <= 0 {
		text = fmt.Sprintf("the token could not be renewed and ended %s ago", -left.Round(time.Second))
	}
	r.onWarning(azureml.Warning{Subject: r.name, Message: text, Err: r.errors.Error(err)})
}

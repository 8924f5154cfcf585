package rest

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/flight"
	"github.com/azureml-go/azureml/internal/redact"
)

const (
	// refreshBefore is how long before its end a token is renewed, if it does not say.
	refreshBefore = 5 * time.Minute
	// refreshPause is the least time between two tries to renew a token that still lives.
	refreshPause = 30 * time.Second
	// tokenTimeout bounds a request for a token that no caller bounds.
	tokenTimeout = 5 * time.Minute
)

// tokenGate asks the credential once for all callers. It stands in front of the
// bearer policy both as a policy (callers wait here, each with its own context; in
// the bearer policy they would wait for the first one's) and as its credential
// (which then answers from memory). It also asks once anew when a token is refused.
type tokenGate struct {
	credential azcore.TokenCredential
	scope      string
	flight     flight.Group[azcore.AccessToken]

	mu      sync.Mutex
	token   azcore.AccessToken
	renewed time.Time // the last try to renew a living token
}

func newTokenGate(credential azcore.TokenCredential, scope string) *tokenGate {
	return &tokenGate{credential: credential, scope: scope}
}

// GetToken gives the shared token. One asked for with claims (a continuous access
// evaluation challenge) is asked for anew and becomes the shared one.
func (g *tokenGate) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	if o.Claims != "" {
		token, err := g.credential.GetToken(ctx, o)
		if err != nil {
			return azcore.AccessToken{}, tokenError(err)
		}
		g.keep(token)
		return token, nil
	}
	token, alive, due := g.look()
	if alive && !due {
		return token, nil
	}
	fresh, err := g.flight.Do(ctx, func(ctx context.Context) (azcore.AccessToken, error) {
		ctx, cancel := context.WithTimeout(ctx, tokenTimeout)
		defer cancel()
		fresh, err := g.credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{g.scope}, EnableCAE: true})
		if err == nil {
			g.keep(fresh)
		}
		return fresh, err
	})
	switch {
	case err == nil:
		return fresh, nil
	case alive && ctx.Err() == nil:
		return token, nil // an early renewal may fail
	case ctx.Err() != nil:
		return azcore.AccessToken{}, ctx.Err()
	}
	return azcore.AccessToken{}, tokenError(err)
}

// look gives the token in hand, whether it can be used, and whether this caller
// should renew it.
func (g *tokenGate) look() (token azcore.AccessToken, alive, due bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	alive = g.token.Token != "" && now.Before(g.token.ExpiresOn)
	if !alive {
		return g.token, false, true
	}
	renewAt := g.token.RefreshOn
	if renewAt.IsZero() {
		renewAt = g.token.ExpiresOn.Add(-refreshBefore)
	}
	if now.Before(renewAt) || now.Sub(g.renewed) < refreshPause {
		return g.token, true, false
	}
	g.renewed = now
	return g.token, true, true
}

func (g *tokenGate) keep(token azcore.AccessToken) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.token = token
}

// drop forgets a token that was refused.
func (g *tokenGate) drop(refused string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.token.Token == refused {
		g.token = azcore.AccessToken{}
	}
}

// Do waits for a token and sends the request on. When the answer is 401 and the
// credential has another token by now, the request is sent once more: it cannot
// have had an effect.
func (g *tokenGate) Do(req *policy.Request) (*http.Response, error) {
	ctx := req.Raw().Context()
	if _, err := g.GetToken(ctx, policy.TokenRequestOptions{}); err != nil {
		return nil, final{err}
	}
	resp, err := req.Next()
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	used := strings.TrimPrefix(req.Raw().Header.Get("Authorization"), "Bearer ")
	g.drop(used)
	fresh, err := g.GetToken(ctx, policy.TokenRequestOptions{})
	if err != nil || fresh.Token == used {
		return resp, nil
	}
	if err := req.RewindBody(); err != nil {
		return resp, nil
	}
	runtime.Drain(resp)
	return req.Next()
}

// tokenError gives the failure of a credential this module's type.
func tokenError(err error) error {
	if _, ok := errors.AsType[*azureml.Error](err); ok {
		return err
	}
	return &azureml.Error{
		Operation: "get an access token",
		Kind:      azureml.ErrUnauthorized,
		Message:   firstLine(redact.Text(err.Error())),
		Err:       err,
	}
}

// firstLine shortens the texts of foreign credentials, which run over many lines.
func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(line)
}

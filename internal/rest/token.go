package rest

import (
	"context"
	"net/http"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/azureml-go/azureml/internal/signin"
	"github.com/azureml-go/azureml/internal/tokencache"
)

// tokenGate asks the credential once for all callers. It stands in front of the
// bearer policy both as a policy (callers wait here, each with its own context; in
// the bearer policy they would wait for the first one's) and as its credential
// (which then answers from memory). It also asks once anew when a token is refused, and
// lets no request through to a host that the token is not for.
type tokenGate struct {
	credential azcore.TokenCredential
	scopes     []string
	hosts      *Hosts
	tokens     *tokencache.Cache
}

func newTokenGate(credential azcore.TokenCredential, scope string, hosts *Hosts) *tokenGate {
	return &tokenGate{credential: credential, scopes: []string{scope}, hosts: hosts, tokens: tokencache.New(tokencache.Config{Source: credential.GetToken})}
}

// forgetful is a credential that keeps tokens itself and can be told of a refused one.
type forgetful interface{ Forget(token string) }

// GetToken gives the shared token. One asked for with claims (a continuous access
// evaluation challenge) is asked for anew and becomes the shared one.
func (g *tokenGate) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	got, err := g.tokens.Get(ctx, policy.TokenRequestOptions{Scopes: g.scopes, Claims: o.Claims, EnableCAE: true})
	switch {
	case err == nil:
		return got, nil
	case ctx.Err() != nil:
		return azcore.AccessToken{}, ctx.Err()
	}
	return azcore.AccessToken{}, signin.Attempt{Operation: "get an access token", Keep: true}.Error(err)
}

// Do refuses requests to other hosts, before a token is asked for, waits for a token and sends the request on. When the answer is 401 and the
// credential has another token by now, the request is sent once more: it cannot
// have had an effect.
func (g *tokenGate) Do(req *policy.Request) (*http.Response, error) {
	if err := g.hosts.Check(req.Raw().URL); err != nil {
		return nil, final{err}
	}
	ctx := req.Raw().Context()
	if _, err := g.GetToken(ctx, policy.TokenRequestOptions{}); err != nil {
		return nil, final{err}
	}
	resp, err := req.Next()
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	used := strings.TrimPrefix(req.Raw().Header.Get("Authorization"), "Bearer ")
	g.tokens.Forget(used)
	if f, ok := g.credential.(forgetful); ok {
		f.Forget(used)
	}
	renewed, err := g.GetToken(ctx, policy.TokenRequestOptions{})
	if err != nil || renewed.Token == used {
		return resp, nil //nolint:nilerr // the refusal itself is the better answer
	}
	if err := req.RewindBody(); err != nil {
		return resp, nil //nolint:nilerr // the refusal itself is the better answer
	}
	runtime.Drain(resp)
	return req.Next()
}

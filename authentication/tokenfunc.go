package authentication

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/clouds"
	"github.com/azureml-go/azureml/internal/jwt"
	"github.com/azureml-go/azureml/internal/signin"
	"github.com/azureml-go/azureml/internal/tokencache"
)

// TokenFunc is a credential whose tokens the caller's function gives. It is safe for
// concurrent use; the function is called by one goroutine at a time for one audience.
type TokenFunc struct {
	*credential
}

// TokenFuncOptions are the optional parts of [NewTokenFunc].
type TokenFuncOptions struct {
	// Cloud says which audience [TokenFunc.Header] asks for; default: see [Cloud].
	Cloud cloud.Configuration
	// Name says in errors and logs what the function is; default "the token function".
	Name string
}

// opaqueLife is how long a token serves of which nobody says when it ends.
const opaqueLife = 5 * time.Minute

// NewTokenFunc makes a credential of a function that gives access tokens, from wherever
// it has them. audience is the resource that the token shall be for:
// "https://management.core.windows.net/" for the resource manager of the public cloud and
// the services of a workspace.
//
// The function may leave ExpiresOn zero: the end is then read from the token (the claim
// exp of a JSON web token); a token without any is asked for anew after 5 minutes. A
// token that has ended already is an error. A token is kept, and the function called
// again, as [TokenFunc.GetToken] says.
//
// It mirrors TokenAuthentication and, with a function that always gives the same token,
// ArmTokenAuthentication.
func NewTokenFunc(get func(ctx context.Context, audience string) (azcore.AccessToken, error), o *TokenFuncOptions) (*TokenFunc, error) {
	given := optional(o)
	if given.Name = strings.TrimSpace(given.Name); given.Name == "" {
		given.Name = "the token function"
	}
	if get == nil {
		return nil, &azureml.Error{
			Operation: "make", Subject: "a credential of a function", Kind: azureml.ErrInvalid,
			Violations: []azureml.Violation{{Field: "get", Rule: "must not be nil"}},
		}
	}
	resolved, err := clouds.Resolve(given.Cloud)
	if err != nil {
		return nil, err
	}
	return &TokenFunc{newCredential(way{
		name: given.Name, subject: "with " + given.Name, cloud: resolved, source: callTokenFunc(get),
		failure: signin.Attempt{Keep: true},
	})}, nil
}

func callTokenFunc(get func(context.Context, string) (azcore.AccessToken, error)) tokencache.Source {
	return func(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
		if len(o.Scopes) != 1 {
			return azcore.AccessToken{}, invalid("sign in", "with a token function", fmt.Sprintf("a token is for one scope, not for %d", len(o.Scopes)))
		}
		token, err := get(ctx, audienceOf(o.Scopes[0]))
		if err != nil {
			return azcore.AccessToken{}, err
		}
		return tidyToken(token)
	}
}

// audienceOf is the audience that a scope stands for; it keeps its trailing slash.
func audienceOf(scope string) string {
	for _, suffix := range []string{"/.default", "/user_impersonation"} {
		if audience, ok := strings.CutSuffix(scope, suffix); ok {
			return audience
		}
	}
	return scope
}

// tidyToken completes what a function gave.
func tidyToken(token azcore.AccessToken) (azcore.AccessToken, error) {
	token.Token = strings.TrimSpace(token.Token)
	if scheme, rest, _ := strings.Cut(token.Token, " "); strings.EqualFold(scheme, "Bearer") {
		token.Token = strings.TrimSpace(rest)
	}
	if token.Token == "" {
		return azcore.AccessToken{}, errors.New("it gave no token")
	}
	now := time.Now()
	if token.ExpiresOn.IsZero() {
		claims, _ := jwt.Parse(token.Token)
		token.ExpiresOn = claims.Expires
	}
	switch {
	case token.ExpiresOn.IsZero():
		token.ExpiresOn = now.Add(opaqueLife)
	case !now.Before(token.ExpiresOn):
		return azcore.AccessToken{}, fmt.Errorf("it gave a token that ended at %s", token.ExpiresOn.UTC().Format(time.RFC3339))
	}
	return token, nil
}

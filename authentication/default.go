package authentication

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/tokencache"
	"github.com/azureml-go/azureml/internal/validate"
)

// Default signs in with the first way that there is. It is safe for concurrent use.
type Default struct {
	*credential
	chain *chain
}

// DefaultOptions are the optional parts of [NewDefault].
type DefaultOptions struct {
	// ClientOptions are for the requests to the authority; see [ServicePrincipalOptions].
	azcore.ClientOptions
	// TenantID is the tenant that the Azure CLI and a person sign in to; default: their own.
	TenantID string
	// ManagedIdentityClientID chooses a user-assigned managed identity.
	ManagedIdentityClientID string
	// Prompt says whether a person may be asked in the end; default: only on a terminal.
	Prompt Prompting
	// Cache, AdditionallyAllowedTenants and DisableInstanceDiscovery are those of
	// [ServicePrincipalOptions].
	Cache                      azidentity.Cache
	AdditionallyAllowedTenants []string
	DisableInstanceDiscovery   bool
	// OnWarning gets what is worth saying about an interactive login.
	OnWarning func(azureml.Warning)
}

// NewDefault makes the credential that a nil credential stands for everywhere in this
// module. It tries, in this order, and keeps to the first that gives a token:
//
//  1. environment: the variables of [NewServicePrincipalFromEnvironment];
//  2. workload identity: those of [NewWorkloadIdentity];
//  3. managed identity: on a machine that has the endpoint; a virtual machine's is
//     looked for during one second at most;
//  4. Azure CLI: whoever is signed in with az login;
//  5. interactive: a person, if standard input is a terminal and Prompt allows it.
//
// A service principal or workload identity that is described in full, and is refused or
// cannot be used, ends the search: nobody is signed in as somebody else because a secret
// is wrong or a certificate has ended. The error when nothing worked (ErrUnauthorized)
// says of each way why it did not; [Default.Used] says which one did. What the environment says is read now; nothing is sent before the
// first token is needed. It stands for azureml.core's behaviour without auth.
func NewDefault(o *DefaultOptions) (*Default, error) {
	given := optional(o)
	var check validate.Checker
	if given.TenantID != "" {
		check.Match("TenantID", given.TenantID, tenantPattern, tenantRule)
	}
	validate.OneOf(&check, "Prompt", given.Prompt, PromptNever, PromptAlways)
	if err := check.Err("make", "the default credential"); err != nil {
		return nil, err
	}
	prepared, err := clientOptions(given.ClientOptions)
	if err != nil {
		return nil, err
	}
	given.Cloud = prepared.Cloud
	d := &Default{chain: &chain{turn: make(chan struct{}, 1), steps: given.steps()}}
	d.credential = newCredential(way{
		name: "default credential", subject: "with the default credential", cloud: given.Cloud, source: d.chain.token,
		cache: tokencache.Config{Timeout: loginTimeout + time.Minute},
	})
	return d, nil
}

// Used names the way that gave the first token: "environment", "workload identity",
// "managed identity", "Azure CLI" or "interactive login". It is "" before that.
func (d *Default) Used() string {
	if s := d.chain.chosen.Load(); s != nil {
		return s.name
	}
	return ""
}

// step is one way of the chain.
type step struct {
	name string
	// credential, or why there is none.
	credential *credential
	missing    error
	// limit bounds the first try, 0 not.
	limit time.Duration
	// probe, if set, says why the way is not there.
	probe func(context.Context) error
	// decisive tells that a refusal ends the search; described, that the environment has
	// all that it takes, so that what is wrong with it ends the search as well.
	decisive, described bool
}

// chain finds the step that works.
type chain struct {
	steps  []step
	chosen atomic.Pointer[step]
	turn   chan struct{} // holds one entry while somebody searches
}

// token is the source of the credential.
func (c *chain) token(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	if s := c.chosen.Load(); s != nil {
		return s.credential.ask(ctx, o)
	}
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return azcore.AccessToken{}, ctx.Err()
	}
	if s := c.chosen.Load(); s != nil {
		return s.credential.ask(ctx, o)
	}
	return c.search(ctx, o)
}

func (c *chain) search(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	var failures []error
	message := "none of the ways to sign in worked:"
	for i := range c.steps {
		s := &c.steps[i]
		token, err := s.try(ctx, o)
		switch {
		case err == nil:
			c.chosen.Store(s)
			return token, nil
		case ctx.Err() != nil:
			return azcore.AccessToken{}, ctx.Err()
		case s.decisive && (s.missing == nil || s.described):
			return azcore.AccessToken{}, err
		}
		failures = append(failures, err)
		// Each on a line of its own when explained; in one line the semicolons part them.
		message += "\n  " + s.name + ": " + whyNot(err) + ";"
	}
	return azcore.AccessToken{}, &azureml.Error{
		Operation: "sign in", Subject: "with the default credential", Kind: azureml.ErrUnauthorized,
		Message: message[:len(message)-1], Err: errors.Join(failures...),
		Remedy: "Set AML_TENANT_ID, AML_PRINCIPAL_ID and AML_PRINCIPAL_PASS for a service principal, or sign in with: az login",
	}
}

func (s *step) try(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	if s.missing != nil {
		return azcore.AccessToken{}, s.missing
	}
	if s.probe != nil {
		if err := s.probe(ctx); err != nil {
			return azcore.AccessToken{}, err
		}
	}
	if s.limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.limit)
		defer cancel()
	}
	return s.credential.ask(ctx, o)
}

// whyNot is the reason in a failure, without what was tried.
func whyNot(err error) string {
	e, ok := errors.AsType[*azureml.Error](err)
	switch {
	case !ok:
		return err.Error()
	case len(e.Violations) > 0:
		text := e.Violations[0].String()
		for _, v := range e.Violations[1:] {
			text += ", " + v.String()
		}
		return text
	}
	return shortReason(err)
}

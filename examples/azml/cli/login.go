package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity/cache"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/authentication"
)

// managementScope is what a sign-in asks a token for.
const managementScope = "https://management.azure.com/.default"

// tokenCache keeps sign-ins between two commands, encrypted by the operating system.
// Where that has no place for secrets, each command signs in anew.
func (s *session) tokenCache() azidentity.Cache {
	c, err := cache.New(&cache.Options{Name: "azml"})
	if err != nil {
		s.warn(azureml.Warning{Subject: "login", Message: "cannot be remembered on this system", Err: err})
	}
	return c
}

// signIn is who works without -emulator: the service principal of the environment, the
// Azure CLI, a managed identity, or whoever "azml login" signed in.
func (s *session) signIn(context.Context, *Globals) (*Connection, error) {
	cred, err := authentication.NewDefault(&authentication.DefaultOptions{
		TenantID: s.globals.Tenant, Cache: s.tokenCache(), OnWarning: s.warn,
	})
	return &Connection{Credential: cred}, err
}

// account is what login shows.
type account struct {
	TenantID string    `json:"tenantId,omitempty"`
	Expires  time.Time `json:"tokenExpiresOn,omitzero"`
}

func loginCommands() []command {
	return []command{{
		words: "login", short: "sign in with a browser, or by a code", offline: true,
		long: "The sign-in is remembered for the commands that follow, where the operating system\n" +
			"has a place for secrets. Programs need none of this: they set AML_TENANT_ID,\n" +
			"AML_PRINCIPAL_ID and AML_PRINCIPAL_PASS.",
		example: "login --tenant contoso.example --use-device-code",
		setup: func(f *flags) action {
			device := f.on("use-device-code", "show a code to type in on another device, instead of opening a browser")
			force := f.on("force", "sign in anew also if somebody is signed in")
			return func(ctx context.Context, s *session) (result, error) { return login(ctx, s, *device, *force) }
		},
	}}
}

func login(ctx context.Context, s *session, device, force bool) (result, error) {
	var cred azcore.TokenCredential
	if s.globals.Emulator || s.env.Connect != nil {
		c, err := s.connect(ctx)
		if err != nil {
			return result{}, err
		}
		cred = c.Credential
	} else {
		o := &authentication.InteractiveLoginOptions{
			TenantID: s.globals.Tenant, Force: force, Cache: s.tokenCache(), Output: s.env.Err,
			Prompt: authentication.PromptAlways, OnWarning: s.warn,
		}
		if device {
			o.Method = authentication.LoginDeviceCode
		}
		made, err := authentication.NewInteractiveLogin(o)
		if err != nil {
			return result{}, err
		}
		cred = made
	}
	token, err := cred.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{managementScope}})
	if err != nil {
		return result{}, err
	}
	fmt.Fprintln(s.env.Err, "Signed in.")
	a := account{TenantID: s.globals.Tenant, Expires: token.ExpiresOn.UTC()}
	return one(a, "Tenant", a.TenantID, "Token expires", a.Expires), nil
}

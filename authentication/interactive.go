package authentication

import (
	"io"
	"os"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/signin"
	"github.com/azureml-go/azureml/internal/tokencache"
	"github.com/azureml-go/azureml/internal/validate"
)

// LoginMethod is how a person is asked to sign in.
type LoginMethod string

const (
	// LoginAutomatic takes the browser where there is one, else a device code.
	LoginAutomatic LoginMethod = ""
	// LoginBrowser opens a browser on this machine.
	LoginBrowser LoginMethod = "browser"
	// LoginDeviceCode shows a code to be typed in on any machine.
	LoginDeviceCode LoginMethod = "devicecode"
)

// PossibleLoginMethodValues returns the values of [LoginMethod].
func PossibleLoginMethodValues() []LoginMethod {
	return []LoginMethod{LoginAutomatic, LoginBrowser, LoginDeviceCode}
}

// Prompting says whether a person may be asked to sign in.
type Prompting string

const (
	// PromptOnTerminal asks only if standard input is a terminal, so that nothing hangs
	// in a pipeline.
	PromptOnTerminal Prompting = ""
	// PromptNever never asks.
	PromptNever Prompting = "never"
	// PromptAlways asks wherever the program runs.
	PromptAlways Prompting = "always"
)

// PossiblePromptingValues returns the values of [Prompting].
func PossiblePromptingValues() []Prompting {
	return []Prompting{PromptOnTerminal, PromptNever, PromptAlways}
}

// InteractiveLogin signs a person in. It is safe for concurrent use; there is one login
// at a time.
type InteractiveLogin struct {
	*credential
}

// InteractiveLoginOptions are the optional parts of [NewInteractiveLogin].
type InteractiveLoginOptions struct {
	// ClientOptions are for the requests to the authority; see [ServicePrincipalOptions].
	azcore.ClientOptions
	// TenantID is the tenant to sign in to, by id or domain. Give it if the person is a
	// guest in the workspace's tenant or belongs to several. Default: the person's own.
	TenantID string
	// ClientID is the application that signs in, RedirectURL its redirect address.
	// Default: the Azure CLI's application.
	ClientID, RedirectURL string
	// LoginHint is the user name to begin with; default: whoever signed in last.
	LoginHint string
	// Force signs in anew, for the first token, whoever is signed in already.
	Force bool
	// Method is browser or device code; default: what the machine has.
	Method LoginMethod
	// Prompt says whether to ask a person; default: only on a terminal.
	Prompt Prompting
	// Output gets what the person has to read, such as the device code; default os.Stderr.
	Output io.Writer
	// Timeout is how long a person has to sign in; default 15 minutes.
	Timeout time.Duration
	// Cache keeps the sign-in beyond the process, so that nobody is asked again: package
	// azidentity/cache makes one. Whose sign-in to take is read from RecordFile; without
	// that file, or if TenantID, ClientID, LoginHint or the cloud mean somebody else, the
	// person is asked. Default: in memory.
	Cache azidentity.Cache
	// RecordFile keeps who signed in last (no secret), with mode 0600. Default:
	// azureml/authentication-record.json in the user's configuration folder. "none" keeps
	// no file.
	RecordFile string
	// DisableAzureCLI leaves out the Azure CLI's sign-in.
	DisableAzureCLI bool
	// AdditionallyAllowedTenants are tenants besides TenantID for which tokens may be
	// asked; "*" is any, and so it is without TenantID.
	AdditionallyAllowedTenants []string
	// DisableInstanceDiscovery is that of [ServicePrincipalOptions].
	DisableInstanceDiscovery bool
	// OnWarning gets what is worth saying, such as a record that could not be written.
	OnWarning func(azureml.Warning)
}

// loginTimeout is how long Entra ID's device codes are good.
const loginTimeout = 15 * time.Minute

// noRecord is the RecordFile that keeps none.
const noRecord = "none"

// NewInteractiveLogin signs a person in. For each token it takes, in this order, what is
// there: the sign-in in Cache, that of the Azure CLI, and then asks the person, in a
// browser or with a device code. Nothing happens before the first token is needed.
//
// It never asks if Prompt forbids it, or by default if standard input is no terminal: the
// error is then ErrInteractionRequired, and says why what was there did not do.
// azureml.core's prompts make pipelines hang. It mirrors InteractiveLoginAuthentication.
func NewInteractiveLogin(o *InteractiveLoginOptions) (*InteractiveLogin, error) {
	l, err := newLogin(optional(o))
	if err != nil {
		return nil, err
	}
	name := "interactive login"
	if l.options.TenantID != "" {
		name += ` to tenant "` + l.options.TenantID + `"`
	}
	return &InteractiveLogin{newCredential(way{
		name: name, subject: "with the " + name, cloud: l.options.Cloud, source: l.token,
		cache: tokencache.Config{Timeout: l.options.Timeout + time.Minute},
		failure: signin.Attempt{
			Remedy: "Sign in again; if it goes on, try Method: LoginDeviceCode, and name the tenant (TenantID).",
		},
	})}, nil
}

// prepare checks the options and fills in the defaults.
func (o *InteractiveLoginOptions) prepare() error {
	for _, text := range []*string{&o.TenantID, &o.ClientID, &o.RedirectURL, &o.LoginHint} {
		*text = strings.TrimSpace(*text)
	}
	var check validate.Checker
	if o.TenantID != "" {
		check.Match("TenantID", o.TenantID, tenantPattern, tenantRule)
	}
	if o.RedirectURL != "" && o.ClientID == "" {
		check.Add("RedirectURL", o.RedirectURL, "is for a ClientID of your own")
	}
	validate.OneOf(&check, "Method", o.Method, LoginBrowser, LoginDeviceCode)
	validate.OneOf(&check, "Prompt", o.Prompt, PromptNever, PromptAlways)
	if o.Timeout < 0 {
		check.Add("Timeout", o.Timeout, "must be > 0")
	}
	if err := check.Err("make", "an interactive login"); err != nil {
		return err
	}
	if o.Timeout == 0 {
		o.Timeout = loginTimeout
	}
	if o.Output == nil {
		o.Output = os.Stderr
	}
	if o.ClientID == "" {
		o.ClientID = cliApplication
	}
	var err error
	o.ClientOptions, err = clientOptions(o.ClientOptions)
	return err
}

// cliApplication is the Azure CLI's application id, which every tenant knows.
const cliApplication = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"

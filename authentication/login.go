package authentication

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/azureml-go/azureml"
)

// account is a credential of azidentity that a person signs in to. It never asks by
// itself.
type account interface {
	azcore.TokenCredential
	Authenticate(context.Context, *policy.TokenRequestOptions) (azidentity.AuthenticationRecord, error)
}

// eitherKind is an account whose sign-in serves for all tokens. MSAL keeps those that
// continuous access evaluation knows, which a workspace asks for, apart from plain ones,
// and would have the person sign in for each kind. It is used by one caller at a time.
type eitherKind struct {
	account
	// has tells, by TokenRequestOptions.EnableCAE, of which kind there may be a sign-in.
	has map[bool]bool
}

// Authenticate lets the person sign in.
func (e *eitherKind) Authenticate(ctx context.Context, o *policy.TokenRequestOptions) (azidentity.AuthenticationRecord, error) {
	record, err := e.account.Authenticate(ctx, o)
	if err == nil {
		e.has[o.EnableCAE] = true
	}
	return record, err
}

// GetToken gives a token of the other kind where there is none of the one that is asked
// for. The claims of a challenge are asked for in either case.
func (e *eitherKind) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	other := o
	other.EnableCAE = !o.EnableCAE
	if !e.has[other.EnableCAE] {
		return e.account.GetToken(ctx, o)
	}
	if !e.has[o.EnableCAE] {
		return e.account.GetToken(ctx, other)
	}
	token, err := e.account.GetToken(ctx, o)
	if _, nobody := errors.AsType[*azidentity.AuthenticationRequiredError](err); nobody {
		return e.account.GetToken(ctx, other)
	}
	return token, err
}

// login gets tokens for a person. Its method token is called with the turn taken.
type login struct {
	options InteractiveLoginOptions
	browser account
	device  account
	cli     *AzureCLI // nil where it is left out
	record  recordFile
	// terminal and display tell what the program runs in.
	terminal, display func() bool

	// turn holds one entry while somebody uses the fields below: logins come one after
	// the other, whatever they are for.
	turn   chan struct{}
	used   azcore.TokenCredential // what gave the last token
	forced bool                   // a login is due whoever is signed in
}

func newLogin(o InteractiveLoginOptions) (*login, error) {
	if err := o.prepare(); err != nil {
		return nil, err
	}
	l := &login{options: o, terminal: isTerminal, display: hasDisplay, turn: make(chan struct{}, 1), forced: o.Force}
	l.record = recordFile{path: recordPath(o.RecordFile)}
	last := l.record.read()
	if l.options.LoginHint == "" {
		l.options.LoginHint = last.Username
	}
	if !fits(last, o) {
		last = azidentity.AuthenticationRecord{}
	}
	var err error
	if err = l.accounts(last); err != nil {
		return nil, invalid("make", "an interactive login", err.Error())
	}
	if !o.DisableAzureCLI {
		l.cli, err = NewAzureCLI(&AzureCLIOptions{TenantID: o.TenantID, Cloud: o.Cloud, AdditionallyAllowedTenants: o.AdditionallyAllowedTenants})
	}
	return l, err
}

// accounts makes the credentials of azidentity.
func (l *login) accounts(last azidentity.AuthenticationRecord) error {
	o := l.options
	browser, err := azidentity.NewInteractiveBrowserCredential(&azidentity.InteractiveBrowserCredentialOptions{
		ClientOptions: o.ClientOptions, AdditionallyAllowedTenants: o.AdditionallyAllowedTenants, AuthenticationRecord: last,
		Cache: o.Cache, ClientID: o.ClientID, DisableAutomaticAuthentication: true, DisableInstanceDiscovery: o.DisableInstanceDiscovery,
		LoginHint: o.LoginHint, RedirectURL: o.RedirectURL, TenantID: o.TenantID,
	})
	if err != nil {
		return err
	}
	device, err := azidentity.NewDeviceCodeCredential(&azidentity.DeviceCodeCredentialOptions{
		ClientOptions: o.ClientOptions, AdditionallyAllowedTenants: o.AdditionallyAllowedTenants, AuthenticationRecord: last,
		Cache: o.Cache, ClientID: o.ClientID, DisableAutomaticAuthentication: true, DisableInstanceDiscovery: o.DisableInstanceDiscovery,
		TenantID: o.TenantID,
		UserPrompt: func(_ context.Context, m azidentity.DeviceCodeMessage) error {
			_, err := fmt.Fprintln(o.Output, m.Message)
			return err
		},
	})
	persists := o.Cache != (azidentity.Cache{})
	l.browser = &eitherKind{browser, map[bool]bool{false: persists, true: persists}}
	l.device = &eitherKind{device, map[bool]bool{false: persists, true: persists}}
	return err
}

// token is the source of the credential.
func (l *login) token(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return azcore.AccessToken{}, ctx.Err()
	}
	var reasons []string
	if !l.forced {
		token, done, why, err := l.signedIn(ctx, o)
		if done {
			return token, err
		}
		reasons = why
	}
	if why := l.mayNotAsk(); why != "" {
		return azcore.AccessToken{}, l.nobodyToAsk(append(reasons, why))
	}
	return l.ask(ctx, o)
}

// signedIn tries what is there, without asking anybody. done tells that the search is
// over; reasons say why it is not.
func (l *login) signedIn(ctx context.Context, o policy.TokenRequestOptions) (token azcore.AccessToken, done bool, reasons []string, err error) {
	type candidate struct {
		name string
		azcore.TokenCredential
	}
	var all []candidate
	switch {
	case l.used != nil:
		all = append(all, candidate{"the sign-in so far", l.used})
	case l.options.Cache != (azidentity.Cache{}):
		all = append(all, candidate{"the token cache", l.browser})
	}
	if l.cli != nil && l.used != azcore.TokenCredential(l.cli) {
		all = append(all, candidate{"the Azure CLI", l.cli})
	}
	for _, c := range all {
		token, err = c.GetToken(ctx, o)
		if err == nil {
			l.used = c.TokenCredential
			return token, true, nil, nil
		}
		if ctx.Err() != nil {
			return token, true, nil, ctx.Err()
		}
		reasons = append(reasons, c.name+": "+shortReason(err))
	}
	return token, false, reasons, nil
}

// shortReason is an error as part of another one.
func shortReason(err error) string {
	if _, ok := errors.AsType[*azidentity.AuthenticationRequiredError](err); ok {
		return "nobody is signed in"
	}
	if e, ok := errors.AsType[*azureml.Error](err); ok && e.Message != "" {
		return strings.TrimSuffix(strings.Join(strings.Fields(e.Message), " "), ".")
	}
	return "no token"
}

// mayNotAsk says why nobody may be asked, "" if somebody may.
func (l *login) mayNotAsk() string {
	switch {
	case l.options.Prompt == PromptNever:
		return "asking a person is turned off (Prompt)"
	case l.options.Prompt == PromptOnTerminal && !l.terminal():
		return "nobody can be asked: standard input is no terminal"
	}
	return ""
}

func (l *login) nobodyToAsk(reasons []string) error {
	remedy := "az login"
	if l.options.TenantID != "" {
		remedy += " --tenant " + l.options.TenantID
	}
	return &azureml.Error{
		Operation: "sign in", Subject: "interactively", Kind: azureml.ErrInteractionRequired,
		Message: strings.Join(reasons, "; "),
		Err:     azidentity.NewCredentialUnavailableError("interactive login: " + strings.Join(reasons, "; ")),
		Remedy:  "Sign in before, with: " + remedy + ". For a pipeline use a service principal (AML_TENANT_ID, AML_PRINCIPAL_ID, AML_PRINCIPAL_PASS).",
	}
}

// ask lets a person sign in.
func (l *login) ask(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	ctx, cancel := context.WithTimeout(ctx, l.options.Timeout)
	defer cancel()
	with := l.device
	if l.options.Method == LoginBrowser || l.options.Method == LoginAutomatic && l.display() {
		with = l.browser
		fmt.Fprintln(l.options.Output, "Sign in with the browser that opens now.")
	}
	record, err := with.Authenticate(ctx, &o)
	if err != nil && with == l.browser && l.options.Method == LoginAutomatic && noBrowser(err) {
		fmt.Fprintln(l.options.Output, "No browser could be opened.")
		with = l.device
		record, err = with.Authenticate(ctx, &o)
	}
	if err != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			err = &azureml.Error{
				Operation: "sign in", Subject: "interactively", Kind: azureml.ErrInteractionRequired,
				Message: fmt.Sprintf("nobody signed in within %s", l.options.Timeout), Err: context.DeadlineExceeded,
			}
		}
		return azcore.AccessToken{}, err
	}
	l.used, l.forced = with, false
	if err := l.record.write(record); err != nil && l.options.OnWarning != nil {
		l.options.OnWarning(azureml.Warning{Subject: "interactive login", Message: "who signed in could not be noted for the next time", Err: err})
	}
	return with.GetToken(ctx, o)
}

// noBrowser tells of a browser that could not be started.
func noBrowser(err error) bool {
	text := err.Error()
	return strings.Contains(text, "executable file not found") || strings.Contains(text, "exit status") || strings.Contains(text, "fork/exec")
}

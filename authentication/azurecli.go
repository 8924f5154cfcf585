package authentication

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/clouds"
	"github.com/azureml-go/azureml/internal/signin"
	"github.com/azureml-go/azureml/internal/tokencache"
	"github.com/azureml-go/azureml/internal/validate"
)

// AzureCLI signs in as whom the Azure CLI is signed in as. It is safe for concurrent use.
type AzureCLI struct {
	*credential
}

// AzureCLIOptions are the optional parts of [NewAzureCLI].
type AzureCLIOptions struct {
	// TenantID is the tenant to get tokens of; default: that of the subscription.
	TenantID string
	// Subscription, a name or id, chooses the account if the CLI is signed in to several;
	// default: the CLI's own default subscription.
	Subscription string
	// Cloud is the CLI's cloud. Default: AZUREML_CURRENT_CLOUD, else the one that the
	// CLI's configuration names (az cloud set), else the public one.
	Cloud cloud.Configuration
	// AdditionallyAllowedTenants are tenants besides TenantID for which tokens may be
	// asked; "*" is any.
	AdditionallyAllowedTenants []string
	// Timeout bounds one run of the CLI; default 1 minute. It can take ten seconds and
	// more on a busy machine.
	Timeout time.Duration
}

const cliTimeout = time.Minute

// cliAccount is who signs in.
const cliAccount = "the Azure CLI's account"

// subscriptionPattern is what azidentity lets through to the shell.
var subscriptionPattern = regexp.MustCompile(`[0-9A-Za-z._ -]+`)

// NewAzureCLI gets tokens from the Azure CLI (az account get-access-token), as a user or
// a service principal that has signed in with az login. The CLI's files are not touched.
// Nothing is run before the first token is needed; tokens are kept in memory.
//
// Errors of GetToken: ErrInteractionRequired when the CLI asks for az login, ErrUnauthorized
// when it is not installed. It mirrors AzureCliAuthentication.
func NewAzureCLI(o *AzureCLIOptions) (*AzureCLI, error) {
	given := optional(o)
	given.TenantID, given.Subscription = strings.TrimSpace(given.TenantID), strings.TrimSpace(given.Subscription)
	var check validate.Checker
	if given.TenantID != "" {
		check.Match("TenantID", given.TenantID, tenantPattern, tenantRule)
	}
	if given.Subscription != "" {
		check.Match("Subscription", given.Subscription, subscriptionPattern, "must consist of letters, digits, blanks and . _ -; use the subscription's id")
	}
	if given.Timeout < 0 {
		check.Add("Timeout", given.Timeout, "must be > 0")
	}
	if err := check.Err("make", "the Azure CLI's credential"); err != nil {
		return nil, err
	}
	if given.Timeout == 0 {
		given.Timeout = cliTimeout
	}
	resolved, err := cliCloud(given.Cloud)
	if err != nil {
		return nil, err
	}
	wrapped, err := azidentity.NewAzureCLICredential(&azidentity.AzureCLICredentialOptions{
		TenantID: given.TenantID, Subscription: given.Subscription, AdditionallyAllowedTenants: given.AdditionallyAllowedTenants,
	})
	if err != nil {
		return nil, invalid("make", "the Azure CLI's credential", err.Error())
	}
	login := "az login"
	if given.TenantID != "" {
		login += " --tenant " + given.TenantID
	}
	return &AzureCLI{newCredential(way{
		name: cliAccount, cloud: resolved,
		source:  runCLI(wrapped, given.Timeout),
		failure: signin.Attempt{Remedy: "Sign in with: " + login, Soft: true},
	})}, nil
}

// runCLI runs the CLI within its time and puts its failures into words.
func runCLI(wrapped azcore.TokenCredential, timeout time.Duration) tokencache.Source {
	return func(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
		limited, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		token, err := wrapped.GetToken(limited, o)
		if err == nil && token.Token == "" {
			err = errors.New("the Azure CLI printed no token")
		}
		if err == nil {
			return token, nil
		}
		syntax, isSyntax := errors.AsType[*json.SyntaxError](err)
		switch {
		case ctx.Err() != nil:
			err = ctx.Err()
		case limited.Err() != nil:
			err = fmt.Errorf("the Azure CLI did not answer within %s", timeout)
		case isSyntax:
			err = fmt.Errorf("the Azure CLI printed something that is no JSON (at byte %d)", syntax.Offset)
		case strings.Contains(err.Error(), "executable not found on path"):
			return token, noCLI()
		}
		return azcore.AccessToken{}, err
	}
}

// noCLI is the error where there is no CLI; a chain of azidentity goes on after it.
func noCLI() error {
	const message = "the Azure CLI (az) was not found in PATH"
	return &azureml.Error{
		Operation: "sign in", Subject: "as " + cliAccount, Kind: azureml.ErrUnauthorized, Message: message,
		Err:    azidentity.NewCredentialUnavailableError(message),
		Remedy: "Install it (https://aka.ms/installazurecli) and sign in with az login, or use another credential.",
	}
}

// cliCloud is the cloud that the CLI is set to.
func cliCloud(given cloud.Configuration) (cloud.Configuration, error) {
	if given.ActiveDirectoryAuthorityHost == "" && len(given.Services) == 0 && os.Getenv("AZUREML_CURRENT_CLOUD") == "" {
		if known, ok := clouds.ByName(activeCloud()); ok {
			return known.Configuration(), nil
		}
	}
	return clouds.Resolve(given)
}

// activeCloud reads the name of the cloud in the CLI's configuration, "" where there is none.
func activeCloud() string {
	folder := os.Getenv("AZURE_CONFIG_DIR")
	if folder == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		folder = filepath.Join(home, ".azure")
	}
	f, err := os.Open(filepath.Join(folder, "config"))
	if err != nil {
		return ""
	}
	defer f.Close()
	section := ""
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]") {
			section = strings.TrimSpace(line[1 : len(line)-1])
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if ok && section == "cloud" && strings.TrimSpace(key) == "name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

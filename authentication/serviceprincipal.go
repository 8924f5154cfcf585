package authentication

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/signin"
	"github.com/azureml-go/azureml/internal/tokencache"
	"github.com/azureml-go/azureml/internal/validate"
)

// ServicePrincipal signs in as an application. It is safe for concurrent use.
type ServicePrincipal struct {
	*credential
	tenantID, clientID, subscriptionID string
}

// TenantID is the tenant that it signs in to.
func (p *ServicePrincipal) TenantID() string { return p.tenantID }

// ClientID is the id of the application.
func (p *ServicePrincipal) ClientID() string { return p.clientID }

// SubscriptionID is the subscription that the --sdk-auth JSON named, "" otherwise.
func (p *ServicePrincipal) SubscriptionID() string { return p.subscriptionID }

// ServicePrincipalOptions are the optional parts of the service principal's constructors.
type ServicePrincipalOptions struct {
	// ClientOptions are for the requests to the authority. Cloud chooses the cloud;
	// default: see [Cloud]. APIVersion has no meaning here.
	azcore.ClientOptions
	// AdditionallyAllowedTenants are tenants besides the principal's own for which
	// tokens may be asked; "*" is any.
	AdditionallyAllowedTenants []string
	// Cache keeps tokens beyond the process (package azidentity/cache makes one).
	// Default: in memory.
	Cache azidentity.Cache
	// DisableInstanceDiscovery leaves out the question to Microsoft's public authority
	// whether the sign-in host is genuine. For private clouds and closed networks.
	DisableInstanceDiscovery bool
}

// NewServicePrincipal signs in with a client secret (its value, not its id). Nothing is
// sent before the first token is needed. Errors: ErrInvalid, naming all that is missing
// or malformed. It mirrors ServicePrincipalAuthentication; a certificate is never taken
// for a secret here, see [NewServicePrincipalWithCertificate].
func NewServicePrincipal(tenantID, clientID string, secret azureml.Secret, o *ServicePrincipalOptions) (*ServicePrincipal, error) {
	p, options, err := newServicePrincipal(tenantID, clientID, optional(o), func(check *validate.Checker) {
		if strings.TrimSpace(secret.Reveal()) == "" {
			check.Add("secret", nil, "is required")
		}
	})
	if err != nil {
		return nil, err
	}
	wrapped, err := azidentity.NewClientSecretCredential(p.tenantID, p.clientID, secret.Reveal(), &azidentity.ClientSecretCredentialOptions{
		ClientOptions: options.ClientOptions, AdditionallyAllowedTenants: options.AdditionallyAllowedTenants,
		Cache: options.Cache, DisableInstanceDiscovery: options.DisableInstanceDiscovery,
	})
	if err != nil {
		return nil, p.unusable(err, secret)
	}
	return p.with(options.Cloud, wrapped.GetToken, secret), nil
}

const makePrincipal = "a service principal's credential"

// tenantPattern is what azidentity takes as a tenant: an id or a domain.
var tenantPattern = regexp.MustCompile(`[0-9A-Za-z.-]+`)

const tenantRule = "must be a tenant's id or domain (letters, digits, '.' and '-')"

// newServicePrincipal checks what all kinds of service principal need, and further adds
// what is special to one kind.
func newServicePrincipal(tenantID, clientID string, o ServicePrincipalOptions, further func(*validate.Checker)) (*ServicePrincipal, ServicePrincipalOptions, error) {
	p := &ServicePrincipal{tenantID: strings.TrimSpace(tenantID), clientID: strings.TrimSpace(clientID)}
	var check validate.Checker
	if check.Require("tenantID", p.tenantID) {
		check.Match("tenantID", p.tenantID, tenantPattern, tenantRule)
	}
	check.Require("clientID", p.clientID)
	further(&check)
	if err := check.Err("make", makePrincipal); err != nil {
		return nil, o, err
	}
	var err error
	o.ClientOptions, err = clientOptions(o.ClientOptions)
	return p, o, err
}

// with completes p with a source of tokens.
func (p *ServicePrincipal) with(in cloud.Configuration, source tokencache.Source, secrets ...azureml.Secret) *ServicePrincipal {
	p.credential = newCredential(way{
		name:   fmt.Sprintf("service principal %q of tenant %q", p.clientID, p.tenantID),
		cloud:  in,
		source: source,
		failure: signin.Attempt{
			Remedy:  "Check tenant id, client id and what the principal proves itself with, and that the cloud is the right one.",
			Secrets: secrets,
		},
	})
	return p
}

// unusable is what azidentity finds wrong when a credential is made.
func (p *ServicePrincipal) unusable(err error, secrets ...azureml.Secret) error {
	explained := signin.Attempt{Operation: "make", Subject: makePrincipal, Secrets: secrets}.Error(err)
	if e, ok := explained.(*azureml.Error); ok { //nolint:errorlint // it was made a line above
		e.Kind = azureml.ErrInvalid
	}
	return explained
}

package authentication

import (
	"fmt"
	"os"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/azureml-go/azureml/internal/signin"
	"github.com/azureml-go/azureml/internal/validate"
)

// NewServicePrincipalWithFederatedToken signs in with the token of another issuer that
// the application trusts (workload identity federation), such as the one that a pipeline
// or Kubernetes writes into tokenFile. The file is read when a token is needed, not now,
// and again after it may have changed. Errors: ErrInvalid.
func NewServicePrincipalWithFederatedToken(tenantID, clientID, tokenFile string, o *ServicePrincipalOptions) (*ServicePrincipal, error) {
	tokenFile = strings.TrimSpace(tokenFile)
	p, options, err := newServicePrincipal(tenantID, clientID, optional(o), func(check *validate.Checker) {
		check.Require("tokenFile", tokenFile)
	})
	if err != nil {
		return nil, err
	}
	wrapped, err := newFederated(p.tenantID, p.clientID, tokenFile, options)
	if err != nil {
		return nil, p.unusable(err)
	}
	return p.with(options.Cloud, wrapped.GetToken), nil
}

// workloadDescribed tells whether the environment has all that makes a workload identity.
func workloadDescribed() bool {
	for _, variable := range []string{"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE"} {
		if strings.TrimSpace(os.Getenv(variable)) == "" {
			return false
		}
	}
	return true
}

func newFederated(tenantID, clientID, tokenFile string, o ServicePrincipalOptions) (*azidentity.WorkloadIdentityCredential, error) {
	return azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{
		ClientOptions: o.ClientOptions, AdditionallyAllowedTenants: o.AdditionallyAllowedTenants,
		Cache: o.Cache, DisableInstanceDiscovery: o.DisableInstanceDiscovery,
		TenantID: tenantID, ClientID: clientID, TokenFilePath: tokenFile,
	})
}

// WorkloadIdentity signs in as what Kubernetes says that the pod is. It is safe for
// concurrent use.
type WorkloadIdentity struct {
	*credential
}

// WorkloadIdentityOptions are the optional parts of [NewWorkloadIdentity].
type WorkloadIdentityOptions struct {
	// ClientOptions are for the requests to the authority; see [ServicePrincipalOptions].
	// Without a Cloud and without AZUREML_CURRENT_CLOUD, AZURE_AUTHORITY_HOST, which the
	// webhook sets, chooses the cloud.
	azcore.ClientOptions
	// TenantID, ClientID and TokenFile are by default those of the environment:
	// AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_FEDERATED_TOKEN_FILE, which the workload
	// identity webhook sets in pods.
	TenantID, ClientID, TokenFile string
	// AdditionallyAllowedTenants, Cache and DisableInstanceDiscovery are those of
	// [ServicePrincipalOptions].
	AdditionallyAllowedTenants []string
	Cache                      azidentity.Cache
	DisableInstanceDiscovery   bool
}

// NewWorkloadIdentity signs in with Microsoft Entra Workload ID, in a pod whose service
// account is federated with an application or a managed identity. Errors: ErrInvalid,
// naming each missing variable, all at once.
func NewWorkloadIdentity(o *WorkloadIdentityOptions) (*WorkloadIdentity, error) {
	given := optional(o)
	var check validate.Checker
	read := func(value, variable string) string {
		if value = strings.TrimSpace(value); value == "" {
			value = strings.TrimSpace(os.Getenv(variable))
		}
		check.Require(variable, value)
		return value
	}
	tenantID := read(given.TenantID, "AZURE_TENANT_ID")
	clientID := read(given.ClientID, "AZURE_CLIENT_ID")
	file := read(given.TokenFile, "AZURE_FEDERATED_TOKEN_FILE")
	if tenantID != "" {
		check.Match("TenantID", tenantID, tenantPattern, tenantRule)
	}
	if err := check.Err("make", "a workload identity's credential"); err != nil {
		return nil, err
	}
	options := ServicePrincipalOptions{
		AdditionallyAllowedTenants: given.AdditionallyAllowedTenants, Cache: given.Cache, DisableInstanceDiscovery: given.DisableInstanceDiscovery,
	}
	var err error
	if options.ClientOptions, err = clientOptions(given.ClientOptions); err != nil {
		return nil, err
	}
	wrapped, err := newFederated(tenantID, clientID, file, options)
	if err != nil {
		return nil, (&ServicePrincipal{}).unusable(err)
	}
	return &WorkloadIdentity{newCredential(way{
		name:   fmt.Sprintf("workload identity %q of tenant %q", clientID, tenantID),
		cloud:  options.Cloud,
		source: wrapped.GetToken,
		failure: signin.Attempt{
			Remedy: "Check that the pod has the label azure.workload.identity/use: \"true\" and that its service account is federated with the client id.",
		},
	})}, nil
}

package authentication

import (
	"fmt"
	"os"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/signin"
	"github.com/azureml-go/azureml/internal/validate"
)

// ManagedIdentity signs in as the identity of the machine that the program runs on. It
// is safe for concurrent use.
type ManagedIdentity struct {
	*credential
}

// ManagedIdentityOptions are the optional parts of [NewManagedIdentity].
type ManagedIdentityOptions struct {
	// ClientOptions are for the requests to the machine's endpoint. Cloud says what
	// [ManagedIdentity.Header] asks a token for. See [ServicePrincipalOptions].
	azcore.ClientOptions
	// ClientID, ResourceID or ObjectID, at most one, names a user-assigned identity.
	// Default: the system-assigned one; on Azure ML compute that of
	// DEFAULT_IDENTITY_CLIENT_ID. App Service and Azure ML know user-assigned identities
	// by their client id, some hosts by no other.
	ClientID, ResourceID, ObjectID string
}

// NewManagedIdentity signs in as a managed identity: on virtual machines and scale sets
// (IMDS), App Service and Functions (IDENTITY_ENDPOINT), Azure ML compute (MSI_ENDPOINT
// and MSI_SECRET), Cloud Shell, Azure Arc and Service Fabric. Which of these it is the
// environment tells, now; nothing is sent before the first token is needed. A machine
// that is not in Azure answers after a long time, if at all: give ctx a deadline.
//
// Errors: ErrInvalid for two ids at once, or one that the host does not know. It mirrors
// MsiAuthentication.
func NewManagedIdentity(o *ManagedIdentityOptions) (*ManagedIdentity, error) {
	given := optional(o)
	const subject = "a managed identity's credential"
	id, name, err := given.identity(subject)
	if err != nil {
		return nil, err
	}
	options, err := clientOptions(given.ClientOptions)
	if err != nil {
		return nil, err
	}
	options.PerRetryPolicies = append(options.PerRetryPolicies, plainExpiry{})
	wrapped, err := azidentity.NewManagedIdentityCredential(&azidentity.ManagedIdentityCredentialOptions{ClientOptions: options, ID: id})
	if err != nil {
		return nil, &azureml.Error{Operation: "make", Subject: subject, Kind: azureml.ErrInvalid, Message: err.Error()}
	}
	return &ManagedIdentity{newCredential(way{
		name:   name,
		cloud:  options.Cloud,
		source: wrapped.GetToken,
		failure: signin.Attempt{
			Address: identityAddress(),
			Remedy:  "Check that a managed identity is assigned to this machine, and that the id, if one is given, is that identity's.",
			Soft:    true,
			Secrets: []azureml.Secret{azureml.NewSecret(os.Getenv("MSI_SECRET")), azureml.NewSecret(os.Getenv("IDENTITY_HEADER"))},
		},
	})}, nil
}

// identity checks which identity is meant.
func (o ManagedIdentityOptions) identity(subject string) (id azidentity.ManagedIDKind, name string, err error) {
	var check validate.Checker
	var given []string
	name = "system-assigned managed identity"
	if value := strings.TrimSpace(o.ClientID); value != "" {
		id, name, given = azidentity.ClientID(value), fmt.Sprintf("managed identity with client id %q", value), append(given, "ClientID")
	}
	if value := strings.TrimSpace(o.ResourceID); value != "" {
		id, name, given = azidentity.ResourceID(value), fmt.Sprintf("managed identity %q", value), append(given, "ResourceID")
	}
	if value := strings.TrimSpace(o.ObjectID); value != "" {
		id, name, given = azidentity.ObjectID(value), fmt.Sprintf("managed identity with object id %q", value), append(given, "ObjectID")
	}
	if len(given) > 1 {
		check.Add(strings.Join(given, ", "), nil, "exclude each other: give at most one")
	}
	return id, name, check.Err("make", subject)
}

// metadataHost is where virtual machines find their identity.
const metadataHost = "http://169.254.169.254"

// identityAddress is the endpoint of this machine.
func identityAddress() string {
	for _, name := range []string{"IDENTITY_ENDPOINT", "MSI_ENDPOINT"} {
		if address := strings.TrimSpace(os.Getenv(name)); address != "" {
			return address
		}
	}
	return metadataHost
}

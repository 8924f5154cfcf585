package authentication

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/azureml-go/azureml/internal/transport"
)

const (
	// probeTime is how long a virtual machine's endpoint is looked for. It answers at
	// once where there is one.
	probeTime = time.Second
	// identityTime bounds the first token of a managed identity in the chain: azidentity
	// repeats for minutes what other hosts at the same address answer.
	identityTime = 30 * time.Second
)

// steps are the ways of the default credential, in their order.
func (o DefaultOptions) steps() []step {
	principal := step{name: "environment", decisive: true}
	if p, err := NewServicePrincipalFromEnvironment(&ServicePrincipalOptions{
		ClientOptions: o.ClientOptions, AdditionallyAllowedTenants: o.AdditionallyAllowedTenants, Cache: o.Cache, DisableInstanceDiscovery: o.DisableInstanceDiscovery,
	}); err != nil {
		_, lacking := principalOf(os.Getenv)
		principal.missing, principal.described = err, len(lacking) == 0
	} else {
		principal.credential = p.credential
	}

	workload := step{name: "workload identity", decisive: true}
	if w, err := NewWorkloadIdentity(&WorkloadIdentityOptions{
		ClientOptions: o.ClientOptions, AdditionallyAllowedTenants: o.AdditionallyAllowedTenants, Cache: o.Cache, DisableInstanceDiscovery: o.DisableInstanceDiscovery,
	}); err != nil {
		workload.missing, workload.described = err, workloadDescribed()
	} else {
		workload.credential = w.credential
	}

	identity := step{name: "managed identity", limit: identityTime}
	if m, err := NewManagedIdentity(&ManagedIdentityOptions{ClientOptions: o.ClientOptions, ClientID: o.ManagedIdentityClientID}); err != nil {
		identity.missing = err
	} else if identity.credential = m.credential; identityAddress() == metadataHost {
		identity.probe = probeMetadata(o.Transport)
	}

	cli := step{name: "Azure CLI"}
	if c, err := NewAzureCLI(&AzureCLIOptions{TenantID: o.TenantID, Cloud: o.Cloud, AdditionallyAllowedTenants: o.AdditionallyAllowedTenants}); err != nil {
		cli.missing = err
	} else {
		cli.credential = c.credential
	}

	person := step{name: "interactive login"}
	if p, err := NewInteractiveLogin(&InteractiveLoginOptions{
		ClientOptions: o.ClientOptions, TenantID: o.TenantID, Prompt: o.Prompt, Cache: o.Cache, DisableAzureCLI: true,
		AdditionallyAllowedTenants: o.AdditionallyAllowedTenants, DisableInstanceDiscovery: o.DisableInstanceDiscovery, OnWarning: o.OnWarning,
	}); err != nil {
		person.missing = err
	} else {
		person.credential = p.credential
	}
	return []step{principal, workload, identity, cli, person}
}

// probeMetadata looks whether this is a virtual machine, with a request that the endpoint
// refuses at once because it lacks the Metadata header.
func probeMetadata(given policy.Transporter) func(context.Context) error {
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, probeTime)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, metadataHost+"/metadata/identity/oauth2/token?api-version=2018-02-01", nil)
		if err != nil {
			return err
		}
		resp, err := transport.Of(given).Do(req)
		if err != nil {
			return errors.New("no metadata endpoint answered within a second: this is no virtual machine in Azure")
		}
		_ = resp.Body.Close()
		// Proxies and routers answer for an address that they do not know, too.
		if resp.StatusCode != http.StatusBadRequest && resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusUnauthorized {
			return fmt.Errorf("what answers at the metadata endpoint (HTTP %d) is not Azure's", resp.StatusCode)
		}
		return nil
	}
}

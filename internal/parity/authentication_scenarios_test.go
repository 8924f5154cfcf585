package parity_test

import (
	"context"
	"slices"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/authentication"
	"github.com/azureml-go/azureml/internal/parity"
	"github.com/azureml-go/azureml/workspace"
)

func principal(s *parity.Stage, tenant, secret string, c cloud.Configuration) (*authentication.ServicePrincipal, error) {
	options := &authentication.ServicePrincipalOptions{ClientOptions: s.ClientOptions()}
	options.Cloud = c
	return authentication.NewServicePrincipal(tenant, parity.ClientID, azureml.NewSecret(secret), options)
}

// tokens asks a service principal for a token, twice.
func tokens(tenant, secret string, c cloud.Configuration) func(context.Context, *parity.Stage) (first, second string, err error) {
	return func(ctx context.Context, s *parity.Stage) (string, string, error) {
		credential, err := principal(s, tenant, secret, c)
		if err != nil {
			return "", "", err
		}
		var got [2]string
		for i := range got {
			token, err := credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{"https://management.core.windows.net//.default"}})
			if err != nil {
				return "", "", err
			}
			got[i] = token.Token
		}
		return got[0], got[1], nil
	}
}

func authenticationScenarios() []parity.Scenario {
	failing := func(tenant, secret string, c cloud.Configuration) func(context.Context, *parity.Stage) (any, error) {
		return func(ctx context.Context, s *parity.Stage) (any, error) {
			_, _, err := tokens(tenant, secret, c)(ctx, s)
			return nil, err
		}
	}
	return []parity.Scenario{
		{Name: "auth_ambient_service_principal", Run: ambient(map[string]string{
			"AZUREML_SERVICE_PRINCIPAL_TENANT_ID": parity.TenantID, "AZUREML_SERVICE_PRINCIPAL_ID": parity.ClientID,
			"AZUREML_SERVICE_PRINCIPAL_PASSWORD": parity.ClientSecret,
		})},
		{Name: "auth_ambient_msi", Run: ambient(map[string]string{"MSI_ENDPOINT": cloudShell})},
		{Name: "auth_msi_endpoint", Run: managed(map[string]string{"MSI_ENDPOINT": cloudShell})},
		{Name: "auth_msi_imds_retry", Run: managed(nil)},
		{Name: "auth_msi_imds", Run: managedWorkspace},
		{Name: "auth_azure_cli_missing", Run: withoutCLI},
		{Name: "auth_token_authentication", Run: ownTokens},
		{Name: "auth_sp_secret", Run: func(ctx context.Context, s *parity.Stage) (any, error) {
			first, second, err := tokens(parity.TenantID, parity.ClientSecret, cloud.AzurePublic)(ctx, s)
			return map[string]any{"header": map[string]any{"Authorization": "Bearer " + first}, "same_token": first == second, "token": first}, err
		}},
		{Name: "fault_token_reset", Run: func(ctx context.Context, s *parity.Stage) (any, error) { return headerAfter(ctx, s) }},
		// The golden's first is left out: see the package comment.
		{Name: "fault_token_503", Run: func(ctx context.Context, s *parity.Stage) (any, error) {
			second, err := headerAfter(ctx, s)
			return map[string]any{"second": second}, err
		}},
		{Name: "auth_sp_short_lived_token", Run: failing(parity.TenantID, parity.ClientSecret, cloud.AzurePublic)},
		{Name: "auth_sp_sovereign_cloud", Run: failing(parity.TenantID, parity.ClientSecret, cloud.AzureGovernment)},
		{Name: "auth_sp_unknown_tenant", Run: failing("12121212-3434-5656-7878-909090909090", parity.ClientSecret, cloud.AzurePublic)},
		{Name: "auth_sp_wrong_secret", Run: failing(parity.TenantID, "wrong", cloud.AzurePublic)},
		{Name: "auth_sp_wrong_secret_workspace", Run: func(ctx context.Context, s *parity.Stage) (any, error) {
			credential, err := principal(s, parity.TenantID, "wrong", cloud.AzurePublic)
			if err != nil {
				return nil, err
			}
			_, err = openWith(ctx, s, credential)
			return nil, err
		}},
	}
}

const (
	cloudShell = "http://localhost:50342/oauth2/token"
	armScope   = "https://management.core.windows.net//.default"
)

// environment makes the variables that credentials are made of those given, and no more.
func environment(s *parity.Stage, variables map[string]string) {
	for _, name := range []string{
		"AML_TENANT_ID", "AML_PRINCIPAL_ID", "AML_PRINCIPAL_PASS",
		"AZUREML_SERVICE_PRINCIPAL_TENANT_ID", "AZUREML_SERVICE_PRINCIPAL_ID", "AZUREML_SERVICE_PRINCIPAL_PASSWORD",
		"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE",
		"MSI_ENDPOINT", "MSI_SECRET", "IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IDENTITY_SERVER_THUMBPRINT", "IMDS_ENDPOINT", "DEFAULT_IDENTITY_CLIENT_ID",
		"AZUREML_CURRENT_CLOUD", "AZURE_AUTHORITY_HOST",
	} {
		s.Setenv(name, variables[name])
	}
}

// whereIs is what the goldens return of a workspace that was opened.
func whereIs(ws *workspace.Workspace) map[string]any {
	return map[string]any{"name": ws.Name, "location": ws.Location}
}

// headerAfter asks a service principal for its header, and again, while the authority
// does not answer the first request well.
func headerAfter(ctx context.Context, s *parity.Stage) (map[string]any, error) {
	credential, err := principal(s, parity.TenantID, parity.ClientSecret, cloud.AzurePublic)
	if err != nil {
		return nil, err
	}
	if _, err := credential.Header(ctx); err != nil {
		return nil, err
	}
	header, err := credential.Header(ctx)
	return map[string]any{"ok": map[string]any{"Authorization": header.Get("Authorization")}}, err
}

// openWith opens the workspace with a credential, nil for none.
func openWith(ctx context.Context, s *parity.Stage, credential azcore.TokenCredential) (*workspace.Workspace, error) {
	return workspace.Get(ctx, parity.Workspace, credential, &workspace.GetOptions{
		ClientOptions: s.ClientOptions(), SubscriptionID: parity.SubscriptionID, ResourceGroup: parity.ResourceGroup,
	})
}

// ambient opens the workspace with what the environment has.
func ambient(variables map[string]string) func(context.Context, *parity.Stage) (any, error) {
	return func(ctx context.Context, s *parity.Stage) (any, error) {
		environment(s, variables)
		ws, err := openWith(ctx, s, nil)
		if err != nil {
			return nil, err
		}
		return whereIs(ws), nil
	}
}

func managedIdentity(s *parity.Stage, variables map[string]string) (*authentication.ManagedIdentity, error) {
	environment(s, variables)
	return authentication.NewManagedIdentity(&authentication.ManagedIdentityOptions{ClientOptions: s.ClientOptions()})
}

// managed asks a managed identity for its header.
func managed(variables map[string]string) func(context.Context, *parity.Stage) (any, error) {
	return func(ctx context.Context, s *parity.Stage) (any, error) {
		credential, err := managedIdentity(s, variables)
		if err != nil {
			return nil, err
		}
		header, err := credential.Header(ctx)
		if err != nil {
			return nil, err
		}
		return map[string]any{"Authorization": header.Get("Authorization")}, nil
	}
}

// managedWorkspace asks a virtual machine's identity for its header, twice, and opens the
// workspace.
func managedWorkspace(ctx context.Context, s *parity.Stage) (any, error) {
	credential, err := managedIdentity(s, nil)
	if err != nil {
		return nil, err
	}
	for range 2 {
		if _, err := credential.Header(ctx); err != nil {
			return nil, err
		}
	}
	ws, err := openWith(ctx, s, credential)
	if err != nil {
		return nil, err
	}
	return whereIs(ws), nil
}

// withoutCLI asks for a token where no az is.
func withoutCLI(ctx context.Context, s *parity.Stage) (any, error) {
	environment(s, nil)
	s.Setenv("PATH", s.Dir())
	s.Setenv("AZURE_CONFIG_DIR", s.Dir())
	credential, err := authentication.NewAzureCLI(nil)
	if err != nil {
		return nil, err
	}
	_, err = credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{armScope}})
	return nil, s.Of(err, azureml.ErrUnauthorized)
}

// ownTokens makes a credential of a function that notes for what it is asked. The
// golden's during_get is left out: it counts the reference's calls, and ours keeps tokens.
func ownTokens(ctx context.Context, s *parity.Stage) (any, error) {
	environment(s, nil)
	var audiences []string
	credential, err := authentication.NewTokenFunc(func(ctx context.Context, audience string) (azcore.AccessToken, error) {
		audiences = append(audiences, audience)
		return s.Credential().GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{audience + "/.default"}})
	}, nil)
	if err != nil {
		return nil, err
	}
	for _, scope := range []string{armScope, "https://ml.azure.com/.default"} {
		if _, err := credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{scope}}); err != nil {
			return nil, err
		}
	}
	byHand := slices.Clone(audiences)
	ws, err := openWith(ctx, s, credential)
	if err != nil {
		return nil, err
	}
	_, none := authentication.NewTokenFunc(nil, nil)
	return map[string]any{"by_hand": byHand, "location": ws.Location, "none": refused(s.Of(none, azureml.ErrInvalid))}, nil
}

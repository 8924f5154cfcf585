package parity_test

import (
	"context"

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
		{Name: "auth_sp_secret", Run: func(ctx context.Context, s *parity.Stage) (any, error) {
			first, second, err := tokens(parity.TenantID, parity.ClientSecret, cloud.AzurePublic)(ctx, s)
			return map[string]any{"header": map[string]any{"Authorization": "Bearer " + first}, "same_token": first == second, "token": first}, err
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
			_, err = workspace.Get(ctx, parity.Workspace, credential, &workspace.GetOptions{
				ClientOptions: s.ClientOptions(), SubscriptionID: parity.SubscriptionID, ResourceGroup: parity.ResourceGroup,
			})
			return nil, err
		}},
	}
}

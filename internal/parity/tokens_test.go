package parity

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// token asks azidentity for a token, on a stage.
func token(ctx context.Context, s *Stage, tenant, secret string) (string, error) {
	credential, err := azidentity.NewClientSecretCredential(tenant, ClientID, secret, &azidentity.ClientSecretCredentialOptions{ClientOptions: s.ClientOptions()})
	if err != nil {
		return "", err
	}
	token, err := credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{"https://management.core.windows.net//.default"}})
	return token.Token, err
}

func TestTokens(t *testing.T) {
	t.Parallel()
	const raised = `'error':{'type':'x','message':'y'}`
	login := "https://login.microsoftonline.com/"
	refused := with("POST", login+TenantID+"/oauth2/v2.0/token", `{}`, 401, `{'error':'invalid_client','error_description':'AADSTS7000215: Invalid client secret provided.'}`)
	unknown := `{'step':0,'request':{'method':'GET','url':'` + login + `12121212-3434-5656-7878-909090909090/v2.0/.well-known/openid-configuration'},'response':{'status':400,'json':{'error':'invalid_tenant','error_description':'AADSTS90002: Tenant not found.'}}}`
	for name, in := range map[string]struct{ golden, tenant, want string }{
		"generated":      {goldenOf("auth_made_up", ok), TenantID, ""},
		"golden":         {goldenOf("auth_made_up", ok, with("POST", login+TenantID+"/oauth2/v2.0/token", `{}`, 200, `{'token_type':'Bearer','expires_in':3599,'access_token':'<jwt aud=https://management.core.windows.net/>'}`)), TenantID, ""},
		"refused":        {goldenOf("auth_made_up", raised, refused), TenantID, "AADSTS7000215"},
		"unknown tenant": {goldenOf("auth_made_up", raised, unknown), "12121212-3434-5656-7878-909090909090", "AADSTS90002"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				complaint, outcome := replayed(t, in.golden, nil, Scenario{Run: func(ctx context.Context, s *Stage) (any, error) {
					got, err := token(ctx, s, in.tenant, ClientSecret)
					if in.want != "" {
						assert.ErrorContains(t, err, in.want)
						return nil, err
					}
					fake, fakeErr := s.Credential().GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{"https://management.core.windows.net//.default"}})
					require.NoError(t, fakeErr)
					assert.Equal(t, fake.Token, got)
					assert.Len(t, strings.Split(got, "."), 3)
					return nil, err
				}})
				assert.Empty(t, complaint)
				assert.Zero(t, outcome.Requests, "requests for tokens do not count")
			})
		})
	}
	t.Run("one after the other", func(t *testing.T) {
		address := login + TenantID + "/oauth2/v2.0/token"
		golden := goldenOf("auth_made_up", ok, with("POST", address, `{}`, 200, `{'n':1}`), with("POST", address, `{}`, 200, `{'n':2}`))
		complaint, _ := replayed(t, golden, nil, Scenario{Run: func(ctx context.Context, s *Stage) (any, error) {
			for _, want := range []string{`{"n":1}`, `{"n":2}`, `{"n":2}`} {
				got, err := do(ctx, s, "POST "+address)
				require.NoError(t, err)
				assert.Equal(t, want, got)
			}
			return nil, nil
		}})
		assert.Empty(t, complaint)
	})
	t.Run("unknown identity endpoint", func(t *testing.T) {
		complaint, _ := replayed(t, goldenOf("auth_made_up", raised), nil, Scenario{Run: func(ctx context.Context, s *Stage) (any, error) {
			_, err := do(ctx, s, "GET http://169.254.169.254/metadata/identity/oauth2/token")
			assert.ErrorContains(t, err, "no answer for")
			return nil, errors.Join(err)
		}})
		assert.Empty(t, complaint)
	})
}

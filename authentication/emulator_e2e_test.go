package authentication_test

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/authentication"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/compute"
	"github.com/azureml-go/azureml/workspace"
)

func options(srv *azuremltest.Server) *workspace.GetOptions {
	return &workspace.GetOptions{ClientOptions: srv.ClientOptions(), SubscriptionID: azuremltest.SubscriptionID, ResourceGroup: azuremltest.ResourceGroup}
}

func signer(t *testing.T, srv *azuremltest.Server, tenant, client, secret string) *authentication.ServicePrincipal {
	t.Helper()
	sp, err := authentication.NewServicePrincipal(tenant, client, azureml.NewSecret(secret), &authentication.ServicePrincipalOptions{ClientOptions: srv.ClientOptions()})
	require.NoError(t, err)
	return sp
}

// tokenRequests counts how often the authority was asked for a token.
func tokenRequests(srv *azuremltest.Server) (n int) {
	for _, r := range srv.Requests() {
		if strings.HasSuffix(r.URL.Path, "/"+azuremltest.TenantID+"/oauth2/v2.0/token") {
			n++
		}
	}
	return n
}

// TestWorkGoesOnBeyondATokensLife: a token lives for five seconds, the work takes two
// minutes, and no call sees a token that has ended.
func TestWorkGoesOnBeyondATokensLife(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := azuremltest.NewServer(&azuremltest.Options{InMemory: true, TokenLifetime: 5 * time.Second})
		defer srv.Close()
		ws, err := workspace.Get(t.Context(), azuremltest.WorkspaceName, signer(t, srv, azuremltest.TenantID, azuremltest.ClientID, azuremltest.ClientSecret), options(srv))
		require.NoError(t, err)
		for range 120 {
			_, err = ws.Refresh(t.Context())
			require.NoError(t, err)
			time.Sleep(time.Second)
		}
		for _, r := range srv.Requests() {
			assert.NotEqual(t, 401, r.Status, "%s %s", r.Method, r.URL)
		}
		n := tokenRequests(srv)
		assert.Greater(t, n, 20)
		assert.Less(t, n, 70)
	})
}

// TestAWaitLongerThanATokensLife: creating a cluster takes ten minutes, each token five
// seconds; the one call that waits goes on to the end.
func TestAWaitLongerThanATokensLife(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := azuremltest.NewServer(&azuremltest.Options{InMemory: true, TokenLifetime: 5 * time.Second, OperationPolls: 60, RetryAfter: 10 * time.Second})
		defer srv.Close()
		ws, err := workspace.Get(t.Context(), azuremltest.WorkspaceName, signer(t, srv, azuremltest.TenantID, azuremltest.ClientID, azuremltest.ClientSecret), options(srv))
		require.NoError(t, err)
		start := time.Now()
		p, err := compute.BeginCreate(t.Context(), ws, "myaks", compute.AksProvisioningConfiguration{}, nil)
		require.NoError(t, err)
		aks, err := azureml.Wait(t.Context(), p, nil)
		require.NoError(t, err)
		assert.Equal(t, "myaks", aks.Name)
		assert.GreaterOrEqual(t, time.Since(start), 10*time.Minute)
		assert.Greater(t, tokenRequests(srv), 50)
		for _, r := range srv.Requests() {
			assert.NotEqual(t, 401, r.Status, "%s %s", r.Method, r.URL)
		}
	})
}

// TestTenThousandCallersOneTokenRequest of a real credential, and one for its header.
func TestTenThousandCallersOneTokenRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := azuremltest.NewServer(&azuremltest.Options{InMemory: true})
		defer srv.Close()
		sp := signer(t, srv, azuremltest.TenantID, azuremltest.ClientID, azuremltest.ClientSecret)
		var wg sync.WaitGroup
		for range 10_000 {
			wg.Go(func() {
				_, err := sp.Header(t.Context())
				assert.NoError(t, err)
			})
		}
		wg.Wait()
		assert.Equal(t, 1, tokenRequests(srv))
	})
}

func TestRefusalsReachTheCallerOfAWorkspace(t *testing.T) {
	t.Parallel()
	const unknown = "12121212-3434-5656-7878-909090909090"
	for name, test := range map[string]struct{ tenant, client, secret, code string }{
		"wrong secret":   {azuremltest.TenantID, azuremltest.ClientID, "PLANTED", "AADSTS7000215"},
		"unknown app":    {azuremltest.TenantID, unknown, "PLANTED", "AADSTS700016"},
		"unknown tenant": {unknown, azuremltest.ClientID, "PLANTED", "AADSTS90002"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := azuremltest.NewServer(nil)
			defer srv.Close()
			_, err := workspace.Get(t.Context(), azuremltest.WorkspaceName, signer(t, srv, test.tenant, test.client, test.secret), options(srv))
			require.ErrorIs(t, err, azureml.ErrUnauthorized)
			assert.True(t, azureml.HasCode(err, test.code))
			assert.Regexp(t, `^azureml: cannot get workspace "`+azuremltest.WorkspaceName+`": cannot sign in as service principal "`+test.client+`" of tenant "`+test.tenant+`": [^()]+ \(`+test.code+`, HTTP 40[01], request [0-9a-f-]{36}\)$`, err.Error())
			assert.NotContains(t, azureml.Explain(err), "PLANTED")
			assert.Contains(t, azureml.Explain(err), "What to do:")
		})
	}
}

func TestACredentialOfAnotherCloudIsRefused(t *testing.T) {
	t.Parallel()
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	china, err := authentication.Cloud("AzureChinaCloud")
	require.NoError(t, err)
	sp, err := authentication.NewServicePrincipal(azuremltest.TenantID, azuremltest.ClientID, azureml.NewSecret("x"), &authentication.ServicePrincipalOptions{ClientOptions: azcore.ClientOptions{Cloud: china}})
	require.NoError(t, err)
	_, err = workspace.Get(t.Context(), azuremltest.WorkspaceName, sp, options(srv))
	require.ErrorIs(t, err, azureml.ErrInvalid)
	assert.Contains(t, err.Error(), "AzureChinaCloud")
	assert.Empty(t, srv.Requests())
}

// TestAWrongTenantNamesBoth: the principal's tenant is not that of the subscription.
func TestAWrongTenantNamesBoth(t *testing.T) {
	t.Parallel()
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	const other, app = "99999999-9999-4999-8999-999999999999", "88888888-8888-4888-8888-888888888888"
	srv.AddTenant(azuremltest.Tenant{ID: other})
	srv.AddServicePrincipal(azuremltest.ServicePrincipal{TenantID: other, ClientID: app, Secret: "secret"})
	_, err := workspace.Get(t.Context(), azuremltest.WorkspaceName, signer(t, srv, other, app, "secret"), options(srv))
	require.ErrorIs(t, err, azureml.ErrUnauthorized)
	text := azureml.Explain(err)
	assert.Contains(t, text, other)
	assert.Contains(t, text, azuremltest.TenantID)
}

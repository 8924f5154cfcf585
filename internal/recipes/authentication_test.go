package recipes

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/authentication"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/workspace"
)

const managementScope = "https://management.core.windows.net//.default"

var authenticationRecipes = []recipe{
	{id: "A05", python: "`az ad sp create-for-rbac --sdk-auth`, the JSON it prints", title: "the JSON of `az ad sp create-for-rbac --sdk-auth` as credentials", run: recipeSDKAuth},
	{id: "A08", python: "`ServicePrincipalAuthentication(tenant_id, service_principal_id, service_principal_password)`", title: "ServicePrincipalAuthentication(tenant_id, service_principal_id, service_principal_password)", run: recipeServicePrincipal},
	{id: "A09", python: "the same with `os.environ[\"AML_PRINCIPAL_PASS\"]`", title: "the same from AML_TENANT_ID, AML_PRINCIPAL_ID, AML_PRINCIPAL_PASS", run: recipeServicePrincipalFromEnvironment, serial: true},
	{id: "A12", python: "REST with a token of `adal`", title: "REST with a service principal: access token, its expiry, a fresh one after an hour", run: recipeTokenForREST},
	{id: "A13", python: "`curl -X POST …/oauth2/token`", title: "the raw client-credentials call with nothing but HTTP", run: recipeRawHTTP},
}

func (w *world) options() *workspace.GetOptions {
	return &workspace.GetOptions{ClientOptions: w.srv.ClientOptions(), SubscriptionID: azuremltest.SubscriptionID, ResourceGroup: azuremltest.ResourceGroup}
}

func recipeSDKAuth(t *testing.T, w *world) {
	printed := fmt.Sprintf(`{
  "clientId": %q, "clientSecret": %q, "subscriptionId": %q, "tenantId": %q,
  "activeDirectoryEndpointUrl": "https://login.microsoftonline.com", "resourceManagerEndpointUrl": "https://management.azure.com/",
  "activeDirectoryGraphResourceId": "https://graph.windows.net/", "sqlManagementEndpointUrl": "https://management.core.windows.net:8443/",
  "galleryEndpointUrl": "https://gallery.azure.com/", "managementEndpointUrl": "https://management.core.windows.net/"}`,
		azuremltest.ClientID, azuremltest.ClientSecret, azuremltest.SubscriptionID, azuremltest.TenantID)
	credential, err := authentication.NewServicePrincipalFromSDKAuth(strings.NewReader(printed), &authentication.ServicePrincipalOptions{ClientOptions: w.srv.ClientOptions()}) // README: A05
	require.NoError(t, err)
	ws, err := workspace.Get(t.Context(), azuremltest.WorkspaceName, credential, w.options())
	require.NoError(t, err)
	assert.Equal(t, azuremltest.WorkspaceName, ws.Name)
}

func recipeServicePrincipal(t *testing.T, w *world) {
	credential, err := authentication.NewServicePrincipal(azuremltest.TenantID, azuremltest.ClientID, azureml.NewSecret(azuremltest.ClientSecret),
		&authentication.ServicePrincipalOptions{ClientOptions: w.srv.ClientOptions()}) // README: A08
	require.NoError(t, err)
	ws, err := workspace.Get(t.Context(), azuremltest.WorkspaceName, credential, w.options()) // README: A08
	require.NoError(t, err)
	assert.Equal(t, azuremltest.Location, ws.Location)
}

func recipeServicePrincipalFromEnvironment(t *testing.T, w *world) {
	t.Setenv("AML_TENANT_ID", azuremltest.TenantID)
	t.Setenv("AML_PRINCIPAL_ID", azuremltest.ClientID)
	t.Setenv("AML_PRINCIPAL_PASS", azuremltest.ClientSecret+" ")
	credential, err := authentication.NewServicePrincipalFromEnvironment(&authentication.ServicePrincipalOptions{ClientOptions: w.srv.ClientOptions()}) // README: A09
	require.NoError(t, err)
	_, err = workspace.Get(t.Context(), azuremltest.WorkspaceName, credential, w.options())
	require.NoError(t, err)
}

func recipeTokenForREST(t *testing.T, w *world) {
	credential, err := authentication.NewServicePrincipal(azuremltest.TenantID, azuremltest.ClientID, azureml.NewSecret(azuremltest.ClientSecret),
		&authentication.ServicePrincipalOptions{ClientOptions: w.srv.ClientOptions()})
	require.NoError(t, err)
	token, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{managementScope}}) // README: A12
	require.NoError(t, err)
	assert.WithinDuration(t, time.Now().Add(time.Hour), token.ExpiresOn, time.Minute)

	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://management.azure.com/subscriptions?api-version=2021-01-01", nil)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+token.Token) // README: A12
	assert.Contains(t, w.call(request), azuremltest.SubscriptionID)
	freshAfterAnHour(t)
}

// freshAfterAnHour: the same credential gives the same token while it is good, and another
// one when its hour is over.
func freshAfterAnHour(t *testing.T) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		srv := azuremltest.NewServer(&azuremltest.Options{InMemory: true})
		t.Cleanup(srv.Close)
		credential, err := authentication.NewServicePrincipal(azuremltest.TenantID, azuremltest.ClientID, azureml.NewSecret(azuremltest.ClientSecret),
			&authentication.ServicePrincipalOptions{ClientOptions: srv.ClientOptions()})
		require.NoError(t, err)
		get := func() azcore.AccessToken {
			token, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{managementScope}})
			require.NoError(t, err)
			return token
		}
		first := get()
		time.Sleep(10 * time.Minute)
		assert.Equal(t, first.Token, get().Token)
		time.Sleep(50 * time.Minute)
		fresh := get()
		assert.NotEqual(t, first.Token, fresh.Token)
		assert.WithinDuration(t, time.Now().Add(time.Hour), fresh.ExpiresOn, time.Minute)
	})
}

// call sends a request with nothing but net/http and gives the answer's text.
func (w *world) call(request *http.Request) string {
	w.t.Helper()
	return w.send(request, http.StatusOK)
}

// send is call for answers of another status.
func (w *world) send(request *http.Request, status int) string {
	w.t.Helper()
	response, err := w.srv.Client().Do(request)
	require.NoError(w.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(w.t, err)
	require.Equal(w.t, status, response.StatusCode, string(text))
	return string(text)
}

func recipeRawHTTP(t *testing.T, w *world) {
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {azuremltest.ClientID}, "client_secret": {azuremltest.ClientSecret},
		"resource": {"https://management.azure.com/"},
	} // README: A13
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://login.microsoftonline.com/"+azuremltest.TenantID+"/oauth2/token", strings.NewReader(form.Encode())) // README: A13
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded") // README: A13
	var answer struct {
		Token     string `json:"access_token"`
		ExpiresIn string `json:"expires_in"`
	}
	require.NoError(t, json.Unmarshal([]byte(w.call(request)), &answer))
	assert.NotEmpty(t, answer.ExpiresIn, "the first version of the endpoint gives texts")

	path := "/subscriptions/" + azuremltest.SubscriptionID + "/resourceGroups/" + azuremltest.ResourceGroup + "/providers/Microsoft.MachineLearningServices/workspaces/" + azuremltest.WorkspaceName
	request, err = http.NewRequestWithContext(t.Context(), http.MethodGet, "https://management.azure.com"+path+"?api-version=2024-04-01", nil)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+answer.Token)
	assert.Contains(t, w.call(request), `"name":"`+azuremltest.WorkspaceName+`"`)
}

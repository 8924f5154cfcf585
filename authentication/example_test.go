package authentication_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/authentication"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/workspace"
)

// A service principal from the variables that pipelines set, and with it a workspace.
func ExampleNewServicePrincipalFromEnvironment() {
	srv := azuremltest.NewServer(nil) // stands for Azure
	defer srv.Close()
	os.Setenv("AML_TENANT_ID", azuremltest.TenantID)
	os.Setenv("AML_PRINCIPAL_ID", azuremltest.ClientID)
	os.Setenv("AML_PRINCIPAL_PASS", azuremltest.ClientSecret)
	defer os.Unsetenv("AML_TENANT_ID")
	defer os.Unsetenv("AML_PRINCIPAL_ID")
	defer os.Unsetenv("AML_PRINCIPAL_PASS")

	ctx := context.Background()
	credential, err := authentication.NewServicePrincipalFromEnvironment(&authentication.ServicePrincipalOptions{ClientOptions: srv.ClientOptions()})
	if err != nil {
		log.Fatal(err)
	}
	ws, err := workspace.Get(ctx, azuremltest.WorkspaceName, credential, &workspace.GetOptions{
		ClientOptions: srv.ClientOptions(), SubscriptionID: azuremltest.SubscriptionID, ResourceGroup: azuremltest.ResourceGroup,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ws.Name)
	// Output: ml-example
}

// A failure says what went wrong and what helps.
func ExampleNewServicePrincipal() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	credential, err := authentication.NewServicePrincipal(azuremltest.TenantID, azuremltest.ClientID, azureml.NewSecret("not the secret"),
		&authentication.ServicePrincipalOptions{ClientOptions: srv.ClientOptions()})
	if err != nil {
		log.Fatal(err)
	}
	_, err = credential.Header(context.Background())
	fmt.Println(azureml.HasCode(err, "AADSTS7000215"))
	text := azureml.Explain(err)
	fmt.Print(text[strings.Index(text, "What to do"):])
	// Output:
	// true
	// What to do:
	//   The client secret is wrong. Give the secret's value, not its id, and check that it belongs to this application.
	// More: https://github.com/azureml-go/azureml/blob/main/TROUBLESHOOTING.md#aadsts7000215
}

// The resource manager's REST interface, with nothing but net/http and the header.
func ExampleServicePrincipal_header() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	client := srv.Client() // http.DefaultClient, outside of this example

	ctx := context.Background()
	credential, err := authentication.NewServicePrincipal(azuremltest.TenantID, azuremltest.ClientID, azureml.NewSecret(azuremltest.ClientSecret),
		&authentication.ServicePrincipalOptions{ClientOptions: srv.ClientOptions()})
	if err != nil {
		log.Fatal(err)
	}
	header, err := credential.Header(ctx)
	if err != nil {
		log.Fatal(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://management.azure.com/subscriptions?api-version=2021-01-01", nil)
	if err != nil {
		log.Fatal(err)
	}
	req.Header = header
	resp, err := client.Do(req)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		log.Fatal(err)
	}
	var list struct {
		Value []struct {
			ID string `json:"subscriptionId"`
		} `json:"value"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		log.Fatal(err)
	}
	fmt.Println(resp.StatusCode, list.Value[0].ID == azuremltest.SubscriptionID)
	// Output: 200 true
}

// What az ad sp create-for-rbac --sdk-auth prints is a credential.
func ExampleNewServicePrincipalFromSDKAuth() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	printed := bytes.NewBufferString(`{"clientId":"` + azuremltest.ClientID + `","clientSecret":"` + azuremltest.ClientSecret + `",
		"subscriptionId":"` + azuremltest.SubscriptionID + `","tenantId":"` + azuremltest.TenantID + `",
		"activeDirectoryEndpointUrl":"https://login.microsoftonline.com","resourceManagerEndpointUrl":"https://management.azure.com/"}`)
	credential, err := authentication.NewServicePrincipalFromSDKAuth(printed, &authentication.ServicePrincipalOptions{ClientOptions: srv.ClientOptions()})
	if err != nil {
		log.Fatal(err)
	}
	_, err = credential.Header(context.Background())
	fmt.Println(err, credential.SubscriptionID() == azuremltest.SubscriptionID)
	// Output: <nil> true
}

// A token from wherever the program has it. Its end is read from the token.
func ExampleNewTokenFunc() {
	vault := func(_ context.Context, audience string) (azcore.AccessToken, error) {
		return azcore.AccessToken{Token: "token-for-" + audience}, nil
	}
	credential, err := authentication.NewTokenFunc(vault, nil)
	if err != nil {
		log.Fatal(err)
	}
	header, err := credential.Header(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(header.Get("Authorization"))
	fmt.Printf("%+v\n", credential) // never a token
	// Output:
	// Bearer token-for-https://management.core.windows.net/
	// the token function (AzureCloud)
}

func ExampleNewTokenRefresher() {
	source, err := authentication.NewTokenFunc(func(context.Context, string) (azcore.AccessToken, error) {
		return azcore.AccessToken{Token: "of-the-run"}, nil
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	credential, err := authentication.NewTokenRefresher(source, &authentication.TokenRefresherOptions{
		OnWarning: func(w azureml.Warning) { log.Print(w) },
	})
	if err != nil {
		log.Fatal(err)
	}
	defer credential.Close()
	header, err := credential.Header(context.Background())
	fmt.Println(header.Get("Authorization"), err)
	// Output: Bearer of-the-run <nil>
}

func ExampleCloud() {
	china, err := authentication.Cloud("AzureChinaCloud")
	fmt.Println(china.ActiveDirectoryAuthorityHost, err)
	_, err = authentication.Cloud("AzureChina")
	fmt.Println(err)
	// Output:
	// https://login.chinacloudapi.cn/ <nil>
	// azureml: cannot choose a cloud: name ("AzureChina") must be one of AzureCloud, AzureChinaCloud, AzureUSGovernment
}

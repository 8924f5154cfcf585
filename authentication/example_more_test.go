package authentication_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/azureml-go/azureml/authentication"
	"github.com/azureml-go/azureml/azuremltest"
)

// Whoever is logged in with the Azure CLI; the CLI is asked when a token is needed.
func ExampleNewAzureCLI() {
	credential, err := authentication.NewAzureCLI(&authentication.AzureCLIOptions{TenantID: azuremltest.TenantID})
	fmt.Println(credential, err)
	// Output: the Azure CLI's account (AzureCloud) <nil>
}

// The file that `az ad sp create-for-rbac --sdk-auth > auth.json` made.
func ExampleNewServicePrincipalFromAuthFile() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "auth.json")
	text := fmt.Sprintf(`{"clientId": %q, "clientSecret": %q, "tenantId": %q}`, azuremltest.ClientID, azuremltest.ClientSecret, azuremltest.TenantID)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		log.Fatal(err)
	}
	os.Setenv("AZURE_AUTH_LOCATION", path)
	defer os.Unsetenv("AZURE_AUTH_LOCATION")

	credential, err := authentication.NewServicePrincipalFromAuthFile(&authentication.ServicePrincipalOptions{ClientOptions: srv.ClientOptions()})
	if err != nil {
		log.Fatal(err)
	}
	_, err = credential.Header(context.Background())
	fmt.Println(err)
	// Output: <nil>
}

// A certificate that is none is refused at once, with all else that is wrong.
func ExampleNewServicePrincipalWithCertificate() {
	_, err := authentication.NewServicePrincipalWithCertificate(azuremltest.TenantID, "", []byte("-----"), nil)
	fmt.Println(err)
	// Output: azureml: cannot make a service principal's credential: clientID is required; certificate is not the content of a file; if it is a path, read it with os.ReadFile
}

// The token that a pipeline has got for itself, in a file that is read when it is needed.
func ExampleNewServicePrincipalWithFederatedToken() {
	credential, err := authentication.NewServicePrincipalWithFederatedToken(azuremltest.TenantID, azuremltest.ClientID, "/var/run/secrets/token", nil)
	fmt.Println(credential, err)
	// Output: service principal "33333333-3333-3333-3333-333333333333" of tenant "11111111-1111-1111-1111-111111111111" (AzureCloud) <nil>
}

// In a pod, all comes from its environment; elsewhere it says what is missing.
func ExampleNewWorkloadIdentity() {
	_, err := authentication.NewWorkloadIdentity(&authentication.WorkloadIdentityOptions{ClientID: azuremltest.ClientID})
	fmt.Println(err)
	// Output: azureml: cannot make a workload identity's credential: AZURE_TENANT_ID is required; AZURE_FEDERATED_TOKEN_FILE is required
}

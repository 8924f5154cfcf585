package authentication_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"regexp"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity/cache"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/authentication"
	"github.com/azureml-go/azureml/azuremltest"
)

// reader stands for a person who reads what is shown and types the code in.
type reader struct {
	srv  *azuremltest.Server
	user azuremltest.User
}

func (r reader) Write(shown []byte) (int, error) {
	code := regexp.MustCompile(`enter the code (\S+)`).FindSubmatch(shown)
	r.srv.CompleteDeviceLogin(string(code[1]), r.user)
	return len(shown), nil
}

// A person signs in with a device code. Without Method, a browser opens where there is
// one; without Prompt, nobody is asked unless standard input is a terminal.
func ExampleNewInteractiveLogin() {
	srv := azuremltest.NewServer(nil) // stands for Azure
	defer srv.Close()
	person := reader{srv, srv.AddUser(azuremltest.User{Name: "ada@contoso.example"})}

	credential, err := authentication.NewInteractiveLogin(&authentication.InteractiveLoginOptions{
		ClientOptions:   srv.ClientOptions(),
		TenantID:        azuremltest.TenantID, // for people who belong to several
		Method:          authentication.LoginDeviceCode,
		Prompt:          authentication.PromptAlways,
		Output:          person, // os.Stderr, outside of this example
		DisableAzureCLI: true,
		RecordFile:      "none",
	})
	if err != nil {
		log.Fatal(err)
	}
	header, err := credential.Header(context.Background())
	fmt.Println(len(header.Get("Authorization")) > len("Bearer "), err)
	fmt.Println(credential)
	// Output:
	// true <nil>
	// interactive login to tenant "11111111-1111-1111-1111-111111111111" (AzureCloud)
}

// With a cache that outlives the program nobody is asked again the next time. Where the
// machine has no place for it, sign-ins are kept in memory.
func ExampleNewInteractiveLogin_cache() {
	options := &authentication.InteractiveLoginOptions{OnWarning: func(w azureml.Warning) { log.Print(w) }}
	var err error
	if options.Cache, err = cache.New(&cache.Options{Name: "my-program"}); err != nil {
		log.Print(err)
	}
	credential, err := authentication.NewInteractiveLogin(options)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(credential)
}

// The credential that nil stands for says which way it took.
func ExampleNewDefault() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	for name, value := range map[string]string{
		"AML_TENANT_ID": azuremltest.TenantID, "AML_PRINCIPAL_ID": azuremltest.ClientID, "AML_PRINCIPAL_PASS": azuremltest.ClientSecret,
	} {
		os.Setenv(name, value) // a pipeline has set them
		defer os.Unsetenv(name)
	}

	credential, err := authentication.NewDefault(&authentication.DefaultOptions{ClientOptions: srv.ClientOptions()})
	if err != nil {
		log.Fatal(err)
	}
	_, err = credential.Header(context.Background())
	fmt.Println(credential.Used(), err)
	// Output: environment <nil>
}

// One of the identities that are assigned to the machine, by its client id.
func ExampleNewManagedIdentity() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	identity := srv.AddManagedIdentity(azuremltest.ManagedIdentity{ResourceID: "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/reader"})

	credential, err := authentication.NewManagedIdentity(&authentication.ManagedIdentityOptions{ClientOptions: srv.ClientOptions(), ClientID: identity.ClientID})
	if err != nil {
		log.Fatal(err)
	}
	header, err := credential.Header(context.Background())
	fmt.Println(len(header.Get("Authorization")) > len("Bearer "), err)
	// Output: true <nil>
}

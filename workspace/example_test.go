package workspace_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/workspace"
)

// opened is the emulator and its workspace, for the examples.
func opened() (*azuremltest.Server, *workspace.Workspace) {
	srv := azuremltest.NewServer(nil)
	ws, err := workspace.Get(context.Background(), azuremltest.WorkspaceName, srv.Credential(), &workspace.GetOptions{
		ClientOptions: srv.ClientOptions(), SubscriptionID: azuremltest.SubscriptionID,
	})
	if err != nil {
		log.Fatal(err)
	}
	return srv, ws
}

func ExampleGet() {
	srv := azuremltest.NewServer(nil) // an Azure in this process
	defer srv.Close()
	ctx := context.Background()

	ws, err := workspace.Get(ctx, "ml-example", srv.Credential(), &workspace.GetOptions{
		ClientOptions:  srv.ClientOptions(),
		SubscriptionID: azuremltest.SubscriptionID, // without it, all that the credential sees are searched
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ws)
	fmt.Println(ws.Location)
	// Output:
	// workspace ml-example in resource group rg-ml, subscription 22222222-2222-2222-2222-222222222222
	// westeurope
}

// A name that does not exist: the error says what may have been meant.
func ExampleGet_notFound() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()

	_, err := workspace.Get(context.Background(), "ml-exampl", srv.Credential(), &workspace.GetOptions{
		ClientOptions: srv.ClientOptions(), SubscriptionID: azuremltest.SubscriptionID,
	})
	fmt.Print(azureml.Explain(err))
	// Output:
	// Could not find workspace "ml-exampl": there is none of this name in subscription 22222222-2222-2222-2222-222222222222
	// What to do:
	//   Did you mean ml-example in rg-ml? Workspaces there: ml-example in rg-ml.
	// More: https://github.com/azureml-go/azureml/blob/main/TROUBLESHOOTING.md#not-found
}

func ExampleFromConfig() {
	srv, ws := opened()
	defer srv.Close()
	dir, err := os.MkdirTemp("", "project")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if _, err := ws.WriteConfig(dir, nil); err != nil {
		log.Fatal(err)
	}

	again, err := workspace.FromConfig(context.Background(), srv.Credential(), &workspace.FromConfigOptions{
		ClientOptions: srv.ClientOptions(), Path: filepath.Join(dir, "notebooks"),
	})
	if err != nil {
		log.Fatal(err)
	}
	file, _ := filepath.Rel(dir, again.ConfigFile)
	fmt.Println(again.Name, "from", filepath.ToSlash(file))
	// Output: ml-example from .azureml/config.json
}

func ExampleAll() {
	srv, _ := opened()
	defer srv.Close()
	srv.AddWorkspace(azuremltest.Workspace{ResourceGroup: "rg-dev", Name: "ml-dev"})

	for ws, err := range workspace.All(context.Background(), srv.Credential(), &workspace.AllOptions{ClientOptions: srv.ClientOptions()}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(ws.Name, "in", ws.ResourceGroup)
	}
	// Output:
	// ml-dev in rg-dev
	// ml-example in rg-ml
}

func ExampleBeginCreate() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	ctx := context.Background()

	// Storage account, key vault and Application Insights are not given, so they are made.
	poller, err := workspace.BeginCreate(ctx, "ml-new", srv.Credential(), &workspace.CreateOptions{
		ClientOptions: srv.ClientOptions(),
		ResourceGroup: "rg-new",
		Location:      "West Europe", // where the resource group is made, as it does not exist
	})
	if err != nil {
		log.Fatal(err)
	}
	ws, err := azureml.Wait(ctx, poller, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ws.Name, ws.ProvisioningState, len(ws.Dependents()))
	// Output: ml-new Succeeded 3
}

func ExampleWorkspace_BeginUpdate() {
	srv, ws := opened()
	defer srv.Close()
	ctx := context.Background()

	poller, err := ws.BeginUpdate(ctx, workspace.Update{FriendlyName: new("Example"), Tags: map[string]string{"team": "ml"}}, nil)
	if err != nil {
		log.Fatal(err)
	}
	changed, err := azureml.Wait(ctx, poller, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(changed.FriendlyName, changed.Tags)
	// Output: Example map[team:ml]
}

// Deleting asks for the name again, and leaves alone what is not named.
func ExampleWorkspace_BeginDelete() {
	srv, ws := opened()
	defer srv.Close()
	ctx := context.Background()

	_, err := ws.BeginDelete(ctx, "another", nil)
	fmt.Println(err)

	poller, err := ws.BeginDelete(ctx, ws.Name, &workspace.DeleteOptions{Dependents: ws.Dependents()})
	if err != nil {
		log.Fatal(err)
	}
	result, err := azureml.Wait(ctx, poller, nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, d := range result.Dependents {
		fmt.Println("deleted:", d.Deleted)
	}
	// Output:
	// azureml: cannot delete workspace "ml-example": name ("another") must be the workspace's name, "ml-example"
	// deleted: true
	// deleted: true
	// deleted: true
}

func ExampleWorkspace_Share() {
	srv, ws := opened()
	defer srv.Close()
	ctx := context.Background()
	srv.AddUser(azuremltest.User{Name: "jdoe@contoso.example"})

	// By user name, mail address, application id or object id.
	given, err := ws.Share(ctx, "jdoe@contoso.example", workspace.RoleDataScientist, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(given.PrincipalType, "is", given.RoleName)

	access, err := ws.Access(ctx, &workspace.AccessOptions{Principals: true})
	if err != nil {
		log.Fatal(err)
	}
	for _, a := range access {
		fmt.Println(a.Principal.UserName, "is", a.RoleName)
	}
	// Output:
	// User is AzureML Data Scientist
	// jdoe@contoso.example is AzureML Data Scientist
}

func ExampleWorkspace_LookupPrincipal() {
	srv, ws := opened()
	defer srv.Close()
	srv.AddServicePrincipal(azuremltest.ServicePrincipal{
		ClientID: "44444444-4444-4444-4444-444444444444", ObjectID: "55555555-5555-5555-5555-555555555555", Name: "deployer",
	})

	p, err := ws.LookupPrincipal(context.Background(), "44444444-4444-4444-4444-444444444444")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(p)
	// Output: deployer (ServicePrincipal, object id 55555555-5555-5555-5555-555555555555)
}

func ExampleWorkspace_Keys() {
	srv, ws := opened()
	defer srv.Close()

	keys, err := ws.Keys(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(keys.StorageKey, keys.StorageKey.Reveal() != "")
	// Output: [redacted] true
}

func ExampleWorkspace_Diagnose() {
	srv, ws := opened()
	defer srv.Close()

	diagnosis, err := ws.Diagnose(context.Background(), nil)
	if err != nil {
		log.Fatal(err)
	}
	findings := 0
	for part, f := range diagnosis.All() {
		findings++
		fmt.Println(part, f.Level, f.Message)
	}
	fmt.Println(findings, "findings")
	// Output: 0 findings
}

// Calling what is not wrapped: the same token, retries and errors.
func ExampleWorkspace_Do() {
	srv, ws := opened()
	defer srv.Close()

	var answer struct {
		Value []struct{ Name string } `json:"value"`
	}
	_, err := ws.Do(context.Background(), workspace.Request{
		Service: workspace.ModelManagement, Operation: "list", Subject: "models", Path: "models",
	}, &answer)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(answer.Value), "models")
	// Output: 0 models
}

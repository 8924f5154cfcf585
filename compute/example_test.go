package compute_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"strings"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/compute"
	"github.com/azureml-go/azureml/workspace"
)

// openWorkspace opens the workspace of an emulator; a real program gives its own
// credential and leaves ClientOptions out.
func openWorkspace(ctx context.Context, srv *azuremltest.Server) *workspace.Workspace {
	ws, err := workspace.Get(ctx, azuremltest.WorkspaceName, srv.Credential(), &workspace.GetOptions{
		ClientOptions:  srv.ClientOptions(),
		SubscriptionID: azuremltest.SubscriptionID,
		ResourceGroup:  azuremltest.ResourceGroup,
	})
	if err != nil {
		log.Fatal(err)
	}
	return ws
}

// Create a cluster with the service's defaults, which are for production, and wait.
func ExampleBeginCreate() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	ctx := context.Background()
	ws := openWorkspace(ctx, srv)

	p, err := compute.BeginCreate(ctx, ws, "myaks", compute.AksProvisioningConfiguration{}, nil)
	if err != nil {
		log.Fatal(err)
	}
	aks, err := azureml.Wait(ctx, p, nil)
	if err != nil {
		log.Fatal(azureml.Explain(err))
	}
	fmt.Println(aks)
	fmt.Println(*aks.AgentCount, "machines for", aks.ClusterPurpose)

	// Output:
	// AKS compute "myaks" (Succeeded)
	// 3 machines for FastProd
}

// What is wrong is found before anything is sent, all of it.
func ExampleBeginCreate_invalid() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	ctx := context.Background()
	ws := openWorkspace(ctx, srv)

	_, err := compute.BeginCreate(ctx, ws, "my_aks", compute.AksProvisioningConfiguration{
		AgentCount:         2,
		VMSize:             "Standard_D3_v2",
		LoadBalancerSubnet: "snet-lb",
	}, nil)
	fmt.Println(errors.Is(err, azureml.ErrInvalid))
	fmt.Print(azureml.Explain(err))

	// Output:
	// true
	// Could not create compute "my_aks": the input is not valid.
	//   - name ("my_aks") must have 2 to 24 letters, digits and dashes, begin with a letter and end with a letter or digit
	//   - LoadBalancerSubnet ("snet-lb") goes only with LoadBalancerType "InternalLoadBalancer"
	//   - AgentCount (2) is too low: 2 × 4 vCPUs (Standard_D3_v2) = 8, and purpose FastProd needs 12; take 3 agents, a larger VMSize, or ClusterPurpose DevTest, or set SkipCoreCheck
}

// A process that ends while the cluster is being made hands a token to the next one.
func ExampleBeginCreate_resume() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	ctx := context.Background()
	ws := openWorkspace(ctx, srv)

	begun, err := compute.BeginCreate(ctx, ws, "myaks", compute.AksProvisioningConfiguration{ClusterPurpose: compute.DevTest}, nil)
	if err != nil {
		log.Fatal(err)
	}
	token, err := begun.ResumeToken()
	if err != nil {
		log.Fatal(err)
	}

	p, err := compute.BeginCreate(ctx, ws, "myaks", compute.AksProvisioningConfiguration{}, &compute.CreateOptions{ResumeToken: token})
	if err != nil {
		log.Fatal(err)
	}
	aks, err := azureml.Wait(ctx, p, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(aks.Name, aks.ClusterPurpose)

	// Output:
	// myaks DevTest
}

// Attach a cluster that exists. To attach it a second time is refused, because that
// would break the first attachment.
func ExampleBeginAttach() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	ctx := context.Background()
	ws := openWorkspace(ctx, srv)

	cluster := compute.AksAttachConfiguration{ResourceGroup: azuremltest.ClusterResourceGroup, ClusterName: azuremltest.ClusterName}
	p, err := compute.BeginAttach(ctx, ws, "shared", cluster, nil)
	if err != nil {
		log.Fatal(err)
	}
	aks, err := azureml.Wait(ctx, p, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(aks, "attached:", *aks.IsAttached)

	_, err = compute.BeginAttach(ctx, ws, "again", cluster, nil)
	fmt.Println(err)

	// Output:
	// AKS compute "shared" (Succeeded) attached: true
	// azureml: cannot attach compute "again": the cluster existing-aks is attached already, as compute "shared"; a second attachment would break the first
}

// Failures are told apart by kind.
func ExampleGetAks() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	ctx := context.Background()
	ws := openWorkspace(ctx, srv)

	_, err := compute.GetAks(ctx, ws, "myaks")
	if errors.Is(err, azureml.ErrNotFound) {
		fmt.Println("there is no such compute")
	}
	e, ok := errors.AsType[*azureml.Error](err)
	fmt.Println(ok, e.StatusCode == http.StatusNotFound)

	// Output:
	// there is no such compute
	// true true
}

// Computes of every type are listed, with their own properties as JSON.
func ExampleList() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	srv.AddCompute(azuremltest.Workspace{}, azuremltest.Compute{Name: "cpu", Type: "AmlCompute", Properties: map[string]string{"vmSize": "STANDARD_DS3_V2"}})
	srv.AddCompute(azuremltest.Workspace{}, azuremltest.Compute{Name: "myaks"})
	ctx := context.Background()
	ws := openWorkspace(ctx, srv)

	for c, err := range compute.List(ctx, ws, nil) {
		if err != nil {
			log.Fatal(err)
		}
		if aks, err := c.AksCompute(); err == nil {
			fmt.Println(aks.Name, "has", *aks.AgentCount, "machines")
			continue
		}
		fmt.Println(c.Name, "is of type", c.Type, string(c.Properties))
	}

	// Output:
	// cpu is of type AmlCompute {"vmSize":"STANDARD_DS3_V2"}
	// myaks has 3 machines
}

// Deleting is for clusters that were created, detaching for those that were attached.
func ExampleCompute_BeginDetach() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	srv.AddCompute(azuremltest.Workspace{}, azuremltest.Compute{Name: "shared", ResourceID: "/subscriptions/" + azuremltest.SubscriptionID +
		"/resourceGroups/" + azuremltest.ClusterResourceGroup + "/providers/Microsoft.ContainerService/managedClusters/" + azuremltest.ClusterName})
	ctx := context.Background()
	ws := openWorkspace(ctx, srv)

	aks, err := compute.GetAks(ctx, ws, "shared")
	if err != nil {
		log.Fatal(err)
	}
	_, err = aks.BeginDelete(ctx, nil)
	fmt.Println(err)
	p, err := aks.BeginDetach(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	result, err := azureml.Wait(ctx, p, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("detached", result.Name)

	// Output:
	// azureml: cannot delete compute "shared": it is attached; deleting is for computes that were created
	// detached shared
}

// Change from http to https.
func ExampleAksCompute_BeginUpdate() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	srv.AddCompute(azuremltest.Workspace{}, azuremltest.Compute{Name: "myaks"})
	ctx := context.Background()
	ws := openWorkspace(ctx, srv)

	aks, err := compute.GetAks(ctx, ws, "myaks")
	if err != nil {
		log.Fatal(err)
	}
	p, err := aks.BeginUpdate(ctx, compute.AksUpdateConfiguration{SSL: &compute.SslConfiguration{LeafDomainLabel: "contoso"}}, nil)
	if err != nil {
		log.Fatal(err)
	}
	aks, err = azureml.Wait(ctx, p, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(aks.SSL.Status, strings.HasPrefix(aks.SSL.LeafDomainLabel, "contoso"))

	// Output:
	// Auto true
}

// Credentials are secrets: they do not print.
func ExampleAksCompute_Credentials() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	srv.AddCompute(azuremltest.Workspace{}, azuremltest.Compute{Name: "myaks"})
	ctx := context.Background()
	ws := openWorkspace(ctx, srv)

	aks, err := compute.GetAks(ctx, ws, "myaks")
	if err != nil {
		log.Fatal(err)
	}
	credentials, err := aks.Credentials(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(credentials.UserKubeconfig)
	first, _, _ := strings.Cut(credentials.UserKubeconfig.Reveal(), "\n")
	fmt.Println(first)

	// Output:
	// [redacted]
	// apiVersion: v1
}

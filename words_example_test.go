package azureml_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"strings"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/compute"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/workspace"
)

// emulated is an Azure in this process and its workspace. A program gives a credential of
// its own, or nil, and no client options.
func emulated() (*azuremltest.Server, *workspace.Workspace) {
	srv := azuremltest.NewServer(nil)
	ws, err := workspace.Get(context.Background(), azuremltest.WorkspaceName, srv.Credential(), &workspace.GetOptions{ClientOptions: srv.ClientOptions(), SubscriptionID: azuremltest.SubscriptionID})
	if err != nil {
		log.Fatal(err)
	}
	return srv, ws
}

// One line for a log, a screen for a person.
func ExampleExplain() {
	srv, ws := emulated()
	defer srv.Close()

	_, err := compute.BeginCreate(context.Background(), ws, "myaks", compute.AksProvisioningConfiguration{AgentCount: -1, LoadBalancerSubnet: "snet-lb"}, nil)
	fmt.Println(errors.Is(err, azureml.ErrInvalid))
	fmt.Print(azureml.Explain(err))
	// Output:
	// true
	// Could not create compute "myaks": the input is not valid.
	//   - AgentCount (-1) must be > 0
	//   - LoadBalancerSubnet ("snet-lb") goes only with LoadBalancerType "InternalLoadBalancer"
}

// All items of a list at once, where there are few.
func ExampleCollect() {
	srv, ws := emulated()
	defer srv.Close()
	for _, name := range []string{"a", "b"} {
		srv.AddModel(azuremltest.Workspace{}, azuremltest.Model{Name: name})
	}

	models, err := azureml.Collect(model.List(context.Background(), ws, &model.ListOptions{Name: "a"}))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(models), models[0].ID)
	// Output: 1 a:1
}

// A program shows in its own way how far an operation is.
func ExampleWithProgress() {
	srv, ws := emulated()
	defer srv.Close()

	ctx := azureml.WithProgress(context.Background(), func(p azureml.Progress) {
		if p.Done {
			fmt.Println(p.Operation, p.Subject, p.State)
		}
	})
	poller, err := compute.BeginCreate(ctx, ws, "myaks", compute.AksProvisioningConfiguration{}, nil)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := poller.PollUntilDone(ctx, nil); err != nil {
		log.Fatal(err)
	}
	// Output: create compute "myaks" Succeeded
}

// A secret shows itself only to who asks for it.
func ExampleNewSecret() {
	key := azureml.NewSecret("my-key")
	fmt.Println(key, len(key.Reveal()))
	fmt.Printf("%+v %q\n", key, key)
	// Output:
	// [redacted] 6
	// [redacted] [redacted]
}

// What is sent goes to a logger, without secrets and without bodies.
func ExampleLogTo() {
	var written strings.Builder
	azureml.LogTo(slog.New(slog.NewTextHandler(&written, &slog.HandlerOptions{Level: slog.LevelDebug})))
	defer azureml.LogTo(nil)
	srv, _ := emulated()
	defer srv.Close()

	fmt.Println(strings.Contains(written.String(), "Microsoft.MachineLearningServices/workspaces"), strings.Contains(written.String(), "Bearer ey"))
	// Output: true false
}

package webservice_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

// emulated opens an emulated workspace with the service "myservice" in it.
func emulated() (*azuremltest.Server, *webservice.AksWebservice) {
	srv := azuremltest.NewServer(nil)
	srv.AddCompute(azuremltest.Workspace{}, azuremltest.Compute{Name: "myaks"})
	m := srv.AddModel(azuremltest.Workspace{}, azuremltest.Model{Name: "mymodel", Framework: "Onnx"})
	srv.AddService(azuremltest.Workspace{}, map[string]any{
		"name": "myservice", "computeType": "AKS", "computeName": "myaks",
		"environmentImageRequest": map[string]any{"modelIds": []string{m.ID}},
	})
	ctx := context.Background()
	ws, err := workspace.Get(ctx, azuremltest.WorkspaceName, srv.Credential(), &workspace.GetOptions{ClientOptions: srv.ClientOptions(), SubscriptionID: azuremltest.SubscriptionID})
	check(err)
	svc, err := webservice.GetAks(ctx, ws, "myservice")
	check(err)
	return srv, svc
}

// Replace both keys while clients go on calling. The state in the file lets another run
// of the program go on where this one broke off; it holds no secret.
func ExampleService_RotateKeys() {
	srv, svc := emulated()
	defer srv.Close()
	dir, err := os.MkdirTemp("", "rotation")
	check(err)
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "myservice.json")

	state, _ := os.ReadFile(file) // there is none the first time
	_, err = svc.RotateKeys(context.Background(), &webservice.RotateKeysOptions{
		State: state,
		SaveState: func(_ context.Context, state json.RawMessage) error {
			return os.WriteFile(file, state, 0o600)
		},
		HandOver: func(_ context.Context, keys webservice.Keys, use webservice.KeyType) error {
			// Here the keys go where clients take them from, such as a key vault.
			fmt.Println("clients use the", use, "key from now on")
			return nil
		},
		OnStep: func(e webservice.RotationEvent) {
			if e.Done {
				fmt.Println("done:", e.Step)
			}
		},
	})
	check(err)
	check(os.Remove(file)) // the next rotation begins anew
	// Output:
	// done: check-primary
	// done: regenerate-secondary
	// done: verify-secondary
	// clients use the Secondary key from now on
	// done: hand-over-secondary
	// done: regenerate-primary
	// done: verify-primary
	// clients use the Primary key from now on
	// done: hand-over-primary
}

// What a service takes and gives, if its script says so.
func ExampleService_Swagger() {
	srv, svc := emulated()
	defer srv.Close()
	swagger, err := svc.Swagger(context.Background())
	check(err)
	fmt.Println(swagger.Title, swagger.Version)
	fmt.Println(swagger.ScorePath, swagger.Paths[swagger.ScorePath])
	fmt.Println(string(swagger.Input))
	// Output:
	// myservice 1.0
	// /api/v1/service/myservice/score [POST]
	// {"type":"object"}
}

// One key can be replaced by a value of one's own.
func ExampleService_RegenerateKey() {
	srv, svc := emulated()
	defer srv.Close()
	ctx := context.Background()
	before, err := svc.Keys(ctx)
	check(err)
	after, err := svc.RegenerateKey(ctx, webservice.KeyTypeSecondary, nil)
	check(err)
	fmt.Println("primary key changed:", !after.Primary.Equal(before.Primary))
	fmt.Println("secondary key changed:", !after.Secondary.Equal(before.Secondary))
	fmt.Println(after.Secondary)
	// Output:
	// primary key changed: false
	// secondary key changed: true
	// [redacted]
}

// Wait for a service that somebody else is deploying.
func ExampleBeginWait() {
	srv, svc := emulated()
	defer srv.Close()
	ctx := context.Background()
	p, err := webservice.BeginWait(ctx, svc, nil)
	check(err)
	svc, err = p.PollUntilDone(ctx, nil)
	check(err)
	fmt.Println(svc.State)
	// Output: Healthy
}

// The services on AKS, by name.
func ExampleList() {
	srv, _ := emulated()
	defer srv.Close()
	ws, err := workspace.Get(context.Background(), azuremltest.WorkspaceName, srv.Credential(), &workspace.GetOptions{ClientOptions: srv.ClientOptions(), SubscriptionID: azuremltest.SubscriptionID})
	check(err)
	for svc, err := range webservice.List(context.Background(), ws, &webservice.ListOptions{ComputeType: webservice.ComputeTypeAKS}) {
		check(err)
		fmt.Println(svc.Common().Name, svc.Common().State)
	}
	// Output: myservice Healthy
}

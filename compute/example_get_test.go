package compute_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/compute"
)

// A compute of any type, and what a name that there is not is answered with.
func ExampleGet() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	ctx := context.Background()
	ws := openWorkspace(ctx, srv)
	srv.AddCompute(azuremltest.Workspace{}, azuremltest.Compute{Name: "myaks"})

	c, err := compute.Get(ctx, ws, "myaks")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.Type, c.ProvisioningState)
	_, err = compute.Get(ctx, ws, "nothere")
	fmt.Println(errors.Is(err, azureml.ErrNotFound))
	// Output:
	// AKS Succeeded
	// true
}

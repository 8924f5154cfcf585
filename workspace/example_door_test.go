package workspace_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/workspace"
)

// A list that is not wrapped, page by page as the loop asks for items.
func ExampleList() {
	srv, ws := opened()
	defer srv.Close()
	for _, name := range []string{"a", "b"} {
		srv.AddModel(azuremltest.Workspace{}, azuremltest.Model{Name: name})
	}

	type asset struct {
		ID string `json:"id"`
	}
	request := workspace.Request{Service: workspace.ModelManagement, Operation: "list", Subject: "models", Path: "models"}
	n := 0
	for found, err := range workspace.List[asset](context.Background(), ws, request, nil) {
		if err != nil {
			log.Fatal(err)
		}
		if found.ID != "" {
			n++
		}
	}
	fmt.Println(n, "models")
	// Output: 2 models
}

// A long-running operation that is not wrapped, with a poller like all others.
func ExampleBegin() {
	srv, ws := opened()
	defer srv.Close()
	ctx := context.Background()

	body, err := json.Marshal(map[string]any{
		"location": ws.Location, "properties": map[string]any{"computeType": "AKS", "properties": map[string]any{}},
	})
	if err != nil {
		log.Fatal(err)
	}
	request := workspace.Request{
		Service: workspace.ResourceManager, Operation: "create", Subject: `compute "myaks"`,
		Method: http.MethodPut, Path: "computes/myaks", Body: body,
	}
	poller, err := workspace.Begin(ctx, ws, request, workspace.Operation[string]{
		Kind: "example", Resource: "computes/myaks",
		Done: func(_ context.Context, s workspace.OperationStatus) (string, error) { return "made", nil },
	})
	if err != nil {
		log.Fatal(err)
	}
	result, err := azureml.Wait(ctx, poller, nil)
	fmt.Println(result, err)
	// Output: made <nil>
}

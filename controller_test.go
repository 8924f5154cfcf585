package azureml_test

import (
	"context"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

// reconcile stands for the controller of the README's example: it looks at what runs.
func reconcile(ctx context.Context, ws *workspace.Workspace) (int, error) {
	services, err := azureml.Collect(webservice.List(ctx, ws, nil))
	return len(services), err
}

package azureml_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/compute"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

// The whole way from a workspace to a prediction, on the emulator.
func Example() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	for name, text := range map[string]string{"model.json": `{"factor":2}`, "score.py": "def init():\n    pass\n\ndef run(data):\n    return data\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			log.Fatal(err)
		}
	}
	ws, err := workspace.Get(context.Background(), azuremltest.WorkspaceName, srv.Credential(), &workspace.GetOptions{ClientOptions: srv.ClientOptions(), SubscriptionID: azuremltest.SubscriptionID})
	if err != nil {
		log.Fatal(err)
	}
	answer, err := deployAndScore(context.Background(), ws, dir)
	if err != nil {
		log.Fatal(azureml.Explain(err))
	}
	fmt.Println(string(answer))
	// Output: {"data":[[0.1,0.2]]}
}

// README: deploy
func deployAndScore(ctx context.Context, ws *workspace.Workspace, dir string) ([]byte, error) {
	cluster, err := compute.BeginCreate(ctx, ws, "myaks", compute.AksProvisioningConfiguration{}, nil)
	if err != nil {
		return nil, err
	}
	aks, err := azureml.Wait(ctx, cluster, &azureml.WaitOptions{Output: os.Stderr})
	if err != nil {
		return nil, err
	}
	m, err := model.Register(ctx, ws, "mymodel", filepath.Join(dir, "model.json"), nil)
	if err != nil {
		return nil, err
	}
	inference := &model.InferenceConfig{EntryScript: filepath.Join(dir, "score.py"), Environment: model.NewEnvironment("myenv")}
	deployment, err := model.BeginDeploy(ctx, ws, "myservice", []*model.Model{m}, inference,
		webservice.AksDeployConfiguration{ComputeTarget: aks.Name, CPUCores: 1, MemoryGB: 1}, nil)
	if err != nil {
		return nil, err
	}
	svc, err := azureml.Wait(ctx, deployment, &azureml.WaitOptions{Output: os.Stderr}) // a *webservice.AksWebservice
	if err != nil {
		return nil, err
	}
	return svc.Run(ctx, []byte(`{"data":[[0.1,0.2]]}`))
}

// README: end

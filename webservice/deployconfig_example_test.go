package webservice_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

// Deploy with the files of az ml model deploy.
func ExampleLoadDeployConfiguration() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	srv.AddModel(azuremltest.Workspace{}, azuremltest.Model{Name: "mymodel", Framework: "ScikitLearn"})
	ctx := context.Background()
	ws, err := workspace.Get(ctx, azuremltest.WorkspaceName, srv.Credential(), &workspace.GetOptions{
		ClientOptions: srv.ClientOptions(), SubscriptionID: azuremltest.SubscriptionID, ResourceGroup: azuremltest.ResourceGroup,
	})
	if err != nil {
		log.Panic(err)
	}
	m, err := model.Get(ctx, ws, "mymodel", nil)
	if err != nil {
		log.Panic(err)
	}

	config, err := webservice.LoadDeployConfiguration(filepath.Join("testdata", "deploymentconfig", "good", "published-aci.json"), nil)
	if err != nil {
		log.Panic(err)
	}
	if aci, ok := config.Typed().(webservice.AciDeployConfiguration); ok {
		fmt.Println(aci.CPUCores, "cores,", aci.MemoryGB, "GB")
	}
	p, err := model.BeginDeploy(ctx, ws, "myservice", []*model.Model{m}, nil, config, nil)
	if err != nil {
		log.Panic(err)
	}
	svc, err := azureml.Wait(ctx, p, nil)
	if err != nil {
		log.Panic(err)
	}
	fmt.Println(svc.Common().Name, svc.Common().State)
	// Output:
	// 0.5 cores, 1 GB
	// myservice Healthy
}

// Everything that is wrong is told at once.
func ExampleLoadDeployConfiguration_wrong() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Panic(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "deploymentconfig.json")
	text := "{\n  \"computeType\": \"aks\",\n  \"enableAppInsights\": true,\n  \"numReplicas\": \"3\",\n}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		log.Panic(err)
	}

	_, err = webservice.LoadDeployConfiguration(path, nil)
	if e, ok := err.(*azureml.Error); ok {
		for _, v := range e.Violations {
			fmt.Println(v)
		}
	}
	// Output:
	// line 3: unknown key "enableAppInsights"; did you mean "appInsightsEnabled"?
	// line 4: JSON allows no comma before "}"
	// line 4: numReplicas must be a number, not a text
}

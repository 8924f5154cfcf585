package model_test

import (
	"context"
	"fmt"
	"log"
	"path/filepath"
	"strings"

	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/workspace"
)

// openWorkspace opens a workspace of an emulated Azure; a program would use
// authentication.NewDefault, or another credential, and no client options.
func openWorkspace(ctx context.Context, srv *azuremltest.Server) *workspace.Workspace {
	ws, err := workspace.Get(ctx, azuremltest.WorkspaceName, srv.Credential(), &workspace.GetOptions{
		ClientOptions: srv.ClientOptions(), SubscriptionID: azuremltest.SubscriptionID, ResourceGroup: azuremltest.ResourceGroup,
	})
	if err != nil {
		log.Panic(err)
	}
	return ws
}

func ExampleRegister() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	ctx := context.Background()
	ws := openWorkspace(ctx, srv)

	m, err := model.Register(ctx, ws, "mymodel", filepath.Join("testdata", "model.json"), &model.RegisterOptions{
		Framework: model.FrameworkScikitLearn, FrameworkVersion: "1.2.2", Tags: map[string]string{"area": "diabetes"},
	})
	if err != nil {
		log.Panic(err)
	}
	fmt.Println(m.ID, m.Framework, m.Tags["area"])
	// Output: mymodel:1 ScikitLearn diabetes
}

func ExampleRegister_refused() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	ctx := context.Background()
	ws := openWorkspace(ctx, srv)

	_, err := model.Register(ctx, ws, "my model", "no/such/file", &model.RegisterOptions{FrameworkVersion: "1.2.2"})
	fmt.Println(err)
	// Output: azureml: cannot register model "my model": name ("my model") must be 1 to 255 letters, digits, dashes, dots or underscores, and start with a letter or digit; FrameworkVersion ("1.2.2") needs a Framework; path ("no/such/file") must be a file or folder that exists
}

func ExampleGet() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	ctx := context.Background()
	ws := openWorkspace(ctx, srv)
	for range 2 {
		if _, err := model.RegisterReader(ctx, ws, "mymodel", "model.bin", strings.NewReader("…"), nil); err != nil {
			log.Panic(err)
		}
	}

	latest, err := model.Get(ctx, ws, "mymodel", nil)
	if err != nil {
		log.Panic(err)
	}
	first, err := model.Get(ctx, ws, "mymodel:1", nil)
	if err != nil {
		log.Panic(err)
	}
	fmt.Println(latest.ID, first.ID)
	// Output: mymodel:2 mymodel:1
}

func ExampleNewEnvironment() {
	e := model.NewEnvironment("myenv")
	e.Python.CondaDependencies.SetPython("3.10")
	e.Python.CondaDependencies.AddPip("scikit-learn==1.2.2")
	e.EnvironmentVariables = map[string]string{"LOG_LEVEL": "info"}
	for _, d := range e.Python.CondaDependencies.Dependencies {
		fmt.Println(d.Package, d.Pip)
	}
	// Output:
	// python=3.10 []
	//  [azureml-defaults scikit-learn==1.2.2]
}

func ExampleRegisterEnvironment() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	ctx := context.Background()
	ws := openWorkspace(ctx, srv)

	registered, err := model.RegisterEnvironment(ctx, ws, model.NewEnvironment("myenv"))
	if err != nil {
		log.Panic(err)
	}
	fmt.Println(registered.Name, registered.Version)
	// Output: myenv 1
}

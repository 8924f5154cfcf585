package model_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"

	"github.com/azureml-go/azureml"
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

func ExampleList() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	ctx := context.Background()
	ws := openWorkspace(ctx, srv)
	for _, name := range []string{"mymodel", "mymodel", "other"} {
		if _, err := model.RegisterReader(ctx, ws, name, "model.bin", strings.NewReader("…"), nil); err != nil {
			log.Panic(err)
		}
	}

	for m, err := range model.List(ctx, ws, &model.ListOptions{Name: "mymodel"}) {
		if err != nil {
			log.Panic(err)
		}
		fmt.Println(m.ID)
	}
	// Output:
	// mymodel:2
	// mymodel:1
}

func ExampleModel_AddTags() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	ctx := context.Background()
	ws := openWorkspace(ctx, srv)

	m, err := model.RegisterReader(ctx, ws, "mymodel", "model.bin", strings.NewReader("…"), nil)
	if err != nil {
		log.Panic(err)
	}
	m, err = m.AddTags(ctx, map[string]string{"stage": "prod"})
	if err != nil {
		log.Panic(err)
	}
	fmt.Println(m.Tags)
	// Output: map[stage:prod]
}

func ExampleModel_Update() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	ctx := context.Background()
	ws := openWorkspace(ctx, srv)

	m, err := model.RegisterReader(ctx, ws, "mymodel", "model.bin", strings.NewReader("…"), nil)
	if err != nil {
		log.Panic(err)
	}
	m, err = m.Update(ctx, model.Update{
		Description: to.Ptr("predicts churn"), ResourceConfiguration: &model.ResourceConfiguration{CPU: 1, MemoryGB: 2},
	})
	if err != nil {
		log.Panic(err)
	}
	fmt.Println(m.Description, m.ResourceConfiguration.MemoryGB)
	// Output: predicts churn 2
}

func ExampleModel_Delete() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	ctx := context.Background()
	ws := openWorkspace(ctx, srv)

	m, err := model.RegisterReader(ctx, ws, "mymodel", "model.bin", strings.NewReader("…"), nil)
	if err != nil {
		log.Panic(err)
	}
	for range 2 {
		result, err := m.Delete(ctx)
		if errors.Is(err, azureml.ErrInUse) {
			log.Panic(azureml.Explain(err)) // names the web services that use it
		}
		fmt.Println(result.AlreadyGone, err)
	}
	// Output:
	// false <nil>
	// true <nil>
}

func ExampleModel_Download() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	ctx := context.Background()
	ws := openWorkspace(ctx, srv)
	if _, err := model.RegisterReader(ctx, ws, "mymodel", "model.bin", strings.NewReader("weights"), nil); err != nil {
		log.Panic(err)
	}
	dir, err := os.MkdirTemp("", "models")
	if err != nil {
		log.Panic(err)
	}
	defer os.RemoveAll(dir)

	m, err := model.Get(ctx, ws, "mymodel", nil)
	if err != nil {
		log.Panic(err)
	}
	path, err := m.Download(ctx, dir, &model.DownloadOptions{Overwrite: true})
	if err != nil {
		log.Panic(err)
	}
	content, err := os.ReadFile(path)
	fmt.Println(filepath.Base(path), string(content), err)
	// Output: model.bin weights <nil>
}

func ExampleListEnvironments() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	ctx := context.Background()
	ws := openWorkspace(ctx, srv)
	if _, err := model.RegisterEnvironment(ctx, ws, model.NewEnvironment("myenv")); err != nil {
		log.Panic(err)
	}

	for e, err := range model.ListEnvironments(ctx, ws) {
		if err != nil {
			log.Panic(err)
		}
		if !strings.HasPrefix(e.Name, "AzureML") { // those are curated
			fmt.Println(e.Name, e.Version)
		}
	}
	// Output: myenv 1
}

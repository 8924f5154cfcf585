package model_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/webservice"
)

// temporary writes a file and gives its path.
func temporary(name, text string) string {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Panic(err)
	}
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		log.Panic(err)
	}
	return path
}

// Deploy a model with a script and an environment to a cluster, and wait. The poller knows
// from the configuration what it gives: here a *webservice.AksWebservice.
func ExampleBeginDeploy() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	ctx := context.Background()
	ws := openWorkspace(ctx, srv)
	srv.AddCompute(azuremltest.Workspace{}, azuremltest.Compute{Name: "myaks"})
	m, err := model.Register(ctx, ws, "mymodel", filepath.Join("testdata", "model.json"), nil)
	if err != nil {
		log.Panic(err)
	}
	script := temporary("score.py", "def init():\n    pass\n\ndef run(data):\n    return data\n")
	defer os.RemoveAll(filepath.Dir(script))

	inference := &model.InferenceConfig{EntryScript: script, Environment: model.NewEnvironment("myenv")}
	p, err := model.BeginDeploy(ctx, ws, "myservice", []*model.Model{m}, inference,
		webservice.AksDeployConfiguration{ComputeTarget: "myaks", CPUCores: 1, MemoryGB: 1}, nil)
	if err != nil {
		log.Panic(err)
	}
	svc, err := azureml.Wait(ctx, p, nil)
	if err != nil {
		log.Panic(azureml.Explain(err))
	}
	fmt.Println(svc.Name, svc.State, svc.ModelIDs)
	// Output: myservice Healthy [mymodel:1]
}

// A model that is made on the way, and no file.
func ExampleRegisterReader() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	ctx := context.Background()

	m, err := model.RegisterReader(ctx, openWorkspace(ctx, srv), "mymodel", "model.json", strings.NewReader(`{"factor":2}`), nil)
	fmt.Println(m, err)
	// Output: mymodel:1 <nil>
}

// A model of what the workspace has already: nothing is uploaded.
func ExampleRegisterURL() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	ctx := context.Background()
	ws := openWorkspace(ctx, srv)
	first, err := model.RegisterReader(ctx, ws, "mymodel", "model.json", strings.NewReader(`{"factor":2}`), nil)
	if err != nil {
		log.Panic(err)
	}

	again, err := model.RegisterURL(ctx, ws, "other", first.URL, nil)
	if err != nil {
		log.Panic(err)
	}
	fmt.Println(again.ID, again.URL == first.URL)
	// Output: other:1 true
}

// Environments from the files that describe them.
func ExampleNewEnvironmentFromCondaFile() {
	path := temporary("environment.yml", "dependencies:\n  - python=3.10\n  - numpy\n  - pip: [azureml-defaults]\n")
	defer os.RemoveAll(filepath.Dir(path))

	e, err := model.NewEnvironmentFromCondaFile("myenv", path)
	if err != nil {
		log.Panic(err)
	}
	for _, d := range e.Python.CondaDependencies.Dependencies {
		fmt.Println(d.Package, d.Pip)
	}
	// Output:
	// python=3.10 []
	// numpy []
	//  [azureml-defaults]
}

func ExampleNewEnvironmentFromPipFile() {
	path := temporary("requirements.txt", "azureml-defaults\nscikit-learn==1.2.2\n")
	defer os.RemoveAll(filepath.Dir(path))

	e, err := model.NewEnvironmentFromPipFile("myenv", path, "")
	if err != nil {
		log.Panic(err)
	}
	fmt.Println(e.Name, len(e.Python.CondaDependencies.Dependencies))
	// Output: myenv 3
}

func ExampleNewEnvironmentFromDockerfile() {
	path := temporary("Dockerfile", "FROM mcr.microsoft.com/azureml/minimal-ubuntu20.04-py38-cpu-inference:latest\n")
	defer os.RemoveAll(filepath.Dir(path))

	e, err := model.NewEnvironmentFromDockerfile("myenv", path)
	if err != nil {
		log.Panic(err)
	}
	fmt.Println(e.Name, e.Python.UserManagedDependencies)
	// Output: myenv true
}

// An image that holds all packages already, from a registry that asks for a password.
func ExampleNewEnvironmentFromDockerImage() {
	e := model.NewEnvironmentFromDockerImage("myenv", "team/scoring:1", &model.ContainerRegistry{
		Address: "registry.example", Username: "reader", Password: azureml.NewSecret("of the reader"),
	})
	fmt.Println(e.Docker.BaseImage, e.Docker.BaseImageRegistry.Address, e.Docker.BaseImageRegistry.Password)
	// Output: team/scoring:1 registry.example [redacted]
}

func ExampleNewCondaDependencies() {
	d := model.NewCondaDependencies([]string{"azureml-defaults", "onnxruntime"}, []string{"numpy"})
	d.SetPython("3.10")
	for _, p := range d.Dependencies {
		fmt.Println(p.Package, p.Pip)
	}
	// Output:
	// python=3.10 []
	//  [azureml-defaults onnxruntime]
	// numpy []
}

// An environment that the workspace has, and whether its image is built.
func ExampleGetEnvironment() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	ctx := context.Background()
	ws := openWorkspace(ctx, srv)
	if _, err := model.RegisterEnvironment(ctx, ws, model.NewEnvironment("myenv")); err != nil {
		log.Panic(err)
	}

	e, err := model.GetEnvironment(ctx, ws, "myenv", nil)
	fmt.Println(e.Name, e.Version, err)
	// Output: myenv 1 <nil>
}

func ExampleGetEnvironmentImage() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	ctx := context.Background()
	ws := openWorkspace(ctx, srv)
	if _, err := model.RegisterEnvironment(ctx, ws, model.NewEnvironment("myenv")); err != nil {
		log.Panic(err)
	}

	image, err := model.GetEnvironmentImage(ctx, ws, "myenv", "")
	if err != nil {
		log.Panic(err)
	}
	fmt.Println(image.Exists)
	// Output: false
}

// Profiles that were made, and the last of a name.
func ExampleListProfiles() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	ctx := context.Background()

	profiles, err := azureml.Collect(model.ListProfiles(ctx, openWorkspace(ctx, srv)))
	fmt.Println(len(profiles), err)
	// Output: 0 <nil>
}

func ExampleGetProfile() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	ctx := context.Background()

	_, err := model.GetProfile(ctx, openWorkspace(ctx, srv), "nothere")
	fmt.Println(errors.Is(err, azureml.ErrNotFound))
	// Output: true
}

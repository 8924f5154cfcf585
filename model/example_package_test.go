package model_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/model"
)

// An image is pulled with docker: the package gives its reference and a login.
func ExampleBeginPackage() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	ctx := context.Background()
	ws := openWorkspace(ctx, srv)
	m, err := model.RegisterReader(ctx, ws, "churn", "model.onnx", strings.NewReader("…"), &model.RegisterOptions{Framework: model.FrameworkOnnx})
	if err != nil {
		log.Panic(err)
	}

	poller, err := model.BeginPackage(ctx, ws, []*model.Model{m}, nil, &model.PackageOptions{ImageName: "team/churn", ImageLabel: "1.2"})
	if err != nil {
		log.Panic(err)
	}
	pkg, err := azureml.Wait(ctx, poller, nil)
	if err != nil {
		log.Panic(err)
	}
	registry, err := pkg.ContainerRegistry(ctx)
	if err != nil {
		log.Panic(err)
	}
	fmt.Println(strings.TrimPrefix(pkg.Location, registry.Address), registry.Password)
	// Output: /team/churn:1.2 [redacted]
}

func ExampleModelPackage_Save() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	ctx := context.Background()
	ws := openWorkspace(ctx, srv)
	m, err := model.RegisterReader(ctx, ws, "churn", "model.onnx", strings.NewReader("…"), &model.RegisterOptions{Framework: model.FrameworkOnnx})
	if err != nil {
		log.Panic(err)
	}
	dir, err := os.MkdirTemp("", "context")
	if err != nil {
		log.Panic(err)
	}
	defer os.RemoveAll(dir)

	poller, err := model.BeginPackage(ctx, ws, []*model.Model{m}, nil, &model.PackageOptions{GenerateDockerfile: true})
	if err != nil {
		log.Panic(err)
	}
	pkg, err := azureml.Wait(ctx, poller, nil)
	if err != nil {
		log.Panic(err)
	}
	if err := pkg.Save(ctx, dir, nil); err != nil {
		log.Panic(err)
	}
	err = filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			name, _ := filepath.Rel(dir, path)
			fmt.Println(filepath.ToSlash(name))
		}
		return err
	})
	if err != nil {
		log.Panic(err)
	}
	// Output:
	// Dockerfile
	// azureml-app/azureml-models/churn/1/model.onnx
}

func ExampleBeginProfile() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	ctx := context.Background()
	ws := openWorkspace(ctx, srv)
	m, err := model.RegisterReader(ctx, ws, "churn", "model.pkl", strings.NewReader("…"), nil)
	if err != nil {
		log.Panic(err)
	}
	inference := &model.InferenceConfig{EntryScript: filepath.Join("testdata", "score.py"), Environment: model.NewEnvironment("churn-env")}
	dataset := srv.AddDataset(azuremltest.Workspace{}, azuremltest.Dataset{Rows: 100})

	poller, err := model.BeginProfile(ctx, ws, "churn-profile", []*model.Model{m}, inference, dataset, &model.ProfileOptions{CPU: 2, MemoryGB: 4})
	if err != nil {
		log.Panic(err)
	}
	profile, err := azureml.Wait(ctx, poller, nil)
	if err != nil {
		log.Panic(err)
	}
	fmt.Printf("%s: %g cores, %g GB, %g ms on the average\n", profile.Name, *profile.RecommendedCPU, *profile.RecommendedMemoryGB, *profile.AverageLatencyMs)
	// Output: churn-profile: 0.5 cores, 0.5 GB, 80 ms on the average
}

func ExampleBeginProfile_refused() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	ctx := context.Background()
	ws := openWorkspace(ctx, srv)

	_, err := model.BeginProfile(ctx, ws, "p", nil, nil, "", &model.ProfileOptions{CPU: 8})
	fmt.Println(err)
	// Output: azureml: cannot create model profile "p": datasetID is required; CPU (8) must be from 0.1 to 3.5; inference is required; models must hold at least one model
}

func ExampleBeginBuildEnvironment() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	ctx := context.Background()
	ws := openWorkspace(ctx, srv)

	poller, err := model.BeginBuildEnvironment(ctx, ws, model.NewEnvironment("churn-env"), nil)
	if err != nil {
		log.Panic(err)
	}
	image, err := azureml.Wait(ctx, poller, nil)
	if err != nil {
		log.Panic(err)
	}
	fmt.Println(image.Exists, strings.HasPrefix(image.Name, "azureml/azureml_"))
	// Output: true true
}

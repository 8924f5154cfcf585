package model_test

import (
	"fmt"
	"log"
	"path/filepath"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/model"
)

func ExampleLoadInferenceConfig() {
	inference, err := model.LoadInferenceConfig(filepath.Join("testdata", "inferenceconfig", "good", "published-old.json"), &model.LoadInferenceConfigOptions{
		EnvironmentName: "myservice-env",
		OnWarning:       func(w azureml.Warning) { fmt.Println(w.Message) },
	})
	if err != nil {
		log.Panic(err)
	}
	fmt.Println(filepath.Base(inference.EntryScript), inference.Environment.Name, inference.Environment.Python.CondaDependencies.Channels)
	// Output:
	// line 1: runtime, condaFile out of date; turned into an environment "myservice-env"; write environment instead
	// score.py myservice-env [conda-forge]
}

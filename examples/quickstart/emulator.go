package main

import (
	"context"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/examples/quickstart/linear"
)

// pace makes the emulator's operations slow enough to be watched.
const (
	emulatedPolls = 4
	emulatedPause = 100 * time.Millisecond
)

// emulate starts an Azure in this process, and sets the variables of the service
// principal that are unset to the emulator's.
func emulate() (*azuremltest.Server, error) {
	srv := azuremltest.NewServer(&azuremltest.Options{OperationPolls: emulatedPolls, RetryAfter: emulatedPause})
	for name, value := range emulated() {
		if os.Getenv(name) != "" {
			continue
		}
		if err := os.Setenv(name, value); err != nil {
			srv.Close()
			return nil, err
		}
	}
	return srv, nil
}

// emulated is the emulator's service principal as environment variables.
func emulated() map[string]string {
	return map[string]string{
		"AML_TENANT_ID":      azuremltest.TenantID,
		"AML_PRINCIPAL_ID":   azuremltest.ClientID,
		"AML_PRINCIPAL_PASS": azuremltest.ClientSecret,
	}
}

// foreign names the variables that are set to something the emulator does not know.
func foreign() []string {
	var names []string
	for name, value := range emulated() {
		if os.Getenv(name) != value {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// score is what the emulated services compute: the prediction of the model that was
// uploaded, read out of the emulator's blob storage.
func score(_ context.Context, in *azuremltest.ScoreRequest) (*azuremltest.ScoreResponse, error) {
	data, err := fs.ReadFile(in.Model(modelName), modelFile)
	if err != nil {
		return nil, err
	}
	model, err := linear.Parse(data)
	if err != nil {
		return nil, err
	}
	answer, err := model.Score(in.Body)
	if err != nil {
		return nil, err
	}
	return &azuremltest.ScoreResponse{Body: answer}, nil
}

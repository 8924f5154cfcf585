package model

import (
	"encoding/json"
	"errors"

	"github.com/azureml-go/azureml"
)

// inferenceFile are the keys of an inference configuration file (contract: model
// §12.1). The published JSON schema is made of this type: its comments are what editors
// show.
type inferenceFile struct {
	// Where the JSON schema of this file is, for editors.
	Schema string `json:"$schema"`
	// The Python file with the functions init() and run(data). It is relative to sourceDirectory if that is set, else to this file.
	EntryScript string `json:"entryScript" jsonschema:"required"`
	// A folder to send as a whole, with the entry script in it; relative to this file. Helper modules in it can be imported.
	SourceDirectory string `json:"sourceDirectory"`
	// What the script runs in: an environment, or the name (and version) of a registered one.
	Environment *Environment `json:"environment"`

	// Old: "python". Use environment.
	Runtime string `json:"runtime"`
	// Old: a conda specification with the packages to install; relative to sourceDirectory if that is set, else to this file. Use environment.
	CondaFile string `json:"condaFile"`
	// Old: a file with lines to add to the Dockerfile; relative to sourceDirectory if that is set, else to this file. Use environment.
	ExtraDockerfileSteps string `json:"extraDockerfileSteps"`
	// Old: another spelling of extraDockerfileSteps. Use environment.
	ExtraDockerFileSteps string `json:"extraDockerFileSteps"`
	// Old: run on an image with CUDA. Use environment.
	EnableGPU bool `json:"enableGpu"`
	// Old: the version of CUDA in the image, "9.0" or "10.0". Use environment.
	CudaVersion string `json:"cudaVersion"`
	// Old: an image to build on. Use environment.
	BaseImage string `json:"baseImage"`
	// Old: the registry that baseImage is in: its address, or an object with address, username and password. Use environment.
	BaseImageRegistry fileRegistry `json:"baseImageRegistry"`
	// Old: it was never read. A description is given to the deployment.
	Description string `json:"description"`
}

// fileRegistry is a registry in a file: an address, or an object.
type fileRegistry struct{ ContainerRegistry }

// UnmarshalJSON reads either form.
func (r *fileRegistry) UnmarshalJSON(data []byte) error {
	if json.Unmarshal(data, &r.Address) == nil {
		return nil
	}
	var object struct {
		Address  *string        `json:"address"`
		Username *string        `json:"username"`
		Password azureml.Secret `json:"password"`
	}
	var keys map[string]json.RawMessage
	if json.Unmarshal(data, &keys) != nil || json.Unmarshal(data, &object) != nil {
		return errRegistry
	}
	for key := range keys {
		if key != "address" && key != "username" && key != "password" {
			return errRegistry
		}
	}
	if p := object.Password; !p.IsZero() && p.Reveal() == p.String() {
		return errors.New("has not the password itself, but what is shown in its place")
	}
	r.ContainerRegistry = ContainerRegistry{Address: text(object.Address), Username: text(object.Username), Password: object.Password}
	return nil
}

var errRegistry = errors.New(`must be the address of a registry, or an object with the texts address, username and password`)

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

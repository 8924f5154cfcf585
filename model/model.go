package model

import (
	"cmp"
	"context"
	"encoding/json"
	"time"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/rest"
	"github.com/azureml-go/azureml/internal/validate"
	"github.com/azureml-go/azureml/workspace"
)

// Framework is the machine-learning framework of a model. The service decides by it
// whether a model can be deployed without code.
type Framework string

// The frameworks that the service knows; others are taken as they are.
const (
	FrameworkCustom      Framework = "Custom"
	FrameworkTensorFlow  Framework = "TensorFlow"
	FrameworkScikitLearn Framework = "ScikitLearn"
	FrameworkOnnx        Framework = "Onnx"
	// FrameworkTfKeras is out of date; newer models are registered as TensorFlow.
	FrameworkTfKeras Framework = "TfKeras"
	FrameworkPyTorch Framework = "PyTorch"
	FrameworkMulti   Framework = "Multi"
)

// PossibleFrameworkValues returns the values of [Framework].
func PossibleFrameworkValues() []Framework {
	return []Framework{
		FrameworkCustom, FrameworkTensorFlow, FrameworkScikitLearn, FrameworkOnnx,
		FrameworkTfKeras, FrameworkPyTorch, FrameworkMulti,
	}
}

// Model is a registered version of a model as it was when it was read. It is
// read-only, safe for concurrent use, and mirrors azureml.core's Model.
type Model struct {
	// ID is "name:version".
	ID string `json:"id"`
	// Name of the model; all its versions share it.
	Name string `json:"name"`
	// Version counts from 1; the service assigns it.
	Version int64 `json:"version"`
	// Framework and FrameworkVersion say what made it ("Custom" where nobody said).
	Framework        Framework `json:"framework,omitempty"`
	FrameworkVersion string    `json:"frameworkVersion,omitempty"`
	Description      string    `json:"description,omitempty"`
	// URL is the asset that holds its files: "aml://asset/ID". Models that newer tools
	// have registered have addresses of other forms.
	URL string `json:"url,omitempty"`
	// MIMEType of the asset, "application/json".
	MIMEType string `json:"mimeType,omitempty"`
	// Unpack tells of an old model whose one file is an archive of the model.
	Unpack bool `json:"unpack,omitempty"`
	// CreatedTime and ModifiedTime are in UTC; zero if the service gave none.
	CreatedTime  time.Time `json:"createdTime,omitzero"`
	ModifiedTime time.Time `json:"modifiedTime,omitzero"`
	// Tags can be changed, properties only added to.
	Tags       map[string]string `json:"kvTags,omitempty"`
	Properties map[string]string `json:"properties,omitempty"`
	// RunID and ExperimentName are of the run that made the model.
	RunID          string `json:"runId,omitempty"`
	ExperimentName string `json:"experimentName,omitempty"`
	// ParentID is the model that this one was made from, DerivedIDs those made from it.
	ParentID   string   `json:"parentModelId,omitempty"`
	DerivedIDs []string `json:"derivedModelIds,omitempty"`
	// Datasets are the data it was trained or tested with.
	Datasets []DatasetReference `json:"datasets,omitempty"`
	// SampleInput and SampleOutput are datasets: "aml://dataset/ID".
	SampleInput  string `json:"sampleInputData,omitempty"`
	SampleOutput string `json:"sampleOutputData,omitempty"`
	// ResourceConfiguration is what a deployment without code gets; nil for the service's default.
	ResourceConfiguration *ResourceConfiguration `json:"resourceRequirements,omitempty"`
	// CreatedBy is who registered it; nil if the service does not tell.
	CreatedBy *User `json:"createdBy,omitempty"`

	// ws is the workspace that it was read from.
	ws *workspace.Workspace
}

// String is the model's id.
func (m *Model) String() string { return m.ID }

// checkBound refuses a model that nobody has read from a workspace.
func (m *Model) checkBound(c *validate.Checker) {
	switch {
	case m.ws == nil:
		c.Add("model", m.ID, "does not know its workspace; read it with model.Get")
	case m.ID == "":
		c.Add("model", nil, "must have an id")
	}
}

// path is the model's address behind the workspace's.
func (m *Model) path() string { return "models/" + workspace.Segment(m.ID) }

// read gives the model as it is now.
func (m *Model) read(ctx context.Context, operation string) (*Model, error) {
	return m.answered(ctx, workspace.Request{
		Service: workspace.ModelManagement, Operation: operation, Subject: subject(m.ID), Path: m.path(),
	})
}

// answered sends a request that is answered with the model.
func (m *Model) answered(ctx context.Context, r workspace.Request) (*Model, error) {
	now := new(Model)
	if _, err := m.ws.Do(ctx, r, now); err != nil {
		return nil, err
	}
	if now.ID != m.ID {
		return nil, &azureml.Error{Operation: r.Operation, Subject: r.Subject, Message: "the service did not answer with the model"}
	}
	now.ws = m.ws
	return now, nil
}

// UnmarshalJSON reads a model as the services give it. What is missing, null or of
// another type than expected is left empty.
func (m *Model) UnmarshalJSON(data []byte) error {
	var w modelAnswer
	if err := rest.Unmarshal(data, &w); err != nil {
		return err
	}
	*m = *w.model(nil)
	return nil
}

// modelAnswer is a model as the services answer with it. It is flat, and has maps of texts:
// what encoding/json is quick with. MendJSON reads what does not fit.
type modelAnswer struct {
	ID                    string                 `json:"id"`
	Name                  string                 `json:"name"`
	Version               int64                  `json:"version"`
	Framework             Framework              `json:"framework"`
	FrameworkVersion      string                 `json:"frameworkVersion"`
	Description           string                 `json:"description"`
	URL                   string                 `json:"url"`
	MIMEType              string                 `json:"mimeType"`
	Unpack                bool                   `json:"unpack"`
	CreatedTime           rest.Time              `json:"createdTime"`
	ModifiedTime          rest.Time              `json:"modifiedTime"`
	KVTags                map[string]string      `json:"kvTags"`
	Tags                  map[string]string      `json:"tags"` // of models inside of web services
	Properties            map[string]string      `json:"properties"`
	RunID                 string                 `json:"runId"`
	ExperimentName        string                 `json:"experimentName"`
	ParentID              string                 `json:"parentModelId"`
	DerivedIDs            []string               `json:"derivedModelIds"`
	Datasets              []DatasetReference     `json:"datasets"`
	SampleInput           string                 `json:"sampleInputData"`
	SampleOutput          string                 `json:"sampleOutputData"`
	ResourceConfiguration *ResourceConfiguration `json:"resourceRequirements"`
	CreatedBy             *User                  `json:"createdBy"`
}

// MendJSON makes it a rest.Mender: it takes values of tags that are no texts as they are
// written.
func (w *modelAnswer) MendJSON(text []byte) {
	var odd struct {
		KVTags     texts `json:"kvTags"`
		Tags       texts `json:"tags"`
		Properties texts `json:"properties"`
	}
	_ = json.Unmarshal(text, &odd) // it was read before
	w.KVTags, w.Tags, w.Properties = odd.KVTags, odd.Tags, odd.Properties
}

// model is the model of a workspace, or of none.
func (w *modelAnswer) model(ws *workspace.Workspace) *Model {
	m := &Model{
		ID: w.ID, Name: w.Name, Version: w.Version, Framework: w.Framework, FrameworkVersion: w.FrameworkVersion, Description: w.Description,
		URL: w.URL, MIMEType: w.MIMEType, Unpack: w.Unpack, CreatedTime: w.CreatedTime.Time, ModifiedTime: w.ModifiedTime.Time,
		Tags: w.KVTags, Properties: w.Properties, RunID: w.RunID, ExperimentName: w.ExperimentName, ParentID: w.ParentID, DerivedIDs: w.DerivedIDs,
		Datasets: w.Datasets, SampleInput: w.SampleInput, SampleOutput: w.SampleOutput, ResourceConfiguration: w.ResourceConfiguration,
		CreatedBy: w.CreatedBy, ws: ws,
	}
	if m.Tags == nil {
		m.Tags = w.Tags
	}
	if m.Name == "" || m.Version == 0 {
		if name, version, ok := splitID(m.ID); ok {
			m.Name, m.Version = cmp.Or(m.Name, name), cmp.Or(m.Version, version)
		}
	}
	return m
}

// DatasetReference names a dataset by what it was used for ("training").
type DatasetReference struct {
	Name string `json:"name"`
	ID   string `json:"id"`
}

// User is who made something.
type User struct {
	ObjectID string `json:"userObjectId,omitempty"`
	TenantID string `json:"userTenantId,omitempty"`
	Name     string `json:"userName,omitempty"`
}

// ResourceConfiguration is the CPU, memory and GPUs that a service of the model needs
// when it is deployed without code. It mirrors azureml.core's ResourceConfiguration.
type ResourceConfiguration struct {
	// CPU is a number of cores, > 0; 0 leaves it to the service.
	CPU float64 `json:"cpu,omitempty"`
	// MemoryGB is in GB, > 0; 0 leaves it to the service.
	MemoryGB float64 `json:"memoryInGB,omitempty"`
	// GPU is a number of GPUs, > 0; 0 leaves it to the service.
	GPU int `json:"gpu,omitempty"`
}

// texts is a map whose values may be null, numbers or booleans on the wire.
type texts map[string]string

func (t *texts) UnmarshalJSON(data []byte) error {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil || raw == nil {
		return nil //nolint:nilerr // reading is lenient
	}
	*t = make(texts, len(raw))
	for key, value := range raw {
		var text string
		if json.Unmarshal(value, &text) != nil {
			text = string(value)
		}
		(*t)[key] = text
	}
	return nil
}

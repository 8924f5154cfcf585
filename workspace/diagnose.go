package workspace

import (
	"context"
	"iter"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/rest"
)

// DiagnoseOptions give the service parameters for single checks, as its documentation
// names them. Nil leaves a check at its defaults; all checks are always made.
type DiagnoseOptions struct {
	UserDefinedRoutes   map[string]any `json:"udr,omitempty"`
	NetworkSecurity     map[string]any `json:"nsg,omitempty"`
	ResourceLock        map[string]any `json:"resourceLock,omitempty"`
	DNSResolution       map[string]any `json:"dnsResolution,omitempty"`
	StorageAccount      map[string]any `json:"storageAccount,omitempty"`
	KeyVault            map[string]any `json:"keyVault,omitempty"`
	ContainerRegistry   map[string]any `json:"containerRegistry,omitempty"`
	ApplicationInsights map[string]any `json:"applicationInsights,omitempty"`
	Others              map[string]any `json:"others,omitempty"`
}

// Diagnosis is what the service finds about a workspace, by what it looked at.
type Diagnosis struct {
	UserDefinedRoutes   []Finding `json:"userDefinedRouteResults,omitempty"`
	NetworkSecurity     []Finding `json:"networkSecurityRuleResults,omitempty"`
	ResourceLock        []Finding `json:"resourceLockResults,omitempty"`
	DNSResolution       []Finding `json:"dnsResolutionResults,omitempty"`
	StorageAccount      []Finding `json:"storageAccountResults,omitempty"`
	KeyVault            []Finding `json:"keyVaultResults,omitempty"`
	ContainerRegistry   []Finding `json:"containerRegistryResults,omitempty"`
	ApplicationInsights []Finding `json:"applicationInsightsResults,omitempty"`
	Others              []Finding `json:"otherResults,omitempty"`
}

// FindingLevel says how bad a [Finding] is.
type FindingLevel string

// Values of [FindingLevel]; the service may know more.
const (
	FindingWarning     FindingLevel = "Warning"
	FindingError       FindingLevel = "Error"
	FindingInformation FindingLevel = "Information"
)

// PossibleFindingLevelValues returns the values of [FindingLevel].
func PossibleFindingLevelValues() []FindingLevel {
	return []FindingLevel{FindingWarning, FindingError, FindingInformation}
}

// Finding is one thing that the service found.
type Finding struct {
	Code    string       `json:"code,omitempty"`
	Level   FindingLevel `json:"level,omitempty"`
	Message string       `json:"message,omitempty"`
}

// All goes through all findings, with the name of what was looked at ("DNS resolution").
func (d *Diagnosis) All() iter.Seq2[string, Finding] {
	return func(yield func(string, Finding) bool) {
		for _, part := range []struct {
			name     string
			findings []Finding
		}{
			{"user-defined routes", d.UserDefinedRoutes}, {"network security", d.NetworkSecurity}, {"resource lock", d.ResourceLock},
			{"DNS resolution", d.DNSResolution}, {"storage account", d.StorageAccount}, {"key vault", d.KeyVault},
			{"container registry", d.ContainerRegistry}, {"Application Insights", d.ApplicationInsights}, {"others", d.Others},
		} {
			for _, f := range part.findings {
				if !yield(part.name, f) {
					return
				}
			}
		}
	}
}

// Diagnose lets the service check the workspace and the resources that it uses, and waits
// for the result, which can take minutes. Findings are no error. It mirrors azureml.core's
// Workspace.diagnose_workspace.
func (w *Workspace) Diagnose(ctx context.Context, o *DiagnoseOptions) (*Diagnosis, error) {
	var options DiagnoseOptions
	if o != nil {
		options = *o
	}
	r := Request{
		Service: ResourceManager, Operation: "diagnose", Subject: w.subject(), Method: http.MethodPost,
		Path: w.scope() + "/diagnose", Body: map[string]any{"value": options},
	}
	var answer []byte
	resp, err := w.Do(ctx, r, &answer)
	if err != nil {
		return nil, err
	}
	started := startOf(resp, ResourceManager, false)
	if started.Finished {
		return w.diagnosis(answer)
	}
	poller, err := w.followDiagnosis(r, started)
	if err != nil {
		return nil, err
	}
	return azureml.Wait(ctx, poller, nil)
}

func (w *Workspace) followDiagnosis(r Request, started rest.Started) (*runtime.Poller[*Diagnosis], error) {
	o := Operation[*Diagnosis]{
		Kind: "diagnose", Resource: "workspace",
		Done: func(_ context.Context, s OperationStatus) (*Diagnosis, error) { return w.diagnosis(s.Body) },
	}
	return rest.NewPoller(w.client, adapt(w, r, o), started)
}

// diagnosis reads the result, which stands alone or in the properties of an operation.
func (w *Workspace) diagnosis(body []byte) (*Diagnosis, error) {
	var found struct {
		Value      *Diagnosis `json:"value"`
		Properties struct {
			Value *Diagnosis `json:"value"`
		} `json:"properties"`
	}
	err := rest.Unmarshal(body, &found)
	switch {
	case err == nil && found.Value != nil:
		return found.Value, nil
	case err == nil && found.Properties.Value != nil:
		return found.Properties.Value, nil
	}
	return nil, &azureml.Error{Operation: "diagnose", Subject: w.subject(), Message: "the answer holds no diagnosis", Body: body, Err: err}
}

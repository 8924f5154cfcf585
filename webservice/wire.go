package webservice

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/azureml-go/azureml/internal/rest"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/workspace"
)

// wireService is a service of any kind as the wire has it, decoded in one go. It has the
// members of [AksWebservice] and [AciWebservice] side by side, without structs in structs:
// encoding/json looks up the name of each of these for every member in them, which is a
// twentieth of the time. What it cannot read, [decode] can.
type wireService struct {
	Name               string            `json:"name"`
	ComputeType        ComputeType       `json:"computeType"`
	State              State             `json:"state"`
	Description        string            `json:"description"`
	Tags               map[string]string `json:"kvTags"`
	Properties         map[string]string `json:"properties"`
	CreatedTime        rest.Time         `json:"createdTime"`
	UpdatedTime        rest.Time         `json:"updatedTime"`
	CreatedBy          *model.User       `json:"createdBy"`
	Error              *ServiceError     `json:"error"`
	OperationID        string            `json:"operationId"`
	DeploymentType     string            `json:"deploymentType"`
	ImageID            string            `json:"imageId"`
	ImageDigest        string            `json:"imageDigest"`
	ScoringURI         string            `json:"scoringUri"`
	SwaggerURI         string            `json:"swaggerUri"`
	AuthEnabled        *bool             `json:"authEnabled"`
	TokenAuthEnabled   *bool             `json:"aadAuthEnabled"`
	AppInsightsEnabled *bool             `json:"appInsightsEnabled"`

	ContainerResourceRequirements *ContainerResourceRequirements `json:"containerResourceRequirements"`
	DataCollection                *DataCollection                `json:"dataCollection"`
	ModelIDs                      []string                       `json:"modelIds"`
	Environment                   *EnvironmentReference          `json:"environment"`
	Image                         wireImage                      `json:"environmentImageRequest"`
	Models                        []wireModelID                  `json:"models"`

	// Of AKS.
	ComputeName                       string                     `json:"computeName"`
	Namespace                         string                     `json:"namespace"`
	NumReplicas                       *int                       `json:"numReplicas"`
	AutoScaler                        *AutoScaler                `json:"autoScaler"`
	MaxConcurrentRequestsPerContainer *int                       `json:"maxConcurrentRequestsPerContainer"`
	MaxQueueWaitMS                    *int                       `json:"maxQueueWaitMs"`
	ScoringTimeoutMS                  *int                       `json:"scoringTimeoutMs"`
	LivenessProbe                     *LivenessProbeRequirements `json:"livenessProbeRequirements"`
	DeploymentStatus                  *DeploymentStatus          `json:"deploymentStatus"`
	IsDefault                         *bool                      `json:"isDefault"`
	TrafficPercentile                 *float64                   `json:"trafficPercentile"`
	VersionType                       VersionType                `json:"type"`

	// Of ACI.
	Location             string                `json:"location"`
	SSLEnabled           *bool                 `json:"sslEnabled"`
	SSLCertificate       string                `json:"sslCertificate"`
	CName                string                `json:"cname"`
	PublicIP             string                `json:"publicIp"`
	PublicFQDN           string                `json:"publicFqdn"`
	VnetConfiguration    *VnetConfiguration    `json:"vnetConfiguration"`
	EncryptionProperties *EncryptionProperties `json:"encryptionProperties"`

	// Of endpoints, and of kinds that are not known.
	Versions  wirePresent `json:"versions"`
	IPAddress string      `json:"ipAddress"`
	Port      *int        `json:"port"`

	// SSLKey is a secret that must not be kept.
	SSLKey wirePresent `json:"sslKey"`

	text json.RawMessage
	// careful tells of members that need a closer look.
	careful bool
}

// KeepJSON makes it a rest.Keeper.
func (w *wireService) KeepJSON(text []byte, mismatch error) {
	w.text = text
	w.careful = mismatch != nil || bool(w.SSLKey) || bool(w.Versions)
}

type wireImage struct {
	ModelIDs    []string              `json:"modelIds"`
	Environment *EnvironmentReference `json:"environment"`
}

type wireModelID struct {
	ID string `json:"id"`
}

// wirePresent is true for a member that is there and not null.
type wirePresent bool

// UnmarshalJSON never fails.
func (p *wirePresent) UnmarshalJSON(data []byte) error {
	*p = string(data) != "null"
	return nil
}

// service makes a snapshot.
func (w *wireService) service(ws *workspace.Workspace) (Webservice, error) {
	if w.careful || string(bytes.TrimSpace(w.text)) == "null" {
		return decode(ws, w.text)
	}
	ids, environment := w.contents()
	switch w.ComputeType {
	case ComputeTypeAKS:
		return &AksWebservice{
			Service: w.common(ws), ComputeName: w.ComputeName, Namespace: w.Namespace, NumReplicas: w.NumReplicas, AutoScaler: w.AutoScaler,
			ContainerResourceRequirements: w.ContainerResourceRequirements, DataCollection: w.DataCollection,
			MaxConcurrentRequestsPerContainer: w.MaxConcurrentRequestsPerContainer, MaxQueueWaitMS: w.MaxQueueWaitMS, ScoringTimeoutMS: w.ScoringTimeoutMS,
			LivenessProbe: w.LivenessProbe, DeploymentStatus: w.DeploymentStatus, ModelIDs: ids, Environment: environment,
			IsDefault: w.IsDefault, TrafficPercentile: w.TrafficPercentile, VersionType: w.VersionType,
		}, nil
	case ComputeTypeACI:
		return &AciWebservice{
			Service: w.common(ws), ContainerResourceRequirements: w.ContainerResourceRequirements, Location: w.Location, DataCollection: w.DataCollection,
			SSLEnabled: w.SSLEnabled, SSLCertificate: w.SSLCertificate, CName: w.CName, PublicIP: w.PublicIP, PublicFQDN: w.PublicFQDN,
			VnetConfiguration: w.VnetConfiguration, EncryptionProperties: w.EncryptionProperties, ModelIDs: ids, Environment: environment,
		}, nil
	}
	// Kinds that are rare, and looked at member by member.
	return decode(ws, w.text)
}

// common is what all kinds have.
func (w *wireService) common(ws *workspace.Workspace) Service {
	s := Service{
		Name: w.Name, ComputeType: w.ComputeType, State: w.State, Description: w.Description, Tags: orNil(w.Tags), Properties: orNil(w.Properties),
		CreatedTime: w.CreatedTime.Time, UpdatedTime: w.UpdatedTime.Time, CreatedBy: w.CreatedBy, Error: w.Error, OperationID: w.OperationID,
		DeploymentType: w.DeploymentType, ImageID: w.ImageID, ImageDigest: w.ImageDigest, ScoringURI: w.ScoringURI, SwaggerURI: w.SwaggerURI,
		AuthEnabled: w.AuthEnabled, TokenAuthEnabled: w.TokenAuthEnabled, AppInsightsEnabled: w.AppInsightsEnabled,
		ws: ws, raw: w.text, runner: new(runner),
	}
	if s.SwaggerURI == "" {
		s.SwaggerURI = swaggerURI(s.ScoringURI)
	}
	return s
}

// contents are the models in it, and what they run in.
func (w *wireService) contents() (ids []string, environment *EnvironmentReference) {
	ids, environment = w.Image.ModelIDs, w.Environment
	if w.Image.Environment != nil {
		environment = w.Image.Environment
	}
	for _, m := range w.Models {
		if m.ID != "" && !slices.Contains(ids, m.ID) {
			ids = append(ids, m.ID)
		}
	}
	return ids, environment
}

// orNil is texts, nil if there are none.
func orNil(texts map[string]string) map[string]string {
	if len(texts) == 0 {
		return nil
	}
	return texts
}

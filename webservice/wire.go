package webservice

import (
	"encoding/json"
	"slices"

	"github.com/azureml-go/azureml/internal/rest"
	"github.com/azureml-go/azureml/workspace"
)

// wireService is a service of any kind as the wire has it, decoded in one go. Members
// that are declared here stand before those of the same name in AksWebservice, which
// cannot be read as they are. What it cannot read, [decode] can.
type wireService struct {
	*AksWebservice
	CreatedTime rest.Time     `json:"createdTime"`
	UpdatedTime rest.Time     `json:"updatedTime"`
	Image       wireImage     `json:"environmentImageRequest"`
	Models      []wireModelID `json:"models"`

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
	w.careful = mismatch != nil || bool(w.SSLKey) || bool(w.Versions) || w.AksWebservice == nil
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
	if w.careful {
		return decode(ws, w.text)
	}
	s := &w.Service
	s.CreatedTime, s.UpdatedTime = w.CreatedTime.Time, w.UpdatedTime.Time
	s.Tags, s.Properties = orNil(s.Tags), orNil(s.Properties)
	s.ws, s.raw, s.runner = ws, w.text, new(runner)
	if s.SwaggerURI == "" {
		s.SwaggerURI = swaggerURI(s.ScoringURI)
	}
	ids, environment := w.Image.ModelIDs, w.Environment
	if w.Image.Environment != nil {
		environment = w.Image.Environment
	}
	for _, m := range w.Models {
		if m.ID != "" && !slices.Contains(ids, m.ID) {
			ids = append(ids, m.ID)
		}
	}
	switch s.ComputeType {
	case ComputeTypeAKS:
		w.ModelIDs, w.Environment = ids, environment
		return w.AksWebservice, nil
	case ComputeTypeACI:
		return &AciWebservice{
			Service: *s, ContainerResourceRequirements: w.ContainerResourceRequirements, Location: w.Location, DataCollection: w.DataCollection,
			SSLEnabled: w.SSLEnabled, SSLCertificate: w.SSLCertificate, CName: w.CName, PublicIP: w.PublicIP, PublicFQDN: w.PublicFQDN,
			VnetConfiguration: w.VnetConfiguration, EncryptionProperties: w.EncryptionProperties, ModelIDs: ids, Environment: environment,
		}, nil
	}
	// Kinds that are rare, and looked at member by member.
	return decode(ws, w.text)
}

// orNil is texts, nil if there are none.
func orNil(texts map[string]string) map[string]string {
	if len(texts) == 0 {
		return nil
	}
	return texts
}

package webservice

import (
	"maps"

	"github.com/azureml-go/azureml/model"
)

// wireEndpoint creates an endpoint with its first version (contract: webservice §6.1).
type wireEndpoint struct {
	Name               string                      `json:"name"`
	Description        *string                     `json:"description"`
	Tags               map[string]string           `json:"kvTags"`
	Properties         map[string]string           `json:"properties"`
	ComputeType        ComputeType                 `json:"computeType"`
	ComputeName        string                      `json:"computeName"`
	AppInsightsEnabled *bool                       `json:"appInsightsEnabled,omitempty"`
	Namespace          string                      `json:"namespace,omitempty"`
	AuthEnabled        *bool                       `json:"authEnabled,omitempty"`
	TokenAuthEnabled   *bool                       `json:"aadAuthEnabled,omitempty"`
	Versions           map[string]wireFirstVersion `json:"versions"`
	Keys               wireKeys                    `json:"keys"`
	Overwrite          bool                        `json:"overwrite,omitempty"`
	// OldTags is always null; the reference sends it.
	OldTags *struct{} `json:"tags"`
}

// wireFirstVersion is the version that an endpoint is created with.
type wireFirstVersion struct {
	wireAks
	TrafficPercentile *float64 `json:"trafficPercentile"`
}

// wireNewVersion is a version that is added to an endpoint (contract: webservice §6.2).
type wireNewVersion struct {
	wireAks
	TrafficPercentile *float64    `json:"trafficPercentile,omitempty"`
	IsDefault         bool        `json:"isDefault,omitempty"`
	Type              VersionType `json:"type,omitempty"`
}

// payload builds the body for a configuration that was checked.
func (c AksEndpointDeployConfiguration) payload(r model.DeployRequest) wireEndpoint {
	version := c.aks().payload(model.DeployRequest{Name: c.VersionName, Image: r.Image, Properties: r.Properties})
	version.ComputeType = ComputeTypeAKSEndpoint
	return wireEndpoint{
		Name: r.Name, Description: version.Description, Tags: maps.Clone(version.Tags), Properties: maps.Clone(version.Properties),
		ComputeType: ComputeTypeAKSEndpoint, ComputeName: c.ComputeTarget, AppInsightsEnabled: c.EnableAppInsights, Namespace: c.Namespace,
		AuthEnabled: version.AuthEnabled, TokenAuthEnabled: version.TokenAuthEnabled, Keys: version.Keys, Overwrite: r.Overwrite,
		Versions: map[string]wireFirstVersion{c.VersionName: {version, c.TrafficPercentile}},
	}
}

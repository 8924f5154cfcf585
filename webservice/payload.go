package webservice

import (
	"encoding/json"
	"maps"
	"time"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/model"
)

// The bodies of the requests that create services. Which members are null and which
// are left out when they are unset differs from member to member.

// wireAks creates a service on AKS (contract: webservice §5.2).
type wireAks struct {
	wireCreate
	ComputeName           *string          `json:"computeName"`
	NumReplicas           *int             `json:"numReplicas"`
	AutoScaler            *wireAutoScaler  `json:"autoScaler,omitempty"`
	Resources             wireAksResources `json:"containerResourceRequirements"`
	MaxConcurrentRequests *int             `json:"maxConcurrentRequestsPerContainer"`
	MaxQueueWaitMS        *int64           `json:"maxQueueWaitMs"`
	Namespace             *string          `json:"namespace"`
	ScoringTimeoutMS      *int64           `json:"scoringTimeoutMs"`
	TokenAuthEnabled      *bool            `json:"aadAuthEnabled,omitempty"`
	Probe                 wireProbe        `json:"livenessProbeRequirements"`
	StorageInitEnabled    *bool            `json:"storageInitEnabled,omitempty"`
}

// wireCreate is what all services are created with.
type wireCreate struct {
	Name               string              `json:"name"`
	Description        *string             `json:"description"`
	Tags               map[string]string   `json:"kvTags"`
	Properties         map[string]string   `json:"properties"`
	ComputeType        ComputeType         `json:"computeType"`
	Keys               wireKeys            `json:"keys"`
	AuthEnabled        *bool               `json:"authEnabled,omitempty"`
	AppInsightsEnabled *bool               `json:"appInsightsEnabled,omitempty"`
	DataCollection     *wireDataCollection `json:"dataCollection,omitempty"`
	Image              *model.ImageRequest `json:"environmentImageRequest"`
	Location           *string             `json:"location"`
	Overwrite          bool                `json:"overwrite,omitempty"`
}

type wireKeys struct {
	Primary   *revealed `json:"primaryKey"`
	Secondary *revealed `json:"secondaryKey"`
}

// revealed is a secret that is written out when it is marshalled, and only then.
type revealed struct{ azureml.Secret }

// MarshalJSON writes the secret text.
func (r revealed) MarshalJSON() ([]byte, error) { return json.Marshal(r.Reveal()) }

func reveal(s azureml.Secret) *revealed {
	if s.IsZero() {
		return nil
	}
	return &revealed{s}
}

type wireDataCollection struct {
	StorageEnabled  bool `json:"storageEnabled"`
	EventHubEnabled bool `json:"eventHubEnabled"`
}

type wireAutoScaler struct {
	Enabled           bool   `json:"autoscaleEnabled"`
	MinReplicas       *int   `json:"minReplicas"`
	MaxReplicas       *int   `json:"maxReplicas"`
	TargetUtilization *int   `json:"targetUtilization"`
	RefreshSeconds    *int64 `json:"refreshPeriodInSeconds"`
}

type wireAksResources struct {
	CPU         *float64 `json:"cpu"`
	CPULimit    *float64 `json:"cpuLimit"`
	Memory      *float64 `json:"memoryInGB"`
	MemoryLimit *float64 `json:"memoryInGBLimit"`
	GPU         *int     `json:"gpu"`
}

type wireProbe struct {
	InitialDelay     *int64 `json:"initialDelaySeconds"`
	Period           *int64 `json:"periodSeconds"`
	FailureThreshold *int   `json:"failureThreshold"`
	SuccessThreshold *int   `json:"successThreshold"`
	Timeout          *int64 `json:"timeoutSeconds"`
}

// payload builds the body for a configuration that was checked.
func (c AksDeployConfiguration) payload(r model.DeployRequest) wireAks {
	w := wireAks{
		wireCreate:  newCreate(ComputeTypeAKS, r, c.Description, c.Tags, c.Properties, c.PrimaryKey, c.SecondaryKey),
		ComputeName: set(c.ComputeTarget),
		NumReplicas: set(c.NumReplicas),
		Resources: wireAksResources{
			CPU: set(c.CPUCores), CPULimit: set(c.CPUCoresLimit),
			Memory: set(c.MemoryGB), MemoryLimit: set(c.MemoryGBLimit), GPU: c.GPUCores,
		},
		MaxConcurrentRequests: set(c.ReplicaMaxConcurrentRequests),
		MaxQueueWaitMS:        set(c.MaxRequestWaitTime.Milliseconds()),
		Namespace:             set(c.Namespace),
		ScoringTimeoutMS:      set(c.ScoringTimeout.Milliseconds()),
		TokenAuthEnabled:      c.TokenAuthEnabled,
		Probe: wireProbe{
			InitialDelay: seconds(c.LivenessProbe.InitialDelay), Period: seconds(c.LivenessProbe.Period),
			Timeout:          seconds(c.LivenessProbe.Timeout),
			SuccessThreshold: set(c.LivenessProbe.SuccessThreshold), FailureThreshold: set(c.LivenessProbe.FailureThreshold),
		},
	}
	w.AuthEnabled, w.AppInsightsEnabled = c.AuthEnabled, c.EnableAppInsights
	w.DataCollection = dataCollection(c.CollectModelData)
	if isTrue(c.TokenAuthEnabled) {
		// Left out, it would be true by default and meet the tokens.
		w.AuthEnabled = new(bool)
	}
	if c.AutoscaleEnabled != nil {
		w.AutoScaler = &wireAutoScaler{
			Enabled: *c.AutoscaleEnabled, MinReplicas: set(c.AutoscaleMinReplicas), MaxReplicas: set(c.AutoscaleMaxReplicas),
			TargetUtilization: set(c.AutoscaleTargetUtilization), RefreshSeconds: seconds(c.AutoscaleRefresh),
		}
	}
	if c.BlobfuseEnabled != nil {
		without := !*c.BlobfuseEnabled
		w.StorageInitEnabled = &without
	}
	return w
}

// newCreate fills what all services are created with. Maps are copied; the
// configuration's own properties win over those of the request.
func newCreate(kind ComputeType, r model.DeployRequest, description string, tags, properties map[string]string, primary, secondary azureml.Secret) wireCreate {
	all := make(map[string]string, len(properties)+len(r.Properties))
	maps.Copy(all, r.Properties)
	maps.Copy(all, properties)
	return wireCreate{
		Name: r.Name, Description: set(description), Tags: maps.Clone(tags), Properties: all, ComputeType: kind,
		Keys: wireKeys{Primary: reveal(primary), Secondary: reveal(secondary)}, Image: r.Image, Overwrite: r.Overwrite,
	}
}

// dataCollection is left out unless it is switched on.
func dataCollection(enabled *bool) *wireDataCollection {
	if !isTrue(enabled) {
		return nil
	}
	return &wireDataCollection{StorageEnabled: true}
}

// set gives a pointer to value, nil where it is zero and so unset.
func set[T comparable](value T) *T {
	if value == *new(T) {
		return nil
	}
	return &value
}

func seconds(d time.Duration) *int64 { return set(int64(d / time.Second)) }

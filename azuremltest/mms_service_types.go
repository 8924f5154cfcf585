package azuremltest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
)

// Compute types of services.
const (
	typeAKS      = "AKS"
	typeACI      = "ACI"
	typeEndpoint = "AKSENDPOINT"
)

// Types of an endpoint's versions.
const (
	typeControl   = "Control"
	typeTreatment = "Treatment"
)

// serviceSpec is what can be asked of a service of any compute type, or of an
// endpoint's version. With the defaults filled in it is the document that
// patches are applied to.
type serviceSpec struct {
	Name           string        `json:"name"`
	Description    *string       `json:"description"`
	Tags           tagMap        `json:"kvTags"`
	Properties     tagMap        `json:"properties"`
	Keys           *authKeys     `json:"keys,omitempty"`
	ComputeType    string        `json:"computeType"`
	ComputeName    *string       `json:"computeName"`
	DeploymentType *string       `json:"deploymentType"`
	Location       *string       `json:"location"`
	Overwrite      bool          `json:"overwrite,omitempty"`
	ImageID        *string       `json:"imageId"`
	Image          *imageRequest `json:"environmentImageRequest"`
	AppInsights    *bool         `json:"appInsightsEnabled"`
	KeyAuth        *bool         `json:"authEnabled"`
	TokenAuth      *bool         `json:"aadAuthEnabled"`
	Resources      *resources    `json:"containerResourceRequirements"`
	DataCollection *collection   `json:"dataCollection"`

	// AKS and versions of endpoints.
	Namespace        *string     `json:"namespace"`
	NumReplicas      *int        `json:"numReplicas"`
	AutoScaler       *autoScaler `json:"autoScaler"`
	MaxConcurrent    *int        `json:"maxConcurrentRequestsPerContainer"`
	MaxQueueWaitMs   *int        `json:"maxQueueWaitMs"`
	ScoringTimeoutMs *int        `json:"scoringTimeoutMs"`
	Probe            *probe      `json:"livenessProbeRequirements"`
	StorageInit      *bool       `json:"storageInitEnabled,omitempty"`

	// Versions of endpoints.
	IsDefault *bool    `json:"isDefault"`
	Traffic   *float64 `json:"trafficPercentile"`
	Type      *string  `json:"type"`

	// Endpoints.
	Versions map[string]*serviceSpec `json:"versions,omitempty"`

	// ACI.
	SSL         *bool       `json:"sslEnabled"`
	Certificate *string     `json:"sslCertificate"`
	Key         *string     `json:"sslKey"`
	CName       *string     `json:"cname"`
	DNSLabel    *string     `json:"dnsNameLabel"`
	Encryption  *encryption `json:"encryptionProperties"`
	VNet        *vnet       `json:"vnetConfiguration"`
}

type authKeys struct {
	Primary   *string `json:"primaryKey"`
	Secondary *string `json:"secondaryKey"`
}

type resources struct {
	CPU         *float64 `json:"cpu"`
	CPULimit    *float64 `json:"cpuLimit"`
	Memory      *float64 `json:"memoryInGB"`
	MemoryLimit *float64 `json:"memoryInGBLimit"`
	GPU         *int     `json:"gpu"`
	FPGA        *int     `json:"fpga"`
}

type collection struct {
	EventHub bool `json:"eventHubEnabled"`
	Storage  bool `json:"storageEnabled"`
}

type autoScaler struct {
	Enabled *bool `json:"autoscaleEnabled"`
	Min     *int  `json:"minReplicas"`
	Max     *int  `json:"maxReplicas"`
	Target  *int  `json:"targetUtilization"`
	Refresh *int  `json:"refreshPeriodInSeconds"`
}

type probe struct {
	InitialDelay *int `json:"initialDelaySeconds"`
	Period       *int `json:"periodSeconds"`
	Failure      *int `json:"failureThreshold"`
	Success      *int `json:"successThreshold"`
	Timeout      *int `json:"timeoutSeconds"`
}

type encryption struct {
	Vault   string `json:"vaultBaseUrl"`
	Key     string `json:"keyName"`
	Version string `json:"keyVersion"`
}

type vnet struct {
	Name   string `json:"vnetName"`
	Subnet string `json:"subnetName"`
}

// imageRequest is an environmentImageRequest: it is read where it matters, and
// kept and shown again as it was sent.
type imageRequest struct {
	DriverProgram string
	Assets        []imageAsset
	ModelIDs      []string
	Environment   *imageEnvironment
	Reference     *environmentRef
	members       map[string]json.RawMessage
}

// imageAsset is a file of an image.
type imageAsset struct {
	ID       string `json:"id"`
	MimeType string `json:"mimeType"`
	URL      string `json:"url"`
	Unpack   bool   `json:"unpack"`
}

// environmentRef names a registered environment.
type environmentRef struct {
	Name    string  `json:"name"`
	Version *string `json:"version"`
}

// imageEnvironment is what matters of an environment in a request.
type imageEnvironment struct {
	environmentRef
	Docker json.RawMessage `json:"docker"`
	Python json.RawMessage `json:"python"`
}

// UnmarshalJSON implements [json.Unmarshaler].
func (r *imageRequest) UnmarshalJSON(b []byte) error {
	if bytes.Equal(bytes.TrimSpace(b), []byte("null")) {
		return nil
	}
	var known struct {
		DriverProgram string            `json:"driverProgram"`
		Assets        []imageAsset      `json:"assets"`
		ModelIDs      []string          `json:"modelIds"`
		Environment   *imageEnvironment `json:"environment"`
		Reference     *environmentRef   `json:"environmentReference"`
	}
	if err := json.Unmarshal(b, &known); err != nil {
		return err
	}
	*r = imageRequest{DriverProgram: known.DriverProgram, Assets: known.Assets, ModelIDs: known.ModelIDs,
		Environment: known.Environment, Reference: known.Reference}
	return json.Unmarshal(b, &r.members)
}

// MarshalJSON implements [json.Marshaler]. The service adds the members that
// its schema knows and the request left out.
func (r *imageRequest) MarshalJSON() ([]byte, error) {
	out := maps.Clone(r.members)
	for member, value := range map[string]string{"models": "[]", "environmentReference": "null"} {
		if _, ok := out[member]; !ok {
			out[member] = json.RawMessage(value)
		}
	}
	return marshal(out)
}

// withCode reports whether the request brings a program of its own.
func (r *imageRequest) withCode() bool { return r.DriverProgram != "" || len(r.Assets) > 0 }

// aksDefaults fills in what the request for an AKS service or a version left out.
func (s *serviceSpec) aksDefaults(ws *workspace) {
	s.commonDefaults()
	s.Resources.CPU = orDefault(s.Resources.CPU, 0.1)
	s.Resources.Memory = orDefault(s.Resources.Memory, 0.5)
	s.Namespace = orDefault(s.Namespace, "azureml-"+ws.name)
	s.TokenAuth = orDefault(s.TokenAuth, false)
	s.KeyAuth = orDefault(s.KeyAuth, !*s.TokenAuth)
	if s.AutoScaler == nil {
		s.AutoScaler = &autoScaler{}
	}
	a := s.AutoScaler
	a.Enabled = orDefault(a.Enabled, s.NumReplicas == nil)
	a.Min, a.Max = orDefault(a.Min, 1), orDefault(a.Max, 10)
	a.Target, a.Refresh = orDefault(a.Target, 70), orDefault(a.Refresh, 1)
	s.MaxConcurrent = orDefault(s.MaxConcurrent, 1)
	s.MaxQueueWaitMs = orDefault(s.MaxQueueWaitMs, 500)
	s.ScoringTimeoutMs = orDefault(s.ScoringTimeoutMs, 60000)
	if s.Probe == nil {
		s.Probe = &probe{}
	}
	p := s.Probe
	p.InitialDelay, p.Period, p.Timeout = orDefault(p.InitialDelay, 310), orDefault(p.Period, 10), orDefault(p.Timeout, 2)
	p.Success, p.Failure = orDefault(p.Success, 1), orDefault(p.Failure, 3)
}

// commonDefaults are those of all services with a container.
func (s *serviceSpec) commonDefaults() {
	s.Keys = nil
	s.Properties = s.Properties.clone()
	s.AppInsights = orDefault(s.AppInsights, false)
	if s.Resources == nil {
		s.Resources = &resources{}
	}
	if s.DataCollection == nil {
		s.DataCollection = &collection{}
	}
}

// aciDefaults fills in what the request for an ACI service left out.
func (s *serviceSpec) aciDefaults(ws *workspace) {
	s.commonDefaults()
	s.Resources.CPU = orDefault(s.Resources.CPU, 0.1)
	s.Resources.Memory = orDefault(s.Resources.Memory, 0.5)
	s.Location = orDefault(s.Location, ws.location)
	s.KeyAuth = orDefault(s.KeyAuth, false)
	s.SSL = orDefault(s.SSL, false)
}

// endpointDefaults fills in what the request for an endpoint left out. What
// the endpoint decides for all of its versions replaces what they say.
func (s *serviceSpec) endpointDefaults(ws *workspace) {
	s.Keys = nil
	s.Properties = s.Properties.clone()
	s.AppInsights = orDefault(s.AppInsights, false)
	s.TokenAuth = orDefault(s.TokenAuth, false)
	s.KeyAuth = orDefault(s.KeyAuth, !*s.TokenAuth)
	s.Namespace = orDefault(s.Namespace, "azureml-"+ws.name)
	for name, v := range s.Versions {
		if v == nil {
			v = &serviceSpec{}
			s.Versions[name] = v
		}
		v.Name = cmp.Or(v.Name, name)
		v.ComputeType, v.ComputeName = typeAKS, s.ComputeName
		v.KeyAuth, v.TokenAuth, v.AppInsights = s.KeyAuth, s.TokenAuth, s.AppInsights
		v.Namespace = orDefault(v.Namespace, *s.Namespace)
		v.aksDefaults(ws)
	}
}

// markFirstVersion makes a version of a new endpoint its default, unless one
// says that it is.
func (s *serviceSpec) markFirstVersion() {
	for _, name := range sortedKeys(s.Versions) {
		if s.defaultVersion() == "" && s.Versions[name].IsDefault == nil {
			yes := true
			s.Versions[name].IsDefault = &yes
		}
	}
}

// markVersions writes out the marks that were left out: what is not said to
// be the default is none, and the default is the control if no other is.
func (s *serviceSpec) markVersions() {
	if d := s.Versions[s.defaultVersion()]; d != nil && s.controlVersion() == "" {
		control := typeControl
		d.Type = &control
	}
	for _, v := range s.Versions {
		v.IsDefault = orDefault(v.IsDefault, false)
		v.Type = orDefault(v.Type, typeTreatment)
	}
}

// defaultVersion names the version that gets what the percentages leave, "" if
// none is marked.
func (s *serviceSpec) defaultVersion() string {
	return s.versionWith(func(v *serviceSpec) bool { return v.IsDefault != nil && *v.IsDefault })
}

// controlVersion names the version that the others are compared with.
func (s *serviceSpec) controlVersion() string {
	return s.versionWith(func(v *serviceSpec) bool { return orEmpty(v.Type) == typeControl })
}

func (s *serviceSpec) versionWith(is func(*serviceSpec) bool) string {
	for _, name := range sortedKeys(s.Versions) {
		if is(s.Versions[name]) {
			return name
		}
	}
	return ""
}

// setDefaults fills in a request according to its compute type.
func (s *serviceSpec) setDefaults(ws *workspace) {
	if s.ComputeType != typeEndpoint {
		s.Versions = nil
	}
	switch s.ComputeType {
	case typeAKS:
		s.aksDefaults(ws)
	case typeACI:
		s.aciDefaults(ws)
	case typeEndpoint:
		s.endpointDefaults(ws)
	}
}

// containers returns the specifications of all containers that a service
// consists of: itself, or the versions of an endpoint.
func (s *serviceSpec) containers() []*serviceSpec {
	if s.ComputeType == typeEndpoint {
		return sortedValues(s.Versions)
	}
	return []*serviceSpec{s}
}

// replicas is how many containers a service on a cluster has at least.
func (s *serviceSpec) replicas() int {
	if s.NumReplicas != nil {
		return *s.NumReplicas
	}
	return *s.AutoScaler.Min
}

package webservice

// AksWebservice is a web service on AKS, or a version of an [AksEndpoint]. It mirrors
// azureml.core's AksWebservice.
type AksWebservice struct {
	Service
	// ComputeName is the workspace's name of the cluster, Namespace the one in it.
	ComputeName string `json:"computeName,omitempty"`
	Namespace   string `json:"namespace,omitempty"`
	// NumReplicas is nil where the number of replicas follows the load.
	NumReplicas *int        `json:"numReplicas,omitempty"`
	AutoScaler  *AutoScaler `json:"autoScaler,omitempty"`
	// ContainerResourceRequirements are those of one replica.
	ContainerResourceRequirements *ContainerResourceRequirements `json:"containerResourceRequirements,omitempty"`
	// DataCollection is nil where the service does not tell.
	DataCollection *DataCollection `json:"dataCollection,omitempty"`
	// MaxConcurrentRequestsPerContainer is what one replica takes at once.
	MaxConcurrentRequestsPerContainer *int `json:"maxConcurrentRequestsPerContainer,omitempty"`
	// MaxQueueWaitMS is how many milliseconds a request waits for a free replica before it is
	// refused with 503 (azureml.core's max_request_wait_time).
	MaxQueueWaitMS *int `json:"maxQueueWaitMs,omitempty"`
	// ScoringTimeoutMS is how many milliseconds a request may take.
	ScoringTimeoutMS *int `json:"scoringTimeoutMs,omitempty"`
	// LivenessProbe is nil where the service does not tell.
	LivenessProbe *LivenessProbeRequirements `json:"livenessProbeRequirements,omitempty"`
	// DeploymentStatus counts the replicas.
	DeploymentStatus *DeploymentStatus `json:"deploymentStatus,omitempty"`
	// ModelIDs are the models in it ("name:version"), Environment what they run in.
	ModelIDs    []string              `json:"modelIds,omitempty"`
	Environment *EnvironmentReference `json:"environment,omitempty"`
	// IsDefault, TrafficPercentile and VersionType are of versions of an endpoint.
	IsDefault         *bool       `json:"isDefault,omitempty"`
	TrafficPercentile *float64    `json:"trafficPercentile,omitempty"`
	VersionType       VersionType `json:"type,omitempty"`
}

// AciWebservice is a web service on Azure Container Instances. It mirrors
// azureml.core's AciWebservice.
type AciWebservice struct {
	Service
	// ContainerResourceRequirements are those of its one container.
	ContainerResourceRequirements *ContainerResourceRequirements `json:"containerResourceRequirements,omitempty"`
	// Location is its region.
	Location       string          `json:"location,omitempty"`
	DataCollection *DataCollection `json:"dataCollection,omitempty"`
	// SSLEnabled tells that it is reached over https, with SSLCertificate (PEM text)
	// for the host name CName.
	SSLEnabled     *bool  `json:"sslEnabled,omitempty"`
	SSLCertificate string `json:"sslCertificate,omitempty"`
	CName          string `json:"cname,omitempty"`
	// PublicIP and PublicFQDN are where it is reached from outside.
	PublicIP   string `json:"publicIp,omitempty"`
	PublicFQDN string `json:"publicFqdn,omitempty"`
	// VnetConfiguration is nil for one outside of virtual networks.
	VnetConfiguration *VnetConfiguration `json:"vnetConfiguration,omitempty"`
	// EncryptionProperties are nil where Azure's own key is used.
	EncryptionProperties *EncryptionProperties `json:"encryptionProperties,omitempty"`
	// ModelIDs are the models in it ("name:version"), Environment what they run in.
	ModelIDs    []string              `json:"modelIds,omitempty"`
	Environment *EnvironmentReference `json:"environment,omitempty"`
}

// AksEndpoint is a web service on AKS that shares its requests out among several
// versions behind one address. It mirrors azureml.core's AksEndpoint.
type AksEndpoint struct {
	Service
	// ComputeName is the workspace's name of the cluster, Namespace the one in it.
	ComputeName string `json:"computeName,omitempty"`
	Namespace   string `json:"namespace,omitempty"`
	// Versions are the versions by name, never nil. Each knows its share of the
	// traffic. To score one, call the endpoint: versions have no keys of their own.
	Versions map[string]*AksWebservice `json:"versions"`
}

// UnknownWebservice is a web service of a kind that this package does not know. It
// can be read, listed, logged, asked for its keys and deleted; [Service.RawJSON] has
// everything that is known of it. It mirrors azureml.core's UnknownWebservice.
type UnknownWebservice struct {
	Service
	// IPAddress and Port are where it is reached, where it says so.
	IPAddress string `json:"ipAddress,omitempty"`
	Port      *int   `json:"port,omitempty"`
	// NumReplicas and SSLEnabled are what they are for the other kinds.
	NumReplicas *int  `json:"numReplicas,omitempty"`
	SSLEnabled  *bool `json:"sslEnabled,omitempty"`
}

// AutoScaler says how the number of replicas follows the load.
type AutoScaler struct {
	Enabled     *bool `json:"autoscaleEnabled,omitempty"`
	MinReplicas *int  `json:"minReplicas,omitempty"`
	MaxReplicas *int  `json:"maxReplicas,omitempty"`
	// TargetUtilization is the share of busy replicas in percent that is aimed at.
	TargetUtilization *int `json:"targetUtilization,omitempty"`
	// RefreshPeriodInSeconds is how often it looks.
	RefreshPeriodInSeconds *int `json:"refreshPeriodInSeconds,omitempty"`
}

// ContainerResourceRequirements are what one replica gets. The limits are of AKS only.
type ContainerResourceRequirements struct {
	CPU           *float64 `json:"cpu,omitempty"`
	CPULimit      *float64 `json:"cpuLimit,omitempty"`
	MemoryGB      *float64 `json:"memoryInGB,omitempty"`
	MemoryGBLimit *float64 `json:"memoryInGBLimit,omitempty"`
	GPU           *int     `json:"gpu,omitempty"`
	FPGA          *int     `json:"fpga,omitempty"`
}

// DataCollection says what of the requests is kept.
type DataCollection struct {
	// StorageEnabled tells that what the script collects goes to the workspace's storage.
	StorageEnabled  *bool `json:"storageEnabled,omitempty"`
	EventHubEnabled *bool `json:"eventHubEnabled,omitempty"`
}

// LivenessProbeRequirements say how the cluster finds out that a replica hangs. What
// the service does not tell is nil.
type LivenessProbeRequirements struct {
	PeriodSeconds       *int `json:"periodSeconds,omitempty"`
	InitialDelaySeconds *int `json:"initialDelaySeconds,omitempty"`
	TimeoutSeconds      *int `json:"timeoutSeconds,omitempty"`
	SuccessThreshold    *int `json:"successThreshold,omitempty"`
	FailureThreshold    *int `json:"failureThreshold,omitempty"`
}

// DeploymentStatus counts the replicas of a service on AKS.
type DeploymentStatus struct {
	DesiredReplicas   *int `json:"desiredReplicas,omitempty"`
	UpdatedReplicas   *int `json:"updatedReplicas,omitempty"`
	AvailableReplicas *int `json:"availableReplicas,omitempty"`
	// Error is what keeps replicas from starting.
	Error *ServiceError `json:"error,omitempty"`
}

// EnvironmentReference names an environment of the workspace.
type EnvironmentReference struct {
	Name    string `json:"name,omitempty"`
	Version string `json:"version,omitempty"`
}

// VnetConfiguration names the virtual network that a service on ACI is in.
type VnetConfiguration struct {
	VnetName   string `json:"vnetName,omitempty"`
	SubnetName string `json:"subnetName,omitempty"`
}

// EncryptionProperties name the customer-managed key that a service on ACI is
// encrypted with.
type EncryptionProperties struct {
	VaultBaseURL string `json:"vaultBaseUrl,omitempty"`
	KeyName      string `json:"keyName,omitempty"`
	KeyVersion   string `json:"keyVersion,omitempty"`
}

// VersionType is the part that a version of an endpoint plays in an experiment.
type VersionType string

// The types of versions.
const (
	VersionTypeControl   VersionType = "Control"
	VersionTypeTreatment VersionType = "Treatment"
)

// PossibleVersionTypeValues returns the values of [VersionType].
func PossibleVersionTypeValues() []VersionType {
	return []VersionType{VersionTypeControl, VersionTypeTreatment}
}

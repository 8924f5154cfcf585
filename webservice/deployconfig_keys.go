package webservice

import "github.com/azureml-go/azureml"

// The keys of a deployment configuration file (contract: model §12.2). The published
// JSON schema is made of these types: their comments are what editors show.

// fileKind is what all kinds of files have.
type fileKind struct {
	// Where the JSON schema of this file is, for editors.
	Schema string `json:"$schema"`
	// What the service runs on: "aks", "aksendpoint" or "aci", in any case.
	ComputeType string `json:"computeType" jsonschema:"required"`
	// Ask callers for a key. Default: true on AKS, false on ACI.
	AuthEnabled *bool `json:"authEnabled"`
	// Log requests to Application Insights. Default: false.
	AppInsightsEnabled *bool `json:"appInsightsEnabled"`
	// Keys of your own. Default: the service makes them. A file with keys should be readable by nobody else.
	Keys fileKeys `json:"keys"`
}

type fileKeys struct {
	// The first key.
	Primary azureml.Secret `json:"primaryKey"`
	// The second key; it needs a first one.
	Secondary azureml.Secret `json:"secondaryKey"`
}

// fileReplicas are the keys of services that run on AKS.
type fileReplicas struct {
	fileKind
	// What each replica is granted, and the most that it may take.
	Resources fileAksResources `json:"containerResourceRequirements"`
	// The number of GPUs of each replica. Default: none.
	GPUCores *int `json:"gpuCores" jsonschema:"minimum=0"`
	// Ask callers for a token; not together with authEnabled true. Default: false.
	TokenAuthEnabled *bool `json:"tokenAuthEnabled"`
	// Let the number of replicas follow the load.
	AutoScaler fileAutoScaler `json:"autoScaler"`
	// What of the requests is kept.
	DataCollection fileDataCollection `json:"dataCollection"`
	// A fixed number of replicas; not together with autoScaler.autoscaleEnabled true.
	NumReplicas *int `json:"numReplicas" jsonschema:"minimum=1"`
	// How many milliseconds a request may take. Default: 60000.
	ScoringTimeoutMS *int `json:"scoringTimeoutMs" jsonschema:"minimum=1"`
	// How many requests one replica takes at once. Default: 1.
	MaxConcurrentRequests *int `json:"maxConcurrentRequestsPerContainer" jsonschema:"minimum=1"`
	// How many milliseconds a request waits for a free replica before it is refused with 503. Default: 500.
	MaxQueueWaitMS *int `json:"maxQueueWaitMs" jsonschema:"minimum=1"`
	// How the cluster finds out that a replica hangs.
	LivenessProbe fileProbe `json:"livenessProbeRequirements"`
	// The cluster's namespace for the service: 1 to 63 of a-z, 0-9 and -, not at the ends. Default: one made from the workspace's name.
	Namespace string `json:"namespace" jsonschema:"pattern=^([a-z0-9]([a-z0-9-]{0\\,61}[a-z0-9])?)?$"`
}

// fileAks is a file for AKS.
type fileAks struct {
	fileReplicas
	// The workspace's name of the cluster.
	ComputeTargetName string `json:"computeTargetName"`
}

// fileEndpoint is a file for an endpoint on AKS.
type fileEndpoint struct {
	fileReplicas
	// The name of the first version: 3 to 32 of a-z, 0-9 and -, beginning with a letter, not ending with -; another one than the endpoint's.
	VersionName string `json:"versionName" jsonschema:"required,minLength=3,maxLength=32,pattern=^[a-z]([-a-z0-9]*[a-z0-9])?$"`
	// The version's own percentage of the requests.
	TrafficPercentile *float64 `json:"trafficPercentile" jsonschema:"minimum=0,maximum=100"`
}

type fileAksResources struct {
	// The number of CPU cores. Default: 0.1.
	CPU *float64 `json:"cpu" jsonschema:"exclusiveMinimum=0"`
	// The most CPU cores, not less than cpu.
	CPULimit *float64 `json:"cpuLimit" jsonschema:"exclusiveMinimum=0"`
	// The memory in GB. Default: 0.5.
	MemoryGB *float64 `json:"memoryInGB" jsonschema:"exclusiveMinimum=0"`
	// The most memory in GB, not less than memoryInGB.
	MemoryGBLimit *float64 `json:"memoryInGBLimit" jsonschema:"exclusiveMinimum=0"`
}

type fileAutoScaler struct {
	// Let the number of replicas follow the load; with false numReplicas must be set. Default: true when numReplicas is not set.
	Enabled *bool `json:"autoscaleEnabled"`
	// The fewest replicas; needs autoscaleEnabled true. Default: 1.
	MinReplicas *int `json:"minReplicas" jsonschema:"minimum=1"`
	// The most replicas; needs autoscaleEnabled true. Default: 10.
	MaxReplicas *int `json:"maxReplicas" jsonschema:"minimum=1"`
	// How often, in seconds, the load is looked at; needs autoscaleEnabled true. Default: 1.
	RefreshSeconds *int `json:"refreshPeriodInSeconds" jsonschema:"minimum=1"`
	// The percentage of busy replicas that is aimed at; needs autoscaleEnabled true. Default: 70.
	TargetUtilization *int `json:"targetUtilization" jsonschema:"minimum=1"`
}

type fileDataCollection struct {
	// Keep what the script collects in the workspace's storage. Default: false. Not for ACI.
	StorageEnabled *bool `json:"storageEnabled"`
}

type fileProbe struct {
	// The seconds between two probes. Default: 10.
	PeriodSeconds *int `json:"periodSeconds" jsonschema:"minimum=1"`
	// The seconds before the first probe. Default: 310.
	InitialDelaySeconds *int `json:"initialDelaySeconds" jsonschema:"minimum=1"`
	// How many seconds a probe may take. Default: 2.
	TimeoutSeconds *int `json:"timeoutSeconds" jsonschema:"minimum=1"`
	// How many good probes in a row make a replica good again. Default: 1.
	SuccessThreshold *int `json:"successThreshold" jsonschema:"minimum=1"`
	// How many bad probes in a row make a replica bad. Default: 3.
	FailureThreshold *int `json:"failureThreshold" jsonschema:"minimum=1"`
}

// fileAci is a file for Azure Container Instances.
type fileAci struct {
	fileKind
	// What the container is granted.
	Resources fileAciResources `json:"containerResourceRequirements"`
	// Not for ACI: it is ignored.
	DataCollection fileDataCollection `json:"dataCollection"`
	// The region. Default: the workspace's.
	Location string `json:"location"`
	// Serve over https; needs sslCertificate, sslKey and cname. Default: false.
	SSLEnabled *bool `json:"sslEnabled"`
	// The file with the certificate in PEM form; relative to this file.
	SSLCertificate string `json:"sslCertificate"`
	// The file with the certificate's private key in PEM form; relative to this file.
	SSLKey string `json:"sslKey"`
	// The host name that the certificate is for.
	CName string `json:"cname"`
	// The first part of the host name. Default: one that the service makes.
	DNSNameLabel string `json:"dnsNameLabel"`
	// The address of the key vault with a key of your own for encryption; needs keyName and keyVersion.
	VaultBaseURL string `json:"vaultBaseUrl"`
	// The name of the key for encryption; needs vaultBaseUrl and keyVersion.
	KeyName string `json:"keyName"`
	// The version of the key for encryption; needs vaultBaseUrl and keyName.
	KeyVersion string `json:"keyVersion"`
	// The virtual network to be in; needs subnetName.
	VnetName string `json:"vnetName"`
	// The subnet to be in; needs vnetName.
	SubnetName string `json:"subnetName"`
}

type fileAciResources struct {
	// The number of CPU cores. Default: 0.1.
	CPU *float64 `json:"cpu" jsonschema:"exclusiveMinimum=0"`
	// The memory in GB. Default: 0.5.
	MemoryGB *float64 `json:"memoryInGB" jsonschema:"exclusiveMinimum=0"`
}

// keysOfFields are the keys that fill the fields of the configurations, by which broken
// rules are told in the words of the file.
var keysOfFields = map[string]string{
	"CPUCores": "containerResourceRequirements.cpu", "CPUCoresLimit": "containerResourceRequirements.cpuLimit",
	"MemoryGB": "containerResourceRequirements.memoryInGB", "MemoryGBLimit": "containerResourceRequirements.memoryInGBLimit",
	"GPUCores": "gpuCores", "AuthEnabled": "authEnabled", "TokenAuthEnabled": "tokenAuthEnabled",
	"EnableAppInsights": "appInsightsEnabled", "PrimaryKey": "keys.primaryKey", "SecondaryKey": "keys.secondaryKey",
	"AutoscaleEnabled":     "autoScaler.autoscaleEnabled",
	"AutoscaleMinReplicas": "autoScaler.minReplicas", "AutoscaleMaxReplicas": "autoScaler.maxReplicas",
	"AutoscaleRefresh": "autoScaler.refreshPeriodInSeconds", "AutoscaleTargetUtilization": "autoScaler.targetUtilization",
	"CollectModelData": "dataCollection.storageEnabled", "NumReplicas": "numReplicas", "ScoringTimeout": "scoringTimeoutMs",
	"ReplicaMaxConcurrentRequests": "maxConcurrentRequestsPerContainer", "MaxRequestWaitTime": "maxQueueWaitMs",
	"LivenessProbe.Period": "livenessProbeRequirements.periodSeconds", "LivenessProbe.InitialDelay": "livenessProbeRequirements.initialDelaySeconds",
	"LivenessProbe.Timeout":          "livenessProbeRequirements.timeoutSeconds",
	"LivenessProbe.SuccessThreshold": "livenessProbeRequirements.successThreshold",
	"LivenessProbe.FailureThreshold": "livenessProbeRequirements.failureThreshold",
	"Namespace":                      "namespace", "ComputeTarget": "computeTargetName", "VersionName": "versionName", "TrafficPercentile": "trafficPercentile",
	"Location": "location", "SSL.CName": "cname", "SSL.CertPEM": "sslCertificate", "SSL.CertPEMFile": "sslCertificate",
	"SSL.KeyPEM": "sslKey", "SSL.KeyPEMFile": "sslKey", "DNSNameLabel": "dnsNameLabel",
	"Encryption.VaultBaseURL": "vaultBaseUrl", "Encryption.KeyName": "keyName", "Encryption.KeyVersion": "keyVersion",
	"Vnet.VnetName": "vnetName", "Vnet.SubnetName": "subnetName",
}

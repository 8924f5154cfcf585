package compute

import (
	"encoding/json"
	"fmt"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/rest"
)

// AksCompute is an AKS cluster of a workspace as it was when it was read. It is
// read-only and safe for concurrent use. Fields that the service does not fill while
// the cluster is being created are empty until then.
//
// It mirrors azureml.core.compute.AksCompute.
type AksCompute struct {
	Compute
	// AgentCount is the number of machines.
	AgentCount *int `json:"agentCount,omitempty"`
	// AgentVMSize is their size: "Standard_D3_v2", in the service's own casing.
	AgentVMSize    string         `json:"agentVmSize,omitempty"`
	ClusterPurpose ClusterPurpose `json:"clusterPurpose,omitempty"`
	// ClusterFQDN is the name of the cluster's API server.
	ClusterFQDN string `json:"clusterFqdn,omitempty"`
	// SystemServices are what Azure Machine Learning runs on the cluster itself.
	SystemServices []SystemService `json:"systemServices,omitempty"`
	// SSL is how services are served over https; nil when the service does not say.
	SSL *SslSettings `json:"sslConfiguration,omitempty"`
	// Networking is set for a cluster made in a virtual network.
	Networking         *AksNetworking   `json:"aksNetworkingConfiguration,omitempty"`
	LoadBalancerType   LoadBalancerType `json:"loadBalancerType,omitempty"`
	LoadBalancerSubnet string           `json:"loadBalancerSubnet,omitempty"`
}

// SystemService is a part of Azure Machine Learning that runs on the cluster. The one
// of type "ScoringFe" is where services are called.
type SystemService struct {
	Type            string `json:"systemServiceType,omitempty"`
	Version         string `json:"version,omitempty"`
	PublicIPAddress string `json:"publicIpAddress,omitempty"`
}

// SslSettings is the TLS of a cluster as it was read. The private key is never given
// out by the service.
type SslSettings struct {
	Status SslStatus `json:"status,omitempty"`
	// CName is the host name of the services: that of the own certificate, or the one
	// that was made of the leaf domain label.
	CName string `json:"cname,omitempty"`
	// LeafDomainLabel is the label of Microsoft's certificate.
	LeafDomainLabel         string `json:"leafDomainLabel,omitempty"`
	OverwriteExistingDomain *bool  `json:"overwriteExistingDomain,omitempty"`
}

// AksNetworking is the virtual network of a cluster as it was read.
type AksNetworking struct {
	SubnetID         string `json:"subnetId,omitempty"`
	ServiceCIDR      string `json:"serviceCidr,omitempty"`
	DNSServiceIP     string `json:"dnsServiceIP,omitempty"`
	DockerBridgeCIDR string `json:"dockerBridgeCidr,omitempty"`
}

// wireAksProperties are the properties of a compute of type AKS.
type wireAksProperties struct {
	AgentCount         lenient[int]     `json:"agentCount"`
	AgentVMSize        string           `json:"agentVmSize"`
	ClusterPurpose     ClusterPurpose   `json:"clusterPurpose"`
	ClusterFQDN        string           `json:"clusterFqdn"`
	SystemServices     []SystemService  `json:"systemServices"`
	SSL                *SslSettings     `json:"sslConfiguration"`
	Networking         *AksNetworking   `json:"aksNetworkingConfiguration"`
	LoadBalancerType   LoadBalancerType `json:"loadBalancerType"`
	LoadBalancerSubnet string           `json:"loadBalancerSubnet"`
}

// AksCompute gives the compute as an AKS compute. It makes no request. A compute of
// another type is an error of kind azureml.ErrInvalid.
func (c *Compute) AksCompute() (*AksCompute, error) {
	if !c.Is(TypeAKS) {
		return nil, &azureml.Error{
			Operation: "use as an AKS compute", Subject: subject(c.Name), Kind: azureml.ErrInvalid,
			Message: fmt.Sprintf("it is a compute of type %s, not %s", orNone(string(c.Type)), TypeAKS),
			Remedy:  "Read computes of other types with compute.Get.",
		}
	}
	var p wireAksProperties
	if len(c.Properties) > 0 {
		// What has an unexpected type is absent; the raw properties still have it.
		if err := rest.Unmarshal(c.Properties, &p); err != nil && !json.Valid(c.Properties) {
			return nil, &azureml.Error{
				Operation: "read", Subject: subject(c.Name), Message: "its properties are not valid JSON", Err: err,
			}
		}
	}
	return &AksCompute{
		Compute: *c, AgentCount: p.AgentCount.value, AgentVMSize: p.AgentVMSize, ClusterPurpose: p.ClusterPurpose,
		ClusterFQDN: p.ClusterFQDN, SystemServices: p.SystemServices, SSL: p.SSL, Networking: p.Networking,
		LoadBalancerType: p.LoadBalancerType, LoadBalancerSubnet: p.LoadBalancerSubnet,
	}, nil
}

func orNone(text string) string {
	if text == "" {
		return "(none)"
	}
	return text
}

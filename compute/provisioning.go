package compute

import (
	"github.com/azureml-go/azureml/internal/validate"
	"github.com/azureml-go/azureml/workspace"
)

// AksProvisioningConfiguration describes an AKS cluster for [BeginCreate] to make.
// Everything is optional; zero values leave the choice to the service.
//
// It mirrors azureml.core's AksCompute.provisioning_configuration.
type AksProvisioningConfiguration struct {
	// AgentCount is the number of machines. The service's default is 3, of DevTest 1.
	AgentCount int
	// VMSize is the size of the machines. The service's default is Standard_D3_v2 (4
	// vCPUs). It cannot be changed later; [VMSizes] lists candidates.
	VMSize string
	// ClusterPurpose; the service's default is FastProd.
	ClusterPurpose ClusterPurpose
	// Location is the cluster's region. Default: the workspace's, which is best.
	Location string
	// SSL, when set, serves web services over https.
	SSL *SslConfiguration
	// The virtual network that the cluster is made in: all six, or none. The network and
	// its subnet must exist, in the workspace's subscription.
	VNetResourceGroup string
	VNetName          string
	SubnetName        string
	// ServiceCIDR is a range for Kubernetes services that is used nowhere in the network:
	// "10.0.0.0/16". DNSServiceIP is an address in it: "10.0.0.10".
	ServiceCIDR  string
	DNSServiceIP string
	// DockerBridgeCIDR is the address and range of Docker's bridge, neither in the subnet
	// nor in ServiceCIDR: "172.17.0.1/16".
	DockerBridgeCIDR string
	// LoadBalancerType; the service's default is PublicIP.
	LoadBalancerType LoadBalancerType
	// LoadBalancerSubnet is the name of the subnet of an internal load balancer. The
	// service's default is "aks-subnet".
	LoadBalancerSubnet string
}

// wireCreate is the body of a PUT that creates or attaches (contract: compute §4, §5).
type wireCreate struct {
	Location   string          `json:"location"`
	Properties wireCreateProps `json:"properties"`
}

type wireCreateProps struct {
	ComputeType     Type   `json:"computeType"`
	ComputeLocation string `json:"computeLocation,omitempty"`
	ResourceID      string `json:"resourceId,omitempty"`
	// Properties are wireProvisioning or wireAttach, nil where nothing is set.
	Properties any `json:"properties,omitempty"`
}

type wireProvisioning struct {
	AgentCount         int              `json:"agentCount,omitempty"`
	AgentVMSize        string           `json:"agentVmSize,omitempty"`
	ClusterPurpose     ClusterPurpose   `json:"clusterPurpose,omitempty"`
	SSL                *wireSsl         `json:"sslConfiguration,omitempty"`
	Networking         *AksNetworking   `json:"aksNetworkingConfiguration,omitempty"`
	LoadBalancerType   LoadBalancerType `json:"loadBalancerType,omitempty"`
	LoadBalancerSubnet string           `json:"loadBalancerSubnet,omitempty"`
}

func (c AksProvisioningConfiguration) network() network {
	return network{
		group: c.VNetResourceGroup, vnet: c.VNetName, subnet: c.SubnetName,
		serviceCIDR: c.ServiceCIDR, dnsIP: c.DNSServiceIP, dockerBridges: c.DockerBridgeCIDR,
	}
}

// build checks c and makes the body of the request.
func (c AksProvisioningConfiguration) build(ws *workspace.Workspace, check *validate.Checker, warn func(string)) wireCreate {
	validate.Positive(check, "AgentCount", c.AgentCount)
	validate.OneOf(check, "ClusterPurpose", c.ClusterPurpose, PossibleClusterPurposeValues()...)
	checkSegment(check, "VMSize", c.VMSize)
	checkSegment(check, "Location", c.Location)
	checkLoadBalancer(check, c.LoadBalancerType, c.LoadBalancerSubnet, PublicIP)
	net := c.network()
	net.check(check)
	p := wireProvisioning{
		AgentCount: c.AgentCount, AgentVMSize: c.VMSize, ClusterPurpose: c.ClusterPurpose,
		LoadBalancerType: c.LoadBalancerType, LoadBalancerSubnet: c.LoadBalancerSubnet,
	}
	check.In("SSL", func(inner *validate.Checker) { p.SSL = c.SSL.build(inner, warn) })
	if !net.empty() {
		p.Networking = &AksNetworking{
			SubnetID: "/subscriptions/" + ws.SubscriptionID + "/resourceGroups/" + c.VNetResourceGroup +
				"/providers/Microsoft.Network/virtualNetworks/" + c.VNetName + "/subnets/" + c.SubnetName,
			ServiceCIDR: c.ServiceCIDR, DNSServiceIP: c.DNSServiceIP, DockerBridgeCIDR: c.DockerBridgeCIDR,
		}
	}
	if c.Location != "" && ws.Location != "" && region(c.Location) != region(ws.Location) {
		warn("the cluster's region " + c.Location + " is not the workspace's, " + ws.Location + ": traffic between them is slower and costs money")
	}
	body := wireCreate{Location: ws.Location, Properties: wireCreateProps{ComputeType: TypeAKS, ComputeLocation: c.Location}}
	if p != (wireProvisioning{}) {
		body.Properties.Properties = p
	}
	return body
}

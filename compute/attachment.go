package compute

import (
	"github.com/azureml-go/azureml/internal/validate"
	"github.com/azureml-go/azureml/workspace"
)

// AksAttachConfiguration says which AKS cluster [BeginAttach] attaches, and how: by
// ResourceID, or by ResourceGroup and ClusterName.
//
// It mirrors azureml.core's AksCompute.attach_configuration.
type AksAttachConfiguration struct {
	// ResourceID is the cluster's id, as "az aks show --query id" prints it, in any case
	// of letters. The cluster may be in any subscription and region.
	ResourceID string
	// ResourceGroup and ClusterName say where the cluster is, in place of ResourceID.
	ResourceGroup string
	ClusterName   string
	// SubscriptionID is the subscription of ResourceGroup. Default: the workspace's.
	SubscriptionID string
	// ClusterPurpose; the service's default is FastProd.
	ClusterPurpose ClusterPurpose
	// SSL, when set, serves web services over https.
	SSL *SslConfiguration
	// LoadBalancerType is PublicIP by default.
	LoadBalancerType LoadBalancerType
	// LoadBalancerSubnet is the name of the subnet of an internal load balancer.
	LoadBalancerSubnet string
}

// wireAttach always has its load balancer.
type wireAttach struct {
	ClusterPurpose     ClusterPurpose   `json:"clusterPurpose,omitempty"`
	SSL                *wireSsl         `json:"sslConfiguration,omitempty"`
	LoadBalancerType   LoadBalancerType `json:"loadBalancerType"`
	LoadBalancerSubnet *string          `json:"loadBalancerSubnet"`
}

// build checks c and makes the body of the request, and says which cluster is meant.
func (c AksAttachConfiguration) build(ws *workspace.Workspace, check *validate.Checker, warn func(string)) (wireCreate, clusterID) {
	id, cluster := c.cluster(ws, check)
	validate.OneOf(check, "ClusterPurpose", c.ClusterPurpose, PossibleClusterPurposeValues()...)
	checkLoadBalancer(check, c.LoadBalancerType, c.LoadBalancerSubnet, PublicIP)
	p := wireAttach{ClusterPurpose: c.ClusterPurpose, LoadBalancerType: c.LoadBalancerType}
	if p.LoadBalancerType == "" {
		p.LoadBalancerType = PublicIP
	}
	if subnet := c.LoadBalancerSubnet; subnet != "" {
		p.LoadBalancerSubnet = &subnet
	}
	check.In("SSL", func(inner *validate.Checker) { p.SSL = c.SSL.build(inner, warn) })
	return wireCreate{
		Location:   ws.Location,
		Properties: wireCreateProps{ComputeType: TypeAKS, ResourceID: id, Properties: p},
	}, cluster
}

// cluster checks how the cluster is named; the id is sent as it was given.
func (c AksAttachConfiguration) cluster(ws *workspace.Workspace, check *validate.Checker) (string, clusterID) {
	named := []struct{ field, value string }{
		{"ResourceGroup", c.ResourceGroup}, {"ClusterName", c.ClusterName}, {"SubscriptionID", c.SubscriptionID},
	}
	if c.ResourceID != "" {
		for _, n := range named {
			if n.value != "" {
				check.Add(n.field, n.value, "and ResourceID exclude each other")
			}
		}
		cluster, err := parseClusterID(c.ResourceID)
		if err != nil {
			check.Add("ResourceID", c.ResourceID, err.Error())
		}
		return c.ResourceID, cluster
	}
	for _, n := range named[:2] {
		if n.value == "" {
			check.Add(n.field, nil, "is required, or ResourceID in place of ResourceGroup and ClusterName")
		}
	}
	for _, n := range named {
		checkSegment(check, n.field, n.value)
	}
	cluster := clusterID{subscription: c.SubscriptionID, group: c.ResourceGroup, name: c.ClusterName}
	if cluster.subscription == "" {
		cluster.subscription = ws.SubscriptionID
	}
	return cluster.String(), cluster
}

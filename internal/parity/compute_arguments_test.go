package parity_test

import (
	"context"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/compute"
	"github.com/azureml-go/azureml/internal/parity"
	"github.com/azureml-go/azureml/workspace"
)

// invalidCompute tries the arguments of the golden, each on its own, for a creation or an
// attachment. Left out are those of updates, for which a compute would have to be read,
// and agent_count=0, which is not given at all in Go.
func invalidCompute(ctx context.Context, s *parity.Stage, ws *workspace.Workspace) (any, error) {
	certificate, key, err := newPair("www.contoso.com")
	if err != nil {
		return nil, err
	}
	own := compute.SslConfiguration{CName: "www.contoso.com", CertPEM: certificate, KeyPEM: key}
	labelled, overwriting := own, own
	labelled.LeafDomainLabel = "contoso"
	overwriting.OverwriteExistingDomain = true
	result := map[string]any{}
	for what, c := range map[string]compute.AksProvisioningConfiguration{
		"agent_count=-1":              {AgentCount: -1},
		"ssl_cname only":              {SSL: &compute.SslConfiguration{CName: "www.contoso.com"}},
		"ssl without key":             {SSL: &compute.SslConfiguration{CName: "www.contoso.com", CertPEM: certificate}},
		"missing certificate file":    {SSL: &compute.SslConfiguration{CName: "www.contoso.com", CertPEMFile: s.Dir() + "/missing.pem", KeyPEM: key}},
		"ssl own cert and leaf label": {SSL: &labelled},
		"ssl own cert and overwrite":  {SSL: &overwriting},
		"overwrite without label":     {SSL: &compute.SslConfiguration{OverwriteExistingDomain: true}},
		"vnet_name only":              {VNetName: "vnet-ml"},
		"vnet without cidr": {
			VNetResourceGroup: "rg-net", VNetName: "vnet-ml", SubnetName: "snet-aks", DNSServiceIP: "10.0.0.10", DockerBridgeCIDR: "172.17.0.1/16",
		},
		"load_balancer_type=Wrong (create)":          {LoadBalancerType: "Wrong"},
		"load_balancer_subnet without type (create)": {LoadBalancerSubnet: "snet-lb"},
	} {
		_, err := compute.BeginCreate(ctx, ws, "aks-prod", c, nil)
		result[what] = turnedDown(s, err)
	}
	_, err = compute.BeginCreate(ctx, ws, "local", compute.AksProvisioningConfiguration{}, nil)
	result["reserved name"] = turnedDown(s, err)
	const clusters = "/subscriptions/" + parity.SubscriptionID + "/resourceGroups/rg-aks/providers/Microsoft.ContainerService/managedClusters/shared"
	for what, c := range map[string]compute.AksAttachConfiguration{
		"attach nothing":                  {},
		"attach cluster without group":    {ClusterName: "shared"},
		"attach group without cluster":    {ResourceGroup: "rg-aks"},
		"attach id and group":             {ResourceID: clusters, ResourceGroup: "rg-aks"},
		"attach id and cluster":           {ResourceID: clusters, ClusterName: "shared"},
		"attach malformed id":             {ResourceID: "/subscriptions/x/aks"},
		"attach id of another type":       {ResourceID: "/subscriptions/" + parity.SubscriptionID + "/resourceGroups/rg-aks/providers/Microsoft.Compute/virtualMachines/vm"},
		"attach load_balancer_type=Wrong": {ResourceID: clusters, LoadBalancerType: "Wrong"},
		"attach PublicIp with subnet":     {ResourceID: clusters, LoadBalancerType: compute.PublicIP, LoadBalancerSubnet: "snet-lb"},
		"attach subnet without type":      {ResourceID: clusters, LoadBalancerSubnet: "snet-lb"},
	} {
		_, err := compute.BeginAttach(ctx, ws, "aks-att", c, nil)
		result[what] = turnedDown(s, err)
	}
	return result, nil
}

// turnedDown is a refused argument: an object in the golden, of which only that it is
// there is compared.
func turnedDown(s *parity.Stage, err error) any {
	if err == nil {
		return "accepted"
	}
	_ = s.Of(err, azureml.ErrInvalid)
	return map[string]any{}
}

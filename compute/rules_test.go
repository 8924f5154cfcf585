package compute

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/rest"
	"github.com/azureml-go/azureml/internal/validate"
	"github.com/azureml-go/azureml/workspace"
)

var ws = &workspace.Workspace{Name: "ws1", SubscriptionID: "00000000-0000-0000-0000-0000000000a1", Location: "westeurope"}

// judged are the violations and warnings of a configuration that nothing is asked about.
func judged(name string, c AksProvisioningConfiguration) (broken, said []string) {
	var check validate.Checker
	checkName(&check, name, true)
	c.build(ws, &check, func(text string) { said = append(said, text) })
	checkCores(context.Background(), ws, &check, c, false, func(w azureml.Warning) { said = append(said, w.Message) })
	for _, v := range check.Violations() {
		broken = append(broken, v.String())
	}
	return broken, said
}

// The vectors of the contract, compute §4.2.
func TestTwelveVCPUs(t *testing.T) {
	t.Parallel()
	const few = "the service may refuse fewer than 3 machines"
	for _, c := range []struct {
		agents  int
		size    string
		purpose ClusterPurpose
		refused string
		warned  string
	}{
		{},
		{agents: 2, refused: "2 × 4 vCPUs (Standard_D3_v2) = 8, and purpose FastProd needs 12; take 3 agents"},
		{size: "Standard_D2_v2", refused: "3 × 2 vCPUs (Standard_D2_v2) = 6, and purpose FastProd needs 12; take 6 agents"},
		{agents: 2, size: "Standard_D4_v2", warned: few},
		{agents: 1, size: "Standard_D5_v2", warned: few},
		{agents: 12, size: "Standard_D1_v2"},
		{agents: 11, size: "Standard_D1_v2", refused: "take 12 agents"},
		{agents: 1, size: "Standard_D1_v2", purpose: DevTest, warned: "1 vCPU is little; at least 2 are advised"},
		{size: "Standard_D1_v2", purpose: DevTest, warned: "1 vCPU is little"},
		{agents: 1, size: "Standard_D2_v2", purpose: DevTest},
		{purpose: DevTest},
		{size: "STANDARD_D3_V2"},
		{agents: 1, size: "Standard_PB6s", refused: "1 × 6 vCPUs"},
		{agents: 3, size: "Standard_NoSuch"},
		{agents: 2, purpose: DenseProd, refused: "purpose DenseProd needs 12"},
	} {
		t.Run(fmt.Sprintf("%d %s %s", c.agents, c.size, c.purpose), func(t *testing.T) {
			t.Parallel()
			broken, said := judged("myaks", AksProvisioningConfiguration{AgentCount: c.agents, VMSize: c.size, ClusterPurpose: c.purpose})
			if c.refused == "" {
				assert.Empty(t, broken)
			} else {
				require.Len(t, broken, 1)
				assert.Contains(t, broken[0], c.refused)
			}
			if c.warned == "" {
				assert.Empty(t, said)
			} else {
				require.Len(t, said, 1)
				assert.Contains(t, said[0], c.warned)
			}
		})
	}
}

func TestKnownVCPUs(t *testing.T) {
	t.Parallel()
	for size, want := range map[string]int{
		"Standard_D3_v2": 4, "standard_d11_V2": 2, "Standard_DS15_v2": 20, "Standard_D4": 8, "Standard_D4s_v3": 4,
		"Standard_D96as_v4": 96, "Standard_D2ds_v5": 2, "Standard_E20s_v3": 20, "Standard_F72s_v2": 72, "Standard_F2s": 2,
		"Standard_M32ts": 32, "Standard_NC24rs_v3": 24, "Standard_NC64as_T4_v3": 64, "Standard_ND40s_v2": 40,
		"Standard_NV48s_v3": 48, "Standard_PB6s": 6, "Standard_B20ms": 20, "Standard_A8m_v2": 8, "Standard_DC4s": 4,
	} {
		got, ok := knownVCPUs(size)
		assert.True(t, ok, size)
		assert.Equal(t, want, got, size)
	}
	for _, size := range []string{"", "D3_v2", "Standard_", "Standard_D3", "Standard_D3_v2:4", "Basic_A1", "Standard_D3_v2 D4_v2"} {
		n, ok := knownVCPUs(size)
		assert.Equal(t, size == "Standard_D3", ok, size)
		if !ok {
			assert.Zero(t, n, size)
		}
	}
	seen := map[string]bool{}
	for _, family := range vmFamilies {
		for entry := range strings.FieldsSeq(family) {
			name, count, ok := strings.Cut(entry, ":")
			require.True(t, ok, entry)
			assert.NotEmpty(t, count, entry)
			assert.False(t, seen[strings.ToLower(name)], "%s is there twice", name)
			seen[strings.ToLower(name)] = true
		}
	}
}

func TestProvisioningRules(t *testing.T) {
	t.Parallel()
	network := AksProvisioningConfiguration{
		VNetResourceGroup: "rg-net", VNetName: "vnet1", SubnetName: "sn1",
		ServiceCIDR: "10.0.0.0/16", DNSServiceIP: "10.0.0.10", DockerBridgeCIDR: "172.17.0.1/16",
	}
	with := func(change func(*AksProvisioningConfiguration)) AksProvisioningConfiguration {
		c := network
		change(&c)
		return c
	}
	for _, c := range []struct {
		name          string
		configuration AksProvisioningConfiguration
		broken        []string
	}{
		{"myaks", network, nil},
		{"a1", AksProvisioningConfiguration{}, nil},
		{"a", AksProvisioningConfiguration{}, []string{"name"}},
		{"1aks", AksProvisioningConfiguration{}, []string{"name"}},
		{"aks-", AksProvisioningConfiguration{}, []string{"name"}},
		{"my_aks", AksProvisioningConfiguration{}, []string{"name"}},
		{strings.Repeat("a", 24), AksProvisioningConfiguration{}, nil},
		{strings.Repeat("a", 25), AksProvisioningConfiguration{}, []string{"name"}},
		{"local", AksProvisioningConfiguration{}, []string{"name"}},
		{"Local", AksProvisioningConfiguration{}, nil},
		{"myaks", AksProvisioningConfiguration{AgentCount: -1, ClusterPurpose: "FastTest", VMSize: "a/b", LoadBalancerType: "Wrong"}, []string{"AgentCount", "ClusterPurpose", "VMSize", "LoadBalancerType"}},
		{"myaks", AksProvisioningConfiguration{LoadBalancerSubnet: "s"}, []string{"LoadBalancerSubnet"}},
		{"myaks", AksProvisioningConfiguration{LoadBalancerSubnet: "s", LoadBalancerType: PublicIP}, []string{"LoadBalancerSubnet"}},
		{"myaks", AksProvisioningConfiguration{LoadBalancerSubnet: "s", LoadBalancerType: InternalLoadBalancer}, nil},
		{"myaks", AksProvisioningConfiguration{VNetName: "v"}, []string{"VNetResourceGroup", "SubnetName", "ServiceCIDR", "DNSServiceIP", "DockerBridgeCIDR"}},
		{"myaks", with(func(c *AksProvisioningConfiguration) { c.ServiceCIDR = "10.0.0.0" }), []string{"ServiceCIDR"}},
		{"myaks", with(func(c *AksProvisioningConfiguration) { c.ServiceCIDR = "10.0.0.0/33" }), []string{"ServiceCIDR"}},
		{"myaks", with(func(c *AksProvisioningConfiguration) { c.ServiceCIDR = "fd00::/64" }), []string{"ServiceCIDR"}},
		{"myaks", with(func(c *AksProvisioningConfiguration) { c.DNSServiceIP = "10.1.0.10" }), []string{"DNSServiceIP"}},
		{"myaks", with(func(c *AksProvisioningConfiguration) { c.DNSServiceIP = "ten" }), []string{"DNSServiceIP"}},
		{"myaks", with(func(c *AksProvisioningConfiguration) { c.DockerBridgeCIDR = "10.0.3.1/24" }), []string{"DockerBridgeCIDR"}},
		{"myaks", with(func(c *AksProvisioningConfiguration) { c.VNetName = "a/b" }), []string{"VNetName"}},
	} {
		var check validate.Checker
		checkName(&check, c.name, true)
		c.configuration.build(ws, &check, func(string) {})
		var broken []string
		for _, v := range check.Violations() {
			broken = append(broken, v.Field)
		}
		assert.ElementsMatch(t, c.broken, broken, "%s %+v", c.name, c.configuration)
	}
}

func TestCreateWarnsOfAnotherRegion(t *testing.T) {
	t.Parallel()
	_, said := judged("myaks", AksProvisioningConfiguration{Location: "eastus"})
	require.Len(t, said, 1)
	assert.Contains(t, said[0], "region eastus is not the workspace's")
	_, said = judged("myaks", AksProvisioningConfiguration{Location: "West Europe"})
	assert.Empty(t, said)
}

func TestEverythingWrongIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	_, err := prepareCreate(t.Context(), ws, "9", AksProvisioningConfiguration{
		AgentCount: 2, ClusterPurpose: "x", SSL: &SslConfiguration{LeafDomainLabel: "a", CName: "b"}, LoadBalancerSubnet: "s", VNetName: "v",
	}, CreateOptions{})
	e, ok := err.(*azureml.Error)
	require.True(t, ok)
	assert.ErrorIs(t, err, azureml.ErrInvalid)
	text := e.Error()
	for _, field := range []string{"name", "AgentCount", "ClusterPurpose", "SSL.LeafDomainLabel", "SSL.CName", "SSL.CertPEM", "SSL.KeyPEM", "LoadBalancerSubnet", "SubnetName"} {
		assert.Contains(t, text, field)
	}
}

// The full body of the contract, compute §4.
func TestCreateBody(t *testing.T) {
	t.Parallel()
	var check validate.Checker
	body := AksProvisioningConfiguration{
		AgentCount: 3, VMSize: "Standard_D3_v2", ClusterPurpose: FastProd, Location: "eastus",
		SSL:               &SslConfiguration{LeafDomainLabel: "contoso", OverwriteExistingDomain: true},
		VNetResourceGroup: "rg-net", VNetName: "vnet1", SubnetName: "sn1",
		ServiceCIDR: "10.0.0.0/16", DNSServiceIP: "10.0.0.10", DockerBridgeCIDR: "172.17.0.1/16",
		LoadBalancerType: InternalLoadBalancer, LoadBalancerSubnet: "aks-subnet",
	}.build(ws, &check, func(string) {})
	require.True(t, check.OK(), check.Violations())
	data, err := rest.Marshal(body)
	require.NoError(t, err)
	assert.JSONEq(t, `{
		"location": "westeurope",
		"properties": {"computeType": "AKS", "computeLocation": "eastus", "properties": {
			"agentCount": 3, "agentVmSize": "Standard_D3_v2", "clusterPurpose": "FastProd",
			"sslConfiguration": {"status": "Auto", "leafDomainLabel": "contoso", "overwriteExistingDomain": true},
			"aksNetworkingConfiguration": {
				"subnetId": "/subscriptions/00000000-0000-0000-0000-0000000000a1/resourceGroups/rg-net/providers/Microsoft.Network/virtualNetworks/vnet1/subnets/sn1",
				"serviceCidr": "10.0.0.0/16", "dnsServiceIP": "10.0.0.10", "dockerBridgeCidr": "172.17.0.1/16"
			},
			"loadBalancerType": "InternalLoadBalancer", "loadBalancerSubnet": "aks-subnet"
		}}}`, string(data))
}

func TestAttachRules(t *testing.T) {
	t.Parallel()
	const id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/k8s"
	for _, c := range []struct {
		configuration AksAttachConfiguration
		broken        []string
	}{
		{AksAttachConfiguration{}, []string{"ResourceGroup", "ClusterName"}},
		{AksAttachConfiguration{ResourceGroup: "rg"}, []string{"ClusterName"}},
		{AksAttachConfiguration{ClusterName: "k"}, []string{"ResourceGroup"}},
		{AksAttachConfiguration{ResourceGroup: "rg", ClusterName: "k"}, nil},
		{AksAttachConfiguration{ResourceGroup: "rg", ClusterName: "a/b"}, []string{"ClusterName"}},
		{AksAttachConfiguration{ResourceID: id}, nil},
		{AksAttachConfiguration{ResourceID: strings.ToLower(id) + "/"}, nil},
		{AksAttachConfiguration{ResourceID: strings.ToUpper(id)}, nil},
		{AksAttachConfiguration{ResourceID: id, ResourceGroup: "rg", ClusterName: "k"}, []string{"ResourceGroup", "ClusterName"}},
		{AksAttachConfiguration{ResourceID: "/subscriptions/x/aks"}, []string{"ResourceID"}},
		{AksAttachConfiguration{ResourceID: strings.Replace(id, "managedClusters", "foo", 1)}, []string{"ResourceID"}},
		{AksAttachConfiguration{ResourceID: strings.Replace(id, "ContainerService", "Compute", 1)}, []string{"ResourceID"}},
		{AksAttachConfiguration{ResourceID: "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Kubernetes/connectedClusters/k8s"}, []string{"ResourceID"}},
		{AksAttachConfiguration{ResourceID: id, LoadBalancerType: "Wrong", LoadBalancerSubnet: "s", ClusterPurpose: "x"}, []string{"LoadBalancerType", "LoadBalancerSubnet", "ClusterPurpose"}},
		{AksAttachConfiguration{ResourceID: id, SSL: &SslConfiguration{}}, []string{"SSL.LeafDomainLabel"}},
		{AksAttachConfiguration{ResourceID: id, SSL: &SslConfiguration{OverwriteExistingDomain: true}}, []string{"SSL.OverwriteExistingDomain"}},
	} {
		var check validate.Checker
		body, _ := c.configuration.build(ws, &check, func(string) {})
		var broken []string
		for _, v := range check.Violations() {
			broken = append(broken, v.Field)
		}
		assert.ElementsMatch(t, c.broken, broken, "%+v", c.configuration)
		if c.configuration.ResourceID != "" {
			assert.Equal(t, c.configuration.ResourceID, body.Properties.ResourceID, "the id is sent as it was given")
		}
	}
	_, err := prepareAttach(t.Context(), ws, "x1", AksAttachConfiguration{ResourceID: id}, AttachOptions{Replace: true, SkipPreflight: true, Overwrite: true})
	require.Error(t, err)
	assert.Equal(t, 2, strings.Count(err.Error(), "Replace (true)"))
}

func TestDescribes(t *testing.T) {
	t.Parallel()
	asked := wireCreate{Location: "westeurope", Properties: wireCreateProps{ComputeType: TypeAKS, Properties: wireProvisioning{
		AgentCount: 3, AgentVMSize: "Standard_D3_v2", SSL: &wireSsl{Status: SslAuto, LeafDomainLabel: "contoso"},
	}}}
	for _, c := range []struct {
		have string
		same bool
	}{
		{`{"location":"westeurope","properties":{"computeType":"AKS","properties":null}}`, true},
		{`{"location":"West Europe","properties":{"computeType":"AKS"}}`, true},
		{`{"location":"westeurope","properties":{"computeType":"AmlCompute","properties":null}}`, false},
		{`{"location":"westeurope","properties":{"computeType":"AKS","provisioningState":"Deleting"}}`, false},
		{`{"location":"westeurope","properties":{"computeType":"AKS","properties":{"agentCount":3,"agentVmSize":"STANDARD_D3_V2","sslConfiguration":{"status":"Auto","leafDomainLabel":"contoso657acb"}}}}`, true},
		{`{"location":"westeurope","properties":{"computeType":"AKS","properties":{"agentCount":4,"agentVmSize":"STANDARD_D3_V2","sslConfiguration":{"status":"Auto","leafDomainLabel":"contoso657acb"}}}}`, false},
		{`{"location":"westeurope","properties":{"computeType":"AKS","properties":{"agentCount":3,"agentVmSize":"STANDARD_D3_V2","sslConfiguration":null}}}`, false},
		{`{"location":"westeurope","properties":{"computeType":"AKS","properties":{"agentCount":3,"agentVmSize":"STANDARD_D3_V2","sslConfiguration":{"status":"Auto","leafDomainLabel":"fabrikam"}}}}`, false},
	} {
		var r resource
		require.NoError(t, json.Unmarshal([]byte(c.have), &r))
		same, err := describes(r.snapshot(ws, "x"), asked)
		require.NoError(t, err)
		assert.Equal(t, c.same, same, c.have)
	}
}

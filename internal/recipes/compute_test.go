package recipes

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/compute"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

var computeRecipes = []recipe{
	{id: "B01", python: "`AksCompute.provisioning_configuration(…)`", title: "AksCompute.provisioning_configuration(), for dev/test, with own agent_count and vm_size", run: recipeProvisioningConfigurations},
	{id: "B02", python: "`ComputeTarget.create(ws, name, config)`, `wait_for_completion(show_output=True)`", title: "ComputeTarget.create(ws, name, config), wait_for_completion(show_output=True)", run: recipeCreate},
	{id: "B03", python: "fewer than 12 cores without `DEV_TEST`: refused", title: "agents × vCPUs ≥ 12 unless DEV_TEST; ≥ 2 vCPUs for DEV_TEST", run: recipeCores},
	{id: "B05", python: "`AksCompute.attach_configuration(resource_group, cluster_name)`, `ComputeTarget.attach(…)`", title: "AksCompute.attach_configuration(resource_group, cluster_name[, cluster_purpose]), ComputeTarget.attach", run: recipeAttach},
	{id: "B06", python: "`AksCompute.attach_configuration(resource_id=…)`", title: "attach by resource id (ml computetarget attach aks -n myaks -i ID), also a cluster in another region", run: recipeAttachByID},
	{id: "B07", python: "`aks.detach()`", title: "detach(): afterwards no deployment is possible, the cluster stays", run: recipeDetach},
	{id: "B08", python: `a cluster attached twice`, title: "never two attachments of one cluster in a workspace", run: recipeDoubleAttach},
	{id: "B22", python: "`provisioning_configuration(ssl_cname, ssl_cert_pem_file, …)`, `enable_ssl(leaf_domain_label)`, `aks.update(…)`", title: "TLS for services (own certificate, leaf domain label), changing it later", run: recipeTLS},
	{id: "B23", python: "`provisioning_configuration(vnet_name, subnet_name, service_cidr, …)`", title: "virtual network, subnet, CIDRs, internal load balancer", run: recipeNetwork},
}

func recipeProvisioningConfigurations(t *testing.T, w *world) {
	ws := w.workspace()
	byDefault := compute.AksProvisioningConfiguration{}                                  // README: B01
	forTests := compute.AksProvisioningConfiguration{ClusterPurpose: compute.DevTest}    // README: B01
	own := compute.AksProvisioningConfiguration{AgentCount: 4, VMSize: "Standard_D4_v2"} // README: B01
	for name, c := range map[string]compute.AksProvisioningConfiguration{"default-aks": byDefault, "dev-aks": forTests, "own-aks": own} {
		p, err := compute.BeginCreate(t.Context(), ws, name, c, nil)
		require.NoError(t, err)
		aks, err := azureml.Wait(t.Context(), p, nil)
		require.NoError(t, err)
		assert.Equal(t, "Succeeded", string(aks.ProvisioningState))
	}
	dev, err := compute.GetAks(t.Context(), ws, "dev-aks")
	require.NoError(t, err)
	assert.Equal(t, compute.DevTest, dev.ClusterPurpose)
	large, err := compute.GetAks(t.Context(), ws, "own-aks")
	require.NoError(t, err)
	require.NotNil(t, large.AgentCount)
	assert.EqualValues(t, 4, *large.AgentCount)
}

func recipeCreate(t *testing.T, w *world) {
	var shown bytes.Buffer
	p, err := compute.BeginCreate(t.Context(), w.workspace(), "myaks", compute.AksProvisioningConfiguration{}, nil) // README: B02
	require.NoError(t, err)
	aks, err := azureml.Wait(t.Context(), p, &azureml.WaitOptions{Output: &shown}) // README: B02
	require.NoError(t, err)
	assert.Equal(t, "myaks", aks.Name)
	assert.Contains(t, shown.String(), `create compute "myaks": Creating`)
	assert.Contains(t, shown.String(), `create compute "myaks": Succeeded`)
}

func recipeCores(t *testing.T, w *world) {
	ws := w.workspace()
	_, err := compute.BeginCreate(t.Context(), ws, "myaks", compute.AksProvisioningConfiguration{AgentCount: 2}, nil) // README: B03
	require.ErrorIs(t, err, azureml.ErrInvalid)                                                                       // README: B03
	assert.Contains(t, err.Error(), "12")
	_, err = compute.BeginCreate(t.Context(), ws, "myaks", compute.AksProvisioningConfiguration{AgentCount: 2, ClusterPurpose: compute.DevTest}, nil)
	require.NoError(t, err)
	var warnings []azureml.Warning
	_, err = compute.BeginCreate(t.Context(), ws, "other", compute.AksProvisioningConfiguration{AgentCount: 1, VMSize: "Standard_D1_v2", ClusterPurpose: compute.DevTest}, &compute.CreateOptions{
		OnWarning: func(warning azureml.Warning) { warnings = append(warnings, warning) },
	})
	require.NoError(t, err, "the service takes it")
	require.Len(t, warnings, 1)
	assert.Contains(t, warnings[0].Message, "at least 2", "what DEV_TEST should have")
}

func (w *world) attach(ws *workspace.Workspace, name string) (*compute.AksCompute, error) {
	p, err := compute.BeginAttach(w.t.Context(), ws, name, compute.AksAttachConfiguration{ResourceGroup: azuremltest.ClusterResourceGroup, ClusterName: azuremltest.ClusterName}, nil) // README: B05
	if err != nil {
		return nil, err
	}
	return azureml.Wait(w.t.Context(), p, nil) // README: B05
}

func recipeAttach(t *testing.T, w *world) {
	aks, err := w.attach(w.workspace(), "myaks")
	require.NoError(t, err)
	assert.Equal(t, "Succeeded", string(aks.ProvisioningState))
	assert.Contains(t, aks.ResourceID, azuremltest.ClusterName)

	w.srv.AddCluster(azuremltest.Cluster{Name: "small"})
	p, err := compute.BeginAttach(t.Context(), w.workspace(), "for-tests", compute.AksAttachConfiguration{
		ResourceGroup: azuremltest.ClusterResourceGroup, ClusterName: "small", ClusterPurpose: compute.DevTest,
	}, nil)
	require.NoError(t, err)
	aks, err = azureml.Wait(t.Context(), p, nil)
	require.NoError(t, err)
	assert.Equal(t, compute.DevTest, aks.ClusterPurpose)
}

func recipeAttachByID(t *testing.T, w *world) {
	ws := w.workspace()
	id := "/subscriptions/" + azuremltest.SubscriptionID + "/resourcegroups/" + azuremltest.ClusterResourceGroup + "/providers/Microsoft.ContainerService/managedClusters/"
	w.srv.AddCluster(azuremltest.Cluster{Name: "far-away", Location: "northeurope"})
	for name, c := range map[string]struct {
		id     string
		warned int
	}{
		"myaks":   {strings.ToLower(id + azuremltest.ClusterName), 0},
		"far-aks": {id + "far-away", 1},
	} {
		var warnings []azureml.Warning
		p, err := compute.BeginAttach(t.Context(), ws, name, compute.AksAttachConfiguration{ResourceID: c.id}, &compute.AttachOptions{
			OnWarning: func(warning azureml.Warning) { warnings = append(warnings, warning) },
		}) // README: B06
		require.NoError(t, err)
		aks, err := azureml.Wait(t.Context(), p, nil)
		require.NoError(t, err)
		assert.Equal(t, compute.StateSucceeded, aks.ProvisioningState)
		assert.True(t, strings.EqualFold(c.id, aks.ResourceID))
		assert.Len(t, warnings, c.warned, "another region is allowed, and worth a warning")
	}
}

func recipeDetach(t *testing.T, w *world) {
	ws := w.workspace()
	aks, err := w.attach(ws, "myaks")
	require.NoError(t, err)
	p, err := aks.BeginDetach(t.Context(), nil) // README: B07
	require.NoError(t, err)
	_, err = azureml.Wait(t.Context(), p, nil) // README: B07
	require.NoError(t, err)
	_, err = compute.GetAks(t.Context(), ws, "myaks")
	require.ErrorIs(t, err, azureml.ErrNotFound)
	_, err = model.BeginDeploy(t.Context(), ws, "myservice", []*model.Model{w.model(ws)}, w.inference(), webservice.AksDeployConfiguration{ComputeTarget: "myaks"}, nil)
	require.Error(t, err, "nothing can be deployed to it any more")
	_, err = w.attach(ws, "again")
	require.NoError(t, err, "the cluster is still there")
}

func recipeDoubleAttach(t *testing.T, w *world) {
	ws := w.workspace()
	first, err := w.attach(ws, "first")
	require.NoError(t, err)
	_, err = w.attach(ws, "second")              // README: B08
	require.ErrorIs(t, err, azureml.ErrConflict) // README: B08
	assert.Contains(t, err.Error(), "first", "the error names the attachment that there is")
	first, err = first.Refresh(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "Succeeded", string(first.ProvisioningState), "the first one is unharmed")
}

// certificate makes the files of a certificate for host and of its private key.
func (w *world) certificate(host string) (certificate, key string) {
	w.t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(w.t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{host}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	require.NoError(w.t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(w.t, err)
	return w.file("cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))),
		w.file("key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
}

func (w *world) update(aks *compute.AksCompute, u compute.AksUpdateConfiguration) *compute.AksCompute {
	w.t.Helper()
	p, err := aks.BeginUpdate(w.t.Context(), u, nil)
	require.NoError(w.t, err)
	updated, err := azureml.Wait(w.t.Context(), p, nil)
	require.NoError(w.t, err)
	return updated
}

func recipeTLS(t *testing.T, w *world) {
	ws := w.workspace()
	cert, key := w.certificate("www.contoso.com")
	p, err := compute.BeginCreate(t.Context(), ws, "myaks", compute.AksProvisioningConfiguration{
		SSL: &compute.SslConfiguration{CName: "www.contoso.com", CertPEMFile: cert, KeyPEMFile: key},
	}, nil) // README: B22
	require.NoError(t, err)
	aks, err := azureml.Wait(t.Context(), p, nil)
	require.NoError(t, err)
	require.NotNil(t, aks.SSL)
	assert.Equal(t, compute.SslEnabled, aks.SSL.Status)
	assert.Equal(t, "www.contoso.com", aks.SSL.CName)
	svc := w.deploy(ws, webservice.AksDeployConfiguration{ComputeTarget: aks.Name})
	assert.True(t, strings.HasPrefix(svc.ScoringURI, "https://www.contoso.com"), svc.ScoringURI)
	_, err = svc.Run(t.Context(), question)
	require.NoError(t, err)

	aks = w.update(aks, compute.AksUpdateConfiguration{SSL: &compute.SslConfiguration{LeafDomainLabel: "contoso"}}) // README: B22
	assert.Equal(t, compute.SslAuto, aks.SSL.Status)
	assert.Regexp(t, `^contoso[0-9a-z]{6}\.westeurope\.cloudapp\.azure\.com$`, aks.SSL.CName)
	w.update(aks, compute.AksUpdateConfiguration{RenewSSL: true})
	aks = w.update(aks, compute.AksUpdateConfiguration{DisableSSL: true})
	assert.True(t, aks.SSL == nil || aks.SSL.Status == compute.SslDisabled)

	_, err = compute.BeginCreate(t.Context(), ws, "other", compute.AksProvisioningConfiguration{
		SSL: &compute.SslConfiguration{CName: "www.contoso.com", CertPEMFile: cert, KeyPEMFile: cert, LeafDomainLabel: "contoso"},
	}, nil)
	require.ErrorIs(t, err, azureml.ErrInvalid)
	assert.Contains(t, err.Error(), "LeafDomainLabel", "one or the other")
	assert.Contains(t, err.Error(), "KeyPEM", "that is no key")
}

func recipeNetwork(t *testing.T, w *world) {
	ws := w.workspace()
	c := compute.AksProvisioningConfiguration{
		VNetResourceGroup: "rg-net", VNetName: "vnet-ml", SubnetName: "snet-aks",
		ServiceCIDR: "10.0.0.0/16", DNSServiceIP: "10.0.0.10", DockerBridgeCIDR: "172.17.0.1/16",
		LoadBalancerType: compute.InternalLoadBalancer, LoadBalancerSubnet: "snet-lb",
	} // README: B23
	p, err := compute.BeginCreate(t.Context(), ws, "myaks", c, nil)
	require.NoError(t, err)
	aks, err := azureml.Wait(t.Context(), p, nil)
	require.NoError(t, err)
	assert.Equal(t, &compute.AksNetworking{
		SubnetID:    "/subscriptions/" + ws.SubscriptionID + "/resourceGroups/rg-net/providers/Microsoft.Network/virtualNetworks/vnet-ml/subnets/snet-aks",
		ServiceCIDR: "10.0.0.0/16", DNSServiceIP: "10.0.0.10", DockerBridgeCIDR: "172.17.0.1/16",
	}, aks.Networking)
	assert.Equal(t, compute.InternalLoadBalancer, aks.LoadBalancerType)
	assert.Equal(t, "snet-lb", aks.LoadBalancerSubnet)

	aks = w.update(aks, compute.AksUpdateConfiguration{LoadBalancerType: to.Ptr(compute.PublicIP)})
	assert.Equal(t, compute.PublicIP, aks.LoadBalancerType)
	assert.NotNil(t, aks.Networking, "the network stays")

	c.DNSServiceIP, c.DockerBridgeCIDR, c.SubnetName = "10.1.0.10", "10.0.3.1/24", ""
	_, err = compute.BeginCreate(t.Context(), ws, "other", c, nil)
	require.ErrorIs(t, err, azureml.ErrInvalid)
	for _, field := range []string{"DNSServiceIP", "DockerBridgeCIDR", "SubnetName"} {
		assert.Contains(t, err.Error(), field)
	}
}

package parity_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"time"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/compute"
	"github.com/azureml-go/azureml/internal/parity"
	"github.com/azureml-go/azureml/internal/recording/wire"
	"github.com/azureml-go/azureml/workspace"
)

// isFree is the look at whether a compute's name is taken.
func isFree(name string) parity.Allowance {
	return parity.Allowance{
		For: parity.SafetyCheck, Option: "CreateOptions.Overwrite, AttachOptions.Overwrite", Method: "GET", Path: "/computes/" + name,
		Answer: wire.Response{Status: 404, Headers: map[string]string{"Content-Type": "application/json"}, JSON: []byte(`{"error":{"code":"ResourceNotFound","message":"not there"}}`)},
	}
}

// preflight are the looks at the cluster and at the other computes before an attachment.
func preflight(cluster string, status int, answer string) []parity.Allowance {
	json := map[string]string{"Content-Type": "application/json"}
	return []parity.Allowance{
		{For: parity.SafetyCheck, Option: "AttachOptions.SkipPreflight", Method: "GET", Path: "/computes", Answer: wire.Response{Status: 200, Headers: json, JSON: []byte(`{"value":[]}`)}},
		{For: parity.SafetyCheck, Option: "AttachOptions.SkipPreflight", Method: "GET", Path: "/managedClusters/" + cluster, Answer: wire.Response{Status: status, Headers: json, JSON: []byte(answer)}},
	}
}

// described is what the goldens return of a compute.
func described(c *compute.AksCompute) map[string]any {
	d := map[string]any{
		"id": c.ID, "name": c.Name, "location": c.Location, "type": c.Type, "provisioning_state": c.ProvisioningState,
		"cluster_resource_id": c.ResourceID, "cluster_location": c.ComputeLocation, "is_attached": c.IsAttached,
		"agent_count": c.AgentCount, "agent_vm_size": c.AgentVMSize, "cluster_purpose": c.ClusterPurpose,
		"cluster_fqdn": c.ClusterFQDN, "load_balancer_type": c.LoadBalancerType,
	}
	if c.SSL != nil {
		d["ssl_configuration"] = map[string]any{
			"status": c.SSL.Status, "cname": c.SSL.CName, "leafDomainLabel": c.SSL.LeafDomainLabel, "overwriteExistingDomain": c.SSL.OverwriteExistingDomain,
		}
	}
	return d
}

func only(d map[string]any, keys ...string) map[string]any {
	some := map[string]any{}
	for _, key := range keys {
		some[key] = d[key]
	}
	return some
}

func creating(golden, name string, c compute.AksProvisioningConfiguration, keys ...string) parity.Scenario {
	return parity.Scenario{Name: golden, Allow: []parity.Allowance{isFree(name)}, Run: within(func(ctx context.Context, _ *parity.Stage, ws *workspace.Workspace) (any, error) {
		poller, err := compute.BeginCreate(ctx, ws, name, c, nil)
		if err != nil {
			return nil, err
		}
		aks, err := azureml.Wait(ctx, poller, nil)
		if err != nil {
			return nil, err
		}
		return only(described(aks), keys...), nil
	})}
}

func attaching(golden, name string, c compute.AksAttachConfiguration, allow []parity.Allowance, keys ...string) parity.Scenario {
	return parity.Scenario{Name: golden, Allow: allow, Run: within(func(ctx context.Context, _ *parity.Stage, ws *workspace.Workspace) (any, error) {
		poller, err := compute.BeginAttach(ctx, ws, name, c, nil)
		if err != nil {
			return nil, err
		}
		aks, err := azureml.Wait(ctx, poller, nil)
		if err != nil {
			return nil, err
		}
		return only(described(aks), keys...), nil
	})}
}

func computeScenarios() []parity.Scenario {
	const cluster = `{"id":"c","location":"westeurope","properties":{"provisioningState":"Succeeded","agentPoolProfiles":[{"name":"p","count":3,"vmSize":"Standard_D3_v2"}]}}`
	const state = "provisioning_state"
	shared := preflight("shared", 200, cluster)
	wholly := creating("compute_create_default", "aks-prod", compute.AksProvisioningConfiguration{}, "id", "name", "location", "type", state,
		"cluster_resource_id", "cluster_location", "is_attached", "agent_count", "agent_vm_size", "cluster_purpose", "cluster_fqdn", "load_balancer_type")
	run := wholly.Run
	wholly.Run = func(ctx context.Context, s *parity.Stage) (any, error) {
		after, err := run(ctx, s)
		return map[string]any{"after": after}, err
	}
	invalid := creating("compute_create_invalid_name", "a_name_that_is_much_too_long", compute.AksProvisioningConfiguration{})
	invalid.Allow = nil
	return []parity.Scenario{
		wholly, invalid,
		creating("compute_create_custom", "aks-big", compute.AksProvisioningConfiguration{AgentCount: 6, VMSize: "Standard_D4s_v3", Location: "northeurope"}, state, "agent_count", "agent_vm_size", "cluster_location", "location"),
		creating("compute_create_dev_test", "aks-dev", compute.AksProvisioningConfiguration{AgentCount: 1, ClusterPurpose: compute.DevTest}, state, "agent_count", "cluster_purpose"),
		creating("compute_create_failed", "aks-prod", compute.AksProvisioningConfiguration{}),
		creating("compute_create_canceled", "aks-prod", compute.AksProvisioningConfiguration{}),
		creating("compute_create_no_operation", "aks-prod", compute.AksProvisioningConfiguration{}),
		creating("compute_create_vnet", "aks-vnet", compute.AksProvisioningConfiguration{
			VNetResourceGroup: "rg-net", VNetName: "vnet-ml", SubnetName: "snet-aks", ServiceCIDR: "10.0.0.0/16", DNSServiceIP: "10.0.0.10", DockerBridgeCIDR: "172.17.0.1/16",
		}, state, "agent_count"),
		creating("compute_create_ssl_leaf_domain", "aks-ssl", compute.AksProvisioningConfiguration{
			SSL: &compute.SslConfiguration{LeafDomainLabel: "contoso", OverwriteExistingDomain: true},
		}, state, "ssl_configuration"),
		attaching("compute_attach_by_name", "aks-att", compute.AksAttachConfiguration{ResourceGroup: "rg-aks", ClusterName: "shared"}, shared, state, "cluster_resource_id", "is_attached", "agent_vm_size"),
		attaching("compute_attach_by_resource_id", "aks-att", compute.AksAttachConfiguration{
			ResourceID: "/subscriptions/66666666-7777-8888-9999-000000000000/resourcegroups/rg-aks/providers/Microsoft.ContainerService/managedClusters/shared",
		}, shared, state, "cluster_resource_id", "is_attached"),
		attaching("compute_attach_dev_test", "aks-dev", compute.AksAttachConfiguration{ResourceGroup: "rg-aks", ClusterName: "small", ClusterPurpose: compute.DevTest}, preflight("small", 200, cluster), state, "cluster_purpose", "agent_count"),
		attaching("compute_attach_failed", "aks-att", compute.AksAttachConfiguration{ResourceGroup: "rg-aks", ClusterName: "missing"}, preflight("missing", 403, `{"error":{"code":"AuthorizationFailed","message":"may not look"}}`)),
		{Name: "compute_invalid_arguments", Run: within(invalidCompute)},
		{Name: "compute_create_existing", Run: within(createAgain)},
		{Name: "compute_create_location_only", Allow: []parity.Allowance{isFree("aks-loc")}, Run: within(createElsewhere)},
		{Name: "compute_wait_without_operation", Run: within(waitForAny)},
		{Name: "compute_get", Run: within(getCompute)},
		{Name: "compute_get_unknown", Run: within(func(ctx context.Context, _ *parity.Stage, ws *workspace.Workspace) (any, error) {
			_, err := compute.GetAks(ctx, ws, "nope")
			return nil, err
		})},
		{Name: "compute_delete", Run: within(func(ctx context.Context, _ *parity.Stage, ws *workspace.Workspace) (any, error) {
			return nil, errors.Join(deleteCompute(ctx, ws, "aks-prod"), deleteCompute(ctx, ws, "aks-two"))
		})},
		{Name: "compute_delete_failed", Run: within(func(ctx context.Context, _ *parity.Stage, ws *workspace.Workspace) (any, error) {
			return nil, deleteCompute(ctx, ws, "aks-prod")
		})},
		{Name: "compute_detach", Run: within(detachCompute)},
		{Name: "compute_get_credentials", Run: within(func(ctx context.Context, _ *parity.Stage, ws *workspace.Workspace) (any, error) {
			aks, err := compute.GetAks(ctx, ws, "aks-prod")
			if err != nil {
				return nil, err
			}
			credentials, err := aks.Credentials(ctx)
			if err != nil {
				return nil, err
			}
			return map[string]any{
				"userKubeConfig": credentials.RawUserKubeconfig.Reveal(), "adminKubeConfig": credentials.RawAdminKubeconfig.Reveal(),
				"imagePullSecretName": credentials.ImagePullSecretName,
			}, nil
		})},
		{Name: "compute_list", Run: within(listComputes)},
		updating("compute_update_ssl_disable", func(*parity.Stage) (compute.AksUpdateConfiguration, error) {
			return compute.AksUpdateConfiguration{DisableSSL: true}, nil
		}, "status"),
		updating("compute_update_ssl_leaf_domain", func(*parity.Stage) (compute.AksUpdateConfiguration, error) {
			return compute.AksUpdateConfiguration{SSL: &compute.SslConfiguration{LeafDomainLabel: "contoso", OverwriteExistingDomain: true}}, nil
		}, "status", "leafDomainLabel"),
		updating("compute_update_ssl_own_cert", func(*parity.Stage) (compute.AksUpdateConfiguration, error) {
			certificate, key, err := newPair("www.contoso.com")
			return compute.AksUpdateConfiguration{SSL: &compute.SslConfiguration{CName: "www.contoso.com", CertPEM: certificate, KeyPEM: key}}, err
		}, "status", "cname"),
	}
}

func updating(golden string, configure func(*parity.Stage) (compute.AksUpdateConfiguration, error), ssl ...string) parity.Scenario {
	return parity.Scenario{Name: golden, Run: within(func(ctx context.Context, s *parity.Stage, ws *workspace.Workspace) (any, error) {
		config, err := configure(s)
		if err != nil {
			return nil, err
		}
		aks, err := compute.GetAks(ctx, ws, "aks-prod")
		if err != nil {
			return nil, err
		}
		poller, err := aks.BeginUpdate(ctx, config, nil)
		if err != nil {
			return nil, err
		}
		if aks, err = azureml.Wait(ctx, poller, nil); err != nil {
			return nil, err
		}
		d := described(aks)
		configuration, _ := d["ssl_configuration"].(map[string]any)
		return map[string]any{"provisioning_state": aks.ProvisioningState, "ssl_configuration": only(configuration, ssl...)}, nil
	})}
}

// newPair makes a certificate for a host and its key.
func newPair(host string) (certificate string, key azureml.Secret, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", azureml.Secret{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(365 * 24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return "", azureml.Secret{}, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return "", azureml.Secret{}, err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		azureml.NewSecret(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))), nil
}

// listComputes lists those on AKS: the reference leaves out what it does not know.
func listComputes(ctx context.Context, _ *parity.Stage, ws *workspace.Workspace) (any, error) {
	list := []any{}
	for c, err := range compute.List(ctx, ws, nil) {
		if err != nil {
			return nil, err
		}
		aks, err := c.AksCompute()
		if err != nil {
			continue
		}
		list = append(list, only(described(aks), "name", "type", "provisioning_state", "is_attached", "agent_count"))
	}
	return list, nil
}

func getCompute(ctx context.Context, _ *parity.Stage, ws *workspace.Workspace) (any, error) {
	aks, err := compute.GetAks(ctx, ws, "aks-prod")
	if err != nil {
		return nil, err
	}
	if aks, err = aks.Refresh(ctx); err != nil {
		return nil, err
	}
	var properties map[string]any
	if err := json.Unmarshal(aks.Properties, &properties); err != nil {
		return nil, err
	}
	return map[string]any{"status": aks.ProvisioningState, "dict": map[string]any{
		"id": aks.ID, "name": aks.Name, "tags": aks.Tags, "location": aks.Location,
		"properties": map[string]any{
			"computeType": aks.Type, "computeLocation": aks.ComputeLocation, "description": aks.Description, "resourceId": aks.ResourceID,
			"isAttachedCompute": aks.IsAttached, "provisioningState": aks.ProvisioningState,
			"properties": only(properties, "agentVmSize", "agentCount", "clusterPurpose", "clusterFqdn"),
		},
	}}, nil
}

func deleteCompute(ctx context.Context, ws *workspace.Workspace, name string) error {
	aks, err := compute.GetAks(ctx, ws, name)
	if err != nil {
		return err
	}
	poller, err := aks.BeginDelete(ctx, nil)
	if err != nil {
		return err
	}
	_, err = azureml.Wait(ctx, poller, nil)
	return err
}

func detachCompute(ctx context.Context, _ *parity.Stage, ws *workspace.Workspace) (any, error) {
	aks, err := compute.GetAks(ctx, ws, "aks-att")
	if err != nil {
		return nil, err
	}
	poller, err := aks.BeginDetach(ctx, nil)
	if err != nil {
		return nil, err
	}
	_, err = azureml.Wait(ctx, poller, nil)
	return nil, err
}

// createAgain creates over a compute that exists, which needs to be said.
func createAgain(ctx context.Context, _ *parity.Stage, ws *workspace.Workspace) (any, error) {
	poller, err := compute.BeginCreate(ctx, ws, "aks-prod", compute.AksProvisioningConfiguration{AgentCount: 5}, &compute.CreateOptions{Overwrite: true})
	if err != nil {
		return nil, err
	}
	aks, err := azureml.Wait(ctx, poller, nil)
	if err != nil {
		return nil, err
	}
	return only(described(aks), "provisioning_state", "agent_count"), nil
}

// createElsewhere gives nothing but a location, and does not wait.
func createElsewhere(ctx context.Context, _ *parity.Stage, ws *workspace.Workspace) (any, error) {
	if _, err := compute.BeginCreate(ctx, ws, "aks-loc", compute.AksProvisioningConfiguration{Location: "westeurope"}, nil); err != nil {
		return nil, err
	}
	aks, err := compute.GetAks(ctx, ws, "aks-loc")
	if err != nil {
		return nil, err
	}
	return only(described(aks), "provisioning_state"), nil
}

func waitForAny(ctx context.Context, _ *parity.Stage, ws *workspace.Workspace) (any, error) {
	aks, err := compute.GetAks(ctx, ws, "aks-prod")
	if err != nil {
		return nil, err
	}
	poller, err := aks.BeginWait(ctx, nil)
	if err != nil {
		return nil, err
	}
	if aks, err = azureml.Wait(ctx, poller, nil); err != nil {
		return nil, err
	}
	return only(described(aks), "provisioning_state"), nil
}

package azuremltest

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

type savedWorkspace struct {
	Subscription  string            `json:"subscriptionId"`
	ResourceGroup string            `json:"resourceGroup"`
	Name          string            `json:"name"`
	ID            string            `json:"id"`
	Location      string            `json:"location"`
	PrivateLink   bool              `json:"privateLink,omitempty"`
	Tags          map[string]string `json:"tags,omitempty"`
	Created       time.Time         `json:"created"`
	PrincipalID   string            `json:"principalId"`
	Settings      savedSettings     `json:"settings"`
	Computes      []savedCompute    `json:"computes"`
	Data          savedData         `json:"data"`
}

type savedSettings struct {
	FriendlyName        string   `json:"friendlyName"`
	Description         string   `json:"description"`
	Storage             string   `json:"storageAccount"`
	Vault               string   `json:"keyVault"`
	Insights            string   `json:"applicationInsights"`
	Registry            string   `json:"containerRegistry"`
	PrimaryIdentity     string   `json:"primaryUserAssignedIdentity"`
	IdentityType        string   `json:"identityType"`
	UserIdentities      []string `json:"userAssignedIdentities,omitempty"`
	ImageBuildCompute   string   `json:"imageBuildCompute"`
	PublicNetworkAccess string   `json:"publicNetworkAccess"`
	AuthMode            string   `json:"systemDatastoresAuthMode"`
	HBI                 bool     `json:"hbiWorkspace"`
	LegacyMode          bool     `json:"v1LegacyMode"`
	PublicWithVNet      bool     `json:"allowPublicAccessWhenBehindVnet"`
	Encryption          any      `json:"encryption,omitempty"`
	ServiceManaged      any      `json:"serviceManagedResourcesSettings,omitempty"`
	State               string   `json:"provisioningState"`
}

type savedCompute struct {
	Name        string            `json:"name"`
	Kind        string            `json:"computeType"`
	Location    string            `json:"location"`
	Description *string           `json:"description,omitempty"`
	Tags        map[string]string `json:"tags"`
	ResourceID  string            `json:"resourceId,omitempty"`
	Attached    bool              `json:"attached,omitempty"`
	NewRouter   bool              `json:"newRouter,omitempty"`
	State       string            `json:"provisioningState"`
	Errors      []*operationError `json:"errors,omitempty"`
	Created     time.Time         `json:"created"`
	Modified    time.Time         `json:"modified"`
	// Cluster is the number of a cluster, 0 for none.
	Cluster    int                   `json:"cluster,omitempty"`
	AgentCount int                   `json:"agentCount,omitempty"`
	VMSize     string                `json:"vmSize,omitempty"`
	Purpose    string                `json:"purpose,omitempty"`
	SSL        *sslConfiguration     `json:"ssl,omitempty"`
	Network    *networkConfiguration `json:"network,omitempty"`
	LBType     string                `json:"loadBalancerType,omitempty"`
	LBSubnet   *string               `json:"loadBalancerSubnet,omitempty"`
	Other      json.RawMessage       `json:"properties,omitempty"`
	Identity   json.RawMessage       `json:"identity,omitempty"`
}

func (ws *workspace) save(numbers map[*cluster]int) savedWorkspace {
	s := &ws.settings
	out := savedWorkspace{Subscription: ws.sub, ResourceGroup: ws.rg, Name: ws.name, ID: ws.id, Location: ws.location,
		PrivateLink: ws.privateLink, Tags: ws.tags, Created: ws.created, PrincipalID: ws.principalID, Data: ws.data.save(),
		Settings: savedSettings{FriendlyName: s.friendlyName, Description: s.description, Storage: s.storage, Vault: s.vault,
			Insights: s.insights, Registry: s.registry, PrimaryIdentity: s.primaryIdentity, IdentityType: s.identityType,
			UserIdentities: s.userIdentities, ImageBuildCompute: s.imageBuildCompute, PublicNetworkAccess: s.publicNetworkAccess,
			AuthMode: s.authMode, HBI: s.hbi, LegacyMode: s.legacyMode, PublicWithVNet: s.publicWithVNet,
			Encryption: s.encryption, ServiceManaged: s.serviceManaged, State: s.state}}
	for _, k := range ws.sortedComputes() {
		out.Computes = append(out.Computes, k.save(numbers))
	}
	return out
}

func (k *compute) save(numbers map[*cluster]int) savedCompute {
	return savedCompute{Name: k.name, Kind: k.kind, Location: k.location, Description: k.description, Tags: k.tags,
		ResourceID: k.resourceID, Attached: k.attached, NewRouter: k.newRouter, State: k.state, Errors: k.errors,
		Created: k.created, Modified: k.modified, Cluster: numbers[k.cluster], AgentCount: k.spec.agentCount, VMSize: k.spec.vmSize,
		Purpose: k.spec.purpose, SSL: k.spec.ssl.withoutSecrets(), Network: k.spec.network, LBType: k.spec.lbType, LBSubnet: k.spec.lbSubnet,
		Other: rawOf(k.other), Identity: rawOf(k.identity)}
}

// withoutSecrets is the configuration without certificate and key, which
// nobody can read again.
func (s *sslConfiguration) withoutSecrets() *sslConfiguration {
	if s == nil {
		return nil
	}
	out := *s
	out.Cert, out.Key = nil, nil
	return &out
}

// rawOf is JSON that was made by whoever set the server up; what cannot be
// encoded was never shown either.
func rawOf(v any) json.RawMessage {
	if v == nil {
		return nil
	}
	raw, err := marshal(v)
	if err != nil {
		return nil
	}
	return raw
}

// loadedAny is rawOf backwards.
func loadedAny(raw json.RawMessage) any {
	if isNull(raw) {
		return nil
	}
	return raw
}

func (l *stateLoader) loadWorkspace(in *savedWorkspace) error {
	if _, err := l.group(in.Subscription, in.ResourceGroup); err != nil {
		return err
	}
	if !isGUID(in.ID) {
		return fmt.Errorf("the id %q is no GUID", in.ID)
	}
	s := &in.Settings
	ws := &workspace{srv: l.srv, sub: in.Subscription, rg: in.ResourceGroup, name: in.Name, id: in.ID, location: in.Location,
		tenant: l.world.subscriptions[in.Subscription].tenant, privateLink: in.PrivateLink, tags: in.Tags, created: in.Created,
		principalID: in.PrincipalID, computes: map[string]*compute{},
		settings: settings{friendlyName: s.FriendlyName, description: s.Description, storage: s.Storage, vault: s.Vault,
			insights: s.Insights, registry: s.Registry, primaryIdentity: s.PrimaryIdentity, identityType: s.IdentityType,
			userIdentities: s.UserIdentities, imageBuildCompute: s.ImageBuildCompute, publicNetworkAccess: s.PublicNetworkAccess,
			authMode: s.AuthMode, hbi: s.HBI, legacyMode: s.LegacyMode, publicWithVNet: s.PublicWithVNet,
			encryption: s.Encryption, serviceManaged: s.ServiceManaged, state: s.State}}
	if err := put(l.world.workspaces, "workspace", workspaceKey(ws.sub, ws.rg, ws.name), ws); err != nil {
		return err
	}
	for i := range in.Computes {
		if err := l.loadCompute(ws, &in.Computes[i]); err != nil {
			return err
		}
	}
	return l.loadData(ws, &in.Data)
}

func (l *stateLoader) loadCompute(ws *workspace, in *savedCompute) error {
	k := &compute{ws: ws, name: in.Name, kind: in.Kind, location: in.Location, description: in.Description, tags: in.Tags,
		resourceID: in.ResourceID, attached: in.Attached, newRouter: in.NewRouter, state: in.State, errors: in.Errors,
		created: in.Created, modified: in.Modified, cluster: l.clusters[in.Cluster], other: loadedAny(in.Other), identity: loadedAny(in.Identity),
		spec: aksSpec{agentCount: in.AgentCount, vmSize: in.VMSize, purpose: in.Purpose, ssl: in.SSL, network: in.Network,
			lbType: in.LBType, lbSubnet: in.LBSubnet}}
	if in.Cluster != 0 && k.cluster == nil {
		return fmt.Errorf("compute %q is on cluster %d, which is not there", in.Name, in.Cluster)
	}
	for _, e := range k.errors {
		if e == nil {
			return fmt.Errorf("compute %q has an error that is null", in.Name)
		}
	}
	if k.spec.ssl != nil {
		l.claim(k.spec.ssl.CName)
	}
	return put(ws.computes, "compute", strings.ToLower(k.name), k)
}

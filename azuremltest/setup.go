package azuremltest

import (
	"fmt"
	"maps"
	"strings"
	"time"
)

// The default world, which NewServer sets up.
const (
	// TenantID is the directory that everything of the default world belongs to.
	TenantID = "11111111-1111-1111-1111-111111111111"
	// SubscriptionID is the subscription of the workspace and the cluster.
	SubscriptionID = "22222222-2222-2222-2222-222222222222"
	// ClientID and ClientSecret are what the service principal logs in with.
	ClientID     = "33333333-3333-3333-3333-333333333333"
	ClientSecret = "emulated~secret&with=odd+characters"
	// ResourceGroup holds the workspace.
	ResourceGroup = "rg-ml"
	// WorkspaceName is the name of the workspace.
	WorkspaceName = "ml-example"
	// Location is the region of all of it.
	Location = "westeurope"
	// ClusterResourceGroup holds the AKS cluster that can be attached.
	ClusterResourceGroup = "rg-aks"
	// ClusterName is its name. It has three nodes of size Standard_D3_v2.
	ClusterName = "existing-aks"
)

// Tenant is a directory of Entra ID.
type Tenant struct {
	ID     string // a GUID
	Name   string // "Contoso" if empty
	Domain string // a name under which the tenant is found, too; "<id>.onmicrosoft.com" if empty
}

// ServicePrincipal is an application that logs in by itself.
type ServicePrincipal struct {
	TenantID string // TenantID if empty
	ClientID string // a GUID
	Secret   string // no log-in with a secret if empty
	// Certificate lets the application log in with a client assertion. The
	// assertion's signature is not checked.
	Certificate bool
	ObjectID    string // made up if empty
	Name        string // display name; the client id if empty
}

// Subscription is a subscription.
type Subscription struct {
	ID       string // a GUID
	TenantID string // TenantID if empty
	Name     string // the id if empty
	// CoreQuota is how many virtual CPUs the clusters that are made for
	// computes may have in all; 1000 if zero.
	CoreQuota int
}

// Workspace is a workspace, as it is set up and as [Server.Workspaces] returns it.
type Workspace struct {
	SubscriptionID string // SubscriptionID if empty
	ResourceGroup  string // ResourceGroup if empty; made if it does not exist
	Name           string // WorkspaceName if empty
	Location       string // Location if empty
	ID             string // GUID; made up if empty
	// PrivateLink gives the workspace host names of its own:
	// {id}.workspace.{region}.api.azureml.ms.
	PrivateLink bool
	Tags        map[string]string
}

// Cluster is an AKS cluster that was made without machine learning.
type Cluster struct {
	SubscriptionID    string // SubscriptionID if empty
	ResourceGroup     string // ClusterResourceGroup if empty; made if it does not exist
	Name              string
	Location          string // Location if empty
	NodeCount         int    // 3 if zero
	VMSize            string // Standard_D3_v2 if empty
	KubernetesVersion string // a recent one if empty
}

// AddTenant makes a tenant. It panics if the id is no GUID or taken.
func (s *Server) AddTenant(t Tenant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	mustGUID("tenant", t.ID)
	key := strings.ToLower(t.ID)
	mustBeFree(s.world.tenants, key, "tenant", t.ID)
	if t.Name == "" {
		t.Name = "Contoso"
	}
	if t.Domain == "" {
		t.Domain = key + ".onmicrosoft.com"
	}
	s.world.tenants[key] = &tenant{id: key, name: t.Name, domain: strings.ToLower(t.Domain),
		principals: map[string]*ServicePrincipal{}, users: map[string]*User{}}
}

// AddServicePrincipal makes a service principal and returns it with its object
// id. It panics if the tenant does not exist or the client id is no GUID or
// taken.
func (s *Server) AddServicePrincipal(p ServicePrincipal) ServicePrincipal {
	s.mu.Lock()
	defer s.mu.Unlock()
	setDefault(&p.TenantID, TenantID)
	mustGUID("service principal", p.ClientID)
	t := s.mustTenant(p.TenantID)
	p.TenantID = t.id
	key := strings.ToLower(p.ClientID)
	mustBeFree(t.principals, key, "service principal", p.ClientID)
	if p.ObjectID == "" {
		p.ObjectID = s.guid()
	}
	t.principals[key] = &p
	return p
}

// AddSubscription makes a subscription. It panics if the id is no GUID or
// taken, or the tenant does not exist.
func (s *Server) AddSubscription(sub Subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	setDefault(&sub.TenantID, TenantID)
	setDefault(&sub.Name, sub.ID)
	mustGUID("subscription", sub.ID)
	key := strings.ToLower(sub.ID)
	mustBeFree(s.world.subscriptions, key, "subscription", sub.ID)
	if sub.CoreQuota == 0 {
		sub.CoreQuota = 1000
	}
	s.world.subscriptions[key] = &subscription{
		id: key, coreQuota: sub.CoreQuota, name: sub.Name, tenant: s.mustTenant(sub.TenantID).id, groups: map[string]*resourceGroup{},
	}
}

// AddWorkspace makes a workspace and returns it with what was left to the
// server. It panics if the subscription does not exist or the name is taken.
func (s *Server) AddWorkspace(w Workspace) Workspace {
	s.mu.Lock()
	defer s.mu.Unlock()
	setDefault(&w.SubscriptionID, SubscriptionID)
	setDefault(&w.ResourceGroup, ResourceGroup)
	setDefault(&w.Name, WorkspaceName)
	setDefault(&w.Location, Location)
	if w.ID == "" {
		w.ID = s.guid()
	}
	mustGUID("workspace", w.ID)
	sub := s.mustSubscription(w.SubscriptionID)
	group := sub.makeGroup(w.ResourceGroup, w.Location)
	key := workspaceKey(sub.id, group.name, w.Name)
	mustBeFree(s.world.workspaces, key, "workspace", w.Name)
	ws := s.newWorkspace(sub, group, w)
	ws.settings = ws.defaultSettings()
	for id, kind := range ws.settings.resources() {
		s.world.addResource(id, kind, ws.location)
	}
	return ws.exported()
}

// newWorkspace makes a workspace without settings.
func (s *Server) newWorkspace(sub *subscription, group *resourceGroup, w Workspace) *workspace {
	ws := &workspace{
		srv: s, sub: sub.id, rg: group.name, name: w.Name, id: strings.ToLower(w.ID),
		location: strings.ToLower(w.Location), tenant: sub.tenant, privateLink: w.PrivateLink,
		tags: maps.Clone(w.Tags), created: time.Now(), principalID: s.guid(),
		computes: map[string]*compute{},
	}
	ws.data = newDataPlane(ws, s.bytes(64))
	s.world.workspaces[workspaceKey(sub.id, group.name, w.Name)] = ws
	return ws
}

// AddCluster makes an AKS cluster that a workspace can attach, and returns its
// resource id. It panics if the subscription does not exist or the name is
// taken.
func (s *Server) AddCluster(c Cluster) (resourceID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	setDefault(&c.SubscriptionID, SubscriptionID)
	setDefault(&c.ResourceGroup, ClusterResourceGroup)
	setDefault(&c.Location, Location)
	setDefault(&c.VMSize, defaultVMSize)
	setDefault(&c.KubernetesVersion, defaultKubernetesVersion)
	if c.NodeCount == 0 {
		c.NodeCount = 3
	}
	sub := s.mustSubscription(c.SubscriptionID)
	group := sub.makeGroup(c.ResourceGroup, c.Location)
	mustBeFree(group.clusters, strings.ToLower(c.Name), "cluster", c.Name)
	k := &cluster{sub: sub.id, rg: group.name, name: c.Name, location: strings.ToLower(c.Location),
		version: c.KubernetesVersion, count: c.NodeCount, vmSize: c.VMSize}
	s.addCluster(group, k)
	return k.path()
}

// DeleteCluster deletes an AKS cluster behind the back of the workspaces that
// use it. Their computes stay, and are useless. It panics if there is no such
// cluster.
func (s *Server) DeleteCluster(resourceID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.clusterByID(resourceID)
	if k == nil {
		panic(fmt.Sprintf("azuremltest: there is no cluster %q", resourceID))
	}
	s.removeCluster(k)
	for _, ws := range s.world.workspaces {
		for _, user := range ws.sortedComputes() {
			if user.cluster == k {
				ws.data.computeGone(user.name)
			}
		}
	}
}

// Workspaces returns all workspaces in the order of their resource ids.
func (s *Server) Workspaces() []Workspace {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Workspace
	for _, ws := range s.world.sortedWorkspaces(func(*workspace) bool { return true }) {
		list = append(list, ws.exported())
	}
	return list
}

func (ws *workspace) exported() Workspace {
	return Workspace{
		SubscriptionID: ws.sub, ResourceGroup: ws.rg, Name: ws.name, Location: ws.location,
		ID: ws.id, PrivateLink: ws.privateLink, Tags: maps.Clone(ws.tags),
	}
}

// addDefaultWorld sets up what the constants name.
func (s *Server) addDefaultWorld() {
	s.AddTenant(Tenant{ID: TenantID, Domain: "contoso.example"})
	s.AddServicePrincipal(ServicePrincipal{ClientID: ClientID, Secret: ClientSecret})
	s.AddSubscription(Subscription{ID: SubscriptionID, Name: "Example"})
	s.AddWorkspace(Workspace{})
	s.AddCluster(Cluster{Name: ClusterName})
}

// makeGroup finds a resource group or makes it.
func (s *subscription) makeGroup(name, location string) *resourceGroup {
	g := s.group(name)
	if g == nil {
		g = &resourceGroup{name: name, location: location, clusters: map[string]*cluster{}}
		s.groups[strings.ToLower(name)] = g
	}
	return g
}

func (s *Server) mustTenant(id string) *tenant {
	t := s.world.tenant(id)
	if t == nil {
		panic(fmt.Sprintf("azuremltest: there is no tenant %q", id))
	}
	return t
}

func (s *Server) mustSubscription(id string) *subscription {
	sub := s.world.subscription(id)
	if sub == nil {
		panic(fmt.Sprintf("azuremltest: there is no subscription %q", id))
	}
	return sub
}

func mustGUID(what, id string) {
	if !isGUID(id) {
		panic(fmt.Sprintf("azuremltest: the id of a %s must be a GUID, not %q", what, id))
	}
}

func mustBeFree[T any](m map[string]T, key, what, name string) {
	if _, taken := m[key]; taken {
		panic(fmt.Sprintf("azuremltest: there is a %s %q already", what, name))
	}
}

func setDefault(s *string, value string) {
	if *s == "" {
		*s = value
	}
}

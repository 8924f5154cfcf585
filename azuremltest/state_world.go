package azuremltest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// savedTenant is a directory with everybody in it.
type savedTenant struct {
	ID         string           `json:"id"`
	Name       string           `json:"name"`
	Domain     string           `json:"domain"`
	Principals []savedPrincipal `json:"servicePrincipals"`
	Users      []savedUser      `json:"users"`
}

// savedPrincipal is a [ServicePrincipal].
type savedPrincipal struct {
	TenantID    string `json:"tenantId"`
	ClientID    string `json:"clientId"`
	Secret      string `json:"secret,omitempty"`
	Certificate bool   `json:"certificate,omitempty"`
	ObjectID    string `json:"objectId"`
	Name        string `json:"name,omitempty"`
}

// savedUser is a [User].
type savedUser struct {
	TenantID string `json:"tenantId"`
	Name     string `json:"name"`
	ObjectID string `json:"objectId"`
	Guest    bool   `json:"guest,omitempty"`
}

// savedGroup is a [Group].
type savedGroup struct {
	TenantID string `json:"tenantId"`
	Name     string `json:"name"`
	Mail     string `json:"mail,omitempty"`
	ObjectID string `json:"objectId"`
}

// savedIdentity is a [ManagedIdentity].
type savedIdentity struct {
	TenantID   string `json:"tenantId"`
	ClientID   string `json:"clientId"`
	ObjectID   string `json:"objectId"`
	ResourceID string `json:"resourceId,omitempty"`
}

type savedSubscription struct {
	ID        string               `json:"id"`
	Tenant    string               `json:"tenantId"`
	Name      string               `json:"name"`
	CoreQuota int                  `json:"coreQuota"`
	Groups    []savedResourceGroup `json:"resourceGroups"`
}

type savedResourceGroup struct {
	Name     string `json:"name"`
	Location string `json:"location"`
}

// savedCluster is a cluster that exists, or one that is gone and still known
// to a compute. Number is what computes name it by.
type savedCluster struct {
	Number        int    `json:"number"`
	Subscription  string `json:"subscriptionId"`
	ResourceGroup string `json:"resourceGroup"`
	Name          string `json:"name"`
	Location      string `json:"location"`
	Version       string `json:"kubernetesVersion"`
	Count         int    `json:"nodeCount"`
	VMSize        string `json:"vmSize"`
	Label         string `json:"label"`
	IP            string `json:"ip"`
	Managed       bool   `json:"managed,omitempty"`
	Gone          bool   `json:"gone,omitempty"`
}

type savedResource struct {
	ID         string            `json:"id"`
	Kind       string            `json:"type"`
	Location   string            `json:"location"`
	Tags       map[string]string `json:"tags,omitempty"`
	Properties map[string]any    `json:"properties"`
}

type savedDeployment struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Operation string    `json:"operationId"`
	Started   time.Time `json:"started"`
}

type savedAssignment struct {
	Name        string    `json:"name"`
	Scope       string    `json:"scope"`
	Role        string    `json:"roleDefinitionId"`
	Principal   string    `json:"principalId"`
	Kind        string    `json:"principalType"`
	Description string    `json:"description,omitempty"`
	Created     time.Time `json:"created"`
}

// savedOperation is an operation of the resource manager that has ended.
type savedOperation struct {
	ID           string          `json:"id"`
	Kind         string          `json:"kind"`
	Workspace    string          `json:"workspace,omitempty"`
	Subject      string          `json:"subject"`
	Subscription string          `json:"subscriptionId"`
	Location     string          `json:"location"`
	Verb         string          `json:"verb"`
	Status       string          `json:"status"`
	Started      time.Time       `json:"started"`
	Ended        time.Time       `json:"ended"`
	Problem      *operationError `json:"error,omitempty"`
}

// saveWorld makes the document. The caller holds s.mu.
func (s *Server) saveWorld() *savedState {
	w := &s.world
	doc := &savedState{NextIP: w.nextIP, Results: w.management.results}
	numbers := map[*cluster]int{}
	for _, t := range sortedValues(w.tenants) {
		doc.Tenants = append(doc.Tenants, t.save())
	}
	for _, sub := range sortedValues(w.subscriptions) {
		saved := savedSubscription{ID: sub.id, Tenant: sub.tenant, Name: sub.name, CoreQuota: sub.coreQuota}
		for _, g := range sortedValues(sub.groups) {
			saved.Groups = append(saved.Groups, savedResourceGroup{g.name, g.location})
			for _, k := range sortedValues(g.clusters) {
				doc.addCluster(numbers, k)
			}
		}
		doc.Subscriptions = append(doc.Subscriptions, saved)
	}
	for _, m := range w.identities {
		doc.Identities = append(doc.Identities, savedIdentity(m))
	}
	doc.saveManagement(&w.management)
	for _, id := range slices.Sorted(maps.Keys(w.operations)) {
		o := w.operations[id]
		doc.Operations = append(doc.Operations, savedOperation{ID: o.id, Kind: o.kind, Workspace: o.workspace, Subject: o.subject, Subscription: o.sub, Location: o.location, Verb: o.verb,
			Status: o.status, Started: o.started, Ended: o.ended, Problem: o.problem})
	}
	for _, ws := range sortedValues(w.workspaces) {
		for _, k := range ws.sortedComputes() {
			if k.cluster != nil {
				doc.addCluster(numbers, k.cluster)
			}
		}
		doc.Workspaces = append(doc.Workspaces, ws.save(numbers))
	}
	return doc
}

// addCluster adds a cluster that is not yet in the document.
func (doc *savedState) addCluster(numbers map[*cluster]int, k *cluster) {
	if numbers[k] != 0 {
		return
	}
	numbers[k] = len(numbers) + 1
	doc.Clusters = append(doc.Clusters, savedCluster{Number: numbers[k], Subscription: k.sub, ResourceGroup: k.rg, Name: k.name,
		Location: k.location, Version: k.version, Count: k.count, VMSize: k.vmSize, Label: k.label, IP: k.ip, Managed: k.managed, Gone: k.gone})
}

func (t *tenant) save() savedTenant {
	out := savedTenant{ID: t.id, Name: t.name, Domain: t.domain}
	for _, p := range sortedValues(t.principals) {
		out.Principals = append(out.Principals, savedPrincipal(*p))
	}
	for _, u := range sortedValues(t.users) {
		out.Users = append(out.Users, savedUser(*u))
	}
	return out
}

func (doc *savedState) saveManagement(m *management) {
	for _, g := range sortedValues(m.groups) {
		doc.Groups = append(doc.Groups, savedGroup(*g))
	}
	for _, r := range sortedValues(m.resources) {
		doc.Resources = append(doc.Resources, savedResource{r.id, r.kind, r.location, r.tags, r.properties})
	}
	for _, d := range sortedValues(m.deployments) {
		doc.Deployments = append(doc.Deployments, savedDeployment{d.id, d.name, d.op.id, d.started})
	}
	for _, a := range sortedValues(m.assignments) {
		doc.Assignments = append(doc.Assignments, savedAssignment{a.name, a.scope, a.role, a.principal, a.kind, a.description, a.created})
	}
}

// load builds the world. What is named must be there.
func (l *stateLoader) load(doc *savedState) error {
	if doc.NextIP < 0 {
		return errors.New("nextIP is negative")
	}
	l.world.nextIP = doc.NextIP
	if doc.Results != nil {
		l.world.management.results = doc.Results
	}
	for _, step := range []func(*savedState) error{l.loadTenants, l.loadSubscriptions, l.loadClusters, l.loadOperations, l.loadManagement} {
		if err := step(doc); err != nil {
			return err
		}
	}
	for i := range doc.Workspaces {
		if err := l.loadWorkspace(&doc.Workspaces[i]); err != nil {
			return fmt.Errorf("workspace %q: %w", doc.Workspaces[i].Name, err)
		}
	}
	return nil
}

func (l *stateLoader) loadTenants(doc *savedState) error {
	for _, in := range doc.Tenants {
		t := &tenant{id: strings.ToLower(in.ID), name: in.Name, domain: in.Domain, principals: map[string]*ServicePrincipal{}, users: map[string]*User{}}
		if !isGUID(t.id) {
			return fmt.Errorf("the id of tenant %q is no GUID", in.ID)
		}
		if err := put(l.world.tenants, "tenant", t.id, t); err != nil {
			return err
		}
		for _, p := range in.Principals {
			loaded := ServicePrincipal(p)
			if err := put(t.principals, "service principal", strings.ToLower(p.ClientID), &loaded); err != nil {
				return err
			}
		}
		for _, u := range in.Users {
			loaded := User(u)
			if err := put(t.users, "user", strings.ToLower(u.Name), &loaded); err != nil {
				return err
			}
		}
	}
	for _, m := range doc.Identities {
		l.world.identities = append(l.world.identities, ManagedIdentity(m))
	}
	for _, g := range doc.Groups {
		loaded := Group(g)
		if err := put(l.world.management.groups, "group", strings.ToLower(g.ObjectID), &loaded); err != nil {
			return err
		}
	}
	return nil
}

func (l *stateLoader) loadSubscriptions(doc *savedState) error {
	for _, in := range doc.Subscriptions {
		if l.world.tenants[in.Tenant] == nil {
			return fmt.Errorf("subscription %q is of tenant %q, which is not there", in.ID, in.Tenant)
		}
		sub := &subscription{id: strings.ToLower(in.ID), tenant: in.Tenant, name: in.Name, coreQuota: in.CoreQuota, groups: map[string]*resourceGroup{}}
		if !isGUID(sub.id) {
			return fmt.Errorf("the id of subscription %q is no GUID", in.ID)
		}
		if err := put(l.world.subscriptions, "subscription", sub.id, sub); err != nil {
			return err
		}
		for _, g := range in.Groups {
			loaded := &resourceGroup{name: g.Name, location: g.Location, clusters: map[string]*cluster{}}
			if err := put(sub.groups, "resource group", strings.ToLower(g.Name), loaded); err != nil {
				return err
			}
		}
	}
	return nil
}

// group finds the resource group of something.
func (l *stateLoader) group(sub, name string) (*resourceGroup, error) {
	if s := l.world.subscriptions[sub]; s != nil {
		if g := s.group(name); g != nil {
			return g, nil
		}
	}
	return nil, fmt.Errorf("there is no resource group %q in subscription %q", name, sub)
}

func (l *stateLoader) loadClusters(doc *savedState) error {
	for _, in := range doc.Clusters {
		k := &cluster{sub: in.Subscription, rg: in.ResourceGroup, name: in.Name, location: in.Location, version: in.Version,
			count: in.Count, vmSize: in.VMSize, label: in.Label, ip: in.IP, managed: in.Managed, gone: in.Gone}
		if l.clusters[in.Number] != nil || in.Number < 1 || k.count < 1 {
			return fmt.Errorf("cluster %q: its number %d is taken or not above 0, or it has no nodes", in.Name, in.Number)
		}
		l.clusters[in.Number] = k
		if k.gone {
			continue
		}
		g, err := l.group(k.sub, k.rg)
		if err == nil {
			err = put(g.clusters, "cluster", strings.ToLower(k.name), k)
		}
		if err != nil {
			return fmt.Errorf("cluster %q: %w", in.Name, err)
		}
		l.claim(k.ip)
	}
	return nil
}

func (l *stateLoader) loadOperations(doc *savedState) error {
	for _, in := range doc.Operations {
		if in.Status == in.Verb {
			return fmt.Errorf("operation %q has not ended", in.ID)
		}
		o := &operation{id: in.ID, about: about{in.Kind, in.Workspace, in.Subject}, sub: in.Subscription, location: in.Location, verb: in.Verb, status: in.Status,
			started: in.Started, ended: in.Ended, problem: in.Problem}
		if err := put(l.world.operations, "operation", strings.ToLower(in.ID), o); err != nil {
			return err
		}
	}
	return nil
}

func (l *stateLoader) loadManagement(doc *savedState) error {
	m := &l.world.management
	for _, in := range doc.Resources {
		r := &armResource{id: in.ID, kind: in.Kind, name: lastSegment(in.ID), location: in.Location, tags: in.Tags, properties: in.Properties}
		if err := put(m.resources, "resource", strings.ToLower(in.ID), r); err != nil {
			return err
		}
	}
	for _, in := range doc.Deployments {
		d := &deployment{id: in.ID, name: in.Name, op: l.world.operations[in.Operation], started: in.Started}
		if d.op == nil {
			return fmt.Errorf("deployment %q has an operation %q, which is not there", in.Name, in.Operation)
		}
		if err := put(m.deployments, "deployment", strings.ToLower(in.ID), d); err != nil {
			return err
		}
	}
	for _, in := range doc.Assignments {
		a := &roleAssignment{name: in.Name, scope: in.Scope, role: in.Role, principal: in.Principal, kind: in.Kind,
			description: in.Description, created: in.Created}
		m.addAssignment(a)
	}
	return nil
}

package azuremltest

import (
	"fmt"
	"strings"
	"time"
)

// Compute is a compute of a workspace, as it is set up and as
// [Server.Computes] returns it.
type Compute struct {
	Name     string
	Type     string // computeType; "AKS" if empty
	State    string // provisioning state; "Succeeded" if empty
	Location string // the workspace's if empty

	// ResourceID is the cluster behind it. Given to AddCompute, the compute is
	// attached to that cluster; otherwise a cluster is made.
	ResourceID string
	Attached   bool // set by the server

	// The following are for the type AKS; for an attached cluster number and
	// size of the nodes are the cluster's.
	NodeCount int    // 3 if zero
	VMSize    string // Standard_D3_v2 if empty
	Purpose   string // "FastProd" if empty
	// TLSName is the host name under which scoring has TLS; none if empty.
	TLSName string
	// NewRouter makes it a cluster with a router of the newer kind (azureml-fe
	// v2), which routes no requests to endpoints: they deploy well, and scoring
	// them is answered with 404.
	NewRouter bool

	// Properties are the inner properties of other types, anything that can be
	// marshalled to JSON.
	Properties any

	// Errors are the provisioning errors.
	Errors []ErrorDetail

	// ScoringURL is where services on it are reached, without a path; set by
	// the server.
	ScoringURL string
}

// AddCompute puts a compute into a workspace, without an operation, and
// returns it as Computes does. Of the workspace the subscription, the group and
// the name are looked at; the zero Workspace is the default one. It panics if
// there is no such workspace or cluster, or the name is taken.
func (s *Server) AddCompute(in Workspace, k Compute) Compute {
	s.mu.Lock()
	defer s.mu.Unlock()
	ws := s.mustWorkspace(in)
	mustBeFree(ws.computes, strings.ToLower(k.Name), "compute", k.Name)
	setDefault(&k.Type, kindAKS)
	setDefault(&k.State, stateSucceeded)
	setDefault(&k.Location, ws.location)
	now := time.Now()
	c := &compute{ws: ws, name: k.Name, kind: k.Type, location: k.Location, state: k.State, created: now, modified: now,
		resourceID: k.ResourceID, attached: k.ResourceID != "", other: k.Properties}
	for _, e := range k.Errors {
		c.errors = append(c.errors, &operationError{Code: e.Code, Message: e.Message})
	}
	if c.attached {
		if c.cluster = s.clusterByID(k.ResourceID); c.cluster == nil && k.Type == kindAKS {
			panic(fmt.Sprintf("azuremltest: there is no cluster %q", k.ResourceID))
		}
	}
	if k.Type == kindAKS {
		s.furnish(c, k)
	}
	ws.computes[strings.ToLower(k.Name)] = c
	return c.exported()
}

// furnish gives an AKS compute its cluster.
func (s *Server) furnish(c *compute, k Compute) {
	body := aksBody{VMSize: k.VMSize, Purpose: k.Purpose}
	if k.NodeCount != 0 {
		body.AgentCount = &k.NodeCount
	}
	if c.cluster == nil {
		c.cluster = c.newCluster(&body)
		c.resourceID = c.cluster.path()
		s.addCluster(s.world.subscription(c.ws.sub).makeGroup(c.ws.rg, c.ws.location), c.cluster)
	}
	c.spec = aksSpec{agentCount: c.cluster.count, vmSize: c.cluster.vmSize, purpose: k.Purpose}
	setDefault(&c.spec.purpose, purposeFastProd)
	if k.TLSName != "" {
		body.SSL = &sslConfiguration{Status: sslEnabled, CName: k.TLSName}
	}
	c.configure(&body)
	c.newRouter = k.NewRouter
}

// Computes returns the computes of a workspace in the order of their names. It
// counts as no look at them: nothing progresses. Of the workspace the
// subscription, the group and the name are looked at; the zero Workspace is the
// default one. It panics if there is no such workspace.
func (s *Server) Computes(in Workspace) []Compute {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Compute
	for _, k := range s.mustWorkspace(in).sortedComputes() {
		list = append(list, k.exported())
	}
	return list
}

func (k *compute) exported() Compute {
	out := Compute{Name: k.name, Type: k.kind, State: k.state, Location: k.location, ResourceID: k.resourceID, Attached: k.attached,
		NodeCount: k.spec.agentCount, VMSize: k.spec.vmSize, Purpose: k.spec.purpose, NewRouter: k.newRouter, Properties: k.other}
	if scheme, host := k.endpoint(); host != "" {
		out.ScoringURL = scheme + "://" + host
		if scheme == "https" {
			out.TLSName = host
		}
	}
	for _, e := range k.errors {
		out.Errors = append(out.Errors, ErrorDetail{Code: e.Code, Message: e.Message})
	}
	return out
}

// mustWorkspace finds the workspace that a Workspace names.
func (s *Server) mustWorkspace(in Workspace) *workspace {
	setDefault(&in.SubscriptionID, SubscriptionID)
	setDefault(&in.ResourceGroup, ResourceGroup)
	setDefault(&in.Name, WorkspaceName)
	ws := s.world.workspace(in.SubscriptionID, in.ResourceGroup, in.Name)
	if ws == nil {
		panic(fmt.Sprintf("azuremltest: there is no workspace %q in resource group %q of subscription %s", in.Name, in.ResourceGroup, in.SubscriptionID))
	}
	return ws
}

package azuremltest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// world is what exists in the emulated Azure. Its maps are keyed by lower-case names.
type world struct {
	tenants       map[string]*tenant
	subscriptions map[string]*subscription
	workspaces    map[string]*workspace // by workspaceKey
	operations    map[string]*operation // of the resource manager, by id
	refreshTokens map[string]tokenClaims
	logins        logins
	identities    []ManagedIdentity
	management    management
	nextIP        int
}

// tenant is a directory of Entra ID.
type tenant struct {
	id, name, domain string
	principals       map[string]*ServicePrincipal // by client id
	users            map[string]*User             // by name
}

// subscription is what one pays for.
type subscription struct {
	id, tenant, name string
	coreQuota        int
	groups           map[string]*resourceGroup
}

// resourceGroup holds clusters; workspaces are kept in the world.
type resourceGroup struct {
	name, location string
	clusters       map[string]*cluster
}

// workspace is a machine-learning workspace with all that is in it.
type workspace struct {
	srv *Server

	sub, rg, name string // as they were created
	id            string // GUID
	location      string
	tenant        string
	privateLink   bool
	tags          map[string]string
	created       time.Time
	principalID   string
	settings      settings
	op            *operation // that changes the workspace itself, nil if none does

	computes map[string]*compute // by lower-case name
	data     dataPlane
}

func newWorld() world {
	return world{
		tenants:       map[string]*tenant{},
		subscriptions: map[string]*subscription{},
		workspaces:    map[string]*workspace{},
		operations:    map[string]*operation{},
		refreshTokens: map[string]tokenClaims{},
		logins:        newLogins(),
		management:    newManagement(),
	}
}

func workspaceKey(sub, rg, name string) string {
	return strings.ToLower(sub + "/" + rg + "/" + name)
}

// tenant finds a tenant by its id or its domain, or returns nil.
func (w *world) tenant(name string) *tenant {
	name = strings.ToLower(name)
	if t := w.tenants[name]; t != nil {
		return t
	}
	for _, t := range w.tenants {
		if t.domain == name {
			return t
		}
	}
	return nil
}

// workspace finds a workspace ignoring case, or returns nil.
func (w *world) workspace(sub, rg, name string) *workspace {
	return w.workspaces[workspaceKey(sub, rg, name)]
}

// subscription finds a subscription ignoring case, or returns nil.
func (w *world) subscription(id string) *subscription {
	return w.subscriptions[strings.ToLower(id)]
}

// group finds a resource group ignoring case, or returns nil.
func (s *subscription) group(name string) *resourceGroup {
	return s.groups[strings.ToLower(name)]
}

// cluster finds a managed cluster by its parts, or returns nil.
func (w *world) cluster(sub, rg, name string) *cluster {
	if s := w.subscription(sub); s != nil {
		if g := s.group(rg); g != nil {
			return g.clusters[strings.ToLower(name)]
		}
	}
	return nil
}

// sortedWorkspaces returns the workspaces for which keep says so, in the order
// of their resource ids.
func (w *world) sortedWorkspaces(keep func(*workspace) bool) []*workspace {
	var list []*workspace
	for _, ws := range w.workspaces {
		if keep(ws) {
			list = append(list, ws)
		}
	}
	slices.SortFunc(list, func(a, b *workspace) int {
		return cmp.Compare(workspaceKey(a.sub, a.rg, a.name), workspaceKey(b.sub, b.rg, b.name))
	})
	return list
}

// path is the workspace's resource id.
func (ws *workspace) path() string {
	return "/subscriptions/" + ws.sub + "/resourceGroups/" + ws.rg +
		"/providers/Microsoft.MachineLearningServices/workspaces/" + ws.name
}

// apiHost is the host of discovery, artifacts and environments.
func (ws *workspace) apiHost() string {
	if ws.privateLink {
		return ws.id + ".workspace." + ws.location + apiDomain
	}
	return ws.location + apiDomain
}

// mmsHost is the host of model management.
func (ws *workspace) mmsHost() string {
	if ws.privateLink {
		return ws.apiHost()
	}
	return ws.location + mmsDomain
}

// discoveryURL is where clients learn the hosts.
func (ws *workspace) discoveryURL() string {
	if ws.privateLink {
		return "https://" + ws.apiHost() + "/discovery/workspaces/" + ws.id
	}
	return "https://" + ws.apiHost() + "/discovery"
}

// storageAccount is the name of the account that holds the workspace's files.
func (ws *workspace) storageAccount() string { return ws.resourceName("storage", 24) }

// resourceName makes a name for a resource that belongs to the workspace:
// letters and digits, at most limit of them, unique for the workspace.
func (ws *workspace) resourceName(suffix string, limit int) string {
	var b strings.Builder
	for _, r := range strings.ToLower(ws.name) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			b.WriteRune(r)
		}
	}
	tail := suffix + strings.ReplaceAll(ws.id, "-", "")
	name := b.String()
	name = name[:min(len(name), 8)]
	return (name + tail)[:min(limit, len(name+tail))]
}

// compute finds a compute ignoring case, or returns nil.
func (ws *workspace) compute(name string) *compute {
	return ws.computes[strings.ToLower(name)]
}

// sortedComputes returns the computes in the order of their names.
func (ws *workspace) sortedComputes() []*compute {
	return sortedValues(ws.computes)
}

func sortedValues[T any](m map[string]T) []T {
	list := make([]T, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		list = append(list, m[k])
	}
	return list
}

// newIP hands out an address of the range in which Azure's front ends are.
func (w *world) newIP() string {
	n := w.nextIP
	w.nextIP++
	return fmt.Sprintf("20.61.%d.%d", 10+n/200, 11+n%200)
}

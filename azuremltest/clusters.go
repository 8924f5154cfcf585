package azuremltest

import (
	"net/http"
	"regexp"
	"strings"
)

const (
	defaultVMSize            = "Standard_D3_v2"
	defaultKubernetesVersion = "1.29.7"
)

// cluster is a managed Kubernetes cluster, made by itself or for a compute.
type cluster struct {
	sub, rg, name string
	location      string
	version       string
	count         int
	vmSize        string
	label         string // what makes its domain names unique
	ip            string // of the front end that scoring requests go to
	managed       bool   // made for a compute
	gone          bool   // deleted
}

// path is the cluster's resource id, spelled as `az aks show` spells it.
func (k *cluster) path() string {
	return "/subscriptions/" + k.sub + "/resourcegroups/" + k.rg + "/providers/Microsoft.ContainerService/managedClusters/" + k.name
}

// fqdn is the address of the cluster's API server.
func (k *cluster) fqdn() string {
	return strings.ToLower(k.name) + "-dns-" + k.label + ".hcp." + k.location + ".azmk8s.io"
}

// cores is the number of virtual CPUs of all nodes, or 0 if the size of the
// machines is unknown.
func (k *cluster) cores() int { return k.count * vmSizeByName(k.vmSize).cores }

// memoryGB is the memory of all nodes, or 0 if the size of the machines is
// unknown.
func (k *cluster) memoryGB() float64 { return float64(k.count) * vmSizeByName(k.vmSize).memoryGB }

// addCluster gives a cluster its addresses and puts it into its group.
func (s *Server) addCluster(g *resourceGroup, k *cluster) {
	k.label = s.hex(4)
	k.ip = s.world.newIP()
	s.claimHost(k.ip)
	g.clusters[strings.ToLower(k.name)] = k
}

// removeCluster deletes a cluster, with what runs on it.
func (s *Server) removeCluster(k *cluster) {
	if sub := s.world.subscription(k.sub); sub != nil {
		if g := sub.group(k.rg); g != nil && g.clusters[strings.ToLower(k.name)] == k {
			delete(g.clusters, strings.ToLower(k.name))
			s.releaseHost(k.ip)
			k.gone = true
		}
	}
}

// clusterID is the form of the resource id of a managed cluster.
var clusterID = regexp.MustCompile(`(?i)^/subscriptions/([^/]+)/resourceGroups/([^/]+)/providers/Microsoft\.ContainerService/managedClusters/([^/]+)/?$`)

// clusterByID finds a cluster by its resource id, or returns nil.
func (s *Server) clusterByID(id string) *cluster {
	m := clusterID.FindStringSubmatch(id)
	if m == nil {
		return nil
	}
	return s.world.cluster(m[1], m[2], m[3])
}

// clusterRoutes are what the container service answers.
func (s *Server) clusterRoutes() []route {
	const clusters = "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.ContainerService/managedClusters"
	return []route{
		armGet(clusters+"/{cluster}", containerServiceVersions, (*call).getCluster),
		armGet(clusters, containerServiceVersions, (*call).listClusters),
	}
}

func (c *call) getCluster() {
	if !c.findGroup() {
		return
	}
	k := c.srv.world.cluster(c.path("sub"), c.path("rg"), c.path("cluster"))
	if k == nil {
		c.resourceNotFound("Microsoft.ContainerService/managedClusters/"+c.path("cluster"), c.path("rg"))
		return
	}
	c.json(http.StatusOK, k.wire())
}

func (c *call) listClusters() {
	if !c.findGroup() {
		return
	}
	sub := c.srv.world.subscription(c.path("sub"))
	answerPage(c, "value", sortedValues(sub.group(c.path("rg")).clusters), (*cluster).wire)
}

// wire is the cluster as the container service shows it. contract: compute §5.2
func (k *cluster) wire() any {
	return map[string]any{
		"id": k.path(), "name": k.name, "location": k.location, "type": "Microsoft.ContainerService/ManagedClusters",
		"properties": map[string]any{
			"provisioningState": "Succeeded",
			"powerState":        map[string]any{"code": "Running"},
			"kubernetesVersion": k.version,
			"fqdn":              k.fqdn(),
			"nodeResourceGroup": "MC_" + k.rg + "_" + k.name + "_" + k.location,
			"agentPoolProfiles": []any{map[string]any{
				"name": "nodepool1", "count": k.count, "vmSize": k.vmSize, "osType": "Linux", "mode": "System",
				"provisioningState": "Succeeded", "orchestratorVersion": k.version,
			}},
			"networkProfile": map[string]any{"networkPlugin": "kubenet", "loadBalancerSku": "standard"},
		},
	}
}

package azuremltest

import (
	"net/http"
	"strings"
	"time"
)

// Kinds of computes that can be made through the API.
const (
	kindAKS        = "AKS"
	kindKubernetes = "Kubernetes"
)

// Cluster purposes.
const (
	purposeFastProd = "FastProd"
	purposeDevTest  = "DevTest"
)

// Provisioning states.
const (
	stateCreating  = "Creating"
	stateUpdating  = "Updating"
	stateDeleting  = "Deleting"
	stateSucceeded = "Succeeded"
)

// compute is a compute of a workspace.
type compute struct {
	ws          *workspace
	name        string
	kind        string // computeType
	location    string // computeLocation
	description *string
	tags        map[string]string
	resourceID  string // of the cluster, as the caller spelled it
	attached    bool
	newRouter   bool // on the cluster: see [Compute].NewRouter
	state       string
	errors      []*operationError
	created     time.Time
	modified    time.Time
	cluster     *cluster   // nil until the compute has succeeded once
	spec        aksSpec    // of kind AKS
	other       any        // inner properties of other kinds
	identity    any        // of kind Kubernetes
	op          *operation // under way, or nil
}

// aksSpec is what can be said about an AKS compute.
type aksSpec struct {
	agentCount int
	vmSize     string
	purpose    string
	ssl        *sslConfiguration
	network    *networkConfiguration
	lbType     string
	lbSubnet   *string
}

// sslConfiguration is TLS for scoring. Certificate and key are taken and
// forgotten.
type sslConfiguration struct {
	Status    string  `json:"status"`
	Cert      *string `json:"cert"`
	Key       *string `json:"key"`
	CName     string  `json:"cname"`
	LeafLabel string  `json:"leafDomainLabel"`
	Overwrite bool    `json:"overwriteExistingDomain"`
	Renew     bool    `json:"renew,omitempty"`
}

// networkConfiguration places a cluster in a virtual network.
type networkConfiguration struct {
	SubnetID         string `json:"subnetId"`
	ServiceCidr      string `json:"serviceCidr"`
	DNSServiceIP     string `json:"dnsServiceIP"`
	DockerBridgeCidr string `json:"dockerBridgeCidr"`
}

// ready reports whether services can be deployed to the compute.
func (k *compute) ready() bool {
	return k.state == stateSucceeded && k.cluster != nil && !k.cluster.gone
}

// endpoint returns scheme and host of the scoring URLs of services on the
// compute.
func (k *compute) endpoint() (scheme, host string) {
	if ssl := k.spec.ssl; ssl != nil && ssl.Status != sslDisabled {
		return "https", ssl.CName
	}
	if k.cluster == nil {
		return "http", ""
	}
	return "http", k.cluster.ip
}

// busy says what is being done to the compute.
func (k *compute) busy() bool {
	return k.state == stateCreating || k.state == stateUpdating || k.state == stateDeleting
}

// look counts a read of the compute, which may end what is being done to it.
func (k *compute) look() {
	if k.op != nil && k.op.read(k.ws.srv) {
		k.op.end()
	}
}

// path is the compute's resource id.
func (k *compute) path() string { return k.ws.path() + "/computes/" + k.name }

const computeTime = "2006-01-02T15:04:05.0000000+00:00"

// wire returns how the compute is shown by an api-version. contract: compute §2
func (k *compute) wire(c *call) any {
	properties := map[string]any{
		"computeType": k.kind, "computeLocation": k.location, "description": k.description,
		"createdOn": k.created.UTC().Format(computeTime), "modifiedOn": k.modified.UTC().Format(computeTime),
		"resourceId": nil, "provisioningState": k.state, "provisioningErrors": k.wireErrors(),
		"isAttachedCompute": k.attached, "disableLocalAuth": false, "properties": nil,
	}
	if k.resourceID != "" {
		properties["resourceId"] = k.resourceID
	}
	switch {
	case k.other != nil:
		properties["properties"] = k.other
	case k.kind == kindAKS && k.cluster != nil:
		properties["properties"] = k.wireAKS()
	}
	body := map[string]any{"id": k.path(), "name": k.name, "type": computeType, "location": k.ws.location, "properties": properties}
	if k.tags != nil || !c.since("2021-07-01") {
		body["tags"] = k.tags
	}
	if k.identity != nil {
		body["identity"] = k.identity
	}
	return body
}

const computeType = workspaceType + "/computes"

func (k *compute) wireErrors() any {
	if len(k.errors) == 0 {
		return nil
	}
	var list []any
	for _, e := range k.errors {
		list = append(list, map[string]any{"error": armErrorBody{Code: e.Code, Message: e.Message, Details: e.Details}})
	}
	return list
}

func (k *compute) wireAKS() any {
	body := map[string]any{
		"clusterFqdn": k.cluster.fqdn(),
		"systemServices": []any{map[string]any{
			"systemServiceType": "ScoringFe", "version": "1.5.0", "publicIpAddress": k.cluster.ip,
		}},
		"agentCount": k.spec.agentCount, "agentVmSize": k.spec.vmSize, "clusterPurpose": k.spec.purpose,
		"sslConfiguration": nil, "aksNetworkingConfiguration": nil,
		"loadBalancerType": k.spec.lbType, "loadBalancerSubnet": k.spec.lbSubnet,
	}
	if k.spec.ssl != nil {
		body["sslConfiguration"] = k.spec.ssl
	}
	if k.spec.network != nil {
		body["aksNetworkingConfiguration"] = k.spec.network
	}
	return body
}

// computeRoutes are the computes on both of their hosts, their operations,
// and the sizes of machines. contract: compute §1
func (s *Server) computeRoutes() []route {
	const computes, one = "/computes", "/computes/{compute}"
	arm := func(method, pattern string, h func(*call)) route {
		return route{host: hostARM, method: method, pattern: pattern, auth: authARM, versions: mlVersions, handle: h}
	}
	list := []route{
		arm(http.MethodGet, armWorkspace+computes, (*call).listComputes),
		arm(http.MethodGet, armWorkspace+one, (*call).getCompute),
		arm(http.MethodPut, armWorkspace+one, (*call).putCompute),
		arm(http.MethodDelete, armWorkspace+one, (*call).deleteCompute),
		arm(http.MethodPost, armWorkspace+one+"/listKeys", (*call).listComputeKeys),
		arm(http.MethodGet, armMLLocation+"/computeOperationsStatus/{operation}", (*call).operationStatus),
		arm(http.MethodGet, armMLLocation+"/computeOperationsResults/{operation}", (*call).operationResult),
		arm(http.MethodGet, armMLLocation+"/vmSizes", (*call).listMLSizes),
		arm(http.MethodGet, armMLLocation+"/usages", (*call).listUsages),
		armGet(armSubscription+"/providers/Microsoft.Compute/skus", computeVersions, (*call).listSKUs),
		armGet(armSubscription+"/providers/Microsoft.Compute/locations/{location}/vmSizes", computeVersions, (*call).listComputeSizes),
	}
	for _, pattern := range []string{computes, one} {
		h := (*call).listComputes
		if pattern == one {
			h = (*call).getCompute
		}
		list = append(list, route{host: hostAPI, method: http.MethodGet, pattern: "/rp/workspaces" + armWorkspace + pattern,
			auth: authARM, versions: mlVersions, handle: h})
	}
	return list
}

func (c *call) listComputes() {
	answerPage(c, "value", c.ws.sortedComputes(), func(k *compute) any { return k.wire(c) })
}

func (c *call) getCompute() {
	if k := c.ws.compute(c.path("compute")); k != nil {
		k.look()
	}
	if k := c.findCompute(); k != nil {
		c.json(http.StatusOK, k.wire(c))
	}
}

// findCompute returns the compute in the path, or answers 404.
func (c *call) findCompute() *compute {
	name := c.path("compute")
	k := c.ws.compute(name)
	switch {
	case k != nil:
	case c.kind == hostARM:
		c.resourceNotFound(workspaceType+"/"+c.ws.name+"/computes/"+name, c.ws.rg)
	default:
		c.serviceError(http.StatusNotFound, "ComputeNotFound", "Compute target "+name+" not found")
	}
	return k
}

// listComputeKeys gives out what is needed to talk to the cluster.
func (c *call) listComputeKeys() {
	k := c.findCompute()
	if k == nil {
		return
	}
	if k.cluster == nil || k.kind != kindAKS {
		c.armError(http.StatusBadRequest, "BadRequest", "Compute '"+k.name+"' has no keys to list.")
		return
	}
	config := strings.Join([]string{"apiVersion: v1", "kind: Config", "clusters:", "- name: " + k.cluster.name,
		"  cluster:", "    server: https://" + k.cluster.fqdn() + ":443", ""}, "\n")
	c.json(http.StatusOK, map[string]string{"computeType": kindAKS, "userKubeConfig": config, "adminKubeConfig": config,
		"imagePullSecretName": "azureml-image-pull-secret"})
}

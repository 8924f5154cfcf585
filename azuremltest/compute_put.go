package azuremltest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// TLS states.
const (
	sslDisabled = "Disabled"
	sslEnabled  = "Enabled"
	sslAuto     = "Auto"
)

// Load balancer types.
const (
	lbPublic   = "PublicIp"
	lbInternal = "InternalLoadBalancer"
)

// computeBody is the body of a PUT.
type computeBody struct {
	Location   string            `json:"location"`
	Tags       map[string]string `json:"tags"`
	Identity   json.RawMessage   `json:"identity"`
	Properties *struct {
		ComputeType     string          `json:"computeType"`
		ComputeLocation string          `json:"computeLocation"`
		Description     *string         `json:"description"`
		ResourceID      string          `json:"resourceId"`
		Properties      json.RawMessage `json:"properties"`
	} `json:"properties"`

	aks aksBody // properties.properties of kind AKS
}

// aksBody is what the caller may say about an AKS compute.
type aksBody struct {
	AgentCount *int                  `json:"agentCount"`
	VMSize     string                `json:"agentVmSize"`
	Purpose    string                `json:"clusterPurpose"`
	SSL        *sslConfiguration     `json:"sslConfiguration"`
	Network    *networkConfiguration `json:"aksNetworkingConfiguration"`
	LBType     string                `json:"loadBalancerType"`
	LBSubnet   *string               `json:"loadBalancerSubnet"`
}

// computeName is the form of compute names: 2 to 24 characters.
var computeName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,22}[A-Za-z0-9]$`)

// putCompute creates a compute, attaches one, or updates one.
func (c *call) putCompute() {
	var body computeBody
	if !c.decode(&body) || !c.checkCompute(&body) {
		return
	}
	k := c.ws.compute(c.path("compute"))
	switch {
	case k == nil, !k.busy() && k.remade():
		if problem := body.aks.SSL.problem(); problem != "" {
			c.armError(http.StatusBadRequest, "BadArgument", problem)
			return
		}
		c.createCompute(k, &body)
	case k.busy():
		c.armError(http.StatusConflict, "Conflict", "Compute "+k.name+" is in state "+k.state+". Try again when the operation on it has ended.")
	default:
		c.updateCompute(k, &body)
	}
}

// remade reports whether a PUT makes the compute anew instead of updating it:
// it never came into being, or its attachment is damaged.
func (k *compute) remade() bool {
	return k.cluster == nil || k.attached && k.state != stateSucceeded
}

// checkCompute checks what can be checked without looking at anything else.
func (c *call) checkCompute(body *computeBody) bool {
	name := c.path("compute")
	bad := func(format string, args ...any) bool {
		c.armError(http.StatusBadRequest, "BadArgument", fmt.Sprintf(format, args...))
		return false
	}
	p := body.Properties
	switch {
	case body.Location == "":
		c.armError(http.StatusBadRequest, "LocationRequired", "The location property is required for this definition.")
		return false
	case !equalFold(strings.ReplaceAll(body.Location, " ", ""), c.ws.location):
		return bad("The location '%s' of the compute is not the location '%s' of its workspace.", body.Location, c.ws.location)
	case p == nil:
		return bad("The 'properties' of the compute are missing.")
	case p.ComputeType == "":
		return bad("The 'computeType' of the compute is missing.")
	case !computeName.MatchString(name):
		return bad("Compute name '%s' is invalid. It can include letters, digits and dashes. It must start with a letter, "+
			"end with a letter or digit, and be between 2 and 24 characters in length.", name)
	case p.ComputeType == kindKubernetes:
		if !clusterID.MatchString(p.ResourceID) {
			return bad("The 'resourceId' '%s' is not the id of a Kubernetes cluster.", p.ResourceID)
		}
		return true
	case p.ComputeType != kindAKS:
		return bad("azuremltest makes no computes of type '%s'.", p.ComputeType)
	case p.ResourceID != "" && !clusterID.MatchString(p.ResourceID):
		return bad("The 'resourceId' '%s' is not the id of a managed cluster.", p.ResourceID)
	}
	if len(p.Properties) > 0 {
		if err := json.Unmarshal(p.Properties, &body.aks); err != nil {
			return bad("The 'properties' of the compute are invalid: %s.", jsonProblem(err, p.Properties))
		}
	}
	if problem := body.aks.problem(); problem != "" {
		return bad("%s", problem)
	}
	return true
}

// cidr and address are the forms that the specification gives.
var (
	cidr    = regexp.MustCompile(`^([0-9]{1,3}\.){3}[0-9]{1,3}(\/([0-9]|[1-2][0-9]|3[0-2]))?$`)
	address = regexp.MustCompile(`^(?:(?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)\.){3}(?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)$`)
)

// problem says what is wrong with the properties, if anything.
func (b *aksBody) problem() string {
	switch {
	case b.AgentCount != nil && *b.AgentCount < 1:
		return fmt.Sprintf("The value '%d' of 'agentCount' is out of range.", *b.AgentCount)
	case b.Purpose != "" && !slices.Contains([]string{purposeFastProd, purposeDevTest, "DenseProd"}, b.Purpose):
		return "The value '" + b.Purpose + "' of 'clusterPurpose' is not one of 'FastProd', 'DenseProd', 'DevTest'."
	case b.LBType != "" && b.LBType != lbPublic && b.LBType != lbInternal:
		return "The value '" + b.LBType + "' of 'loadBalancerType' is not one of 'PublicIp', 'InternalLoadBalancer'."
	case b.LBSubnet != nil && *b.LBSubnet != "" && b.LBType == lbPublic:
		return "'loadBalancerSubnet' needs 'loadBalancerType' 'InternalLoadBalancer'."
	}
	if n := b.Network; n != nil {
		switch {
		case !cidr.MatchString(n.ServiceCidr):
			return "The value '" + n.ServiceCidr + "' of 'serviceCidr' is not a range of addresses."
		case !cidr.MatchString(n.DockerBridgeCidr):
			return "The value '" + n.DockerBridgeCidr + "' of 'dockerBridgeCidr' is not a range of addresses."
		case !address.MatchString(n.DNSServiceIP):
			return "The value '" + n.DNSServiceIP + "' of 'dnsServiceIP' is not an address."
		case n.SubnetID == "":
			return "The 'subnetId' of the network is missing."
		}
	}
	return ""
}

// problem says what is wrong with a TLS configuration, if anything.
func (s *sslConfiguration) problem() string {
	if s == nil {
		return ""
	}
	switch s.Status {
	case sslDisabled:
	case sslEnabled:
		if s.CName == "" || s.Cert == nil || *s.Cert == "" || s.Key == nil || *s.Key == "" {
			return "TLS with status 'Enabled' needs 'cname', 'cert' and 'key'."
		}
	case sslAuto:
		if s.LeafLabel == "" {
			return "TLS with status 'Auto' needs a 'leafDomainLabel'."
		}
	default:
		return "The value '" + s.Status + "' of 'status' is not one of 'Disabled', 'Enabled', 'Auto'."
	}
	return ""
}

// createCompute begins to make a compute, or makes one again that has failed.
func (c *call) createCompute(old *compute, body *computeBody) {
	now, p := time.Now(), body.Properties
	k := &compute{
		ws: c.ws, name: c.path("compute"), kind: p.ComputeType, location: c.ws.location, description: p.Description,
		tags: body.Tags, resourceID: p.ResourceID, attached: p.ResourceID != "", state: stateCreating, created: now, modified: now,
	}
	if len(body.Identity) > 0 {
		k.identity = body.Identity
	}
	if p.ComputeLocation != "" {
		k.location = p.ComputeLocation
	}
	status := http.StatusCreated
	if old != nil {
		k.name, k.created, status = old.name, old.created, http.StatusOK
		c.srv.forgetEndpoint(old)
	}
	made := k.newCluster(&body.aks)
	if !k.attached {
		k.resourceID = made.path()
	}
	c.ws.computes[strings.ToLower(k.name)] = k
	op := c.begin(k, stateCreating, func(o *operation) { k.finishCreate(o, body, made) })
	c.computeStarted(k, op, status)
}

// newCluster is the cluster that will be made for the compute.
func (k *compute) newCluster(b *aksBody) *cluster {
	count, size := b.machines()
	return &cluster{sub: k.ws.sub, rg: k.ws.rg, name: k.name + k.ws.srv.hex(7)[:13], location: k.location,
		version: defaultKubernetesVersion, count: count, vmSize: size, managed: true}
}

// machines returns number and size of the nodes.
func (b *aksBody) machines() (count int, size string) {
	size = b.VMSize
	setDefault(&size, defaultVMSize)
	switch {
	case b.AgentCount != nil:
		return *b.AgentCount, size
	case b.Purpose == purposeDevTest:
		return 1, size
	}
	return 3, size
}

// finishCreate ends the making of a compute.
func (k *compute) finishCreate(o *operation, body *computeBody, made *cluster) {
	s := k.ws.srv
	target := made
	if o.problem == nil {
		if k.attached {
			if target = s.clusterByID(k.resourceID); target == nil {
				m := clusterID.FindStringSubmatch(k.resourceID)
				o.fail(http.StatusNotFound, "BadArgument", "ClusterNotFound: The AKS cluster '"+m[3]+"' was not found in resource group '"+m[2]+"'.")
			}
		}
	}
	if o.problem == nil && k.kind == kindAKS {
		o.problemWithNodes(target, body.aks.Purpose)
	}
	if o.problem == nil && !k.attached {
		o.problemWithQuota(s, target)
	}
	if !k.settle(o) {
		return
	}
	if !k.attached {
		s.addCluster(s.world.subscription(k.ws.sub).makeGroup(made.rg, k.ws.location), made)
	}
	k.cluster = target
	if k.kind == kindKubernetes {
		k.other = kubernetesProperties(body.Properties.Properties)
		return
	}
	k.spec = aksSpec{agentCount: target.count, vmSize: target.vmSize, purpose: body.aks.Purpose, network: body.aks.Network}
	setDefault(&k.spec.purpose, purposeFastProd)
	k.configure(&body.aks)
	k.damageOthers()
}

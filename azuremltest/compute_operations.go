package azuremltest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// begin starts an operation on a compute. It ends when clients have looked
// often enough, with finish, which finds in o.problem what was set up to go
// wrong and may itself let the operation fail.
func (c *call) begin(k *compute, verb string, finish func(o *operation)) *operation {
	s := c.srv
	o := &operation{id: s.guid(), about: about{"compute", c.ws.name, k.name}, sub: c.ws.sub, location: c.ws.location, verb: verb, status: verb, started: time.Now(), finish: finish}
	o.failure = s.takeFailure("compute", k.name)
	o.stuck = o.failure != nil && o.failure.State == stateStuck
	s.world.operations[o.id] = o
	k.op, k.state, k.modified = o, verb, o.started
	if s.opts.OperationPolls == 0 && !o.stuck {
		o.end()
	}
	return o
}

// computeStarted answers a request that has started an operation on a compute.
func (c *call) computeStarted(k *compute, o *operation, status int) {
	h := c.w.Header()
	base := "https://" + armHost + "/subscriptions/" + o.sub + "/providers/Microsoft.MachineLearningServices/locations/" + o.location
	query := "?api-version=" + c.query("api-version") + "&service=new"
	h.Set("Azure-AsyncOperation", base+"/computeOperationsStatus/"+o.id+query)
	c.retryAfter()
	if status == http.StatusAccepted {
		h.Set("Location", base+"/computeOperationsResults/"+o.id+query)
		c.empty(status)
		return
	}
	c.json(status, k.wire(c))
}

// settle gives the compute the state in which the operation ends and reports
// whether all went well.
func (k *compute) settle(o *operation) bool {
	k.op, k.modified, k.errors = nil, o.ended, nil
	if o.problem == nil {
		k.state = stateSucceeded
		return true
	}
	k.state = o.status
	k.errors = []*operationError{o.problem}
	return false
}

// fail lets an operation that is ending end badly.
func (o *operation) fail(status int, code, message string, details ...errorDetail) {
	o.status = stateFailed
	o.problem = &operationError{Code: code, StatusCode: status, Message: message, Details: append([]errorDetail{}, details...)}
}

// problemWithNodes lets the operation fail if the cluster is too small for its
// purpose, or its machines do not exist. contract: compute §4.2
func (o *operation) problemWithNodes(k *cluster, purpose string) {
	if vmSizeByName(k.vmSize).cores == 0 {
		o.fail(http.StatusBadRequest, "BadArgument", "InvalidTemplateDeployment: Details: The VM size of "+k.vmSize+
			" is not allowed in your subscription in location '"+k.location+"'.")
		return
	}
	setDefault(&purpose, purposeFastProd)
	switch {
	case purpose == purposeDevTest:
	case k.cores() < 12:
		const message = "Cluster should have at least 12 cores to operate."
		o.fail(http.StatusBadRequest, "BadArgument", message, errorDetail{Code: "AgentCores", Message: message})
	case purpose == purposeFastProd && k.count < 3:
		o.fail(http.StatusBadRequest, "BadArgument", fmt.Sprintf(
			"At least 3 machine(s) are required for cluster with purpose 'FastProd'. Available machine(s) : %d", k.count))
	}
}

// problemWithQuota lets the operation fail if the subscription may not have
// that many cores.
func (o *operation) problemWithQuota(s *Server, k *cluster) {
	sub := s.world.subscription(k.sub)
	used := sub.coresUsed()
	if used+k.cores() <= sub.coreQuota {
		return
	}
	o.fail(http.StatusBadRequest, "BadArgument",
		"InvalidTemplateDeployment: The template deployment is not valid according to the validation procedure.",
		errorDetail{Code: "QuotaExceeded", Message: fmt.Sprintf("Provisioning of resource(s) for container service %s in resource group %s failed. "+
			"Operation could not be completed as it results in exceeding approved Total Regional Cores quota. Additional details - Location: %s, "+
			"Current Limit: %d, Current Usage: %d, Additional Required: %d.", k.name, k.rg, k.location, sub.coreQuota, used, k.cores())})
}

// coresUsed counts the virtual CPUs of the clusters made for computes.
func (s *subscription) coresUsed() int {
	n := 0
	for _, g := range s.groups {
		for _, k := range g.clusters {
			if k.managed {
				n += k.cores()
			}
		}
	}
	return n
}

// configure takes over what can be changed. What is not given stays.
func (k *compute) configure(b *aksBody) {
	s := k.ws.srv
	if b.LBType != "" {
		k.spec.lbType, k.spec.lbSubnet = b.LBType, b.LBSubnet
	}
	setDefault(&k.spec.lbType, lbPublic)
	if k.spec.lbType == lbInternal && (k.spec.lbSubnet == nil || *k.spec.lbSubnet == "") {
		subnet := "aks-subnet"
		k.spec.lbSubnet = &subnet
	}
	if b.SSL == nil || b.SSL.unchanged(k.spec.ssl) {
		return
	}
	s.forgetEndpoint(k)
	ssl := &sslConfiguration{Status: b.SSL.Status}
	switch ssl.Status {
	case sslEnabled:
		ssl.CName = strings.ToLower(b.SSL.CName)
	case sslAuto:
		ssl.LeafLabel, ssl.Overwrite = b.SSL.LeafLabel, b.SSL.Overwrite
		ssl.CName = strings.ToLower(ssl.LeafLabel) + s.hex(3) + "." + k.location + scoringDomains[0]
	}
	s.claimHost(ssl.CName)
	k.spec.ssl = ssl
}

// unchanged reports whether a TLS configuration is the stored one as a client
// has read it, which may ask for a new certificate.
func (s *sslConfiguration) unchanged(stored *sslConfiguration) bool {
	return stored != nil && s.Status == stored.Status && equalFold(s.CName, stored.CName) && s.LeafLabel == stored.LeafLabel &&
		(s.Cert == nil || *s.Cert == "") && (s.Key == nil || *s.Key == "")
}

// forgetEndpoint takes away the name under which the compute has TLS.
func (s *Server) forgetEndpoint(k *compute) {
	if k.spec.ssl != nil {
		s.releaseHost(k.spec.ssl.CName)
	}
	k.spec.ssl = nil
}

// damageOthers breaks the other computes of the workspace that use the same
// cluster: a new attachment puts its own front end in the place of theirs.
func (k *compute) damageOthers() {
	for _, other := range k.ws.sortedComputes() {
		if other == k || other.cluster != k.cluster {
			continue
		}
		other.state, other.modified = stateFailed, k.modified
		other.errors = []*operationError{{Code: "ClusterInUse", StatusCode: http.StatusConflict, Details: []errorDetail{},
			Message: "The cluster was attached again, as compute '" + k.name + "', which has replaced the components of this one."}}
		k.ws.data.computeGone(other.name)
	}
}

// kubernetesProperties is what the service makes of the properties of a
// compute of kind Kubernetes.
func kubernetesProperties(sent json.RawMessage) any {
	var body struct {
		Namespace string `json:"namespace"`
	}
	_ = json.Unmarshal(sent, &body) // was decoded before as part of the request
	setDefault(&body.Namespace, "default")
	amounts := map[string]any{"cpu": "1", "memory": "4Gi", "nvidia.com/gpu": nil}
	return map[string]any{
		"namespace": body.Namespace, "extensionPrincipalId": nil, "extensionInstanceReleaseTrain": "stable",
		"defaultInstanceType": "defaultInstanceType",
		"instanceTypes": map[string]any{"defaultInstanceType": map[string]any{
			"nodeSelector": nil, "resources": map[string]any{"requests": amounts, "limits": amounts},
		}},
	}
}

// updateCompute begins to change what can be changed: TLS and load balancer.
func (c *call) updateCompute(k *compute, body *computeBody) {
	if problem := k.immutable(body); problem != "" {
		c.armError(http.StatusBadRequest, "BadArgument", problem)
		return
	}
	if ssl := body.aks.SSL; ssl != nil && !ssl.unchanged(k.spec.ssl) {
		if problem := ssl.problem(); problem != "" {
			c.armError(http.StatusBadRequest, "BadArgument", problem)
			return
		}
	}
	op := c.begin(k, stateUpdating, func(o *operation) {
		if !k.settle(o) {
			return
		}
		k.tags, k.description = body.Tags, body.Properties.Description
		if k.kind == kindAKS {
			k.configure(&body.aks)
		}
	})
	c.computeStarted(k, op, http.StatusOK)
}

// immutable says which unchangeable thing the body wants to change, if any.
func (k *compute) immutable(body *computeBody) string {
	p, b := body.Properties, &body.aks
	cannot := func(what, from, to string) string {
		return "The " + what + " of compute '" + k.name + "' cannot be changed from '" + from + "' to '" + to + "'."
	}
	switch {
	case p.ComputeType != k.kind:
		return cannot("computeType", k.kind, p.ComputeType)
	case p.ResourceID != "" && !equalFold(strings.TrimSuffix(p.ResourceID, "/"), strings.TrimSuffix(k.resourceID, "/")):
		return cannot("resourceId", k.resourceID, p.ResourceID)
	case p.ComputeLocation != "" && !equalFold(p.ComputeLocation, k.location):
		return cannot("computeLocation", k.location, p.ComputeLocation)
	case b.AgentCount != nil && *b.AgentCount != k.spec.agentCount:
		return cannot("agentCount", fmt.Sprint(k.spec.agentCount), fmt.Sprint(*b.AgentCount))
	case b.VMSize != "" && !equalFold(b.VMSize, k.spec.vmSize):
		return cannot("agentVmSize", k.spec.vmSize, b.VMSize)
	case b.Purpose != "" && b.Purpose != k.spec.purpose:
		return cannot("clusterPurpose", k.spec.purpose, b.Purpose)
	case b.Network != nil && (k.spec.network == nil || *b.Network != *k.spec.network):
		return "The aksNetworkingConfiguration of compute '" + k.name + "' cannot be changed."
	}
	return ""
}

// deleteCompute begins to delete or to detach a compute.
func (c *call) deleteCompute() {
	action := strings.ToLower(c.query("underlyingResourceAction"))
	if action != "delete" && action != "detach" {
		c.armError(http.StatusBadRequest, "BadArgument",
			"The query parameter 'underlyingResourceAction' must be 'Delete' or 'Detach', not '"+c.query("underlyingResourceAction")+"'.")
		return
	}
	k := c.findCompute()
	switch {
	case k == nil:
		return
	case k.attached && action == "delete":
		c.armError(http.StatusBadRequest, "BadRequest", "Compute '"+k.name+"' is attached. The cluster is not deleted with it: use 'Detach'.")
		return
	case k.state == stateDeleting:
		c.armError(http.StatusConflict, "Conflict", "Compute "+k.name+" is being deleted.")
		return
	}
	if k.op != nil {
		k.op.cancel()
	}
	op := c.begin(k, stateDeleting, func(o *operation) {
		if !k.settle(o) {
			return
		}
		c.srv.forgetEndpoint(k)
		delete(k.ws.computes, strings.ToLower(k.name))
		if k.cluster != nil && action == "delete" {
			c.srv.removeCluster(k.cluster)
		}
		k.ws.data.computeGone(k.name)
	})
	c.computeStarted(k, op, http.StatusAccepted)
}

// cancel ends an operation because another one has taken over.
func (o *operation) cancel() {
	if o.status == o.verb {
		o.status, o.ended = stateCanceled, time.Now()
	}
}

// findOperation returns the operation in the path, or answers 404.
func (c *call) findOperation() *operation {
	if c.findSubscription() == nil {
		return nil
	}
	id := c.path("operation")
	o := c.srv.world.operations[strings.ToLower(id)]
	if o == nil || !equalFold(o.sub, c.path("sub")) {
		c.armError(http.StatusNotFound, "OperationNotFound", "The operation '"+id+"' was not found.")
		return nil
	}
	return o
}

// operationStatus answers a poll. contract: compute §6
func (c *call) operationStatus() {
	o := c.findOperation()
	if o == nil {
		return
	}
	if o.status == o.verb && o.poll(c.srv) {
		o.end()
	}
	const layout = "2006-01-02T15:04:05.000000+00:00"
	body := map[string]any{"id": o.id, "name": o.id, "status": o.status, "startTime": o.started.UTC().Format(layout), "percentComplete": 0}
	if o.status == o.verb {
		c.retryAfter()
	} else {
		body["endTime"], body["percentComplete"] = o.ended.UTC().Format(layout), 100
	}
	if o.problem != nil {
		body["error"] = o.problem
	}
	c.json(http.StatusOK, body)
}

// operationResult answers a poll of the Location header.
func (c *call) operationResult() {
	o := c.findOperation()
	if o == nil {
		return
	}
	if o.status == o.verb && o.poll(c.srv) {
		o.end()
	}
	switch {
	case o.status == o.verb:
		c.retryAfter()
		c.empty(http.StatusAccepted)
	case o.problem != nil:
		c.armError(o.problem.StatusCode, o.problem.Code, o.problem.Message, o.problem.Details...)
	default:
		c.empty(http.StatusNoContent)
	}
}

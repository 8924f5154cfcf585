package azuremltest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// serviceRoutes are the web services of model management. contract: webservice §2
func (s *Server) serviceRoutes() []route {
	return []route{
		mmsRoute(http.MethodPost, "/services", (*call).createService),
		mmsRoute(http.MethodGet, "/services", (*call).listServices),
		mmsRoute(http.MethodPost, "/services/list", func(c *call) { c.listByBody(serviceFilters, c.listServices) }),
		mmsRoute(http.MethodGet, "/services/{name}", (*call).getService),
		mmsRoute(http.MethodPatch, "/services/{name}", (*call).patchService),
		mmsRoute(http.MethodDelete, "/services/{name}", (*call).deleteService),
		mmsRoute(http.MethodGet, "/services/{name}/logs", (*call).serviceLogs),
		mmsRoute(http.MethodPost, "/services/{name}/listkeys", (*call).listServiceKeys),
		mmsRoute(http.MethodPost, "/services/{name}/regenerateKeys", (*call).regenerateKeys),
		mmsRoute(http.MethodPost, "/services/{name}/token", (*call).serviceToken),
		mmsRoute(http.MethodPost, "/services/validate", (*call).validateService),
		mmsRoute(http.MethodPost, "/services/validate/name/{name}", (*call).validateName),
		mmsRoute(http.MethodPost, "/services/validate/resource", (*call).validateResource),
		mmsRoute(http.MethodPost, "/services/migrate", (*call).migrateService),
		mmsRoute(http.MethodGet, "/operations/{id}", (*call).getOperation),
	}
}

// service finds the service that the URL names, or answers 404.
func (c *call) service() *service {
	svc := c.ws.data.services[c.path("name")]
	if svc == nil {
		c.serviceNotFound(c.path("name"))
	}
	c.rotate(svc)
	return svc
}

func (c *call) serviceNotFound(name string) {
	c.notFound("ServiceNotFound", "Service with name "+name+" not found")
}

// idle refuses what cannot be done while an operation is under way. If it
// returns false it has answered.
func (c *call) idle(svc *service) bool {
	if svc.op.active() {
		c.conflict("OperationInProgress", "Another operation is running on service %s.", svc.spec.Name)
		return false
	}
	return true
}

// createService makes a service, or with overwrite replaces one. A service
// that is replaced keeps its keys and goes on answering until the new one is
// there.
func (c *call) createService() {
	var spec serviceSpec
	if !c.decode(&spec) {
		return
	}
	d := &c.ws.data
	keys, overwrite := spec.Keys, spec.Overwrite
	spec.Overwrite = false
	spec.setDefaults(c.ws)
	spec.markFirstVersion()
	old := d.services[spec.Name]
	switch {
	case old == nil:
	case !overwrite:
		c.conflict("ServiceExists", "Service %s with the same name already exists, please use a different service name or delete the existing service.", spec.Name)
		return
	case old.deleting:
		c.idle(old)
		return
	}
	bad := d.checkService(&spec)
	if old != nil && old.spec.ComputeType != spec.ComputeType {
		bad.add("ComputeTypeMismatch", "Service %s is of compute type %s and cannot be overwritten with one of type %s.", spec.Name, old.spec.ComputeType, spec.ComputeType)
	}
	if c.refused(bad) {
		return
	}
	svc := d.place(&spec, keys, c.user())
	c.accepted(svc.deploy(deployPhases(spec.Name), sortedKeys(spec.Versions)))
}

// place puts a specification that has been found good in the place of a
// service, which is made if it does not exist.
func (d *dataPlane) place(spec *serviceSpec, keys *authKeys, by *userBody) *service {
	svc := d.services[spec.Name]
	if svc == nil {
		srv := d.ws.srv
		svc = &service{ws: d.ws, createdBy: by, stamp: d.newStamp(), primary: srv.hex(16), secondary: srv.hex(16)}
		d.services[spec.Name] = svc
	}
	svc.setKeys(keys)
	spec.markVersions()
	svc.spec = spec
	svc.versions = map[string]*versionState{}
	for _, name := range sortedKeys(spec.Versions) {
		svc.addVersion(name, by)
	}
	return svc
}

// addVersion starts to keep the state of a version.
func (svc *service) addVersion(name string, by *userBody) {
	svc.versions[name] = &versionState{createdBy: by, stamp: svc.ws.data.newStamp()}
}

// setKeys takes over the keys that are given.
func (svc *service) setKeys(keys *authKeys) {
	if keys == nil {
		return
	}
	if k := orEmpty(keys.Primary); k != "" {
		svc.primary = k
	}
	if k := orEmpty(keys.Secondary); k != "" {
		svc.secondary = k
	}
}

// patchService changes a service. Tags, properties and descriptions are
// changed at once (200); all else takes an operation (202).
func (c *call) patchService() {
	svc := c.service()
	if svc == nil {
		return
	}
	var steps []patchOperation
	if !c.decode(&steps, "application/json-patch+json") {
		return
	}
	change, bad := svc.planPatch(steps)
	if c.refused(bad) {
		return
	}
	if change.only {
		svc.spec = change.spec
		c.ws.data.touch(&svc.stamp)
		c.json(http.StatusOK, svc.body(true))
		return
	}
	if !c.idle(svc) {
		return
	}
	for _, name := range change.touched {
		if svc.versions[name] == nil {
			svc.addVersion(name, c.user())
		}
	}
	for name := range svc.versions {
		if change.spec.Versions[name] == nil {
			delete(svc.versions, name)
		}
	}
	svc.spec = change.spec
	phases := changePhases(svc.spec.Name)
	if change.image {
		phases = deployPhases(svc.spec.Name)
	}
	c.accepted(svc.deploy(phases, change.touched))
}

// servicePatch is a patch that has been found possible.
type servicePatch struct {
	spec    *serviceSpec
	only    bool     // changes nothing but texts about the service
	image   bool     // a new image must be built
	touched []string // versions that get new containers
}

// planPatch applies a patch to a copy of the service's specification.
func (svc *service) planPatch(steps []patchOperation) (change servicePatch, bad checks) {
	if bad = rulesFor(svc.spec.ComputeType).check(steps); len(bad) > 0 {
		return change, bad
	}
	doc, err := marshal(svc.spec)
	if err == nil {
		doc, err = applyPatch(doc, steps)
	}
	var next serviceSpec
	if err == nil {
		err = json.Unmarshal(doc, &next)
	}
	if err != nil {
		bad.add("InvalidPatch", "The patch cannot be applied: %s.", err.Error())
		return change, bad
	}
	change = servicePatch{spec: &next, only: true}
	for _, s := range steps {
		change.note(s)
	}
	next.settleScaling(svc.spec, steps)
	next.setDefaults(svc.ws)
	bad = svc.ws.data.checkService(&next)
	bad = append(bad, svc.checkChange(&next, steps)...)
	next.markVersions()
	return change, bad
}

// note works out what a step of a patch entails.
func (p *servicePatch) note(s patchOperation) {
	path := strings.Split(s.Path, "/")[1:]
	version := ""
	if path[0] == "versions" {
		version, path = path[1], path[2:]
	}
	member := ""
	if len(path) > 0 {
		member = path[0]
	}
	switch member {
	case "kvTags", "properties", "description":
		return
	case "isDefault", "trafficPercentile", "type":
	case "environmentImageRequest":
		p.image = true
		p.touch(version)
	case "":
		p.image = p.image || s.Op != "remove"
		p.touch(version)
	default:
		p.touch(version)
	}
	p.only = false
}

// touch marks a version as one that gets new containers.
func (p *servicePatch) touch(version string) {
	if p.spec.Versions[version] != nil && !slices.Contains(p.touched, version) {
		p.touched = append(p.touched, version)
	}
}

// settleScaling resolves what a patch may leave contradictory: switching the
// autoscaler on drops the fixed number of replicas, and giving that number
// switches the autoscaler off, unless the patch says both.
func (s *serviceSpec) settleScaling(before *serviceSpec, steps []patchOperation) {
	settle := func(now *serviceSpec, prefix string) {
		if now == nil || now.AutoScaler == nil || now.AutoScaler.Enabled == nil {
			return
		}
		says := func(path string) bool {
			return slices.ContainsFunc(steps, func(p patchOperation) bool { return p.Path == prefix+path })
		}
		enabled, fixed := says("/autoScaler/autoscaleEnabled"), says("/numReplicas")
		switch {
		case enabled && !fixed && *now.AutoScaler.Enabled:
			now.NumReplicas = nil
		case fixed && !enabled && now.NumReplicas != nil:
			now.AutoScaler.Enabled = new(false)
		}
	}
	settle(s, "")
	for name := range before.Versions {
		settle(s.Versions[name], "/versions/"+name)
	}
}

// checkChange finds what is wrong with a change, as opposed to its result.
func (svc *service) checkChange(next *serviceSpec, steps []patchOperation) (bad checks) {
	before := svc.spec
	bad = changedProperties(before.Properties, next.Properties)
	for _, name := range sortedKeys(before.Versions) {
		if v := next.Versions[name]; v != nil {
			bad = append(bad, changedProperties(before.Versions[name].Properties, v.Properties)...)
		}
	}
	if next.Versions[before.Name] != nil {
		bad.add("InvalidVersionName", "A version of endpoint %s cannot have the endpoint's name.", before.Name)
	}
	for _, s := range steps {
		name, rest, _ := strings.Cut(strings.TrimPrefix(s.Path, "/versions/"), "/")
		if s.Op == "add" && name != s.Path && rest == "" && before.Versions[name] != nil {
			bad.add("VersionExists", "Endpoint %s has a version %s already.", before.Name, name)
		}
	}
	if control := before.controlVersion(); control != "" && next.Versions[control] != nil && next.controlVersion() == "" {
		bad.add("InvalidVersionType", "One version of endpoint %s must be of type Control.", before.Name)
	}
	return bad
}

// deleteService removes a service: container groups at once, all else by an
// operation.
func (c *call) deleteService() {
	svc := c.ws.data.services[c.path("name")]
	if svc == nil {
		c.empty(http.StatusNoContent)
		return
	}
	if svc.deleting && !c.idle(svc) {
		return
	}
	failure := c.srv.takeFailure("service", svc.spec.Name)
	if svc.spec.ComputeType == typeACI && failure == nil {
		svc.remove()
		c.empty(http.StatusOK)
		return
	}
	svc.op.cancel()
	state, problem := svc.state, svc.problem
	if svc.state == stateTransitioning {
		state, problem = stateFailed, svc.op.problem // its deployment has just been cancelled
	}
	svc.deleting = true
	svc.enter(stateTransitioning, nil)
	op := svc.begin(deletePhases(), failure, func(o *serviceOperation) {
		svc.deleting = false
		if o.state == stateSucceeded {
			svc.remove()
			return
		}
		svc.enter(state, problem)
	})
	op.blame = generalBlame("delete service " + svc.spec.Name)
	c.accepted(op)
}

// generalBlame makes up errors for operations that do not deploy anything.
func generalBlame(action string) func(state string) mmsErrorBody {
	return func(state string) mmsErrorBody {
		switch state {
		case stateTimedOut:
			return mmsErrorBody{Code: "OperationTimedOut", StatusCode: http.StatusGatewayTimeout, Message: "Timed out waiting to " + action + "."}
		case stateCancelled:
			return mmsErrorBody{Code: "OperationCancelled", StatusCode: http.StatusConflict, Message: "The operation to " + action + " was cancelled."}
		}
		return mmsErrorBody{Code: "InternalServerError", StatusCode: http.StatusInternalServerError, Message: "Failed to " + action + "."}
	}
}

// remove takes the service away.
func (svc *service) remove() {
	svc.op.cancel()
	delete(svc.ws.data.services, svc.spec.Name)
	svc.releaseHosts()
	svc.live = nil
}

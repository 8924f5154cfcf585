package azuremltest

import (
	"encoding/json"
	"net/http"
	"strings"
)

// verdict answers a pre-check: 200, with an error if something is wrong.
func (c *call) verdict(code string, bad checks) {
	if len(bad) == 0 {
		c.json(http.StatusOK, struct{}{})
		return
	}
	texts := make([]string, len(bad))
	for i, d := range bad {
		texts[i] = d.Message
	}
	if len(bad) == 1 {
		code = bad[0].Code
	}
	c.json(http.StatusOK, map[string]any{"error": mmsErrorBody{
		Code: code, StatusCode: http.StatusBadRequest, Message: strings.Join(texts, " "), Details: bad,
	}})
}

// validateName says whether a service may be made under the name.
func (c *call) validateName() {
	var bad checks
	name := c.path("name")
	bad.checkName("service", name)
	if c.ws.data.services[name] != nil {
		bad.add("ServiceExists", "Service %s with the same name already exists, please use a different service name or delete the existing service.", name)
	}
	c.verdict("BadRequest", bad)
}

// validateService says whether a create, update or delete would be accepted.
func (c *call) validateService() {
	var in struct {
		Type   string           `json:"type"`
		Name   string           `json:"serviceName"`
		Create *serviceSpec     `json:"createRequest"`
		Update []patchOperation `json:"updateRequest"`
	}
	if !c.decode(&in) {
		return
	}
	var bad checks
	svc := c.ws.data.services[in.Name]
	switch {
	case equalFold(in.Type, "Create") && in.Create != nil:
		bad = c.ws.data.checkRequest(in.Create)
		if in.Create.Name != in.Name {
			bad.add("InvalidServiceName", "The serviceName %s is not the name in the request, %s.", in.Name, in.Create.Name)
		}
	case equalFold(in.Type, "Update") && in.Update != nil:
		if svc == nil {
			bad.add("ServiceNotFound", "Service with name %s not found", in.Name)
			break
		}
		var change servicePatch
		if change, bad = svc.planPatch(in.Update); len(bad) == 0 && !change.only {
			bad = c.ws.data.room(change.spec)
		}
	case equalFold(in.Type, "Delete"):
	default:
		bad.add("InvalidValidationRequest", "A request of type Create, Update or Delete with its content is expected; the type is '%s'.", in.Type)
	}
	c.verdict("BadRequest", bad)
}

// checkRequest checks a create request as it was sent.
func (d *dataPlane) checkRequest(s *serviceSpec) checks {
	s.setDefaults(d.ws)
	s.markFirstVersion()
	return d.checkService(s)
}

// room is shortage as a list.
func (d *dataPlane) room(s *serviceSpec) checks {
	if detail := d.shortage(s); detail != nil {
		return checks{*detail}
	}
	return nil
}

// validateResource says whether the cluster has room for the service.
func (c *call) validateResource() {
	var spec serviceSpec
	if !c.decode(&spec) {
		return
	}
	if bad := c.ws.data.checkRequest(&spec); len(bad) > 0 {
		c.verdict("BadRequest", bad)
		return
	}
	c.verdict(insufficientResource, c.ws.data.room(&spec))
}

// migrateService turns an AKS service into a Kubernetes online endpoint,
// which is no web service any more.
func (c *call) migrateService() {
	var in struct {
		Name   string          `json:"serviceName"`
		Target json.RawMessage `json:"computeTarget"`
	}
	if !c.decode(&in) {
		return
	}
	svc := c.ws.data.services[in.Name]
	if svc == nil {
		c.serviceNotFound(in.Name)
		return
	}
	var target string
	if json.Unmarshal(in.Target, &target) != nil || target == "" {
		c.invalid("ComputeTargetRequired", "The ComputeTarget field is required: the resource id of a Kubernetes compute.")
		return
	}
	if svc.spec.ComputeType != typeAKS {
		c.invalidState("MigrationNotSupported", "Service "+in.Name+" is of compute type "+svc.spec.ComputeType+"; only AKS services can be migrated")
		return
	}
	k := c.ws.compute(target[strings.LastIndexByte(target, '/')+1:])
	switch {
	case k == nil || !equalFold(target, k.path()):
		c.invalid("ComputeNotFound", "Compute with id %s not found", target)
	case k.kind != kindKubernetes:
		c.invalid("ComputeTypeMismatch", "Compute %s is of type %s, not of type Kubernetes.", k.name, k.kind)
	case c.idle(svc):
		c.startMigration(svc)
	}
}

// startMigration begins the operation at whose end the service is gone.
func (c *call) startMigration(svc *service) {
	failure := c.srv.takeFailure("service", svc.spec.Name)
	op := svc.begin(changePhases(svc.spec.Name), failure, func(o *serviceOperation) {
		if o.state == stateSucceeded {
			svc.remove()
		}
	})
	op.blame = generalBlame("migrate service " + svc.spec.Name)
	c.accepted(op)
}

package azuremltest

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// deployment is a template deployment: several resources that are made together.
type deployment struct {
	id, name  string
	op        *operation
	started   time.Time
	resources []templateResource
}

// templateResource is a resource in a template, with its expressions evaluated.
type templateResource struct {
	Type       string `json:"type"`
	Name       string `json:"name"`
	APIVersion string `json:"apiVersion"`
	Location   string `json:"location"`

	whole json.RawMessage
}

// deploymentBody is the body of a PUT.
type deploymentBody struct {
	Properties struct {
		Mode       string         `json:"mode"`
		Parameters map[string]any `json:"parameters"`
		Template   struct {
			Schema    string            `json:"$schema"`
			Version   string            `json:"contentVersion"`
			Resources []json.RawMessage `json:"resources"`
		} `json:"template"`
	} `json:"properties"`
}

// putDeployment begins to make what a template says. Of the language of templates only
// resourceId with a type and a name and subscription().tenantId are known. contract:
// workspace §5.10
func (c *call) putDeployment() {
	var body deploymentBody
	if !c.findGroup() || !c.decode(&body) {
		return
	}
	t := &body.Properties.Template
	d := &deployment{id: c.resourceID("Microsoft.Resources/deployments", c.path("deployment")), name: c.path("deployment"), started: time.Now()}
	key := strings.ToLower(d.id)
	if old := c.srv.world.management.deployments[key]; old != nil && old.op.status == old.op.verb {
		c.armError(http.StatusConflict, "DeploymentActive", "Unable to edit or replace deployment '"+d.name+"': previous deployment is still active.")
		return
	}
	if body.Properties.Mode != "Incremental" || t.Schema == "" || t.Version == "" || len(t.Resources) == 0 {
		c.armError(http.StatusBadRequest, "InvalidRequestContent", "The request content was invalid: mode Incremental, a template with $schema and contentVersion, and resources are required.")
		return
	}
	for _, raw := range t.Resources {
		r, problem := c.evaluate(raw)
		if problem != "" {
			c.armError(http.StatusBadRequest, "InvalidTemplate", "Deployment template validation failed: '"+problem+"'.")
			return
		}
		d.resources = append(d.resources, r)
	}
	c.srv.world.management.deployments[key] = d
	c.deploy(d)
	c.w.Header().Set("Azure-AsyncOperation", "https://"+armHost+d.id+"/operationStatuses/"+d.op.id+"?api-version="+c.query("api-version"))
	c.retryAfter()
	c.json(http.StatusCreated, d.wire())
}

// deploy starts the deployment's operation.
func (c *call) deploy(d *deployment) {
	s := c.srv
	d.op = &operation{id: s.guid(), about: about{"deployment", "", d.name}, sub: c.path("sub"), verb: "Running", status: "Running", started: d.started}
	name := ""
	for _, r := range d.resources {
		if equalFold(r.Type, workspaceType) {
			name = r.Name
		}
	}
	d.op.failure = s.takeFailure("workspace", name)
	d.op.stuck = d.op.failure != nil && d.op.failure.State == stateStuck
	d.op.finish = func(o *operation) {
		if o.problem != nil {
			o.problem = &operationError{Code: "DeploymentFailed", StatusCode: http.StatusConflict,
				Message: "At least one resource deployment operation failed. Please list deployment operations for details.",
				Details: append([]errorDetail{{Code: o.problem.Code, Message: o.problem.Message}}, o.problem.Details...)}
			return
		}
		c.makeAll(o, d)
	}
	s.world.operations[d.op.id] = d.op
	if s.opts.OperationPolls == 0 && !d.op.stuck {
		d.op.end()
	}
}

// makeAll makes the resources in their order.
func (c *call) makeAll(o *operation, d *deployment) {
	w := &c.srv.world
	sub := w.subscription(c.path("sub"))
	for _, r := range d.resources {
		if !equalFold(r.Type, workspaceType) {
			w.addResource(c.resourceID(r.Type, r.Name), r.Type, r.Location)
			continue
		}
		var body workspaceBody
		if err := json.Unmarshal(r.whole, &body); err != nil {
			o.fail(http.StatusBadRequest, "InvalidRequestContent", jsonProblem(err, r.whole))
			return
		}
		if w.workspace(sub.id, c.path("rg"), r.Name) != nil {
			continue
		}
		if problem := c.createProblem(r.Name, &body); problem != "" {
			o.fail(http.StatusBadRequest, "ValidationError", problem)
			return
		}
		ws, making := c.makeWorkspace(sub, sub.group(c.path("rg")), r.Name, &body)
		making.stuck, making.failure = false, nil
		making.end()
		ws.op = nil
	}
}

func (c *call) getDeployment() {
	if !c.findGroup() {
		return
	}
	d := c.srv.world.management.deployments[strings.ToLower(c.resourceID("Microsoft.Resources/deployments", c.path("deployment")))]
	if d == nil {
		c.armError(http.StatusNotFound, "DeploymentNotFound", "Deployment '"+c.path("deployment")+"' could not be found.")
		return
	}
	if d.op.status == d.op.verb && d.op.read(c.srv) {
		d.op.end()
	}
	c.json(http.StatusOK, d.wire())
}

func (d *deployment) wire() any {
	p := map[string]any{"mode": "Incremental", "provisioningState": d.op.status, "timestamp": d.started.UTC().Format(time.RFC3339Nano)}
	if d.op.problem != nil {
		p["error"] = d.op.problem
	}
	return map[string]any{"id": d.id, "name": d.name, "type": "Microsoft.Resources/deployments", "properties": p}
}

var (
	resourceCall = regexp.MustCompile(`^\[resourceId\('([A-Za-z.]+/[A-Za-z]+)', *'([^']+)'\)\]$`)
	knownTypes   = []string{storageType, vaultType, insightsType, registryType, logsType, workspaceType}
)

// evaluate replaces the expressions in a resource.
func (c *call) evaluate(raw json.RawMessage) (r templateResource, problem string) {
	var tree any
	if err := json.Unmarshal(raw, &tree); err != nil {
		return r, err.Error()
	}
	tree, problem = c.evaluateTree(tree)
	if problem != "" {
		return r, problem
	}
	whole, err := marshal(tree)
	if err == nil {
		err = json.Unmarshal(whole, &r)
	}
	if err != nil {
		return r, err.Error()
	}
	r.whole = whole
	for _, known := range knownTypes {
		if equalFold(known, r.Type) {
			if r.Name == "" || r.APIVersion == "" || r.Location == "" {
				return r, "the template resource '" + r.Name + "' needs a name, an apiVersion and a location"
			}
			return r, ""
		}
	}
	return r, "the template resource '" + r.Name + "' is of type '" + r.Type + "', which is not emulated"
}

func (c *call) evaluateTree(tree any) (any, string) {
	switch v := tree.(type) {
	case map[string]any:
		for key, value := range v {
			done, problem := c.evaluateTree(value)
			if problem != "" {
				return nil, problem
			}
			v[key] = done
		}
	case []any:
		for i, value := range v {
			done, problem := c.evaluateTree(value)
			if problem != "" {
				return nil, problem
			}
			v[i] = done
		}
	case string:
		return c.evaluateText(v)
	}
	return tree, ""
}

// evaluateText evaluates a text if it is an expression: one in square brackets.
func (c *call) evaluateText(text string) (any, string) {
	if !strings.HasPrefix(text, "[") || !strings.HasSuffix(text, "]") {
		return text, ""
	}
	if strings.HasPrefix(text, "[[") {
		return text[1:], ""
	}
	if m := resourceCall.FindStringSubmatch(text); m != nil {
		return c.resourceID(m[1], m[2]), ""
	}
	if text == "[subscription().tenantId]" {
		return c.srv.world.subscription(c.path("sub")).tenant, ""
	}
	return nil, "the template language expression '" + text + "' is not emulated"
}

package azuremltest

import (
	"net/http"
	"regexp"
	"strings"
	"time"
)

// workspaceName is the form of workspace names: 3 to 33 characters.
var workspaceName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_-]{2,32}$`)

// putWorkspace begins to make a workspace, or to change one. contract: workspace §5.10
func (c *call) putWorkspace() {
	var body workspaceBody
	if !c.findGroup() || !c.decode(&body) {
		return
	}
	name := c.path("ws")
	sub := c.srv.world.subscription(c.path("sub"))
	group := sub.group(c.path("rg"))
	if c.ws = c.srv.world.workspace(sub.id, group.name, name); c.ws != nil {
		c.changeWorkspace(&body)
		return
	}
	if problem := c.createProblem(name, &body); problem != "" {
		c.armError(http.StatusBadRequest, "ValidationError", problem)
		return
	}
	ws, o := c.makeWorkspace(sub, group, name, &body)
	c.ws = ws
	c.workspaceAccepted(o, http.StatusAccepted)
}

// createProblem says why a workspace cannot be made.
func (c *call) createProblem(name string, body *workspaceBody) string {
	made := settings{publicNetworkAccess: "Enabled"}
	made.apply(body)
	switch {
	case !workspaceName.MatchString(name):
		return "Workspace name '" + name + "' is invalid. It must be between 3 and 33 characters, begin with a letter or digit, and hold only letters, digits, '-' and '_'."
	case body.Location == "":
		return "The location property is required for this definition."
	}
	return c.settingsProblem(&made)
}

// makeWorkspace puts a workspace into the world that is being created.
func (c *call) makeWorkspace(sub *subscription, group *resourceGroup, name string, body *workspaceBody) (*workspace, *operation) {
	ws := c.srv.newWorkspace(sub, group, Workspace{Name: name, Location: body.Location, ID: c.srv.guid(), Tags: body.Tags})
	ws.settings = settings{friendlyName: name, publicNetworkAccess: "Enabled", authMode: "accessKey", state: stateCreating}
	ws.settings.apply(body)
	o := c.beginOn(ws, stateCreating, func(o *operation) { ws.settle(o) })
	return ws, o
}

// beginOn starts an operation on a workspace; see [call.begin].
func (c *call) beginOn(ws *workspace, verb string, finish func(o *operation)) *operation {
	s := c.srv
	o := &operation{id: s.guid(), about: about{"workspace", ws.name, ws.name}, sub: ws.sub, location: ws.location, verb: verb, status: verb, started: time.Now(), finish: finish}
	o.failure = s.takeFailure("workspace", ws.name)
	o.stuck = o.failure != nil && o.failure.State == stateStuck
	s.world.operations[o.id] = o
	ws.op, ws.settings.state = o, verb
	if s.opts.OperationPolls == 0 && !o.stuck {
		o.end()
	}
	return o
}

// settle gives the workspace the state in which the operation ends and reports whether
// all went well.
func (ws *workspace) settle(o *operation) bool {
	ws.op = nil
	ws.settings.state = stateSucceeded
	if o.problem != nil {
		ws.settings.state = o.status
	}
	return o.problem == nil
}

// workspaceAccepted answers a request that has started an operation on c.ws.
func (c *call) workspaceAccepted(o *operation, status int) {
	h := c.w.Header()
	base := "https://" + armHost + "/subscriptions/" + o.sub + "/providers/Microsoft.MachineLearningServices/locations/" + o.location
	query := "?api-version=" + c.query("api-version")
	h.Set("Azure-AsyncOperation", base+"/workspaceOperationsStatus/"+o.id+query)
	h.Set("Location", base+"/workspaceOperationResults/"+o.id+query)
	c.retryAfter()
	c.empty(status)
}

// patchWorkspace begins to change a workspace. contract: workspace §5.6
func (c *call) patchWorkspace() {
	var body workspaceBody
	if c.decode(&body) {
		c.changeWorkspace(&body)
	}
}

func (c *call) changeWorkspace(body *workspaceBody) {
	ws := c.ws
	if ws.op != nil {
		c.armError(http.StatusConflict, "Conflict", "Workspace "+ws.name+" is in state "+ws.settings.state+". Try again when the operation on it has ended.")
		return
	}
	changed := ws.settings
	changed.apply(body)
	if problem := c.settingsProblem(&changed); problem != "" {
		c.armError(http.StatusBadRequest, "ValidationError", problem)
		return
	}
	o := c.beginOn(ws, stateUpdating, func(o *operation) {
		if !ws.settle(o) {
			return
		}
		changed.state = ws.settings.state
		ws.settings = changed
		if body.Tags != nil {
			ws.tags = body.Tags
		}
	})
	c.workspaceAccepted(o, http.StatusAccepted)
}

// deleteWorkspace begins to delete a workspace and all that is in it. What it uses stays.
func (c *call) deleteWorkspace() {
	ws := c.ws
	if ws.op != nil && ws.settings.state == stateDeleting {
		c.armError(http.StatusConflict, "Conflict", "Workspace "+ws.name+" is being deleted.")
		return
	}
	if ws.op != nil {
		ws.op.cancel()
	}
	o := c.beginOn(ws, stateDeleting, func(o *operation) {
		if !ws.settle(o) {
			return
		}
		for _, k := range ws.sortedComputes() {
			c.srv.forgetEndpoint(k)
			ws.data.computeGone(k.name)
		}
		delete(c.srv.world.workspaces, workspaceKey(ws.sub, ws.rg, ws.name))
		for id := range c.srv.world.management.assignments {
			if strings.HasPrefix(id, strings.ToLower(ws.path())+"/") {
				delete(c.srv.world.management.assignments, id)
			}
		}
	})
	c.workspaceAccepted(o, http.StatusAccepted)
}

// workspaceResult answers a poll of the Location header.
func (c *call) workspaceResult() {
	o := c.findOperation()
	if o == nil {
		return
	}
	if o.status == o.verb && o.poll(c.srv) {
		o.end()
	}
	switch result := c.srv.world.management.results[o.id]; {
	case o.status == o.verb:
		c.w.Header().Set("Location", "https://"+c.host()+c.r.URL.RequestURI())
		c.retryAfter()
		c.empty(http.StatusAccepted)
	case o.problem != nil:
		c.armError(o.problem.StatusCode, o.problem.Code, o.problem.Message, o.problem.Details...)
	case result != nil:
		c.json(http.StatusOK, result)
	default:
		c.empty(http.StatusNoContent)
	}
}

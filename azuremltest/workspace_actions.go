package azuremltest

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"
)

// secretOf makes a key that belongs to the workspace: always the same one.
func (ws *workspace) secretOf(what string) string {
	sum := sha256.Sum256([]byte(ws.id + "|" + what))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// listWorkspaceKeys shows the keys of what the workspace uses. contract: workspace §5.8
func (c *call) listWorkspaceKeys() {
	ws := c.ws
	body := map[string]any{
		"userStorageKey": ws.secretOf("storage"), "userStorageResourceId": ws.settings.storage,
		"appInsightsInstrumentationKey": ws.principalID,
		"notebookAccessKeys":            map[string]string{"primaryAccessKey": ws.secretOf("notebook 1"), "secondaryAccessKey": ws.secretOf("notebook 2")},
	}
	if ws.settings.registry != "" {
		name := path.Base(ws.settings.registry)
		body["containerRegistryCredentials"] = map[string]any{
			"location": name + ".azurecr.io", "username": name,
			"passwords": []map[string]string{{"name": "password", "value": ws.secretOf("registry 1")}, {"name": "password2", "value": ws.secretOf("registry 2")}},
		}
	}
	c.json(http.StatusOK, body)
}

// resyncKeys begins to read the keys of what the workspace uses anew.
func (c *call) resyncKeys() {
	if c.ws.op != nil {
		c.armError(http.StatusConflict, "Conflict", "Workspace "+c.ws.name+" is in state "+c.ws.settings.state+".")
		return
	}
	ws := c.ws
	c.workspaceAccepted(c.beginOn(ws, stateUpdating, func(o *operation) { ws.settle(o) }), http.StatusAccepted)
}

// diagnosable are the checks that a request may name.
var diagnosable = []string{"udr", "nsg", "resourceLock", "dnsResolution", "storageAccount", "keyVault", "containerRegistry", "applicationInsights", "others"}

// diagnose begins to look for problems, of which there is one: what the workspace uses
// may be gone. contract: workspace §5.8
func (c *call) diagnose() {
	var body struct {
		Value map[string]map[string]any `json:"value"`
	}
	if !c.decode(&body) {
		return
	}
	for name := range body.Value {
		if !slices.Contains(diagnosable, name) {
			c.armError(http.StatusBadRequest, "ValidationError", "Could not find member '"+name+"' on object of type 'DiagnoseRequestProperties'.")
			return
		}
	}
	ws, s := c.ws, c.srv
	o := &operation{id: s.guid(), about: about{"workspace", ws.name, ws.name}, sub: ws.sub, location: ws.location, verb: "InProgress", status: "InProgress", started: time.Now()}
	o.failure = s.takeFailure("workspace", ws.name)
	o.stuck = o.failure != nil && o.failure.State == stateStuck
	o.finish = func(*operation) { s.world.management.results[o.id] = ws.diagnosis() }
	s.world.operations[o.id] = o
	h := c.w.Header()
	h.Set("Location", "https://"+armHost+"/subscriptions/"+o.sub+"/providers/Microsoft.MachineLearningServices/locations/"+o.location+
		"/workspaceOperationResults/"+o.id+"?api-version="+c.query("api-version"))
	c.retryAfter()
	c.empty(http.StatusAccepted)
}

// diagnosis is the result of a diagnosis.
func (ws *workspace) diagnosis() any {
	value := map[string]any{}
	for field, id := range map[string]string{
		"storageAccountResults": ws.settings.storage, "keyVaultResults": ws.settings.vault, "applicationInsightsResults": ws.settings.insights,
		"containerRegistryResults": ws.settings.registry, "userDefinedRouteResults": "", "networkSecurityRuleResults": "",
		"resourceLockResults": "", "dnsResolutionResults": "", "otherResults": "",
	} {
		found := []any{}
		if id != "" && ws.srv.world.management.resources[strings.ToLower(id)] == nil {
			found = append(found, map[string]string{"code": "ResourceNotFound", "level": "Error", "message": "The resource '" + id + "' does not exist."})
		}
		value[field] = found
	}
	return map[string]any{"value": value}
}

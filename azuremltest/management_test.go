package azuremltest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml/azuremltest"
)

const (
	groupURL = arm + "/subscriptions/" + azuremltest.SubscriptionID + "/resourceGroups/" + azuremltest.ResourceGroup
	graph    = "https://graph.microsoft.com/v1.0"
	nobodyID = "99999999-9999-9999-9999-999999999999"
	readerID = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
)

// poll follows an operation to its end and returns the last answer.
func poll(t *testing.T, srv *azuremltest.Server, url string) answer {
	for range 5 {
		a := do(t, srv, http.MethodGet, url, "")
		if a.status != http.StatusAccepted && a.at("status") != "Creating" && a.at("status") != "Updating" && a.at("status") != "Deleting" && a.at("status") != "Running" {
			return a
		}
		assert.NotEmpty(t, a.header.Get("retry-after-ms"))
	}
	require.Fail(t, "the operation does not end")
	return answer{}
}

// workspaceLike is the body of a workspace that uses what the default one uses.
func workspaceLike(t *testing.T, srv *azuremltest.Server) string {
	a := do(t, srv, http.MethodGet, workspaceURL+version, "")
	text := func(name string) string { return a.at("properties", name).(string) }
	return `{"location":"westeurope","identity":{"type":"SystemAssigned"},"properties":{"friendlyName":"New","storageAccount":"` + text("storageAccount") +
		`","keyVault":"` + text("keyVault") + `","applicationInsights":"` + text("applicationInsights") + `"}}`
}

func TestWorkspaceIsMade(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	url := groupURL + "/providers/Microsoft.MachineLearningServices/workspaces/new-one"
	a := do(t, srv, http.MethodPut, url+version, workspaceLike(t, srv))
	require.Equal(t, http.StatusAccepted, a.status, a.text)
	require.NotEmpty(t, a.header.Get("Location"))
	assert.Equal(t, "Creating", do(t, srv, http.MethodGet, url+version, "").at("properties", "provisioningState"))
	assert.Equal(t, "Succeeded", poll(t, srv, a.header.Get("Azure-AsyncOperation")).at("status"))
	b := do(t, srv, http.MethodGet, url+version, "")
	assert.Equal(t, "Succeeded", b.at("properties", "provisioningState"))
	assert.Equal(t, "New", b.at("properties", "friendlyName"))

	a = do(t, srv, http.MethodPatch, url+version, `{"tags":{"a":"b"},"properties":{"v1LegacyMode":true}}`)
	require.Equal(t, http.StatusAccepted, a.status, a.text)
	assert.Equal(t, http.StatusNoContent, poll(t, srv, a.header.Get("Location")).status)
	b = do(t, srv, http.MethodGet, url+version, "")
	assert.Equal(t, true, b.at("properties", "v1LegacyMode"))
	assert.Equal(t, "b", b.at("tags", "a"))

	a = do(t, srv, http.MethodDelete, url+version, "")
	require.Equal(t, http.StatusAccepted, a.status, a.text)
	assert.Equal(t, "Succeeded", poll(t, srv, a.header.Get("Azure-AsyncOperation")).at("status"))
	assert.Equal(t, http.StatusNotFound, do(t, srv, http.MethodGet, url+version, "").status)
}

// TestWorkspaceEndsByReading: reads of the workspace count, too.
func TestWorkspaceEndsByReading(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	require.Equal(t, http.StatusAccepted, do(t, srv, http.MethodDelete, workspaceURL+version, "").status)
	assert.Equal(t, http.StatusConflict, do(t, srv, http.MethodDelete, workspaceURL+version, "").status)
	statuses := []int{}
	for range 3 {
		statuses = append(statuses, do(t, srv, http.MethodGet, workspaceURL+version, "").status)
	}
	assert.Equal(t, []int{200, 200, 404}, statuses)
}

func TestManagementRefusals(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	like := workspaceLike(t, srv)
	another := groupURL + "/providers/Microsoft.MachineLearningServices/workspaces/"
	deployment := groupURL + "/providers/Microsoft.Resources/deployments/d?api-version=2019-10-01"
	assignment := workspaceURL + "/providers/Microsoft.Authorization/roleAssignments/"
	const roles = "?api-version=2022-04-01"
	role := `"roleDefinitionId":"/subscriptions/` + azuremltest.SubscriptionID + `/providers/Microsoft.Authorization/roleDefinitions/` + readerID + `"`
	template := func(resources string) string {
		return `{"properties":{"mode":"Incremental","template":{"$schema":"s","contentVersion":"1.0.0.0","resources":[` + resources + `]}}}`
	}
	user := srv.AddUser(azuremltest.User{Name: "someone@contoso.example"})
	for name, row := range map[string]struct {
		method, url, body string
		status            int
		code              string
	}{
		"name":                    {http.MethodPut, another + "x" + version, like, 400, "ValidationError"},
		"group":                   {http.MethodPut, strings.Replace(another, "rg-ml", "nope", 1) + "new-one" + version, like, 404, "ResourceGroupNotFound"},
		"no location":             {http.MethodPut, another + "new-one" + version, strings.Replace(like, "westeurope", "", 1), 400, "ValidationError"},
		"no identity":             {http.MethodPut, another + "new-one" + version, strings.Replace(like, `"identity":{"type":"SystemAssigned"},`, "", 1), 400, "ValidationError"},
		"storage does not exist":  {http.MethodPut, another + "new-one" + version, strings.Replace(like, "/storageaccounts/", "/storageaccounts/x", 1), 400, "ValidationError"},
		"no vault":                {http.MethodPut, another + "new-one" + version, strings.Replace(like, "keyVault", "x", 1), 400, "ValidationError"},
		"text for a boolean":      {http.MethodPatch, workspaceURL + version, `{"properties":{"v1LegacyMode":"True"}}`, 400, "InvalidRequestContent"},
		"network access":          {http.MethodPatch, workspaceURL + version, `{"properties":{"publicNetworkAccess":"Maybe"}}`, 400, "ValidationError"},
		"identity":                {http.MethodPatch, workspaceURL + version, `{"properties":{"primaryUserAssignedIdentity":"/x"}}`, 400, "ValidationError"},
		"unknown check":           {http.MethodPost, workspaceURL + "/diagnose" + version, `{"value":{"weather":{}}}`, 400, "ValidationError"},
		"group without location":  {http.MethodPut, arm + "/subscriptions/" + azuremltest.SubscriptionID + "/resourcegroups/new?api-version=2022-09-01", `{}`, 400, "LocationRequired"},
		"group elsewhere":         {http.MethodPut, arm + "/subscriptions/" + azuremltest.SubscriptionID + "/resourcegroups/rg-ml?api-version=2022-09-01", `{"location":"eastus"}`, 409, "InvalidResourceGroupLocation"},
		"empty template":          {http.MethodPut, deployment, template(""), 400, "InvalidRequestContent"},
		"expression":              {http.MethodPut, deployment, template(`{"type":"Microsoft.Storage/storageAccounts","name":"[uniqueString('a')]","apiVersion":"2022-09-01","location":"x"}`), 400, "InvalidTemplate"},
		"type":                    {http.MethodPut, deployment, template(`{"type":"Microsoft.Compute/disks","name":"a","apiVersion":"1","location":"x"}`), 400, "InvalidTemplate"},
		"no api-version":          {http.MethodPut, deployment, template(`{"type":"Microsoft.Storage/storageAccounts","name":"a","location":"x"}`), 400, "InvalidTemplate"},
		"unknown deployment":      {http.MethodGet, strings.Replace(deployment, "/d?", "/x?", 1), "", 404, "DeploymentNotFound"},
		"unknown resource":        {http.MethodGet, groupURL + "/providers/Microsoft.Storage/storageAccounts/x?api-version=2022-09-01", "", 404, "ResourceNotFound"},
		"resource's api-version":  {http.MethodGet, groupURL + "/providers/Microsoft.Storage/storageAccounts/x?api-version=2024-04-01", "", 400, "InvalidApiVersionParameter"},
		"assignment id":           {http.MethodPut, assignment + "x" + roles, `{"properties":{` + role + `,"principalId":"` + user.ObjectID + `"}}`, 400, "InvalidRoleAssignmentId"},
		"unknown role":            {http.MethodPut, assignment + nobodyID + roles, `{"properties":{"roleDefinitionId":"x","principalId":"` + user.ObjectID + `"}}`, 400, "RoleDefinitionDoesNotExist"},
		"unknown principal":       {http.MethodPut, assignment + nobodyID + roles, `{"properties":{` + role + `,"principalId":"` + nobodyID + `","principalType":"User"}}`, 400, "PrincipalNotFound"},
		"application id":          {http.MethodPut, assignment + nobodyID + roles, `{"properties":{` + role + `,"principalId":"` + azuremltest.ClientID + `"}}`, 400, "PrincipalNotFound"},
		"other type":              {http.MethodPut, assignment + nobodyID + roles, `{"properties":{` + role + `,"principalId":"` + user.ObjectID + `","principalType":"Group"}}`, 400, "UnmatchedPrincipalType"},
		"filter of roles":         {http.MethodGet, workspaceURL + "/providers/Microsoft.Authorization/roleDefinitions" + roles + "&$filter=x", "", 400, "UnsupportedQuery"},
		"filter of assignments":   {http.MethodGet, workspaceURL + "/providers/Microsoft.Authorization/roleAssignments" + roles + "&$filter=x", "", 400, "UnsupportedQuery"},
		"resource manager's data": {http.MethodGet, graph + "/users", "", 401, "InvalidAuthenticationToken"},
	} {
		t.Run(name, func(t *testing.T) {
			a := do(t, srv, row.method, row.url, row.body)
			assert.Equal(t, row.status, a.status, a.text)
			assert.Equal(t, row.code, a.at("error", "code"), a.text)
		})
	}
}

func TestRolesOnWorkspaces(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	user := srv.AddUser(azuremltest.User{Name: "someone@contoso.example"})
	srv.AddRole(azuremltest.Role{PrincipalID: user.ObjectID, PrincipalType: "User"})
	body := `{"properties":{"roleDefinitionId":"/providers/Microsoft.Authorization/roleDefinitions/` + readerID + `","principalId":"` + user.ObjectID + `","principalType":"User"}}`
	url := workspaceURL + "/providers/Microsoft.Authorization/roleAssignments"
	a := do(t, srv, http.MethodPut, url+"/"+nobodyID+"?api-version=2022-04-01", body)
	assert.Equal(t, http.StatusConflict, a.status)
	assert.Equal(t, "RoleAssignmentExists", a.at("error", "code"))

	list := do(t, srv, http.MethodGet, url+"?api-version=2022-04-01&$filter=atScope()", "")
	require.Len(t, list.at("value"), 1)
	id := list.at("value").([]any)[0].(map[string]any)["id"].(string)
	for _, status := range []int{http.StatusOK, http.StatusNoContent} {
		assert.Equal(t, status, do(t, srv, http.MethodDelete, arm+id+"?api-version=2022-04-01", "").status)
	}
	for range 2 { // the same assignment twice
		assert.Equal(t, http.StatusCreated, do(t, srv, http.MethodPut, url+"/"+nobodyID+"?api-version=2022-04-01", body).status)
	}
	require.Panics(t, func() { srv.AddRole(azuremltest.Role{Role: "Emperor"}) })
}

func TestGraph(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	user := srv.AddUser(azuremltest.User{Name: "o'neil@contoso.example"})
	authorization := "Bearer " + srv.Token(azuremltest.TokenOptions{Audience: "https://graph.microsoft.com"})
	ask := func(method, path, body string) answer {
		return do(t, srv, method, graph+path, body, "Authorization", authorization)
	}
	a := ask(http.MethodGet, "/users?$filter=userPrincipalName%20eq%20'O''Neil@contoso.example'", "")
	require.Len(t, a.at("value"), 1, a.text)
	a = ask(http.MethodGet, "/servicePrincipals?$filter=servicePrincipalNames/any(c:c%20eq%20'"+azuremltest.ClientID+"')", "")
	require.Len(t, a.at("value"), 1, a.text)
	a = ask(http.MethodPost, "/directoryObjects/getByIds", `{"ids":["`+user.ObjectID+`","`+nobodyID+`"],"types":["user"]}`)
	require.Len(t, a.at("value"), 1, a.text)
	assert.Equal(t, "#microsoft.graph.user", a.at("value").([]any)[0].(map[string]any)["@odata.type"])
	a = ask(http.MethodPost, "/directoryObjects/getByIds", `{"ids":["`+user.ObjectID+`"],"types":["group"]}`)
	assert.Empty(t, a.at("value"))
	for _, bad := range []string{"/users?$filter=appId%20eq%20'x'", "/groups?$filter=userPrincipalName%20eq%20'x'", "/users?$filter=nonsense"} {
		assert.Equal(t, "Request_UnsupportedQuery", ask(http.MethodGet, bad, "").at("error", "code"), bad)
	}
	assert.Equal(t, "Request_BadRequest", ask(http.MethodPost, "/directoryObjects/getByIds", `{"ids":["x"]}`).at("error", "code"))
}

// TestClosedWorkspace: who keeps the public network out keeps everybody out here, but not
// from the resource manager.
func TestClosedWorkspace(t *testing.T) {
	t.Parallel()
	srv := newServer(t, &azuremltest.Options{OperationPolls: -1})
	a := do(t, srv, http.MethodPatch, workspaceURL+version, `{"properties":{"publicNetworkAccess":"Disabled"}}`)
	require.Equal(t, http.StatusAccepted, a.status, a.text)
	assert.Equal(t, http.StatusOK, do(t, srv, http.MethodGet, workspaceURL+version, "").status)
	models := "https://westeurope.modelmanagement.azureml.net/modelmanagement/v1.0" + strings.TrimPrefix(workspaceURL, arm) + "/models"
	assert.Equal(t, http.StatusForbidden, do(t, srv, http.MethodGet, models, "").status)
}

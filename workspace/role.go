package workspace

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/azureml-go/azureml"
)

// Built-in roles, by name. [Workspace.Share] knows their ids without a request.
const (
	RoleOwner         = "Owner"
	RoleContributor   = "Contributor"
	RoleReader        = "Reader"
	RoleDataScientist = "AzureML Data Scientist"
)

// builtInRoles are the ids of the built-in roles; they are the same everywhere.
var builtInRoles = map[string]string{
	strings.ToLower(RoleOwner):         "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
	strings.ToLower(RoleContributor):   "b24988ac-6180-42a0-ab88-20f7382dd24c",
	strings.ToLower(RoleReader):        "acdd72a7-3385-48ef-bd42-f606fba81ae7",
	strings.ToLower(RoleDataScientist): "f6c7c914-8db3-469d-8ca1-694a8f32e121",
}

// builtInNames are the names of the built-in roles by their ids.
var builtInNames = map[string]string{
	builtInRoles[strings.ToLower(RoleOwner)]:         RoleOwner,
	builtInRoles[strings.ToLower(RoleContributor)]:   RoleContributor,
	builtInRoles[strings.ToLower(RoleReader)]:        RoleReader,
	builtInRoles[strings.ToLower(RoleDataScientist)]: RoleDataScientist,
}

// authorizationVersion is the api-version of role definitions and assignments.
const authorizationVersion = "2022-04-01"

var rolePattern = regexp.MustCompile(`(?i)^(/subscriptions/.+)?/providers/Microsoft\.Authorization/roleDefinitions/([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$`)

// wireRole is a role definition.
type wireRole struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Properties struct {
		Name string `json:"roleName"`
	} `json:"properties"`
}

// roleID finds the id of a role that is given by id, GUID or name.
func (w *Workspace) roleID(ctx context.Context, role string) (string, error) {
	if rolePattern.MatchString(role) {
		return role, nil
	}
	guid := role
	if !guidPattern.MatchString(role) {
		guid = builtInRoles[strings.ToLower(role)]
	}
	if guid != "" {
		return "/subscriptions/" + w.SubscriptionID + "/providers/Microsoft.Authorization/roleDefinitions/" + guid, nil
	}
	var found []wireRole
	for r, err := range w.roles(ctx, fmt.Sprintf("role %q", role), "roleName eq "+quoted(role)) {
		if err != nil {
			return "", err
		}
		found = append(found, r)
	}
	e := &azureml.Error{Operation: "find", Subject: fmt.Sprintf("role %q", role)}
	switch len(found) {
	case 1:
		return found[0].ID, nil
	case 0:
		e.Kind, e.Message = azureml.ErrNotFound, fmt.Sprintf("no role of this name can be given on workspace %q", w.Name)
		e.Remedy = fmt.Sprintf("Roles that exist everywhere: %s, %s, %s, %s. List all with: az role definition list --query [].roleName", RoleReader, RoleDataScientist, RoleContributor, RoleOwner)
	default:
		e.Kind, e.Message, e.Remedy = azureml.ErrAmbiguous, fmt.Sprintf("%d roles have this name", len(found)), "Give the id of the one that is meant."
		for _, r := range found {
			e.Details = append(e.Details, azureml.ErrorDetail{Message: r.ID, Target: r.Properties.Name})
		}
	}
	return "", e
}

// roles lists the roles that can be given on the workspace.
func (w *Workspace) roles(ctx context.Context, subject, filter string) func(func(wireRole, error) bool) {
	query := url.Values{"api-version": {authorizationVersion}}
	if filter != "" {
		query.Set("$filter", filter)
	}
	return List[wireRole](ctx, w, Request{
		Service: ResourceManager, Operation: "find", Subject: subject,
		Path: w.scope() + "/providers/Microsoft.Authorization/roleDefinitions", Query: query,
	}, nil)
}

// roleGUID is the last part of a role's id, in small letters: the same role has an id per
// subscription, and one without.
func roleGUID(id string) string { return strings.ToLower(id[strings.LastIndexByte(id, '/')+1:]) }

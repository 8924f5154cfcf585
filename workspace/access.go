package workspace

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/validate"
)

// RoleAssignment says that a principal has a role.
type RoleAssignment struct {
	// ID is the resource manager's id of the assignment, Name its last part. Both are empty
	// for one that existed before and may not be read.
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
	// Scope is what the role is for: the workspace, or something above it.
	Scope string `json:"scope"`
	// Inherited tells that Scope is above the workspace: its resource group, its
	// subscription or a management group.
	Inherited     bool          `json:"inherited,omitempty"`
	PrincipalID   string        `json:"principalId"`
	PrincipalType PrincipalType `json:"principalType,omitempty"`
	// Principal is who it is, where the directory was asked.
	Principal *Principal `json:"principal,omitempty"`
	RoleID    string     `json:"roleId"`
	RoleName  string     `json:"roleName,omitempty"`
	// Description is what people wrote about it.
	Description string    `json:"description,omitempty"`
	CreatedOn   time.Time `json:"createdOn,omitzero"`
	// Existed tells that [Workspace.Share] found it there.
	Existed bool `json:"existed,omitempty"`
}

// fits tells whether it is the assignment of a role to a principal.
func (r RoleAssignment) fits(principalID, roleID string) bool {
	return strings.EqualFold(r.PrincipalID, principalID) && roleGUID(r.RoleID) == roleGUID(roleID)
}

// wireAssignment is a role assignment.
type wireAssignment struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Properties struct {
		Role        string        `json:"roleDefinitionId"`
		Principal   string        `json:"principalId"`
		Type        PrincipalType `json:"principalType"`
		Scope       string        `json:"scope"`
		Description string        `json:"description"`
		CreatedOn   time.Time     `json:"createdOn"`
	} `json:"properties"`
}

func (a wireAssignment) public(w *Workspace) RoleAssignment {
	p := a.Properties
	return RoleAssignment{
		ID: a.ID, Name: a.Name, Scope: p.Scope, Inherited: w.isBelow(p.Scope),
		PrincipalID: p.Principal, PrincipalType: p.Type, RoleID: p.Role, RoleName: builtInNames[roleGUID(p.Role)],
		Description: p.Description, CreatedOn: p.CreatedOn,
	}
}

// isBelow tells whether a scope is above the workspace: not itself, nor anything in it.
func (w *Workspace) isBelow(scope string) bool {
	return !strings.HasPrefix(strings.ToLower(strings.TrimSuffix(scope, "/"))+"/", strings.ToLower(w.ID)+"/")
}

// named is the principal if anything is known of it but its id.
func (p Principal) named() *Principal {
	if p.DisplayName == "" && p.UserName == "" && p.ApplicationID == "" {
		return nil
	}
	return &p
}

// assignments is the path of the workspace's role assignments.
func (w *Workspace) assignments() string {
	return w.scope() + "/providers/Microsoft.Authorization/roleAssignments"
}

func (w *Workspace) listAssignments(ctx context.Context, filter string) iter.Seq2[wireAssignment, error] {
	return List[wireAssignment](ctx, w, Request{
		Service: ResourceManager, Operation: "list who has access to", Subject: w.subject(),
		Path: w.assignments(), Query: url.Values{"api-version": {authorizationVersion}, "$filter": {filter}},
	}, nil)
}

// AccessOptions are the optional parts of [Workspace.Access].
type AccessOptions struct {
	// Principals asks the directory who the principals are, one request per 1000.
	Principals bool
	// WithoutInherited leaves out what is inherited from above the workspace.
	WithoutInherited bool
}

// Access lists who has which role on the workspace, also what is inherited from resource
// group, subscription and management groups. It makes one request, and a second one for
// the names of roles that are not among those of this package. Where the directory may
// not be read ([AccessOptions].Principals), names stay empty, with a warning.
func (w *Workspace) Access(ctx context.Context, o *AccessOptions) ([]RoleAssignment, error) {
	var options AccessOptions
	if o != nil {
		options = *o
	}
	var all []RoleAssignment
	for a, err := range w.listAssignments(ctx, "atScope()") {
		if err != nil {
			return nil, err
		}
		if r := a.public(w); !r.Inherited || !options.WithoutInherited {
			all = append(all, r)
		}
	}
	if err := w.nameRoles(ctx, all); err != nil {
		return nil, err
	}
	if options.Principals {
		if err := w.namePrincipals(ctx, all); err != nil {
			w.connection.warn(azureml.Warning{Subject: w.subject(), Message: "the names of who has access could not be looked up", Err: err})
		}
	}
	return all, nil
}

// nameRoles fills in the names of roles.
func (w *Workspace) nameRoles(ctx context.Context, all []RoleAssignment) error {
	if !slices.ContainsFunc(all, func(r RoleAssignment) bool { return r.RoleName == "" }) {
		return nil
	}
	names := map[string]string{}
	for r, err := range w.roles(ctx, "the names of roles", "") {
		if err != nil {
			return err
		}
		names[roleGUID(r.ID)] = r.Properties.Name
	}
	for i := range all {
		if all[i].RoleName == "" {
			all[i].RoleName = names[roleGUID(all[i].RoleID)]
		}
	}
	return nil
}

// namePrincipals fills in who the principals are.
func (w *Workspace) namePrincipals(ctx context.Context, all []RoleAssignment) error {
	var ids []string
	for _, r := range all {
		ids = append(ids, r.PrincipalID)
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	d, err := w.connection.directory("who has access to " + w.subject())
	if err != nil {
		return err
	}
	known := map[string]Principal{}
	for part := range slices.Chunk(ids, maxIDs) {
		found, err := d.byID(ctx, part...)
		if err != nil {
			return err
		}
		for _, p := range found {
			known[strings.ToLower(p.ObjectID)] = p
		}
	}
	for i := range all {
		if p, ok := known[strings.ToLower(all[i].PrincipalID)]; ok {
			all[i].Principal = &p
		}
	}
	return nil
}

// Unshare takes a role on the workspace from a principal; both are named as for
// [Workspace.Share]. It takes away what is given on the workspace itself, whoever gave it.
//
// Errors: ErrNotFound when there is nothing to take away; if the role is inherited, the
// Remedy says from where. ErrForbidden.
func (w *Workspace) Unshare(ctx context.Context, principal, role string) error {
	principal, role = trim(principal), trim(role)
	var check validate.Checker
	check.Require("principal", principal)
	check.Require("role", role)
	if err := check.Err("unshare", w.subject()); err != nil {
		return err
	}
	roleID, err := w.roleID(ctx, role)
	if err != nil {
		return err
	}
	who, err := w.whose(ctx, principal)
	if err != nil {
		return err
	}
	return w.takeAway(ctx, who, roleID)
}

// whose finds an object id. One that the directory does not know any more, or that it may
// not be asked about, is taken as it is.
func (w *Workspace) whose(ctx context.Context, principal string) (string, error) {
	who, _, err := w.identify(ctx, principal, "")
	if errors.Is(err, azureml.ErrNotFound) && guidPattern.MatchString(principal) {
		return principal, nil
	}
	return who.ObjectID, err
}

func (w *Workspace) takeAway(ctx context.Context, principalID, roleID string) error {
	var own, inherited []RoleAssignment
	for a, err := range w.listAssignments(ctx, "principalId eq "+quoted(principalID)) {
		if err != nil {
			return err
		}
		switch r := a.public(w); {
		case !r.fits(principalID, roleID):
		case r.Inherited:
			inherited = append(inherited, r)
		case strings.EqualFold(r.Scope, w.ID):
			own = append(own, r)
		}
	}
	if len(own) == 0 {
		e := &azureml.Error{
			Operation: "unshare", Subject: w.subject(), Kind: azureml.ErrNotFound,
			Message: fmt.Sprintf("principal %s does not have role %s on the workspace itself", principalID, roleID),
		}
		for _, r := range inherited {
			e.Remedy += fmt.Sprintf("The role is inherited from %s; it can be taken away only there.\n", r.Scope)
		}
		return e
	}
	for _, r := range own {
		_, err := w.Do(ctx, Request{
			Service: ResourceManager, Operation: "unshare", Subject: w.subject(), Method: http.MethodDelete,
			Path: w.assignments() + "/" + Segment(r.Name), Query: url.Values{"api-version": {authorizationVersion}},
			Allow: []int{http.StatusNotFound},
		}, nil)
		if err != nil {
			return assignment{ws: w, who: Principal{ObjectID: principalID}}.explain(err)
		}
	}
	return nil
}

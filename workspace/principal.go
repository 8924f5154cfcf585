package workspace

import (
	"context"
	"fmt"
	"strings"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/validate"
)

// PrincipalType says what a principal is.
type PrincipalType string

// Values of [PrincipalType].
const (
	PrincipalUser             PrincipalType = "User"
	PrincipalGroup            PrincipalType = "Group"
	PrincipalServicePrincipal PrincipalType = "ServicePrincipal"
	PrincipalForeignGroup     PrincipalType = "ForeignGroup"
	PrincipalDevice           PrincipalType = "Device"
)

// PossiblePrincipalTypeValues returns the values of [PrincipalType].
func PossiblePrincipalTypeValues() []PrincipalType {
	return []PrincipalType{PrincipalUser, PrincipalGroup, PrincipalServicePrincipal, PrincipalForeignGroup, PrincipalDevice}
}

// Principal is somebody who can have a role: a user, a group, an application.
type Principal struct {
	// ObjectID is the principal's own GUID in the directory. Roles are given to it.
	ObjectID string        `json:"objectId"`
	Type     PrincipalType `json:"type,omitempty"`
	// DisplayName is the name for people; several may have the same.
	DisplayName string `json:"displayName,omitempty"`
	// ApplicationID is the client id of a service principal. It is not its object id.
	ApplicationID string `json:"applicationId,omitempty"`
	// UserName and Mail are of users; groups may have a Mail, too.
	UserName string `json:"userName,omitempty"`
	Mail     string `json:"mail,omitempty"`
}

// String names the principal for people.
func (p Principal) String() string {
	for _, name := range []string{p.UserName, p.DisplayName, p.Mail} {
		if name != "" {
			return fmt.Sprintf("%s (%s, object id %s)", name, p.Type, p.ObjectID)
		}
	}
	return p.ObjectID
}

// LookupPrincipal finds a principal in the directory (Microsoft Graph): by its object id
// or application id, by user name or mail address, by one of a service principal's names
// ("https://app"), or by display name. It makes one request, and further ones while
// nothing is found. The credential needs the right to read the directory; a service
// principal has it only if an administrator gave it (Directory.Read.All).
//
// Errors: ErrNotFound; ErrAmbiguous, whose Details list all that fit; ErrForbidden.
func (w *Workspace) LookupPrincipal(ctx context.Context, principal string) (*Principal, error) {
	principal = trim(principal)
	var check validate.Checker
	check.Require("principal", principal)
	subject := fmt.Sprintf("principal %q", principal)
	if err := check.Err("look up", "a principal"); err != nil {
		return nil, err
	}
	d, err := w.connection.directory(subject)
	if err != nil {
		return nil, err
	}
	found, err := d.lookup(ctx, principal)
	if err != nil {
		return nil, err
	}
	switch len(found) {
	case 0:
		return nil, &azureml.Error{
			Operation: "look up", Subject: subject, Kind: azureml.ErrNotFound, Message: "the directory knows nobody of this id or name",
			Remedy: "Check the id or name, and that the credential's tenant is the principal's. A principal that was just made may take a minute to appear.",
		}
	case 1:
		return &found[0], nil
	}
	e := &azureml.Error{Operation: "look up", Subject: subject, Kind: azureml.ErrAmbiguous, Message: fmt.Sprintf("%d principals have this name", len(found)), Remedy: "Give the object id of the one that is meant."}
	for _, p := range found {
		e.Details = append(e.Details, azureml.ErrorDetail{Message: p.String(), Target: p.ObjectID})
	}
	return nil, e
}

// attempt is one way in which a text may name principals.
type attempt func(ctx context.Context, d *directory, text string) ([]Principal, error)

func filtered(collection string, kind PrincipalType, filter string) attempt {
	return func(ctx context.Context, d *directory, text string) ([]Principal, error) {
		return d.where(ctx, collection, kind, fmt.Sprintf(filter, quoted(text)))
	}
}

func byName(ctx context.Context, d *directory, text string) ([]Principal, error) {
	var all []Principal
	for _, way := range []attempt{
		filtered("servicePrincipals", PrincipalServicePrincipal, "displayName eq %s"),
		filtered("groups", PrincipalGroup, "displayName eq %s"),
		filtered("users", PrincipalUser, "displayName eq %s"),
	} {
		found, err := way(ctx, d, text)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// lookup tries what the text may be, until something is found.
func (d *directory) lookup(ctx context.Context, text string) ([]Principal, error) {
	servicePrincipal := filtered("servicePrincipals", PrincipalServicePrincipal, "servicePrincipalNames/any(c:c eq %s)")
	var ways []attempt
	switch {
	case guidPattern.MatchString(text):
		ways = []attempt{
			func(ctx context.Context, d *directory, id string) ([]Principal, error) { return d.byID(ctx, id) },
			servicePrincipal, // which finds application ids, too
		}
	case strings.Contains(text, "@"):
		ways = []attempt{
			filtered("users", PrincipalUser, "userPrincipalName eq %s"),
			servicePrincipal,
			filtered("users", PrincipalUser, "mail eq %s"),
			filtered("groups", PrincipalGroup, "mail eq %s"),
		}
	default:
		ways = []attempt{servicePrincipal, byName}
	}
	for _, way := range ways {
		if found, err := way(ctx, d, text); err != nil || len(found) > 0 {
			return found, err
		}
	}
	return nil, nil
}

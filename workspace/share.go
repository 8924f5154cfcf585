package workspace

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/validate"
)

// ShareOptions are the optional parts of [Workspace.Share].
type ShareOptions struct {
	// PrincipalType says what the principal is. With it and an object id the directory
	// is not asked. Default: what the directory says.
	PrincipalType PrincipalType
	// Description is kept with the assignment.
	Description string
	// Patience is how long to go on trying while the resource manager does not know the
	// principal yet: a new one takes a while to appear everywhere. It is used when the
	// principal is known to exist (from the directory, or because PrincipalType is given).
	// Default 2 minutes; negative: do not wait.
	Patience time.Duration
}

// defaultPatience is how long a new principal is waited for.
const defaultPatience = 2 * time.Minute

// Pauses between two tries for a new principal.
const (
	firstPause = 2 * time.Second
	maxPause   = 20 * time.Second
)

// Share gives a principal a role on the workspace, and only there. principal is an
// object id, an application id, a user name or mail address, or the name of a service
// principal or group; role is a name ([RoleReader], …), a GUID or a whole id. The
// principal is looked up in the directory as [Workspace.LookupPrincipal] does, unless an
// object id and [ShareOptions].PrincipalType are given.
//
// Giving the same role twice is giving it once: the assignment's id follows from
// workspace, principal and role, and "already there" is success (Existed then is true).
// Where the credential may not read the directory, a GUID is taken as an object id, with a
// warning.
//
// Errors: ErrNotFound, ErrAmbiguous (principal or role), ErrInvalid, ErrForbidden: it
// takes Owner, User Access Administrator or Role Based Access Control Administrator to
// share. It mirrors "az ml workspace share".
func (w *Workspace) Share(ctx context.Context, principal, role string, o *ShareOptions) (*RoleAssignment, error) {
	var options ShareOptions
	if o != nil {
		options = *o
	}
	principal, role = trim(principal), trim(role)
	var check validate.Checker
	check.Require("principal", principal)
	check.Require("role", role)
	validate.OneOf(&check, "PrincipalType", options.PrincipalType, PossiblePrincipalTypeValues()...)
	if err := check.Err("share", w.subject()); err != nil {
		return nil, err
	}
	roleID, err := w.roleID(ctx, role)
	if err != nil {
		return nil, err
	}
	who, certain, err := w.identify(ctx, principal, options.PrincipalType)
	if err != nil {
		return nil, err
	}
	patience := options.Patience
	switch {
	case !certain || patience < 0:
		patience = 0
	case patience == 0:
		patience = defaultPatience
	}
	a := assignment{ws: w, who: who, role: roleID, description: options.Description}
	return a.assign(ctx, patience)
}

// identify finds out who is meant, and whether it is certain that the principal exists.
func (w *Workspace) identify(ctx context.Context, principal string, kind PrincipalType) (who Principal, certain bool, err error) {
	isGUID := guidPattern.MatchString(principal)
	if isGUID && kind != "" {
		return Principal{ObjectID: principal, Type: kind}, true, nil
	}
	found, err := w.LookupPrincipal(ctx, principal)
	switch {
	case err == nil:
		if kind != "" {
			found.Type = kind
		}
		return *found, true, nil
	case isGUID && (errors.Is(err, azureml.ErrForbidden) || errors.Is(err, azureml.ErrUnauthorized)):
		// The resource manager finds out by itself what kind of principal it is.
		w.connection.warn(azureml.Warning{
			Subject: fmt.Sprintf("principal %q", principal), Err: err,
			Message: "the directory may not be read; taking it as an object id",
		})
		return Principal{ObjectID: principal}, false, nil
	}
	return Principal{}, false, err
}

// assignment is a role that is given to a principal.
type assignment struct {
	ws          *Workspace
	who         Principal
	role        string
	description string
}

type wireAssign struct {
	Properties struct {
		Role        string        `json:"roleDefinitionId"`
		Principal   string        `json:"principalId"`
		Type        PrincipalType `json:"principalType,omitempty"`
		Description string        `json:"description,omitempty"`
	} `json:"properties"`
}

// name is the same GUID for the same role of the same principal on the same workspace.
func (a assignment) name() string {
	text := strings.ToLower(a.ws.scope() + "|" + a.who.ObjectID + "|" + roleGUID(a.role))
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte(text)).String()
}

// assign gives the role, waiting for a new principal to be known.
func (a assignment) assign(ctx context.Context, patience time.Duration) (*RoleAssignment, error) {
	deadline, pause := time.Now().Add(patience), firstPause
	for {
		made, err := a.put(ctx)
		if err == nil {
			return made, nil
		}
		switch {
		case azureml.HasCode(err, "RoleAssignmentExists"):
			return a.existing(ctx), nil
		case azureml.HasCode(err, "PrincipalNotFound") && time.Now().Add(pause).Before(deadline):
			if sleep(ctx, pause) != nil {
				return nil, a.explain(err)
			}
			pause = min(pause*2, maxPause)
		default:
			return nil, a.explain(err)
		}
	}
}

func (a assignment) put(ctx context.Context) (*RoleAssignment, error) {
	var body wireAssign
	body.Properties.Role, body.Properties.Principal = a.role, a.who.ObjectID
	body.Properties.Type, body.Properties.Description = a.who.Type, a.description
	var made wireAssignment
	_, err := a.ws.Do(ctx, Request{
		Service: ResourceManager, Operation: "share", Subject: a.ws.subject(), Method: http.MethodPut,
		Path:  a.ws.assignments() + "/" + a.name(),
		Query: url.Values{"api-version": {authorizationVersion}}, Body: body,
	}, &made)
	if err != nil {
		return nil, err
	}
	result := made.public(a.ws)
	if result.PrincipalType == "" {
		result.PrincipalType = a.who.Type
	}
	result.Principal = a.who.named()
	return &result, nil
}

// existing is the assignment that was there before. Whoever made it may have given it
// another id, so it is looked for; that it is there is certain.
func (a assignment) existing(ctx context.Context) *RoleAssignment {
	found := RoleAssignment{Scope: a.ws.ID, PrincipalID: a.who.ObjectID, PrincipalType: a.who.Type, RoleID: a.role, RoleName: builtInNames[roleGUID(a.role)]}
	for have, err := range a.ws.listAssignments(ctx, "principalId eq "+quoted(a.who.ObjectID)) {
		if err != nil {
			break
		}
		if r := have.public(a.ws); strings.EqualFold(r.Scope, a.ws.ID) && r.fits(a.who.ObjectID, a.role) {
			found = r
			break
		}
	}
	found.Existed, found.Principal = true, a.who.named()
	return &found
}

// explain says what helps against the usual mistakes.
func (a assignment) explain(err error) error {
	e, ok := errors.AsType[*azureml.Error](err)
	if !ok {
		return err
	}
	copied := *e
	switch {
	case e.HasCode("PrincipalNotFound"):
		copied.Kind = azureml.ErrNotFound
		copied.Remedy = "Check that " + a.who.ObjectID + " is an object id and not an application id, and of the subscription's tenant. A principal that was just made may need some minutes; see ShareOptions.Patience. " + giveObjectID
	case e.HasCode("UnmatchedPrincipalType"):
		copied.Kind = azureml.ErrInvalid
		copied.Remedy = "Give the type that the message names as ShareOptions.PrincipalType, or leave it out."
	case e.HasCode("AuthorizationFailed"):
		copied.Remedy = "To give roles takes Owner, User Access Administrator or Role Based Access Control Administrator on the workspace or above it."
	default:
		return err
	}
	return &copied
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

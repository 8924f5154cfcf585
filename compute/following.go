package compute

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/remedy"
	"github.com/azureml-go/azureml/internal/rest"
	"github.com/azureml-go/azureml/workspace"
)

// following looks after a compute that an operation is changing.
type following struct {
	ws   *workspace.Workspace
	name string
}

// look gives the compute's own state, for when there is no operation to poll.
func (f following) look(ctx context.Context) (string, error) {
	c, err := read(ctx, f.ws, f.name, "look at")
	if err != nil {
		return "", err
	}
	return stateOf(c)
}

// stateOf is a compute's state as that of an operation, with the failure it names.
func stateOf(c *Compute) (string, error) {
	state := c.ProvisioningState
	if state == "" {
		state = StateUnknown
	}
	if strings.EqualFold(string(state), string(StateFailed)) && len(c.ProvisioningErrors) > 0 {
		first := c.ProvisioningErrors[0]
		return string(state), &azureml.Error{Code: first.Code, Message: first.Message, Details: c.ProvisioningErrors[1:]}
	}
	return string(state), nil
}

// failed adds the compute's provisioning errors to an operation's failure; the
// operation itself often says no more than "Conflict".
func (f following) failed(ctx context.Context, _ workspace.OperationStatus, failure *azureml.Error) error {
	text, inner := splitMessage(failure.Message)
	if text != "" {
		failure.Message = text
	}
	addDetails(failure, inner)
	failure.Details = expanded(failure.Details)
	c, err := read(ctx, f.ws, f.name, "read the provisioning errors of")
	switch {
	case err == nil:
		addDetails(failure, c.ProvisioningErrors)
	case !errors.Is(err, azureml.ErrNotFound):
		addDetails(failure, []azureml.ErrorDetail{{Message: "the compute's provisioning errors could not be read: " + strings.TrimPrefix(err.Error(), "azureml: ")}})
	}
	failure.Remedy, failure.Help = remedy.For(failure)
	return failure
}

func expanded(details []azureml.ErrorDetail) []azureml.ErrorDetail {
	var all []azureml.ErrorDetail
	for _, d := range details {
		all = append(all, unwrapped(d)...)
	}
	return all
}

// addDetails appends what the failure does not say yet.
func addDetails(failure *azureml.Error, details []azureml.ErrorDetail) {
	for _, d := range details {
		known := d.Code == failure.Code && d.Message == failure.Message ||
			slices.ContainsFunc(failure.Details, func(have azureml.ErrorDetail) bool {
				return have.Code == d.Code && have.Message == d.Message
			})
		if !known {
			failure.Details = append(failure.Details, d)
		}
	}
}

// describes tells whether a compute is one that body asks for: everything that body
// says and the service shows is equal. The service does not show keys, and nothing of
// the type's own properties while it creates the compute.
func describes(c *Compute, body any) (bool, error) {
	if c.in(StateDeleting) {
		return false, nil
	}
	asked, err := rest.Marshal(body)
	if err != nil {
		return false, err
	}
	var want, have map[string]any
	if err := json.Unmarshal(asked, &want); err != nil {
		return false, err
	}
	if err := json.Unmarshal(c.Raw, &have); err != nil {
		return false, err
	}
	return contains(have, want, ""), nil
}

// unseen are members that the service does not give back as they were sent: secrets,
// and wishes that last for one request.
var unseen = []string{"cert", "key", "overwriteExistingDomain", "renew"}

// contains compares member by member what want says; name is that of the member itself.
func contains(have, want any, name string) bool {
	if want == nil || slices.Contains(unseen, name) {
		return true
	}
	switch w := want.(type) {
	case map[string]any:
		h, ok := have.(map[string]any)
		if !ok {
			// The type's own properties are not filled in yet.
			return have == nil && name == "properties"
		}
		for key, value := range w {
			if !contains(h[key], value, key) {
				return false
			}
		}
		return true
	case string:
		h, ok := have.(string)
		switch {
		case !ok:
			return false
		case name == "computeLocation" || name == "location":
			return region(h) == region(w)
		case name == "leafDomainLabel":
			// The service appends to it.
			return strings.HasPrefix(strings.ToLower(h), strings.ToLower(w))
		}
		return strings.EqualFold(h, w) || sameResource(h, w)
	}
	return have == want
}

package compute

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/rest"
	"github.com/azureml-go/azureml/workspace"
)

// Compute is a compute of any type as it was when it was read. What belongs to its
// type alone is in Properties. It is read-only and safe for concurrent use.
//
// It mirrors azureml.core.ComputeTarget; unlike there, computes of unknown types are
// neither hidden nor stripped.
type Compute struct {
	// ID is the resource manager's id: /subscriptions/…/workspaces/WS/computes/NAME.
	ID string `json:"id,omitempty"`
	// Name in the workspace.
	Name string `json:"name"`
	// Type tells what Properties hold.
	Type Type `json:"computeType"`
	// Location is the workspace's region.
	Location string `json:"location,omitempty"`
	// ComputeLocation is the region of the machines themselves. azureml.core calls it
	// cluster_location.
	ComputeLocation string            `json:"computeLocation,omitempty"`
	Description     string            `json:"description,omitempty"`
	Tags            map[string]string `json:"tags,omitempty"`
	// ResourceID is the id of the machines' own resource, of an AKS compute the managed
	// cluster. azureml.core calls it cluster_resource_id.
	ResourceID string `json:"resourceId,omitempty"`
	// ProvisioningState is StateSucceeded for a compute that can be used.
	ProvisioningState ProvisioningState `json:"provisioningState,omitempty"`
	// ProvisioningErrors say why the state is StateFailed, outer errors before inner ones.
	ProvisioningErrors []azureml.ErrorDetail `json:"provisioningErrors,omitempty"`
	// IsAttached tells a compute that was attached from one that was created. nil: the
	// service did not say.
	IsAttached *bool `json:"isAttachedCompute,omitempty"`
	// DisableLocalAuth, where the service tells it.
	DisableLocalAuth *bool     `json:"disableLocalAuth,omitempty"`
	CreatedOn        time.Time `json:"createdOn,omitzero"`
	ModifiedOn       time.Time `json:"modifiedOn,omitzero"`
	// Properties are the type's own properties as JSON, "null" or empty where the
	// service gave none (as it does while a compute is being created).
	Properties json.RawMessage `json:"properties,omitempty"`
	// Raw is the whole answer of the service as JSON. Passwords and private keys, which
	// the service does not give out as a rule, are replaced in it and in Properties.
	Raw json.RawMessage `json:"raw,omitempty"`

	ws *workspace.Workspace
}

// String names type, name and state.
func (c *Compute) String() string {
	text := fmt.Sprintf("%s compute %q", string(c.Type), c.Name)
	if c.ProvisioningState != "" {
		text += " (" + string(c.ProvisioningState) + ")"
	}
	return strings.TrimSpace(text)
}

// Is tells whether the compute is of type t, whatever the case of letters.
func (c *Compute) Is(t Type) bool { return strings.EqualFold(string(c.Type), string(t)) }

// in tells whether the compute is in a state, whatever the case of letters.
func (c *Compute) in(state ProvisioningState) bool {
	return strings.EqualFold(string(c.ProvisioningState), string(state))
}

// attached tells that the compute is known to be attached.
func (c *Compute) attached() bool { return c.IsAttached != nil && *c.IsAttached }

func subject(name string) string { return "compute " + strconv.Quote(name) }

// path of a compute behind the workspace's own path.
func path(name string) string { return "computes/" + workspace.Segment(name) }

// connected is an error for a compute that did not come from a workspace.
func (c *Compute) connected(operation string) error {
	if c.ws != nil {
		return nil
	}
	return &azureml.Error{
		Operation: operation, Subject: subject(c.Name), Kind: azureml.ErrInvalid,
		Message: "it has no connection to a workspace",
		Remedy:  "Read it with compute.GetAks, compute.Get or compute.List.",
	}
}

// resource is a compute as the service writes it.
type resource struct {
	wireResource
	raw json.RawMessage
}

type wireResource struct {
	ID         string                     `json:"id"`
	Name       string                     `json:"name"`
	Location   string                     `json:"location"`
	Tags       map[string]json.RawMessage `json:"tags"`
	Properties struct {
		ComputeType        string          `json:"computeType"`
		ComputeLocation    string          `json:"computeLocation"`
		Description        string          `json:"description"`
		CreatedOn          rest.Time       `json:"createdOn"`
		ModifiedOn         rest.Time       `json:"modifiedOn"`
		ResourceID         string          `json:"resourceId"`
		ProvisioningState  string          `json:"provisioningState"`
		ProvisioningErrors json.RawMessage `json:"provisioningErrors"`
		IsAttached         lenient[bool]   `json:"isAttachedCompute"`
		DisableLocalAuth   lenient[bool]   `json:"disableLocalAuth"`
		Properties         json.RawMessage `json:"properties"`
	} `json:"properties"`
}

// UnmarshalJSON takes whatever has the form of a resource and keeps the whole of it.
// What does not is kept as well, so that one odd entry does not spoil a list.
func (r *resource) UnmarshalJSON(data []byte) error {
	r.raw = append(json.RawMessage(nil), data...)
	if trimmed := strings.TrimSpace(string(data)); !strings.HasPrefix(trimmed, "{") {
		return nil
	}
	return rest.Unmarshal(data, &r.wireResource)
}

// isCompute tells whether r is a compute at all.
func (r *resource) isCompute() bool { return r.Properties.ComputeType != "" }

// snapshot makes the picture for people.
func (r *resource) snapshot(ws *workspace.Workspace, name string) *Compute {
	p := r.Properties
	c := &Compute{
		ID: r.ID, Name: r.Name, Type: Type(p.ComputeType), Location: r.Location,
		ComputeLocation: p.ComputeLocation, Description: p.Description, Tags: texts(r.Tags),
		ResourceID: p.ResourceID, ProvisioningState: ProvisioningState(p.ProvisioningState),
		ProvisioningErrors: provisioningErrors(p.ProvisioningErrors),
		IsAttached:         p.IsAttached.value, DisableLocalAuth: p.DisableLocalAuth.value,
		CreatedOn: p.CreatedOn.Time, ModifiedOn: p.ModifiedOn.Time,
		Properties: scrub(p.Properties), Raw: scrub(r.raw), ws: ws,
	}
	if c.Name == "" {
		c.Name = name
	}
	return c
}

// lenient is a value that the wire may lack; one of another type counts as lacking, and
// not, as encoding/json has it, as zero.
type lenient[T any] struct{ value *T }

// UnmarshalJSON never fails.
func (l *lenient[T]) UnmarshalJSON(data []byte) error {
	var value *T
	if json.Unmarshal(data, &value) == nil {
		l.value = value
	}
	return nil
}

// texts are the values of tags, which the service may not keep to strings.
func texts(tags map[string]json.RawMessage) map[string]string {
	if tags == nil {
		return nil
	}
	all := make(map[string]string, len(tags))
	for key, raw := range tags {
		var text string
		if json.Unmarshal(raw, &text) != nil {
			text = string(raw)
		}
		all[key] = text
	}
	return all
}

package workspace

import (
	"context"
	"maps"
	"net/http"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/azureml-go/azureml/internal/validate"
)

// Update says what [Workspace.BeginUpdate] changes; what is nil stays.
type Update struct {
	// Tags replace all tags; an empty map takes all away.
	Tags         map[string]string
	FriendlyName *string
	Description  *string
	// ImageBuildCompute is the compute on which images are built, "" for the registry's
	// own builders. It is needed for a registry behind a virtual network.
	ImageBuildCompute *string
	// ContainerRegistry and ApplicationInsights are ids of resources to use from now on.
	ContainerRegistry   *string
	ApplicationInsights *string
	// PrimaryUserAssignedIdentity is the id of the identity that the workspace acts as. It
	// is assigned to the workspace if it is not yet, which costs a request.
	PrimaryUserAssignedIdentity *string
	// CosmosDBThroughput is that of the service's own database for a workspace with a key
	// of the customer's, in request units per second (service_managed_resources_settings).
	CosmosDBThroughput *int
	// PublicNetworkAccess lets requests from the public network in, or keeps them out.
	PublicNetworkAccess *PublicNetworkAccess
	// AllowPublicAccessWhenBehindVnet is what PublicNetworkAccess was before.
	AllowPublicAccessWhenBehindVnet *bool
	// V1LegacyMode keeps everything but the services of the first generation out.
	V1LegacyMode *bool
}

// UpdateOptions are the optional parts of [Workspace.BeginUpdate].
type UpdateOptions struct {
	// ResumeToken goes on with an update that was begun earlier: nothing is checked and
	// nothing but polls is sent.
	ResumeToken string
}

// wireUpdate is the body of an update.
type wireUpdate struct {
	Tags       *map[string]string   `json:"tags,omitempty"`
	Identity   *wireIdentity        `json:"identity,omitempty"`
	Properties wireUpdateProperties `json:"properties,omitzero"`
}

type wireUpdateProperties struct {
	FriendlyName                *string              `json:"friendlyName,omitempty"`
	Description                 *string              `json:"description,omitempty"`
	ImageBuildCompute           *string              `json:"imageBuildCompute,omitempty"`
	ContainerRegistry           *string              `json:"containerRegistry,omitempty"`
	ApplicationInsights         *string              `json:"applicationInsights,omitempty"`
	PrimaryUserAssignedIdentity *string              `json:"primaryUserAssignedIdentity,omitempty"`
	ServiceManaged              *wireServiceManaged  `json:"serviceManagedResourcesSettings,omitempty"`
	PublicNetworkAccess         *PublicNetworkAccess `json:"publicNetworkAccess,omitempty"`
	AllowPublicAccess           *bool                `json:"allowPublicAccessWhenBehindVnet,omitempty"`
	V1LegacyMode                *bool                `json:"v1LegacyMode,omitempty"`
}

type wireServiceManaged struct {
	CosmosDB struct {
		Throughput int `json:"collectionsThroughput"`
	} `json:"cosmosDb"`
}

// BeginUpdate changes settings of the workspace. The poller's result is the workspace as
// it is then; w itself stays as it was read. Errors: ErrInvalid, ErrNotFound, ErrConflict,
// ErrOperationFailed. It mirrors azureml.core's Workspace.update and update_dependencies.
func (w *Workspace) BeginUpdate(ctx context.Context, u Update, o *UpdateOptions) (*runtime.Poller[*Workspace], error) {
	var options UpdateOptions
	if o != nil {
		options = *o
	}
	r := w.self(http.MethodPatch, "update")
	if options.ResumeToken == "" {
		body, err := u.build(w.subject())
		if err != nil {
			return nil, err
		}
		if id := body.Properties.PrimaryUserAssignedIdentity; id != nil && *id != "" {
			if body.Identity, err = w.identityWith(ctx, *id); err != nil {
				return nil, err
			}
		}
		r.Body = body
	}
	return Begin(ctx, w, r, Operation[*Workspace]{
		Kind: "update workspace", Resource: "workspace", ResumeToken: options.ResumeToken, Look: w.look,
		Done: func(ctx context.Context, _ OperationStatus) (*Workspace, error) { return w.Refresh(ctx) },
	})
}

// build checks what can be checked and makes the body.
func (u Update) build(subject string) (wireUpdate, error) {
	var check validate.Checker
	b := wireUpdate{Properties: wireUpdateProperties{
		FriendlyName: u.FriendlyName, Description: u.Description, ImageBuildCompute: u.ImageBuildCompute,
		ContainerRegistry: u.ContainerRegistry, ApplicationInsights: u.ApplicationInsights,
		PrimaryUserAssignedIdentity: u.PrimaryUserAssignedIdentity, PublicNetworkAccess: u.PublicNetworkAccess,
		AllowPublicAccess: u.AllowPublicAccessWhenBehindVnet, V1LegacyMode: u.V1LegacyMode,
	}}
	if u.Tags != nil {
		tags := maps.Clone(u.Tags)
		b.Tags = &tags
	}
	if u.CosmosDBThroughput != nil {
		validate.PositivePtr(&check, "CosmosDBThroughput", u.CosmosDBThroughput)
		b.Properties.ServiceManaged = new(wireServiceManaged)
		b.Properties.ServiceManaged.CosmosDB.Throughput = *u.CosmosDBThroughput
	}
	if b.Tags == nil && b.Properties == (wireUpdateProperties{}) {
		check.Add("Update", nil, "changes nothing")
	}
	for _, id := range []struct {
		field string
		value *string
		kind  string
	}{
		{"ContainerRegistry", u.ContainerRegistry, registryType},
		{"ApplicationInsights", u.ApplicationInsights, insightsType},
		{"PrimaryUserAssignedIdentity", u.PrimaryUserAssignedIdentity, identityType},
	} {
		if id.value != nil && check.Require(id.field, *id.value) {
			checkID(&check, id.field, *id.value, id.kind)
		}
	}
	if access := u.PublicNetworkAccess; access != nil && check.Require("PublicNetworkAccess", string(*access)) {
		validate.OneOf(&check, "PublicNetworkAccess", *access, PossiblePublicNetworkAccessValues()...)
	}
	return b, check.Err("update", subject)
}

// identityWith is the workspace's identity with one more user-assigned one, or nil if it
// has that already.
func (w *Workspace) identityWith(ctx context.Context, id string) (*wireIdentity, error) {
	d, err := w.Details(ctx)
	if err != nil {
		return nil, err
	}
	for have := range d.Identity.UserAssigned {
		if strings.EqualFold(have, id) {
			return nil, nil
		}
	}
	kind := strings.ReplaceAll(d.Identity.Type, " ", "")
	switch {
	case kind == "" || strings.EqualFold(kind, "None"):
		kind = "UserAssigned"
	case !strings.Contains(strings.ToLower(kind), "userassigned"):
		kind += ",UserAssigned"
	}
	return &wireIdentity{Type: kind, UserAssigned: map[string]struct{}{id: {}}}, nil
}

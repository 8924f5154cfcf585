package workspace

import (
	"context"
	"encoding/json"
	"time"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/rest"
)

// Details is the resource manager's full picture of a workspace.
type Details struct {
	ID         string            `json:"id"`
	Name       string            `json:"name"`
	Type       string            `json:"type,omitempty"`
	Location   string            `json:"location,omitempty"`
	Tags       map[string]string `json:"tags,omitempty"`
	ETag       string            `json:"etag,omitempty"`
	Kind       string            `json:"kind,omitempty"`
	Identity   Identity          `json:"identity,omitzero"`
	SKU        SKU               `json:"sku,omitzero"`
	Properties Properties        `json:"properties"`
	SystemData SystemData        `json:"systemData,omitzero"`
	// Raw is the whole answer, also what has no field here, and with the telemetry key.
	Raw map[string]any `json:"-"`
}

// Identity is the workspace's managed identity.
type Identity struct {
	// Type is "SystemAssigned", "UserAssigned" or both with a comma.
	Type        string `json:"type,omitempty"`
	PrincipalID string `json:"principalId,omitempty"`
	TenantID    string `json:"tenantId,omitempty"`
	// UserAssigned maps the ids of user-assigned identities to them.
	UserAssigned map[string]UserIdentity `json:"userAssignedIdentities,omitempty"`
}

// UserIdentity is a user-assigned identity.
type UserIdentity struct {
	PrincipalID string `json:"principalId,omitempty"`
	ClientID    string `json:"clientId,omitempty"`
}

// SKU is the price tier.
type SKU struct {
	Name string `json:"name,omitempty"`
	Tier string `json:"tier,omitempty"`
}

// Properties are the workspace's own settings. Numbers and booleans that the service
// does not tell are nil.
type Properties struct {
	FriendlyName                    string    `json:"friendlyName,omitempty"`
	Description                     string    `json:"description,omitempty"`
	CreationTime                    time.Time `json:"creationTime,omitzero"`
	WorkspaceID                     string    `json:"workspaceId,omitempty"`
	TenantID                        string    `json:"tenantId,omitempty"`
	ProvisioningState               string    `json:"provisioningState,omitempty"`
	StorageAccount                  string    `json:"storageAccount,omitempty"`
	KeyVault                        string    `json:"keyVault,omitempty"`
	ApplicationInsights             string    `json:"applicationInsights,omitempty"`
	ContainerRegistry               string    `json:"containerRegistry,omitempty"`
	DatabricksWorkspace             string    `json:"adbWorkspace,omitempty"`
	DiscoveryURL                    string    `json:"discoveryUrl,omitempty"`
	MLflowTrackingURI               string    `json:"mlFlowTrackingUri,omitempty"`
	HBIWorkspace                    *bool     `json:"hbiWorkspace,omitempty"`
	ImageBuildCompute               string    `json:"imageBuildCompute,omitempty"`
	AllowPublicAccessWhenBehindVnet *bool     `json:"allowPublicAccessWhenBehindVnet,omitempty"`
	PublicNetworkAccess             string    `json:"publicNetworkAccess,omitempty"`
	PrivateLinkCount                *int      `json:"privateLinkCount,omitempty"`
	StorageHNSEnabled               *bool     `json:"storageHnsEnabled,omitempty"`
	// TelemetryKey is the instrumentation key of the service's own telemetry.
	TelemetryKey                    azureml.Secret              `json:"sdkTelemetryAppInsightsKey,omitzero"`
	LinkedModelInventory            string                      `json:"linkedModelInventoryArmId,omitempty"`
	SoftDeleteEnabled               *bool                       `json:"softDeleteEnabled,omitempty"`
	ServiceManagedResources         *ServiceManagedResources    `json:"serviceManagedResourcesSettings,omitempty"`
	SharedPrivateLinks              []SharedPrivateLink         `json:"sharedPrivateLinkResources,omitempty"`
	ServiceProvisionedResourceGroup string                      `json:"serviceProvisionedResourceGroup,omitempty"`
	PrimaryUserAssignedIdentity     string                      `json:"primaryUserAssignedIdentity,omitempty"`
	SystemDatastoresAuthMode        string                      `json:"systemDatastoresAuthMode,omitempty"`
	V1LegacyMode                    *bool                       `json:"v1LegacyMode,omitempty"`
	Encryption                      *Encryption                 `json:"encryption,omitempty"`
	NotebookInfo                    *NotebookInfo               `json:"notebookInfo,omitempty"`
	PrivateEndpointConnections      []PrivateEndpointConnection `json:"privateEndpointConnections,omitempty"`
}

// Encryption says with which key of the customer the workspace encrypts.
type Encryption struct {
	Status   string `json:"status,omitempty"`
	Identity struct {
		UserAssigned string `json:"userAssignedIdentity,omitempty"`
	} `json:"identity,omitzero"`
	KeyVault struct {
		ID       string `json:"keyVaultArmId,omitempty"`
		Key      string `json:"keyIdentifier,omitempty"`
		ClientID string `json:"identityClientId,omitempty"`
	} `json:"keyVaultProperties,omitzero"`
}

// NotebookInfo is the workspace's notebook resource.
type NotebookInfo struct {
	ResourceID string `json:"resourceId,omitempty"`
	FQDN       string `json:"fqdn,omitempty"`
	// PrivateLinkEnabled tells whether it is reached through a private endpoint.
	PrivateLinkEnabled *bool `json:"isPrivateLinkEnabled,omitempty"`
	// PreparationError is why it could not be made.
	PreparationError *NotebookError `json:"notebookPreparationError,omitempty"`
}

// NotebookError is why a notebook resource could not be made.
type NotebookError struct {
	Message    string `json:"errorMessage,omitempty"`
	StatusCode int    `json:"statusCode,omitempty"`
}

// ServiceManagedResources are settings of what the service keeps in the subscription of a
// customer with a key of their own.
type ServiceManagedResources struct {
	CosmosDB struct {
		// CollectionsThroughput is in request units per second.
		CollectionsThroughput *int `json:"collectionsThroughput,omitempty"`
	} `json:"cosmosDb,omitzero"`
}

// SharedPrivateLink is a private link from the workspace to a resource.
type SharedPrivateLink struct {
	Name       string `json:"name,omitempty"`
	Properties struct {
		ResourceID     string `json:"privateLinkResourceId,omitempty"`
		GroupID        string `json:"groupId,omitempty"`
		RequestMessage string `json:"requestMessage,omitempty"`
		Status         string `json:"status,omitempty"`
	} `json:"properties,omitzero"`
}

// PrivateEndpointConnection is a private endpoint of the workspace.
type PrivateEndpointConnection struct {
	ID         string `json:"id,omitempty"`
	Name       string `json:"name,omitempty"`
	Properties struct {
		ProvisioningState string `json:"provisioningState,omitempty"`
		PrivateEndpoint   struct {
			ID string `json:"id,omitempty"`
		} `json:"privateEndpoint,omitzero"`
		State struct {
			Status          string `json:"status,omitempty"`
			Description     string `json:"description,omitempty"`
			ActionsRequired string `json:"actionsRequired,omitempty"`
		} `json:"privateLinkServiceConnectionState,omitzero"`
	} `json:"properties,omitzero"`
}

// SystemData says who made the workspace and who changed it last.
type SystemData struct {
	CreatedAt          time.Time `json:"createdAt,omitzero"`
	CreatedBy          string    `json:"createdBy,omitempty"`
	CreatedByType      string    `json:"createdByType,omitempty"`
	LastModifiedAt     time.Time `json:"lastModifiedAt,omitzero"`
	LastModifiedBy     string    `json:"lastModifiedBy,omitempty"`
	LastModifiedByType string    `json:"lastModifiedByType,omitempty"`
}

// Details reads everything that the resource manager tells about the workspace, in one
// request. It mirrors azureml.core's Workspace.get_details, in the resource manager's
// own spelling.
func (w *Workspace) Details(ctx context.Context) (*Details, error) {
	var raw json.RawMessage
	path := reference{w.SubscriptionID, w.ResourceGroup, w.Name}.path()
	if _, err := w.Do(ctx, Request{Service: ResourceManager, Operation: "get the details of", Subject: w.subject(), Path: path}, &raw); err != nil {
		return nil, err
	}
	d := new(Details)
	if err := rest.Unmarshal(raw, d); err != nil {
		return nil, &azureml.Error{Operation: "get the details of", Subject: w.subject(), Message: "the answer is not the JSON that was expected", Body: raw, Err: err}
	}
	if err := rest.Unmarshal(raw, &d.Raw); err != nil {
		return nil, &azureml.Error{Operation: "get the details of", Subject: w.subject(), Message: "the answer is not a JSON object", Body: raw, Err: err}
	}
	return d, nil
}

package workspace

import (
	"fmt"
	"log/slog"

	"github.com/azureml-go/azureml/internal/rest"
)

// Workspace is a workspace as it was when it was read, with the connection to its
// services. It is read-only and safe for concurrent use; share one for everything in
// the workspace. Marshalling it gives the fields, never the credential.
type Workspace struct {
	// ID is the resource manager's id: /subscriptions/…/workspaces/NAME.
	ID string `json:"id"`
	// Name, ResourceGroup and SubscriptionID say where it is, as the resource manager spells them.
	Name           string `json:"name"`
	ResourceGroup  string `json:"resourceGroup"`
	SubscriptionID string `json:"subscriptionId"`
	// WorkspaceID is the workspace's own GUID.
	WorkspaceID string `json:"workspaceId,omitempty"`
	// TenantID is the tenant of the workspace, where the service tells it.
	TenantID string `json:"tenantId,omitempty"`
	// Location is its region: "westeurope".
	Location string            `json:"location,omitempty"`
	Tags     map[string]string `json:"tags,omitempty"`
	// FriendlyName and Description are what people wrote about it.
	FriendlyName string `json:"friendlyName,omitempty"`
	Description  string `json:"description,omitempty"`
	// ProvisioningState is "Succeeded" for one that can be used.
	ProvisioningState string `json:"provisioningState,omitempty"`
	// StorageAccount, KeyVault, ApplicationInsights and ContainerRegistry are the ids of
	// the resources it uses; the registry is made with the first image.
	StorageAccount      string `json:"storageAccount,omitempty"`
	KeyVault            string `json:"keyVault,omitempty"`
	ApplicationInsights string `json:"applicationInsights,omitempty"`
	ContainerRegistry   string `json:"containerRegistry,omitempty"`
	// DiscoveryURL tells where its services are.
	DiscoveryURL string `json:"discoveryUrl,omitempty"`
	// PublicNetworkAccess is "Enabled" or "Disabled".
	PublicNetworkAccess string `json:"publicNetworkAccess,omitempty"`
	// PrivateLinkCount is the number of its private endpoints.
	PrivateLinkCount int `json:"privateLinkCount,omitempty"`
	// V1LegacyMode tells whether only the services of the first generation may be used:
	// its computes and endpoints cannot be managed through the resource manager's newer
	// interface. Nil where the service does not tell.
	V1LegacyMode *bool `json:"v1LegacyMode,omitempty"`
	// ConfigFile is the file that [FromConfig] found it with, "" otherwise.
	ConfigFile string `json:"configFile,omitempty"`

	connection *connection
	client     *rest.Client
	discovery  *discovery
}

// wireWorkspace is the resource manager's workspace.
type wireWorkspace struct {
	ID         string            `json:"id"`
	Name       string            `json:"name"`
	Location   string            `json:"location"`
	Tags       map[string]string `json:"tags"`
	Properties struct {
		WorkspaceID         string `json:"workspaceId"`
		TenantID            string `json:"tenantId"`
		FriendlyName        string `json:"friendlyName"`
		Description         string `json:"description"`
		ProvisioningState   string `json:"provisioningState"`
		StorageAccount      string `json:"storageAccount"`
		KeyVault            string `json:"keyVault"`
		ApplicationInsights string `json:"applicationInsights"`
		ContainerRegistry   string `json:"containerRegistry"`
		DiscoveryURL        string `json:"discoveryUrl"`
		PublicNetworkAccess string `json:"publicNetworkAccess"`
		PrivateLinkCount    int    `json:"privateLinkCount"`
		V1LegacyMode        *bool  `json:"v1LegacyMode"`
	} `json:"properties"`
}

// open makes the workspace that w pictures.
func (c *connection) open(client *rest.Client, w wireWorkspace, asked reference) *Workspace {
	at := asked
	if parsed, err := parseID(w.ID); err == nil {
		at = parsed
	}
	p := w.Properties
	opened := &Workspace{
		ID: at.id(), Name: at.name, ResourceGroup: at.group, SubscriptionID: at.subscription,
		WorkspaceID: p.WorkspaceID, TenantID: p.TenantID, Location: w.Location, Tags: w.Tags,
		FriendlyName: p.FriendlyName, Description: p.Description, ProvisioningState: p.ProvisioningState,
		StorageAccount: p.StorageAccount, KeyVault: p.KeyVault, ApplicationInsights: p.ApplicationInsights,
		ContainerRegistry: p.ContainerRegistry, DiscoveryURL: p.DiscoveryURL,
		PublicNetworkAccess: p.PublicNetworkAccess, PrivateLinkCount: p.PrivateLinkCount,
		V1LegacyMode: p.V1LegacyMode,
		connection:   c, client: client, discovery: &discovery{},
	}
	opened.discovery.scope = opened.scope()
	return opened
}

func (w *Workspace) subject() string { return fmt.Sprintf("workspace %q", w.Name) }

// String names the workspace and where it is.
func (w *Workspace) String() string {
	return fmt.Sprintf("workspace %s in resource group %s, subscription %s", w.Name, w.ResourceGroup, w.SubscriptionID)
}

// Format prints [Workspace.String] whatever the verb, so that no verb walks into the
// connection.
func (w *Workspace) Format(f fmt.State, _ rune) { fmt.Fprint(f, w.String()) }

// LogValue gives log/slog the names.
func (w *Workspace) LogValue() slog.Value {
	return slog.GroupValue(slog.String("name", w.Name), slog.String("resourceGroup", w.ResourceGroup), slog.String("subscription", w.SubscriptionID))
}

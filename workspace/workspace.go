package workspace

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/authentication"
	"github.com/azureml-go/azureml/internal/clouds"
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
	// ConfigFile is the file that [FromConfig] found it with, "" otherwise.
	ConfigFile string `json:"configFile,omitempty"`

	connection *connection
	client     *rest.Client
	discovery  *discovery
}

// connection is what a workspace, or a list of workspaces, is reached with.
type connection struct {
	credential azcore.TokenCredential
	cloud      clouds.Cloud
	options    azcore.ClientOptions
	apiVersion string
	onWarning  func(azureml.Warning)
}

func (c *connection) warn(w azureml.Warning) {
	if c.onWarning != nil {
		c.onWarning(w)
	}
}

// client makes a client whose token may go to the resource manager only, until
// services are discovered.
func (c *connection) client() *rest.Client {
	return rest.New(rest.Config{
		Credential: c.credential, Cloud: c.cloud, Options: c.options,
		Hosts: rest.NewHosts(c.cloud.ResourceManager),
	})
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
	} `json:"properties"`
}

// open makes the workspace that w pictures.
func (c *connection) open(client *rest.Client, w wireWorkspace, asked reference) *Workspace {
	at := asked
	if parsed, err := parseID(w.ID); err == nil {
		at = parsed
	}
	p := w.Properties
	return &Workspace{
		ID: at.id(), Name: at.name, ResourceGroup: at.group, SubscriptionID: at.subscription,
		WorkspaceID: p.WorkspaceID, TenantID: p.TenantID, Location: w.Location, Tags: w.Tags,
		FriendlyName: p.FriendlyName, Description: p.Description, ProvisioningState: p.ProvisioningState,
		StorageAccount: p.StorageAccount, KeyVault: p.KeyVault, ApplicationInsights: p.ApplicationInsights,
		ContainerRegistry: p.ContainerRegistry, DiscoveryURL: p.DiscoveryURL,
		PublicNetworkAccess: p.PublicNetworkAccess, PrivateLinkCount: p.PrivateLinkCount,
		connection: c, client: client, discovery: &discovery{},
	}
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

// newConnection checks and copies what a workspace is opened with. A nil credential
// is the default login.
func newConnection(credential azcore.TokenCredential, options azcore.ClientOptions, onWarning func(azureml.Warning)) (*connection, error) {
	cloud, ok := clouds.Of(options.Cloud)
	if !ok {
		return nil, &azureml.Error{Operation: "open a workspace", Kind: azureml.ErrInvalid, Violations: []azureml.Violation{{
			Field: "ClientOptions.Cloud", Value: fmt.Sprintf("%q", options.Cloud.ActiveDirectoryAuthorityHost),
			Rule: "must name a resource manager (Services[cloud.ResourceManager]), or be one of the public clouds",
		}}}
	}
	if isNil(credential) {
		var err error
		if credential, err = authentication.NewDefault(&authentication.DefaultOptions{ClientOptions: options}); err != nil {
			return nil, err
		}
	}
	version := strings.TrimSpace(options.APIVersion)
	if version == "" {
		version = APIVersion
	}
	return &connection{credential: credential, cloud: cloud, options: options, apiVersion: version, onWarning: onWarning}, nil
}

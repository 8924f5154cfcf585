package workspace

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/rest"
	"github.com/azureml-go/azureml/internal/validate"
)

// CreateOptions say where and how [BeginCreate] makes a workspace.
type CreateOptions struct {
	// ClientOptions apply to every call made through the workspace; see [GetOptions].
	azcore.ClientOptions
	// SubscriptionID is the GUID of the subscription. Default: the only one that the
	// credential sees; with several it is required.
	SubscriptionID string
	// ResourceGroup is required. It is made if it does not exist and Location is given,
	// unless RequireResourceGroup is set.
	ResourceGroup        string
	RequireResourceGroup bool
	// Location is the region ("westeurope"; "West Europe" is the same). Default: that of
	// the resource group.
	Location string
	// Tags of the workspace. createdByToolkit is added.
	Tags map[string]string
	// FriendlyName is shown in the studio. Default: the name.
	FriendlyName string
	Description  string
	// StorageAccount, KeyVault and ApplicationInsights are the ids of the resources that
	// the workspace shall use. What is empty is made beside the workspace.
	StorageAccount      string
	KeyVault            string
	ApplicationInsights string
	// ContainerRegistry is the id of a registry. Default: the service makes one with the
	// first image.
	ContainerRegistry string
	// LogAnalyticsWorkspace is the id of the Log Analytics workspace for an Application
	// Insights that is made. Default: one is made, too.
	LogAnalyticsWorkspace string
	// PrimaryUserAssignedIdentity is the id of a user-assigned identity that the workspace
	// acts as. Default: an identity of its own.
	PrimaryUserAssignedIdentity string
	// Encryption names a key of yours. Default: keys of Microsoft's.
	Encryption *CustomerKey
	// HBIWorkspace ("high business impact") lets the service collect less about the
	// workspace. It cannot be changed later.
	HBIWorkspace bool
	// SystemDatastoresAuthMode is "accessKey" or "identity". Default: the service's,
	// accessKey.
	SystemDatastoresAuthMode string
	// PublicNetworkAccess and V1LegacyMode have the service's defaults: Enabled, false.
	PublicNetworkAccess PublicNetworkAccess
	V1LegacyMode        *bool
	// ExistOK takes a workspace of this name that exists as it is, instead of failing.
	ExistOK bool
	// ResumeToken goes on with a creation that was begun earlier, under the same name,
	// subscription and resource group: nothing is checked, and nothing but polls is sent.
	ResumeToken string
	// OnWarning gets what is worth saying, for all calls made through the workspace.
	OnWarning func(azureml.Warning)
}

// CustomerKey is a key of the customer's, in a key vault of the customer's, with which a
// workspace encrypts.
type CustomerKey struct {
	// KeyVault is the id of the key vault, Key the address of the key in it, with version.
	KeyVault string
	Key      string
	// UserAssignedIdentity is the id of an identity that may use the key. Default: the
	// workspace's own.
	UserAssignedIdentity string
}

// PublicNetworkAccess says whether a workspace takes requests from the public network.
type PublicNetworkAccess string

// Values of [PublicNetworkAccess].
const (
	PublicNetworkAccessEnabled  PublicNetworkAccess = "Enabled"
	PublicNetworkAccessDisabled PublicNetworkAccess = "Disabled"
)

// PossiblePublicNetworkAccessValues returns the values of [PublicNetworkAccess].
func PossiblePublicNetworkAccessValues() []PublicNetworkAccess {
	return []PublicNetworkAccess{PublicNetworkAccessEnabled, PublicNetworkAccessDisabled}
}

// BeginCreate makes a workspace: 3 to 33 letters, digits, "-" and "_", the first one a
// letter or digit. With storage account, key vault and Application Insights all given it
// is one request of the workspace's own; otherwise one template deployment makes what is
// missing together with the workspace, so that a single operation can be waited for, and
// resumed. Resource group and workspace are looked for first.
//
// The poller's result is the workspace as [Get] gives it. Errors: ErrInvalid, all of what
// is wrong at once; ErrConflict when there is one of this name (see ExistOK);
// ErrNotFound for a resource group that is missing and may not be made;
// ErrOperationFailed. After a failure, resources that were made for the workspace may be
// left; the error's Remedy says what to look for. It mirrors azureml.core's
// Workspace.create, which deletes them.
func BeginCreate(ctx context.Context, name string, credential azcore.TokenCredential, o *CreateOptions) (*runtime.Poller[*Workspace], error) {
	var options CreateOptions
	if o != nil {
		options = *o
	}
	name = trim(name)
	if err := options.check(name); err != nil {
		return nil, err
	}
	c, err := newConnection(credential, options.ClientOptions, options.OnWarning)
	if err != nil {
		return nil, err
	}
	at := reference{trim(options.SubscriptionID), trim(options.ResourceGroup), name}
	if at.subscription == "" {
		if at.subscription, err = c.onlySubscription(ctx, name); err != nil {
			return nil, err
		}
	}
	making := creation{ws: c.at(at), options: options}
	if options.ResumeToken != "" {
		return making.begin(ctx, Request{})
	}
	found, err := making.prepare(ctx)
	if err != nil {
		return nil, err
	}
	if found != nil {
		return finished(found.client, found)
	}
	return making.begin(ctx, making.request())
}

// at is a handle to a workspace that was not read.
func (c *connection) at(r reference) *Workspace {
	return c.open(c.client(), wireWorkspace{ID: r.id(), Name: r.name}, r)
}

// finished is a poller of something that is done already.
func finished[T any](client *rest.Client, result T) (*runtime.Poller[T], error) {
	return rest.NewPoller(client, rest.Operation[T]{
		Done: func(context.Context, rest.Status) (T, error) { return result, nil },
	}, rest.Started{Finished: true})
}

var (
	namePattern   = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_-]{2,32}$`)
	groupPattern  = regexp.MustCompile(`^[\p{L}\p{N}._()-]{1,90}$`)
	regionPattern = regexp.MustCompile(`^[a-z0-9]+$`)
	keyPattern    = regexp.MustCompile(`^https://[^/]+/keys/[^/]+/[^/]+$`)
)

func (o CreateOptions) check(name string) error {
	var check validate.Checker
	if check.Require("name", name) {
		check.Match("name", name, namePattern, "must be 3 to 33 letters, digits, - and _, beginning with a letter or digit")
	}
	if id := trim(o.SubscriptionID); id != "" {
		check.Match("SubscriptionID", id, guidPattern, "must be a GUID (the subscription's id, not its name)")
	}
	if group := trim(o.ResourceGroup); check.Require("ResourceGroup", group) {
		check.Match("ResourceGroup", group, groupPattern, "must be 1 to 90 letters, digits, and any of . _ - ( )")
	}
	if o.ResumeToken != "" {
		return check.Err("resume the creation of", fmt.Sprintf("workspace %q", name))
	}
	if region := location(o.Location); region != "" {
		check.Match("Location", region, regionPattern, "must be the name of a region, such as westeurope")
	}
	checkID(&check, "StorageAccount", o.StorageAccount, storageType)
	checkID(&check, "KeyVault", o.KeyVault, vaultType)
	checkID(&check, "ApplicationInsights", o.ApplicationInsights, insightsType)
	checkID(&check, "ContainerRegistry", o.ContainerRegistry, registryType)
	checkID(&check, "LogAnalyticsWorkspace", o.LogAnalyticsWorkspace, logType)
	if o.LogAnalyticsWorkspace != "" && o.ApplicationInsights != "" {
		check.Add("LogAnalyticsWorkspace", nil, "is for an Application Insights that is made; ApplicationInsights is given")
	}
	checkID(&check, "PrimaryUserAssignedIdentity", o.PrimaryUserAssignedIdentity, identityType)
	if key := o.Encryption; key != nil {
		check.In("Encryption", func(inner *validate.Checker) {
			if inner.Require("KeyVault", key.KeyVault) {
				checkID(inner, "KeyVault", key.KeyVault, vaultType)
			}
			if inner.Require("Key", key.Key) {
				inner.Match("Key", key.Key, keyPattern, "must be a key's address with its version (https://VAULT/keys/NAME/VERSION)")
			}
			checkID(inner, "UserAssignedIdentity", key.UserAssignedIdentity, identityType)
		})
	}
	validate.OneOf(&check, "SystemDatastoresAuthMode", o.SystemDatastoresAuthMode, "accessKey", "identity")
	validate.OneOf(&check, "PublicNetworkAccess", o.PublicNetworkAccess, PossiblePublicNetworkAccessValues()...)
	return check.Err("create", fmt.Sprintf("workspace %q", name))
}

// onlySubscription is the one that the credential sees.
func (c *connection) onlySubscription(ctx context.Context, name string) (string, error) {
	subject := fmt.Sprintf("workspace %q", name)
	visible, err := c.subscriptions(ctx, c.client(), "create "+subject)
	if err != nil {
		return "", err
	}
	e := &azureml.Error{Operation: "create", Subject: subject, Remedy: "Give SubscriptionID."}
	switch len(visible) {
	case 1:
		return visible[0].ID, nil
	case 0:
		e.Kind, e.Message, e.Remedy = azureml.ErrNotFound, "the credential sees no subscription", "Check the credential's tenant, and that it has a role somewhere."
	default:
		e.Kind, e.Message = azureml.ErrAmbiguous, fmt.Sprintf("the credential sees %d subscriptions", len(visible))
		for _, s := range visible {
			e.Details = append(e.Details, azureml.ErrorDetail{Message: s.ID, Target: s.Name})
		}
	}
	return "", e
}

// location is a region the way the service spells it.
func location(region string) string {
	return strings.ToLower(strings.ReplaceAll(trim(region), " ", ""))
}

// creation is a workspace that is being made.
type creation struct {
	ws      *Workspace
	options CreateOptions
	// deployment is the path of the template deployment, "" without one.
	deployment string
}

// begin sends the request and follows what it starts.
func (m *creation) begin(ctx context.Context, r Request) (*runtime.Poller[*Workspace], error) {
	r.Service, r.Operation, r.Subject = ResourceManager, "create", m.ws.subject()
	look := m.ws.look
	if m.deployment != "" {
		look = m.lookDeployment
	}
	return Begin(ctx, m.ws, r, Operation[*Workspace]{
		Kind: "create workspace", Resource: "workspace", ResumeToken: m.options.ResumeToken,
		Done:   func(ctx context.Context, _ OperationStatus) (*Workspace, error) { return m.ws.Refresh(ctx) },
		Look:   look,
		Failed: m.failed,
		Recover: func(ctx context.Context, _ *azureml.Error) (string, bool, error) {
			_, err := look(ctx)
			return "", err == nil, err
		},
	})
}

// look asks the workspace itself how it is doing.
func (w *Workspace) look(ctx context.Context) (string, error) {
	var found wireWorkspace
	if _, err := w.Do(ctx, w.self(http.MethodGet, "look at"), &found); err != nil {
		return "", err
	}
	if found.Properties.ProvisioningState == "" {
		return "Succeeded", nil
	}
	return found.Properties.ProvisioningState, nil
}

// self is a request for the workspace itself.
func (w *Workspace) self(method, operation string) Request {
	return Request{
		Service: ResourceManager, Operation: operation, Subject: w.subject(), Method: method,
		Path: reference{w.SubscriptionID, w.ResourceGroup, w.Name}.path(),
	}
}

// exists reads the workspace, or returns nil if there is none.
func (m *creation) exists(ctx context.Context) (*Workspace, error) {
	var found wireWorkspace
	_, err := m.ws.Do(ctx, m.ws.self(http.MethodGet, "look for"), &found)
	switch {
	case azureml.HasCode(err, "ResourceGroupNotFound"):
		return nil, m.groupMissing(err)
	case errors.Is(err, azureml.ErrNotFound) && azureml.HasCode(err, "ResourceNotFound"):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return m.ws.connection.open(m.ws.client, found, reference{m.ws.SubscriptionID, m.ws.ResourceGroup, m.ws.Name}), nil
}

// prepare finds or makes the resource group, and looks whether the name is taken.
func (m *creation) prepare(ctx context.Context) (*Workspace, error) {
	made, err := m.group(ctx)
	if err != nil || made {
		return nil, err
	}
	found, err := m.exists(ctx)
	if err != nil || found == nil {
		return nil, err
	}
	if !m.options.ExistOK {
		return nil, &azureml.Error{
			Operation: "create", Subject: m.ws.subject(), Kind: azureml.ErrConflict,
			Message: fmt.Sprintf("there is one of this name in resource group %s", m.ws.ResourceGroup),
			Remedy:  "Choose another name, open the one that exists with workspace.Get, or set ExistOK.",
		}
	}
	return found, nil
}

const groupVersion = "2022-09-01"

// group finds the resource group, and its location if none was given, or makes it.
func (m *creation) group(ctx context.Context) (made bool, err error) {
	m.options.Location = location(m.options.Location)
	if m.options.Location != "" && m.options.RequireResourceGroup {
		return false, nil // whether it is there shows when the workspace is looked for
	}
	r := Request{
		Service: ResourceManager, Operation: "look for the resource group of", Subject: m.ws.subject(),
		Path:  "/subscriptions/" + Segment(m.ws.SubscriptionID) + "/resourcegroups/" + Segment(m.ws.ResourceGroup),
		Query: map[string][]string{"api-version": {groupVersion}},
	}
	var found struct {
		Location string `json:"location"`
	}
	_, err = m.ws.Do(ctx, r, &found)
	if err == nil {
		if m.options.Location == "" {
			m.options.Location = location(found.Location)
		}
		return false, nil
	}
	switch {
	case !azureml.HasCode(err, "ResourceGroupNotFound"):
		return false, err
	case m.options.RequireResourceGroup || m.options.Location == "":
		return false, m.groupMissing(err)
	}
	r.Operation, r.Method = "make the resource group of", http.MethodPut
	r.Body = map[string]any{"location": m.options.Location, "tags": map[string]string{"creationSource": toolkit}}
	_, err = m.ws.Do(ctx, r, nil)
	return true, err
}

// groupMissing says what to do about a resource group that does not exist.
func (m *creation) groupMissing(err error) error {
	e, ok := errors.AsType[*azureml.Error](err)
	if !ok {
		return err
	}
	copied := *e
	copied.Remedy = "Make the resource group first"
	if !m.options.RequireResourceGroup {
		copied.Remedy += ", or give Location to have it made there"
	}
	copied.Remedy += "."
	return &copied
}

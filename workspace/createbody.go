package workspace

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/remedy"
	"github.com/azureml-go/azureml/internal/rest"
)

// toolkit marks what this module has made.
const toolkit = "azureml-go-" + azureml.Version

// wireCreate is the body of a workspace that is made.
type wireCreate struct {
	Location   string               `json:"location"`
	Tags       map[string]string    `json:"tags"`
	Identity   wireIdentity         `json:"identity"`
	Properties wireCreateProperties `json:"properties"`
}

type wireIdentity struct {
	Type         string              `json:"type"`
	UserAssigned map[string]struct{} `json:"userAssignedIdentities,omitempty"`
}

type wireCreateProperties struct {
	FriendlyName                string              `json:"friendlyName"`
	Description                 string              `json:"description,omitempty"`
	StorageAccount              string              `json:"storageAccount"`
	KeyVault                    string              `json:"keyVault"`
	ApplicationInsights         string              `json:"applicationInsights"`
	ContainerRegistry           string              `json:"containerRegistry,omitempty"`
	PrimaryUserAssignedIdentity string              `json:"primaryUserAssignedIdentity,omitempty"`
	Encryption                  *wireEncryption     `json:"encryption,omitempty"`
	HBIWorkspace                bool                `json:"hbiWorkspace"`
	SystemDatastoresAuthMode    string              `json:"systemDatastoresAuthMode,omitempty"`
	PublicNetworkAccess         PublicNetworkAccess `json:"publicNetworkAccess,omitempty"`
	V1LegacyMode                *bool               `json:"v1LegacyMode,omitempty"`
}

type wireEncryption struct {
	Status   string `json:"status"`
	Identity *struct {
		ID string `json:"userAssignedIdentity"`
	} `json:"identity,omitempty"`
	KeyVault struct {
		ID  string `json:"keyVaultArmId"`
		Key string `json:"keyIdentifier"`
	} `json:"keyVaultProperties"`
}

// body is the workspace without what is to be made for it.
func (o CreateOptions) body(name string) wireCreate {
	b := wireCreate{Location: o.Location, Tags: map[string]string{"createdByToolkit": toolkit}, Identity: wireIdentity{Type: "SystemAssigned"}}
	maps.Copy(b.Tags, o.Tags)
	b.Properties = wireCreateProperties{
		FriendlyName: o.FriendlyName, Description: o.Description, StorageAccount: trim(o.StorageAccount), KeyVault: trim(o.KeyVault),
		ApplicationInsights: trim(o.ApplicationInsights), ContainerRegistry: trim(o.ContainerRegistry),
		PrimaryUserAssignedIdentity: trim(o.PrimaryUserAssignedIdentity), HBIWorkspace: o.HBIWorkspace,
		SystemDatastoresAuthMode: o.SystemDatastoresAuthMode, PublicNetworkAccess: o.PublicNetworkAccess, V1LegacyMode: o.V1LegacyMode,
	}
	if b.Properties.FriendlyName == "" {
		b.Properties.FriendlyName = name
	}
	assign := func(id string) {
		if b.Identity.UserAssigned == nil {
			b.Identity.UserAssigned = map[string]struct{}{}
		}
		b.Identity.UserAssigned[id] = struct{}{}
	}
	if key := o.Encryption; key != nil {
		e := &wireEncryption{Status: "Enabled"}
		e.KeyVault.ID, e.KeyVault.Key = trim(key.KeyVault), trim(key.Key)
		if id := trim(key.UserAssignedIdentity); id != "" {
			e.Identity = &struct {
				ID string `json:"userAssignedIdentity"`
			}{id}
			b.Identity.Type = "SystemAssigned,UserAssigned"
			assign(id)
		}
		b.Properties.Encryption = e
	}
	if id := b.Properties.PrimaryUserAssignedIdentity; id != "" {
		b.Identity.Type = "UserAssigned"
		assign(id)
	}
	return b
}

// deploymentVersion is the api-version of template deployments.
const deploymentVersion = "2019-10-01"

// request makes the workspace itself, or deploys a template of it and of what it lacks.
func (m *creation) request() Request {
	body := m.options.body(m.ws.Name)
	p := &body.Properties
	if p.StorageAccount != "" && p.KeyVault != "" && p.ApplicationInsights != "" {
		r := m.ws.self(http.MethodPut, "create")
		r.Body = body
		return r
	}
	m.deployment = "/subscriptions/" + Segment(m.ws.SubscriptionID) + "/resourcegroups/" + Segment(m.ws.ResourceGroup) +
		fmt.Sprintf("/providers/Microsoft.Resources/deployments/Microsoft.MachineLearningServices_%d", 100+rand.IntN(99900))
	t := template{location: m.options.Location, tags: map[string]string{"createdByToolkit": toolkit}}
	suffix := strings.ReplaceAll(uuid.NewString(), "-", "")
	if p.StorageAccount == "" {
		p.StorageAccount = t.storage(dependentName(m.ws.Name, "storage", suffix))
	}
	if p.KeyVault == "" {
		p.KeyVault = t.vault(dependentName(m.ws.Name, "keyvault", suffix))
	}
	if p.ApplicationInsights == "" {
		log := trim(m.options.LogAnalyticsWorkspace)
		if log == "" {
			log = t.log(dependentName(m.ws.Name, "logs", suffix))
		}
		p.ApplicationInsights = t.insights(dependentName(m.ws.Name, "insights", suffix), log)
	}
	t.workspace(m.ws.Name, m.ws.connection.apiVersion, body)
	return Request{Method: http.MethodPut, Path: m.deployment, Query: map[string][]string{"api-version": {deploymentVersion}}, Body: t.deployment()}
}

// maxDependentName is the longest name that both a storage account and a key vault may have.
const maxDependentName = 24

// dependentName makes a name that nobody else has: the beginning of the workspace's, what
// the resource is, and a random rest.
func dependentName(workspace, kind, suffix string) string {
	return (namePrefix(workspace) + kind + suffix)[:maxDependentName]
}

// namePrefix is the first small letters and digits of a name; the first one is a letter,
// as the name of a key vault must have it.
func namePrefix(workspace string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(workspace) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' && b.Len() > 0 {
			b.WriteRune(r)
		}
		if b.Len() == 8 {
			break
		}
	}
	return b.String()
}

// lookDeployment asks the deployment itself how it is doing.
func (m *creation) lookDeployment(ctx context.Context) (string, error) {
	var found struct {
		Properties struct {
			State string `json:"provisioningState"`
			Error *struct {
				Code    string                `json:"code"`
				Message string                `json:"message"`
				Details []azureml.ErrorDetail `json:"details"`
			} `json:"error"`
		} `json:"properties"`
	}
	r := Request{Service: ResourceManager, Operation: "look at the deployment of", Subject: m.ws.subject(), Path: m.deployment, Query: map[string][]string{"api-version": {deploymentVersion}}}
	if _, err := m.ws.Do(ctx, r, &found); err != nil {
		return "", err
	}
	p := found.Properties
	if p.Error != nil {
		return p.State, &azureml.Error{Code: p.Error.Code, Message: p.Error.Message, Details: p.Error.Details}
	}
	return p.State, nil
}

// failed says what a failed creation may have left behind.
func (m *creation) failed(_ context.Context, _ OperationStatus, e *azureml.Error) error {
	unwrap(e)
	if m.options.StorageAccount != "" && m.options.KeyVault != "" && m.options.ApplicationInsights != "" {
		return e
	}
	e.Remedy = strings.TrimSpace(e.Remedy + fmt.Sprintf("\nResources that were made for the workspace may be left in resource group %s: look for names that begin with %q and for the tag createdByToolkit=%s. Delete them, or give their ids to the next attempt.",
		m.ws.ResourceGroup, namePrefix(m.ws.Name), toolkit))
	return e
}

// unwrap takes out what the providers said of the details of a failed deployment, whose
// messages are often JSON themselves.
func unwrap(e *azureml.Error) {
	details := make([]azureml.ErrorDetail, 0, len(e.Details))
	for _, d := range e.Details {
		if !strings.HasPrefix(strings.TrimSpace(d.Message), "{") {
			details = append(details, d)
			continue
		}
		p := rest.ParseError([]byte(d.Message), "application/json")
		if p.Message != "" {
			d.Message = p.Message
		}
		if p.Code != "" {
			d.Code = p.Code
		}
		details = append(append(details, d), p.Details...)
	}
	e.Details = details
	if e.Remedy == "" {
		e.Remedy, e.Help = remedy.For(e)
	}
}

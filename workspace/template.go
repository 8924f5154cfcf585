package workspace

import (
	"encoding/json"
	"strings"

	"github.com/azureml-go/azureml/internal/rest"
)

// template collects the resources of a template deployment.
type template struct {
	location  string
	tags      map[string]string
	resources []any
	made      []string // expressions for the ids of what the workspace waits for
}

// wireResource is a resource in a template.
type wireResource struct {
	Type       string            `json:"type"`
	Name       string            `json:"name"`
	APIVersion string            `json:"apiVersion"`
	Location   string            `json:"location"`
	Tags       map[string]string `json:"tags,omitempty"`
	Kind       string            `json:"kind,omitempty"`
	SKU        map[string]string `json:"sku,omitempty"`
	Identity   any               `json:"identity,omitempty"`
	DependsOn  []string          `json:"dependsOn,omitempty"`
	Properties any               `json:"properties"`
}

// add puts a resource into the template and gives the expression for its id.
func (t *template) add(kind, name string, r wireResource) string {
	r.Type, r.Name, r.APIVersion = kind, name, versions[strings.ToLower(kind)]
	r.Tags = t.tags
	if r.Location == "" {
		r.Location = t.location
	}
	t.resources = append(t.resources, r)
	id := "[resourceId('" + kind + "', '" + name + "')]"
	t.made = append(t.made, id)
	return id
}

func (t *template) storage(name string) string {
	service := map[string]any{"enabled": true}
	return t.add(storageType, name, wireResource{
		Kind: "StorageV2", SKU: map[string]string{"name": "Standard_LRS"},
		Properties: map[string]any{
			"supportsHttpsTrafficOnly": true, "allowBlobPublicAccess": false, "minimumTlsVersion": "TLS1_2",
			"encryption": map[string]any{"keySource": "Microsoft.Storage", "services": map[string]any{"blob": service, "file": service}},
		},
	})
}

func (t *template) vault(name string) string {
	return t.add(vaultType, name, wireResource{Properties: map[string]any{
		"tenantId": "[subscription().tenantId]", "sku": map[string]string{"family": "A", "name": "standard"}, "accessPolicies": []any{},
	}})
}

func (t *template) log(name string) string {
	return t.add(logType, name, wireResource{Location: insightsLocation(t.location), Properties: map[string]any{"sku": map[string]string{"name": "PerGB2018"}}})
}

func (t *template) insights(name, log string) string {
	r := wireResource{
		Kind: "web", Location: insightsLocation(t.location),
		Properties: map[string]any{"Application_Type": "web", "WorkspaceResourceId": log},
	}
	if strings.HasPrefix(log, "[") {
		r.DependsOn = []string{log}
	}
	return t.add(insightsType, name, r)
}

// insightsLocation is where Application Insights is for a region that has none.
func insightsLocation(region string) string {
	switch region {
	case "westcentralus", "eastus2euap", "centraluseuap":
		return "southcentralus"
	}
	return region
}

// workspace adds the workspace, which waits for all others.
func (t *template) workspace(name, version string, b wireCreate) {
	p := literal(b.Properties)
	for key, value := range map[string]string{"storageAccount": b.Properties.StorageAccount, "keyVault": b.Properties.KeyVault, "applicationInsights": b.Properties.ApplicationInsights} {
		p[key] = value
	}
	tags := make(map[string]string, len(b.Tags))
	for key, value := range b.Tags {
		tags[key] = escapeExpression(value)
	}
	t.resources = append(t.resources, wireResource{
		Type: workspaceType, Name: name, APIVersion: version, Location: b.Location, Tags: tags,
		SKU: map[string]string{"name": "Basic", "tier": "Basic"}, Identity: b.Identity, DependsOn: t.made, Properties: p,
	})
}

// literal turns properties into a map in which no text of the caller's is an expression.
func literal(properties wireCreateProperties) map[string]any {
	m := map[string]any{}
	if data, err := rest.Marshal(properties); err == nil {
		_ = json.Unmarshal(data, &m)
	}
	for key, value := range m {
		if text, ok := value.(string); ok {
			m[key] = escapeExpression(text)
		}
	}
	return m
}

// escapeExpression keeps a template from evaluating a text in square brackets.
func escapeExpression(text string) string {
	if strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") {
		return "[" + text
	}
	return text
}

// deployment is the body of the deployment.
func (t *template) deployment() any {
	empty := map[string]any{}
	return map[string]any{"properties": map[string]any{
		"mode": "Incremental", "parameters": empty,
		"template": map[string]any{
			"$schema":        "https://schema.management.azure.com/schemas/2015-01-01/deploymentTemplate.json#",
			"contentVersion": "1.0.0.0", "parameters": empty, "variables": empty, "resources": t.resources,
		},
	}}
}

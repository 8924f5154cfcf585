package azuremltest

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// settings are what can be chosen about a workspace.
type settings struct {
	friendlyName, description       string
	storage, vault, insights        string // ids
	registry                        string // id, "" if there is none
	primaryIdentity                 string
	identityType                    string
	userIdentities                  []string
	imageBuildCompute               string
	publicNetworkAccess             string
	authMode                        string
	hbi, legacyMode, publicWithVNet bool
	encryption                      any
	serviceManaged                  any
	state                           string
}

// defaultSettings are those of a workspace that is set up without a request.
func (ws *workspace) defaultSettings() settings {
	group := "/subscriptions/" + ws.sub + "/resourcegroups/" + ws.rg + "/providers/"
	return settings{
		friendlyName: ws.name, identityType: "SystemAssigned", publicNetworkAccess: "Enabled", authMode: "accessKey", state: stateSucceeded,
		storage:  group + "microsoft.storage/storageaccounts/" + ws.storageAccount(),
		vault:    group + "microsoft.keyvault/vaults/" + ws.resourceName("keyvault", 24),
		insights: group + "microsoft.insights/components/" + ws.resourceName("insights", 24),
	}
}

// resources are the ids of what the workspace uses, with their types.
func (s *settings) resources() map[string]string {
	m := map[string]string{s.storage: storageType, s.vault: vaultType, s.insights: insightsType, s.registry: registryType}
	delete(m, "")
	return m
}

// wire are the properties that the settings make. contract: workspace §4
func (s *settings) wire() map[string]any {
	orNull := func(text string) any {
		if text == "" {
			return nil
		}
		return text
	}
	p := map[string]any{
		"friendlyName": s.friendlyName, "description": s.description, "provisioningState": s.state,
		"storageAccount": s.storage, "keyVault": s.vault, "applicationInsights": s.insights, "containerRegistry": orNull(s.registry),
		"primaryUserAssignedIdentity": orNull(s.primaryIdentity), "imageBuildCompute": s.imageBuildCompute,
		"publicNetworkAccess": s.publicNetworkAccess, "allowPublicAccessWhenBehindVnet": s.publicWithVNet,
		"hbiWorkspace": s.hbi, "v1LegacyMode": s.legacyMode, "systemDatastoresAuthMode": s.authMode,
	}
	if s.encryption != nil {
		p["encryption"] = s.encryption
	}
	if s.serviceManaged != nil {
		p["serviceManagedResourcesSettings"] = s.serviceManaged
	}
	return p
}

// identity is the identity of the workspace.
func (ws *workspace) identity() any {
	m := map[string]any{"type": ws.settings.identityType}
	if !strings.HasPrefix(ws.settings.identityType, "UserAssigned") {
		m["principalId"], m["tenantId"] = ws.principalID, ws.tenant
	}
	if len(ws.settings.userIdentities) > 0 {
		users := map[string]any{}
		for i, id := range ws.settings.userIdentities {
			users[id] = map[string]string{
				"principalId": fmt.Sprintf("44444444-0000-0000-0001-%012d", i), "clientId": fmt.Sprintf("44444444-0000-0000-0002-%012d", i),
			}
		}
		m["userAssignedIdentities"] = users
	}
	return m
}

// workspaceBody is the body of a PUT or a PATCH. What is absent is nil.
type workspaceBody struct {
	Location   string            `json:"location"`
	Tags       map[string]string `json:"tags"`
	Identity   *identityBody     `json:"identity"`
	Properties struct {
		FriendlyName        *string `json:"friendlyName"`
		Description         *string `json:"description"`
		Storage             *string `json:"storageAccount"`
		Vault               *string `json:"keyVault"`
		Insights            *string `json:"applicationInsights"`
		Registry            *string `json:"containerRegistry"`
		PrimaryIdentity     *string `json:"primaryUserAssignedIdentity"`
		ImageBuildCompute   *string `json:"imageBuildCompute"`
		PublicNetworkAccess *string `json:"publicNetworkAccess"`
		PublicWithVNet      *bool   `json:"allowPublicAccessWhenBehindVnet"`
		LegacyMode          *bool   `json:"v1LegacyMode"`
		HBI                 *bool   `json:"hbiWorkspace"`
		AuthMode            *string `json:"systemDatastoresAuthMode"`
		Encryption          any     `json:"encryption"`
		ServiceManaged      any     `json:"serviceManagedResourcesSettings"`
	} `json:"properties"`
}

type identityBody struct {
	Type  string         `json:"type"`
	Users map[string]any `json:"userAssignedIdentities"`
}

// apply takes over what the body names.
func (s *settings) apply(b *workspaceBody) {
	p := &b.Properties
	for to, from := range map[*string]*string{
		&s.friendlyName: p.FriendlyName, &s.description: p.Description, &s.storage: p.Storage, &s.vault: p.Vault, &s.insights: p.Insights,
		&s.registry: p.Registry, &s.primaryIdentity: p.PrimaryIdentity, &s.imageBuildCompute: p.ImageBuildCompute,
		&s.publicNetworkAccess: p.PublicNetworkAccess, &s.authMode: p.AuthMode,
	} {
		if from != nil {
			*to = *from
		}
	}
	for to, from := range map[*bool]*bool{&s.publicWithVNet: p.PublicWithVNet, &s.legacyMode: p.LegacyMode, &s.hbi: p.HBI} {
		if from != nil {
			*to = *from
		}
	}
	if p.Encryption != nil {
		s.encryption = p.Encryption
	}
	if p.ServiceManaged != nil {
		s.serviceManaged = p.ServiceManaged
	}
	if b.Identity != nil {
		s.identityType = b.Identity.Type
		for _, id := range slices.Sorted(maps.Keys(b.Identity.Users)) {
			if !slices.ContainsFunc(s.userIdentities, func(have string) bool { return equalFold(have, id) }) {
				s.userIdentities = append(s.userIdentities, id)
			}
		}
	}
}

// problem says what is wrong with the settings of a workspace that is made or changed.
func (c *call) settingsProblem(s *settings) string {
	for _, given := range []struct{ field, id, kind string }{
		{"storageAccount", s.storage, storageType}, {"keyVault", s.vault, vaultType},
		{"applicationInsights", s.insights, insightsType}, {"containerRegistry", s.registry, registryType},
	} {
		switch r := c.srv.world.management.resources[strings.ToLower(given.id)]; {
		case given.id == "" && given.field == "containerRegistry":
		case given.id == "":
			return "Missing dependent resources in workspace json: " + given.field + "."
		case r == nil || !equalFold(r.kind, given.kind):
			return "The resource '" + given.id + "' that " + given.field + " names does not exist or is not of type " + given.kind + "."
		}
	}
	switch {
	case s.identityType == "":
		return "The identity of the workspace is required."
	case !slices.Contains([]string{"Enabled", "Disabled"}, s.publicNetworkAccess):
		return "publicNetworkAccess must be Enabled or Disabled, not '" + s.publicNetworkAccess + "'."
	case s.primaryIdentity != "" && !slices.ContainsFunc(s.userIdentities, func(id string) bool { return equalFold(id, s.primaryIdentity) }):
		return "The primary user-assigned identity '" + s.primaryIdentity + "' is not assigned to the workspace."
	}
	return ""
}

// checkNetwork refuses requests to the services of a workspace that keeps the public
// network out: everybody is on the public network here.
func (c *call) checkNetwork() bool {
	if c.kind == hostARM || c.ws.settings.publicNetworkAccess != "Disabled" {
		return true
	}
	c.fail(http.StatusForbidden, "UserError", "Access to workspace was denied based on workspace private link configuration.")
	return false
}

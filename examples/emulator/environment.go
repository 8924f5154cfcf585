package main

import (
	"encoding/json"
	"strings"

	"github.com/azureml-go/azureml/azuremltest"
)

// variable is an environment variable.
type variable struct{ name, value string }

// environment is what points another program at the emulator: the proxy and
// whom to trust, under the names that programs know them by, and what to log in
// with and to work on.
func environment(proxy, ca string, workspaces []azuremltest.Workspace) []variable {
	list := []variable{
		{"HTTPS_PROXY", proxy}, {"HTTP_PROXY", proxy}, {"https_proxy", proxy}, {"http_proxy", proxy},
		{"NO_PROXY", ""}, {"no_proxy", ""},
		{"SSL_CERT_FILE", ca}, {"REQUESTS_CA_BUNDLE", ca}, {"CURL_CA_BUNDLE", ca}, {"NODE_EXTRA_CA_CERTS", ca},
	}
	for _, prefix := range []struct{ tenant, id, secret string }{
		{"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"}, // azidentity
		{"AML_TENANT_ID", "AML_PRINCIPAL_ID", "AML_PRINCIPAL_PASS"},   // azureml.core's guides
	} {
		list = append(list, variable{prefix.tenant, azuremltest.TenantID}, variable{prefix.id, azuremltest.ClientID}, variable{prefix.secret, azuremltest.ClientSecret})
	}
	at := azuremltest.Workspace{SubscriptionID: azuremltest.SubscriptionID, ResourceGroup: azuremltest.ResourceGroup, Name: azuremltest.WorkspaceName}
	if len(workspaces) > 0 {
		at = workspaces[0]
	}
	return append(list, variable{"AZURE_SUBSCRIPTION_ID", at.SubscriptionID}, variable{"AZUREML_SUBSCRIPTION_ID", at.SubscriptionID},
		variable{"AZUREML_RESOURCE_GROUP", at.ResourceGroup}, variable{"AZUREML_WORKSPACE_NAME", at.Name})
}

// environmentFormats are the ways to print it.
var environmentFormats = map[string]func([]variable) string{"sh": shell, "powershell": powershell, "json": object}

// shell quotes for every shell that POSIX describes.
func shell(list []variable) string {
	var b strings.Builder
	for _, v := range list {
		b.WriteString("export " + v.name + "='" + strings.ReplaceAll(v.value, "'", `'\''`) + "'\n")
	}
	return b.String()
}

func powershell(list []variable) string {
	var b strings.Builder
	for _, v := range list {
		b.WriteString("$env:" + v.name + " = '" + strings.ReplaceAll(v.value, "'", "''") + "'\n")
	}
	return b.String()
}

func object(list []variable) string {
	m := map[string]string{}
	for _, v := range list {
		m[v.name] = v.value
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(m); err != nil {
		panic(err) // texts can always be encoded
	}
	return b.String()
}

// Package clouds is the table of Azure's public clouds: names, hosts, audiences.
package clouds

import (
	"net/url"
	"os"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
)

// Cloud is one Azure cloud.
type Cloud struct {
	// Name is the cloud's name in azureml.core and the Azure CLI: "AzureCloud".
	Name string
	// Authority is the sign-in host, without trailing slash.
	Authority string
	// ResourceManager is the resource manager's base address, without trailing slash.
	ResourceManager string
	// Audience is the resource manager's token audience, as sent (with its slash).
	Audience string
	// MLAudience is the audience of Azure Machine Learning itself.
	MLAudience string
	// Graph is Microsoft Graph's base address, without trailing slash.
	Graph string
	// MLDomain is the domain of a region's machine learning services: {region}.{MLDomain}.
	MLDomain string
	// Storage is the suffix of storage host names.
	Storage string
	// Portal is the address of the cloud's portal.
	Portal string
}

// Public, China and USGovernment are the clouds that are open.
var (
	publicCloud = Cloud{
		Name: "AzureCloud", Authority: "https://login.microsoftonline.com",
		ResourceManager: "https://management.azure.com", Audience: "https://management.core.windows.net/",
		MLAudience: "https://ml.azure.com", Graph: "https://graph.microsoft.com", MLDomain: "api.azureml.ms",
		Storage: "core.windows.net", Portal: "https://portal.azure.com",
	}
	chinaCloud = Cloud{
		Name: "AzureChinaCloud", Authority: "https://login.chinacloudapi.cn",
		ResourceManager: "https://management.chinacloudapi.cn", Audience: "https://management.core.chinacloudapi.cn/",
		MLAudience: "https://ml.azure.cn", Graph: "https://microsoftgraph.chinacloudapi.cn", MLDomain: "api.ml.azure.cn",
		Storage: "core.chinacloudapi.cn", Portal: "https://portal.azure.cn",
	}
	governmentCloud = Cloud{
		Name: "AzureUSGovernment", Authority: "https://login.microsoftonline.us",
		ResourceManager: "https://management.usgovcloudapi.net", Audience: "https://management.core.usgovcloudapi.net/",
		MLAudience: "https://ml.azure.us", Graph: "https://graph.microsoft.us", MLDomain: "api.ml.azure.us",
		Storage: "core.usgovcloudapi.net", Portal: "https://portal.azure.us",
	}
)

// All lists the clouds that are open, the public one first.
func All() []Cloud { return []Cloud{publicCloud, chinaCloud, governmentCloud} }

// Public is the cloud that is meant when none is named.
func Public() Cloud { return publicCloud }

// ByName finds a cloud by its name, upper and lower case being the same.
func ByName(name string) (Cloud, bool) {
	for _, c := range All() {
		if strings.EqualFold(c.Name, strings.TrimSpace(name)) {
			return c, true
		}
	}
	return Cloud{}, false
}

// Configuration is c in azcore's form.
func (c Cloud) Configuration() cloud.Configuration {
	return cloud.Configuration{
		ActiveDirectoryAuthorityHost: c.Authority + "/",
		Services: map[cloud.ServiceName]cloud.ServiceConfiguration{
			cloud.ResourceManager: {Endpoint: c.ResourceManager, Audience: c.Audience},
		},
	}
}

// Of recognises a configuration: one of the open clouds, or a custom one made of
// what the configuration states. An empty configuration is the public cloud. ok is
// false when the configuration names no resource manager.
func Of(configuration cloud.Configuration) (c Cloud, ok bool) {
	host := hostOf(configuration.ActiveDirectoryAuthorityHost)
	service := configuration.Services[cloud.ResourceManager]
	if host == "" && service.Endpoint == "" {
		return publicCloud, true
	}
	for _, known := range All() {
		if service.Endpoint != "" && hostOf(service.Endpoint) == hostOf(known.ResourceManager) ||
			service.Endpoint == "" && hostOf(known.Authority) == host {
			return known, true
		}
	}
	if service.Endpoint == "" {
		return Cloud{}, false
	}
	audience := service.Audience
	if audience == "" {
		audience = strings.TrimRight(service.Endpoint, "/") + "/"
	}
	return Cloud{
		Name:            "custom cloud " + hostOf(service.Endpoint),
		Authority:       strings.TrimRight(configuration.ActiveDirectoryAuthorityHost, "/"),
		ResourceManager: strings.TrimRight(service.Endpoint, "/"),
		Audience:        audience,
	}, true
}

// Scope is the token scope for the resource manager and, since they take the same
// token, for all services of a workspace. The doubled slash is meant: it keeps the
// audience's own slash.
func (c Cloud) Scope() string { return c.Audience + "/.default" }

// DiscoveryDomain is the domain of the region's services, as environment variables
// may override it (contract: workspace §1); "" when unknown.
func (c Cloud) DiscoveryDomain() string {
	for _, name := range []string{strings.ToUpper(strings.ReplaceAll(c.Name, " ", "_")) + "_AML_DISCOVERY_API_HOST", "AML_DISCOVERY_API_HOST"} {
		if value := strings.TrimSpace(os.Getenv(name)); value != "" {
			return value
		}
	}
	return c.MLDomain
}

func hostOf(address string) string {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Host)
}

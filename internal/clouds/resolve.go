package clouds

import (
	"fmt"
	"os"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"

	"github.com/azureml-go/azureml"
)

const (
	// currentCloud names the cloud that is meant when none is given, as for azureml.core.
	currentCloud = "AZUREML_CURRENT_CLOUD"
	// authorityHost names the sign-in host; the workload identity webhook sets it.
	authorityHost = "AZURE_AUTHORITY_HOST"
)

// Named finds a cloud by its name; "" is the one that AZUREML_CURRENT_CLOUD names, or
// the public one. Other names are ErrInvalid, with the list of those that are known.
func Named(name string) (Cloud, error) {
	field := "name"
	if strings.TrimSpace(name) == "" {
		field, name = currentCloud, strings.TrimSpace(os.Getenv(currentCloud))
		if name == "" {
			return publicCloud, nil
		}
	}
	if c, ok := ByName(name); ok {
		return c, nil
	}
	var names []string
	for _, c := range All() {
		names = append(names, c.Name)
	}
	rule := "must be one of " + strings.Join(names, ", ")
	if strings.EqualFold(strings.TrimSpace(name), "AzureGermanCloud") {
		rule += " (the German cloud was closed in 2021)"
	}
	return Cloud{}, &azureml.Error{
		Operation: "choose a cloud", Kind: azureml.ErrInvalid,
		Violations: []azureml.Violation{{Field: field, Value: fmt.Sprintf("%q", name), Rule: rule}},
		Remedy:     "For a private cloud give a cloud.Configuration of its own in ClientOptions.Cloud.",
	}
}

// Resolve completes what options say about the cloud. An empty configuration is the
// cloud that AZUREML_CURRENT_CLOUD names, else that of AZURE_AUTHORITY_HOST, else the
// public one; one of the open clouds gets what is missing. A custom one stays as it is.
func Resolve(given cloud.Configuration) (cloud.Configuration, error) {
	if given.ActiveDirectoryAuthorityHost != "" || len(given.Services) > 0 {
		return complete(given), nil
	}
	named, err := Named("")
	if err != nil {
		return cloud.Configuration{}, err
	}
	host := strings.TrimSpace(os.Getenv(authorityHost))
	if os.Getenv(currentCloud) != "" || host == "" {
		return named.Configuration(), nil
	}
	if configured, ok := Of(cloud.Configuration{ActiveDirectoryAuthorityHost: host}); ok {
		return configured.Configuration(), nil
	}
	configuration := named.Configuration()
	configuration.ActiveDirectoryAuthorityHost = host
	return configuration, nil
}

// complete adds what is missing in the configuration of an open cloud.
func complete(given cloud.Configuration) cloud.Configuration {
	known, ok := Of(given)
	if !ok {
		return given
	}
	manager := given.Services[cloud.ResourceManager]
	if given.ActiveDirectoryAuthorityHost != "" && manager.Endpoint != "" && manager.Audience != "" {
		return given
	}
	full := known.Configuration()
	if given.ActiveDirectoryAuthorityHost != "" {
		full.ActiveDirectoryAuthorityHost = given.ActiveDirectoryAuthorityHost
	}
	return full
}

// Same tells whether two configurations are of one cloud: whether their resource
// managers, or where one of them has none their sign-in hosts, are the same.
func Same(a, b cloud.Configuration) bool {
	managerA, managerB := a.Services[cloud.ResourceManager].Endpoint, b.Services[cloud.ResourceManager].Endpoint
	if managerA != "" && managerB != "" {
		return hostOf(managerA) == hostOf(managerB)
	}
	return hostOf(a.ActiveDirectoryAuthorityHost) == hostOf(b.ActiveDirectoryAuthorityHost)
}

// NameOf is a cloud's name for people.
func NameOf(configuration cloud.Configuration) string {
	if c, ok := Of(configuration); ok {
		return c.Name
	}
	return "custom cloud " + hostOf(configuration.ActiveDirectoryAuthorityHost)
}

package workspace

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/azureml-go/azureml/internal/validate"
)

// Types of the resources that a workspace uses.
const (
	storageType   = "Microsoft.Storage/storageAccounts"
	vaultType     = "Microsoft.KeyVault/vaults"
	insightsType  = "Microsoft.Insights/components"
	registryType  = "Microsoft.ContainerRegistry/registries"
	logType       = "Microsoft.OperationalInsights/workspaces"
	identityType  = "Microsoft.ManagedIdentity/userAssignedIdentities"
	workspaceType = "Microsoft.MachineLearningServices/workspaces"
)

// versions are the api-versions that resources of other providers are made and deleted with.
var versions = map[string]string{
	strings.ToLower(storageType):  "2022-09-01",
	strings.ToLower(vaultType):    "2023-02-01",
	strings.ToLower(insightsType): "2020-02-02",
	strings.ToLower(registryType): "2023-07-01",
	strings.ToLower(logType):      "2020-08-01",
}

// resource is a resource manager id of one level, taken apart.
type resource struct{ subscription, group, kind, name string }

var resourcePattern = regexp.MustCompile(`(?i)^/subscriptions/([^/]+)/resourceGroups/([^/]+)/providers/([^/]+/[^/]+)/([^/]+)/?$`)

// parseResource takes the id of a resource apart, whatever its case.
func parseResource(id string) (resource, bool) {
	m := resourcePattern.FindStringSubmatch(trim(id))
	if m == nil {
		return resource{}, false
	}
	return resource{m[1], m[2], m[3], m[4]}, true
}

// is tells whether the resource is of a type.
func (r resource) is(kind string) bool { return strings.EqualFold(r.kind, kind) }

// path is the id, escaped.
func (r resource) path() string {
	namespace, kind, _ := strings.Cut(r.kind, "/")
	return "/subscriptions/" + Segment(r.subscription) + "/resourceGroups/" + Segment(r.group) +
		"/providers/" + Segment(namespace) + "/" + Segment(kind) + "/" + Segment(r.name)
}

// checkID notes an id that is set and is not one of a resource of a type.
func checkID(check *validate.Checker, field, id, kind string) {
	if id == "" {
		return
	}
	if r, ok := parseResource(id); !ok || !r.is(kind) {
		check.Add(field, id, fmt.Sprintf("must be the id of a resource of type %s (/subscriptions/…/resourceGroups/…/providers/%s/NAME)", kind, kind))
	}
}

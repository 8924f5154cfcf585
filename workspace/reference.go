package workspace

import (
	"fmt"
	"reflect"
	"regexp"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
)

// reference says which workspace is meant.
type reference struct{ subscription, group, name string }

var idPattern = regexp.MustCompile(`(?i)^/subscriptions/([^/]+)/resourceGroups/([^/]+)/providers/Microsoft\.MachineLearningServices/workspaces/([^/]+)(?:/.*)?$`)

// parseID takes a workspace's resource manager id apart, whatever its case; what
// follows the workspace's name is ignored.
func parseID(id string) (reference, error) {
	m := idPattern.FindStringSubmatch(id)
	if m == nil {
		return reference{}, fmt.Errorf("%q is not the id of a workspace (/subscriptions/…/resourceGroups/…/providers/Microsoft.MachineLearningServices/workspaces/…)", id)
	}
	return reference{m[1], m[2], m[3]}, nil
}

func (r reference) id() string {
	return "/subscriptions/" + r.subscription + "/resourceGroups/" + r.group + "/providers/Microsoft.MachineLearningServices/workspaces/" + r.name
}

func (r reference) path() string {
	return "/subscriptions/" + Segment(r.subscription) + "/resourceGroups/" + Segment(r.group) + "/providers/Microsoft.MachineLearningServices/workspaces/" + Segment(r.name)
}

var guidPattern = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// isNil tells of an interface that holds nothing, or a nil pointer.
func isNil(c azcore.TokenCredential) bool {
	if c == nil {
		return true
	}
	v := reflect.ValueOf(c)
	return v.Kind() == reflect.Pointer && v.IsNil()
}

package compute

import (
	"fmt"
	"regexp"
	"strings"
)

// clusterID is the id of a managed cluster, taken apart.
type clusterID struct{ subscription, group, name string }

var clusterPattern = regexp.MustCompile(`(?i)^/subscriptions/([^/]+)/resourceGroups/([^/]+)/providers/Microsoft\.ContainerService/managedClusters/([^/]+)/?$`)

// parseClusterID takes a managed cluster's resource id apart, whatever its case.
func parseClusterID(id string) (clusterID, error) {
	m := clusterPattern.FindStringSubmatch(id)
	if m == nil {
		if strings.Contains(strings.ToLower(id), "/providers/microsoft.kubernetes/connectedclusters/") {
			return clusterID{}, fmt.Errorf("is an Arc-enabled cluster; only AKS clusters can be attached here")
		}
		return clusterID{}, fmt.Errorf("must be the id of an AKS cluster (/subscriptions/…/resourceGroups/…/providers/Microsoft.ContainerService/managedClusters/…)")
	}
	return clusterID{m[1], m[2], m[3]}, nil
}

// String is the id as azureml.core builds it, with its small g.
func (c clusterID) String() string {
	return "/subscriptions/" + c.subscription + "/resourcegroups/" + c.group + "/providers/Microsoft.ContainerService/managedClusters/" + c.name
}

// sameResource compares resource manager ids, which know no case and may end in a slash.
func sameResource(a, b string) bool {
	return a != "" && strings.EqualFold(strings.TrimRight(a, "/"), strings.TrimRight(b, "/"))
}

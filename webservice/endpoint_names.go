package webservice

import (
	"context"
	"fmt"
	"strings"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/workspace"
)

// routerWarning is what is known of clusters that endpoints do not work on.
const routerWarning = "clusters whose router is of the newer kind (azureml-fe v2) do not route requests to AksEndpoints: " +
	"the deployment succeeds, but nobody can call it; try it with a request, or use AksWebservices on such a cluster"

// warnOfRouter says what cannot be seen from here before an endpoint is made.
func warnOfRouter(subject string, warn func(azureml.Warning)) {
	if warn != nil {
		warn(azureml.Warning{Subject: subject, Message: routerWarning})
	}
}

// versionNames looks for version names in other endpoints: in a cluster, versions of
// the same name overwrite each other.
type versionNames struct {
	ws *workspace.Workspace
	// endpoint is the one that is to have the version, compute its cluster.
	endpoint, compute string
	onWarning         func(azureml.Warning)
}

// check refuses a name that another endpoint of the cluster has. It sees this workspace's
// endpoints only; if they cannot be read, that is a warning.
func (n versionNames) check(ctx context.Context, operation, field, name string) error {
	others, err := n.owners(ctx, name)
	if err != nil {
		if ctx.Err() != nil {
			return err
		}
		if n.onWarning != nil {
			n.onWarning(azureml.Warning{Subject: subject(n.endpoint), Message: "could not see whether another endpoint has a version " + name + ", going on without", Err: err})
		}
		return nil
	}
	if len(others) == 0 {
		return nil
	}
	return &azureml.Error{
		Operation: operation, Subject: subject(n.endpoint), Kind: azureml.ErrConflict,
		Violations: []azureml.Violation{{
			Field: field, Value: fmt.Sprintf("%q", name),
			Rule: fmt.Sprintf("is a version of %s on %s already: versions of the same name on one cluster overwrite each other", strings.Join(others, " and of "), n.compute),
		}},
		Remedy: "Choose another version name, such as one that begins with the endpoint's.",
	}
}

// owners names the other endpoints of the cluster that have a version of that name.
func (n versionNames) owners(ctx context.Context, name string) ([]string, error) {
	var found []string
	for svc, err := range List(ctx, n.ws, &ListOptions{ComputeType: ComputeTypeAKSEndpoint}) {
		if err != nil {
			return nil, err
		}
		other, ok := svc.(*AksEndpoint)
		if ok && other.Name != n.endpoint && strings.EqualFold(other.ComputeName, n.compute) && other.Versions[name] != nil {
			found = append(found, fmt.Sprintf("endpoint %q", other.Name))
		}
	}
	return found, nil
}

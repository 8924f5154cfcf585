package compute

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/validate"
	"github.com/azureml-go/azureml/workspace"
)

// clusterAPIVersion is that of Microsoft.ContainerService whose answer is read here.
const clusterAPIVersion = "2019-11-01"

// wireCluster is what is read of a managed cluster.
type wireCluster struct {
	Location   string `json:"location"`
	Properties struct {
		ProvisioningState string      `json:"provisioningState"`
		Version           string      `json:"kubernetesVersion"`
		Pools             []agentPool `json:"agentPoolProfiles"`
	} `json:"properties"`
}

type agentPool struct {
	Count  int    `json:"count"`
	VMSize string `json:"vmSize"`
	OSType string `json:"osType"`
}

// checkCluster looks whether the cluster can be attached.
func (p preflight) checkCluster(ctx context.Context) error {
	what := "AKS cluster " + p.cluster.name
	var found wireCluster
	_, err := p.ws.Do(ctx, workspace.Request{
		Service: workspace.ResourceManager, Operation: "look at the cluster before attaching", Subject: subject(p.name),
		Path: "/subscriptions/" + workspace.Segment(p.cluster.subscription) + "/resourceGroups/" + workspace.Segment(p.cluster.group) +
			"/providers/Microsoft.ContainerService/managedClusters/" + workspace.Segment(p.cluster.name),
		Query: url.Values{"api-version": {clusterAPIVersion}},
	}, &found)
	switch {
	case errors.Is(err, azureml.ErrForbidden):
		p.warn(azureml.Warning{Subject: what, Message: "it may not be looked at; its state and size are not checked", Err: err})
		return nil
	case errors.Is(err, azureml.ErrNotFound):
		e, _ := errors.AsType[*azureml.Error](err)
		missing := *e
		missing.Operation, missing.Err = "attach", err
		missing.Message = fmt.Sprintf("the AKS cluster %s is not in resource group %s of subscription %s", p.cluster.name, p.cluster.group, p.cluster.subscription)
		missing.Details = nil
		missing.Remedy = "Check ResourceGroup, ClusterName and subscription, or the ResourceID: az aks list --query [].id"
		return &missing
	case err != nil:
		return err
	}
	var check validate.Checker
	p.judge(ctx, &check, what, found)
	return check.Err("attach", subject(p.name))
}

// judge notes what the service would refuse, and warns of what it may.
func (p preflight) judge(ctx context.Context, check *validate.Checker, what string, found wireCluster) {
	state := found.Properties.ProvisioningState
	if state != "" && !strings.EqualFold(state, string(StateSucceeded)) {
		check.Addf("ResourceID", p.id, "names a cluster in state %s; it must be in state %s", state, StateSucceeded)
	}
	if found.Properties.Version == "" {
		p.warn(azureml.Warning{Subject: what, Message: "its Kubernetes version is not known"})
	}
	if found.Location != "" && p.ws.Location != "" && region(found.Location) != region(p.ws.Location) {
		p.warn(azureml.Warning{Subject: what, Message: fmt.Sprintf("it is in %s and the workspace in %s: tokens for services are fetched from the workspace's region", found.Location, p.ws.Location)})
	}
	if len(found.Properties.Pools) > 0 {
		p.judgeSize(ctx, check, what, found)
	}
}

// judgeSize applies the 12-vCPU rule. All machines are counted, while the service may
// count fewer of them: what is refused here would be refused there.
func (p preflight) judgeSize(ctx context.Context, check *validate.Checker, what string, found wireCluster) {
	f := fleetOf(p.purpose, 0, "")
	var vcpus int
	var known bool
	f.agents, vcpus, known = fleetSize(found.Properties.Pools, nil)
	if !f.forDevTest() && !p.options.SkipCoreCheck {
		if !known || vcpus < minVCPUs {
			told := askVCPUs(ctx, p.ws, found.Location, p.warn, sizesOf(found.Properties.Pools)...)
			_, vcpus, known = fleetSize(found.Properties.Pools, told)
		}
		if known && vcpus < minVCPUs {
			check.Addf("ResourceID", p.id, "names a cluster of %d vCPUs (%d machines), and purpose %s needs %d; add machines, attach it with ClusterPurpose %s, or set SkipCoreCheck",
				vcpus, f.agents, f.purpose, minVCPUs, DevTest)
		}
	}
	if text := f.advice(vcpus, known); text != "" {
		p.warn(azureml.Warning{Subject: what, Message: text})
	}
}

// forLinux tells whether the machines can run services.
func (p agentPool) forLinux() bool { return !strings.EqualFold(p.OSType, "Windows") }

// sizesOf lists the sizes of the Linux machines, each once.
func sizesOf(pools []agentPool) []string {
	var sizes []string
	for _, pool := range pools {
		if size := strings.ToLower(pool.VMSize); pool.forLinux() && !slices.Contains(sizes, size) {
			sizes = append(sizes, size)
		}
	}
	return sizes
}

// fleetSize adds up the Linux machines of a cluster and their vCPUs, as the service told
// them and by the table where it did not; known is false when neither knows a size.
func fleetSize(pools []agentPool, told map[string]int) (agents, vcpus int, known bool) {
	known = true
	for _, pool := range pools {
		if !pool.forLinux() || pool.Count <= 0 {
			continue
		}
		each, ok := told[strings.ToLower(pool.VMSize)]
		if !ok {
			each, ok = knownVCPUs(pool.VMSize)
		}
		known = known && ok
		agents += pool.Count
		vcpus += pool.Count * each
	}
	return agents, vcpus, known
}

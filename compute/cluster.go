package compute

import (
	"context"
	"errors"
	"fmt"
	"net/url"
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
	p.judge(&check, what, found)
	return check.Err("attach", subject(p.name))
}

// judge notes what the service would refuse, and warns of what it may.
func (p preflight) judge(check *validate.Checker, what string, found wireCluster) {
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
	agents, vcpus, known := fleetSize(found.Properties.Pools)
	f := fleetOf(p.purpose, 0, "")
	if agents == 0 || f.forDevTest() {
		return
	}
	// All machines are counted, while the service may count fewer of them: what is
	// refused here would be refused there.
	if known && vcpus < minVCPUs && !p.options.SkipCoreCheck {
		check.Addf("ResourceID", p.id, "names a cluster of %d vCPUs (%d machines), and purpose %s needs %d; add machines, attach it with ClusterPurpose %s, or set SkipCoreCheck",
			vcpus, agents, f.purpose, minVCPUs, DevTest)
	}
	f.agents = agents
	if text := f.advice(0); text != "" {
		p.warn(azureml.Warning{Subject: what, Message: text})
	}
}

// fleetSize adds up the Linux machines of a cluster and their vCPUs; known is false
// when the size of one is not in the table.
func fleetSize(pools []agentPool) (agents, vcpus int, known bool) {
	known = true
	for _, pool := range pools {
		if strings.EqualFold(pool.OSType, "Windows") {
			continue
		}
		each, ok := knownVCPUs(pool.VMSize)
		known = known && ok
		agents += pool.Count
		vcpus += pool.Count * each
	}
	return agents, vcpus, known
}

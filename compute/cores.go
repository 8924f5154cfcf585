package compute

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/validate"
	"github.com/azureml-go/azureml/workspace"
)

// The rule of the service (contract: compute §4.2), and its defaults.
const (
	minVCPUs        = 12
	minAgents       = 3
	advisedDevVCPUs = 2
	defaultAgents   = 3
	defaultVMSize   = "Standard_D3_v2"
)

// fleet is what the 12-vCPU rule is about.
type fleet struct {
	purpose ClusterPurpose
	agents  int
	size    string
}

// fleetOf fills in what the service takes where nothing is given.
func fleetOf(purpose ClusterPurpose, agents int, size string) fleet {
	f := fleet{purpose: purpose, agents: agents, size: size}
	if f.purpose == "" {
		f.purpose = FastProd
	}
	if f.agents == 0 {
		f.agents = defaultAgents
		if f.forDevTest() {
			f.agents = 1
		}
	}
	if f.size == "" {
		f.size = defaultVMSize
	}
	return f
}

func (f fleet) forDevTest() bool { return strings.EqualFold(string(f.purpose), string(DevTest)) }

// refusal is why the fleet is too small when a machine has vcpus; "" when it is not.
func (f fleet) refusal(vcpus int) string {
	if f.forDevTest() || vcpus <= 0 || f.agents*vcpus >= minVCPUs {
		return ""
	}
	return fmt.Sprintf(
		"is too low: %d × %d vCPUs (%s) = %d, and purpose %s needs %d; take %d agents, a larger VMSize, or ClusterPurpose %s",
		f.agents, vcpus, f.size, f.agents*vcpus, f.purpose, minVCPUs, (minVCPUs+vcpus-1)/vcpus, DevTest)
}

// advice is what the service may refuse, or users regret, of a fleet that has total
// vCPUs, if that is known.
func (f fleet) advice(total int, known bool) string {
	switch {
	case f.forDevTest() && known && total < advisedDevVCPUs:
		return fmt.Sprintf("%d vCPU is little; at least %d are advised for purpose %s", total, advisedDevVCPUs, f.purpose)
	case !f.forDevTest() && f.agents < minAgents:
		return fmt.Sprintf("the service may refuse fewer than %d machines for purpose %s (here: %d)", minAgents, f.purpose, f.agents)
	}
	return ""
}

// vcpus finds how many vCPUs a machine has; 0 when nobody knows. The service is asked
// only when the table does not know the size or would refuse the fleet: a refusal rests
// on the real count wherever that can be had.
func (f fleet) vcpus(ctx context.Context, ws *workspace.Workspace, location string, warn func(azureml.Warning)) int {
	known, ok := knownVCPUs(f.size)
	if f.forDevTest() || ok && f.refusal(known) == "" {
		return known
	}
	if told := askVCPUs(ctx, ws, location, warn, f.size)[strings.ToLower(f.size)]; told > 0 {
		return told
	}
	return known
}

// askVCPUs asks the service for the vCPUs of machines of some sizes, whose names come
// back in lower case. It may know of AKS's sizes only some; a failure is a warning.
func askVCPUs(ctx context.Context, ws *workspace.Workspace, location string, warn func(azureml.Warning), sizes ...string) map[string]int {
	found := map[string]int{}
	for size, err := range VMSizes(ctx, ws, &VMSizesOptions{Location: location}) {
		if err != nil {
			warn(azureml.Warning{Subject: "VM size " + strings.Join(sizes, ", "), Message: "the service could not be asked for its number of vCPUs", Err: err})
			break
		}
		asked := slices.ContainsFunc(sizes, func(name string) bool { return strings.EqualFold(name, size.Name) })
		if asked && size.VCPUs != nil && *size.VCPUs > 0 {
			found[strings.ToLower(size.Name)] = *size.VCPUs
		}
		if len(found) == len(sizes) {
			break
		}
	}
	return found
}

// checkCores applies the rule to a compute that is to be created. Without ask nothing
// but the table is consulted.
func checkCores(ctx context.Context, ws *workspace.Workspace, check *validate.Checker, c AksProvisioningConfiguration, ask bool, warn func(azureml.Warning)) {
	f := fleetOf(c.ClusterPurpose, c.AgentCount, c.VMSize)
	var vcpus int
	if ask {
		vcpus = f.vcpus(ctx, ws, c.Location, warn)
	} else {
		vcpus, _ = knownVCPUs(f.size)
	}
	if rule := f.refusal(vcpus); rule != "" {
		check.Add("AgentCount", f.agents, rule+", or set SkipCoreCheck")
		return
	}
	if text := f.advice(f.agents*vcpus, vcpus > 0); text != "" {
		warn(azureml.Warning{Subject: "cluster size", Message: text})
	}
}

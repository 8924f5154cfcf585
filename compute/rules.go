package compute

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/azureml-go/azureml/internal/validate"
)

// namePattern is no stricter than the service has ever been (contract: compute §4.1).
var namePattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,22}[A-Za-z0-9]$`)

const nameRule = "must have 2 to 24 letters, digits and dashes, begin with a letter and end with a letter or digit"

// reservedNames cannot be created.
var reservedNames = []string{"amlcompute", "local", "containerinstance"}

func checkName(check *validate.Checker, name string, create bool) {
	if !check.Require("name", name) {
		return
	}
	if create && slices.Contains(reservedNames, name) {
		check.Add("name", name, "is reserved; choose another one")
		return
	}
	check.Match("name", name, namePattern, nameRule)
}

// checkLoadBalancer checks the pair for a compute whose type, where none is given, is
// otherwise.
func checkLoadBalancer(check *validate.Checker, t LoadBalancerType, subnet string, otherwise LoadBalancerType) {
	validate.OneOf(check, "LoadBalancerType", t, PossibleLoadBalancerTypeValues()...)
	if subnet == "" {
		return
	}
	if t == "" {
		t = otherwise
	}
	if t != InternalLoadBalancer {
		check.Addf("LoadBalancerSubnet", subnet, "goes only with LoadBalancerType %q", string(InternalLoadBalancer))
	}
	checkSegment(check, "LoadBalancerSubnet", subnet)
}

// checkSegment notes a name that cannot be part of a resource id.
func checkSegment(check *validate.Checker, field, name string) {
	if strings.TrimSpace(name) != name || strings.ContainsAny(name, "/?#\\") {
		check.Add(field, name, "must be a name, without slashes and blanks around it")
	}
}

// network is a virtual network for a new cluster.
type network struct {
	group, vnet, subnet               string
	serviceCIDR, dnsIP, dockerBridges string
}

func (n network) empty() bool { return n == network{} }

// check notes a network that is given in part, or whose ranges are not valid together.
func (n network) check(check *validate.Checker) {
	if n.empty() {
		return
	}
	for _, f := range []struct{ name, value string }{
		{"VNetResourceGroup", n.group}, {"VNetName", n.vnet}, {"SubnetName", n.subnet},
		{"ServiceCIDR", n.serviceCIDR}, {"DNSServiceIP", n.dnsIP}, {"DockerBridgeCIDR", n.dockerBridges},
	} {
		if f.value == "" {
			check.Add(f.name, nil, "is required in a virtual network (all six of its fields, or none)")
		}
	}
	for _, f := range []struct{ name, value string }{
		{"VNetResourceGroup", n.group}, {"VNetName", n.vnet}, {"SubnetName", n.subnet},
	} {
		checkSegment(check, f.name, f.value)
	}
	service := checkCIDR(check, "ServiceCIDR", n.serviceCIDR)
	bridge := checkCIDR(check, "DockerBridgeCIDR", n.dockerBridges)
	if service.IsValid() && bridge.IsValid() && service.Overlaps(bridge) {
		check.Addf("DockerBridgeCIDR", n.dockerBridges, "must not overlap ServiceCIDR (%s)", n.serviceCIDR)
	}
	if n.dnsIP == "" {
		return
	}
	ip, err := netip.ParseAddr(n.dnsIP)
	switch {
	case err != nil || !ip.Is4():
		check.Add("DNSServiceIP", n.dnsIP, "must be an IPv4 address like 10.0.0.10")
	case service.IsValid() && !service.Contains(ip):
		check.Addf("DNSServiceIP", n.dnsIP, "must be inside of ServiceCIDR (%s)", n.serviceCIDR)
	}
}

// checkCIDR gives the range, or the invalid one after noting why.
func checkCIDR(check *validate.Checker, field, text string) netip.Prefix {
	if text == "" {
		return netip.Prefix{}
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil || !prefix.Addr().Is4() {
		check.Add(field, text, "must be an IPv4 range like 10.0.0.0/16")
		return netip.Prefix{}
	}
	return prefix.Masked()
}

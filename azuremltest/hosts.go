package azuremltest

import (
	"net"
	"net/netip"
	"strings"
)

// Host names of the public cloud.
const (
	authorityHost = "login.microsoftonline.com"
	armHost       = "management.azure.com"
	graphHost     = "graph.microsoft.com"
	imdsHost      = "169.254.169.254"

	apiDomain  = ".api.azureml.ms"
	mmsDomain  = ".modelmanagement.azureml.net"
	blobDomain = ".blob.core.windows.net"
)

// scoringDomains hold names that Azure gives to clusters and container groups.
var scoringDomains = []string{".cloudapp.azure.com", ".azurecontainer.io"}

// hostname strips the port and lowers the case.
func hostname(hostport string) string {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// hostKindOf says which service has the name. It locks srv.mu.
func (s *Server) hostKindOf(hostport string) hostKind {
	host := hostname(hostport)
	if kind := publicHost(host); kind != hostForeign {
		return kind
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.scoringHosts[host] > 0:
		return hostScoring
	case s.isSelf(host):
		return hostSelf
	}
	return hostForeign
}

// publicHost says which service a name belongs to whatever exists, if any.
func publicHost(host string) hostKind {
	switch host {
	case authorityHost, "login.windows.net", "login.microsoft.com", "sts.windows.net":
		return hostAuthority
	case armHost:
		return hostARM
	case graphHost:
		return hostGraph
	case imdsHost:
		return hostIMDS
	}
	switch {
	case hasLabels(host, apiDomain, 1), hasLabels(host, apiDomain, 3) && strings.Split(host, ".")[1] == "workspace":
		return hostAPI
	case hasLabels(host, mmsDomain, 1):
		return hostMMS
	case hasLabels(host, blobDomain, 1):
		return hostBlob
	}
	for _, d := range scoringDomains {
		if strings.HasSuffix(host, d) && len(host) > len(d) {
			return hostScoring
		}
	}
	return hostForeign
}

// hasLabels reports whether host is n labels followed by domain.
func hasLabels(host, domain string, n int) bool {
	rest, ok := strings.CutSuffix(host, domain)
	return ok && rest != "" && strings.Count(rest, ".") == n-1
}

// isSelf reports whether host is a name of the emulator's own listener.
func (s *Server) isSelf(host string) bool {
	if host == "localhost" || host == s.selfHost {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// claimHost makes requests to host (an IP address or a customer's own name)
// scoring requests. Claims are counted: each wants a releaseHost. The caller
// holds srv.mu.
func (s *Server) claimHost(host string) {
	if host = hostname(host); host != "" {
		s.scoringHosts[host]++
	}
}

// releaseHost takes back one claimHost. The caller holds srv.mu.
func (s *Server) releaseHost(host string) {
	host = hostname(host)
	if s.scoringHosts[host]--; s.scoringHosts[host] <= 0 {
		delete(s.scoringHosts, host)
	}
}

// hostRegion returns the region in the name of a regional host.
func hostRegion(host string) string {
	for _, d := range []string{apiDomain, mmsDomain} {
		if rest, ok := strings.CutSuffix(host, d); ok {
			return rest[strings.LastIndexByte(rest, '.')+1:]
		}
	}
	return ""
}

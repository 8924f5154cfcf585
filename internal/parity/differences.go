package parity

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/azureml-go/azureml/internal/recording/wire"
)

// Difference is a rule by which we differ from the reference on purpose.
type Difference struct {
	// ID names the rule.
	ID string
	// Does says what the rule changes before the comparison.
	Does string
	// Scenarios are patterns (path.Match) of the goldens it applies to.
	Scenarios []string
	// Reason says why we do it otherwise.
	Reason string

	// each changes a call of the golden, and says whether it did.
	each func(*Call) bool
	// whole changes the golden as a whole, and says how much.
	whole func(*Script) int
}

func (d *Difference) appliesTo(scenario string) bool {
	return slices.ContainsFunc(d.Scenarios, func(pattern string) bool {
		matched, err := path.Match(pattern, scenario)
		return err == nil && matched
	})
}

func (d *Difference) prepare(s *Script) int {
	changed := 0
	if d.each != nil {
		for _, line := range s.Lines {
			if d.each(&line.Call) {
				changed++
			}
		}
	}
	if d.whole != nil {
		changed += d.whole(s)
	}
	return changed
}

const (
	resourceManager = "https://management.azure.com"
	workspaceFront  = ".api.azureml.ms/rp/workspaces/subscriptions/"
	ourAPIVersion   = "2024-04-01"
	anyDeployment   = "webservice_aks_deploy_*"
	anyContainer    = "aci_deploy_*"
	invalidOptions  = "webservice_aks_deploy_invalid_options"
	invalidModels   = "model_register_invalid"
	tagsOfModel     = "model_tags_properties"
	firstVersion    = "endpoint_deploy_first_version"
	newVersion      = "endpoint_create_version"
)

// Differences is the one table of justified differences. Each rule is used by a golden of
// the repository, and each of its patterns matches one in which it changes something.
func Differences() []Difference {
	return slices.Concat(resourceManagerDifferences(), workspaceDifferences(), computeDifferences(), computeArgumentDifferences(), readDifferences(), argumentDifferences(), uploadDifferences(), deploymentDifferences(), endpointDifferences())
}

func resourceManagerDifferences() []Difference {
	return []Difference{{
		ID:        "resource-manager-host",
		Does:      "reads of computes go to the resource manager, not to the region's /rp/workspaces",
		Scenarios: []string{"compute_*", "workspace_collections", anyDeployment, "fault_arm_put_*", "fault_compute_get_403"},
		Reason:    "reads and writes on one host, in the published form of the API",
		each: func(c *Call) bool {
			at := strings.Index(c.URL, workspaceFront)
			if at < 0 {
				return false
			}
			c.URL = resourceManager + "/subscriptions/" + c.URL[at+len(workspaceFront):]
			return true
		},
		whole: linksToResourceManager,
	}, {
		ID:        "one-slash",
		Does:      "https://management.azure.com//subscriptions loses a slash",
		Scenarios: []string{"compute_*", "fault_arm_put_*"},
		Reason:    "the reference concatenates; the resource manager merely tolerates it",
		each: func(c *Call) bool {
			rest, ok := strings.CutPrefix(c.URL, resourceManager+"//")
			if ok {
				c.URL = resourceManager + "/" + rest
			}
			return ok
		},
	}, {
		ID:        "api-version",
		Does:      "workspaces and computes are asked for with api-version 2024-04-01; addresses of operations stay as they were given",
		Scenarios: []string{"*"},
		Reason:    "the reference's versions are from 2020 to 2022",
		each: func(c *Call) bool {
			if !strings.HasPrefix(c.URL, resourceManager) || !strings.Contains(c.base(), "/Microsoft.MachineLearningServices/workspaces") {
				return false
			}
			return c.setQuery("api-version", func(string) (string, bool) { return ourAPIVersion, true })
		},
	}, {
		ID:        "underlying-resource-action",
		Does:      "underlyingResourceAction is Delete or Detach",
		Scenarios: []string{"compute_delete*", "compute_detach"},
		Reason:    "as the published API spells it",
		each: func(c *Call) bool {
			return c.setQuery("underlyingResourceAction", func(value string) (string, bool) {
				return strings.ToUpper(value[:min(1, len(value))]) + value[min(1, len(value)):], true
			})
		},
	}}
}

var workspaceLink = regexp.MustCompile(`"https://[a-z0-9]+` + regexp.QuoteMeta(workspaceFront) + `([^"]*api-version=)[^&"]*`)

// linksToResourceManager changes the addresses of next pages in answers.
func linksToResourceManager(s *Script) int {
	changed := 0
	for _, l := range s.Lines {
		if workspaceLink.Match(l.Response.JSON) {
			l.Response.JSON = workspaceLink.ReplaceAll(l.Response.JSON, []byte(`"`+resourceManager+`/subscriptions/${1}`+ourAPIVersion))
			changed++
		}
	}
	return changed
}

func computeDifferences() []Difference {
	return []Difference{{
		ID:        "refused-before-sending",
		Does:      "requests that the service refuses for their form are not sent",
		Scenarios: []string{"compute_create_invalid_name"},
		Reason:    "bad input is an error before any request",
		whole: func(s *Script) int {
			return s.remove(func(l *Line) bool { return l.Method == "PUT" && l.Response.Status == 400 })
		},
	}, {
		ID:        "creation-without-operation",
		Does:      "a creation whose answer names no operation succeeds when the compute does, after two reads",
		Scenarios: []string{"compute_create_no_operation"},
		Reason:    "the reference gives up although the creation goes on; the compute itself tells how it ends",
		whole:     followTheCompute,
	}, {
		ID:        "load-balancer-stays",
		Does:      "an update of something else sends the load balancer's type and subnet back as they were read",
		Scenarios: []string{"compute_update_*"},
		Reason:    "the reference drops them; nobody knows whether the service takes that for no change",
		whole:     keepLoadBalancer,
	}, {
		ID:        "real-certificate",
		Does:      "certificate and key are a real pair",
		Scenarios: []string{"compute_update_ssl_own_cert", "aci_deploy_ssl"},
		Reason:    "the golden's are no PEM, which we refuse",
		each: func(c *Call) bool {
			changed := false
			for _, ssl := range []map[string]any{member(c.Body, "properties", "properties", "sslConfiguration"), member(c.Body)} {
				for _, name := range []string{"cert", "key", "sslCertificate", "sslKey"} {
					if _, there := ssl[name]; there {
						ssl[name], changed = "<any>", true
					}
				}
			}
			return changed
		},
	}}
}

// member walks down to an object; it is nil if there is none.
func member(value any, names ...string) map[string]any {
	object, _ := value.(map[string]any)
	for _, name := range names {
		object, _ = object[name].(map[string]any)
	}
	return object
}

// keepLoadBalancer copies the load balancer from the compute that was read before.
func keepLoadBalancer(s *Script) int {
	changed := 0
	var read map[string]any
	for _, l := range s.Lines {
		if l.Method == "GET" {
			body, err := wire.DecodeJSON(l.Response.JSON)
			if found := member(body, "properties", "properties"); err == nil && found["loadBalancerType"] != nil {
				read = found
			}
			continue
		}
		written := member(l.Body, "properties", "properties")
		if l.Method != "PUT" || written == nil || read == nil {
			continue
		}
		for _, name := range []string{"loadBalancerType", "loadBalancerSubnet"} {
			if value, there := read[name]; there {
				written[name] = value
				changed++
			}
		}
	}
	return changed
}

func followTheCompute(s *Script) int {
	at := slices.IndexFunc(s.Lines, func(l *Line) bool { return l.Method == "PUT" })
	if at < 0 || s.Error == nil {
		return 0
	}
	read := *s.Lines[at]
	read.Call = Call{Method: "GET", URL: read.URL, Bearer: true}
	read.Response = Response{Response: wire.Response{
		Status: 200, Headers: map[string]string{"Content-Type": "application/json"},
		JSON: []byte(`{"name":"aks-prod","location":"westeurope","properties":{"computeType":"AKS","provisioningState":"Succeeded","properties":{"agentCount":3}}}`),
	}}
	s.Lines = append(s.Lines, &read)
	s.Requests++ // the subscription's check is never sent, which leaves the other one
	s.Error, s.Result = nil, []byte("{}")
	return 1
}

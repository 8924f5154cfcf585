package parity

import (
	"bytes"
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
)

var workspaceLink = regexp.MustCompile(`"https://[a-z0-9]+` + regexp.QuoteMeta(workspaceFront))

// Differences is the one table of justified differences. Each rule is used by a golden of
// the repository, and each of its patterns matches one in which it changes something.
func Differences() []Difference {
	return slices.Concat(resourceManagerDifferences(), computeDifferences(), readDifferences(), argumentDifferences(), uploadDifferences(), deploymentDifferences())
}

func resourceManagerDifferences() []Difference {
	return []Difference{{
		ID:        "resource-manager-host",
		Does:      "reads of computes go to the resource manager, not to the region's /rp/workspaces",
		Scenarios: []string{"compute_*", anyDeployment, "fault_arm_put_*", "fault_compute_get_403"},
		Reason:    "reads and writes on one host, in the published form of the API",
		each: func(c *Call) bool {
			at := strings.Index(c.URL, workspaceFront)
			if at < 0 {
				return false
			}
			c.URL = resourceManager + "/subscriptions/" + c.URL[at+len(workspaceFront):]
			return true
		},
		whole: func(s *Script) int {
			changed := 0
			for _, l := range s.Lines {
				// Lists name their next page by its address.
				if answer := workspaceLink.ReplaceAll(l.Response.JSON, []byte(`"`+resourceManager+`/subscriptions/`)); len(answer) != len(l.Response.JSON) {
					l.Response.JSON = answer
					changed++
				}
			}
			return changed
		},
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

func readDifferences() []Difference {
	return []Difference{{
		ID:        "latest-model-first",
		Does:      "the search for a model's latest version says orderBy=CreatedAtDesc",
		Scenarios: []string{"model_get_by_name", "model_not_found", anyDeployment, anyContainer, "fault_m*", "fault_discovery_503"},
		Reason:    "one model is asked for, so its order must not be left to the service",
		each: func(c *Call) bool {
			if c.Method != "GET" || !strings.HasSuffix(c.base(), "/models") || !strings.Contains(c.URL, "count=1") {
				return false
			}
			c.URL += "&orderBy=CreatedAtDesc"
			return true
		},
	}, {
		ID:        "operation-offset",
		Does:      "from the second poll on, an operation is asked for its log (offset)",
		Scenarios: []string{"webservice_regen_key_*", anyDeployment, anyContainer},
		Reason:    "a failure must be able to show the end of the log, whether it was printed or not",
		whole:     askForLog,
	}, {
		ID:        "waits-for-any-service",
		Does:      "waiting for a service that was merely read ends when it is healthy",
		Scenarios: []string{"webservice_get"},
		Reason:    "the reference refuses, although the service's state tells all that is asked for",
		whole:     func(s *Script) int { return s.inResult(func(r map[string]any) { r["waited"] = "Healthy" }) },
	}, {
		ID:        "nothing-to-remove",
		Does:      "removing a tag that is not there succeeds",
		Scenarios: []string{"webservice_tags_properties"},
		Reason:    "what was asked for is so; the reference fails, but only for a service without any tags",
		whole:     func(s *Script) int { return s.inResult(func(r map[string]any) { r["removed"] = "done" }) },
	}, {
		ID:        "scoring-not-repeated",
		Does:      "a scoring call whose answer is lost is an error",
		Scenarios: []string{"fault_scoring_503"},
		Reason:    "it may have run, and only the caller knows whether it may run twice (Idempotent)",
		whole:     failsAtTheBreak,
	}}
}

// askForLog gives all polls of an operation but its first an offset.
func askForLog(s *Script) int {
	changed := 0
	seen := map[string]bool{}
	for _, l := range s.Lines {
		address := l.base()
		if l.Method != "GET" || !strings.Contains(address, "/operations/") {
			continue
		}
		before := l.URL
		if l.URL = address; seen[address] {
			l.URL += "?offset=<any>"
		}
		seen[address] = true
		if l.URL != before {
			changed++
		}
	}
	return changed
}

func argumentDifferences() []Difference {
	return []Difference{{
		ID:        "zero-is-unset",
		Does:      "numbers that are 0 are taken for not given",
		Scenarios: []string{invalidOptions, invalidModels, "aci_invalid_options"},
		Reason:    "0 is how Go says that a member of a configuration is not set; none of these numbers can sensibly be 0",
		whole:     zeroIsUnset,
	}, {
		ID:        "secondary-key-alone",
		Does:      "a secondary key without a primary one is refused",
		Scenarios: []string{invalidOptions},
		Reason:    "the reference takes it and silently drops it",
		whole:     func(s *Script) int { return s.inResult(func(r map[string]any) { r["secondary_key='b'"] = "refused" }) },
	}, {
		ID:        "arguments-before-upload",
		Does:      "nothing is sent for a registration whose arguments are refused",
		Scenarios: []string{invalidModels},
		Reason:    "bad input is an error before any request",
		whole: func(s *Script) int {
			// 7 and 8, tags and properties that are no dicts, cannot be said in Go.
			return s.remove(func(l *Line) bool { return l.Method != "GET" && slices.Contains([]int{7, 8, 10}, l.Step) })
		},
	}}
}

func zeroIsUnset(s *Script) int {
	changed := 0
	s.inResult(func(options map[string]any) {
		for name := range options {
			if strings.HasSuffix(name, "=0") {
				options[name] = "accepted"
				changed++
			}
		}
	})
	for _, l := range s.Lines {
		if resources := member(l.Body, "resourceRequirements"); resources != nil {
			delete(resources, "cpu")
			changed++
		}
	}
	return changed
}

func uploadDifferences() []Difference {
	return []Difference{{
		ID:        "no-blob-timeout",
		Does:      "uploads have no timeout parameter",
		Scenarios: []string{"model_register_*", "fault_models_post_503", "fault_blob_403", anyDeployment, anyContainer},
		Reason:    "30 s are too short for what one request may hold; the caller's context ends an upload",
		each: func(c *Call) bool {
			return c.isUpload() && c.setQuery("timeout", func(string) (string, bool) { return "", false })
		},
	}, {
		ID:        "uploads-in-any-order",
		Does:      "the uploads between two other changes may come in any order",
		Scenarios: []string{"model_register_directory"},
		Reason:    "they run side by side; the recordings serialise them",
		each: func(c *Call) bool {
			c.AnyOrder = c.isUpload()
			return c.AnyOrder
		},
	}, {
		ID:        "own-driver-program",
		Does:      "the contents of the driver program are not compared",
		Scenarios: []string{anyDeployment, anyContainer},
		Reason:    "it is a program of our own with the same contract",
		each: func(c *Call) bool {
			c.AnyContent = strings.HasSuffix(c.artifact(), "<tmpname>.py")
			return c.AnyContent
		},
	}, {
		ID:        "entry-script",
		Does:      "of the entry script the length is compared, not the checksum",
		Scenarios: []string{anyDeployment, anyContainer},
		Reason:    "the recordings do not say what is in the reference's script",
		each: func(c *Call) bool {
			c.AnySum = strings.HasSuffix(c.artifact(), "/score.py")
			return c.AnySum
		},
	}}
}

func deploymentDifferences() []Difference {
	return []Difference{{
		ID:        "no-example-variable",
		Does:      "environments lack the variable EXAMPLE_ENV_VAR",
		Scenarios: []string{anyDeployment, anyContainer, "environment_register"},
		Reason:    "nobody asked for it",
		each:      withoutExampleVariable,
	}, {
		ID:        "checked-before-upload",
		Does:      "the service's name is checked before the upload; nothing is uploaded if it is taken",
		Scenarios: []string{anyDeployment, anyContainer},
		Reason:    "a refusal must leave nothing behind",
		whole:     checkNameFirst,
	}, {
		ID:        "compute-is-required",
		Does:      "the deployment that names no compute, which is the second one, sends nothing",
		Scenarios: []string{"webservice_aks_deploy_unknown_compute"},
		Reason:    "bad input is an error before any request",
		whole: func(s *Script) int {
			return s.remove(func(l *Line) bool { return l.Step == 2 })
		},
	}}
}

// checkNameFirst moves each check of a name before the uploads of its step.
func checkNameFirst(s *Script) int {
	changed := 0
	for _, l := range slices.Clone(s.Lines) {
		if !strings.Contains(l.base(), "/services/validate/name/") {
			continue
		}
		isUpload := func(other *Line) bool { return other.Step == l.Step && other.isUpload() }
		first := slices.IndexFunc(s.Lines, isUpload)
		if at := slices.Index(s.Lines, l); first >= 0 && first < at {
			s.Lines = slices.Insert(slices.Delete(s.Lines, at, at+1), first, l)
			changed++
		}
		if bytes.Contains(l.Response.JSON, []byte(`"error"`)) {
			changed += s.remove(isUpload)
		}
	}
	return changed
}

// failsAtTheBreak makes the outcome that of the first answer that was lost.
func failsAtTheBreak(s *Script) int {
	at := slices.IndexFunc(s.Lines, func(l *Line) bool { return l.Response.Fault != "" })
	if at < 0 {
		return 0
	}
	s.Error, s.Result = &Failure{Type: "connection", Message: string(s.Lines[at].Response.Fault)}, nil
	return 1
}

func withoutExampleVariable(c *Call) bool {
	variables := member(c.Body, "environmentImageRequest", "environment", "environmentVariables")
	if variables == nil {
		variables = member(c.Body, "EnvironmentVariables")
	}
	_, there := variables["EXAMPLE_ENV_VAR"]
	delete(variables, "EXAMPLE_ENV_VAR")
	return there
}

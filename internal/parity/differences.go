package parity

import (
	"cmp"
	"path"
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
	// both has each applied to our calls as well.
	both bool
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
)

// Differences is the one table of justified differences. Each rule is used by a golden of
// the repository, and each of its patterns matches one in which it changes something.
func Differences() []Difference {
	return slices.Concat(resourceManagerDifferences(), computeDifferences(), readDifferences(), uploadDifferences(), deploymentDifferences())
}

func resourceManagerDifferences() []Difference {
	return []Difference{{
		ID:        "resource-manager-host",
		Does:      "reads of computes go to the resource manager, not to the region's /rp/workspaces",
		Scenarios: []string{"compute_*", anyDeployment},
		Reason:    "reads and writes on one host, in the published form of the API",
		each: func(c *Call) bool {
			at := strings.Index(c.URL, workspaceFront)
			if at < 0 {
				return false
			}
			c.URL = resourceManager + "/subscriptions/" + c.URL[at+len(workspaceFront):]
			return true
		},
	}, {
		ID:        "one-slash",
		Does:      "https://management.azure.com//subscriptions loses a slash",
		Scenarios: []string{"compute_*"},
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
	}}
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
		Scenarios: []string{"model_get_by_name", anyDeployment},
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
		Does:      "where the log goes on (offset) is not looked at when polling",
		Scenarios: []string{"webservice_delete", anyDeployment},
		Reason:    "we ask for the log when somebody listens, not when something is printed",
		both:      true,
		each: func(c *Call) bool {
			if !strings.Contains(c.base(), "/operations/") {
				return false
			}
			return c.setQuery("offset", func(string) (string, bool) { return "", false })
		},
	}}
}

func uploadDifferences() []Difference {
	return []Difference{{
		ID:        "no-blob-timeout",
		Does:      "uploads have no timeout parameter",
		Scenarios: []string{"model_register_*", anyDeployment},
		Reason:    "30 s are too short for what one request may hold; the caller's context ends an upload",
		each: func(c *Call) bool {
			return c.isUpload() && c.setQuery("timeout", func(string) (string, bool) { return "", false })
		},
	}, {
		ID:        "uploads-in-any-order",
		Does:      "the uploads between two other changes may come in any order",
		Scenarios: []string{"model_register_directory", anyDeployment},
		Reason:    "they run side by side; the recordings serialise them",
		each: func(c *Call) bool {
			c.AnyOrder = c.isUpload()
			return c.AnyOrder
		},
	}, {
		ID:        "paths-in-any-order",
		Does:      "the paths that artifacts are made for are sorted",
		Scenarios: []string{"model_register_directory"},
		Reason:    "the order of a folder's files means nothing; ours is alphabetical",
		both:      true,
		each:      sortPaths,
	}, {
		ID:        "own-driver-program",
		Does:      "the contents of the driver program are not compared",
		Scenarios: []string{anyDeployment},
		Reason:    "it is a program of our own with the same contract",
		each: func(c *Call) bool {
			c.AnyContent = strings.HasSuffix(c.artifact(), "<tmpname>.py")
			return c.AnyContent
		},
	}, {
		ID:        "entry-script",
		Does:      "of the entry script the length is compared, not the checksum",
		Scenarios: []string{anyDeployment},
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
		Scenarios: []string{anyDeployment},
		Reason:    "nobody asked for it",
		each:      withoutExampleVariable,
	}, {
		ID:        "checked-before-upload",
		Does:      "nothing is uploaded for a service whose name is taken",
		Scenarios: []string{"webservice_aks_deploy_existing_name"},
		Reason:    "the name is checked first, so a refusal leaves nothing behind",
		whole: func(s *Script) int {
			return s.remove(func(l *Line) bool { return l.isUpload() })
		},
	}, {
		ID:        "compute-is-required",
		Does:      "the deployment that names no compute, which is the second one, sends nothing",
		Scenarios: []string{"webservice_aks_deploy_unknown_compute"},
		Reason:    "bad input is an error before any request",
		whole: func(s *Script) int {
			return s.remove(func(l *Line) bool { return l.Step == 2 })
		},
	}, {
		ID:        "one-pre-check",
		Does:      "what any of the three pre-checks refuses, services/validate refuses",
		Scenarios: []string{"webservice_aks_deploy_insufficient_resources"},
		Reason:    "we ask once, with the whole request",
		whole:     refuseAtOnce,
	}}
}

// refuseAtOnce moves the answer of validate/resource to validate.
func refuseAtOnce(s *Script) int {
	find := func(end string) int {
		return slices.IndexFunc(s.Lines, func(l *Line) bool { return strings.HasSuffix(l.base(), end) })
	}
	whole, resource := find("/services/validate"), find("/services/validate/resource")
	if whole < 0 || resource < 0 {
		return 0
	}
	s.Lines[whole].Response = s.Lines[resource].Response
	return 1
}

func sortPaths(c *Call) bool {
	body, ok := c.Body.(map[string]any)
	if !ok || !strings.Contains(c.URL, "/artifacts/batch/metadata/") {
		return false
	}
	paths, ok := body["paths"].([]any)
	if !ok {
		return false
	}
	name := func(element any) string {
		object, _ := element.(map[string]any)
		text, _ := object["path"].(string)
		return text
	}
	sorted := slices.SortedStableFunc(slices.Values(paths), func(a, b any) int { return cmp.Compare(name(a), name(b)) })
	changed := !slices.EqualFunc(paths, sorted, func(a, b any) bool { return name(a) == name(b) })
	body["paths"] = sorted
	return changed
}

func withoutExampleVariable(c *Call) bool {
	body, _ := c.Body.(map[string]any)
	image, _ := body["environmentImageRequest"].(map[string]any)
	environment, _ := image["environment"].(map[string]any)
	variables, _ := environment["environmentVariables"].(map[string]any)
	_, there := variables["EXAMPLE_ENV_VAR"]
	delete(variables, "EXAMPLE_ENV_VAR")
	return there
}

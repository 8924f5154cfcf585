package parity

import (
	"bytes"
	"slices"
	"strings"
)

func uploadDifferences() []Difference {
	return []Difference{{
		ID:        "no-blob-timeout",
		Does:      "uploads have no timeout parameter",
		Scenarios: []string{"model_register_*", "fault_models_post_503", "fault_blob_403", anyDeployment, anyContainer, firstVersion, newVersion},
		Reason:    "30 s are too short for what one request may hold; the caller's context ends an upload",
		each: func(c *Call) bool {
			return c.isUpload() && c.setQuery("timeout", func(string) (string, bool) { return "", false })
		},
	}, {
		ID:        "uploads-in-any-order",
		Does:      "the uploads between two other changes may come in any order",
		Scenarios: []string{"model_register_directory", "model_register_many_files"},
		Reason:    "they run side by side; the recordings serialise them",
		each: func(c *Call) bool {
			c.AnyOrder = c.isUpload()
			return c.AnyOrder
		},
	}, {
		ID:        "own-driver-program",
		Does:      "the contents of the driver program are not compared",
		Scenarios: []string{anyDeployment, anyContainer, firstVersion, newVersion},
		Reason:    "it is a program of our own with the same contract",
		each: func(c *Call) bool {
			c.AnyContent = strings.HasSuffix(c.artifact(), "<tmpname>.py")
			return c.AnyContent
		},
	}, {
		ID:        "entry-script",
		Does:      "of the entry script the length is compared, not the checksum",
		Scenarios: []string{anyDeployment, anyContainer, firstVersion, newVersion},
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
		Scenarios: []string{anyDeployment, anyContainer, firstVersion, newVersion, "environment_register"},
		Reason:    "nobody asked for it",
		each:      withoutExampleVariable,
	}, {
		ID:        "checked-before-upload",
		Does:      "the service's name is checked before the upload; nothing is uploaded if it is taken",
		Scenarios: []string{anyDeployment, anyContainer, firstVersion},
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
	variables := member(deployed(c.Body), "environmentImageRequest", "environment", "environmentVariables")
	if variables == nil {
		variables = member(c.Body, "EnvironmentVariables")
	}
	_, there := variables["EXAMPLE_ENV_VAR"]
	delete(variables, "EXAMPLE_ENV_VAR")
	return there
}

// deployed is the part of a body that says what runs: the body itself, the first version
// of an endpoint, or one that is added to it.
func deployed(body any) any {
	if steps, ok := body.([]any); ok && len(steps) == 1 {
		return member(steps[0], "value")
	}
	if version := member(body, "versions", "version-a"); version != nil {
		return version
	}
	return body
}

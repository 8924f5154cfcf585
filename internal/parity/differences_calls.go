package parity

import (
	"encoding/json"
	"slices"
	"strings"
)

func readDifferences() []Difference {
	return []Difference{{
		ID:        "latest-model-first",
		Does:      "the search for a model's latest version says orderBy=CreatedAtDesc",
		Scenarios: []string{"model_get_by_name", "model_not_found", "model_delete", "model_update", "model_download_file", tagsOfModel, anyDeployment, anyContainer, "endpoint_deploy_*", "endpoint_create_version*", "fault_m*", "fault_discovery_503"},
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
		Scenarios: []string{"webservice_regen_key_*", anyDeployment, anyContainer, firstVersion, newVersion, "endpoint_delete_version", "endpoint_keys", "endpoint_update_version_traffic"},
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
		ID:        "nothing-to-update",
		Does:      "an update of a model that changes nothing is refused",
		Scenarios: []string{"model_update"},
		Reason:    "bad input is an error before any request; the reference sends an empty patch",
		whole: func(s *Script) int {
			s.inResult(func(r map[string]any) { r["nothing"] = map[string]any{"error": map[string]any{}} })
			return s.remove(func(l *Line) bool { return l.Method == "PATCH" && l.Step == 3 })
		},
	}, {
		ID:        "model-read-before-merge",
		Does:      "a change of a model's tags or properties is preceded by a read of the model",
		Scenarios: []string{tagsOfModel},
		Reason:    "what others have changed since must not be lost; the reference merges with what it read once",
		whole:     readBeforeMerge,
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

// readBeforeMerge puts a read of the model, answered with what the golden has of it at
// that time, in front of each change and of the change that is refused.
func readBeforeMerge(s *Script) int {
	var lines []*Line
	var now Response
	address, refused := "", 5
	read := func(step int) {
		lines = append(lines, &Line{Call: Call{Method: "GET", URL: address, Bearer: true}, Step: step, Response: now})
		s.Requests++
	}
	before := len(s.Lines)
	for _, l := range s.Lines {
		switch {
		case l.Method == "PATCH":
			address = l.URL
			if now.Status == 0 {
				return 0
			}
			if l.Step > refused {
				read(refused)
				refused = l.Step
			}
			read(l.Step)
			now = l.Response
		case strings.HasSuffix(l.base(), "/models"):
			now = firstOf(l.Response)
		}
		lines = append(lines, l)
	}
	s.Lines = lines
	return len(lines) - before
}

// firstOf turns the answer of a list into that of a read of its first item.
func firstOf(list Response) Response {
	var page struct {
		Value []json.RawMessage `json:"value"`
	}
	if json.Unmarshal(list.JSON, &page) != nil || len(page.Value) == 0 {
		return Response{}
	}
	list.JSON = page.Value[0]
	return list
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

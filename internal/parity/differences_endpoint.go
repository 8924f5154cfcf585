package parity

import (
	"slices"
	"strings"

	"github.com/azureml-go/azureml/internal/recording/wire"
)

func endpointDifferences() []Difference {
	return []Difference{{
		ID:        "endpoints-can-be-updated",
		Does:      "the updates of endpoints, which end in an exception before anything is sent, send what the contract says (webservice §6.4)",
		Scenarios: []string{"endpoint_update"},
		Reason:    "the reference calls its validator with two arguments too few",
		whole: func(s *Script) int {
			return s.patched("churn-ep",
				`[{"op":"replace","path":"/kvTags","value":{"a":"b"}},{"op":"replace","path":"/description","value":"text"}]`,
				`[{"op":"replace","path":"/authEnabled","value":false},{"op":"replace","path":"/aadAuthEnabled","value":true}]`,
				`[{"op":"replace","path":"/appInsightsEnabled","value":true}]`,
				`[{"op":"replace","path":"/kvTags","value":{"x":"y"}}]`)
		},
	}, {
		ID:        "versions-have-resources",
		Does:      "a version with cores and memory is sent (webservice §6.2)",
		Scenarios: []string{"endpoint_create_version_limits"},
		Reason:    "the reference looks for the endpoint's own resources, which it does not have, and ends in an exception",
		whole: func(s *Script) int {
			return s.patched("churn-ep", `[{"op":"add","path":"/versions/version-b","value":{"name":"version-b","description":null,"kvTags":null,"properties":{},
				"computeType":"AKS","computeName":"aks-prod","numReplicas":null,
				"containerResourceRequirements":{"cpu":1,"cpuLimit":2,"memoryInGB":1,"memoryInGBLimit":2,"gpu":null},
				"maxConcurrentRequestsPerContainer":null,"maxQueueWaitMs":null,"namespace":null,"scoringTimeoutMs":null,
				"livenessProbeRequirements":{"initialDelaySeconds":null,"periodSeconds":null,"failureThreshold":null,"successThreshold":null,"timeoutSeconds":null},
				"keys":{"primaryKey":null,"secondaryKey":null},"environmentImageRequest":{"modelIds":["sk:1"]},"location":null}}]`)
		},
	}, {
		ID:        "versions-are-checked",
		Does:      "changes of versions that are not there, and of values that make no sense, are not sent",
		Scenarios: []string{"endpoint_update_version_refused"},
		Reason:    "bad input is an error; the reference takes the default away from all versions when it is to be given to one that is not there",
		whole: func(s *Script) int {
			refused := map[string]any{"error": map[string]any{}}
			s.inResult(func(r map[string]any) { r["unknown version default"], r["cpu -1"] = refused, refused })
			// With each patch goes the read after it, which shows the endpoint in transition.
			return s.remove(func(l *Line) bool { return l.Method == "PATCH" || l.Method == "GET" && l.Step > 6 })
		},
	}, {
		ID:        "no-empty-patch",
		Does:      "a change of a version that changes nothing is refused",
		Scenarios: []string{"endpoint_update_version_default_control"},
		Reason:    "the reference sends an empty patch",
		whole: func(s *Script) int {
			return s.remove(func(l *Line) bool {
				body, ok := l.Body.([]any)
				return l.Method == "PATCH" && ok && len(body) == 0
			})
		},
	}}
}

// patched ends a script that ended in an exception with the patches that should have been
// sent. They are answered with 200, and the service with what it was before.
func (s *Script) patched(service string, patches ...string) int {
	at := slices.IndexFunc(s.Lines, func(l *Line) bool {
		return l.Method == "GET" && strings.HasSuffix(l.base(), "/services/"+service)
	})
	if at < 0 {
		return 0
	}
	read := *s.Lines[at]
	for _, patch := range patches {
		body, err := wire.DecodeJSON([]byte(patch))
		if err != nil {
			return 0
		}
		url, _, _ := strings.Cut(read.URL, "?")
		check := Line{Call: Call{Method: "POST", URL: strings.TrimSuffix(url, service) + "validate", Bearer: true}}
		check.Response.Status = 200
		change := Line{Call: Call{Method: "PATCH", URL: url, Body: body, HasJSON: true, Bearer: true}}
		change.Response = read.Response
		after := read
		s.Lines = append(s.Lines, &check, &change, &after)
	}
	// Each is preceded by a read for its checks, in place of that after the one before.
	s.Requests += 4 * len(patches)
	s.Error = nil
	return len(patches)
}

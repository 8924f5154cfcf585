package parity

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
)

func workspaceDifferences() []Difference {
	return []Difference{{
		ID:        "workspaces-in-full",
		Does:      "the workspaces of a subscription are listed by their own provider, not among its resources",
		Scenarios: []string{"workspace_list"},
		Reason:    "one list has everything; the reference reads each workspace again when it is looked at",
		whole:     listWorkspaces,
	}, {
		ID:        "config-for-all-tools",
		Does:      "config.json has subscription_id, resource_group and workspace_name in place of the whole id",
		Scenarios: []string{"workspace_write_config"},
		Reason:    "it is the form that the portal gives out and that all other tools read",
		whole:     writePlainConfigs,
	}}
}

var resourcesQuery = regexp.MustCompile(`/resources\?[^"]*?(&\$skipToken=[^"&]*)?$`)

// listWorkspaces changes the addresses of the pages, in requests and in answers.
func listWorkspaces(s *Script) int {
	const list = "/providers/Microsoft.MachineLearningServices/workspaces?api-version=" + ourAPIVersion + "${1}"
	changed := 0
	for _, l := range s.Lines {
		if l.Method != http.MethodGet || !resourcesQuery.MatchString(l.URL) {
			continue
		}
		l.URL = resourcesQuery.ReplaceAllString(l.URL, list)
		changed++
		var page map[string]any
		if json.Unmarshal(l.Response.JSON, &page) != nil {
			continue
		}
		if next, ok := page["nextLink"].(string); ok {
			page["nextLink"] = resourcesQuery.ReplaceAllString(next, list)
			if data, err := json.Marshal(page); err == nil {
				l.Response.JSON = data
			}
		}
	}
	return changed
}

// writePlainConfigs replaces the texts of config files by what they shall say.
func writePlainConfigs(s *Script) int {
	changed := 0
	s.inResult(func(result map[string]any) {
		files := member(result, "files")
		for name, content := range files {
			text, _ := content.(string)
			var config struct{ Scope string }
			if json.Unmarshal([]byte(text), &config) != nil {
				continue
			}
			parts := strings.Split(config.Scope, "/")
			if len(parts) != 9 {
				continue
			}
			files[name] = map[string]any{"subscription_id": parts[2], "resource_group": parts[4], "workspace_name": parts[8]}
			changed++
		}
	})
	return changed
}

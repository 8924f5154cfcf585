package parity

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/azureml-go/azureml/internal/recording/wire"
)

// compareBody lists how the body of our call differs from the golden's.
func compareBody(m *wire.Matcher, want, got *Call) []string {
	switch {
	case want.AnyContent:
		return nil
	case want.HasJSON:
		if !got.HasJSON {
			return []string{fmt.Sprintf("body: want JSON, got %s", digestText(got.Bytes))}
		}
		return m.JSON(want.Body, got.Body)
	case want.AnySum && want.Bytes != nil && got.Bytes != nil:
		if want.Bytes.Length != got.Bytes.Length {
			return []string{fmt.Sprintf("body: want %d bytes, got %d", want.Bytes.Length, got.Bytes.Length)}
		}
		return nil
	}
	if wanted, sent := digestText(want.Bytes), digestText(got.Bytes); wanted != sent {
		return []string{fmt.Sprintf("body: want %s, got %s", wanted, sent)}
	}
	return nil
}

// verify lists everything in which our requests differ from the golden's.
func (s *Stage) verify() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.problems
	for _, one := range s.sent {
		for _, finding := range one.findings {
			found = append(found, fmt.Sprintf("%s: %s", one.call, finding))
		}
	}
	for _, line := range s.script.Lines {
		if line.change && !line.repeat && !line.made {
			found = append(found, fmt.Sprintf("not made: %s", &line.Call))
		}
	}
	found = append(found, s.wrongOrder()...)
	found = append(found, s.unknownArtifacts()...)
	if ours := s.counted(); ours > s.script.Requests && !s.golden.isFault() {
		found = append(found, fmt.Sprintf("%d requests, but the golden has only %d:%s", ours, s.script.Requests, s.listing()))
	}
	return append(found, s.wrongAllowances()...)
}

// wrongOrder names the changes that came before one that precedes them in the golden.
func (s *Stage) wrongOrder() []string {
	var found []string
	last := &Line{}
	for _, one := range s.sent {
		if one.line == nil || !one.line.change {
			continue
		}
		if one.line.group < last.group {
			found = append(found, fmt.Sprintf("wrong order: %s came after %s", one.call, &last.Call))
			continue
		}
		last = one.line
	}
	return found
}

// unknownArtifacts names the artifacts that a call refers to and no call has put into
// storage: masks alone would let any made-up name pass.
func (s *Stage) unknownArtifacts() []string {
	var found, uploaded []string
	for _, one := range s.sent {
		if id := one.call.artifact(); id != "" {
			uploaded = append(uploaded, id)
			continue
		}
		if !isChange(one.call.Method, one.call.URL) || one.call.isUpload() {
			continue
		}
		for _, id := range artifactsIn(one.call.Body) {
			if !isUploaded(id, uploaded) {
				found = append(found, fmt.Sprintf("%s: refers to %s, which was not uploaded", one.call, id))
			}
		}
	}
	return found
}

func isUploaded(id string, uploaded []string) bool {
	for _, known := range uploaded {
		if known == id || strings.HasPrefix(known, id+"/") {
			return true
		}
	}
	return false
}

func artifactsIn(value any) []string {
	var found []string
	switch value := value.(type) {
	case map[string]any:
		for _, member := range value {
			found = append(found, artifactsIn(member)...)
		}
	case []any:
		for _, element := range value {
			found = append(found, artifactsIn(element)...)
		}
	case string:
		id := strings.TrimPrefix(value, "aml://artifact/")
		if strings.HasPrefix(id, "LocalUpload/") {
			found = append(found, id)
		}
	}
	return found
}

// counted is the number of our requests, without those for tokens and the declared ones.
func (s *Stage) counted() int {
	count := 0
	for _, one := range s.sent {
		if !one.allowed {
			count++
		}
	}
	return count
}

func (s *Stage) listing() string {
	var out strings.Builder
	for _, one := range s.sent {
		if !one.allowed {
			fmt.Fprintf(&out, "\n    %s", one.call)
		}
	}
	return out.String()
}

// compareOutcome checks a scenario's value and error against the golden's outcome.
func compareOutcome(script *Script, result any, err error) []string {
	switch {
	case script.Error != nil && err == nil:
		return []string{fmt.Sprintf("no error, but the golden has %s: %s", script.Error.Type, script.Error.Message)}
	case script.Error == nil && err != nil:
		return []string{fmt.Sprintf("error: %v", err)}
	case result == nil:
		return nil
	case len(script.Result) == 0:
		return []string{"the scenario returns a value, but the golden has none"}
	}
	data, err := json.Marshal(result)
	if err != nil {
		return []string{fmt.Sprintf("the scenario's value: %v", err)}
	}
	got, err := wire.DecodeJSON(data)
	if err != nil {
		return []string{fmt.Sprintf("the scenario's value: %v", err)}
	}
	want, err := wire.DecodeJSON(script.Result)
	if err != nil {
		return []string{fmt.Sprintf("the golden's result: %v", err)}
	}
	var found []string
	for _, finding := range (&wire.Matcher{ByValue: true}).JSON(selected(want, got), got) {
		found = append(found, "result "+finding)
	}
	return found
}

// selected cuts a golden's objects down to the members that we have.
func selected(want, got any) any {
	if elements, ok := want.([]any); ok {
		ours, both := got.([]any)
		if !both || len(ours) != len(elements) {
			return want
		}
		cut := make([]any, len(elements))
		for i := range elements {
			cut[i] = selected(elements[i], ours[i])
		}
		return cut
	}
	wanted, ok := want.(map[string]any)
	ours, both := got.(map[string]any)
	if !ok || !both {
		return want
	}
	cut := map[string]any{}
	for key := range ours {
		if value, there := wanted[key]; there {
			cut[key] = selected(value, ours[key])
		}
	}
	return cut
}

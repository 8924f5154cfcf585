package parity

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/azureml-go/azureml/internal/recording/wire"
)

// pick finds the line that answers a call, nil if there is none. The golden is taken for
// a story: a read shows the state after the changes made so far, and nothing older than
// what was answered before.
func (s *Stage) pick(call *Call) *Line {
	if isChange(call.Method, call.URL) {
		return s.pickChange(call)
	}
	pending := s.script.pending()
	var latest *Line
	for i, line := range s.script.Lines[:pending] {
		if line.change || !s.sameTarget(line, call) {
			continue
		}
		if i > s.cursor {
			return line
		}
		latest = line
	}
	return latest
}

// pickChange prefers the line with the same body, then the one with the fewest masks,
// then the first. A change that failed may be tried once more than the golden does.
func (s *Stage) pickChange(call *Call) *Line {
	var best, again *Line
	bestRank := 0
	for _, line := range s.script.Lines {
		if !line.change || !s.sameTarget(line, call) {
			continue
		}
		if line.made {
			if line.failed() {
				again = line
			}
			continue
		}
		rank := maskCount(line)
		if len(compareBody(s.matcher.Clone(), &line.Call, call)) > 0 {
			rank += 1000
		}
		if best == nil || rank < bestRank {
			best, bestRank = line, rank
		}
	}
	if best == nil {
		return again
	}
	return best
}

func (s *Stage) sameTarget(line *Line, call *Call) bool {
	return line.Method == call.Method && len(s.matcher.Clone().URL(line.URL, call.URL)) == 0
}

func maskCount(line *Line) int {
	body, err := json.Marshal(line.Body)
	if err != nil {
		return 0
	}
	plain := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(string(body))
	return len(wire.Masks(line.URL)) + len(wire.Masks(plain))
}

// whyUnanswered explains what a person has to look at.
func (s *Stage) whyUnanswered(call *Call) string {
	pending := s.script.pending()
	for i, line := range s.script.Lines {
		if !s.sameTarget(line, call) {
			continue
		}
		if line.change {
			return fmt.Sprintf("%s: the golden has it no more often than it was made", call)
		}
		if i > pending {
			return fmt.Sprintf("%s: the golden answers it only after %s", call, &s.script.Lines[pending].Call)
		}
	}
	text := fmt.Sprintf("%s: the golden has no such request", call)
	for _, line := range s.script.Lines {
		if line.Method == call.Method && (line.base() == call.base() || lastSegment(line.base()) == lastSegment(call.base())) {
			text += fmt.Sprintf("\n    it has %s", &line.Call)
		}
	}
	return text
}

func lastSegment(base string) string { return base[strings.LastIndex(base, "/")+1:] }

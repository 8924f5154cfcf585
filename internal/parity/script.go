package parity

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/azureml-go/azureml/internal/recording/wire"
)

// Script is a golden made ready to be played: what it would be if the reference were
// like us.
type Script struct {
	Lines []*Line
	// Requests is how many requests may be sent.
	Requests int
	// Result and Error are the outcome to expect.
	Result json.RawMessage
	Error  *Failure
}

// Line is one request with its answer.
type Line struct {
	Call
	Step     int
	Response Response
	Timeout  *Timeout

	// change: it is compared. repeat: it only repeats a change that failed.
	change, repeat bool
	// group orders the changes; those of one group may change places.
	group int
	made  bool
}

// newScript applies the rules that name the golden and says how often each did something.
func newScript(g *Golden, rules []Difference) (*Script, map[string]int, error) {
	s := &Script{Requests: g.Requests, Result: g.Result, Error: g.Error}
	for n, i := range g.Interactions {
		if isTokenRequest(i.Request.URL) || isNoise(&i.Request) {
			continue
		}
		call, err := callOf(&i.Request)
		if err != nil {
			return nil, nil, fmt.Errorf("golden %s, interaction %d: %w", g.Scenario, n, err)
		}
		s.Lines = append(s.Lines, &Line{Call: *call, Step: i.Step, Response: i.Response, Timeout: i.Timeout})
	}
	used := map[string]int{}
	for _, rule := range rules {
		if rule.appliesTo(g.Scenario) {
			used[rule.ID] += rule.prepare(s)
		}
	}
	s.classify()
	return s, used, nil
}

// remove takes lines out and returns their number.
func (s *Script) remove(remove func(*Line) bool) int {
	before := len(s.Lines)
	s.Lines = slices.DeleteFunc(s.Lines, remove)
	return before - len(s.Lines)
}

// inResult changes the members of a result that is an object and returns 1 if there is
// one.
func (s *Script) inResult(change func(map[string]any)) int {
	value, err := wire.DecodeJSON(s.Result)
	object, ok := value.(map[string]any)
	if err != nil || !ok {
		return 0
	}
	change(object)
	data, err := json.Marshal(object)
	if err != nil {
		return 0
	}
	s.Result = data
	return 1
}

func (s *Script) classify() {
	var last *Line
	for _, line := range s.Lines {
		line.change = isChange(line.Method, line.URL)
		if !line.change {
			continue
		}
		switch {
		case last == nil:
		case last.failed() && last.String() == line.String() && sameBody(&last.Call, &line.Call):
			line.repeat, line.group = true, last.group
		case last.AnyOrder && line.AnyOrder:
			line.group = last.group
		default:
			line.group = last.group + 1
		}
		last = line
	}
}

// failed tells the answers after which the reference sends a request again.
func (l *Line) failed() bool {
	status := l.Response.Status
	return l.Response.Fault != "" || status == 408 || status == 429 || status >= 500
}

func sameBody(a, b *Call) bool {
	return len((&wire.Matcher{}).JSON(a.Body, b.Body)) == 0 && digestText(a.Bytes) == digestText(b.Bytes)
}

// pending is the index of the first change that has not been made yet; reads after it
// show a state that is not there yet.
func (s *Script) pending() int {
	for i, line := range s.Lines {
		if line.change && !line.repeat && !line.made {
			return i
		}
	}
	return len(s.Lines)
}

func digestText(d *wire.Digest) string {
	if d == nil || d.Length == 0 {
		return "nothing"
	}
	return fmt.Sprintf("%d bytes with sha256 %s", d.Length, d.SHA256)
}

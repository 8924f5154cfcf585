package parity

import (
	"fmt"
	"strings"

	"github.com/azureml-go/azureml/internal/recording/wire"
)

// Purpose is why a request beyond the golden's may be sent.
type Purpose string

const (
	// EnrichesError is a read after a failure, for a better error.
	EnrichesError Purpose = "enriches an error"
	// FindsOut is a read after a failure, to see whether the request has had its effect.
	FindsOut Purpose = "finds out what became of a request"
	// SafetyCheck is a request that keeps from harm, and that an option turns off.
	SafetyCheck Purpose = "safety check"
)

// mostEnriching is how many reads may enrich an error.
const mostEnriching = 3

// Allowance is a request that a scenario may send although the golden does not have it,
// or does not have it yet. It is not counted.
type Allowance struct {
	For Purpose
	// Option is the documented option that turns a safety check off.
	Option string
	Method string
	// Path is how the URL ends, without its query: "/computes/aks-prod".
	Path string
	// Answer is what the stage answers.
	Answer wire.Response
}

type allowed struct {
	Allowance
	used int
}

func (a *allowed) fits(call *Call) bool {
	return a.used == 0 && a.Method == call.Method && strings.HasSuffix(call.base(), a.Path)
}

func (s *Stage) allow(allowances []Allowance) {
	for _, a := range allowances {
		s.allowed = append(s.allowed, &allowed{Allowance: a})
	}
}

// wrongAllowances lists what is wrong with the declarations.
func (s *Stage) wrongAllowances() []string {
	var found []string
	enriching := 0
	for _, a := range s.allowed {
		name := fmt.Sprintf("allowance %s …%s", a.Method, a.Path)
		switch {
		case (a.For == EnrichesError || a.For == FindsOut) && a.Method != "GET":
			found = append(found, name+": only reads enrich errors or find something out")
		case a.For == EnrichesError:
			enriching++
		case a.For == FindsOut:
		case a.For != SafetyCheck:
			found = append(found, fmt.Sprintf("%s: purpose %q is not known", name, a.For))
		case a.Option == "":
			found = append(found, name+": it does not name the option that turns it off")
		}
		if a.used == 0 {
			found = append(found, name+": declared, but not sent or answered by the golden")
		}
	}
	if enriching > mostEnriching {
		found = append(found, fmt.Sprintf("%d reads enrich the error, %d are allowed", enriching, mostEnriching))
	}
	return found
}

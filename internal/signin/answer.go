package signin

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/azureml-go/azureml"
)

// wire is the body that Entra ID and the managed identity endpoints answer failures
// with, as far as it can be read.
type wire struct {
	name               string // "invalid_client"
	number             string // of AADSTS, "" when there is none
	description        string
	trace, correlation string
}

// parse reads a body leniently: members of another type than expected are absent.
func parse(body []byte) wire {
	var raw map[string]json.RawMessage
	if json.Unmarshal([]byte(strings.TrimPrefix(string(body), "\ufeff")), &raw) != nil {
		return wire{}
	}
	text := func(name string) string {
		var s string
		if json.Unmarshal(raw[name], &s) != nil {
			return ""
		}
		return strings.TrimSpace(s)
	}
	word := func(name string) string { return words.FindString(text(name)) }
	w := wire{name: word("error"), description: text("error_description"), trace: word("trace_id"), correlation: word("correlation_id")}
	if w.description == "" {
		w.description = text("message") // App Service and Azure ML
	}
	w.number = w.readText()
	var numbers []json.Number
	if json.Unmarshal(raw["error_codes"], &numbers) == nil && len(numbers) > 0 && digits.MatchString(numbers[0].String()) {
		w.number = numbers[0].String()
	}
	return w
}

var (
	// words are the names and ids that errors show beside the message.
	words       = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,80}$`)
	digits      = regexp.MustCompile(`^\d{4,9}$`)
	numberText  = regexp.MustCompile(`AADSTS(\d{4,9})\b:?\s*`)
	traceText   = regexp.MustCompile(`Trace ID: *([0-9a-fA-F-]{36})`)
	correlation = regexp.MustCompile(`Correlation ID: *([0-9a-fA-F-]{36})`)
)

// readText finds the number and the ids in the description, for answers and programs
// that have no fields for them.
func (w *wire) readText() (number string) {
	if m := traceText.FindStringSubmatch(w.description); m != nil && w.trace == "" {
		w.trace = m[1]
	}
	if m := correlation.FindStringSubmatch(w.description); m != nil && w.correlation == "" {
		w.correlation = m[1]
	}
	if m := numberText.FindStringSubmatch(w.description); m != nil {
		return m[1]
	}
	return ""
}

// code is the AADSTS number, else the name of the error.
func (w wire) code() string {
	if w.number != "" {
		return "AADSTS" + w.number
	}
	return w.name
}

// message is the description on one line, without number, ids and time.
func (w wire) message() string {
	text, _, _ := strings.Cut(w.description, "Trace ID:")
	if at := numberText.FindStringIndex(text); len(at) == 2 && at[0] == 0 {
		text = text[at[1]:]
	}
	text = strings.Join(strings.Fields(text), " ")
	if text == "" && w.name != "" {
		return strings.ReplaceAll(w.name, "_", " ")
	}
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "") + "…"
	}
	return text
}

// longest is how much of a description an error shows; some run over a page.
const longest = 500

// needPerson are the AADSTS numbers of failures that go away when a person signs in.
var needPerson = []string{
	"16000", "50058", "50072", "50074", "50076", "50078", "50079", "50089", "50133", "50173",
	"65001", "70008", "70043", "700081", "700082", "700084",
}

// blocked are the numbers of policies that signing in again does not get around.
var blocked = []string{"53000", "53001", "53002", "53003", "530032", "53004"}

// kindOf classifies an answer.
func kindOf(status int, name, number string) error {
	switch {
	case status == http.StatusTooManyRequests, number == "50196":
		return azureml.ErrThrottled
	case status >= http.StatusInternalServerError, status == http.StatusRequestTimeout,
		status == http.StatusNotFound, status == http.StatusGone: // the metadata endpoint while it is updated
		return azureml.ErrUnavailable
	case slices.Contains(blocked, number):
		return azureml.ErrUnauthorized
	case slices.Contains(needPerson, number):
		return azureml.ErrInteractionRequired
	}
	switch name {
	case "interaction_required", "login_required", "consent_required":
		return azureml.ErrInteractionRequired
	case "invalid_scope", "invalid_resource":
		return azureml.ErrInvalid
	}
	return azureml.ErrUnauthorized
}

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// How a scenario can end.
const (
	passed       = "pass"
	failed       = "fail"
	referenceBug = "reference bug" // all well, but for what the client is known not to be able to do
)

// maxAge is how old the result in the repository may be where the client cannot be had.
const maxAge = 30 * 24 * time.Hour

// outcome is how a scenario ended.
type outcome struct {
	Scenario string `json:"scenario"`
	About    string `json:"about"`
	Outcome  string `json:"outcome"`
	// Checks is how much was compared.
	Checks int      `json:"checks"`
	Bugs   []bug    `json:"reference_bugs,omitempty"`
	Wrong  []string `json:"wrong,omitempty"`
}

// result is what a whole run found.
type result struct {
	Client        string    `json:"client"`
	Python        string    `json:"python"`
	Date          time.Time `json:"date"`
	Passed        int       `json:"passed"`
	Failed        int       `json:"failed"`
	WithBugs      int       `json:"passed_with_reference_bugs"`
	ReferenceBugs int       `json:"reference_bugs"`
	Scenarios     []outcome `json:"scenarios"`
}

func newResult(c *pythonClient, now time.Time, outcomes []outcome) *result {
	r := &result{Client: packageName + " " + c.Version, Python: c.Python, Date: now.UTC().Truncate(time.Second), Scenarios: outcomes}
	for _, o := range outcomes {
		r.ReferenceBugs += len(o.Bugs)
		switch o.Outcome {
		case passed:
			r.Passed++
		case referenceBug:
			r.Passed++
			r.WithBugs++
		default:
			r.Failed++
		}
	}
	return r
}

// summary is the result in one line.
func (r *result) summary() string {
	return fmt.Sprintf("%s on Python %s: %d of %d scenarios passed, %d known bugs of the client met",
		r.Client, r.Python, r.Passed, len(r.Scenarios), r.ReferenceBugs)
}

func readResult(file string) (*result, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	r := &result{}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return r, nil
}

func (r *result) write(file string) error {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(r); err != nil {
		return err
	}
	return os.WriteFile(file, text.Bytes(), 0o644)
}

// stillGood says whether a result may stand in for a run that is not possible: it must
// be of a run in which nothing failed, not longer ago than maxAge.
func (r *result) stillGood(now time.Time) error {
	age := now.Sub(r.Date)
	switch {
	case len(r.Scenarios) == 0 || r.Passed != len(r.Scenarios):
		return fmt.Errorf("the result of %s is not of a run that passed", r.Date.Format(time.DateOnly))
	case age > maxAge:
		return fmt.Errorf("the result of %s is %d days old, more than %d; run the scenarios where the package index can be reached, and commit it",
			r.Date.Format(time.DateOnly), int(age.Hours()/24), int(maxAge.Hours()/24))
	case age < -24*time.Hour:
		return fmt.Errorf("the result is of %s, which is to come", r.Date.Format(time.DateOnly))
	}
	return nil
}

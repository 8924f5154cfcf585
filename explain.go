package azureml

import (
	"errors"
	"fmt"
	"strings"
)

// Explain turns err into a text of several lines for a person at a terminal: what
// was tried, the stage, codes and details, the tail of the log, what to do, and
// where to read more. It ends in a line break. For an error that is not an
// [Error] it is the error's text; for nil it is empty. It never shows secrets or
// the answer's raw body.
func Explain(err error) string {
	if err == nil {
		return ""
	}
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return err.Error() + "\n"
	}
	var b strings.Builder
	explainHead(&b, e)
	explainViolations(&b, e)
	explainFacts(&b, e)
	explainDetails(&b, e)
	if tail := strings.TrimRight(e.LogTail, "\n "); tail != "" {
		b.WriteString("Last lines of the log:\n")
		for line := range strings.SplitSeq(tail, "\n") {
			b.WriteString("  | " + strings.TrimRight(line, "\r") + "\n")
		}
	}
	if e.Remedy != "" {
		b.WriteString("What to do:\n")
		for line := range strings.SplitSeq(strings.TrimSpace(e.Remedy), "\n") {
			b.WriteString("  " + line + "\n")
		}
	}
	if help := helpOf(e); help != "" {
		b.WriteString("More: " + help + "\n")
	}
	return b.String()
}

// troubleshooting is the page with a section for each sentinel, and for each failure that
// is known better.
const troubleshooting = "https://github.com/azureml-go/azureml/blob/main/TROUBLESHOOTING.md"

// helpOf is where to read about e: its own page, else the section of its kind.
func helpOf(e *Error) string {
	if e.Help != "" || len(e.Violations) > 0 { // broken rules say all that there is to say
		return e.Help
	}
	for _, kind := range []error{
		ErrNotFound, ErrConflict, ErrUnauthorized, ErrForbidden, ErrThrottled, ErrInvalid, ErrAmbiguous, ErrInUse, ErrUnavailable,
		ErrInteractionRequired, ErrOperationFailed, ErrOperationTimedOut, ErrOperationCanceled,
	} {
		if e.Is(kind) {
			return troubleshooting + "#" + strings.ReplaceAll(kind.Error(), " ", "-")
		}
	}
	return ""
}

func explainHead(b *strings.Builder, e *Error) {
	reason := strings.TrimSpace(e.Message)
	if reason == "" || len(e.Violations) > 0 {
		reason = ""
	}
	what := strings.TrimSpace(e.Operation + " " + e.Subject)
	switch {
	case e.Operation != "":
		what = "Could not " + what
	case what == "":
		what = "Failed"
	}
	switch {
	case len(e.Violations) > 0:
		fmt.Fprintf(b, "%s: the input is not valid.\n", what)
	case reason != "":
		fmt.Fprintf(b, "%s: %s\n", what, reason)
	default:
		fmt.Fprintf(b, "%s: %s\n", what, e.reason())
	}
}

func explainViolations(b *strings.Builder, e *Error) {
	for _, v := range e.Violations {
		fmt.Fprintf(b, "  - %s\n", v)
	}
}

func explainFacts(b *strings.Builder, e *Error) {
	fact := func(name, value string) {
		if value != "" {
			fmt.Fprintf(b, "  %-12s %s\n", name, value)
		}
	}
	fact("stage", e.Stage)
	fact("code", e.Code)
	if e.StatusCode != 0 {
		fact("status", fmt.Sprintf("HTTP %d", e.StatusCode))
	}
	if e.Method != "" {
		fact("request", e.Method+" "+e.URL)
	}
	if e.Attempts > 1 {
		fact("attempts", fmt.Sprint(e.Attempts))
	}
	fact("request id", e.RequestID)
	fact("correlation", e.CorrelationID)
	fact("log", e.LogURL)
	if e.StatusCode == 0 && e.Err != nil && e.Message != "" {
		// What another of this type says is in the message without its first word.
		if cause := oneLine(e.Err.Error()); !strings.Contains(oneLine(e.Message), strings.TrimPrefix(cause, "azureml: ")) {
			fact("cause", cause)
		}
	}
}

func explainDetails(b *strings.Builder, e *Error) {
	if len(e.Details) == 0 {
		return
	}
	b.WriteString("Details:\n")
	for _, d := range e.Details {
		text := strings.TrimSpace(d.Message)
		if d.Target != "" {
			text += " [" + d.Target + "]"
		}
		if d.Code != "" {
			text = strings.TrimSpace(d.Code + ": " + text)
		}
		fmt.Fprintf(b, "  - %s\n", strings.ReplaceAll(text, "\n", "\n    "))
	}
}

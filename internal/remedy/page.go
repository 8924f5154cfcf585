package remedy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Markdown is the page that the errors' Help leads to, made from the table.
func Markdown() string {
	var b strings.Builder
	b.WriteString(`# Troubleshooting

What helps, by what the service says. Errors of this module name their remedy themselves (print ` + "`azureml.Explain(err)`" + `) and lead here. This page is made from the same table: do not edit it, but ` + "`internal/remedy`" + `, and run ` + "`go test ./internal/remedy -update`" + `.

`)
	for _, part := range []struct {
		title   string
		entries []Entry
	}{{"Known failures", table}, {"Calling a service", named}, {"When only the kind is known", kinds}, {"Other kinds", onPage}} {
		fmt.Fprintf(&b, "## %s\n\n", part.title)
		for _, entry := range part.entries {
			entry.write(&b)
		}
	}
	b.WriteString("## Signing in\n\nBy the codes of Entra ID, which stand in the messages, and a few names of errors that have none.\n\n")
	for _, code := range slices.Sorted(maps.Keys(signIn)) {
		fmt.Fprintf(&b, "### %s\n\n%s\n\n", signInTitle(code), signIn[code])
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// write writes the section of one entry.
func (entry Entry) write(b *strings.Builder) {
	fmt.Fprintf(b, "### %s\n\n", entry.Title)
	var signs []string
	for _, code := range entry.Codes {
		signs = append(signs, "the code `"+code+"`")
	}
	known := strings.Join(signs, " or ")
	if entry.Text != "" {
		where := "the message"
		if entry.InLog {
			where = "the message or the log"
		}
		if known != "" {
			known += " and "
		}
		known += "“" + entry.Text + "” in " + where
	}
	if entry.Kind != nil {
		known = "`errors.Is(err, azureml." + sentinel(entry.Kind) + ")`"
	}
	if known != "" {
		fmt.Fprintf(b, "Known by %s.\n\n", known)
	}
	fmt.Fprintf(b, "%s\n\n", entry.Remedy)
}

// sentinel is the Go name of a kind: "ErrNotFound".
func sentinel(kind error) string {
	name := "Err"
	for word := range strings.FieldsSeq(kind.Error()) {
		name += strings.ToUpper(word[:1]) + word[1:]
	}
	return name
}

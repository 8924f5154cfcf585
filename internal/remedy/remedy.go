// Package remedy is the table of what a person can do about a failure.
package remedy

import (
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/azureml-go/azureml"
)

// Entry is one known failure: how it is recognised and what helps.
type Entry struct {
	// Title is the heading of the failure's section in the page of remedies. It must not
	// change once it is published, as its anchor is in the errors.
	Title string
	// Codes are service codes, of the error itself or of one of its details.
	Codes []string
	// Text, if set, must be found in the message or a detail, in any case of letters; with
	// InLog it may also be in the tail of the log.
	Text  string
	InLog bool
	// Kind is the sentinel that an entry stands for when nothing more is known.
	Kind error
	// Remedy says what to do, in one or a few sentences.
	Remedy string
}

// Page is where the remedies can be read.
const Page = "https://github.com/azureml-go/azureml/blob/main/TROUBLESHOOTING.md"

// Slug is the anchor of the entry's section.
func (entry Entry) Slug() string { return slug(entry.Title) }

// Help is the address of the entry's section.
func (entry Entry) Help() string { return Page + "#" + entry.Slug() }

// slug is the anchor that a heading gets in rendered Markdown.
func slug(title string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-', r == '_', unicode.IsLetter(r), unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, title)
}

var aadsts = regexp.MustCompile(`AADSTS(\d{4,7})`)

// For finds the remedy for e, and a page about it, if there are any: first by its
// codes and text, then by its kind.
func For(e *azureml.Error) (remedy, help string) {
	if r := SignIn(e.Message); r != "" {
		return r, SignInHelp(aadsts.FindStringSubmatch(e.Message)[1], "")
	}
	for _, entry := range table {
		if entry.fits(e) {
			return entry.Remedy, entry.Help()
		}
	}
	for _, entry := range kinds {
		if errors.Is(e, entry.Kind) {
			return entry.Remedy, entry.Help()
		}
	}
	return "", ""
}

// Named finds a remedy, and the page about it, by its title.
func Named(title string) (remedy, help string) {
	for _, entry := range named {
		if entry.Title == title {
			return entry.Remedy, entry.Help()
		}
	}
	return "", ""
}

// SignIn finds the remedy for a sign-in failure by the AADSTS number in its text.
func SignIn(text string) string {
	if m := aadsts.FindStringSubmatch(text); m != nil {
		return signIn[m[1]]
	}
	return ""
}

// SignInCode finds the remedy for a sign-in failure by its AADSTS number, else by the
// name of its error ("authorization_declined").
func SignInCode(number, name string) string {
	if r := signIn[number]; r != "" {
		return r
	}
	return signIn[name]
}

// SignInHelp is the address of the section for what [SignInCode] finds, "" if it finds
// nothing.
func SignInHelp(number, name string) string {
	for _, code := range []string{number, name} {
		if signIn[code] != "" {
			return Page + "#" + slug(signInTitle(code))
		}
	}
	return ""
}

// signInTitle is the heading of the section of a code: "AADSTS7000215".
func signInTitle(code string) string {
	if code[0] >= '0' && code[0] <= '9' {
		return "AADSTS" + code
	}
	return code
}

// Transport is what to check when a host cannot be reached.
func Transport(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "Check the network connection."
	}
	return "Check that " + u.Hostname() + " can be reached from here (DNS, firewall, proxy: HTTPS_PROXY and NO_PROXY are obeyed)."
}

// Entries gives the table, then what is known by its place, then the kinds, those that are
// only on the page last, for tests
// and for the documentation made from it.
func Entries() []Entry { return slices.Concat(table, named, kinds, onPage) }

func (entry Entry) fits(e *azureml.Error) bool {
	if len(entry.Codes) > 0 && !e.HasCode(entry.Codes...) {
		return false
	}
	if entry.Text == "" {
		return len(entry.Codes) > 0
	}
	want := strings.ToLower(entry.Text)
	if strings.Contains(strings.ToLower(e.Message), want) {
		return true
	}
	for _, d := range e.Details {
		if strings.Contains(strings.ToLower(d.Message), want) {
			return true
		}
	}
	return entry.InLog && strings.Contains(strings.ToLower(e.LogTail), want)
}

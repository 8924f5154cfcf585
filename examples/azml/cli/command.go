package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A command is what a sequence of words stands for.
type command struct {
	// words are what is typed: "ml model deploy".
	words string
	// short says in one line what it does; long, if set, what else to know.
	short, long string
	// example is a command line as it may be typed, without "azml ".
	example string
	// args names the words that may come after the flags; "" for none.
	args string
	// offline commands need no workspace.
	offline bool
	// setup declares the flags and returns what to do once they are read.
	setup func(f *flags) action
}

// action does a command's work. What it returns is written to standard output.
type action func(ctx context.Context, s *session) (result, error)

// commands are all commands, in the order of the help.
func commands() []command {
	return slices.Concat(
		loginCommands(), workspaceCommands(), computeCommands(), modelCommands(),
		serviceCommands(), endpointCommands(), otherCommands(),
	)
}

// runner runs one command line.
type runner struct{ env *Environment }

func (r *runner) run(ctx context.Context, args []string) error {
	if len(args) == 1 && strings.TrimLeft(args[0], "-") == "version" {
		args = []string{"version"}
	}
	g := &Globals{}
	lead := newFlags("azml")
	g.declare(lead)
	if err := lead.parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			overview(r.env.Out)
		}
		return withHint(err, `"azml help" lists the commands`)
	}
	words, rest := split(lead.set.Args())
	if len(words) == 0 {
		overview(r.env.Err)
		return usagef("no command given")
	}
	if words[0] == "help" {
		return help(r.env.Out, words[1:])
	}
	c, extra, err := find(words)
	if err != nil {
		if slices.ContainsFunc(rest, isHelp) && len(under(words)) > 0 {
			return help(r.env.Out, words)
		}
		return err
	}
	f := newFlags(c.words)
	g.declare(f)
	act := c.setup(f)
	if err := f.parse(rest); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			describe(r.env.Out, c)
			return err
		}
		return withHint(err, fmt.Sprintf("%q shows the flags of this command", "azml help "+c.words))
	}
	f.rest = slices.Concat(extra, f.set.Args())
	if len(f.rest) > 0 && c.args == "" {
		return withHint(usagef("unexpected argument %q", f.rest[0]), fmt.Sprintf("%q shows how this command is used", "azml help "+c.words))
	}
	if err := f.check(); err != nil {
		return withHint(err, fmt.Sprintf("%q shows the flags of this command", "azml help "+c.words))
	}
	if err := g.check(); err != nil {
		return err
	}
	s := &session{env: r.env, globals: g}
	defer s.close()
	res, err := act(ctx, s)
	// What was found is shown also where something went wrong behind it.
	return errors.Join(res.write(r.env.Out, g.output), err)
}

// split parts the words of a command from its flags.
func split(args []string) (words, rest []string) {
	i := slices.IndexFunc(args, func(a string) bool { return strings.HasPrefix(a, "-") && a != "-" })
	if i < 0 {
		return args, nil
	}
	return args[:i], args[i:]
}

func isHelp(arg string) bool { return arg == "-h" || arg == "-help" || arg == "--help" }

// find finds the command that the words begin with; extra are the words after it.
func find(words []string) (c command, extra []string, err error) {
	for n := len(words); n > 0; n-- {
		name := strings.Join(words[:n], " ")
		for _, c := range commands() {
			if c.words == name {
				return c, words[n:], nil
			}
		}
	}
	if group := under(words); len(group) > 0 {
		return c, nil, &usageError{text: fmt.Sprintf("%q is not a whole command", strings.Join(words, " ")), hint: listed(group)}
	}
	typed := strings.Join(words, " ")
	text := fmt.Sprintf("unknown command %q", typed)
	if near := nearest(typed); near != "" {
		return c, nil, &usageError{text: text, hint: fmt.Sprintf("did you mean %q?", near)}
	}
	return c, nil, &usageError{text: text, hint: `"azml help" lists the commands`}
}

// under are the commands that begin with the words and go on.
func under(words []string) []command {
	prefix := strings.Join(words, " ") + " "
	var group []command
	for _, c := range commands() {
		if strings.HasPrefix(c.words, prefix) {
			group = append(group, c)
		}
	}
	return group
}

// nearest is the command that differs least from what was typed, "" if all differ a lot.
func nearest(typed string) string {
	best, least := "", 4
	for _, c := range commands() {
		for _, name := range []string{c.words, strings.TrimPrefix(c.words, "ml ")} {
			if d := distance(typed, name); d < least {
				best, least = c.words, d
			}
		}
	}
	return best
}

// distance is the Levenshtein distance of two short texts.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		previous := row[0]
		row[0] = i + 1
		for j := range len(b) {
			above := row[j+1]
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(above+1, row[j]+1, previous+cost)
			previous = above
		}
	}
	return row[len(b)]
}

func withHint(err error, hint string) error {
	var usage *usageError
	if errors.As(err, &usage) && usage.hint == "" {
		return &usageError{text: usage.text, hint: hint}
	}
	return err
}

// overview lists all commands.
func overview(w io.Writer) {
	fmt.Fprint(w, "Azml deploys models to AKS and ACI, with the commands of the Azure CLI's azure-cli-ml.\n\n"+
		"Usage: azml COMMAND [flags]\n\nCommands:\n", listed(commands()), "\n\n",
		"\"azml help COMMAND\" describes one, also with the flags that all of them have.\n"+
			"With -emulator a command runs on an emulator that needs no Azure account and\nremembers what was done.\n")
}

func listed(all []command) string {
	width := 0
	for _, c := range all {
		width = max(width, len(c.words))
	}
	lines := make([]string, len(all))
	for i, c := range all {
		lines[i] = fmt.Sprintf("  %-*s  %s", width, c.words, c.short)
	}
	return strings.Join(lines, "\n")
}

// help describes a command, or the commands of a group.
func help(w io.Writer, words []string) error {
	if len(words) == 0 {
		overview(w)
		return nil
	}
	if c, _, err := find(words); err == nil {
		describe(w, c)
		return nil
	}
	group := under(words)
	if len(group) == 0 {
		_, _, err := find(words)
		return err
	}
	fmt.Fprintln(w, listed(group))
	return nil
}

func describe(w io.Writer, c command) {
	fmt.Fprintf(w, "%s%s.\n", strings.ToUpper(c.short[:1]), c.short[1:])
	if c.long != "" {
		fmt.Fprintf(w, "\n%s\n", c.long)
	}
	usage := "azml " + c.words + " [flags]"
	if c.args != "" {
		usage += " " + c.args
	}
	fmt.Fprintf(w, "\nUsage: %s\n", usage)
	if c.example != "" {
		fmt.Fprintf(w, "\nExample:\n  azml %s\n", c.example)
	}
	f := newFlags(c.words)
	c.setup(f)
	if text := f.usage(); text != "" {
		fmt.Fprintf(w, "\nFlags:\n%s", text)
	}
	all := newFlags("azml")
	(&Globals{}).declare(all)
	fmt.Fprintf(w, "\nFlags of all commands:\n%s", all.usage())
}

// Commands are the words of all commands.
func Commands() []string {
	var all []string
	for _, c := range commands() {
		all = append(all, c.words)
	}
	return all
}

// Check says what is wrong with the words and flags of a command line, without running it.
// Tests of documents use it.
func Check(args []string) error {
	words, rest := split(args)
	if len(words) == 0 { // flags first
		lead := newFlags("azml")
		(&Globals{}).declare(lead)
		if err := lead.parse(args); err != nil {
			return err
		}
		words, rest = split(lead.set.Args())
	}
	if len(words) > 0 && words[0] == "help" {
		return help(io.Discard, words[1:])
	}
	c, extra, err := find(words)
	if err != nil {
		return err
	}
	f := newFlags(c.words)
	(&Globals{}).declare(f)
	c.setup(f)
	if err := f.parse(rest); err != nil {
		return err
	}
	if len(extra)+len(f.set.Args()) > 0 && c.args == "" {
		return usagef("unexpected argument")
	}
	return f.check()
}

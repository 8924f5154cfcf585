package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/azureml-go/azureml"
)

func otherCommands() []command {
	return []command{
		{
			words: "completion", short: "print a script that completes commands in bash, zsh or fish", args: "bash|zsh|fish", offline: true,
			example: "completion bash > ~/.local/share/bash-completion/completions/azml",
			setup: func(f *flags) action {
				return func(context.Context, *session) (result, error) { return completion(f.rest) }
			},
		},
		{
			words: "version", short: "print the version", offline: true,
			setup: func(*flags) action {
				return func(context.Context, *session) (result, error) {
					return one(map[string]string{"azml": azureml.Version}, "azml", azureml.Version), nil
				}
			},
		},
	}
}

func completion(shells []string) (result, error) {
	if len(shells) != 1 {
		return result{}, usagef("name one shell: bash, zsh or fish")
	}
	switch shells[0] {
	case "bash":
		return script(bashScript()), nil
	case "zsh":
		return script("autoload -U +X bashcompinit && bashcompinit\n" + bashScript()), nil
	case "fish":
		return script(fishScript()), nil
	}
	return result{}, usagef("unknown shell %q: bash, zsh or fish", shells[0])
}

// script is text that is no JSON string even with -output json.
func script(text string) result { return result{text: text, verbatim: true} }

// next maps the words typed so far to the words that may follow, in the order of the help.
func next() (prefixes []string, following map[string][]string) {
	following = map[string][]string{}
	for _, c := range commands() {
		words := strings.Fields(c.words)
		for i, w := range words {
			prefix := strings.Join(words[:i], " ")
			if _, known := following[prefix]; !known {
				prefixes = append(prefixes, prefix)
			}
			if !slices.Contains(following[prefix], w) {
				following[prefix] = append(following[prefix], w)
			}
		}
	}
	return prefixes, following
}

// flagsOf are the flags of a command, the longest name of each.
func flagsOf(c command) []string {
	f := newFlags(c.words)
	(&Globals{}).declare(f)
	c.setup(f)
	var names []string
	for _, d := range f.list {
		names = append(names, "--"+slices.MaxFunc(d.names, func(a, b string) int { return len(a) - len(b) }))
	}
	slices.Sort(names)
	return names
}

// choicesOf are the words that flags of a command take, by the flags' names.
func choicesOf(c command) (names []string, choices map[string][]string) {
	f := newFlags(c.words)
	(&Globals{}).declare(f)
	c.setup(f)
	choices = map[string][]string{}
	for _, d := range f.list {
		if v, is := d.value.(*choiceValue); is {
			for _, n := range d.names {
				names = append(names, n)
				choices[n] = v.words
			}
		}
	}
	return names, choices
}

// bashHead finds the words of the command: flags may come before them, "help" is none of
// them, and the flags after them end them.
const bashHead = `_azml() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words= w skip= choices=
  for w in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    if [ -n "$skip" ]; then skip=; continue; fi
    case $w in
      -emulator|--emulator|-v|--v|-verbose|--verbose|-*=*) [ -z "$words" ] || break ;;
      -*) [ -z "$words" ] || break; skip=1 ;;
      help) ;;
      *) words="${words:+$words }$w" ;;
    esac
  done
  case $words in
`

func bashScript() string {
	var b, values strings.Builder
	b.WriteString(bashHead)
	prefixes, following := next()
	for _, p := range prefixes {
		choices := strings.Join(following[p], " ")
		if p == "" {
			choices += " help"
		}
		fmt.Fprintf(&b, "    '%s') choices='%s' ;;\n", p, choices)
	}
	for _, c := range commands() {
		choices := flagsOf(c)
		if c.words == "completion" {
			choices = []string{"bash", "zsh", "fish"}
		}
		fmt.Fprintf(&b, "    '%s'*) choices='%s' ;;\n", c.words, strings.Join(choices, " "))
		names, words := choicesOf(c)
		for _, n := range names {
			fmt.Fprintf(&values, "    '%[1]s -%[2]s'|'%[1]s --%[2]s') choices='%[3]s' ;;\n", c.words, n, strings.Join(words[n], " "))
		}
	}
	b.WriteString("  esac\n  case \"$words $before\" in\n" + values.String() +
		"  esac\n  COMPREPLY=($(compgen -W \"$choices\" -- \"$word\"))\n}\ncomplete -o default -F _azml azml\n")
	return b.String()
}

func fishScript() string {
	var b strings.Builder
	b.WriteString("function __azml_words\n  set -l words (commandline -opc)[2..-1]\n  string join ' ' (string match -v -- '-*' $words)\nend\n")
	prefixes, following := next()
	for _, p := range prefixes {
		fmt.Fprintf(&b, "complete -c azml -f -n 'test (__azml_words) = \"%s\"' -a '%s'\n", p, strings.Join(following[p], " "))
	}
	for _, c := range commands() {
		for _, name := range flagsOf(c) {
			fmt.Fprintf(&b, "complete -c azml -n 'string match -q \"%s*\" (__azml_words)' -l %s\n", c.words, strings.TrimPrefix(name, "--"))
		}
	}
	return b.String()
}

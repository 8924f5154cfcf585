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

func bashScript() string {
	var b strings.Builder
	b.WriteString("_azml() {\n  local word=${COMP_WORDS[COMP_CWORD]} words= w choices=\n" +
		"  for w in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n    case $w in -*) break ;; *) words=\"${words:+$words }$w\" ;; esac\n  done\n" +
		"  case $words in\n")
	prefixes, following := next()
	for _, p := range prefixes {
		fmt.Fprintf(&b, "    '%s') choices='%s' ;;\n", p, strings.Join(following[p], " "))
	}
	for _, c := range commands() {
		fmt.Fprintf(&b, "    '%s'*) choices='%s' ;;\n", c.words, strings.Join(flagsOf(c), " "))
	}
	b.WriteString("  esac\n  COMPREPLY=($(compgen -W \"$choices\" -- \"$word\"))\n}\ncomplete -o default -F _azml azml\n")
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

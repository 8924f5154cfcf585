package model

import (
	"regexp"
	"strings"
)

// ignoreRules are the lines of an ignore file, with git's rules: the last line that
// fits decides.
type ignoreRules []ignoreRule

type ignoreRule struct {
	pattern *regexp.Regexp
	// keep is a line that starts with "!".
	keep bool
	// folders is a line that ends in a slash: it fits folders only.
	folders bool
}

// parseIgnore reads an ignore file. Lines that make no sense fit nothing.
func parseIgnore(text string) ignoreRules {
	var rules ignoreRules
	text = strings.TrimPrefix(text, "\ufeff")
	for line := range strings.SplitSeq(text, "\n") {
		if rule, ok := parseIgnoreLine(strings.TrimSuffix(line, "\r")); ok {
			rules = append(rules, rule)
		}
	}
	return rules
}

func parseIgnoreLine(line string) (ignoreRule, bool) {
	line = trimTrailingBlanks(line)
	if line == "" || strings.HasPrefix(line, "#") {
		return ignoreRule{}, false
	}
	var rule ignoreRule
	if rest, ok := strings.CutPrefix(line, "!"); ok {
		rule.keep, line = true, rest
	}
	if rest, ok := strings.CutSuffix(line, "/"); ok {
		rule.folders, line = true, rest
	}
	// A slash at the front or in the middle ties the line to the folder of the file.
	anchored := strings.Contains(line, "/")
	line = strings.TrimPrefix(line, "/")
	if line == "" {
		return ignoreRule{}, false
	}
	expression := ignoreExpression(line)
	if !anchored {
		expression = "(?:.*/)?" + expression
	}
	pattern, err := regexp.Compile("(?s)^" + expression + "$")
	if err != nil {
		return ignoreRule{}, false
	}
	rule.pattern = pattern
	return rule, true
}

// trimTrailingBlanks takes off blanks at the end that are not escaped.
func trimTrailingBlanks(line string) string {
	for strings.HasSuffix(line, " ") && !strings.HasSuffix(line, `\ `) {
		line = line[:len(line)-1]
	}
	return line
}

// ignoreExpression translates a pattern into a regular expression.
func ignoreExpression(pattern string) string {
	var b strings.Builder
	for i := 0; i < len(pattern); {
		rest := pattern[i:]
		switch {
		case i == 0 && strings.HasPrefix(rest, "**/"):
			b.WriteString("(?:.*/)?")
			i += 3
		case strings.HasPrefix(rest, "/**/"):
			b.WriteString("/(?:.*/)?")
			i += 4
		case rest == "/**":
			b.WriteString("/.+")
			i += 3
		case rest[0] == '*':
			b.WriteString("[^/]*")
			i += len(rest) - len(strings.TrimLeft(rest, "*"))
		case rest[0] == '?':
			b.WriteString("[^/]")
			i++
		case rest[0] == '[':
			class, length := ignoreClass(rest)
			b.WriteString(class)
			i += length
		case rest[0] == '\\' && len(rest) > 1:
			_, size := firstRune(rest[1:])
			b.WriteString(regexp.QuoteMeta(rest[1 : 1+size]))
			i += 1 + size
		default:
			_, size := firstRune(rest)
			b.WriteString(regexp.QuoteMeta(rest[:size]))
			i += size
		}
	}
	return b.String()
}

// firstRune is the first character of a text and its length in bytes.
func firstRune(text string) (rune, int) {
	for i, r := range text {
		if i > 0 {
			return r, i
		}
	}
	return 0, len(text)
}

// ignoreClass translates "[a-z]", "[!a-z]"; a bracket without an end is itself.
func ignoreClass(rest string) (expression string, length int) {
	end := strings.IndexByte(rest[min(len(rest), 2):], ']')
	if end < 0 {
		return `\[`, 1
	}
	end += 2
	inner := rest[1:end]
	negated := ""
	if inner[0] == '!' || inner[0] == '^' {
		if inner = inner[1:]; inner == "" {
			return `\[`, 1
		}
		// Without a slash: no class fits one.
		negated = "^/"
	}
	inner = strings.NewReplacer(`[`, `\[`, `]`, `\]`, `^`, `\^`, `&`, `\&`, `~`, `\~`).Replace(inner)
	class := "[" + negated + inner + "]"
	if _, err := regexp.Compile(class); err != nil {
		return `[^\x00-\x{10FFFF}]`, end + 1
	}
	return class, end + 1
}

// ignores tells whether the slash-separated path below the folder is left out. A file in
// a folder that is left out is left out, too.
func (rules ignoreRules) ignores(name string, folder bool) bool {
	if slash := strings.LastIndexByte(name, '/'); slash > 0 && rules.ignores(name[:slash], true) {
		return true
	}
	for i := len(rules) - 1; i >= 0; i-- {
		r := rules[i]
		if (!r.folders || folder) && r.pattern.MatchString(name) {
			return !r.keep
		}
	}
	return false
}

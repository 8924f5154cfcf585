package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// flags are the flags of one command: the standard library's, where one flag may have
// several names and may be required.
type flags struct {
	set  *flag.FlagSet
	rest []string // the words after the flags
	list []declared
}

// declared is one flag with all of its names.
type declared struct {
	names    []string // the first is the one of the help's text
	value    flag.Value
	help     string
	required bool
	set      bool
}

func newFlags(name string) *flags {
	set := flag.NewFlagSet(name, flag.ContinueOnError)
	set.SetOutput(io.Discard)
	return &flags{set: set}
}

// add declares a flag. names are parted by blanks, the short ones first: "n name". A help
// that ends in "(required)" makes it so.
func (f *flags) add(value flag.Value, names, help string) {
	all := strings.Fields(names)
	f.list = append(f.list, declared{names: all, value: value, help: help, required: strings.HasSuffix(help, "(required)")})
	for _, name := range all {
		f.set.Var(value, name, help)
	}
}

func (f *flags) text(names, help string) *string {
	v := new(string)
	f.add((*textValue)(v), names, help)
	return v
}

// texts is a flag that may be given several times.
func (f *flags) texts(names, help string) *[]string {
	v := new([]string)
	f.add((*textsValue)(v), names, help)
	return v
}

// pairs is a flag NAME=VALUE that may be given several times.
func (f *flags) pairs(names, help string) *map[string]string {
	v := new(map[string]string)
	f.add((*pairsValue)(v), names, help)
	return v
}

// pairsOrNames is a flag NAME=VALUE or NAME that may be given several times.
func (f *flags) pairsOrNames(names, help string) *map[string]string {
	v := new(map[string]string)
	f.add((*namesValue)(v), names, help)
	return v
}

// on is a flag without a value.
func (f *flags) on(names, help string) *bool {
	v := new(bool)
	f.add((*onValue)(v), names, help)
	return v
}

// parsed is a flag that is nil until it is given.
func parsed[T any](f *flags, names, help string, parse func(string) (T, error)) **T {
	v := &parsedValue[T]{parse: parse, to: new(*T)}
	f.add(v, names, help)
	return v.to
}

func (f *flags) boolean(names, help string) **bool { return parsed(f, names, help, strconv.ParseBool) }

func (f *flags) whole(names, help string) **int { return parsed(f, names, help, strconv.Atoi) }

func (f *flags) number(names, help string) **float64 {
	return parsed(f, names, help, func(s string) (float64, error) { return strconv.ParseFloat(s, 64) })
}

// choice is a flag that takes one of some words, whatever their case.
func (f *flags) choice(names, help string, words ...string) *string {
	v := new(string)
	about, required := strings.CutSuffix(help, " (required)")
	about += ": " + strings.Join(words, ", ")
	if required {
		about += " (required)"
	}
	f.add(&choiceValue{words: words, to: v}, names, about)
	return v
}

// parse reads the flags; a mistake is a usageError.
func (f *flags) parse(args []string) error {
	err := f.set.Parse(args)
	if err == nil || errors.Is(err, flag.ErrHelp) {
		f.set.Visit(func(given *flag.Flag) {
			i := slices.IndexFunc(f.list, func(d declared) bool { return slices.Contains(d.names, given.Name) })
			f.list[i].set = true
		})
		return err
	}
	text := strings.Replace(err.Error(), "flag provided but not defined: ", "unknown flag ", 1)
	if name, ok := strings.CutPrefix(text, "unknown flag -"); ok {
		if near := f.nearest(name); near != "" {
			text += fmt.Sprintf("; did you mean -%s?", near)
		}
	}
	return usagef("%s", text)
}

func (f *flags) nearest(typed string) string {
	best, least := "", 3
	for _, d := range f.list {
		for _, name := range d.names {
			if n := distance(typed, name); n < least && n < len(name) {
				best, least = name, n
			}
		}
	}
	return best
}

// given tells whether the flag that holds this value was set.
func (f *flags) given(name string) bool {
	return slices.ContainsFunc(f.list, func(d declared) bool { return d.set && slices.Contains(d.names, name) })
}

// check says which required flags are missing, all at once.
func (f *flags) check() error {
	var missing []string
	for _, d := range f.list {
		if d.required && !d.set {
			missing = append(missing, d.title())
		}
	}
	if len(missing) > 0 {
		return usagef("missing %s", strings.Join(missing, ", "))
	}
	return nil
}

// title is the flag's names: "-n, -name".
func (d declared) title() string {
	names := make([]string, len(d.names))
	for i, n := range d.names {
		names[i] = "-" + n
	}
	return strings.Join(names, ", ")
}

// usage describes the flags, one a line or two.
func (f *flags) usage() string {
	var b strings.Builder
	for _, d := range f.list {
		title := "  " + d.title()
		if kind := d.kind(); kind != "" {
			title += " " + kind
		}
		const column = 34
		if len(title) < column {
			fmt.Fprintf(&b, "%-*s%s\n", column, title, d.help)
			continue
		}
		fmt.Fprintf(&b, "%s\n%*s%s\n", title, column, "", d.help)
	}
	return b.String()
}

// kind is what a value looks like.
func (d declared) kind() string {
	switch d.value.(type) {
	case *onValue:
		return ""
	case *pairsValue:
		return "NAME=VALUE"
	case *namesValue:
		return "NAME[=VALUE]"
	case *parsedValue[bool]:
		return "true|false"
	case *parsedValue[int], *parsedValue[float64]:
		return "N"
	}
	return "TEXT"
}

type textValue string

func (v *textValue) String() string     { return string(*v) }
func (v *textValue) Set(s string) error { *v = textValue(s); return nil }

type textsValue []string

func (v *textsValue) String() string     { return strings.Join(*v, " ") }
func (v *textsValue) Set(s string) error { *v = append(*v, s); return nil }

type pairsValue map[string]string

func (v *pairsValue) String() string { return "" }

func (v *pairsValue) Set(s string) error {
	name, value, ok := strings.Cut(s, "=")
	if !ok || name == "" {
		return errors.New("must look like NAME=VALUE")
	}
	if *v == nil {
		*v = map[string]string{}
	}
	(*v)[name] = value
	return nil
}

type namesValue map[string]string

func (v *namesValue) String() string { return "" }

func (v *namesValue) Set(s string) error {
	if !strings.Contains(s, "=") {
		s += "="
	}
	return (*pairsValue)(v).Set(s)
}

type onValue bool

func (v *onValue) String() string   { return strconv.FormatBool(bool(*v)) }
func (v *onValue) IsBoolFlag() bool { return true }

func (v *onValue) Set(s string) error {
	on, err := strconv.ParseBool(s)
	*v = onValue(on)
	return err
}

type parsedValue[T any] struct {
	parse func(string) (T, error)
	to    **T
}

func (v *parsedValue[T]) String() string { return "" }

func (v *parsedValue[T]) Set(s string) error {
	value, err := v.parse(s)
	if err != nil {
		var number *strconv.NumError
		if errors.As(err, &number) {
			err = number.Err
		}
		return err
	}
	*v.to = &value
	return nil
}

type choiceValue struct {
	words []string
	to    *string
}

func (v *choiceValue) String() string { return "" }

func (v *choiceValue) Set(s string) error {
	for _, w := range v.words {
		if strings.EqualFold(w, s) {
			*v.to = w
			return nil
		}
	}
	return fmt.Errorf("must be one of %s", strings.Join(v.words, ", "))
}

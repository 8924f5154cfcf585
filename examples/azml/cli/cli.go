// Package cli is the command line of azml: its commands, their flags, and how results
// are written. Results go to standard output and nothing else does; progress, warnings
// and errors go to standard error.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/azureml-go/azureml"
)

// The exit codes of azml.
const (
	ExitOK          = 0
	ExitFailure     = 1
	ExitUsage       = 2   // the command line is wrong; nothing was sent
	ExitNotFound    = 3   // what was asked for does not exist
	ExitInterrupted = 130 // Ctrl-C; what was begun in Azure goes on there
)

// Environment is what a command line runs in. Nil members stand for nothing: no input,
// output that is dropped.
type Environment struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer
	// Connect, when set, makes the connection instead of the flags. Tests use it.
	Connect func(ctx context.Context, g *Globals) (*Connection, error)
}

// Run runs one command line (without the program's name) and returns the exit code.
func Run(ctx context.Context, args []string, env *Environment) int {
	r := &runner{env: complete(env)}
	err := r.run(ctx, args)
	var usage *usageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return ExitOK
	case errors.As(err, &usage):
		fmt.Fprintf(r.env.Err, "azml: %s\n", usage)
		return ExitUsage
	case ctx.Err() != nil:
		fmt.Fprintln(r.env.Err, "azml: interrupted. What was begun in Azure goes on there.")
		return ExitInterrupted
	}
	fmt.Fprint(r.env.Err, azureml.Explain(err))
	switch {
	case errors.Is(err, azureml.ErrNotFound):
		return ExitNotFound
	case refusedHere(err):
		return ExitUsage
	}
	return ExitFailure
}

// refusedHere tells whether an error is about the input, and was found without asking a
// service.
func refusedHere(err error) bool {
	e, ok := errors.AsType[*azureml.Error](err)
	return ok && errors.Is(e, azureml.ErrInvalid) && e.StatusCode == 0 && e.Attempts == 0
}

func complete(env *Environment) *Environment {
	var e Environment
	if env != nil {
		e = *env
	}
	if e.In == nil {
		e.In = strings.NewReader("")
	}
	if e.Out == nil {
		e.Out = io.Discard
	}
	if e.Err == nil {
		e.Err = io.Discard
	}
	return &e
}

// usageError is a command line that cannot be understood.
type usageError struct{ text, hint string }

func (e *usageError) Error() string {
	if e.hint == "" {
		return e.text
	}
	return e.text + "\n" + e.hint
}

func usagef(format string, args ...any) error { return &usageError{text: fmt.Sprintf(format, args...)} }

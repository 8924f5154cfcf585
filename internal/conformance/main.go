// Command conformance drives Microsoft's own Python client azureml-core, as it comes
// from the package index, against the emulator, and compares what it does and sees with
// what is expected and with what this library sees of the same workspace.
//
//	go run ./internal/conformance                       # all scenarios
//	go run ./internal/conformance -run '^model_'        # some
//	go run ./internal/conformance -out internal/conformance/RESULT.json
//	go run ./internal/conformance -faults -seeds 20 -out internal/conformance/FAULTS.md
//
// It makes a virtual environment with the newest release of the client itself, so it
// needs Python 3 with its venv module, and the package index. -venv FOLDER keeps the
// environment for the next time.
//
// The client is not changed in any way. That it talks to the emulator is the work of
// HTTPS_PROXY, HTTP_PROXY and a file with the emulator's certificate authority alone.
// The scenarios are in the folder scenarios, each in a process and on an emulator of
// its own. What the client cannot do although the service would let it is listed as a
// reference bug, with the exception that it raises: a scenario fails when it raises
// another one, or none.
//
// With -faults a few flows are run by both clients while some of the requests go wrong,
// by seeds, and a table tells how often they got through, what they made twice, and
// where they said something that was not so.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// arguments are the command's flags.
type arguments struct {
	python, venv, out string
	match             *regexp.Regexp
	parallel, seeds   int
	faults            bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
}

func parse(args []string) (arguments, error) {
	var a arguments
	flags := flag.NewFlagSet("conformance", flag.ContinueOnError)
	flags.StringVar(&a.python, "python", "python3", "the Python `program` that makes the virtual environment")
	flags.StringVar(&a.venv, "venv", "", "`folder` to keep the virtual environment, and the requests of what fails, in; default: a temporary one")
	flags.StringVar(&a.out, "out", "", "`file` to write the outcome to; default: none")
	match := flags.String("run", "", "run only what matches this `pattern`")
	flags.IntVar(&a.parallel, "parallel", 2, "how many run at once")
	flags.BoolVar(&a.faults, "faults", false, "put both clients under faults instead")
	flags.IntVar(&a.seeds, "seeds", 10, "how many seeds each flow is run with, with -faults")
	if err := flags.Parse(args); err != nil {
		return a, err
	}
	if flags.NArg() > 0 || a.parallel < 1 || a.seeds < 1 {
		return a, errors.New("usage: conformance [flags]; -parallel and -seeds must be at least 1")
	}
	pattern, err := regexp.Compile(*match)
	a.match = pattern
	return a, err
}

func run(ctx context.Context, args []string, out io.Writer) error {
	a, err := parse(args)
	if err != nil {
		return err
	}
	folder := a.venv
	if folder == "" {
		var remove func()
		if folder, remove, err = temporary(); err != nil {
			return err
		}
		defer remove()
	}
	if folder, err = filepath.Abs(folder); err != nil {
		return err
	}
	c, err := install(ctx, a.python, folder)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s %s on Python %s\n", packageName, c.Version, c.Python)
	if a.faults {
		return runFaults(ctx, c, folder, a, out)
	}
	return runScenarios(ctx, c, folder, a, out)
}

func runScenarios(ctx context.Context, c *pythonClient, folder string, a arguments, out io.Writer) error {
	chosen := slices.DeleteFunc(slices.Clone(scenarios), func(s scenario) bool { return !a.match.MatchString(s.name) })
	r := newResult(c, time.Now(), drive(ctx, c, folder, chosen, a.parallel, func(o outcome) { o.print(out) }))
	fmt.Fprintln(out, r.summary())
	if len(r.Scenarios) == 0 {
		return errors.New("no scenario of that name")
	}
	if r.Failed > 0 {
		return fmt.Errorf("%d scenarios failed", r.Failed)
	}
	if a.out == "" {
		return nil
	}
	if len(chosen) < len(scenarios) {
		return errors.New("the outcome of some scenarios alone is not written")
	}
	return r.write(a.out)
}

// print prints an outcome for a person.
func (o outcome) print(out io.Writer) {
	fmt.Fprintf(out, "%-14s %-26s %3d checks\n", o.Outcome, o.Scenario, o.Checks)
	for _, b := range o.Bugs {
		if b.AsKnown {
			fmt.Fprintf(out, "    as known: %s raises %s\n", b.Label, strings.TrimSuffix(b.Exception+": "+b.Message, ": "))
		}
	}
	for _, w := range o.Wrong {
		fmt.Fprintf(out, "    %s\n", strings.ReplaceAll(w, "\n", "\n    "))
	}
}

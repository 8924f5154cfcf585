// Quickstart does the main job from sign-in to clean-up and shows each step: it opens
// a workspace, provisions a cluster and attaches another, registers a model, deploys it
// with key and with token authentication, scores real input, rotates a key, reads logs
// and takes everything down again.
//
//	go run ./examples/quickstart          on an emulator inside this process; no Azure account
//	go run ./examples/quickstart -live    on the workspace that config.json names
//
// With -live it asks before it makes anything that costs money.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/azureml-go/azureml"
)

// settings are the command's flags.
type settings struct {
	live    bool
	dir     string
	config  string
	cluster string
	yes     bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is main without the process: it returns the exit code.
func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	var s settings
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	flags.SetOutput(errOut)
	flags.BoolVar(&s.live, "live", false, "use the workspace that config.json names, instead of an emulator")
	flags.StringVar(&s.dir, "dir", exampleDir(), "the folder of this example, with its model and data")
	flags.StringVar(&s.config, "config", "", "config file, or folder to look for it (default: the folder of this example, with -live the working directory)")
	flags.StringVar(&s.cluster, "attach", "", "with -live: resource id of an AKS cluster to attach; without it none is attached")
	flags.BoolVar(&s.yes, "yes", false, "with -live: make what costs money without asking")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	j := &job{settings: s, out: out, errOut: errOut, in: bufio.NewReader(in)}
	err := j.run(ctx)
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		fmt.Fprintln(errOut, "\nInterrupted.")
	default:
		fmt.Fprint(errOut, "\n", azureml.Explain(err))
		if names := foreign(); !s.live && len(names) > 0 && errors.Is(err, azureml.ErrUnauthorized) {
			fmt.Fprintf(errOut, "The emulator knows its own service principal only: unset %s, or use -live.\n", strings.Join(names, ", "))
		}
	}
	j.left.report(errOut)
	return 1
}

// exampleDir is where the example's files are, seen from the top of the repository or
// from the example itself.
func exampleDir() string {
	dir := filepath.Join("examples", "quickstart")
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return dir
	}
	return "."
}

// leftovers remembers what exists and has to be taken down.
type leftovers struct{ things []string }

func (l *leftovers) add(thing string) { l.things = append(l.things, thing) }

func (l *leftovers) remove(thing string) {
	for i, t := range l.things {
		if t == thing {
			l.things = append(l.things[:i], l.things[i+1:]...)
			return
		}
	}
}

// report says what was left behind.
func (l *leftovers) report(w io.Writer) {
	if len(l.things) == 0 {
		fmt.Fprintln(w, "Nothing is left behind.")
		return
	}
	fmt.Fprintln(w, "Left behind in the workspace (an emulated workspace ends with the program):")
	for _, t := range l.things {
		fmt.Fprintln(w, "  "+t)
	}
}

// confirm asks a person, unless -yes was given or nothing can be lost.
func (j *job) confirm(question string) (bool, error) {
	if !j.settings.live || j.settings.yes {
		return true, nil
	}
	fmt.Fprintf(j.out, "   %s [y/N] ", question)
	answer, err := j.in.ReadString('\n')
	if err != nil && answer == "" {
		return false, fmt.Errorf("nobody answered (use -yes to go on without asking): %w", err)
	}
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes", nil
}

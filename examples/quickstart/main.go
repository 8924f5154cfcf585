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
	"slices"
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
	// beforeCleanUp lets tests look at the job while everything still stands.
	beforeCleanUp func(*job)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal ends the job in good order; stop lets a second one kill it.
	context.AfterFunc(ctx, stop)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is main without the process: it returns the exit code.
func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	s, err := parse(args, errOut)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	return start(ctx, s, in, out, errOut)
}

// parse reads the command's arguments; what is wrong with them it writes itself.
func parse(args []string, errOut io.Writer) (settings, error) {
	var s settings
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	flags.SetOutput(errOut)
	flags.Usage = func() {
		fmt.Fprint(errOut, "Quickstart deploys a model to an AKS cluster, scores with it and takes everything down again:\n"+
			"on an emulator inside this process, or with -live in the workspace that config.json names.\n\nFlags:\n")
		flags.PrintDefaults()
	}
	flags.BoolVar(&s.live, "live", false, "use the workspace that config.json names, instead of an emulator")
	flags.StringVar(&s.dir, "dir", exampleDir(), "the folder of this example, with its model and data")
	flags.StringVar(&s.config, "config", "", "config file, or folder to look for it (default: the folder of this example, with -live the working directory)")
	flags.StringVar(&s.cluster, "attach", "", "with -live: resource id of an AKS cluster to attach; without it none is attached")
	flags.BoolVar(&s.yes, "yes", false, "with -live: make what costs money without asking")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	if flags.NArg() > 0 {
		err := fmt.Errorf("unexpected argument %q; did you mean -%s?", flags.Arg(0), strings.TrimLeft(flags.Arg(0), "-"))
		fmt.Fprintln(errOut, err)
		return s, err
	}
	return s, nil
}

// start does the job and says how it went.
func start(ctx context.Context, s settings, in io.Reader, out, errOut io.Writer) int {
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
	j.left.report(errOut, s.live)
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

// leftovers remembers what exists, or may exist, and has to be taken down.
type leftovers struct{ things []string }

// begin notes a thing before it is made: when making it fails or is interrupted, it may
// be there all the same. The returned function says that it is there for sure.
func (l *leftovers) begin(thing string) (made func()) {
	l.things = append(l.things, maybe+thing)
	return func() {
		l.remove(maybe + thing)
		l.things = append(l.things, thing)
	}
}

// remove notes that a thing is gone.
func (l *leftovers) remove(thing string) {
	l.things = slices.DeleteFunc(l.things, func(t string) bool { return t == thing })
}

const maybe = "perhaps: "

// report says what was left behind.
func (l *leftovers) report(w io.Writer, live bool) {
	switch {
	case len(l.things) == 0:
		fmt.Fprintln(w, "Nothing is left behind.")
		return
	case live:
		fmt.Fprintln(w, "Left behind in the workspace; what was begun goes on there. Delete it in the studio, or with BeginDelete, when you do not need it:")
	default:
		fmt.Fprintln(w, "Left behind in the workspace, which was emulated and has ended with this program:")
	}
	for _, t := range l.things {
		fmt.Fprintln(w, "  "+t)
	}
}

// confirm asks a person, unless -yes was given or nothing can be lost. It ends with ctx.
func (j *job) confirm(ctx context.Context, question string) (bool, error) {
	if !j.settings.live || j.settings.yes {
		return true, nil
	}
	fmt.Fprintf(j.out, "   %s [y/N] ", question)
	type line struct {
		text string
		err  error
	}
	read := make(chan line, 1)
	go func() { // it ends with the process when nobody answers
		text, err := j.in.ReadString('\n')
		read <- line{text, err}
	}()
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case answer := <-read:
		if answer.err != nil && answer.text == "" {
			return false, fmt.Errorf("nobody answered (use -yes to go on without asking): %w", answer.err)
		}
		text := strings.ToLower(strings.TrimSpace(answer.text))
		return text == "y" || text == "yes", nil
	}
}

// Canary rolls out two new versions of a model behind one endpoint, step by step: a good
// one, which is promoted, and a bad one, which is found out and rolled back. While it
// does, callers use the endpoint, and the traffic is drawn as it shifts.
//
//	go run ./examples/canary               a bad version that fails now and then
//	go run ./examples/canary -bad slow     one that is slow
//	go run ./examples/canary -on-cancel hold
//
// It runs on an emulator inside this process and takes a few seconds. Ctrl-C in the
// middle rolls back, or holds. It ends with 0 when both rollouts went as they should, 1
// when they did not or were interrupted, and 2 when it was called in a wrong way.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/webservice"
)

// settings are the command's flags.
type settings struct {
	bad      string
	onCancel webservice.RolloutAction
	bake     time.Duration
	width    int
	terminal bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal ends the rollout in good order; stop lets a second one kill it.
	context.AfterFunc(ctx, stop)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is main without the process: it returns the exit code.
func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	s, err := parse(args, errOut)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	s.terminal = isTerminal(out)
	err = play(ctx, s, out)
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		fmt.Fprintf(errOut, "\nInterrupted. %s\n", err)
	default:
		fmt.Fprint(errOut, "\n", azureml.Explain(err))
	}
	return 1
}

// parse reads the command's arguments; what is wrong with them it writes itself.
func parse(args []string, errOut io.Writer) (settings, error) {
	s := settings{width: 40}
	flags := flag.NewFlagSet("canary", flag.ContinueOnError)
	flags.SetOutput(errOut)
	flags.Usage = func() {
		fmt.Fprint(errOut, "Canary rolls out a good and a bad version behind an endpoint, on an emulator inside this\n"+
			"process: the good one is promoted, the bad one rolled back.\n\nFlags:\n")
		flags.PrintDefaults()
		fmt.Fprint(errOut, "\nExit codes: 0 all went as it should, 1 it did not or was interrupted, 2 wrong use.\n")
	}
	flags.StringVar(&s.bad, "bad", "fail", "what is wrong with the bad version: `fail` (every fourth request) or slow")
	onCancel := flags.String("on-cancel", "roll-back", "what Ctrl-C does to a rollout: `roll-back` or hold")
	flags.DurationVar(&s.bake, "bake", 300*time.Millisecond, "how long each step is watched")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	s.onCancel = map[string]webservice.RolloutAction{"roll-back": webservice.RolloutRollBack, "hold": webservice.RolloutHold}[*onCancel]
	problem := ""
	switch {
	case flags.NArg() > 0:
		problem = fmt.Sprintf("unexpected argument %q", flags.Arg(0))
	case !slices.Contains([]string{"fail", "slow"}, s.bad):
		problem = fmt.Sprintf("-bad is fail or slow, not %q", s.bad)
	case s.onCancel == "":
		problem = fmt.Sprintf("-on-cancel is roll-back or hold, not %q", *onCancel)
	case s.bake <= 0:
		problem = "-bake must be longer than nothing"
	default:
		return s, nil
	}
	fmt.Fprintln(errOut, problem+" (see -h)")
	return s, errors.New(problem)
}

// isTerminal tells whether a person looks at w.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok || file.Name() == os.DevNull {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

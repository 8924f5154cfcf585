// Bench measures this module beside what one would write without it: the same work, the
// same bytes, on loopback, in one run, in alternating rounds. What counts is the median of
// the rounds' ratios; the baseline's ratio to itself in the same rounds says how far the
// machine can be trusted.
//
//	go run ./internal/bench                 every row, 21 rounds
//	go run ./internal/bench -rows 1,3 -rounds 5
//
// It prints a table in Markdown, which README.md holds. With -goals it exits with 1 if a
// goal is missed. It is run from the top of the repository.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == uploadChild {
		os.Exit(uploadProcess(os.Args[2:]))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx))
}

// settings are the command's flags.
type settings struct {
	rounds int
	rows   []int
	// quick leaves out what cannot be short: real waits, gigabytes, a bandwidth.
	quick bool
	// uploadMiB is what one round of the upload sends.
	uploadMiB int
}

// of is how much is done of a work in one round.
func (s settings) of(n int) int {
	if s.quick {
		return n / 8
	}
	return n
}

// line is one measured figure: a row may have several.
type line struct {
	row                int
	work, baseline     string
	figure, self, goal string
	met                bool
}

// benchmark measures one row.
type benchmark struct {
	row int
	run func(context.Context, settings) ([]line, error)
}

func benchmarks() []benchmark {
	return []benchmark{
		{1, scoringSmall}, {2, scoringLarge}, {3, management}, {4, tokens}, {5, uploads},
		{6, manyFiles}, {7, listing}, {8, requestCounts}, {9, longWait}, {10, coldStart},
	}
}

func run(ctx context.Context) int {
	var s settings
	flag.IntVar(&s.rounds, "rounds", 21, "alternating `rounds` of each comparison")
	flag.IntVar(&s.uploadMiB, "upload", 1024, "`MiB` that one round of the upload sends")
	flag.BoolVar(&s.quick, "quick", false, "leave out what takes long whatever the rounds: to see that all runs")
	goals := flag.Bool("goals", false, "exit with 1 if a goal is missed")
	rows := flag.String("rows", "", "only these `rows`, parted by commas")
	flag.Parse()
	for _, r := range strings.FieldsFunc(*rows, func(r rune) bool { return r == ',' }) {
		n, err := strconv.Atoi(r)
		if err != nil {
			fmt.Fprintf(os.Stderr, "bench: -rows: %q is no number\n", r)
			return 2
		}
		s.rows = append(s.rows, n)
	}
	var all []line
	for _, b := range benchmarks() {
		if len(s.rows) > 0 && !slices.Contains(s.rows, b.row) || s.quick && b.row == 9 {
			continue
		}
		fmt.Fprintf(os.Stderr, "row %d …\n", b.row)
		lines, err := b.run(ctx, s)
		if err != nil {
			fmt.Fprintf(os.Stderr, "bench: row %d: %v\n", b.row, err)
			return 1
		}
		for _, l := range lines {
			fmt.Fprintf(os.Stderr, "  %s: %s\n", l.work, l.figure)
		}
		all = append(all, lines...)
	}
	if missed := table(os.Stdout, all, s); missed > 0 && *goals {
		return 1
	}
	return 0
}

// table prints the figures and says how many goals are missed.
func table(out io.Writer, all []line, s settings) (missed int) {
	fmt.Fprintf(out, "%s, %d CPUs, %s/%s, %d rounds\n\n", runtime.Version(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, s.rounds)
	w := tabwriter.NewWriter(out, 0, 0, 1, ' ', 0)
	fmt.Fprintln(w, "| #\t| Work\t| Baseline\t| Measured\t| Baseline with itself\t| Goal\t|")
	fmt.Fprintln(w, "|---\t|---\t|---\t|---\t|---\t|---\t|")
	for _, l := range all {
		goal := l.goal
		if !l.met {
			goal += " **missed**"
			missed++
		}
		fmt.Fprintf(w, "| %d\t| %s\t| %s\t| %s\t| %s\t| %s\t|\n", l.row, l.work, l.baseline, l.figure, l.self, goal)
	}
	_ = w.Flush()
	return missed
}

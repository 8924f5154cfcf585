// Scoring is a client program: it knows the address of a web service and a key, and
// nothing of a workspace. It reads requests, one JSON text a line, sends several at once,
// and writes the answers in the order of the requests.
//
//	go run ./examples/scoring                                   on an emulator inside this process
//	go run ./examples/scoring -uri URI -callers 16 < requests.jsonl
//
// The key, or a token, comes from the environment: SCORING_KEY or SCORING_TOKEN. It ends
// with 0 when all requests were answered, 1 when some were not or it was interrupted, and
// 2 when it was called in a wrong way.
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
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/webservice"
)

// The names of the environment's variables.
const (
	keyVariable   = "SCORING_KEY"
	tokenVariable = "SCORING_TOKEN"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal ends the calls in good order; stop lets a second one kill them.
	context.AfterFunc(ctx, stop)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// settings are the command's flags.
type settings struct {
	uri        string
	callers    int
	timeout    time.Duration
	idempotent bool
	requireTLS bool
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
	service, input, err := reach(s, in)
	if err != nil {
		fmt.Fprint(errOut, azureml.Explain(err))
		return 2
	}
	defer service.close()
	t, err := scoreAll(ctx, service.scorer, s, input, out, errOut)
	fmt.Fprintln(errOut, t)
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(errOut, "Interrupted.")
		return 1
	case err != nil:
		fmt.Fprint(errOut, azureml.Explain(err))
		return 1
	case t.failed > 0:
		return 1
	}
	return 0
}

func parse(args []string, errOut io.Writer) (settings, error) {
	var s settings
	flags := flag.NewFlagSet("scoring", flag.ContinueOnError)
	flags.SetOutput(errOut)
	flags.Usage = func() {
		fmt.Fprint(errOut, "Scoring sends requests to a web service, one JSON text a line, and writes the answers in\n"+
			"their order. The key comes from "+keyVariable+", a token from "+tokenVariable+". Without -uri it\ncalls a service on an emulator.\n\nFlags:\n")
		flags.PrintDefaults()
	}
	flags.StringVar(&s.uri, "uri", "", "the scoring `address` of the service")
	flags.IntVar(&s.callers, "callers", 4, "how many requests are under way at once")
	flags.DurationVar(&s.timeout, "timeout", time.Minute, "how long one request may take, with all repetitions")
	flags.BoolVar(&s.idempotent, "idempotent", false, "a request may run twice: repeat it also when its answer is lost")
	flags.BoolVar(&s.requireTLS, "require-tls", false, "refuse an address that is not https")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	var err error
	switch {
	case flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case s.callers < 1:
		err = fmt.Errorf("-callers is %d, it must be > 0", s.callers)
	case s.timeout <= 0:
		err = fmt.Errorf("-timeout is %s, it must be > 0", s.timeout)
	}
	if err != nil {
		fmt.Fprintln(errOut, err)
	}
	return s, err
}

// service is what is called.
type service struct {
	scorer *webservice.Scorer
	close  func()
}

// reach makes a scorer for the address, or for a service on an emulator with requests of
// its own.
func reach(s settings, in io.Reader) (*service, io.Reader, error) {
	if s.uri == "" {
		return emulated(s)
	}
	var auth webservice.ScorerAuth
	auth.PrimaryKey = azureml.NewSecret(os.Getenv(keyVariable))
	if token := os.Getenv(tokenVariable); token != "" {
		auth.Token = func(context.Context) (*webservice.AccessToken, error) {
			return &webservice.AccessToken{Token: azureml.NewSecret(token)}, nil
		}
	}
	scorer, err := webservice.NewScorer(s.uri, auth, &webservice.ScorerOptions{Idempotent: s.idempotent, RequireTLS: s.requireTLS})
	if err != nil {
		return nil, nil, err
	}
	return &service{scorer: scorer, close: scorer.Close}, in, nil
}

// answered is one request's outcome.
type answered struct {
	line  int
	body  []byte
	took  time.Duration
	tries int
	err   error
}

// scoreAll scores line by line, some at once, and writes the answers in order. Of what
// fails it writes the line and goes on; it ends early only with ctx, or when in or out
// fail.
func scoreAll(ctx context.Context, scorer *webservice.Scorer, s settings, in io.Reader, out, errOut io.Writer) (totals, error) {
	start := time.Now()
	// As many outcomes wait in line as there are callers: a slow one holds the others
	// up, instead of answers piling up behind it.
	inLine := make(chan chan answered, s.callers)
	var failure error
	var wait sync.WaitGroup
	wait.Go(func() {
		defer close(inLine)
		failure = eachLine(ctx, in, func(line int, text string) {
			outcome := make(chan answered, 1)
			inLine <- outcome
			wait.Go(func() { outcome <- score(ctx, scorer, s.timeout, line, text) })
		})
	})
	var t totals
	var broken error
	for outcome := range inLine {
		a := <-outcome
		t.add(a)
		switch {
		case a.err != nil:
			fmt.Fprintf(errOut, "line %d: %v\n", a.line, a.err)
		case broken == nil:
			_, broken = fmt.Fprintf(out, "%s\n", strings.ReplaceAll(string(a.body), "\n", " "))
		}
	}
	wait.Wait()
	t.elapsed = time.Since(start)
	return t, errors.Join(failure, broken)
}

// maxLine is how long a request may be, in bytes.
const maxLine = 64 << 20

func eachLine(ctx context.Context, in io.Reader, do func(line int, text string)) error {
	scanner := bufio.NewScanner(in)
	scanner.Buffer(nil, maxLine)
	for line := 1; scanner.Scan() && ctx.Err() == nil; line++ {
		if text := strings.TrimSpace(scanner.Text()); text != "" {
			do(line, text)
		}
	}
	return scanner.Err()
}

func score(ctx context.Context, scorer *webservice.Scorer, timeout time.Duration, line int, text string) answered {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	start := time.Now()
	answer, err := scorer.Call(ctx, []byte(text), nil)
	a := answered{line: line, took: time.Since(start), err: err}
	if err == nil {
		a.body, a.tries = answer.Body, answer.Attempts
	}
	return a
}

// totals are what is said in the end.
type totals struct {
	calls, failed, repeated int
	elapsed                 time.Duration
	times                   []time.Duration
}

func (t *totals) add(a answered) {
	t.calls++
	if a.err != nil {
		t.failed++
		return
	}
	if a.tries > 1 {
		t.repeated++
	}
	t.times = append(t.times, a.took)
}

func (t totals) String() string {
	text := fmt.Sprintf("%d requests, %d failed, %d repeated", t.calls, t.failed, t.repeated)
	if len(t.times) == 0 {
		return text
	}
	slices.Sort(t.times)
	at := func(percent int) time.Duration {
		return t.times[(len(t.times)*percent+99)/100-1].Round(10 * time.Microsecond)
	}
	return text + fmt.Sprintf(", half of them within %s, 99 %% within %s, %.0f a second", at(50), at(99), float64(t.calls)/t.elapsed.Seconds())
}

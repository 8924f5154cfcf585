// Command emulator is an Azure Machine Learning on this machine: it serves the
// emulator of package azuremltest to programs in any language until it is
// interrupted.
//
//	go run ./examples/emulator -env emulator.env   # in one terminal
//	. ./emulator.env                               # in another one, when it says where it is
//	curl "https://management.azure.com/metadata/endpoints?api-version=2020-06-01"
//
// The variables that point another program at it are lines for a shell, on standard
// output or in the file of -env; on standard error it logs the requests. A browser
// shows at the address of the proxy what exists and what happens.
//
// With -state FILE everything that exists is kept in a file from one run to the
// next; it is written when the emulator is interrupted, asked to end, or its terminal is
// closed. -faults FILE makes requests go wrong by a plan; see azuremltest.ParseFaults.
// -run-scripts runs the entry scripts of the web services that are deployed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/azureml-go/azureml/azuremltest"
)

func main() {
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		ends = append(ends, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	// Ctrl-C ends also what the log is piped into, and what is written after that must
	// not end the program before the state is saved.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		os.Exit(2) // the flag package has said what is wrong
	case err != nil:
		fmt.Fprintln(os.Stderr, "emulator:", err)
		os.Exit(1)
	}
}

// errUsage is for arguments that were refused, with a message, already.
var errUsage = errors.New("the arguments are wrong")

// settings are what the arguments say.
type settings struct {
	addr, state, faults, ca string
	envFormat, envFile      string
	log                     string
	polls                   int
	scripts                 bool
	python                  string
}

func parse(args []string, stderr io.Writer) (*settings, error) {
	s := &settings{}
	f := flag.NewFlagSet("emulator", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&s.addr, "addr", "127.0.0.1:0", "address to listen on; keep it on the loopback interface, for nobody is asked for a password")
	f.StringVar(&s.state, "state", "", "file that keeps everything that exists; it holds keys and secrets")
	f.StringVar(&s.faults, "faults", "", "JSON file with a plan of what goes wrong")
	f.StringVar(&s.ca, "ca", "", "file for the certificate authority; a temporary one if empty")
	f.StringVar(&s.envFormat, "env-format", "sh", "how the variables are printed: sh, powershell or json")
	f.StringVar(&s.envFile, "env", "", "file for the variables, instead of standard output")
	f.StringVar(&s.log, "log", "text", "log of the requests: text, json or off")
	f.IntVar(&s.polls, "polls", 2, "how many polls of an operation are answered with \"not yet\"")
	f.BoolVar(&s.scripts, "run-scripts", false, "run the entry scripts of web services: whoever reaches the emulator can then run programs here")
	f.StringVar(&s.python, "python", "python3", "the interpreter of -run-scripts")
	f.Usage = func() {
		fmt.Fprint(stderr, "Emulator serves an emulated Azure Machine Learning to programs in any language until it is\n"+
			"interrupted. It prints the variables that point them at it: read them into another shell.\n\n"+
			"  go run ./examples/emulator -env emulator.env\n  . ./emulator.env\n\nFlags:\n")
		f.PrintDefaults()
	}
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil, err
		}
		return nil, errUsage
	}
	var bad []string
	if f.NArg() > 0 {
		bad = append(bad, fmt.Sprintf("unexpected argument %q", f.Arg(0)))
	}
	if environmentFormats[s.envFormat] == nil {
		bad = append(bad, fmt.Sprintf("-env-format %q is none of sh, powershell, json", s.envFormat))
	}
	if !slices.Contains([]string{"text", "json", "off"}, s.log) {
		bad = append(bad, fmt.Sprintf("-log %q is none of text, json, off", s.log))
	}
	f.Visit(func(given *flag.Flag) {
		if given.Name == "python" && !s.scripts {
			bad = append(bad, "-python is for -run-scripts, which is not given")
		}
	})
	if s.polls < 0 {
		bad = append(bad, fmt.Sprintf("-polls %d is negative", s.polls))
	}
	if len(bad) > 0 {
		return nil, errors.New(strings.Join(bad, "; "))
	}
	return s, nil
}

// run serves until the context ends.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	s, err := parse(args, stderr)
	if err != nil {
		return err
	}
	var faults []azuremltest.Fault
	if s.faults != "" {
		if faults, err = azuremltest.LoadFaults(s.faults); err != nil {
			return err
		}
	}
	watch := newWatch(stderr, s.log)
	options := azuremltest.Options{Addr: s.addr, OperationPolls: s.polls, StateFile: s.state, Log: watch.request, Home: watch}
	if s.polls == 0 {
		options.OperationPolls = -1 // which means none
	}
	if s.scripts {
		options.RunScripts = s.python
	}
	before, _ := os.Stat(s.state)
	srv, err := azuremltest.Start(&options)
	if err != nil {
		return err
	}
	defer func() {
		other := writtenSince(s.state, before)
		err = errors.Join(err, srv.Shutdown())
		if other && err == nil {
			fmt.Fprintf(stderr, "Beware: another program has written %s in the meantime; what it wrote is now %s~.\n", s.state, s.state)
		}
	}()
	watch.serve(srv)
	for _, f := range faults {
		srv.Fault(f)
	}
	ca, remove, err := writeCA(s.ca, srv.CACertificate())
	if err != nil {
		return err
	}
	defer remove()
	if err := announce(s, srv, ca, stdout); err != nil {
		return err
	}
	fmt.Fprintf(stderr, "The emulator is at %s until it is interrupted; a browser shows there what happens.\n", srv.URL)
	if a, err := netip.ParseAddrPort(strings.TrimPrefix(srv.URL, "http://")); err == nil && !a.Addr().IsLoopback() {
		fmt.Fprintln(stderr, "Beware: the address can be reached from elsewhere, and nobody is asked for a password.")
	}
	<-ctx.Done()
	if s.state != "" {
		fmt.Fprintf(stderr, "Saving what exists to %s.\n", s.state)
	}
	return nil
}

// writtenSince says whether a file is there that is not the one that was there before.
func writtenSince(path string, before os.FileInfo) bool {
	now, err := os.Stat(path)
	return err == nil && (before == nil || !os.SameFile(before, now) || !before.ModTime().Equal(now.ModTime()))
}

// announce prints the variables for other programs.
func announce(s *settings, srv *azuremltest.Server, ca string, stdout io.Writer) error {
	text := environmentFormats[s.envFormat](environment(reachable(srv.URL), ca, srv.Workspaces()))
	if s.envFile != "" {
		return os.WriteFile(s.envFile, []byte(text), 0o600)
	}
	_, err := io.WriteString(stdout, text)
	return err
}

// reachable is the address under which programs on this machine find a server
// that listens on all addresses.
func reachable(url string) string {
	host, port, err := net.SplitHostPort(strings.TrimPrefix(url, "http://"))
	if a, bad := netip.ParseAddr(host); err == nil && bad == nil && a.IsUnspecified() {
		return "http://" + net.JoinHostPort("127.0.0.1", port)
	}
	return url
}

// writeCA writes the certificate authority to a file, and returns its absolute
// path and what removes it if it was a temporary one.
func writeCA(path string, pem []byte) (file string, remove func(), err error) {
	remove = func() {}
	if path == "" {
		dir, err := os.MkdirTemp("", "azureml-emulator-")
		if err != nil {
			return "", remove, err
		}
		path = filepath.Join(dir, "ca.pem")
		remove = func() { os.RemoveAll(dir) } //nolint:errcheck // a temporary folder that is left does no harm
	}
	if file, err = filepath.Abs(path); err == nil {
		err = os.WriteFile(file, pem, 0o644) //nolint:gosec // a certificate is public
	}
	if err != nil {
		remove()
	}
	return file, remove, err
}

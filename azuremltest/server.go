package azuremltest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// Options change how a [Server] behaves. The zero value is what most tests want.
type Options struct {
	// Addr is the address to listen on, "127.0.0.1:0" if empty. The emulator
	// asks for no password to be reached: keep it on the loopback interface.
	Addr string

	// InMemory makes the server listen on [net.Pipe] instead of a socket, so
	// that it and its clients can live in a bubble of testing/synctest, where
	// waiting takes no time. Only [Server.Client] and what is made of it reach
	// such a server; its URL and ProxyURL are empty. The server must be
	// created, used and closed inside the bubble.
	InMemory bool

	// HTTP2 lets clients negotiate HTTP/2. The default is HTTP/1.1, where
	// connections can be reset one request at a time.
	HTTP2 bool

	// OperationPolls is how many polls of a long-running operation are
	// answered with "not finished yet": 2 if zero, none if negative. Reading
	// the resource that the operation works on counts in the same way, on a
	// counter of its own.
	OperationPolls int

	// RetryAfter is sent with every answer about an operation that is not
	// finished, as retry-after-ms and, rounded down to seconds, as
	// Retry-After: 10 ms if zero, nothing if negative.
	RetryAfter time.Duration

	// TokenLifetime is how long tokens are valid, one hour if zero. A negative
	// one makes tokens that have expired when they are handed out.
	TokenLifetime time.Duration

	// SignatureLifetime is how long the storage addresses that the artifact
	// service hands out are valid, one day if zero. A negative one makes
	// addresses that have expired when they are handed out.
	SignatureLifetime time.Duration

	// PageSize is how many items a page of a list holds, 100 if zero.
	PageSize int

	// StateFile is a file that keeps what exists from one run to the next, as
	// [Server.SaveState] writes it: read by NewServer if it is there, in the place
	// of the default world, and written by Close, atomically and for its owner
	// alone. Nothing is kept if it is empty. The file is for one server at a time: of
	// two, the one that is closed last is kept, and what the other has written is then
	// found beside it, under the file's name with ~ added.
	StateFile string

	// RunScripts is a Python interpreter, such as "python3", that runs the
	// programs of the web services which are deployed with one. Nothing is run if it
	// is empty, and "Scripts" in the package comment says what happens otherwise.
	// Whoever can reach the server can then run programs on this machine.
	RunScripts string

	// Home answers requests to the server's own address, such as a browser's, but
	// for what the server needs itself: /ca.pem and /msi/token. It may use the
	// server. Nil answers with a hint.
	Home http.Handler

	// Log is called with every request after it has been answered, and with every
	// CONNECT to a host that is not emulated, from the goroutine that answered it;
	// several may call at once. It may use the server.
	Log func(Request)
}

// A Server is an Azure in one process. Its methods are safe for concurrent use.
type Server struct {
	// URL is the address of the listener, such as "http://127.0.0.1:41234",
	// which is at once an HTTP proxy and, by host name, every service that is
	// emulated. It is empty if the server is in memory.
	URL string

	opts     Options
	selfHost string
	listener net.Listener
	dialSelf func(context.Context) (net.Conn, error)
	incoming *connQueue
	routers  [hostKinds]router
	certs    *authorityCertificates
	client   *http.Client
	conns    connSet
	closing  chan struct{}
	closed   sync.Once
	running  sync.WaitGroup

	tokenKey []byte
	python   string      // path of the interpreter, empty if no programs are run
	stateWas os.FileInfo // the state file as it was read, nil if there was none

	randMu sync.Mutex // guards random
	random *rand.ChaCha8

	mu           sync.Mutex // guards all below
	world        world
	scoringHosts map[string]int
	scorers      map[scorerKey]Scorer
	containers   map[*container]struct{} // that have not been stopped
	failures     []OperationFailure
	destined     *OperationFailure // how the operation ends that the request being answered begins
	faults       []*faultState
	requests     []*Request
}

// NewServer starts a server with the default world: one tenant, one
// subscription, one workspace, one service principal and one AKS cluster that
// is not attached yet (see the constants). Nil options are the zero ones. It
// panics if it cannot listen, as [net/http/httptest.NewServer] does, or cannot
// read the state file. The caller calls Close when finished.
func NewServer(options *Options) *Server {
	s, err := Start(options)
	if err != nil {
		panic(err.Error())
	}
	return s
}

// Start is NewServer for programs that tell a person what went wrong: it
// returns the error instead of panicking.
func Start(options *Options) (*Server, error) {
	s := &Server{
		incoming:     newConnQueue(),
		closing:      make(chan struct{}),
		tokenKey:     newTokenKey(),
		random:       rand.NewChaCha8([32]byte([]byte("azuremltest: same ids every time"))),
		certs:        newAuthorityCertificates(),
		scoringHosts: map[string]int{},
		world:        newWorld(),
	}
	if options != nil {
		s.opts = *options
	}
	s.opts.setDefaults()
	s.addRoutes(s.authorityRoutes(), s.loginRoutes(), s.deviceRoutes(), s.identityRoutes(), s.selfRoutes(), s.armRoutes(), s.computeRoutes(), s.discoveryRoutes(), s.managementRoutes(), s.dataPlaneRoutes())
	if err := s.findPython(); err != nil {
		return nil, err
	}
	if err := s.populate(); err != nil {
		return nil, err
	}
	if err := s.listen(); err != nil {
		return nil, fmt.Errorf("azuremltest: cannot listen: %w", err)
	}
	s.client = s.newClient()
	s.serve()
	return s, nil
}

// findPython looks up the interpreter that Options.RunScripts names.
func (s *Server) findPython() error {
	if s.opts.RunScripts == "" {
		return nil
	}
	path, err := exec.LookPath(s.opts.RunScripts)
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return fmt.Errorf("azuremltest: cannot run scripts: %w", err)
	}
	s.python = path
	return nil
}

// populate sets up what exists: what was saved, or the default world.
func (s *Server) populate() error {
	if s.opts.StateFile != "" {
		if found, err := s.loadStateFile(); found || err != nil {
			return err
		}
	}
	s.addDefaultWorld()
	return nil
}

// setDefaults replaces what was left out.
func (o *Options) setDefaults() {
	if o.OperationPolls == 0 {
		o.OperationPolls = 2
	}
	o.OperationPolls = max(o.OperationPolls, 0)
	if o.RetryAfter == 0 {
		o.RetryAfter = 10 * time.Millisecond
	}
	if o.TokenLifetime == 0 {
		o.TokenLifetime = time.Hour
	}
	if o.SignatureLifetime == 0 {
		o.SignatureLifetime = 24 * time.Hour
	}
	if o.PageSize <= 0 {
		o.PageSize = 100
	}
}

// addRoutes makes the routes known to their hosts.
func (s *Server) addRoutes(lists ...[]route) {
	for _, list := range lists {
		for i := range list {
			s.routers[list[i].host].add(&list[i])
		}
	}
}

// Close breaks all connections, those of the server's client with them, ends
// all goroutines of the server, and returns when they have ended. Requests under
// way fail. Then it saves the state if [Options].StateFile says so, and panics if
// it cannot; Shutdown returns the error.
func (s *Server) Close() {
	if err := s.Shutdown(); err != nil {
		panic(err.Error())
	}
}

// Shutdown is Close for programs that tell a person that the state could not be
// saved: it returns the error. Calls after the first do nothing.
func (s *Server) Shutdown() (err error) {
	s.closed.Do(func() {
		close(s.closing)
		s.stopContainers()
		s.listener.Close()
		s.incoming.Close()
		// Broken, not closed in good order: a TLS connection would wait for a
		// peer who may not be reading. The HTTP server ends with them.
		s.conns.closeAll()
		s.running.Wait()
		if s.opts.StateFile != "" {
			err = s.saveStateFile()
		}
	})
	return err
}

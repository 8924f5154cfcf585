package azuremltest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const (
	// initLimit is how long a program may take to start.
	initLimit = time.Minute
	// maxContainerLog is how much of what a program prints is kept.
	maxContainerLog = 1 << 20
	// appFolder is where the files of an image lie, below the container's folder.
	appFolder = "azureml-app"
)

// errReplicaDied is what a request sees whose program ended without answering.
var errReplicaDied = errors.New("the program ended without an answer")

// A container runs the program of a service, or of a version, in a process of
// its own: one request at a time. It starts the process anew when it has died.
// None of its methods may be called with a lock that a program could wait for.
type container struct {
	python  string
	program string // file name of the driver
	assets  []containerFile
	models  map[string]*blob // by path below azureml-models
	env     []string
	closing <-chan struct{} // of the server
	log     logTail

	ready chan struct{} // closed when the first start has ended
	err   error         // of the first start; may be read when ready is closed

	slot    chan struct{} // holds one: whoever uses what is below
	dir     string
	process *scriptProcess
	stopped bool
}

// containerFile is an asset of an image.
type containerFile struct {
	name    string
	unpack  bool
	content *blob
}

// newContainer takes in what the program of a specification needs; nil if
// programs are not run or it has none. The caller holds s.mu.
func (svc *service) newContainer(spec *serviceSpec) *container {
	srv, r := svc.ws.srv, spec.Image
	if srv.python == "" || !r.withCode() {
		return nil
	}
	c := &container{python: srv.python, program: path.Base(r.DriverProgram), closing: srv.closing, models: map[string]*blob{},
		ready: make(chan struct{}), slot: make(chan struct{}, 1)}
	for _, a := range r.Assets {
		if b := svc.ws.data.uploaded(strings.TrimPrefix(a.URL, artifactScheme)); b != nil {
			c.assets = append(c.assets, containerFile{a.ID, a.Unpack, b})
		}
	}
	modelDir := "azureml-models"
	for _, id := range r.ModelIDs {
		folder := strings.ReplaceAll(id, ":", "/")
		if len(r.ModelIDs) == 1 {
			modelDir += "/" + folder
		}
		for p, b := range svc.ws.data.modelFiles(id) {
			c.models[folder+"/"+p] = b
		}
	}
	c.env = append(r.variables(), "AZUREML_MODEL_DIR="+modelDir, "AML_APP_ROOT="+appFolder, "SERVICE_NAME="+svc.spec.Name)
	if srv.containers == nil {
		srv.containers = map[*container]struct{}{}
	}
	srv.containers[c] = struct{}{}
	srv.running.Go(c.begin)
	return c
}

// variables are those of the image's environment.
func (r *imageRequest) variables() (list []string) {
	var environment struct {
		Variables map[string]string `json:"environmentVariables"`
	}
	_ = json.Unmarshal(r.members["environment"], &environment) // there may be none
	for _, name := range sortedKeys(environment.Variables) {
		if !strings.ContainsAny(name, "=\x00") && !strings.Contains(environment.Variables[name], "\x00") {
			list = append(list, name+"="+environment.Variables[name])
		}
	}
	return list
}

// begin starts the program for the first time.
func (c *container) begin() {
	c.slot <- struct{}{}
	c.err = c.start()
	<-c.slot
	close(c.ready)
}

// prepared reports whether the first start has ended.
func (c *container) prepared() bool {
	select {
	case <-c.ready:
		return true
	default:
		return false
	}
}

// start starts the process and waits for init to end. The caller has the slot.
func (c *container) start() error {
	if c.stopped {
		return errReplicaDied
	}
	if c.dir == "" {
		if err := c.unpack(); err != nil {
			c.log.note("azuremltest: the files of the image: " + err.Error())
			return err
		}
	}
	p, err := startScript(c.python, filepath.Join(c.dir, appFolder), c.program, c.environment(), &c.log)
	if err != nil {
		c.log.note("azuremltest: " + err.Error())
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), initLimit)
	defer cancel()
	go func() {
		select {
		case <-c.closing:
			cancel()
		case <-ctx.Done():
		}
	}()
	var hello struct {
		Ready bool `json:"ready"`
	}
	if err := p.receive(ctx, &hello); err != nil || !hello.Ready {
		p.kill()
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			c.log.note(fmt.Sprintf("azuremltest: init() has not ended within %v", initLimit))
		}
		return errReplicaDied
	}
	c.process = p
	return nil
}

// environment is all that the process finds: nothing of the emulator's own.
func (c *container) environment() []string {
	list := append([]string{}, c.env...)
	for _, name := range []string{"PATH", "SYSTEMROOT", "LANG", "LC_ALL"} {
		if v := os.Getenv(name); v != "" {
			list = append(list, name+"="+v)
		}
	}
	return append(list, "HOME="+c.dir, "TMPDIR="+c.dir, "PYTHONUNBUFFERED=1", "PYTHONDONTWRITEBYTECODE=1", "PYTHONIOENCODING=utf-8")
}

// score is the container's [Scorer].
func (c *container) score(ctx context.Context, in *ScoreRequest) (*ScoreResponse, error) {
	select {
	case c.slot <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-c.slot }()
	if c.process == nil || c.process.gone() {
		if err := c.start(); err != nil {
			return nil, errReplicaDied
		}
	}
	headers := map[string]string{}
	for name, values := range in.Header {
		headers[name] = strings.Join(values, ", ")
	}
	var answer struct {
		Result *string `json:"result"`
		Error  string  `json:"error"`
	}
	err := c.process.send(map[string]any{"body": in.Body, "headers": headers})
	if err == nil {
		err = c.process.receive(ctx, &answer)
	}
	if err != nil {
		c.process.kill()
		c.process = nil
		return nil, cmp.Or(ctx.Err(), errReplicaDied)
	}
	if answer.Result == nil {
		return nil, errors.New(strings.TrimSpace(answer.Error))
	}
	return &ScoreResponse{Body: []byte(*answer.Result)}, nil
}

// stop ends the process when it has answered. When the server closes the
// requests end before, with their connections.
func (c *container) stop() {
	c.slot <- struct{}{}
	defer func() { <-c.slot }()
	c.stopped = true
	if c.process != nil {
		c.process.kill()
		c.process = nil
	}
	if c.dir != "" {
		os.RemoveAll(c.dir) //nolint:errcheck // a temporary folder that is left does no harm
	}
}

// reapContainers stops the containers that nothing uses any more. The caller
// holds s.mu.
func (s *Server) reapContainers() {
	if len(s.containers) == 0 {
		return
	}
	used := map[*container]bool{}
	for _, ws := range s.world.workspaces {
		for _, svc := range ws.data.services {
			for _, c := range svc.starting {
				used[c] = true
			}
			if svc.live != nil {
				for _, v := range svc.live.versions {
					used[v.container] = true
				}
			}
		}
	}
	for c := range s.containers {
		if !used[c] {
			delete(s.containers, c)
			s.running.Go(c.stop)
		}
	}
}

// stopContainers stops all containers: the server closes.
func (s *Server) stopContainers() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.python = ""
	for c := range s.containers {
		delete(s.containers, c)
		s.running.Go(c.stop)
	}
}

// logTail keeps the end of what is written to it.
type logTail struct {
	mu   sync.Mutex
	text []byte
	// answered counts the marks of answers up to which the log is complete, and settled
	// those that were waited for.
	answered, settled int
}

func (l *logTail) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answered += bytes.Count(p, []byte{0})
	l.text = append(l.text, bytes.ReplaceAll(p, []byte{0}, nil)...)
	if len(l.text) > 2*maxContainerLog {
		l.text = bytes.Clone(l.text[len(l.text)-maxContainerLog:])
	}
	return len(p), nil
}

// settle waits until all is here that was printed before the next answer, which comes by
// another way. It does not wait for long: whatever the program does, its answer counts.
func (l *logTail) settle() {
	for range 1000 {
		l.mu.Lock()
		there := l.answered > l.settled
		if there {
			l.settled++
		}
		l.mu.Unlock()
		if there {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// forget leaves out of account what a process that is gone has answered.
func (l *logTail) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.settled = l.answered
}

func (l *logTail) note(line string) { l.Write([]byte(line + "\n")) }

func (l *logTail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text[max(len(l.text)-maxContainerLog, 0):])
}

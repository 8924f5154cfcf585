package azuremltest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// What a saved state says of itself.
const (
	stateFormat  = "azuremltest state"
	stateVersion = 1
)

// savedState is the document that SaveState writes. All that it holds is said
// by the types of the files state_*.go, so that a change of how the server
// keeps something does not change what was saved.
type savedState struct {
	Format  string    `json:"format"`
	Version int       `json:"version"`
	Saved   time.Time `json:"saved"`
	// Random is where the sequence that ids are made of stands: ids made after
	// loading are none of those made before.
	Random []byte `json:"random"`
	NextIP int    `json:"nextIP"`

	Tenants       []savedTenant       `json:"tenants"`
	Subscriptions []savedSubscription `json:"subscriptions"`
	Clusters      []savedCluster      `json:"clusters"`
	Identities    []savedIdentity     `json:"identities"`
	Groups        []savedGroup        `json:"groups"`
	Resources     []savedResource     `json:"resources"`
	Deployments   []savedDeployment   `json:"deployments"`
	Assignments   []savedAssignment   `json:"roleAssignments"`
	Operations    []savedOperation    `json:"operations"`
	Results       map[string]any      `json:"results"`
	Workspaces    []savedWorkspace    `json:"workspaces"`
}

// SaveState writes all that exists in the server as a JSON document, which
// [Server.LoadState] and [Options].StateFile read: tenants with who is in them,
// subscriptions, groups, clusters, workspaces with their computes, files,
// models, environments and web services with their keys.
//
// Operations under way are ended first, as if they had been polled often enough;
// those that are stuck are canceled, and scripts that start are waited for. Not saved are what the program has set up
// (scorers, faults, failures of operations), the requests received, and what is
// handed out to callers for a while: access and refresh tokens, logins under way
// and the certificate authority are the business of one run.
//
// The document holds secrets: those of service principals, the keys of web
// services and of the storage. SaveState may be called at any time, also after
// Close; requests wait while the document is made.
func (s *Server) SaveState(w io.Writer) error {
	doc, err := s.encodeState()
	if err != nil {
		return err
	}
	_, err = w.Write(doc)
	return err
}

// encodeState makes the document.
func (s *Server) encodeState() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settleAll()
	doc := s.saveWorld()
	doc.Format, doc.Version, doc.Saved = stateFormat, stateVersion, time.Now().UTC()
	s.randMu.Lock()
	doc.Random, _ = s.random.MarshalBinary() // never fails
	s.randMu.Unlock()
	b, err := marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("azuremltest: cannot encode the state: %w", err)
	}
	return append(b, '\n'), nil
}

// LoadState replaces all that exists in the server by what SaveState has
// written. What the program has set up (scorers, faults, failures of operations)
// stays. If the document is broken, of another version or contradicts itself,
// LoadState returns an error that says where, and nothing has changed.
func (s *Server) LoadState(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("azuremltest: cannot read the state: %w", err)
	}
	doc, err := decodeState(text)
	if err != nil {
		return fmt.Errorf("azuremltest: the state is broken: %w", err)
	}
	random := rand.NewChaCha8([32]byte{})
	if err := random.UnmarshalBinary(doc.Random); err != nil {
		return fmt.Errorf("azuremltest: the state is broken: random: %w", err)
	}
	l := &stateLoader{srv: s, world: newWorld(), clusters: map[int]*cluster{}}
	if err := l.load(doc); err != nil {
		return fmt.Errorf("azuremltest: the state is broken: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world = l.world
	s.scoringHosts = map[string]int{}
	for _, host := range l.hosts {
		s.claimHost(host)
	}
	s.reapContainers()
	s.randMu.Lock()
	s.random = random
	s.randMu.Unlock()
	return nil
}

// decodeState reads the document and says what it is if it is another.
func decodeState(text []byte) (*savedState, error) {
	var head struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, errors.New("the document is empty")
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return nil, errors.New(jsonProblem(err, text))
	}
	switch {
	case head.Format != stateFormat:
		return nil, fmt.Errorf("format is %q, not %q: this is no state of an emulator", shortened(head.Format), stateFormat)
	case head.Version != stateVersion:
		return nil, fmt.Errorf("version is %d; this emulator reads version %d", head.Version, stateVersion)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	var doc savedState
	if err := d.Decode(&doc); err != nil {
		return nil, errors.New(strings.TrimPrefix(jsonProblem(err, text), "json: "))
	}
	return &doc, nil
}

// shortened cuts a text that is only shown to be recognised.
func shortened(text string) string {
	const most = 40
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
}

// settleAll ends the operations under way: those of the resource manager
// first, because a compute that goes takes along what is done to its services.
func (s *Server) settleAll() {
	settled := func(f **OperationFailure, stuck *bool) {
		if *stuck {
			*f, *stuck = &OperationFailure{State: stateCanceled}, false
		}
	}
	for _, o := range sortedValues(s.world.operations) {
		if o.status == o.verb {
			settled(&o.failure, &o.stuck)
			o.end()
		}
	}
	for _, ws := range sortedValues(s.world.workspaces) {
		for _, o := range sortedValues(ws.data.operations) {
			if o.active() {
				settled(&o.failure, &o.stuck)
				o.end()
			}
		}
	}
}

// loadStateFile reads Options.StateFile, if there is such a file.
func (s *Server) loadStateFile() (found bool, err error) {
	// Better now than when the state is lost.
	if err := s.tryStateFolder(); err != nil {
		return false, fmt.Errorf("azuremltest: the folder of the state file: %w", err)
	}
	f, err := os.Open(s.opts.StateFile)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("azuremltest: cannot read the state: %w", err)
	}
	defer f.Close()
	if err := s.LoadState(f); err != nil {
		return false, fmt.Errorf("%w (%s)", err, s.opts.StateFile)
	}
	s.stateWas, err = f.Stat()
	if err != nil {
		return false, fmt.Errorf("azuremltest: cannot read the state: %w", err)
	}
	return true, nil
}

// statePath is Options.StateFile, or what it is a link to.
func (s *Server) statePath() string {
	if target, err := filepath.EvalSymlinks(s.opts.StateFile); err == nil {
		return target
	}
	return s.opts.StateFile
}

// tempStateFile makes a file beside the state file, with mode 0600.
func (s *Server) tempStateFile() (*os.File, error) {
	path := s.statePath()
	return os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
}

// tryStateFolder finds out whether files can be made where the state is to be saved.
func (s *Server) tryStateFolder() error {
	f, err := s.tempStateFile()
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// saveStateFile writes Options.StateFile, so that there is the old file or the
// new one and never a part of it. Only its owner may read it.
func (s *Server) saveStateFile() (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("azuremltest: cannot save the state: %w", err)
		}
	}()
	path := s.statePath()
	f, err := s.tempStateFile()
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // it has been renamed, or is left
	err = s.SaveState(f)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := s.setOtherStateAside(path); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// setOtherStateAside keeps what another server has written to the state file since it
// was read here.
func (s *Server) setOtherStateAside(path string) error {
	now, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if was := s.stateWas; was != nil && os.SameFile(was, now) && was.ModTime().Equal(now.ModTime()) && was.Size() == now.Size() {
		return nil
	}
	return os.Rename(path, path+"~")
}

// stateLoader builds a world from a document.
type stateLoader struct {
	srv      *Server
	world    world
	clusters map[int]*cluster // by their numbers in the document
	hosts    []string         // where scoring requests go
}

// claim makes a host one that scoring requests go to.
func (l *stateLoader) claim(hosts ...string) {
	l.hosts = append(l.hosts, slices.DeleteFunc(hosts, func(h string) bool { return h == "" })...)
}

// put adds to a map, and refuses what is there already.
func put[T any](m map[string]T, what, key string, value T) error {
	if key == "" {
		return errors.New(what + " without a name or id")
	}
	if _, taken := m[key]; taken {
		return fmt.Errorf("%s %q is there twice", what, key)
	}
	m[key] = value
	return nil
}

package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/azureml-go/azureml/internal/blob"
	"github.com/azureml-go/azureml/internal/validate"
)

const (
	// checkpointFormat and checkpointVersion are how a checkpoint is told from other files.
	checkpointFormat  = "azureml-go model upload"
	checkpointVersion = 1
	// checkpointPause is how often the file is written at most while blocks go out. What
	// was sent after the last time is found out from storage.
	checkpointPause = time.Second
	// checkpointLimit bounds what is read: more than 50,000 blocks of 10,000 files take.
	checkpointLimit = 256 << 20
)

// checkpointState is the content of a checkpoint file: where an upload goes and how far
// it is. It holds no address with a signature.
type checkpointState struct {
	Format  string `json:"format"`
	Version int    `json:"version"`
	// Workspace is the workspace's id, Model the model's name, Path what is uploaded.
	Workspace string `json:"workspace"`
	Model     string `json:"model"`
	Path      string `json:"path"`
	Container string `json:"container"`
	// Registering tells that all files are there and the asset may have been made. Asset
	// is its id; the model may have been registered.
	Registering bool             `json:"registering,omitempty"`
	Asset       string           `json:"asset,omitempty"`
	Files       []checkpointFile `json:"files"`
}

// checkpointFile is a file of the upload.
type checkpointFile struct {
	Path     string    `json:"path"`
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified"`
	// MD5 of a file that is complete.
	MD5 []byte `json:"md5,omitempty"`
	// Blocks are the ids of the blocks that have been sent, by number; each holds its
	// number and MD5. "" is one of which that is not known.
	Blocks []string `json:"blocks,omitempty"`
	// carried tells that this is of an earlier call and that the file has not changed since.
	carried bool
}

// checkpoint keeps a checkpoint file. A nil one keeps nothing. It is safe for
// concurrent use.
type checkpoint struct {
	path string
	// resumed tells that the file was there.
	resumed bool

	mu    sync.Mutex
	state checkpointState
	index map[string]int
	wrote time.Time
	dirty bool
	// failed is why the file could not be written the last time.
	failed error
}

// checkCheckpoint tells of a path that cannot be that of a checkpoint of an upload.
func checkCheckpoint(c *validate.Checker, path, source string) {
	if path == "" {
		return
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
		c.Add("Checkpoint", path, "must be in a folder that exists")
		return
	}
	root, err := filepath.Abs(source)
	place, placeErr := filepath.Abs(path)
	if err != nil || placeErr != nil {
		return
	}
	if inside, err := filepath.Rel(root, place); err == nil && filepath.IsLocal(inside) {
		c.Add("Checkpoint", path, "must not be in what is uploaded")
	}
}

// readCheckpoint reads the checkpoint of an upload; it gives nil if there is no file.
// A file that is anything else is left alone and is an error.
func readCheckpoint(path string) (*checkpointState, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("cannot be read: %s", reason(err))
	case !info.Mode().IsRegular() || info.Size() > checkpointLimit:
		return nil, errors.New("is not a checkpoint: choose another name")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %s", reason(err))
	}
	return parseCheckpoint(data)
}

func parseCheckpoint(data []byte) (*checkpointState, error) {
	var s checkpointState
	if err := json.Unmarshal(data, &s); err != nil || s.Format != checkpointFormat {
		return nil, errors.New("is not a checkpoint, or is damaged: choose another name, or remove the file to begin anew")
	}
	if s.Version != checkpointVersion {
		return nil, fmt.Errorf("was written by another version of this library (its format is %d, not %d): resume with that one, or remove the file to begin anew", s.Version, checkpointVersion)
	}
	if !validArtifactPath(s.Container) || base(s.Container) != s.Container || len(s.Files) == 0 {
		return nil, errors.New("is damaged: remove the file to begin anew")
	}
	seen := map[string]bool{}
	for _, f := range s.Files {
		if !validArtifactPath(f.Path) || seen[f.Path] || f.Size < 0 || len(f.Blocks) > blob.MaxBlocks {
			return nil, errors.New("is damaged: remove the file to begin anew")
		}
		seen[f.Path] = true
	}
	return &s, nil
}

// fits tells what keeps a checkpoint from being that of this upload, "" for nothing.
func (s *checkpointState) fits(want checkpointState) string {
	switch {
	case s.Workspace != want.Workspace:
		return "is of an upload to another workspace: choose another name, or remove the file to give that upload up"
	case s.Model != want.Model:
		return fmt.Sprintf("is of an upload of the model %q: choose another name, or remove the file to give that upload up", s.Model)
	case s.Path != want.Path:
		return fmt.Sprintf("is of an upload of %q: choose another name, or remove the file to give that upload up", s.Path)
	}
	return ""
}

// merge takes over what of an earlier upload holds for the files as they are now. It
// reports false if nothing may be: files are gone, or what was uploaded is a model, or
// may be one, and has changed since.
func (s *checkpointState) merge(earlier *checkpointState) bool {
	files := make(map[string]checkpointFile, len(earlier.Files))
	for _, f := range earlier.Files {
		files[f.Path] = f
	}
	merged, same := slices.Clone(s.Files), 0
	for i, now := range merged {
		before, ok := files[now.Path]
		delete(files, now.Path)
		if ok && before.Size == now.Size && before.Modified.Equal(now.Modified) {
			merged[i], merged[i].carried = before, true
			same++
		}
	}
	if len(files) > 0 || earlier.Registering && same < len(merged) {
		return false
	}
	s.Container, s.Registering, s.Asset, s.Files = earlier.Container, earlier.Registering, earlier.Asset, merged
	return true
}

// newCheckpoint begins to keep state at path, and writes it.
func newCheckpoint(path string, state checkpointState, resumed bool) (*checkpoint, error) {
	c := &checkpoint{path: path, resumed: resumed, state: state, index: make(map[string]int, len(state.Files))}
	for i, f := range state.Files {
		c.index[f.Path] = i
	}
	c.save()
	return c, c.failed
}

// file gives what is known of a file.
func (c *checkpoint) file(path string) checkpointFile {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.state.Files[c.index[path]]
	f.Blocks = slices.Clone(f.Blocks)
	return f
}

// staged notes a block that storage has got.
func (c *checkpoint) staged(path string, number int, id string) {
	c.note(path, func(f *checkpointFile) {
		if grow := number + 1 - len(f.Blocks); grow > 0 {
			f.Blocks = append(f.Blocks, make([]string, grow)...)
		}
		f.Blocks[number] = id
	})
}

// complete notes a file that is there as a whole.
func (c *checkpoint) complete(path string, sum []byte) {
	c.note(path, func(f *checkpointFile) { f.MD5, f.Blocks = sum, nil })
}

func (c *checkpoint) note(path string, change func(*checkpointFile)) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.state.Files[c.index[path]])
	c.dirty = true
	if time.Since(c.wrote) >= checkpointPause {
		c.save()
	}
}

// update changes the state and writes it.
func (c *checkpoint) update(change func(*checkpointState)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.state)
	c.save()
	return c.failed
}

// flush writes what has not been written yet.
func (c *checkpoint) flush() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dirty {
		c.save()
	}
}

// save writes the file as a whole: whoever reads it gets this state or the one before.
func (c *checkpoint) save() {
	data, err := json.MarshalIndent(c.state, "", " ")
	if err == nil {
		err = replaceFile(c.path, append(data, '\n'))
	}
	c.failed, c.dirty, c.wrote = err, err != nil, time.Now()
}

// replaceFile writes a file that nobody else may read, and puts it in the place of what
// is at path when it is complete.
func replaceFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".azureml-*.tmp") // 0600
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// remove deletes the file: the upload is over.
func (c *checkpoint) remove() error {
	if c == nil {
		return nil
	}
	if err := os.Remove(c.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

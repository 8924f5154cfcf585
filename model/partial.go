package model

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/azureml-go/azureml/internal/blob"
)

// worthKeeping is how much of a file must have come for it to be kept for the next call.
const worthKeeping = 1 << 20

// partialFile is a file that is not complete. It stands beside where it belongs, as
// ".azureml-….part". What storage says of it stands in a second file, ".azureml-….json",
// without which it is worth nothing.
type partialFile struct {
	*os.File
	place *place
	// name is what it is called now, path what it shall be called.
	name, path string
	// about is the name of the second file; empty if there is none because this part is
	// not for a later call.
	about string
	// earlier is what an earlier call has got.
	earlier *blob.Part
	done    bool
}

// partialNote is the content of the second file.
type partialNote struct {
	// ID is the artifact that it is a part of.
	ID   string      `json:"id"`
	ETag azcore.ETag `json:"etag"`
	Size int64       `json:"size"`
	MD5  []byte      `json:"md5"`
}

// create opens the part of f that an earlier call has left, or makes a new one. Where
// the system cannot lock files, or another process has the part, it makes one that is
// for this call alone.
func (p *place) create(f remoteFile) (*partialFile, error) {
	// A link may have come into the way since the folder was checked.
	if problem, exists := p.obstacle(f.path, true); problem != "" && !exists {
		return nil, p.unable(f.path, errors.New(problem))
	}
	folder := filepath.Dir(filepath.FromSlash(f.path))
	if err := p.MkdirAll(folder, 0o777); err != nil {
		return nil, p.unable(f.path, err)
	}
	sum := sha256.Sum256([]byte(f.id + "\n" + f.path))
	name := filepath.Join(folder, ".azureml-"+hex.EncodeToString(sum[:8]))
	if kept := p.claim(name+".part", f.path); kept != nil {
		kept.about = name + ".json"
		if err := kept.read(f.id); err != nil {
			_ = kept.Close()
			return nil, p.unable(f.path, err)
		}
		return kept, nil
	}
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	name = filepath.Join(folder, ".azureml-"+hex.EncodeToString(b[:])+".part")
	opened, err := p.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return nil, p.unable(f.path, err)
	}
	return &partialFile{File: opened, place: p, name: name, path: f.path}, nil
}

// claim opens a part that no other process has; nil if it cannot be had.
func (p *place) claim(name, path string) *partialFile {
	if info, err := p.Lstat(name); err == nil && !info.Mode().IsRegular() {
		return nil
	}
	opened, err := p.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return nil
	}
	// Between opening and locking it, another process may have completed it.
	ours, err := opened.Stat()
	if locked, _ := lockFile(opened); locked && err == nil {
		if now, err := p.Lstat(name); err == nil && os.SameFile(ours, now) {
			return &partialFile{File: opened, place: p, name: name, path: path}
		}
	}
	_ = opened.Close()
	return nil
}

// read takes over what is there, if it is known what it is a part of, and can be
// verified in the end; otherwise the file becomes empty.
func (f *partialFile) read(id string) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	var note partialNote
	data, err := f.place.readNote(f.about)
	if err != nil || json.Unmarshal(data, &note) != nil || note.ID != id || note.ETag == "" ||
		len(note.MD5) == 0 || info.Size() == 0 || info.Size() > note.Size {
		return f.restart()
	}
	f.earlier = &blob.Part{
		Blob:    blob.Blob{ETag: note.ETag, Size: note.Size, MD5: note.MD5},
		Content: io.NewSectionReader(f.File, 0, info.Size()),
	}
	_, err = f.Seek(info.Size(), io.SeekStart)
	return err
}

// readNote reads a second file; one that is larger than any is an error.
func (p *place) readNote(name string) ([]byte, error) {
	if info, err := p.Lstat(name); err != nil || !info.Mode().IsRegular() || info.Size() > 64<<10 {
		return nil, errors.New("there is none")
	}
	return p.ReadFile(name)
}

// restart makes the file empty.
func (f *partialFile) restart() error {
	f.earlier = nil
	if f.about != "" {
		_ = f.place.Remove(f.about)
	}
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.Seek(0, io.SeekStart)
	return err
}

// begun notes what storage says of the file that is coming.
func (f *partialFile) begun(id string, b blob.Blob) error {
	if f.about == "" || b.ETag == "" || len(b.MD5) == 0 || b.Size < worthKeeping {
		return nil
	}
	var note bytes.Buffer
	if err := json.NewEncoder(&note).Encode(partialNote{ID: id, ETag: b.ETag, Size: b.Size, MD5: b.MD5}); err != nil {
		return err
	}
	_ = f.place.Remove(f.about)
	opened, err := f.place.OpenFile(f.about, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	_, err = opened.Write(note.Bytes())
	return errors.Join(err, opened.Close())
}

// keep gives the complete file its own name.
func (f *partialFile) keep(overwrite bool) error {
	if problem, _ := f.place.obstacle(f.path, overwrite); problem != "" {
		return f.place.unable(f.path, errors.New(problem))
	}
	if f.about == "" {
		// Where files cannot be locked, an open one may not be renamed either.
		if err := f.Close(); err != nil {
			return f.place.unable(f.path, err)
		}
	}
	if err := f.place.Rename(f.name, filepath.FromSlash(f.path)); err != nil {
		return f.place.unable(f.path, err)
	}
	f.done = true
	if f.about == "" {
		return nil
	}
	_ = f.place.Remove(f.about)
	if err := f.Close(); err != nil {
		return f.place.unable(f.path, err)
	}
	return nil
}

// leave ends the work on a file: one that is not complete stays for a later call if that
// is worth it, and is removed otherwise.
func (f *partialFile) leave(usable bool) {
	if f.done {
		return
	}
	if usable && f.about != "" {
		info, err := f.Stat()
		if _, noteErr := f.place.Lstat(f.about); err == nil && noteErr == nil && info.Size() >= worthKeeping {
			_ = f.Close()
			return
		}
	}
	if f.about != "" {
		_ = f.place.Remove(f.about)
	}
	// Before it is closed, by which its lock ends, wherever the system allows it.
	_ = f.place.Remove(f.name)
	_ = f.Close()
	_ = f.place.Remove(f.name)
}

package model

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"strings"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/blob"
)

// errArchive is what is wrong with an archive, as opposed to with bringing it here.
var errArchive = errors.New("it is no archive that can be unpacked")

// unpacker unpacks archives one after the other.
type unpacker struct {
	*downloads
	onWarning func(azureml.Warning)
	// own are the files that this call has written: a later archive may have them again.
	own map[string]bool
	// roots are the first names of all members' paths.
	roots map[string]bool
	// remedy is for an archive that is none.
	remedy string
}

func newUnpacker(d *downloads, onWarning func(azureml.Warning), remedy string) *unpacker {
	return &unpacker{downloads: d, onWarning: onWarning, own: map[string]bool{}, roots: map[string]bool{}, remedy: remedy}
}

// unpack downloads an archive and unpacks it as it comes.
func (d *unpacker) unpack(ctx context.Context, a remoteFile) error {
	content, w := io.Pipe()
	arrived := make(chan error, 1)
	before, size := int64(0), int64(-1)
	shown := a.path
	if shown == "." {
		shown = base(a.id)
	}
	go func() {
		_, err := d.source.Download(ctx, blob.Download{
			Subject: d.task.file(shown), URI: a.address.Reveal(), Content: w, Renew: d.renew(a),
			Progress: func(received, whole int64) {
				size = whole
				d.moved(shown, received, whole, received-before, 0)
				before = received
			},
		})
		w.CloseWithError(err)
		arrived <- err
	}()
	unpacked := d.unpackFrom(content, a.path)
	if unpacked == nil {
		// What follows the archive's end is part of what storage has a sum of.
		_, unpacked = io.Copy(io.Discard, content)
	}
	_ = content.CloseWithError(errArchive) // never fails
	if err := <-arrived; err != nil && (unpacked == nil || !errors.Is(err, errArchive)) {
		return err
	}
	if unpacked != nil {
		if e, ok := errors.AsType[*azureml.Error](unpacked); ok {
			return e
		}
		return &azureml.Error{
			Operation: d.task.operation, Subject: d.task.subject, Err: unpacked,
			Message: fmt.Sprintf("the archive for %q cannot be unpacked: %s", shown, reason(unpacked)), Remedy: d.remedy,
		}
	}
	d.moved(shown, before, size, 0, 1)
	return nil
}

// unpackFrom writes the members of a tar archive, gzipped or not, below folder.
func (d *unpacker) unpackFrom(content io.Reader, folder string) error {
	buffered := bufio.NewReader(content)
	var archive io.Reader = buffered
	switch head, _ := buffered.Peek(4); {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		zipped, err := gzip.NewReader(buffered)
		if err != nil {
			return err
		}
		defer func() { _ = zipped.Close() }() // what is wrong with it was said by a read
		archive = zipped
	case bytes.HasPrefix(head, []byte("PK")):
		return fmt.Errorf("%w: it is a zip file, not a tar archive", errArchive)
	}
	members := tar.NewReader(archive)
	for {
		member, err := members.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := d.member(members, member, folder); err != nil {
			return err
		}
	}
}

// member writes one member of an archive.
func (d *unpacker) member(content io.Reader, member *tar.Header, folder string) error {
	name := strings.TrimSuffix(strings.TrimPrefix(member.Name, "./"), "/")
	if name == "" || name == "." {
		return nil // the folder itself
	}
	if !validLocalPath(name) {
		return d.task.strange(member.Name)
	}
	root, _, _ := strings.Cut(name, "/")
	name = path.Join(folder, name)
	switch member.Typeflag {
	case tar.TypeDir:
		d.roots[root] = true
		if err := d.place.MkdirAll(filepath.FromSlash(name), 0o777); err != nil {
			return d.place.unable(name, err)
		}
		return nil
	case tar.TypeReg:
		overwrite := d.overwrite || d.own[name]
		if problem, exists := d.place.obstacle(name, overwrite); problem != "" {
			e := &azureml.Error{Operation: d.task.operation, Subject: d.task.subject, Kind: azureml.ErrConflict, Message: problem, Remedy: "Choose another folder, or remove what is in the way."}
			if exists {
				e.Remedy = "Choose another folder, or set Overwrite."
			}
			return e
		}
		d.own[name], d.roots[root] = true, true
		return d.place.write(name, content, member.Size, member.Mode&0o111 != 0, overwrite)
	}
	if d.onWarning != nil {
		d.onWarning(azureml.Warning{Subject: d.task.subject, Message: fmt.Sprintf("%s is left out: it is neither a file nor a folder", name)})
	}
	return nil
}

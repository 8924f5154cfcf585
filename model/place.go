package model

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/azureml-go/azureml"
)

// place is a folder that files are downloaded into. The system confines all that is
// done in it to it, whatever becomes of the folders below in the meantime.
type place struct {
	*os.Root
	task task
}

// openPlace opens the folder, and makes it if it is not there.
func openPlace(t task, dir string) (*place, error) {
	err := os.MkdirAll(dir, 0o777)
	var root *os.Root
	if err == nil {
		root, err = os.OpenRoot(dir)
	}
	if err != nil {
		return nil, &azureml.Error{
			Operation: t.operation, Subject: t.subject, Err: err, Message: fmt.Sprintf("the folder %q cannot be used: %s", dir, reason(err)),
		}
	}
	return &place{root, t}, nil
}

// check finds what keeps files from being written, all of it at once, before the first
// one is.
func (p *place) check(files []remoteFile, overwrite bool) error {
	var problems []string
	seen := map[string]bool{}
	for _, f := range files {
		if seen[f.path] {
			problems = append(problems, fmt.Sprintf("%q is there twice in the model", f.path))
		}
		seen[f.path] = true
	}
	exist := 0
	for _, f := range files {
		problem, exists := p.obstacle(f.path, overwrite)
		if exists {
			exist++
		}
		if problem != "" && !slices.Contains(problems, problem) {
			problems = append(problems, problem)
		}
	}
	if len(problems) == 0 {
		return nil
	}
	e := &azureml.Error{
		Operation: p.task.operation, Subject: p.task.subject, Kind: azureml.ErrConflict, Message: strings.Join(problems, "; "),
		Remedy: "Choose another folder, or remove what is in the way.",
	}
	if exist == len(problems) {
		e.Remedy = "Choose another folder, or set Overwrite."
	}
	return e
}

// obstacle says what is in the way of a file, "" for nothing; exists, that it is nothing
// but a file to be overwritten.
func (p *place) obstacle(path string, overwrite bool) (problem string, exists bool) {
	parts := strings.Split(path, "/")
	for i := range parts {
		part := strings.Join(parts[:i+1], "/")
		info, err := p.Lstat(filepath.FromSlash(part))
		switch last := i == len(parts)-1; {
		case errors.Is(err, fs.ErrNotExist):
			return "", false
		case err != nil:
			return fmt.Sprintf("%q cannot be read: %s", part, reason(err)), false
		case info.Mode()&fs.ModeSymlink != 0:
			return fmt.Sprintf("%q is a symbolic link", part), false
		case !last && !info.IsDir():
			return fmt.Sprintf("%q is not a folder", part), false
		case last && !info.Mode().IsRegular():
			return fmt.Sprintf("%q is not a file", part), false
		case last && !overwrite:
			return fmt.Sprintf("%q exists already", part), true
		}
	}
	return "", false
}

func (p *place) unable(path string, err error) error {
	return &azureml.Error{Operation: p.task.operation, Subject: p.task.file(path), Err: err, Message: "it cannot be written: " + reason(err)}
}

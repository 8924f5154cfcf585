package model

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/azureml-go/azureml/internal/blob"
	"github.com/azureml-go/azureml/internal/validate"
)

// file is a file to be uploaded as it was found.
type file struct {
	// local is where it is, artifact what it is called in the workspace, with slashes.
	local    string
	artifact string
	size     int64
	modified time.Time
}

// open gives the file's content and a check that it is still what was found.
func (f file) open() (io.ReadCloser, func() error, error) {
	opened, err := os.Open(f.local)
	if err != nil {
		return nil, nil, err
	}
	check := func() error {
		now, err := os.Stat(f.local)
		switch {
		case err != nil:
			return fmt.Errorf("%w: %w", blob.ErrChanged, err)
		case now.Size() != f.size || !now.ModTime().Equal(f.modified):
			return fmt.Errorf("%w: it was written at %s", blob.ErrChanged, now.ModTime().Format(time.RFC3339))
		}
		return nil
	}
	return opened, check, nil
}

// modelFiles finds what a model of the file or folder at local consists of, and the
// prefix that all its artifacts have. Children, if any, choose parts of a folder.
func modelFiles(c *validate.Checker, local string, children []string) (files []file, prefix string) {
	if !c.Require("path", local) {
		return nil, ""
	}
	absolute, err := filepath.Abs(local)
	if err != nil {
		c.Add("path", local, "cannot be found: "+err.Error())
		return nil, ""
	}
	prefix = filepath.Base(absolute)
	info, err := os.Stat(absolute)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c.Add("path", local, "must be a file or folder that exists")
		return nil, ""
	case err != nil:
		c.Add("path", local, "cannot be read: "+reason(err))
		return nil, ""
	case !validArtifactPath(prefix):
		c.Add("path", local, "must have a name that an artifact can have")
		return nil, ""
	case !info.IsDir() && len(children) > 0:
		c.Add("ChildPaths", strings.Join(children, ", "), "can only choose parts of a folder, and the path is a file")
		return nil, ""
	case !info.IsDir():
		return addFile(c, nil, absolute, prefix), prefix
	}
	for _, child := range orAll(children) {
		files = addChild(c, files, absolute, prefix, child)
	}
	files = withoutRepeats(files)
	if len(files) == 0 && c.OK() {
		c.Add("path", local, "must hold at least one file")
	}
	return files, prefix
}

// orAll is the folder itself when no children are chosen.
func orAll(children []string) []string {
	if len(children) == 0 {
		return []string{"."}
	}
	return children
}

func addChild(c *validate.Checker, files []file, root, prefix, child string) []file {
	tidy := filepath.Clean(filepath.FromSlash(child))
	if child == "" || !filepath.IsLocal(tidy) {
		c.Add("ChildPaths", child, "must be a path inside of the folder")
		return files
	}
	local := filepath.Join(root, tidy)
	info, err := os.Stat(local)
	if err != nil {
		c.Add("ChildPaths", child, "must exist in the folder: "+reason(err))
		return files
	}
	artifact := path.Join(prefix, filepath.ToSlash(tidy))
	if info.IsDir() {
		return addFolder(c, files, local, artifact)
	}
	return addFile(c, files, local, artifact)
}

// addFolder adds the files of a folder, then those of its sub-folders, each sorted by
// name. Links to folders are not followed.
func addFolder(c *validate.Checker, files []file, local, artifact string) []file {
	entries, err := os.ReadDir(local)
	if err != nil {
		c.Add("path", local, "cannot be read: "+reason(err))
		return files
	}
	for _, e := range entries {
		if !e.IsDir() {
			files = addFile(c, files, filepath.Join(local, e.Name()), artifact+"/"+e.Name())
		}
	}
	for _, e := range entries {
		if e.IsDir() {
			files = addFolder(c, files, filepath.Join(local, e.Name()), artifact+"/"+e.Name())
		}
	}
	return files
}

func addFile(c *validate.Checker, files []file, local, artifact string) []file {
	info, err := os.Stat(local)
	switch {
	case err != nil:
		c.Add("path", local, "cannot be read: "+reason(err))
	case info.IsDir():
		// A link to a folder.
	case !info.Mode().IsRegular():
		c.Add("path", local, "must be a regular file")
	case !validArtifactPath(artifact):
		c.Add("path", local, "must have a name that an artifact can have")
	default:
		// Said now, not after hours of uploading what comes before it.
		opened, err := os.Open(local)
		if err != nil {
			c.Add("path", local, "cannot be read: "+reason(err))
			return files
		}
		_ = opened.Close()
		files = append(files, file{local: local, artifact: artifact, size: info.Size(), modified: info.ModTime()})
	}
	return files
}

// withoutRepeats drops files that were chosen twice.
func withoutRepeats(files []file) []file {
	seen := make(map[string]bool, len(files))
	return slices.DeleteFunc(files, func(f file) bool {
		again := seen[f.artifact]
		seen[f.artifact] = true
		return again
	})
}

// validArtifactPath tells what can be the path of an artifact: slash-separated names,
// none of them empty, "." or "..", without backslashes and control characters.
func validArtifactPath(p string) bool {
	if p == "" || len(p) > 1000 || !utf8.ValidString(p) || strings.ContainsFunc(p, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' }) {
		return false
	}
	for name := range strings.SplitSeq(p, "/") {
		if name == "" || name == "." || name == ".." {
			return false
		}
	}
	return true
}

// reason is the text of a file system error without the path, which stands beside it.
func reason(err error) string {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err.Error()
	}
	return err.Error()
}

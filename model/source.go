package model

import (
	"archive/tar"
	"compress/gzip"
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

	"github.com/azureml-go/azureml/internal/blob"
)

// ignoreFiles say what of a source directory is left out; the first that exists counts.
var ignoreFiles = []string{".amlignore", ".gitignore"}

// alwaysIgnored stands in front of the lines of an ignore file.
const alwaysIgnored = ".git/\n__pycache__/\n"

// packed is what of a source directory is to be sent.
type packed struct {
	files    []file
	warnings []string
	// unusable are the names, below base, of what cannot be sent.
	unusable  []string
	ignoredBy string
}

// sourceFiles lists what of the folder root is to be packed, sorted, named below base.
// Links are followed to files inside of the folder only.
func sourceFiles(root, base string) (packed, error) {
	p := packed{ignoredBy: "the folders that are always left out (.git, __pycache__)"}
	rules := parseIgnore(alwaysIgnored)
	for _, name := range ignoreFiles {
		text, err := os.ReadFile(filepath.Join(root, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return p, err
		}
		rules = append(rules, parseIgnore(string(text))...)
		p.ignoredBy = name
		break
	}
	inside, err := os.OpenRoot(root)
	if err != nil {
		return p, err
	}
	defer func() { _ = inside.Close() }()
	err = fs.WalkDir(inside.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name == ".":
			return nil
		case rules.ignores(name, entry.IsDir()) && entry.IsDir():
			return fs.SkipDir
		case entry.IsDir() || rules.ignores(name, false):
			return nil
		}
		// Through the root, so that links which leave the folder are an error.
		info, err := inside.Stat(name)
		artifact := path.Join(base, name)
		switch {
		case err != nil && entry.Type()&fs.ModeSymlink == 0:
			return err
		case err != nil || !info.Mode().IsRegular():
			p.unusable = append(p.unusable, artifact)
			p.warnings = append(p.warnings, fmt.Sprintf("%s is left out of the source directory: it is no file, or a link that leads out of it", name))
		case !validArtifactPath(artifact):
			p.warnings = append(p.warnings, fmt.Sprintf("%q is left out of the source directory: it has no usable name", name))
		default:
			p.files = append(p.files, file{local: filepath.Join(root, filepath.FromSlash(name)), artifact: artifact, size: info.Size(), modified: info.ModTime()})
		}
		return nil
	})
	slices.SortFunc(p.files, func(a, b file) int { return strings.Compare(a.artifact, b.artifact) })
	return p, err
}

// writeSource writes files as a gzipped archive below a folder called base. The bytes
// depend on names, contents and the executable bit only: the same files give the same
// archive anywhere and at any time.
func writeSource(w io.Writer, base string, files []file) error {
	zipped := gzip.NewWriter(w)
	archive := tar.NewWriter(zipped)
	folders := map[string]bool{}
	if err := addSourceFolder(archive, folders, base); err != nil {
		return err
	}
	for _, f := range files {
		if err := addSourceFolder(archive, folders, path.Dir(f.artifact)); err != nil {
			return err
		}
		if err := addSourceFile(archive, f); err != nil {
			return err
		}
	}
	if err := archive.Close(); err != nil {
		return err
	}
	return zipped.Close()
}

// addSourceFolder adds a folder, after those above it, unless it is there already.
func addSourceFolder(archive *tar.Writer, folders map[string]bool, name string) error {
	if name == "." || folders[name] {
		return nil
	}
	if err := addSourceFolder(archive, folders, path.Dir(name)); err != nil {
		return err
	}
	folders[name] = true
	return archive.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755, ModTime: time.Unix(0, 0)})
}

func addSourceFile(archive *tar.Writer, f file) error {
	content, check, err := f.open()
	if err != nil {
		return err
	}
	defer content.Close()
	mode := int64(0o644)
	if info, err := os.Stat(f.local); err == nil && info.Mode()&0o111 != 0 {
		mode = 0o755
	}
	err = archive.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: f.artifact, Size: f.size, Mode: mode, ModTime: time.Unix(0, 0)})
	if err != nil {
		return err
	}
	if n, err := io.Copy(archive, content); err != nil {
		if errors.Is(err, tar.ErrWriteTooLong) {
			return fmt.Errorf("%w: %s has more than its %d bytes", blob.ErrChanged, f.local, f.size)
		}
		return err
	} else if n < f.size {
		return fmt.Errorf("%w: %s has %d bytes and not %d", blob.ErrChanged, f.local, n, f.size)
	}
	return check()
}

package model

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml/internal/blob"
	"github.com/azureml-go/azureml/internal/validate"
)

func writeTree(t testing.TB, files map[string]string) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "src")
	for name, content := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	}
	return root
}

func names(files []file) []string {
	var all []string
	for _, f := range files {
		all = append(all, f.artifact)
	}
	return all
}

// TestArchive: it has what azureml.core's has, and the same bytes wherever it is made.
func TestArchive(t *testing.T) {
	t.Parallel()
	tree := map[string]string{"score.py": "a", "sub/score2.py": "bb", "sub/deep/x": "", ".hidden": "h", "tool.sh": "#!", ".git/config": "secret", "sub/__pycache__/x.pyc": "x"}
	var archives [][]byte
	for i := range 2 {
		root := writeTree(t, tree)
		require.NoError(t, os.Chmod(filepath.Join(root, "tool.sh"), 0o711))
		require.NoError(t, os.Mkdir(filepath.Join(root, "empty"), 0o700))
		require.NoError(t, os.Chtimes(filepath.Join(root, "score.py"), time.Unix(int64(i), 0), time.Unix(int64(i), 0)))
		p, err := sourceFiles(root, "src")
		require.NoError(t, err)
		assert.Empty(t, p.warnings)
		var b bytes.Buffer
		require.NoError(t, writeSource(&b, "src", p.files))
		archives = append(archives, b.Bytes())
	}
	assert.True(t, bytes.Equal(archives[0], archives[1]), "the archives differ")
	unzipped, err := gzip.NewReader(bytes.NewReader(archives[0]))
	require.NoError(t, err)
	var entries []string
	for archive := tar.NewReader(unzipped); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		content, err := io.ReadAll(archive)
		require.NoError(t, err)
		entries = append(entries, fmt.Sprintf("%s %o %s", h.Name, h.Mode, content))
		assert.Zero(t, h.Uid+h.Gid)
		assert.Zero(t, h.ModTime.Unix())
		assert.Empty(t, h.Uname)
	}
	assert.Equal(t, []string{
		"src/ 755 ", "src/.hidden 644 h", "src/score.py 644 a", "src/sub/ 755 ", "src/sub/deep/ 755 ", "src/sub/deep/x 644 ",
		"src/sub/score2.py 644 bb", "src/tool.sh 755 #!",
	}, entries)
}

func TestSourceLinks(t *testing.T) {
	t.Parallel()
	root := writeTree(t, map[string]string{"score.py": "a", "sub/x": "b"})
	outside := filepath.Join(filepath.Dir(root), "outside")
	require.NoError(t, os.WriteFile(outside, []byte("secret"), 0o600))
	for name, target := range map[string]string{"in": "sub/x", "out": "../outside", "absolute": outside, "folder": "sub", "broken": "nowhere"} {
		require.NoError(t, os.Symlink(target, filepath.Join(root, name)))
	}
	p, err := sourceFiles(root, "src")
	require.NoError(t, err)
	assert.Equal(t, []string{"src/in", "src/score.py", "src/sub/x"}, names(p.files))
	assert.Len(t, p.warnings, 4, "%q", p.warnings)
}

func TestIgnoreFiles(t *testing.T) {
	t.Parallel()
	tree := map[string]string{"a.py": "", "b.txt": "", "data/x.csv": "", ".gitignore": "*.txt\n", ".git/config": ""}
	p, err := sourceFiles(writeTree(t, tree), "s")
	require.NoError(t, err)
	assert.Equal(t, []string{"s/.gitignore", "s/a.py", "s/data/x.csv"}, names(p.files))
	tree[".amlignore"] = "data/\n!.git/\n"
	p, err = sourceFiles(writeTree(t, tree), "s")
	require.NoError(t, err)
	assert.Equal(t, []string{"s/.amlignore", "s/.git/config", "s/.gitignore", "s/a.py", "s/b.txt"}, names(p.files), ".amlignore stands in for .gitignore")
	assert.Equal(t, ".amlignore", p.ignoredBy)
}

func TestArchiveNoticesChanges(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(path string) error{
		"grown":   func(path string) error { return os.WriteFile(path, []byte("longer"), 0o600) },
		"shrunk":  func(path string) error { return os.WriteFile(path, []byte("s"), 0o600) },
		"touched": func(path string) error { return os.Chtimes(path, time.Unix(1, 0), time.Unix(1, 0)) },
	} {
		root := writeTree(t, map[string]string{"x": "abc"})
		p, err := sourceFiles(root, "src")
		require.NoError(t, err)
		require.NoError(t, change(filepath.Join(root, "x")))
		assert.ErrorIs(t, writeSource(io.Discard, "src", p.files), blob.ErrChanged, name)
	}
}

func TestLargeSourceIsWarnedOf(t *testing.T) {
	t.Parallel()
	root := writeTree(t, map[string]string{"score.py": "def init(): pass\ndef run(d): pass\n"})
	large, err := os.Create(filepath.Join(root, "large"))
	require.NoError(t, err)
	require.NoError(t, large.Truncate(maxSource+1))
	require.NoError(t, large.Close())
	var c validate.Checker
	found := InferenceConfig{EntryScript: "score.py", SourceDirectory: root}.check(&c)
	require.True(t, c.OK(), c.Violations())
	require.Len(t, found.warnings, 1)
	assert.Contains(t, found.warnings[0], "is large")
}

func TestIgnoreRules(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rules        string
		yes, no, dir string
	}{
		{"*.log", "a.log d/b.log d/c.log/x", "a.log2 alog", ""},
		{"/a", "a", "d/a", "a"},
		{"d/a", "d/a", "e/d/a a", ""},
		{"a/", "a/b d/a/b", "a d/a", "a"},
		{"**/x", "x d/x d/e/x", "xx", ""},
		{"d/**", "d/a d/e/f", "d", ""},
		{"a/**/b", "a/b a/x/b a/x/y/b", "ab a/xb", ""},
		{"?.py", "a.py d/b.py", "ab.py", ""},
		{"[a-c].py", "a.py", "d.py", ""},
		{"[!a-c].py", "d.py", "a.py", ""},
		{"[]].py", "].py", "a.py", ""},
		{"[a", "[a", "a", ""},
		{"[z-a]x", "", "zx ax", ""},
		{`\#a`, "#a", "a", ""},
		{`\!a`, "!a", "a", ""},
		{"# comment\n\n  \na ", "a", "# comment", ""},
		{`a\ `, "a ", "a", ""},
		{"*\n!a.py", "b.py", "a.py", ""},
		{"d/\n!d/a", "d/a d/b", "a", "d"},
		{"a\r\nb", "a b", "c", ""},
		{"ä?", "äö", "ä", ""},
		{"/", "", "a", ""},
	} {
		rules := parseIgnore(c.rules)
		for _, name := range strings.Split(c.yes, " ") {
			if c.rules == `a\ ` {
				name = c.yes
			}
			if name != "" {
				assert.True(t, rules.ignores(name, false), "%q must ignore %q", c.rules, name)
			}
		}
		for name := range strings.FieldsSeq(c.no) {
			assert.False(t, rules.ignores(name, false), "%q must not ignore %q", c.rules, name)
		}
		if c.dir != "" {
			assert.True(t, rules.ignores(c.dir, true), "%q must ignore the folder %q", c.rules, c.dir)
		}
	}
}

// TestIgnoreAsGit compares the rules with git's own.
func TestIgnoreAsGit(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not in PATH; it is what the ignore rules are compared with")
	}
	paths := []string{"a", "a.py", "b.log", "d/a", "d/a.py", "d/b.log", "d/e/a", "d/e/f/g.txt", "x y", "build/out.o", "src/build/out.o", "doc/a.txt", "[x]", "é.txt"}
	tree := map[string]string{}
	for _, p := range paths {
		if p != "a" {
			tree[p] = ""
		}
	}
	root := writeTree(t, tree)
	git := func(arguments ...string) string {
		command := exec.Command("git", append([]string{"-C", root, "-c", "core.quotepath=off", "-c", "core.excludesFile="}, arguments...)...)
		out, err := command.Output()
		require.NoError(t, err, "git %v", arguments)
		return string(out)
	}
	git("init", "-q")
	for _, rules := range []string{
		"*.log", "/a", "a", "d/", "d/e", "**/a", "d/**", "d/**/a", "*.py\n!d/a.py", "*\n!*/\n!*.txt", "build", "/build", "build/", "x\\ y", "x y", "[a-d]", "[!a-d]*", "\\[x\\]", "?.py",
		"d/*\n!d/e/", "**", "doc/*.txt", "*/a", "d*", "!a\na", "**/e/**", "/*/a", "e/f",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(root, ".gitignore"), []byte(rules), 0o600))
		listed := strings.FieldsFunc(git("ls-files", "--others", "--exclude-standard", "-z"), func(r rune) bool { return r == 0 })
		var ours []string
		parsed := parseIgnore(rules)
		for name := range tree {
			if !parsed.ignores(name, false) {
				ours = append(ours, name)
			}
		}
		if !parsed.ignores(".gitignore", false) {
			ours = append(ours, ".gitignore")
		}
		assert.ElementsMatch(t, listed, ours, "%q", rules)
	}
}

func FuzzIgnore(f *testing.F) {
	f.Add("*.log\n!a/**/[b-c]\\", "a/x/b")
	f.Add("[", "[")
	f.Add("[!\\]^-]", "x")
	f.Fuzz(func(t *testing.T, rules, name string) {
		parsed := parseIgnore(rules)
		first := parsed.ignores(name, false)
		assert.Equal(t, first, parsed.ignores(name, false))
		if !strings.ContainsAny(rules, "!") && first {
			assert.True(t, parseIgnore(rules+"\nmore").ignores(name, false), "a further line without ! cannot take back")
		}
	})
}

func FuzzArtifactPath(f *testing.F) {
	for _, p := range []string{"a", "a/b", "../a", "a//b", "a/", "/a", `a\b`, "a\x00", "é/ü"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p string) {
		if !validArtifactPath(p) {
			return
		}
		assert.True(t, filepath.IsLocal(filepath.FromSlash(p)), p)
		assert.Equal(t, p, filepath.ToSlash(filepath.Clean(filepath.FromSlash(p))))
		assert.Equal(t, strings.Count(p, "/"), strings.Count(escapePath(p), "/"))
	})
}

func FuzzModelID(f *testing.F) {
	for _, id := range []string{"a:1", "a", "a:", ":1", "a:01", "a:-1", "a:1:2", "a:9223372036854775808"} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		name, version, ok := splitID(id)
		if !ok {
			assert.Empty(t, name)
			return
		}
		assert.Equal(t, id, fmt.Sprintf("%s:%d", name, version))
		assert.Positive(t, version)
		assert.Regexp(t, namePattern, name)
	})
}

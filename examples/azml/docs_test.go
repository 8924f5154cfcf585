package main

import (
	"context"
	"flag"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml/examples/azml/cli"
)

var update = flag.Bool("update", false, "write the output of documented commands anew")

const top = "../.."

// documents are all Markdown files and all files with package documentation.
func documents(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	require.NoError(t, filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() && path != top && (strings.HasPrefix(name, ".") || name == "testdata" || name == "tools") {
			return filepath.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(name, ".md") && (!strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go")) {
			return nil
		}
		text, err := os.ReadFile(path)
		found[path] = string(text)
		return err
	}))
	require.Contains(t, found, filepath.Join(top, "README.md"))
	return found
}

// project is a folder like the one that the documents work in, and the variables of a
// machine that has never seen Azure.
func project(t *testing.T) (dir string, env []string, home string) {
	t.Helper()
	dir, home = t.TempDir(), t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS("vscode")))
	env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "XDG_CACHE_HOME=" + filepath.Join(home, ".cache"), "LocalAppData=" + home, "SystemRoot=" + os.Getenv("SystemRoot")}
	return dir, env, home
}

// run runs a program as a person would and gives all that is seen.
func run(t *testing.T, dir string, env []string, words ...string) (seen string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, words[0], words[1:]...)
	c.Dir, c.Env = dir, env
	text, err := c.CombinedOutput()
	if _, failed := err.(*exec.ExitError); !failed {
		require.NoError(t, err)
	}
	return string(text)
}

// steady takes out what differs from run to run.
func steady(text string) string {
	for _, r := range []struct{ pattern, with string }{
		{`\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d([.,]\d+)?(Z|\+00:00)?`, "TIME"},
		{`\d\d:\d\d(:\d\d)?`, "TIME"},
		{`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`, "ID"},
		{`\d+\.\d+\.\d+\.\d+`, "ADDRESS"},
		{`after (\d+m)?\d+s`, "after N s"},
		{`(SHA-256|of) [0-9a-f]{3,}`, "$1 N"},
		{`[0-9a-f]{12,}`, "HEX"},
		{` +\n`, "\n"},
		{` {2,}`, "  "},
		{`-{3,}`, "---"},
	} {
		text = regexp.MustCompile(r.pattern).ReplaceAllString(text, r.with)
	}
	return strings.TrimSpace(text)
}

var (
	console = regexp.MustCompile("(?s)```console\n(.*?)```")
	shown   = regexp.MustCompile("(?s)<!-- output of: (go run [^\n]*) -->\n```text\n(.*?)```")
)

// TestConsole runs each command line of the documents' console blocks, one block after the
// other on an emulator that is new for each document, and compares what they show.
func TestConsole(t *testing.T) {
	t.Parallel()
	var lines int
	for path, text := range documents(t) {
		if !strings.HasSuffix(path, ".md") || !console.MatchString(text) {
			continue
		}
		dir, env, home := project(t)
		fresh := console.ReplaceAllStringFunc(text, func(block string) string {
			var out strings.Builder
			for line := range strings.Lines(console.FindStringSubmatch(block)[1]) {
				command, is := strings.CutPrefix(line, "$ ")
				if !is {
					continue
				}
				lines++
				words := strings.Fields(command)
				require.Equal(t, "azml", words[0], path)
				out.WriteString(line + strings.ReplaceAll(run(t, dir, env, words...), home, "~"))
			}
			return "```console\n" + out.String() + "```"
		})
		if *update {
			if steady(fresh) != steady(text) {
				require.NoError(t, os.WriteFile(path, []byte(fresh), 0o644)) //nolint:gosec // everyone may read it
			}
			continue
		}
		assert.Equal(t, steady(fresh), steady(text), "%s: run go test ./examples/azml -run TestConsole -update", path)
	}
	assert.Positive(t, lines)
}

// TestShownOutput runs what documents show the output of.
func TestShownOutput(t *testing.T) {
	t.Parallel()
	var n int
	for path, text := range documents(t) {
		for _, m := range shown.FindAllStringSubmatch(text, -1) {
			n++
			c := exec.CommandContext(t.Context(), "go", strings.Fields(m[1])[1:]...)
			c.Dir = top
			out, err := c.Output()
			require.NoError(t, err, m[1])
			assert.Equal(t, steady(string(out)), steady(m[2]), "%s shows another output of %s", path, m[1])
		}
	}
	assert.Positive(t, n)
}

// TestDocumentedLines: wherever a command line of azml is documented, azml knows the
// command and its flags.
func TestDocumentedLines(t *testing.T) {
	t.Parallel()
	pattern := regexp.MustCompile("(?m)(?:^\\$ |^//\t|^\t|^ {4}|^|`)azml ([a-z-][^`\n]*)")
	blocks := regexp.MustCompile("(?s)```(?:sh|console)\n.*?```|`azml [^`]*`|(?m:^//\tazml .*$)")
	var lines []string
	for _, text := range documents(t) {
		for _, block := range blocks.FindAllString(text, -1) {
			for _, m := range pattern.FindAllStringSubmatch(block, -1) {
				line, _, _ := strings.Cut(m[1], " #")
				lines = append(lines, strings.TrimSpace(line))
			}
		}
	}
	slices.Sort(lines)
	lines = slices.Compact(lines)
	require.Greater(t, len(lines), 8)
	for _, line := range lines {
		if strings.Contains(line, "…") || strings.Contains(line, "COMMAND") {
			continue
		}
		assert.NoError(t, cli.Check(strings.Fields(line)), "azml %s", line)
	}
	require.Error(t, cli.Check([]string{"ml", "model", "deploy", "-nothere"}))
	require.Error(t, cli.Check([]string{"ml", "model", "show", "x"}))
}

// TestDocumentedPrograms: each folder that a document has people run is there.
func TestDocumentedPrograms(t *testing.T) {
	t.Parallel()
	pattern := regexp.MustCompile(`go (?:run|install|build|test)(?: -\S+)* (\./\S*)`)
	n := 0
	for path, text := range documents(t) {
		for _, m := range pattern.FindAllStringSubmatch(text, -1) {
			folder := strings.TrimSuffix(strings.TrimRight(m[1], "`.,;:)*"), "/...")
			if strings.Contains(folder, "your") || folder == "" || folder == "/" {
				continue
			}
			n++
			info, err := os.Stat(filepath.Join(top, filepath.FromSlash(folder)))
			if assert.NoError(t, err, "%s: %s", path, m[0]) {
				assert.True(t, info.IsDir(), "%s: %s", path, m[0])
			}
		}
	}
	assert.Greater(t, n, 5)
}

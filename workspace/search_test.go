package workspace

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml/internal/rights"
)

// TestSearch is a table of layouts below a root: which file the search that begins at
// start finds, in azureml.core's order and in the strict one.
func TestSearch(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		files  string // separated by blanks; one ending in / is a folder, "a->b" a link
		start  string
		want   string
		strict string // default: as want
	}{
		"nothing":                              {"", "a/b", "", ""},
		"in the folder":                        {"a/config.json", "a", "a/config.json", ""},
		"in .azureml":                          {"a/.azureml/config.json", "a", "a/.azureml/config.json", ""},
		".azureml before the folder":           {"a/.azureml/config.json a/config.json", "a", "a/.azureml/config.json", ""},
		"aml_config":                           {"a/aml_config/config.json", "a", "a/aml_config/config.json", ""},
		"project.json":                         {"a/project.json", "a", "a/project.json", ""},
		"config before project":                {"a/project.json a/config.json", "a", "a/config.json", ""},
		".azureml project before aml_config":   {"a/.azureml/project.json a/aml_config/config.json", "a", "a/.azureml/project.json", ""},
		"aml_config project before config":     {"a/aml_config/project.json a/config.json", "a", "a/aml_config/project.json", ""},
		"parent":                               {"config.json", "a/b/c", "config.json", ""},
		"parent's .azureml beats own config":   {".azureml/config.json a/config.json", "a", ".azureml/config.json", "a/config.json"},
		"far .azureml beats near config":       {".azureml/config.json a/b/config.json", "a/b/c", ".azureml/config.json", "a/b/config.json"},
		"near of the same pattern":             {"config.json a/config.json", "a/b", "a/config.json", ""},
		"parent's config beats own project":    {"config.json a/project.json", "a", "config.json", "a/project.json"},
		"start need not exist":                 {"a/config.json", "a/missing/deeper", "a/config.json", ""},
		"folder of that name is passed over":   {"a/config.json/ config.json", "a", "config.json", ""},
		"file itself":                          {"a/mine.txt a/config.json", "a/mine.txt", "a/mine.txt", ""},
		"folder is not below":                  {"a/b/config.json", "a", "", ""},
		"upper case is another name":           {"a/Config.json", "a", map[bool]string{true: "a/config.json"}[runtime.GOOS == "windows" || runtime.GOOS == "darwin"], ""},
		"link to a file":                       {"x/real.json a/config.json->../x/real.json", "a", "a/config.json", ""},
		"dangling link":                        {"a/config.json->../x/missing.json config.json", "a", "config.json", ""},
		"linked start: parents of the target":  {"x/config.json x/y/ a/link->../x/y", "a/link", "x/config.json", ""},
		"linked start: not the link's parents": {"x/y/ a/config.json a/link->../x/y", "a/link", "", ""},
		"start inside of .azureml":             {"a/.azureml/config.json", "a/.azureml", "a/.azureml/config.json", ""},
		"trailing slash":                       {"a/config.json", "a/", "a/config.json", ""},
		"dots in the path":                     {"a/config.json", "a/b/../", "a/config.json", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root, err := filepath.EvalSymlinks(t.TempDir())
			require.NoError(t, err)
			for _, f := range strings.Fields(row.files) {
				makeFile(t, root, f)
			}
			strict := row.strict
			if strict == "" {
				strict = row.want
			}
			for strictly, want := range map[bool]string{false: row.want, true: strict} {
				file, tried, err := search(filepath.Join(root, row.start), strictly)
				require.NoError(t, err)
				if want == "" {
					assert.Empty(t, file)
					assert.Contains(t, tried, filepath.Join(root, filepath.Clean(row.start), "config.json"))
					assert.Contains(t, tried, filepath.Join(filepath.VolumeName(root)+string(filepath.Separator), "project.json"), "the root is reached")
					continue
				}
				assert.Equal(t, filepath.Join(root, want), file, "strict: %v", strictly)
			}
		})
	}
}

func makeFile(t *testing.T, root, f string) {
	t.Helper()
	if name, target, ok := strings.Cut(f, "->"); ok {
		require.NoError(t, os.MkdirAll(filepath.Join(root, filepath.Dir(name)), 0o755))
		require.NoError(t, os.Symlink(target, filepath.Join(root, name)))
		return
	}
	if strings.HasSuffix(f, "/") {
		require.NoError(t, os.MkdirAll(filepath.Join(root, f), 0o755))
		return
	}
	require.NoError(t, os.MkdirAll(filepath.Join(root, filepath.Dir(f)), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(root, f), []byte(`{}`), 0o644))
}

// TestSearchPassesUnreadableFolders: what may not be looked at is listed as such.
func TestSearchPassesUnreadableFolders(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	makeFile(t, root, "a/.azureml/config.json")
	makeFile(t, root, "a/config.json")
	require.NoError(t, os.Chmod(filepath.Join(root, "a", ".azureml"), 0))
	t.Cleanup(func() { _ = os.Chmod(filepath.Join(root, "a", ".azureml"), 0o755) })
	rights.Drop(t)
	file, _, err := search(filepath.Join(root, "a"), false)
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(root, "a", "config.json"), file)
}

func TestSearchFromHome(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	makeFile(t, home, "ml/config.json")
	file, _, err := search("~/ml", false)
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(home, "ml", "config.json"), file)
}

func TestSearchFromTheWorkingDirectory(t *testing.T) {
	root, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	makeFile(t, root, "config.json")
	t.Chdir(root)
	file, _, err := search("", false)
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(root, "config.json"), file)
}

package model

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// runDriver starts the driver as a service's container does: imports it from its own
// folder, calls init, then run.
func runDriver(t *testing.T, entry, directory string, files map[string]string) (string, error) {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not in PATH; it runs the driver program that is tested here")
	}
	root := t.TempDir()
	files["driver_x.py"] = driverProgram(entry, directory)
	for name, content := range files {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	}
	command := exec.Command(python, "-B", "-c", "import sys; sys.path.insert(0, "+pythonText(root)+"); import driver_x; driver_x.init(); print(driver_x.run('body', {'h': '1'}))")
	command.Dir = t.TempDir()
	out, err := command.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func TestDriver(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		entry, directory string
		files            map[string]string
		want             string
	}{
		"body":          {"score.py", "", map[string]string{"score.py": "def init():\n    global x\n    x = 'ready'\ndef run(data): return x + data\n"}, "readybody"},
		"with headers":  {"score.py", "", map[string]string{"score.py": "def init(): pass\ndef run(request_headers, data): return data + str(request_headers)\n"}, "body{'h': '1'}"},
		"keyword only":  {"score.py", "", map[string]string{"score.py": "def init(): pass\ndef run(*, data): return data\n"}, "body"},
		"any arguments": {"score.py", "", map[string]string{"score.py": "def init(): pass\ndef run(*a): return a\n"}, "('body',)"},
		"decorated": {"score.py", "", map[string]string{"score.py": "import functools\ndef d(f):\n    @functools.wraps(f)\n    def w(*a, **k): return 'd' + f(*a, **k)\n    return w\ndef init(): pass\n@d\ndef run(data): return data\n"},
			"dbody"},
		"helper of the directory": {"src/sub/score.py", "src", map[string]string{
			"src/helper.py": "VALUE = 'helped '\n", "src/sub/score.py": "import helper\ndef init(): pass\ndef run(data): return helper.VALUE + data\n",
		}, "helped body"},
		"pickle": {"score.py", "", map[string]string{"score.py": "import pickle\nclass A: pass\ndef init():\n    global b\n    b = pickle.dumps(A())\ndef run(data): return type(pickle.loads(b)).__module__\n"},
			"service_driver"},
		"odd name": {`s "x" ü/score.py`, `s "x" ü`, map[string]string{`s "x" ü/score.py`: "def init(): pass\ndef run(data): return data\n"}, "body"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := runDriver(t, c.entry, c.directory, c.files)
			require.NoError(t, err, out)
			assert.Equal(t, c.want, out)
		})
	}
}

// TestDriverShowsFailures: what goes wrong in the script is seen with its own traceback.
func TestDriverShowsFailures(t *testing.T) {
	t.Parallel()
	for want, script := range map[string]string{
		"ModuleNotFoundError":  "import nothing_like_this\n",
		"no attribute 'run'":   "def init(): pass\n",
		"no attribute 'init'":  "def run(data): pass\n",
		"RuntimeError: broken": "def init(): raise RuntimeError('broken')\ndef run(data): pass\n",
	} {
		out, err := runDriver(t, "score.py", "", map[string]string{"score.py": script})
		require.Error(t, err)
		assert.Contains(t, out, want)
	}
}

func TestGitProperties(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not in PATH; its answers are what is tested here")
	}
	for _, name := range []string{"REPOSITORY_URI", "BRANCH", "COMMIT", "DIRTY", "BUILD_ID", "BUILD_URI"} {
		t.Setenv("AZUREML_GIT_"+name, "")
	}
	root := t.TempDir()
	git := func(arguments ...string) string {
		command := exec.Command("git", append([]string{"-C", root, "-c", "user.name=n", "-c", "user.email=e"}, arguments...)...)
		out, err := command.CombinedOutput()
		require.NoError(t, err, string(out))
		return strings.TrimSpace(string(out))
	}
	assert.Empty(t, gitProperties(t.Context(), root))
	git("init", "-q", "-b", "main")
	git("remote", "add", "origin", "https://user:PLANTED@git.example/r.git?token=PLANTED")
	git("commit", "-q", "--allow-empty", "-m", "x")
	want := map[string]string{
		"azureml.git.repository_uri": "https://git.example/r.git", "mlflow.source.git.repoURL": "https://git.example/r.git",
		"azureml.git.branch": "main", "mlflow.source.git.branch": "main", "azureml.git.dirty": "False",
	}
	commit := git("rev-parse", "HEAD")
	want["azureml.git.commit"], want["mlflow.source.git.commit"] = commit, commit
	assert.Equal(t, want, gitProperties(t.Context(), root))
	require.NoError(t, os.WriteFile(filepath.Join(root, "x"), nil, 0o600))
	t.Setenv("AZUREML_GIT_BRANCH", "other")
	t.Setenv("AZUREML_GIT_BUILD_URI", "https://u:PLANTED@ci.example/1")
	got := gitProperties(t.Context(), root)
	assert.Equal(t, "True", got["azureml.git.dirty"])
	assert.Equal(t, "other", got["mlflow.source.git.branch"])
	assert.Equal(t, "https://ci.example/1", got["azureml.git.build_uri"])
}

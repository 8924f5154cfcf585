package main

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/examples/azml/cli"
)

// process is an azml of its own, which has half a minute to live.
type process struct {
	*exec.Cmd
	out    bytes.Buffer
	errors *bufio.Scanner
	told   strings.Builder
}

func start(t *testing.T, env map[string]string, line string) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	p := &process{Cmd: exec.CommandContext(ctx, "azml", strings.Fields(line)...)}
	p.Dir, p.Stdout = t.TempDir(), &p.out
	p.Env = []string{"PATH=" + os.Getenv("PATH")}
	for name, value := range env {
		p.Env = append(p.Env, name+"="+value)
	}
	pipe, err := p.StderrPipe()
	require.NoError(t, err)
	p.errors = bufio.NewScanner(pipe)
	require.NoError(t, p.Start())
	return p
}

// until reads standard error up to a line that fits and gives what the first group of the
// pattern stands for.
func (p *process) until(t *testing.T, pattern string) string {
	t.Helper()
	for p.errors.Scan() {
		p.told.WriteString(p.errors.Text() + "\n")
		if m := regexp.MustCompile(pattern).FindStringSubmatch(p.errors.Text()); m != nil {
			return m[len(m)-1]
		}
	}
	require.Fail(t, "azml has not said what it should", "%s\n%s", pattern, p.told.String())
	return ""
}

// end reads the rest, and gives the exit code.
func (p *process) end() int {
	for p.errors.Scan() {
		p.told.WriteString(p.errors.Text() + "\n")
	}
	_ = p.Wait() // the exit code says it
	return p.ProcessState.ExitCode()
}

// variables are those of a process, and the emulator that they lead to.
func variables(t *testing.T, o *azuremltest.Options) (*azuremltest.Server, map[string]string) {
	t.Helper()
	trusting(t)
	srv := azuremltest.NewServer(o)
	env, err := reach(t.Cleanup, t.TempDir(), srv)
	require.NoError(t, err)
	return srv, env
}

// TestCtrlC: a signal ends a command that waits; what it has begun goes on.
func TestCtrlC(t *testing.T) {
	t.Parallel()
	srv, env := variables(t, &azuremltest.Options{OperationPolls: 1 << 20})
	p := start(t, env, "ml computetarget create aks -n myaks -w "+env["WS"]+" -g "+env["RG"]+" --subscription-id "+env["SUB"])
	p.until(t, `create compute "myaks": Creating`)
	require.NoError(t, p.Process.Signal(os.Interrupt))
	began := time.Now()
	assert.Equal(t, cli.ExitInterrupted, p.end(), p.told.String())
	assert.Less(t, time.Since(began), 5*time.Second)
	assert.Empty(t, p.out.String())
	assert.Contains(t, p.told.String(), "interrupted. What was begun in Azure goes on there.")
	var made bool
	for _, r := range srv.Requests() {
		made = made || r.Method == "PUT" && strings.HasSuffix(r.URL.Path, "/computes/myaks")
		assert.NotEqual(t, "DELETE", r.Method)
	}
	assert.True(t, made)
}

// TestLogin signs a person in by a code, and works in their name with the next command,
// where the system has a place to keep that.
func TestLogin(t *testing.T) {
	t.Parallel()
	srv, env := variables(t, nil)
	for _, name := range []string{"AML_TENANT_ID", "AML_PRINCIPAL_ID", "AML_PRINCIPAL_PASS"} {
		delete(env, name)
	}
	user := srv.AddUser(azuremltest.User{Name: "ada@contoso.example"})

	p := start(t, env, "login --use-device-code -o tsv")
	code := p.until(t, `enter the code (\S+)`)
	require.True(t, srv.CompleteDeviceLogin(code, user))
	require.Equal(t, cli.ExitOK, p.end(), p.told.String())
	assert.Contains(t, p.told.String(), "Signed in.")
	assert.Regexp(t, `^Token expires\t20`, p.out.String())
	assert.NotContains(t, p.out.String()+p.told.String(), "eyJ", "no token is shown")
	forgotten := strings.Contains(p.told.String(), "cannot be remembered")

	next := start(t, env, "ml workspace list -o tsv")
	code2 := next.end()
	if forgotten {
		assert.Equal(t, cli.ExitFailure, code2)
		assert.Contains(t, next.told.String(), "Sign in before")
		return
	}
	require.Equal(t, cli.ExitOK, code2, next.told.String())
	assert.Contains(t, next.out.String(), env["WS"])

	// Without the record of it nobody is asked, as there is no terminal.
	env["HOME"] = filepath.Join(t.TempDir(), "other")
	env["XDG_CACHE_HOME"] = env["HOME"]
	stranger := start(t, env, "ml workspace list -o tsv")
	assert.Equal(t, cli.ExitFailure, stranger.end())
	assert.Empty(t, stranger.out.String())
}

// TestLoginInterrupted: nobody has to finish a login.
func TestLoginInterrupted(t *testing.T) {
	t.Parallel()
	_, env := variables(t, nil)
	p := start(t, env, "login --use-device-code")
	p.until(t, `enter the code (\S+)`)
	require.NoError(t, p.Process.Signal(os.Interrupt))
	assert.Equal(t, cli.ExitInterrupted, p.end(), p.told.String())
	assert.Empty(t, p.out.String())
}

package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
)

// clearEnvironment takes out what a developer's shell may have set; none of these tests
// may run in parallel.
func clearEnvironment(t *testing.T) {
	t.Helper()
	for _, name := range []string{"AML_TENANT_ID", "AML_PRINCIPAL_ID", "AML_PRINCIPAL_PASS"} {
		t.Setenv(name, "")
	}
}

// copied is a copy of the example's files that a test may change.
func copied(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"config.json", "score.py", "environment.yml", "model/diabetes.json", "data/diabetes.csv"} {
		text, err := os.ReadFile(filepath.FromSlash(name))
		require.NoError(t, err)
		target := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(target), 0o755))
		require.NoError(t, os.WriteFile(target, text, 0o600))
	}
	return dir
}

// command runs it and gives its exit code and both outputs.
func command(ctx context.Context, in string, args ...string) (code int, out, errOut string) {
	var stdout, stderr lockedBuffer
	code = run(ctx, args, strings.NewReader(in), &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

// lockedBuffer may be read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestWholeJob(t *testing.T) {
	clearEnvironment(t)
	var log lockedBuffer
	azureml.LogTo(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	defer azureml.LogTo(nil)
	before := runtime.NumGoroutine()
	began := time.Now()
	s, err := parse(nil, io.Discard)
	require.NoError(t, err)
	var keys []string
	s.beforeCleanUp = func(j *job) {
		found, err := j.service.Keys(t.Context())
		require.NoError(t, err)
		keys = append(keys, found.Primary.Reveal(), found.Secondary.Reveal())
	}
	var stdout, stderr lockedBuffer
	code := start(t.Context(), s, strings.NewReader(""), &stdout, &stderr)
	out, errOut := stdout.String(), stderr.String()
	require.Zero(t, code, out+errOut)
	assert.Less(t, time.Since(began), 10*time.Second)
	for _, line := range []string{
		"2. Sign in", "named by config.json", "quick-aks: Succeeded", "quick-attached: Succeeded", "registered as diabetes:1",
		"found again in the blob storage", "diabetes-key: Healthy", "patient 1: predicted 206.1, measured 151",
		"the old key is refused", "a Scorer made before goes on by itself", "scored with the token: [206.1",
		"web service diabetes-key is deleted", "compute quick-attached is detached", "Done.",
	} {
		assert.Contains(t, out, line)
	}
	assert.Contains(t, errOut, `deploy web service "diabetes-key": Running (BuildImage)`, "the wait shows what goes on")
	assert.NotEmpty(t, log.String())
	assertNoSecrets(t, out, errOut, log.String())
	require.Len(t, keys, 2)
	for _, key := range keys {
		assert.NotEmpty(t, key)
		assert.False(t, strings.Contains(out+errOut+log.String(), key), "a key is shown")
	}
	assert.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+2 }, 5*time.Second, 10*time.Millisecond, "goroutines are left")
}

var (
	webToken  = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{10,}`)
	bearer    = regexp.MustCompile(`(?i)bearer [A-Za-z0-9]{8,}`)
	signature = regexp.MustCompile(`sig=[A-Za-z0-9%]{12,}`)
)

// assertNoSecrets looks for the client secret and for anything of the form of a token
// or a signature.
func assertNoSecrets(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		assert.False(t, strings.Contains(text, azuremltest.ClientSecret), "the client secret is shown")
		for _, form := range []*regexp.Regexp{webToken, bearer, signature} {
			assert.Empty(t, form.FindString(text))
		}
	}
}

func TestChangedModelChangesThePredictions(t *testing.T) {
	clearEnvironment(t)
	dir := copied(t)
	file := filepath.Join(dir, "model", "diabetes.json")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	changed := regexp.MustCompile(`"intercept": *-?[0-9.]+`).ReplaceAll(text, []byte(`"intercept": 0`))
	require.NotEqual(t, text, changed)
	require.NoError(t, os.WriteFile(file, changed, 0o600))
	code, out, errOut := command(t.Context(), "", "-dir", dir)
	require.Zero(t, code, errOut)
	assert.Contains(t, out, "patient 1: predicted")
	assert.NotContains(t, out, "patient 1: predicted 206.1")
}

// TestFailures: each gives one message that a person can act on, and exit code 1.
func TestFailures(t *testing.T) {
	for name, row := range map[string]struct {
		change func(t *testing.T, dir string)
		want   []string
	}{
		"wrong secret": {func(t *testing.T, _ string) { t.Setenv("AML_PRINCIPAL_PASS", "PLANTED") },
			[]string{"AADSTS7000215", "The client secret is wrong. Give the secret's value", "unset AML_PRINCIPAL_PASS"}},
		"unknown workspace": {func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, "config.json"), azuremltest.WorkspaceName, "ml-exampel")
		}, []string{`Could not get workspace "ml-exampel"`, "Did you mean ml-example in rg-ml?", "config.json"}},
		"no config": {func(t *testing.T, dir string) { require.NoError(t, os.Remove(filepath.Join(dir, "config.json"))) },
			[]string{"Could not find a config file of a workspace", "config.json", "AZUREML_WORKSPACE_NAME"}},
		"broken config": {func(t *testing.T, dir string) { edit(t, filepath.Join(dir, "config.json"), `",`, `"`) },
			[]string{"Could not read the config file", "line 3, column"}},
		"no model file": {func(t *testing.T, dir string) {
			require.NoError(t, os.Remove(filepath.Join(dir, "model", "diabetes.json")))
		}, []string{"the example lacks a file", "diabetes.json", "-dir", "Nothing is left behind"}},
		"broken script": {func(t *testing.T, dir string) { require.NoError(t, os.Remove(filepath.Join(dir, "score.py"))) },
			[]string{"the example lacks a file", "score.py"}},
		"broken model": {func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "model", "diabetes.json"), []byte("{}"), 0o600))
		}, []string{"Left behind", "emulated", "compute quick-aks, with its cluster", "web service diabetes-key"}},
	} {
		t.Run(name, func(t *testing.T) {
			clearEnvironment(t)
			dir := copied(t)
			row.change(t, dir)
			code, out, errOut := command(t.Context(), "", "-dir", dir)
			assert.Equal(t, 1, code)
			for _, want := range row.want {
				assert.Contains(t, errOut, want)
			}
			assert.NotContains(t, out+errOut, "PLANTED")
			assert.NotContains(t, out, "Done.")
		})
	}
}

func edit(t *testing.T, file, old, new string) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(text), old)
	require.NoError(t, os.WriteFile(file, []byte(strings.ReplaceAll(string(text), old, new)), 0o600))
}

// TestInterrupt stops the job in the middle of a wait.
func TestInterrupt(t *testing.T) {
	clearEnvironment(t)
	ctx, cancel := context.WithCancel(t.Context())
	var out, errOut lockedBuffer
	done := make(chan int, 1)
	go func() { done <- run(ctx, nil, strings.NewReader(""), &out, &errOut) }()
	require.Eventually(t, func() bool { return strings.Contains(errOut.String(), `deploy web service "diabetes-key"`) }, 10*time.Second, time.Millisecond)
	cancel()
	stopped := time.Now()
	assert.Equal(t, 1, <-done)
	assert.Less(t, time.Since(stopped), time.Second)
	for _, want := range []string{"Interrupted.", "Left behind", "compute quick-aks, with its cluster", "compute quick-attached", "a version of model diabetes", "perhaps: web service diabetes-key"} {
		assert.Contains(t, errOut.String(), want)
	}
}

func TestFlags(t *testing.T) {
	clearEnvironment(t)
	code, _, errOut := command(t.Context(), "", "-nonsense")
	assert.Equal(t, 2, code)
	assert.Contains(t, errOut, "-live")
	code, _, errOut = command(t.Context(), "", "-h")
	assert.Zero(t, code)
	assert.Contains(t, errOut, "Quickstart deploys a model")
	code, _, errOut = command(t.Context(), "", "live")
	assert.Equal(t, 2, code)
	assert.Contains(t, errOut, "did you mean -live?")
}

// TestConfigOfAStranger: a config file further up is not the example's.
func TestConfigOfAStranger(t *testing.T) {
	clearEnvironment(t)
	dir := copied(t)
	other := filepath.Join(filepath.Dir(dir), ".azureml")
	require.NoError(t, os.MkdirAll(other, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(other, "config.json"), []byte(`{"subscription_id":"99999999-9999-9999-9999-999999999999","resource_group":"x","workspace_name":"prod"}`), 0o600))
	s, err := parse([]string{"-dir", dir}, io.Discard)
	require.NoError(t, err)
	j := &job{settings: s, out: io.Discard, errOut: io.Discard}
	srv, err := emulate()
	require.NoError(t, err)
	defer srv.Close()
	j.emulator, j.options = srv, srv.ClientOptions()
	require.NoError(t, j.open(t.Context()))
	assert.Equal(t, azuremltest.WorkspaceName, j.ws.Name)
}

var changing = regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:,+.]+|after \d\d:\d\d UTC`)

// TestReadmeShowsThisOutput holds the README to what the command prints.
func TestReadmeShowsThisOutput(t *testing.T) {
	clearEnvironment(t)
	t.Chdir(filepath.Join("..", ".."))
	code, out, errOut := command(t.Context(), "")
	require.Zero(t, code, errOut)
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	_, after, _ := strings.Cut(string(readme), "```text\n")
	shown, _, _ := strings.Cut(after, "```")
	assert.Equal(t, changing.ReplaceAllString(out, "TIME"), changing.ReplaceAllString(shown, "TIME"))
}

// TestSignal sends the built program the signal of Ctrl-C, in the middle of a wait and
// at the question of -live.
func TestSignal(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such signal to send")
	}
	program := filepath.Join(t.TempDir(), "quickstart")
	built, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput()
	require.NoError(t, err, string(built))
	c := exec.Command(program)
	c.Env = append(os.Environ(), "AML_TENANT_ID=", "AML_PRINCIPAL_ID=", "AML_PRINCIPAL_PASS=")
	var out lockedBuffer
	c.Stdout, c.Stderr = &out, &out
	require.NoError(t, c.Start())
	require.Eventually(t, func() bool { return strings.Contains(out.String(), "deploy web service") }, 20*time.Second, time.Millisecond)
	sent := time.Now()
	require.NoError(t, c.Process.Signal(os.Interrupt))
	require.Error(t, c.Wait())
	assert.Less(t, time.Since(sent), time.Second)
	assert.Equal(t, 1, c.ProcessState.ExitCode())
	assert.Contains(t, out.String(), "Interrupted.")
}

// TestQuestionEndsWithTheContext: Ctrl-C also ends the question of -live.
func TestQuestionEndsWithTheContext(t *testing.T) {
	t.Parallel()
	reader, writer := io.Pipe()
	defer writer.Close()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	j := &job{settings: settings{live: true}, out: io.Discard, in: bufio.NewReader(reader)}
	_, err := j.confirm(ctx, "Make it?")
	assert.ErrorIs(t, err, context.Canceled)
}

// TestConfirmation: with -live nothing that costs money is made without a yes.
func TestConfirmation(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]bool{"y\n": true, "YES\n": true, "n\n": false, "\n": false} {
		var out bytes.Buffer
		j := &job{settings: settings{live: true}, out: &out, in: bufio.NewReader(strings.NewReader(answer))}
		got, err := j.confirm(t.Context(), "Make it?")
		require.NoError(t, err)
		assert.Equal(t, want, got, "%q", answer)
		assert.Contains(t, out.String(), "Make it? [y/N]")
	}
	j := &job{settings: settings{live: true}, out: io.Discard, in: bufio.NewReader(strings.NewReader(""))}
	_, err := j.confirm(t.Context(), "Make it?")
	assert.ErrorContains(t, err, "-yes")
	for _, s := range []settings{{live: true, yes: true}, {}} {
		got, err := (&job{settings: s, out: io.Discard, in: bufio.NewReader(strings.NewReader(""))}).confirm(t.Context(), "Make it?")
		require.NoError(t, err)
		assert.True(t, got)
	}
}

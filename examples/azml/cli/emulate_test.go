package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// onEmulator runs a command line on the emulator whose state is in the folder.
func onEmulator(ctx context.Context, dir string, words ...string) (code int, out, told string) {
	var o, e strings.Builder
	words = append([]string{"-emulator", "-emulator-state", filepath.Join(dir, "state.json")}, words...)
	code = Run(ctx, words, &Environment{Out: &o, Err: &e})
	return code, o.String(), e.String()
}

// TestTogether: commands at the same time work one after the other, and each is
// remembered.
func TestTogether(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("folders are not locked here")
	}
	dir := t.TempDir()
	file := filepath.Join(t.TempDir(), "model.pkl")
	require.NoError(t, os.WriteFile(file, []byte("a model"), 0o600))
	const n = 5
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			code, _, told := onEmulator(t.Context(), dir, "ml", "model", "register", "-n", fmt.Sprintf("model-%d", i), "-p", file)
			assert.Equal(t, ExitOK, code, told)
		})
	}
	all.Wait()
	_, out, _ := onEmulator(t.Context(), dir, "ml", "model", "list", "-o", "tsv")
	assert.Equal(t, n, strings.Count(out, "\n"), out)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, left, 1, "the state and nothing else")
}

// TestWaitingForAnother: a command that waits for another one says so, and can be
// interrupted.
func TestWaitingForAnother(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	unlock, err := lock(dir)
	require.NoError(t, err)
	defer unlock()
	if _, err := lock(dir); !errors.Is(err, errLocked) {
		t.Skip("folders are not locked here")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	code, out, told := onEmulator(ctx, dir, "ml", "model", "list")
	assert.Equal(t, ExitInterrupted, code)
	assert.Empty(t, out)
	assert.Contains(t, told, "Another command works on the emulator in "+dir)
}

// TestPipe: a command may wait for what another one prints, and both may be on the same
// emulator.
func TestPipe(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	dir := t.TempDir()
	in, out := io.Pipe()
	reader := &waiting{Reader: in, began: make(chan struct{})}
	state := []string{"-emulator", "-emulator-state", filepath.Join(dir, "state.json")}
	var all sync.WaitGroup
	all.Go(func() {
		defer in.Close()
		var told strings.Builder
		Run(ctx, append([]string{"ml", "service", "run", "-n", "nothere", "-d", "-"}, state...), &Environment{In: reader, Err: &told})
		assert.Contains(t, told.String(), "nothere not found")
	})
	<-reader.began
	code := Run(ctx, append([]string{"ml", "workspace", "list"}, state...), &Environment{Out: out})
	assert.Equal(t, ExitOK, code)
	require.NoError(t, out.Close())
	all.Wait()
}

// waiting tells when it is first read.
type waiting struct {
	io.Reader
	once  sync.Once
	began chan struct{}
}

func (w *waiting) Read(p []byte) (int, error) {
	w.once.Do(func() { close(w.began) })
	return w.Reader.Read(p)
}

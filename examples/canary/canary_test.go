package main

import (
	"bytes"
	"context"
	"io"
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

	"github.com/azureml-go/azureml/webservice"
)

// lockedBuffer may be read while it is written; watch is called with all of it.
type lockedBuffer struct {
	mu    sync.Mutex
	b     bytes.Buffer
	watch func(string)
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, err := l.b.Write(p)
	if l.watch != nil {
		l.watch(l.b.String())
	}
	return n, err
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// want is the output; the numbers that a run measures stand as N.
const want = `1. Deploy the endpoint churn with the version churn-1
   web service "churn" (AKSENDPOINT, Healthy)
2. Roll out churn-2, which is as good as churn-1
   started      churn-1 100 %  churn-2   0 %
   shifted      churn-1  95 %  churn-2   5 %
   shifted      churn-1  75 %  churn-2  25 %
   shifted      churn-1  50 %  churn-2  50 %
   shifted      churn-1   0 %  churn-2 100 %
   promoted     churn-1   0 %  churn-2 100 %
   deleted      churn-2 100 %
   promoted: it is the default version now, churn-1 is deleted
3. Roll out churn-3, which WRONG
   started      churn-2 100 %  churn-3   0 %
   shifted      churn-2  95 %  churn-3   5 %
   rolled back  churn-2 100 %  churn-3   0 %
   rolled back: REASON
Done: churn-2 has all of the traffic.
`

var reason = regexp.MustCompile(`(rolled back: too (?:many failures|slow)) \(.*`)

func TestOutput(t *testing.T) {
	t.Parallel()
	for bad, story := range map[string][2]string{
		"fail": {"fails every fourth time", "too many failures"},
		"slow": {"is slow", "too slow"},
	} {
		t.Run(bad, func(t *testing.T) {
			t.Parallel()
			var out, errOut lockedBuffer
			began := time.Now()
			code := run(t.Context(), []string{"-bad", bad}, &out, &errOut)
			require.Zero(t, code, out.String()+errOut.String())
			assert.Less(t, time.Since(began), 20*time.Second)
			text := strings.NewReplacer("WRONG", story[0], "REASON", story[1]).Replace(want)
			assert.Equal(t, text, reason.ReplaceAllString(out.String(), "$1"))
			assert.Empty(t, errOut.String())
		})
	}
}

func TestInterrupted(t *testing.T) {
	t.Parallel()
	for action, said := range map[string]string{
		"roll-back": "the rollout of churn-2 was rolled back; the traffic is as it was",
		"hold":      "the rollout of churn-2 holds at 25 %; ResumeRollout goes on from this state:",
	} {
		t.Run(action, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			var errOut lockedBuffer
			out := lockedBuffer{watch: func(text string) {
				if strings.Contains(text, "churn-2  25 %") {
					cancel()
				}
			}}
			assert.Equal(t, 1, run(ctx, []string{"-on-cancel", action, "-bake", "1s"}, &out, &errOut))
			assert.Contains(t, errOut.String(), "Interrupted. "+said)
			if action == "roll-back" {
				assert.Contains(t, out.String(), "rolled back  churn-1 100 %  churn-2   0 %")
				return
			}
			_, document, _ := strings.Cut(errOut.String(), "state:\n")
			state, err := webservice.ParseRolloutState([]byte(strings.TrimSpace(document)))
			require.NoError(t, err)
			assert.Equal(t, "churn-2", state.Version())
			assert.InDelta(t, 25, state.Percent(), 0)
		})
	}
}

// TestSignal sends the built program the signal of Ctrl-C in the middle of a rollout.
func TestSignal(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such signal to send")
	}
	program := filepath.Join(t.TempDir(), "canary")
	built, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput()
	require.NoError(t, err, string(built))
	c := exec.Command(program, "-bake", "1m")
	var out lockedBuffer
	c.Stdout, c.Stderr = &out, &out
	require.NoError(t, c.Start())
	require.Eventually(t, func() bool { return strings.Contains(out.String(), "churn-2   5 %") }, 20*time.Second, time.Millisecond)
	require.NoError(t, c.Process.Signal(os.Interrupt))
	require.Error(t, c.Wait())
	assert.Equal(t, 1, c.ProcessState.ExitCode())
	assert.Contains(t, out.String(), "was rolled back; the traffic is as it was")
}

func TestArguments(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]struct {
		code int
		says string
	}{
		"-h":                {0, "Exit codes: 0 all went as it should"},
		"-bad ugly":         {2, `-bad is fail or slow, not "ugly"`},
		"-on-cancel panic":  {2, `-on-cancel is roll-back or hold, not "panic"`},
		"-bake 0s":          {2, "-bake must be longer"},
		"more":              {2, `unexpected argument "more"`},
		"-nosuch":           {2, "not defined: -nosuch"},
		"-on-cancel":        {2, "needs an argument"},
		"-bad fail -bake x": {2, "invalid value"},
	} {
		var errOut lockedBuffer
		assert.Equal(t, want.code, run(t.Context(), strings.Fields(line), io.Discard, &errOut), line)
		assert.Contains(t, errOut.String(), want.says, line)
	}
}

// TestBars draws on a terminal: each event over the one before.
func TestBars(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	d := newDrawing(&out, true, 20)
	d.event(webservice.RolloutEvent{Kind: webservice.RolloutEventShifted, Traffic: map[string]float64{"a": 95, "b": 5}})
	assert.Equal(t, "\r\x1b[K   a        ███████████████████   95 %\n\r\x1b[K   b        █                      5 %\n\r\x1b[K   shifted\n", out.String())
	out.Reset()
	d.event(webservice.RolloutEvent{Kind: webservice.RolloutEventDeleted, Traffic: map[string]float64{"b": 100}, Verdict: webservice.Verdict{Decision: "promote", Reason: strings.Repeat("x", 99)}})
	assert.Equal(t, "\x1b[3A\r\x1b[K   a        deleted\n\r\x1b[K   b        ████████████████████ 100 %\n\r\x1b[K   promote: "+strings.Repeat("x", 30)+"…\n", out.String())
	out.Reset()
	d.end()
	d.event(webservice.RolloutEvent{Kind: webservice.RolloutEventStarted})
	assert.Equal(t, "\r\x1b[K   started\n", out.String())
	for share, want := range map[float64]string{0: "    ", 1: "    ", 50: "██  ", 53: "██▏ ", 100: "████"} {
		assert.Equal(t, want, bar(share, 4), share)
	}
	assert.False(t, isTerminal(&out))
}

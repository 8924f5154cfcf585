package azureml_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	azruntime "github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
)

type answer struct{ Text string }

// fake is a poll handler that ends after some polls.
type fake struct {
	polls   int
	header  http.Header
	at      []time.Time
	failure error
	states  []string
}

func (f *fake) Done() bool { return len(f.at) >= f.polls }

func (f *fake) Poll(ctx context.Context) (*http.Response, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f.at = append(f.at, time.Now())
	state := "Running"
	if len(f.states) >= len(f.at) {
		state = f.states[len(f.at)-1]
	}
	azureml.Report(ctx, azureml.Progress{Operation: "deploy", Subject: `web service "s"`, State: state, Done: f.Done()})
	return &http.Response{StatusCode: 200, Header: f.header}, nil
}

func (f *fake) Result(_ context.Context, out *answer) error {
	*out = answer{"done"}
	return f.failure
}

func (f *fake) poller(t *testing.T) *azruntime.Poller[answer] {
	p, err := azruntime.NewPoller(nil, azruntime.Pipeline{}, &azruntime.NewPollerOptions[answer]{Handler: f})
	require.NoError(t, err)
	return p
}

func TestWaitPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fake{polls: 10}
		start := time.Now()
		got, err := azureml.Wait(t.Context(), f.poller(t), nil)
		require.NoError(t, err)
		assert.Equal(t, "done", got.Text)
		var pauses []float64
		for i, at := range f.at {
			if i == 0 {
				assert.Equal(t, start, at, "the first poll is at once")
				continue
			}
			pauses = append(pauses, at.Sub(f.at[i-1]).Seconds())
		}
		assert.Equal(t, []float64{1, 1.5, 2.25, 3.375, 5.0625, 7.59375, 10, 10, 10}, pauses)
	})
}

// TestWaitOfAMinute: at most 12 polls in 60 s, the end noticed within a second and
// one interval.
func TestWaitOfAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		polls := 0
		_, err := azureml.Wait(t.Context(), (&untilHandler{end: start.Add(time.Minute), polls: &polls}).poller(t), nil)
		require.NoError(t, err)
		assert.LessOrEqual(t, polls, 12)
		assert.LessOrEqual(t, time.Since(start), 71*time.Second)
	})
}

type untilHandler struct {
	end   time.Time
	polls *int
	done  bool
}

func (h *untilHandler) Done() bool { return h.done }
func (h *untilHandler) Poll(context.Context) (*http.Response, error) {
	*h.polls++
	h.done = !time.Now().Before(h.end)
	return &http.Response{StatusCode: 200}, nil
}
func (h *untilHandler) Result(context.Context, *answer) error { return nil }
func (h *untilHandler) poller(t *testing.T) *azruntime.Poller[answer] {
	p, err := azruntime.NewPoller(nil, azruntime.Pipeline{}, &azruntime.NewPollerOptions[answer]{Handler: h})
	require.NoError(t, err)
	return p
}

func TestWaitObeysRetryAfter(t *testing.T) {
	t.Parallel()
	for header, want := range map[[2]string]time.Duration{
		{"Retry-After", "17"}:           17 * time.Second,
		{"Retry-After-Ms", "20"}:        20 * time.Millisecond,
		{"X-Ms-Retry-After-Ms", "30"}:   30 * time.Millisecond,
		{"Retry-After", "100000"}:       2 * time.Minute,
		{"Retry-After", "no number"}:    time.Second,
		{"Retry-After", "-5"}:           time.Second,
		{"Retry-After", "date plus 10"}: 10 * time.Second,
	} {
		synctest.Test(t, func(t *testing.T) {
			value := header[1]
			if value == "date plus 10" {
				value = time.Now().Add(10 * time.Second).UTC().Format(http.TimeFormat)
			}
			f := &fake{polls: 2, header: http.Header{header[0]: {value}}}
			_, err := azureml.Wait(t.Context(), f.poller(t), nil)
			require.NoError(t, err)
			assert.Equal(t, want, f.at[1].Sub(f.at[0]), header)
		})
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		f := &fake{polls: 1000}
		start := time.Now()
		p := f.poller(t)
		_, err := azureml.Wait(ctx, p, nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 90*time.Second, time.Since(start))
		assert.Equal(t, `azureml: cannot wait for the end of the operation “deploy web service "s"”: stopped waiting; the operation goes on at the service, last seen in state Running`, err.Error())
		assert.Contains(t, azureml.Explain(err), "ResumeToken")
		_, err = p.ResumeToken()
		assert.NoError(t, err)
	})
}

func TestWaitFailure(t *testing.T) {
	t.Parallel()
	want := &azureml.Error{Kind: azureml.ErrOperationFailed}
	_, err := azureml.Wait(t.Context(), (&fake{polls: 1, failure: want}).poller(t), nil)
	assert.Same(t, want, err)
}

func TestWaitOutputElsewhere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		seen := 0
		f := &fake{polls: 5, states: []string{"NotStarted", "Running", "Running", "Running", "Succeeded"}}
		_, err := azureml.Wait(t.Context(), f.poller(t), &azureml.WaitOptions{Output: &out, OnProgress: func(azureml.Progress) { seen++ }, MinInterval: time.Second, MaxInterval: time.Second})
		require.NoError(t, err)
		assert.Equal(t, 5, seen)
		assert.Equal(t, `deploy web service "s": NotStarted after 0s
deploy web service "s": Running after 1s
deploy web service "s": Succeeded after 4s
`, out.String())
	})
}

func TestWaitIgnoresOutputErrors(t *testing.T) {
	t.Parallel()
	_, err := azureml.Wait(t.Context(), (&fake{polls: 1}).poller(t), &azureml.WaitOptions{Output: brokenWriter{}})
	require.NoError(t, err)
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("broken") }

func TestProgressFunctionsAdd(t *testing.T) {
	t.Parallel()
	var seen []string
	ctx := azureml.WithProgress(t.Context(), func(p azureml.Progress) { seen = append(seen, "outer "+p.State) })
	ctx = azureml.WithProgress(ctx, func(p azureml.Progress) { seen = append(seen, "inner "+p.String()) })
	azureml.Report(azureml.WithProgress(ctx, nil), azureml.Progress{State: "Running", SubOperation: "BuildImage", SubState: "Queued"})
	azureml.Report(t.Context(), azureml.Progress{})
	assert.Equal(t, []string{"outer Running", "inner Running (BuildImage Queued)"}, seen)
	assert.Equal(t, "started", azureml.Progress{}.String())
}

func TestWaitLeavesNoGoroutine(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 20 {
		_, err := azureml.Wait(t.Context(), (&fake{polls: 1}).poller(t), &azureml.WaitOptions{Output: &strings.Builder{}})
		require.NoError(t, err)
	}
	assert.LessOrEqual(t, runtime.NumGoroutine(), before)
}

func ExampleWait() {
	f := &fake{polls: 2, header: http.Header{"Retry-After-Ms": {"1"}}}
	poller, _ := azruntime.NewPoller(nil, azruntime.Pipeline{}, &azruntime.NewPollerOptions[answer]{Handler: f})
	result, err := azureml.Wait(context.Background(), poller, &azureml.WaitOptions{
		OnProgress: func(p azureml.Progress) { fmt.Println(p.Subject, p) },
	})
	fmt.Println(result.Text, err)
	// Output:
	// web service "s" Running
	// web service "s" Running
	// done <nil>
}

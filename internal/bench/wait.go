package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/workspace"
)

// longWait waits for an operation that takes 60 s, as every deployment is waited for.
func longWait(ctx context.Context, _ settings) ([]line, error) {
	const lasting = 60 * time.Second
	plain, err := waitFor(ctx, lasting, 0)
	if err != nil {
		return nil, err
	}
	// A service that asks for 20 s between two polls gets them.
	asked, err := waitFor(ctx, 30*time.Second, 20*time.Second)
	if err != nil {
		return nil, err
	}
	return []line{
		{
			row: 9, work: "a wait of 60 s", baseline: "–", figure: fmt.Sprintf("%d polls, end noticed %.1f s late", plain.polls, plain.late.Seconds()),
			goal: "≤ 12 polls, ≤ 1 s + one interval (10 s) late", met: plain.polls <= 12 && plain.late <= 11*time.Second,
		},
		{
			row: 9, work: "a wait of 30 s, Retry-After: 20", baseline: "–", figure: fmt.Sprintf("%d polls, the closest %.1f s apart", asked.polls, asked.closest.Seconds()),
			goal: "≥ 20 s apart", met: asked.closest >= 20*time.Second,
		},
	}, nil
}

type waited struct {
	polls         int
	late, closest time.Duration
}

func waitFor(ctx context.Context, lasting, retryAfter time.Duration) (waited, error) {
	const operation = "44444444-0000-4000-8000-000000000001"
	c := newCloud(map[string][]byte{})
	defer c.close()
	start := time.Now()
	var w waited
	var polls atomic.Int64
	last := time.Time{}
	w.closest = time.Hour
	c.answer = func(string) ([]byte, http.Header) { // the polls come one after the other
		polls.Add(1)
		now := time.Now()
		if !last.IsZero() {
			w.closest = min(w.closest, now.Sub(last))
		}
		last = now
		header := http.Header{}
		state := "Succeeded"
		if now.Sub(start) < lasting {
			state = "Running"
			if retryAfter > 0 {
				header.Set("Retry-After", strconv.Itoa(int(retryAfter.Seconds())))
			}
		}
		return mustJSON(map[string]any{"id": operation, "state": state, "operationType": "Service"}), header
	}
	ws, err := c.workspace(ctx)
	if err != nil {
		return w, err
	}
	p, err := workspace.Follow(ws, workspace.Request{
		Service: workspace.ModelManagement, Operation: "wait", Subject: "bench", Method: http.MethodPost, Path: "services",
	}, operation, workspace.Operation[string]{
		Kind: "bench", Resource: "services/bench",
		Done: func(context.Context, workspace.OperationStatus) (string, error) { return "done", nil },
	})
	if err != nil {
		return w, err
	}
	start = time.Now()
	if _, err := azureml.Wait(ctx, p, nil); err != nil {
		return w, err
	}
	w.polls, w.late = int(polls.Load()), time.Since(start)-lasting
	return w, nil
}

var requestTotals = regexp.MustCompile(`requests when nothing breaks: (\d+) scenarios, (\d+) of ours, (\d+) of azureml\.core`)

// requestCounts counts the requests of the main job beside those of azureml.core.
func requestCounts(ctx context.Context, s settings) ([]line, error) {
	job, parts, err := countMainJob(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range parts {
		fmt.Fprintf(os.Stderr, "  %s\n", p)
	}
	share := float64(job.ours) / float64(job.theirs)
	lines := []line{{
		row: 8, work: "requests of the main job", baseline: "azureml.core 1.51.0",
		figure: fmt.Sprintf("%s; %s", ratio(share), job), goal: "≤ 0.6 ×", met: share <= 0.6,
	}}
	if s.quick {
		return lines, nil
	}
	all, err := recordedCounts(ctx)
	return append(lines, all), err
}

// recordedCounts replays all that azureml.core was recorded doing, and counts both sides'
// requests. That no scenario takes more than azureml.core is what the test itself checks.
func recordedCounts(ctx context.Context) (line, error) {
	out, err := exec.CommandContext(ctx, "go", "test", "-count=1", "-v", "-run", "^TestGolden$", "./internal/parity").CombinedOutput()
	if err != nil {
		return line{}, fmt.Errorf("go test ./internal/parity: %w\n%s", err, bytes.TrimSpace(out[max(0, len(out)-2000):]))
	}
	found := requestTotals.FindSubmatch(out)
	if found == nil {
		return line{}, errors.New("the parity test printed no totals")
	}
	ours, err := strconv.Atoi(string(found[2]))
	if err != nil {
		return line{}, err
	}
	theirs, err := strconv.Atoi(string(found[3]))
	if err != nil {
		return line{}, err
	}
	return line{
		row: 8, work: fmt.Sprintf("requests of %s recorded scenarios", found[1]), baseline: "azureml.core 1.51.0",
		figure: fmt.Sprintf("%s; %d instead of %d", ratio(float64(ours)/float64(theirs)), ours, theirs), goal: "in none more", met: true,
	}, nil
}

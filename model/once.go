package model

import (
	"context"
	"net/http"
	"time"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/workspace"
)

// createTries is how often a request that makes something is sent at most.
const createTries = 3

// createOnce sends a request that makes something new. When that fails in a way that
// leaves open whether it worked, it looks for what was made; find gives nil for
// nothing. Only then, and if repeat says of the failure that it may, it sends it again.
func createOnce[T any](
	ctx context.Context, ws *workspace.Workspace, send, find func(context.Context) (*T, error), repeat func(*azureml.Error) bool,
) (*T, error) {
	for try := 1; ; try++ {
		made, err := send(ctx)
		if err == nil {
			return made, nil
		}
		e, doubtful := lost(ctx, err)
		if !doubtful {
			return nil, err
		}
		found, findErr := find(ctx)
		if findErr == nil && found != nil {
			return found, nil
		}
		if findErr != nil || !repeat(e) || try == createTries {
			return nil, err
		}
		if pause(ctx, ws, try) != nil {
			return nil, err
		}
	}
}

// unable tells of a failure by which the service says itself that it did not do it.
func unable(e *azureml.Error) bool {
	return e.StatusCode == http.StatusRequestTimeout || e.StatusCode == http.StatusServiceUnavailable
}

// harmless is for requests that can be repeated whatever has become of the first.
func harmless(*azureml.Error) bool { return true }

// defaultPause is azcore's first pause between two tries.
const defaultPause = 800 * time.Millisecond

// pause waits between two tries as the workspace's client options say.
func pause(ctx context.Context, ws *workspace.Workspace, try int) error {
	first := ws.ClientOptions().Retry.RetryDelay
	if first <= 0 {
		first = defaultPause
	}
	timer := time.NewTimer(first << (try - 1))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

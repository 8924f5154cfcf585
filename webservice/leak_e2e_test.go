package webservice_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/webservice"
)

// TestNothingGoesOnAfterTheEnd: everything that blocks returns when its context ends, in
// the middle of whatever it does, and leaves no goroutine behind: a bubble in which one is
// left fails.
func TestNothingGoesOnAfterTheEnd(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func(ctx context.Context, t *testing.T, s stage, e *webservice.AksEndpoint) error{
		"Rollout": func(ctx context.Context, _ *testing.T, _ stage, e *webservice.AksEndpoint) error {
			_, err := webservice.Rollout(ctx, e, "version2", quick(webservice.ProbeJudge([][]byte{one}, nil)))
			return err
		},
		"Rollout in a transition": func(ctx context.Context, _ *testing.T, _ stage, e *webservice.AksEndpoint) error {
			_, err := e.BeginUpdateVersion(ctx, "version3", webservice.VersionUpdate{NumReplicas: new(2)}, nil)
			if err == nil {
				_, err = webservice.Rollout(ctx, e, "version2", quick(fine))
			}
			return err
		},
		"RotateKeys": func(ctx context.Context, _ *testing.T, s stage, e *webservice.AksEndpoint) error {
			defer s.srv.Fault(azuremltest.Fault{Path: "/score", Status: 401, From: 2, Count: -1})()
			_, err := e.RotateKeys(ctx, nil)
			return err
		},
		"SetTraffic": func(ctx context.Context, _ *testing.T, _ stage, e *webservice.AksEndpoint) error {
			_, err := e.SetTraffic(ctx, map[string]float64{"version1": 50, "version2": 50}, nil)
			return err
		},
		"RegenerateKey": func(ctx context.Context, _ *testing.T, _ stage, e *webservice.AksEndpoint) error {
			_, err := e.RegenerateKey(ctx, webservice.KeyTypePrimary, nil)
			return err
		},
		"FollowLogs": func(ctx context.Context, _ *testing.T, _ stage, e *webservice.AksEndpoint) error {
			return e.FollowLogs(ctx, io.Discard, nil)
		},
		"BeginWait": func(ctx context.Context, _ *testing.T, _ stage, e *webservice.AksEndpoint) error {
			if _, err := e.BeginUpdateVersion(ctx, "version3", webservice.VersionUpdate{NumReplicas: new(2)}, nil); err != nil {
				return err
			}
			now, err := e.Refresh(ctx)
			if err != nil {
				return err
			}
			p, err := webservice.BeginWait(ctx, now, nil)
			if err == nil {
				_, err = azureml.Wait(ctx, p, nil)
			}
			return err
		},
		"Scorer": func(ctx context.Context, _ *testing.T, s stage, e *webservice.AksEndpoint) error {
			s.srv.SetScorer("churn", hang)
			_, err := e.Run(ctx, one)
			return err
		},
		"Stream": func(ctx context.Context, t *testing.T, s stage, e *webservice.AksEndpoint) error {
			s.srv.SetScorer("churn", hang)
			scorer, err := e.Scorer(ctx, nil)
			require.NoError(t, err)
			_, err = scorer.Stream(ctx, strings.NewReader(strings.Repeat("x", 1<<20)), nil)
			return err
		},
	} {
		for _, after := range []time.Duration{time.Millisecond, 1500 * time.Millisecond, 7 * time.Second} {
			t.Run(name+"/"+after.String(), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					s := newStage(t, &azuremltest.Options{InMemory: true, OperationPolls: 1_000})
					e := s.endpoint(t.Context(), t)
					ctx, cancel := context.WithTimeout(t.Context(), after)
					defer cancel()
					began := time.Now()
					err := call(ctx, t, s, e)
					require.ErrorIs(t, err, context.DeadlineExceeded)
					assert.Equal(t, after, time.Since(began), "at once")
				})
			})
		}
	}
}

// hang is a script that does not answer.
func hang(ctx context.Context, _ *azuremltest.ScoreRequest) (*azuremltest.ScoreResponse, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

package webservice_test

import (
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

// TestNothingInPlaceOfSomething: arguments that are nil, and pictures that were written
// down by hand, are errors that say so.
func TestNothingInPlaceOfSomething(t *testing.T) {
	t.Parallel()
	var (
		noEndpoint *webservice.AksEndpoint
		noSplitter *webservice.Splitter
		byHand     = webservice.Service{Name: "x", ComputeType: webservice.ComputeTypeAKS, ScoringURI: "http://x.example/score"}
		aks        = &webservice.AksWebservice{Service: byHand}
		endpoint   = &webservice.AksEndpoint{Service: byHand, Versions: map[string]*webservice.AksWebservice{"one": nil}}
		look       = webservice.Observation{}
	)
	for name, call := range map[string]func(context.Context) error{
		"Rollout of nil":            func(ctx context.Context) error { _, err := webservice.Rollout(ctx, nil, "v", nil); return err },
		"Rollout of a nil endpoint": func(ctx context.Context) error { _, err := webservice.Rollout(ctx, noEndpoint, "v", nil); return err },
		"Rollout of a nil splitter": func(ctx context.Context) error { _, err := webservice.Rollout(ctx, noSplitter, "v", nil); return err },
		"Rollout of an endpoint":    func(ctx context.Context) error { _, err := webservice.Rollout(ctx, endpoint, "v", nil); return err },
		"Rollout of a splitter": func(ctx context.Context) error {
			_, err := webservice.Rollout(ctx, &webservice.Splitter{}, "v", nil)
			return err
		},
		"ResumeRollout of nil": func(ctx context.Context) error {
			_, err := webservice.ResumeRollout(ctx, nil, webservice.RolloutState{}, nil)
			return err
		},
		"ResumeRollout of an endpoint": func(ctx context.Context) error {
			_, err := webservice.ResumeRollout(ctx, endpoint, webservice.RolloutState{}, nil)
			return err
		},
		"AllJudges":   func(ctx context.Context) error { _, err := webservice.AllJudges(nil)(ctx, look); return err },
		"MetricJudge": func(ctx context.Context) error { _, err := webservice.MetricJudge(nil, nil)(ctx, look); return err },
		"ProbeJudge":  func(ctx context.Context) error { _, err := webservice.ProbeJudge(nil, nil)(ctx, look); return err },
		"BeginWait for nil": func(ctx context.Context) error {
			_, err := webservice.BeginWait[webservice.Webservice](ctx, nil, nil)
			return err
		},
		"BeginWait for a nil endpoint": func(ctx context.Context) error { _, err := webservice.BeginWait(ctx, noEndpoint, nil); return err },
		"BeginWait":                    func(ctx context.Context) error { _, err := webservice.BeginWait(ctx, aks, nil); return err },
		"Score":                        func(ctx context.Context) error { _, err := webservice.Score[any](ctx, nil, 1); return err },
		"Get":                          func(ctx context.Context) error { _, err := webservice.Get(ctx, nil, "x"); return err },
		"Get by hand": func(ctx context.Context) error {
			_, err := webservice.Get(ctx, &workspace.Workspace{}, "x")
			return err
		},
		"List": func(ctx context.Context) error {
			for _, err := range webservice.List(ctx, nil, nil) {
				return err
			}
			return nil
		},
		"Keys":  func(ctx context.Context) error { _, err := aks.Keys(ctx); return err },
		"Token": func(ctx context.Context) error { _, err := aks.Token(ctx); return err },
		"RegenerateKey": func(ctx context.Context) error {
			_, err := aks.RegenerateKey(ctx, webservice.KeyTypePrimary, nil)
			return err
		},
		"RotateKeys":        func(ctx context.Context) error { _, err := aks.RotateKeys(ctx, nil); return err },
		"Run":               func(ctx context.Context) error { _, err := aks.Run(ctx, nil); return err },
		"Scorer":            func(ctx context.Context) error { _, err := aks.Scorer(ctx, nil); return err },
		"Swagger":           func(ctx context.Context) error { _, err := aks.Swagger(ctx); return err },
		"Refresh":           func(ctx context.Context) error { _, err := aks.Refresh(ctx); return err },
		"Logs":              func(ctx context.Context) error { _, err := aks.Logs(ctx, nil); return err },
		"FollowLogs":        func(ctx context.Context) error { return aks.FollowLogs(ctx, io.Discard, nil) },
		"FollowLogs to nil": func(ctx context.Context) error { return aks.FollowLogs(ctx, nil, nil) },
		"BeginDelete":       func(ctx context.Context) error { _, err := aks.BeginDelete(ctx, nil); return err },
		"BeginUpdate": func(ctx context.Context) error {
			_, err := aks.BeginUpdate(ctx, webservice.AksUpdate{Description: new("x")}, nil)
			return err
		},
		"BeginMigrate": func(ctx context.Context) error { _, err := aks.BeginMigrate(ctx, "k8s", nil); return err },
		"AddTags":      func(ctx context.Context) error { _, err := aks.AddTags(ctx, map[string]string{"a": "b"}); return err },
		"SetTraffic": func(ctx context.Context) error {
			_, err := endpoint.SetTraffic(ctx, map[string]float64{"one": 100}, nil)
			return err
		},
		"BeginDeleteVersion": func(ctx context.Context) error { _, err := endpoint.BeginDeleteVersion(ctx, "one", nil); return err },
		"NewSplitter by hand": func(ctx context.Context) error {
			_, err := webservice.NewSplitter(ctx, "s", []webservice.SplitterVersion{{Service: aks}}, nil)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			failure(t, call(t.Context()), azureml.ErrInvalid)
		})
	}
	assert.Empty(t, endpoint.Traffic())
	assert.Empty(t, endpoint.DefaultVersion())
}

// TestStreamOfNothing: no body is an empty one.
func TestStreamOfNothing(t *testing.T) {
	t.Parallel()
	address, transport := scripted(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	scorer, err := webservice.NewScorer(address, webservice.ScorerAuth{}, &webservice.ScorerOptions{Transport: transport})
	require.NoError(t, err)
	stream, err := scorer.Stream(t.Context(), nil, nil)
	require.NoError(t, err)
	defer stream.Close()
	answer, err := io.ReadAll(stream)
	require.NoError(t, err)
	assert.Empty(t, answer)
}

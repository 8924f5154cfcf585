package webservice_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

// world is an emulated workspace with a cluster and a model that needs no code.
type world struct {
	srv *azuremltest.Server
	ws  *workspace.Workspace
	m   *model.Model
}

func newWorld(t *testing.T, o *azuremltest.Options) world {
	t.Helper()
	srv := azuremltest.NewServer(o)
	t.Cleanup(srv.Close)
	srv.AddCompute(azuremltest.Workspace{}, azuremltest.Compute{Name: "myaks"})
	srv.AddModel(azuremltest.Workspace{}, azuremltest.Model{Name: "mymodel", Framework: "ScikitLearn"})
	ws, err := workspace.Get(t.Context(), azuremltest.WorkspaceName, srv.Credential(), &workspace.GetOptions{
		ClientOptions: srv.ClientOptions(), SubscriptionID: azuremltest.SubscriptionID, ResourceGroup: azuremltest.ResourceGroup,
	})
	require.NoError(t, err)
	m, err := model.Get(t.Context(), ws, "mymodel", nil)
	require.NoError(t, err)
	return world{srv, ws, m}
}

// inMemory runs test in an emulated world and virtual time.
func inMemory(t *testing.T, test func(t *testing.T, w world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, newWorld(t, &azuremltest.Options{InMemory: true})) })
}

// deploy deploys the model and waits.
func deploy[S any](t *testing.T, w world, name string, config model.DeployConfiguration[S]) (S, error) {
	t.Helper()
	p, err := model.BeginDeploy(t.Context(), w.ws, name, []*model.Model{w.m}, nil, config, nil)
	require.NoError(t, err)
	return azureml.Wait(t.Context(), p, nil)
}

func mustDeploy(t *testing.T, w world, config webservice.AksDeployConfiguration) *webservice.AksWebservice {
	t.Helper()
	config.ComputeTarget = "myaks"
	svc, err := deploy(t, w, "myservice", config)
	require.NoError(t, err)
	return svc
}

// TestServiceLife goes once through everything, over TLS and real connections.
func TestServiceLife(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	ctx := t.Context()
	svc := mustDeploy(t, w, webservice.AksDeployConfiguration{CPUCores: 1, MemoryGB: 1, Tags: map[string]string{"a": "1"}})
	assert.Equal(t, webservice.StateHealthy, svc.State)
	answer, err := svc.Run(ctx, one)
	require.NoError(t, err)
	assert.JSONEq(t, string(one), string(answer))
	logs, err := svc.Logs(ctx, nil)
	require.NoError(t, err)
	assert.NotEmpty(t, logs)

	keys, err := svc.Keys(ctx)
	require.NoError(t, err)
	fresh, err := svc.RegenerateKey(ctx, webservice.KeyTypePrimary, nil)
	require.NoError(t, err)
	assert.NotEqual(t, keys.Primary.Reveal(), fresh.Primary.Reveal())
	assert.Equal(t, keys.Secondary.Reveal(), fresh.Secondary.Reveal())
	_, err = svc.Run(ctx, one)
	require.NoError(t, err, "a changed key is not noticed")
	_, err = svc.SetKeys(ctx, azureml.NewSecret("my-primary-key"), azureml.NewSecret("my-secondary-key"))
	require.NoError(t, err)
	scorer, err := webservice.NewScorer(svc.ScoringURI, webservice.ScorerAuth{PrimaryKey: azureml.NewSecret("my-secondary-key")}, &webservice.ScorerOptions{Transport: w.srv.Client().Transport})
	require.NoError(t, err)
	_, err = scorer.Run(ctx, one)
	require.NoError(t, err)

	svc, err = svc.AddTags(ctx, map[string]string{"b": "2"})
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"a": "1", "b": "2"}, svc.Tags)
	svc, err = update(ctx, svc, webservice.AksUpdate{AuthEnabled: to.Ptr(false), TokenAuthEnabled: to.Ptr(true), CPUCores: to.Ptr(2.0), CPUCoresLimit: to.Ptr(2.0)}, nil)
	require.NoError(t, err)
	assert.InDelta(t, 2, *svc.ContainerResourceRequirements.CPU, 0)
	_, err = svc.Token(ctx)
	require.NoError(t, err)
	_, err = svc.Run(ctx, one)
	require.NoError(t, err, "with a token from now on")
	_, err = scorer.Run(ctx, one)
	require.ErrorIs(t, err, azureml.ErrUnauthorized)

	names := 0
	for found, err := range webservice.List(ctx, w.ws, &webservice.ListOptions{ComputeType: "AKS", ModelName: "mymodel", Tags: []string{"b=2"}}) {
		require.NoError(t, err)
		assert.Equal(t, "myservice", found.Common().Name)
		names++
	}
	assert.Equal(t, 1, names)

	result, err := remove(ctx, svc, nil)
	require.NoError(t, err)
	assert.False(t, result.AlreadyGone)
	_, err = webservice.Get(ctx, w.ws, "myservice")
	require.ErrorIs(t, err, azureml.ErrNotFound)
	result, err = remove(ctx, svc, nil)
	require.NoError(t, err)
	assert.True(t, result.AlreadyGone)
}

func TestServiceOnACI(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, w world) {
		svc, err := deploy(t, w, "my-aci", webservice.AciDeployConfiguration{CPUCores: 1, MemoryGB: 1, AuthEnabled: to.Ptr(true)})
		require.NoError(t, err)
		_, err = svc.Run(t.Context(), one)
		require.NoError(t, err)
		_, err = svc.Token(t.Context())
		require.ErrorIs(t, err, azureml.ErrInvalid)
		p, err := svc.BeginUpdate(t.Context(), webservice.AciUpdate{AuthEnabled: to.Ptr(false), Description: to.Ptr("open")}, nil)
		require.NoError(t, err)
		svc, err = azureml.Wait(t.Context(), p, nil)
		require.NoError(t, err)
		assert.Equal(t, "open", svc.Description)
		_, err = svc.Run(t.Context(), one)
		require.NoError(t, err)
		svc, err = svc.RemoveTags(t.Context(), "x")
		require.NoError(t, err)
		_, err = remove(t.Context(), svc, nil)
		require.NoError(t, err)
	})
}

func TestDeploymentFails(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, w world) {
		w.srv.FailNextOperation(azuremltest.OperationFailure{Kind: "service", Code: "KubernetesDeploymentFailed", Message: "Kubernetes Deployment failed", Details: []azuremltest.ErrorDetail{{Code: "CrashLoopBackOff", Message: "Your container application crashed."}}})
		_, err := deploy(t, w, "myservice", webservice.AksDeployConfiguration{ComputeTarget: "myaks"})
		e := failure(t, err, azureml.ErrOperationFailed)
		assert.Equal(t, "DeployService", e.Stage)
		assert.NotEmpty(t, e.LogTail)
		assert.Contains(t, e.Remedy, "The container crashes")

		w.srv.FailNextOperation(azuremltest.OperationFailure{Kind: "service", State: "TimedOut"})
		_, err = deploy(t, w, "slow", webservice.AksDeployConfiguration{ComputeTarget: "myaks"})
		failure(t, err, azureml.ErrOperationTimedOut)
		assert.NotErrorIs(t, err, azureml.ErrOperationFailed)
	})
}

func TestWaitForWhatAnotherDeploys(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, w world) {
		_, err := model.BeginDeploy(t.Context(), w.ws, "myservice", []*model.Model{w.m}, nil, webservice.AksDeployConfiguration{ComputeTarget: "myaks"}, nil)
		require.NoError(t, err)
		svc, err := webservice.GetAks(t.Context(), w.ws, "myservice")
		require.NoError(t, err)
		assert.Equal(t, webservice.StateTransitioning, svc.State)
		svc, err = await(t.Context(), svc)
		require.NoError(t, err)
		assert.Equal(t, webservice.StateHealthy, svc.State)
	})
}

// TestScoringFaults has each fault of the way to a service, and what comes of it with
// and without the word that calls may run twice.
func TestScoringFaults(t *testing.T) {
	t.Parallel()
	at := func(f azuremltest.Fault) azuremltest.Fault { f.Method, f.Path = http.MethodPost, "/score"; return f }
	for name, test := range map[string]struct {
		fault            azuremltest.Fault
		kind, idempotent error // nil: it succeeds
		runs, idempRuns  int   // of the script
	}{
		"429 with Retry-After":   {azuremltest.Fault{Status: 429, RetryAfter: "3"}, nil, nil, 1, 1},
		"503":                    {azuremltest.Fault{Status: 503, Count: 2}, nil, nil, 1, 1},
		"503 for ever":           {azuremltest.Fault{Status: 503, Count: -1}, azureml.ErrUnavailable, azureml.ErrUnavailable, 0, 0},
		"reset before":           {azuremltest.Fault{ResetBefore: true}, azureml.ErrUnavailable, nil, 0, 1},
		"reset after":            {azuremltest.Fault{ResetAfter: true}, azureml.ErrUnavailable, nil, 1, 2},
		"answer cut off":         {azuremltest.Fault{CutBody: 3}, azureml.ErrUnavailable, nil, 1, 2},
		"504 with an HTML page":  {azuremltest.Fault{Status: 504, AfterEffect: true, Body: "<html><title>504</title></html>", Header: http.Header{"Content-Type": {"text/html"}}}, webservice.ErrScoringTimeout, nil, 1, 2},
		"502 of the replica":     {azuremltest.Fault{Status: 502, Body: "Replica closed connection before replying", Header: http.Header{"Content-Type": {"text/plain"}}}, webservice.ErrScript, nil, 0, 1},
		"an exception":           {azuremltest.Fault{Status: 500, Header: http.Header{"X-Ms-Run-Function-Failed": {"True"}}}, webservice.ErrScript, webservice.ErrScript, 0, 0},
		"another service's host": {azuremltest.Fault{Status: 404}, azureml.ErrNotFound, azureml.ErrNotFound, 0, 0},
	} {
		for _, idempotent := range []bool{false, true} {
			t.Run(name+map[bool]string{true: "/idempotent"}[idempotent], func(t *testing.T) {
				t.Parallel()
				inMemory(t, func(t *testing.T, w world) {
					svc := mustDeploy(t, w, webservice.AksDeployConfiguration{})
					var runs atomic.Int32
					w.srv.SetScorer("myservice", func(context.Context, *azuremltest.ScoreRequest) (*azuremltest.ScoreResponse, error) {
						runs.Add(1)
						return &azuremltest.ScoreResponse{Body: []byte(`{"predictions":[0.5]}`)}, nil
					})
					scorer, err := svc.Scorer(t.Context(), &webservice.ScorerOptions{Idempotent: idempotent})
					require.NoError(t, err)
					w.srv.Fault(at(test.fault))
					_, err = scorer.Run(t.Context(), one)
					want, wantRuns := test.kind, test.runs
					if idempotent {
						want, wantRuns = test.idempotent, test.idempRuns
					}
					if want == nil {
						require.NoError(t, err)
					} else {
						failure(t, err, want)
					}
					assert.EqualValues(t, wantRuns, runs.Load())
				})
			})
		}
	}
}

func TestScriptsThatFail(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, w world) {
		svc := mustDeploy(t, w, webservice.AksDeployConfiguration{ScoringTimeout: time.Second})
		for name, script := range map[string]azuremltest.Scorer{
			"exception": func(context.Context, *azuremltest.ScoreRequest) (*azuremltest.ScoreResponse, error) {
				return nil, errors.New("boom")
			},
			"crash": func(context.Context, *azuremltest.ScoreRequest) (*azuremltest.ScoreResponse, error) { panic("boom") },
		} {
			w.srv.SetScorer("myservice", script)
			_, err := svc.Run(t.Context(), one)
			failure(t, err, webservice.ErrScript)
			assert.NotContains(t, err.Error(), "boom", name)
		}
		w.srv.SetScorer("myservice", func(ctx context.Context, _ *azuremltest.ScoreRequest) (*azuremltest.ScoreResponse, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		_, err := svc.Run(t.Context(), one)
		failure(t, err, webservice.ErrScoringTimeout)
	})
}

// A service whose key this program has just changed is called with the new one: no call is
// refused first.
func TestRunKnowsOfKeysItChanged(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, w world) {
		svc, err := deploy(t, w, "churn-svc", webservice.AksDeployConfiguration{ComputeTarget: "myaks"})
		require.NoError(t, err)
		body := []byte(`{"data":[[1]]}`)
		_, err = svc.Run(t.Context(), body)
		require.NoError(t, err)
		_, err = svc.RegenerateKey(t.Context(), webservice.KeyTypePrimary, nil)
		require.NoError(t, err)
		fresh, err := svc.Refresh(t.Context())
		require.NoError(t, err)
		w.srv.ResetRequests()
		_, err = fresh.Run(t.Context(), body)
		require.NoError(t, err)
		assert.Len(t, w.srv.Requests(), 1)
	})
}

// TestRunUsesKeysThatWereRead: they are not asked for again, and if they have changed
// since, by somebody else, that is noticed.
func TestRunUsesKeysThatWereRead(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, w world) {
		_, err := deploy(t, w, "churn-svc", webservice.AksDeployConfiguration{ComputeTarget: "myaks"})
		require.NoError(t, err)
		for want, between := range map[int]func(){1: func() {}, 3: func() { // refused, listkeys, scored
			other, err := webservice.GetAks(t.Context(), w.ws, "churn-svc")
			require.NoError(t, err)
			_, err = other.SetKeys(t.Context(), azureml.NewSecret("another-primary"), azureml.NewSecret("another-secondary"))
			require.NoError(t, err)
		}} {
			fresh, err := webservice.GetAks(t.Context(), w.ws, "churn-svc")
			require.NoError(t, err)
			_, err = fresh.Keys(t.Context())
			require.NoError(t, err)
			between()
			w.srv.ResetRequests()
			_, err = fresh.Run(t.Context(), []byte(`{"data":[[1]]}`))
			require.NoError(t, err)
			assert.Len(t, w.srv.Requests(), want)
		}
	})
}

// TestKeysChangeUnderLoad: 64 callers make 10,000 calls while both keys are regenerated
// again and again; none fails.
func TestKeysChangeUnderLoad(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	svc := mustDeploy(t, w, webservice.AksDeployConfiguration{})
	scorer, err := svc.Scorer(t.Context(), nil)
	require.NoError(t, err)
	var calls, failed atomic.Int32
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for calls.Add(1) <= 10_000 {
				if _, err := scorer.Run(t.Context(), one); err != nil && failed.Add(1) == 1 {
					t.Error(err)
				}
			}
		})
	}
	changes := 0
	for calls.Load() < 9_000 {
		for _, key := range webservice.PossibleKeyTypeValues() {
			_, err := svc.RegenerateKey(t.Context(), key, nil)
			require.NoError(t, err)
			changes++
		}
	}
	wg.Wait()
	assert.Zero(t, failed.Load())
	t.Logf("%d changes of keys", changes)
	listed := 0
	for _, r := range w.srv.Requests() {
		if strings.HasSuffix(r.URL.Path, "/listkeys") {
			listed++
		}
	}
	assert.Less(t, listed, 10*changes+10, "one fetch serves all callers")
}

func TestStreamThroughTheEmulator(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, w world) {
		svc := mustDeploy(t, w, webservice.AksDeployConfiguration{})
		scorer, err := svc.Scorer(t.Context(), nil)
		require.NoError(t, err)
		stream, err := scorer.Stream(t.Context(), strings.NewReader(`"x"`), &webservice.CallOptions{ContentType: "application/octet-stream"})
		require.NoError(t, err)
		body, err := io.ReadAll(stream)
		require.NoError(t, err)
		require.NoError(t, stream.Close())
		assert.Equal(t, `"x"`, string(body))
		assert.NotEmpty(t, stream.Header.Get("X-Ms-Server-Version"))
	})
}

func Example() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	srv.AddCompute(azuremltest.Workspace{}, azuremltest.Compute{Name: "myaks"})
	srv.AddModel(azuremltest.Workspace{}, azuremltest.Model{Name: "mymodel", Framework: "ScikitLearn"})
	srv.SetScorer("myservice", func(context.Context, *azuremltest.ScoreRequest) (*azuremltest.ScoreResponse, error) {
		return &azuremltest.ScoreResponse{Body: []byte(`{"predictions":[0.5]}`)}, nil
	})
	ctx := context.Background()
	ws, err := workspace.Get(ctx, azuremltest.WorkspaceName, srv.Credential(), &workspace.GetOptions{ClientOptions: srv.ClientOptions(), SubscriptionID: azuremltest.SubscriptionID})
	check(err)
	m, err := model.Get(ctx, ws, "mymodel", nil)
	check(err)

	p, err := model.BeginDeploy(ctx, ws, "myservice", []*model.Model{m}, nil,
		webservice.AksDeployConfiguration{ComputeTarget: "myaks", CPUCores: 1, MemoryGB: 1}, nil)
	check(err)
	svc, err := azureml.Wait(ctx, p, nil)
	check(err)
	answer, err := svc.Run(ctx, []byte(`{"data":[[0.1,0.2]]}`))
	check(err)
	fmt.Println(svc)
	fmt.Println(string(answer))
	// Output:
	// web service "myservice" (AKS, Healthy)
	// {"predictions":[0.5]}
}

func ExampleScore() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	srv.AddCompute(azuremltest.Workspace{}, azuremltest.Compute{Name: "myaks"})
	deployed := srv.AddService(azuremltest.Workspace{}, map[string]any{
		"name": "myservice", "computeType": "AKS", "computeName": "myaks",
		"environmentImageRequest": map[string]any{"modelIds": []string{srv.AddModel(azuremltest.Workspace{}, azuremltest.Model{Name: "m", Framework: "Onnx"}).ID}},
	})
	srv.SetScorer("myservice", func(context.Context, *azuremltest.ScoreRequest) (*azuremltest.ScoreResponse, error) {
		return &azuremltest.ScoreResponse{Body: []byte(`"{\"predictions\": [0.5, 0.25]}"`)}, nil
	})

	// A program that holds nothing but the address and a key.
	scorer, err := webservice.NewScorer(deployed.ScoringURL,
		webservice.ScorerAuth{PrimaryKey: azureml.NewSecret(deployed.PrimaryKey)},
		&webservice.ScorerOptions{Transport: srv.Client().Transport})
	check(err)
	type output struct {
		Predictions []float64 `json:"predictions"`
	}
	out, err := webservice.Score[output](context.Background(), scorer, map[string]any{"data": [][]float64{{0.1, 0.2}}})
	check(err)
	fmt.Println(out.Predictions)
	// Output: [0.5 0.25]
}

func check(err error) {
	if err != nil {
		panic(azureml.Explain(err))
	}
}

package main

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

// versionHeader is where the script says which version it is.
const versionHeader = "X-Churn-Version"

func versionOf(answer *webservice.Answer) string { return answer.Header.Get(versionHeader) }

// world is an Azure in this process, with a cluster and a model.
type world struct {
	*azuremltest.Server
	ws    *workspace.Workspace
	model *model.Model
}

func newWorld(ctx context.Context, bad string) (*world, error) {
	srv := azuremltest.NewServer(&azuremltest.Options{OperationPolls: 1})
	srv.AddCompute(azuremltest.Workspace{}, azuremltest.Compute{Name: cluster})
	srv.AddModel(azuremltest.Workspace{}, azuremltest.Model{Name: modelName, Framework: "ScikitLearn"})
	srv.SetScorer(endpointName, script(2*time.Millisecond, false))
	if bad == "slow" {
		srv.SetVersionScorer(endpointName, badVersion, script(120*time.Millisecond, false))
	} else {
		srv.SetVersionScorer(endpointName, badVersion, script(2*time.Millisecond, true))
	}
	w := &world{Server: srv}
	if err := w.open(ctx); err != nil {
		srv.Close()
		return nil, err
	}
	return w, nil
}

func (w *world) open(ctx context.Context) (err error) {
	w.ws, err = workspace.Get(ctx, azuremltest.WorkspaceName, w.Credential(), &workspace.GetOptions{
		ClientOptions: w.ClientOptions(), SubscriptionID: azuremltest.SubscriptionID, ResourceGroup: azuremltest.ResourceGroup,
	})
	if err != nil {
		return err
	}
	w.model, err = model.Get(ctx, w.ws, modelName, nil)
	return err
}

// script is an entry script: it takes its time, and one that fails does so every fourth
// time.
func script(takes time.Duration, fails bool) azuremltest.Scorer {
	var calls atomic.Int64
	return func(ctx context.Context, in *azuremltest.ScoreRequest) (*azuremltest.ScoreResponse, error) {
		select {
		case <-time.After(takes):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if fails && calls.Add(1)%4 == 0 {
			return nil, errors.New("division by zero")
		}
		return &azuremltest.ScoreResponse{Body: []byte(`[0.5]`), Header: http.Header{versionHeader: {in.Version}}}, nil
	}
}

// callers are those who use the endpoint all the while, and must not notice anything but
// the bad version's share.
type callers struct {
	cancel context.CancelFunc
	wait   sync.WaitGroup
	scorer *webservice.Scorer
}

const callerCount = 4

func call(ctx context.Context, e *webservice.AksEndpoint) (*callers, error) {
	scorer, err := e.Scorer(ctx, nil)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	c := &callers{cancel: cancel, scorer: scorer}
	for range callerCount {
		c.wait.Go(func() {
			for ctx.Err() == nil {
				_, _ = scorer.Run(ctx, []byte(`{"data":[[0.3,0.4]]}`)) // the judge looks, not they
				select {
				case <-time.After(5 * time.Millisecond):
				case <-ctx.Done():
				}
			}
		})
	}
	return c, nil
}

func (c *callers) stop() {
	c.cancel()
	c.wait.Wait()
	c.scorer.Close()
}

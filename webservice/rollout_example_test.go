package webservice_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

// exampleRollout is an emulated endpoint with the versions churn-1, the default, and
// churn-2.
func exampleRollout(srv *azuremltest.Server) (*webservice.AksEndpoint, error) {
	srv.AddCompute(azuremltest.Workspace{}, azuremltest.Compute{Name: "myaks"})
	image := map[string]any{"modelIds": []string{srv.AddModel(azuremltest.Workspace{}, azuremltest.Model{Name: "churn", Framework: "ScikitLearn"}).ID}}
	srv.AddService(azuremltest.Workspace{}, map[string]any{"name": "churn", "computeType": "AKSENDPOINT", "computeName": "myaks", "versions": map[string]any{
		"churn-1": map[string]any{"name": "churn-1", "computeType": "AKS", "isDefault": true, "type": "Control", "environmentImageRequest": image},
		"churn-2": map[string]any{"name": "churn-2", "computeType": "AKS", "isDefault": false, "type": "Treatment", "environmentImageRequest": image},
	}})
	ctx := context.Background()
	ws, err := workspace.Get(ctx, azuremltest.WorkspaceName, srv.Credential(), &workspace.GetOptions{ClientOptions: srv.ClientOptions(), SubscriptionID: azuremltest.SubscriptionID})
	if err != nil {
		return nil, err
	}
	return webservice.GetEndpoint(ctx, ws, "churn")
}

func ExampleRollout() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	endpoint, err := exampleRollout(srv)
	if err != nil {
		fmt.Println(azureml.Explain(err))
		return
	}
	srv.SetVersionScorer("churn", "churn-2", func(context.Context, *azuremltest.ScoreRequest) (*azuremltest.ScoreResponse, error) {
		return nil, errors.New("a bug")
	})

	result, err := webservice.Rollout(context.Background(), endpoint, "churn-2", &webservice.RolloutOptions{
		Steps: []float64{20, 100},
		Bake:  50 * time.Millisecond, // minutes, for a real one
		Judge: webservice.AllJudges(
			webservice.StateJudge(),
			webservice.ProbeJudge([][]byte{[]byte(`{"data":[[0.1,0.2]]}`)}, nil),
		),
		OnEvent: func(e webservice.RolloutEvent) {
			if e.Kind != webservice.RolloutEventJudged && e.Kind != webservice.RolloutEventRollingBack {
				fmt.Println(e.Kind, e.Traffic)
			}
		},
	})
	fmt.Println(result.Outcome, errors.Is(err, webservice.ErrRolledBack))
	// Output:
	// started map[churn-1:100 churn-2:0]
	// shifted map[churn-1:80 churn-2:20]
	// rolled back map[churn-1:100 churn-2:0]
	// rolled back true
}

// A rollout that survives the end of its program: the state is kept in a place that is
// still there afterwards.
func ExampleResumeRollout() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	endpoint, err := exampleRollout(srv)
	if err != nil {
		fmt.Println(azureml.Explain(err))
		return
	}
	kept := map[string]webservice.RolloutState{} // a database
	options := &webservice.RolloutOptions{
		Steps: []float64{10, 50}, Bake: 20 * time.Millisecond,
		Save: func(_ context.Context, state webservice.RolloutState) error {
			kept[state.Name()] = state
			return nil
		},
	}

	ctx, stop := context.WithCancel(context.Background())
	options.OnEvent = func(e webservice.RolloutEvent) {
		if e.Kind == webservice.RolloutEventShifted && e.Step == 2 {
			stop() // the program is ended in the middle
		}
	}
	result, _ := webservice.Rollout(ctx, endpoint, "churn-2", options)
	fmt.Println(result.Outcome, result.Traffic)

	options.OnEvent = nil
	result, err = webservice.ResumeRollout(context.Background(), endpoint, kept["churn"], options)
	fmt.Println(result.Outcome, result.Traffic, err)
	// Output:
	// stopped map[churn-1:50 churn-2:50]
	// promoted map[churn-1:0 churn-2:100] <nil>
}

// Numbers that are measured elsewhere decide.
func ExampleMetricJudge() {
	query := func(string) (float64, error) { return 100, nil } // to Prometheus, say
	source := func(_ context.Context, version string, since time.Time) (webservice.VersionStats, error) {
		window := math.Ceil(time.Since(since).Seconds())
		requests, err := query(fmt.Sprintf(`sum(increase(requests_total{version=%q}[%vs]))`, version, window))
		if err != nil {
			return webservice.VersionStats{}, err
		}
		return webservice.VersionStats{Requests: requests, Failures: 0.25 * requests, Latency: 40 * time.Millisecond}, nil
	}
	judge := webservice.MetricJudge(source, &webservice.Limits{MinSuccessRate: 0.99})
	verdict, err := judge(context.Background(), webservice.Observation{Version: "churn-2", Old: "churn-1", Since: time.Now()})
	fmt.Println(verdict.Decision, err)
	// Output: roll back <nil>
}

// Two plain services, and callers that are shared out between them in this process.
func ExampleSplitter() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	srv.AddCompute(azuremltest.Workspace{}, azuremltest.Compute{Name: "myaks"})
	id := srv.AddModel(azuremltest.Workspace{}, azuremltest.Model{Name: "churn", Framework: "ScikitLearn"}).ID
	var versions []webservice.SplitterVersion
	for _, name := range []string{"churn-1", "churn-2"} {
		service := srv.AddService(azuremltest.Workspace{}, map[string]any{
			"name": name, "computeType": "AKS", "computeName": "myaks", "environmentImageRequest": map[string]any{"modelIds": []string{id}},
		})
		srv.SetScorer(name, func(_ context.Context, in *azuremltest.ScoreRequest) (*azuremltest.ScoreResponse, error) {
			return &azuremltest.ScoreResponse{Body: []byte(`"` + in.Service + `"`)}, nil
		})
		scorer, err := webservice.NewScorer(service.ScoringURL, webservice.ScorerAuth{PrimaryKey: azureml.NewSecret(service.PrimaryKey)},
			&webservice.ScorerOptions{Transport: srv.Client().Transport})
		if err != nil {
			fmt.Println(azureml.Explain(err))
			return
		}
		versions = append(versions, webservice.SplitterVersion{Name: name, Scorer: scorer})
	}

	ctx := context.Background()
	splitter, err := webservice.NewSplitter(ctx, "churn", versions, nil)
	if err != nil {
		fmt.Println(azureml.Explain(err))
		return
	}
	defer splitter.Close()
	for _, share := range []float64{0, 25, 100} { // or webservice.Rollout(ctx, splitter, "churn-2", …)
		if err := splitter.SetTraffic(map[string]float64{"churn-1": 100 - share, "churn-2": share}); err != nil {
			fmt.Println(azureml.Explain(err))
			return
		}
		for _, customer := range []string{"caller-0", "caller-1"} {
			answer, err := webservice.SplitScore[string](ctx, splitter, customer, map[string]any{"data": [][]float64{{1}}})
			fmt.Println(share, customer, answer, err)
		}
	}
	// Output:
	// 0 caller-0 churn-1 <nil>
	// 0 caller-1 churn-1 <nil>
	// 25 caller-0 churn-2 <nil>
	// 25 caller-1 churn-1 <nil>
	// 100 caller-0 churn-2 <nil>
	// 100 caller-1 churn-2 <nil>
}

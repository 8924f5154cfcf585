package webservice_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

// workspaceOf opens the emulator's workspace.
func workspaceOf(srv *azuremltest.Server) *workspace.Workspace {
	ws, err := workspace.Get(context.Background(), azuremltest.WorkspaceName, srv.Credential(), &workspace.GetOptions{ClientOptions: srv.ClientOptions(), SubscriptionID: azuremltest.SubscriptionID})
	check(err)
	return ws
}

// A service of any kind: what all have in common is in Common, the rest in its type.
func ExampleGet() {
	srv, _ := emulated()
	defer srv.Close()

	svc, err := webservice.Get(context.Background(), workspaceOf(srv), "myservice")
	check(err)
	fmt.Println(svc.Common().Name, svc.Common().State)
	if aks, ok := svc.(*webservice.AksWebservice); ok {
		fmt.Println("on", aks.ComputeName)
	}
	// Output:
	// myservice Healthy
	// on myaks
}

// A service on AKS; one of another kind is an error that says which.
func ExampleGetAks() {
	srv, _ := emulated()
	defer srv.Close()
	ctx, ws := context.Background(), workspaceOf(srv)

	svc, err := webservice.GetAks(ctx, ws, "myservice")
	check(err)
	fmt.Println(svc.ComputeName)
	_, err = webservice.GetAks(ctx, ws, "nothere")
	fmt.Println(errors.Is(err, azureml.ErrNotFound))
	// Output:
	// myaks
	// true
}

func ExampleGetAci() {
	srv, _ := emulated()
	defer srv.Close()

	_, err := webservice.GetAci(context.Background(), workspaceOf(srv), "myservice")
	fmt.Println(strings.TrimSpace(azureml.Explain(err)))
	// Output:
	// Could not get web service "myservice": its kind is AKS, not that of AciWebservice
	// What to do:
	//   Read it with webservice.GetAks.
	// More: https://github.com/azureml-go/azureml/blob/main/TROUBLESHOOTING.md#invalid
}

func ExampleGetEndpoint() {
	srv, _ := emulated()
	defer srv.Close()

	_, err := webservice.GetEndpoint(context.Background(), workspaceOf(srv), "nothere")
	fmt.Println(errors.Is(err, azureml.ErrNotFound))
	// Output: true
}

// A program that holds nothing but the address and a key.
func ExampleNewScorer() {
	srv, svc := emulated()
	defer srv.Close()
	ctx := context.Background()
	keys, err := svc.Keys(ctx)
	check(err)

	scorer, err := webservice.NewScorer(svc.ScoringURI, webservice.ScorerAuth{PrimaryKey: keys.Primary}, &webservice.ScorerOptions{
		Transport: srv.Client().Transport, // leads to the emulator; leave it out
	})
	check(err)
	defer scorer.Close()
	answer, err := scorer.Run(ctx, []byte(`{"data":[[1,2]]}`))
	check(err)
	fmt.Println(string(answer))
	// Output: {"data":[[1,2]]}
}

// Callers with the same key always reach the same of two services.
func ExampleNewSplitter() {
	srv, svc := emulated()
	defer srv.Close()
	ctx := context.Background()

	splitter, err := webservice.NewSplitter(ctx, "both", []webservice.SplitterVersion{
		{Name: "old", Service: svc}, {Name: "new", Service: svc, Percentile: 10},
	}, nil)
	check(err)
	defer splitter.Close()
	answer, err := splitter.Run(ctx, "customer 7", []byte(`{"data":[[1,2]]}`))
	check(err)
	fmt.Println(string(answer))
	// Output: {"data":[[1,2]]}
}

// One judge looks at what the service says, one calls the new version; both must agree.
func ExampleAllJudges() {
	judge := webservice.AllJudges(
		func(context.Context, webservice.Observation) (webservice.Verdict, error) {
			return webservice.Verdict{Decision: webservice.DecisionPromote}, nil
		},
		func(context.Context, webservice.Observation) (webservice.Verdict, error) {
			return webservice.Verdict{Decision: webservice.DecisionRollBack, Reason: "one answer in ten is late"}, nil
		},
	)
	verdict, err := judge(context.Background(), webservice.Observation{})
	fmt.Println(verdict, err)
	// Output: roll back: one answer in ten is late <nil>
}

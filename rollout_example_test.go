package azureml_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

// A version that fails is rolled back, on the emulator.
func Example_rollout() {
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	srv.AddCompute(azuremltest.Workspace{}, azuremltest.Compute{Name: "myaks"})
	image := map[string]any{"modelIds": []string{srv.AddModel(azuremltest.Workspace{}, azuremltest.Model{Name: "churn", Framework: "ScikitLearn"}).ID}}
	srv.AddService(azuremltest.Workspace{}, map[string]any{"name": "churn", "computeType": "AKSENDPOINT", "computeName": "myaks", "versions": map[string]any{
		"churn-1": map[string]any{"name": "churn-1", "computeType": "AKS", "isDefault": true, "type": "Control", "environmentImageRequest": image},
		"churn-2": map[string]any{"name": "churn-2", "computeType": "AKS", "isDefault": false, "type": "Treatment", "environmentImageRequest": image},
	}})
	ctx := context.Background()
	ws, err := workspace.Get(ctx, azuremltest.WorkspaceName, srv.Credential(), &workspace.GetOptions{ClientOptions: srv.ClientOptions(), SubscriptionID: azuremltest.SubscriptionID})
	if err != nil {
		fmt.Println(azureml.Explain(err))
		return
	}
	srv.SetVersionScorer("churn", "churn-2", func(context.Context, *azuremltest.ScoreRequest) (*azuremltest.ScoreResponse, error) {
		return nil, errors.New("a bug")
	})
	err = rollOut(ctx, ws, []byte(`{"data":[[0.1,0.2]]}`), 50*time.Millisecond)
	fmt.Println("rolled back:", errors.Is(err, webservice.ErrRolledBack))
	// Output: rolled back: true
}

// README: roll out
func rollOut(ctx context.Context, ws *workspace.Workspace, probe []byte, bake time.Duration) error {
	endpoint, err := webservice.GetEndpoint(ctx, ws, "churn")
	if err != nil {
		return err
	}
	_, err = webservice.Rollout(ctx, endpoint, "churn-2", &webservice.RolloutOptions{
		Steps: []float64{5, 25, 50, 100}, // percent
		Bake:  bake,                      // how long each step is watched
		Judge: webservice.AllJudges(webservice.StateJudge(), webservice.ProbeJudge([][]byte{probe}, nil)),
	})
	return err // nil: churn-2 is the default; webservice.ErrRolledBack: the traffic is as it was
}

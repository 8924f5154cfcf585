package webservice_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

// exampleWorkspace opens the emulator's workspace, with a cluster "myaks" and two versions
// of a model.
func exampleWorkspace(ctx context.Context, srv *azuremltest.Server) (*workspace.Workspace, []*model.Model, error) {
	srv.AddCompute(azuremltest.Workspace{}, azuremltest.Compute{Name: "myaks"})
	ws, err := workspace.Get(ctx, azuremltest.WorkspaceName, srv.Credential(), &workspace.GetOptions{
		ClientOptions: srv.ClientOptions(), SubscriptionID: azuremltest.SubscriptionID, ResourceGroup: azuremltest.ResourceGroup,
	})
	if err != nil {
		return nil, nil, err
	}
	var models []*model.Model
	for range 2 {
		srv.AddModel(azuremltest.Workspace{}, azuremltest.Model{Name: "mymodel", Framework: "ScikitLearn"})
		m, err := model.Get(ctx, ws, "mymodel", nil)
		if err != nil {
			return nil, nil, err
		}
		models = append(models, m)
	}
	return ws, models, nil
}

func printTraffic(e *webservice.AksEndpoint) {
	shares := e.Traffic()
	for _, name := range slices.Sorted(maps.Keys(shares)) {
		fmt.Printf("%s %v %%  ", name, shares[name])
	}
	fmt.Println("default", e.DefaultVersion())
}

// An endpoint is deployed with one version, gets another one, and hands it the traffic.
func Example_endpoint() {
	ctx := context.Background()
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	ws, models, err := exampleWorkspace(ctx, srv)
	if err != nil {
		fmt.Println(azureml.Explain(err))
		return
	}

	d, err := model.BeginDeploy(ctx, ws, "myendpoint", models[:1], nil,
		webservice.AksEndpointDeployConfiguration{ComputeTarget: "myaks", VersionName: "myendpoint-1"}, nil)
	if err != nil {
		fmt.Println(azureml.Explain(err))
		return
	}
	e, err := azureml.Wait(ctx, d, nil)
	if err != nil {
		fmt.Println(azureml.Explain(err))
		return
	}
	printTraffic(e)

	p, err := e.BeginCreateVersion(ctx, "myendpoint-2", models[1:], nil, webservice.VersionConfiguration{TrafficPercentile: to.Ptr(10.0)}, nil)
	if err != nil {
		fmt.Println(azureml.Explain(err))
		return
	}
	if e, err = azureml.Wait(ctx, p, nil); err != nil {
		fmt.Println(azureml.Explain(err))
		return
	}
	printTraffic(e)

	e, err = e.SetTraffic(ctx, map[string]float64{"myendpoint-2": 100},
		&webservice.SetTrafficOptions{DefaultVersion: "myendpoint-2", ControlVersion: "myendpoint-2"})
	if err != nil {
		fmt.Println(azureml.Explain(err))
		return
	}
	printTraffic(e)

	if p, err = e.BeginDeleteVersion(ctx, "myendpoint-1", nil); err != nil {
		fmt.Println(azureml.Explain(err))
		return
	}
	if e, err = azureml.Wait(ctx, p, nil); err != nil {
		fmt.Println(azureml.Explain(err))
		return
	}
	printTraffic(e)

	_, err = e.BeginDeleteVersion(ctx, "myendpoint-2", nil)
	fmt.Println("the last one can be deleted:", !errors.Is(err, azureml.ErrInvalid))
	// Output:
	// myendpoint-1 100 %  default myendpoint-1
	// myendpoint-1 90 %  myendpoint-2 10 %  default myendpoint-1
	// myendpoint-1 0 %  myendpoint-2 100 %  default myendpoint-2
	// myendpoint-2 100 %  default myendpoint-2
	// the last one can be deleted: false
}

func ExampleAksEndpoint_SetTraffic() {
	ctx := context.Background()
	srv := azuremltest.NewServer(nil)
	defer srv.Close()
	ws, models, err := exampleWorkspace(ctx, srv)
	if err != nil {
		fmt.Println(azureml.Explain(err))
		return
	}
	d, err := model.BeginDeploy(ctx, ws, "myendpoint", models[:1], nil,
		webservice.AksEndpointDeployConfiguration{ComputeTarget: "myaks", VersionName: "version-a"}, nil)
	if err != nil {
		fmt.Println(azureml.Explain(err))
		return
	}
	e, err := azureml.Wait(ctx, d, nil)
	if err != nil {
		fmt.Println(azureml.Explain(err))
		return
	}
	_, err = e.SetTraffic(ctx, map[string]float64{"version-a": 80, "version-b": 20}, nil)
	fmt.Println(err)
	// Output:
	// azureml: cannot set the traffic of web service "myendpoint": shares["version-b"] (20) is no version of the endpoint; it has "version-a"
}

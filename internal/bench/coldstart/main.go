// Coldstart is what a program that scores once does: it signs in, opens a workspace, reads
// a web service and its keys, and calls it. It prints how long that took, in nanoseconds,
// from the token to the answer, and from the start of the process to the answer. It
// imports what the quickstart imports of this module, but for the emulator.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/authentication"
	"github.com/azureml-go/azureml/compute"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprint(os.Stderr, azureml.Explain(err))
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	nanoseconds, err := strconv.ParseInt(os.Getenv("COLDSTART_BEGAN"), 10, 64)
	if err != nil {
		return err
	}
	began := time.Unix(0, nanoseconds)
	cred, err := authentication.NewServicePrincipalFromEnvironment(nil)
	if err != nil {
		return err
	}
	if _, err := cred.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{"https://management.azure.com/.default"}}); err != nil {
		return err
	}
	signedIn := time.Now()
	ws, err := workspace.Get(ctx, os.Args[1], cred, &workspace.GetOptions{SubscriptionID: os.Args[2], ResourceGroup: os.Args[3]})
	if err != nil {
		return err
	}
	if len(os.Args) > 5 { // never: it keeps what a deploying program needs in the binary
		return deploy(ctx, ws)
	}
	svc, err := webservice.Get(ctx, ws, os.Args[4])
	if err != nil {
		return err
	}
	if _, err := svc.Run(ctx, []byte(`{"data":[[1]]}`)); err != nil {
		return err
	}
	now := time.Now()
	fmt.Println(int64(now.Sub(signedIn)), int64(now.Sub(began)))
	return nil
}

func deploy(ctx context.Context, ws *workspace.Workspace) error {
	if _, err := compute.BeginCreate(ctx, ws, "aks", compute.AksProvisioningConfiguration{}, nil); err != nil {
		return err
	}
	m, err := model.Register(ctx, ws, "model", "model.pkl", nil)
	if err != nil {
		return err
	}
	p, err := model.BeginDeploy(ctx, ws, "service", []*model.Model{m}, &model.InferenceConfig{EntryScript: "score.py"},
		webservice.AksDeployConfiguration{ComputeTarget: "aks"}, nil)
	if err != nil {
		return err
	}
	_, err = azureml.Wait(ctx, p, nil)
	return err
}

package main

import (
	"context"
	"strings"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/compute"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

// otherWorkspace is the name of two further workspaces in the scenario that lists them.
const otherWorkspace = "ml-other"

// scenario is a function of that name in scenarios/*.py.
type scenario struct {
	name, about string
	// options of the emulator; one poll of an operation is answered with "not yet" if nil.
	options *azuremltest.Options
	// prepare the emulator, if not nil.
	prepare func(ctx context.Context, srv *azuremltest.Server) error
}

// scenarios are all there are, in the order in which they are shown.
var scenarios = []scenario{
	{name: "service_principal", about: "sign-in with a service principal; a wrong secret, an unknown tenant"},
	{name: "workspace_get", about: "open a workspace, its details; what does not exist"},
	{name: "workspace_config", about: "write config.json, open a workspace from it, also from a folder below"},
	{name: "workspace_list", about: "list the workspaces of a subscription and of a group", prepare: moreWorkspaces},
	{name: "compute_attach", about: "attach an AKS cluster, read it and its credentials"},
	{name: "compute_detach", about: "detach a cluster and attach it again"},
	{name: "compute_create", about: "create an AKS cluster, twice under one name"},
	{name: "compute_update", about: "turn TLS on"},
	{name: "compute_delete", about: "delete a cluster"},
	{name: "compute_failed", about: "a cluster that cannot be made", prepare: failNext(azuremltest.OperationFailure{Kind: "compute", Code: "QuotaExceeded", Message: "not enough quota", StatusCode: 409})},
	{name: "model_register_file", about: "register two versions of a model, read them by name, version and id"},
	{name: "model_register_folder", about: "register a folder and download it"},
	{name: "model_register_large", about: "register 40 MiB and download them"},
	{name: "model_download", about: "download a file, over another one"},
	{name: "model_list", about: "list models over several pages, by name, by tag, the newest", options: &azuremltest.Options{PageSize: 2}},
	{name: "model_update", about: "tags, properties and description of a model"},
	{name: "model_delete", about: "delete a model"},
	{name: "environments", about: "register an environment, unchanged and changed; read it"},
	{name: "aks_deploy", about: "deploy to AKS, wait, log, score, list; a taken name"},
	{name: "aks_overwrite", about: "deploy over a service that exists"},
	{name: "aks_keys", about: "keys, new ones and one's own"},
	{name: "aks_token", about: "token authentication: tokens, scoring"},
	{name: "aks_update", about: "update resources, models, tags, properties and description"},
	{name: "aks_autoscale", about: "deploy with autoscaling and limits"},
	{name: "aks_delete", about: "delete a service and deploy under its name again"},
	{name: "aks_failed", about: "an entry script that crashes: error and log", prepare: failNext(azuremltest.OperationFailure{Kind: "service"})},
	{name: "aks_refused", about: "too many cores, both kinds of authentication, a bad name"},
	{name: "aci_deploy", about: "deploy to ACI, wait, keys, log, score"},
	{name: "aci_update", about: "ask for keys where none were asked for"},
	{name: "aci_delete", about: "delete a service on ACI"},
	{name: "no_code", about: "deploy a scikit-learn model without code"},
	{name: "endpoint_deploy", about: "deploy an endpoint with a first version, score, keys, log"},
	{name: "endpoint_create_version", about: "a second version"},
	{name: "endpoint_update_version", about: "shift traffic, change the default and the control version"},
	{name: "endpoint_delete_version", about: "delete a version"},
	{name: "endpoint_update", about: "tags, properties and description of an endpoint"},
	{name: "endpoint_delete", about: "delete an endpoint"},
	{name: "made_by_library", about: "read, score, download and update what this library has made", prepare: makeWithLibrary},
}

func moreWorkspaces(_ context.Context, srv *azuremltest.Server) error {
	for _, group := range []string{azuremltest.ResourceGroup, "rg-second"} {
		srv.AddWorkspace(azuremltest.Workspace{Name: otherWorkspace, ResourceGroup: group})
	}
	return nil
}

func failNext(f azuremltest.OperationFailure) func(context.Context, *azuremltest.Server) error {
	return func(_ context.Context, srv *azuremltest.Server) error {
		srv.FailNextOperation(f)
		return nil
	}
}

// makeWithLibrary does with this library what the Python client then finds.
func makeWithLibrary(ctx context.Context, srv *azuremltest.Server) error {
	ws, err := open(ctx, srv)
	if err != nil {
		return err
	}
	attaching, err := compute.BeginAttach(ctx, ws, "aks", compute.AksAttachConfiguration{ResourceID: clusterID, ClusterPurpose: compute.DevTest}, nil)
	if err != nil {
		return err
	}
	if _, err := azureml.Wait(ctx, attaching, nil); err != nil {
		return err
	}
	m, err := model.RegisterReader(ctx, ws, "ours", "ours.txt", strings.NewReader("by the library"), nil)
	if err != nil {
		return err
	}
	return deployWithLibrary(ctx, ws, "ours", m, map[string]string{"a": "b"})
}

// open opens the emulator's workspace, signed in as the service principal.
func open(ctx context.Context, srv *azuremltest.Server) (*workspace.Workspace, error) {
	return workspace.Get(ctx, azuremltest.WorkspaceName, srv.Credential(), &workspace.GetOptions{
		ClientOptions: srv.ClientOptions(), SubscriptionID: azuremltest.SubscriptionID, ResourceGroup: azuremltest.ResourceGroup,
	})
}

// deployWithLibrary deploys a model to the cluster "aks" and waits.
func deployWithLibrary(ctx context.Context, ws *workspace.Workspace, name string, m *model.Model, tags map[string]string) error {
	script, remove, err := entryScript()
	if err != nil {
		return err
	}
	defer remove()
	env := model.NewEnvironment("deploy")
	env.Docker.SetImage("example.azurecr.io/base:1")
	env.Python.UserManagedDependencies = true
	env.InferencingStackVersion = "latest"
	deploying, err := model.BeginDeploy(ctx, ws, name, []*model.Model{m}, &model.InferenceConfig{EntryScript: script, Environment: env},
		webservice.AksDeployConfiguration{ComputeTarget: "aks", CPUCores: 0.5, MemoryGB: 1, Tags: tags}, nil)
	if err != nil {
		return err
	}
	_, err = azureml.Wait(ctx, deploying, nil)
	return err
}

package recipes

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/compute"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

var computeRecipes = []recipe{
	{id: "B01", title: "AksCompute.provisioning_configuration(), for dev/test, with own agent_count and vm_size", run: recipeProvisioningConfigurations},
	{id: "B02", title: "ComputeTarget.create(ws, name, config), wait_for_completion(show_output=True)", run: recipeCreate},
	{id: "B03", title: "agents × vCPUs ≥ 12 unless DEV_TEST; ≥ 2 vCPUs for DEV_TEST", run: recipeCores},
	{id: "B05", title: "AksCompute.attach_configuration(resource_group, cluster_name[, cluster_purpose]), ComputeTarget.attach", run: recipeAttach},
	{id: "B07", title: "detach(): afterwards no deployment is possible, the cluster stays", run: recipeDetach},
	{id: "B08", title: "never two attachments of one cluster in a workspace", run: recipeDoubleAttach},
}

func recipeProvisioningConfigurations(t *testing.T, w *world) {
	ws := w.workspace()
	for name, c := range map[string]compute.AksProvisioningConfiguration{
		"default-aks": {},
		"dev-aks":     {ClusterPurpose: compute.DevTest},
		"own-aks":     {AgentCount: 4, VMSize: "Standard_D4_v2"},
	} {
		p, err := compute.BeginCreate(t.Context(), ws, name, c, nil)
		require.NoError(t, err)
		aks, err := azureml.Wait(t.Context(), p, nil)
		require.NoError(t, err)
		assert.Equal(t, "Succeeded", string(aks.ProvisioningState))
	}
	dev, err := compute.Get(t.Context(), ws, "dev-aks")
	require.NoError(t, err)
	assert.Equal(t, compute.DevTest, dev.ClusterPurpose)
	own, err := compute.Get(t.Context(), ws, "own-aks")
	require.NoError(t, err)
	require.NotNil(t, own.AgentCount)
	assert.EqualValues(t, 4, *own.AgentCount)
}

func recipeCreate(t *testing.T, w *world) {
	var shown bytes.Buffer
	p, err := compute.BeginCreate(t.Context(), w.workspace(), "myaks", compute.AksProvisioningConfiguration{}, nil)
	require.NoError(t, err)
	aks, err := azureml.Wait(t.Context(), p, &azureml.WaitOptions{Output: &shown})
	require.NoError(t, err)
	assert.Equal(t, "myaks", aks.Name)
	assert.Contains(t, shown.String(), `create compute "myaks": Creating`)
	assert.Contains(t, shown.String(), `create compute "myaks": Succeeded`)
}

func recipeCores(t *testing.T, w *world) {
	ws := w.workspace()
	_, err := compute.BeginCreate(t.Context(), ws, "myaks", compute.AksProvisioningConfiguration{AgentCount: 2}, nil)
	require.ErrorIs(t, err, azureml.ErrInvalid)
	assert.Contains(t, err.Error(), "12")
	_, err = compute.BeginCreate(t.Context(), ws, "myaks", compute.AksProvisioningConfiguration{AgentCount: 2, ClusterPurpose: compute.DevTest}, nil)
	require.NoError(t, err)
}

func (w *world) attach(ws *workspace.Workspace, name string) (*compute.AksCompute, error) {
	p, err := compute.BeginAttach(w.t.Context(), ws, name, compute.AksAttachConfiguration{ResourceGroup: azuremltest.ClusterResourceGroup, ClusterName: azuremltest.ClusterName}, nil)
	if err != nil {
		return nil, err
	}
	return azureml.Wait(w.t.Context(), p, nil)
}

func recipeAttach(t *testing.T, w *world) {
	aks, err := w.attach(w.workspace(), "myaks")
	require.NoError(t, err)
	assert.Equal(t, "Succeeded", string(aks.ProvisioningState))
	assert.Contains(t, aks.ResourceID, azuremltest.ClusterName)
}

func recipeDetach(t *testing.T, w *world) {
	ws := w.workspace()
	aks, err := w.attach(ws, "myaks")
	require.NoError(t, err)
	p, err := aks.BeginDetach(t.Context(), nil)
	require.NoError(t, err)
	_, err = azureml.Wait(t.Context(), p, nil)
	require.NoError(t, err)
	_, err = compute.Get(t.Context(), ws, "myaks")
	require.ErrorIs(t, err, azureml.ErrNotFound)
	_, err = model.BeginDeploy(t.Context(), ws, "myservice", []*model.Model{w.model(ws)}, w.inference(), webservice.AksDeployConfiguration{ComputeTarget: "myaks"}, nil)
	require.Error(t, err, "nothing can be deployed to it any more")
	_, err = w.attach(ws, "again")
	require.NoError(t, err, "the cluster is still there")
}

func recipeDoubleAttach(t *testing.T, w *world) {
	ws := w.workspace()
	first, err := w.attach(ws, "first")
	require.NoError(t, err)
	_, err = w.attach(ws, "second")
	require.ErrorIs(t, err, azureml.ErrConflict)
	assert.Contains(t, err.Error(), "first", "the error names the attachment that there is")
	first, err = first.Refresh(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "Succeeded", string(first.ProvisioningState), "the first one is unharmed")
}

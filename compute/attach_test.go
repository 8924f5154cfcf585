package compute_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/compute"
	"github.com/azureml-go/azureml/workspace"
)

var shared = compute.AksAttachConfiguration{ResourceGroup: "rg-aks", ClusterName: "shared"}

// attach attaches and waits.
func attach(t *testing.T, ws *workspace.Workspace, name string, c compute.AksAttachConfiguration, o *compute.AttachOptions) (*compute.AksCompute, error) {
	t.Helper()
	p, err := compute.BeginAttach(t.Context(), ws, name, c, o)
	if err != nil {
		return nil, err
	}
	return azureml.Wait(t.Context(), p, nil)
}

func TestAttach(t *testing.T) {
	t.Parallel()
	t.Run("by name", func(t *testing.T) {
		t.Parallel()
		play(t, "attach_by_name", func(t *testing.T, ws *workspace.Workspace) {
			var said warnings
			aks, err := attach(t, ws, "aks-att", shared, &compute.AttachOptions{OnWarning: said.add})
			require.NoError(t, err)
			assert.True(t, *aks.IsAttached)
			assert.Equal(t, sharedCluster, aks.ResourceID)
			assert.Empty(t, said)
		})
	})
	t.Run("by id", func(t *testing.T) {
		t.Parallel()
		play(t, "attach_by_id", func(t *testing.T, ws *workspace.Workspace) {
			var said warnings
			_, err := attach(t, ws, "aks-att", compute.AksAttachConfiguration{
				ResourceID: "/subscriptions/66666666-7777-8888-9999-000000000000/resourcegroups/rg-aks/providers/Microsoft.ContainerService/managedClusters/shared",
			}, &compute.AttachOptions{OnWarning: said.add})
			require.NoError(t, err)
			require.Len(t, said, 1)
			assert.Contains(t, said[0], "it is in northeurope and the workspace in westeurope")
		})
	})
	t.Run("another subscription by name", func(t *testing.T) {
		t.Parallel()
		play(t, "attach_by_id", func(t *testing.T, ws *workspace.Workspace) {
			c := shared
			c.SubscriptionID = "66666666-7777-8888-9999-000000000000"
			_, err := attach(t, ws, "aks-att", c, nil)
			require.NoError(t, err)
		})
	})
	t.Run("small, for tests", func(t *testing.T) {
		t.Parallel()
		play(t, "attach_dev_test", func(t *testing.T, ws *workspace.Workspace) {
			aks, err := attach(t, ws, "aks-dev", compute.AksAttachConfiguration{
				ResourceGroup: "rg-aks", ClusterName: "small", ClusterPurpose: compute.DevTest,
			}, nil)
			require.NoError(t, err)
			assert.Equal(t, compute.DevTest, aks.ClusterPurpose)
		})
	})
	t.Run("without any check", func(t *testing.T) {
		t.Parallel()
		play(t, "attach_overwrite", func(t *testing.T, ws *workspace.Workspace) {
			_, err := compute.BeginAttach(t.Context(), ws, "aks-att", shared, &compute.AttachOptions{SkipPreflight: true, Overwrite: true})
			require.NoError(t, err)
		})
	})
}

func TestAttachSendsEverything(t *testing.T) {
	t.Parallel()
	play(t, "attach_everything", func(t *testing.T, ws *workspace.Workspace) {
		c := shared
		c.ClusterPurpose, c.SSL = compute.DevTest, &compute.SslConfiguration{LeafDomainLabel: "contoso"}
		c.LoadBalancerType, c.LoadBalancerSubnet = compute.InternalLoadBalancer, "sub"
		_, err := compute.BeginAttach(t.Context(), ws, "aks-att", c, &compute.AttachOptions{SkipPreflight: true, Overwrite: true})
		require.NoError(t, err)
	})
}

func TestAttachFails(t *testing.T) {
	t.Parallel()
	play(t, "attach_failed", func(t *testing.T, ws *workspace.Workspace) {
		c := shared
		c.ClusterName = "missing"
		_, err := attach(t, ws, "aks-att", c, &compute.AttachOptions{SkipPreflight: true})
		assert.ErrorIs(t, err, azureml.ErrOperationFailed)
		assert.Contains(t, err.Error(), "ClusterNotFound")
	})
}

func TestAttachPreflight(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		recording string
		kind      error
		says      []string
	}{
		{"attach_missing", azureml.ErrNotFound, []string{"the AKS cluster shared is not in resource group rg-aks", `compute "aks-att"`}},
		{"attach_small", azureml.ErrInvalid, []string{"in state Updating", "8 vCPUs (2 machines)", "DevTest"}},
		{"attach_twice", azureml.ErrConflict, []string{`attached already, as compute "first"`}},
		{"attach_exists", azureml.ErrConflict, []string{"of that name already"}},
		{"attach_cluster_down", azureml.ErrInvalid, []string{"cannot look at the cluster before attaching", "no such api-version"}},
	} {
		t.Run(c.recording, func(t *testing.T) {
			t.Parallel()
			play(t, c.recording, func(t *testing.T, ws *workspace.Workspace) {
				_, err := compute.BeginAttach(t.Context(), ws, "aks-att", shared, nil)
				assert.ErrorIs(t, err, c.kind)
				for _, text := range c.says {
					assert.Contains(t, err.Error(), text)
				}
			})
		})
	}
	t.Run("may not look", func(t *testing.T) {
		t.Parallel()
		play(t, "attach_blind", func(t *testing.T, ws *workspace.Workspace) {
			var said warnings
			_, err := compute.BeginAttach(t.Context(), ws, "aks-att", shared, &compute.AttachOptions{OnWarning: said.add})
			require.NoError(t, err)
			require.Len(t, said, 2)
			assert.Contains(t, said[0], "may not be looked at")
			assert.Contains(t, said[1], "may not be listed")
		})
	})
}

func TestAttachChecksCores(t *testing.T) {
	t.Parallel()
	t.Run("the service knows the size", func(t *testing.T) {
		t.Parallel()
		play(t, "attach_cores_known", func(t *testing.T, ws *workspace.Workspace) {
			var said warnings
			_, err := compute.BeginAttach(t.Context(), ws, "aks-att", shared, &compute.AttachOptions{OnWarning: said.add})
			require.NoError(t, err, "2 + 2 × 5 = 12")
			assert.Empty(t, said)
		})
	})
	t.Run("the service knows that it is too small", func(t *testing.T) {
		t.Parallel()
		play(t, "attach_cores_refused", func(t *testing.T, ws *workspace.Workspace) {
			_, err := compute.BeginAttach(t.Context(), ws, "aks-att", shared, nil)
			assert.ErrorIs(t, err, azureml.ErrInvalid)
			assert.Contains(t, err.Error(), "6 vCPUs (3 machines)", "machines that run Windows do not count")
			assert.Contains(t, err.Error(), "SkipCoreCheck")
		})
	})
	t.Run("nothing to run on", func(t *testing.T) {
		t.Parallel()
		play(t, "attach_empty", func(t *testing.T, ws *workspace.Workspace) {
			var said warnings
			_, err := compute.BeginAttach(t.Context(), ws, "aks-dev", compute.AksAttachConfiguration{
				ResourceGroup: "rg-aks", ClusterName: "small", ClusterPurpose: compute.DevTest,
			}, &compute.AttachOptions{OnWarning: said.add})
			require.NoError(t, err)
			require.Len(t, said, 2)
			assert.Contains(t, said[0], "its Kubernetes version is not known")
			assert.Contains(t, said[1], "0 vCPU is little")
		})
	})
	t.Run("opted out", func(t *testing.T) {
		t.Parallel()
		play(t, "attach_cores_skipped", func(t *testing.T, ws *workspace.Workspace) {
			var said warnings
			_, err := compute.BeginAttach(t.Context(), ws, "aks-att", shared, &compute.AttachOptions{SkipCoreCheck: true, OnWarning: said.add})
			require.NoError(t, err)
			require.Len(t, said, 1)
			assert.Contains(t, said[0], "fewer than 3 machines")
		})
	})
}

func TestAttachReplace(t *testing.T) {
	t.Parallel()
	t.Run("detaches", func(t *testing.T) {
		t.Parallel()
		play(t, "attach_replace", func(t *testing.T, ws *workspace.Workspace) {
			aks, err := attach(t, ws, "aks-att", shared, &compute.AttachOptions{Replace: true})
			require.NoError(t, err)
			assert.Equal(t, "aks-att", aks.Name)
		})
	})
	t.Run("what goes by itself", func(t *testing.T) {
		t.Parallel()
		play(t, "attach_clear_raced", func(t *testing.T, ws *workspace.Workspace) {
			var said warnings
			_, err := compute.BeginAttach(t.Context(), ws, "aks-att", shared, &compute.AttachOptions{Replace: true, OnWarning: said.add})
			require.NoError(t, err)
			require.Len(t, said, 1)
			assert.Contains(t, said[0], "fewer than 3 machines", "machines that run Windows do not count")
		})
	})
	t.Run("not what was created", func(t *testing.T) {
		t.Parallel()
		play(t, "attach_replace_created", func(t *testing.T, ws *workspace.Workspace) {
			_, err := compute.BeginAttach(t.Context(), ws, "aks-att", shared, &compute.AttachOptions{Replace: true})
			assert.ErrorIs(t, err, azureml.ErrConflict)
			assert.Contains(t, err.Error(), "Replace does not touch it")
		})
	})
}

package compute_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/compute"
	"github.com/azureml-go/azureml/workspace"
)

// create creates and waits.
func create(t *testing.T, ws *workspace.Workspace, name string, c compute.AksProvisioningConfiguration, o *compute.CreateOptions) (*compute.AksCompute, error) {
	t.Helper()
	p, err := compute.BeginCreate(t.Context(), ws, name, c, o)
	if err != nil {
		return nil, err
	}
	return azureml.Wait(t.Context(), p, nil)
}

func TestCreate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		recording, name string
		configuration   compute.AksProvisioningConfiguration
	}{
		{"create_default", "aks-prod", compute.AksProvisioningConfiguration{}},
		{"create_dev_test", "aks-dev", compute.AksProvisioningConfiguration{AgentCount: 1, ClusterPurpose: compute.DevTest}},
		{"create_custom", "aks-big", compute.AksProvisioningConfiguration{AgentCount: 6, VMSize: "Standard_D4s_v3", Location: "northeurope"}},
		{"create_vnet", "aks-vnet", compute.AksProvisioningConfiguration{
			VNetResourceGroup: "rg-net", VNetName: "vnet-ml", SubnetName: "snet-aks",
			ServiceCIDR: "10.0.0.0/16", DNSServiceIP: "10.0.0.10", DockerBridgeCIDR: "172.17.0.1/16",
		}},
		{"create_ssl_leaf_domain", "aks-ssl", compute.AksProvisioningConfiguration{
			SSL: &compute.SslConfiguration{LeafDomainLabel: "contoso", OverwriteExistingDomain: true},
		}},
	} {
		t.Run(c.recording, func(t *testing.T) {
			t.Parallel()
			play(t, c.recording, func(t *testing.T, ws *workspace.Workspace) {
				aks, err := create(t, ws, c.name, c.configuration, nil)
				require.NoError(t, err)
				assert.Equal(t, c.name, aks.Name)
				assert.Equal(t, compute.StateSucceeded, aks.ProvisioningState)
			})
		})
	}
}

func TestCreateBeginsOnly(t *testing.T) {
	t.Parallel()
	play(t, "create_location_only", func(t *testing.T, ws *workspace.Workspace) {
		var said warnings
		p, err := compute.BeginCreate(t.Context(), ws, "aks-loc", compute.AksProvisioningConfiguration{Location: "westeurope"}, &compute.CreateOptions{OnWarning: said.add})
		require.NoError(t, err)
		assert.False(t, p.Done())
		assert.Empty(t, said, "the workspace's own region is nothing to warn of")
	})
}

func TestCreateFails(t *testing.T) {
	t.Parallel()
	play(t, "create_failed", func(t *testing.T, ws *workspace.Workspace) {
		_, err := create(t, ws, "aks-prod", compute.AksProvisioningConfiguration{}, nil)
		e := failure(t, err)
		assert.ErrorIs(t, err, azureml.ErrOperationFailed)
		assert.Equal(t, "create", e.Operation)
		assert.Equal(t, "BadArgument", e.Code)
		assert.True(t, e.HasCode("QuotaExceeded"))
		assert.Contains(t, err.Error(), "exceeding approved Total Regional Cores quota")
		assert.Contains(t, e.Remedy, "quota")
		count := 0
		for _, d := range e.Details {
			if d.Code == "QuotaExceeded" {
				count++
			}
		}
		assert.Equal(t, 1, count, "the operation and the compute say the same thing once")
	})
}

func TestCreateFailsForAReasonThatOnlyTheComputeKnows(t *testing.T) {
	t.Parallel()
	t.Run("told", func(t *testing.T) {
		t.Parallel()
		play(t, "create_failed_reason", func(t *testing.T, ws *workspace.Workspace) {
			_, err := create(t, ws, "aks-prod", compute.AksProvisioningConfiguration{}, nil)
			e := failure(t, err)
			assert.Equal(t, "Conflict", e.Code)
			assert.Equal(t, http.StatusConflict, e.StatusCode)
			assert.Equal(t, []azureml.ErrorDetail{
				{Code: "InternalServerError", Message: "InvalidTemplateDeployment"}, {Code: "QuotaExceeded", Message: "no cores left"},
			}, e.Details)
			assert.Contains(t, e.Remedy, "quota")
		})
	})
	t.Run("not told", func(t *testing.T) {
		t.Parallel()
		play(t, "create_failed_blind", func(t *testing.T, ws *workspace.Workspace) {
			_, err := create(t, ws, "aks-prod", compute.AksProvisioningConfiguration{}, nil)
			assert.ErrorIs(t, err, azureml.ErrOperationFailed)
			assert.NotErrorIs(t, err, azureml.ErrForbidden)
			assert.Contains(t, err.Error(), "Conflict")
			assert.Contains(t, err.Error(), "provisioning errors could not be read")
		})
	})
	t.Run("gone", func(t *testing.T) {
		t.Parallel()
		play(t, "create_failed_gone", func(t *testing.T, ws *workspace.Workspace) {
			_, err := create(t, ws, "aks-prod", compute.AksProvisioningConfiguration{}, nil)
			assert.ErrorIs(t, err, azureml.ErrOperationFailed)
			assert.Empty(t, failure(t, err).Details)
		})
	})
}

func TestCreateIsCancelled(t *testing.T) {
	t.Parallel()
	play(t, "create_canceled", func(t *testing.T, ws *workspace.Workspace) {
		_, err := create(t, ws, "aks-prod", compute.AksProvisioningConfiguration{}, nil)
		assert.ErrorIs(t, err, azureml.ErrOperationCanceled)
		assert.NotErrorIs(t, err, azureml.ErrOperationFailed)
	})
}

func TestCreateWithoutOperation(t *testing.T) {
	t.Parallel()
	t.Run("succeeds", func(t *testing.T) {
		t.Parallel()
		play(t, "create_no_operation", func(t *testing.T, ws *workspace.Workspace) {
			aks, err := create(t, ws, "aks-prod", compute.AksProvisioningConfiguration{}, nil)
			require.NoError(t, err)
			assert.Equal(t, 3, *aks.AgentCount)
		})
	})
	t.Run("fails", func(t *testing.T) {
		t.Parallel()
		play(t, "create_no_operation_failed", func(t *testing.T, ws *workspace.Workspace) {
			_, err := create(t, ws, "aks-prod", compute.AksProvisioningConfiguration{}, nil)
			assert.ErrorIs(t, err, azureml.ErrOperationFailed)
			assert.True(t, azureml.HasCode(err, "QuotaExceeded"))
		})
	})
	t.Run("operation may not be read", func(t *testing.T) {
		t.Parallel()
		play(t, "create_poll_forbidden", func(t *testing.T, ws *workspace.Workspace) {
			_, err := create(t, ws, "aks-prod", compute.AksProvisioningConfiguration{}, nil)
			require.NoError(t, err)
		})
	})
}

func TestCreateOverExisting(t *testing.T) {
	t.Parallel()
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		play(t, "create_exists", func(t *testing.T, ws *workspace.Workspace) {
			_, err := compute.BeginCreate(t.Context(), ws, "aks-prod", compute.AksProvisioningConfiguration{}, nil)
			assert.ErrorIs(t, err, azureml.ErrConflict)
			assert.Contains(t, err.Error(), "type AKS, state Succeeded")
			assert.Contains(t, failure(t, err).Remedy, "Overwrite")
		})
	})
	t.Run("overwritten", func(t *testing.T) {
		t.Parallel()
		play(t, "create_overwrite", func(t *testing.T, ws *workspace.Workspace) {
			aks, err := create(t, ws, "aks-prod", compute.AksProvisioningConfiguration{AgentCount: 5}, &compute.CreateOptions{Overwrite: true})
			require.NoError(t, err)
			assert.Equal(t, 5, *aks.AgentCount)
		})
	})
	t.Run("being deleted", func(t *testing.T) {
		t.Parallel()
		play(t, "create_conflict", func(t *testing.T, ws *workspace.Workspace) {
			_, err := compute.BeginCreate(t.Context(), ws, "aks-prod", compute.AksProvisioningConfiguration{}, nil)
			assert.ErrorIs(t, err, azureml.ErrConflict)
			assert.Contains(t, err.Error(), "is being deleted")
		})
	})
}

func TestCreateRefusedByService(t *testing.T) {
	t.Parallel()
	play(t, "create_refused", func(t *testing.T, ws *workspace.Workspace) {
		_, err := compute.BeginCreate(t.Context(), ws, "aks-prod", compute.AksProvisioningConfiguration{}, nil)
		e := failure(t, err)
		assert.ErrorIs(t, err, azureml.ErrInvalid)
		assert.Equal(t, http.StatusBadRequest, e.StatusCode)
		assert.Equal(t, "BadArgument", e.Code)
		assert.Equal(t, "a65b82f2-b03e-74dc-a732-ef5ad7845376", e.RequestID)
	})
}

func TestCreateThrottled(t *testing.T) {
	t.Parallel()
	play(t, "create_throttled", func(t *testing.T, ws *workspace.Workspace) {
		start := time.Now()
		_, err := create(t, ws, "aks-prod", compute.AksProvisioningConfiguration{}, nil)
		require.NoError(t, err)
		assert.GreaterOrEqual(t, time.Since(start), 11*time.Second, "Retry-After is obeyed")
	})
}

func TestCreateAnswerLost(t *testing.T) {
	t.Parallel()
	t.Run("found", func(t *testing.T) {
		t.Parallel()
		play(t, "create_answer_lost", func(t *testing.T, ws *workspace.Workspace) {
			aks, err := create(t, ws, "aks-prod", compute.AksProvisioningConfiguration{}, nil)
			require.NoError(t, err)
			assert.Equal(t, compute.StateSucceeded, aks.ProvisioningState)
		})
	})
	t.Run("conflict with ourselves", func(t *testing.T) {
		t.Parallel()
		play(t, "create_conflict_own", func(t *testing.T, ws *workspace.Workspace) {
			_, err := create(t, ws, "aks-prod", compute.AksProvisioningConfiguration{}, nil)
			require.NoError(t, err)
		})
	})
	t.Run("something else is there", func(t *testing.T) {
		t.Parallel()
		play(t, "create_answer_lost_other", func(t *testing.T, ws *workspace.Workspace) {
			_, err := compute.BeginCreate(t.Context(), ws, "aks-prod", compute.AksProvisioningConfiguration{AgentCount: 5}, nil)
			assert.ErrorIs(t, err, azureml.ErrUnavailable)
		})
	})
	t.Run("nothing is there", func(t *testing.T) {
		t.Parallel()
		play(t, "create_answer_lost_nothing", func(t *testing.T, ws *workspace.Workspace) {
			_, err := compute.BeginCreate(t.Context(), ws, "aks-prod", compute.AksProvisioningConfiguration{}, nil)
			assert.ErrorIs(t, err, azureml.ErrUnavailable)
			assert.Equal(t, 4, failure(t, err).Attempts)
		})
	})
}

func TestCreateChecksCores(t *testing.T) {
	t.Parallel()
	t.Run("the service knows the size", func(t *testing.T) {
		t.Parallel()
		play(t, "create_cores_refused", func(t *testing.T, ws *workspace.Workspace) {
			_, err := compute.BeginCreate(t.Context(), ws, "aks-prod", compute.AksProvisioningConfiguration{AgentCount: 5, VMSize: "Standard_X9"}, nil)
			e := failure(t, err)
			assert.ErrorIs(t, err, azureml.ErrInvalid)
			assert.Equal(t, []string{"AgentCount"}, fields(e))
			assert.Contains(t, err.Error(), "5 × 2 vCPUs (Standard_X9) = 10")
			assert.Contains(t, err.Error(), "take 6 agents")
		})
	})
	t.Run("the service knows better than the table", func(t *testing.T) {
		t.Parallel()
		play(t, "create_cores_overturned", func(t *testing.T, ws *workspace.Workspace) {
			_, err := compute.BeginCreate(t.Context(), ws, "aks-prod", compute.AksProvisioningConfiguration{VMSize: "Standard_D2_v2"}, nil)
			require.NoError(t, err)
		})
	})
	t.Run("opted out", func(t *testing.T) {
		t.Parallel()
		play(t, "create_cores_skipped", func(t *testing.T, ws *workspace.Workspace) {
			_, err := compute.BeginCreate(t.Context(), ws, "aks-prod", compute.AksProvisioningConfiguration{AgentCount: 1, VMSize: "Standard_PB6s"}, &compute.CreateOptions{SkipCoreCheck: true})
			require.NoError(t, err)
		})
	})
	t.Run("nobody knows the size", func(t *testing.T) {
		t.Parallel()
		play(t, "create_cores_unknown", func(t *testing.T, ws *workspace.Workspace) {
			var said warnings
			_, err := compute.BeginCreate(t.Context(), ws, "aks-prod", compute.AksProvisioningConfiguration{AgentCount: 5, VMSize: "Standard_X9"}, &compute.CreateOptions{OnWarning: said.add})
			require.NoError(t, err)
			require.Len(t, said, 1)
			assert.Contains(t, said[0], "could not be asked for its number of vCPUs")
		})
	})
}

func TestCreateStopWaiting(t *testing.T) {
	t.Parallel()
	play(t, "create_cancelled_wait", func(t *testing.T, ws *workspace.Workspace) {
		p, err := compute.BeginCreate(t.Context(), ws, "aks-prod", compute.AksProvisioningConfiguration{}, nil)
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		_, err = azureml.Wait(ctx, p, nil)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Contains(t, err.Error(), "the operation goes on")

		token, err := p.ResumeToken()
		require.NoError(t, err)
		assert.NotContains(t, token, "aud=", "a resume token holds no bearer token")
		again, err := compute.BeginCreate(t.Context(), ws, "aks-prod", compute.AksProvisioningConfiguration{}, &compute.CreateOptions{ResumeToken: token})
		require.NoError(t, err)
		aks, err := azureml.Wait(t.Context(), again, nil)
		require.NoError(t, err)
		assert.Equal(t, compute.StateSucceeded, aks.ProvisioningState)

		for name, begin := range map[string]func() error{
			"another name": func() error {
				_, err := compute.BeginCreate(t.Context(), ws, "other", compute.AksProvisioningConfiguration{}, &compute.CreateOptions{ResumeToken: token})
				return err
			},
			"another operation": func() error {
				_, err := compute.BeginAttach(t.Context(), ws, "aks-prod", compute.AksAttachConfiguration{}, &compute.AttachOptions{ResumeToken: token})
				return err
			},
			"no token": func() error {
				_, err := compute.BeginCreate(t.Context(), ws, "aks-prod", compute.AksProvisioningConfiguration{}, &compute.CreateOptions{ResumeToken: "x"})
				return err
			},
		} {
			assert.ErrorIs(t, begin(), azureml.ErrInvalid, name)
		}
	})
}

func TestCreateReportsProgress(t *testing.T) {
	t.Parallel()
	play(t, "create_default", func(t *testing.T, ws *workspace.Workspace) {
		p, err := compute.BeginCreate(t.Context(), ws, "aks-prod", compute.AksProvisioningConfiguration{}, nil)
		require.NoError(t, err)
		var states []string
		_, err = azureml.Wait(t.Context(), p, &azureml.WaitOptions{OnProgress: func(p azureml.Progress) {
			assert.Equal(t, `compute "aks-prod"`, p.Subject)
			states = append(states, p.State)
		}})
		require.NoError(t, err)
		assert.Equal(t, []string{"Creating", "Creating", "Succeeded"}, states)
	})
}

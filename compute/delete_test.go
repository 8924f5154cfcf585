package compute_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/compute"
	"github.com/azureml-go/azureml/workspace"
)

// remove reads the compute, deletes it and waits.
func remove(t *testing.T, ws *workspace.Workspace, name string, o *compute.DeleteOptions) (compute.DeleteResult, error) {
	t.Helper()
	c, err := compute.Get(t.Context(), ws, name)
	require.NoError(t, err)
	p, err := c.BeginDelete(t.Context(), o)
	if err != nil {
		return compute.DeleteResult{}, err
	}
	return azureml.Wait(t.Context(), p, nil)
}

func TestDelete(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"delete", "delete_at_once", "delete_no_content", "delete_poll_gone", "delete_no_operation", "delete_answer_lost"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, name, func(t *testing.T, ws *workspace.Workspace) {
				result, err := remove(t, ws, "aks-prod", nil)
				require.NoError(t, err)
				assert.Equal(t, compute.DeleteResult{Name: "aks-prod"}, result)
			})
		})
	}
}

func TestDeleteFails(t *testing.T) {
	t.Parallel()
	play(t, "delete_failed", func(t *testing.T, ws *workspace.Workspace) {
		_, err := remove(t, ws, "aks-prod", nil)
		assert.ErrorIs(t, err, azureml.ErrOperationFailed)
		assert.True(t, azureml.HasCode(err, "Conflict"))
		assert.Contains(t, err.Error(), `cannot delete compute "aks-prod": The cluster is locked.`)
	})
}

func TestDeleteWithoutEffect(t *testing.T) {
	t.Parallel()
	play(t, "delete_stays", func(t *testing.T, ws *workspace.Workspace) {
		start := time.Now()
		_, err := remove(t, ws, "aks-prod", nil)
		assert.ErrorIs(t, err, azureml.ErrOperationFailed)
		assert.Contains(t, err.Error(), "it is still there, in state Succeeded")
		assert.GreaterOrEqual(t, time.Since(start), 2*time.Minute)
	})
}

func TestDeleteUnknown(t *testing.T) {
	t.Parallel()
	play(t, "delete_unknown", func(t *testing.T, ws *workspace.Workspace) {
		_, err := remove(t, ws, "aks-prod", nil)
		assert.ErrorIs(t, err, azureml.ErrNotFound)
	})
}

func TestDeleteAttached(t *testing.T) {
	t.Parallel()
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		play(t, "delete_attached", func(t *testing.T, ws *workspace.Workspace) {
			_, err := remove(t, ws, "aks-att", nil)
			assert.ErrorIs(t, err, azureml.ErrConflict)
			assert.Contains(t, err.Error(), "it is attached")
			assert.Contains(t, failure(t, err).Remedy, "BeginDetach")
		})
	})
	t.Run("refused where it is not clear", func(t *testing.T) {
		t.Parallel()
		play(t, "delete_unclear", func(t *testing.T, ws *workspace.Workspace) {
			_, err := remove(t, ws, "aks-prod", nil)
			assert.ErrorIs(t, err, azureml.ErrConflict)
			assert.Contains(t, err.Error(), "does not say whether")
		})
	})
	t.Run("asked for by name", func(t *testing.T) {
		t.Parallel()
		play(t, "delete_attached_by_name", func(t *testing.T, ws *workspace.Workspace) {
			_, err := remove(t, ws, "aks-att", &compute.DeleteOptions{AttachedName: "aks-att"})
			require.NoError(t, err)
		})
	})
	t.Run("asked for by another name", func(t *testing.T) {
		t.Parallel()
		play(t, "get", func(t *testing.T, ws *workspace.Workspace) {
			_, err := remove(t, ws, "aks-prod", &compute.DeleteOptions{AttachedName: "aks-att"})
			assert.ErrorIs(t, err, azureml.ErrInvalid)
			assert.Equal(t, []string{"AttachedName"}, fields(failure(t, err)))
			_, err = compute.GetAks(t.Context(), ws, "aks-prod")
			require.NoError(t, err)
		})
	})
}

func TestDetach(t *testing.T) {
	t.Parallel()
	t.Run("attached", func(t *testing.T) {
		t.Parallel()
		play(t, "detach", func(t *testing.T, ws *workspace.Workspace) {
			aks, err := compute.GetAks(t.Context(), ws, "aks-att")
			require.NoError(t, err)
			var said warnings
			p, err := aks.BeginDetach(t.Context(), &compute.DetachOptions{OnWarning: said.add})
			require.NoError(t, err)
			result, err := azureml.Wait(t.Context(), p, nil)
			require.NoError(t, err)
			assert.Equal(t, compute.DetachResult{Name: "aks-att", ResourceID: sharedCluster}, result)
			assert.Empty(t, said)
		})
	})
	t.Run("created", func(t *testing.T) {
		t.Parallel()
		play(t, "detach_created", func(t *testing.T, ws *workspace.Workspace) {
			aks, err := compute.GetAks(t.Context(), ws, "aks-prod")
			require.NoError(t, err)
			var said warnings
			p, err := aks.BeginDetach(t.Context(), &compute.DetachOptions{OnWarning: said.add})
			require.NoError(t, err)
			_, err = azureml.Wait(t.Context(), p, nil)
			require.NoError(t, err)
			require.Len(t, said, 1)
			assert.Contains(t, said[0], "goes on costing money")
		})
	})
}

func TestDeletionsAreNotMixedUp(t *testing.T) {
	t.Parallel()
	play(t, "detach", func(t *testing.T, ws *workspace.Workspace) {
		aks, err := compute.GetAks(t.Context(), ws, "aks-att")
		require.NoError(t, err)
		p, err := aks.BeginDetach(t.Context(), nil)
		require.NoError(t, err)
		token, err := p.ResumeToken()
		require.NoError(t, err)
		_, err = aks.BeginDelete(t.Context(), &compute.DeleteOptions{ResumeToken: token})
		assert.ErrorIs(t, err, azureml.ErrInvalid, "a detachment's token is refused by a deletion")
		resumed, err := aks.BeginDetach(t.Context(), &compute.DetachOptions{ResumeToken: token})
		require.NoError(t, err)
		_, err = azureml.Wait(t.Context(), resumed, nil)
		require.NoError(t, err)
	})
}

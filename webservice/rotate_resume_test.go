package webservice_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/webservice"
)

// TestRotateKeysResumes breaks off at every state that is saved, before and after it is
// written, and goes on in another process. Nothing is regenerated twice.
func TestRotateKeysResumes(t *testing.T) {
	t.Parallel()
	crash := errors.New("crash")
	for _, written := range []bool{false, true} {
		for at := 1; at <= 9; at++ {
			t.Run(fmt.Sprintf("%d/%t", at, written), func(t *testing.T) {
				t.Parallel()
				inMemory(t, func(t *testing.T, w world) {
					svc := mustDeploy(t, w, webservice.AksDeployConfiguration{})
					before, err := svc.Keys(t.Context())
					require.NoError(t, err)
					c := &client{key: before.Primary.Reveal()}
					var saved json.RawMessage
					saves := 0
					save := func(_ context.Context, state json.RawMessage) error {
						saves++
						if saves != at || written {
							saved = state
						}
						if saves == at {
							return crash
						}
						return nil
					}
					options := webservice.RotateKeysOptions{HandOver: c.handOver, SaveState: save}
					_, err = svc.RotateKeys(t.Context(), &options)
					require.ErrorIs(t, err, crash)
					assert.ErrorContains(t, err, "the state could not be saved")
					assert.True(t, scores(t, w, &svc.Service, c.current()), "what clients hold lets in")

					svc, err = webservice.GetAks(t.Context(), w.ws, "myservice")
					require.NoError(t, err)
					options.State = saved
					after, err := svc.RotateKeys(t.Context(), &options)
					require.NoError(t, err)
					assert.Equal(t, both, regenerations(w.srv))
					assert.Equal(t, after.Primary.Reveal(), c.key)
					assert.NotEqual(t, before.Primary.Reveal(), after.Primary.Reveal())
					assert.NotEqual(t, before.Secondary.Reveal(), after.Secondary.Reveal())
					for _, key := range []azureml.Secret{before.Primary, before.Secondary, after.Primary, after.Secondary} {
						assert.NotContains(t, string(saved), key.Reveal())
					}

					// A rotation that is done stays done.
					options.State = saved
					again, err := svc.RotateKeys(t.Context(), &options)
					require.NoError(t, err)
					assert.Equal(t, after.Primary.Reveal(), again.Primary.Reveal())
					assert.Equal(t, both, regenerations(w.srv))
				})
			})
		}
	}
}

// TestRotateKeysWhenAnAnswerIsLost: the regeneration that took place is found.
func TestRotateKeysWhenAnAnswerIsLost(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, w world) {
		svc := mustDeploy(t, w, webservice.AksDeployConfiguration{})
		w.srv.Fault(azuremltest.Fault{Path: "/regenerateKeys", ResetAfter: true, Count: 2})
		_, err := svc.RotateKeys(t.Context(), nil)
		require.NoError(t, err)
	})
	inMemory(t, func(t *testing.T, w world) {
		svc := mustDeploy(t, w, webservice.AksDeployConfiguration{})
		before, err := svc.Keys(t.Context())
		require.NoError(t, err)
		w.srv.Fault(azuremltest.Fault{Path: "/regenerateKeys", ResetBefore: true})
		var saved json.RawMessage
		options := webservice.RotateKeysOptions{SaveState: func(_ context.Context, state json.RawMessage) error { saved = state; return nil }}
		_, err = svc.RotateKeys(t.Context(), &options)
		failure(t, err, azureml.ErrUnavailable)
		options.State = saved
		after, err := svc.RotateKeys(t.Context(), &options)
		require.NoError(t, err)
		assert.NotEqual(t, before.Secondary.Reveal(), after.Secondary.Reveal())
		assert.Equal(t, both, regenerations(w.srv))
	})
}

// TestRotateKeysMeetsAnother: who else changes the new key is not overridden.
func TestRotateKeysMeetsAnother(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, w world) {
		svc := mustDeploy(t, w, webservice.AksDeployConfiguration{})
		before, err := svc.Keys(t.Context())
		require.NoError(t, err)
		_, err = svc.RotateKeys(t.Context(), &webservice.RotateKeysOptions{HandOver: func(context.Context, webservice.Keys, webservice.KeyType) error {
			w.srv.SetServiceKeys(azuremltest.Workspace{}, "myservice", before.Primary.Reveal(), "somebody-elses")
			return nil
		}})
		e := failure(t, err, azureml.ErrConflict)
		assert.ErrorContains(t, err, "the new secondary key was changed by someone else meanwhile")
		assert.Contains(t, e.Remedy, "who else changes the keys")
		assert.Equal(t, map[string]int{"Secondary": 1}, regenerations(w.srv), "the primary key is left alone")
	})
}

// TestRotateKeysEndsWithItsContext at any step, and can go on.
func TestRotateKeysEndsWithItsContext(t *testing.T) {
	t.Parallel()
	steps := webservice.PossibleRotationStepValues()
	for _, at := range steps[:len(steps)-1] {
		t.Run(string(at), func(t *testing.T) {
			t.Parallel()
			inMemory(t, func(t *testing.T, w world) {
				svc := mustDeploy(t, w, webservice.AksDeployConfiguration{})
				ctx, cancel := context.WithCancel(t.Context())
				var saved json.RawMessage
				options := webservice.RotateKeysOptions{
					HandOver:  func(ctx context.Context, _ webservice.Keys, _ webservice.KeyType) error { return ctx.Err() },
					SaveState: func(_ context.Context, state json.RawMessage) error { saved = state; return nil },
					OnStep: func(e webservice.RotationEvent) {
						if e.Step == at && !e.Done {
							cancel()
						}
					},
				}
				_, err := svc.RotateKeys(ctx, &options)
				require.ErrorIs(t, err, context.Canceled)
				options.State, options.OnStep = saved, nil
				_, err = svc.RotateKeys(t.Context(), &options)
				require.NoError(t, err)
				assert.Equal(t, both, regenerations(w.srv))
			})
		})
	}
}

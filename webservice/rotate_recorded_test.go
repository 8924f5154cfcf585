package webservice_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml/webservice"
)

// TestRotateKeysRequests: these requests, in this order, and no others.
func TestRotateKeysRequests(t *testing.T) {
	t.Parallel()
	playAks(t, "rotate_keys", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		var handed []string
		keys, err := svc.RotateKeys(ctx, &webservice.RotateKeysOptions{
			HandOver: func(_ context.Context, keys webservice.Keys, use webservice.KeyType) error {
				handed = append(handed, string(use), keys.Primary.Reveal(), keys.Secondary.Reveal())
				return nil
			},
		})
		require.NoError(t, err)
		assert.Equal(t, "primary-key-2", keys.Primary.Reveal())
		assert.Equal(t, "secondary-key-2", keys.Secondary.Reveal())
		assert.Equal(t, []string{"Secondary", "primary-key-1", "secondary-key-2", "Primary", "primary-key-2", "secondary-key-2"}, handed)
	})
}

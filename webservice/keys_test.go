package webservice_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/webservice"
)

func TestKeys(t *testing.T) {
	t.Parallel()
	playAks(t, "keys", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		keys, err := svc.Keys(ctx)
		require.NoError(t, err)
		assert.Equal(t, "primary-key-1", keys.Primary.Reveal())
		assert.Equal(t, "secondary-key-1", keys.Secondary.Reveal())
		encoded, err := json.Marshal(keys)
		require.NoError(t, err)
		assert.NotContains(t, string(encoded)+fmt.Sprintf("%+v", keys), "key-1")
	})
	playAks(t, "keys_disabled", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		_, err := svc.Keys(ctx)
		e := failure(t, err, azureml.ErrInvalid)
		assert.True(t, e.HasCode("AuthDisabled"))
		assert.Contains(t, e.Remedy, "Keys (Keys) need AuthEnabled")
	})
	playAks(t, "keys_odd", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		_, err := svc.Keys(ctx)
		assert.ErrorContains(t, err, "the answer has no keys")
		keys, err := svc.Keys(ctx)
		require.NoError(t, err)
		assert.True(t, keys.Secondary.IsZero())
		_, err = svc.Keys(ctx)
		failure(t, err, nil)
		assert.ErrorContains(t, err, "not complete JSON")
	})
	playAks(t, "keys_retried", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		_, err := svc.Keys(ctx)
		assert.NoError(t, err)
	})
}

func TestToken(t *testing.T) {
	t.Parallel()
	playAks(t, "token", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		for range 2 {
			token, err := svc.Token(ctx)
			require.NoError(t, err)
			assert.Equal(t, "token-1", token.Token.Reveal())
			assert.Equal(t, "Bearer", token.TokenType)
			assert.Equal(t, time.Date(2099, 12, 31, 12, 0, 0, 0, time.UTC), token.RefreshAfter)
			assert.Equal(t, time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC), token.ExpiresOn)
		}
	})
	playAks(t, "token_odd", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		token, err := svc.Token(ctx)
		require.NoError(t, err)
		assert.True(t, token.RefreshAfter.IsZero())
		_, err = svc.Token(ctx)
		assert.ErrorContains(t, err, "the answer has no token")
		_, err = svc.Token(ctx)
		failure(t, err, azureml.ErrForbidden)
	})
	aci := &webservice.AciWebservice{Service: webservice.Service{Name: "x", ComputeType: webservice.ComputeTypeACI}}
	_, err := aci.Token(t.Context())
	assert.Contains(t, failure(t, err, azureml.ErrInvalid).Message, "services of kind ACI have no tokens")
}

func TestRegenerateKey(t *testing.T) {
	t.Parallel()
	playAks(t, "regenerate", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		start := time.Now()
		keys, err := svc.RegenerateKey(ctx, webservice.KeyTypePrimary, nil)
		require.NoError(t, err)
		assert.Equal(t, "primary-key-2", keys.Primary.Reveal())
		assert.Equal(t, time.Second, time.Since(start), "the first look is at once")
	})
	playAks(t, "regenerate_failed", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		_, err := svc.RegenerateKey(ctx, webservice.KeyTypePrimary, nil)
		e := failure(t, err, azureml.ErrOperationFailed)
		assert.Equal(t, "InternalServerError", e.Code)
		assert.Contains(t, e.Error(), `cannot regenerate the Primary key of web service "churn-svc": keys could not be regenerated`)
	})
	playAks(t, "regenerate_at_once", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		_, err := svc.RegenerateKey(ctx, webservice.KeyTypeSecondary, &webservice.RegenerateKeyOptions{Value: azureml.NewSecret("my-own-key")})
		require.NoError(t, err)
	})
	playAks(t, "regenerate_refused", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		_, err := svc.RegenerateKey(ctx, webservice.KeyTypePrimary, nil)
		failure(t, err, azureml.ErrInvalid)
		_, err = svc.RegenerateKey(ctx, webservice.KeyTypePrimary, nil)
		assert.Equal(t, 1, failure(t, err, azureml.ErrUnavailable).Attempts)

		_, err = svc.RegenerateKey(ctx, "Third", &webservice.RegenerateKeyOptions{Value: azureml.NewSecret("planted key")})
		e := failure(t, err, azureml.ErrInvalid)
		assert.Equal(t, []string{"key", "Value"}, fields(e))
		_, err = svc.RegenerateKey(ctx, "", nil)
		assert.Equal(t, []string{"key"}, fields(failure(t, err, azureml.ErrInvalid)))
	})
}

func TestSetKeys(t *testing.T) {
	t.Parallel()
	playAks(t, "set_keys", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		keys, err := svc.SetKeys(ctx, azureml.NewSecret("my-primary"), azureml.NewSecret("my-secondary"))
		require.NoError(t, err)
		assert.Equal(t, "my-primary", keys.Primary.Reveal())
		_, err = svc.SetKeys(ctx, azureml.Secret{}, azureml.Secret{})
		failure(t, err, azureml.ErrInvalid)
	})
	playAks(t, "set_keys_half", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		_, err := svc.SetKeys(ctx, azureml.NewSecret("my-primary"), azureml.NewSecret("my-secondary"))
		assert.Contains(t, failure(t, err, azureml.ErrConflict).Operation, "Primary")
		assert.NotContains(t, azureml.Explain(err), "my-")
	})
}

package authentication

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
)

type azcoreCredential = azcore.TokenCredential

// fixed is a foreign credential.
type fixed string

func (f fixed) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: string(f), ExpiresOn: time.Now().Add(time.Hour)}, nil
}

func TestTokenFunc(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var audiences []string
		c, err := NewTokenFunc(func(_ context.Context, audience string) (azcore.AccessToken, error) {
			audiences = append(audiences, audience)
			return azcore.AccessToken{Token: " Bearer " + jwtFor(audience, time.Now().Add(time.Hour)) + "\n"}, nil
		}, nil)
		require.NoError(t, err)
		want := jwtFor(armAudience, time.Now().Add(time.Hour))
		header, err := c.Header(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "Bearer "+want, header.Get("Authorization"))
		token, err := c.GetToken(t.Context(), scoped("https://ml.azure.com/.default"))
		require.NoError(t, err)
		assert.WithinDuration(t, time.Now().Add(time.Hour), token.ExpiresOn, time.Second, "read from the token")
		_, err = c.GetToken(t.Context(), scoped("https://ml.azure.com/user_impersonation"))
		require.NoError(t, err)
		assert.Equal(t, []string{armAudience, "https://ml.azure.com", "https://ml.azure.com"}, audiences)

		time.Sleep(56 * time.Minute)
		_, err = c.Header(t.Context())
		require.NoError(t, err)
		assert.Len(t, audiences, 4, "asked again before the end")
		noSecret(t, c, want)
	})
}

// TestTenThousandCallers: they cause one call, and leave with their own contexts.
func TestTenThousandCallers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		c, err := NewTokenFunc(func(context.Context, string) (azcore.AccessToken, error) {
			calls.Add(1)
			time.Sleep(time.Second)
			return azcore.AccessToken{Token: "opaque"}, nil
		}, nil)
		require.NoError(t, err)
		var wg sync.WaitGroup
		for i := range 10_000 {
			wg.Go(func() {
				ctx := t.Context()
				if i%100 == 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, 50*time.Millisecond)
					defer cancel()
				}
				start := time.Now()
				_, err := c.GetToken(ctx, scoped(armScope))
				if i%100 == 0 {
					assert.ErrorIs(t, err, context.DeadlineExceeded)
					assert.LessOrEqual(t, time.Since(start), 60*time.Millisecond)
				} else {
					assert.NoError(t, err)
				}
			})
		}
		wg.Wait()
		assert.EqualValues(t, 1, calls.Load())
		// An opaque token that nobody says the end of is asked for anew after a while.
		time.Sleep(opaqueLife)
		_, err = c.GetToken(t.Context(), scoped(armScope))
		require.NoError(t, err)
		assert.EqualValues(t, 2, calls.Load())
	})
}

var errVault = errors.New("the vault is sealed: Bearer PLANTED-token")

func TestTokenFuncFails(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		token azcore.AccessToken
		err   error
		want  string
	}{
		"its own error":   {err: errVault, want: "the vault is sealed: Bearer [redacted]"},
		"no token":        {token: azcore.AccessToken{Token: "Bearer  "}, want: "it gave no token"},
		"ended":           {token: azcore.AccessToken{Token: "PLANTED", ExpiresOn: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)}, want: "it gave a token that ended at 2020-01-01T00:00:00Z"},
		"ended by itself": {token: azcore.AccessToken{Token: jwtFor(armAudience, time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC))}, want: "ended at 2020-01-01"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := NewTokenFunc(func(context.Context, string) (azcore.AccessToken, error) { return test.token, test.err }, &TokenFuncOptions{Name: "the vault"})
			require.NoError(t, err)
			_, err = c.Header(t.Context())
			require.ErrorIs(t, err, azureml.ErrUnauthorized)
			assert.ErrorContains(t, err, "azureml: cannot sign in with the vault: ")
			assert.ErrorContains(t, err, test.want)
			if test.err != nil {
				assert.ErrorIs(t, err, errVault, "the function's own error can be recognised")
			}
			assert.NotContains(t, azureml.Explain(err), "PLANTED")
		})
	}
	_, err := NewTokenFunc(nil, nil)
	require.ErrorIs(t, err, azureml.ErrInvalid)
	c, err := NewTokenFunc(func(context.Context, string) (azcore.AccessToken, error) { panic("not to be called") }, nil)
	require.NoError(t, err)
	_, err = c.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"a/.default", "b/.default"}})
	require.ErrorIs(t, err, azureml.ErrInvalid)
}

// TestForgetAsksTheFunctionAgain: a service that refuses a token gets the next one.
func TestForgetAsksTheFunctionAgain(t *testing.T) {
	t.Parallel()
	n := 0
	c, err := NewTokenFunc(func(context.Context, string) (azcore.AccessToken, error) {
		n++
		return azcore.AccessToken{Token: []string{"", "revoked", "good"}[n]}, nil
	}, nil)
	require.NoError(t, err)
	first, err := c.GetToken(t.Context(), scoped(armScope))
	require.NoError(t, err)
	c.Forget(first.Token)
	second, err := c.GetToken(t.Context(), scoped(armScope))
	require.NoError(t, err)
	assert.Equal(t, "good", second.Token)
}

func TestATokenInHandCostsNoAllocation(t *testing.T) {
	c, err := NewTokenFunc(func(context.Context, string) (azcore.AccessToken, error) {
		return azcore.AccessToken{Token: "t", ExpiresOn: time.Now().Add(time.Hour)}, nil
	}, nil)
	require.NoError(t, err)
	o := scoped(armScope)
	ctx := t.Context()
	assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = c.GetToken(ctx, o) }))
}

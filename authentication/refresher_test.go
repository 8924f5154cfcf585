package authentication

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
)

// numbered is a foreign credential that gives t1, t2, …, and can be told to fail.
type numbered struct {
	mu          sync.Mutex
	n, running  int
	overlapping bool
	takes, life time.Duration
	fails       error
}

func (c *numbered) GetToken(ctx context.Context, _ policy.TokenRequestOptions) (azcore.AccessToken, error) {
	c.mu.Lock()
	c.n++
	n, fails, takes := c.n, c.fails, c.takes
	c.running++
	c.overlapping = c.overlapping || c.running > 1
	c.mu.Unlock()
	defer func() { c.mu.Lock(); c.running--; c.mu.Unlock() }()
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		return azcore.AccessToken{}, ctx.Err()
	}
	if fails != nil {
		return azcore.AccessToken{}, fails
	}
	return azcore.AccessToken{Token: fmt.Sprint("t", n), ExpiresOn: time.Now().Add(c.life)}, nil
}

func (c *numbered) fail(err error)       { c.mu.Lock(); c.fails = err; c.mu.Unlock() }
func (c *numbered) take(d time.Duration) { c.mu.Lock(); c.takes = d; c.mu.Unlock() }
func (c *numbered) asked() int           { c.mu.Lock(); defer c.mu.Unlock(); return c.n }

func TestTokenRefresher(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := &numbered{takes: 20 * time.Second, life: time.Hour}
		r, err := NewTokenRefresher(source, nil)
		require.NoError(t, err)
		defer r.Close()
		time.Sleep(time.Hour)
		assert.Zero(t, source.asked(), "nothing is asked before the first token is needed")
		_, err = r.GetToken(t.Context(), scoped(armScope))
		require.NoError(t, err)
		for range 24 * 60 {
			time.Sleep(time.Minute)
			start := time.Now()
			token, err := r.GetToken(t.Context(), scoped(armScope))
			require.NoError(t, err)
			require.Zero(t, time.Since(start), "a caller waits for a renewal")
			require.True(t, start.Before(token.ExpiresOn))
		}
		assert.InDelta(t, 24*60/55, source.asked(), 2)
		assert.False(t, source.overlapping, "one request at a time")
	})
}

func TestTokenRefresherServesTheOldTokenWhileRenewalsFail(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := &numbered{life: time.Hour}
		var mu sync.Mutex
		var warnings []azureml.Warning
		r, err := NewTokenRefresher(source, &TokenRefresherOptions{Before: 10 * time.Minute, RetryInterval: time.Minute, OnWarning: func(w azureml.Warning) {
			mu.Lock()
			defer mu.Unlock()
			warnings = append(warnings, w)
		}})
		require.NoError(t, err)
		defer r.Close()
		first, err := r.GetToken(t.Context(), scoped(armScope))
		require.NoError(t, err)
		source.fail(errors.New("down: Bearer PLANTED"))
		for time.Until(first.ExpiresOn) > 0 {
			token, err := r.GetToken(t.Context(), scoped(armScope))
			require.NoError(t, err)
			assert.Equal(t, first.Token, token.Token)
			time.Sleep(10 * time.Second)
		}
		mu.Lock()
		assert.InDelta(t, 10, len(warnings), 1, "a try each minute")
		for _, w := range warnings {
			assert.Contains(t, w.Message, "could not be renewed")
			noSecret(t, w.Err, "PLANTED-nothing")
			assert.NotContains(t, w.String(), "PLANTED")
			require.ErrorIs(t, w.Err, azureml.ErrUnauthorized)
		}
		mu.Unlock()
		_, err = r.GetToken(t.Context(), scoped(armScope))
		require.ErrorIs(t, err, azureml.ErrUnauthorized)

		source.fail(nil)
		time.Sleep(2 * time.Minute) // it recovers by itself
		before := source.asked()
		_, err = r.GetToken(t.Context(), scoped(armScope))
		require.NoError(t, err)
		assert.Equal(t, before, source.asked())
	})
}

func TestTokenRefresherClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := &numbered{life: time.Hour}
		r, err := NewTokenRefresher(source, nil)
		require.NoError(t, err)
		_, err = r.GetToken(t.Context(), scoped(armScope))
		require.NoError(t, err)
		require.NoError(t, r.Close())
		require.NoError(t, r.Close())
		time.Sleep(59 * time.Minute)
		_, err = r.GetToken(t.Context(), scoped(armScope))
		require.NoError(t, err, "the token in hand serves to its end")
		time.Sleep(2 * time.Minute)
		_, err = r.GetToken(t.Context(), scoped(armScope))
		require.ErrorIs(t, err, os.ErrClosed)
		assert.ErrorContains(t, err, "the token refresher is closed")
		assert.Equal(t, 1, source.asked())
	})
}

// TestTokenRefresherClosesAtOnce, also in the midst of a renewal that hangs.
func TestTokenRefresherClosesAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := &numbered{life: time.Hour}
		r, err := NewTokenRefresher(source, nil)
		require.NoError(t, err)
		_, err = r.GetToken(t.Context(), scoped(armScope))
		require.NoError(t, err)
		source.take(24 * time.Hour)
		time.Sleep(56 * time.Minute)
		start := time.Now()
		require.NoError(t, r.Close())
		assert.Zero(t, time.Since(start))
	})
}

func TestTokenRefresherKnowsItsSource(t *testing.T) {
	t.Parallel()
	china, err := Cloud("AzureChinaCloud")
	require.NoError(t, err)
	source, err := NewTokenFunc(func(context.Context, string) (azcore.AccessToken, error) { return azcore.AccessToken{Token: "t"}, nil }, &TokenFuncOptions{Cloud: china})
	require.NoError(t, err)
	r, err := NewTokenRefresher(source, nil)
	require.NoError(t, err)
	defer r.Close()
	assert.Equal(t, china, r.Cloud())
	assert.Equal(t, "the token function (AzureChinaCloud), kept fresh (AzureChinaCloud)", r.String())

	_, err = NewTokenRefresher(nil, &TokenRefresherOptions{Before: -1, RetryInterval: -1})
	require.ErrorIs(t, err, azureml.ErrInvalid)
	for _, field := range []string{"source", "Before", "RetryInterval"} {
		assert.ErrorContains(t, err, field)
	}
}

package tokencache

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// source gives numbered tokens.
type source struct {
	asked atomic.Int32
	takes time.Duration
	life  time.Duration
	fails atomic.Bool
	edit  func(*azcore.AccessToken)
	seen  func(policy.TokenRequestOptions)
}

var errDown = errors.New("authority is down")

func (s *source) get(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	n := s.asked.Add(1)
	if s.seen != nil {
		s.seen(o)
	}
	select {
	case <-time.After(s.takes):
	case <-ctx.Done():
		return azcore.AccessToken{}, ctx.Err()
	}
	if s.fails.Load() {
		return azcore.AccessToken{}, errDown
	}
	token := azcore.AccessToken{Token: fmt.Sprintf("%s-%d", o.Scopes[0], n), ExpiresOn: time.Now().Add(s.life)}
	if s.edit != nil {
		s.edit(&token)
	}
	return token, nil
}

func scope(name string) policy.TokenRequestOptions {
	return policy.TokenRequestOptions{Scopes: []string{name}}
}

func TestTenThousandCallersOneRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &source{takes: time.Second, life: time.Hour}
		c := New(Config{Source: s.get})
		var wg sync.WaitGroup
		for range 10_000 {
			wg.Go(func() {
				token, err := c.Get(t.Context(), scope("a"))
				assert.NoError(t, err)
				assert.Equal(t, "a-1", token.Token)
			})
		}
		wg.Wait()
		assert.EqualValues(t, 1, s.asked.Load())
	})
}

func TestACallerWaitsNoLongerThanItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &source{takes: time.Minute, life: time.Hour}
		c := New(Config{Source: s.get})
		first := make(chan error, 1)
		go func() { _, err := c.Get(context.Background(), scope("a")); first <- err }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err := c.Get(ctx, scope("a"))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.LessOrEqual(t, time.Since(start), 60*time.Millisecond)
		require.NoError(t, <-first, "the request goes on for the first caller")
		assert.EqualValues(t, 1, s.asked.Load())
	})
}

func TestTokensAreRenewedBeforeTheirEnd(t *testing.T) {
	t.Parallel()
	for _, life := range []time.Duration{5 * time.Second, 200 * time.Second, time.Hour, 24 * time.Hour} {
		t.Run(life.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &source{life: life, takes: 50 * time.Millisecond}
				c := New(Config{Source: s.get})
				step := life / 50
				for range 500 {
					token, err := c.Get(t.Context(), scope("a"))
					require.NoError(t, err)
					require.True(t, time.Now().Before(token.ExpiresOn), "a token that has ended")
					time.Sleep(step)
				}
				assert.LessOrEqual(t, s.asked.Load(), int32(22), "renewed too often")
				assert.GreaterOrEqual(t, s.asked.Load(), int32(10))
			})
		})
	}
}

func TestRefreshOnIsObeyed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &source{life: 24 * time.Hour, edit: func(token *azcore.AccessToken) { token.RefreshOn = time.Now().Add(12 * time.Hour) }}
		c := New(Config{Source: s.get})
		_, err := c.Get(t.Context(), scope("a"))
		require.NoError(t, err)
		time.Sleep(12*time.Hour - time.Second)
		_, err = c.Get(t.Context(), scope("a"))
		require.NoError(t, err)
		assert.EqualValues(t, 1, s.asked.Load())
		time.Sleep(2 * time.Second)
		token, err := c.Get(t.Context(), scope("a"))
		require.NoError(t, err)
		assert.Equal(t, "a-2", token.Token)
	})
}

func TestFailuresAreInvisibleWhileTheTokenLives(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &source{life: time.Hour}
		c := New(Config{Source: s.get})
		first, err := c.Get(t.Context(), scope("a"))
		require.NoError(t, err)
		s.fails.Store(true)
		time.Sleep(55 * time.Minute)
		for time.Now().Before(first.ExpiresOn) {
			token, err := c.Get(t.Context(), scope("a"))
			require.NoError(t, err)
			require.Equal(t, first.Token, token.Token)
			time.Sleep(time.Second)
		}
		assert.LessOrEqual(t, s.asked.Load(), int32(12), "one try each 30 s")
		_, err = c.Get(t.Context(), scope("a"))
		require.ErrorIs(t, err, errDown)
		s.fails.Store(false)
		_, err = c.Get(t.Context(), scope("a"))
		require.NoError(t, err)
	})
}

// TestASlowRenewalDoesNotCostTheCaller: half of the caller's time is left, and without
// a deadline ten seconds are enough patience.
func TestASlowRenewalDoesNotCostTheCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &source{life: time.Hour}
		c := New(Config{Source: s.get})
		_, err := c.Get(t.Context(), scope("a"))
		require.NoError(t, err)
		time.Sleep(56 * time.Minute)
		s.takes = time.Hour
		start := time.Now()
		token, err := c.Get(t.Context(), scope("a"))
		require.NoError(t, err)
		assert.Equal(t, "a-1", token.Token)
		assert.Equal(t, 10*time.Second, time.Since(start))

		time.Sleep(time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		start = time.Now()
		_, err = c.Get(ctx, scope("a"))
		require.NoError(t, err)
		assert.Equal(t, time.Second, time.Since(start))
	})
}

func TestATokenThatEndsWhileItIsRenewed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &source{life: time.Hour}
		c := New(Config{Source: s.get})
		_, err := c.Get(t.Context(), scope("a"))
		require.NoError(t, err)
		time.Sleep(time.Hour - 5*time.Second)
		s.takes = 11 * time.Second
		token, err := c.Get(t.Context(), scope("a"))
		require.NoError(t, err)
		assert.NotEqual(t, "a-1", token.Token)
		assert.True(t, time.Now().Before(token.ExpiresOn))
	})
}

func TestTokensAreKeptApart(t *testing.T) {
	t.Parallel()
	s := &source{life: time.Hour}
	c := New(Config{Source: s.get})
	all := []policy.TokenRequestOptions{
		scope("a"), scope("b"), {Scopes: []string{"a"}, TenantID: "t"}, {Scopes: []string{"a"}, EnableCAE: true},
		{Scopes: []string{"a", "b"}}, {Scopes: []string{"b", "a"}},
	}
	for range 2 {
		for i, o := range all {
			token, err := c.Get(t.Context(), o)
			require.NoError(t, err)
			assert.Equal(t, fmt.Sprintf("%s-%d", o.Scopes[0], i+1), token.Token)
		}
	}
}

func TestClaimsAskAnewAndReplaceTheToken(t *testing.T) {
	t.Parallel()
	var claims []string
	s := &source{life: time.Hour, seen: func(o policy.TokenRequestOptions) { claims = append(claims, o.Claims) }}
	c := New(Config{Source: s.get})
	_, err := c.Get(t.Context(), scope("a"))
	require.NoError(t, err)
	challenge := scope("a")
	challenge.Claims = `{"access_token":{}}`
	for want := 2; want <= 3; want++ {
		token, err := c.Get(t.Context(), challenge)
		require.NoError(t, err)
		assert.Equal(t, fmt.Sprint("a-", want), token.Token, "a challenge is never answered from memory")
	}
	token, err := c.Get(t.Context(), scope("a"))
	require.NoError(t, err)
	assert.Equal(t, "a-3", token.Token)
	assert.Equal(t, []string{"", challenge.Claims, challenge.Claims}, claims)
	assert.Len(t, c.entries, 1, "challenges leave nothing behind")
}

func TestForget(t *testing.T) {
	t.Parallel()
	s := &source{life: time.Hour}
	c := New(Config{Source: s.get})
	get := func() string {
		token, err := c.Get(t.Context(), scope("a"))
		require.NoError(t, err)
		return token.Token
	}
	get()
	c.Forget("another")
	assert.Equal(t, "a-1", get())
	c.Forget("a-1")
	assert.Equal(t, "a-2", get())
}

func TestTheSourceMayWriteToItsOptions(t *testing.T) {
	t.Parallel()
	s := &source{life: time.Hour, seen: func(o policy.TokenRequestOptions) { o.Scopes[0] = strSpoiled }}
	c := New(Config{Source: s.get})
	o := scope("a")
	_, err := c.Get(t.Context(), o)
	require.NoError(t, err)
	assert.Equal(t, "a", o.Scopes[0])
	c.Forget(strSpoiled + "-1")
	_, err = c.Get(t.Context(), o)
	require.NoError(t, err)
}

const strSpoiled = "spoiled"

func TestARequestNobodyBoundsHasAnEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &source{takes: 24 * time.Hour}
		c := New(Config{Source: s.get, Timeout: time.Minute})
		start := time.Now()
		_, err := c.Get(t.Context(), scope("a"))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, time.Minute, time.Since(start))
	})
}

func TestATokenInHandCostsNoAllocation(t *testing.T) {
	s := &source{life: time.Hour}
	c := New(Config{Source: s.get})
	o := scope("a")
	_, err := c.Get(t.Context(), o)
	require.NoError(t, err)
	ctx := t.Context()
	assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = c.Get(ctx, o) }))
}

func BenchmarkGet(b *testing.B) {
	s := &source{life: time.Hour}
	c := New(Config{Source: s.get})
	o := scope("a")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := c.Get(b.Context(), o); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func TestRenewInTheBackground(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		kept := 0
		s := &source{life: time.Hour}
		c := New(Config{Source: s.get, Background: true, OnToken: func() { kept++ }})
		_, ok := c.Next()
		assert.False(t, ok, "nothing to renew yet")
		_, err := c.Get(t.Context(), scope("a"))
		require.NoError(t, err)
		assert.Equal(t, 1, kept)
		at, ok := c.Next()
		require.True(t, ok)
		assert.Equal(t, 55*time.Minute, time.Until(at))

		time.Sleep(time.Until(at))
		_, err = c.Get(t.Context(), scope("a"))
		require.NoError(t, err)
		assert.EqualValues(t, 1, s.asked.Load(), "callers do not renew")
		var failures []time.Duration
		failed := func(err error, expires time.Time) {
			assert.ErrorIs(t, err, errDown)
			failures = append(failures, time.Until(expires))
		}
		s.fails.Store(true)
		c.Renew(t.Context(), failed)
		c.Renew(t.Context(), failed) // not before the pause is over
		assert.Equal(t, []time.Duration{5 * time.Minute}, failures)
		at, _ = c.Next()
		assert.Equal(t, 30*time.Second, time.Until(at))

		time.Sleep(10 * time.Minute) // the token is dead now, and still tried
		s.fails.Store(false)
		c.Renew(t.Context(), failed)
		token, err := c.Get(t.Context(), scope("a"))
		require.NoError(t, err)
		assert.Equal(t, "a-3", token.Token)
	})
}

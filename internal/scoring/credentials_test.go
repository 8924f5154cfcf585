package scoring

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
)

func certificateError() error {
	return &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}
}

// service is a scoring service that accepts some keys, and hands them out.
type service struct {
	mu       sync.Mutex
	accepted map[string]bool
	listed   []string
	fetches  int
	sent     []string
	fetchErr error
}

func (s *service) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := r.Header.Get("Authorization")[len("Bearer "):]
	s.sent = append(s.sent, key)
	if !s.accepted[key] {
		return answer(r, 401, "key_auth_access_denied "+key), nil
	}
	return answer(r, 200, "[1]"), nil
}

func (s *service) fetch(context.Context) (Credential, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fetches++
	if s.fetchErr != nil {
		return Credential{}, s.fetchErr
	}
	var c Credential
	for _, k := range s.listed {
		c.Values = append(c.Values, azureml.NewSecret(k))
	}
	return c, nil
}

func TestRefusedKeys(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		first, later []string // what is handed out at first, and then
		accepted     []string
		sent         []string
		fetches      int
		fails        bool
	}{
		"accepted":                         {[]string{"p", "s"}, nil, []string{"p"}, []string{"p"}, 1, false},
		"primary changed":                  {[]string{"p", "s"}, []string{"p2", "s"}, []string{"p2", "s"}, []string{"p", "p2"}, 2, false},
		"changed, but not handed out yet":  {[]string{"p", "s"}, []string{"p", "s"}, []string{"s"}, []string{"p", "s"}, 2, false},
		"the new primary is not known yet": {[]string{"p", "s"}, []string{"p2", "s"}, []string{"s"}, []string{"p", "p2", "s"}, 2, false},
		"both changed":                     {[]string{"p", "s"}, []string{"p2", "s2"}, []string{"p2", "s2"}, []string{"p", "p2"}, 2, false},
		"none is accepted":                 {[]string{"p", "s"}, []string{"p", "s"}, nil, []string{"p", "s"}, 2, true},
		"none of the new ones either":      {[]string{"p", "s"}, []string{"p2", "s2"}, nil, []string{"p", "p2", "s2"}, 2, true},
		"a token":                          {[]string{"t"}, []string{"t2"}, []string{"t2"}, []string{"t", "t2"}, 2, false},
		"a token that is refused":          {[]string{"t"}, []string{"t2"}, nil, []string{"t", "t2"}, 2, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &service{accepted: map[string]bool{}, listed: test.first}
				c := newClient(t, s, NewCredentials(s.fetch))
				require.NoError(t, c.Warm(t.Context()))
				if test.later != nil {
					s.listed = test.later
				}
				for _, k := range test.accepted {
					s.accepted[k] = true
				}
				_, err := c.Do(t.Context(), score)
				assert.Equal(t, test.sent, s.sent)
				assert.Equal(t, test.fetches, s.fetches)
				if test.fails {
					require.ErrorIs(t, err, azureml.ErrUnauthorized)
					assert.NotContains(t, err.Error(), "denied "+test.first[0])
					return
				}
				require.NoError(t, err)
				_, err = c.Do(t.Context(), score)
				require.NoError(t, err)
				assert.Len(t, s.sent, len(test.sent)+1, "what let in is kept")
				assert.Equal(t, test.fetches, s.fetches)
			})
		})
	}
}

func TestFixedKeysFallBack(t *testing.T) {
	t.Parallel()
	s := &service{accepted: map[string]bool{"s": true}}
	c := newClient(t, s, keys("p", "s"))
	for range 2 {
		_, err := c.Do(t.Context(), score)
		require.NoError(t, err)
	}
	assert.Equal(t, []string{"p", "s", "s"}, s.sent)
	s.accepted = map[string]bool{"p": true}
	_, err := c.Do(t.Context(), score)
	require.NoError(t, err, "back again")
}

func TestFetchFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{accepted: map[string]bool{}, fetchErr: &azureml.Error{Operation: "read the keys of", Kind: azureml.ErrForbidden, Message: "no role", Remedy: "ask"}}
		c := newClient(t, s, NewCredentials(s.fetch))
		_, err := c.Do(t.Context(), score)
		require.ErrorIs(t, err, azureml.ErrForbidden)
		assert.ErrorContains(t, err, "no role")
		assert.Empty(t, s.sent)

		s.fetchErr, s.listed = nil, []string{"p"}
		require.NoError(t, c.Warm(t.Context()))
		s.fetchErr = errors.New("down")
		_, err = c.Do(t.Context(), score)
		require.ErrorIs(t, err, azureml.ErrUnauthorized)
		assert.ErrorContains(t, err, "fetching new credentials failed: down")

		s.fetchErr, s.listed = nil, []string{"p", "s"}
		require.ErrorIs(t, second(c.Do(t.Context(), score)), azureml.ErrUnauthorized)
		s.fetchErr, s.accepted["s"] = errors.New("down"), true
		_, err = c.Do(t.Context(), score)
		assert.NoError(t, err, "the other key is left")
	})
}

func second[T any](_ T, err error) error { return err }

func TestKeysAreNotAskedForAgainAndAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{accepted: map[string]bool{}, listed: []string{"p"}}
		c := newClient(t, s, NewCredentials(s.fetch))
		for range 100 {
			_, err := c.Do(t.Context(), score)
			require.ErrorIs(t, err, azureml.ErrUnauthorized)
		}
		assert.Equal(t, 2, s.fetches)
		time.Sleep(2 * time.Second)
		_, err := c.Do(t.Context(), score)
		require.ErrorIs(t, err, azureml.ErrUnauthorized)
		assert.Equal(t, 3, s.fetches)
	})
}

// TestRotationUnderLoad changes both keys, one after the other, again and again while
// many callers score.
func TestRotationUnderLoad(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{accepted: map[string]bool{"p0": true, "s0": true}, listed: []string{"p0", "s0"}}
		c := newClient(t, s, NewCredentials(s.fetch))
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		calls := make([]int, 64)
		for i := range 64 {
			wg.Go(func() {
				for ctx.Err() == nil {
					_, err := c.Do(t.Context(), score)
					assert.NoError(t, err)
					calls[i]++
					time.Sleep(time.Duration(i+1) * time.Millisecond)
				}
			})
		}
		for round := range 20 {
			for at, prefix := range []string{"s", "p"} {
				time.Sleep(50 * time.Millisecond)
				s.mu.Lock()
				fresh := prefix + string(rune('a'+round))
				delete(s.accepted, s.listed[1-at])
				s.listed[1-at] = fresh
				s.accepted[fresh] = true
				s.mu.Unlock()
			}
		}
		stop()
		wg.Wait()
		assert.Less(t, s.fetches, 100, "one fetch serves all")
		assert.Greater(t, calls[0], 100)
	})
}

// tokens hands out tokens that live for a day and are to be renewed after half of it.
type tokens struct {
	mu      sync.Mutex
	fetches int
	err     error
	slow    time.Duration
}

func (s *tokens) fetch(ctx context.Context) (Credential, error) {
	select {
	case <-time.After(s.slow):
	case <-ctx.Done():
		return Credential{}, ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fetches++
	if s.err != nil {
		return Credential{}, s.err
	}
	now := time.Now()
	return Credential{Values: []azureml.Secret{azureml.NewSecret("t")}, RefreshAfter: now.Add(12 * time.Hour), Expires: now.Add(24 * time.Hour)}, nil
}

func TestTokensAreRenewedInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &tokens{slow: time.Second}
		c := NewCredentials(s.fetch)
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() { assert.NoError(t, second(c.get(t.Context()))) })
		}
		wg.Wait()
		assert.Equal(t, 1, s.fetches)

		time.Sleep(12*time.Hour - 2*time.Second)
		require.NoError(t, second(c.get(t.Context())))
		assert.Equal(t, 1, s.fetches, "not before refreshAfter")

		time.Sleep(3 * time.Second)
		var waited sync.Map
		for i := range 64 {
			wg.Go(func() {
				start := time.Now()
				assert.NoError(t, second(c.get(t.Context())))
				waited.Store(i, time.Since(start))
			})
		}
		wg.Wait()
		assert.Equal(t, 2, s.fetches)
		slow := 0
		waited.Range(func(_, d any) bool {
			if d.(time.Duration) > 0 {
				slow++
			}
			return true
		})
		assert.Equal(t, 1, slow, "the old one serves while the new one is fetched")
	})
}

func TestATokenThatCannotBeRenewedIsUsedToItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &tokens{}
		c := NewCredentials(s.fetch)
		require.NoError(t, second(c.get(t.Context())))
		s.err = errors.New("region is down")
		time.Sleep(13 * time.Hour)
		for range 100 {
			require.NoError(t, second(c.get(t.Context())))
		}
		assert.Equal(t, 2, s.fetches, "not tried at every call")
		time.Sleep(refreshPause)
		require.NoError(t, second(c.get(t.Context())))
		assert.Equal(t, 3, s.fetches)
		time.Sleep(11 * time.Hour)
		assert.ErrorContains(t, second(c.get(t.Context())), "region is down")
	})
}

func TestATokenThatOnlySaysItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fetches := 0
		c := NewCredentials(func(context.Context) (Credential, error) {
			fetches++
			return Credential{Values: []azureml.Secret{azureml.NewSecret("t")}, Expires: time.Now().Add(time.Hour)}, nil
		})
		require.NoError(t, second(c.get(t.Context())))
		time.Sleep(54 * time.Minute)
		require.NoError(t, second(c.get(t.Context())))
		assert.Equal(t, 1, fetches)
		time.Sleep(2 * time.Minute)
		require.NoError(t, second(c.get(t.Context())))
		assert.Equal(t, 2, fetches)
	})
}

func TestACallerWhoWaitsForATokenCanLeave(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &tokens{slow: time.Minute}
		c := newClient(t, http.DefaultTransport, NewCredentials(s.fetch))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, err := c.Do(ctx, score)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(start))
	})
}

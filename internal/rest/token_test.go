package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/clouds"
)

func tokenClient(credential azcore.TokenCredential, do roundTrip) *Client {
	return New(Config{Credential: credential, Cloud: clouds.Public(), Hosts: NewHosts(base), Options: azcore.ClientOptions{
		Transport: do, Retry: policy.RetryOptions{MaxRetries: -1},
	}})
}

func ok200(r *http.Request) (*http.Response, error) { return answer(r, 200, "{}"), nil }

var getIt = Request{Operation: "get", Subject: "it", Method: http.MethodGet, URL: base + "/x"}

func TestManyCallersOneToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		credential := &tokens{give: func(int32) (azcore.AccessToken, error) {
			time.Sleep(time.Second)
			return azcore.AccessToken{Token: "t", ExpiresOn: time.Now().Add(time.Hour)}, nil
		}}
		c := tokenClient(credential, ok200)
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() {
				_, err := c.Do(t.Context(), getIt, nil)
				assert.NoError(t, err)
			})
		}
		wg.Wait()
		assert.EqualValues(t, 1, credential.asked.Load())
	})
}

// TestWaitingForATokenObeysTheCaller: azcore's bearer policy alone would make the
// second caller wait for as long as the first.
func TestWaitingForATokenObeysTheCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		credential := &tokens{give: func(int32) (azcore.AccessToken, error) {
			time.Sleep(time.Minute)
			return azcore.AccessToken{Token: "t", ExpiresOn: time.Now().Add(time.Hour)}, nil
		}}
		c := tokenClient(credential, ok200)
		first := make(chan error, 1)
		go func() { _, err := c.Do(context.Background(), getIt, nil); first <- err }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err := c.Do(ctx, getIt, nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 50*time.Millisecond, time.Since(start))
		require.NoError(t, <-first)
	})
}

func TestRefusedTokenIsAskedForAnewOnce(t *testing.T) {
	t.Parallel()
	credential := &tokens{}
	var used []string
	c := tokenClient(credential, func(r *http.Request) (*http.Response, error) {
		used = append(used, r.Header.Get("Authorization"))
		return answer(r, map[bool]int{true: 401, false: 200}[len(used) == 1], ""), nil
	})
	_, err := c.Do(t.Context(), Request{Method: http.MethodPost, URL: base + "/x", Class: Narrow, Body: []byte("{}")}, nil)
	require.NoError(t, err)
	assert.Equal(t, []string{"Bearer token-1", "Bearer token-2"}, used)

	// A credential that has no other token is not bothered with a second request.
	same := &tokens{give: func(int32) (azcore.AccessToken, error) {
		return azcore.AccessToken{Token: "same", ExpiresOn: time.Now().Add(time.Hour)}, nil
	}}
	sends := 0
	c = tokenClient(same, func(r *http.Request) (*http.Response, error) { sends++; return answer(r, 401, ""), nil })
	_, err = c.Do(t.Context(), getIt, nil)
	require.ErrorIs(t, err, azureml.ErrUnauthorized)
	assert.Equal(t, 1, sends)
}

func TestTokenIsRenewedBeforeItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fail := false
		credential := &tokens{give: func(n int32) (azcore.AccessToken, error) {
			if fail {
				return azcore.AccessToken{}, errors.New("authority is down")
			}
			return azcore.AccessToken{Token: fmt.Sprint("t", n), ExpiresOn: time.Now().Add(time.Hour)}, nil
		}}
		expires := map[string]time.Time{}
		c := tokenClient(credential, func(r *http.Request) (*http.Response, error) {
			token := r.Header.Get("Authorization")
			if _, ok := expires[token]; !ok {
				expires[token] = time.Now().Add(time.Hour)
			}
			assert.True(t, time.Now().Before(expires[token]), "an expired token was sent")
			return answer(r, 200, "{}"), nil
		})
		for range 100 { // 200 minutes
			_, err := c.Do(t.Context(), getIt, nil)
			require.NoError(t, err)
			time.Sleep(2 * time.Minute)
		}
		assert.EqualValues(t, 4, credential.asked.Load())

		// Failures are invisible as long as the token lives, and clear afterwards.
		_, err := c.Do(t.Context(), getIt, nil)
		require.NoError(t, err)
		fail = true
		var last error
		for range 40 {
			time.Sleep(2 * time.Minute)
			if _, last = c.Do(t.Context(), getIt, nil); last != nil {
				break
			}
		}
		require.ErrorIs(t, last, azureml.ErrUnauthorized)
		assert.Equal(t, "azureml: cannot get it: cannot get an access token: authority is down", last.Error())
	})
}

package azuremltest_test

import (
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/azureml-go/azureml/azuremltest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Not parallel: it counts goroutines.
func TestCloseEndsAllGoroutines(t *testing.T) {
	before := runtime.NumGoroutine()
	for _, options := range []azuremltest.Options{{}, {HTTP2: true}, {InMemory: true}} {
		srv := azuremltest.NewServer(&options)
		if srv.URL != "" {
			silent, err := net.Dial("tcp", strings.TrimPrefix(srv.URL, "http://"))
			require.NoError(t, err)
			defer silent.Close()
		}
		var busy sync.WaitGroup
		srv.Fault(azuremltest.Fault{Path: "/slow", Count: -1, Delay: time.Hour})
		for i := range 8 {
			busy.Go(func() {
				try(srv, http.MethodGet, subscriptionsURL, "")
				if i%2 == 0 {
					try(srv, http.MethodGet, arm+"/slow", "")
				}
			})
		}
		for len(srv.Requests()) < 12 {
			time.Sleep(time.Millisecond)
		}
		srv.Close()
		srv.Close()
		busy.Wait()
		_, err := try(srv, http.MethodGet, subscriptionsURL, "")
		assert.Error(t, err)
	}
	for try := 0; runtime.NumGoroutine() > before && try < 1000; try++ {
		time.Sleep(time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > before {
		stacks := make([]byte, 1<<20)
		t.Fatalf("%d goroutines before, %d after:\n%s", before, n, stacks[:runtime.Stack(stacks, true)])
	}
}

func TestClosedInBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := azuremltest.NewServer(&azuremltest.Options{InMemory: true})
		req, err := http.NewRequest(http.MethodGet, subURL+"/providers/Microsoft.Compute/skus?api-version=2021-07-01", nil)
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+srv.Token(azuremltest.TokenOptions{}))
		resp, err := srv.Client().Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		start := time.Now()
		srv.Close() // while a body has not been read
		assert.Zero(t, time.Since(start))
	})
}

func TestManyServers(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			srv := azuremltest.NewServer(nil)
			defer srv.Close()
			srv.AddWorkspace(azuremltest.Workspace{Name: fmt.Sprint("ws-", i)})
			a, err := try(srv, http.MethodGet, strings.Replace(workspaceURL, azuremltest.WorkspaceName, fmt.Sprint("ws-", i), 1)+version, "",
				"Authorization", "Bearer "+srv.Token(azuremltest.TokenOptions{}))
			assert.NoError(t, err)
			assert.Equal(t, http.StatusOK, a.status)
		})
	}
	all.Wait()
}

func TestManyClients(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	var all sync.WaitGroup
	for i := range 32 {
		all.Go(func() {
			url := fmt.Sprintf("%s/aks%d%s", computesURL, i, version)
			authorization := "Bearer " + srv.Token(azuremltest.TokenOptions{})
			for _, method := range []string{http.MethodPut, http.MethodGet, http.MethodGet, http.MethodGet} {
				_, err := try(srv, method, url, aks("{}"), "Authorization", authorization)
				assert.NoError(t, err)
			}
		})
	}
	all.Wait()
	computes := srv.Computes(azuremltest.Workspace{})
	require.Len(t, computes, 32)
	addresses := map[string]bool{}
	for _, k := range computes {
		assert.Equal(t, "Succeeded", k.State)
		addresses[k.ScoringURL] = true
	}
	assert.Len(t, addresses, 32)
}

func TestIdsAreReproducible(t *testing.T) {
	t.Parallel()
	run := func() string {
		srv := newServer(t, nil)
		return do(t, srv, http.MethodPut, computesURL+"/aks"+version, aks("{}")).header.Get("Azure-AsyncOperation")
	}
	assert.Equal(t, run(), run())
}

func TestCannotListen(t *testing.T) {
	t.Parallel()
	assert.PanicsWithValue(t, "azuremltest: cannot listen: listen tcp: address nowhere: missing port in address", func() {
		azuremltest.NewServer(&azuremltest.Options{Addr: "nowhere"})
	})
}

func TestSetUpMistakes(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	for name, f := range map[string]func(){
		"tenant without GUID": func() { srv.AddTenant(azuremltest.Tenant{ID: "contoso"}) },
		"tenant taken":        func() { srv.AddTenant(azuremltest.Tenant{ID: azuremltest.TenantID}) },
		"principal taken":     func() { srv.AddServicePrincipal(azuremltest.ServicePrincipal{ClientID: azuremltest.ClientID}) },
		"principal nowhere": func() {
			srv.AddServicePrincipal(azuremltest.ServicePrincipal{ClientID: otherSub, TenantID: otherTenant})
		},
		"subscription taken":      func() { srv.AddSubscription(azuremltest.Subscription{ID: azuremltest.SubscriptionID}) },
		"workspace taken":         func() { srv.AddWorkspace(azuremltest.Workspace{Name: strings.ToUpper(azuremltest.WorkspaceName)}) },
		"workspace nowhere":       func() { srv.AddWorkspace(azuremltest.Workspace{SubscriptionID: otherSub}) },
		"cluster taken":           func() { srv.AddCluster(azuremltest.Cluster{Name: azuremltest.ClusterName}) },
		"compute in nothing":      func() { srv.AddCompute(azuremltest.Workspace{Name: "nope"}, azuremltest.Compute{Name: "aks"}) },
		"compute on nothing":      func() { srv.AddCompute(azuremltest.Workspace{}, azuremltest.Compute{Name: "aks", ResourceID: "/x"}) },
		"computes of nothing":     func() { srv.Computes(azuremltest.Workspace{Name: "nope"}) },
		"user without name":       func() { srv.AddUser(azuremltest.User{}) },
		"refresh token of no one": func() { srv.RefreshToken(azuremltest.User{Name: "nobody"}) },
	} {
		t.Run(name, func(t *testing.T) { assert.Panics(t, f) })
	}
	assert.Equal(t, http.StatusOK, do(t, srv, http.MethodGet, subscriptionsURL, "").status, "the lock is free")
}

// Every test can have a server of its own: starting one takes less than 5 ms. The best of
// some is looked at, for the machine may be busy.
func TestStartIsQuick(t *testing.T) {
	for _, options := range []azuremltest.Options{{}, {InMemory: true}} {
		best := time.Hour
		for range 20 {
			begun := time.Now()
			srv := azuremltest.NewServer(&options)
			best = min(best, time.Since(begun))
			srv.Close()
		}
		assert.Less(t, best, 5*time.Millisecond)
	}
}

func BenchmarkNewServer(b *testing.B) {
	for _, options := range []azuremltest.Options{{}, {InMemory: true}} {
		b.Run(fmt.Sprintf("InMemory=%t", options.InMemory), func(b *testing.B) {
			for b.Loop() {
				azuremltest.NewServer(&options).Close()
			}
		})
	}
}

func BenchmarkRequest(b *testing.B) {
	for _, options := range []azuremltest.Options{{}, {HTTP2: true}, {InMemory: true}} {
		b.Run(fmt.Sprintf("InMemory=%t,HTTP2=%t", options.InMemory, options.HTTP2), func(b *testing.B) {
			srv := newServer(b, &options)
			authorization := "Bearer " + srv.Token(azuremltest.TokenOptions{})
			for b.Loop() {
				if a, err := try(srv, http.MethodGet, workspaceURL+version, "", "Authorization", authorization); err != nil || a.status != http.StatusOK {
					b.Fatal(a.status, err)
				}
			}
		})
	}
}

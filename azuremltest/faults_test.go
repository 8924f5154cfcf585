package azuremltest_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/azureml-go/azureml/azuremltest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const subscriptionsURL = arm + "/subscriptions?api-version=2021-01-01"

// statuses sends n requests and returns what came back, 0 for no answer. Each
// has a connection of its own.
func statuses(srv *azuremltest.Server, n int, method, url string) (list []int) {
	for range n {
		srv.Client().CloseIdleConnections()
		a, _ := try(srv, method, url, "", "Authorization", "Bearer "+srv.Token(azuremltest.TokenOptions{}))
		list = append(list, a.status)
	}
	return list
}

// A browser that looks at the status page neither sees the faults nor uses them up.
func TestFaultsSpareTheOwnAddress(t *testing.T) {
	t.Parallel()
	srv := newServer(t, &azuremltest.Options{Home: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) })})
	srv.Fault(azuremltest.Fault{Status: http.StatusInternalServerError})
	assert.Equal(t, []int{http.StatusAccepted, http.StatusAccepted}, statuses(srv, 2, http.MethodGet, srv.URL+"/status.json"))
	assert.Equal(t, []int{http.StatusOK}, statuses(srv, 1, http.MethodGet, srv.URL+"/ca.pem"))
	assert.Equal(t, []int{http.StatusInternalServerError, http.StatusOK}, statuses(srv, 2, http.MethodGet, subscriptionsURL))
	srv.Fault(azuremltest.Fault{Path: "/msi/token", Status: http.StatusBadGateway})
	assert.Equal(t, []int{http.StatusBadGateway}, statuses(srv, 1, http.MethodGet, srv.IdentityEndpoint()), "it is a service")
}

func TestFaultChoosesRequests(t *testing.T) {
	t.Parallel()
	all := func(n int) []int { return []int{n, n, n, n} }
	for name, c := range map[string]struct {
		fault azuremltest.Fault
		want  []int
	}{
		"the first":          {azuremltest.Fault{}, []int{500, 200, 200, 200}},
		"the third":          {azuremltest.Fault{From: 3}, []int{200, 200, 500, 200}},
		"two from second":    {azuremltest.Fault{From: 2, Count: 2}, []int{200, 500, 500, 200}},
		"all from second":    {azuremltest.Fault{From: 2, Count: -1}, []int{200, 500, 500, 500}},
		"certainly":          {azuremltest.Fault{Probability: 1}, all(500)},
		"method":             {azuremltest.Fault{Method: "get", Count: -1}, all(500)},
		"other method":       {azuremltest.Fault{Method: "PUT", Count: -1}, all(200)},
		"host":               {azuremltest.Fault{Host: "*.Azure.com", Count: -1}, all(500)},
		"other host":         {azuremltest.Fault{Host: "*.azureml.ms", Count: -1}, all(200)},
		"part of path":       {azuremltest.Fault{Path: "SCRIPT", Count: -1}, all(500)},
		"other part of path": {azuremltest.Fault{Path: "/computes/", Count: -1}, all(200)},
		"path":               {azuremltest.Fault{Path: "/subs*", Count: -1}, all(500)},
		"other path":         {azuremltest.Fault{Path: "subs*", Count: -1}, all(200)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := newServer(t, nil)
			c.fault.Status = http.StatusInternalServerError
			remove := srv.Fault(c.fault)
			assert.Equal(t, c.want, statuses(srv, 4, http.MethodGet, subscriptionsURL))
			remove()
			assert.Equal(t, all(200), statuses(srv, 4, http.MethodGet, subscriptionsURL))
		})
	}
}

func TestFaultWithProbability(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) []int {
		srv := newServer(t, nil)
		srv.Fault(azuremltest.Fault{Probability: 0.5, Seed: seed, Status: 503})
		return statuses(srv, 40, http.MethodGet, subscriptionsURL)
	}
	one, again, two := run(1), run(1), run(2)
	assert.Equal(t, one, again)
	assert.NotEqual(t, one, two)
	assert.Contains(t, one, 503)
	assert.Contains(t, one, 200)
}

func TestFirstFaultDecides(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	srv.Fault(azuremltest.Fault{Status: 500})
	srv.Fault(azuremltest.Fault{Status: 503})
	assert.Equal(t, []int{500, 503, 200}, statuses(srv, 3, http.MethodGet, subscriptionsURL))
	assert.Panics(t, func() { srv.Fault(azuremltest.Fault{Path: "[", Status: 500}) })
}

func TestFaultAnswers(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	srv.Fault(azuremltest.Fault{Host: "management.azure.com", Status: 429, RetryAfter: "7"})
	a := do(t, srv, http.MethodGet, subscriptionsURL, "")
	assert.Equal(t, 429, a.status)
	assert.Equal(t, "7", a.header.Get("Retry-After"))
	assert.Equal(t, "TooManyRequests", a.at("error", "code"))

	srv.Fault(azuremltest.Fault{Host: "*.modelmanagement.azureml.net", Status: 504})
	a = do(t, srv, http.MethodGet, "https://westeurope.modelmanagement.azureml.net/modelmanagement/v1.0/x", "")
	assert.Equal(t, "GatewayTimeout", a.at("code"))
	assert.EqualValues(t, 504, a.at("statusCode"))

	srv.Fault(azuremltest.Fault{Status: 502, Body: "<html><body>Bad gateway</body></html>", Header: http.Header{"x-odd": {"1"}}})
	a = do(t, srv, http.MethodGet, subscriptionsURL, "")
	assert.Equal(t, 502, a.status)
	assert.Equal(t, "text/html; charset=utf-8", a.header.Get("Content-Type"))
	assert.Equal(t, "1", a.header.Get("X-Odd"))
	assert.Equal(t, "<html><body>Bad gateway</body></html>", a.text)

	faulty := 0
	for _, r := range srv.Requests() {
		if r.Fault {
			faulty++
		}
	}
	assert.Equal(t, 3, faulty)
}

func TestFaultAndEffect(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault  azuremltest.Fault
		effect bool
		status int
	}{
		"status":              {azuremltest.Fault{Status: 503}, false, 503},
		"status after effect": {azuremltest.Fault{Status: 504, AfterEffect: true}, true, 504},
		"reset before effect": {azuremltest.Fault{ResetBefore: true}, false, 0},
		"reset after effect":  {azuremltest.Fault{ResetAfter: true}, true, 0},
		"delay":               {azuremltest.Fault{Delay: time.Millisecond}, true, 201},
	} {
		for _, inMemory := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				srv := newServer(t, &azuremltest.Options{InMemory: inMemory})
				fault := c.fault
				fault.Method = http.MethodPut
				srv.Fault(fault)
				a, err := try(srv, http.MethodPut, computesURL+"/aks"+version, aks("{}"), "Authorization", "Bearer "+srv.Token(azuremltest.TokenOptions{}))
				assert.Equal(t, c.status, a.status)
				assert.Equal(t, c.status == 0, err != nil)
				if c.status == 0 && !inMemory {
					assert.ErrorIs(t, err, syscall.ECONNRESET)
				}
				assert.Equal(t, c.effect, len(srv.Computes(azuremltest.Workspace{})) == 1)
				assert.Equal(t, c.status, srv.Requests()[0].Status)
				if c.status >= 500 {
					assert.Empty(t, a.header.Get("Azure-AsyncOperation"), "nothing of the real answer is left")
				}
			})
		}
	}
}

// Some handlers write straight to the connection; a fault holds them back.
func TestFaultOfUnbufferedAnswer(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	srv.Fault(azuremltest.Fault{Host: "127.0.0.1", Status: 503, AfterEffect: true, Body: "later"})
	a, err := try(srv, http.MethodGet, srv.URL+"/ca.pem", "")
	require.NoError(t, err)
	assert.Equal(t, 503, a.status)
	assert.Equal(t, "later", a.text)
	srv.Fault(azuremltest.Fault{Host: "127.0.0.1", ResetAfter: true})
	srv.Client().CloseIdleConnections()
	_, err = try(srv, http.MethodGet, srv.URL+"/ca.pem", "")
	assert.ErrorIs(t, err, syscall.ECONNRESET)
}

func TestFaultResetsThroughProxy(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	proxy, err := url.Parse(srv.ProxyURL())
	require.NoError(t, err)
	transport := &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: srv.CertPool()}}
	defer transport.CloseIdleConnections()
	srv.Fault(azuremltest.Fault{ResetBefore: true})
	_, err = (&http.Client{Transport: transport}).Get(subscriptionsURL)
	assert.ErrorIs(t, err, syscall.ECONNRESET)
}

func TestFaultCutsBody(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	whole := do(t, srv, http.MethodGet, workspaceURL+version, "").text
	for cut, want := range map[int]string{-1: "", 5: whole[:5]} {
		srv.Fault(azuremltest.Fault{CutBody: cut})
		req, err := http.NewRequest(http.MethodGet, workspaceURL+version, nil)
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+srv.Token(azuremltest.TokenOptions{}))
		resp, err := srv.Client().Do(req)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
		assert.Equal(t, want, string(body))
		assert.EqualValues(t, len(whole), resp.ContentLength)
	}
	srv.Fault(azuremltest.Fault{CutBody: 1 << 20})
	assert.Equal(t, whole, do(t, srv, http.MethodGet, workspaceURL+version, "").text, "there was less to cut")
}

func TestFaultOverHTTP2(t *testing.T) {
	t.Parallel()
	srv := newServer(t, &azuremltest.Options{HTTP2: true})
	srv.Fault(azuremltest.Fault{Method: http.MethodPut, ResetAfter: true})
	_, err := try(srv, http.MethodPut, computesURL+"/aks"+version, aks("{}"), "Authorization", "Bearer "+srv.Token(azuremltest.TokenOptions{}))
	assert.Error(t, err)
	assert.Len(t, srv.Computes(azuremltest.Workspace{}), 1)
	srv.Fault(azuremltest.Fault{CutBody: 5})
	_, err = try(srv, http.MethodGet, workspaceURL+version, "", "Authorization", "Bearer "+srv.Token(azuremltest.TokenOptions{}))
	assert.Error(t, err)
}

func TestFaultDelaysInVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answered := make(chan time.Time, 2)
		srv := azuremltest.NewServer(&azuremltest.Options{InMemory: true, Log: func(azuremltest.Request) { answered <- time.Now() }})
		defer srv.Close()
		srv.Fault(azuremltest.Fault{Delay: time.Minute, Status: 503})
		start := time.Now()
		a, err := try(srv, http.MethodGet, subscriptionsURL, "")
		require.NoError(t, err)
		assert.Equal(t, 503, a.status)
		assert.Equal(t, time.Minute, time.Since(start))
		<-answered

		// Who has gone is not waited for.
		srv.Fault(azuremltest.Fault{Delay: time.Hour})
		client := &http.Client{Transport: srv.Client().Transport, Timeout: time.Second}
		start = time.Now()
		_, err = client.Get(subscriptionsURL)
		var timeout interface{ Timeout() bool }
		require.True(t, errors.As(err, &timeout) && timeout.Timeout(), err)
		assert.Equal(t, time.Second, time.Since(start))
		assert.Equal(t, time.Second, (<-answered).Sub(start))
	})
}

func TestRequests(t *testing.T) {
	t.Parallel()
	var told []azuremltest.Request
	logged := make(chan azuremltest.Request, 10)
	srv := newServer(t, &azuremltest.Options{Log: func(r azuremltest.Request) { logged <- r }})
	_, err := try(srv, http.MethodPost, v2URL, clientForm("client_assertion", "a+b"), "Content-Type", form)
	require.NoError(t, err)
	do(t, srv, http.MethodPut, computesURL+"/a%20b?api-version=2020-02-02&sig=x%2Fy", aks("{}"))
	_, err = try(srv, http.MethodGet, "https://example.com/", "", "Authorization", "Bearer secret-key")
	require.NoError(t, err)

	got := srv.Requests()
	require.Len(t, got, 3)
	assert.Equal(t, "login.microsoftonline.com", got[0].Host)
	assert.Contains(t, string(got[0].Body), "client_secret=***")
	assert.Contains(t, string(got[0].Body), "client_assertion=***")
	assert.Contains(t, string(got[0].Body), "client_id="+azuremltest.ClientID)
	assert.Equal(t, http.StatusUnauthorized, got[0].Status)

	assert.Equal(t, http.MethodPut, got[1].Method)
	assert.Equal(t, "Bearer aud=https://management.core.windows.net/", got[1].Header.Get("Authorization"))
	assert.Equal(t, computesURL+"/a%20b?api-version=2020-02-02&sig=x%2Fy", got[1].URL.String())
	assert.Equal(t, aks("{}"), string(got[1].Body))
	assert.Equal(t, http.StatusBadRequest, got[1].Status)
	assert.WithinDuration(t, time.Now(), got[1].Time, time.Minute)

	assert.Equal(t, "Bearer ***", got[2].Header.Get("Authorization"))
	assert.Equal(t, http.StatusBadGateway, got[2].Status)

	for range 3 {
		told = append(told, <-logged)
	}
	assert.Equal(t, got, told)
	got[1].Body[0] = 'x'
	got[1].Header.Set("Authorization", "x")
	told[1].Body[1] = 'x'
	again := srv.Requests()
	assert.Equal(t, aks("{}"), string(again[1].Body), "what was returned is the caller's")
	assert.Equal(t, "Bearer aud=https://management.core.windows.net/", again[1].Header.Get("Authorization"))
	for _, r := range told {
		assert.NotContains(t, strings.Join(r.Header["Authorization"], "")+string(r.Body), azuremltest.ClientSecret)
	}
	srv.ResetRequests()
	assert.Empty(t, srv.Requests())
}

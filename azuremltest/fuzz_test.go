package azuremltest

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// FuzzConnection writes bytes to a new connection. Whatever they are, the
// server closes or answers, and goes on serving.
func FuzzConnection(f *testing.F) {
	for _, s := range []string{
		"CONNECT management.azure.com:443 HTTP/1.1\r\nHost: management.azure.com:443\r\n\r\nGET /metadata/endpoints HTTP/1.1\r\nHost: management.azure.com\r\n\r\n",
		"CONNECT management.azure.com:443 HTTP/1.1\r\n\r\nCONNECT login.microsoftonline.com:443 HTTP/1.1\r\n\r\n\x16\x03\x01",
		"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n",
		"CONNECT management.azure.com:443 HTTP/1.0\r\n\r\n",
		"GET http://management.azure.com/metadata/endpoints HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST http://login.microsoftonline.com/t/oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na=b",
		"GET / HTTP/1.1\r\n\r\n", "\x16", "\x16\x03\x01\x00\x05hello", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\r\n", "",
	} {
		f.Add([]byte(s))
	}
	s := NewServer(&Options{InMemory: true})
	f.Cleanup(s.Close)
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := s.dialSelf(context.Background())
		require.NoError(t, err)
		c.SetDeadline(time.Now().Add(5 * time.Second))
		done := make(chan []byte)
		go func() {
			got, _ := io.ReadAll(c)
			done <- got
		}()
		io.Copy(c, bytes.NewReader(data))
		time.AfterFunc(5*time.Millisecond, func() { c.Close() })
		if got := <-done; bytes.Contains(got, []byte("a mistake in the emulator")) {
			t.Fatalf("%q", got)
		}
		resp, err := s.Client().Get("https://management.azure.com/metadata/endpoints")
		require.NoError(t, err)
		resp.Body.Close()
		assert.Equal(t, http.StatusOK, resp.StatusCode)
	})
}

// FuzzRequest sends odd paths, queries and bodies to every emulated host.
func FuzzRequest(f *testing.F) {
	ws := "/subscriptions/" + SubscriptionID + "/resourceGroups/rg-ml/providers/Microsoft.MachineLearningServices/workspaces/ml-example"
	f.Add("PUT", armHost, ws+"/computes/aks?api-version=2024-04-01", `{"location":"westeurope","properties":{"computeType":"AKS","properties":{"agentCount":3}}}`)
	f.Add("PUT", armHost, ws+"/computes/aks?api-version=2024-04-01", `{"location":"westeurope","properties":{"computeType":"Kubernetes","resourceId":"/x","properties":null}}`)
	f.Add("PUT", armHost, ws+"/computes/aks?api-version=2024-04-01", `{"location":"westeurope","properties":{"computeType":"AKS","properties":{"sslConfiguration":{"status":"Auto","leafDomainLabel":"x"},"loadBalancerType":"InternalLoadBalancer"}}}`)
	f.Add("DELETE", armHost, ws+"/computes/aks?api-version=2024-04-01&underlyingResourceAction=Detach", "")
	f.Add("GET", armHost, "/subscriptions/"+SubscriptionID+"/resources?api-version=2022-09-01&$filter=name%20eq%20'x'&$skiptoken=1", "")
	f.Add("GET", "westeurope.api.azureml.ms", "/rp/workspaces"+ws+"/computes?api-version=2020-02-02", "")
	f.Add("GET", "westeurope.api.azureml.ms", "/discovery/workspaces/x", "")
	f.Add("POST", authorityHost, "/"+TenantID+"/oauth2/v2.0/token", "grant_type=refresh_token&client_id=x&refresh_token=y&scope=z/.default")
	f.Add("GET", authorityHost, "/common/discovery/instance?authorization_endpoint=%zz", "")
	s := NewServer(&Options{InMemory: true, OperationPolls: -1})
	f.Cleanup(s.Close)
	authorization := "Bearer " + s.Token(TokenOptions{Lifetime: 24 * time.Hour})
	f.Fuzz(func(t *testing.T, method, host, path, body string) {
		req, err := http.NewRequest(method, "https://"+host+path, strings.NewReader(body))
		if err != nil || publicHost(hostname(req.Host)) == hostForeign {
			return
		}
		req.Header.Set("Authorization", authorization)
		req.Header.Set("Content-Type", "application/json")
		if host == authorityHost {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		resp, err := s.Client().Do(req)
		if err != nil {
			return // the client would not send it
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil || bytes.Contains(text, []byte("a mistake in the emulator")) {
			t.Fatalf("%s %s %s: %v: %s", method, host, path, err, text)
		}
	})
}

// FuzzToken checks that only what the server has signed passes.
func FuzzToken(f *testing.F) {
	s := NewServer(&Options{InMemory: true})
	f.Cleanup(s.Close)
	good := s.Token(TokenOptions{})
	f.Add(good)
	f.Add(good + "=")
	f.Add("..")
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := s.verify(token); (err == nil) != (token == good) {
			t.Fatalf("%q: %v", token, err)
		}
	})
}

// A client that speaks TLS to the proxy itself, and through it.
func TestTunnelInTLS(t *testing.T) {
	t.Parallel()
	s := NewServer(nil)
	defer s.Close()
	raw, err := s.dialSelf(context.Background())
	require.NoError(t, err)
	outer := tls.Client(raw, &tls.Config{RootCAs: s.CertPool(), ServerName: "localhost"})
	defer outer.Close()
	_, err = io.WriteString(outer, "CONNECT management.azure.com:443 HTTP/1.1\r\nHost: management.azure.com:443\r\n\r\n")
	require.NoError(t, err)
	const established = "HTTP/1.1 200 Connection established\r\n\r\n"
	got := make([]byte, len(established))
	_, err = io.ReadFull(outer, got)
	require.NoError(t, err)
	require.Equal(t, established, string(got))
	inner := tls.Client(outer, &tls.Config{RootCAs: s.CertPool(), ServerName: armHost})
	_, err = io.WriteString(inner, "GET /metadata/endpoints HTTP/1.1\r\nHost: management.azure.com\r\nConnection: close\r\n\r\n")
	require.NoError(t, err)
	answer, err := io.ReadAll(inner)
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(string(answer), "HTTP/1.1 200 OK"), string(answer))
}

package azuremltest_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/azureml-go/azureml/azuremltest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Clients hide why a proxy refuses a host: the log tells.
func TestRefusedTunnelIsLogged(t *testing.T) {
	t.Parallel()
	logged := make(chan azuremltest.Request, 1)
	srv := newServer(t, &azuremltest.Options{Log: func(r azuremltest.Request) { logged <- r }})
	proxy, err := url.Parse(srv.ProxyURL())
	require.NoError(t, err)
	transport := &http.Transport{Proxy: http.ProxyURL(proxy)}
	defer transport.CloseIdleConnections()
	_, err = (&http.Client{Transport: transport}).Get("https://pypi.example/simple/")
	require.Error(t, err)
	told := <-logged
	assert.Equal(t, http.MethodConnect, told.Method)
	assert.Equal(t, "pypi.example", told.Host)
	assert.Equal(t, http.StatusBadGateway, told.Status)
	assert.Empty(t, srv.Requests())
}

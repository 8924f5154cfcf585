package model_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/workspace"
)

// childVariable holds the job of a child process: this test binary, started once more.
const childVariable = "AZUREML_TEST_UPLOAD_CHILD"

// job is a registration that another process does against this one's emulator.
type job struct {
	Proxy, CA, Token       string
	Name, Path, Checkpoint string
	BlockSize              int64
	// Storage, if set, is a blob server that files go to in place of the emulator's:
	// the addresses by artifact, and the prefix that every other one begins with.
	Storage map[string]string
}

// TestUploadChild is not a test: it does the job of a child process, and is skipped
// otherwise.
func TestUploadChild(t *testing.T) {
	text := os.Getenv(childVariable)
	if text == "" {
		t.Skip("this is what other tests start in a process of its own")
	}
	var j job
	require.NoError(t, json.Unmarshal([]byte(text), &j))
	m, err := j.register()
	require.NoError(t, err)
	t.Logf("registered %s", m.ID)
	t.Logf("peak RSS %d", peakRSS())
}

func (j job) register() (*model.Model, error) {
	pool := x509.NewCertPool()
	proxy, err := url.Parse(j.Proxy)
	if err != nil || !pool.AppendCertsFromPEM([]byte(j.CA)) {
		return nil, errors.Join(err, errors.New("no certificate"))
	}
	options := azcore.ClientOptions{Transport: &http.Client{Transport: &redirected{
		storage: j.Storage,
		base: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, MaxIdleConnsPerHost: 64,
			Proxy: func(r *http.Request) (*url.URL, error) {
				if r.URL.Hostname() == "127.0.0.1" {
					return nil, nil
				}
				return proxy, nil
			},
		},
	}}}
	ws, err := workspace.Get(context.Background(), azuremltest.WorkspaceName, fixedToken(j.Token), &workspace.GetOptions{
		ClientOptions: options, SubscriptionID: azuremltest.SubscriptionID, ResourceGroup: azuremltest.ResourceGroup,
	})
	if err != nil {
		return nil, err
	}
	return model.Register(context.Background(), ws, j.Name, j.Path, model.InBlocksOf(j.BlockSize, model.RegisterOptions{Checkpoint: j.Checkpoint}))
}

type fixedToken string

func (f fixedToken) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: string(f), ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// redirected puts the addresses of another blob server into what the artifact service
// answers.
type redirected struct {
	base    http.RoundTripper
	storage map[string]string
}

func (r *redirected) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := r.base.RoundTrip(req)
	if err != nil || len(r.storage) == 0 || !strings.Contains(req.URL.Path, "/artifacts/") {
		return resp, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	var answer any
	if json.Unmarshal(data, &answer) == nil {
		r.rewrite(answer)
		if data, err = json.Marshal(answer); err != nil {
			return nil, err
		}
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(data)), int64(len(data))
	resp.Header.Del("Content-Length")
	return resp, nil
}

func (r *redirected) rewrite(v any) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			r.rewrite(e)
		}
	case map[string]any:
		if _, ok := v["contentUri"]; ok {
			if other := r.storage[v["path"].(string)]; other != "" {
				v["contentUri"] = other
			}
			return
		}
		for _, e := range v {
			r.rewrite(e)
		}
	}
}

// child starts the job in a process of its own.
func (j job) child(t *testing.T) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	data, err := json.Marshal(j)
	require.NoError(t, err)
	self, err := os.Executable()
	require.NoError(t, err)
	var out bytes.Buffer
	cmd := exec.Command(self, "-test.run=^TestUploadChild$", "-test.v", "-test.timeout=10m")
	cmd.Env = append(os.Environ(), childVariable+"="+string(data))
	cmd.Stdout, cmd.Stderr = &out, &out
	require.NoError(t, cmd.Start())
	return cmd, &out
}

// jobFor is a job against an emulator.
func jobFor(srv *azuremltest.Server, j job) job {
	j.Proxy, j.CA, j.Token = srv.ProxyURL(), string(srv.CACertificate()), srv.Token(azuremltest.TokenOptions{})
	return j
}

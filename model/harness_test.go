package model_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/recording"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/workspace"
)

// signature is in the storage addresses of the recordings.
const signature = "sHQBuqgI43JW760Pt2mdjDd80jA7fJRH"

// play runs test in virtual time against a recording, which begins with the reading of
// the workspace.
func play(t *testing.T, name string, test func(t *testing.T, ws *workspace.Workspace)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := recording.Play(t, name)
		test(t, open(t, p, p.ClientOptions()))
	})
}

func open(t *testing.T, p *recording.Player, options azcore.ClientOptions) *workspace.Workspace {
	t.Helper()
	ws, err := workspace.Get(t.Context(), "ws-prod", p.Credential(), &workspace.GetOptions{
		ClientOptions: options, SubscriptionID: "11111111-2222-3333-4444-555555555555", ResourceGroup: "rg-ml",
	})
	require.NoError(t, err)
	return ws
}

// offline is a workspace that fails the test when it is asked for anything.
func offline(t *testing.T) *workspace.Workspace {
	t.Helper()
	p := recording.Play(t, "workspace")
	return open(t, p, p.ClientOptions())
}

// failure is the *azureml.Error behind err, which must not show the signature.
func failure(t *testing.T, err error) *azureml.Error {
	t.Helper()
	require.Error(t, err)
	e, ok := errors.AsType[*azureml.Error](err)
	require.True(t, ok, "%T is no *azureml.Error: %v", err, err)
	var shown strings.Builder
	for cause := err; cause != nil; cause = errors.Unwrap(cause) {
		fmt.Fprintf(&shown, "%v %+v %#v\n", cause, cause, cause)
		if answer, ok := errors.AsType[*azcore.ResponseError](cause); ok && answer.RawResponse != nil && answer.RawResponse.Request != nil {
			fmt.Fprint(&shown, answer.RawResponse.Request.URL)
		}
	}
	shown.WriteString(azureml.Explain(err))
	data, marshalErr := json.Marshal(e)
	require.NoError(t, marshalErr)
	shown.Write(data)
	assert.NotContains(t, shown.String(), signature)
	return e
}

// fields are the fields of a failure's violations, in order.
func fields(e *azureml.Error) []string {
	var list []string
	for _, v := range e.Violations {
		list = append(list, v.Field)
	}
	return list
}

// write makes files, by their slash-separated names, in a new folder.
func write(t testing.TB, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	}
	return root
}

// collector is an OnWarning function and what it got.
func collector() (func(azureml.Warning), *[]string) {
	got := new([]string)
	return func(w azureml.Warning) { *got = append(*got, w.Message) }, got
}

// testService is what the test's configuration deploys.
type testService struct{ Name string }

// testConfiguration has the payload of a deployment to AKS without any options.
type testConfiguration struct {
	compute  string
	replicas int
	rules    []azureml.Violation
	seen     *[]model.DeployRequest
}

func (c testConfiguration) DeployPayload(r model.DeployRequest) (any, error) {
	if c.seen != nil {
		*c.seen = append(*c.seen, r)
	}
	if len(c.rules) > 0 {
		return nil, &azureml.Error{Operation: "deploy", Kind: azureml.ErrInvalid, Violations: c.rules}
	}
	payload := map[string]any{
		"numReplicas": nil, "computeName": c.compute,
		"containerResourceRequirements":     map[string]any{"cpu": nil, "cpuLimit": nil, "memoryInGB": nil, "memoryInGBLimit": nil, "gpu": nil},
		"maxConcurrentRequestsPerContainer": nil, "maxQueueWaitMs": nil, "namespace": nil, "scoringTimeoutMs": nil,
		"livenessProbeRequirements": map[string]any{"initialDelaySeconds": nil, "periodSeconds": nil, "failureThreshold": nil, "successThreshold": nil, "timeoutSeconds": nil},
		"name":                      r.Name, "description": nil, "kvTags": nil, "properties": map[string]string{},
		"keys": map[string]any{"primaryKey": nil, "secondaryKey": nil}, "computeType": "AKS",
		"environmentImageRequest": r.Image, "location": nil,
	}
	if c.replicas > 0 {
		payload["numReplicas"] = c.replicas
	}
	if r.Overwrite {
		payload["overwrite"] = true
	}
	return payload, nil
}

func (testConfiguration) DeployedService(_ context.Context, _ *workspace.Workspace, name string) (*testService, error) {
	return &testService{name}, nil
}

func (testConfiguration) DeployFailure(_ context.Context, _ *workspace.Workspace, name string, failure *azureml.Error) error {
	e := *failure
	e.LogTail = "the log of " + name
	return &e
}

// sklearn is the environment of the recordings.
func sklearn() *model.Environment {
	e := model.NewEnvironment("sklearn-env")
	e.Python.CondaDependencies = model.NewCondaDependencies([]string{"azureml-defaults", "scikit-learn==1.2.2"}, nil)
	e.Python.CondaDependencies.SetPython("3.8")
	return e
}

// scripted is a workspace whose services and storage answer with what answer gives.
func scripted(t *testing.T, answer func(r *http.Request) (int, string)) *workspace.Workspace {
	t.Helper()
	p := recording.Play(t, "workspace")
	played := p.HTTPClient().Transport
	options := p.ClientOptions()
	options.Transport = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		switch {
		case r.URL.Host == "management.azure.com":
			return played.RoundTrip(r)
		case strings.Contains(r.URL.Path, "/discovery/"):
			return response(r, 200, `{"history":"https://westeurope.api.azureml.ms","experimentation":"https://westeurope.api.azureml.ms","modelmanagement":"https://westeurope.modelmanagement.azureml.net"}`), nil
		}
		status, body := answer(r)
		return response(r, status, body), nil
	})}
	return open(t, p, options)
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func response(r *http.Request, status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}
}

type transporter func(*http.Request) (*http.Response, error)

func (f transporter) Do(r *http.Request) (*http.Response, error) { return f(r) }

func readAll(r *http.Request) string {
	data, _ := io.ReadAll(r.Body)
	return string(data)
}

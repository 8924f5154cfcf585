package azureml_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/azureml-go/azureml"
)

// full is an error with every field set; PLANTED stands where nothing may show it.
func full() *azureml.Error {
	return &azureml.Error{
		Operation: "deploy", Subject: `web service "s"`, Kind: azureml.ErrOperationFailed, StatusCode: 400,
		Code: "KubernetesDeploymentFailed", Message: "Kubernetes Deployment failed.",
		Details: []azureml.ErrorDetail{{Code: "CrashLoopBackOff", Message: "Your container application crashed.\nSee the logs.", Target: "s"}},
		Stage:   "DeployService", RequestID: "r-1", CorrelationID: "c-1", Method: "GET", URL: "https://h/operations/1",
		Attempts: 2, LogTail: "line 1\nline 2\n", LogURL: "https://h/log", Remedy: "Read the log.", Help: "https://h/help",
		Body: []byte("PLANTED"), Err: errors.New("PLANTED"),
	}
}

func TestErrorIsOneSafeLine(t *testing.T) {
	t.Parallel()
	e := full()
	want := `azureml: cannot deploy web service "s": Kubernetes Deployment failed: Your container application crashed. See the logs. (KubernetesDeploymentFailed, HTTP 400, stage DeployService, request r-1)`
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Error("x", "err", e)
	for _, text := range []string{e.Error(), fmt.Sprint(e), fmt.Sprintf("%+v", e), fmt.Sprintf("%#v", e), fmt.Sprintf("%q %s", e, e), fmt.Sprintf("%v", struct{ E error }{e})} {
		assert.Contains(t, text, want)
		assert.NotContains(t, text, "PLANTED")
	}
	assert.NotContains(t, log.String(), "PLANTED")
	assert.Contains(t, log.String(), "err.code=KubernetesDeploymentFailed")
	data, err := json.Marshal(e)
	assert.NoError(t, err)
	assert.NotContains(t, string(data), "PLANTED")
	assert.Contains(t, string(data), `"code":"CrashLoopBackOff"`)
}

func TestErrorTexts(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]*azureml.Error{
		"azureml: unknown failure":                        {},
		"azureml: not found":                              {Kind: azureml.ErrNotFound},
		`azureml: compute "c": not found (HTTP 404)`:      {Subject: `compute "c"`, Kind: azureml.ErrNotFound, StatusCode: 404},
		"azureml: cannot get it: broken pipe":             {Operation: "get", Subject: "it", Err: errors.New("broken\npipe")},
		"azureml: cannot get it: A (-1) must be > 0; B x": {Operation: "get", Subject: "it", Violations: []azureml.Violation{{Field: "A", Value: "-1", Rule: "must be > 0"}, {Field: "B", Rule: "x"}}},
		"azureml: cannot get it: same":                    {Operation: "get", Subject: "it", Message: "same", Details: []azureml.ErrorDetail{{Message: "same"}}},
	} {
		assert.Equal(t, want, e.Error())
	}
}

func TestErrorKinds(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("outer: %w", &azureml.Error{Kind: azureml.ErrOperationTimedOut, Code: "A", Err: context.Canceled, Details: []azureml.ErrorDetail{{Code: "B"}}})
	assert.ErrorIs(t, err, azureml.ErrOperationTimedOut)
	assert.NotErrorIs(t, err, azureml.ErrOperationFailed)
	assert.ErrorIs(t, err, context.Canceled)
	assert.True(t, azureml.HasCode(err, "x", "b"))
	assert.True(t, azureml.HasCode(err, "a"))
	assert.False(t, azureml.HasCode(err, "c"))
	assert.False(t, azureml.HasCode(errors.New("A"), "A"))
	assert.NotErrorIs(t, &azureml.Error{}, azureml.ErrNotFound)
}

func TestExplain(t *testing.T) {
	t.Parallel()
	assert.Equal(t, `Could not deploy web service "s": Kubernetes Deployment failed.
  stage        DeployService
  code         KubernetesDeploymentFailed
  status       HTTP 400
  request      GET https://h/operations/1
  attempts     2
  request id   r-1
  correlation  c-1
  log          https://h/log
Details:
  - CrashLoopBackOff: Your container application crashed.
    See the logs. [s]
Last lines of the log:
  | line 1
  | line 2
What to do:
  Read the log.
More: https://h/help
`, azureml.Explain(fmt.Errorf("outer: %w", full())))

	assert.Equal(t, `Could not deploy web service "s": the input is not valid.
  - CPUCores (-1) must be > 0
  - Name is required
`, azureml.Explain(&azureml.Error{Operation: "deploy", Subject: `web service "s"`, Kind: azureml.ErrInvalid,
		Violations: []azureml.Violation{{Field: "CPUCores", Value: "-1", Rule: "must be > 0"}, {Field: "Name", Rule: "is required"}}}))
	inner := &azureml.Error{Operation: "sign in", Subject: "as x", Message: "no:\n  reason"}
	assert.Equal(t, "Could not get it: cannot sign in as x: no:\n  reason\n",
		azureml.Explain(&azureml.Error{Operation: "get", Subject: "it", Message: "cannot sign in as x: no:\n  reason", Err: inner}), "a cause is not said twice")
	assert.Equal(t, "plain\n", azureml.Explain(errors.New("plain")))
	assert.Empty(t, azureml.Explain(nil))
	assert.Equal(t, "Failed: not found\nMore: https://github.com/azureml-go/azureml/blob/main/TROUBLESHOOTING.md#not-found\n", azureml.Explain(&azureml.Error{Kind: azureml.ErrNotFound}))
}

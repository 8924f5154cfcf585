package webservice

import (
	"errors"
	"net/http"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/stretchr/testify/assert"

	"github.com/azureml-go/azureml"
)

// TestLetsIn: what shows that a key was accepted, and what shows nothing.
func TestLetsIn(t *testing.T) {
	t.Parallel()
	answer := func(status int, header string) error {
		h := http.Header{}
		if header != "" {
			h.Set(header, "1")
		}
		return &azureml.Error{StatusCode: status, Err: &azcore.ResponseError{StatusCode: status, RawResponse: &http.Response{StatusCode: status, Header: h}}}
	}
	assert.True(t, letsIn(nil))
	assert.False(t, letsIn(errors.New("something else")))
	assert.False(t, letsIn(&azureml.Error{StatusCode: http.StatusInternalServerError}), "without the answer")
	for _, test := range []struct {
		status int
		header string
		want   bool
	}{
		{200, "", true}, // it broke off later
		{500, "", false},
		{502, "", false},
		{500, "x-ms-run-function-failed", true},
		{502, "x-ms-run-function-failed", true},
		{400, "x-ms-run-fn-exec-ms", true},
		{401, "", false},
		{401, "x-ms-run-function-failed", false},
		{401, "x-ms-run-fn-exec-ms", false},
		{403, "", false},
		{404, "x-ms-request-id", false},
		{429, "", false},
		{503, "", false},
	} {
		assert.Equal(t, test.want, letsIn(answer(test.status, test.header)), "%d %s", test.status, test.header)
	}
}

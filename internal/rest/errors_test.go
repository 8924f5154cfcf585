package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
)

func TestParseError(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		contentType, body string
		want              ParsedError
	}{
		"resource manager": {"", `{"error":{"code":"ResourceNotFound","message":"The Resource was not found.","target":null,"details":[{"code":"A","message":"b"}],"innererror":{},"additionalInfo":[]}}`,
			ParsedError{Code: "ResourceNotFound", Message: "The Resource was not found.", Details: []azureml.ErrorDetail{{Code: "A", Message: "b"}}}},
		"model management": {"", `{"code":"Conflict","statusCode":409,"message":"Conflict","details":[{"code":"ServiceExists","message":"has it"}],"correlation":{"RequestId":"1"}}`,
			ParsedError{Code: "Conflict", Message: "Conflict", StatusCode: 409, Details: []azureml.ErrorDetail{{Code: "ServiceExists", Message: "has it"}}}},
		"artifacts": {"", `{"error":{"code":"UserError","message":"exists","details":[],"innerError":{"code":"Conflict","innerError":null}},"correlation":{"operation":"1"}}`,
			ParsedError{Code: "UserError", Message: "exists", Details: []azureml.ErrorDetail{{Code: "Conflict"}}}},
		"nested twice":       {"", `{"error":{"error":{"code":"InternalServerError","message":"inner"}}}`, ParsedError{Code: "InternalServerError", Message: "inner"}},
		"wrapped details":    {"", `{"error":{"code":"A","message":"m","details":[{"error":{"code":"B","message":"n"}}]}}`, ParsedError{Code: "A", Message: "m", Details: []azureml.ErrorDetail{{Code: "B", Message: "n"}}}},
		"sign-in":            {"", `{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided."}`, ParsedError{Code: "invalid_client", Message: "AADSTS7000215: Invalid client secret provided."}},
		"other case":         {"", `{"Code":"X","Message":"m","Details":null}`, ParsedError{Code: "X", Message: "m"}},
		"null error":         {"", `{"error":null,"message":"m"}`, ParsedError{Message: "m"}},
		"html":               {"text/html", "<!DOCTYPE html><html><head><title>504 Gateway\n Time-out</title></head></html>", ParsedError{Message: `the service answered with an HTML page: "504 Gateway Time-out"`}},
		"html without title": {"text/html", "<html><body>no</body></html>", ParsedError{Message: "the service answered with an HTML page"}},
		"storage":            {"application/xml", "\ufeff<?xml version=\"1.0\"?><Error><Code>AuthenticationFailed</Code><Message>Server failed.\nRequestId:1</Message></Error>", ParsedError{Code: "AuthenticationFailed", Message: "Server failed."}},
		"text":               {"text/plain", "Replica closed connection before replying", ParsedError{Message: "Replica closed connection before replying"}},
		"quoted text":        {"", `"just text"`, ParsedError{Message: "just text"}},
		"cut":                {"", `{"error":{"code":"A","mess`, ParsedError{Message: `{"error":{"code":"A","mess`}},
		"empty":              {"", " ", ParsedError{}},
		"secret inside":      {"", `{"message":"cannot read https://x/y?sig=PLANTED"}`, ParsedError{Message: "cannot read https://x/y?sig=[redacted]"}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, row.want, ParseError([]byte(row.body), row.contentType))
		})
	}
}

func FuzzParseError(f *testing.F) {
	for _, seed := range []string{`{"error":{"code":"A","details":[{"error":{"error":{}}}]}}`, `{"error":"x"}`, "<html>", `{"details":null}`, "\xff"} {
		f.Add([]byte(seed), "application/json")
	}
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		p := ParseError(body, contentType)
		_ = (&azureml.Error{Code: p.Code, Message: p.Message, Details: p.Details}).Error()
		_ = azureml.Explain(&azureml.Error{Code: p.Code, Message: p.Message, Details: p.Details})
	})
}

func TestAnswersBecomeErrors(t *testing.T) {
	t.Parallel()
	for code, kind := range map[int]error{
		400: azureml.ErrInvalid, 401: azureml.ErrUnauthorized, 403: azureml.ErrForbidden, 404: azureml.ErrNotFound,
		409: azureml.ErrConflict, 412: azureml.ErrConflict, 422: azureml.ErrInvalid, 429: azureml.ErrThrottled, 500: azureml.ErrUnavailable, 504: azureml.ErrUnavailable,
	} {
		s := newServer(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("x-ms-request-id", "req-1")
			w.Header().Set("x-ms-correlation-request-id", "corr-1")
			w.WriteHeader(code)
			_, _ = w.Write([]byte(`{"error":{"code":"SomeCode","message":"Some message."}}`))
		})
		resp, err := s.client(s.fresh(0), &tokens{}).Do(t.Context(), Request{Operation: "get", Subject: `compute "c"`, Method: http.MethodGet, URL: base + "/x?secret=PLANTED"}, nil)
		require.ErrorIs(t, err, kind)
		require.NotNil(t, resp)
		e, ok := errors.AsType[*azureml.Error](err)
		require.True(t, ok)
		assert.Equal(t, "SomeCode", e.Code)
		assert.Equal(t, code, e.StatusCode)
		assert.Equal(t, "req-1", e.RequestID)
		assert.Equal(t, "corr-1", e.CorrelationID)
		assert.Equal(t, base+"/x", e.URL)
		assert.NotEmpty(t, e.Body)
		inner, ok := errors.AsType[*azcore.ResponseError](err)
		require.True(t, ok, "azcore's error is wrapped")
		assert.Equal(t, code, inner.StatusCode)
		assert.Equal(t, fmt.Sprintf(`azureml: cannot get compute "c": Some message. (SomeCode, HTTP %d, request req-1)`, code), err.Error())
	}
}

// TestAnswersHideSecrets: azcore's error, which is wrapped, shows the answer.
func TestAnswersHideSecrets(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":{"code":"SomeCode","message":"cannot use -----BEGIN PRIVATE KEY-----\nPLANTED\n-----END PRIVATE KEY-----\n"},"primaryKey":"PLANTED"}`))
	})
	_, err := s.client(s.fresh(0), &tokens{}).Do(t.Context(), Request{Operation: "get", Subject: "it", Method: http.MethodGet, URL: base + "/x"}, nil)
	require.ErrorIs(t, err, azureml.ErrInvalid)
	inner, ok := errors.AsType[*azcore.ResponseError](err)
	require.True(t, ok)
	assert.Equal(t, "SomeCode", inner.ErrorCode)
	for _, text := range []string{err.Error(), azureml.Explain(err), inner.Error()} {
		assert.Contains(t, text, "cannot use")
		assert.NotContains(t, text, "PLANTED")
	}
}

func TestOddSuccess(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"":                                "the answer is empty",
		"<html><title>Sign in</title>":    `the answer is an HTML page, not JSON: "Sign in"`,
		`{"name":"x"`:                     "the answer is not complete JSON (11 bytes)",
		`["a"]`:                           "the answer is not the JSON that was expected",
		`{"name":"x","n":"not a number"}`: "",
		"\xef\xbb\xbf{\"name\":\"x\"}":    "",
	} {
		s := newServer(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) })
		var out struct {
			N    int    `json:"n"`
			Name string `json:"name"`
		}
		_, err := s.client(s.fresh(0), &tokens{}).Do(t.Context(), Request{Operation: "get", Subject: "it", Method: http.MethodGet, URL: base + "/x"}, &out)
		if want == "" {
			require.NoError(t, err, body)
			assert.Equal(t, "x", out.Name)
			continue
		}
		require.Error(t, err, body)
		assert.Contains(t, err.Error(), want)
	}
}

// TestTransportErrorsHideTheQuery: net/http puts the whole address into its errors.
func TestTransportErrorsHideTheQuery(t *testing.T) {
	t.Parallel()
	s := newServer(t, status(200))
	transport := s.fresh(99)
	_, err := s.client(transport, &tokens{}).Do(t.Context(), Request{Operation: "get", Subject: "it", Method: http.MethodGet, URL: base + "/x?sig=PLANTED"}, nil)
	require.ErrorIs(t, err, azureml.ErrUnavailable)
	assert.Contains(t, err.Error(), "connection refused")
	_, isURL := errors.AsType[*url.Error](err)
	assert.True(t, isURL)
	data, _ := json.Marshal(err)
	for _, text := range []string{err.Error(), fmt.Sprintf("%+v %#v", err, err), azureml.Explain(err), errors.Unwrap(err).Error(), string(data)} {
		assert.NotContains(t, text, "PLANTED")
	}
	assert.Contains(t, azureml.Explain(err), "management.azure.com can be reached")
}

func TestCancelledCallSaysSo(t *testing.T) {
	t.Parallel()
	s := newServer(t, status(200))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.client(s.fresh(0), &tokens{}).Do(ctx, Request{Operation: "get", Subject: "it", Method: http.MethodGet, URL: base + "/x"}, nil)
	require.ErrorIs(t, err, context.Canceled)
	assert.Zero(t, s.requests.Load())
}

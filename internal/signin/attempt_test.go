package signin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
)

func answer(status int, body string) *http.Response {
	u := &url.URL{Scheme: "https", Host: "login.microsoftonline.com", Path: "/t/oauth2/v2.0/token"}
	return &http.Response{
		StatusCode: status, Status: fmt.Sprint(status), Header: http.Header{"Set-Cookie": {"fpc=PLANTED"}}, Body: io.NopCloser(strings.NewReader(body)),
		Request: &http.Request{Method: http.MethodPost, URL: u, Header: http.Header{"Authorization": {"PLANTED"}}},
	}
}

// foreign is the error of a credential that is azidentity's own.
func foreign(status int, body string) error {
	return &azidentity.AuthenticationFailedError{RawResponse: answer(status, body)}
}

func explained(t *testing.T, a Attempt, err error) *azureml.Error {
	t.Helper()
	var e *azureml.Error
	require.ErrorAs(t, a.Error(err), &e)
	return e
}

func TestForeignCredentials(t *testing.T) {
	t.Parallel()
	gate := Attempt{Operation: "get an access token", Keep: true}
	e := explained(t, gate, foreign(401, `{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided.\r\nTrace ID: aaaaaaaa-0000-0000-0000-000000000000\r\nCorrelation ID: bbbbbbbb-0000-0000-0000-000000000000\r\nTimestamp: x","error_codes":[7000215]}`))
	assert.Equal(t, "azureml: cannot get an access token: Invalid client secret provided. (AADSTS7000215, HTTP 401, request aaaaaaaa-0000-0000-0000-000000000000)", e.Error())
	assert.Equal(t, "bbbbbbbb-0000-0000-0000-000000000000", e.CorrelationID)
	assert.Equal(t, "https://login.microsoftonline.com/t/oauth2/v2.0/token", e.URL)
	require.ErrorIs(t, e, azureml.ErrUnauthorized)
	var response *azcore.ResponseError
	require.ErrorAs(t, e, &response)
	assert.Equal(t, "AADSTS7000215", response.ErrorCode)
	assert.NotContains(t, fmt.Sprintf("%v %+v", response, response.RawResponse), "PLANTED")

	// azidentity quotes an answer that it cannot read, token and all.
	e = explained(t, gate, foreign(200, `{"access_token":"PLANTED-opaque"`))
	require.ErrorIs(t, e, azureml.ErrUnavailable)
	assert.NotContains(t, fmt.Sprint(e.Error(), errors.Unwrap(e), azureml.Explain(e)), "PLANTED")
	assert.Empty(t, e.Body)

	own := errors.New("no token today: Bearer PLANTED")
	e = explained(t, gate, fmt.Errorf("mine: %w\nand more", own))
	require.ErrorIs(t, e, own)
	assert.Equal(t, "azureml: cannot get an access token: mine: no token today: Bearer [redacted]", e.Error())
	assert.NotContains(t, azureml.Explain(e), "PLANTED")

	unreachable := &url.Error{Op: "Post", URL: "https://login.example/x?code=PLANTED", Err: errors.New("connection refused")}
	e = explained(t, gate, fmt.Errorf("wrapped: %w", unreachable))
	require.ErrorIs(t, e, azureml.ErrUnavailable)
	assert.Equal(t, "connection refused", e.Message)
	assert.Contains(t, e.Remedy, "login.example")
	assert.NotContains(t, fmt.Sprint(e.Err), "PLANTED")

	already := &azureml.Error{Message: "as it is"}
	assert.Same(t, already, gate.Error(already))
	require.ErrorIs(t, gate.Error(context.Canceled), context.Canceled)
	require.ErrorIs(t, gate.Error(context.DeadlineExceeded), azureml.ErrUnavailable)
	require.ErrorIs(t, gate.Error(&azidentity.AuthenticationRequiredError{}), azureml.ErrInteractionRequired)
}

// TestKnownSecretsAreTakenOut also where nothing around them says what they are.
func TestKnownSecretsAreTakenOut(t *testing.T) {
	t.Parallel()
	a := Attempt{Secrets: []azureml.Secret{azureml.NewSecret("S3CRET&/"), azureml.NewSecret("ab")}}
	assert.Equal(t, "[redacted] or [redacted], about", a.hide("S3CRET&/ or S3CRET%26%2F, about"))
}

func TestAGuideBecomesHelp(t *testing.T) {
	t.Parallel()
	e := explained(t, Attempt{}, errors.New("AzureCLICredential: it is broken. To troubleshoot, visit https://aka.ms/azsdk/go/identity/troubleshoot#azure-cli"))
	assert.Equal(t, "it is broken.", e.Message)
	assert.Equal(t, "https://aka.ms/azsdk/go/identity/troubleshoot#azure-cli", e.Help)
}

func TestKinds(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		status       int
		name, number string
		want         error
	}{
		{401, "invalid_client", "7000215", azureml.ErrUnauthorized},
		{400, "invalid_grant", "50076", azureml.ErrInteractionRequired},
		{400, "invalid_grant", "70043", azureml.ErrInteractionRequired},
		{400, "interaction_required", "", azureml.ErrInteractionRequired},
		{400, "interaction_required", "53003", azureml.ErrUnauthorized},
		{400, "invalid_scope", "70011", azureml.ErrInvalid},
		{400, "invalid_grant", "50196", azureml.ErrThrottled},
		{429, "", "", azureml.ErrThrottled},
		{503, "temporarily_unavailable", "", azureml.ErrUnavailable},
		{410, "", "", azureml.ErrUnavailable},
		{404, "", "", azureml.ErrUnavailable},
		{403, "", "", azureml.ErrUnauthorized},
	} {
		assert.Equal(t, test.want, kindOf(test.status, test.name, test.number), "%+v", test)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]wire{
		`{"error":"a","error_description":"AADSTS50001: x","error_codes":[50002]}`: {name: "a", number: "50002", description: "AADSTS50001: x"},
		`{"error":"a","error_description":"AADSTS50001: x","error_codes":["no"]}`:  {name: "a", number: "50001", description: "AADSTS50001: x"},
		`{"error":{"code":"x"},"error_description":7}`:                             {},
		`{"message":"No MSI found","StatusCode":400}`:                              {description: "No MSI found"},
		"<html>": {},
	} {
		assert.Equal(t, want, parse([]byte(body)), body)
	}
	assert.Equal(t, "authorization declined", wire{name: "authorization_declined"}.message())
	assert.Equal(t, "x y", wire{description: "AADSTS90002: x\r\n y Trace ID: z"}.message())
	assert.LessOrEqual(t, len(wire{description: strings.Repeat("ä", 5000)}.message()), longest+len("…"))
}

// FuzzErrorBody: whatever an authority answers, the error is one line of valid text, has
// a kind, and shows no secret that is known.
func FuzzErrorBody(f *testing.F) {
	f.Add(400, []byte(`{"error":"invalid_grant","error_description":"AADSTS700082: expired\r\nTrace ID: x","error_codes":[700082]}`))
	f.Add(401, []byte(`{"error_description":"you sent client_secret=S3CRET%26","error_codes":[1e9]}`))
	f.Add(200, []byte(`{"access_token":"S3CRET&"`))
	f.Add(503, []byte("<html>S3CRET&</html>"))
	f.Add(400, []byte("\xff\xfe\x00"))
	secret := azureml.NewSecret("S3CRET&")
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		status = 200 + ((status%400)+400)%400
		attempt := Attempt{Operation: "sign in", Subject: "as x", Secrets: []azureml.Secret{secret}}
		err := attempt.Error(foreign(status, string(body)))
		text := err.Error()
		assert.NotContains(t, text, "\n")
		assert.NotContains(t, text, secret.Reveal())
		assert.NotContains(t, fmt.Sprint(errors.Unwrap(err)), secret.Reveal())
		if utf8.Valid(body) {
			assert.True(t, utf8.ValidString(text))
		}
		var e *azureml.Error
		require.ErrorAs(t, err, &e)
		assert.Error(t, e.Kind)
		assert.NotEmpty(t, e.Message)
		if json.Valid(body) && bytes.Contains(body, []byte("error_description")) {
			assert.LessOrEqual(t, len(e.Message), 10*longest)
		}
	})
}

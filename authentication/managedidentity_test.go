package authentication

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/recording"
)

const testResource = "/subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id1"

// TestManagedIdentity: each recording has an audience of its own, because azidentity
// keeps the tokens of all managed identities of the process in one place.
func TestManagedIdentity(t *testing.T) {
	appService := map[string]string{"IDENTITY_ENDPOINT": "http://127.0.0.1:41741/msi/token", "IDENTITY_HEADER": "planted-identity-header"}
	machineLearning := map[string]string{"MSI_ENDPOINT": "http://127.0.0.1:46808/MSI/auth", "MSI_SECRET": "planted-msi-secret", "DEFAULT_IDENTITY_CLIENT_ID": testIdentity}
	for _, test := range []struct {
		recorded, name string
		options        ManagedIdentityOptions
		environment    map[string]string
	}{
		{"msi_imds", "system", ManagedIdentityOptions{}, nil},
		{"msi_imds_client_id", "client", ManagedIdentityOptions{ClientID: testIdentity}, nil},
		{"msi_imds_object_id", "object", ManagedIdentityOptions{ObjectID: testIdentity}, nil},
		{"msi_imds_resource_id", "resource", ManagedIdentityOptions{ResourceID: testResource}, nil},
		{"msi_imds_flaky", "flaky", ManagedIdentityOptions{}, nil},
		{"msi_app_service", "app", ManagedIdentityOptions{}, appService},
		{"msi_app_service_client_id", "appid", ManagedIdentityOptions{ClientID: testIdentity}, appService},
		{"msi_aml", "aml", ManagedIdentityOptions{}, machineLearning},
		{"msi_endpoint", "shell", ManagedIdentityOptions{}, map[string]string{"MSI_ENDPOINT": "http://localhost:50342/oauth2/token"}},
	} {
		t.Run(test.recorded, func(t *testing.T) {
			for k, v := range test.environment {
				t.Setenv(k, v)
			}
			test.options.ClientOptions = recording.Play(t, test.recorded).ClientOptions()
			m, err := NewManagedIdentity(&test.options)
			require.NoError(t, err)
			scope := onceScoped(test.name)
			for range 2 {
				token, err := m.GetToken(t.Context(), scope)
				require.NoError(t, err)
				assert.Equal(t, "aud="+test.name, token.Token)
				assert.Greater(t, time.Until(token.ExpiresOn), 24*time.Hour)
			}
			noSecret(t, m, "planted")
		})
	}
}

func TestManagedIdentityRefused(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		recorded, scope, code, message, remedy string
		kind                                   error
	}{
		{"msi_imds_no_identity", "none", "invalid_request", "Identity not found", "a managed identity is assigned", azureml.ErrUnauthorized},
		{"msi_imds_no_header", "header", "bad_request_102", "header not specified", "NO_PROXY", azureml.ErrUnauthorized},
		{"msi_imds_unknown_source", "source", "unknown_source", "Unknown Source", "the machine itself", azureml.ErrUnauthorized},
		{"msi_imds_broken", "broken", "unknown", "Failed to retrieve token", "Try again", azureml.ErrUnavailable},
		{"msi_imds_busy", "busy", "too_many_requests", "too many requests", "Try again", azureml.ErrThrottled},
		{"msi_imds_updating", "updating", "not_found", "Not found", "Try again", azureml.ErrUnavailable},
		{"msi_imds_bad_audience", "bad", "AADSTS500011", "was not found", "audience", azureml.ErrInvalid},
	} {
		t.Run(test.recorded, func(t *testing.T) {
			t.Parallel()
			m, err := NewManagedIdentity(&ManagedIdentityOptions{ClientOptions: recording.Play(t, test.recorded).ClientOptions()})
			require.NoError(t, err)
			_, err = m.GetToken(t.Context(), scoped("https://"+test.scope+".example.invalid/.default"))
			require.ErrorIs(t, err, test.kind)
			e := failure(t, err)
			assert.Equal(t, test.code, e.Code)
			assert.Contains(t, e.Message, test.message)
			assert.Contains(t, e.Remedy, test.remedy)
			assert.ErrorContains(t, err, "cannot sign in as system-assigned managed identity")
		})
	}
}

func TestManagedIdentityInvalid(t *testing.T) {
	_, err := NewManagedIdentity(&ManagedIdentityOptions{ClientID: "a", ObjectID: "b"})
	require.ErrorIs(t, err, azureml.ErrInvalid)
	assert.ErrorContains(t, err, "ClientID, ObjectID exclude each other: give at most one")

	t.Setenv("MSI_ENDPOINT", "http://127.0.0.1:46808/MSI/auth")
	t.Setenv("MSI_SECRET", "planted-msi-secret")
	_, err = NewManagedIdentity(&ManagedIdentityOptions{ResourceID: testResource})
	require.ErrorIs(t, err, azureml.ErrInvalid, "Azure ML knows identities by their client id only")
}

func TestPlainExpiry(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`"11/05/2096 15:18:31 +00:00"`: `"4002967111"`,
		`"1/5/2026 9:05:00 AM +00:00"`: `"1767603900"`,
		`"01/05/2026 10:05:00 +01:00"`: `"1767603900"`,
		`"1/5/2026 9:05:00 AM"`:        `"1767603900"`,
		`"2026-01-05T09:05:00Z"`:       `"1767603900"`,
		`"1767603900"`:                 `"1767603900"`,
		`1767603900`:                   `1767603900`,
		`"tomorrow"`:                   `"tomorrow"`,
	} {
		got, changed := withPlainExpiry([]byte(`{"access_token":"t","expires_on":` + text + `}`))
		assert.JSONEq(t, `{"access_token":"t","expires_on":`+want+`}`, string(got))
		assert.Equal(t, text != want, changed, text)
	}
	for _, body := range []string{"", "[]", "<html>", "{}", "null"} {
		got, changed := withPlainExpiry([]byte(body))
		assert.Equal(t, body, string(got))
		assert.False(t, changed)
	}
}

func FuzzPlainExpiry(f *testing.F) {
	f.Add([]byte(`{"expires_on":"11/05/2026 15:18:31 +00:00"}`))
	f.Add([]byte(`{"expires_on":1}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, changed := withPlainExpiry(body)
		if !changed {
			assert.Equal(t, body, got)
			return
		}
		again, changed := withPlainExpiry(got)
		assert.False(t, changed, "what was rewritten is plain")
		assert.Equal(t, got, again)
	})
}

package authentication

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/recording"
)

var testSecret = azureml.NewSecret("s3cret&=")

func principal(t *testing.T, recorded string) *ServicePrincipal {
	t.Helper()
	p := recording.Play(t, recorded)
	sp, err := NewServicePrincipal(testTenant, testPrincipal, testSecret, &ServicePrincipalOptions{ClientOptions: p.ClientOptions()})
	require.NoError(t, err)
	return sp
}

func TestServicePrincipalSecret(t *testing.T) {
	t.Parallel()
	sp := principal(t, "sp_secret")
	for range 3 { // one request
		header, err := sp.Header(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "Bearer aud="+armAudience, header.Get("Authorization"))
		assert.Len(t, header, 1)
	}
	assert.Equal(t, testTenant, sp.TenantID())
	assert.Equal(t, testPrincipal, sp.ClientID())
	assert.Empty(t, sp.SubscriptionID())
}

// TestServicePrincipalRefused: each documented failure gives its kind, its number as
// code, one line of text, the ids for support, and what to do.
func TestServicePrincipalRefused(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		recorded, scope string
		kind            error
		code            string
		status          int
		message, remedy string
	}{
		{"sp_wrong_secret", "", azureml.ErrUnauthorized, "AADSTS7000215", 401, "Invalid client secret provided.", "secret's value, not its id"},
		{"sp_expired_secret", "", azureml.ErrUnauthorized, "AADSTS7000222", 401, "are expired", "Make a new one"},
		{"sp_unknown_app", "", azureml.ErrUnauthorized, "AADSTS700016", 400, "was not found in the directory", "client id and the tenant id"},
		{"sp_unknown_tenant", "", azureml.ErrUnauthorized, "AADSTS90002", 400, "not found", "cloud"},
		{"sp_conditional_access", "", azureml.ErrUnauthorized, "AADSTS53003", 400, "Conditional Access", "conditional access policy"},
		{"sp_consent", "", azureml.ErrInteractionRequired, "AADSTS65001", 400, "not consented", "administrator"},
		{"sp_bad_scope", "https://ml.azure.com", azureml.ErrInvalid, "AADSTS1002012", 400, "is not valid", "/.default"},
		{"sp_lacks_field", "", azureml.ErrUnauthorized, "AADSTS900144", 400, "'grant_type'", "application/x-www-form-urlencoded"},
		{"sp_bad_scope_user", "", azureml.ErrInvalid, "AADSTS70011", 400, "'scope' is not valid", "/.default"},
		{"sp_bad_audience", "", azureml.ErrInvalid, "AADSTS50001", 400, "was not found in the tenant", "audience"},
		{"sp_looping", "", azureml.ErrThrottled, "AADSTS50196", 400, "request loop", "Keep one credential"},
		{"sp_unknown_audience", "https://example.invalid/.default", azureml.ErrInvalid, "AADSTS500011", 400, "was not found", "audience"},
	} {
		t.Run(test.recorded, func(t *testing.T) {
			t.Parallel()
			scope := test.scope
			if scope == "" {
				scope = armScope
			}
			_, err := principal(t, test.recorded).GetToken(t.Context(), scoped(scope))
			require.ErrorIs(t, err, test.kind)
			e := failure(t, err)
			assert.Equal(t, test.code, e.Code)
			assert.Equal(t, test.status, e.StatusCode)
			assert.Contains(t, e.Message, test.message)
			assert.NotContains(t, e.Message, "AADSTS")
			assert.NotContains(t, e.Message, "Trace ID")
			assert.Contains(t, e.Remedy, test.remedy)
			assert.Equal(t, "aaaaaaaa-0000-0000-0000-000000000000", e.RequestID)
			assert.Equal(t, "bbbbbbbb-0000-0000-0000-000000000000", e.CorrelationID)
			assert.NotContains(t, err.Error(), "\n")
			var response *azcore.ResponseError
			require.ErrorAs(t, err, &response)
			assert.Equal(t, test.code, response.ErrorCode)
		})
	}
}

func TestServicePrincipalErrorText(t *testing.T) {
	t.Parallel()
	_, err := principal(t, "sp_expired_secret").Header(t.Context())
	assert.EqualError(t, err, `azureml: cannot sign in as service principal "`+testPrincipal+`" of tenant "`+testTenant+
		`": The provided client secret keys for app '`+testPrincipal+`' are expired. (AADSTS7000222, HTTP 401, request aaaaaaaa-0000-0000-0000-000000000000)`)
}

func TestServicePrincipalGoesOn(t *testing.T) {
	t.Parallel()
	for _, recorded := range []string{"sp_throttled", "sp_flaky"} {
		t.Run(recorded, func(t *testing.T) {
			t.Parallel()
			token, err := principal(t, recorded).GetToken(t.Context(), scoped(armScope))
			require.NoError(t, err)
			assert.Equal(t, "aud="+armAudience, token.Token)
			assert.WithinDuration(t, time.Now().Add(3599*time.Second), token.ExpiresOn, time.Minute)
		})
	}
}

func TestServicePrincipalWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	for recorded, test := range map[string]struct {
		attempts, status int
		message, remedy  string
	}{
		"sp_unavailable": {4, 503, "HTML page", "Try again"},
		"sp_unreachable": {4, 0, "reset", "Check that login.microsoftonline.com can be reached"},
		"sp_html":        {1, 200, "cannot be understood (it is an HTML page)", "a proxy"},
		"sp_truncated":   {1, 200, "cannot be understood", "a proxy"},
		"sp_no_expiry":   {1, 200, "cannot be understood", "a proxy"},
	} {
		t.Run(recorded, func(t *testing.T) {
			t.Parallel()
			_, err := principal(t, recorded).GetToken(t.Context(), scoped(armScope))
			require.ErrorIs(t, err, azureml.ErrUnavailable)
			e := failure(t, err)
			assert.Equal(t, test.attempts, e.Attempts)
			assert.Equal(t, test.status, e.StatusCode)
			assert.Contains(t, e.Message, test.message)
			assert.Contains(t, e.Remedy, test.remedy)
			noSecret(t, err, "PLANTED", "s3cret&=", "s3cret%26%3D")
		})
	}
}

func TestServicePrincipalAnswersAChallenge(t *testing.T) {
	t.Parallel()
	sp := principal(t, "sp_challenge")
	options := scoped(armScope)
	options.EnableCAE = true
	first, err := sp.GetToken(t.Context(), options)
	require.NoError(t, err)
	challenged := options
	challenged.Claims = `{"access_token":{"nbf":{"essential":true,"value":"1767600000"}}}`
	second, err := sp.GetToken(t.Context(), challenged)
	require.NoError(t, err)
	assert.Equal(t, []string{"aud=first", "aud=second"}, []string{first.Token, second.Token})
	again, err := sp.GetToken(t.Context(), options)
	require.NoError(t, err)
	assert.Equal(t, second.Token, again.Token, "the new token serves everybody")
}

func TestServicePrincipalOfAnotherCloud(t *testing.T) {
	t.Parallel()
	p := recording.Play(t, "sp_china")
	options := p.ClientOptions()
	var err error
	options.Cloud, err = Cloud("AzureChinaCloud")
	require.NoError(t, err)
	sp, err := NewServicePrincipal(testTenant, testPrincipal, testSecret, &ServicePrincipalOptions{ClientOptions: options})
	require.NoError(t, err)
	header, err := sp.Header(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "Bearer aud=https://management.core.chinacloudapi.cn/", header.Get("Authorization"))
	assert.Equal(t, options.Cloud, sp.Cloud())
	assert.Contains(t, sp.String(), "(AzureChinaCloud)")
	sp.Cloud().Services[cloud.ResourceManager] = cloud.ServiceConfiguration{}
	assert.Equal(t, options.Cloud, sp.Cloud(), "what a caller does to the copy stays with the caller")
}

func TestServicePrincipalOptions(t *testing.T) {
	t.Parallel()
	t.Run("instance discovery", func(t *testing.T) {
		t.Parallel()
		p := recording.Play(t, "sp_no_instance_discovery")
		options := &ServicePrincipalOptions{ClientOptions: p.ClientOptions(), DisableInstanceDiscovery: true}
		options.APIVersion = "2024-04-01" // is the workspace's, and must not reach azidentity
		sp, err := NewServicePrincipal(" "+testTenant+" ", testPrincipal+"\n", testSecret, options)
		require.NoError(t, err)
		_, err = sp.Header(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "2024-04-01", options.APIVersion, "the caller's options stay as they are")
		assert.Nil(t, options.PerRetryPolicies)
	})
	t.Run("tenants", func(t *testing.T) {
		t.Parallel()
		p := recording.Play(t, "sp_other_tenant")
		sp, err := NewServicePrincipal(testTenant, testPrincipal, testSecret, &ServicePrincipalOptions{ClientOptions: p.ClientOptions(), AdditionallyAllowedTenants: []string{"99999999-9999-9999-9999-999999999999"}})
		require.NoError(t, err)
		options := scoped(armScope)
		options.TenantID = "88888888-8888-8888-8888-888888888888"
		_, err = sp.GetToken(t.Context(), options)
		require.ErrorIs(t, err, azureml.ErrUnauthorized)
		assert.ErrorContains(t, err, "AdditionallyAllowedTenants")
		options.TenantID = "99999999-9999-9999-9999-999999999999"
		token, err := sp.GetToken(t.Context(), options)
		require.NoError(t, err)
		assert.Equal(t, "aud=other", token.Token)
	})
}

func TestServicePrincipalInvalid(t *testing.T) {
	t.Parallel()
	_, err := NewServicePrincipal("", " ", azureml.NewSecret("  "), nil)
	require.ErrorIs(t, err, azureml.ErrInvalid)
	assert.EqualError(t, err, "azureml: cannot make a service principal's credential: tenantID is required; clientID is required; secret is required")
	_, err = NewServicePrincipal("a/b", testPrincipal, testSecret, nil)
	assert.ErrorContains(t, err, `tenantID ("a/b") must be a tenant's id or domain`)
	_, err = NewServicePrincipal(testTenant, testPrincipal, testSecret, &ServicePrincipalOptions{ClientOptions: azcore.ClientOptions{Cloud: cloud.Configuration{ActiveDirectoryAuthorityHost: "http://login.example"}}})
	require.ErrorIs(t, err, azureml.ErrInvalid)
	assert.ErrorContains(t, err, `cannot use the cloud: ActiveDirectoryAuthorityHost ("http://login.example") must begin with https://`)

	sp, err := NewServicePrincipal(testTenant, testPrincipal, testSecret, nil)
	require.NoError(t, err)
	_, err = sp.GetToken(t.Context(), policy.TokenRequestOptions{})
	require.ErrorIs(t, err, azureml.ErrInvalid)
	assert.ErrorContains(t, err, "a scope is required")
	_, err = ServicePrincipal{}.GetToken(t.Context(), scoped(armScope))
	require.ErrorIs(t, err, azureml.ErrInvalid)

	sp, err = NewServicePrincipal(testTenant, testPrincipal, testSecret, &ServicePrincipalOptions{ClientOptions: azcore.ClientOptions{Cloud: cloud.Configuration{ActiveDirectoryAuthorityHost: "https://login.example"}}})
	require.NoError(t, err, "a private authority alone is enough for tokens")
	_, err = sp.Header(t.Context())
	assert.ErrorContains(t, err, "names no resource manager")
}

// TestTheCallersContextEnds: behind a slow authority a caller leaves with its own context.
func TestTheCallersContextEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sp, err := NewServicePrincipal(testTenant, testPrincipal, testSecret, &ServicePrincipalOptions{ClientOptions: azcore.ClientOptions{Transport: silent{}}})
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err = sp.GetToken(ctx, scoped(armScope))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.LessOrEqual(t, time.Since(start), 60*time.Millisecond)
		assert.ErrorContains(t, err, "cannot sign in as service principal")

		// Nobody bounds this one: it ends all the same, and says whom it waited for.
		_, err = sp.GetToken(t.Context(), scoped(armScope))
		require.ErrorIs(t, err, azureml.ErrUnavailable)
		assert.Contains(t, failure(t, err).Remedy, "login.microsoftonline.com")
		assert.Less(t, time.Since(start), 6*time.Minute)
	})
}

// silent is an authority that never answers.
type silent struct{}

func (silent) Do(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

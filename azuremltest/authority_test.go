package azuremltest_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	login = "https://login.microsoftonline.com/"
	v2URL = login + azuremltest.TenantID + "/oauth2/v2.0/token"
	v1URL = login + azuremltest.TenantID + "/oauth2/token"
	form  = "application/x-www-form-urlencoded"
)

// clientForm is a good v2 request, changed by pairs of key and value; an empty
// value removes the key.
func clientForm(change ...string) string {
	q := url.Values{"grant_type": {"client_credentials"}, "client_id": {azuremltest.ClientID},
		"client_secret": {azuremltest.ClientSecret}, "scope": {armScope}}
	for i := 0; i < len(change); i += 2 {
		q.Set(change[i], change[i+1])
		if change[i+1] == "" {
			q.Del(change[i])
		}
	}
	return q.Encode()
}

// claims decodes the payload of a token.
func claims(t *testing.T, token any) map[string]any {
	t.Helper()
	parts := strings.Split(token.(string), ".")
	require.Len(t, parts, 3)
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	var c map[string]any
	require.NoError(t, json.Unmarshal(raw, &c))
	return c
}

func TestTokenV2(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	a, err := try(srv, http.MethodPost, v2URL, clientForm(), "Content-Type", form+"; charset=utf-8")
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, a.status, a.text)
	assert.Equal(t, "Bearer", a.at("token_type"))
	assert.EqualValues(t, 3599, a.at("expires_in"))
	assert.EqualValues(t, 3599, a.at("ext_expires_in"))
	assert.NotContains(t, a.body, "resource")
	assert.NotContains(t, a.body, "refresh_token")

	c := claims(t, a.at("access_token"))
	assert.Equal(t, "https://management.core.windows.net/", c["aud"])
	assert.Equal(t, azuremltest.TenantID, c["tid"])
	assert.Equal(t, azuremltest.ClientID, c["appid"])
	assert.NotEmpty(t, c["oid"])
	assert.InDelta(t, time.Now().Unix(), c["nbf"], 5)
	assert.Equal(t, 3600.0, c["exp"].(float64)-c["iat"].(float64))
}

func TestTokenV1(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	a, err := try(srv, http.MethodPost, v1URL, clientForm("scope", "", "resource", "https://management.azure.com/"), "Content-Type", form)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, a.status, a.text)
	assert.Equal(t, "3599", a.at("expires_in"))
	assert.Equal(t, "3599", a.at("ext_expires_in"))
	assert.Equal(t, "https://management.azure.com/", a.at("resource"))
	assert.Regexp(t, `^\d+$`, a.at("expires_on"))
	assert.Regexp(t, `^\d+$`, a.at("not_before"))
	assert.Equal(t, "https://management.azure.com/", claims(t, a.at("access_token"))["aud"])
}

func TestTokenErrors(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	missing := func(name string) string {
		return "AADSTS900144: The request body must contain the following parameter: '" + name + "'."
	}
	for name, c := range map[string]struct {
		url, form, contentType string
		status                 int
		code                   string
		number                 float64
		text                   string
	}{
		"wrong secret": {v2URL, clientForm("client_secret", "x"), form, 401, "invalid_client", 7000215,
			"AADSTS7000215: Invalid client secret provided."},
		"no secret": {v2URL, clientForm("client_secret", ""), form, 401, "invalid_client", 7000216, "AADSTS7000216: "},
		"assertion of an application without certificate": {v2URL, clientForm("client_secret", "", "client_assertion", "a.b.c"), form,
			401, "invalid_client", 700027, "AADSTS700027: "},
		"unknown client": {v2URL, clientForm("client_id", "nobody"), form, 400, "unauthorized_client", 700016,
			"AADSTS700016: Application with identifier 'nobody' was not found in the directory 'Contoso'."},
		"unknown tenant": {strings.Replace(v2URL, azuremltest.TenantID, "nowhere", 1), clientForm(), form, 400, "invalid_request", 90002,
			"AADSTS90002: Tenant 'nowhere' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud."},
		"no grant type":     {v2URL, clientForm("grant_type", ""), form, 400, "invalid_request", 900144, missing("grant_type")},
		"no client":         {v2URL, clientForm("client_id", ""), form, 400, "invalid_request", 900144, missing("client_id")},
		"no scope":          {v2URL, clientForm("scope", ""), form, 400, "invalid_request", 900144, missing("scope")},
		"no resource in v1": {v1URL, clientForm(), form, 400, "invalid_request", 900144, missing("resource")},
		"JSON":              {v2URL, `{"grant_type":"client_credentials"}`, "application/json", 400, "invalid_request", 900144, missing("grant_type")},
		"no content type":   {v2URL, clientForm(), "", 400, "invalid_request", 900144, missing("grant_type")},
		"scope of a user": {v2URL, clientForm("scope", "https://management.azure.com/user_impersonation"), form, 400, "invalid_scope", 1002012,
			"AADSTS1002012: The provided value for scope https://management.azure.com/user_impersonation is not valid."},
		"two resources": {v2URL, clientForm("scope", "https://ml.azure.com/.default "+armScope), form, 400, "invalid_scope", 1002012, "AADSTS1002012"},
		"unknown resource": {v2URL, clientForm("scope", "https://example.com/.default"), form, 400, "invalid_resource", 500011,
			"AADSTS500011: The resource principal named https://example.com was not found"},
		"grant type": {v2URL, clientForm("grant_type", "password"), form, 400, "unsupported_grant_type", 70003, "AADSTS70003: "},
		"refresh token": {v2URL, clientForm("grant_type", "refresh_token", "refresh_token", "x"), form, 400, "invalid_grant", 9002313,
			"AADSTS9002313: "},
		"scope of refresh token": {v2URL, clientForm("grant_type", "refresh_token", "refresh_token", "x", "scope", "openid"), form, 400,
			"invalid_scope", 70011, "AADSTS70011: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, err := try(srv, http.MethodPost, c.url, c.form, "Content-Type", c.contentType, "client-request-id", "my-id")
			require.NoError(t, err)
			assert.Equal(t, c.status, a.status)
			assert.Equal(t, c.code, a.at("error"))
			assert.Equal(t, []any{c.number}, a.at("error_codes"))
			assert.Contains(t, a.at("error_description"), c.text)
			assert.Regexp(t, "\r\nTrace ID: [-0-9a-f]{36}\r\nCorrelation ID: my-id\r\nTimestamp: [-0-9: ]+Z$", a.at("error_description"))
			assert.Equal(t, "my-id", a.at("correlation_id"))
			assert.NotContains(t, a.text, azuremltest.ClientSecret)
		})
	}
}

func TestClientAssertion(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	p := srv.AddServicePrincipal(azuremltest.ServicePrincipal{ClientID: "44444444-4444-4444-4444-444444444444", Certificate: true})
	cred, err := azidentity.NewClientAssertionCredential(azuremltest.TenantID, p.ClientID,
		func(context.Context) (string, error) { return "signed.by.me", nil },
		&azidentity.ClientAssertionCredentialOptions{ClientOptions: srv.ClientOptions()})
	require.NoError(t, err)
	token, err := cred.GetToken(context.Background(), policy.TokenRequestOptions{Scopes: []string{armScope}})
	require.NoError(t, err)
	assert.Equal(t, p.ObjectID, claims(t, token.Token)["oid"])
}

func TestRefreshTokenGrant(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	user := srv.AddUser(azuremltest.User{Name: "ada@contoso.example"})
	for _, tenant := range []string{azuremltest.TenantID, "contoso.example", "organizations"} {
		a, err := try(srv, http.MethodPost, login+tenant+"/oauth2/v2.0/token", url.Values{
			"grant_type": {"refresh_token"}, "client_id": {azuremltest.CLIClientID}, "client_info": {"1"},
			"refresh_token": {srv.RefreshToken(user)}, "scope": {armScope + " openid offline_access profile"},
		}.Encode(), "Content-Type", form)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, a.status, a.text)
		c := claims(t, a.at("access_token"))
		assert.Equal(t, user.ObjectID, c["oid"])
		assert.Equal(t, "ada@contoso.example", c["upn"])
		assert.Equal(t, "ada@contoso.example", claims(t, a.at("id_token"))["preferred_username"])
		assert.NotEmpty(t, a.at("refresh_token"))
		info, err := base64.RawURLEncoding.DecodeString(a.at("client_info").(string))
		require.NoError(t, err)
		assert.JSONEq(t, `{"uid":"`+user.ObjectID+`","utid":"`+azuremltest.TenantID+`"}`, string(info))
	}
}

func TestDiscoveryOfTheAuthority(t *testing.T) {
	t.Parallel()
	srv := newServer(t, nil)
	get := func(path string) answer {
		a, err := try(srv, http.MethodGet, login+path, "")
		require.NoError(t, err)
		return a
	}
	a := get(azuremltest.TenantID + "/v2.0/.well-known/openid-configuration?")
	assert.Equal(t, http.StatusOK, a.status)
	assert.Equal(t, v2URL, a.at("token_endpoint"))
	assert.Equal(t, login+azuremltest.TenantID+"/v2.0", a.at("issuer"))
	assert.Equal(t, login+azuremltest.TenantID+"/oauth2/v2.0/authorize", a.at("authorization_endpoint"))

	a = get("nowhere/v2.0/.well-known/openid-configuration")
	assert.Equal(t, http.StatusBadRequest, a.status)
	assert.Equal(t, "invalid_tenant", a.at("error"))
	assert.Equal(t, []any{90002.0}, a.at("error_codes"))

	// As the reference and as azidentity ask.
	for _, endpoint := range []string{"https://login.microsoftonline.com/common/oauth2/authorize",
		url.QueryEscape(login + azuremltest.TenantID + "/oauth2/v2.0/authorize")} {
		a = get("common/discovery/instance?api-version=1.1&authorization_endpoint=" + endpoint)
		assert.Equal(t, http.StatusOK, a.status)
		assert.Equal(t, "login.microsoftonline.com", a.at("metadata", 0, "preferred_network"))
		assert.Contains(t, a.at("metadata", 0, "aliases"), "login.windows.net")
	}
	a = get("common/discovery/instance?api-version=1.1&authorization_endpoint=" + url.QueryEscape("https://127.0.0.1/t/authorize"))
	assert.Equal(t, http.StatusBadRequest, a.status)
	assert.Equal(t, "invalid_instance", a.at("error"))
}

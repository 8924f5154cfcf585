package azuremltest_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/azureml-go/azureml/azuremltest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestKeys(t *testing.T) {
	t.Parallel()
	srv := newServiceWorld(t, nil)
	uri := deploy(t, srv, aksRequest("svc", "keys", object{"primaryKey": "FAKEPK", "secondaryKey": nil})).at("scoringUri")
	keys := func() (string, string) {
		a := do(t, srv, http.MethodPost, servicesURL+"/svc/listkeys", "").want(t, http.StatusOK)
		return a.at("primaryKey").(string), a.at("secondaryKey").(string)
	}
	primary, secondary := keys()
	assert.Equal(t, "FAKEPK", primary)
	assert.Len(t, secondary, 32)
	for header, want := range map[string]string{
		"": "key_auth_bad_header_format", "Basic x": "key_auth_bad_header_format", "Bearer": "key_auth_bad_header_format",
		"Bearer wrong": "key_auth_access_denied", "Bearer " + srv.Token(azuremltest.TokenOptions{}): "key_auth_access_denied",
	} {
		a := score(t, srv, uri, "{}", "Authorization", header).want(t, http.StatusUnauthorized)
		assert.Equal(t, want+"\n", a.text, header)
	}
	score(t, srv, uri, "{}", "Authorization", "Bearer "+primary).want(t, http.StatusOK)
	score(t, srv, uri, "{}", "Authorization", "Bearer "+secondary).want(t, http.StatusOK)

	regenerate := func(body string) answer {
		return do(t, srv, http.MethodPost, servicesURL+"/svc/regenerateKeys", body)
	}
	started := regenerate(`{"keyType":"Primary","keyValue":null}`)
	score(t, srv, uri, "{}", "Authorization", "Bearer "+primary).want(t, http.StatusOK) // not yet
	assert.Equal(t, "Healthy", get(t, srv, "svc").at("state"))
	wantMMSError(t, regenerate(`{"keyType":"Primary"}`), http.StatusConflict, "OperationInProgress", "svc")
	settle(t, srv, started)
	renewed, same := keys()
	assert.NotEqual(t, primary, renewed)
	assert.Equal(t, secondary, same)
	score(t, srv, uri, "{}", "Authorization", "Bearer "+primary).want(t, http.StatusUnauthorized)
	score(t, srv, uri, "{}", "Authorization", "Bearer "+renewed).want(t, http.StatusOK)
	settle(t, srv, regenerate(`{"keyType":"Secondary","keyValue":"mykey"}`))
	_, secondary = keys()
	assert.Equal(t, "mykey", secondary)
	settle(t, srv, regenerate(`{"keyType":1,"keyValue":"by number"}`))
	_, secondary = keys()
	assert.Equal(t, "by number", secondary)

	wantMMSError(t, regenerate(`{"keyType":"Third"}`), http.StatusBadRequest, "InvalidKeyType", `"Third"`)
	wantMMSError(t, regenerate(`{}`), http.StatusBadRequest, "InvalidKeyType", "Primary or Secondary")
	wantMMSError(t, regenerate(`{"keyType":"Primary","keyValue":""}`), http.StatusBadRequest, "InvalidKeyValue", "empty")
	srv.FailNextOperation(azuremltest.OperationFailure{Kind: "service"})
	_, last := settle(t, srv, regenerate(`{"keyType":"Primary"}`))
	assert.Equal(t, "Failed", last.at("state"))
	assert.Equal(t, "Failed to regenerate a key of service svc.", last.at("error", "message"))
	unchanged, _ := keys()
	assert.Equal(t, renewed, unchanged)

	srv.SetServiceKeys(defaultWorkspace, "svc", "rotated", "")
	primary, secondary = keys()
	assert.Equal(t, []string{"rotated", "by number"}, []string{primary, secondary})
	score(t, srv, uri, "{}", "Authorization", "Bearer "+renewed).want(t, http.StatusUnauthorized)

	deploy(t, srv, aciRequest("open"))
	disabled := do(t, srv, http.MethodPost, servicesURL+"/open/listkeys", "")
	wantMMSError(t, disabled, http.StatusBadRequest, "AuthDisabled", "Key authentication is not enabled for service open")
	wantMMSError(t, do(t, srv, http.MethodPost, servicesURL+"/open/regenerateKeys", `{"keyType":"Primary"}`), http.StatusBadRequest, "AuthDisabled", "open")
}

func TestServiceTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := azuremltest.NewServer(&azuremltest.Options{InMemory: true, TokenLifetime: 12 * time.Hour})
		defer srv.Close()
		furnish(srv)
		tokenAuth := []any{"authEnabled", false, "aadAuthEnabled", true}
		uri := deploy(t, srv, aksRequest("svc", tokenAuth...)).at("scoringUri")
		deploy(t, srv, endpointRequest("end", "version", tokenAuth...))
		deploy(t, srv, aksRequest("keys"))
		deploy(t, srv, aciRequest("aci"))
		token := func(name string) answer { return do(t, srv, http.MethodPost, servicesURL+"/"+name+"/token", "") }

		a := token("svc").want(t, http.StatusCreated)
		assert.Equal(t, "Bearer", a.at("tokenType"))
		assert.EqualValues(t, time.Now().Add(6*time.Hour).Unix(), a.at("refreshAfter"))
		assert.EqualValues(t, time.Now().Add(12*time.Hour).Unix(), a.at("expiryOn"))
		good := "Bearer " + a.at("accessToken").(string)
		score(t, srv, uri, "{}", "Authorization", good).want(t, http.StatusOK)

		other := "Bearer " + token("end").want(t, http.StatusCreated).at("accessToken").(string)
		for _, header := range []string{other, good + "x", "Bearer " + srv.Token(azuremltest.TokenOptions{}), "Bearer " + srv.Services(defaultWorkspace)[3].PrimaryKey} {
			assert.Equal(t, "token_auth_access_denied\n", score(t, srv, uri, "{}", "Authorization", header).want(t, http.StatusUnauthorized).text)
		}
		assert.Equal(t, "token_auth_bad_header_format\n", score(t, srv, uri, "{}").want(t, http.StatusUnauthorized).text)
		refused, err := try(srv, http.MethodGet, mmsURL+"/services", "", "Authorization", good)
		require.NoError(t, err)
		assert.Equal(t, http.StatusUnauthorized, refused.status, "it opens nothing else")

		wantMMSError(t, token("keys"), http.StatusBadRequest, "AuthDisabled", "Token authentication is not enabled for service keys")
		wantMMSError(t, token("aci"), http.StatusBadRequest, "TokenAuthNotSupported", "ACI")
		wantMMSError(t, do(t, srv, http.MethodPost, servicesURL+"/svc/listkeys", ""), http.StatusBadRequest, "AuthDisabled", "Key authentication")

		time.Sleep(12*time.Hour - time.Second)
		score(t, srv, uri, "{}", "Authorization", good).want(t, http.StatusOK)
		time.Sleep(2 * time.Second)
		score(t, srv, uri, "{}", "Authorization", good).want(t, http.StatusUnauthorized)
	})
}

package azuremltest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	testAuthority = "https://" + authorityHost + "/" + TenantID + "/oauth2/v2.0/"
	testScope     = "https://management.core.windows.net//.default openid offline_access profile"
)

// send sends a form, or nothing with GET, and gives status and body.
func send(t *testing.T, srv *Server, address string, form url.Values) (int, string) {
	t.Helper()
	client := *srv.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	var resp *http.Response
	var err error
	if form == nil {
		resp, err = client.Get(address)
	} else {
		resp, err = client.PostForm(address, form)
	}
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(body) + resp.Header.Get("Location")
}

// loginError is the error and its number in an answer.
func loginError(t *testing.T, body string) (string, int) {
	t.Helper()
	var e struct {
		Error string `json:"error"`
		Codes []int  `json:"error_codes"`
	}
	require.NoError(t, json.Unmarshal([]byte(body), &e), body)
	require.Len(t, e.Codes, 1)
	return e.Error, e.Codes[0]
}

func authorizeAddress(change map[string]string) string {
	challenge := sha256.Sum256([]byte("verifier"))
	q := url.Values{
		"client_id": {CLIClientID}, "response_type": {"code"}, "redirect_uri": {"http://localhost:1234"}, "scope": {testScope}, "state": {"S&S"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}
	for k, v := range change {
		q.Set(k, v)
	}
	return testAuthority + "authorize?" + q.Encode()
}

func TestSignInPage(t *testing.T) {
	t.Parallel()
	srv := NewServer(nil)
	defer srv.Close()
	srv.AddUser(User{Name: "user@contoso.example"})
	status, body := send(t, srv, authorizeAddress(map[string]string{"login_hint": `"><script>`}), nil)
	assert.Equal(t, 200, status)
	assert.NotContains(t, body, "><script>", "what a program sends is not markup")

	status, body = send(t, srv, authorizeAddress(nil), url.Values{"login": {"nobody"}})
	assert.Equal(t, 200, status)
	assert.Contains(t, body, "find an account")

	status, body = send(t, srv, authorizeAddress(nil), url.Values{"action": {"cancel"}})
	assert.Equal(t, 302, status)
	assert.Contains(t, body, "http://localhost:1234?error=access_denied")
	assert.Contains(t, body, "state=S%26S")

	status, body = send(t, srv, authorizeAddress(nil), url.Values{"login": {"User@Contoso.example"}})
	assert.Equal(t, 302, status)
	to, err := url.Parse(body)
	require.NoError(t, err)
	code := to.Query().Get("code")
	redeem := url.Values{"grant_type": {"authorization_code"}, "client_id": {CLIClientID}, "code": {code}, "redirect_uri": {"http://localhost:1234"}, "code_verifier": {"verifier"}, "scope": {testScope}}
	for field, want := range map[string]int{"redirect_uri": 500112, "code_verifier": 501481, "code": 70008, "client_id": 70008, "scope": 70011} {
		wrong := url.Values{}
		for k, v := range redeem {
			wrong[k] = v
		}
		wrong.Set(field, "wrong")
		status, body = send(t, srv, testAuthority+"token", wrong)
		assert.Equal(t, 400, status, field)
		_, number := loginError(t, body)
		assert.Equal(t, want, number, field)
	}
	status, body = send(t, srv, testAuthority+"token", redeem)
	assert.Equal(t, 200, status, body)
	assert.Contains(t, body, "refresh_token")
	status, body = send(t, srv, testAuthority+"token", redeem)
	assert.Equal(t, 400, status, "a code is good once")
	_, number := loginError(t, body)
	assert.Equal(t, 70008, number)
}

func TestSignInPageRefuses(t *testing.T) {
	t.Parallel()
	srv := NewServer(nil)
	defer srv.Close()
	for field, test := range map[string]struct {
		value string
		want  int
	}{
		"client_id": {"x", 700016}, "redirect_uri": {"https://evil.example", 50011}, "response_type": {"token", 70002},
		"code_challenge_method": {"plain", 501491}, "scope": {"", 900144},
	} {
		status, body := send(t, srv, authorizeAddress(map[string]string{field: test.value}), nil)
		assert.Equal(t, 400, status, field)
		_, number := loginError(t, body)
		assert.Equal(t, test.want, number, field)
	}
	status, body := send(t, srv, strings.Replace(authorizeAddress(nil), TenantID, "12121212-3434-5656-7878-909090909090", 1), nil)
	assert.Equal(t, 400, status)
	_, number := loginError(t, body)
	assert.Equal(t, 90002, number)
}

func TestDeviceCode(t *testing.T) {
	t.Parallel()
	srv := NewServer(nil)
	defer srv.Close()
	srv.AddUser(User{Name: "user@contoso.example"})
	begin := func() (userCode, deviceCode string) {
		status, body := send(t, srv, testAuthority+"devicecode", url.Values{"client_id": {CLIClientID}, "scope": {testScope}})
		require.Equal(t, 200, status, body)
		var answer struct {
			UserCode   string `json:"user_code"`
			DeviceCode string `json:"device_code"`
		}
		require.NoError(t, json.Unmarshal([]byte(body), &answer))
		assert.Regexp(t, regexp.MustCompile(`^[0-9A-F]{9}$`), answer.UserCode)
		return answer.UserCode, answer.DeviceCode
	}
	poll := func(deviceCode string) (int, string) {
		return send(t, srv, testAuthority+"token", url.Values{
			"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "client_id": {CLIClientID}, "device_code": {deviceCode}, "scope": {testScope},
		})
	}
	failed := func(deviceCode, want string) {
		t.Helper()
		status, body := poll(deviceCode)
		assert.Equal(t, 400, status)
		name, _ := loginError(t, body)
		assert.Equal(t, want, name)
	}

	userCode, deviceCode := begin()
	failed(deviceCode, "authorization_pending")
	failed("another", "bad_verification_code")
	_, page := send(t, srv, devicePage, nil)
	assert.Contains(t, page, `name="user_code"`)
	_, page = send(t, srv, devicePage, url.Values{"user_code": {"wrong"}, "login": {"user@contoso.example"}})
	assert.Contains(t, page, "code didn&#39;t work")
	_, page = send(t, srv, devicePage, url.Values{"user_code": {userCode}, "login": {"nobody"}})
	assert.Contains(t, page, "find an account")
	failed(deviceCode, "authorization_pending")
	_, page = send(t, srv, devicePage, url.Values{"user_code": {strings.ToLower(userCode)}, "login": {"user@contoso.example"}})
	assert.Contains(t, page, "You have signed in")
	status, body := poll(deviceCode)
	assert.Equal(t, 200, status, body)
	failed(deviceCode, "bad_verification_code")

	userCode, deviceCode = begin()
	_, page = send(t, srv, devicePage, url.Values{"user_code": {userCode}, "action": {"cancel"}})
	assert.Contains(t, page, "declined")
	failed(deviceCode, "authorization_declined")
	assert.False(t, srv.CompleteDeviceLogin(userCode, User{Name: "user@contoso.example"}))
	assert.False(t, srv.DeclineDeviceLogin("unknown"))
	assert.Panics(t, func() { srv.CompleteDeviceLogin(userCode, User{Name: "nobody"}) })

	for field, want := range map[string]int{"client_id": 700016, "scope": 70011} {
		form := url.Values{"client_id": {CLIClientID}, "scope": {testScope}}
		form.Set(field, "wrong")
		_, body = send(t, srv, testAuthority+"devicecode", form)
		_, number := loginError(t, body)
		assert.Equal(t, want, number)
	}
}

func TestMetadataEndpoint(t *testing.T) {
	t.Parallel()
	srv := NewServer(nil)
	defer srv.Close()
	own := srv.AddManagedIdentity(ManagedIdentity{})
	get := func(address string, header ...string) (int, string) {
		req, err := http.NewRequest(http.MethodGet, address, nil)
		require.NoError(t, err)
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		resp, err := srv.Client().Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, string(body)
	}
	const imds = "http://" + imdsHost + "/metadata/identity/oauth2/token?api-version=2018-02-01"
	for address, want := range map[string]string{
		imds:                 "'resource' is missing",
		imds + "&resource=x": own.ClientID,
		strings.Replace(imds, "api-version", "v", 1):                             "'api-version' is missing",
		imds + "&resource=x&client_id=y":                                         "Identity not found",
		srv.IdentityEndpoint() + "?resource=x&api-version=2018-01-01":            "not supported",
		srv.IdentityEndpoint() + "?resource=x&api-version=2019-08-01":            "X-IDENTITY-HEADER is missing",
		srv.IdentityEndpoint() + "?resource=x&api-version=2017-09-01":            own.ClientID,
		srv.IdentityEndpoint() + "?resource=x&api-version=2017-09-01&clientid=y": "Identity not found",
	} {
		_, body := get(address, "Metadata", "true", "secret", IdentityHeader)
		assert.Contains(t, body, want, address)
	}
	status, body := get(imds + "&resource=x")
	assert.Equal(t, 400, status)
	assert.Contains(t, body, "bad_request_102")
}

package authentication

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/recording"
)

// sdkAuthText is what the command prints for the public cloud, the secret changed.
const sdkAuthText = `{
  "clientId": "33333333-3333-3333-3333-333333333333",
  "clientSecret": "s3cret&=",
  "subscriptionId": "22222222-2222-2222-2222-222222222222",
  "tenantId": "11111111-1111-1111-1111-111111111111",
  "activeDirectoryEndpointUrl": "https://login.microsoftonline.com",
  "resourceManagerEndpointUrl": "https://management.azure.com/",
  "activeDirectoryGraphResourceId": "https://graph.windows.net/",
  "sqlManagementEndpointUrl": "https://management.core.windows.net:8443/",
  "galleryEndpointUrl": "https://gallery.azure.com/",
  "managementEndpointUrl": "https://management.core.windows.net/"
}`

func TestServicePrincipalFromSDKAuth(t *testing.T) {
	t.Parallel()
	bigEndian := []byte{0xfe, 0xff}
	littleEndian := []byte{0xff, 0xfe}
	for _, unit := range utf16.Encode([]rune(sdkAuthText)) {
		bigEndian = append(bigEndian, byte(unit>>8), byte(unit))
		littleEndian = append(littleEndian, byte(unit), byte(unit>>8))
	}
	plain := `{"appId":"33333333-3333-3333-3333-333333333333","displayName":"x","password":"s3cret&=","tenant":"11111111-1111-1111-1111-111111111111"}`
	for name, text := range map[string]string{
		"as printed":            sdkAuthText,
		"without slashes":       strings.ReplaceAll(sdkAuthText, "azure.com/", "azure.com"),
		"byte order mark":       "\ufeff" + sdkAuthText,
		"PowerShell":            string(littleEndian),
		"UTF-16 big endian":     string(bigEndian),
		"null endpoints":        `{"clientId":"` + testPrincipal + `","clientSecret":"s3cret&=\n","tenantId":"` + testTenant + `","activeDirectoryEndpointUrl":null,"resourceManagerEndpointUrl":null,"managementEndpointUrl":null}`,
		"without the flag":      plain,
		"with what is not ours": strings.Replace(plain, "{", `{"further":[1,2,{}],`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := recording.Play(t, "sp_secret")
			sp, err := NewServicePrincipalFromSDKAuth(strings.NewReader(text), &ServicePrincipalOptions{ClientOptions: p.ClientOptions()})
			require.NoError(t, err)
			_, err = sp.Header(t.Context())
			require.NoError(t, err)
			if strings.Contains(text, "subscriptionId") {
				assert.Equal(t, "22222222-2222-2222-2222-222222222222", sp.SubscriptionID())
			}
		})
	}
}

func TestSDKAuthChoosesTheCloud(t *testing.T) {
	t.Parallel()
	of := func(authority, manager, audience string) cloud.Configuration {
		text, err := json.Marshal(sdkAuth{ClientID: "c", ClientSecret: "s", TenantID: "t", Authority: authority, ResourceManager: manager, Audience: audience})
		require.NoError(t, err)
		public, err := Cloud("AzureCloud")
		require.NoError(t, err)
		o := &ServicePrincipalOptions{}
		o.Cloud = public
		sp, err := NewServicePrincipalFromSDKAuth(strings.NewReader(string(text)), o)
		require.NoError(t, err)
		return sp.Cloud()
	}
	china, err := Cloud("AzureChinaCloud")
	require.NoError(t, err)
	assert.Equal(t, china, of("https://login.chinacloudapi.cn", "https://management.chinacloudapi.cn", "https://management.core.chinacloudapi.cn/"))
	assert.Equal(t, china, of("", "https://management.chinacloudapi.cn/", ""))
	custom := of("https://login.stack.example", "https://management.stack.example/", "https://audience.stack.example/")
	assert.Equal(t, cloud.Configuration{
		ActiveDirectoryAuthorityHost: "https://login.stack.example",
		Services: map[cloud.ServiceName]cloud.ServiceConfiguration{
			cloud.ResourceManager: {Endpoint: "https://management.stack.example/", Audience: "https://audience.stack.example/"},
		},
	}, custom)
	mixed := of("https://login.stack.example", "https://management.azure.com/", "https://management.core.windows.net/")
	assert.Equal(t, "https://login.stack.example", mixed.ActiveDirectoryAuthorityHost, "a sign-in host of its own is not overruled")
}

func TestSDKAuthInvalid(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ text, want string }{
		"empty":            {" \n", "it is empty"},
		"not JSON":         {`{"clientSecret":"PLANTED`, "it is not valid JSON (at byte 24)"},
		"not an object":    {`["PLANTED"]`, "it must be a JSON object, not a JSON array"},
		"not a text":       {`{"clientSecret":5}`, "clientSecret must be a text, not a JSON number"},
		"all missing":      {`{}`, "clientId is required; tenantId is required; clientSecret is required (or clientCertificate)"},
		"http":             {`{"clientId":"c","clientSecret":"PLANTED","tenantId":"t","activeDirectoryEndpointUrl":"http://login.example"}`, "activeDirectoryEndpointUrl (\"http://login.example\") must be an https address"},
		"no authority":     {`{"clientId":"c","clientSecret":"PLANTED","tenantId":"t","resourceManagerEndpointUrl":"https://management.stack.example"}`, "activeDirectoryEndpointUrl is required"},
		"odd tenant":       {`{"clientId":"c","clientSecret":"PLANTED","tenantId":"t/../x"}`, "tenantId (\"t/../x\") must be"},
		"certificate gone": {`{"clientId":"c","clientCertificate":"/nowhere/x.pem","tenantId":"t"}`, "/nowhere/x.pem"},
		"too long":         {`{"clientSecret":"` + strings.Repeat("PLANTED", longestSDKAuth/7) + `"}`, "it is too long"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := NewServicePrincipalFromSDKAuth(strings.NewReader(test.text), nil)
			require.ErrorIs(t, err, azureml.ErrInvalid)
			assert.ErrorContains(t, err, test.want)
			noSecret(t, err, "PLANTED")
		})
	}
	_, err := NewServicePrincipalFromSDKAuth(nil, nil)
	require.ErrorIs(t, err, azureml.ErrInvalid)
}

func TestServicePrincipalFromAuthFile(t *testing.T) {
	_, err := NewServicePrincipalFromAuthFile(nil)
	require.ErrorIs(t, err, azureml.ErrInvalid)
	assert.ErrorContains(t, err, "AZURE_AUTH_LOCATION is not set")
	assert.Contains(t, failure(t, err).Remedy, "create-for-rbac")

	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "principal.pem"), testCertificate(t), 0o600))
	text := strings.Replace(sdkAuthText, `"clientSecret": "s3cret&="`, `"clientCertificate": "principal.pem"`, 1)
	path := filepath.Join(folder, "auth.json")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	t.Setenv("AZURE_AUTH_LOCATION", path)
	p := recording.Play(t, "sp_certificate")
	sp, err := NewServicePrincipalFromAuthFile(&ServicePrincipalOptions{ClientOptions: p.ClientOptions()})
	require.NoError(t, err, "a path in the file is relative to the file")
	_, err = sp.Header(t.Context())
	require.NoError(t, err)

	t.Setenv("AZURE_AUTH_LOCATION", path+".gone")
	_, err = NewServicePrincipalFromAuthFile(nil)
	require.ErrorIs(t, err, azureml.ErrInvalid)
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func FuzzSDKAuth(f *testing.F) {
	f.Add([]byte(sdkAuthText))
	f.Add([]byte("\xff\xfe{\x00}\x00"))
	f.Add([]byte(`{"clientId":"c","clientSecret":"PLANTED","tenantId":"t","activeDirectoryEndpointUrl":"https://x"}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, data []byte) {
		found, configuration, err := parseSDKAuth(data)
		if err != nil {
			assert.ErrorIs(t, err, azureml.ErrInvalid)
			assert.Equal(t, sdkAuth{}, found)
			assert.NotContains(t, err.Error(), "\n")
			return
		}
		assert.NotEmpty(t, found.ClientID)
		assert.NotEmpty(t, found.TenantID)
		assert.NotEmpty(t, found.ClientSecret+found.ClientCertificate)
		if host := configuration.ActiveDirectoryAuthorityHost; host != "" {
			assert.True(t, strings.HasPrefix(strings.ToLower(host), "https://"), host)
		}
	})
}

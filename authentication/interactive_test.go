package authentication

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/recording"
)

// person is an interactive login with a device code whose requests are recorded.
func person(t *testing.T, recorded string, o InteractiveLoginOptions) *InteractiveLogin {
	t.Helper()
	o.ClientOptions = recording.Play(t, recorded).ClientOptions()
	o.Method, o.Prompt, o.DisableAzureCLI = LoginDeviceCode, PromptAlways, true
	if o.RecordFile == "" {
		o.RecordFile = noRecord
	}
	l, err := NewInteractiveLogin(&o)
	require.NoError(t, err)
	return l
}

func TestInteractiveLoginDeviceCode(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "folder", "record.json")
	synctest.Test(t, func(t *testing.T) {
		var output bytes.Buffer
		l := person(t, "login_device_code", InteractiveLoginOptions{Output: &output, RecordFile: file})
		token, err := l.GetToken(t.Context(), scoped(armScope))
		require.NoError(t, err)
		assert.Equal(t, "aud=first", token.Token)
		assert.Equal(t, "Open https://microsoft.com/devicelogin and enter ABCD1234E.\n", output.String())

		time.Sleep(56 * time.Minute)
		token, err = l.GetToken(t.Context(), scoped(armScope))
		require.NoError(t, err)
		assert.Equal(t, "aud=second", token.Token, "nobody is asked again")
	})
	info, err := os.Stat(file)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	folder, err := os.Stat(filepath.Dir(file))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o700), folder.Mode().Perm())
	record := recordFile{file}.read()
	assert.Equal(t, "user@contoso.example", record.Username)
	assert.Equal(t, testTenant, record.TenantID)
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.NotContains(t, string(data), "FAKE")
	entries, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	assert.Len(t, entries, 1, "no temporary file is left")
}

// TestLoginsComeOneAfterTheOther: callers who want tokens for different scopes do not
// each ask the person.
func TestLoginsComeOneAfterTheOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := person(t, "login_two_scopes", InteractiveLoginOptions{Output: &bytes.Buffer{}})
		var wg sync.WaitGroup
		for i, scope := range []string{armScope, "https://ml.azure.com/.default"} {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond)
				token, err := l.GetToken(t.Context(), scoped(scope))
				assert.NoError(t, err)
				assert.Equal(t, []string{"aud=first", "aud=ml"}[i], token.Token)
			})
		}
		wg.Wait()
	})
}

func TestInteractiveLoginEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := person(t, "login_ends", InteractiveLoginOptions{Output: &bytes.Buffer{}})
		_, err := l.GetToken(t.Context(), scoped(armScope))
		require.NoError(t, err)
		time.Sleep(2 * time.Hour)
		token, err := l.GetToken(t.Context(), scoped(armScope))
		require.NoError(t, err)
		assert.Equal(t, "aud=again", token.Token)
	})
}

func TestInteractiveLoginFails(t *testing.T) {
	t.Parallel()
	for recorded, test := range map[string]struct{ tenant, message, remedy string }{
		"login_device_declined": {"", "The user declined.", "declined"},
		"login_device_expired":  {"", "Verification code expired.", "Start again"},
		"login_device_unknown":  {"", "Bad verification code.", "Start again"},
		"login_device_tenant":   {testTenant, "No tenant-identifying information found.", "name the tenant"},
	} {
		t.Run(recorded, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				_, err := person(t, recorded, InteractiveLoginOptions{Output: &bytes.Buffer{}, TenantID: test.tenant}).GetToken(t.Context(), scoped(armScope))
				require.ErrorIs(t, err, azureml.ErrUnauthorized)
				e := failure(t, err)
				assert.Equal(t, test.message, e.Message)
				assert.Contains(t, e.Remedy, test.remedy)
				assert.Equal(t, 400, e.StatusCode)
				noSecret(t, err, "DEV-FAKE")
			})
		})
	}
}

// TestInteractiveLoginIsToBeRepeated: the tenant wants more, or something newer.
func TestInteractiveLoginIsToBeRepeated(t *testing.T) {
	t.Parallel()
	for recorded, test := range map[string]struct{ code, message, remedy string }{
		"login_device_mfa":              {"AADSTS50076", "you must use multi-factor authentication", "naming its tenant id"},
		"login_device_mfa_registration": {"AADSTS50079", "you must enroll in multi-factor authentication", "naming its tenant id"},
		"login_device_frequency":        {"AADSTS70043", "sign-in frequency", "Sign in again"},
		"login_device_inactive":         {"AADSTS70008", "due to inactivity", "Sign in again"},
		"login_device_revoked":          {"AADSTS50173", "revoked", "password was changed"},
	} {
		t.Run(recorded, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				_, err := person(t, recorded, InteractiveLoginOptions{Output: &bytes.Buffer{}}).GetToken(t.Context(), scoped(armScope))
				require.ErrorIs(t, err, azureml.ErrInteractionRequired)
				e := failure(t, err)
				assert.Equal(t, test.code, e.Code)
				assert.Contains(t, e.Message, test.message)
				assert.Contains(t, e.Remedy, test.remedy)
			})
		})
	}
}

func TestNobodySignsInInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, err := NewInteractiveLogin(&InteractiveLoginOptions{
			ClientOptions: azcoreOptions(pending{}), Method: LoginDeviceCode, Prompt: PromptAlways, DisableAzureCLI: true, DisableInstanceDiscovery: true,
			Output: &bytes.Buffer{}, Timeout: 2 * time.Minute, RecordFile: noRecord,
		})
		require.NoError(t, err)
		start := time.Now()
		_, err = l.GetToken(t.Context(), scoped(armScope))
		require.ErrorIs(t, err, azureml.ErrInteractionRequired)
		assert.ErrorContains(t, err, "nobody signed in within 2m0s")
		assert.Equal(t, 2*time.Minute, time.Since(start))
	})
}

// TestNobodyIsAskedInPipelines: standard input of tests is no terminal.
func TestNobodyIsAskedInPipelines(t *testing.T) {
	script(t, "az", `echo "ERROR: Please run 'az login' to setup account." >&2; exit 1`)
	script(t, "xdg-open", "exit 0")
	t.Setenv("DISPLAY", ":0")
	for name, test := range map[string]struct {
		options InteractiveLoginOptions
		want    string
	}{
		"no terminal": {InteractiveLoginOptions{}, "the Azure CLI: Please run 'az login' to setup account; nobody can be asked: standard input is no terminal"},
		"told not to": {InteractiveLoginOptions{Prompt: PromptNever, DisableAzureCLI: true}, "asking a person is turned off (Prompt)"},
		"forced":      {InteractiveLoginOptions{Force: true}, "nobody can be asked: standard input is no terminal"},
	} {
		t.Run(name, func(t *testing.T) {
			test.options.Output = &bytes.Buffer{}
			test.options.Transport = silent{}
			l, err := NewInteractiveLogin(&test.options)
			require.NoError(t, err)
			_, err = l.Header(t.Context())
			require.ErrorIs(t, err, azureml.ErrInteractionRequired)
			assert.EqualError(t, err, "azureml: cannot sign in interactively: "+test.want)
			assert.Contains(t, failure(t, err).Remedy, "az login")
			assert.Empty(t, test.options.Output)
		})
	}
}

func TestInteractiveLoginTakesTheAzureCLI(t *testing.T) {
	calls := az(t, "of-az")
	l, err := NewInteractiveLogin(&InteractiveLoginOptions{TenantID: testTenant})
	require.NoError(t, err)
	header, err := l.Header(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "Bearer of-az", header.Get("Authorization"))
	assert.Equal(t, []string{"account get-access-token -o json --resource " + armAudience + " --tenant " + testTenant}, lines(t, calls))
}

// TestTheBrowserThatCannotBeOpened gives way to a device code.
func TestTheBrowserThatCannotBeOpened(t *testing.T) {
	t.Setenv("DISPLAY", ":0")
	script(t, "xdg-open", "exit 3")
	var output bytes.Buffer
	l, err := NewInteractiveLogin(&InteractiveLoginOptions{
		ClientOptions: azcoreOptions(pending{}), Prompt: PromptAlways, DisableAzureCLI: true, DisableInstanceDiscovery: true,
		Output: &output, Timeout: 300 * time.Millisecond, RecordFile: noRecord,
	})
	require.NoError(t, err)
	_, err = l.GetToken(t.Context(), scoped(armScope))
	require.ErrorIs(t, err, azureml.ErrInteractionRequired)
	assert.Equal(t, "Sign in with the browser that opens now.\nNo browser could be opened.\nenter X\n", output.String())
}

func TestInteractiveLoginInvalid(t *testing.T) {
	t.Parallel()
	_, err := NewInteractiveLogin(&InteractiveLoginOptions{TenantID: "a b", RedirectURL: "http://localhost", Method: "pigeon", Prompt: "sometimes", Timeout: -1})
	require.ErrorIs(t, err, azureml.ErrInvalid)
	for _, field := range []string{"TenantID", "RedirectURL", "Method", "Prompt", "Timeout"} {
		assert.ErrorContains(t, err, field)
	}
	assert.Len(t, PossibleLoginMethodValues(), 3)
	assert.Len(t, PossiblePromptingValues(), 3)
}

func TestRecordFile(t *testing.T) {
	t.Parallel()
	record := azidentity.AuthenticationRecord{
		Authority: "https://login.microsoftonline.com", ClientID: cliApplication, HomeAccountID: "u.t", TenantID: testTenant, Username: "user@contoso.example", Version: "1.0",
	}
	path := filepath.Join(t.TempDir(), "a", "b.json")
	require.NoError(t, recordFile{path}.write(record))
	assert.Equal(t, record, recordFile{path}.read())
	require.NoError(t, os.WriteFile(path, []byte(`{"version":"7"}`), 0o600))
	assert.Zero(t, recordFile{path}.read())
	assert.Zero(t, recordFile{path + ".gone"}.read())
	assert.NoError(t, recordFile{}.write(record))
	assert.Error(t, recordFile{filepath.Join(path, "below a file")}.write(record))

	public, err := Cloud("AzureCloud")
	require.NoError(t, err)
	o := InteractiveLoginOptions{ClientID: cliApplication}
	o.Cloud = public
	assert.True(t, fits(record, o))
	for name, change := range map[string]func(*InteractiveLoginOptions){
		"tenant":      func(o *InteractiveLoginOptions) { o.TenantID = "another" },
		"application": func(o *InteractiveLoginOptions) { o.ClientID = "another" },
		"user":        func(o *InteractiveLoginOptions) { o.LoginHint = "another" },
		"cloud":       func(o *InteractiveLoginOptions) { o.Cloud.ActiveDirectoryAuthorityHost = "https://login.example" },
	} {
		changed := o
		change(&changed)
		assert.False(t, fits(record, changed), name)
	}
	o.TenantID = "contoso.example"
	record.HomeAccountID = "u." + testTenant
	assert.True(t, fits(record, o), "at home in the domain")
	record.HomeAccountID = "u.another"
	assert.False(t, fits(record, o), "a guest's name says nothing about the tenant")
	assert.Empty(t, recordPath("none"))
	assert.Equal(t, "x", recordPath("x"))
	assert.Equal(t, "authentication-record.json", filepath.Base(recordPath("")))
}

func FuzzRecordFile(f *testing.F) {
	f.Add([]byte(`{"version":"1.0","username":"u"}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "r.json")
		require.NoError(t, os.WriteFile(path, data, 0o600))
		if record := (recordFile{path}).read(); record != (azidentity.AuthenticationRecord{}) {
			require.NoError(t, recordFile{path}.write(record))
			assert.Equal(t, record, recordFile{path}.read())
			assert.True(t, json.Valid(data))
		}
	})
}

func TestTerminal(t *testing.T) {
	t.Parallel()
	null, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer null.Close()
	assert.False(t, terminalFile(null), "the null device is a character device, too")
	file, err := os.Create(filepath.Join(t.TempDir(), "f"))
	require.NoError(t, err)
	assert.False(t, terminalFile(file))
	file.Close()
	assert.False(t, terminalFile(file))
}

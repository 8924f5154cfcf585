package authentication

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
)

// script puts a shell script first in PATH and gives the file that its arguments are
// appended to, a line a run.
func script(t *testing.T, name, text string) (calls string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("needs a shell")
	}
	folder := t.TempDir()
	calls = filepath.Join(folder, "calls")
	text = fmt.Sprintf("#!/bin/sh\necho \"$*\" >> '%s'\n%s\n", calls, text)
	require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o700)) //nolint:gosec // a script has to be executable
	t.Setenv("PATH", folder+string(os.PathListSeparator)+os.Getenv("PATH"))
	return calls
}

// az is a script that answers like the Azure CLI.
func az(t *testing.T, token string) (calls string) {
	t.Helper()
	return script(t, "az", fmt.Sprintf(`echo '{"accessToken":%q,"expiresOn":"2026-01-05 11:05:00.000000","expires_on":%d,"subscription":"s","tenant":"t","tokenType":"Bearer"}'`, token, time.Now().Add(time.Hour).Unix()))
}

func lines(t *testing.T, path string) []string {
	t.Helper()
	data, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil
	}
	require.NoError(t, err)
	return strings.Split(strings.TrimSpace(string(data)), "\n")
}

func TestAzureCLI(t *testing.T) {
	calls := az(t, "of-az")
	c, err := NewAzureCLI(&AzureCLIOptions{TenantID: testTenant, Subscription: "my subscription"})
	require.NoError(t, err)
	for range 3 {
		header, err := c.Header(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "Bearer of-az", header.Get("Authorization"))
	}
	assert.Equal(t, []string{"account get-access-token -o json --resource https://management.core.windows.net/ --tenant " + testTenant + " --subscription my subscription"}, lines(t, calls))
	noSecret(t, c, "of-az")
}

func TestAzureCLIFails(t *testing.T) {
	for name, test := range map[string]struct {
		script, message, code string
		kind                  error
	}{
		"not signed in": {`echo "WARNING: something else" >&2; echo "ERROR: Please run 'az login' to setup account." >&2; exit 1`, "Please run 'az login' to setup account.", "", azureml.ErrInteractionRequired},
		"expired": {`echo "ERROR: AADSTS70043: The refresh token has expired or is invalid due to sign-in frequency checks by conditional access. Trace ID: aaaaaaaa-0000-0000-0000-000000000000 Correlation ID: bbbbbbbb-0000-0000-0000-000000000000 Timestamp: 2026-01-05 10:00:00Z" >&2; exit 1`,
			"The refresh token has expired or is invalid due to sign-in frequency checks by conditional access.", "AADSTS70043", azureml.ErrInteractionRequired},
		"not installed": {`exit 127`, "the Azure CLI (az) was not found in PATH", "", azureml.ErrUnauthorized},
		"no JSON":       {`echo 'PLANTED{'`, "printed something that is no JSON", "", azureml.ErrUnauthorized},
		"no token":      {`echo '{"expires_on":4102444800}'`, "printed no token", "", azureml.ErrUnauthorized},
		"too slow":      {`sleep 5`, "did not answer within 200ms", "", azureml.ErrUnauthorized},
		"silent":        {`exit 3`, "exit status 3", "", azureml.ErrUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			script(t, "az", test.script)
			o := &AzureCLIOptions{}
			if name == "too slow" {
				o.Timeout = 200 * time.Millisecond
			}
			c, err := NewAzureCLI(o)
			require.NoError(t, err)
			_, err = c.Header(t.Context())
			require.ErrorIs(t, err, test.kind)
			e := failure(t, err)
			assert.Contains(t, e.Message, test.message)
			assert.Equal(t, test.code, e.Code)
			assert.NotEmpty(t, e.Remedy)
			assert.NotContains(t, err.Error(), "\n")
			noSecret(t, err, "PLANTED")

			chained, err := azidentity.NewChainedTokenCredential([]azcoreCredential{c, fixed("next")}, nil)
			require.NoError(t, err)
			token, err := chained.GetToken(t.Context(), scoped(armScope))
			require.NoError(t, err, "a chain of azidentity goes on behind it")
			assert.Equal(t, "next", token.Token)
		})
	}
}

func TestAzureCLIInvalid(t *testing.T) {
	t.Parallel()
	_, err := NewAzureCLI(&AzureCLIOptions{TenantID: "$(id)", Subscription: `"; rm`, Timeout: -1})
	require.ErrorIs(t, err, azureml.ErrInvalid)
	for _, field := range []string{"TenantID", "Subscription", "Timeout"} {
		assert.ErrorContains(t, err, field)
	}
}

func TestAzureCLICloud(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("AZURE_CONFIG_DIR", folder)
	of := func() string {
		c, err := NewAzureCLI(nil)
		require.NoError(t, err)
		return c.String()
	}
	assert.Equal(t, "the Azure CLI's account (AzureCloud)", of())
	require.NoError(t, os.WriteFile(filepath.Join(folder, "config"), []byte("[core]\nname = AzureUSGovernment\n[cloud]\nname = AzureChinaCloud\n"), 0o600))
	assert.Equal(t, "the Azure CLI's account (AzureChinaCloud)", of())
	t.Setenv("AZUREML_CURRENT_CLOUD", "AzureUSGovernment")
	assert.Equal(t, "the Azure CLI's account (AzureUSGovernment)", of())
}

package authentication_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml/authentication"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/workspace"
)

// TestContinuousAccessEvaluation: a service that no longer takes a token says which
// claims it wants; the call goes on with a new token that was asked for with them. A
// person who has signed in is not asked again for that.
func TestContinuousAccessEvaluation(t *testing.T) {
	t.Parallel()
	const wanted = `{"access_token":{"nbf":{"essential":true,"value":"1767600000"}}}`
	for name, credential := range map[string]func(*testing.T, *visitor) azcore.TokenCredential{
		"service principal": func(t *testing.T, v *visitor) azcore.TokenCredential {
			return signer(t, v.srv, azuremltest.TenantID, azuremltest.ClientID, azuremltest.ClientSecret)
		},
		"person": func(t *testing.T, v *visitor) azcore.TokenCredential {
			return v.login(t, authentication.InteractiveLoginOptions{RecordFile: "none"})
		},
		"person whose sign-in was for a bare header": func(t *testing.T, v *visitor) azcore.TokenCredential {
			login := v.login(t, authentication.InteractiveLoginOptions{RecordFile: "none"})
			_, err := login.Header(t.Context())
			require.NoError(t, err)
			return login
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVisitor(t)
			ws, err := workspace.Get(t.Context(), azuremltest.WorkspaceName, credential(t, v), options(v.srv))
			require.NoError(t, err)
			asked := v.asked.Load()
			v.srv.Fault(azuremltest.Fault{
				Method: http.MethodGet, Host: "management.azure.com", Path: "/workspaces/", Status: http.StatusUnauthorized,
				Header: http.Header{"Www-Authenticate": {`Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", error="insufficient_claims", claims="` +
					base64.StdEncoding.EncodeToString([]byte(wanted)) + `"`}},
			})
			v.srv.ResetRequests()
			_, err = ws.Refresh(t.Context())
			require.NoError(t, err)
			assert.Equal(t, asked, v.asked.Load())

			var refused, answered int
			var claims []string
			for _, r := range v.srv.Requests() {
				switch {
				case r.Status == http.StatusUnauthorized:
					refused++
				case strings.HasSuffix(r.URL.Path, "/token"):
					form, err := url.ParseQuery(string(r.Body))
					require.NoError(t, err)
					claims = append(claims, form.Get("claims"))
				case r.Host == "management.azure.com":
					answered++
				}
			}
			assert.Equal(t, []int{1, 1}, []int{refused, answered}, "sent once more")
			require.Len(t, claims, 1)
			assert.Contains(t, claims[0], `"1767600000"`)
		})
	}
}

package azuremltest_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml/azuremltest"
)

// TestReaderMayRead: a Reader reads; a second role, or none at all, is no hindrance.
func TestReaderMayRead(t *testing.T) {
	t.Parallel()
	const workspaceURL = "https://management.azure.com/subscriptions/" + azuremltest.SubscriptionID + "/resourceGroups/" + azuremltest.ResourceGroup +
		"/providers/Microsoft.MachineLearningServices/workspaces/" + azuremltest.WorkspaceName
	for name, test := range map[string]struct {
		roles []azuremltest.Role
		want  int
	}{
		"nobody":                      {nil, http.StatusOK},
		"a reader":                    {[]azuremltest.Role{{Role: "Reader"}}, http.StatusForbidden},
		"a reader of the group":       {[]azuremltest.Role{{Role: "Reader", Scope: "/subscriptions/" + azuremltest.SubscriptionID + "/resourceGroups/" + azuremltest.ResourceGroup}}, http.StatusForbidden},
		"a reader of another group":   {[]azuremltest.Role{{Role: "Reader", Scope: "/subscriptions/" + azuremltest.SubscriptionID + "/resourceGroups/" + azuremltest.ResourceGroup + "2"}}, http.StatusOK},
		"a contributor":               {[]azuremltest.Role{{Role: "Contributor"}}, http.StatusOK},
		"a reader and data scientist": {[]azuremltest.Role{{Role: "Reader"}, {Role: "AzureML Data Scientist"}}, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := newServer(t, nil)
			app := srv.AddServicePrincipal(azuremltest.ServicePrincipal{ClientID: "44444444-4444-4444-4444-444444444444"})
			for _, r := range test.roles {
				r.PrincipalID, r.PrincipalType = app.ObjectID, "ServicePrincipal"
				srv.AddRole(r)
			}
			token := "Bearer " + srv.Token(azuremltest.TokenOptions{ClientID: app.ClientID})
			a, err := try(srv, http.MethodGet, workspaceURL+"?api-version=2024-04-01", "", "Authorization", token)
			require.NoError(t, err)
			assert.Equal(t, http.StatusOK, a.status)
			a, err = try(srv, http.MethodPost, workspaceURL+"/listKeys?api-version=2024-04-01", "", "Authorization", token)
			require.NoError(t, err)
			assert.Equal(t, test.want, a.status, a.text)
			if test.want == http.StatusForbidden {
				assert.Equal(t, "AuthorizationFailed", a.at("error", "code"))
				assert.Contains(t, a.at("error", "message"), app.ObjectID)
				assert.Contains(t, a.at("error", "message"), "'Microsoft.MachineLearningServices/workspaces/listKeys/action'")
			}
		})
	}
}

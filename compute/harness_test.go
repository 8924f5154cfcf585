package compute_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/recording"
	"github.com/azureml-go/azureml/workspace"
)

const (
	subscription  = "11111111-2222-3333-4444-555555555555"
	resourceGroup = "rg-ml"
	workspaceName = "ws-prod"
	workspaceID   = "/subscriptions/" + subscription + "/resourceGroups/" + resourceGroup +
		"/providers/Microsoft.MachineLearningServices/workspaces/" + workspaceName
	sharedCluster = "/subscriptions/" + subscription + "/resourcegroups/rg-aks/providers/Microsoft.ContainerService/managedClusters/shared"
)

// play runs test in virtual time against a recording, which begins with the reading of
// the workspace.
func play(t *testing.T, name string, test func(t *testing.T, ws *workspace.Workspace)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := recording.Play(t, name)
		ws, err := workspace.Get(t.Context(), workspaceName, p.Credential(), &workspace.GetOptions{
			ClientOptions: p.ClientOptions(), SubscriptionID: subscription, ResourceGroup: resourceGroup,
		})
		require.NoError(t, err)
		test(t, ws)
	})
}

// failure is the *azureml.Error behind err.
func failure(t *testing.T, err error) *azureml.Error {
	t.Helper()
	require.Error(t, err)
	e, ok := errors.AsType[*azureml.Error](err)
	require.True(t, ok, "%T is no *azureml.Error: %v", err, err)
	return e
}

// fields are the fields of a failure's violations.
func fields(e *azureml.Error) []string {
	var list []string
	for _, v := range e.Violations {
		list = append(list, v.Field)
	}
	return list
}

// warnings collects what OnWarning gets.
type warnings []string

func (w *warnings) add(warning azureml.Warning) { *w = append(*w, warning.String()) }

// stub answers every request: the workspace, and 201 to every PUT, whose body it shows.
type stub struct{ put func(body map[string]any) }

func (s *stub) Do(r *http.Request) (*http.Response, error) {
	answer := `{"id":"` + workspaceID + `","name":"` + workspaceName + `","location":"westeurope"}`
	if r.Method == http.MethodPut {
		var body map[string]any
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			return nil, err
		}
		s.put(body)
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(answer)), Request: r,
	}, nil
}

type staticToken struct{}

func (staticToken) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: "t", ExpiresOn: time.Now().Add(time.Hour)}, nil
}

func stubWorkspace(t *testing.T) (*workspace.Workspace, *stub) {
	t.Helper()
	s := &stub{}
	ws, err := workspace.Get(t.Context(), workspaceName, staticToken{}, &workspace.GetOptions{
		ClientOptions: azcore.ClientOptions{Transport: s}, SubscriptionID: subscription, ResourceGroup: resourceGroup,
	})
	require.NoError(t, err)
	return ws, s
}

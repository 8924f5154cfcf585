package workspace

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
)

func TestBlockedBy(t *testing.T) {
	t.Parallel()
	ws, _ := discovering(t, everywhere)
	closed := *ws
	closed.PublicNetworkAccess, closed.PrivateLinkCount = "Disabled", 1
	linked := *ws
	linked.PrivateLinkCount = 1
	const link = "Access to workspace was denied based on workspace private link configuration."
	for name, row := range map[string]struct {
		ws      *Workspace
		service Service
		e       azureml.Error
		want    []string // parts of the reason; none: no network setting is to blame
	}{
		"open workspace":          {ws, History, azureml.Error{StatusCode: 403, Code: "UserError", Message: "no"}, nil},
		"it says so":              {ws, History, azureml.Error{StatusCode: 403, Message: link}, []string{"the workspace's run history was refused", "behind a private link"}},
		"a detail says so":        {ws, Artifacts, azureml.Error{StatusCode: 401, Details: []azureml.ErrorDetail{{Message: link}}}, []string{"artifact service"}},
		"gateway":                 {&linked, Environments, azureml.Error{StatusCode: 502, Message: link}, []string{"environment service", "1 private endpoint"}},
		"public network access":   {ws, API, azureml.Error{StatusCode: 403, Message: "Public network access is disabled."}, []string{"publicNetworkAccess of the workspace is Disabled"}},
		"resource manager":        {&closed, ResourceManager, azureml.Error{StatusCode: 403, Message: "Public network access is disabled."}, []string{"the resource manager"}},
		"role":                    {&closed, History, azureml.Error{StatusCode: 403, Code: "AuthorizationFailed", Message: "no authorization for privateLinkResources/read; " + link}, nil},
		"role or network":         {&closed, History, azureml.Error{StatusCode: 403, Code: "UserError"}, []string{"may have come over the public network", "lacks a role"}},
		"elsewhere":               {&closed, ResourceManager, azureml.Error{StatusCode: 403, Code: "UserError"}, nil},
		"another use of the word": {&closed, ResourceManager, azureml.Error{StatusCode: 400, Message: "An AKS cluster with private link cannot be attached."}, nil},
		"unreached":               {&closed, History, azureml.Error{Kind: azureml.ErrUnavailable, Method: "GET"}, []string{"did not get through"}},
		"unreached, open":         {ws, History, azureml.Error{Kind: azureml.ErrUnavailable, Method: "GET"}, nil},
		"unreached, manager":      {&closed, ResourceManager, azureml.Error{Kind: azureml.ErrUnavailable, Method: "GET"}, nil},
		"gave up":                 {&closed, History, azureml.Error{Method: "GET"}, nil},
		"legacy":                  {ws, ResourceManager, azureml.Error{StatusCode: 409, Message: "Not allowed in V1 legacy mode"}, []string{"v1LegacyMode of the workspace is true"}},
		"failure of the service":  {&closed, History, azureml.Error{StatusCode: 500, Message: link}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := row.ws.explainRefusal(row.service, &row.e)
			e, ok := errors.AsType[*azureml.Error](err)
			require.True(t, ok)
			if row.want == nil {
				assert.Same(t, &row.e, e)
				return
			}
			for _, part := range append(row.want, "Blocked: ", "Setting: ") {
				assert.Contains(t, e.Remedy, part)
			}
			assert.Empty(t, row.e.Remedy, "the error that came is left alone")
			if row.e.StatusCode != 0 {
				assert.ErrorIs(t, err, azureml.ErrForbidden)
			}
		})
	}
	plain := errors.New("x")
	assert.Equal(t, plain, ws.explainRefusal(History, plain))
}

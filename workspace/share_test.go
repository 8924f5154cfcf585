package workspace_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/recording"
	"github.com/azureml-go/azureml/workspace"
)

const (
	objectID      = "55555555-0000-0000-0000-000000000009"
	applicationID = "99999999-0000-0000-0000-000000000009"
	readerID      = "/subscriptions/" + subscription + "/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"
)

func TestShare(t *testing.T) {
	t.Parallel()
	typed := &workspace.ShareOptions{PrincipalType: workspace.PrincipalServicePrincipal}
	for name, row := range map[string]struct {
		principal, role string
		options         *workspace.ShareOptions
		check           func(*testing.T, *workspace.RoleAssignment)
		kind            error
		text, help      string
	}{
		"share": {objectID, "owner", typed, func(t *testing.T, a *workspace.RoleAssignment) {
			assert.Equal(t, workspace.RoleOwner, a.RoleName)
			assert.Equal(t, wsID, a.Scope)
			assert.False(t, a.Inherited)
			assert.Equal(t, 2024, a.CreatedOn.Year())
			assert.Contains(t, a.ID, wsID+"/providers/Microsoft.Authorization/roleAssignments/"+a.Name)
		}, nil, "", ""},
		"share_looked_up": {objectID, "acdd72a7-3385-48ef-bd42-f606fba81ae7", nil, func(t *testing.T, a *workspace.RoleAssignment) {
			require.NotNil(t, a.Principal)
			assert.Equal(t, "deployer", a.Principal.DisplayName)
		}, nil, "", ""},
		"share_application_id": {applicationID, readerID, nil, func(t *testing.T, a *workspace.RoleAssignment) {
			assert.Equal(t, objectID, a.PrincipalID)
		}, nil, "", ""},
		"share_user": {"jdoe@example.com", "Contributor", nil, nil, nil, "", ""},
		"share_role_name": {objectID, "Bob's role", &workspace.ShareOptions{PrincipalType: workspace.PrincipalGroup}, func(t *testing.T, a *workspace.RoleAssignment) {
			assert.Equal(t, workspace.PrincipalGroup, a.PrincipalType, "what was sent, as the answer does not say")
		}, nil, "", ""},
		"share_exists": {objectID, "reader", typed, func(t *testing.T, a *workspace.RoleAssignment) {
			assert.True(t, a.Existed)
			assert.Equal(t, "66666666-0000-0000-0000-000000000001", a.Name, "whoever made it named it")
		}, nil, "", ""},
		"share_exists_unreadable": {objectID, "reader", typed, func(t *testing.T, a *workspace.RoleAssignment) {
			assert.True(t, a.Existed)
			assert.Empty(t, a.ID)
			assert.Equal(t, readerID, a.RoleID)
		}, nil, "", ""},
		"share_closed_directory":          {objectID, "reader", nil, nil, nil, "", ""},
		"share_closed_directory_wrong_id": {applicationID, "reader", nil, nil, azureml.ErrNotFound, "PrincipalNotFound", "not an application id"},
		"share_closed_directory_name":     {"jdoe@example.com", "reader", nil, nil, azureml.ErrForbidden, "Insufficient privileges", "object id, and ShareOptions.PrincipalType"},
		"share_role_unknown":              {objectID, "nothing", typed, nil, azureml.ErrNotFound, `cannot find role "nothing"`, "AzureML Data Scientist"},
		"share_role_twice":                {objectID, "two", typed, nil, azureml.ErrAmbiguous, "2 roles have this name", "roleDefinitions/acdd72a7"},
		"share_unmatched":                 {objectID, "reader", &workspace.ShareOptions{PrincipalType: workspace.PrincipalUser}, nil, azureml.ErrInvalid, "PrinciaplType", "ShareOptions.PrincipalType"},
		"share_forbidden":                 {objectID, "reader", typed, nil, azureml.ErrForbidden, "roleAssignments/write", "User Access Administrator"},
		"share_missing":                   {objectID, "reader", typed, nil, azureml.ErrNotFound, "ResourceNotFound", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, err := at(t, recording.Play(t, name)).Share(t.Context(), row.principal, row.role, row.options)
			if row.kind != nil {
				require.ErrorIs(t, err, row.kind)
				assert.Contains(t, err.Error(), row.text)
				assert.Contains(t, azureml.Explain(err), row.help)
				return
			}
			require.NoError(t, err)
			if row.check != nil {
				row.check(t, a)
			}
		})
	}
}

// TestShareWaitsForANewPrincipal: with back-off, as long as patience lasts.
func TestShareWaitsForANewPrincipal(t *testing.T) {
	t.Parallel()
	typed := workspace.ShareOptions{PrincipalType: workspace.PrincipalServicePrincipal}
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		_, err := at(t, recording.Play(t, "share_fresh")).Share(t.Context(), objectID, "reader", &typed)
		require.NoError(t, err)
		assert.Equal(t, 14*time.Second, time.Since(start).Round(time.Second), "2, 4 and 8 s")
	})
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		_, err := at(t, recording.Play(t, "share_never")).Share(t.Context(), objectID, "reader", &typed)
		require.ErrorIs(t, err, azureml.ErrNotFound)
		assert.Less(t, time.Since(start), 2*time.Minute)
	})
	typed.Patience = -1
	_, err := at(t, recording.Play(t, "share_impatient")).Share(t.Context(), objectID, "reader", &typed)
	require.ErrorIs(t, err, azureml.ErrNotFound)
}

func TestShareChecksBeforeAsking(t *testing.T) {
	t.Parallel()
	ws, err := workspace.At(wsID, nobody{}, nil)
	require.NoError(t, err)
	_, err = ws.Share(t.Context(), " ", "", &workspace.ShareOptions{PrincipalType: "Robot"})
	e, ok := errors.AsType[*azureml.Error](err)
	require.True(t, ok)
	assert.Len(t, e.Violations, 3)
	require.ErrorIs(t, ws.Unshare(t.Context(), "", ""), azureml.ErrInvalid)
	_, err = ws.LookupPrincipal(t.Context(), "")
	require.ErrorIs(t, err, azureml.ErrInvalid)
}

func TestLookupPrincipal(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		text  string
		want  workspace.Principal
		kind  error
		error string
		help  string
	}{
		"lookup_mail":    {"o'neil@example.com", workspace.Principal{ObjectID: "55555555-0000-0000-0000-000000000001", Type: workspace.PrincipalUser, DisplayName: "J. Doe", UserName: "jdoe@example.com", Mail: "john.doe@example.com"}, nil, "", ""},
		"lookup_group":   {"team@example.com", workspace.Principal{ObjectID: "55555555-0000-0000-0000-000000000007", Type: workspace.PrincipalGroup, DisplayName: "ml team", Mail: "team@example.com"}, nil, "", ""},
		"lookup_name":    {"https://deployer", workspace.Principal{ObjectID: objectID, Type: workspace.PrincipalServicePrincipal, DisplayName: "deployer", ApplicationID: applicationID}, nil, "", ""},
		"lookup_foreign": {objectID, workspace.Principal{ObjectID: objectID, DisplayName: "partner"}, nil, "", ""},
		"lookup_twice":   {"ml team", workspace.Principal{}, azureml.ErrAmbiguous, "2 principals have this name", "ml team (Group, object id 55555555-0000-0000-0000-000000000007)"},
		"lookup_nothing": {objectID, workspace.Principal{}, azureml.ErrNotFound, "the directory knows nobody", "tenant"},
		"lookup_denied":  {objectID, workspace.Principal{}, azureml.ErrForbidden, "Insufficient privileges", "may not read the directory"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := at(t, recording.Play(t, name)).LookupPrincipal(t.Context(), row.text)
			if row.kind != nil {
				require.ErrorIs(t, err, row.kind)
				assert.Contains(t, err.Error(), row.error)
				assert.Contains(t, azureml.Explain(err), row.help)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, row.want, *p)
		})
	}
}

func TestAccess(t *testing.T) {
	t.Parallel()
	all, err := at(t, recording.Play(t, "access")).Access(t.Context(), &workspace.AccessOptions{Principals: true})
	require.NoError(t, err)
	require.Len(t, all, 3)
	assert.Equal(t, []string{"Reader", "Owner", "ML Operator"}, []string{all[0].RoleName, all[1].RoleName, all[2].RoleName})
	assert.Equal(t, []bool{false, true, true}, []bool{all[0].Inherited, all[1].Inherited, all[2].Inherited})
	require.NotNil(t, all[0].Principal)
	assert.Equal(t, "deployer", all[0].Principal.DisplayName)
	assert.Equal(t, "jdoe@example.com", all[2].Principal.UserName)

	all, err = at(t, recording.Play(t, "access_own")).Access(t.Context(), &workspace.AccessOptions{WithoutInherited: true})
	require.NoError(t, err)
	require.Len(t, all, 1)
	assert.Nil(t, all[0].Principal)

	p := recording.Play(t, "access_closed_directory")
	var warnings []azureml.Warning
	ws, err := workspace.At(wsID, p.Credential(), &workspace.GetOptions{ClientOptions: p.ClientOptions(), OnWarning: func(w azureml.Warning) { warnings = append(warnings, w) }})
	require.NoError(t, err)
	all, err = ws.Access(t.Context(), &workspace.AccessOptions{Principals: true})
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Len(t, warnings, 1)
	require.ErrorIs(t, warnings[0].Err, azureml.ErrForbidden)

	_, err = at(t, recording.Play(t, "access_forbidden")).Access(t.Context(), nil)
	require.ErrorIs(t, err, azureml.ErrForbidden)
}

func TestUnshare(t *testing.T) {
	t.Parallel()
	require.NoError(t, at(t, recording.Play(t, "unshare")).Unshare(t.Context(), objectID, "Reader"))
	require.NoError(t, at(t, recording.Play(t, "unshare_vanished")).Unshare(t.Context(), objectID, "Reader"), "who is gone from the directory may keep a role")
	err := at(t, recording.Play(t, "unshare_inherited")).Unshare(t.Context(), objectID, "Reader")
	require.ErrorIs(t, err, azureml.ErrNotFound)
	assert.Contains(t, azureml.Explain(err), "inherited from /subscriptions/"+subscription+"; it can be taken away only there")
	err = at(t, recording.Play(t, "unshare_nothing")).Unshare(t.Context(), objectID, "Reader")
	require.ErrorIs(t, err, azureml.ErrNotFound)
	assert.Contains(t, err.Error(), "does not have role")
}

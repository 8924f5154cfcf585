package webservice_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/webservice"
)

// firstVersion is an endpoint's configuration with nothing but what is required.
func firstVersion() webservice.AksEndpointDeployConfiguration {
	return webservice.AksEndpointDeployConfiguration{ComputeTarget: "myaks", VersionName: "version-a"}
}

// mustDeployEndpoint deploys myendpoint with version-a.
func mustDeployEndpoint(t *testing.T, w world) *webservice.AksEndpoint {
	t.Helper()
	e, err := deploy(t, w, "myendpoint", firstVersion())
	require.NoError(t, err)
	return e
}

func addVersion(ctx context.Context, w world, e *webservice.AksEndpoint, name string, c webservice.VersionConfiguration, o *webservice.CreateVersionOptions) (*webservice.AksEndpoint, error) {
	p, err := e.BeginCreateVersion(ctx, name, []*model.Model{w.m}, nil, c, o)
	if err != nil {
		return nil, err
	}
	return azureml.Wait(ctx, p, nil)
}

func updateVersion(ctx context.Context, e *webservice.AksEndpoint, name string, u webservice.VersionUpdate) (*webservice.AksEndpoint, error) {
	p, err := e.BeginUpdateVersion(ctx, name, u, nil)
	if err != nil {
		return nil, err
	}
	return azureml.Wait(ctx, p, nil)
}

func deleteVersion(ctx context.Context, e *webservice.AksEndpoint, name string) (*webservice.AksEndpoint, error) {
	p, err := e.BeginDeleteVersion(ctx, name, nil)
	if err != nil {
		return nil, err
	}
	return azureml.Wait(ctx, p, nil)
}

// changes are the requests that changed a service: their methods, and bodies of patches.
func changes(w world) []string {
	var list []string
	for _, r := range w.srv.Requests() {
		if strings.Contains(r.URL.Path, "/services/") && (r.Method == http.MethodPatch || r.Method == http.MethodDelete) {
			list = append(list, r.Method+" "+string(r.Body))
		}
	}
	return list
}

// TestEndpointLife goes once through everything, over TLS and real connections.
func TestEndpointLife(t *testing.T) {
	t.Parallel()
	w := newWorld(t, &azuremltest.Options{OperationPolls: 1})
	ctx := t.Context()
	var warnings []string
	config := firstVersion()
	config.Tags, config.TrafficPercentile, config.CPUCores, config.MemoryGB = map[string]string{"team": "ml"}, to.Ptr(20.0), 0.1, 0.2
	p, err := model.BeginDeploy(ctx, w.ws, "myendpoint", []*model.Model{w.m}, nil, config, &model.DeployOptions{
		OnWarning: func(w azureml.Warning) { warnings = append(warnings, w.Message) },
	})
	require.NoError(t, err)
	e, err := azureml.Wait(ctx, p, nil)
	require.NoError(t, err)
	require.Len(t, warnings, 1)
	assert.Contains(t, warnings[0], "azureml-fe v2")
	assert.Equal(t, webservice.StateHealthy, e.State)
	assert.Equal(t, map[string]float64{"version-a": 100}, e.Traffic(), "the default gets the rest, too")
	assert.Equal(t, "version-a", e.DefaultVersion())
	assert.Equal(t, "version-a", e.ControlVersion())

	e, err = addVersion(ctx, w, e, "version-b", webservice.VersionConfiguration{
		TrafficPercentile: to.Ptr(10.0), CPUCores: 0.2, CPUCoresLimit: 0.4, MemoryGB: 0.5, MemoryGBLimit: 1, NumReplicas: 2, Description: "second",
		AutoscaleEnabled: to.Ptr(false), Tags: map[string]string{"modelVersion": "b"}, Properties: map[string]string{"build": "43"},
	}, nil)
	require.NoError(t, err)
	assert.Equal(t, map[string]float64{"version-a": 90, "version-b": 10}, e.Traffic())
	b := e.Versions["version-b"]
	assert.Equal(t, webservice.VersionTypeTreatment, b.VersionType)
	assert.InDelta(t, 0.4, *b.ContainerResourceRequirements.CPULimit, 0)
	assert.Equal(t, "43", b.Properties["build"])

	e, err = updateVersion(ctx, e, "version-b", webservice.VersionUpdate{
		TrafficPercentile: to.Ptr(40.0), IsDefault: to.Ptr(true), IsControlVersionType: to.Ptr(true), Description: to.Ptr(""), Tags: map[string]string{"a/b": "c"},
	})
	require.NoError(t, err)
	assert.Equal(t, map[string]float64{"version-a": 20, "version-b": 80}, e.Traffic(), "the contract's example")
	assert.Equal(t, "version-b", e.DefaultVersion())
	assert.Equal(t, "version-b", e.ControlVersion())
	assert.Equal(t, map[string]string{"a/b": "c"}, e.Versions["version-b"].Tags)
	assert.Empty(t, e.Versions["version-b"].Description)

	_, err = e.Run(ctx, one)
	require.NoError(t, err)
	useVersion(ctx, t, e)
	e = updateEndpoint(ctx, t, e)

	e, err = deleteVersion(ctx, e, "version-a")
	require.NoError(t, err)
	assert.Equal(t, map[string]float64{"version-b": 100}, e.Traffic())
	result, err := remove(ctx, e, nil)
	require.NoError(t, err)
	assert.False(t, result.AlreadyGone)
}

// useVersion does with a version what can be done with one: through its endpoint.
func useVersion(ctx context.Context, t *testing.T, e *webservice.AksEndpoint) {
	t.Helper()
	v := e.Versions["version-b"]
	keys, err := e.Keys(ctx)
	require.NoError(t, err)
	same, err := v.Keys(ctx)
	require.NoError(t, err)
	assert.True(t, keys.Primary.Equal(same.Primary), "a version's keys are the endpoint's")
	fresh, err := v.RegenerateKey(ctx, webservice.KeyTypePrimary, nil)
	require.NoError(t, err)
	assert.False(t, keys.Primary.Equal(fresh.Primary))
	_, err = v.Logs(ctx, nil)
	require.NoError(t, err)
	_, err = v.Run(ctx, one)
	require.NoError(t, err)

	_, refreshed := v.Refresh(ctx)
	_, updated := v.BeginUpdate(ctx, webservice.AksUpdate{Description: to.Ptr("x")}, nil)
	_, removed := v.BeginDelete(ctx, nil)
	_, tagged := v.AddTags(ctx, map[string]string{"a": "b"})
	_, awaited := webservice.BeginWait(ctx, v, nil)
	_, migrated := v.BeginMigrate(ctx, "k8s1", nil)
	for _, err := range []error{refreshed, updated, removed, tagged, awaited, migrated} {
		e := failure(t, err, azureml.ErrInvalid)
		assert.Contains(t, e.Error(), `version of the endpoint "myendpoint"`)
		assert.Contains(t, e.Remedy, "BeginDeleteVersion")
	}
}

// updateEndpoint changes the endpoint as a whole, from keys to tokens among others.
func updateEndpoint(ctx context.Context, t *testing.T, e *webservice.AksEndpoint) *webservice.AksEndpoint {
	t.Helper()
	p, err := e.BeginUpdate(ctx, webservice.EndpointUpdate{
		AuthEnabled: to.Ptr(false), TokenAuthEnabled: to.Ptr(true), EnableAppInsights: to.Ptr(true),
		Description: to.Ptr("ab test"), Tags: map[string]string{"x": "y"}, Properties: map[string]string{"p/q": "r"},
	}, nil)
	require.NoError(t, err)
	e, err = azureml.Wait(ctx, p, nil)
	require.NoError(t, err)
	assert.True(t, *e.TokenAuthEnabled)
	assert.True(t, *e.AppInsightsEnabled)
	assert.Equal(t, "ab test", e.Description)
	assert.Equal(t, "r", e.Properties["p/q"])
	_, err = e.Token(ctx)
	require.NoError(t, err)
	_, err = e.Run(ctx, one)
	require.NoError(t, err)
	_, err = e.BeginUpdate(ctx, webservice.EndpointUpdate{AuthEnabled: to.Ptr(true), Properties: map[string]string{"p/q": "s"}}, nil)
	assert.ElementsMatch(t, []string{"AuthEnabled", `Properties["p/q"]`}, fields(failure(t, err, azureml.ErrInvalid)))
	e, err = e.AddTags(ctx, map[string]string{"z": "1"})
	require.NoError(t, err)
	e, err = e.RemoveTags(ctx, "x")
	require.NoError(t, err)
	e, err = e.AddProperties(ctx, map[string]string{"q": "1"})
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"z": "1"}, e.Tags)
	return e
}

func TestEndpointRefusals(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, w world) {
		ctx := t.Context()
		e := mustDeployEndpoint(t, w)
		e, err := addVersion(ctx, w, e, "version-b", webservice.VersionConfiguration{TrafficPercentile: to.Ptr(60.0)}, nil)
		require.NoError(t, err)
		sent := len(changes(w))
		for name, test := range map[string]struct {
			try    func() error
			kind   error
			fields []string
		}{
			"delete the default and control": {func() error { _, err := deleteVersion(ctx, e, "version-a"); return err }, azureml.ErrInvalid, []string{"IsDefault", "IsControlVersionType"}},
			"un-default the only default": {func() error {
				_, err := updateVersion(ctx, e, "version-a", webservice.VersionUpdate{IsDefault: to.Ptr(false), IsControlVersionType: to.Ptr(false)})
				return err
			}, azureml.ErrInvalid, []string{"IsDefault", "IsControlVersionType"}},
			"delete one that is not there": {func() error { _, err := deleteVersion(ctx, e, "nope"); return err }, azureml.ErrNotFound, nil},
			"update one that is not there": {func() error {
				_, err := updateVersion(ctx, e, "nope", webservice.VersionUpdate{IsDefault: to.Ptr(true)})
				return err
			}, azureml.ErrNotFound, nil},
			"update without a name": {func() error { _, err := updateVersion(ctx, e, "", webservice.VersionUpdate{}); return err }, azureml.ErrInvalid, []string{"versionName"}},
			"change nothing":        {func() error { _, err := updateVersion(ctx, e, "version-b", webservice.VersionUpdate{}); return err }, azureml.ErrInvalid, []string{"update"}},
			"take a mark that is not there": {func() error {
				_, err := updateVersion(ctx, e, "version-b", webservice.VersionUpdate{IsDefault: to.Ptr(false)})
				return err
			}, azureml.ErrInvalid, []string{"update"}},
			"more than 100 %": {func() error {
				_, err := updateVersion(ctx, e, "version-a", webservice.VersionUpdate{TrafficPercentile: to.Ptr(41.0), CPUCores: to.Ptr(5.0)})
				return err
			}, azureml.ErrInvalid, []string{"CPUCores", "TrafficPercentile"}},
			"odd values": {func() error {
				_, err := updateVersion(ctx, e, "version-a", webservice.VersionUpdate{TrafficPercentile: to.Ptr(-5.0), CPUCores: to.Ptr(-1.0)})
				return err
			}, azureml.ErrInvalid, []string{"TrafficPercentile", "CPUCores"}},
			"a name that is taken": {func() error {
				_, err := addVersion(ctx, w, e, "version-b", webservice.VersionConfiguration{}, nil)
				return err
			}, azureml.ErrConflict, []string{"versionName"}},
			"everything at once": {func() error {
				_, err := e.BeginCreateVersion(ctx, "Bad_Name", nil, nil, webservice.VersionConfiguration{TrafficPercentile: to.Ptr(150.0), CPUCores: -1, AutoscaleEnabled: to.Ptr(true), NumReplicas: 1}, nil)
				return err
			}, azureml.ErrInvalid, []string{"versionName", "TrafficPercentile", "CPUCores", "NumReplicas", "inference"}},
			"the endpoint's own name": {func() error {
				_, err := addVersion(ctx, w, e, "myendpoint", webservice.VersionConfiguration{}, nil)
				return err
			}, azureml.ErrInvalid, []string{"versionName"}},
			"too much for a new one": {func() error {
				_, err := addVersion(ctx, w, e, "version-c", webservice.VersionConfiguration{TrafficPercentile: to.Ptr(41.0)}, nil)
				return err
			}, azureml.ErrInvalid, []string{"TrafficPercentile"}},
			"update nothing of the endpoint": {func() error { _, err := e.BeginUpdate(ctx, webservice.EndpointUpdate{}, nil); return err }, azureml.ErrInvalid, []string{"update"}},
		} {
			err := test.try()
			require.ErrorIs(t, err, test.kind, name)
			assert.Equal(t, test.fields, fields(failure(t, err, test.kind)), name)
		}
		assert.Len(t, changes(w), sent, "nothing of it was sent")

		var warnings []azureml.Warning
		options := &webservice.UpdateOptions{OnWarning: func(w azureml.Warning) { warnings = append(warnings, w) }}
		_, err = e.BeginDeleteVersion(ctx, "version-a", options)
		failure(t, err, azureml.ErrInvalid)
		assert.Empty(t, warnings, "of what is refused anyway")
		_, err = e.BeginDeleteVersion(ctx, "version-b", options)
		require.NoError(t, err)
		require.Len(t, warnings, 1)
		assert.Equal(t, "version version-b has 60 % of the traffic, which go to the default version version-a at once", warnings[0].Message)
	})
}

func TestSixVersions(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, w world) {
		e := mustDeployEndpoint(t, w)
		for i := range 5 {
			var err error
			e, err = addVersion(t.Context(), w, e, fmt.Sprintf("version-%d", i), webservice.VersionConfiguration{}, nil)
			require.NoError(t, err)
		}
		assert.Len(t, e.Versions, 6)
		_, err := addVersion(t.Context(), w, e, "version-z", webservice.VersionConfiguration{}, nil)
		found := failure(t, err, azureml.ErrInvalid)
		assert.Contains(t, found.Error(), "6 versions at most")
	})
}

// TestVersionNamesOfOtherEndpoints: on one cluster versions of one name overwrite each
// other.
func TestVersionNamesOfOtherEndpoints(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, w world) {
		ctx := t.Context()
		e := mustDeployEndpoint(t, w)
		_, err := model.BeginDeploy(ctx, w.ws, "other", []*model.Model{w.m}, nil, firstVersion(), nil)
		found := failure(t, err, azureml.ErrConflict)
		assert.Contains(t, found.Error(), `endpoint "myendpoint"`)
		assert.Empty(t, changes(w))

		other := firstVersion()
		other.VersionName = "other-a"
		_, err = deploy(t, w, "other", other)
		require.NoError(t, err)
		again, err := model.BeginDeploy(ctx, w.ws, "other", []*model.Model{w.m}, nil, other, &model.DeployOptions{Overwrite: true})
		require.NoError(t, err, "an endpoint may keep its own versions' names")
		_, err = azureml.Wait(ctx, again, nil)
		require.NoError(t, err)
		_, err = addVersion(ctx, w, e, "other-a", webservice.VersionConfiguration{}, nil)
		failure(t, err, azureml.ErrConflict)
		_, err = addVersion(ctx, w, e, "other-a", webservice.VersionConfiguration{}, &webservice.CreateVersionOptions{SkipVersionNameCheck: true})
		require.NoError(t, err)
		skipping := firstVersion()
		skipping.SkipVersionNameCheck = true
		_, err = deploy(t, w, "third", skipping)
		require.NoError(t, err)

		skipping.SkipVersionNameCheck = false
		_, err = model.BeginDeploy(ctx, w.ws, "other-third", []*model.Model{w.m}, nil, skipping, &model.DeployOptions{SkipValidation: true})
		require.NoError(t, err, "no question is asked then, this one neither")

		var warnings []string
		w.srv.Fault(azuremltest.Fault{Method: http.MethodGet, Path: "/services", Status: 403})
		_, err = model.BeginDeploy(ctx, w.ws, "fourth", []*model.Model{w.m}, nil, skipping, &model.DeployOptions{
			OnWarning: func(w azureml.Warning) { warnings = append(warnings, w.Message) },
		})
		require.NoError(t, err)
		assert.Len(t, warnings, 2, "that it could not be seen is a warning: %v", warnings)
	})
}

// TestMarksAreWrittenToAllVersions: also to those that do not have the mark now, so that
// what somebody else marks in that moment does not stay beside.
func TestMarksAreWrittenToAllVersions(t *testing.T) {
	t.Parallel()
	onStage(t, func(t *testing.T, s stage) {
		e := s.endpoint(t.Context(), t)
		_, err := updateVersion(t.Context(), e, "version2", webservice.VersionUpdate{IsDefault: to.Ptr(true), IsControlVersionType: to.Ptr(true)})
		require.NoError(t, err)
		assert.Equal(t, []string{`PATCH [` +
			`{"op":"replace","path":"/versions/version1/isDefault","value":false},{"op":"replace","path":"/versions/version1/type","value":"Treatment"},` +
			`{"op":"replace","path":"/versions/version2/isDefault","value":true},{"op":"replace","path":"/versions/version2/type","value":"Control"},` +
			`{"op":"replace","path":"/versions/version3/isDefault","value":false},{"op":"replace","path":"/versions/version3/type","value":"Treatment"}]`},
			changes(world{srv: s.srv}))
	})
}

package webservice_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

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
	useVersion(t, ctx, e)
	e = updateEndpoint(t, ctx, e)

	e, err = deleteVersion(ctx, e, "version-a")
	require.NoError(t, err)
	assert.Equal(t, map[string]float64{"version-b": 100}, e.Traffic())
	result, err := remove(ctx, e, nil)
	require.NoError(t, err)
	assert.False(t, result.AlreadyGone)
}

// useVersion does with a version what can be done with one: through its endpoint.
func useVersion(t *testing.T, ctx context.Context, e *webservice.AksEndpoint) {
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
func updateEndpoint(t *testing.T, ctx context.Context, e *webservice.AksEndpoint) *webservice.AksEndpoint {
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

// TestObservedTraffic calls an endpoint ten thousand times and counts who answers.
func TestObservedTraffic(t *testing.T) {
	t.Parallel()
	w := newWorld(t, &azuremltest.Options{OperationPolls: -1})
	ctx := t.Context()
	var mu sync.Mutex
	counts := map[string]float64{}
	w.srv.SetScorer("myendpoint", func(_ context.Context, in *azuremltest.ScoreRequest) (*azuremltest.ScoreResponse, error) {
		mu.Lock()
		defer mu.Unlock()
		counts[in.Version]++
		return &azuremltest.ScoreResponse{Body: []byte("1")}, nil
	})
	e := mustDeployEndpoint(t, w)
	for _, name := range []string{"version-b", "version-c"} {
		var err error
		e, err = addVersion(ctx, w, e, name, webservice.VersionConfiguration{}, nil)
		require.NoError(t, err)
	}
	shares := map[string]float64{"version-a": 62.5, "version-b": 12.5, "version-c": 25}
	e, err := e.SetTraffic(ctx, shares, nil)
	require.NoError(t, err)
	assert.Equal(t, shares, e.Traffic())
	scorer, err := e.Scorer(ctx, &webservice.ScorerOptions{Transport: w.srv.Client().Transport})
	require.NoError(t, err)
	defer scorer.Close()
	const calls, callers = 10_000, 8
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for range calls / callers {
				if _, err := scorer.Run(ctx, one); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	for name, share := range shares {
		assert.InDelta(t, share, counts[name]*100/calls, 2, "%s answered %v of %d", name, counts[name], calls)
	}
}

func TestSetTraffic(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, w world) {
		ctx := t.Context()
		e := mustDeployEndpoint(t, w)
		e, err := addVersion(ctx, w, e, "version-b", webservice.VersionConfiguration{}, nil)
		require.NoError(t, err)
		stale := e
		sent := len(changes(w))
		last := func() string { list := changes(w); return list[len(list)-1] }

		e, err = e.SetTraffic(ctx, map[string]float64{"version-a": 95, "version-b": 5}, &webservice.SetTrafficOptions{
			SetTags: map[string]string{"rollout": "r1"}, IfTags: map[string]string{"rollout": ""},
		})
		require.NoError(t, err)
		assert.Equal(t, map[string]float64{"version-a": 95, "version-b": 5}, e.Traffic())
		assert.Equal(t, `PATCH [{"op":"replace","path":"/versions/version-b/trafficPercentile","value":5},{"op":"replace","path":"/kvTags","value":{"rollout":"r1"}}]`, last())

		_, err = e.SetTraffic(ctx, map[string]float64{"version-a": 95, "version-b": 5}, nil)
		require.NoError(t, err)
		assert.Len(t, changes(w), sent+1, "there was nothing to change")

		_, err = stale.SetTraffic(ctx, map[string]float64{"nope": 100}, &webservice.SetTrafficOptions{IfTags: map[string]string{"rollout": "r2", "other": "x"}})
		assert.Equal(t, []string{`IfTags["other"]`, `IfTags["rollout"]`}, fields(failure(t, err, azureml.ErrConflict)), "what is wrong besides does not hide it")
		_, err = e.SetTraffic(ctx, map[string]float64{"nope": 50, "version-a": 50}, &webservice.SetTrafficOptions{DefaultVersion: "no", ControlVersion: "one"})
		assert.Equal(t, []string{"DefaultVersion", "ControlVersion", `shares["nope"]`}, fields(failure(t, err, azureml.ErrInvalid)))
		requests := len(w.srv.Requests())
		_, err = e.SetTraffic(ctx, map[string]float64{"version-a": 50, "version-b": 49}, nil)
		failure(t, err, azureml.ErrInvalid)
		assert.Len(t, w.srv.Requests(), requests, "refused before any request")

		// The last step of a rollout: all of it, as default and control, without the tag.
		e, err = e.SetTraffic(ctx, map[string]float64{"version-b": 100}, &webservice.SetTrafficOptions{
			DefaultVersion: "version-b", ControlVersion: "version-b", IfTags: map[string]string{"rollout": "r1"}, RemoveTags: []string{"rollout"}, SkipPrecheck: true,
		})
		require.NoError(t, err)
		assert.Equal(t, map[string]float64{"version-a": 0, "version-b": 100}, e.Traffic())
		assert.Equal(t, "version-b", e.DefaultVersion())
		assert.Equal(t, "version-b", e.ControlVersion())
		assert.Empty(t, e.Tags)
		assert.NotContains(t, last(), "trafficPercentile", "the new default gets the rest; the old one has no percentage of its own")
	})
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
		_, err = addVersion(ctx, w, e, "other-a", webservice.VersionConfiguration{}, nil)
		failure(t, err, azureml.ErrConflict)
		_, err = addVersion(ctx, w, e, "other-a", webservice.VersionConfiguration{}, &webservice.CreateVersionOptions{SkipVersionNameCheck: true})
		require.NoError(t, err)
		skipping := firstVersion()
		skipping.SkipVersionNameCheck = true
		_, err = deploy(t, w, "third", skipping)
		require.NoError(t, err)

		var warnings []string
		w.srv.Fault(azuremltest.Fault{Method: http.MethodGet, Path: "/services", Status: 403})
		skipping.SkipVersionNameCheck = false
		_, err = model.BeginDeploy(ctx, w.ws, "fourth", []*model.Model{w.m}, nil, skipping, &model.DeployOptions{
			OnWarning: func(w azureml.Warning) { warnings = append(warnings, w.Message) },
		})
		require.NoError(t, err)
		assert.Len(t, warnings, 2, "that it could not be seen is a warning: %v", warnings)
	})
}

// TestTransitionsAreWaitedFor: the tutorial makes a version the default and deletes the
// other one before that is done.
func TestTransitionsAreWaitedFor(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, w world) {
		ctx := t.Context()
		e := mustDeployEndpoint(t, w)
		_, err := e.BeginCreateVersion(ctx, "version-b", []*model.Model{w.m}, nil, webservice.VersionConfiguration{}, nil)
		require.NoError(t, err)
		_, err = e.BeginUpdateVersion(ctx, "version-b", webservice.VersionUpdate{IsDefault: to.Ptr(true), IsControlVersionType: to.Ptr(true)}, nil)
		require.NoError(t, err)
		e, err = deleteVersion(ctx, e, "version-a")
		require.NoError(t, err)
		assert.Equal(t, map[string]float64{"version-b": 100}, e.Traffic())
		_, err = deleteVersion(ctx, e, "version-b")
		failure(t, err, azureml.ErrInvalid)

		// A change that fails is waited for, too, and can be mended.
		w.srv.FailNextOperation(azuremltest.OperationFailure{Kind: "service", Code: "KubernetesDeploymentFailed", Message: "Kubernetes Deployment failed"})
		_, err = e.BeginCreateVersion(ctx, "version-c", []*model.Model{w.m}, nil, webservice.VersionConfiguration{}, nil)
		require.NoError(t, err)
		e, err = deleteVersion(ctx, e, "version-c")
		require.NoError(t, err)
		assert.Len(t, e.Versions, 1)

		// And only for as long as the caller wants to.
		_, err = e.BeginCreateVersion(ctx, "version-d", []*model.Model{w.m}, nil, webservice.VersionConfiguration{}, nil)
		require.NoError(t, err)
		short, cancel := context.WithTimeout(ctx, time.Millisecond)
		defer cancel()
		_, err = e.BeginDeleteVersion(short, "version-d", nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestEndpointsResume(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, w world) {
		ctx := t.Context()
		d, err := model.BeginDeploy(ctx, w.ws, "myendpoint", []*model.Model{w.m}, nil, firstVersion(), nil)
		require.NoError(t, err)
		token, err := d.ResumeToken()
		require.NoError(t, err)
		d, err = model.BeginDeploy(ctx, w.ws, "myendpoint", nil, nil, firstVersion(), &model.DeployOptions{ResumeToken: token})
		require.NoError(t, err)
		e, err := azureml.Wait(ctx, d, nil)
		require.NoError(t, err)

		create, err := e.BeginCreateVersion(ctx, "version-b", []*model.Model{w.m}, nil, webservice.VersionConfiguration{}, nil)
		require.NoError(t, err)
		token, err = create.ResumeToken()
		require.NoError(t, err)
		sent := len(changes(w))
		_, err = e.BeginCreateVersion(ctx, "version-c", nil, nil, webservice.VersionConfiguration{}, &webservice.CreateVersionOptions{ResumeToken: token})
		require.Error(t, err, "another version's token")
		_, err = e.BeginUpdate(ctx, webservice.EndpointUpdate{}, &webservice.UpdateOptions{ResumeToken: token})
		require.Error(t, err, "another change's token")
		create, err = e.BeginCreateVersion(ctx, "version-b", nil, nil, webservice.VersionConfiguration{}, &webservice.CreateVersionOptions{ResumeToken: token})
		require.NoError(t, err)
		e, err = azureml.Wait(ctx, create, nil)
		require.NoError(t, err)
		assert.Len(t, e.Versions, 2)

		change, err := e.BeginUpdateVersion(ctx, "version-b", webservice.VersionUpdate{TrafficPercentile: to.Ptr(5.0)}, nil)
		require.NoError(t, err)
		token, err = change.ResumeToken()
		require.NoError(t, err)
		change, err = e.BeginUpdateVersion(ctx, "version-b", webservice.VersionUpdate{}, &webservice.UpdateOptions{ResumeToken: token})
		require.NoError(t, err)
		e, err = azureml.Wait(ctx, change, nil)
		require.NoError(t, err)
		assert.Equal(t, map[string]float64{"version-a": 95, "version-b": 5}, e.Traffic())

		var warned string
		removal, err := e.BeginDeleteVersion(ctx, "version-b", &webservice.UpdateOptions{OnWarning: func(w azureml.Warning) { warned = w.Message }})
		require.NoError(t, err)
		assert.Contains(t, warned, "version-a")
		token, err = removal.ResumeToken()
		require.NoError(t, err)
		removal, err = e.BeginDeleteVersion(ctx, "version-b", &webservice.UpdateOptions{ResumeToken: token})
		require.NoError(t, err)
		e, err = azureml.Wait(ctx, removal, nil)
		require.NoError(t, err)
		assert.Len(t, e.Versions, 1)

		update, err := e.BeginUpdate(ctx, webservice.EndpointUpdate{EnableAppInsights: to.Ptr(true)}, nil)
		require.NoError(t, err)
		token, err = update.ResumeToken()
		require.NoError(t, err)
		update, err = e.BeginUpdate(ctx, webservice.EndpointUpdate{}, &webservice.UpdateOptions{ResumeToken: token})
		require.NoError(t, err)
		_, err = azureml.Wait(ctx, update, nil)
		require.NoError(t, err)
		assert.Len(t, changes(w), sent+3, "nothing was sent twice")
	})
}

// TestLostAnswerOfAnEndpoint: the deployment is found by what it was sent with.
func TestLostAnswerOfAnEndpoint(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, w world) {
		w.srv.Fault(azuremltest.Fault{Method: http.MethodPost, Path: "/services", ResetAfter: true})
		e := mustDeployEndpoint(t, w)
		assert.Len(t, e.Versions, 1)

		w.srv.Fault(azuremltest.Fault{Method: http.MethodPatch, Path: "/services/myendpoint", ResetAfter: true})
		_, err := addVersion(t.Context(), w, e, "version-b", webservice.VersionConfiguration{}, nil)
		require.Error(t, err)
		assert.False(t, errors.Is(err, azureml.ErrInvalid))
	})
}

func TestVersionsFail(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, w world) {
		e := mustDeployEndpoint(t, w)
		w.srv.FailNextOperation(azuremltest.OperationFailure{Kind: "service", Code: "KubernetesDeploymentFailed", Message: "Kubernetes Deployment failed", Details: []azuremltest.ErrorDetail{{Code: "CrashLoopBackOff", Message: "Your container application crashed."}}})
		_, err := addVersion(t.Context(), w, e, "version-b", webservice.VersionConfiguration{TrafficPercentile: to.Ptr(0.0)}, nil)
		found := failure(t, err, azureml.ErrOperationFailed)
		assert.Equal(t, "create version version-b of", found.Operation)
		assert.NotEmpty(t, found.LogTail)
		assert.Contains(t, found.Remedy, "The container crashes")
	})
}

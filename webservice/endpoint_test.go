package webservice_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

// withoutCode is a model that needs no code.
func withoutCode() []*model.Model {
	return []*model.Model{{ID: "sk:1", Framework: model.FrameworkScikitLearn}}
}

// playEndpoint is play for a recording that goes on with the reading of churn-ep.
func playEndpoint(t *testing.T, name string, test func(t *testing.T, ctx context.Context, e *webservice.AksEndpoint)) {
	t.Helper()
	play(t, name, func(t *testing.T, ws *workspace.Workspace) {
		e, err := webservice.GetEndpoint(t.Context(), ws, "churn-ep")
		require.NoError(t, err)
		test(t, t.Context(), e)
	})
}

func awaited[T any](ctx context.Context, p *runtime.Poller[T], err error) (T, error) {
	if err != nil {
		return *new(T), err
	}
	return azureml.Wait(ctx, p, nil)
}

func TestDeployEndpoint(t *testing.T) {
	t.Parallel()
	config := webservice.AksEndpointDeployConfiguration{ComputeTarget: "aks-prod", VersionName: "one", TokenAuthEnabled: to.Ptr(true)}
	deploy := func(t *testing.T, ws *workspace.Workspace) (*webservice.AksEndpoint, error) {
		p, err := model.BeginDeploy(t.Context(), ws, "sk-ep", withoutCode(), nil, config, nil)
		return awaited(t.Context(), p, err)
	}
	t.Run("well", func(t *testing.T) {
		t.Parallel()
		play(t, "endpoint_deploy", func(t *testing.T, ws *workspace.Workspace) {
			e, err := deploy(t, ws)
			require.NoError(t, err)
			assert.Equal(t, map[string]float64{"one": 100}, e.Traffic())
		})
	})
	t.Run("name taken", func(t *testing.T) {
		t.Parallel()
		play(t, "endpoint_deploy_name_taken", func(t *testing.T, ws *workspace.Workspace) {
			_, err := deploy(t, ws)
			found := failure(t, err, azureml.ErrConflict)
			assert.Contains(t, found.Error(), `endpoint "old-ep" on aks-prod`)
			assert.NotContains(t, found.Error(), "far-ep", "it is on another cluster")
		})
	})
	t.Run("failed", func(t *testing.T) {
		t.Parallel()
		play(t, "endpoint_deploy_failed", func(t *testing.T, ws *workspace.Workspace) {
			_, err := deploy(t, ws)
			found := failure(t, err, azureml.ErrOperationFailed)
			assert.Contains(t, found.LogTail, "no model")
		})
	})
}

func TestEndpointChanges(t *testing.T) {
	t.Parallel()
	create := func(ctx context.Context, e *webservice.AksEndpoint) (*webservice.AksEndpoint, error) {
		p, err := e.BeginCreateVersion(ctx, "version-b", withoutCode(), nil, webservice.VersionConfiguration{
			TrafficPercentile: to.Ptr(10.5), IsDefault: true, IsControlVersionType: true,
		}, nil)
		return awaited(ctx, p, err)
	}
	eighty := func(o *webservice.UpdateOptions) func(ctx context.Context, e *webservice.AksEndpoint) (*webservice.AksEndpoint, error) {
		return func(ctx context.Context, e *webservice.AksEndpoint) (*webservice.AksEndpoint, error) {
			p, err := e.BeginUpdateVersion(ctx, "version-a", webservice.VersionUpdate{TrafficPercentile: to.Ptr(80.0)}, o)
			return awaited(ctx, p, err)
		}
	}
	for name, test := range map[string]struct {
		change  func(ctx context.Context, e *webservice.AksEndpoint) (*webservice.AksEndpoint, error)
		traffic map[string]float64 // afterwards
		kind    error              // of the failure
		says    string
	}{
		"endpoint_create_version":         {change: create, traffic: map[string]float64{"version-a": 20, "version-b": 80}},
		"endpoint_create_version_refused": {change: create, kind: azureml.ErrInvalid, says: "insufficient compute"},
		"endpoint_update_version": {change: func(ctx context.Context, e *webservice.AksEndpoint) (*webservice.AksEndpoint, error) {
			p, err := e.BeginUpdateVersion(ctx, "version-b", webservice.VersionUpdate{
				IsDefault: to.Ptr(true), IsControlVersionType: to.Ptr(true), TrafficPercentile: to.Ptr(0.0), GPUCores: to.Ptr(0), AutoscaleMaxReplicas: to.Ptr(4),
				ScoringTimeout: to.Ptr(5 * time.Second), LivenessProbe: webservice.LivenessProbeUpdate{Period: to.Ptr(11 * time.Second)},
				Description: to.Ptr(""), Tags: map[string]string{"a": "b"}, Properties: map[string]string{"p/q": "r"},
			}, nil)
			return awaited(ctx, p, err)
		}, traffic: map[string]float64{"version-a": 100, "version-b": 0}},
		"endpoint_update_version_waits":    {change: eighty(nil), traffic: map[string]float64{"version-a": 100, "version-b": 0}},
		"endpoint_update_version_at_once":  {change: eighty(&webservice.UpdateOptions{SkipPrecheck: true}), traffic: map[string]float64{"version-a": 100, "version-b": 0}},
		"endpoint_update_version_conflict": {change: eighty(nil), kind: azureml.ErrConflict, says: "Another operation"},
		"endpoint_update_version_failed":   {change: eighty(nil), kind: azureml.ErrOperationFailed, says: "Kubernetes Deployment failed"},
		"endpoint_update_version_html":     {change: eighty(nil), kind: azureml.ErrUnavailable, says: "504"},
		"endpoint_gone":                    {change: eighty(nil), kind: azureml.ErrNotFound, says: "churn-ep"},
		"endpoint_gone_waiting":            {change: eighty(nil), kind: azureml.ErrNotFound, says: "churn-ep"},
		"endpoint_replaced":                {change: eighty(nil), kind: azureml.ErrInvalid, says: "its kind is AKS"},
		"endpoint_delete_version": {change: func(ctx context.Context, e *webservice.AksEndpoint) (*webservice.AksEndpoint, error) {
			p, err := e.BeginDeleteVersion(ctx, "version-b", nil)
			return awaited(ctx, p, err)
		}, traffic: map[string]float64{"version-a": 100}},
		"endpoint_update": {change: func(ctx context.Context, e *webservice.AksEndpoint) (*webservice.AksEndpoint, error) {
			p, err := e.BeginUpdate(ctx, webservice.EndpointUpdate{
				AuthEnabled: to.Ptr(false), TokenAuthEnabled: to.Ptr(true), EnableAppInsights: to.Ptr(true),
				Tags: map[string]string{}, Properties: map[string]string{"p": "q"}, Description: to.Ptr("text"),
			}, nil)
			return awaited(ctx, p, err)
		}, traffic: map[string]float64{"version-a": 100, "version-b": 0}},
		"endpoint_set_traffic": {change: func(ctx context.Context, e *webservice.AksEndpoint) (*webservice.AksEndpoint, error) {
			return e.SetTraffic(ctx, map[string]float64{"version-a": 75, "version-b": 25}, &webservice.SetTrafficOptions{
				SetTags: map[string]string{"rollout": "r1"}, IfTags: map[string]string{"team": "ml", "rollout": ""},
			})
		}, traffic: map[string]float64{"version-a": 75, "version-b": 25}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			playEndpoint(t, name, func(t *testing.T, ctx context.Context, e *webservice.AksEndpoint) {
				after, err := test.change(ctx, e)
				if test.kind != nil {
					assert.Contains(t, failure(t, err, test.kind).Error(), test.says)
					return
				}
				require.NoError(t, err)
				assert.Equal(t, test.traffic, after.Traffic())
			})
		})
	}
}

func TestOddEndpoint(t *testing.T) {
	t.Parallel()
	playEndpoint(t, "endpoint_odd", func(t *testing.T, ctx context.Context, e *webservice.AksEndpoint) {
		assert.Equal(t, map[string]float64{"version-a": 0, "version-b": 5}, e.Traffic(), "nobody knows who gets the rest")
		assert.Empty(t, e.DefaultVersion())
		e, err := e.SetTraffic(ctx, map[string]float64{"version-a": 30, "version-b": 70}, nil)
		require.NoError(t, err)
		_, err = e.SetTraffic(ctx, map[string]float64{"version-a": 100}, nil)
		assert.Contains(t, failure(t, err, azureml.ErrInvalid).Error(), "it has none")
	})
}

func TestKeysOfVersions(t *testing.T) {
	t.Parallel()
	playEndpoint(t, "endpoint_version_keys", func(t *testing.T, ctx context.Context, e *webservice.AksEndpoint) {
		v := e.Versions["version-b"]
		_, err := v.Keys(ctx)
		require.NoError(t, err)
		_, err = v.Token(ctx)
		require.NoError(t, err)
		_, err = v.Logs(ctx, nil)
		require.NoError(t, err)
	})
}

// TestEndpointRules checks configurations, each with the fields that it breaks.
func TestEndpointRules(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		config webservice.AksEndpointDeployConfiguration
		broken []string
	}{
		"nothing":             {webservice.AksEndpointDeployConfiguration{}, []string{"ComputeTarget", "VersionName"}},
		"the endpoint's name": {webservice.AksEndpointDeployConfiguration{ComputeTarget: "c", VersionName: "churn-ep"}, []string{"VersionName"}},
		"a good one":          {webservice.AksEndpointDeployConfiguration{ComputeTarget: "c", VersionName: "one", TrafficPercentile: to.Ptr(0.5)}, nil},
		"everything": {webservice.AksEndpointDeployConfiguration{
			VersionName: "A", TrafficPercentile: to.Ptr(100.1), CPUCores: 2, CPUCoresLimit: 1, AuthEnabled: to.Ptr(true), TokenAuthEnabled: to.Ptr(true),
			Namespace: "Bad", AutoscaleMinReplicas: 1, SecondaryKey: azureml.NewSecret("x"),
		}, []string{"ComputeTarget", "VersionName", "TrafficPercentile", "CPUCoresLimit", "Namespace", "AutoscaleMinReplicas", "TokenAuthEnabled", "SecondaryKey"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := test.config.DeployPayload(model.DeployRequest{Name: "churn-ep"})
			if test.broken == nil {
				require.NoError(t, err)
				return
			}
			e, ok := errors.AsType[*azureml.Error](err)
			require.True(t, ok)
			assert.Equal(t, test.broken, fields(e))
		})
	}
}

// TestEndpointPayload compares what is sent with the contract's example (webservice §6.1).
func TestEndpointPayload(t *testing.T) {
	t.Parallel()
	payload, err := webservice.AksEndpointDeployConfiguration{
		ComputeTarget: "myaks", VersionName: "versiona", TrafficPercentile: to.Ptr(20.0), CPUCores: 0.1, MemoryGB: 0.2, EnableAppInsights: to.Ptr(true),
		AuthEnabled: to.Ptr(true), Namespace: "endpointns", Tags: map[string]string{"sklearn": "demo"}, Description: "ab test",
	}.DeployPayload(model.DeployRequest{Name: "myendpoint", Image: &model.ImageRequest{ModelIDs: []string{"mymodel:1"}}})
	require.NoError(t, err)
	got, err := json.Marshal(payload)
	require.NoError(t, err)
	assert.JSONEq(t, `{"name":"myendpoint","description":"ab test","tags":null,"properties":{},"computeType":"AKSENDPOINT","computeName":"myaks",
		"appInsightsEnabled":true,"namespace":"endpointns","authEnabled":true,
		"versions":{"versiona":{"name":"versiona","description":"ab test","kvTags":{"sklearn":"demo"},"properties":{},"computeType":"AKSENDPOINT","computeName":null,
			"numReplicas":null,"appInsightsEnabled":true,"containerResourceRequirements":{"cpu":0.1,"cpuLimit":null,"memoryInGB":0.2,"memoryInGBLimit":null,"gpu":null},
			"maxConcurrentRequestsPerContainer":null,"maxQueueWaitMs":null,"namespace":"endpointns","scoringTimeoutMs":null,"authEnabled":true,
			"livenessProbeRequirements":{"initialDelaySeconds":null,"periodSeconds":null,"failureThreshold":null,"successThreshold":null,"timeoutSeconds":null},
			"keys":{"primaryKey":null,"secondaryKey":null},"environmentImageRequest":{"modelIds":["mymodel:1"]},"location":null,"trafficPercentile":20}},
		"keys":{"primaryKey":null,"secondaryKey":null},"kvTags":{"sklearn":"demo"}}`, string(got))
}

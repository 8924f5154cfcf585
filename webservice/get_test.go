package webservice_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

func TestGetAks(t *testing.T) {
	t.Parallel()
	playAks(t, "get_aks", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		assert.Equal(t, "churn-svc", svc.Name)
		assert.Equal(t, webservice.ComputeTypeAKS, svc.ComputeType)
		assert.Equal(t, webservice.StateHealthy, svc.State)
		assert.Equal(t, map[string]string{"team": "ml"}, svc.Tags)
		assert.Equal(t, "False", svc.Properties["hasHttps"])
		assert.Equal(t, time.Date(2024, 6, 10, 6, 13, 20, 0, time.UTC), svc.CreatedTime)
		assert.Equal(t, "ml-deployer", svc.CreatedBy.Name)
		assert.Nil(t, svc.Error)
		assert.Equal(t, "http://20.61.10.11:80/api/v1/service/churn-svc/score", svc.ScoringURI)
		assert.Equal(t, "http://20.61.10.11:80/api/v1/service/churn-svc/swagger.json", svc.SwaggerURI)
		assert.True(t, *svc.AuthEnabled)
		assert.False(t, *svc.TokenAuthEnabled)
		assert.False(t, *svc.AppInsightsEnabled)
		assert.Equal(t, "aks-prod", svc.ComputeName)
		assert.Equal(t, "azureml-ws-prod", svc.Namespace)
		assert.Equal(t, 2, *svc.NumReplicas)
		assert.False(t, *svc.AutoScaler.Enabled)
		assert.Equal(t, 70, *svc.AutoScaler.TargetUtilization)
		assert.InDelta(t, 0.1, *svc.ContainerResourceRequirements.CPULimit, 1e-9)
		assert.Nil(t, svc.ContainerResourceRequirements.GPU)
		assert.Equal(t, 310, *svc.LivenessProbe.InitialDelaySeconds)
		assert.Equal(t, 60000, *svc.ScoringTimeoutMS)
		assert.Equal(t, 500, *svc.MaxQueueWaitMS)
		assert.Equal(t, 1, *svc.MaxConcurrentRequestsPerContainer)
		assert.Equal(t, 2, *svc.DeploymentStatus.AvailableReplicas)
		assert.Equal(t, []string{"churn:1"}, svc.ModelIDs)
		assert.Equal(t, "AzureML-sklearn-0.24-ubuntu18.04-py37-cpu", svc.Environment.Name)
		assert.Nil(t, svc.IsDefault)
		assert.Contains(t, string(svc.RawJSON()), "modelConfigMap")

		encoded, err := json.Marshal(svc)
		require.NoError(t, err)
		var back webservice.AksWebservice
		require.NoError(t, json.Unmarshal(encoded, &back))
		assert.Equal(t, svc.LivenessProbe, back.LivenessProbe)
		assert.Equal(t, svc.Tags, back.Tags)
		assert.Equal(t, svc.CreatedTime, back.CreatedTime)

		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			assert.Equal(t, `web service "churn-svc" (AKS, Healthy)`, fmt.Sprintf(verb, svc))
		}
		var log strings.Builder
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "svc", svc)
		assert.Contains(t, log.String(), "svc.name=churn-svc svc.computeType=AKS svc.state=Healthy")

		fresh, err := svc.Refresh(ctx)
		require.NoError(t, err)
		assert.Equal(t, webservice.StateUnhealthy, fresh.State)
		assert.Equal(t, webservice.StateHealthy, svc.State, "a picture does not change")
	})
}

func TestGetAci(t *testing.T) {
	t.Parallel()
	play(t, "get_aci", func(t *testing.T, ws *workspace.Workspace) {
		svc, err := webservice.GetAci(t.Context(), ws, "churn-aci")
		require.NoError(t, err)
		assert.Equal(t, "northeurope", svc.Location)
		assert.Equal(t, "20.71.1.2", svc.PublicIP)
		assert.Equal(t, "churn-test.northeurope.azurecontainer.io", svc.PublicFQDN)
		assert.False(t, *svc.SSLEnabled)
		assert.InDelta(t, 2, *svc.ContainerResourceRequirements.MemoryGB, 0)
		assert.Nil(t, svc.VnetConfiguration)
		encoded, err := json.Marshal(svc)
		require.NoError(t, err)
		for _, text := range []string{string(encoded), string(svc.RawJSON()), fmt.Sprintf("%+v", *svc), fmt.Sprintf("%#v", svc)} {
			assert.NotContains(t, text, "planted")
		}
		_, err = svc.Refresh(t.Context())
		require.NoError(t, err)
	})
}

func TestGetEndpoint(t *testing.T) {
	t.Parallel()
	play(t, "get_endpoint", func(t *testing.T, ws *workspace.Workspace) {
		svc, err := webservice.GetEndpoint(t.Context(), ws, "churn-ep")
		require.NoError(t, err)
		assert.Equal(t, "aks-prod", svc.ComputeName)
		require.Len(t, svc.Versions, 2)
		version := svc.Versions["version-a"]
		assert.Equal(t, webservice.ComputeTypeAKS, version.ComputeType)
		assert.True(t, *version.IsDefault)
		assert.NotNil(t, version.TrafficPercentile)
		assert.Contains(t, webservice.PossibleVersionTypeValues(), version.VersionType)
		assert.Contains(t, string(svc.RawJSON()), "version-a")
	})
}

func TestGetKinds(t *testing.T) {
	t.Parallel()
	play(t, "get_kinds", func(t *testing.T, ws *workspace.Workspace) {
		_, err := webservice.GetAci(t.Context(), ws, "churn-svc")
		e := failure(t, err, azureml.ErrInvalid)
		assert.Equal(t, `azureml: cannot get web service "churn-svc": its kind is AKS, not that of AciWebservice`, e.Error())
		assert.Contains(t, e.Remedy, "webservice.GetAks")

		svc, err := webservice.Get(t.Context(), ws, "edge")
		require.NoError(t, err)
		unknown, ok := svc.(*webservice.UnknownWebservice)
		require.True(t, ok)
		assert.Equal(t, "10.0.0.9:5001", unknown.ScoringURI)
		assert.Equal(t, 1, *unknown.NumReplicas)
		_, err = unknown.Token(t.Context())
		failure(t, err, azureml.ErrInvalid)
		_, err = unknown.Run(t.Context(), nil)
		failure(t, err, azureml.ErrInvalid)
	})
}

func TestGetFails(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		service string
		kind    error
		text    string
	}{
		"get_not_found": {"nope", azureml.ErrNotFound, "Service with name nope not found (NotFound, HTTP 404"},
		"get_forbidden": {"churn-svc", azureml.ErrForbidden, "HTTP 403"},
		"get_html":      {"churn-svc", nil, `the answer is an HTML page, not JSON: "Sign in"`},
		"get_truncated": {"churn-svc", nil, "the answer is not complete JSON"},
		"get_null":      {"churn-svc", nil, "the answer is not the description of a web service"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, name, func(t *testing.T, ws *workspace.Workspace) {
				_, err := webservice.Get(t.Context(), ws, test.service)
				failure(t, err, test.kind)
				assert.ErrorContains(t, err, test.text)
			})
		})
	}
	playAks(t, "get_throttled", func(t *testing.T, _ context.Context, svc *webservice.AksWebservice) {
		_, err := webservice.Get(t.Context(), nil, " ")
		failure(t, err, azureml.ErrInvalid)
		assert.NotNil(t, svc)
	})
}

func TestGetSparse(t *testing.T) {
	t.Parallel()
	play(t, "get_sparse", func(t *testing.T, ws *workspace.Workspace) {
		svc, err := webservice.GetAks(t.Context(), ws, "churn-svc")
		require.NoError(t, err)
		assert.Equal(t, "churn-svc", svc.Name, "the name that was asked for")
		assert.Empty(t, svc.State)
		assert.Nil(t, svc.AutoScaler)
		assert.Empty(t, svc.SwaggerURI)

		svc, err = webservice.GetAks(t.Context(), ws, "churn-svc")
		require.NoError(t, err)
		assert.Equal(t, webservice.State("Hibernating"), svc.State, "states that are not known are kept")
		assert.Equal(t, webservice.VersionType("Shadow"), svc.VersionType)
		assert.Equal(t, map[string]string{"a": "1", "b": "true", "c": "", "d": "x"}, svc.Tags)
		assert.Nil(t, svc.Properties)
		assert.Equal(t, time.Date(2024, 6, 10, 6, 13, 20, 123456700, time.UTC), svc.CreatedTime)
		assert.True(t, svc.UpdatedTime.IsZero())
		assert.Nil(t, svc.NumReplicas)
		assert.Equal(t, 60000, *svc.ScoringTimeoutMS)
		assert.InDelta(t, 2, *svc.ContainerResourceRequirements.MemoryGB, 0)
		assert.Nil(t, svc.ContainerResourceRequirements.CPU)
		assert.InDelta(t, 12.5, *svc.TrafficPercentile, 0)
		assert.Empty(t, svc.ModelIDs)
	})
}

func TestList(t *testing.T) {
	t.Parallel()
	play(t, "list", func(t *testing.T, ws *workspace.Workspace) {
		var got []string
		for svc, err := range webservice.List(t.Context(), ws, nil) {
			require.NoError(t, err)
			got = append(got, fmt.Sprintf("%T %s", svc, svc.Common().Name))
		}
		assert.Equal(t, []string{"*webservice.AksWebservice a-svc", "*webservice.AciWebservice b-svc", "*webservice.AksEndpoint c-svc", "*webservice.AksWebservice d-svc"}, got)
	})
	play(t, "list_filters", func(t *testing.T, ws *workspace.Workspace) {
		for range webservice.List(t.Context(), ws, &webservice.ListOptions{
			Name: "svc", ComputeType: "AKS", ImageName: "i", ImageID: "i:1", ModelName: "m", ModelID: "m:1",
			Tags: []string{"k", "k2=v2"}, Properties: []string{"p=q r"}, ImageDigest: "sha256:00",
			OrderBy: webservice.OrderByCreatedAtAsc, PageSize: 10,
		}) {
			t.Error("the list is empty")
		}
	})
	play(t, "list_odd", func(t *testing.T, ws *workspace.Workspace) {
		var got []string
		var last error
		for svc, err := range webservice.List(t.Context(), ws, nil) {
			if last = err; err == nil {
				got = append(got, fmt.Sprintf("%T", svc))
			}
		}
		assert.Equal(t, []string{"*webservice.UnknownWebservice", "*webservice.AksWebservice"}, got)
		failure(t, last, azureml.ErrForbidden)
	})
	for svc, err := range webservice.List(t.Context(), nil, &webservice.ListOptions{
		ComputeType: "VM", OrderBy: "Name", PageSize: -1, Tags: []string{"a,b", "=c", "ok"}, Properties: []string{""},
	}) {
		assert.Nil(t, svc)
		assert.Equal(t, []string{"ComputeType", "OrderBy", "PageSize", "Tags[0]", "Tags[1]", "Properties[0]"}, fields(failure(t, err, azureml.ErrInvalid)))
	}
}

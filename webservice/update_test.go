package webservice_test

import (
	"context"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

// update changes a service on AKS and waits.
func update(ctx context.Context, svc *webservice.AksWebservice, u webservice.AksUpdate, o *webservice.UpdateOptions) (*webservice.AksWebservice, error) {
	p, err := svc.BeginUpdate(ctx, u, o)
	if err != nil {
		return nil, err
	}
	return azureml.Wait(ctx, p, nil)
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	playAks(t, "update", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		after, err := update(ctx, svc, webservice.AksUpdate{
			CollectModelData: to.Ptr(true), CPUCores: to.Ptr(2.0), CPUCoresLimit: to.Ptr(3.0), MemoryGB: to.Ptr(2.0), MemoryGBLimit: to.Ptr(6.0),
			GPUCores: to.Ptr(1), EnableAppInsights: to.Ptr(true), ScoringTimeout: to.Ptr(5 * time.Second), ReplicaMaxConcurrentRequests: to.Ptr(2),
			MaxRequestWaitTime: to.Ptr(250 * time.Millisecond),
			LivenessProbe: webservice.LivenessProbeUpdate{
				Period: to.Ptr(11 * time.Second), InitialDelay: to.Ptr(12 * time.Second), Timeout: to.Ptr(3 * time.Second),
				SuccessThreshold: to.Ptr(2), FailureThreshold: to.Ptr(5),
			},
			Namespace: to.Ptr("other"), Description: to.Ptr("updated"),
		}, nil)
		require.NoError(t, err)
		assert.Equal(t, "other", after.Namespace)
	})
	playAks(t, "update_at_once", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		after, err := update(ctx, svc, webservice.AksUpdate{
			Tags: map[string]string{"new": "2"}, Properties: map[string]string{"build": "43"}, Description: to.Ptr("text"),
		}, nil)
		require.NoError(t, err)
		assert.Equal(t, map[string]string{"new": "2"}, after.Tags)
	})
	play(t, "update_aci", func(t *testing.T, ws *workspace.Workspace) {
		svc, err := webservice.GetAci(t.Context(), ws, "churn-aci")
		require.NoError(t, err)
		p, err := svc.BeginUpdate(t.Context(), webservice.AciUpdate{
			Tags: map[string]string{"a": "b"}, Properties: map[string]string{"p": "q"}, Description: to.Ptr(""), AuthEnabled: to.Ptr(true),
			SSLEnabled: to.Ptr(true), EnableAppInsights: to.Ptr(false),
			SSL: &webservice.AciSslConfiguration{CName: "ml.contoso.example", CertPEM: "cert", KeyPEM: azureml.NewSecret("planted-private-key")},
		}, nil)
		require.NoError(t, err)
		_, err = azureml.Wait(t.Context(), p, nil)
		require.NoError(t, err)
		_, err = svc.BeginUpdate(t.Context(), webservice.AciUpdate{SSL: &webservice.AciSslConfiguration{CertPEM: "c", CertPEMFile: "f", KeyPEMFile: "none.pem"}}, nil)
		assert.Equal(t, []string{"SSL", "SSL.CertPEMFile", "SSL.KeyPEMFile"}, fields(failure(t, err, azureml.ErrInvalid)))
		_, err = svc.BeginUpdate(t.Context(), webservice.AciUpdate{}, nil)
		failure(t, err, azureml.ErrInvalid)
	})
}

func TestUpdateFails(t *testing.T) {
	t.Parallel()
	three := webservice.AksUpdate{NumReplicas: to.Ptr(3)}
	playAks(t, "update_rejected", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		_, err := update(ctx, svc, three, nil)
		assert.Equal(t, "Not now.", failure(t, err, azureml.ErrInvalid).Message)
	})
	playAks(t, "update_failed", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		_, err := update(ctx, svc, three, nil)
		e := failure(t, err, azureml.ErrOperationFailed)
		assert.Contains(t, e.Remedy, "The cluster aks-prod has 3 nodes of size Standard_D3_v2")
	})
	playAks(t, "update_odd", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		o := &webservice.UpdateOptions{SkipPrecheck: true}
		after, err := update(ctx, svc, three, o)
		require.NoError(t, err)
		assert.Equal(t, 3, *after.NumReplicas)
		_, err = update(ctx, svc, three, o)
		assert.ErrorContains(t, err, "no operation to wait for")
		_, err = update(ctx, svc, three, o)
		assert.Equal(t, 1, failure(t, err, azureml.ErrUnavailable).Attempts)
	})
}

// TestUpdateRules has every rule for a service with limits of twice its grant, keys and
// a fixed number of replicas, unless the case says otherwise.
func TestUpdateRules(t *testing.T) {
	t.Parallel()
	services := map[string]*webservice.AksWebservice{
		"": {
			Service:                       webservice.Service{AuthEnabled: to.Ptr(true), TokenAuthEnabled: to.Ptr(false)},
			NumReplicas:                   to.Ptr(2),
			AutoScaler:                    &webservice.AutoScaler{Enabled: to.Ptr(false), MinReplicas: to.Ptr(1), MaxReplicas: to.Ptr(10)},
			Environment:                   &webservice.EnvironmentReference{Name: "env"},
			ContainerResourceRequirements: &webservice.ContainerResourceRequirements{CPU: to.Ptr(1.0), CPULimit: to.Ptr(2.0), MemoryGB: to.Ptr(1.0), MemoryGBLimit: to.Ptr(2.0)},
		},
		"autoscaled": {AutoScaler: &webservice.AutoScaler{Enabled: to.Ptr(true), MinReplicas: to.Ptr(2), MaxReplicas: to.Ptr(4)}},
		"tokens":     {Service: webservice.Service{AuthEnabled: to.Ptr(false), TokenAuthEnabled: to.Ptr(true)}},
		"image":      {Service: webservice.Service{ImageID: "img:1"}},
		"both":       {Service: webservice.Service{AuthEnabled: to.Ptr(true), TokenAuthEnabled: to.Ptr(true)}},
		"sparse":     {},
	}
	for name, test := range map[string]struct {
		service string
		update  webservice.AksUpdate
		broken  []string
	}{
		"nothing":                         {"", webservice.AksUpdate{}, []string{"update"}},
		"no properties":                   {"", webservice.AksUpdate{Properties: map[string]string{}}, []string{"update"}},
		"no tags left":                    {"", webservice.AksUpdate{Tags: map[string]string{}}, nil},
		"empty description":               {"", webservice.AksUpdate{Description: to.Ptr("")}, nil},
		"no GPUs":                         {"", webservice.AksUpdate{GPUCores: to.Ptr(0)}, nil},
		"switched off":                    {"", webservice.AksUpdate{EnableAppInsights: to.Ptr(false), CollectModelData: to.Ptr(false)}, nil},
		"cpu 0":                           {"", webservice.AksUpdate{CPUCores: to.Ptr(0.0)}, []string{"CPUCores"}},
		"cpu -1":                          {"", webservice.AksUpdate{CPUCores: to.Ptr(-1.0)}, []string{"CPUCores"}},
		"cpu limit -1":                    {"", webservice.AksUpdate{CPUCoresLimit: to.Ptr(-1.0)}, []string{"CPUCoresLimit"}},
		"cpu over the limit there is":     {"", webservice.AksUpdate{CPUCores: to.Ptr(3.0)}, []string{"CPUCores"}},
		"cpu and limit raised":            {"", webservice.AksUpdate{CPUCores: to.Ptr(3.0), CPUCoresLimit: to.Ptr(4.0)}, nil},
		"cpu and limit lowered":           {"", webservice.AksUpdate{CPUCores: to.Ptr(0.1), CPUCoresLimit: to.Ptr(0.5)}, nil},
		"cpu limit under the cpu":         {"", webservice.AksUpdate{CPUCoresLimit: to.Ptr(0.5)}, []string{"CPUCoresLimit"}},
		"cpu pair the wrong way":          {"", webservice.AksUpdate{CPUCores: to.Ptr(1.5), CPUCoresLimit: to.Ptr(1.2)}, []string{"CPUCoresLimit"}},
		"cpu, limits not known":           {"sparse", webservice.AksUpdate{CPUCores: to.Ptr(30.0)}, nil},
		"memory -1":                       {"", webservice.AksUpdate{MemoryGB: to.Ptr(-1.0)}, []string{"MemoryGB"}},
		"memory over the limit there is":  {"", webservice.AksUpdate{MemoryGB: to.Ptr(3.0)}, []string{"MemoryGB"}},
		"memory limit under the memory":   {"", webservice.AksUpdate{MemoryGBLimit: to.Ptr(0.5)}, []string{"MemoryGBLimit"}},
		"memory limit -1":                 {"", webservice.AksUpdate{MemoryGBLimit: to.Ptr(-1.0)}, []string{"MemoryGBLimit"}},
		"gpu -1":                          {"", webservice.AksUpdate{GPUCores: to.Ptr(-1)}, []string{"GPUCores"}},
		"replicas 0":                      {"", webservice.AksUpdate{NumReplicas: to.Ptr(0)}, []string{"NumReplicas"}},
		"replicas of an autoscaled one":   {"autoscaled", webservice.AksUpdate{NumReplicas: to.Ptr(2)}, nil},
		"durations 0":                     {"", webservice.AksUpdate{ScoringTimeout: to.Ptr(time.Duration(0)), MaxRequestWaitTime: to.Ptr(time.Duration(0))}, []string{"ScoringTimeout", "MaxRequestWaitTime"}},
		"durations not whole":             {"", webservice.AksUpdate{ScoringTimeout: to.Ptr(1500 * time.Microsecond), MaxRequestWaitTime: to.Ptr(-time.Second)}, []string{"ScoringTimeout", "MaxRequestWaitTime"}},
		"concurrency 0":                   {"", webservice.AksUpdate{ReplicaMaxConcurrentRequests: to.Ptr(0)}, []string{"ReplicaMaxConcurrentRequests"}},
		"probe":                           {"", webservice.AksUpdate{LivenessProbe: webservice.LivenessProbeUpdate{Period: to.Ptr(-time.Second), InitialDelay: to.Ptr(time.Duration(0)), Timeout: to.Ptr(1500 * time.Millisecond), SuccessThreshold: to.Ptr(-1), FailureThreshold: to.Ptr(0)}}, []string{"LivenessProbe.Period", "LivenessProbe.InitialDelay", "LivenessProbe.Timeout", "LivenessProbe.SuccessThreshold", "LivenessProbe.FailureThreshold"}},
		"namespace":                       {"", webservice.AksUpdate{Namespace: to.Ptr("Bad_Name")}, []string{"Namespace"}},
		"namespace empty":                 {"", webservice.AksUpdate{Namespace: to.Ptr("")}, []string{"Namespace"}},
		"namespace with a line break":     {"", webservice.AksUpdate{Namespace: to.Ptr("ok\n")}, []string{"Namespace"}},
		"autoscale and replicas":          {"", webservice.AksUpdate{AutoscaleEnabled: to.Ptr(true), NumReplicas: to.Ptr(2)}, []string{"NumReplicas"}},
		"autoscale on":                    {"", webservice.AksUpdate{AutoscaleEnabled: to.Ptr(true), AutoscaleMinReplicas: to.Ptr(2)}, nil},
		"autoscale off, replicas known":   {"", webservice.AksUpdate{AutoscaleEnabled: to.Ptr(false)}, nil},
		"autoscale off, no replicas":      {"autoscaled", webservice.AksUpdate{AutoscaleEnabled: to.Ptr(false)}, []string{"NumReplicas"}},
		"autoscale off with replicas":     {"autoscaled", webservice.AksUpdate{AutoscaleEnabled: to.Ptr(false), NumReplicas: to.Ptr(1)}, nil},
		"autoscale settings, it is on":    {"autoscaled", webservice.AksUpdate{AutoscaleMaxReplicas: to.Ptr(8), AutoscaleRefresh: to.Ptr(time.Second)}, nil},
		"autoscale settings, it is off":   {"", webservice.AksUpdate{AutoscaleMinReplicas: to.Ptr(2), AutoscaleMaxReplicas: to.Ptr(2), AutoscaleRefresh: to.Ptr(2 * time.Second), AutoscaleTargetUtilization: to.Ptr(2)}, []string{"AutoscaleMinReplicas", "AutoscaleMaxReplicas", "AutoscaleRefresh", "AutoscaleTargetUtilization"}},
		"autoscale settings, not known":   {"sparse", webservice.AksUpdate{AutoscaleMaxReplicas: to.Ptr(8)}, nil},
		"autoscale bounds":                {"", webservice.AksUpdate{AutoscaleEnabled: to.Ptr(true), AutoscaleMinReplicas: to.Ptr(3), AutoscaleMaxReplicas: to.Ptr(2)}, []string{"AutoscaleMaxReplicas"}},
		"autoscale bound against the now": {"autoscaled", webservice.AksUpdate{AutoscaleMaxReplicas: to.Ptr(1)}, []string{"AutoscaleMaxReplicas"}},
		"autoscale zeros":                 {"autoscaled", webservice.AksUpdate{AutoscaleMinReplicas: to.Ptr(0), AutoscaleMaxReplicas: to.Ptr(-1), AutoscaleTargetUtilization: to.Ptr(0), AutoscaleRefresh: to.Ptr(time.Duration(0))}, []string{"AutoscaleMinReplicas", "AutoscaleMaxReplicas", "AutoscaleRefresh", "AutoscaleTargetUtilization", "AutoscaleMaxReplicas"}},
		"both kinds of auth":              {"", webservice.AksUpdate{AuthEnabled: to.Ptr(true), TokenAuthEnabled: to.Ptr(true)}, []string{"TokenAuthEnabled"}},
		"tokens on top of keys":           {"", webservice.AksUpdate{TokenAuthEnabled: to.Ptr(true)}, []string{"TokenAuthEnabled"}},
		"tokens in place of keys":         {"", webservice.AksUpdate{TokenAuthEnabled: to.Ptr(true), AuthEnabled: to.Ptr(false)}, nil},
		"keys on top of tokens":           {"tokens", webservice.AksUpdate{AuthEnabled: to.Ptr(true)}, []string{"AuthEnabled"}},
		"keys in place of tokens":         {"tokens", webservice.AksUpdate{AuthEnabled: to.Ptr(true), TokenAuthEnabled: to.Ptr(false)}, nil},
		"no auth at all":                  {"", webservice.AksUpdate{AuthEnabled: to.Ptr(false), TokenAuthEnabled: to.Ptr(false)}, nil},
		"both before, not touched":        {"both", webservice.AksUpdate{Description: to.Ptr("x")}, nil},
		"both before, one taken away":     {"both", webservice.AksUpdate{AuthEnabled: to.Ptr(false)}, nil},
		"a new image":                     {"", webservice.AksUpdate{Image: &model.ImageRequest{ModelIDs: []string{"m:1"}}}, nil},
		"image id on environment":         {"", webservice.AksUpdate{ImageID: to.Ptr("img:2")}, []string{"ImageID"}},
		"image id":                        {"image", webservice.AksUpdate{ImageID: to.Ptr("img:2")}, nil},
		"image id empty":                  {"image", webservice.AksUpdate{ImageID: to.Ptr("")}, []string{"ImageID"}},
		"environment on image":            {"image", webservice.AksUpdate{Image: &model.ImageRequest{}}, []string{"Image"}},
		"image and environment":           {"sparse", webservice.AksUpdate{Image: &model.ImageRequest{}, ImageID: to.Ptr("i")}, []string{"ImageID"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			violations, _ := webservice.CheckAksUpdate(services[test.service], test.update)
			assert.Equal(t, test.broken, violations)
		})
	}
}

func TestTags(t *testing.T) {
	t.Parallel()
	playAks(t, "tags", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		given := map[string]string{"b": "3", "c": "4"}
		svc, err := svc.AddTags(ctx, given)
		require.NoError(t, err)
		assert.Equal(t, map[string]string{"a": "1", "b": "3", "c": "4"}, svc.Tags)
		assert.Len(t, given, 2)
		after, err := svc.RemoveTags(ctx, "a", "never there")
		require.NoError(t, err)
		assert.Equal(t, map[string]string{"b": "3", "c": "4"}, after.Tags)
		assert.Len(t, svc.Tags, 3, "a picture does not change")
		_, err = after.RemoveTags(ctx, "a")
		require.NoError(t, err)
		_, err = after.AddTags(ctx, map[string]string{"c": "4"})
		require.NoError(t, err)
		after, err = after.AddProperties(ctx, map[string]string{"build": "44"})
		require.NoError(t, err)
		assert.Equal(t, "44", after.Properties["build"])
		_, err = after.AddProperties(ctx, map[string]string{"build": "44"})
		require.NoError(t, err, "nothing is sent")
		_, err = after.AddProperties(ctx, map[string]string{"build": "45", "new": "1"})
		e := failure(t, err, azureml.ErrInvalid)
		assert.Contains(t, e.Error(), `properties["build"] ("45") is "44" already`)
	})
	playAks(t, "tags_operation", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		after, err := svc.AddTags(ctx, map[string]string{"x": "y"})
		require.NoError(t, err)
		assert.Equal(t, map[string]string{"x": "y"}, after.Tags)
	})
	play(t, "tags_endpoint", func(t *testing.T, ws *workspace.Workspace) {
		svc, err := webservice.GetEndpoint(t.Context(), ws, "churn-ep")
		require.NoError(t, err)
		_, err = svc.AddTags(t.Context(), map[string]string{"x": "y"})
		require.NoError(t, err)
	})
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	playAks(t, "migrate", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		p, err := svc.BeginMigrate(ctx, "k8s1", nil)
		require.NoError(t, err)
		result, err := azureml.Wait(ctx, p, nil)
		require.NoError(t, err)
		assert.NotNil(t, result.Service)

		id := "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-ml/providers/Microsoft.MachineLearningServices/workspaces/ws-prod/computes/k8s1"
		p, err = svc.BeginMigrate(ctx, id, nil)
		require.NoError(t, err)
		result, err = azureml.Wait(ctx, p, nil)
		require.NoError(t, err)
		assert.Nil(t, result.Service)

		_, err = svc.BeginMigrate(ctx, "k8s1", nil)
		failure(t, err, azureml.ErrNotFound)
		_, err = svc.BeginMigrate(ctx, "", nil)
		failure(t, err, azureml.ErrInvalid)
	})
}

// TestTagsFail: the failures of adding tags, and an answer that is no service.
func TestTagsFail(t *testing.T) {
	t.Parallel()
	playAks(t, "tags_failed", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		given := map[string]string{"b": "3", "c": "4"}
		_, err := svc.AddTags(ctx, given)
		assert.True(t, failure(t, err, azureml.ErrConflict).HasCode("OperationInProgress"))
		_, err = svc.AddTags(ctx, given)
		assert.Contains(t, failure(t, err, azureml.ErrOperationFailed).Message, "the tags could not be written")
		after, err := svc.AddTags(ctx, given)
		require.NoError(t, err)
		assert.Equal(t, "3", after.Tags["b"], "the service is read where the answer is none")
		_, err = svc.RemoveTags(ctx, "a")
		failure(t, err, azureml.ErrNotFound)
	})
}

func TestMigrateFails(t *testing.T) {
	t.Parallel()
	playAks(t, "migrate_failed", func(t *testing.T, ctx context.Context, svc *webservice.AksWebservice) {
		p, err := svc.BeginMigrate(ctx, "k8s1", nil)
		require.NoError(t, err)
		_, err = azureml.Wait(ctx, p, nil)
		e := failure(t, err, azureml.ErrOperationFailed)
		assert.Equal(t, "MigrationFailed", e.Code)
		p, err = svc.BeginMigrate(ctx, "k8s1", nil)
		require.NoError(t, err)
		_, err = azureml.Wait(ctx, p, nil)
		assert.ErrorContains(t, err, "no operation to wait for")
		_, err = svc.BeginMigrate(ctx, "k8s1", nil)
		failure(t, err, azureml.ErrForbidden)
		_, err = svc.BeginMigrate(ctx, "k8s1", nil)
		assert.Equal(t, 1, failure(t, err, azureml.ErrUnavailable).Attempts, "it is not sent again")
	})
}

package recipes

import (
	"bytes"
	"context"
	"net/http"
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

var serviceRecipes = []recipe{
	{id: "A17", python: "`AksWebservice.deploy_configuration(token_auth_enabled=True, auth_enabled=False)`", title: "AKS: deploy_configuration(token_auth_enabled=True, auth_enabled=False), deploy, wait", run: recipeTokenAuth},
	{id: "A18", python: "`token, refresh_by = service.get_token()`", title: "get_token(): token and refresh_by", run: recipeToken},
	{id: "A19", python: "`token_auth_enabled=True, auth_enabled=True`: refused, as tokens on ACI", title: "token auth refused on ACI; token and key auth refused together", run: recipeTokenAndKey},
	{id: "B09", python: "`Model.deploy(ws, name, [model], inference_config, deployment_config, aks_target)`, `get_logs()`", title: "AksWebservice.deploy_configuration(cpu_cores, memory_gb), Model.deploy, wait, state, get_logs()", run: recipeDeploy},
	{id: "B18", python: "`auth_enabled=False`", title: "auth_enabled=False", run: recipeOpenService},
	{id: "B19", python: "`get_keys()`, `regen_key(…)` on AKS", title: "keys of an AKS service, regenerate", run: recipeKeys},
	{id: "B20", python: "`get_token()` on AKS", title: "tokens of an AKS service", run: recipeToken},
	{id: "B21", python: "`service.update(models, inference_config, autoscale_enabled, tags, …)`", title: "update a web service: new model, new environment, autoscaling, tags", run: recipeUpdate},
	{id: "B24", python: "`deploy_configuration(enable_app_insights=True, collect_model_data=True)`", title: "Application Insights and model data collection on a service", run: recipeInsights},
	{id: "B25", python: "`env.docker.base_image = …`", title: "a custom Docker image for the environment", run: recipeDockerImage},
	{id: "B26", python: "`requests.post(service.scoring_uri, …)`", title: "consume the service from a client program: key, token, swagger", run: recipeClient},
	{id: "B27", python: "`deploy_configuration(autoscale_enabled, autoscale_max_replicas, scoring_timeout_ms, …)`", title: "autoscaling, replica counts, probes, timeouts on AKS", run: recipeScaling},
	{id: "B28", python: "`service.state`, `service.error`, `print(service.get_logs())`", title: "troubleshoot a failed deployment: state, error, logs", run: recipeFailedDeployment},
}

var question = []byte(`{"data":[[0.1,0.2]]}`)

func recipeDeploy(t *testing.T, w *world) {
	ws := w.workspace()
	svc := w.deploy(ws, webservice.AksDeployConfiguration{ComputeTarget: w.cluster(ws).Name, CPUCores: 1, MemoryGB: 1}) // README: B09
	assert.Equal(t, webservice.StateHealthy, svc.State)
	assert.NotEmpty(t, svc.ScoringURI)
	logs, err := svc.Logs(t.Context(), nil) // README: B09
	require.NoError(t, err)
	assert.NotEmpty(t, logs)
	answer, err := svc.Run(t.Context(), question)
	require.NoError(t, err)
	assert.JSONEq(t, string(question), string(answer), "the emulator echoes without a scorer")
}

func recipeTokenAuth(t *testing.T, w *world) {
	svc := w.deploy(w.workspace(), webservice.AksDeployConfiguration{TokenAuthEnabled: to.Ptr(true), AuthEnabled: to.Ptr(false)}) // README: A17
	require.NotNil(t, svc.TokenAuthEnabled)
	assert.True(t, *svc.TokenAuthEnabled)
	require.NotNil(t, svc.AuthEnabled)
	assert.False(t, *svc.AuthEnabled)
	_, err := svc.Run(t.Context(), question)
	require.NoError(t, err)
}

func recipeToken(t *testing.T, w *world) {
	svc := w.deploy(w.workspace(), webservice.AksDeployConfiguration{TokenAuthEnabled: to.Ptr(true)}) // README: B20
	token, err := svc.Token(t.Context())                                                              // README: A18 B20
	require.NoError(t, err)
	assert.False(t, token.Token.IsZero())
	assert.True(t, token.RefreshAfter.After(time.Now())) // README: A18
	assert.Equal(t, time.UTC, token.RefreshAfter.Location())
}

func recipeTokenAndKey(t *testing.T, w *world) {
	ws := w.workspace()
	m := w.model(ws)
	sent := len(w.srv.Requests())
	_, err := model.BeginDeploy(t.Context(), ws, "myservice", []*model.Model{m}, w.inference(),
		webservice.AksDeployConfiguration{ComputeTarget: "myaks", TokenAuthEnabled: to.Ptr(true), AuthEnabled: to.Ptr(true)}, nil) // README: A19
	require.ErrorIs(t, err, azureml.ErrInvalid) // README: A19
	_, err = webservice.LoadDeployConfiguration("", &webservice.LoadDeployConfigurationOptions{
		Set: map[string]any{"computeType": "aci", "tokenAuthEnabled": true},
	})
	require.ErrorIs(t, err, azureml.ErrInvalid, "ACI has no tokens")
	assert.ErrorContains(t, err, "tokenAuthEnabled")
	assert.Len(t, w.srv.Requests(), sent, "refused before any request")
}

func recipeOpenService(t *testing.T, w *world) {
	svc := w.deploy(w.workspace(), webservice.AksDeployConfiguration{AuthEnabled: to.Ptr(false)}) // README: B18
	_, err := svc.Run(t.Context(), question)
	require.NoError(t, err)
	anybody, err := http.NewRequestWithContext(t.Context(), http.MethodPost, svc.ScoringURI, bytes.NewReader(question))
	require.NoError(t, err)
	anybody.Header.Set("Content-Type", "application/json")
	assert.JSONEq(t, string(question), w.call(anybody), "without key or token")
}

func recipeKeys(t *testing.T, w *world) {
	svc := w.deploy(w.workspace(), webservice.AksDeployConfiguration{})
	require.NotNil(t, svc.AuthEnabled)
	assert.True(t, *svc.AuthEnabled, "keys are on by default on AKS")
	assert.False(t, svc.TokenAuthEnabled != nil && *svc.TokenAuthEnabled, "and tokens are off")
	regenerateBoth(t, svc)
}

// regenerateBoth replaces one key after the other.
func regenerateBoth(t *testing.T, svc interface {
	Keys(context.Context) (*webservice.Keys, error)
	RegenerateKey(context.Context, webservice.KeyType, *webservice.RegenerateKeyOptions) (*webservice.Keys, error)
}) {
	t.Helper()
	old, err := svc.Keys(t.Context()) // README: A16 B19
	require.NoError(t, err)
	for _, key := range webservice.PossibleKeyTypeValues() {
		fresh, err := svc.RegenerateKey(t.Context(), key, nil) // README: A16 B19
		require.NoError(t, err)
		assert.NotEqual(t, old.Primary.Equal(fresh.Primary), old.Secondary.Equal(fresh.Secondary), "only one changes")
		old = fresh
	}
}

func recipeScaling(t *testing.T, w *world) {
	svc := w.deploy(w.workspace(), webservice.AksDeployConfiguration{
		AutoscaleEnabled: to.Ptr(true), AutoscaleMinReplicas: 1, AutoscaleMaxReplicas: 3, AutoscaleTargetUtilization: 50, AutoscaleRefresh: 10 * time.Second,
		ScoringTimeout: 5 * time.Second, MaxRequestWaitTime: 700 * time.Millisecond, ReplicaMaxConcurrentRequests: 2,
		LivenessProbe: webservice.LivenessProbe{Period: 20 * time.Second, InitialDelay: 100 * time.Second, Timeout: 3 * time.Second, SuccessThreshold: 2, FailureThreshold: 5},
	}) // README: B27
	require.NotNil(t, svc.AutoScaler)
	assert.EqualValues(t, 3, *svc.AutoScaler.MaxReplicas)
	assert.EqualValues(t, 1, *svc.AutoScaler.MinReplicas)
	assert.EqualValues(t, 50, *svc.AutoScaler.TargetUtilization)
	assert.EqualValues(t, 10, *svc.AutoScaler.RefreshPeriodInSeconds)
	assert.Equal(t, 5000, *svc.ScoringTimeoutMS)
	assert.Equal(t, 700, *svc.MaxQueueWaitMS)
	assert.Equal(t, 2, *svc.MaxConcurrentRequestsPerContainer)
	assert.Equal(t, &webservice.LivenessProbeRequirements{
		PeriodSeconds: to.Ptr(20), InitialDelaySeconds: to.Ptr(100), TimeoutSeconds: to.Ptr(3), SuccessThreshold: to.Ptr(2), FailureThreshold: to.Ptr(5),
	}, svc.LivenessProbe)
	p, err := svc.BeginUpdate(t.Context(), webservice.AksUpdate{AutoscaleEnabled: to.Ptr(false), NumReplicas: to.Ptr(2)}, nil)
	require.NoError(t, err)
	svc, err = azureml.Wait(t.Context(), p, nil)
	require.NoError(t, err)
	assert.Equal(t, 2, *svc.NumReplicas, "a number of replicas instead")
	_, err = model.BeginDeploy(t.Context(), w.workspace(), "other", nil, w.inference(),
		webservice.AksDeployConfiguration{ComputeTarget: "myaks", AutoscaleEnabled: to.Ptr(true), NumReplicas: 2}, nil)
	require.ErrorIs(t, err, azureml.ErrInvalid)
}

func recipeFailedDeployment(t *testing.T, w *world) {
	ws := w.workspace()
	target, m := w.cluster(ws), w.model(ws)
	w.srv.FailNextOperation(azuremltest.OperationFailure{
		Kind: "service", Name: "myservice", State: "Failed", Code: "KubernetesDeploymentFailed", StatusCode: 400, Message: "Kubernetes Deployment failed",
		Details: []azuremltest.ErrorDetail{{Code: "CrashLoopBackOff", Message: "Your container application crashed."}},
	})
	p, err := model.BeginDeploy(t.Context(), ws, "myservice", []*model.Model{m}, w.inference(), webservice.AksDeployConfiguration{ComputeTarget: target.Name}, nil)
	require.NoError(t, err)
	_, err = azureml.Wait(t.Context(), p, nil) // README: B28
	require.ErrorIs(t, err, azureml.ErrOperationFailed)
	assert.True(t, azureml.HasCode(err, "CrashLoopBackOff"))
	screen := azureml.Explain(err) // README: B28
	assert.Contains(t, screen, "Last lines of the log:")
	assert.Contains(t, screen, "init()", "the remedy names the usual cause")
	svc, err := webservice.GetAks(t.Context(), ws, "myservice") // README: B28
	require.NoError(t, err)
	state, why := svc.State, svc.Error // README: B28
	assert.Equal(t, webservice.StateFailed, state)
	require.NotNil(t, why)
	assert.Equal(t, "KubernetesDeploymentFailed", why.Code)
	logs, err := svc.Logs(t.Context(), nil) // README: B28
	require.NoError(t, err)
	assert.NotEmpty(t, logs)
}

func recipeUpdate(t *testing.T, w *world) {
	ws := w.workspace()
	svc := w.deploy(ws, webservice.AksDeployConfiguration{})
	second, err := model.Register(t.Context(), ws, "mymodel", w.file("model.json", `{"factor":3}`), nil)
	require.NoError(t, err)
	image, err := model.PrepareImage(t.Context(), ws, []*model.Model{second}, w.inference(), nil) // README: B21
	require.NoError(t, err)
	p, err := svc.BeginUpdate(t.Context(), webservice.AksUpdate{
		Image: image, AutoscaleEnabled: to.Ptr(true), AutoscaleMaxReplicas: to.Ptr(4), Tags: map[string]string{"stage": "second"}, Description: to.Ptr(""),
	}, nil) // README: B21
	require.NoError(t, err)
	svc, err = azureml.Wait(t.Context(), p, nil)
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"stage": "second"}, svc.Tags)
	assert.EqualValues(t, 4, *svc.AutoScaler.MaxReplicas)
	assert.Equal(t, webservice.StateHealthy, svc.State)
	require.Len(t, w.srv.Services(azuremltest.Workspace{}), 1)
}

func recipeInsights(t *testing.T, w *world) {
	svc := w.deploy(w.workspace(), webservice.AksDeployConfiguration{EnableAppInsights: to.Ptr(true), CollectModelData: to.Ptr(true)}) // README: B24
	require.NotNil(t, svc.AppInsightsEnabled)
	assert.True(t, *svc.AppInsightsEnabled)
	require.NotNil(t, svc.DataCollection)
	assert.True(t, *svc.DataCollection.StorageEnabled)
}

func recipeDockerImage(t *testing.T, w *world) {
	ws := w.workspace()
	inference := w.inference()
	inference.Environment = model.NewEnvironmentFromDockerImage("mine", "registry.example/mine:1", nil) // README: B25
	p, err := model.BeginDeploy(t.Context(), ws, "myservice", []*model.Model{w.model(ws)}, inference, webservice.AksDeployConfiguration{ComputeTarget: w.cluster(ws).Name}, nil)
	require.NoError(t, err)
	_, err = azureml.Wait(t.Context(), p, nil)
	require.NoError(t, err)
	assert.Contains(t, string(w.srv.Services(azuremltest.Workspace{})[0].Image), `"baseImage":"registry.example/mine:1"`)
}

func recipeClient(t *testing.T, w *world) {
	svc := w.deploy(w.workspace(), webservice.AksDeployConfiguration{})
	keys, err := svc.Keys(t.Context()) // README: B26
	require.NoError(t, err)
	scorer, err := webservice.NewScorer(svc.ScoringURI, webservice.ScorerAuth{PrimaryKey: keys.Primary}, &webservice.ScorerOptions{Transport: w.srv.Client().Transport}) // README: B26
	require.NoError(t, err)
	defer scorer.Close()
	type data struct {
		Data [][]float64 `json:"data"`
	}
	answer, err := webservice.Score[data](t.Context(), scorer, data{[][]float64{{1, 2}}}) // README: B26
	require.NoError(t, err)
	assert.Equal(t, [][]float64{{1, 2}}, answer.Data)
	swagger, err := scorer.Swagger(t.Context()) // README: B26
	require.NoError(t, err)
	assert.Equal(t, "/api/v1/service/"+svc.Name+"/score", swagger.ScorePath)

	// With tokens, by the same means.
	p, err := svc.BeginUpdate(t.Context(), webservice.AksUpdate{TokenAuthEnabled: to.Ptr(true), AuthEnabled: to.Ptr(false)}, nil)
	require.NoError(t, err)
	svc, err = azureml.Wait(t.Context(), p, nil)
	require.NoError(t, err)
	byToken, err := webservice.NewScorer(svc.ScoringURI, webservice.ScorerAuth{Token: svc.Token}, &webservice.ScorerOptions{Transport: w.srv.Client().Transport})
	require.NoError(t, err)
	defer byToken.Close()
	_, err = byToken.Run(t.Context(), question)
	require.NoError(t, err)
	_, err = scorer.Run(t.Context(), question)
	require.ErrorIs(t, err, azureml.ErrUnauthorized, "the keys let in no more")
}

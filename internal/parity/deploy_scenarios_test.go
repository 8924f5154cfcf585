package parity_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/parity"
	"github.com/azureml-go/azureml/internal/recording/wire"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

type poller = *runtime.Poller[*webservice.AksWebservice]

// theirEnvironment is the environment of all goldens that have one.
func theirEnvironment() *model.Environment {
	e := model.NewEnvironment("sklearn-env")
	e.Python.CondaDependencies = model.NewCondaDependencies([]string{"azureml-defaults", "scikit-learn==1.2.2"}, nil)
	e.Python.CondaDependencies.SetPython("3.8")
	return e
}

// onAks is a configuration with nothing but the cluster.
func onAks() webservice.AksDeployConfiguration {
	return webservice.AksDeployConfiguration{ComputeTarget: "aks-prod"}
}

// begin deploys the model churn with code as churn-svc.
func begin(ctx context.Context, s *parity.Stage, ws *workspace.Workspace, config webservice.AksDeployConfiguration, e *model.Environment, o *model.DeployOptions) (poller, error) {
	return beginAs(ctx, s, ws, "churn-svc", config, e, o)
}

// beginAs deploys the model churn with code.
func beginAs[S any](ctx context.Context, s *parity.Stage, ws *workspace.Workspace, name string, config model.DeployConfiguration[S], e *model.Environment, o *model.DeployOptions) (*runtime.Poller[S], error) {
	m, err := model.Get(ctx, ws, "churn", nil)
	if err != nil {
		return nil, err
	}
	inference := &model.InferenceConfig{EntryScript: s.WriteFile("score.py", parity.EntryScript), Environment: e}
	return model.BeginDeploy(ctx, ws, name, []*model.Model{m}, inference, config, o)
}

// deploying makes a scenario of a deployment and, where it is taken, of what comes then.
func deploying(golden string, config webservice.AksDeployConfiguration, then func(context.Context, *workspace.Workspace, poller) (any, error)) parity.Scenario {
	return parity.Scenario{Name: golden, Run: within(func(ctx context.Context, s *parity.Stage, ws *workspace.Workspace) (any, error) {
		p, err := begin(ctx, s, ws, config, theirEnvironment(), nil)
		if err != nil {
			return nil, err
		}
		return then(ctx, ws, p)
	})}
}

// allowing adds requests that may be sent.
func allowing(scenario parity.Scenario, allow ...parity.Allowance) parity.Scenario {
	scenario.Allow = append(scenario.Allow, allow...)
	return scenario
}

// ending says of which kind a scenario's error must be.
func ending(kind error, scenario parity.Scenario) parity.Scenario {
	run := scenario.Run
	scenario.Run = func(ctx context.Context, s *parity.Stage) (any, error) {
		result, err := run(ctx, s)
		return result, s.Of(err, kind)
	}
	return scenario
}

// finish waits for the end and gives what describe makes of the service.
func finish(describe func(context.Context, *webservice.AksWebservice) (any, error)) func(context.Context, *workspace.Workspace, poller) (any, error) {
	return func(ctx context.Context, _ *workspace.Workspace, p poller) (any, error) {
		svc, err := azureml.Wait(ctx, p, nil)
		if err != nil {
			return nil, err
		}
		return describe(ctx, svc)
	}
}

// logTail is the look at the end of the log of churn-svc after a failure.
func logTail() parity.Allowance { return logTailOf("churn-svc") }

func logTailOf(name string) parity.Allowance {
	return parity.Allowance{
		For: parity.EnrichesError, Method: "GET", Path: "/services/" + name + "/logs",
		Answer: wire.Response{Status: 200, Headers: map[string]string{"Content-Type": "application/json"}, JSON: []byte(`{"content":"a line\n"}`)},
	}
}

func deployScenarios() []parity.Scenario {
	many := onAks()
	many.CPUCores = 64
	open, tokens, scaled, two := onAks(), onAks(), onAks(), onAks()
	two.NumReplicas = 2
	open.AuthEnabled = new(false)
	tokens.AuthEnabled, tokens.TokenAuthEnabled = new(false), new(true)
	scaled.AutoscaleEnabled, scaled.AutoscaleMinReplicas, scaled.AutoscaleMaxReplicas = new(true), 2, 8
	scaled.AutoscaleRefresh, scaled.AutoscaleTargetUtilization = 5*time.Second, 60
	state := finish(func(_ context.Context, svc *webservice.AksWebservice) (any, error) {
		return map[string]any{"state": svc.State, "num_replicas": svc.NumReplicas}, nil
	})
	return []parity.Scenario{
		deploying("webservice_aks_deploy_default", onAks(), beforeAndAfter),
		allowing(deploying("webservice_aks_deploy_failed", onAks(), failedDeployment), logTail()),
		deploying("webservice_aks_deploy_token_auth", tokens, finish(func(ctx context.Context, svc *webservice.AksWebservice) (any, error) {
			return flagsAndRun(ctx, svc, `{"data": [[1], [2]]}`)
		})),
		deploying("webservice_aks_deploy_auth_disabled", open, finish(func(ctx context.Context, svc *webservice.AksWebservice) (any, error) {
			result, err := flagsAndRun(ctx, svc, `{"data": [[1]]}`)
			if err != nil {
				return nil, err
			}
			_, err = svc.Keys(ctx)
			result["keys"] = refused(err)
			return result, nil
		})),
		{Name: "webservice_aks_deploy_overwrite", Run: within(func(ctx context.Context, s *parity.Stage, ws *workspace.Workspace) (any, error) {
			p, err := begin(ctx, s, ws, two, theirEnvironment(), &model.DeployOptions{Overwrite: true})
			if err != nil {
				return nil, err
			}
			return state(ctx, ws, p)
		})},
		ending(azureml.ErrConflict, deploying("webservice_aks_deploy_existing_name", onAks(), state)),
		ending(azureml.ErrInvalid, deploying("webservice_aks_deploy_insufficient_resources", many, state)),
		deploying("webservice_aks_deploy_autoscale", scaled, finish(func(_ context.Context, svc *webservice.AksWebservice) (any, error) {
			return map[string]any{"autoscaler": svc.AutoScaler, "num_replicas": svc.NumReplicas}, nil
		})),
		ending(azureml.ErrOperationFailed, allowing(deploying("webservice_aks_deploy_failed_silently", onAks(), state), logTail())),
		ending(azureml.ErrOperationTimedOut, allowing(deploying("webservice_aks_deploy_timed_out", onAks(), state), logTail())),
		deploying("webservice_aks_deploy_wait_timeout", onAks(), waitTwice),
		deploying("webservice_aks_deploy_no_configuration", onAks(), beginning("state", "compute_type")),
		{Name: "webservice_aks_deploy_no_environment", Run: within(func(ctx context.Context, s *parity.Stage, ws *workspace.Workspace) (any, error) {
			p, err := begin(ctx, s, ws, onAks(), nil, nil)
			if err != nil {
				return nil, err
			}
			return beginning("state")(ctx, ws, p)
		})},
		{Name: "webservice_aks_deploy_unknown_compute", Run: within(func(ctx context.Context, s *parity.Stage, ws *workspace.Workspace) (any, error) {
			_, unknown := begin(ctx, s, ws, webservice.AksDeployConfiguration{ComputeTarget: "nope"}, theirEnvironment(), nil)
			_, none := begin(ctx, s, ws, webservice.AksDeployConfiguration{}, theirEnvironment(), nil)
			return map[string]any{"unknown": refused(unknown), "none": refused(none)}, nil
		})},
		{Name: "webservice_aks_deploy_no_code", Run: within(func(ctx context.Context, _ *parity.Stage, ws *workspace.Workspace) (any, error) {
			m, err := model.Get(ctx, ws, "sk", nil)
			if err != nil {
				return nil, err
			}
			p, err := model.BeginDeploy(ctx, ws, "sk-svc", []*model.Model{m}, nil, onAks(), nil)
			if err != nil {
				return nil, err
			}
			svc, err := azureml.Wait(ctx, p, nil)
			if err != nil {
				return nil, err
			}
			return map[string]any{"state": svc.State}, nil
		})},
		{Name: "webservice_aks_deploy_no_code_refused", Run: within(noCodeRefused)},
		{Name: "webservice_aks_deploy_invalid_names", Run: within(invalidNames)},
		{Name: "webservice_aks_deploy_invalid_options", Run: invalidOptions},
		ending(azureml.ErrInvalid, parity.Scenario{Name: "webservice_aks_deploy_token_and_key", Run: func(context.Context, *parity.Stage) (any, error) {
			config := onAks()
			config.AuthEnabled, config.TokenAuthEnabled = new(true), new(true)
			_, err := config.DeployPayload(model.DeployRequest{Name: "churn-svc"})
			return nil, err
		}}),
	}
}

// describedService is what the goldens return of a service.
func describedService(svc *webservice.AksWebservice) map[string]any {
	const format = "2006-01-02T15:04:05-07:00"
	d := map[string]any{
		"name": svc.Name, "state": svc.State, "scoring_uri": svc.ScoringURI, "swagger_uri": svc.SwaggerURI, "compute_type": svc.ComputeType,
		"compute_name": svc.ComputeName, "properties": svc.Properties, "created_by": svc.CreatedBy,
		"created_time": svc.CreatedTime.Format(format), "updated_time": svc.UpdatedTime.Format(format),
	}
	if svc.ScoringURI == "" {
		d["scoring_uri"] = nil
	}
	return d
}

func beforeAndAfter(ctx context.Context, ws *workspace.Workspace, p poller) (any, error) {
	before, err := webservice.GetAks(ctx, ws, "churn-svc")
	if err != nil {
		return nil, err
	}
	after, err := azureml.Wait(ctx, p, nil)
	if err != nil {
		return nil, err
	}
	return map[string]any{"before": only(describedService(before), "name", "state", "scoring_uri"), "after": describedService(after)}, nil
}

// beginning looks at the service while it is being deployed.
func beginning(keys ...string) func(context.Context, *workspace.Workspace, poller) (any, error) {
	return func(ctx context.Context, ws *workspace.Workspace, _ poller) (any, error) {
		svc, err := webservice.GetAks(ctx, ws, "churn-svc")
		if err != nil {
			return nil, err
		}
		return only(describedService(svc), keys...), nil
	}
}

func failedDeployment(ctx context.Context, ws *workspace.Workspace, p poller) (any, error) {
	_, wait := azureml.Wait(ctx, p, nil)
	if !errors.Is(wait, azureml.ErrOperationFailed) {
		return nil, fmt.Errorf("want a failed deployment, got %w", wait)
	}
	svc, err := webservice.GetAks(ctx, ws, "churn-svc")
	if err != nil {
		return nil, err
	}
	logs, err := svc.Logs(ctx, nil)
	if err != nil {
		return nil, err
	}
	_, run := svc.Run(ctx, []byte("{}"))
	return map[string]any{
		"wait": refused(wait), "state": map[string]any{"state": svc.State, "error": svc.Error}, "logs": logs, "run": refused(run),
	}, nil
}

func flagsAndRun(ctx context.Context, svc *webservice.AksWebservice, body string) (map[string]any, error) {
	answer, err := score(ctx, &svc.Service, body)
	return map[string]any{"flags": map[string]any{"auth_enabled": svc.AuthEnabled, "token_auth_enabled": svc.TokenAuthEnabled}, "run": answer}, err
}

func waitTwice(ctx context.Context, _ *workspace.Workspace, p poller) (any, error) {
	short, cancel := context.WithTimeout(ctx, 12*time.Second)
	defer cancel()
	_, first := azureml.Wait(short, p, nil)
	svc, err := azureml.Wait(ctx, p, nil)
	if err != nil {
		return nil, err
	}
	return map[string]any{"first": refused(first), "state": svc.State}, nil
}

func noCodeRefused(ctx context.Context, _ *parity.Stage, ws *workspace.Workspace) (any, error) {
	own, err := model.Get(ctx, ws, "own", nil)
	if err != nil {
		return nil, err
	}
	torch, err := model.Get(ctx, ws, "torch", nil)
	if err != nil {
		return nil, err
	}
	deploy := func(models ...*model.Model) any {
		_, err := model.BeginDeploy(ctx, ws, "churn-svc", models, nil, onAks(), nil)
		return refused(err)
	}
	return map[string]any{"custom framework": deploy(own), "PyTorch": deploy(torch), "no model": deploy(), "two models": deploy(own, torch)}, nil
}

func invalidNames(ctx context.Context, s *parity.Stage, ws *workspace.Workspace) (any, error) {
	m, err := model.Get(ctx, ws, "churn", nil)
	if err != nil {
		return nil, err
	}
	script := s.WriteFile("score.py", parity.EntryScript)
	deploy := func(name string, inference model.InferenceConfig) any {
		inference.Environment = theirEnvironment()
		_, err := model.BeginDeploy(ctx, ws, name, []*model.Model{m}, &inference, onAks(), nil)
		return refused(err)
	}
	result := map[string]any{}
	for _, name := range []string{"ab", strings.Repeat("a", 33), "Churn", "churn_svc", "1churn", "churn-", ""} {
		result["name '"+name+"'"] = deploy(name, model.InferenceConfig{EntryScript: script})
	}
	for _, name := range []string{"1bad.py", "script.sh"} {
		result["entry_script '"+name+"'"] = deploy("churn-svc", model.InferenceConfig{EntryScript: s.WriteFile(name, parity.EntryScript)})
	}
	result["entry_script 'missing.py'"] = deploy("churn-svc", model.InferenceConfig{EntryScript: s.Dir() + "/missing.py"})
	result["entry_script ''"] = deploy("churn-svc", model.InferenceConfig{})
	result["missing source_directory"] = deploy("churn-svc", model.InferenceConfig{EntryScript: "score.py", SourceDirectory: s.Dir() + "/nope"})
	return result, nil
}

package parity_test

import (
	"context"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/compute"
	"github.com/azureml-go/azureml/internal/parity"
	"github.com/azureml-go/azureml/internal/recording/wire"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

// readingService reads a service and gives its state.
func readingService(golden string) parity.Scenario {
	return parity.Scenario{Name: golden, Run: with("churn-svc", func(_ context.Context, svc *webservice.AksWebservice) (any, error) {
		return svc.State, nil
	})}
}

// deployingNoCode deploys the model sk without code and gives the state that the service
// then has.
func deployingNoCode(golden string) parity.Scenario {
	return parity.Scenario{Name: golden, Run: within(func(ctx context.Context, _ *parity.Stage, ws *workspace.Workspace) (any, error) {
		m, err := model.Get(ctx, ws, "sk", nil)
		if err != nil {
			return nil, err
		}
		if _, err = model.BeginDeploy(ctx, ws, "sk-svc", []*model.Model{m}, nil, onAks(), nil); err != nil {
			return nil, err
		}
		svc, err := webservice.GetAks(ctx, ws, "sk-svc")
		if err != nil {
			return nil, err
		}
		return svc.State, nil
	})}
}

// registeringChurn registers a model of one small file.
func registeringChurn(golden string) parity.Scenario {
	return parity.Scenario{Name: golden, Run: within(func(ctx context.Context, s *parity.Stage, ws *workspace.Workspace) (any, error) {
		m, err := model.Register(ctx, ws, "churn", s.WriteFile("model.pkl", "x\n"), nil)
		if err != nil {
			return nil, err
		}
		return m.ID, nil
	})}
}

// readingModel reads a model and gives its id.
func readingModel(golden string) parity.Scenario {
	return parity.Scenario{Name: golden, Run: within(func(ctx context.Context, _ *parity.Stage, ws *workspace.Workspace) (any, error) {
		m, err := model.Get(ctx, ws, "churn", nil)
		if err != nil {
			return nil, err
		}
		return m.ID, nil
	})}
}

// opening opens the workspace and gives its region.
func opening(golden string) parity.Scenario {
	return parity.Scenario{Name: golden, Run: within(func(_ context.Context, _ *parity.Stage, ws *workspace.Workspace) (any, error) {
		return ws.Location, nil
	})}
}

// lookingFor is the look whether a request whose answer was lost has had its effect.
func lookingFor(path string, status int, answer string) parity.Allowance {
	return parity.Allowance{
		For: parity.FindsOut, Method: "GET", Path: path,
		Answer: wire.Response{Status: status, Headers: map[string]string{"Content-Type": "application/json"}, JSON: []byte(answer)},
	}
}

func faultScenarios() []parity.Scenario {
	noService := lookingFor("/services/sk-svc", 404, `{"code":"NotFound","statusCode":404,"message":"not there"}`)
	return []parity.Scenario{
		readingService("fault_mms_get_429_retry_after"),
		readingService("fault_mms_get_503"),
		readingService("fault_connection_reset_get"),
		readingService("fault_mms_get_408"),
		readingService("fault_mms_get_500_502_504"),
		ending(azureml.ErrForbidden, readingService("fault_mms_get_403")),
		ending(azureml.ErrUnavailable, readingService("fault_connection_refused")),
		ending(azureml.ErrThrottled, readingService("fault_mms_get_429_forever")),
		ending(azureml.ErrUnavailable, readingService("fault_connection_reset_forever")),
		ending(azureml.ErrUnavailable, allowing(deployingNoCode("fault_mms_post_503_forever"), noService, noService, noService)),
		deployingNoCode("fault_mms_validate_503"),
		deployingNoCode("fault_mms_validate_timeout"),
		allowing(registeringChurn("fault_models_post_503"), lookingFor("/models", 200, `{"value":[]}`)),
		ending(azureml.ErrForbidden, registeringChurn("fault_blob_403")),
		ending(azureml.ErrConflict, registeringChurn("fault_artifact_409")),
		readingModel("fault_models_429"),
		readingModel("fault_discovery_503"),
		ending(azureml.ErrUnavailable, readingModel("fault_models_503_forever")),
		ending(azureml.ErrUnavailable, readingModel("fault_models_reset_forever")),
		opening("fault_workspace_get_429"),
		opening("fault_workspace_get_reset"),
		ending(azureml.ErrUnauthorized, opening("fault_arm_401_expired")),
		ending(azureml.ErrForbidden, parity.Scenario{Name: "fault_compute_get_403", Run: within(func(ctx context.Context, _ *parity.Stage, ws *workspace.Workspace) (any, error) {
			_, err := compute.GetAks(ctx, ws, "aks-prod")
			return nil, err
		})}),
		ending(azureml.ErrConflict, parity.Scenario{Name: "fault_arm_put_409", Allow: []parity.Allowance{isFree("aks-prod")}, Run: within(func(ctx context.Context, _ *parity.Stage, ws *workspace.Workspace) (any, error) {
			_, err := compute.BeginCreate(ctx, ws, "aks-prod", compute.AksProvisioningConfiguration{}, nil)
			return nil, err
		})}),
		{Name: "fault_arm_put_429", Allow: []parity.Allowance{isFree("aks-prod")}, Run: within(func(ctx context.Context, _ *parity.Stage, ws *workspace.Workspace) (any, error) {
			if _, err := compute.BeginCreate(ctx, ws, "aks-prod", compute.AksProvisioningConfiguration{}, nil); err != nil {
				return nil, err
			}
			aks, err := compute.GetAks(ctx, ws, "aks-prod")
			if err != nil {
				return nil, err
			}
			return aks.ProvisioningState, nil
		})},
		ending(azureml.ErrUnavailable, parity.Scenario{Name: "fault_scoring_503", Run: with("churn-svc", func(ctx context.Context, svc *webservice.AksWebservice) (any, error) {
			return score(ctx, &svc.Service, `{"data": [[1]]}`)
		})}),
	}
}

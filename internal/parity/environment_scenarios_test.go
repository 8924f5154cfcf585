package parity_test

import (
	"context"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/parity"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/workspace"
)

func environmentScenarios() []parity.Scenario {
	return []parity.Scenario{
		{Name: "environment_get", Run: within(func(ctx context.Context, s *parity.Stage, ws *workspace.Workspace) (any, error) {
			newest, err := model.GetEnvironment(ctx, ws, "sklearn-env", nil)
			if err != nil {
				return nil, err
			}
			version, err := model.GetEnvironment(ctx, ws, "sklearn-env", &model.GetEnvironmentOptions{Version: "1"})
			if err != nil {
				return nil, err
			}
			_, unknown := model.GetEnvironment(ctx, ws, "nope", nil)
			described := func(e *model.Environment) any { return map[string]any{"name": e.Name, "version": e.Version} }
			return map[string]any{
				"newest": described(newest), "version": described(version), "unknown": refused(s.Of(unknown, azureml.ErrNotFound)),
			}, nil
		})},
		{Name: "environment_register", Run: within(func(ctx context.Context, _ *parity.Stage, ws *workspace.Workspace) (any, error) {
			var result []any
			for _, version := range []string{"", "", "7"} {
				e := theirEnvironment()
				e.Version = version
				registered, err := model.RegisterEnvironment(ctx, ws, e)
				if err != nil {
					return nil, err
				}
				result = append(result, map[string]any{"name": registered.Name, "version": registered.Version, "asset_id": registered.AssetID})
			}
			return result, nil
		})},
	}
}

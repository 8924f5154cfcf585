package parity_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/parity"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

// with makes a scenario that begins with a service on AKS that was read.
func with(name string, run func(ctx context.Context, svc *webservice.AksWebservice) (any, error)) func(context.Context, *parity.Stage) (any, error) {
	return within(func(ctx context.Context, _ *parity.Stage, ws *workspace.Workspace) (any, error) {
		svc, err := webservice.GetAks(ctx, ws, name)
		if err != nil {
			return nil, err
		}
		return run(ctx, svc)
	})
}

// score calls a service and gives the answer's JSON.
func score(ctx context.Context, svc *webservice.Service, body string) (any, error) {
	answer, err := svc.Run(ctx, []byte(body))
	if err != nil {
		return nil, err
	}
	return json.RawMessage(answer), nil
}

// outcome is what the goldens have for a call that may fail.
func outcome(value any, err error) any {
	if err != nil {
		return refused(err)
	}
	return value
}

func revealed(keys *webservice.Keys, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return []string{keys.Primary.Reveal(), keys.Secondary.Reveal()}, nil
}

func webserviceScenarios() []parity.Scenario {
	const service = "churn-svc"
	return []parity.Scenario{
		{Name: "webservice_get", Run: within(getService)},
		{Name: "webservice_get_unknown", Run: within(func(ctx context.Context, s *parity.Stage, ws *workspace.Workspace) (any, error) {
			_, err := webservice.Get(ctx, ws, "nope")
			return nil, s.Of(err, azureml.ErrNotFound)
		})},
		{Name: "webservice_list", Run: within(listServices)},
		{Name: "webservice_get_keys", Run: with(service, func(ctx context.Context, svc *webservice.AksWebservice) (any, error) {
			return revealed(svc.Keys(ctx))
		})},
		{Name: "webservice_regen_key_primary", Run: with(service, func(ctx context.Context, svc *webservice.AksWebservice) (any, error) {
			return revealed(svc.RegenerateKey(ctx, webservice.KeyTypePrimary, nil))
		})},
		{Name: "webservice_regen_key_failed", Run: with(service, func(ctx context.Context, svc *webservice.AksWebservice) (any, error) {
			return revealed(svc.RegenerateKey(ctx, webservice.KeyTypePrimary, nil))
		})},
		{Name: "webservice_get_token", Run: with(service, getToken)},
		{Name: "webservice_get_logs", Run: with(service, getLogs)},
		{Name: "webservice_run_key", Run: with(service, runTwice(`{"data": [[1, 2], [3, 4]]}`, `{"data": [[1]]}`))},
		{Name: "webservice_run_token", Run: with(service, runTwice(`{"data": [[1]]}`, `{"data": [[2]]}`))},
		{Name: "webservice_run_401_then_retry", Run: with(service, func(ctx context.Context, svc *webservice.AksWebservice) (any, error) {
			return score(ctx, &svc.Service, `{"data": [[1]]}`)
		})},
		{Name: "webservice_run_ssl", Run: with(service, func(ctx context.Context, svc *webservice.AksWebservice) (any, error) {
			answer, err := score(ctx, &svc.Service, `{"data": [[1]]}`)
			return map[string]any{"run": answer, "uris": map[string]any{"scoring_uri": svc.ScoringURI, "swagger_uri": svc.SwaggerURI}}, err
		})},
		{Name: "webservice_run_bad_input", Run: with(service, func(ctx context.Context, svc *webservice.AksWebservice) (any, error) {
			_, bad := svc.Run(ctx, []byte("not json"))
			_, gone := svc.Run(ctx, []byte(`{"data": [[1]]}`))
			return map[string]any{"bad": refused(bad), "gone": refused(gone)}, nil
		})},
		{Name: "webservice_delete", Run: within(deleteServices)},
		{Name: "webservice_delete_refused", Run: within(func(ctx context.Context, s *parity.Stage, ws *workspace.Workspace) (any, error) {
			svc, err := webservice.GetAks(ctx, ws, service)
			if err != nil {
				return nil, err
			}
			return nil, s.Of(deleteService(ctx, svc), azureml.ErrConflict)
		})},
	}
}

// getService waits, too, which the reference refuses for a service merely read, and
// which is at once over for one that is healthy.
func getService(ctx context.Context, _ *parity.Stage, ws *workspace.Workspace) (any, error) {
	svc, err := webservice.Get(ctx, ws, "churn-svc")
	if err != nil {
		return nil, err
	}
	typed, err := webservice.GetAks(ctx, ws, "churn-svc")
	if err != nil {
		return nil, err
	}
	if typed, err = typed.Refresh(ctx); err != nil {
		return nil, err
	}
	poller, err := webservice.BeginWait(ctx, typed, nil)
	if err != nil {
		return nil, err
	}
	class := func(svc any) string { return fmt.Sprintf("%T", svc)[len("*webservice."):] }
	waited, err := azureml.Wait(ctx, poller, nil)
	return map[string]any{"class": class(svc), "other": class(typed), "waited": waited.State}, err
}

func listServices(ctx context.Context, _ *parity.Stage, ws *workspace.Workspace) (any, error) {
	var list [][]any
	for svc, err := range webservice.List(ctx, ws, nil) {
		if err != nil {
			return nil, err
		}
		common := svc.Common()
		var failure any
		if common.Error != nil {
			failure = common.Error
		}
		list = append(list, []any{fmt.Sprintf("%T", svc)[len("*webservice."):], common.Name, common.State, failure})
	}
	return list, nil
}

func getToken(ctx context.Context, svc *webservice.AksWebservice) (any, error) {
	token, err := svc.Token(ctx)
	if err != nil {
		return nil, err
	}
	const format = "2006-01-02T15:04:05"
	return map[string]any{"token": token.Token.Reveal(), "refresh_after": token.RefreshAfter.Format(format), "access_token": map[string]any{
		"access_token": token.Token.Reveal(), "token_type": token.TokenType,
		"refresh_after": token.RefreshAfter.Format(format), "expiry_on": token.ExpiresOn.Format(format),
	}}, nil
}

func getLogs(ctx context.Context, svc *webservice.AksWebservice) (any, error) {
	read := func(o *webservice.LogsOptions) any {
		text, err := svc.Logs(ctx, o)
		return outcome(text, err)
	}
	result := map[string]any{"all": read(nil), "two": read(&webservice.LogsOptions{Lines: 2}), "init": read(&webservice.LogsOptions{InitContainer: true})}
	result["404"] = read(nil)
	result["no content"] = read(nil)
	return result, nil
}

func runTwice(first, second string) func(context.Context, *webservice.AksWebservice) (any, error) {
	return func(ctx context.Context, svc *webservice.AksWebservice) (any, error) {
		one, err := score(ctx, &svc.Service, first)
		if err != nil {
			return nil, err
		}
		two, err := score(ctx, &svc.Service, second)
		return map[string]any{"first": one, "second": two}, err
	}
}

func deleteService(ctx context.Context, svc *webservice.AksWebservice) error {
	poller, err := svc.BeginDelete(ctx, nil)
	if err != nil {
		return err
	}
	_, err = azureml.Wait(ctx, poller, nil)
	return err
}

func deleteServices(ctx context.Context, s *parity.Stage, ws *workspace.Workspace) (any, error) {
	slow, err := webservice.GetAks(ctx, ws, "slow-svc")
	if err != nil {
		return nil, err
	}
	fast, err := webservice.GetAks(ctx, ws, "fast-svc")
	if err != nil {
		return nil, err
	}
	if err := errors.Join(deleteService(ctx, slow), deleteService(ctx, fast), deleteService(ctx, fast)); err != nil {
		return nil, err
	}
	_, err = webservice.Get(ctx, ws, "slow-svc")
	return map[string]any{"gone": refused(s.Of(err, azureml.ErrNotFound))}, nil
}

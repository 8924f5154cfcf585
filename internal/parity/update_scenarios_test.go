package parity_test

import (
	"context"
	"time"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/parity"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

// updatingService changes churn-svc, waits, and gives what then makes of it.
func updatingService(golden string, u webservice.AksUpdate, then func(*webservice.AksWebservice) any) parity.Scenario {
	return parity.Scenario{Name: golden, Run: with("churn-svc", func(ctx context.Context, svc *webservice.AksWebservice) (any, error) {
		p, err := svc.BeginUpdate(ctx, u, nil)
		if err != nil {
			return nil, err
		}
		if svc, err = azureml.Wait(ctx, p, nil); err != nil {
			return nil, err
		}
		return then(svc), nil
	})}
}

func updateScenarios() []parity.Scenario {
	everything := webservice.AksUpdate{
		CPUCores: new(2.0), CPUCoresLimit: new(3.0), MemoryGB: new(2.0), MemoryGBLimit: new(6.0), GPUCores: new(1),
		CollectModelData: new(true), EnableAppInsights: new(true), ScoringTimeout: new(5 * time.Second),
		MaxRequestWaitTime: new(250 * time.Millisecond), ReplicaMaxConcurrentRequests: new(2), Namespace: new("other"), Description: new("updated"),
		LivenessProbe: webservice.LivenessProbeUpdate{
			Period: new(11 * time.Second), InitialDelay: new(12 * time.Second), Timeout: new(3 * time.Second),
			SuccessThreshold: new(2), FailureThreshold: new(5),
		},
	}
	return []parity.Scenario{
		updatingService("webservice_update_tags", webservice.AksUpdate{
			Tags: map[string]string{"new": "2"}, Properties: map[string]string{"build": "43"}, Description: new("text"),
		}, func(svc *webservice.AksWebservice) any {
			return map[string]any{"tags": svc.Tags, "properties": svc.Properties, "description": svc.Description, "state": svc.State}
		}),
		updatingService("webservice_update_resources", everything, func(svc *webservice.AksWebservice) any {
			return map[string]any{
				"container_resource_requirements": svc.ContainerResourceRequirements, "liveness_probe_requirements": svc.LivenessProbe,
				"enable_app_insights": svc.AppInsightsEnabled, "data_collection": svc.DataCollection, "scoring_timeout_ms": svc.ScoringTimeoutMS,
				"max_concurrent_requests_per_container": svc.MaxConcurrentRequestsPerContainer, "max_request_wait_time": svc.MaxQueueWaitMS,
				"namespace": svc.Namespace, "description": svc.Description,
			}
		}),
		ending(azureml.ErrInvalid, updatingService("webservice_update_rejected_by_service", webservice.AksUpdate{NumReplicas: new(2)}, nil)),
		{Name: "webservice_update_refused", Run: within(refuseUpdates)},
		{Name: "webservice_tags_properties", Run: within(tagsAndProperties)},
	}
}

func tagsAndProperties(ctx context.Context, _ *parity.Stage, ws *workspace.Workspace) (any, error) {
	svc, err := webservice.GetAks(ctx, ws, "churn-svc")
	if err != nil {
		return nil, err
	}
	if _, err = svc.AddTags(ctx, map[string]string{"b": "3", "c": "4"}); err != nil {
		return nil, err
	}
	if _, err = svc.RemoveTags(ctx, "a", "missing"); err != nil {
		return nil, err
	}
	if svc, err = svc.AddProperties(ctx, map[string]string{"build": "44"}); err != nil {
		return nil, err
	}
	bare, err := webservice.GetAks(ctx, ws, "bare-svc")
	if err != nil {
		return nil, err
	}
	_, removed := bare.RemoveTags(ctx, "x")
	if bare, err = bare.AddTags(ctx, map[string]string{"x": "y"}); err != nil {
		return nil, err
	}
	return map[string]any{"tags": svc.Tags, "properties": svc.Properties, "removed": refused(removed), "bare": bare.Tags}, nil
}

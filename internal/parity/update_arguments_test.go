package parity_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/parity"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

// refusedUpdates are the arguments of webservice_update_refused, in Go.
func refusedUpdates() map[string]webservice.AksUpdate {
	probe := func(p webservice.LivenessProbeUpdate) webservice.AksUpdate {
		return webservice.AksUpdate{LivenessProbe: p}
	}
	return map[string]webservice.AksUpdate{
		"nothing":                                {},
		"cpu_cores=-1":                           {CPUCores: new(-1.0)},
		"cpu_cores=0":                            {CPUCores: new(0.0)},
		"cpu_cores=3":                            {CPUCores: new(3.0)},
		"cpu_cores_limit=0.5":                    {CPUCoresLimit: new(0.5)},
		"cpu_cores=1.5, cpu_cores_limit=1.2":     {CPUCores: new(1.5), CPUCoresLimit: new(1.2)},
		"memory_gb=-1":                           {MemoryGB: new(-1.0)},
		"memory_gb=3":                            {MemoryGB: new(3.0)},
		"memory_gb_limit=0.5":                    {MemoryGBLimit: new(0.5)},
		"memory_gb_limit=-1":                     {MemoryGBLimit: new(-1.0)},
		"gpu_cores=-1":                           {GPUCores: new(-1)},
		"scoring_timeout_ms=-1":                  {ScoringTimeout: new(-time.Millisecond)},
		"replica_max_concurrent_requests=-1":     {ReplicaMaxConcurrentRequests: new(-1)},
		"max_request_wait_time=-1":               {MaxRequestWaitTime: new(-time.Millisecond)},
		"num_replicas=-1":                        {NumReplicas: new(-1)},
		"num_replicas=0":                         {NumReplicas: new(0)},
		"period_seconds=-1":                      probe(webservice.LivenessProbeUpdate{Period: new(-time.Second)}),
		"timeout_seconds=-1":                     probe(webservice.LivenessProbeUpdate{Timeout: new(-time.Second)}),
		"initial_delay_seconds=-1":               probe(webservice.LivenessProbeUpdate{InitialDelay: new(-time.Second)}),
		"success_threshold=-1":                   probe(webservice.LivenessProbeUpdate{SuccessThreshold: new(-1)}),
		"failure_threshold=-1":                   probe(webservice.LivenessProbeUpdate{FailureThreshold: new(-1)}),
		"namespace='Bad_Name'":                   {Namespace: new("Bad_Name")},
		"autoscale_enabled=True, num_replicas=2": {AutoscaleEnabled: new(true), NumReplicas: new(2)},
		"autoscale_enabled=True, autoscale_min_replicas=3, autoscale_max_replicas=2": {
			AutoscaleEnabled: new(true), AutoscaleMinReplicas: new(3), AutoscaleMaxReplicas: new(2),
		},
		"autoscale_enabled=False": {AutoscaleEnabled: new(false)},
	}
}

// sensibleUpdates are refused by the reference because they do not enable autoscaling.
// The service has it enabled already, so we send them, and the golden has no answer.
var sensibleUpdates = []string{
	"autoscale_min_replicas=2", "autoscale_max_replicas=2", "autoscale_refresh_seconds=2", "autoscale_target_utilization=2",
}

// refuseUpdates tries what the golden has, each on its own.
func refuseUpdates(ctx context.Context, s *parity.Stage, ws *workspace.Workspace) (any, error) {
	var golden map[string]string
	if err := json.Unmarshal(s.Golden().Result, &golden); err != nil {
		return nil, err
	}
	svc, err := webservice.GetAks(ctx, ws, "churn-svc")
	if err != nil {
		return nil, err
	}
	updates := refusedUpdates()
	result := map[string]any{}
	for arguments, message := range golden {
		if slices.Contains(sensibleUpdates, arguments) {
			continue
		}
		u, known := updates[arguments]
		if !known {
			return nil, fmt.Errorf("arguments %q are not known", arguments)
		}
		_, err := svc.BeginUpdate(ctx, u, nil)
		if result[arguments] = judged(err, message); err != nil {
			_ = s.Of(err, azureml.ErrInvalid)
		}
	}
	return result, nil
}

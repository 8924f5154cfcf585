package parity_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/parity"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/webservice"
)

// invalidOptions tries the configurations of the golden, each on its own.
func invalidOptions(_ context.Context, s *parity.Stage) (any, error) {
	var golden map[string]string
	if err := json.Unmarshal(s.Golden().Result, &golden); err != nil {
		return nil, err
	}
	result := map[string]any{}
	for options, message := range golden {
		config, err := theirOptions(options)
		if err != nil {
			return nil, err
		}
		_, err = config.DeployPayload(model.DeployRequest{Name: "churn-svc"})
		result[options] = judged(err, message)
	}
	return result, nil
}

// judged is what a golden has for a configuration: "accepted", or why it is refused.
func judged(err error, golden string) string {
	switch {
	case err == nil:
		return "accepted"
	case golden == "accepted":
		return "refused"
	}
	return golden // both refuse, each in its own words
}

// theirOptions reads arguments of deploy_configuration: "cpu_cores=2, cpu_cores_limit=1".
func theirOptions(text string) (webservice.AksDeployConfiguration, error) {
	c := onAks()
	for part := range strings.SplitSeq(text, ", ") {
		name, value, _ := strings.Cut(part, "=")
		set, known := theirArguments[name]
		if !known {
			return c, fmt.Errorf("argument %q is not known", part)
		}
		a := argument{truth: value == "True", text: strings.Trim(value, "'")}
		_, _ = fmt.Sscan(value, &a.number) // not all values are numbers
		set(&c, a)
	}
	return c, nil
}

// argument is a value, read in all ways.
type argument struct {
	number int
	truth  bool
	text   string
}

func (a argument) times(unit time.Duration) time.Duration { return time.Duration(a.number) * unit }

type aksConfiguration = webservice.AksDeployConfiguration

// theirArguments sets what the arguments of deploy_configuration set.
var theirArguments = map[string]func(*aksConfiguration, argument){
	"cpu_cores":                       func(c *aksConfiguration, a argument) { c.CPUCores = float64(a.number) },
	"cpu_cores_limit":                 func(c *aksConfiguration, a argument) { c.CPUCoresLimit = float64(a.number) },
	"memory_gb":                       func(c *aksConfiguration, a argument) { c.MemoryGB = float64(a.number) },
	"memory_gb_limit":                 func(c *aksConfiguration, a argument) { c.MemoryGBLimit = float64(a.number) },
	"gpu_cores":                       func(c *aksConfiguration, a argument) { c.GPUCores = &a.number },
	"period_seconds":                  func(c *aksConfiguration, a argument) { c.LivenessProbe.Period = a.times(time.Second) },
	"initial_delay_seconds":           func(c *aksConfiguration, a argument) { c.LivenessProbe.InitialDelay = a.times(time.Second) },
	"timeout_seconds":                 func(c *aksConfiguration, a argument) { c.LivenessProbe.Timeout = a.times(time.Second) },
	"success_threshold":               func(c *aksConfiguration, a argument) { c.LivenessProbe.SuccessThreshold = a.number },
	"failure_threshold":               func(c *aksConfiguration, a argument) { c.LivenessProbe.FailureThreshold = a.number },
	"namespace":                       func(c *aksConfiguration, a argument) { c.Namespace = a.text },
	"scoring_timeout_ms":              func(c *aksConfiguration, a argument) { c.ScoringTimeout = a.times(time.Millisecond) },
	"replica_max_concurrent_requests": func(c *aksConfiguration, a argument) { c.ReplicaMaxConcurrentRequests = a.number },
	"max_request_wait_time":           func(c *aksConfiguration, a argument) { c.MaxRequestWaitTime = a.times(time.Millisecond) },
	"num_replicas":                    func(c *aksConfiguration, a argument) { c.NumReplicas = a.number },
	"autoscale_enabled":               func(c *aksConfiguration, a argument) { c.AutoscaleEnabled = &a.truth },
	"autoscale_min_replicas":          func(c *aksConfiguration, a argument) { c.AutoscaleMinReplicas = a.number },
	"autoscale_max_replicas":          func(c *aksConfiguration, a argument) { c.AutoscaleMaxReplicas = a.number },
	"autoscale_refresh_seconds":       func(c *aksConfiguration, a argument) { c.AutoscaleRefresh = a.times(time.Second) },
	"autoscale_target_utilization":    func(c *aksConfiguration, a argument) { c.AutoscaleTargetUtilization = a.number },
	"auth_enabled":                    func(c *aksConfiguration, a argument) { c.AuthEnabled = &a.truth },
	"token_auth_enabled":              func(c *aksConfiguration, a argument) { c.TokenAuthEnabled = &a.truth },
	"primary_key":                     func(c *aksConfiguration, a argument) { c.PrimaryKey = azureml.NewSecret(a.text) },
	"secondary_key":                   func(c *aksConfiguration, a argument) { c.SecondaryKey = azureml.NewSecret(a.text) },
}

package webservice

import (
	"context"
	"regexp"
	"time"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/validate"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/workspace"
)

// AksDeployConfiguration says how a web service runs on AKS; model.BeginDeploy takes it
// and makes an *[AksWebservice]. What is zero is unset: the service then takes its own
// default, which is named here as far as it is documented.
//
// It mirrors azureml.core's AksWebservice.deploy_configuration.
type AksDeployConfiguration struct {
	// ComputeTarget is the workspace's name of the cluster. Required.
	ComputeTarget string

	// AutoscaleEnabled lets the number of replicas follow the load. Default: true when
	// NumReplicas is unset. With true NumReplicas must be unset, with false it must be
	// set; the other Autoscale fields ask for true.
	AutoscaleEnabled *bool
	// AutoscaleMinReplicas and AutoscaleMaxReplicas bound the number of replicas.
	// Defaults 1 and 10.
	AutoscaleMinReplicas int
	AutoscaleMaxReplicas int
	// AutoscaleRefresh is how often the load is looked at, in whole seconds. Default 1 s.
	AutoscaleRefresh time.Duration
	// AutoscaleTargetUtilization is the share of busy replicas, in percent, that is
	// aimed at. Default 70.
	AutoscaleTargetUtilization int
	// NumReplicas is a fixed number of replicas.
	NumReplicas int

	// CPUCores and MemoryGB are what each replica is granted, CPUCoresLimit and
	// MemoryGBLimit the most that it may take. A limit must not be less than the grant.
	// Defaults 0.1 cores and 0.5 GB.
	CPUCores      float64
	CPUCoresLimit float64
	MemoryGB      float64
	MemoryGBLimit float64
	// GPUCores is the number of GPUs of each replica; 0 means none. Default none.
	GPUCores *int

	// AuthEnabled asks callers for a key. Default true. TokenAuthEnabled asks for a
	// token of [Service.Token] instead. Default false. Both cannot be true; with
	// TokenAuthEnabled true, AuthEnabled false is sent, whether set or not.
	AuthEnabled      *bool
	TokenAuthEnabled *bool
	// PrimaryKey and SecondaryKey are keys of your own. Default: the service makes
	// them. A secondary key needs a primary one.
	PrimaryKey   azureml.Secret
	SecondaryKey azureml.Secret

	// CollectModelData keeps what the script collects with ModelDataCollector in the
	// workspace's storage. Default false.
	CollectModelData *bool
	// EnableAppInsights logs requests to Application Insights. Default false.
	EnableAppInsights *bool

	// ScoringTimeout is how long a request may take, in whole milliseconds. Default 60 s;
	// the service allows 5 minutes at most.
	ScoringTimeout time.Duration
	// MaxRequestWaitTime is how long a request waits for a free replica before it is
	// refused with 503, in whole milliseconds. Default 500 ms.
	MaxRequestWaitTime time.Duration
	// ReplicaMaxConcurrentRequests is what one replica takes at once. Default 1.
	ReplicaMaxConcurrentRequests int
	// LivenessProbe says how the cluster finds out that a replica hangs.
	LivenessProbe LivenessProbe

	// Namespace is the cluster's namespace for the service: 1 to 63 of a-z, 0-9 and -,
	// not at the ends. Default: one made from the workspace's name.
	Namespace string
	// BlobfuseEnabled mounts the models instead of downloading them. Default true.
	BlobfuseEnabled *bool

	// Tags can be changed later, properties only added to.
	Tags        map[string]string
	Properties  map[string]string
	Description string
}

// LivenessProbe says how a cluster finds out that a replica hangs. Zero fields are
// unset; the service's defaults are 10 s, 310 s, 2 s, 1 and 3. Durations are in whole
// seconds.
type LivenessProbe struct {
	// Period is the time between two probes, InitialDelay that before the first.
	Period       time.Duration
	InitialDelay time.Duration
	// Timeout is how long a probe may take.
	Timeout time.Duration
	// SuccessThreshold and FailureThreshold are how many probes in a row decide.
	SuccessThreshold int
	FailureThreshold int
}

var _ model.DeployConfiguration[*AksWebservice] = AksDeployConfiguration{}

// DeployPayload checks the configuration, all rules at once, and builds the body of
// the request that creates the service. The name is checked by the caller. It is for model.BeginDeploy.
func (c AksDeployConfiguration) DeployPayload(r model.DeployRequest) (any, error) {
	var check validate.Checker
	check.Require("ComputeTarget", c.ComputeTarget)
	c.check(&check)
	if err := check.Err("deploy", subject(r.Name)); err != nil {
		return nil, err
	}
	return c.payload(r), nil
}

// DeployedService reads the service that was deployed. It is for model.BeginDeploy.
func (c AksDeployConfiguration) DeployedService(ctx context.Context, ws *workspace.Workspace, name string) (*AksWebservice, error) {
	return deployed[*AksWebservice](ctx, ws, name)
}

// DeployFailure adds to the error of a failed deployment what the service knows, the
// tail of its log and what the cluster has. It is for model.BeginDeploy.
func (c AksDeployConfiguration) DeployFailure(ctx context.Context, ws *workspace.Workspace, name string, failure *azureml.Error) error {
	return explainFailure(ctx, ws, name, c.ComputeTarget, failure)
}

var namespacePattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

const namespaceRule = "must be 1 to 63 of a-z, 0-9 and -, without - at the ends"

// check checks the rules that services and versions of endpoints share.
func (c AksDeployConfiguration) check(check *validate.Checker) {
	validate.Positive(check, "CPUCores", c.CPUCores)
	validate.Positive(check, "CPUCoresLimit", c.CPUCoresLimit)
	validate.NotLess(check, "CPUCoresLimit", c.CPUCoresLimit, "CPUCores", c.CPUCores)
	validate.Positive(check, "MemoryGB", c.MemoryGB)
	validate.Positive(check, "MemoryGBLimit", c.MemoryGBLimit)
	validate.NotLess(check, "MemoryGBLimit", c.MemoryGBLimit, "MemoryGB", c.MemoryGB)
	validate.NotNegativePtr(check, "GPUCores", c.GPUCores)
	validate.Positive(check, "NumReplicas", c.NumReplicas)
	validate.Positive(check, "ReplicaMaxConcurrentRequests", c.ReplicaMaxConcurrentRequests)
	checkDuration(check, "ScoringTimeout", c.ScoringTimeout, time.Millisecond)
	checkDuration(check, "MaxRequestWaitTime", c.MaxRequestWaitTime, time.Millisecond)
	check.In("LivenessProbe", c.LivenessProbe.check)
	if c.Namespace != "" {
		check.Match("Namespace", c.Namespace, namespacePattern, namespaceRule)
	}
	c.checkAutoscale(check)
	if isTrue(c.AuthEnabled) && isTrue(c.TokenAuthEnabled) {
		check.Add("TokenAuthEnabled", true, "cannot be true together with AuthEnabled: a service asks for keys or for tokens")
	}
	checkKeys(check, c.PrimaryKey, c.SecondaryKey)
}

func (c AksDeployConfiguration) checkAutoscale(check *validate.Checker) {
	validate.Positive(check, "AutoscaleMinReplicas", c.AutoscaleMinReplicas)
	validate.Positive(check, "AutoscaleMaxReplicas", c.AutoscaleMaxReplicas)
	validate.NotLess(check, "AutoscaleMaxReplicas", c.AutoscaleMaxReplicas, "AutoscaleMinReplicas", c.AutoscaleMinReplicas)
	checkDuration(check, "AutoscaleRefresh", c.AutoscaleRefresh, time.Second)
	validate.Positive(check, "AutoscaleTargetUtilization", c.AutoscaleTargetUtilization)
	if isTrue(c.AutoscaleEnabled) {
		if c.NumReplicas != 0 {
			check.Add("NumReplicas", c.NumReplicas, "cannot be set together with AutoscaleEnabled")
		}
		return
	}
	if c.AutoscaleEnabled != nil && c.NumReplicas == 0 {
		check.Add("NumReplicas", nil, "is required when AutoscaleEnabled is false")
	}
	for _, setting := range []struct {
		field string
		value any
		isSet bool
	}{
		{"AutoscaleMinReplicas", c.AutoscaleMinReplicas, c.AutoscaleMinReplicas != 0},
		{"AutoscaleMaxReplicas", c.AutoscaleMaxReplicas, c.AutoscaleMaxReplicas != 0},
		{"AutoscaleRefresh", c.AutoscaleRefresh, c.AutoscaleRefresh != 0},
		{"AutoscaleTargetUtilization", c.AutoscaleTargetUtilization, c.AutoscaleTargetUtilization != 0},
	} {
		if setting.isSet {
			check.Add(setting.field, setting.value, "needs AutoscaleEnabled to be true")
		}
	}
}

func (p LivenessProbe) check(check *validate.Checker) {
	checkDuration(check, "Period", p.Period, time.Second)
	checkDuration(check, "InitialDelay", p.InitialDelay, time.Second)
	checkDuration(check, "Timeout", p.Timeout, time.Second)
	validate.Positive(check, "SuccessThreshold", p.SuccessThreshold)
	validate.Positive(check, "FailureThreshold", p.FailureThreshold)
}

// checkDuration notes a duration that is set and not a positive number of whole units.
func checkDuration(check *validate.Checker, field string, d, unit time.Duration) {
	if d == 0 {
		return
	}
	name := map[time.Duration]string{time.Second: "seconds", time.Millisecond: "milliseconds"}[unit]
	switch {
	case d < 0:
		check.Add(field, d, "must be > 0")
	case d%unit != 0:
		check.Add(field, d, "must be a number of whole "+name)
	}
}

// checkKeys checks keys of one's own for a new service.
func checkKeys(check *validate.Checker, primary, secondary azureml.Secret) {
	checkKey(check, "PrimaryKey", primary)
	checkKey(check, "SecondaryKey", secondary)
	if primary.IsZero() && !secondary.IsZero() {
		check.Add("SecondaryKey", secondary, "needs a PrimaryKey beside it")
	}
}

// checkKey notes a key that cannot stand in the header of a request.
func checkKey(check *validate.Checker, field string, key azureml.Secret) {
	for _, r := range key.Reveal() {
		if r <= ' ' || r >= 0x7f {
			check.Add(field, key, "must be ASCII text without blanks and control characters")
			return
		}
	}
}

func isTrue(b *bool) bool { return b != nil && *b }

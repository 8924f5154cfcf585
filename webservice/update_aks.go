package webservice

import (
	"context"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/azureml-go/azureml/internal/jsonpatch"
	"github.com/azureml-go/azureml/internal/validate"
	"github.com/azureml-go/azureml/model"
)

// AksUpdate says what to change of an [AksWebservice]. What is nil stays as it is; zero
// values can be set. The rules are those of [AksDeployConfiguration], for what the
// service has after the change.
type AksUpdate struct {
	// Image is what runs from now on, made by model.PrepareImage: other models, another
	// script or environment.
	Image *model.ImageRequest
	// ImageID is the image of a service that was made from one.
	ImageID *string

	AutoscaleEnabled           *bool
	AutoscaleMinReplicas       *int
	AutoscaleMaxReplicas       *int
	AutoscaleRefresh           *time.Duration
	AutoscaleTargetUtilization *int
	NumReplicas                *int

	CPUCores      *float64
	CPUCoresLimit *float64
	MemoryGB      *float64
	MemoryGBLimit *float64
	GPUCores      *int

	// AuthEnabled and TokenAuthEnabled: to go from keys to tokens, or back, set both.
	AuthEnabled      *bool
	TokenAuthEnabled *bool

	CollectModelData  *bool
	EnableAppInsights *bool

	ScoringTimeout               *time.Duration
	MaxRequestWaitTime           *time.Duration
	ReplicaMaxConcurrentRequests *int
	LivenessProbe                LivenessProbeUpdate
	Namespace                    *string

	// Tags replace all tags; an empty map takes them all away. To change some, see
	// [AksWebservice.AddTags].
	Tags map[string]string
	// Properties are added; those that are there cannot be changed.
	Properties  map[string]string
	Description *string
}

// LivenessProbeUpdate says what to change of a [LivenessProbe].
type LivenessProbeUpdate struct {
	Period           *time.Duration
	InitialDelay     *time.Duration
	Timeout          *time.Duration
	SuccessThreshold *int
	FailureThreshold *int
}

// BeginUpdate changes the service. Replicas are replaced one after the other: with more
// than one of them there is always one that answers.
//
// Errors: azureml.ErrInvalid for a change that breaks a rule, that the service refuses,
// or that is empty; azureml.ErrConflict when something else changes it right now. A
// change that fails is an error as that of a deployment. It mirrors azureml.core's update.
func (s *AksWebservice) BeginUpdate(ctx context.Context, u AksUpdate, o *UpdateOptions) (*runtime.Poller[*AksWebservice], error) {
	var check validate.Checker
	var patch jsonpatch.Patch
	if o == nil || o.ResumeToken == "" {
		u.check(&check, s)
		patch = u.patch()
		checkEmpty(&check, &patch)
	}
	if err := check.Err("update", s.subject()); err != nil {
		return nil, err
	}
	return beginUpdate(ctx, s, &patch, o)
}

func (u AksUpdate) check(check *validate.Checker, s *AksWebservice) {
	checkImage(check, u.Image, u.ImageID, s.ImageID, s.Environment)
	u.checkAutoscale(check, s)
	now := s.ContainerResourceRequirements
	if now == nil {
		now = new(ContainerResourceRequirements)
	}
	checkLimit(check, "CPUCores", u.CPUCores, now.CPU, u.CPUCoresLimit, now.CPULimit)
	checkLimit(check, "MemoryGB", u.MemoryGB, now.MemoryGB, u.MemoryGBLimit, now.MemoryGBLimit)
	validate.NotNegativePtr(check, "GPUCores", u.GPUCores)
	checkDurationPtr(check, "ScoringTimeout", u.ScoringTimeout, time.Millisecond)
	checkDurationPtr(check, "MaxRequestWaitTime", u.MaxRequestWaitTime, time.Millisecond)
	validate.PositivePtr(check, "ReplicaMaxConcurrentRequests", u.ReplicaMaxConcurrentRequests)
	check.In("LivenessProbe", u.LivenessProbe.check)
	if u.Namespace != nil {
		check.Match("Namespace", *u.Namespace, namespacePattern, namespaceRule)
	}
	checkAuth(check, &s.Service, u.AuthEnabled, u.TokenAuthEnabled)
}

// checkLimit checks a grant and its limit as they are after the change.
func checkLimit(check *validate.Checker, field string, grant, grantNow, limit, limitNow *float64) {
	validate.PositivePtr(check, field, grant)
	validate.PositivePtr(check, field+"Limit", limit)
	if grant == nil && limit == nil {
		return
	}
	after, limitAfter := or(grant, grantNow), or(limit, limitNow)
	if after == nil || limitAfter == nil || !(*after > 0) || !(*limitAfter > 0) || *limitAfter >= *after {
		return
	}
	if limit == nil {
		check.Addf(field, *grant, "must be <= the limit that the service has (%v); set %sLimit too", *limitAfter, field)
		return
	}
	check.Addf(field+"Limit", *limit, "must be >= %s (%v)", field, *after)
}

func (u AksUpdate) checkAutoscale(check *validate.Checker, s *AksWebservice) {
	validate.PositivePtr(check, "NumReplicas", u.NumReplicas)
	validate.PositivePtr(check, "AutoscaleMinReplicas", u.AutoscaleMinReplicas)
	validate.PositivePtr(check, "AutoscaleMaxReplicas", u.AutoscaleMaxReplicas)
	checkDurationPtr(check, "AutoscaleRefresh", u.AutoscaleRefresh, time.Second)
	validate.PositivePtr(check, "AutoscaleTargetUtilization", u.AutoscaleTargetUtilization)
	now := s.AutoScaler
	if now == nil {
		now = new(AutoScaler)
	}
	least, most := or(u.AutoscaleMinReplicas, now.MinReplicas), or(u.AutoscaleMaxReplicas, now.MaxReplicas)
	if (u.AutoscaleMinReplicas != nil || u.AutoscaleMaxReplicas != nil) && least != nil && most != nil && *least > *most {
		check.Addf("AutoscaleMaxReplicas", *most, "must be >= AutoscaleMinReplicas (%d) after the change", *least)
	}
	if isTrue(u.AutoscaleEnabled) && u.NumReplicas != nil {
		check.Add("NumReplicas", *u.NumReplicas, "cannot be set together with AutoscaleEnabled")
	}
	if isFalse(u.AutoscaleEnabled) && u.NumReplicas == nil && s.NumReplicas == nil {
		check.Add("NumReplicas", nil, "is required when AutoscaleEnabled is false")
	}
	if !isFalse(or(u.AutoscaleEnabled, now.Enabled)) {
		return
	}
	for _, setting := range []struct {
		field string
		isSet bool
	}{
		{"AutoscaleMinReplicas", u.AutoscaleMinReplicas != nil}, {"AutoscaleMaxReplicas", u.AutoscaleMaxReplicas != nil},
		{"AutoscaleRefresh", u.AutoscaleRefresh != nil}, {"AutoscaleTargetUtilization", u.AutoscaleTargetUtilization != nil},
	} {
		if setting.isSet {
			check.Add(setting.field, nil, "needs AutoscaleEnabled to be true")
		}
	}
}

func (p LivenessProbeUpdate) check(check *validate.Checker) {
	checkDurationPtr(check, "Period", p.Period, time.Second)
	checkDurationPtr(check, "InitialDelay", p.InitialDelay, time.Second)
	checkDurationPtr(check, "Timeout", p.Timeout, time.Second)
	validate.PositivePtr(check, "SuccessThreshold", p.SuccessThreshold)
	validate.PositivePtr(check, "FailureThreshold", p.FailureThreshold)
}

// patch builds the patch in the contract's order (webservice §5.3).
func (u AksUpdate) patch() jsonpatch.Patch {
	var p jsonpatch.Patch
	if u.Image != nil {
		p.Replace("/environmentImageRequest", u.Image)
	}
	jsonpatch.Set(&p, "/imageId", u.ImageID)
	jsonpatch.Set(&p, "/autoScaler/autoscaleEnabled", u.AutoscaleEnabled)
	jsonpatch.Set(&p, "/autoScaler/minReplicas", u.AutoscaleMinReplicas)
	jsonpatch.Set(&p, "/autoScaler/maxReplicas", u.AutoscaleMaxReplicas)
	setDuration(&p, "/autoScaler/refreshPeriodInSeconds", u.AutoscaleRefresh, time.Second)
	jsonpatch.Set(&p, "/autoScaler/targetUtilization", u.AutoscaleTargetUtilization)
	jsonpatch.Set(&p, "/dataCollection/storageEnabled", u.CollectModelData)
	jsonpatch.Set(&p, "/authEnabled", u.AuthEnabled)
	jsonpatch.Set(&p, "/aadAuthEnabled", u.TokenAuthEnabled)
	jsonpatch.Set(&p, "/containerResourceRequirements/cpu", u.CPUCores)
	jsonpatch.Set(&p, "/containerResourceRequirements/cpuLimit", u.CPUCoresLimit)
	jsonpatch.Set(&p, "/containerResourceRequirements/memoryInGB", u.MemoryGB)
	jsonpatch.Set(&p, "/containerResourceRequirements/memoryInGBLimit", u.MemoryGBLimit)
	jsonpatch.Set(&p, "/containerResourceRequirements/gpu", u.GPUCores)
	jsonpatch.Set(&p, "/appInsightsEnabled", u.EnableAppInsights)
	setDuration(&p, "/scoringTimeoutMs", u.ScoringTimeout, time.Millisecond)
	jsonpatch.Set(&p, "/maxConcurrentRequestsPerContainer", u.ReplicaMaxConcurrentRequests)
	setDuration(&p, "/maxQueueWaitMs", u.MaxRequestWaitTime, time.Millisecond)
	jsonpatch.Set(&p, "/numReplicas", u.NumReplicas)
	setDuration(&p, "/livenessProbeRequirements/periodSeconds", u.LivenessProbe.Period, time.Second)
	setDuration(&p, "/livenessProbeRequirements/initialDelaySeconds", u.LivenessProbe.InitialDelay, time.Second)
	setDuration(&p, "/livenessProbeRequirements/timeoutSeconds", u.LivenessProbe.Timeout, time.Second)
	jsonpatch.Set(&p, "/livenessProbeRequirements/successThreshold", u.LivenessProbe.SuccessThreshold)
	jsonpatch.Set(&p, "/livenessProbeRequirements/failureThreshold", u.LivenessProbe.FailureThreshold)
	jsonpatch.Set(&p, "/namespace", u.Namespace)
	if u.Tags != nil {
		p.Replace("/kvTags", u.Tags)
	}
	p.AddEach("/properties", u.Properties)
	jsonpatch.Set(&p, "/description", u.Description)
	return p
}

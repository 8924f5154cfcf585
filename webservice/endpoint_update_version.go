package webservice

import (
	"context"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/azureml-go/azureml/internal/jsonpatch"
	"github.com/azureml-go/azureml/internal/validate"
	"github.com/azureml-go/azureml/model"
)

// VersionUpdate says what to change of a version of an [AksEndpoint]. What is nil stays
// as it is; zero values can be set. The rules are those of [VersionConfiguration], for
// what the endpoint has after the change.
type VersionUpdate struct {
	// TrafficPercentile is the version's own percentage. To set what the versions
	// get in the end, see [AksEndpoint.SetTraffic].
	TrafficPercentile *float64
	// IsDefault, true, makes it the only default version. The only default version
	// cannot be made none: make another one the default.
	IsDefault *bool
	// IsControlVersionType, true, makes it the only control, all others treatments.
	IsControlVersionType *bool

	// Image is what runs from now on, made by model.PrepareImage.
	Image *model.ImageRequest

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

	CollectModelData             *bool
	ScoringTimeout               *time.Duration
	MaxRequestWaitTime           *time.Duration
	ReplicaMaxConcurrentRequests *int
	LivenessProbe                LivenessProbeUpdate

	// Tags replace all tags of the version; an empty map takes them all away.
	Tags map[string]string
	// Properties are added; those that are there cannot be changed.
	Properties  map[string]string
	Description *string
}

// BeginUpdateVersion changes a version. The endpoint is read first, and a transition in
// progress is waited for; the poller gives the endpoint as it is then.
//
// Errors: azureml.ErrNotFound when there is no such version; azureml.ErrInvalid for a
// change that breaks a rule, that the service refuses, or that is empty;
// azureml.ErrConflict when something else changes the endpoint at that very moment. It
// mirrors azureml.core's update_version.
func (s *AksEndpoint) BeginUpdateVersion(ctx context.Context, versionName string, u VersionUpdate, o *UpdateOptions) (*runtime.Poller[*AksEndpoint], error) {
	change := endpointChange{operation: "update version " + versionName + " of", kind: "update-version", version: versionName}.with(o)
	if err := requireVersion(change, s); err != nil {
		return nil, err
	}
	if change.resumeToken == "" {
		if err := u.checkAlone(change, s); err != nil {
			return nil, err
		}
	}
	change.build = func(_ context.Context, now *AksEndpoint, rules *endpointRules, p *jsonpatch.Patch) error {
		version := now.Versions[versionName]
		if version == nil {
			return now.noSuchVersion(change.operation, versionName)
		}
		u.aks().check(&rules.Checker, version)
		checkProperties(&rules.Checker, version.Properties, u.Properties)
		before, after := planOf(now), planOf(now)
		u.plan(after, versionName)
		after.check(rules, before)
		u.patch(now, versionName, p)
		if rules.OK() {
			checkEmpty(&rules.Checker, p)
		}
		return nil
	}
	p, _, err := s.beginChange(ctx, change)
	return p, err
}

// checkAlone checks what can be checked without the version, before any request.
func (u VersionUpdate) checkAlone(c endpointChange, s *AksEndpoint) error {
	var check validate.Checker
	checkPercentile(&check, u.TrafficPercentile)
	// A version that nothing else is known of breaks no rule by what it has.
	u.aks().check(&check, &AksWebservice{NumReplicas: new(1)})
	if u.IsDefault == nil && u.IsControlVersionType == nil {
		p := u.aks().patch()
		jsonpatch.Set(&p, "/trafficPercentile", u.TrafficPercentile)
		u.patchAbout(&p)
		checkEmpty(&check, &p)
	}
	return check.Err(c.operation, s.subject())
}

// aks is what is changed of the version as of a service of its own, but for the texts.
func (u VersionUpdate) aks() AksUpdate {
	return AksUpdate{
		Image:            u.Image,
		AutoscaleEnabled: u.AutoscaleEnabled, AutoscaleMinReplicas: u.AutoscaleMinReplicas, AutoscaleMaxReplicas: u.AutoscaleMaxReplicas,
		AutoscaleRefresh: u.AutoscaleRefresh, AutoscaleTargetUtilization: u.AutoscaleTargetUtilization, NumReplicas: u.NumReplicas,
		CPUCores: u.CPUCores, CPUCoresLimit: u.CPUCoresLimit, MemoryGB: u.MemoryGB, MemoryGBLimit: u.MemoryGBLimit, GPUCores: u.GPUCores,
		CollectModelData: u.CollectModelData, ScoringTimeout: u.ScoringTimeout, MaxRequestWaitTime: u.MaxRequestWaitTime,
		ReplicaMaxConcurrentRequests: u.ReplicaMaxConcurrentRequests, LivenessProbe: u.LivenessProbe,
	}
}

// plan changes a plan as the patch changes the endpoint.
func (u VersionUpdate) plan(p plan, name string) {
	v := p[name]
	v.isDefault = v.isDefault && !isFalse(u.IsDefault)
	v.isControl = v.isControl && !isFalse(u.IsControlVersionType)
	v.percentile = or(u.TrafficPercentile, v.percentile)
	p[name] = v
	if isTrue(u.IsDefault) {
		p.makeDefault(name)
	}
	if isTrue(u.IsControlVersionType) {
		p.makeControl(name)
	}
}

// patch builds the patch in the contract's order (webservice §6.3). Marks are written to
// all versions, whether they change them or not, so that what somebody else has just
// marked does not stay beside.
func (u VersionUpdate) patch(now *AksEndpoint, name string, p *jsonpatch.Patch) {
	for _, other := range now.versionNames() {
		if isTrue(u.IsDefault) {
			p.Replace(versionPath(other)+"/isDefault", other == name)
		}
		if isTrue(u.IsControlVersionType) {
			p.Replace(versionPath(other)+"/type", versionType(other == name))
		}
	}
	version := now.Versions[name]
	if isFalse(u.IsDefault) && isTrue(version.IsDefault) {
		p.Replace(versionPath(name)+"/isDefault", false)
	}
	if isFalse(u.IsControlVersionType) && version.VersionType == VersionTypeControl {
		p.Replace(versionPath(name)+"/type", VersionTypeTreatment)
	}
	of := u.aks().patch()
	jsonpatch.Set(&of, "/trafficPercentile", u.TrafficPercentile)
	u.patchAbout(&of)
	p.Append(versionPath(name), of)
}

func (u VersionUpdate) patchAbout(p *jsonpatch.Patch) {
	jsonpatch.Set(p, "/description", u.Description)
	if u.Tags != nil {
		p.Replace("/kvTags", u.Tags)
	}
	p.AddEach("/properties", u.Properties)
}

package webservice

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/jsonpatch"
	"github.com/azureml-go/azureml/model"
)

// VersionConfiguration says how a further version of an [AksEndpoint] runs. What is zero
// is unset: the service then takes its own default, which is that of the same field of
// [AksDeployConfiguration]. Cluster, keys and authentication are the endpoint's.
type VersionConfiguration struct {
	// TrafficPercentile is the version's own percentage, 0 to 100; with those of the
	// other versions at most 100. Default: none, so that it gets requests only as the
	// default version.
	TrafficPercentile *float64
	// IsDefault makes it the version that gets what the percentages leave, in place of
	// the one that is it now.
	IsDefault bool
	// IsControlVersionType makes it the version that the others are compared with, in
	// place of the one that is it now, which becomes a treatment.
	IsControlVersionType bool

	// AutoscaleEnabled and the fields below it: see [AksDeployConfiguration].
	AutoscaleEnabled           *bool
	AutoscaleMinReplicas       int
	AutoscaleMaxReplicas       int
	AutoscaleRefresh           time.Duration
	AutoscaleTargetUtilization int
	NumReplicas                int

	// CPUCores and the fields below it are of one replica; see [AksDeployConfiguration].
	CPUCores      float64
	CPUCoresLimit float64
	MemoryGB      float64
	MemoryGBLimit float64
	GPUCores      *int

	// CollectModelData and the fields below it: see [AksDeployConfiguration].
	CollectModelData             *bool
	ScoringTimeout               time.Duration
	MaxRequestWaitTime           time.Duration
	ReplicaMaxConcurrentRequests int
	LivenessProbe                LivenessProbe

	// Tags can be changed later, properties only added to.
	Tags        map[string]string
	Properties  map[string]string
	Description string
}

// CreateVersionOptions are the optional parts of [AksEndpoint.BeginCreateVersion].
type CreateVersionOptions struct {
	// ResumeToken goes on with a creation that was begun earlier; nothing is checked,
	// uploaded or sent. Models, inference and the rest are not looked at.
	ResumeToken string
	// SkipPrecheck leaves out the question whether the service accepts the change, one
	// request before the change itself.
	SkipPrecheck bool
	// SkipVersionNameCheck leaves out the look at the workspace's other endpoints,
	// whether one on the same cluster has a version of that name: the two would
	// overwrite each other.
	SkipVersionNameCheck bool
	// Progress is told how far the uploads are.
	Progress func(model.UploadProgress)
	// OnWarning gets what is worth saying.
	OnWarning func(azureml.Warning)
}

// BeginCreateVersion adds a version with models and code to the endpoint. A nil inference
// deploys one model without code; see model.BeginDeploy. The poller gives the endpoint
// with the new version.
//
// What can be checked here is checked first (azureml.ErrInvalid, all violations at once).
// Then the endpoint is read, a transition in progress waited for, and the rules of
// endpoints are checked: six versions at most, percentages that come to 100 at most, a
// name that neither this endpoint nor another one of the workspace on the same cluster
// uses for a version (azureml.ErrConflict). Only then the code is uploaded and the change
// is sent.
//
// A version that fails is an error as that of a deployment; it is there all the same and
// can be deleted or updated. It mirrors azureml.core's create_version.
func (s *AksEndpoint) BeginCreateVersion(
	ctx context.Context, versionName string, models []*model.Model, inference *model.InferenceConfig, c VersionConfiguration, o *CreateVersionOptions,
) (*runtime.Poller[*AksEndpoint], error) {
	var options CreateVersionOptions
	if o != nil {
		options = *o
	}
	change := endpointChange{
		operation: "create version " + versionName + " of", kind: "create-version", version: versionName,
		resumeToken: options.ResumeToken, skipPrecheck: options.SkipPrecheck, onWarning: options.OnWarning,
	}
	if options.ResumeToken == "" {
		if err := c.check(change.operation, s, versionName, models, inference); err != nil {
			return nil, err
		}
	}
	var sent *model.ImageRequest
	change.build = func(ctx context.Context, now *AksEndpoint, rules *endpointRules, patch *jsonpatch.Patch) error {
		c.plan(now, versionName, rules)
		if !rules.OK() {
			return nil
		}
		if !options.SkipVersionNameCheck {
			names := versionNames{ws: s.ws, endpoint: s.Name, compute: now.ComputeName, onWarning: options.OnWarning}
			if err := names.check(ctx, change.operation, "versionName", versionName); err != nil {
				return err
			}
		}
		image, err := model.PrepareImage(ctx, s.ws, models, inference, &model.PrepareImageOptions{
			Operation: change.operation, Subject: s.subject(), Progress: options.Progress, OnWarning: options.OnWarning,
		})
		if err != nil {
			return err
		}
		c.patch(now, versionName, image, patch)
		sent = image
		return nil
	}
	change.made = func(now *AksEndpoint) bool { return now.Versions[versionName].runs(sent) }
	p, _, err := s.beginChange(ctx, change)
	return p, err
}

// aks is what the version has in common with a service of its own.
func (c VersionConfiguration) aks() AksDeployConfiguration {
	return AksDeployConfiguration{
		AutoscaleEnabled: c.AutoscaleEnabled, AutoscaleMinReplicas: c.AutoscaleMinReplicas, AutoscaleMaxReplicas: c.AutoscaleMaxReplicas,
		AutoscaleRefresh: c.AutoscaleRefresh, AutoscaleTargetUtilization: c.AutoscaleTargetUtilization, NumReplicas: c.NumReplicas,
		CPUCores: c.CPUCores, CPUCoresLimit: c.CPUCoresLimit, MemoryGB: c.MemoryGB, MemoryGBLimit: c.MemoryGBLimit, GPUCores: c.GPUCores,
		CollectModelData: c.CollectModelData, ScoringTimeout: c.ScoringTimeout, MaxRequestWaitTime: c.MaxRequestWaitTime,
		ReplicaMaxConcurrentRequests: c.ReplicaMaxConcurrentRequests, LivenessProbe: c.LivenessProbe,
		Tags: c.Tags, Properties: c.Properties, Description: c.Description,
	}
}

// check checks everything that can be checked on this machine, all at once.
func (c VersionConfiguration) check(operation string, s *AksEndpoint, name string, models []*model.Model, inference *model.InferenceConfig) error {
	var rules endpointRules
	checkVersionName(&rules.Checker, "versionName", name, s.Name)
	checkPercentile(&rules.Checker, c.TrafficPercentile)
	c.aks().check(&rules.Checker)
	if err := model.CheckImage(models, inference); err != nil {
		e, ok := errors.AsType[*azureml.Error](err)
		if !ok || len(e.Violations) == 0 {
			return err
		}
		all := append(rules.Violations(), e.Violations...)
		return &azureml.Error{Operation: operation, Subject: s.subject(), Kind: azureml.ErrInvalid, Violations: all}
	}
	return rules.err(operation, s.subject())
}

// runs tells whether a version is made of an image: of the files that were just uploaded
// for it, or, without code, of the same models.
func (s *AksWebservice) runs(image *model.ImageRequest) bool {
	if s == nil || image == nil {
		return false
	}
	var wire struct {
		Image model.ImageRequest `json:"environmentImageRequest"`
	}
	_ = json.Unmarshal(s.raw, &wire) // what cannot be read is not ours
	if len(image.Assets) > 0 {
		return slices.ContainsFunc(wire.Image.Assets, func(a model.ImageAsset) bool { return a.URL == image.Assets[0].URL })
	}
	return slices.Equal(wire.Image.ModelIDs, image.ModelIDs)
}

// plan notes what of the endpoint speaks against the new version.
func (c VersionConfiguration) plan(now *AksEndpoint, name string, rules *endpointRules) {
	if now.Versions[name] != nil {
		rules.conflict("versionName", name, "is a version of the endpoint already; change it with BeginUpdateVersion, or choose another name")
		return
	}
	before, after := planOf(now), planOf(now)
	after[name] = plannedVersion{percentile: c.TrafficPercentile}
	if c.IsDefault {
		after.makeDefault(name)
	}
	if c.IsControlVersionType {
		after.makeControl(name)
	}
	after.check(rules, before)
}

// patch builds the patch in the contract's order (webservice §6.2).
func (c VersionConfiguration) patch(now *AksEndpoint, name string, image *model.ImageRequest, patch *jsonpatch.Patch) {
	for _, other := range now.versionNames() {
		if c.IsDefault {
			patch.Replace(versionPath(other)+"/isDefault", false)
		}
		if c.IsControlVersionType {
			patch.Replace(versionPath(other)+"/type", VersionTypeTreatment)
		}
	}
	config := c.aks()
	config.ComputeTarget = now.ComputeName
	version := wireNewVersion{
		wireAks:           config.payload(model.DeployRequest{Name: name, Image: image}),
		TrafficPercentile: c.TrafficPercentile, IsDefault: c.IsDefault,
	}
	if c.IsControlVersionType {
		version.Type = VersionTypeControl
	}
	patch.Add(versionPath(name), version)
}

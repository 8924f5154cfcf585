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

// AksEndpointDeployConfiguration says how an endpoint and its first version run on AKS;
// model.BeginDeploy takes it and makes an *[AksEndpoint]. What is zero is unset: the
// service then takes its own default, which is that of the same field of
// [AksDeployConfiguration]. The first version is the default version and the control.
//
// Tags, Properties, Description, the keys and the kind of authentication are those of
// the endpoint; the first version is given the same ones.
//
// It mirrors azureml.core's AksEndpoint.deploy_configuration.
type AksEndpointDeployConfiguration struct {
	// ComputeTarget is the workspace's name of the cluster. Required.
	ComputeTarget string
	// VersionName is the name of the first version: 3 to 32 of a-z, 0-9 and -, that
	// begins with a letter and does not end with -. Required, and another one than the
	// endpoint's, which would make later changes fail.
	VersionName string
	// TrafficPercentile is the version's own percentage, 0 to 100. As long as it is the
	// default version it gets everything that the other versions' percentages leave, too.
	// Default: none.
	TrafficPercentile *float64
	// SkipVersionNameCheck leaves out the look at the workspace's other endpoints,
	// whether one on the same cluster has a version of that name: the two would
	// overwrite each other.
	SkipVersionNameCheck bool

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

	// AuthEnabled asks callers for a key, TokenAuthEnabled for a token; see
	// [AksDeployConfiguration].
	AuthEnabled      *bool
	TokenAuthEnabled *bool
	// PrimaryKey and SecondaryKey are keys of your own.
	PrimaryKey   azureml.Secret
	SecondaryKey azureml.Secret

	// CollectModelData, EnableAppInsights and the fields below them: see
	// [AksDeployConfiguration].
	CollectModelData             *bool
	EnableAppInsights            *bool
	ScoringTimeout               time.Duration
	MaxRequestWaitTime           time.Duration
	ReplicaMaxConcurrentRequests int
	LivenessProbe                LivenessProbe
	Namespace                    string

	// Tags can be changed later, properties only added to.
	Tags        map[string]string
	Properties  map[string]string
	Description string
}

var _ model.DeployConfiguration[*AksEndpoint] = AksEndpointDeployConfiguration{}
var _ model.DeployChecker = AksEndpointDeployConfiguration{}

// DeployPayload checks the configuration, all rules at once, and builds the body of the
// request that creates the endpoint. The endpoint's name is checked by the caller. It is
// for model.BeginDeploy.
func (c AksEndpointDeployConfiguration) DeployPayload(r model.DeployRequest) (any, error) {
	var check validate.Checker
	check.Require("ComputeTarget", c.ComputeTarget)
	checkVersionName(&check, "VersionName", c.VersionName, r.Name)
	checkPercentile(&check, c.TrafficPercentile)
	c.aks().check(&check)
	if err := check.Err("deploy", subject(r.Name)); err != nil {
		return nil, err
	}
	return c.payload(r), nil
}

// CheckDeploy warns of clusters that cannot route to endpoints, and refuses a version
// name that another endpoint of the cluster has. It is for model.BeginDeploy.
func (c AksEndpointDeployConfiguration) CheckDeploy(ctx context.Context, ws *workspace.Workspace, d model.DeployCheck) error {
	warnOfRouter(subject(d.Name), d.OnWarning)
	if c.SkipVersionNameCheck || d.SkipValidation {
		return nil
	}
	return versionNames{ws: ws, endpoint: d.Name, compute: c.ComputeTarget, onWarning: d.OnWarning}.check(ctx, "deploy", "VersionName", c.VersionName)
}

// DeployedService reads the endpoint that was deployed. It is for model.BeginDeploy.
func (c AksEndpointDeployConfiguration) DeployedService(ctx context.Context, ws *workspace.Workspace, name string) (*AksEndpoint, error) {
	return deployed[*AksEndpoint](ctx, ws, name)
}

// DeployFailure adds to the error of a failed deployment what the service knows, the
// tail of its log and what the cluster has. It is for model.BeginDeploy.
func (c AksEndpointDeployConfiguration) DeployFailure(ctx context.Context, ws *workspace.Workspace, name string, failure *azureml.Error) error {
	return explainFailure(ctx, ws, name, c.ComputeTarget, failure)
}

// aks is what the first version has in common with a service of its own.
func (c AksEndpointDeployConfiguration) aks() AksDeployConfiguration {
	return AksDeployConfiguration{
		AutoscaleEnabled: c.AutoscaleEnabled, AutoscaleMinReplicas: c.AutoscaleMinReplicas, AutoscaleMaxReplicas: c.AutoscaleMaxReplicas,
		AutoscaleRefresh: c.AutoscaleRefresh, AutoscaleTargetUtilization: c.AutoscaleTargetUtilization, NumReplicas: c.NumReplicas,
		CPUCores: c.CPUCores, CPUCoresLimit: c.CPUCoresLimit, MemoryGB: c.MemoryGB, MemoryGBLimit: c.MemoryGBLimit, GPUCores: c.GPUCores,
		AuthEnabled: c.AuthEnabled, TokenAuthEnabled: c.TokenAuthEnabled, PrimaryKey: c.PrimaryKey, SecondaryKey: c.SecondaryKey,
		CollectModelData: c.CollectModelData, EnableAppInsights: c.EnableAppInsights,
		ScoringTimeout: c.ScoringTimeout, MaxRequestWaitTime: c.MaxRequestWaitTime, ReplicaMaxConcurrentRequests: c.ReplicaMaxConcurrentRequests,
		LivenessProbe: c.LivenessProbe, Namespace: c.Namespace,
		Tags: c.Tags, Properties: c.Properties, Description: c.Description,
	}
}

var versionPattern = regexp.MustCompile(`^[a-z]([-a-z0-9]*[a-z0-9])?$`)

// checkVersionName notes a name that no version of the endpoint can have.
func checkVersionName(check *validate.Checker, field, name, endpoint string) {
	switch {
	case !check.Require(field, name):
	case len(name) < 3 || len(name) > 32 || !versionPattern.MatchString(name):
		check.Add(field, name, "must be 3 to 32 of a-z, 0-9 and -, begin with a letter and not end with -")
	case name == endpoint:
		check.Add(field, name, "must not be the endpoint's own name: later changes of the endpoint would fail")
	}
}

func checkPercentile(check *validate.Checker, percentile *float64) {
	validate.Between(check, "TrafficPercentile", percentile, 0, 100)
}

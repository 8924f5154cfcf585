package cli

import (
	"context"
	"maps"
	"slices"

	"github.com/azureml-go/azureml/webservice"
)

func endpointCommands() []command {
	return []command{
		{
			words: "ml endpoint realtime create-version", short: "add a version to an endpoint on AKS",
			example: "ml endpoint realtime create-version -n myendpoint -vn versionb -m mymodel:2 -ic inferenceconfig.json -tp 10",
			setup:   setupCreateVersion,
		},
		{
			words: "ml endpoint realtime update-version", short: "change a version of an endpoint, and its share of the traffic",
			example: "ml endpoint realtime update-version -n myendpoint -vn versionb -tp 40 --is-default true",
			setup:   setupUpdateVersion,
		},
		{
			words: "ml endpoint realtime delete-version", short: "delete a version of an endpoint", example: "ml endpoint realtime delete-version -n myendpoint -vn versionb",
			setup: func(f *flags) action {
				version := f.text("vn version-name", "name of the version (required)")
				return withEndpoint(f, func(ctx context.Context, s *session, e *webservice.AksEndpoint) (result, error) {
					p, err := e.BeginDeleteVersion(ctx, *version, &webservice.UpdateOptions{OnWarning: s.warn})
					e, err = wait(ctx, s, p, err)
					if err != nil {
						return result{}, err
					}
					return showService(e), nil
				})
			},
		},
	}
}

// withEndpoint is a command about the endpoint that -n names.
func withEndpoint(f *flags, act func(context.Context, *session, *webservice.AksEndpoint) (result, error)) action {
	name := f.text("n name", "name of the endpoint (required)")
	return func(ctx context.Context, s *session) (result, error) {
		ws, err := s.workspace(ctx)
		if err != nil {
			return result{}, err
		}
		e, err := webservice.GetEndpoint(ctx, ws, *name)
		if err != nil {
			return result{}, err
		}
		return act(ctx, s, e)
	}
}

// roleFlags are the flags of a version's part in the endpoint.
func roleFlags(f *flags) (version *string, percent **float64, isDefault, isControl **bool) {
	return f.text("vn version-name", "name of the version (required)"),
		f.number("tp traffic-percentile", "the version's own percent of the traffic"),
		f.boolean("is-default", "give it what the percentages leave"),
		f.boolean("is-control-version-type cvt", "make it the version that others are compared with")
}

func setupCreateVersion(f *flags) action {
	version, percent, isDefault, isControl := roleFlags(f)
	image := imageFlags(f)
	file := f.text("dc deploy-config-file", "deploymentconfig.json: how much it gets")
	v := settingsFlags(f)
	return withEndpoint(f, func(ctx context.Context, s *session, e *webservice.AksEndpoint) (result, error) {
		c, err := v.version(s, *file, e, *version)
		if err != nil {
			return result{}, err
		}
		c.TrafficPercentile = orElse(*percent, c.TrafficPercentile)
		c.IsDefault, c.IsControlVersionType = value(*isDefault), value(*isControl)
		inference, err := image.inference(s)
		if err != nil {
			return result{}, err
		}
		ws, err := s.workspace(ctx)
		if err != nil {
			return result{}, err
		}
		models, err := image.readModels(ctx, ws, *image.models)
		if err != nil {
			return result{}, err
		}
		p, err := e.BeginCreateVersion(ctx, *version, models, inference, c, &webservice.CreateVersionOptions{OnWarning: s.warn})
		e, err = wait(ctx, s, p, err)
		if err != nil {
			return result{}, err
		}
		return showService(e), nil
	})
}

// version is the configuration of a new version, from the file and the flags.
func (v *settings) version(s *session, file string, e *webservice.AksEndpoint, name string) (webservice.VersionConfiguration, error) {
	set := v.fileKeys()
	set["computeType"], set["versionName"] = "aksendpoint", name
	loaded, err := webservice.LoadDeployConfiguration(file, &webservice.LoadDeployConfigurationOptions{
		ComputeTarget: e.ComputeName, Tags: *v.tags, Properties: *v.properties, Description: *v.description, Set: set, OnWarning: s.warn,
	})
	if err != nil {
		return webservice.VersionConfiguration{}, err
	}
	c := loaded.Typed().(webservice.AksEndpointDeployConfiguration)
	return webservice.VersionConfiguration{
		TrafficPercentile: c.TrafficPercentile,
		AutoscaleEnabled:  c.AutoscaleEnabled, AutoscaleMinReplicas: c.AutoscaleMinReplicas, AutoscaleMaxReplicas: c.AutoscaleMaxReplicas,
		AutoscaleRefresh: c.AutoscaleRefresh, AutoscaleTargetUtilization: c.AutoscaleTargetUtilization, NumReplicas: c.NumReplicas,
		CPUCores: c.CPUCores, CPUCoresLimit: c.CPUCoresLimit, MemoryGB: c.MemoryGB, MemoryGBLimit: c.MemoryGBLimit, GPUCores: c.GPUCores,
		CollectModelData: c.CollectModelData, ScoringTimeout: c.ScoringTimeout, MaxRequestWaitTime: c.MaxRequestWaitTime,
		ReplicaMaxConcurrentRequests: c.ReplicaMaxConcurrentRequests, LivenessProbe: c.LivenessProbe,
		Tags: c.Tags, Properties: c.Properties, Description: c.Description,
	}, nil
}

func setupUpdateVersion(f *flags) action {
	version, percent, isDefault, isControl := roleFlags(f)
	image := imageFlags(f)
	v := settingsFlags(f)
	remove := f.texts("remove-tag", "name of a tag to take away; may be repeated")
	return withEndpoint(f, func(ctx context.Context, s *session, e *webservice.AksEndpoint) (result, error) {
		ws, err := s.workspace(ctx)
		if err != nil {
			return result{}, err
		}
		u := v.aksUpdate()
		change := webservice.VersionUpdate{
			TrafficPercentile: *percent, IsDefault: *isDefault, IsControlVersionType: *isControl,
			AutoscaleEnabled: u.AutoscaleEnabled, AutoscaleMinReplicas: u.AutoscaleMinReplicas, AutoscaleMaxReplicas: u.AutoscaleMaxReplicas,
			AutoscaleRefresh: u.AutoscaleRefresh, AutoscaleTargetUtilization: u.AutoscaleTargetUtilization, NumReplicas: u.NumReplicas,
			CPUCores: u.CPUCores, CPUCoresLimit: u.CPUCoresLimit, MemoryGB: u.MemoryGB, MemoryGBLimit: u.MemoryGBLimit, GPUCores: u.GPUCores,
			CollectModelData: u.CollectModelData, ScoringTimeout: u.ScoringTimeout, MaxRequestWaitTime: u.MaxRequestWaitTime,
			ReplicaMaxConcurrentRequests: u.ReplicaMaxConcurrentRequests, LivenessProbe: u.LivenessProbe,
			Properties: u.Properties, Description: u.Description,
		}
		if now := e.Versions[*version]; now != nil {
			change.Tags = changed(now.Tags, *v.tags, *remove)
			if change.Image, err = image.request(ctx, s, ws, now); err != nil {
				return result{}, err
			}
		}
		p, err := e.BeginUpdateVersion(ctx, *version, change, &webservice.UpdateOptions{OnWarning: s.warn})
		e, err = wait(ctx, s, p, err)
		if err != nil {
			return result{}, err
		}
		return showService(e), nil
	})
}

// versionRows are lines about the versions of an endpoint, with what each really gets.
func versionRows(e *webservice.AksEndpoint) [][]any {
	shares := e.Traffic()
	var rows [][]any
	for _, name := range slices.Sorted(maps.Keys(e.Versions)) {
		text := show(shares[name]) + " %, " + string(e.Versions[name].State)
		if value(e.Versions[name].IsDefault) {
			text += ", default"
		}
		if kind := e.Versions[name].VersionType; kind != "" {
			text += ", " + string(kind)
		}
		rows = append(rows, []any{"Version " + name, text})
	}
	return rows
}

func orElse[T any](first, second *T) *T {
	if first != nil {
		return first
	}
	return second
}

package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"strings"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/webservice"
)

func deployCommands() []command {
	return []command{{
		words: "ml model deploy", short: "deploy models as a web service on AKS or ACI",
		long: "The deployment configuration says on what; flags stand in for what the files say.\n" +
			"The command waits until the service is healthy, and fails if it does not get so.",
		example: "ml model deploy -ct myaks -m mymodel:1 -n myservice -ic inferenceconfig.json -dc deploymentconfig.json",
		setup:   setupDeploy,
	}}
}

func setupDeploy(f *flags) action {
	name := f.text("n name", "name of the web service (required)")
	image := imageFlags(f)
	file := f.text("dc deploy-config-file", "deploymentconfig.json: on what, how much, who may call")
	kind := f.choice("cp compute-type", "what to deploy to, instead of the file's computeType", "aks", "aci", "aksendpoint")
	target := f.text("ct compute-target", "name of the cluster")
	v := settingsFlags(f)
	v.sslSettings(f)
	primary := f.text("kp primary-key", "first key; default: one that the service makes")
	secondary := f.text("ks secondary-key", "second key")
	region := f.text("lo location", "region (ACI)")
	label := f.text("dn dns-name-label", "first label of the host name (ACI)")
	version := f.text("vn version-name", "name of the first version (AKS endpoint)")
	percent := f.number("tp traffic-percentile", "percent of the traffic (AKS endpoint)")
	profile := f.text("pi profile-input", "JSON file with the cpu and memoryInGB that ml model profile found")
	overwrite := f.on("overwrite", "replace a service of that name")
	noWait := f.on("no-wait", "do not wait until the service is healthy")
	return func(ctx context.Context, s *session) (result, error) {
		if *file == "" && *kind == "" {
			return result{}, usagef("give -dc or -cp")
		}
		set := v.fileKeys()
		for key, text := range map[string]string{
			"computeType": *kind, "keys.primaryKey": *primary, "keys.secondaryKey": *secondary,
			"location": *region, "dnsNameLabel": *label, "versionName": *version,
		} {
			if text != "" {
				set[key] = text
			}
		}
		put(set, "trafficPercentile", *percent)
		if err := profiled(set, *profile); err != nil {
			return result{}, err
		}
		config, err := webservice.LoadDeployConfiguration(*file, &webservice.LoadDeployConfigurationOptions{
			ComputeTarget: *target, Tags: *v.tags, Properties: *v.properties, Description: *v.description, Set: set, OnWarning: s.warn,
		})
		if err != nil {
			return result{}, err
		}
		return deploy(ctx, s, *name, image, config, *overwrite, *noWait)
	}
}

// profiled adds what a profile found, below what flags say.
func profiled(set map[string]any, path string) error {
	if path == "" {
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var found profileMetadata
	if err := json.Unmarshal(text, &found); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	below := map[string]any{}
	put(below, "containerResourceRequirements.cpu", found.CPU)
	put(below, "containerResourceRequirements.memoryInGB", found.Memory)
	maps.Copy(below, set)
	maps.Copy(set, below)
	return nil
}

func deploy(ctx context.Context, s *session, name string, image *imageSettings, config *webservice.AnyDeployConfiguration, overwrite, noWait bool) (result, error) {
	if len(*image.models)+len(*image.metadata) == 0 {
		return result{}, usagef("give at least one model with -m or -f")
	}
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
	p, err := model.BeginDeploy(ctx, ws, name, models, inference, config, &model.DeployOptions{Overwrite: overwrite, OnWarning: s.warn})
	if err != nil {
		return result{}, err
	}
	if noWait {
		svc, err := webservice.Get(ctx, ws, name)
		if err != nil {
			return result{}, err
		}
		return showService(svc), nil
	}
	svc, err := wait(ctx, s, p, err)
	if err != nil {
		return result{}, err
	}
	if state := svc.Common().State; !strings.EqualFold(string(state), string(webservice.StateHealthy)) {
		return result{}, &azureml.Error{
			Operation: "deploy", Subject: fmt.Sprintf("web service %q", name), Kind: azureml.ErrOperationFailed,
			Message: "it is not healthy but " + string(state),
		}
	}
	return showService(svc), nil
}

package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/workspace"
)

func packageCommands() []command {
	return []command{
		{
			words: "ml model package", short: "make an image of models and code, or the files to build one from",
			long:    "With --output-path it writes a Dockerfile and all that it needs into a folder;\nwithout, it builds the image in the workspace's container registry.",
			example: "ml model package -m mymodel:1 -ic inferenceconfig.json --output-path context", setup: setupPackage,
		},
		{
			words: "ml model profile", short: "measure how much CPU and memory models need",
			long:    "The dataset holds requests, one in each row of its single column. What -t writes can be\ngiven to ml model deploy -pi.",
			example: "ml model profile -n myprofile -m mymodel:1 -ic inferenceconfig.json -idi DATASETID -t profile.json", setup: setupProfile,
		},
	}
}

// packed is what a package and a profile are made of.
func packed(ctx context.Context, s *session, image *imageSettings) (*workspace.Workspace, []*model.Model, *model.InferenceConfig, error) {
	if len(*image.models)+len(*image.metadata) == 0 {
		return nil, nil, nil, usagef("give at least one model with -m or -f")
	}
	inference, err := image.inference(s)
	if err != nil {
		return nil, nil, nil, err
	}
	ws, err := s.workspace(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	models, err := image.readModels(ctx, ws, *image.models)
	return ws, models, inference, err
}

func setupPackage(f *flags) action {
	image := imageFlags(f)
	name := f.text("il image-name", "name of the image in the registry; default: package")
	label := f.text("image-label", "tag of the image")
	dir := f.text("output-path", "folder for a Dockerfile and what it needs, instead of an image")
	overwrite := f.on("overwrite", "replace files that exist in the folder")
	noWait := f.on("no-wait", "do not wait for the end; print the token that PackageOptions.ResumeToken takes")
	return func(ctx context.Context, s *session) (result, error) {
		if *noWait && *dir != "" {
			return result{}, usagef("-no-wait and -output-path exclude each other: files can be fetched when they are made")
		}
		ws, models, inference, err := packed(ctx, s, image)
		if err != nil {
			return result{}, err
		}
		p, err := model.BeginPackage(ctx, ws, models, inference, &model.PackageOptions{
			GenerateDockerfile: *dir != "", ImageName: *name, ImageLabel: *label, OnWarning: s.warn,
		})
		if *noWait && err == nil {
			token, err := p.ResumeToken()
			return one(map[string]string{"resumeToken": token}, "Resume token", token), err
		}
		made, err := wait(ctx, s, p, err)
		if err != nil {
			return result{}, err
		}
		if *dir != "" {
			if err := made.Save(ctx, *dir, &model.SaveOptions{Overwrite: *overwrite, OnWarning: s.warn}); err != nil {
				return result{}, err
			}
			return one(map[string]string{"path": *dir}, "Path", *dir), nil
		}
		return one(made, "Type", made.Type, "Location", made.Location), nil
	}
}

func setupProfile(f *flags) action {
	name := f.text("n name", "name of the profile (required)")
	image := imageFlags(f)
	dataset := f.text("d input-data idi input-dataset-id", "id of the dataset with requests (required)")
	description := f.text("description", "what it is")
	cpu := f.number("cc cpu-cores", "measure with so many CPU cores at most")
	memory := f.number("gb memory-in-gb memory-gb", "measure with so much memory at most, in GB")
	meta := f.text("t output-metadata-file", "file to write the recommended cpu and memoryInGB to")
	return func(ctx context.Context, s *session) (result, error) {
		ws, models, inference, err := packed(ctx, s, image)
		if err != nil {
			return result{}, err
		}
		p, err := model.BeginProfile(ctx, ws, *name, models, inference, *dataset, &model.ProfileOptions{
			CPU: value(*cpu), MemoryGB: value(*memory), Description: *description, OnWarning: s.warn,
		})
		profile, err := wait(ctx, s, p, err)
		if err != nil {
			return result{}, err
		}
		if *meta != "" {
			err = writeProfile(*meta, profile)
		}
		return one(profile, "Name", profile.Name, "State", profile.State,
			"Recommended CPU", profile.RecommendedCPU, "Recommended memory in GB", profile.RecommendedMemoryGB,
			"Most CPU used", profile.MaxUtilizedCPU, "Most memory used in GB", profile.MaxUtilizedMemoryGB,
			"Queries per second", profile.MeasuredQueriesPerSecond, "Success rate in percent", profile.SuccessRate,
			"Average latency in ms", profile.AverageLatencyMs), err
	}
}

// profileMetadata is the file that profile writes and deploy reads.
type profileMetadata struct {
	CPU    *float64 `json:"cpu,omitempty"`
	Memory *float64 `json:"memoryInGB,omitempty"`
}

func writeProfile(path string, p *model.ModelProfile) error {
	text, err := json.MarshalIndent(profileMetadata{p.RecommendedCPU, p.RecommendedMemoryGB}, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("the profile was made, but %w", err)
	}
	return nil
}

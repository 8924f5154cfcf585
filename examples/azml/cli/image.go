package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/workspace"
)

// imageSettings are the flags that say what a service runs: models, code, environment.
type imageSettings struct {
	models, metadata              *[]string
	file                          *string
	script, directory, conda      *string
	environment, version, runtime *string
	steps, image, registry, cuda  *string
	gpu                           **bool
}

func imageFlags(f *flags) *imageSettings {
	return &imageSettings{
		models:      f.texts("m model", "a model: NAME:VERSION, or NAME for the latest version; may be repeated"),
		metadata:    f.texts("f model-metadata-file", "a file that ml model register -t wrote; may be repeated"),
		file:        f.text("ic inference-config-file", "inferenceconfig.json: what code runs, and in what"),
		script:      f.text("es entry-script", "Python file with init() and run(), instead of the file's"),
		directory:   f.text("sd source-directory", "folder of the code, instead of the file's"),
		conda:       f.text("cf conda-file", "conda file of the environment, instead of the file's"),
		environment: f.text("e environment-name", "name of a registered environment, instead of the file's"),
		version:     f.text("ev environment-version", "its version; default: the latest"),
		runtime:     f.text("rt runtime", "python; there is no other"),
		steps:       f.text("ds extra-docker-file-steps", "file with Docker steps that are added to the image"),
		gpu:         f.boolean("eg enable-gpu", "build the image for GPUs"),
		image:       f.text("bi base-image", "image to build on"),
		registry:    f.text("ir base-image-registry", "registry that the base image is in"),
		cuda:        f.text("cv cuda-version", "version of CUDA, with -eg"),
	}
}

// wanted tells whether a flag asks for another image.
func (i *imageSettings) wanted() bool {
	return len(*i.models)+len(*i.metadata) > 0 || *i.file+*i.script+*i.directory+*i.environment != "" || i.old()
}

// old tells whether a flag of those is given that an environment stands in for today.
func (i *imageSettings) old() bool {
	return *i.conda+*i.steps+*i.image+*i.registry+*i.cuda != "" || *i.gpu != nil
}

// inference is the inference configuration of file and flags, nil if there is none.
func (i *imageSettings) inference(s *session) (*model.InferenceConfig, error) {
	if *i.runtime != "" && !strings.EqualFold(*i.runtime, "python") {
		return nil, usagef("-rt %s: there is no runtime but python", *i.runtime)
	}
	set := map[string]any{}
	for key, text := range map[string]string{
		"entryScript": *i.script, "condaFile": *i.conda, "extraDockerfileSteps": *i.steps,
		"baseImage": *i.image, "baseImageRegistry": *i.registry, "cudaVersion": *i.cuda,
	} {
		if text != "" {
			set[key] = text
		}
	}
	put(set, "enableGpu", *i.gpu)
	if *i.directory != "" {
		// Of a flag, not of the file: seen from here.
		directory, err := filepath.Abs(*i.directory)
		if err != nil {
			return nil, err
		}
		set["sourceDirectory"] = directory
	}
	switch {
	case i.old() && *i.environment != "":
		return nil, usagef("-e excludes -cf, -ds, -eg, -bi, -ir and -cv")
	case *i.version != "" && *i.environment == "":
		return nil, usagef("-ev goes with -e")
	case *i.environment != "":
		e := map[string]any{"name": *i.environment}
		if *i.version != "" {
			e["version"] = *i.version
		}
		set["environment"] = e
	case i.old():
		set["environment"] = nil
	}
	if *i.file == "" && len(set) == 0 {
		return nil, nil // a model that is deployed without code
	}
	return model.LoadInferenceConfig(*i.file, &model.LoadInferenceConfigOptions{Set: set, OnWarning: s.warn})
}

// readModels reads the models with the ids, and those of the metadata files.
func (i *imageSettings) readModels(ctx context.Context, ws *workspace.Workspace, ids []string) ([]*model.Model, error) {
	all := append([]string(nil), ids...)
	for _, path := range *i.metadata {
		m, err := readMetadata(path)
		if err != nil {
			return nil, err
		}
		if m.WorkspaceName != "" && !strings.EqualFold(m.WorkspaceName, ws.Name) {
			return nil, fmt.Errorf("%s: the model is in the workspace %q, this is %q", path, m.WorkspaceName, ws.Name)
		}
		all = append(all, m.ModelID)
	}
	models := make([]*model.Model, len(all))
	for n, id := range all {
		m, err := model.Get(ctx, ws, id, nil)
		if err != nil {
			return nil, err
		}
		models[n] = m
	}
	return models, nil
}

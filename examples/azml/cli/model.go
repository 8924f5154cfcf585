package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/model"
)

func modelCommands() []command {
	return append([]command{
		{
			words: "ml model register", short: "register a model from a file or a folder",
			example: "ml model register -n mymodel -p outputs/model.pkl", setup: setupRegister,
		},
		{
			words: "ml model list", short: "list the models of the workspace", example: "ml model list -n mymodel --output table",
			setup: setupListModels,
		},
		{
			words: "ml model show", short: "show a model", example: "ml model show -i mymodel:1",
			setup: withModel(func(_ context.Context, _ *session, m *model.Model) (result, error) { return showModel(m), nil }),
		},
		{
			words: "ml model update", short: "change tags, properties and description of a model",
			example: "ml model update -i mymodel:1 --add-tag stage=production --remove-tag draft", setup: setupUpdateModel,
		},
		{
			words: "ml model delete", short: "delete a model that no service uses", example: "ml model delete -i mymodel:1",
			setup: withModel(func(ctx context.Context, _ *session, m *model.Model) (result, error) {
				_, err := m.Delete(ctx)
				return result{}, err
			}),
		},
		{
			words: "ml model download", short: "download the files of a model", example: "ml model download -i mymodel:1 -t outputs",
			setup: func(f *flags) action {
				dir := f.text("t target-dir", "folder for the files (required)")
				overwrite := f.on("overwrite", "replace files that exist")
				return withModel(func(ctx context.Context, _ *session, m *model.Model) (result, error) {
					path, err := m.Download(ctx, *dir, &model.DownloadOptions{Overwrite: *overwrite})
					if err != nil {
						return result{}, err
					}
					return one(map[string]string{"path": path}, "Path", path), nil
				})(f)
			},
		},
	}, slices.Concat(packageCommands(), deployCommands())...)
}

func setupRegister(f *flags) action {
	name := f.text("n name", "name of the model (required)")
	path := f.text("p model-path", "file or folder of the model (required)")
	description := f.text("d description", "what it is")
	tags := f.pairs("tag", "a tag; may be repeated")
	properties := f.pairs("property", "a property, which cannot be changed later; may be repeated")
	framework := f.text("model-framework", "what made it: ScikitLearn, TensorFlow, Onnx, …")
	version := f.text("model-framework-version", "the framework's version")
	cpu, memory, gpu := resourceFlags(f)
	input := f.text("sample-input-dataset-id", "id of a dataset with sample input")
	output := f.text("sample-output-dataset-id", "id of a dataset with sample output")
	experiment := f.text("experiment-name", "experiment of the run that made it")
	run := f.text("r run-id", "id of the run that made it")
	meta := f.text("t output-metadata-file", "file to write the model's id to, for ml model deploy -f")
	return func(ctx context.Context, s *session) (result, error) {
		ws, err := s.workspace(ctx)
		if err != nil {
			return result{}, err
		}
		m, err := model.Register(ctx, ws, *name, *path, &model.RegisterOptions{
			Description: *description, Tags: *tags, Properties: *properties,
			Framework: model.Framework(*framework), FrameworkVersion: *version,
			ResourceConfiguration: resources(*cpu, *memory, *gpu),
			SampleInput:           *input, SampleOutput: *output,
			ExperimentName: *experiment, RunID: *run, OnWarning: s.warn,
		})
		if err != nil {
			return result{}, err
		}
		if *meta != "" {
			if err = writeMetadata(*meta, modelMetadata{ModelID: m.ID, WorkspaceName: ws.Name, ResourceGroupName: ws.ResourceGroup}); err != nil {
				err = fmt.Errorf("%s is registered, but %w", m.ID, err)
			}
		}
		return showModel(m), err
	}
}

func resourceFlags(f *flags) (cpu, memory **float64, gpu **int) {
	return f.number("cc cpu-cores", "CPU cores that a service gets"),
		f.number("gb memory-gb", "memory that a service gets, in GB"),
		f.whole("gc gpu-cores", "GPUs that a service gets")
}

func resources(cpu, memory *float64, gpu *int) *model.ResourceConfiguration {
	if cpu == nil && memory == nil && gpu == nil {
		return nil
	}
	return &model.ResourceConfiguration{CPU: value(cpu), MemoryGB: value(memory), GPU: value(gpu)}
}

// modelMetadata is the file that register writes and deploy reads.
type modelMetadata struct {
	ModelID           string `json:"modelId"`
	WorkspaceName     string `json:"workspaceName"`
	ResourceGroupName string `json:"resourceGroupName"`
}

func writeMetadata(path string, m modelMetadata) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

func readMetadata(path string) (m modelMetadata, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fmt.Errorf("%s: %w", path, err)
	}
	if m.ModelID == "" {
		return m, fmt.Errorf("%s: has no modelId", path)
	}
	return m, nil
}

func setupListModels(f *flags) action {
	name := f.text("n model-name", "name of the models")
	tags := f.pairsOrNames("tag", "a tag they have, with or without value; may be repeated")
	properties := f.pairsOrNames("property", "a property they have, with or without value; may be repeated")
	run := f.text("run-id", "id of the run that made them")
	latest := f.on("l latest", "of each name the latest version only")
	return func(ctx context.Context, s *session) (result, error) {
		ws, err := s.workspace(ctx)
		if err != nil {
			return result{}, err
		}
		all, err := azureml.Collect(model.List(ctx, ws, &model.ListOptions{
			Name: *name, Tags: *tags, Properties: *properties, RunID: *run, LatestVersionOnly: *latest,
		}))
		if err != nil {
			return result{}, err
		}
		return list(all, []string{"ID", "FRAMEWORK", "CREATED", "DESCRIPTION"}, func(m *model.Model) []any {
			return []any{m.ID, m.Framework, m.CreatedTime, m.Description}
		}), nil
	}
}

// withModel is a command about the model that -i, or -n and -version, name.
func withModel(act func(context.Context, *session, *model.Model) (result, error)) func(*flags) action {
	return func(f *flags) action {
		id := f.text("i model-id", "id of the model: NAME:VERSION")
		name := f.text("n model-name", "name of the model; its latest version unless -version is given")
		version := f.whole("version", "version of the model")
		run := f.text("run-id", "id of the run that made it")
		return func(ctx context.Context, s *session) (result, error) {
			if (*id == "") == (*name == "") {
				return result{}, usagef("give -i or -n")
			}
			if *id != "" && *version != nil {
				return result{}, usagef("-version goes with -n")
			}
			ws, err := s.workspace(ctx)
			if err != nil {
				return result{}, err
			}
			m, err := model.Get(ctx, ws, *id+*name, &model.GetOptions{Version: int64(value(*version)), RunID: *run})
			if err != nil {
				return result{}, err
			}
			return act(ctx, s, m)
		}
	}
}

func setupUpdateModel(f *flags) action {
	add := f.pairs("add-tag", "a tag to set; may be repeated")
	remove := f.texts("remove-tag", "name of a tag to take away; may be repeated")
	properties := f.pairs("add-property", "a property to add; may be repeated")
	description := f.text("description", "a new description")
	cpu, memory, gpu := resourceFlags(f)
	input := f.text("sample-input-dataset-id", "id of a dataset with sample input")
	output := f.text("sample-output-dataset-id", "id of a dataset with sample output")
	return withModel(func(ctx context.Context, _ *session, m *model.Model) (result, error) {
		u := model.Update{Properties: *properties, SampleInput: *input, SampleOutput: *output, ResourceConfiguration: resources(*cpu, *memory, *gpu)}
		if f.given("description") {
			u.Description = description
		}
		u.Tags = changed(m.Tags, *add, *remove)
		updated, err := m.Update(ctx, u)
		if err != nil {
			return result{}, err
		}
		return showModel(updated), nil
	})(f)
}

// changed is what the tags are after some were set and some taken away; nil if none was.
func changed(now, set map[string]string, remove []string) map[string]string {
	if len(set) == 0 && len(remove) == 0 {
		return nil
	}
	tags := map[string]string{}
	for name, v := range now {
		tags[name] = v
	}
	for _, name := range remove {
		delete(tags, name)
	}
	for name, v := range set {
		tags[name] = v
	}
	return tags
}

func showModel(m *model.Model) result {
	return one(m, "Id", m.ID, "Framework", m.Framework, "Framework version", m.FrameworkVersion, "Created", m.CreatedTime,
		"Tags", m.Tags, "Properties", m.Properties, "Description", m.Description, "Url", m.URL)
}

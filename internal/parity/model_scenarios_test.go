package parity_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/azureml-go/azureml/internal/parity"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/workspace"
)

// refused is what the goldens have in place of the result of a call that failed.
func refused(err error) any {
	if err == nil {
		return "done"
	}
	return map[string]any{"error": map[string]any{}}
}

// registering registers what write makes, under name, and gives some of its members.
func registering(golden, name string, write func(*parity.Stage) string, o *model.RegisterOptions, keys ...string) parity.Scenario {
	return parity.Scenario{Name: golden, Run: within(func(ctx context.Context, s *parity.Stage, ws *workspace.Workspace) (any, error) {
		m, err := model.Register(ctx, ws, name, write(s), o)
		if err != nil {
			return nil, err
		}
		return only(describedModel(m), keys...), nil
	})}
}

func getting(golden, name string, o *model.GetOptions, keys ...string) parity.Scenario {
	return parity.Scenario{Name: golden, Run: within(func(ctx context.Context, _ *parity.Stage, ws *workspace.Workspace) (any, error) {
		m, err := model.Get(ctx, ws, name, o)
		if err != nil {
			return nil, err
		}
		return only(describedModel(m), keys...), nil
	})}
}

// describedModel is what the goldens return of a model; there empty texts and no tags
// are null.
func describedModel(m *model.Model) map[string]any {
	d := map[string]any{
		"id": m.ID, "name": m.Name, "version": m.Version, "url": m.URL, "tags": m.Tags, "properties": m.Properties,
		"created_time": m.CreatedTime.Format("2006-01-02T15:04:05-07:00"), "created_by": m.CreatedBy,
		"model_framework": m.Framework, "mime_type": m.MIMEType, "unpack": m.Unpack, "resource_configuration": m.ResourceConfiguration,
	}
	for key, text := range map[string]string{"description": m.Description, "model_framework_version": m.FrameworkVersion} {
		if d[key] = any(text); text == "" {
			d[key] = nil
		}
	}
	return d
}

func modelFile(s *parity.Stage) string { return s.WriteFile("model.pkl", parity.ModelContent) }

func bundle(files ...string) func(*parity.Stage) string {
	return func(s *parity.Stage) string {
		for _, file := range files {
			s.WriteFile("bundle/"+file, parity.BundleContent(file))
		}
		return s.Dir() + "/bundle"
	}
}

// manyFiles makes a folder of 52 files, more than one request has room for.
func manyFiles(s *parity.Stage) string {
	for i := range 52 {
		s.WriteFile(fmt.Sprintf("many/part-%02d.bin", i), fmt.Sprintf("%d\n", i))
	}
	return s.Dir() + "/many"
}

func modelScenarios() []parity.Scenario {
	return []parity.Scenario{
		{Name: "model_register_file", Run: within(registerTwice)},
		registering("model_register_directory", "bundle", bundle("weights.bin", "vocab/words.txt", "vocab/extra/more.txt"), nil, "id", "version", "url", "unpack"),
		registering("model_register_child_paths", "part", bundle("keep.bin", "leave.bin"), &model.RegisterOptions{ChildPaths: []string{"keep.bin"}}, "id", "version"),
		registering("model_register_empty_file", "empty", func(s *parity.Stage) string { return s.WriteFile("empty.bin", "") }, nil, "id"),
		registering("model_register_many_files", "many", manyFiles, nil, "id"),
		{Name: "model_register_invalid", Run: within(registerInvalid)},
		getting("model_get_by_id", "churn:1", nil, "id", "version", "resource_configuration"),
		getting("model_get_by_name", "churn", nil, "id", "version", "tags", "model_framework"),
		getting("model_get_by_name_and_version", "churn", &model.GetOptions{Version: 1}, "id", "version"),
		{Name: "model_not_found", Run: within(func(ctx context.Context, _ *parity.Stage, ws *workspace.Workspace) (any, error) {
			get := func(name string, o *model.GetOptions) any {
				_, err := model.Get(ctx, ws, name, o)
				return refused(err)
			}
			return map[string]any{
				"name": get("nope", nil), "version": get("churn", &model.GetOptions{Version: 9}), "id": get("nope:1", nil),
				"tags": get("churn", &model.GetOptions{Tags: map[string]string{"stage": "none"}}), "nothing": get("", nil),
			}, nil
		})},
	}
}

func registerTwice(ctx context.Context, s *parity.Stage, ws *workspace.Workspace) (any, error) {
	path := modelFile(s)
	first, err := model.Register(ctx, ws, "churn", path, nil)
	if err != nil {
		return nil, err
	}
	second, err := model.Register(ctx, ws, "churn", path, nil)
	if err != nil {
		return nil, err
	}
	d := describedModel(first)
	delete(d, "resource_configuration")
	return map[string]any{"first": d, "second": second.ID}, nil
}

// registerInvalid tries every argument that the golden has.
func registerInvalid(ctx context.Context, s *parity.Stage, ws *workspace.Workspace) (any, error) {
	path := s.WriteFile("model.pkl", "x\n")
	folder := bundle("keep.bin")(s)
	register := func(name, path string, o *model.RegisterOptions) any {
		m, err := model.Register(ctx, ws, name, path, o)
		if err != nil {
			return refused(err)
		}
		return map[string]any{"ok": m.ID}
	}
	resources := func(cpu, memory float64) *model.RegisterOptions {
		return &model.RegisterOptions{ResourceConfiguration: &model.ResourceConfiguration{CPU: cpu, MemoryGB: memory}}
	}
	return map[string]any{
		"name with a space":                   register("my model", path, nil),
		"name too long":                       register(strings.Repeat("a", 256), path, nil),
		"name starting with -":                register("-churn", path, nil),
		"missing path":                        register("churn", s.Dir()+"/nope.pkl", nil),
		"missing child path":                  register("churn", folder, &model.RegisterOptions{ChildPaths: []string{"nope"}}),
		"framework version without framework": register("churn", path, &model.RegisterOptions{FrameworkVersion: "1"}),
		"resource configuration cpu 0":        register("churn", path, resources(0, 0)),
		"resource configuration memory -1":    register("churn", path, resources(0, -1)),
	}, nil
}

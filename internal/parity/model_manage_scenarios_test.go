package parity_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/parity"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/workspace"
)

func modelManageScenarios() []parity.Scenario {
	return []parity.Scenario{
		{Name: "model_list", Run: within(listModels)},
		{Name: "model_delete", Run: within(deleteModel)},
		{Name: "model_update", Run: within(updateModel)},
		{Name: "model_download_file", Run: within(downloadModel)},
		{Name: "model_tags_properties", Run: within(tagModel)},
	}
}

func listModels(ctx context.Context, _ *parity.Stage, ws *workspace.Workspace) (any, error) {
	var ids []string
	for m, err := range model.List(ctx, ws, nil) {
		if err != nil {
			return nil, err
		}
		ids = append(ids, m.ID)
	}
	return ids, nil
}

// downloadModel downloads a model of one file, into a folder that has it already, and over
// it. There is no list of signed addresses.
func downloadModel(ctx context.Context, s *parity.Stage, ws *workspace.Workspace) (any, error) {
	m, err := model.Get(ctx, ws, "churn", nil)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(s.Dir(), "down")
	path, err := m.Download(ctx, dir, nil)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	_, exists := m.Download(ctx, dir, nil)
	if s.Of(exists, azureml.ErrConflict) == nil {
		return nil, errors.New("it was overwritten")
	}
	again, err := m.Download(ctx, dir, &model.DownloadOptions{Overwrite: true})
	if err != nil {
		return nil, err
	}
	below := func(path string) string { return "down/" + filepath.Base(path) }
	return map[string]any{"path": below(path), "text": string(text), "refused": refused(exists), "again": below(again)}, nil
}

// deleteModel deletes the latest version, twice, and looks which is the latest then.
func deleteModel(ctx context.Context, _ *parity.Stage, ws *workspace.Workspace) (any, error) {
	m, err := model.Get(ctx, ws, "churn", nil)
	if err != nil {
		return nil, err
	}
	if _, err := m.Delete(ctx); err != nil {
		return nil, err
	}
	if _, err := m.Delete(ctx); err != nil {
		return nil, err
	}
	left, err := model.Get(ctx, ws, "churn", nil)
	if err != nil {
		return nil, err
	}
	return map[string]any{"again": map[string]any{"ok": nil}, "newest_now": left.ID}, nil
}

// updateModel changes a model and reads it again. There is no update of nothing.
func updateModel(ctx context.Context, s *parity.Stage, ws *workspace.Workspace) (any, error) {
	m, err := model.Get(ctx, ws, "churn", nil)
	if err != nil {
		return nil, err
	}
	here, err := m.Update(ctx, model.Update{
		Tags: map[string]string{"stage": "prod", "owner": "me"}, Description: new("new"),
		ResourceConfiguration: &model.ResourceConfiguration{CPU: 2, MemoryGB: 4.5},
	})
	if err != nil {
		return nil, err
	}
	_, nothing := here.Update(ctx, model.Update{})
	there, err := model.Get(ctx, ws, "churn", nil)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"here": only(describedModel(here), "tags", "description"), "there": only(describedModel(there), "tags", "description"),
		"nothing": refused(s.Of(nothing, azureml.ErrInvalid)),
	}, nil
}

// tagModel adds and removes tags and adds properties; one that is there is refused.
func tagModel(ctx context.Context, s *parity.Stage, ws *workspace.Workspace) (any, error) {
	m, err := model.Get(ctx, ws, "churn", nil)
	if err != nil {
		return nil, err
	}
	if m, err = m.AddTags(ctx, map[string]string{"stage": "prod", "owner": "me"}); err != nil {
		return nil, err
	}
	if m, err = m.RemoveTags(ctx, "owner", "missing"); err != nil {
		return nil, err
	}
	if m, err = m.AddProperties(ctx, map[string]string{"data": "v2"}); err != nil {
		return nil, err
	}
	_, duplicate := m.AddProperties(ctx, map[string]string{"auc": "0.5"})
	if m, err = m.Update(ctx, model.Update{Tags: map[string]string{"a": "1"}, Properties: map[string]string{"b": "2"}}); err != nil {
		return nil, err
	}
	return map[string]any{
		"duplicate": refused(s.Of(duplicate, azureml.ErrInvalid)), "end": only(describedModel(m), "tags", "properties"),
	}, nil
}

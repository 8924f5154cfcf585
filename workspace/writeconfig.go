package workspace

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/azureml-go/azureml"
)

// WriteConfigOptions are the optional parts of [Workspace.WriteConfig].
type WriteConfigOptions struct {
	// FileName of the file; its extension becomes .json. Default: project.json if the
	// folder has one, else config.json.
	FileName string
	// Overwrite allows to replace a file that exists.
	Overwrite bool
}

// WriteConfig writes a config file that [FromConfig] finds from dir: into dir's
// aml_config if it has one, else into .azureml, which is made. dir itself must exist;
// "" is the working directory. The file is written wholly or not at all, and holds no
// secret. It returns the file's path.
//
// Errors: ErrConflict when the file exists and Overwrite is not set, ErrForbidden when
// it may not be written. It mirrors azureml.core's Workspace.write_config.
func (w *Workspace) WriteConfig(dir string, o *WriteConfigOptions) (string, error) {
	var options WriteConfigOptions
	if o != nil {
		options = *o
	}
	file, err := w.writeConfig(dir, options)
	if err == nil {
		return file, nil
	}
	e := &azureml.Error{Operation: "write", Subject: "the config file of " + w.subject(), Kind: azureml.ErrInvalid, Message: err.Error(), Err: err}
	switch {
	case errors.Is(err, os.ErrExist):
		e.Kind, e.Remedy = azureml.ErrConflict, "Set Overwrite to replace it."
	case errors.Is(err, os.ErrPermission):
		e.Kind = azureml.ErrForbidden
	}
	return "", e
}

func (w *Workspace) writeConfig(dir string, o WriteConfigOptions) (string, error) {
	base, err := expand(dir)
	if err != nil {
		return "", err
	}
	if info, err := os.Stat(base); err != nil || !info.IsDir() {
		return "", fmt.Errorf("%s is not a folder", base)
	}
	folder := base
	if name := filepath.Base(base); name != ".azureml" && name != "aml_config" {
		folder = filepath.Join(base, ".azureml")
		if info, err := os.Stat(filepath.Join(base, "aml_config")); err == nil && info.IsDir() {
			folder = filepath.Join(base, "aml_config")
		}
	}
	if err := os.Mkdir(folder, 0o777); err != nil && !errors.Is(err, os.ErrExist) {
		return "", err
	}
	file := filepath.Join(folder, configName(folder, o.FileName))
	if _, err := os.Lstat(file); err == nil && !o.Overwrite {
		return "", fmt.Errorf("%s: %w", file, os.ErrExist)
	}
	data, err := json.MarshalIndent(struct {
		SubscriptionID string `json:"subscription_id"`
		ResourceGroup  string `json:"resource_group"`
		WorkspaceName  string `json:"workspace_name"`
	}{w.SubscriptionID, w.ResourceGroup, w.Name}, "", "    ")
	if err != nil {
		return "", err
	}
	return file, writeAtomically(file, append(data, '\n'))
}

func configName(folder, asked string) string {
	if asked != "" {
		asked = filepath.Base(asked)
		return strings.TrimSuffix(asked, filepath.Ext(asked)) + ".json"
	}
	if info, err := os.Stat(filepath.Join(folder, "project.json")); err == nil && info.Mode().IsRegular() {
		return "project.json"
	}
	return "config.json"
}

// writeAtomically writes beside the file and renames.
func writeAtomically(file string, data []byte) error {
	temp, err := os.CreateTemp(filepath.Dir(file), ".config-*.tmp")
	if err != nil {
		return err
	}
	_, err = temp.Write(data)
	err = errors.Join(err, temp.Chmod(0o644), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), file)
	}
	if err != nil {
		_ = os.Remove(temp.Name())
	}
	return err
}

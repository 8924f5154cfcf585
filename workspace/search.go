package workspace

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// patterns are the places of a config file within a folder, the first ones first.
var patterns = []string{
	filepath.Join(".azureml", "config.json"),
	filepath.Join(".azureml", "project.json"),
	filepath.Join("aml_config", "config.json"),
	filepath.Join("aml_config", "project.json"),
	"config.json",
	"project.json",
}

// search finds the config file for path: path itself if it is a file, else the first
// hit of the search from the folder path upwards (which need not exist). It returns ""
// and all paths tried when there is none. A file that may not be looked at is passed
// over like one that is not there; the paths tried show it.
func search(path string, strict bool) (file string, tried []string, err error) {
	start, err := expand(path)
	if err != nil {
		return "", nil, err
	}
	if info, err := os.Stat(start); err == nil && info.Mode().IsRegular() {
		return start, []string{start}, nil
	}
	levels := ancestors(start)
	try := func(dir, pattern string) bool {
		candidate := filepath.Join(dir, pattern)
		info, err := os.Stat(candidate)
		switch {
		case errors.Is(err, os.ErrPermission):
			tried = append(tried, candidate+" (no permission)")
			return false
		case err != nil || !info.Mode().IsRegular():
			tried = append(tried, candidate)
			return false
		}
		file = candidate
		return true
	}
	if strict {
		for _, dir := range levels {
			for _, pattern := range patterns {
				if try(dir, pattern) {
					return file, nil, nil
				}
			}
		}
		return "", tried, nil
	}
	for _, pattern := range patterns {
		for _, dir := range levels {
			if try(dir, pattern) {
				return file, nil, nil
			}
		}
	}
	return "", tried, nil
}

// ancestors lists start and the folders above it up to the root. As in azureml.core
// symbolic links are resolved for the steps upwards, not for the start itself.
func ancestors(start string) []string {
	levels := []string{start}
	dir := start
	if resolved, err := filepath.EvalSymlinks(start); err == nil {
		dir = resolved
	}
	for {
		parent := filepath.Dir(dir)
		if parent == dir {
			return levels
		}
		levels = append(levels, parent)
		dir = parent
	}
}

// expand makes path absolute, "~" at its start being the home folder and "" the
// working directory.
func expand(path string) (string, error) {
	if path == "~" || strings.HasPrefix(path, "~/") || strings.HasPrefix(path, `~\`) {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		path = filepath.Join(home, path[1:])
	}
	return filepath.Abs(path)
}

package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// packageName is Microsoft's Python client in the package index.
const packageName = "azureml-core"

//go:embed scenarios/*.py
var scripts embed.FS

// errUnavailable tells that the client cannot be had on this machine right now, for
// want of Python or of the package index.
var errUnavailable = errors.New("the Python client cannot be had here")

// pythonClient is Microsoft's client, installed in a virtual environment of its own.
type pythonClient struct {
	python  string // the environment's interpreter
	scripts string // the folder of the scenarios
	// Version is that of the client, Python that of the interpreter.
	Version, Python string
}

// install makes a virtual environment in folder and puts the newest release of the
// client into it. The error is errUnavailable if there is no Python or no package index.
func install(ctx context.Context, python, folder string) (*pythonClient, error) {
	if _, err := exec.LookPath(python); err != nil {
		return nil, fmt.Errorf("%w: %w", errUnavailable, err)
	}
	wheels, environment := filepath.Join(folder, "wheels"), filepath.Join(folder, "venv")
	c := &pythonClient{python: filepath.Join(environment, "bin", "python"), scripts: filepath.Join(folder, "scenarios")}
	if runtime.GOOS == "windows" {
		c.python = filepath.Join(environment, "Scripts", "python.exe")
	}
	if _, err := execute(ctx, python, "-m", "venv", environment); err != nil {
		return nil, fmt.Errorf("%w: %w", errUnavailable, err)
	}
	// The exit status of this download is the test whether the index can be reached.
	pip := []string{"-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet"}
	if _, err := execute(ctx, c.python, append(pip, "download", "--no-deps", "--dest", wheels, packageName)...); err != nil {
		return nil, fmt.Errorf("%w: %w", errUnavailable, err)
	}
	// Some of what it depends on wants pkg_resources, which later releases of setuptools
	// have no more and newer Pythons do not bring along.
	if _, err := execute(ctx, c.python, append(pip, "install", "--find-links", wheels, packageName, "setuptools<81")...); err != nil {
		return nil, err
	}
	versions, err := execute(ctx, c.python, "-c",
		"import importlib.metadata, platform; print(importlib.metadata.version('"+packageName+"'), platform.python_version())")
	if err != nil {
		return nil, err
	}
	if _, err := fmt.Sscan(versions, &c.Version, &c.Python); err != nil {
		return nil, fmt.Errorf("versions %q: %w", versions, err)
	}
	if err := c.unpack(); err != nil {
		return nil, err
	}
	return c, nil
}

// unpack writes the scenarios to where Python finds them.
func (c *pythonClient) unpack() error {
	if err := os.MkdirAll(c.scripts, 0o700); err != nil {
		return err
	}
	return fs.WalkDir(scripts, "scenarios", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := scripts.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(c.scripts, entry.Name()), text, 0o600)
	})
}

// execute runs a program and returns what it wrote to its standard output; the error
// has the end of what it wrote to its standard error.
func execute(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.WaitDelay = 5 * time.Second
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", filepath.Base(name), strings.Join(args, " "), err, tail(errOut.String(), 1000))
	}
	return strings.TrimSpace(out.String()), nil
}

// tail returns the last n bytes of a text, at most.
func tail(text string, n int) string {
	text = strings.TrimSpace(text)
	return text[max(0, len(text)-n):]
}

package model_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/model"
)

const goodScript = "def init():\n    pass\n\n\ndef run(data):\n    return data\n"

// inferenceFolder writes a configuration file with scripts and other files beside it.
func inferenceFolder(t testing.TB, name, text string) string {
	t.Helper()
	root := write(t, map[string]string{
		name: text, "score.py": goodScript, "src/score.py": goodScript, "src/sub/other.py": goodScript, "src/env.yml": "dependencies: [python=3.10]\n",
		"env.yml": "dependencies: [python=3.9]\n", "only-here.yml": "dependencies: [python=3.11]\n", "bad.yml": "dependency: []\n", "steps": "RUN true\n",
	})
	path := filepath.Join(root, name)
	require.NoError(t, os.Chmod(path, 0o600))
	return path
}

// loaded is a configuration with its paths relative to the file.
func loaded(t *testing.T, text string) (*model.InferenceConfig, []string) {
	t.Helper()
	path := inferenceFolder(t, "inferenceconfig.json", text)
	var warnings []string
	c, err := model.LoadInferenceConfig(path, &model.LoadInferenceConfigOptions{EnvironmentName: "svc-env", OnWarning: func(w azureml.Warning) {
		assert.Equal(t, fmt.Sprintf("inference configuration %q", path), w.Subject)
		warnings = append(warnings, w.Message)
	}})
	require.NoError(t, err)
	for _, p := range []*string{&c.EntryScript, &c.SourceDirectory} {
		if below, err := filepath.Rel(filepath.Dir(path), *p); err == nil && filepath.IsAbs(*p) {
			*p = filepath.ToSlash(below)
		}
	}
	return c, warnings
}

// oldEnvironment is what the keys of old are turned into.
func oldEnvironment(change func(e *model.Environment)) *model.Environment {
	e := model.NewEnvironment("svc-env")
	change(e)
	return e
}

func conda(python string) *model.CondaDependencies {
	return &model.CondaDependencies{Dependencies: []model.CondaDependency{{Package: "python=" + python}}}
}

// TestLoadInferenceConfig: each key arrives where it belongs.
func TestLoadInferenceConfig(t *testing.T) {
	t.Parallel()
	outOfDate := func(keys string) []string {
		return []string{`line 1: ` + keys + ` out of date; turned into an environment "svc-env"; write environment instead`}
	}
	for name, row := range map[string]struct {
		text     string
		want     model.InferenceConfig
		warnings []string
	}{
		"script only":      {`{"$schema":"x","entryScript":"score.py"}`, model.InferenceConfig{EntryScript: "score.py"}, nil},
		"source directory": {`{"entryScript":"sub/other.py","sourceDirectory":"src"}`, model.InferenceConfig{EntryScript: filepath.Join("sub", "other.py"), SourceDirectory: "src"}, nil},
		"null":             {`{"entryScript":"score.py","sourceDirectory":null,"environment":null,"runtime":null,"condaFile":null,"enableGpu":null,"baseImageRegistry":null,"description":null}`, model.InferenceConfig{EntryScript: "score.py"}, nil},
		"reference":        {`{"entryScript":"score.py","environment":{"name":"myenv","version":"1"}}`, model.InferenceConfig{EntryScript: "score.py", Environment: &model.Environment{Name: "myenv", Version: "1"}}, nil},
		"latest":           {`{"entryScript":"score.py","environment":{"name":"myenv","version":null}}`, model.InferenceConfig{EntryScript: "score.py", Environment: &model.Environment{Name: "myenv"}}, nil},
		"environment wins": {`{"entryScript":"score.py","environment":{"name":"myenv"},"condaFile":"none.yml","enableGpu":true,"extraDockerFileSteps":"none","description":"d"}`,
			model.InferenceConfig{EntryScript: "score.py", Environment: &model.Environment{Name: "myenv"}},
			[]string{"line 1: description is not read; give it to the deployment configuration", "line 1: condaFile, extraDockerFileSteps, enableGpu ignored, because there is an environment"}},
		"false is nothing": {`{"entryScript":"score.py","environment":{"name":"myenv"},"enableGpu":false,"runtime":""}`, model.InferenceConfig{EntryScript: "score.py", Environment: &model.Environment{Name: "myenv"}}, nil},
		"newer service":    {"{\"entryScript\":\"score.py\",\n\"environment\":{\"name\":\"myenv\",\n\"stage\":1}}", model.InferenceConfig{EntryScript: "score.py", Environment: &model.Environment{Name: "myenv"}}, []string{`line 3: unknown key "stage" in environment`}},
		"runtime":          {`{"entryScript":"score.py","runtime":"Python"}`, model.InferenceConfig{EntryScript: "score.py", Environment: oldEnvironment(func(*model.Environment) {})}, outOfDate("runtime")},
		"conda file": {`{"entryScript":"score.py","runtime":"python","condaFile":"env.yml"}`, model.InferenceConfig{EntryScript: "score.py", Environment: oldEnvironment(func(e *model.Environment) {
			e.Python.CondaDependencies = conda("3.9")
		})}, outOfDate("runtime, condaFile")},
		"conda file in the source directory": {`{"entryScript":"score.py","sourceDirectory":"src","condaFile":"env.yml"}`, model.InferenceConfig{EntryScript: "score.py", SourceDirectory: "src", Environment: oldEnvironment(func(e *model.Environment) {
			e.Python.CondaDependencies = conda("3.10")
		})}, outOfDate("condaFile")},
		"conda file beside the file": {`{"entryScript":"score.py","sourceDirectory":"src","condaFile":"only-here.yml"}`, model.InferenceConfig{EntryScript: "score.py", SourceDirectory: "src", Environment: oldEnvironment(func(e *model.Environment) {
			e.Python.CondaDependencies = conda("3.11")
		})}, outOfDate("condaFile")},
		"GPU": {`{"entryScript":"score.py","enableGpu":true}`, model.InferenceConfig{EntryScript: "score.py", Environment: oldEnvironment(func(e *model.Environment) {
			e.Docker.SetImage(model.DefaultGPUImage)
		})}, outOfDate("enableGpu")},
		"CUDA 10.0": {`{"entryScript":"score.py","cudaVersion":"10.0"}`, model.InferenceConfig{EntryScript: "score.py", Environment: oldEnvironment(func(e *model.Environment) {
			e.Docker.SetImage(model.DefaultGPUImage)
		})}, outOfDate("cudaVersion")},
		"CUDA 9.0": {`{"entryScript":"score.py","enableGpu":true,"cudaVersion":"9.0"}`, model.InferenceConfig{EntryScript: "score.py", Environment: oldEnvironment(func(e *model.Environment) {
			e.Docker.SetImage("mcr.microsoft.com/azureml/base-gpu:intelmpi2018.3-cuda9.0-cudnn7-ubuntu16.04")
		})}, outOfDate("enableGpu, cudaVersion")},
		"image": {`{"entryScript":"score.py","baseImage":"reg.example.com/base:1","baseImageRegistry":"reg.example.com"}`, model.InferenceConfig{EntryScript: "score.py", Environment: oldEnvironment(func(e *model.Environment) {
			e.Docker.SetImage("reg.example.com/base:1")
			e.Docker.BaseImageRegistry.Address, e.InferencingStackVersion = "reg.example.com", "latest"
		})}, outOfDate("baseImage, baseImageRegistry")},
		"image with password": {`{"entryScript":"score.py","enableGpu":true,"baseImage":"b","baseImageRegistry":{"address":"a","username":"u","password":"planted"}}`, model.InferenceConfig{EntryScript: "score.py", Environment: oldEnvironment(func(e *model.Environment) {
			e.Docker.SetImage("b")
			e.Docker.BaseImageRegistry = model.ContainerRegistry{Address: "a", Username: "u", Password: azureml.NewSecret("planted")}
			e.InferencingStackVersion = "latest"
		})}, append(outOfDate("enableGpu, baseImage, baseImageRegistry"), "line 1: enableGpu and cudaVersion ignored, because there is a baseImage, which must bring CUDA itself")},
		"registry alone": {`{"entryScript":"score.py","baseImageRegistry":"a"}`, model.InferenceConfig{EntryScript: "score.py", Environment: oldEnvironment(func(*model.Environment) {})},
			append(outOfDate("baseImageRegistry"), "line 1: baseImageRegistry ignored, because there is no baseImage")},
		"steps": {`{"entryScript":"score.py","extraDockerfileSteps":"steps"}`, model.InferenceConfig{EntryScript: "score.py", Environment: oldEnvironment(func(e *model.Environment) {
			e.Docker.SetDockerfile("FROM " + model.DefaultCPUImage + "\nRUN true\n")
			e.InferencingStackVersion = "latest"
		})}, outOfDate("extraDockerfileSteps")},
		"steps, published spelling": {`{"entryScript":"score.py","baseImage":"b","extraDockerFileSteps":"steps"}`, model.InferenceConfig{EntryScript: "score.py", Environment: oldEnvironment(func(e *model.Environment) {
			e.Docker.SetDockerfile("FROM b\nRUN true\n")
			e.InferencingStackVersion = "latest"
		})}, outOfDate("extraDockerFileSteps, baseImage")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, warnings := loaded(t, row.text)
			assert.Equal(t, &row.want, got)
			assert.Equal(t, row.warnings, warnings)
		})
	}
}

func TestLoadInferenceConfigProblems(t *testing.T) {
	t.Parallel()
	script := `must be a file that exists; it is relative to sourceDirectory if that is set, else to the file's folder`
	for name, row := range map[string]struct {
		text string
		want []string
	}{
		"everything at once": {"{\n\"sourceDirectory\": \"src\",\n// mine\n\"entryscript\": \"score.py\",\n\"enableGpu\": \"yes\",\n\"condafile\": \"env.yml\",\n\"cudaVersion\": \"9.1\",\n\"runtime\": \"spark-py\",\n}", []string{
			`line 3: JSON has no comments`,
			`line 4: unknown key "entryscript"; did you mean "entryScript"?`,
			`line 5: enableGpu must be true or false, not a text`,
			`line 6: unknown key "condafile"; did you mean "condaFile"?`,
			`line 7: cudaVersion ("9.1") must be "9.0" or "10.0"; for another one write an environment`,
			`line 8: JSON allows no comma before "}"`,
			`line 8: runtime ("spark-py") must be "python"; the images of other runtimes cannot be built any more, write an environment`,
			`entryScript is required`,
		}},
		"empty script":          {`{"entryScript":""}`, []string{`line 1: entryScript is required`}},
		"no such script":        {`{"entryScript":"no.py"}`, []string{`line 1: entryScript ("FOLDER/no.py") ` + script}},
		"script outside":        {`{"entryScript":"../score.py","sourceDirectory":"src"}`, []string{`line 1: entryScript ("../score.py") must lie inside of sourceDirectory (FOLDER/src)`}},
		"no Python":             {`{"entryScript":"env.yml"}`, []string{`line 1: entryScript ("FOLDER/env.yml") must end in ".py"`}},
		"no such folder":        {`{"entryScript":"score.py","sourceDirectory":"no"}`, []string{`line 1: sourceDirectory ("FOLDER/no") must be a folder that exists`}},
		"environment as a path": {`{"entryScript":"score.py","environment":"env.yml"}`, []string{`line 1: environment must be an object, not a text`}},
		"environment":           {"{\"entryScript\":\"score.py\",\"environment\":{\"version\":1,\n\"pyhton\":{},\n\"docker\":{\"baseImage\":\"a\",\"baseDockerfile\":\"b\"}}}", []string{`line 1: environment.version must be a text, not a number`, `line 1: environment.name is required`, `line 2: unknown key "pyhton" in environment; did you mean "python"?`, `line 3: environment.docker must have only one of baseImage, baseDockerfile and buildContext`}},
		"environment's rules":   {"{\"entryScript\":\"score.py\",\"environment\":{\n\"docker\":{\"baseImage\":\"a\",\"baseDockerfile\":\"b\",\n\"baseImageRegistry\":{\"password\":\"planted\"}}}}", []string{`line 1: environment.name is required`, `line 2: environment.docker must have only one of baseImage, baseDockerfile and buildContext`, `line 3: environment.docker.baseImageRegistry.username is required beside password`}},
		"conda in environment":  {`{"entryScript":"score.py","environment":{"name":"e","docker":{"baseImage":"a"},"python":{"condaDependencies":{"colour":1,"dependencies":["a",7]}}}}`, []string{`line 1: unknown key "colour" in environment.python.condaDependencies`, `line 1: environment.python.condaDependencies.dependencies must have the name of a package, or an object with the list pip, as entry 2`}},
		"no such conda file":    {`{"entryScript":"score.py","condaFile":"no.yml"}`, []string{`line 1: condaFile ("no.yml") ` + script}},
		"bad conda file":        {`{"entryScript":"score.py","condaFile":"bad.yml"}`, []string{`line 1: condaFile ("bad.yml") cannot read conda specification "FOLDER/bad.yml": conda specification: line 1: unknown key "dependency"; known are name, channels, dependencies, prefix and variables`}},
		"both spellings":        {`{"entryScript":"score.py","extraDockerFileSteps":"steps","extraDockerfileSteps":"steps"}`, []string{`line 1: extraDockerFileSteps ("steps") cannot be given together with extraDockerfileSteps`}},
		"registry":              {`{"entryScript":"score.py","baseImage":"b","baseImageRegistry":{"host":"planted"}}`, []string{`line 1: baseImageRegistry must be the address of a registry, or an object with the texts address, username and password`}},
		"registry without user": {`{"entryScript":"score.py","baseImage":"b","baseImageRegistry":{"password":"planted"}}`, []string{`line 1: baseImageRegistry must have both username and password, or neither`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := inferenceFolder(t, "inferenceconfig.json", row.text)
			c, err := model.LoadInferenceConfig(path, nil)
			assert.Nil(t, c)
			require.ErrorIs(t, err, azureml.ErrInvalid)
			e, _ := errors.AsType[*azureml.Error](err)
			assert.Equal(t, fmt.Sprintf("inference configuration %q", path), e.Subject)
			assert.NotContains(t, azureml.Explain(err), "planted")
			var got []string
			for _, v := range e.Violations {
				got = append(got, strings.ReplaceAll(v.String(), filepath.Dir(path), "FOLDER"))
			}
			assert.Equal(t, row.want, got)
		})
	}
}

func TestLoadInferenceConfigOptions(t *testing.T) {
	t.Parallel()
	path := inferenceFolder(t, "inferenceconfig.yaml", "# mine\nentryScript: no.py\ncondaFile: env.yml\nbaseImage: b\nbaseImageRegistry: {address: a, username: u, password: planted}\n")
	require.NoError(t, os.Chmod(path, 0o604))
	var warnings []string
	c, err := model.LoadInferenceConfig(path, &model.LoadInferenceConfigOptions{
		Set: map[string]any{"entryScript": "score.py"}, OnWarning: func(w azureml.Warning) { warnings = append(warnings, w.Message) },
	})
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(filepath.Dir(path), "score.py"), c.EntryScript)
	assert.Equal(t, "inference-env", c.Environment.Name)
	assert.Equal(t, []string{
		`line 3: condaFile, baseImage, baseImageRegistry out of date; turned into an environment "inference-env"; write environment instead`,
		`it holds a password and everyone on this machine may read it; take that right away (chmod 600)`,
	}, warnings)

	script := filepath.Join(filepath.Dir(path), "score.py")
	c, err = model.LoadInferenceConfig("", &model.LoadInferenceConfigOptions{Set: map[string]any{"entryScript": script, "environment": map[string]string{"name": "e"}}})
	require.NoError(t, err)
	assert.Equal(t, &model.InferenceConfig{EntryScript: script, Environment: &model.Environment{Name: "e"}}, c)

	registry := map[string]any{"username": "u", "password": azureml.NewSecret("planted")}
	_, err = model.LoadInferenceConfig("", &model.LoadInferenceConfigOptions{Set: map[string]any{"entryScript": script, "baseImage": "b", "baseImageRegistry": registry}})
	require.ErrorContains(t, err, "baseImageRegistry has not the password itself, but what is shown in its place")

	_, err = model.LoadInferenceConfig(filepath.Join(t.TempDir(), "none.json"), nil)
	require.ErrorIs(t, err, azureml.ErrNotFound)
}

// TestLoadInferenceConfigAndDeploy: what was loaded is deployed as it stands in the file.
func TestLoadInferenceConfigAndDeploy(t *testing.T) {
	t.Parallel()
	srv, ws := emulated(t)
	m, err := model.RegisterReader(t.Context(), ws, "mymodel", "model.bin", strings.NewReader("…"), nil)
	require.NoError(t, err)
	inference, err := model.LoadInferenceConfig(filepath.Join("testdata", "inferenceconfig", "good", "old-all.json"), nil)
	require.NoError(t, err)
	p, err := model.BeginDeploy(t.Context(), ws, "myservice", []*model.Model{m}, inference, aci{}, nil)
	require.NoError(t, err)
	_, err = azureml.Wait(t.Context(), p, nil)
	require.NoError(t, err)
	sent := ""
	for _, r := range srv.Requests() {
		if r.Method == "POST" && strings.HasSuffix(r.URL.Path, "/services") {
			sent = string(r.Body)
		}
	}
	assert.Contains(t, sent, `"baseDockerfile":"FROM registry.example.com/base:1\nRUN apt-get update\n"`)
	assert.Contains(t, sent, `"username":"puller","password":"password-of-the-sample"`)
	assert.Contains(t, sent, `"scikit-learn==1.2.2"`)
	assert.Contains(t, sent, `"inferencingStackVersion":"latest"`)
}

func FuzzLoadInferenceConfig(f *testing.F) {
	for _, folder := range []string{"good", "bad"} {
		files, err := filepath.Glob(filepath.Join("testdata", "inferenceconfig", folder, "*.json"))
		require.NoError(f, err)
		for _, path := range files {
			text, err := os.ReadFile(path)
			require.NoError(f, err)
			f.Add(text, false)
		}
	}
	f.Add([]byte("entryScript: score.py\nenvironment:\n  name: e\n  python: {condaDependencies: {dependencies: [a, {pip: [b]}]}}\n"), true)
	_, ws := emulated(f)
	m, err := model.RegisterReader(f.Context(), ws, "mymodel", "model.bin", strings.NewReader("…"), nil)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, text []byte, isYAML bool) {
		name := "inferenceconfig.json"
		if isYAML {
			name = "inferenceconfig.yml"
		}
		dir := t.TempDir()
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "score.py"), []byte(goodScript), 0o600))
		require.NoError(t, os.WriteFile(path, text, 0o600))
		c, err := model.LoadInferenceConfig(path, &model.LoadInferenceConfigOptions{OnWarning: func(azureml.Warning) {}})
		if err != nil {
			require.ErrorIs(t, err, azureml.ErrInvalid)
			e, _ := errors.AsType[*azureml.Error](err)
			require.NotEmpty(t, e.Violations)
			require.Contains(t, e.Subject, fmt.Sprintf("%q", path))
			return
		}
		// It is checked before anything is sent; without a configuration nothing is.
		_, err = model.BeginDeploy[any](t.Context(), ws, "myservice", []*model.Model{m}, c, nil, nil)
		require.EqualError(t, err, `azureml: cannot deploy web service "myservice": config is required`)
	})
}

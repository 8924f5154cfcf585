package model

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/configfile"
	"github.com/azureml-go/azureml/internal/validate"
)

// LoadInferenceConfigOptions are the optional parts of [LoadInferenceConfig].
type LoadInferenceConfigOptions struct {
	// EnvironmentName names the environment that old keys (condaFile, baseImage and so
	// on) are turned into; azureml.core takes the service's name with "-env" behind it.
	// Default: "inference-env".
	EnvironmentName string
	// Set stands in for what the file says, by the file's keys, with dots for keys
	// within keys: {"entryScript": "other.py"}. nil takes a key away. Paths are
	// relative to the same folders as those in the file.
	Set map[string]any
	// OnWarning gets what is worth saying: keys that are out of date or ignored, keys of
	// the environment that are not known, a file with secrets that everyone may read.
	OnWarning func(azureml.Warning)
}

// LoadInferenceConfig reads the inference configuration file of the az ml extension v1,
// inferenceconfig.json (or the same in YAML, in a file .yml or .yaml), for [BeginDeploy].
// Its keys are described by examples/schemas/inferenceconfig.schema.json, with which
// editors complete and check it.
//
// Relative paths in the file are relative to the file's folder, entryScript and condaFile
// to the source directory if there is one. The environment is an object, or name and
// version of a registered environment. The old keys runtime, condaFile,
// extraDockerfileSteps, enableGpu, cudaVersion, baseImage and baseImageRegistry are
// turned into an environment; beside an environment they are ignored. Both is warned of.
//
// An empty path reads no file; everything then comes from Set. Errors: ErrNotFound or
// ErrForbidden for a file that cannot be read, else ErrInvalid with everything that is
// wrong, with lines. It makes no request; what is named in the file is looked at only as
// far as the files are on this machine.
//
// It mirrors the option -ic of az ml model deploy.
func LoadInferenceConfig(path string, o *LoadInferenceConfigOptions) (*InferenceConfig, error) {
	var options LoadInferenceConfigOptions
	if o != nil {
		options = *o
	}
	if options.EnvironmentName == "" {
		options.EnvironmentName = "inference-env"
	}
	var config *InferenceConfig
	err := configfile.Load("inference configuration", path, options.Set, options.OnWarning, func(doc *configfile.Document) {
		l := inferenceLoader{doc: doc, folder: filepath.Dir(path)}
		config = l.load(options.EnvironmentName)
	})
	if err != nil {
		return nil, err
	}
	return config, nil
}

// inferenceLoader makes a configuration of a file.
type inferenceLoader struct {
	doc    *configfile.Document
	folder string
	file   inferenceFile
}

func (l *inferenceLoader) load(environmentName string) *InferenceConfig {
	l.doc.Decode(&l.file, configfile.Options{Tolerated: toleratedInEnvironment})
	config := &InferenceConfig{EntryScript: filepath.FromSlash(l.file.EntryScript)}
	if l.file.SourceDirectory != "" {
		config.SourceDirectory = l.beside(l.file.SourceDirectory)
	} else if config.EntryScript != "" {
		config.EntryScript = l.beside(config.EntryScript)
	}
	l.checkCode(config)
	if l.doc.Root.Get("description") != nil {
		l.doc.Warn("description", "description is not read; give it to the deployment configuration")
	}
	old := l.oldKeys()
	switch {
	case l.doc.Root.Get("environment") != nil:
		config.Environment = l.environment()
		if len(old) > 0 {
			l.doc.Warn(old[0], strings.Join(old, ", ")+" ignored, because there is an environment")
		}
	case len(old) > 0:
		l.doc.Warn(old[0], fmt.Sprintf("%s out of date; turned into an environment %q; write environment instead", strings.Join(old, ", "), environmentName))
		config.Environment = l.oldEnvironment(environmentName)
	}
	if l.doc.Public && l.holdsSecrets() {
		l.doc.Warn("", "it holds a password and everyone on this machine may read it; take that right away (chmod 600)")
	}
	return config
}

// toleratedInEnvironment: what is in an environment may come from newer services.
func toleratedInEnvironment(path string) bool {
	return strings.HasPrefix(path, "environment.") && !strings.HasPrefix(path, "environment.python.condaDependencies.")
}

// beside gives a path of the file as one for this program.
func (l *inferenceLoader) beside(path string) string {
	path = filepath.FromSlash(path)
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(l.folder, path)
}

// checkCode looks whether script and folder are there, as deploying does.
func (l *inferenceLoader) checkCode(config *InferenceConfig) {
	if config.EntryScript == "" {
		if !l.doc.HasProblem("entryScript") {
			l.doc.Wrong("entryScript", "", "is required")
		}
		return
	}
	var c validate.Checker
	InferenceConfig{EntryScript: config.EntryScript, SourceDirectory: config.SourceDirectory}.check(&c)
	for _, v := range c.Violations() {
		key := map[string]string{"EntryScript": "entryScript", "SourceDirectory": "sourceDirectory"}[v.Field]
		if !l.doc.HasProblem(key) {
			rule := strings.NewReplacer("SourceDirectory", "sourceDirectory", "the working directory", "the file's folder").Replace(v.Rule)
			l.doc.Wrong(key, v.Value, rule)
		}
	}
}

// environment is the one that the file holds.
func (l *inferenceLoader) environment() *Environment {
	e := l.file.Environment
	if e == nil {
		return nil
	}
	l.checkConda(&e.Python)
	var c validate.Checker
	e.check(&c)
	// What only follows from something that is noted already is left out.
	news := slices.DeleteFunc(c.Violations(), func(v azureml.Violation) bool {
		return l.doc.HasProblem("environment" + environmentKeys[v.Field])
	})
	for _, v := range news {
		l.doc.Wrong("environment"+environmentKeys[v.Field], v.Value, inFileWords.Replace(v.Rule))
	}
	return e
}

// inFileWords names in the rules of an environment the file's keys.
var inFileWords = strings.NewReplacer("BaseImage", "baseImage", "BaseDockerfile", "baseDockerfile", "BuildContext", "buildContext", "Username", "username", "Password", "password")

// checkConda refuses entries that are no packages.
func (l *inferenceLoader) checkConda(p *PythonSection) {
	const key = "environment.python.condaDependencies.dependencies"
	if p.CondaDependencies == nil || l.doc.HasProblem(key) {
		return
	}
	for i, d := range p.CondaDependencies.Dependencies {
		if d.other != nil {
			l.doc.Wrong(key, "", fmt.Sprintf("must have the name of a package, or an object with the list pip, as entry %d", i+1))
		}
	}
}

// environmentKeys are the keys of what the check of an environment names.
var environmentKeys = map[string]string{
	"Name": ".name", "Docker": ".docker", "EnvironmentVariables": ".environmentVariables",
	"Docker.BuildContext.Location":      ".docker.buildContext.location",
	"Docker.BuildContext.LocationType":  ".docker.buildContext.locationType",
	"Docker.BaseImageRegistry.Username": ".docker.baseImageRegistry.username",
	"Docker.BaseImageRegistry.Password": ".docker.baseImageRegistry.password",
}

// oldKeys are the keys of old that the file uses.
func (l *inferenceLoader) oldKeys() []string {
	var used []string
	for _, key := range []string{"runtime", "condaFile", "extraDockerfileSteps", "extraDockerFileSteps", "enableGpu", "cudaVersion", "baseImage", "baseImageRegistry"} {
		if n := l.doc.Root.Get(key); n != nil && n.Text != "false" {
			if n.Kind == configfile.Text && n.Text == "" {
				continue
			}
			used = append(used, key)
		}
	}
	return used
}

func (l *inferenceLoader) holdsSecrets() bool {
	if !l.file.BaseImageRegistry.Password.IsZero() {
		return true
	}
	e := l.file.Environment
	if e == nil {
		return false
	}
	return !e.Docker.BaseImageRegistry.Password.IsZero() ||
		e.R != nil && slices.ContainsFunc(e.R.GitHubPackages, func(p RGitHubPackage) bool { return !p.AuthToken.IsZero() })
}

// oldEnvironment turns the keys of old into an environment, as azureml.core does
// (contract: model §8).
func (l *inferenceLoader) oldEnvironment(name string) *Environment {
	e := NewEnvironment(name)
	if !strings.EqualFold(l.file.Runtime, "python") && l.file.Runtime != "" {
		l.doc.Wrong("runtime", configfile.Quoted(l.file.Runtime), `must be "python"; the images of other runtimes cannot be built any more, write an environment`)
	}
	if l.file.CondaFile != "" {
		if path := l.oldFile("condaFile", l.file.CondaFile); path != "" {
			conda, err := NewEnvironmentFromCondaFile(name, path)
			if err != nil {
				l.doc.Wrong("condaFile", configfile.Quoted(l.file.CondaFile), whatIsWrong(err))
			} else {
				e.Python = conda.Python
			}
		}
	}
	l.oldImage(e)
	l.oldSteps(e)
	return e
}

// oldImage chooses the image.
func (l *inferenceLoader) oldImage(e *Environment) {
	f := &l.file
	switch f.CudaVersion {
	case "":
		if f.EnableGPU {
			e.Docker.SetImage(DefaultGPUImage)
		}
	case "10.0":
		e.Docker.SetImage(DefaultGPUImage)
	case "9.0":
		e.Docker.SetImage(cuda9Image)
	default:
		l.doc.Wrong("cudaVersion", configfile.Quoted(f.CudaVersion), `must be "9.0" or "10.0"; for another one write an environment`)
	}
	switch {
	case f.BaseImage == "" && l.doc.Root.Get("baseImageRegistry") != nil:
		l.doc.Warn("baseImageRegistry", "baseImageRegistry ignored, because there is no baseImage")
	case f.BaseImage != "":
		if f.EnableGPU || f.CudaVersion != "" {
			l.doc.Warn("baseImage", "enableGpu and cudaVersion ignored, because there is a baseImage, which must bring CUDA itself")
		}
		e.Docker.SetImage(f.BaseImage)
		e.Docker.BaseImageRegistry = f.BaseImageRegistry.ContainerRegistry
		e.InferencingStackVersion = "latest"
		if r := f.BaseImageRegistry; (r.Username == "") != r.Password.IsZero() {
			l.doc.Wrong("baseImageRegistry", "", "must have both username and password, or neither")
		}
	}
}

// cuda9Image is azureml.core's image for CUDA 9.0, with the registry that it forgets.
const cuda9Image = "mcr.microsoft.com/azureml/base-gpu:intelmpi2018.3-cuda9.0-cudnn7-ubuntu16.04"

// oldSteps adds lines to the Dockerfile, which is that of the image and nothing else.
func (l *inferenceLoader) oldSteps(e *Environment) {
	key, name := "extraDockerfileSteps", l.file.ExtraDockerfileSteps
	if other := l.file.ExtraDockerFileSteps; other != "" {
		if name != "" {
			l.doc.Wrong("extraDockerFileSteps", configfile.Quoted(other), "cannot be given together with extraDockerfileSteps")
			return
		}
		key, name = "extraDockerFileSteps", other
	}
	if name == "" {
		return
	}
	path := l.oldFile(key, name)
	if path == "" {
		return
	}
	steps, err := os.ReadFile(path)
	if err != nil {
		l.doc.Wrong(key, configfile.Quoted(name), "cannot be read: "+reason(err))
		return
	}
	e.Docker.SetDockerfile("FROM " + e.Docker.BaseImage + "\n" + strings.TrimPrefix(string(steps), "\ufeff"))
	e.InferencingStackVersion = "latest"
}

// oldFile finds a file in the source directory, or else beside the configuration.
func (l *inferenceLoader) oldFile(key, name string) string {
	candidates := []string{l.beside(name)}
	if l.file.SourceDirectory != "" && !filepath.IsAbs(filepath.FromSlash(name)) {
		candidates = []string{filepath.Join(l.beside(l.file.SourceDirectory), filepath.FromSlash(name)), l.beside(name)}
	}
	for _, path := range candidates {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	l.doc.Wrong(key, configfile.Quoted(name), "must be a file that exists; it is relative to sourceDirectory if that is set, else to the file's folder")
	return ""
}

// whatIsWrong is an error without what was tried, which the configuration says.
func whatIsWrong(err error) string {
	return strings.TrimPrefix(err.Error(), "azureml: ")
}

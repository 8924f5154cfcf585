package model

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/validate"
)

// defaultShmSize is azureml.core's shared memory of a container.
const defaultShmSize = "2g"

// NewEnvironment gives an environment with azureml.core's defaults: [DefaultCPUImage],
// Python [DefaultPythonVersion], the package azureml-defaults, which brings the server
// that answers requests. (azureml.core also sets an example variable; this does not.)
// It mirrors azureml.core's Environment(name).
func NewEnvironment(name string) *Environment {
	return &Environment{
		Name:   name,
		Python: PythonSection{InterpreterPath: "python", CondaDependencies: NewCondaDependencies(nil, nil)},
		Docker: DockerSection{
			BaseImage: DefaultCPUImage, ShmSize: defaultShmSize,
			Platform: Platform{OS: "Linux", Architecture: "amd64"},
		},
	}
}

// NewEnvironmentFromCondaFile is [NewEnvironment] with the packages of a conda
// specification (environment.yml). If it names no python, [DefaultPythonVersion] is
// added. It mirrors azureml.core's Environment.from_conda_specification.
func NewEnvironmentFromCondaFile(name, path string) (*Environment, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, unreadable("conda file", path, err)
	}
	conda, err := ParseCondaDependencies(text)
	if err != nil {
		return nil, inFile(err, path)
	}
	conda.ensurePython()
	e := NewEnvironment(name)
	e.Python.CondaDependencies = conda
	return e, nil
}

// NewEnvironmentFromPipFile is [NewEnvironment] with the lines of a requirements.txt,
// which pip, in the version pipVersion if that is not empty, installs. It mirrors
// azureml.core's Environment.from_pip_requirements.
func NewEnvironmentFromPipFile(name, path, pipVersion string) (*Environment, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, unreadable("requirements file", path, err)
	}
	var lines []string
	for line := range strings.SplitSeq(strings.TrimPrefix(string(text), "\ufeff"), "\n") {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	pip := "pip"
	if pipVersion != "" {
		pip += "=" + pipVersion
	}
	e := NewEnvironment(name)
	e.Python.CondaDependencies = NewCondaDependencies(lines, []string{pip})
	return e, nil
}

// NewEnvironmentFromDockerImage is [NewEnvironment] on an own image that holds all
// packages already (UserManagedDependencies). registry says how to log in to where the
// image is; nil for a public one. It mirrors azureml.core's Environment.from_docker_image.
func NewEnvironmentFromDockerImage(name, image string, registry *ContainerRegistry) *Environment {
	e := NewEnvironment(name)
	e.Docker.SetImage(image)
	if registry != nil {
		e.Docker.BaseImageRegistry = *registry
	}
	e.Python.UserManagedDependencies = true
	return e
}

// NewEnvironmentFromDockerfile is [NewEnvironment] on an image that is built from the
// Dockerfile at path and holds all packages already (UserManagedDependencies). It
// mirrors azureml.core's Environment.from_dockerfile.
func NewEnvironmentFromDockerfile(name, path string) (*Environment, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, unreadable("Dockerfile", path, err)
	}
	e := NewEnvironment(name)
	e.Docker.SetDockerfile(string(text))
	e.Python.UserManagedDependencies = true
	return e, nil
}

// SetImage builds the environment on an image, and on nothing else.
func (d *DockerSection) SetImage(image string) {
	d.BaseImage, d.BaseDockerfile, d.BuildContext = image, "", nil
}

// SetDockerfile builds the environment on the text of a Dockerfile, and on nothing else.
func (d *DockerSection) SetDockerfile(text string) {
	d.BaseImage, d.BaseDockerfile, d.BuildContext = "", text, nil
}

// SetBuildContext builds the environment on a folder with a Dockerfile, and on nothing else.
func (d *DockerSection) SetBuildContext(b BuildContext) {
	d.BaseImage, d.BaseDockerfile, d.BuildContext = "", "", &b
}

// Clone copies the environment under another name, as one that is not registered. It is
// the way to change a curated environment.
func (e *Environment) Clone(name string) *Environment {
	c := *e
	c.Name, c.Version, c.AssetID = name, "", ""
	c.EnvironmentVariables = maps.Clone(e.EnvironmentVariables)
	c.Python.CondaDependencies = e.Python.CondaDependencies.clone()
	c.Docker.BuildContext = copied(e.Docker.BuildContext)
	c.Docker.SharedVolumes = copied(e.Docker.SharedVolumes)
	c.Docker.Arguments = slices.Clone(e.Docker.Arguments)
	c.Docker.BaseImageRegistry.RegistryIdentity = copied(e.Docker.BaseImageRegistry.RegistryIdentity)
	c.Spark = SparkSection{slices.Clone(e.Spark.Repositories), slices.Clone(e.Spark.Packages), copied(e.Spark.PrecachePackages)}
	c.Databricks = DatabricksSection{
		cloneRaw(e.Databricks.MavenLibraries), cloneRaw(e.Databricks.PyPILibraries), cloneRaw(e.Databricks.RCranLibraries),
		cloneRaw(e.Databricks.JarLibraries), cloneRaw(e.Databricks.EggLibraries),
	}
	if e.R != nil {
		r := *e.R
		r.CranPackages, r.GitHubPackages = slices.Clone(r.CranPackages), slices.Clone(r.GitHubPackages)
		r.CustomURLPackages, r.BioconductorPackages = slices.Clone(r.CustomURLPackages), slices.Clone(r.BioconductorPackages)
		c.R = &r
	}
	return &c
}

func copied[T any](p *T) *T {
	if p == nil {
		return nil
	}
	c := *p
	return &c
}

func cloneRaw(items []json.RawMessage) []json.RawMessage {
	c := slices.Clone(items)
	for i := range c {
		c[i] = slices.Clone(c[i])
	}
	return c
}

// reference tells of an environment of which there is only a name, or name and version:
// it is to be read from the workspace.
func (e *Environment) reference() bool {
	d := e.Docker
	return e.AssetID == "" && e.Python == (PythonSection{}) && len(e.EnvironmentVariables) == 0 && e.R == nil &&
		d.BaseImage == "" && d.BaseDockerfile == "" && d.BuildContext == nil && e.InferencingStackVersion == ""
}

// check notes what is wrong with an environment that shall be used or registered.
func (e *Environment) check(c *validate.Checker) {
	c.Require("Name", e.Name)
	if e.reference() || e.AssetID != "" {
		return
	}
	d, set := e.Docker, 0
	for _, given := range []bool{d.BaseImage != "", d.BaseDockerfile != "", d.BuildContext != nil} {
		if given {
			set++
		}
	}
	switch {
	case set == 0:
		c.Add("Docker", nil, "must have a BaseImage, BaseDockerfile or BuildContext")
	case set > 1:
		c.Add("Docker", nil, "must have only one of BaseImage, BaseDockerfile and BuildContext")
	}
	if b := d.BuildContext; b != nil {
		c.Require("Docker.BuildContext.Location", b.Location)
		if c.Require("Docker.BuildContext.LocationType", b.LocationType) {
			validate.OneOf(c, "Docker.BuildContext.LocationType", b.LocationType, "git", "storageAccount")
		}
	}
	r := d.BaseImageRegistry
	if r.Username != "" && r.Password.IsZero() {
		c.Add("Docker.BaseImageRegistry.Password", nil, "is required beside Username")
	}
	if !r.Password.IsZero() && r.Username == "" {
		c.Add("Docker.BaseImageRegistry.Username", nil, "is required beside Password")
	}
	if _, empty := e.EnvironmentVariables[""]; empty {
		c.Add("EnvironmentVariables", nil, "must not have an empty key")
	}
}

// servingWarnings says what will probably keep a service from starting.
func (e *Environment) servingWarnings() []string {
	if e.reference() {
		return nil
	}
	var warnings []string
	if conda := e.Python.CondaDependencies; !e.Python.UserManagedDependencies && !conda.mentions("azureml-defaults") {
		warnings = append(warnings, fmt.Sprintf("environment %q does not install azureml-defaults; without the server in it a service does not start", e.Name))
	}
	d := e.Docker
	if own := d.BaseDockerfile != "" || d.BuildContext != nil || !strings.HasPrefix(d.BaseImage, "mcr.microsoft.com/azureml"); own && e.InferencingStackVersion == "" {
		warnings = append(warnings, fmt.Sprintf("environment %q has an own image; unless the image holds the server, set InferencingStackVersion to \"latest\"", e.Name))
	}
	return warnings
}

func unreadable(what, path string, err error) error {
	return &azureml.Error{
		Operation: "read", Subject: fmt.Sprintf("%s %q", what, path), Kind: azureml.ErrInvalid,
		Message: reason(err), Err: err,
	}
}

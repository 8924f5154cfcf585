package model

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/rest"
)

// EnvironmentBody is an [Environment] as requests have it: marshalling it to JSON
// gives passwords and tokens of registries in plain text. Printing it gives the
// environment's name only.
type EnvironmentBody struct{ wire wireEnvironment }

// MarshalJSON writes the service's form, secrets included.
func (b *EnvironmentBody) MarshalJSON() ([]byte, error) { return rest.Marshal(b.wire) }

// String names the environment.
func (b *EnvironmentBody) String() string { return fmt.Sprintf("environment %q", b.wire.Name) }

// Format prints [EnvironmentBody.String] whatever the verb.
func (b *EnvironmentBody) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, b.String()) }

// GoString is [EnvironmentBody.String].
func (b *EnvironmentBody) GoString() string { return b.String() }

// body gives the environment as requests have it.
func (e *Environment) body() *EnvironmentBody { return &EnvironmentBody{e.wire()} }

// The wire forms of an environment (contract: model §7.1). Unset members are null,
// unset lists empty.

type wireEnvironment struct {
	Name                    string            `json:"name"`
	Version                 *string           `json:"version"`
	EnvironmentVariables    map[string]string `json:"environmentVariables"`
	Python                  wirePython        `json:"python"`
	Docker                  wireDocker        `json:"docker"`
	Spark                   wireSpark         `json:"spark"`
	Databricks              wireDatabricks    `json:"databricks"`
	R                       *wireR            `json:"r"`
	InferencingStackVersion *string           `json:"inferencingStackVersion"`
	AssetID                 *string           `json:"assetId"`
}

// wireRegistration registers an environment. The service's own spelling of the names.
type wireRegistration struct {
	Name                    string            `json:"Name"`
	Python                  wirePython        `json:"python"`
	EnvironmentVariables    map[string]string `json:"EnvironmentVariables"`
	Docker                  wireDocker        `json:"Docker"`
	Spark                   wireSpark         `json:"Spark"`
	InferencingStackVersion *string           `json:"InferencingStackVersion"`
	R                       *wireR            `json:"r"`
}

type wirePython struct {
	UserManagedDependencies bool               `json:"userManagedDependencies"`
	InterpreterPath         string             `json:"interpreterPath"`
	CondaDependenciesFile   *string            `json:"condaDependenciesFile"`
	BaseCondaEnvironment    *string            `json:"baseCondaEnvironment"`
	CondaDependencies       *CondaDependencies `json:"condaDependencies,omitempty"`
}

type wireDocker struct {
	Enabled           bool              `json:"enabled"`
	BaseImage         *string           `json:"baseImage"`
	BaseDockerfile    *string           `json:"baseDockerfile"`
	BuildContext      *wireBuildContext `json:"buildContext"`
	SharedVolumes     bool              `json:"sharedVolumes"`
	ShmSize           *string           `json:"shmSize"`
	Arguments         []string          `json:"arguments"`
	BaseImageRegistry wireRegistry      `json:"baseImageRegistry"`
	Platform          wirePlatform      `json:"platform"`
}

type wireBuildContext struct {
	LocationType   string `json:"locationType"`
	Location       string `json:"location"`
	DockerfilePath string `json:"dockerfilePath"`
}

type wireRegistry struct {
	Address  *string       `json:"address"`
	Username *string       `json:"username"`
	Password *string       `json:"password"`
	Identity *wireIdentity `json:"registryIdentity"`
}

type wireIdentity struct {
	ResourceID *string `json:"resourceId"`
	ClientID   *string `json:"clientId"`
}

type wirePlatform struct {
	OS           string `json:"os"`
	Architecture string `json:"architecture"`
}

type wireSpark struct {
	Repositories     []string       `json:"repositories"`
	Packages         []SparkPackage `json:"packages"`
	PrecachePackages bool           `json:"precachePackages"`
}

type wireDatabricks struct {
	Maven []json.RawMessage `json:"mavenLibraries"`
	PyPI  []json.RawMessage `json:"pypiLibraries"`
	RCran []json.RawMessage `json:"rcranLibraries"`
	Jar   []json.RawMessage `json:"jarLibraries"`
	Egg   []json.RawMessage `json:"eggLibraries"`
}

type wireR struct {
	RVersion             *string        `json:"rVersion"`
	UserManaged          bool           `json:"userManaged"`
	RscriptPath          *string        `json:"rscriptPath"`
	SnapshotDate         *string        `json:"snapshotDate"`
	CranPackages         []RCranPackage `json:"cranPackages"`
	GitHubPackages       []wireRGitHub  `json:"githubPackages"`
	CustomURLPackages    []string       `json:"customUrlPackages"`
	BioconductorPackages []string       `json:"bioconductorPackages"`
}

type wireRGitHub struct {
	Repository string  `json:"repository"`
	AuthToken  *string `json:"authToken"`
}

func (e *Environment) wire() wireEnvironment {
	w := wireEnvironment{
		Name: e.Name, Version: orNull(e.Version), EnvironmentVariables: maps.Clone(e.EnvironmentVariables),
		Python: e.Python.wire(), Docker: e.Docker.wire(), Spark: e.Spark.wire(), R: e.R.wire(),
		Databricks: wireDatabricks{
			list(e.Databricks.MavenLibraries), list(e.Databricks.PyPILibraries), list(e.Databricks.RCranLibraries),
			list(e.Databricks.JarLibraries), list(e.Databricks.EggLibraries),
		},
		InferencingStackVersion: orNull(e.InferencingStackVersion), AssetID: orNull(e.AssetID),
	}
	if w.EnvironmentVariables == nil {
		w.EnvironmentVariables = map[string]string{}
	}
	return w
}

// registration is the body that registers the environment.
func (e *Environment) registration() wireRegistration {
	w := e.wire()
	return wireRegistration{
		Name: w.Name, Python: w.Python, EnvironmentVariables: w.EnvironmentVariables, Docker: w.Docker,
		Spark: w.Spark, InferencingStackVersion: w.InferencingStackVersion, R: w.R,
	}
}

func (p PythonSection) wire() wirePython {
	return wirePython{
		UserManagedDependencies: p.UserManagedDependencies, InterpreterPath: cmp.Or(p.InterpreterPath, "python"),
		CondaDependenciesFile: orNull(p.CondaDependenciesFile), BaseCondaEnvironment: orNull(p.BaseCondaEnvironment),
		CondaDependencies: p.CondaDependencies.clone(),
	}
}

func (d DockerSection) wire() wireDocker {
	w := wireDocker{
		Enabled: d.Enabled, BaseImage: orNull(d.BaseImage), BaseDockerfile: orNull(d.BaseDockerfile),
		SharedVolumes: d.SharedVolumes == nil || *d.SharedVolumes, ShmSize: orNull(d.ShmSize), Arguments: list(d.Arguments),
		BaseImageRegistry: wireRegistry{
			Address: orNull(d.BaseImageRegistry.Address), Username: orNull(d.BaseImageRegistry.Username),
			Password: reveal(d.BaseImageRegistry.Password),
		},
		Platform: wirePlatform{OS: cmp.Or(d.Platform.OS, "Linux"), Architecture: cmp.Or(d.Platform.Architecture, "amd64")},
	}
	if b := d.BuildContext; b != nil {
		w.BuildContext = &wireBuildContext{b.LocationType, b.Location, cmp.Or(b.DockerfilePath, "Dockerfile")}
	}
	if i := d.BaseImageRegistry.RegistryIdentity; i != nil {
		w.BaseImageRegistry.Identity = &wireIdentity{orNull(i.ResourceID), orNull(i.ClientID)}
	}
	return w
}

func (s SparkSection) wire() wireSpark {
	return wireSpark{list(s.Repositories), list(s.Packages), s.PrecachePackages == nil || *s.PrecachePackages}
}

func (r *RSection) wire() *wireR {
	if r == nil {
		return nil
	}
	w := &wireR{
		RVersion: orNull(r.RVersion), UserManaged: r.UserManaged, RscriptPath: orNull(r.RscriptPath), SnapshotDate: orNull(r.SnapshotDate),
		CranPackages: list(r.CranPackages), GitHubPackages: []wireRGitHub{},
		CustomURLPackages: list(r.CustomURLPackages), BioconductorPackages: list(r.BioconductorPackages),
	}
	for _, p := range r.GitHubPackages {
		w.GitHubPackages = append(w.GitHubPackages, wireRGitHub{p.Repository, reveal(p.AuthToken)})
	}
	return w
}

// orNull is nil, JSON's null, for a zero value.
func orNull[T comparable](value T) *T {
	if value == *new(T) {
		return nil
	}
	return &value
}

func reveal(s azureml.Secret) *string { return orNull(s.Reveal()) }

// list is a copy that is never nil, so that JSON has an empty list for it.
func list[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return slices.Clone(items)
}

package model

import (
	"encoding/json"

	"github.com/azureml-go/azureml"
)

// The images that environments are built on unless they name another one: those of
// azureml.core 1.51.
const (
	DefaultCPUImage = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu20.04:20230509.v1"
	DefaultGPUImage = "mcr.microsoft.com/azureml/openmpi4.1.0-cuda11.3-cudnn8-ubuntu20.04:20230509.v1"
)

// Environment is the Python packages, the image and the variables that code runs in.
// [NewEnvironment] gives one with azureml.core's defaults to be changed at will;
// [GetEnvironment] reads a registered one. It mirrors azureml.core's Environment.
//
// Marshalling it to JSON gives the service's form with secrets redacted. An
// Environment is not safe for concurrent changes; calls that take one only read it.
type Environment struct {
	Name string `json:"name"`
	// Version of a registered environment; empty for one that is not registered, and
	// for the latest one in a reference.
	Version string `json:"version,omitempty"`
	// AssetID is the id that the service gave a registered environment.
	AssetID string `json:"assetId,omitempty"`
	// EnvironmentVariables are set in the container.
	EnvironmentVariables map[string]string `json:"environmentVariables,omitempty"`
	Python               PythonSection     `json:"python"`
	Docker               DockerSection     `json:"docker"`
	Spark                SparkSection      `json:"spark,omitzero"`
	Databricks           DatabricksSection `json:"databricks,omitzero"`
	// R is for environments of the language R; nil for others.
	R *RSection `json:"r,omitempty"`
	// InferencingStackVersion "latest" makes the service add what serves requests to
	// an own image that lacks it. Empty adds nothing.
	InferencingStackVersion string `json:"inferencingStackVersion,omitempty"`
}

// PythonSection is the Python of an [Environment].
type PythonSection struct {
	// UserManagedDependencies tells that the image holds all packages already;
	// CondaDependencies is then not used.
	UserManagedDependencies bool `json:"userManagedDependencies"`
	// InterpreterPath of the image's Python; empty is "python".
	InterpreterPath string `json:"interpreterPath,omitempty"`
	// CondaDependenciesFile is what azureml.core noted as the file's path; the service
	// does not read it.
	CondaDependenciesFile string `json:"condaDependenciesFile,omitempty"`
	// BaseCondaEnvironment is a conda environment of the image to build on.
	BaseCondaEnvironment string `json:"baseCondaEnvironment,omitempty"`
	// CondaDependencies are the packages to install; nil for none.
	CondaDependencies *CondaDependencies `json:"condaDependencies,omitempty"`
}

// DockerSection is the image of an [Environment]: exactly one of BaseImage,
// BaseDockerfile and BuildContext. Use SetImage, SetDockerfile and SetBuildContext to
// set one and clear the others.
type DockerSection struct {
	// Enabled is out of date and is kept as it came.
	Enabled bool `json:"enabled"`
	// BaseImage is the name of an image: "mcr.microsoft.com/azureml/…".
	BaseImage string `json:"baseImage,omitempty"`
	// BaseDockerfile is the text of a Dockerfile.
	BaseDockerfile string `json:"baseDockerfile,omitempty"`
	// BuildContext is where Dockerfile and files to build the image from are.
	BuildContext *BuildContext `json:"buildContext,omitempty"`
	// SharedVolumes; nil is true, azureml.core's default.
	SharedVolumes *bool `json:"sharedVolumes,omitempty"`
	// ShmSize is the size of the shared memory ("2g"); empty leaves it to the service.
	ShmSize string `json:"shmSize,omitempty"`
	// Arguments are further ones of docker run; used for runs only.
	Arguments []string `json:"arguments,omitempty"`
	// BaseImageRegistry is where BaseImage is, if it is not public.
	BaseImageRegistry ContainerRegistry `json:"baseImageRegistry,omitzero"`
	// Platform; empty is Linux on amd64.
	Platform Platform `json:"platform,omitzero"`
}

// BuildContext is the place of a Dockerfile and the files it needs.
type BuildContext struct {
	// LocationType is "git" or "storageAccount".
	LocationType string `json:"locationType"`
	// Location is the address of the folder.
	Location string `json:"location"`
	// DockerfilePath in the folder; empty is "Dockerfile".
	DockerfilePath string `json:"dockerfilePath,omitempty"`
}

// ContainerRegistry is an image registry and how to log in to it: by user name and
// password, or by a managed identity.
type ContainerRegistry struct {
	Address          string            `json:"address,omitempty"`
	Username         string            `json:"username,omitempty"`
	Password         azureml.Secret    `json:"password,omitzero"`
	RegistryIdentity *RegistryIdentity `json:"registryIdentity,omitempty"`
}

// IsZero tells of a registry that is not set.
func (r ContainerRegistry) IsZero() bool {
	return r.Address == "" && r.Username == "" && r.Password.IsZero() && r.RegistryIdentity == nil
}

// RegistryIdentity is the managed identity that may pull from a registry.
type RegistryIdentity struct {
	ResourceID string `json:"resourceId,omitempty"`
	ClientID   string `json:"clientId,omitempty"`
}

// Platform is what an image runs on.
type Platform struct {
	OS           string `json:"os,omitempty"`
	Architecture string `json:"architecture,omitempty"`
}

// SparkSection is for Spark runs.
type SparkSection struct {
	Repositories []string       `json:"repositories,omitempty"`
	Packages     []SparkPackage `json:"packages,omitempty"`
	// PrecachePackages; nil is true, azureml.core's default.
	PrecachePackages *bool `json:"precachePackages,omitempty"`
}

// SparkPackage is a Maven package.
type SparkPackage struct {
	Group    string `json:"group"`
	Artifact string `json:"artifact"`
	Version  string `json:"version"`
}

// DatabricksSection is for runs on Databricks. Its libraries are kept as they came.
type DatabricksSection struct {
	MavenLibraries []json.RawMessage `json:"mavenLibraries,omitempty"`
	PyPILibraries  []json.RawMessage `json:"pypiLibraries,omitempty"`
	RCranLibraries []json.RawMessage `json:"rcranLibraries,omitempty"`
	JarLibraries   []json.RawMessage `json:"jarLibraries,omitempty"`
	EggLibraries   []json.RawMessage `json:"eggLibraries,omitempty"`
}

// RSection is the R of an [Environment].
type RSection struct {
	RVersion             string           `json:"rVersion,omitempty"`
	UserManaged          bool             `json:"userManaged"`
	RscriptPath          string           `json:"rscriptPath,omitempty"`
	SnapshotDate         string           `json:"snapshotDate,omitempty"`
	CranPackages         []RCranPackage   `json:"cranPackages,omitempty"`
	GitHubPackages       []RGitHubPackage `json:"githubPackages,omitempty"`
	CustomURLPackages    []string         `json:"customUrlPackages,omitempty"`
	BioconductorPackages []string         `json:"bioconductorPackages,omitempty"`
}

// RCranPackage is a package of CRAN or another repository.
type RCranPackage struct {
	Name       string `json:"name"`
	Version    string `json:"version,omitempty"`
	Repository string `json:"repository,omitempty"`
}

// RGitHubPackage is a package in a GitHub repository.
type RGitHubPackage struct {
	Repository string         `json:"repository"`
	AuthToken  azureml.Secret `json:"authToken,omitzero"`
}

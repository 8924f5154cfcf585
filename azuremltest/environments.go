package azuremltest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// environment is all versions of an environment.
type environment struct {
	name     string
	versions []*environmentVersion // in the order of their registration
	labels   map[string]string     // label to version
}

// environmentVersion is one version: what was registered, as it was sent.
type environmentVersion struct {
	version string
	members map[string]json.RawMessage // by lower-case name
	built   bool                       // whether its image is in the registry
}

// environmentBody is an environment on the wire.
type environmentBody struct {
	Name                 string          `json:"name"`
	Version              string          `json:"version"`
	AssetID              string          `json:"assetId"`
	EnvironmentVariables json.RawMessage `json:"environmentVariables"`
	Python               json.RawMessage `json:"python"`
	Docker               json.RawMessage `json:"docker"`
	Spark                json.RawMessage `json:"spark"`
	Databricks           json.RawMessage `json:"databricks,omitempty"`
	R                    json.RawMessage `json:"r"`
	Stack                json.RawMessage `json:"inferencingStackVersion"`
}

// environmentRoutes are the environment service. contract: model §7.2
func (s *Server) environmentRoutes() []route {
	const base = "/environment/v1.0" + workspacePattern + "/environments"
	on := func(method, pattern string, handle func(*call)) route {
		return route{host: hostAPI, method: method, pattern: base + pattern, auth: authARM, handle: handle}
	}
	return []route{
		on(http.MethodGet, "", (*call).listEnvironments),
		on(http.MethodGet, "/{$}", (*call).listEnvironments),
		on(http.MethodPut, "/{name}", (*call).registerEnvironment),
		on(http.MethodPut, "/{name}/versions/{version}", (*call).registerEnvironment),
		on(http.MethodPut, "/{name}/versions/{version}/metadata", (*call).labelEnvironment),
		on(http.MethodGet, "/{name}", (*call).getEnvironment),
		on(http.MethodGet, "/{name}/versions/{version}", (*call).getEnvironment),
		on(http.MethodGet, "/{name}/labels/{label}", (*call).getEnvironment),
	}
}

// curatedEnvironments are there in every workspace; nobody may change them.
var curatedEnvironments = map[string]string{
	"AzureML-sklearn-1.0-ubuntu20.04-py38-cpu":       "mcr.microsoft.com/azureml/curated/sklearn-1.0-ubuntu20.04-py38-cpu:30",
	"AzureML-minimal-ubuntu18.04-py37-cpu-inference": "mcr.microsoft.com/azureml/minimal-ubuntu18.04-py37-cpu-inference:44",
}

func (d *dataPlane) addCuratedEnvironments() {
	for name, image := range curatedEnvironments {
		docker, err := json.Marshal(map[string]any{
			"enabled": false, "baseImage": image, "baseDockerfile": nil, "buildContext": nil, "arguments": []any{},
			"baseImageRegistry": map[string]any{"address": nil, "username": nil, "password": nil, "registryIdentity": nil},
			"platform":          map[string]any{"os": "Linux", "architecture": "amd64"},
		})
		if err != nil {
			panic("azuremltest: cannot encode an environment: " + err.Error())
		}
		d.environments[name] = &environment{name: name, labels: map[string]string{}, versions: []*environmentVersion{{
			version: "1",
			members: map[string]json.RawMessage{
				"docker":                  docker,
				"environmentvariables":    json.RawMessage(`{}`),
				"python":                  json.RawMessage(`{"userManagedDependencies":true,"interpreterPath":"python","condaDependenciesFile":null,"baseCondaEnvironment":null}`),
				"inferencingstackversion": json.RawMessage(`"latest"`),
			},
		}}}
	}
}

// reserved reports whether a name belongs to the curated environments.
func reservedEnvironment(name string) bool {
	lower := strings.ToLower(name)
	return strings.HasPrefix(lower, "azureml") || strings.HasPrefix(lower, "microsoft")
}

// body puts a version into the form in which it is answered.
func (v *environmentVersion) body(ws *workspace, name string) environmentBody {
	get := func(member string) json.RawMessage {
		if raw, ok := v.members[member]; ok {
			return raw
		}
		return json.RawMessage("null")
	}
	return environmentBody{
		Name: name, Version: v.version,
		AssetID:              "azureml://locations/" + ws.location + "/workspaces/" + ws.id + "/environments/" + name + "/versions/" + v.version,
		EnvironmentVariables: get("environmentvariables"),
		Python:               get("python"),
		Docker:               get("docker"),
		Spark:                get("spark"),
		Databricks:           v.members["databricks"],
		R:                    get("r"),
		Stack:                get("inferencingstackversion"),
	}
}

// find returns the version with the name, or the one registered last.
func (e *environment) find(version string) *environmentVersion {
	if e == nil || len(e.versions) == 0 {
		return nil
	}
	if version == "" {
		return e.versions[len(e.versions)-1]
	}
	for _, v := range e.versions {
		if v.version == version {
			return v
		}
	}
	return nil
}

// getEnvironment answers with the newest version, or the one that the URL
// names by version or label.
func (c *call) getEnvironment() {
	name, version, label := c.path("name"), c.path("version"), c.path("label")
	e := c.ws.data.environments[name]
	if label != "" && !equalFold(label, "latest") {
		if e != nil {
			version = e.labels[label]
		}
		if version == "" {
			c.serviceError(http.StatusNotFound, "NotFound", "No environment exists for name: "+name+", label: "+label)
			return
		}
	}
	v := e.find(version)
	if v == nil {
		wanted := "Environment " + name + " version " + cmp.Or(version, "None") + " not found"
		c.serviceError(http.StatusNotFound, "NotFound", wanted)
		return
	}
	c.json(http.StatusOK, v.body(c.ws, name))
}

// listEnvironments answers with the newest version of each.
func (c *call) listEnvironments() {
	all := sortedValues(c.ws.data.environments)
	page, next, err := pageOf(all, func(e *environment) string { return e.name }, c.query("continuation"), c.srv.opts.PageSize)
	if err != nil {
		c.serviceError(http.StatusBadRequest, "BadArgument", err.Error())
		return
	}
	value := make([]environmentBody, len(page))
	for i, e := range page {
		value[i] = e.find("").body(c.ws, e.name)
	}
	c.json(http.StatusOK, map[string]any{"value": value, "continuationToken": nullIfEmpty(next)})
}

// registerEnvironment stores a version: the next number, or the one in the
// URL. A version that exists can be sent again, but not changed.
func (c *call) registerEnvironment() {
	var raw map[string]json.RawMessage
	if !c.decode(&raw) {
		return
	}
	name := c.path("name")
	v := &environmentVersion{version: c.path("version"), members: lowerKeys(raw)}
	if problem := v.check(name); problem != "" {
		c.serviceError(http.StatusBadRequest, "BadArgument", problem)
		return
	}
	e := c.ws.data.environments[name]
	if e == nil {
		e = &environment{name: name, labels: map[string]string{}}
		c.ws.data.environments[name] = e
	}
	if v.version == "" {
		v.version = e.nextVersion()
	}
	if old := e.find(v.version); old != nil {
		if !maps.EqualFunc(old.members, v.members, sameJSON) {
			c.serviceError(http.StatusConflict, "Conflict", "Environment "+name+" version "+v.version+" exists with another definition.")
			return
		}
		v = old
	} else {
		e.versions = append(e.versions, v)
	}
	c.json(http.StatusOK, v.body(c.ws, name))
}

// nextVersion counts on from the highest number.
func (e *environment) nextVersion() string {
	highest := 0
	for _, v := range e.versions {
		if n, err := strconv.Atoi(v.version); err == nil {
			highest = max(highest, n)
		}
	}
	return strconv.Itoa(highest + 1)
}

// check says what is wrong with a definition, "" for nothing.
func (v *environmentVersion) check(name string) string {
	if reservedEnvironment(name) {
		return "Environment name " + name + " is reserved: names that begin with AzureML or Microsoft are those of curated environments."
	}
	var own string
	if raw, ok := v.members["name"]; ok && (json.Unmarshal(raw, &own) != nil || own != name) {
		return "The environment's name in the body is not the one in the URL, " + name + "."
	}
	delete(v.members, "name")
	delete(v.members, "version")
	delete(v.members, "assetid")
	return checkDocker(v.members["docker"])
}

// checkDocker wants at most one origin of the image.
func checkDocker(raw json.RawMessage) string {
	var docker struct {
		BaseImage      *string
		BaseDockerfile *string
		BuildContext   json.RawMessage
	}
	if raw != nil {
		if err := json.Unmarshal(raw, &docker); err != nil {
			return fmt.Sprintf("The docker section is malformed: %v.", err)
		}
	}
	given := 0
	for _, set := range []bool{docker.BaseImage != nil, docker.BaseDockerfile != nil, !isNull(docker.BuildContext)} {
		if set {
			given++
		}
	}
	if given > 1 {
		return "At most one of BaseImage, BaseDockerfile and BuildContext can be specified in the docker section."
	}
	return ""
}

// labelEnvironment moves labels to a version.
func (c *call) labelEnvironment() {
	var in struct{ Labels []string }
	if !c.decode(&in) {
		return
	}
	name, version := c.path("name"), c.path("version")
	e := c.ws.data.environments[name]
	v := e.find(version)
	if v == nil {
		c.serviceError(http.StatusNotFound, "NotFound", "Environment "+name+" version "+version+" not found")
		return
	}
	for _, label := range in.Labels {
		if label == "" || equalFold(label, "latest") {
			c.serviceError(http.StatusBadRequest, "BadArgument", "The label '"+label+"' cannot be set.")
			return
		}
	}
	maps.DeleteFunc(e.labels, func(label, at string) bool { return at == version && !slices.Contains(in.Labels, label) })
	for _, label := range in.Labels {
		e.labels[label] = version
	}
	c.json(http.StatusOK, v.body(c.ws, name))
}

// lowerKeys makes the members' names comparable: clients write Docker as well as docker.
func lowerKeys(in map[string]json.RawMessage) map[string]json.RawMessage {
	out := make(map[string]json.RawMessage, len(in))
	for k, v := range in {
		out[strings.ToLower(k)] = v
	}
	return out
}

// sameJSON compares two JSON texts by what they say.
func sameJSON(a, b json.RawMessage) bool {
	if bytes.Equal(a, b) {
		return true
	}
	x, errX := decodeTree(a)
	y, errY := decodeTree(b)
	return errX == nil && errY == nil && sameTree(x, y)
}

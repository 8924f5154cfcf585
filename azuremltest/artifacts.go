package azuremltest

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	artifactScheme = "aml://artifact/"
	assetScheme    = "aml://asset/"
	// maxArtifactBatch is how many artifacts one call may create.
	maxArtifactBatch = 50
)

// artifactOrigins are the first segments that artifact ids may have.
var artifactOrigins = map[string]bool{
	"LocalUpload": true, "ExperimentRun": true, "WebUpload": true, "Dataset": true,
	"Environment": true, "ComputeRecord": true, "Metric": true, "Unknown": true,
}

// artifact is a file's entry in the artifact service; its bytes are a blob.
type artifact struct {
	origin, container, path string
	etag                    string
	created                 time.Time
}

func (a *artifact) id() string { return a.origin + "/" + a.container + "/" + a.path }

// artifactBody is an artifact on the wire.
type artifactBody struct {
	ID        string           `json:"artifactId"`
	Origin    string           `json:"origin"`
	Container string           `json:"container"`
	Path      string           `json:"path"`
	ETag      string           `json:"etag"`
	Created   string           `json:"createdTime"`
	DataPath  artifactDataPath `json:"dataPath"`
}

type artifactDataPath struct {
	Store string  `json:"dataStoreName"`
	Path  string  `json:"relativePath"`
	SQL   *string `json:"sqlDataPath"`
}

// contentInfo is where the bytes of an artifact are.
type contentInfo struct {
	URI       string `json:"contentUri"`
	Origin    string `json:"origin"`
	Container string `json:"container"`
	Path      string `json:"path"`
}

func (a *artifact) body() artifactBody {
	return artifactBody{a.id(), a.origin, a.container, a.path, a.etag, mmsTime(a.created),
		artifactDataPath{Store: "workspaceartifactstore", Path: a.id()}}
}

func (a *artifact) info(ws *workspace, permissions string) contentInfo {
	return contentInfo{ws.signedURL(a.id(), permissions), a.origin, a.container, a.path}
}

// artifactRoutes are the artifact service. contract: model §2
func (s *Server) artifactRoutes() []route {
	const base = "/artifact/v2.0" + workspacePattern + "/artifacts"
	on := func(method, pattern string, handle func(*call)) route {
		return route{host: hostAPI, method: method, pattern: base + pattern, auth: authARM, handle: handle}
	}
	return []route{
		on(http.MethodPost, "/batch/metadata/{origin}/{container}", (*call).createArtifacts),
		on(http.MethodGet, "/contentinfo/{origin}/{container}/{path...}", func(c *call) { c.artifactInfo(readGrant) }),
		on(http.MethodGet, "/write/{origin}/{container}/{path...}", func(c *call) { c.artifactInfo(writeGrant) }),
		on(http.MethodGet, "/prefix/contentinfo/{origin}/{container}/{path...}", (*call).artifactInfos),
		on(http.MethodGet, "/metadata/{origin}/{container}/{path...}", (*call).getArtifact),
		on(http.MethodDelete, "/metadata/{origin}/{container}/{path...}", (*call).deleteArtifact),
		on(http.MethodGet, "/{origin}/{container}", (*call).listArtifacts),
	}
}

// createArtifacts makes up to 50 empty artifacts and says where to upload
// their bytes. Those that exist are named in errors; the others are made.
func (c *call) createArtifacts() {
	var in struct {
		Paths []struct {
			Path string `json:"path"`
		} `json:"paths"`
	}
	if !c.decode(&in, "application/json-patch+json", "application/json") || !c.knownOrigin() {
		return
	}
	if n := len(in.Paths); n == 0 || n > maxArtifactBatch {
		c.serviceError(http.StatusBadRequest, "BadArgument",
			"The number of paths must be between 1 and "+strconv.Itoa(maxArtifactBatch)+"; there are "+strconv.Itoa(n)+".")
		return
	}
	d := &c.ws.data
	artifacts, infos, problems := map[string]artifactBody{}, map[string]contentInfo{}, map[string]any{}
	for _, p := range in.Paths {
		a := &artifact{origin: c.path("origin"), container: c.path("container"), path: p.Path, etag: `"` + c.srv.guid() + `"`, created: time.Now()}
		switch {
		case !validArtifactPath(p.Path):
			problems[p.Path] = c.serviceErrorBody(http.StatusBadRequest, "BadArgument", "The artifact path '"+p.Path+"' is invalid.")
		case d.artifacts[a.id()] != nil:
			problems[p.Path] = c.serviceErrorBody(http.StatusConflict, "Conflict", "Resource Conflict: ArtifactId "+a.id()+" already exists.")
		default:
			d.artifacts[a.id()] = a
			artifacts[p.Path], infos[p.Path] = a.body(), a.info(c.ws, writeGrant)
		}
	}
	c.json(http.StatusOK, map[string]any{"artifacts": artifacts, "artifactContentInformation": infos, "errors": problems})
}

// validArtifactPath tells relative slash paths from all others.
func validArtifactPath(path string) bool {
	for s := range strings.SplitSeq(path, "/") {
		if s == "" || s == "." || s == ".." {
			return false
		}
	}
	return true
}

// knownOrigin checks the origin in the URL. If it returns false it has answered.
func (c *call) knownOrigin() bool {
	if artifactOrigins[c.path("origin")] {
		return true
	}
	c.serviceError(http.StatusBadRequest, "BadArgument", "The artifact origin '"+c.path("origin")+"' is unknown.")
	return false
}

// artifact finds the artifact that the URL names, or answers 404.
func (c *call) artifact() *artifact {
	id := c.path("origin") + "/" + c.path("container") + "/" + c.path("path")
	a := c.ws.data.artifacts[id]
	if a == nil {
		c.serviceError(http.StatusNotFound, "NotFound", "Resource NotFound: ArtifactId "+id+" does not exist.")
	}
	return a
}

func (c *call) artifactInfo(permissions string) {
	if a := c.artifact(); a != nil {
		c.json(http.StatusOK, a.info(c.ws, permissions))
	}
}

func (c *call) getArtifact() {
	if a := c.artifact(); a != nil {
		c.json(http.StatusOK, a.body())
	}
}

// deleteArtifact removes the entry, and the bytes if hardDelete says so.
func (c *call) deleteArtifact() {
	a := c.artifact()
	if a == nil {
		return
	}
	delete(c.ws.data.artifacts, a.id())
	if equalFold(c.query("hardDelete"), "true") {
		delete(c.ws.data.store.blobs, artifactContainer+"/"+a.id())
	}
	c.empty(http.StatusOK)
}

// artifactInfos says where the files at or below a path are.
func (c *call) artifactInfos() {
	c.artifactPage(c.path("path"), func(a *artifact) any { return a.info(c.ws, readGrant) })
}

func (c *call) listArtifacts() {
	c.artifactPage("", func(a *artifact) any { return a.body() })
}

// artifactPage answers with a page of the container's artifacts.
func (c *call) artifactPage(prefix string, body func(*artifact) any) {
	if !c.knownOrigin() {
		return
	}
	all := c.ws.data.artifactsBelow(c.path("origin") + "/" + c.path("container") + "/" + prefix)
	page, next, err := pageOf(all, (*artifact).id, c.query("continuationToken"), c.srv.opts.PageSize)
	if err != nil {
		c.serviceError(http.StatusBadRequest, "BadArgument", err.Error())
		return
	}
	value := make([]any, len(page))
	for i, a := range page {
		value[i] = body(a)
	}
	c.json(http.StatusOK, map[string]any{"value": value, "continuationToken": nullIfEmpty(next)})
}

// artifactsBelow returns the artifact with the given id, or those in the
// folder that it names, in the order of their ids.
func (d *dataPlane) artifactsBelow(prefix string) []*artifact {
	prefix = strings.TrimSuffix(prefix, "/")
	var list []*artifact
	for id, a := range d.artifacts {
		if id == prefix || strings.HasPrefix(id, prefix+"/") {
			list = append(list, a)
		}
	}
	slices.SortFunc(list, func(a, b *artifact) int { return cmp.Compare(a.id(), b.id()) })
	return list
}

// uploaded returns the bytes of an artifact, nil if there are none yet.
func (d *dataPlane) uploaded(id string) *blob {
	return d.store.blobs[artifactContainer+"/"+id]
}

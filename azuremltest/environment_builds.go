package azuremltest

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
)

// imageBuild is the building of an environment's image.
type imageBuild struct {
	version *environmentVersion
	op      *serviceOperation
}

// buildRoutes are the images of environments. contract: model §7.2
func (s *Server) buildRoutes() []route {
	const one = workspacePattern + "/environments/{name}"
	on := func(method, pattern string, handle func(*call)) route {
		return route{host: hostAPI, method: method, pattern: "/environment/" + pattern, auth: authARM, handle: handle}
	}
	return []route{
		on(http.MethodGet, "v1.0"+one+"/image", (*call).getImage),
		on(http.MethodGet, "v1.0"+one+"/versions/{version}/image", (*call).getImage),
		on(http.MethodPost, "v2.0"+one+"/versions/{version}/image", (*call).buildImage),
		on(http.MethodPost, "v2.0"+one+"/versions/{version}/imageoncompute/{compute}", (*call).buildImage),
		on(http.MethodGet, "v2.0"+one+"/versions/{version}/image/builds/{id}", (*call).getBuild),
	}
}

// version finds the version that the URL names, or answers 404.
func (c *call) version() *environmentVersion {
	v := c.ws.data.environments[c.path("name")].find(c.path("version"))
	if v == nil {
		c.serviceError(http.StatusNotFound, "NotFound", "Environment "+c.path("name")+" version "+c.path("version")+" not found")
	}
	return v
}

// getImage tells whether the image has been built, and what from.
func (c *call) getImage() {
	v := c.version()
	if v == nil {
		return
	}
	sum := sha256.Sum256([]byte(c.path("name") + ":" + v.version))
	var registry map[string]any
	if v.built {
		user := c.ws.registryHost()
		registry = map[string]any{"address": user, "username": user[:len(user)-len(".azurecr.io")], "password": c.ws.secretOf("registry 1")}
	}
	c.json(http.StatusOK, map[string]any{
		"imageExistsInRegistry": v.built,
		"dockerImage":           map[string]any{"name": "azureml/azureml_" + hex.EncodeToString(sum[:16]), "registry": registry},
		"pythonEnvironment":     map[string]any{"interpreterPath": "/azureml-envs/azureml_" + hex.EncodeToString(sum[:16]) + "/bin/python", "condaEnvironmentPath": nil},
		"ingredients":           map[string]any{"dockerfile": "FROM mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu20.04\n"},
	})
}

// buildImage begins to build an image, on the workspace's registry or on a compute.
func (c *call) buildImage() {
	var body struct{}
	v := c.version()
	if v == nil || !c.decode(&body) {
		return
	}
	if name := c.path("compute"); name != "" && c.ws.compute(name) == nil {
		c.serviceError(http.StatusNotFound, "ComputeNotFound", "Compute with name "+name+" not found")
		return
	}
	b := &imageBuild{version: v}
	b.op = c.ws.begin("Environment", deployPhases("")[:2], c.srv.takeFailure("environment", c.path("name")), func(o *serviceOperation) {
		v.built = v.built || o.state == stateSucceeded
	})
	b.op.subject = c.path("name")
	b.op.blame = func(state string) mmsErrorBody {
		if state == stateFailed {
			return mmsErrorBody{Code: "ImageBuildFailure", StatusCode: http.StatusBadRequest, Message: "Image build failed. For more details, see the log.", Details: []errorDetail{}}
		}
		return generalBlame("build the image")(state)
	}
	c.ws.data.builds[b.op.id] = b
	c.retryAfter()
	c.json(http.StatusAccepted, map[string]string{
		"location": "https://" + c.host() + "/environment/v2.0" + c.ws.path() + "/environments/" + escapePath(c.path("name")) + "/versions/" + escapePath(v.version) + "/image/builds/" + b.op.id,
	})
}

// getBuild answers a poll.
func (c *call) getBuild() {
	b := c.ws.data.builds[c.path("id")]
	if b == nil {
		c.serviceError(http.StatusNotFound, "NotFound", "Build "+c.path("id")+" not found")
		return
	}
	b.op.poll()
	body := map[string]any{"environmentDefinition": b.version.body(c.ws, c.path("name")), "status": b.op.state, "logUrl": nil, "error": b.op.problem}
	if len(b.op.log) > 0 {
		body["logUrl"] = c.ws.signedURL(b.op.logPath, readGrant)
	}
	status := http.StatusOK
	if b.op.active() {
		c.retryAfter()
		status = http.StatusAccepted
	}
	if b.op.state == stateNotStarted {
		body["status"] = "Queued"
	}
	c.json(status, body)
}

package azuremltest

import (
	"cmp"
	"encoding/base64"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Types of packages, and what their operations are called.
const (
	packageImage   = "DockerImage"
	packageContext = "DockerBuildContext"
)

var (
	imageName  = regexp.MustCompile(`^[a-z0-9]+([._-][a-z0-9]+)*(/[a-z0-9]+([._-][a-z0-9]+)*)*$`)
	imageLabel = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)
)

// packageBody asks for a package.
type packageBody struct {
	Image *imageRequest `json:"imageRequest"`
	Type  string        `json:"packageType"`
	Name  *string       `json:"imageName"`
	Label *string       `json:"imageLabel"`
}

// packageRoutes are the packages of model management. contract: model §11
func (s *Server) packageRoutes() []route {
	return []route{mmsRoute(http.MethodPost, "/packages", (*call).createPackage)}
}

// createPackage begins to build an image, or to collect what one is built from.
func (c *call) createPackage() {
	var in packageBody
	if !c.decode(&in) {
		return
	}
	d := &c.ws.data
	var bad checks
	if in.Image == nil {
		bad.add("ImageRequestRequired", "The ImageRequest field is required.")
	} else {
		d.checkImage(&serviceSpec{Image: in.Image}, &bad)
	}
	if !slices.Contains([]string{packageImage, packageContext}, in.Type) {
		bad.add("InvalidPackageType", "The package type '%s' is none of %s, %s.", in.Type, packageImage, packageContext)
	}
	if in.Name != nil && !imageName.MatchString(*in.Name) {
		bad.add("InvalidImageName", "The image name '%s' is invalid.", *in.Name)
	}
	if in.Label != nil && !imageLabel.MatchString(*in.Label) {
		bad.add("InvalidImageLabel", "The image label '%s' is invalid.", *in.Label)
	}
	if c.refused(bad) {
		return
	}
	name := cmp.Or(orEmpty(in.Name), "package/"+packageName(in.Image))
	phases := deployPhases("")[:2]
	if in.Type == packageContext {
		phases = []phase{{"BuildEnvironment", []string{"Registering the environment.", "Writing the build context."}}}
	}
	o := c.ws.begin("Package"+in.Type, phases, c.srv.takeFailure("package", name), func(o *serviceOperation) {
		switch {
		case o.state != stateSucceeded:
		case in.Type == packageContext:
			o.resource = d.writeContext(in.Image)
		default:
			o.resource = c.ws.registryHost() + "/" + name + ":" + cmp.Or(orEmpty(in.Label), "1")
		}
	})
	o.subject = name
	o.blame = func(state string) mmsErrorBody {
		if state == stateFailed {
			return mmsErrorBody{Code: "EnvironmentBuildFailed", StatusCode: http.StatusBadRequest, Message: "The environment's image could not be built; see the log.", Details: []errorDetail{}}
		}
		return generalBlame("build the package")(state)
	}
	c.accepted(o)
}

// packageName makes a name for an image that was given none.
func packageName(r *imageRequest) string {
	if len(r.ModelIDs) == 0 {
		return "model"
	}
	name, _, _ := strings.Cut(r.ModelIDs[0], ":")
	name = strings.Trim(strings.ToLower(name), "._-")
	if !imageName.MatchString(name) {
		return "model"
	}
	return name
}

// registryHost is the workspace's container registry, which is made with the first image.
func (ws *workspace) registryHost() string {
	if ws.settings.registry == "" {
		ws.settings.registry = "/subscriptions/" + ws.sub + "/resourceGroups/" + ws.rg + "/providers/" + registryType + "/" + ws.resourceName("acr", 24)
		ws.srv.world.addResource(ws.settings.registry, registryType, ws.location)
	}
	return strings.ToLower(path.Base(ws.settings.registry)) + ".azurecr.io"
}

// contextEntry is a file of a build context, or where one comes from.
type contextEntry struct {
	Type     string `json:"entryType"`
	Encoding string `json:"encoding,omitempty"`
	Content  string `json:"content,omitempty"`
	URI      string `json:"uri,omitempty"`
	Unpack   bool   `json:"unpack,omitempty"`
	Path     string `json:"path"`
}

// writeContext writes the manifest of a build context and returns its address.
func (d *dataPlane) writeContext(r *imageRequest) string {
	const app = "azureml-app"
	dockerfile := "FROM mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu20.04\nCOPY azureml-app /var/azureml-app\nWORKDIR /var/azureml-app\nCMD [\"runsvdir\",\"/var/runit\"]\n"
	entries := []contextEntry{{Type: "inline", Encoding: "base64", Content: base64.StdEncoding.EncodeToString([]byte(dockerfile)), Path: "Dockerfile"}}
	for _, a := range r.Assets {
		e := contextEntry{Type: "remote", URI: a.URL, Unpack: a.Unpack, Path: app}
		if !a.Unpack {
			e.Path += "/" + a.ID
		}
		entries = append(entries, e)
	}
	for _, id := range r.ModelIDs {
		a := d.assets[strings.TrimPrefix(d.models[id].body.URL, assetScheme)]
		if a == nil {
			continue
		}
		for _, ref := range a.body.Artifacts {
			target, _ := ref.target()
			entries = append(entries, contextEntry{Type: "remote", URI: artifactScheme + target,
				Path: app + "/azureml-models/" + strings.ReplaceAll(id, ":", "/") + "/" + path.Base(target)})
		}
	}
	manifest := map[string]any{"context": entries, "environment": nil}
	if e := r.Environment; e != nil {
		manifest["environment"] = e.environmentRef
	}
	text, err := marshal(manifest)
	if err != nil {
		panic("azuremltest: cannot encode a manifest: " + err.Error())
	}
	at := "Packages/" + d.ws.srv.guid() + "/manifest.json"
	d.store.put(artifactContainer+"/"+at, &blob{blocks: []block{{data: text}}, contentType: "application/json"})
	return d.ws.signedURL(at, readGrant)
}

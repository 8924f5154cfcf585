package azuremltest

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// modelName is the rule for the names of models.
var modelName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9\-._]{0,254}$`)

// modelBody is a model on the wire.
type modelBody struct {
	ID                   string             `json:"id"`
	Name                 string             `json:"name"`
	Framework            *string            `json:"framework"`
	FrameworkVersion     *string            `json:"frameworkVersion"`
	Version              int64              `json:"version"`
	Datasets             []datasetRef       `json:"datasets"`
	URL                  string             `json:"url"`
	MimeType             string             `json:"mimeType"`
	Description          *string            `json:"description"`
	Created              string             `json:"createdTime"`
	Modified             string             `json:"modifiedTime"`
	Unpack               bool               `json:"unpack"`
	ParentModelID        *string            `json:"parentModelId"`
	RunID                *string            `json:"runId"`
	ExperimentName       *string            `json:"experimentName"`
	Tags                 tagMap             `json:"kvTags"`
	Properties           tagMap             `json:"properties"`
	DerivedModelIDs      []string           `json:"derivedModelIds"`
	SampleInputData      *string            `json:"sampleInputData"`
	SampleOutputData     *string            `json:"sampleOutputData"`
	ResourceRequirements *modelRequirements `json:"resourceRequirements"`
	CreatedBy            *userBody          `json:"createdBy"`
}

// datasetRef ties a dataset to a model.
type datasetRef struct {
	Name string `json:"name"`
	ID   string `json:"id"`
}

// modelRequirements is what a model says that it needs.
type modelRequirements struct {
	CPU        *float64 `json:"cpu"`
	MemoryInGB *float64 `json:"memoryInGB"`
	GPU        *int     `json:"gpu"`
	FPGA       *int     `json:"fpga"`
}

type model struct {
	body modelBody
	stamp
}

// modelRoutes are the models of model management. contract: model §4, §5
func (s *Server) modelRoutes() []route {
	return []route{
		mmsRoute(http.MethodPost, "/models", (*call).registerModel),
		mmsRoute(http.MethodGet, "/models", (*call).listModels),
		mmsRoute(http.MethodPost, "/models/list", func(c *call) { c.listByBody(modelFilters, c.listModels) }),
		mmsRoute(http.MethodGet, "/models/{id}", func(c *call) {
			if m := c.model(); m != nil {
				c.json(http.StatusOK, m.body)
			}
		}),
		mmsRoute(http.MethodPatch, "/models/{id}", (*call).patchModel),
		mmsRoute(http.MethodDelete, "/models/{id}", (*call).deleteModel),
		// Images are those of environments; there are none of the older kind.
		mmsRoute(http.MethodGet, "/images", func(c *call) { c.json(http.StatusOK, map[string]any{"value": []any{}}) }),
		mmsRoute(http.MethodGet, "/images/{id}", func(c *call) { c.notFound("ImageNotFound", "Image with id "+c.path("id")+" not found") }),
	}
}

// model finds the model that the URL names, or answers 404.
func (c *call) model() *model {
	id := c.path("id")
	m := c.ws.data.models[id]
	if m == nil {
		c.notFound("ModelNotFound", "The Model with id "+id+" could not be found in workspace "+c.ws.name+".")
	}
	return m
}

// registerModel gives the model the next version of its name. Versions of
// deleted models are not given again.
func (c *call) registerModel() {
	var in modelBody
	if !c.decode(&in) {
		return
	}
	d := &c.ws.data
	if c.refused(d.checkModel(&in)) {
		return
	}
	c.json(http.StatusOK, d.addModel(in, c.user()).body)
}

// addModel stores a model that has been found good.
func (d *dataPlane) addModel(in modelBody, by *userBody) *model {
	d.versions[in.Name]++
	in.Version = d.versions[in.Name]
	in.ID = in.Name + ":" + strconv.FormatInt(in.Version, 10)
	in.Framework = orDefault(in.Framework, "Custom")
	in.Tags, in.Properties = in.Tags.clone(), in.Properties.clone()
	in.DerivedModelIDs = []string{}
	if in.Datasets == nil {
		in.Datasets = []datasetRef{}
	}
	in.CreatedBy = by
	m := &model{body: in, stamp: d.newStamp()}
	m.body.Created, m.body.Modified = mmsTime(m.created), mmsTime(m.updated)
	d.models[in.ID] = m
	return m
}

// modelsInOrder returns all models.
func (d *dataPlane) modelsInOrder(order func(a, b *stamp) int) []*model {
	return slices.SortedFunc(maps.Values(d.models), func(a, b *model) int { return order(&a.stamp, &b.stamp) })
}

// checkModel finds what is wrong with a registration.
func (d *dataPlane) checkModel(in *modelBody) (bad checks) {
	if !modelName.MatchString(in.Name) {
		bad.add("InvalidModelName", "The model name '%s' is invalid. It must match %s.", in.Name, modelName)
	}
	if in.MimeType == "" {
		bad.add("MimeTypeRequired", "The MimeType field is required.")
	}
	switch id, ok := strings.CutPrefix(in.URL, assetScheme); {
	case in.URL == "":
		bad.add("UrlRequired", "The Url field is required.")
	case ok && d.assets[id] == nil:
		bad.add("AssetNotFound", "Asset with id %s not found", id)
	case !ok && !strings.HasPrefix(in.URL, "azureml://"):
		bad.add("InvalidUrl", "The model url '%s' is invalid: aml://asset/{id} is expected.", in.URL)
	}
	if in.FrameworkVersion != nil && in.Framework == nil {
		bad.add("FrameworkRequired", "A FrameworkVersion is given without a Framework.")
	}
	return append(bad, in.ResourceRequirements.check()...)
}

// check wants positive requirements.
func (r *modelRequirements) check() (bad checks) {
	if r == nil {
		return nil
	}
	bad.positive("resourceRequirements.cpu", r.CPU)
	bad.positive("resourceRequirements.memoryInGB", r.MemoryInGB)
	bad.notNegative("resourceRequirements.gpu", r.GPU)
	return bad
}

// positive wants a number above 0 where there is one.
func (k *checks) positive(name string, v *float64) {
	if v != nil && !(*v > 0) {
		k.add("InvalidValue", "%s must be greater than 0, it is %v.", name, *v)
	}
}

// positiveInt is positive for integers.
func (k *checks) positiveInt(name string, v *int) {
	if v != nil && *v <= 0 {
		k.add("InvalidValue", "%s must be greater than 0, it is %d.", name, *v)
	}
}

// notNegative wants an integer of at least 0 where there is one.
func (k *checks) notNegative(name string, v *int) {
	if v != nil && *v < 0 {
		k.add("InvalidValue", "%s must not be negative, it is %d.", name, *v)
	}
}

// listModels filters by name, framework, tags, properties, run, dataset and
// description. contract: model §5.2
func (c *call) listModels() {
	name, framework, runID, datasetID := c.query("name"), c.query("framework"), c.query("runId"), c.query("datasetId")
	description, version := c.query("description"), c.query("version")
	tags, properties, tag := parseTagFilter(c.query("tags")), parseTagFilter(c.query("properties")), parseTagFilter(c.query("tag"))
	order, ok := c.order("orderBy")
	if !ok {
		return
	}
	latest, err := parseFlag(c.query("latestVersionOnly"))
	if err != nil {
		c.invalid("InvalidLatestVersionOnly", "latestVersionOnly: %s", err.Error())
		return
	}
	var list []*model
	for _, m := range c.ws.data.modelsInOrder(order) {
		b := &m.body
		keep := (name == "" || b.Name == name) && hasVersion(b.Version, version) && (framework == "" || orEmpty(b.Framework) == framework) &&
			(runID == "" || orEmpty(b.RunID) == runID) && (description == "" || orEmpty(b.Description) == description) &&
			(datasetID == "" || slices.ContainsFunc(b.Datasets, func(r datasetRef) bool { return r.ID == datasetID })) &&
			b.Tags.has(tags) && b.Tags.has(tag) && b.Properties.has(properties)
		if keep {
			list = append(list, m)
		}
	}
	if latest {
		list = newestOfEachName(list)
	}
	slices.SortFunc(list, func(a, b *model) int { return order(&a.stamp, &b.stamp) })
	answerList(c, list, func(m *model) string { return m.body.ID }, func(m *model) any { return m.body })
}

// newestOfEachName drops the models of which the list has a higher version.
func newestOfEachName(list []*model) []*model {
	newest := map[string]*model{}
	for _, m := range list {
		if n := newest[m.body.Name]; n == nil || m.body.Version > n.body.Version {
			newest[m.body.Name] = m
		}
	}
	return sortedValues(newest)
}

// parseFlag reads a boolean of a query; nothing is false.
func parseFlag(text string) (bool, error) {
	switch strings.ToLower(text) {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	}
	return false, fmt.Errorf("the value %q is neither true nor false", text)
}

// patchModel changes what may be changed of a registered model.
func (c *call) patchModel() {
	m := c.model()
	if m == nil {
		return
	}
	steps, ok := c.patchSteps(modelPatch)
	if !ok {
		return
	}
	next, ok := patched(c, m.body, steps)
	if !ok || !c.keptProperties(m.body.Properties, next.Properties) || c.refused(next.ResourceRequirements.check()) {
		return
	}
	m.body = next
	c.ws.data.touch(&m.stamp)
	m.body.Modified = mmsTime(m.updated)
	c.json(http.StatusOK, m.body)
}

// deleteModel refuses to delete what a service uses.
func (c *call) deleteModel() {
	id := c.path("id")
	if c.ws.data.models[id] == nil {
		c.empty(http.StatusNoContent)
		return
	}
	var users []string
	for _, svc := range sortedValues(c.ws.data.services) {
		if slices.Contains(svc.modelIDs(), id) {
			users = append(users, svc.spec.Name)
		}
	}
	if len(users) > 0 {
		c.inUse("Model "+id, "service(s)", users)
		return
	}
	delete(c.ws.data.models, id)
	c.empty(http.StatusOK)
}

// modelFiles returns the uploaded bytes of a model's files by their paths
// relative to the parent of what was registered: "a.pkl", "mydir/a.pkl".
func (d *dataPlane) modelFiles(id string) map[string]*blob {
	files := map[string]*blob{}
	m := d.models[id]
	if m == nil {
		return files
	}
	a := d.assets[strings.TrimPrefix(m.body.URL, assetScheme)]
	if a == nil {
		return files
	}
	for _, ref := range a.body.Artifacts {
		path, _ := ref.target()
		parent := path[:strings.LastIndexByte(path, '/')+1]
		for _, file := range d.artifactsBelow(path) {
			if b := d.uploaded(file.id()); b != nil {
				files[strings.TrimPrefix(file.id(), parent)] = b
			}
		}
	}
	return files
}

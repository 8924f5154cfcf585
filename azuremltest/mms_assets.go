package azuremltest

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// assetBody is an asset on the wire: a name for uploaded files.
type assetBody struct {
	ID          string             `json:"id"`
	Name        string             `json:"name"`
	Type        *string            `json:"type"`
	Description *string            `json:"description"`
	Artifacts   []artifactRef      `json:"artifacts"`
	Tags        tagMap             `json:"kvTags"`
	Properties  tagMap             `json:"properties"`
	RunID       *string            `json:"runid"`
	Meta        map[string]*string `json:"meta"`
	Created     string             `json:"createdTime"`
}

// artifactRef names one file (id), or a file or folder (prefix).
type artifactRef struct {
	ID     *string `json:"id"`
	Prefix *string `json:"prefix"`
}

// target returns what is named, and whether exactly one member names it.
func (r artifactRef) target() (path string, ok bool) {
	if (r.ID == nil) == (r.Prefix == nil) {
		return "", false
	}
	return strings.TrimSuffix(orEmpty(r.ID)+orEmpty(r.Prefix), "/"), true
}

type asset struct {
	body assetBody
	stamp
}

// assetRoutes are the assets of model management. contract: model §3
func (s *Server) assetRoutes() []route {
	return []route{
		mmsRoute(http.MethodPost, "/assets", (*call).createAsset),
		mmsRoute(http.MethodGet, "/assets", (*call).listAssets),
		mmsRoute(http.MethodGet, "/assets/{id}", func(c *call) {
			if a := c.asset(); a != nil {
				c.json(http.StatusOK, a.body)
			}
		}),
		mmsRoute(http.MethodPatch, "/assets/{id}", (*call).patchAsset),
		mmsRoute(http.MethodDelete, "/assets/{id}", (*call).deleteAsset),
	}
}

// asset finds the asset that the URL names, or answers 404.
func (c *call) asset() *asset {
	a := c.ws.data.assets[c.path("id")]
	if a == nil {
		c.notFound("AssetNotFound", "Asset with id "+c.path("id")+" not found")
	}
	return a
}

// createAsset wants a name and artifacts, each with an id or a prefix under
// which something has been created.
func (c *call) createAsset() {
	var in assetBody
	if !c.decode(&in) {
		return
	}
	var bad checks
	if in.Name == "" {
		bad.add("NameRequired", "The Name field is required.")
	}
	if len(in.Artifacts) == 0 {
		bad.add("ArtifactsRequired", "The Artifacts field is required.")
	}
	for _, ref := range in.Artifacts {
		c.ws.data.checkArtifactRef(ref, &bad)
	}
	if c.refused(bad) {
		return
	}
	c.json(http.StatusOK, c.ws.data.addAsset(in).body)
}

// addAsset stores an asset that has been found good.
func (d *dataPlane) addAsset(in assetBody) *asset {
	in.ID = d.ws.srv.hex(16)
	in.Tags, in.Properties = in.Tags.clone(), in.Properties.clone()
	a := &asset{body: in, stamp: d.newStamp()}
	a.body.Created = mmsTime(a.created)
	d.assets[in.ID] = a
	return a
}

// checkArtifactRef finds what is wrong with a reference to artifacts.
func (d *dataPlane) checkArtifactRef(ref artifactRef, bad *checks) {
	path, ok := ref.target()
	switch {
	case !ok:
		bad.add("InvalidArtifact", "Exactly one of Id and Prefix must be specified for an artifact.")
	case strings.Count(path, "/") < 1 || !artifactOrigins[path[:strings.IndexByte(path, '/')]]:
		bad.add("InvalidArtifact", "'%s' does not name artifacts: {origin}/{container}/{path} is expected.", path)
	case ref.ID != nil && d.artifacts[path] == nil, len(d.artifactsBelow(path)) == 0:
		bad.add("ArtifactNotFound", "There are no artifacts at %s.", path)
	}
}

func (c *call) listAssets() {
	runID, name := c.query("runId"), c.query("name")
	kind := c.query("type")
	tags, properties := parseTagFilter(c.query("tags")), parseTagFilter(c.query("properties"))
	tag := parseTagFilter(c.query("tag"))
	var list []*asset
	for _, a := range c.ws.data.assets {
		b := &a.body
		if (name == "" || b.Name == name) && (runID == "" || orEmpty(b.RunID) == runID) && (kind == "" || orEmpty(b.Type) == kind) &&
			b.Tags.has(tags) && b.Tags.has(tag) && b.Properties.has(properties) {
			list = append(list, a)
		}
	}
	order, ok := c.order("orderby")
	if !ok {
		return
	}
	slices.SortFunc(list, func(a, b *asset) int { return order(&a.stamp, &b.stamp) })
	answerList(c, list, func(a *asset) string { return a.body.ID }, func(a *asset) any { return a.body })
}

// patchAsset changes tags, properties (only new ones) and description.
func (c *call) patchAsset() {
	a := c.asset()
	if a == nil {
		return
	}
	steps, ok := c.patchSteps(assetPatch)
	if !ok {
		return
	}
	next, ok := patched(c, a.body, steps)
	if !ok || !c.keptProperties(a.body.Properties, next.Properties) {
		return
	}
	a.body = next
	c.ws.data.touch(&a.stamp)
	c.json(http.StatusOK, a.body)
}

func (c *call) deleteAsset() {
	id := c.path("id")
	if c.ws.data.assets[id] == nil {
		c.empty(http.StatusNoContent)
		return
	}
	for _, m := range sortedValues(c.ws.data.models) {
		if m.body.URL == assetScheme+id {
			c.inUse("Asset "+id, "model", []string{m.body.ID})
			return
		}
	}
	delete(c.ws.data.assets, id)
	c.empty(http.StatusOK)
}

// orders are the ways in which a list can be sorted.
var orders = map[string]func(a, b *stamp) int{
	"createdatdesc": func(a, b *stamp) int { return cmp.Compare(b.createdNo, a.createdNo) },
	"createdatasc":  func(a, b *stamp) int { return cmp.Compare(a.createdNo, b.createdNo) },
	"updatedatdesc": func(a, b *stamp) int { return cmp.Compare(b.updatedNo, a.updatedNo) },
	"updatedatasc":  func(a, b *stamp) int { return cmp.Compare(a.updatedNo, b.updatedNo) },
}

// order reads how a list is to be sorted; the newest come first unless the
// query says otherwise. It answers itself if it returns false.
func (c *call) order(parameter string) (func(a, b *stamp) int, bool) {
	asked := c.query(parameter)
	if asked == "" {
		asked = "createdatdesc"
	}
	order, ok := orders[strings.ToLower(asked)]
	if !ok {
		c.invalid("InvalidOrderBy", "The value '%s' of %s is none of CreatedAtDesc, CreatedAtAsc, UpdatedAtDesc, UpdatedAtAsc.", asked, parameter)
	}
	return order, ok
}

// answerList answers with the page of a list that the query asks for.
func answerList[T any](c *call, list []T, key func(T) string, body func(T) any) {
	size, err := c.pageSize()
	if err != nil {
		c.invalid("InvalidCount", "%s", err.Error())
		return
	}
	page, next, err := pageOf(list, key, c.query("$skipToken"), size)
	if err != nil {
		c.invalid("InvalidSkipToken", "%s", err.Error())
		return
	}
	out := struct {
		Value    []any  `json:"value"`
		NextLink string `json:"nextLink,omitempty"`
		// NextRequest is the body that asks for the next page, for lists that are asked with one.
		NextRequest map[string]any `json:"nextRequest,omitempty"`
	}{Value: make([]any, len(page))}
	for i, item := range page {
		out.Value[i] = body(item)
	}
	if next != "" {
		out.NextLink = c.nextLink(next)
		out.NextRequest = c.nextRequest(next)
	}
	c.json(http.StatusOK, out)
}

// patched applies a patch to the JSON of a value. It answers itself if it
// returns false.
func patched[T any](c *call, value T, steps []patchOperation) (next T, ok bool) {
	doc, err := marshal(value)
	if err == nil {
		doc, err = applyPatch(doc, steps)
	}
	if err == nil {
		err = json.Unmarshal(doc, &next)
	}
	if err != nil {
		c.invalid("InvalidPatch", "The patch cannot be applied: %s.", err.Error())
		return next, false
	}
	return next, true
}

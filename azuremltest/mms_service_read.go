package azuremltest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// defaultTail is how many lines of a log are sent if the request does not say.
const defaultTail = 5000

// getService reads one service. Such reads count: they end operations.
func (c *call) getService() {
	expand, err := parseFlag(c.query("expand"))
	if err != nil {
		c.invalid("InvalidExpand", "expand: %s", err.Error())
		return
	}
	if svc := c.ws.data.services[c.path("name")]; svc != nil && svc.look() {
		c.json(http.StatusOK, svc.body(expand))
		return
	}
	c.serviceNotFound(c.path("name"))
}

// serviceFilter is what a list asks for.
type serviceFilter struct {
	name, computeType, modelName, modelID, image string
	tags, tag, properties                        []tagFilter
}

// listServices answers with a page of services. Listing does not count as
// reading: it ends no operation.
func (c *call) listServices() {
	expand, err := parseFlag(c.query("expand"))
	if err != nil {
		c.invalid("InvalidExpand", "expand: %s", err.Error())
		return
	}
	f := serviceFilter{name: c.query("name"), computeType: c.query("computeType"), modelName: c.query("modelName"),
		modelID: c.query("modelId"), image: c.query("imageDigest"), tags: parseTagFilter(c.query("tags")),
		tag: parseTagFilter(c.query("tag")), properties: parseTagFilter(c.query("properties"))}
	known := []string{typeACI, typeAKS, typeEndpoint, "IOT", "MIR", "AMLCOMPUTE", "UNKNOWN"}
	if f.computeType != "" && !slices.ContainsFunc(known, func(k string) bool { return equalFold(k, f.computeType) }) {
		c.invalid("InvalidComputeType", "The compute type '%s' is none of %s.", f.computeType, strings.Join(known, ", "))
		return
	}
	order, ok := c.serviceOrder()
	if !ok {
		return
	}
	// There are no images but those of environments, and nothing runs in runs.
	none := c.query("imageName") != "" || c.query("imageId") != "" || c.query("runId") != ""
	var list []*service
	for _, svc := range c.ws.data.services {
		if !none && f.keeps(svc) {
			list = append(list, svc)
		}
	}
	slices.SortFunc(list, func(a, b *service) int { return order(&a.stamp, &b.stamp) })
	answerList(c, list, func(svc *service) string { return svc.spec.Name }, func(svc *service) any { return svc.body(expand) })
}

// serviceOrder is order with the services' own default.
func (c *call) serviceOrder() (func(a, b *stamp) int, bool) {
	if c.query("orderby") == "" {
		return orders["updatedatdesc"], true
	}
	return c.order("orderby")
}

func (f *serviceFilter) keeps(svc *service) bool {
	s := svc.spec
	has := func(test func(*serviceSpec) bool) bool { return slices.ContainsFunc(s.containers(), test) }
	return (f.name == "" || s.Name == f.name) &&
		(f.computeType == "" || equalFold(s.ComputeType, f.computeType)) &&
		s.Tags.has(f.tags) && s.Tags.has(f.tag) && svc.properties(s).has(f.properties) &&
		(f.modelID == "" || has(func(v *serviceSpec) bool { return slices.Contains(v.Image.ModelIDs, f.modelID) })) &&
		(f.modelName == "" || has(func(v *serviceSpec) bool {
			return slices.ContainsFunc(v.Image.ModelIDs, func(id string) bool { return strings.HasPrefix(id, f.modelName+":") })
		})) &&
		(f.image == "" || has(func(v *serviceSpec) bool { return orEmpty(v.digest()) == f.image }))
}

// serviceLogs answers with the last lines of the container's log.
func (c *call) serviceLogs() {
	svc := c.service()
	if svc == nil {
		return
	}
	tail := defaultTail
	if text := c.query("tail"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			c.invalid("InvalidTail", "The value '%s' of tail is no number of lines.", text)
			return
		}
		tail = n
	}
	init, err := parseFlag(c.query("init"))
	if err != nil {
		c.invalid("InvalidInit", "init: %s", err.Error())
		return
	}
	lines := svc.logLines()
	if init {
		lines = []string{"Downloading the models of service " + svc.spec.Name + ".\n"}
	}
	c.json(http.StatusOK, map[string]string{"content": strings.Join(lines[max(len(lines)-tail, 0):], "")})
}

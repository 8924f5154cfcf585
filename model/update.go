package model

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/azureml-go/azureml/internal/jsonpatch"
	"github.com/azureml-go/azureml/internal/validate"
	"github.com/azureml-go/azureml/workspace"
)

// Update is what [Model.Update] changes; what is not set stays as it is.
type Update struct {
	// Tags replace all tags; an empty map takes them all away. To change some, see
	// [Model.AddTags].
	Tags map[string]string
	// Properties are added; those that are there cannot be changed.
	Properties map[string]string
	// Description; one of "" takes it away.
	Description *string
	// SampleInput and SampleOutput are ids of registered datasets, with or without
	// "aml://dataset/" before them.
	SampleInput, SampleOutput string
	// ResourceConfiguration replaces what a deployment without code gets; what is 0 in
	// it is left to the service from then on.
	ResourceConfiguration *ResourceConfiguration
}

// Update changes a registered model and returns it as it is then; m stays as it is. All
// changes take effect together or not at all. It mirrors azureml.core's Model.update,
// except that an update that changes nothing is refused.
//
// Errors: ErrInvalid (nothing to change, a property that has another value), ErrNotFound
// (code ModelNotFound), and those of every call.
func (m *Model) Update(ctx context.Context, u Update) (*Model, error) {
	const operation = "update"
	var c validate.Checker
	m.checkBound(&c)
	u.check(&c)
	if err := c.Err(operation, subject(m.ID)); err != nil {
		return nil, err
	}
	now := m
	if len(u.Properties) > 0 {
		var err error
		if now, err = m.read(ctx, operation); err != nil {
			return nil, err
		}
	}
	var patch jsonpatch.Patch
	if u.Tags != nil {
		patch.Replace("/kvTags", u.Tags)
	}
	now.patchProperties(&c, &patch, u.Properties)
	u.patch(&patch)
	if err := c.Err(operation, subject(m.ID)); err != nil {
		return nil, err
	}
	if patch.Len() == 0 {
		// All that was to be added is there.
		return now, nil
	}
	return m.send(ctx, operation, &patch)
}

func (u Update) check(c *validate.Checker) {
	if u.Tags == nil && len(u.Properties) == 0 && u.Description == nil && u.SampleInput == "" && u.SampleOutput == "" && u.ResourceConfiguration == nil {
		c.Add("update", nil, "must change something")
	}
	checkKeys(c, "Tags", u.Tags)
	checkKeys(c, "Properties", u.Properties)
	u.ResourceConfiguration.check(c)
}

// checkKeys refuses an empty name of a tag or property.
func checkKeys(c *validate.Checker, field string, texts map[string]string) {
	if _, empty := texts[""]; empty {
		c.Add(field, nil, "must not have an empty key")
	}
}

// wireResources replaces a resource configuration: with null for what is not set.
type wireResources struct {
	CPU      *float64 `json:"cpu"`
	MemoryGB *float64 `json:"memoryInGB"`
	GPU      *int     `json:"gpu"`
}

// patch appends all but tags and properties.
func (u Update) patch(p *jsonpatch.Patch) {
	jsonpatch.Set(p, "/description", u.Description)
	if u.SampleInput != "" {
		p.Replace("/sampleInputData", datasetURL(u.SampleInput))
	}
	if u.SampleOutput != "" {
		p.Replace("/sampleOutputData", datasetURL(u.SampleOutput))
	}
	if r := u.ResourceConfiguration; r != nil {
		p.Replace("/resourceRequirements", wireResources{orNull(r.CPU), orNull(r.MemoryGB), orNull(r.GPU)})
	}
}

// AddTags adds tags to those that the model has now, not to those of this picture,
// replaces those of the same names, and returns the model as it is then. Two programs
// that change tags at the same moment can still lose one of the changes: the service
// has no condition for it. It mirrors azureml.core's add_tags.
func (m *Model) AddTags(ctx context.Context, tags map[string]string) (*Model, error) {
	var c validate.Checker
	checkKeys(&c, "tags", tags)
	return m.change(ctx, &c, "add tags to", func(now *Model, p *jsonpatch.Patch) {
		merged := make(map[string]string, len(now.Tags)+len(tags))
		maps.Copy(merged, now.Tags)
		maps.Copy(merged, tags)
		if !maps.Equal(merged, now.Tags) {
			p.Replace("/kvTags", merged)
		}
	})
}

// RemoveTags takes tags away; those that are not there are no failure. See
// [Model.AddTags].
func (m *Model) RemoveTags(ctx context.Context, names ...string) (*Model, error) {
	var c validate.Checker
	return m.change(ctx, &c, "remove tags of", func(now *Model, p *jsonpatch.Patch) {
		left := maps.Clone(now.Tags)
		maps.DeleteFunc(left, func(name, _ string) bool { return slices.Contains(names, name) })
		if len(left) != len(now.Tags) {
			p.Replace("/kvTags", left)
		}
	})
}

// AddProperties adds properties. One that is there with another value is an error: the
// service lets properties be added, not changed. See [Model.AddTags].
func (m *Model) AddProperties(ctx context.Context, properties map[string]string) (*Model, error) {
	var c validate.Checker
	checkKeys(&c, "properties", properties)
	return m.change(ctx, &c, "add properties to", func(now *Model, p *jsonpatch.Patch) {
		now.patchProperties(&c, p, properties)
	})
}

// patchProperties appends an operation that adds to the properties that m has: the
// service wants all of them.
func (m *Model) patchProperties(c *validate.Checker, p *jsonpatch.Patch, properties map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		if before, is := m.Properties[name]; is && before != properties[name] {
			c.Addf(fmt.Sprintf("properties[%q]", name), properties[name], "is %q already, and properties cannot be changed", before)
		}
	}
	merged := make(map[string]string, len(m.Properties)+len(properties))
	maps.Copy(merged, m.Properties)
	maps.Copy(merged, properties)
	if len(merged) != len(m.Properties) {
		p.Add("/properties", merged)
	}
}

// change reads the model, lets build make a patch against what it has now, and sends it
// unless it is empty. What c has found is an error before and after.
func (m *Model) change(ctx context.Context, c *validate.Checker, operation string, build func(*Model, *jsonpatch.Patch)) (*Model, error) {
	m.checkBound(c)
	if err := c.Err(operation, subject(m.ID)); err != nil {
		return nil, err
	}
	now, err := m.read(ctx, operation)
	if err != nil {
		return nil, err
	}
	var patch jsonpatch.Patch
	build(now, &patch)
	if err := c.Err(operation, subject(m.ID)); err != nil {
		return nil, err
	}
	if patch.Len() == 0 {
		return now, nil
	}
	return m.send(ctx, operation, &patch)
}

// send sends a patch. Its operations set whole values: a repeated one does no harm.
func (m *Model) send(ctx context.Context, operation string, patch *jsonpatch.Patch) (*Model, error) {
	return m.answered(ctx, workspace.Request{
		Service: workspace.ModelManagement, Operation: operation, Subject: subject(m.ID), Method: http.MethodPatch,
		Path: m.path(), Body: patch, ContentType: jsonpatch.ContentType, Repeat: workspace.RepeatAlways,
	})
}

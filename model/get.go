package model

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/validate"
	"github.com/azureml-go/azureml/workspace"
)

// GetOptions are the optional parts of [Get].
type GetOptions struct {
	// Version of the model; 0 is the latest one that fits.
	Version int64
	// Tags that the model must have; a value of "" takes any.
	Tags map[string]string
	// Properties that the model must have; a value of "" takes any.
	Properties map[string]string
	// Framework that the model must be of.
	Framework Framework
	// RunID of the run that made the model.
	RunID string
}

func (o GetOptions) filters() bool {
	return len(o.Tags) > 0 || len(o.Properties) > 0 || o.Framework != "" || o.RunID != ""
}

// Get reads a model with one request: by its id ("mymodel:3"), by name and version, or
// by name alone, which gives the version that was registered last among those that fit
// the options. It mirrors azureml.core's Model(workspace, name, …).
//
// Errors: ErrInvalid, ErrNotFound (code ModelNotFound), and those of every call.
func Get(ctx context.Context, ws *workspace.Workspace, name string, o *GetOptions) (*Model, error) {
	var options GetOptions
	if o != nil {
		options = *o
	}
	name, version, err := options.target(name)
	if err != nil {
		return nil, err
	}
	if version > 0 {
		id := fmt.Sprintf("%s:%d", name, version)
		m := new(Model)
		_, err := ws.Do(ctx, workspace.Request{
			Service: workspace.ModelManagement, Operation: "get", Subject: subject(id), Path: "models/" + workspace.Segment(id),
		}, m)
		if err != nil {
			return nil, err
		}
		m.ws = ws
		return m, nil
	}
	query := options.query()
	query.Set("name", name)
	query.Set("count", "1")
	query.Set("orderBy", "CreatedAtDesc")
	found, err := readPage(ctx, ws, workspace.Request{
		Service: workspace.ModelManagement, Operation: "get", Subject: subject(name), Path: "models", Query: query,
	})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, notFound(name, options)
	}
	return found[0], nil
}

// target takes an id apart and checks what was given.
func (o GetOptions) target(name string) (string, int64, error) {
	var c validate.Checker
	version := o.Version
	if base, v, ok := splitID(name); ok {
		if version != 0 && version != v {
			c.Addf("Version", version, "must not differ from that in the id %q", name)
		}
		name, version = base, v
	} else if base, text, found := strings.Cut(name, ":"); found && namePattern.MatchString(base) {
		c.Addf("name", name, "must be a name, or an id such as %q: %q is no version", base+":1", text)
		return name, version, c.Err("get", subject(name))
	}
	checkName(&c, name)
	if version < 0 {
		c.Add("Version", version, "must be > 0")
	}
	if version > 0 && o.filters() {
		c.Add("Version", version, "names one model; Tags, Properties, Framework and RunID cannot be asked for beside it")
	}
	checkFilter(&c, "Tags", o.Tags)
	checkFilter(&c, "Properties", o.Properties)
	return name, version, c.Err("get", subject(name))
}

// checkFilter refuses keys and values that the service would take apart wrongly.
func checkFilter(c *validate.Checker, field string, filter map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(filter)) {
		if key == "" || strings.ContainsAny(key, ",=") {
			c.Add(field, key, "must have keys that are not empty and hold neither comma nor equals sign")
		}
		if strings.Contains(filter[key], ",") {
			c.Add(field, key+"="+filter[key], "must have values without commas")
		}
	}
}

// query gives the filters in the service's form.
func (o GetOptions) query() url.Values {
	query := url.Values{}
	set := func(key, value string) {
		if value != "" {
			query.Set(key, value)
		}
	}
	set("framework", string(o.Framework))
	set("runId", o.RunID)
	set("tags", joinFilter(o.Tags))
	set("properties", joinFilter(o.Properties))
	return query
}

// joinFilter writes "key,key2=value2", sorted by key.
func joinFilter(filter map[string]string) string {
	parts := make([]string, 0, len(filter))
	for _, key := range slices.Sorted(maps.Keys(filter)) {
		if value := filter[key]; value != "" {
			key += "=" + value
		}
		parts = append(parts, key)
	}
	return strings.Join(parts, ",")
}

// readPage reads one page of models.
func readPage(ctx context.Context, ws *workspace.Workspace, r workspace.Request) ([]*Model, error) {
	var page struct {
		Value []*Model `json:"value"`
	}
	if _, err := ws.Do(ctx, r, &page); err != nil {
		return nil, err
	}
	found := slices.DeleteFunc(page.Value, func(m *Model) bool { return m == nil })
	for _, m := range found {
		m.ws = ws
	}
	return found, nil
}

func notFound(name string, o GetOptions) error {
	message := "there is no such model"
	if o.filters() {
		message = "there is no such model with " + o.describe()
	}
	return &azureml.Error{
		Operation: "get", Subject: subject(name), Kind: azureml.ErrNotFound, Code: "ModelNotFound", Message: message,
		Remedy: "List the workspace's models and check name, tags and properties.",
	}
}

// describe names the filters that are set.
func (o GetOptions) describe() string {
	var parts []string
	add := func(name, value string) {
		if value != "" {
			parts = append(parts, name+" "+value)
		}
	}
	add("tags", joinFilter(o.Tags))
	add("properties", joinFilter(o.Properties))
	add("framework", string(o.Framework))
	add("run", o.RunID)
	return strings.Join(parts, ", ")
}

func subject(name string) string { return "model " + strconv.Quote(name) }

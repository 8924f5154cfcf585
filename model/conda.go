package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/rest"
)

const (
	// DefaultPythonVersion is azureml.core's Python for environments that name none.
	DefaultPythonVersion = "3.8.13"

	defaultCondaName   = "project_environment"
	defaultPipPackages = "azureml-defaults"
)

// CondaDependencies are the packages of an [Environment]: a conda specification. It
// mirrors azureml.core's CondaDependencies.
type CondaDependencies struct {
	Name     string   `json:"name,omitempty"`
	Channels []string `json:"channels,omitempty"`
	// Dependencies in the order of the specification.
	Dependencies []CondaDependency `json:"dependencies"`
	Prefix       string            `json:"prefix,omitempty"`
	Variables    map[string]string `json:"variables,omitempty"`
}

// CondaDependency is one entry of a conda specification: a conda package or the
// block of the packages that pip installs.
type CondaDependency struct {
	// Package is a conda package: "numpy=1.26". Empty for the pip block.
	Package string
	// Pip are the lines of the pip block: "scikit-learn==1.2.2", "-r more.txt".
	Pip []string
	// other is an entry of another kind, as the service gave it.
	other json.RawMessage
}

// MarshalJSON writes the entry as a text or as {"pip":[…]}.
func (d CondaDependency) MarshalJSON() ([]byte, error) {
	switch {
	case d.other != nil:
		return d.other, nil
	case d.Package != "":
		return rest.Marshal(d.Package)
	}
	return rest.Marshal(map[string][]string{"pip": list(d.Pip)})
}

// UnmarshalJSON reads the entry; one of an unknown kind is kept as it is.
func (d *CondaDependency) UnmarshalJSON(data []byte) error {
	*d = CondaDependency{}
	if json.Unmarshal(data, &d.Package) == nil && d.Package != "" {
		return nil
	}
	var block map[string]json.RawMessage
	if json.Unmarshal(data, &block) == nil && len(block) == 1 && json.Unmarshal(block["pip"], &d.Pip) == nil && d.Pip != nil {
		return nil
	}
	*d = CondaDependency{other: slices.Clone(data)}
	return nil
}

// NewCondaDependencies gives azureml.core's default packages: [DefaultPythonVersion],
// the pip packages given (nil: azureml-defaults), then the conda packages given, from
// the channels anaconda and conda-forge. It mirrors CondaDependencies.create.
func NewCondaDependencies(pip, conda []string) *CondaDependencies {
	if pip == nil {
		pip = []string{defaultPipPackages}
	}
	c := &CondaDependencies{
		Name: defaultCondaName, Channels: []string{"anaconda", "conda-forge"},
		Dependencies: []CondaDependency{{Package: "python=" + DefaultPythonVersion}, {Pip: slices.Clone(pip)}},
	}
	for _, p := range conda {
		c.AddConda(p)
	}
	return c
}

// ParseCondaDependencies reads a conda specification (YAML). Keys other than name,
// channels, dependencies, prefix and variables are errors, all in one, with their lines.
func ParseCondaDependencies(text []byte) (*CondaDependencies, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, condaError(fmt.Sprintf("it is not YAML: %s", strings.TrimPrefix(err.Error(), "yaml: ")))
	}
	if len(document.Content) == 0 || document.Content[0].Kind != yaml.MappingNode {
		return nil, condaError("it must be a mapping with the key dependencies")
	}
	p := condaParser{}
	p.document(document.Content[0])
	if len(p.problems) > 0 {
		return nil, condaError(p.problems...)
	}
	return &p.result, nil
}

func condaError(problems ...string) error {
	e := &azureml.Error{Operation: "read", Subject: "conda specification", Kind: azureml.ErrInvalid}
	for _, p := range problems {
		e.Violations = append(e.Violations, azureml.Violation{Field: "conda specification:", Rule: p})
	}
	return e
}

// inFile names the file in the error of what was read from it.
func inFile(err error, path string) error {
	e, ok := errors.AsType[*azureml.Error](err)
	if !ok {
		return err
	}
	copied := *e
	copied.Subject = fmt.Sprintf("%s %q", e.Subject, path)
	return &copied
}

// condaParser collects what a specification says and all that is wrong with it.
type condaParser struct {
	result   CondaDependencies
	problems []string
}

func (p *condaParser) wrong(at *yaml.Node, format string, args ...any) {
	p.problems = append(p.problems, fmt.Sprintf("line %d: ", at.Line)+fmt.Sprintf(format, args...))
}

func (p *condaParser) document(n *yaml.Node) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch key.Value {
		case "name":
			p.result.Name = p.text(value, "name")
		case "prefix":
			p.result.Prefix = p.text(value, "prefix")
		case "channels":
			p.result.Channels = p.texts(value, "channels")
		case "dependencies":
			p.dependencies(value)
		case "variables":
			p.variables(value)
		default:
			p.wrong(key, "unknown key %q; known are name, channels, dependencies, prefix and variables", key.Value)
		}
	}
}

func (p *condaParser) text(n *yaml.Node, what string) string {
	n = resolved(n)
	if n.Kind != yaml.ScalarNode {
		p.wrong(n, "%s must be a text", what)
		return ""
	}
	if n.Tag == "!!null" {
		return ""
	}
	return n.Value
}

func (p *condaParser) texts(n *yaml.Node, what string) []string {
	n = resolved(n)
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		p.wrong(n, "%s must be a list", what)
		return nil
	}
	items := make([]string, 0, len(n.Content))
	for _, item := range n.Content {
		if text := p.text(item, "an entry of "+what); text != "" {
			items = append(items, text)
		}
	}
	return items
}

func (p *condaParser) dependencies(n *yaml.Node) {
	n = resolved(n)
	if n.Kind != yaml.SequenceNode {
		p.wrong(n, "dependencies must be a list")
		return
	}
	for _, item := range n.Content {
		item = resolved(item)
		switch {
		case item.Kind == yaml.ScalarNode && item.Value != "":
			p.result.Dependencies = append(p.result.Dependencies, CondaDependency{Package: item.Value})
		case item.Kind == yaml.MappingNode && len(item.Content) == 2 && item.Content[0].Value == "pip":
			p.result.Dependencies = append(p.result.Dependencies, CondaDependency{Pip: list(p.texts(item.Content[1], "pip"))})
		default:
			p.wrong(item, "a dependency must be the name of a package or the list pip")
		}
	}
}

func (p *condaParser) variables(n *yaml.Node) {
	n = resolved(n)
	if n.Kind != yaml.MappingNode {
		p.wrong(n, "variables must be a mapping")
		return
	}
	p.result.Variables = map[string]string{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		p.result.Variables[n.Content[i].Value] = p.text(n.Content[i+1], "a variable")
	}
}

// resolved follows a YAML alias.
func resolved(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

// AddPip adds a package that pip installs ("scikit-learn==1.2.2"); one of the same name is replaced.
func (c *CondaDependencies) AddPip(line string) {
	for i := range c.Dependencies {
		if c.Dependencies[i].Pip != nil {
			c.Dependencies[i].Pip = append(withoutPackage(c.Dependencies[i].Pip, line), line)
			return
		}
	}
	c.Dependencies = append(c.Dependencies, CondaDependency{Pip: []string{line}})
}

// AddConda adds a package that conda installs ("numpy=1.26"); one of the same name is replaced.
func (c *CondaDependencies) AddConda(spec string) {
	name := packageName(spec)
	for i, d := range c.Dependencies {
		if d.Package != "" && packageName(d.Package) == name {
			c.Dependencies[i].Package = spec
			return
		}
	}
	c.Dependencies = append(c.Dependencies, CondaDependency{Package: spec})
}

// SetPython chooses the version of Python ("3.10").
func (c *CondaDependencies) SetPython(version string) { c.AddConda("python=" + version) }

// ensurePython adds the default Python if the packages name none.
func (c *CondaDependencies) ensurePython() {
	if !slices.ContainsFunc(c.Dependencies, func(d CondaDependency) bool { return d.Package != "" && packageName(d.Package) == "python" }) {
		c.Dependencies = append(c.Dependencies, CondaDependency{Package: "python=" + DefaultPythonVersion})
	}
}

// mentions tells whether conda or pip installs the package.
func (c *CondaDependencies) mentions(name string) bool {
	if c == nil {
		return false
	}
	is := func(spec string) bool { return packageName(spec) == name }
	return slices.ContainsFunc(c.Dependencies, func(d CondaDependency) bool { return is(d.Package) || slices.ContainsFunc(d.Pip, is) })
}

func (c *CondaDependencies) clone() *CondaDependencies {
	if c == nil {
		return nil
	}
	copied := *c
	copied.Channels, copied.Variables = slices.Clone(c.Channels), maps.Clone(c.Variables)
	copied.Dependencies = list(c.Dependencies)
	for i := range copied.Dependencies {
		copied.Dependencies[i].Pip = slices.Clone(copied.Dependencies[i].Pip)
	}
	return &copied
}

// withoutPackage drops the lines of the package that line names.
func withoutPackage(lines []string, line string) []string {
	name := packageName(line)
	return slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return packageName(l) == name })
}

// packageName is the name in "name[extra]==1.0", in lower case; a channel before it
// ("conda-forge::name") does not count.
func packageName(spec string) string {
	if _, after, ok := strings.Cut(spec, "::"); ok {
		spec = after
	}
	if end := strings.IndexAny(spec, "[=<>~! ;@"); end >= 0 {
		spec = spec[:end]
	}
	return strings.ToLower(strings.TrimSpace(spec))
}

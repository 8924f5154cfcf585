// Package schemas makes the JSON schemas under examples/schemas of the Go types that
// files are read into, and checks that they are current. It is for tests.
//
// The types' json tags give the keys, their jsonschema tags the bounds, and the comments
// of their fields the descriptions. The dialect is draft 7, which editors know best.
// UPDATE_SCHEMAS=1 writes the files anew:
//
//	UPDATE_SCHEMAS=1 go test -run TestSchema ./model ./webservice ./workspace
package schemas

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/invopop/jsonschema"
	validator "github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/configfile"
)

// draft is the dialect of the schemas.
const draft = "http://json-schema.org/draft-07/schema#"

const module = "github.com/azureml-go/azureml"

// Schema is a JSON schema.
type Schema = map[string]any

// Of makes the schema of a type. other gives the schemas of types that read themselves.
func Of(t testing.TB, typ reflect.Type, other map[reflect.Type]Schema) Schema {
	t.Helper()
	comments := map[string]map[string]string{}
	r := jsonschema.Reflector{
		Anonymous: true, DoNotReference: true, ExpandedStruct: true, RequiredFromJSONSchemaTags: true,
		LookupComment: func(typ reflect.Type, field string) string {
			if comments[typ.PkgPath()] == nil {
				comments[typ.PkgPath()] = fieldComments(t, typ.PkgPath())
			}
			return comments[typ.PkgPath()][typ.Name()+"."+field]
		},
		Mapper: func(typ reflect.Type) *jsonschema.Schema {
			if typ == reflect.TypeFor[azureml.Secret]() {
				return &jsonschema.Schema{Type: "string"}
			}
			if s, ok := other[typ]; ok {
				return &jsonschema.Schema{Extras: s}
			}
			return nil
		},
	}
	text, err := json.Marshal(r.ReflectFromType(typ))
	require.NoError(t, err)
	var s Schema
	require.NoError(t, json.Unmarshal(text, &s))
	delete(s, "$schema")
	settle(s)
	return s
}

// Document makes the root of a schema: its dialect, title and description.
func Document(title, description string, s Schema) Schema {
	s["$schema"], s["title"], s["description"] = draft, title, description
	return s
}

// settle says what holds for all files: null is as good as nothing unless the key is
// required, and whole numbers have 32 bits. Keys of old are marked for editors.
func settle(s Schema) {
	required, _ := s["required"].([]any)
	properties, _ := s["properties"].(Schema)
	for key, value := range properties {
		p, ok := value.(Schema)
		if !ok {
			continue
		}
		settle(p)
		if !slices.Contains(required, any(key)) {
			Nullable(p)
		}
	}
	if s["type"] == "integer" && s["maximum"] == nil {
		s["maximum"] = configfile.MaxInt
	}
	if items, ok := s["items"].(Schema); ok {
		settle(items)
	}
	if text, _ := s["description"].(string); strings.HasPrefix(text, "Old: ") {
		s["deprecationMessage"] = "Out of date: write environment instead."
	}
}

// Nullable lets a value be null.
func Nullable(s Schema) {
	if kind, ok := s["type"].(string); ok {
		s["type"] = []any{kind, "null"}
		if kind == "integer" && s["maximum"] == nil {
			s["maximum"] = configfile.MaxInt
		}
	}
	for _, choice := range []string{"anyOf", "oneOf"} {
		if all, ok := s[choice].([]any); ok {
			s[choice] = append(all, Schema{"type": "null"})
		}
	}
}

var link = regexp.MustCompile(`\[([A-Za-z.]+)\]`)

// fieldComments are the comments of the fields of a package's types, by "Type.Field".
func fieldComments(t testing.TB, pkg string) map[string]string {
	t.Helper()
	all := map[string]string{}
	below, ours := strings.CutPrefix(pkg, module)
	if !ours {
		return all
	}
	files, err := filepath.Glob(filepath.Join(root(t), filepath.FromSlash(below), "*.go"))
	require.NoError(t, err)
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if s, ok := spec.Type.(*ast.StructType); ok {
				for _, f := range s.Fields.List {
					for _, name := range f.Names {
						text := strings.Join(strings.Fields(f.Doc.Text()), " ")
						all[spec.Name.Name+"."+name.Name] = link.ReplaceAllString(text, "$1")
					}
				}
			}
			return false
		})
	}
	return all
}

// root is the top of the module.
func root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		require.NotEqual(t, dir, parent, "no go.mod above the working directory")
		dir = parent
	}
}

// Current fails unless the file of that name under examples/schemas holds the schema;
// with UPDATE_SCHEMAS=1 it writes the file. It gives the schema to validate with.
func Current(t testing.TB, name string, s Schema) *validator.Schema {
	t.Helper()
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	require.NoError(t, e.Encode(s))
	path := filepath.Join(root(t), "examples", "schemas", name)
	if os.Getenv("UPDATE_SCHEMAS") == "1" {
		require.NoError(t, os.WriteFile(path, text.Bytes(), 0o644))
	}
	have, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, text.String(), string(have), "the schema is not that of the types any more; write it anew with UPDATE_SCHEMAS=1")
	document, err := validator.UnmarshalJSON(bytes.NewReader(have))
	require.NoError(t, err)
	c := validator.NewCompiler()
	require.NoError(t, c.AddResource(name, document))
	compiled, err := c.Compile(name)
	require.NoError(t, err)
	return compiled
}

// Accepts tells whether a JSON text is good by the schema.
func Accepts(t testing.TB, s *validator.Schema, text string) bool {
	t.Helper()
	value, err := validator.UnmarshalJSON(strings.NewReader(text))
	require.NoError(t, err)
	return s.Validate(value) == nil
}

// Keys are the paths of the keys that an object schema has, sorted.
func Keys(s Schema) []string {
	var all []string
	properties, _ := s["properties"].(Schema)
	for key, value := range properties {
		all = append(all, key)
		p, _ := value.(Schema)
		for _, below := range Keys(p) {
			all = append(all, key+"."+below)
		}
	}
	slices.Sort(all)
	return all
}

package model

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	validator "github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml/internal/configfile"
	"github.com/azureml-go/azureml/internal/schemas"
)

//go:generate env UPDATE_SCHEMAS=1 go test -run TestSchema .

// inferenceSchema is the schema of inference configuration files. Unknown keys within
// the environment are left to the loader, which tells slips of the pen from keys of newer
// services.
func inferenceSchema(t *testing.T) (*validator.Schema, schemas.Schema) {
	t.Helper()
	text := schemas.Schema{"type": "string"}
	optional := schemas.Schema{"type": []any{"string", "null"}}
	s := schemas.Of(t, reflect.TypeFor[inferenceFile](), map[reflect.Type]schemas.Schema{
		reflect.TypeFor[fileRegistry](): {"anyOf": []any{text, schemas.Schema{
			"type": "object", "additionalProperties": false,
			"properties": schemas.Schema{"address": optional, "username": optional, "password": optional},
		}}},
		reflect.TypeFor[CondaDependency](): {"anyOf": []any{schemas.Schema{"type": "string", "minLength": 1}, schemas.Schema{
			"type": "object", "additionalProperties": false, "required": []any{"pip"},
			"properties": schemas.Schema{"pip": schemas.Schema{"type": "array", "items": text}},
		}}},
	})
	environment := s["properties"].(schemas.Schema)["environment"].(schemas.Schema)
	open(environment)
	environment["required"] = []any{"name"}
	environment["properties"].(schemas.Schema)["name"] = schemas.Schema{"type": "string", "pattern": `\S`, "description": "The environment's name. With nothing else but a version it is read from the workspace."}
	return schemas.Current(t, "inferenceconfig.schema.json",
		schemas.Document("Azure ML inference configuration", "inferenceconfig.json of az ml model deploy: the code that answers requests, and what it runs in.", s)), s
}

// open lets further keys in everywhere but in conda specifications.
func open(s schemas.Schema) {
	delete(s, "additionalProperties")
	properties, _ := s["properties"].(schemas.Schema)
	for key, value := range properties {
		if p, ok := value.(schemas.Schema); ok && key != "condaDependencies" && key != "environmentVariables" {
			open(p)
		}
	}
	if items, ok := s["items"].(schemas.Schema); ok {
		open(items)
	}
}

// TestSchemaKeys: the schema has the keys that the loader knows.
func TestSchemaKeys(t *testing.T) {
	t.Parallel()
	_, s := inferenceSchema(t)
	want := configfile.Keys(reflect.TypeFor[inferenceFile]())
	slices.Sort(want)
	assert.Equal(t, want, schemas.Keys(s))
}

// TestSchemaAgrees: what the loader takes the schema takes, and the other way round.
func TestSchemaAgrees(t *testing.T) {
	t.Parallel()
	schema, _ := inferenceSchema(t)
	values := []any{nil, true, "text", 1, []any{}, []any{"text"}, []any{1}, map[string]any{}, map[string]any{"address": "a"}, map[string]any{"a": "b"}, map[string]any{"a": 1}}
	for _, key := range configfile.Keys(reflect.TypeFor[inferenceFile]()) {
		for _, value := range values {
			doc := configfile.ParseJSON([]byte(`{"entryScript":"score.py"}`))
			if strings.HasPrefix(key, "environment.") {
				doc.Set("environment.name", "myenv")
			}
			doc.Set(key, value)
			text := doc.Root.JSON()
			var f inferenceFile
			doc.Decode(&f, configfile.Options{Tolerated: toleratedInEnvironment})
			err := doc.Err("file")
			if doc.Root.Get("environment") != nil && !doc.HasProblem("environment") && doc.Root.Get("environment").Get("name") == nil {
				// It is the environment's own check that wants a name.
				continue
			}
			if strings.HasSuffix(key, "condaDependencies.dependencies") {
				(&inferenceLoader{doc: doc, file: f}).checkConda(&f.Environment.Python)
				err = doc.Err("file")
			}
			assert.Equal(t, err == nil, schemas.Accepts(t, schema, string(text)), "%s: %v", text, err)
		}
	}
}

// TestSchemaSamples: files that people have, by loader and schema.
func TestSchemaSamples(t *testing.T) {
	t.Parallel()
	schema, _ := inferenceSchema(t)
	for _, want := range []string{"good", "bad"} {
		files, err := filepath.Glob(filepath.Join("testdata", "inferenceconfig", want, "*.json"))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, path := range files {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, want == "good", schemas.Accepts(t, schema, string(text)), path)
			_, err = LoadInferenceConfig(path, nil)
			assert.Equal(t, want == "good", err == nil, "%s: %v", path, err)
		}
	}
}

// TestSchemaTakesEnvironments: an environment as this package and azureml.core write it
// is a good file for loader and schema.
func TestSchemaTakesEnvironments(t *testing.T) {
	t.Parallel()
	schema, _ := inferenceSchema(t)
	environment, err := json.Marshal(NewEnvironment("myenv").wire())
	require.NoError(t, err)
	text := `{"entryScript":"score.py","environment":` + string(environment) + `}`
	assert.True(t, schemas.Accepts(t, schema, text))
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "score.py"), []byte("def init(): pass\ndef run(data): pass\n"), 0o600))
	path := filepath.Join(dir, "inferenceconfig.json")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	config, err := LoadInferenceConfig(path, nil)
	require.NoError(t, err)
	again, err := json.Marshal(config.Environment.wire())
	require.NoError(t, err)
	assert.JSONEq(t, string(environment), string(again))
}

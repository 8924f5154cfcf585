package webservice

import (
	"encoding/json"
	"fmt"
	"maps"
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

// deploymentSchema is the schema of deployment configuration files: that of the kind
// which computeType names.
func deploymentSchema(t *testing.T) (*validator.Schema, map[string]schemas.Schema) {
	t.Helper()
	kinds := map[string]schemas.Schema{}
	var names, choices []any
	for _, kind := range fileKinds {
		s := schemas.Of(t, kind.keys, nil)
		of := schemas.Schema{"type": "string", "pattern": anyCase(kind.name)}
		maps.Copy(s["properties"].(schemas.Schema)["computeType"].(schemas.Schema), of)
		kinds[kind.name] = s
		names = append(names, kind.name)
		choices = append(choices, schemas.Schema{
			"if":   schemas.Schema{"properties": schemas.Schema{"computeType": of}, "required": []any{"computeType"}},
			"then": s,
		})
	}
	description := kinds["aks"]["properties"].(schemas.Schema)["computeType"].(schemas.Schema)["description"]
	s := schemas.Document("Azure ML deployment configuration", "deploymentconfig.json of az ml model deploy: how and where a web service runs.", schemas.Schema{
		"type": "object", "required": []any{"computeType"}, "allOf": choices,
		"properties": schemas.Schema{"computeType": schemas.Schema{
			"description": description,
			"anyOf":       []any{schemas.Schema{"enum": names}, schemas.Schema{"type": "string", "pattern": "^([Aa][Kk][Ss]|[Aa][Kk][Ss][Ee][Nn][Dd][Pp][Oo][Ii][Nn][Tt]|[Aa][Cc][Ii])$"}},
		}},
	})
	return schemas.Current(t, "deploymentconfig.schema.json", s), kinds
}

func anyCase(name string) string {
	var b strings.Builder
	for _, r := range name {
		fmt.Fprintf(&b, "[%c%c]", r-'a'+'A', r)
	}
	return "^" + b.String() + "$"
}

// TestSchemaKeys: the schema has the keys that the loader knows, and each key fills a
// field of the configuration.
func TestSchemaKeys(t *testing.T) {
	t.Parallel()
	_, kinds := deploymentSchema(t)
	for _, kind := range fileKinds {
		want := configfile.Keys(kind.keys)
		slices.Sort(want)
		assert.Equal(t, want, schemas.Keys(kinds[kind.name]), kind.name)
	}
	filled := slices.Collect(maps.Values(keysOfFields))
	for _, kind := range fileKinds {
		for _, key := range configfile.Keys(kind.keys) {
			within := slices.ContainsFunc(filled, func(k string) bool { return strings.HasPrefix(k, key+".") })
			if !within && key != "$schema" && key != "computeType" && key != "sslEnabled" {
				assert.Contains(t, filled, key)
			}
		}
	}
}

// TestSchemaAgrees: what the loader takes the schema takes, and the other way round.
func TestSchemaAgrees(t *testing.T) {
	t.Parallel()
	schema, _ := deploymentSchema(t)
	values := []any{nil, true, "text", -1, 0, 0.5, 1, 100, 100.5, 2147483647, 2147483648, 1e300, []any{}, map[string]any{}}
	for _, kind := range fileKinds {
		for _, key := range configfile.Keys(kind.keys) {
			for _, value := range values {
				file := map[string]any{"computeType": kind.name}
				if strings.HasPrefix(key, "autoScaler.") {
					put(file, "autoScaler.autoscaleEnabled", true)
				}
				if kind.name == "aksendpoint" {
					put(file, "versionName", "version-a")
				}
				put(file, key, value)
				text, err := json.Marshal(file)
				require.NoError(t, err)
				doc := configfile.ParseJSON(text)
				target := reflect.New(kind.keys)
				doc.Decode(target.Interface(), configfile.Options{})
				err = doc.Err("file")
				accepts := schemas.Accepts(t, schema, string(text))
				if slices.Contains([]string{"computeType", "namespace", "versionName"}, key) {
					// Their values are looked at outside of Decode.
					continue
				}
				assert.Equal(t, err == nil, accepts, "%s: %v", text, err)
			}
		}
	}
}

func put(file map[string]any, path string, value any) {
	key, below, nested := strings.Cut(path, ".")
	if !nested {
		file[key] = value
		return
	}
	inner, ok := file[key].(map[string]any)
	if !ok {
		inner = map[string]any{}
		file[key] = inner
	}
	put(inner, below, value)
}

// TestSchemaSamples: files that people have, by loader and schema.
func TestSchemaSamples(t *testing.T) {
	t.Parallel()
	schema, _ := deploymentSchema(t)
	for _, want := range []string{"good", "bad"} {
		files, err := filepath.Glob(filepath.Join("testdata", "deploymentconfig", want, "*.json"))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, path := range files {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, want == "good", schemas.Accepts(t, schema, string(text)), path)
			_, err = LoadDeployConfiguration(path, nil)
			assert.Equal(t, want == "good", err == nil, "%s: %v", path, err)
		}
	}
}

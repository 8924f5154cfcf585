package workspace

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/configfile"
	"github.com/azureml-go/azureml/internal/schemas"
)

//go:generate env UPDATE_SCHEMAS=1 go test -run TestSchema .

// TestSchema: the schema of config.json is that of what is read, and takes what is taken.
func TestSchema(t *testing.T) {
	t.Parallel()
	s := schemas.Of(t, reflect.TypeFor[configFile](), nil)
	// Further keys are ignored.
	delete(s, "additionalProperties")
	text := schemas.Schema{"type": "string", "pattern": `\S`}
	s["anyOf"] = []any{
		schemas.Schema{"required": []any{"Scope"}, "properties": schemas.Schema{"Scope": text}},
		schemas.Schema{
			"required":   []any{"subscription_id", "resource_group", "workspace_name"},
			"properties": schemas.Schema{"subscription_id": text, "resource_group": text, "workspace_name": text},
		},
	}
	want := configfile.Keys(reflect.TypeFor[configFile]())
	slices.Sort(want)
	assert.Equal(t, want, schemas.Keys(s))
	schema := schemas.Current(t, "config.schema.json", schemas.Document("Azure ML workspace", "config.json: the workspace that Workspace.from_config and workspace.FromConfig open.", s))
	for file, good := range map[string]bool{
		`{"subscription_id":"a","resource_group":"b","workspace_name":"c","more":[1]}`:   true,
		`{"Id":null,"Scope":"` + testID + `"}`:                                           true,
		`{"Scope":null,"subscription_id":"a","resource_group":"b","workspace_name":"c"}`: true,
		`{"Scope":"","subscription_id":"a","resource_group":"b","workspace_name":"c"}`:   true,
		`{"subscription_id":"a","resource_group":"b"}`:                                   false,
		`{"subscription_id":"a","resource_group":"b","workspace_name":""}`:               false,
		`{"subscription_id":"a","resource_group":"b","workspace_name":7}`:                false,
		`{"Scope":7,"subscription_id":"a","resource_group":"b","workspace_name":"c"}`:    false,
		`{"Scope":" "}`: false,
		`[]`:            false,
	} {
		assert.Equal(t, good, schemas.Accepts(t, schema, file), file)
		_, err := parseConfig([]byte(file), reference{})
		assert.Equal(t, good, err == nil, "%s: %v", file, err)
	}
}

func TestSlips(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "config.json")
	require.NoError(t, os.WriteFile(path, []byte("{\n\"subscription_id\": \"a\",\n\"resourceGroup\": \"b\",\n\"workspace_name\": \"c\",\n\"tenant_id\": \"d\"}"), 0o600))
	_, _, err := FromConfigOptions{Path: path}.find()
	require.ErrorIs(t, err, azureml.ErrInvalid)
	assert.Equal(t, "azureml: cannot read the config file "+path+": resource_group missing or empty (the file needs subscription_id, resource_group and workspace_name, or Scope); "+
		`line 3: unknown key "resourceGroup"; did you mean "resource_group"?`, err.Error())

	var warnings []string
	_, _, err = FromConfigOptions{Path: path, ResourceGroup: "b", OnWarning: func(w azureml.Warning) { warnings = append(warnings, w.String()) }}.find()
	require.NoError(t, err)
	assert.Equal(t, []string{"the config file " + path + `: line 3: unknown key "resourceGroup"; did you mean "resource_group"?`}, warnings)
}

package workspace

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
)

const (
	testSubscription = "11111111-1111-1111-1111-111111111111"
	testID           = "/subscriptions/" + testSubscription + "/resourceGroups/rg1/providers/Microsoft.MachineLearningServices/workspaces/ws1"
)

func TestParseConfig(t *testing.T) {
	t.Parallel()
	full := reference{testSubscription, "rg1", "ws1"}
	for name, row := range map[string]struct {
		text string
		over reference
		want reference
		err  string
	}{
		"three keys":               {`{"subscription_id":"` + testSubscription + `","resource_group":"rg1","workspace_name":"ws1","extra":[1]}`, reference{}, full, ""},
		"scope":                    {`{"Id":null,"Scope":"` + testID + `"}`, reference{}, full, ""},
		"scope in lower case":      {`{"Id":null,"Scope":"` + strings.ToLower(testID) + `"}`, reference{}, full, ""},
		"scope with more":          {`{"Scope":"` + testID + `/projects/p"}`, reference{}, full, ""},
		"scope wins":               {`{"Scope":"` + testID + `","workspace_name":"other"}`, reference{}, full, ""},
		"empty scope":              {`{"Scope":"","subscription_id":"` + testSubscription + `","resource_group":"rg1","workspace_name":"ws1"}`, reference{}, full, ""},
		"byte order mark":          {"\xef\xbb\xbf{\"Scope\":\"" + testID + `"}`, reference{}, full, ""},
		"Windows line ends":        {"{\r\n\"subscription_id\":\"" + testSubscription + "\",\r\n\"resource_group\":\"rg1\",\r\n\"workspace_name\":\"ws1\"\r\n}\r\n", reference{}, full, ""},
		"blanks and quotes":        {`{"subscription_id":" '` + testSubscription + `' ","resource_group":"rg1","workspace_name":"ws1"}`, reference{}, full, ""},
		"override":                 {`{"Scope":"` + testID + `"}`, reference{name: "ws2"}, reference{testSubscription, "rg1", "ws2"}, ""},
		"override of what lacks":   {`{"subscription_id":"` + testSubscription + `","workspace_name":"ws1"}`, reference{group: "rg9"}, reference{testSubscription, "rg9", "ws1"}, ""},
		"one key lacks":            {`{"subscription_id":"` + testSubscription + `","workspace_name":"ws1"}`, reference{}, reference{}, "resource_group missing or empty"},
		"null and empty":           {`{"subscription_id":null,"resource_group":"","workspace_name":"ws1"}`, reference{}, reference{}, "subscription_id, resource_group missing or empty"},
		"short scope":              {`{"Scope":"/subscriptions/x"}`, reference{}, reference{}, "is not the id of a workspace"},
		"empty file":               {" \n", reference{}, reference{}, "the file is empty"},
		"list":                     {"[]", reference{}, reference{}, "line 1, column 1: the file must hold a JSON object, not a JSON array"},
		"number":                   {"{\n  \"resource_group\": 7}", reference{}, reference{}, "line 2, column 21: resource_group must be a text, not a JSON number"},
		"comment":                  {"{\n  // mine\n}", reference{}, reference{}, "line 2, column 3: invalid character '/'"},
		"cut off":                  {"{\n\"resource_group\": \"rg", reference{}, reference{}, "line 2, column 21: unexpected end of JSON input"},
		"other spelling of a key":  {`{"Subscription_ID":"` + testSubscription + `","resource_group":"rg1","workspace_name":"ws1"}`, reference{}, full, ""},
		"nothing but another key":  {`{"name":"ws1"}`, reference{}, reference{}, "subscription_id, resource_group, workspace_name missing"},
		"two values in a file":     {`{} {}`, reference{}, reference{}, "line 1, column 4: invalid character"},
		"not text at all":          {"\x00\x01", reference{}, reference{}, "line 1, column 1: invalid character"},
		"UTF-16":                   {"\xff\xfe{\x00", reference{}, reference{}, "line 1, column 1: invalid character"},
		"override of everything":   {`{}`, full, full, ""},
		"workspace of another rp?": {`{"Scope":"/subscriptions/a/resourceGroups/b/providers/Microsoft.Web/sites/c"}`, reference{}, reference{}, "is not the id of a workspace"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseConfig([]byte(row.text), row.over)
			if row.err != "" {
				require.Error(t, err)
				assert.Contains(t, err.Error(), row.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, row.want, got)
		})
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(`{"subscription_id":"a","resource_group":"b","workspace_name":"c"}`))
	f.Add([]byte(`{"Scope":"` + testID + `"}`))
	f.Add([]byte("\xef\xbb\xbf{\n\"a\":"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := parseConfig(data, reference{})
		if err == nil && (got.subscription == "" || got.group == "" || got.name == "") {
			t.Fatalf("%+v", got)
		}
	})
}

func FuzzParseID(f *testing.F) {
	f.Add(testID)
	f.Add("/subscriptions//resourceGroups/")
	f.Fuzz(func(t *testing.T, id string) {
		r, err := parseID(id)
		if err != nil {
			return
		}
		again, err := parseID(r.id())
		if err != nil || again != r {
			t.Fatalf("%q: %+v, %+v, %v", id, r, again, err)
		}
	})
}

func TestFindWithoutFile(t *testing.T) {
	empty := t.TempDir()
	_, _, err := FromConfigOptions{Path: empty}.find()
	require.ErrorIs(t, err, azureml.ErrNotFound)
	assert.Contains(t, err.Error(), "cannot find a config file of a workspace: none in "+empty)
	for _, place := range []string{filepath.Join(empty, ".azureml", "config.json"), filepath.Join(empty, "project.json"), "AZUREML_WORKSPACE_NAME"} {
		assert.Contains(t, azureml.Explain(err), place)
	}

	t.Setenv("AZUREML_SUBSCRIPTION_ID", testSubscription)
	t.Setenv("AZUREML_RESOURCE_GROUP", "rg1")
	_, _, err = FromConfigOptions{Path: empty}.find()
	require.ErrorIs(t, err, azureml.ErrNotFound, "two of three do not do")
	t.Setenv("AZUREML_WORKSPACE_NAME", " ws1 ")
	got, file, err := FromConfigOptions{Path: empty, ResourceGroup: "rg2"}.find()
	require.NoError(t, err)
	assert.Equal(t, reference{testSubscription, "rg2", "ws1"}, got)
	assert.Empty(t, file)

	makeFile(t, empty, "config.json")
	_, _, err = FromConfigOptions{Path: empty}.find()
	require.ErrorIs(t, err, azureml.ErrInvalid, "a file that is there counts, not the environment")
	assert.Contains(t, err.Error(), filepath.Join(empty, "config.json"))
}

func TestWriteConfig(t *testing.T) {
	t.Parallel()
	ws := &Workspace{SubscriptionID: testSubscription, ResourceGroup: "rg1", Name: "ws1"}
	for name, row := range map[string]struct {
		have, dir, file, want string
		kind                  error
		overwrite             bool
	}{
		"new":                 {"", "", "", ".azureml/config.json", nil, false},
		"aml_config is there": {"aml_config/", "", "", "aml_config/config.json", nil, false},
		"inside of .azureml":  {".azureml/", ".azureml", "", ".azureml/config.json", nil, false},
		"project.json":        {".azureml/project.json", "", "", ".azureml/project.json", nil, true},
		"own name":            {"", "", "ws", ".azureml/ws.json", nil, false},
		"other extension":     {"", "", "ws.yaml", ".azureml/ws.json", nil, false},
		"name with a path":    {"", "", "../../evil.json", ".azureml/evil.json", nil, false},
		"exists":              {".azureml/config.json", "", "", "", azureml.ErrConflict, false},
		"exists, overwrite":   {".azureml/config.json", "", "", ".azureml/config.json", nil, true},
		"no such folder":      {"", "missing/deeper", "", "", azureml.ErrInvalid, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			for _, f := range strings.Fields(row.have) {
				makeFile(t, root, f)
			}
			file, err := ws.WriteConfig(filepath.Join(root, row.dir), &WriteConfigOptions{FileName: row.file, Overwrite: row.overwrite})
			if row.kind != nil {
				require.ErrorIs(t, err, row.kind)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, filepath.Join(root, row.want), file)
			got, _, err := FromConfigOptions{Path: file}.find()
			require.NoError(t, err)
			assert.Equal(t, reference{testSubscription, "rg1", "ws1"}, got)
			left, err := os.ReadDir(filepath.Dir(file))
			require.NoError(t, err)
			for _, entry := range left {
				assert.NotContains(t, entry.Name(), ".tmp")
			}
		})
	}
}

func TestGetReference(t *testing.T) {
	t.Parallel()
	got, err := GetOptions{SubscriptionID: " \"" + testSubscription + "\" ", ResourceGroup: "rg1 "}.reference(" ws1")
	require.NoError(t, err)
	assert.Equal(t, reference{testSubscription, "rg1", "ws1"}, got)
	got, err = GetOptions{}.reference(testID)
	require.NoError(t, err)
	assert.Equal(t, reference{testSubscription, "rg1", "ws1"}, got)
	_, err = GetOptions{}.reference("/subscriptions/x")
	require.ErrorIs(t, err, azureml.ErrInvalid)
	_, err = GetOptions{SubscriptionID: "my subscription"}.reference("")
	require.ErrorIs(t, err, azureml.ErrInvalid)
	e, _ := errors.AsType[*azureml.Error](err)
	assert.Len(t, e.Violations, 2)
}

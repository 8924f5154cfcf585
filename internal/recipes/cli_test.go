package recipes

import (
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	validator "github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/compute"
	"github.com/azureml-go/azureml/examples/azml/cli"
	"github.com/azureml-go/azureml/webservice"
)

// Rows of the command line; its flags are those of the Azure CLI's azure-cli-ml.
var cliRecipes = []recipe{
	{id: "B04", python: "`az ml computetarget create aks -n myaks`", title: "ml computetarget create aks -n myaks", run: recipeCreateByCommand},
	{id: "B11", python: `the extension for VS Code`, title: "deploy from the editor (VS Code): cluster made or attached beforehand", run: recipeEditor, serial: true},
}

// azml runs a command line against the world's emulator and gives what it prints.
func (w *world) azml(words ...string) string {
	w.t.Helper()
	var out, told strings.Builder
	code := cli.Run(w.t.Context(), words, &cli.Environment{Out: &out, Err: &told, Connect: func(context.Context, *cli.Globals) (*cli.Connection, error) {
		return &cli.Connection{Credential: w.srv.Credential(), Options: w.srv.ClientOptions()}, nil
	}})
	require.Equal(w.t, cli.ExitOK, code, "azml %s\n%s", strings.Join(words, " "), told.String())
	return out.String()
}

// line is azml for a command line whose words have no blanks, in the emulator's workspace.
func (w *world) line(text string) string {
	w.t.Helper()
	return w.azml(append(strings.Fields(text), "-w", azuremltest.WorkspaceName, "-g", azuremltest.ResourceGroup, "--subscription-id", azuremltest.SubscriptionID)...)
}

func recipeCreateByCommand(t *testing.T, w *world) {
	printed := w.line("ml computetarget create aks -n myaks") // README: B04
	assert.Contains(t, printed, `"name": "myaks"`)
	aks, err := compute.GetAks(t.Context(), w.workspace(), "myaks")
	require.NoError(t, err)
	assert.Equal(t, compute.StateSucceeded, aks.ProvisioningState)
}

const editorFolder = "../../examples/azml/vscode"

// editorTasks are what .vscode/tasks.json says.
type editorTasks struct {
	Command string `json:"command"`
	Tasks   []struct {
		Label string   `json:"label"`
		Args  []string `json:"args"`
	} `json:"tasks"`
	Inputs []struct {
		ID      string `json:"id"`
		Default string `json:"default"`
	} `json:"inputs"`
}

func readJSON[T any](t *testing.T, path string) T {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var v T
	require.NoError(t, json.Unmarshal(text, &v))
	return v
}

// recipeEditor does what the tasks of the editor's example folder do, one after the other,
// with what is picked when nothing else is, and holds the folder's files to its schemas.
func recipeEditor(t *testing.T, w *world) {
	checkEditorSettings(t)
	tasks := readJSON[editorTasks](t, filepath.Join(editorFolder, ".vscode", "tasks.json"))
	require.Equal(t, "azml", tasks.Command)
	inputs := []string{"${input:where}", "-v=false"} // the emulator is this test's
	for _, input := range tasks.Inputs {
		inputs = append(inputs, "${input:"+input.ID+"}", input.Default)
	}
	fill := strings.NewReplacer(inputs...)
	t.Chdir(editorFolder)
	printed := map[string]string{}
	for _, task := range tasks.Tasks {
		var words []string
		for _, arg := range task.Args {
			words = append(words, fill.Replace(arg))
		}
		require.NotContains(t, strings.Join(words, " "), "${", task.Label)
		switch task.Label {
		case "azml: attach a cluster": // instead of creating one, so of another name here
			words[len(words)-3] = "attached"
		case "azml: show the log":
			svc, err := webservice.GetAks(t.Context(), w.workspace(), "myservice")
			require.NoError(t, err, "the tasks before have made it")
			assert.Equal(t, "myaks", svc.ComputeName)
		}
		printed[task.Label] = w.azml(words...)
	}
	assert.JSONEq(t, `{"data":[[0.1,0.2]]}`, printed["azml: score"], "the emulator echoes without a scorer")
	assert.NotEmpty(t, printed["azml: show the log"])
	assert.Empty(t, printed["azml: delete the service"])
}

// checkEditorSettings: each of the files has a schema, that is there and finds it good.
func checkEditorSettings(t *testing.T) {
	t.Helper()
	settings := readJSON[struct {
		Schemas []struct {
			Match []string `json:"fileMatch"`
			URL   string   `json:"url"`
		} `json:"json.schemas"`
	}](t, filepath.Join(editorFolder, ".vscode", "settings.json"))
	checked := map[string]bool{}
	for _, s := range settings.Schemas {
		schema, err := validator.NewCompiler().Compile(filepath.Join(editorFolder, filepath.FromSlash(s.URL)))
		require.NoError(t, err)
		for _, name := range s.Match {
			path := filepath.Join(editorFolder, filepath.FromSlash(name))
			if _, err := os.Stat(path); err != nil {
				require.ErrorIs(t, err, fs.ErrNotExist)
				continue
			}
			file, err := os.Open(path)
			require.NoError(t, err)
			value, err := validator.UnmarshalJSON(file)
			require.NoError(t, file.Close())
			require.NoError(t, err)
			assert.NoError(t, schema.Validate(value), name)
			value.(map[string]any)["computeType"], value.(map[string]any)["entryScript"] = 1, 1
			delete(value.(map[string]any), "workspace_name")
			require.Error(t, schema.Validate(value), "the schema of %s tells good from bad", name)
			checked[name] = true
		}
	}
	assert.Len(t, checked, 3)
}

package recipes

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/compute"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

// recipe is one row: what it shows in azureml.core's terms, and the same in Go.
type recipe struct {
	id     string
	python string // what the README's table says on the left, in Markdown
	title  string
	run    func(t *testing.T, w *world)
	serial bool // it changes the environment of the process
}

// all lists the rows of the areas.
func all() []recipe {
	var rows []recipe
	for _, area := range [][]recipe{authenticationRecipes, signInRecipes, scoringTokenRecipes, workspaceRecipes, computeRecipes, serviceRecipes, aciRecipes, endpointRecipes, fileRecipes, cliRecipes} {
		rows = append(rows, area...)
	}
	return rows
}

// TestComplete: all that the guides show is there: rows A01 to A21 and B01 to B28.
func TestComplete(t *testing.T) {
	t.Parallel()
	var want, ids []string
	for letter, n := range map[string]int{"A": 21, "B": 28} {
		for i := range n {
			want = append(want, fmt.Sprintf("%s%02d", letter, i+1))
		}
	}
	for _, r := range all() {
		ids = append(ids, r.id)
	}
	assert.ElementsMatch(t, want, ids)
}

var idPattern = regexp.MustCompile(`^[AB]\d\d$`)

func TestRecipe(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range all() {
		require.Regexp(t, idPattern, r.id)
		require.False(t, seen[r.id], "%s is there twice", r.id)
		seen[r.id] = true
		t.Run(r.id, func(t *testing.T) {
			if !r.serial {
				t.Parallel()
			}
			t.Log(r.title)
			r.run(t, newWorld(t))
		})
	}
}

// world is an emulated Azure with what a guide takes for granted.
type world struct {
	t   *testing.T
	srv *azuremltest.Server
}

func newWorld(t *testing.T) *world {
	srv := azuremltest.NewServer(&azuremltest.Options{OperationPolls: 1})
	t.Cleanup(srv.Close)
	return &world{t, srv}
}

// workspace opens the emulator's workspace as a service principal.
func (w *world) workspace() *workspace.Workspace {
	w.t.Helper()
	ws, err := workspace.Get(w.t.Context(), azuremltest.WorkspaceName, w.srv.Credential(), &workspace.GetOptions{
		ClientOptions: w.srv.ClientOptions(), SubscriptionID: azuremltest.SubscriptionID, ResourceGroup: azuremltest.ResourceGroup,
	})
	require.NoError(w.t, err)
	return ws
}

// cluster is a compute "myaks" that is ready.
func (w *world) cluster(ws *workspace.Workspace) *compute.AksCompute {
	w.t.Helper()
	p, err := compute.BeginCreate(w.t.Context(), ws, "myaks", compute.AksProvisioningConfiguration{}, nil)
	require.NoError(w.t, err)
	aks, err := azureml.Wait(w.t.Context(), p, nil)
	require.NoError(w.t, err)
	return aks
}

// model is a registered model "mymodel".
func (w *world) model(ws *workspace.Workspace) *model.Model {
	w.t.Helper()
	m, err := model.Register(w.t.Context(), ws, "mymodel", w.file("model.json", `{"factor":2}`), nil)
	require.NoError(w.t, err)
	return m
}

// inference is a configuration with an entry script and an environment.
func (w *world) inference() *model.InferenceConfig {
	script := w.file("score.py", "def init():\n    pass\n\ndef run(data):\n    return data\n")
	return &model.InferenceConfig{EntryScript: script, Environment: model.NewEnvironment("myenv")} // README: A15
}

// deploy deploys "myservice" to a new cluster and waits for it.
func (w *world) deploy(ws *workspace.Workspace, c webservice.AksDeployConfiguration) *webservice.AksWebservice {
	w.t.Helper()
	if c.ComputeTarget == "" {
		c.ComputeTarget = w.cluster(ws).Name
	}
	p, err := model.BeginDeploy(w.t.Context(), ws, "myservice", []*model.Model{w.model(ws)}, w.inference(), c, nil) // README: B09
	require.NoError(w.t, err)
	svc, err := azureml.Wait(w.t.Context(), p, nil) // README: B09
	require.NoError(w.t, err)
	return svc
}

// file writes a file into a folder of the test.
func (w *world) file(name, content string) string {
	w.t.Helper()
	path := filepath.Join(w.t.TempDir(), name)
	require.NoError(w.t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

package chaos

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/authentication"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/compute"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

const (
	clusterName  = "chaos-aks"
	attachedName = "chaos-attached"
	keyService   = "chaos-key"
	tokenService = "chaos-token"
)

// Prepare writes the files that the jobs need into dir.
func Prepare(dir string) error {
	files := map[string]string{
		"model.pkl":            "a model in one file",
		"folder/weights.bin":   strings.Repeat("weights ", 1000),
		"folder/sub/notes.txt": "a file of a folder of a folder",
		"code/score.py":        "def init():\n    pass\n\n\ndef run(data):\n    return data\n",
		"conda.yml":            "name: chaos\ndependencies:\n  - python=3.8\n  - pip:\n      - azureml-defaults\n",
	}
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// mainJob is the main job, from the sign-in to the clean-up.
type mainJob struct {
	*run
	cluster, attached *compute.AksCompute
	file, folder      *model.Model
	keyed, tokened    *webservice.AksWebservice
}

func (r *run) mainJob() {
	j := &mainJob{run: r}
	steps := []func() bool{
		j.open, j.create, j.attach, j.registerFile, j.registerFolder,
		j.deployKeyed, j.deployTokened, j.scoreKeyed, j.scoreTokened,
		j.keys, j.regenerate, j.rotateKeys, j.logs, j.update, j.tags, j.list,
		j.removeServices, j.removeModels, j.detach, j.removeCluster,
	}
	for _, step := range steps {
		if !step() {
			return
		}
	}
	r.step = "after everything"
	r.expect(len(r.srv.Services(azuremltest.Workspace{})) == 0, "services are left: %v", r.state())
	r.expect(len(r.srv.Computes(azuremltest.Workspace{})) == 0, "computes are left: %v", r.state())
	r.tally.Runs++
}

// open signs in and opens the workspace.
func (r *run) open() bool {
	return r.do("open the workspace", func(ctx context.Context) error {
		credential, err := authentication.NewServicePrincipal(azuremltest.TenantID, azuremltest.ClientID, azureml.NewSecret(azuremltest.ClientSecret),
			&authentication.ServicePrincipalOptions{ClientOptions: r.options})
		if err != nil {
			return err
		}
		o := &workspace.GetOptions{ClientOptions: r.options, OnWarning: r.warn}
		if r.random.IntN(2) == 0 {
			o.SubscriptionID, o.ResourceGroup = azuremltest.SubscriptionID, azuremltest.ResourceGroup
		}
		ws, err := workspace.Get(ctx, azuremltest.WorkspaceName, credential, o)
		if err == nil {
			r.ws = ws
		}
		return err
	}, nil)
}

// registered registers a file or a folder and compares what arrived.
func (r *run) registered(step, name, path string, want map[string]string) (*model.Model, bool) {
	var m *model.Model
	ok := r.do(step, func(ctx context.Context) (err error) {
		r.register[name]++
		r.uploads++
		m, err = model.Register(ctx, r.ws, name, filepath.Join(r.dir, path), &model.RegisterOptions{Tags: map[string]string{"chaos": "yes"}, OnWarning: r.warn})
		return err
	}, func() {
		r.created(aModel + m.ID)
		got := r.model(m.ID)
		r.expect(len(got.Files) == len(want), "model %s has %d files in place of %d", m.ID, len(got.Files), len(want))
		for file, local := range want {
			content, err := os.ReadFile(filepath.Join(r.dir, filepath.FromSlash(local)))
			r.expect(err == nil && bytes.Equal(content, got.Files[file]), "file %s of model %s differs", file, m.ID)
		}
	})
	return m, ok
}

func (j *mainJob) registerFile() (ok bool) {
	j.file, ok = j.registered("register a file", "chaos-file", "model.pkl", map[string]string{"model.pkl": "model.pkl"})
	return ok
}

func (j *mainJob) registerFolder() (ok bool) {
	j.folder, ok = j.registered("register a folder", "chaos-folder", "folder", map[string]string{
		"folder/weights.bin": "folder/weights.bin", "folder/sub/notes.txt": "folder/sub/notes.txt",
	})
	return ok
}

// inference says what runs.
func (r *run) inference() (*model.InferenceConfig, error) {
	environment, err := model.NewEnvironmentFromCondaFile("chaos-env", filepath.Join(r.dir, "conda.yml"))
	if err != nil {
		return nil, err
	}
	return &model.InferenceConfig{SourceDirectory: filepath.Join(r.dir, "code"), EntryScript: "score.py", Environment: environment}, nil
}

func (j *mainJob) removeModels() bool {
	for _, m := range []*model.Model{j.file, j.folder} {
		ok := j.do("delete a model", func(ctx context.Context) error {
			_, err := m.Delete(ctx)
			return err
		}, func() { j.deleted(aModel + m.ID) })
		if !ok {
			return false
		}
	}
	return true
}

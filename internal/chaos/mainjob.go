package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"

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

// existing deals with a compute whose name is taken: it is waited for, or taken away if
// it failed.
func (r *run) existing(ctx context.Context, name string, failure error) (*compute.AksCompute, error) {
	found, err := compute.GetAks(ctx, r.ws, name)
	if err != nil {
		return nil, err
	}
	switch found.ProvisioningState {
	case "Succeeded":
		return found, nil
	case "Failed", "Canceled":
		return nil, errors.Join(failure, r.detached(ctx, found))
	case "Deleting":
		return nil, errors.Join(failure, r.gone(ctx, name, failure))
	}
	waiting, cancel := context.WithTimeout(ctx, limit/3)
	defer cancel()
	p, err := found.BeginWait(ctx, nil)
	made, err := wait(waiting, r, p, err)
	if errors.Is(err, context.DeadlineExceeded) {
		// It never ends.
		return nil, errors.Join(failure, r.detached(ctx, found))
	}
	return made, err
}

// detached takes a compute away that failed.
func (r *run) detached(ctx context.Context, c *compute.AksCompute) error {
	p, err := c.BeginDetach(ctx, nil)
	_, err = wait(ctx, r, p, err)
	if errors.Is(err, azureml.ErrNotFound) {
		return nil
	}
	return err
}

// idle waits for the end of whatever changes a service, after a call was refused for it.
func (r *run) idle(ctx context.Context, name string, refused error) error {
	if !errors.Is(refused, azureml.ErrConflict) {
		return refused
	}
	svc, err := webservice.Get(ctx, r.ws, name)
	if err != nil {
		return errors.Join(refused, err)
	}
	p, err := webservice.BeginWait(ctx, svc, nil)
	_, err = wait(ctx, r, p, err)
	return errors.Join(refused, err)
}

// gone waits for the end of the removal of a compute, after a call was refused for it.
func (r *run) gone(ctx context.Context, name string, refused error) error {
	for looks := 0; errors.Is(refused, azureml.ErrConflict) && looks < 10; looks++ {
		if _, err := compute.Get(ctx, r.ws, name); errors.Is(err, azureml.ErrNotFound) {
			return nil
		}
		time.Sleep(10 * time.Second)
	}
	return refused
}

func (j *mainJob) create() bool {
	return j.do("create the cluster", func(ctx context.Context) error {
		p, err := compute.BeginCreate(ctx, j.ws, clusterName, compute.AksProvisioningConfiguration{AgentCount: 3, VMSize: "Standard_D3_v2"},
			&compute.CreateOptions{OnWarning: j.warn})
		c, err := wait(ctx, j.run, p, err)
		if errors.Is(err, azureml.ErrConflict) {
			c, err = j.existing(ctx, clusterName, err)
		}
		j.cluster = c
		return err
	}, func() {
		j.created(aCompute + clusterName)
		c := j.compute(clusterName)
		j.expect(c.State == "Succeeded" && !c.Attached, "the cluster is %+v", c)
	})
}

func (j *mainJob) attach() bool {
	return j.do("attach a cluster", func(ctx context.Context) error {
		p, err := compute.BeginAttach(ctx, j.ws, attachedName,
			compute.AksAttachConfiguration{ResourceGroup: azuremltest.ClusterResourceGroup, ClusterName: azuremltest.ClusterName},
			&compute.AttachOptions{OnWarning: j.warn})
		c, err := wait(ctx, j.run, p, err)
		if errors.Is(err, azureml.ErrConflict) {
			c, err = j.existing(ctx, attachedName, err)
		}
		j.attached = c
		return err
	}, func() {
		j.created(aCompute + attachedName)
		c := j.compute(attachedName)
		j.expect(c.State == "Succeeded" && c.Attached, "the attached cluster is %+v", c)
	})
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

// settled tells of an operation that ended badly, or not: what it made is in the way.
func settled(err error) bool {
	for _, kind := range []error{azureml.ErrConflict, azureml.ErrOperationFailed, azureml.ErrOperationTimedOut, azureml.ErrOperationCanceled, context.DeadlineExceeded} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// deploy deploys models until that succeeds: over what is in the way, where that is.
func deploy[S any](r *run, step, name string, models []*model.Model, config model.DeployConfiguration[S]) (svc S, ok bool) {
	overwrite := false
	ok = r.do(step, func(ctx context.Context) error {
		inference, err := r.inference()
		if err != nil {
			return err
		}
		r.uploads += 2 // the script, and what starts it
		o := &model.DeployOptions{Overwrite: overwrite, OnWarning: r.warn}
		p, err := model.BeginDeploy(ctx, r.ws, name, models, inference, config, o)
		if err == nil && !p.Done() && r.random.IntN(3) == 0 {
			// Another process goes on.
			if o.ResumeToken, err = p.ResumeToken(); err == nil {
				p, err = model.BeginDeploy(ctx, r.ws, name, models, inference, config, o)
			}
		}
		svc, err = wait(ctx, r, p, err)
		overwrite = overwrite || settled(err)
		return err
	}, func() {
		r.created(aService + name)
		now := r.service(name)
		r.expect(now.State == "Healthy", "service %s was deployed and is %s", name, now.State)
		r.expect(len(now.ModelIDs) == len(models), "service %s runs models %v", name, now.ModelIDs)
	})
	return svc, ok
}

func (j *mainJob) deployKeyed() (ok bool) {
	j.keyed, ok = deploy(j.run, "deploy with keys", keyService, []*model.Model{j.file, j.folder},
		webservice.AksDeployConfiguration{ComputeTarget: clusterName, CPUCores: 1, MemoryGB: 1, Tags: map[string]string{"a": "1"}})
	return ok
}

func (j *mainJob) deployTokened() (ok bool) {
	j.tokened, ok = deploy(j.run, "deploy with tokens", tokenService, []*model.Model{j.file},
		webservice.AksDeployConfiguration{ComputeTarget: clusterName, CPUCores: 1, MemoryGB: 1, TokenAuthEnabled: to.Ptr(true)})
	return ok
}

var question = []byte(`{"data":[[0.1,0.2]]}`)

// scored scores a few times, by a scorer of its own and by the short way.
func (r *run) scored(step string, svc *webservice.Service) bool {
	for i := range 3 {
		var answer []byte
		ok := r.do(step, func(ctx context.Context) (err error) {
			if i == 0 {
				answer, err = svc.Run(ctx, question)
				return err
			}
			scorer, err := svc.Scorer(ctx, &webservice.ScorerOptions{Idempotent: i == 2})
			if err != nil {
				return err
			}
			defer scorer.Close()
			answer, err = scorer.Run(ctx, question)
			return err
		}, func() { r.expect(bytes.Equal(answer, question), "the answer is %q", answer) })
		if !ok {
			return false
		}
	}
	return true
}

func (j *mainJob) scoreKeyed() bool   { return j.scored("score with keys", &j.keyed.Service) }
func (j *mainJob) scoreTokened() bool { return j.scored("score with tokens", &j.tokened.Service) }

// sameKeys compares keys that were returned with those of the service.
func (r *run) sameKeys(keys *webservice.Keys, name string) {
	now := r.service(name)
	r.expect(keys.Primary.Reveal() == now.PrimaryKey && keys.Secondary.Reveal() == now.SecondaryKey, "the keys are not those of the service")
}

func (j *mainJob) keys() bool {
	var keys *webservice.Keys
	return j.do("read the keys", func(ctx context.Context) (err error) {
		keys, err = j.keyed.Keys(ctx)
		return err
	}, func() { j.sameKeys(keys, keyService) })
}

func (j *mainJob) regenerate() bool {
	var keys *webservice.Keys
	var before azuremltest.Service
	return j.do("regenerate a key", func(ctx context.Context) (err error) {
		before = j.service(keyService)
		keys, err = j.keyed.RegenerateKey(ctx, webservice.KeyTypePrimary, nil)
		return j.idle(ctx, keyService, err)
	}, func() {
		j.sameKeys(keys, keyService)
		j.expect(keys.Primary.Reveal() != before.PrimaryKey, "the key is the same")
		j.expect(keys.Secondary.Reveal() == before.SecondaryKey, "the other key has changed")
	})
}

func (j *mainJob) rotateKeys() bool {
	var keys *webservice.Keys
	var o webservice.RotateKeysOptions
	o.SaveState = func(_ context.Context, state json.RawMessage) error {
		o.State = slices.Clone(state)
		j.secrets.shown(string(state))
		return nil
	}
	before := j.service(keyService)
	return j.doing("rotate the keys", 2, func(ctx context.Context) (err error) {
		keys, err = j.keyed.RotateKeys(ctx, &o)
		if errors.Is(err, azureml.ErrConflict) {
			o.State = nil // somebody else has changed the keys: a new rotation
		}
		return j.idle(ctx, keyService, err)
	}, func() {
		j.sameKeys(keys, keyService)
		j.expect(keys.Primary.Reveal() != before.PrimaryKey && keys.Secondary.Reveal() != before.SecondaryKey, "an old key is left")
	})
}

func (j *mainJob) logs() bool {
	var text string
	return j.do("read the logs", func(ctx context.Context) (err error) {
		text, err = j.keyed.Logs(ctx, nil)
		return err
	}, func() { j.expect(strings.TrimSpace(text) != "", "the log is empty") })
}

func (j *mainJob) update() bool {
	return j.do("update the service", func(ctx context.Context) error {
		p, err := j.keyed.BeginUpdate(ctx, webservice.AksUpdate{CPUCores: to.Ptr(0.5), CPUCoresLimit: to.Ptr(2.0), Tags: map[string]string{"b": "2"}},
			&webservice.UpdateOptions{OnWarning: j.warn})
		svc, err := wait(ctx, j.run, p, err)
		if err == nil {
			j.keyed = svc
		}
		return j.idle(ctx, keyService, err)
	}, func() {
		now := j.service(keyService)
		j.expect(now.State == "Healthy" && now.Tags["b"] == "2" && len(now.Tags) == 1, "the service is %s and has the tags %v", now.State, now.Tags)
	})
}

func (j *mainJob) tags() bool {
	added := j.do("add tags", func(ctx context.Context) error {
		_, err := j.keyed.AddTags(ctx, map[string]string{"c": "3"})
		return err
	}, func() {
		now := j.service(keyService)
		j.expect(now.Tags["c"] == "3" && now.Tags["b"] == "2", "the service has the tags %v", now.Tags)
	})
	return added && j.do("tag the model", func(ctx context.Context) error {
		_, err := j.file.AddTags(ctx, map[string]string{"m": "1"})
		return err
	}, func() {
		now := j.model(j.file.ID)
		j.expect(now.Tags["m"] == "1" && now.Tags["chaos"] == "yes", "the model has the tags %v", now.Tags)
	})
}

func (j *mainJob) list() bool {
	var names []string
	listed := j.do("list services", func(ctx context.Context) error {
		list, err := azureml.Collect(webservice.List(ctx, j.ws, nil))
		names = nil
		for _, svc := range list {
			names = append(names, svc.Common().Name)
		}
		return err
	}, func() {
		slices.Sort(names)
		j.expect(slices.Equal(names, []string{keyService, tokenService}), "listed are %v", names)
	})
	return listed && j.do("list models", func(ctx context.Context) error {
		list, err := azureml.Collect(model.List(ctx, j.ws, nil))
		names = nil
		for _, m := range list {
			names = append(names, m.ID)
		}
		return err
	}, func() {
		var want []string
		for _, m := range j.srv.Models(azuremltest.Workspace{}) {
			want = append(want, m.ID)
		}
		slices.Sort(want)
		slices.Sort(names)
		j.expect(slices.Equal(names, want), "listed are %v of %v", names, want)
	})
}

// removed deletes a service.
func (r *run) removed(svc *webservice.Service) bool {
	return r.do("delete a service", func(ctx context.Context) error {
		p, err := svc.BeginDelete(ctx, &webservice.DeleteOptions{OnWarning: r.warn})
		_, err = wait(ctx, r, p, err)
		return r.idle(ctx, svc.Name, err)
	}, func() { r.deleted(aService + svc.Name) })
}

func (j *mainJob) removeServices() bool {
	return j.removed(&j.keyed.Service) && j.removed(&j.tokened.Service)
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

func (j *mainJob) detach() bool {
	return j.do("detach the cluster", func(ctx context.Context) error {
		p, err := j.attached.BeginDetach(ctx, &compute.DetachOptions{OnWarning: j.warn})
		_, err = wait(ctx, j.run, p, err)
		return j.gone(ctx, attachedName, j.unlessGone(err))
	}, func() { j.deleted(aCompute + attachedName) })
}

func (j *mainJob) removeCluster() bool {
	return j.do("delete the cluster", func(ctx context.Context) error {
		p, err := j.cluster.BeginDelete(ctx, nil)
		_, err = wait(ctx, j.run, p, err)
		return j.gone(ctx, clusterName, j.unlessGone(err))
	}, func() { j.deleted(aCompute + clusterName) })
}

// unlessGone takes it for a success that what an earlier try may have deleted is gone.
func (r *run) unlessGone(err error) error {
	if errors.Is(err, azureml.ErrNotFound) {
		r.judge(err)
		return nil
	}
	return err
}

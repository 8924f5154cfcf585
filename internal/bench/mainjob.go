package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/compute"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/webservice"
	"github.com/azureml-go/azureml/workspace"
)

// goldens is where the recordings of azureml.core are, from the top of the repository.
const goldens = "internal/parity/testdata/golden"

// openingRequests is what azureml.core sends to open a workspace: for the subscriptions,
// the workspace and the addresses of its services. Each recording begins with it; a job
// does it once.
const openingRequests = 3

// part is a piece of the main job and the steps of recordings that do the same.
type part struct {
	name   string
	theirs map[string][]int
	do     func(context.Context, *mainJob) error
}

// mainJob is examples/quickstart without its words: what is made is used later on, and
// nothing is read again that is in hand.
type mainJob struct {
	dir      string
	ws       *workspace.Workspace
	cluster  *compute.AksCompute
	attached *compute.AksCompute
	model    *model.Model
	service  *webservice.AksWebservice
}

func mainJobParts() []part {
	return []part{
		{"provision a cluster", map[string][]int{"compute_create_default": {1, 2}}, func(ctx context.Context, j *mainJob) (err error) {
			p, err := compute.BeginCreate(ctx, j.ws, "aks", compute.AksProvisioningConfiguration{}, nil)
			j.cluster, err = ended(ctx, p, err)
			return err
		}},
		{"attach a cluster", map[string][]int{"compute_attach_by_name": {1, 2}}, func(ctx context.Context, j *mainJob) (err error) {
			p, err := compute.BeginAttach(ctx, j.ws, "attached", compute.AksAttachConfiguration{
				ResourceGroup: azuremltest.ClusterResourceGroup, ClusterName: azuremltest.ClusterName,
			}, nil)
			j.attached, err = ended(ctx, p, err)
			return err
		}},
		{"register the model", map[string][]int{"model_register_file": {1}}, func(ctx context.Context, j *mainJob) (err error) {
			j.model, err = model.Register(ctx, j.ws, "mymodel", j.script(), nil)
			return err
		}},
		{"deploy with keys", map[string][]int{"webservice_aks_deploy_default": {3, 4}}, func(ctx context.Context, j *mainJob) (err error) {
			j.service, err = j.deploy(ctx, "with-keys", nil)
			return err
		}},
		{"list the keys", map[string][]int{"webservice_get_keys": {2}}, func(ctx context.Context, j *mainJob) error {
			_, err := j.service.Keys(ctx)
			return err
		}},
		{"score", map[string][]int{"webservice_run_key": {2}}, func(ctx context.Context, j *mainJob) error {
			_, err := j.service.Run(ctx, []byte(`{}`))
			return err
		}},
		{"regenerate a key, score again", map[string][]int{"webservice_regen_key_primary": {2}, "webservice_run_key": {3}}, func(ctx context.Context, j *mainJob) error {
			if _, err := j.service.RegenerateKey(ctx, webservice.KeyTypePrimary, nil); err != nil {
				return err
			}
			_, err := j.service.Run(ctx, []byte(`{}`))
			return err
		}},
		{"deploy with tokens, score", map[string][]int{"webservice_aks_deploy_token_auth": {2, 3, 4}}, func(ctx context.Context, j *mainJob) error {
			service, err := j.deploy(ctx, "with-tokens", to.Ptr(true))
			if err != nil {
				return err
			}
			_, err = service.Run(ctx, []byte(`{}`))
			return err
		}},
		{"read the log", map[string][]int{"webservice_get_logs": {2}}, func(ctx context.Context, j *mainJob) error {
			_, err := j.service.Logs(ctx, nil)
			return err
		}},
		{"read and delete both services", map[string][]int{"webservice_delete": {1, 2, 3}}, func(ctx context.Context, j *mainJob) error {
			for _, name := range []string{"with-keys", "with-tokens"} {
				service, err := webservice.GetAks(ctx, j.ws, name)
				if err != nil {
					return err
				}
				p, err := service.BeginDelete(ctx, nil)
				if _, err := ended(ctx, p, err); err != nil {
					return err
				}
			}
			return nil
		}},
		{"detach the cluster", map[string][]int{"compute_detach": {2, 3}}, func(ctx context.Context, j *mainJob) error {
			p, err := j.attached.BeginDetach(ctx, nil)
			_, err = ended(ctx, p, err)
			return err
		}},
		{"read and delete the cluster", map[string][]int{"compute_delete": {1, 2, 3}}, func(ctx context.Context, j *mainJob) error {
			cluster, err := compute.GetAks(ctx, j.ws, "aks")
			if err != nil {
				return err
			}
			p, err := cluster.BeginDelete(ctx, nil)
			_, err = ended(ctx, p, err)
			return err
		}},
	}
}

func (j *mainJob) script() string { return filepath.Join(j.dir, "score.py") }

func (j *mainJob) deploy(ctx context.Context, name string, tokens *bool) (*webservice.AksWebservice, error) {
	p, err := model.BeginDeploy(ctx, j.ws, name, []*model.Model{j.model},
		&model.InferenceConfig{EntryScript: j.script(), Environment: model.NewEnvironment("env")},
		webservice.AksDeployConfiguration{ComputeTarget: "aks", TokenAuthEnabled: tokens}, nil)
	return ended(ctx, p, err)
}

// ended waits for what has begun, unless that failed.
func ended[T any](ctx context.Context, p *runtime.Poller[T], err error) (T, error) {
	if err != nil {
		return *new(T), err
	}
	return azureml.Wait(ctx, p, &azureml.WaitOptions{MinInterval: time.Millisecond})
}

// counts are requests: ours, those of azureml.core as they were recorded, and these
// without repeated polls of an operation.
type counts struct{ ours, theirs, once int }

func (c *counts) add(other counts) {
	c.ours, c.theirs, c.once = c.ours+other.ours, c.theirs+other.theirs, c.once+other.once
}

func (c counts) String() string {
	return fmt.Sprintf("%d instead of %d (%d if no operation were polled twice)", c.ours, c.theirs, c.once)
}

// countMainJob does the main job on an emulator whose operations end at once, and counts
// our requests beside those of azureml.core in the same steps: all together, and of each
// part in words.
func countMainJob(ctx context.Context) (all counts, parts []string, err error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return all, nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	srv := azuremltest.NewServer(&azuremltest.Options{OperationPolls: -1})
	defer srv.Close()
	job := &mainJob{dir: dir}
	if err := os.WriteFile(job.script(), []byte("def init(): pass\ndef run(data): return data\n"), 0o600); err != nil {
		return all, nil, err
	}
	job.ws, err = workspace.Get(ctx, azuremltest.WorkspaceName, srv.Credential(), &workspace.GetOptions{
		ClientOptions: srv.ClientOptions(), SubscriptionID: azuremltest.SubscriptionID, ResourceGroup: azuremltest.ResourceGroup,
	})
	if err != nil {
		return all, nil, err
	}
	all = counts{len(srv.Requests()), openingRequests, openingRequests}
	for _, p := range mainJobParts() {
		before := len(srv.Requests())
		if err := p.do(ctx, job); err != nil {
			return all, nil, fmt.Errorf("%s: %w", p.name, err)
		}
		here := counts{ours: len(srv.Requests()) - before}
		for name, steps := range p.theirs {
			n, err := requestsOf(name, steps)
			if err != nil {
				return all, nil, err
			}
			here.add(n)
		}
		all.add(here)
		parts = append(parts, fmt.Sprintf("%s: %s", p.name, here))
	}
	return all, parts, nil
}

// golden is what counts of a recording.
type golden struct {
	Interactions []interaction `json:"interactions"`
}

type interaction struct {
	Step    int     `json:"step"`
	Request request `json:"request"`
}

type request struct {
	Method string `json:"method"`
	URL    string `json:"url"`
}

// requestsOf counts what azureml.core sent in some steps of a recording.
func requestsOf(name string, steps []int) (counts, error) {
	text, err := os.ReadFile(filepath.Join(goldens, name+".json"))
	if err != nil {
		return counts{}, err
	}
	var g golden
	if err := json.Unmarshal(text, &g); err != nil {
		return counts{}, fmt.Errorf("%s: %w", name, err)
	}
	return g.requests(steps), nil
}

// requests counts those of some steps, without the opening of the workspace.
func (g golden) requests(steps []int) (c counts) {
	last := ""
	for _, i := range g.Interactions {
		path, _, _ := strings.Cut(i.Request.URL, "?")
		again := i.Request.Method == "GET" && path == last && isOperation(path)
		last = path
		if !slices.Contains(steps, i.Step) || strings.Contains(path, "/discovery/") {
			continue
		}
		c.theirs++
		if !again {
			c.once++
		}
	}
	return c
}

func isOperation(path string) bool {
	path = strings.ToLower(path)
	return strings.Contains(path, "/operations/") || strings.Contains(path, "operationsstatus") || strings.Contains(path, "operationstatus")
}

package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/webservice"
)

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

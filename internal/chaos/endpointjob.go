package chaos

import (
	"context"
	"errors"
	"math"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/model"
	"github.com/azureml-go/azureml/webservice"
)

const (
	endpointName = "chaos-endpoint"
	versionA     = "version-a"
	versionB     = "version-b"
	versionC     = "version-c"
)

// endpointJob is the life of an endpoint and its versions.
type endpointJob struct {
	*run
	m *model.Model
	e *webservice.AksEndpoint
}

func (r *run) endpointJob() {
	r.srv.AddCompute(azuremltest.Workspace{}, azuremltest.Compute{Name: clusterName})
	j := &endpointJob{run: r}
	steps := []func() bool{
		r.open, j.register, j.deploy,
		func() bool { return j.createVersion(versionB, 20) },
		func() bool { return j.setTraffic(70, 30) },
		func() bool { return j.scored("score the endpoint", &j.e.Service) },
		j.makeDefault,
		j.updateVersion,
		func() bool { return j.createVersion(versionC, 0) },
		func() bool { return j.setTraffic(10, 90) },
		func() bool { return j.deleteVersion(versionA) },
		func() bool { return j.deleteVersion(versionC) },
		j.tags,
		func() bool { return j.removedEndpoint() },
	}
	for _, step := range steps {
		if !step() {
			return
		}
	}
	r.step = "after everything"
	r.expect(len(r.srv.Services(azuremltest.Workspace{})) == 0, "services are left: %v", r.state())
	r.tally.Runs++
}

func (j *endpointJob) register() (ok bool) {
	j.m, ok = j.registered("register a file", "chaos-file", "model.pkl", map[string]string{"model.pkl": "model.pkl"})
	return ok
}

func (j *endpointJob) deploy() (ok bool) {
	j.e, ok = deploy(j.run, "deploy the endpoint", endpointName, []*model.Model{j.m},
		webservice.AksEndpointDeployConfiguration{ComputeTarget: clusterName, VersionName: versionA, CPUCores: 0.1, MemoryGB: 0.5})
	if ok {
		j.created(aVersion + endpointName + "/" + versionA)
	}
	return ok
}

// version is a version as it is, by the emulator's word.
func (r *run) version(name string) azuremltest.ServiceVersion {
	for _, v := range r.service(endpointName).Versions {
		if v.Name == name {
			return v
		}
	}
	return azuremltest.ServiceVersion{}
}

// change makes a change of the endpoint and takes what it gives.
func (j *endpointJob) change(step string, call func(ctx context.Context) (*webservice.AksEndpoint, error), check func()) bool {
	return j.do(step, func(ctx context.Context) error {
		e, err := call(ctx)
		if err == nil {
			j.e = e
		}
		return j.idle(ctx, endpointName, err)
	}, check)
}

// createVersion adds a version. One that failed is there all the same, and is deleted
// before it is made again.
func (j *endpointJob) createVersion(name string, percent float64) bool {
	return j.change("create a version", func(ctx context.Context) (*webservice.AksEndpoint, error) {
		inference, err := j.inference()
		if err != nil {
			return nil, err
		}
		j.uploads += 2
		config := webservice.VersionConfiguration{CPUCores: 0.1, MemoryGB: 0.5}
		if percent > 0 {
			config.TrafficPercentile = to.Ptr(percent)
		}
		p, err := j.e.BeginCreateVersion(ctx, name, []*model.Model{j.m}, inference, config, &webservice.CreateVersionOptions{OnWarning: j.warn})
		e, err := wait(ctx, j.run, p, err)
		if errors.Is(err, azureml.ErrConflict) {
			gone, deleteErr := j.e.BeginDeleteVersion(ctx, name, nil)
			if _, deleteErr = wait(ctx, j.run, gone, deleteErr); deleteErr != nil {
				return nil, deleteErr
			}
		}
		return e, err
	}, func() {
		j.created(aVersion + endpointName + "/" + name)
		v := j.version(name)
		j.expect(v.State == "Healthy" && v.Traffic == percent, "version %s is %s with %v %%", name, v.State, v.Traffic)
		j.expect(j.e.Versions[name] != nil, "the endpoint that was returned lacks the version")
	})
}

func (j *endpointJob) setTraffic(a, b float64) bool {
	shares := map[string]float64{versionA: a, versionB: b}
	// One change for each version whose percentage is another.
	return j.change("set the traffic", func(ctx context.Context) (*webservice.AksEndpoint, error) {
		return j.e.SetTraffic(ctx, shares, &webservice.SetTrafficOptions{OnWarning: j.warn})
	}, func() {
		for name, share := range shares {
			j.expect(math.Abs(j.version(name).Share-share) < 0.001, "version %s has %v %% of the traffic in place of %v", name, j.version(name).Share, share)
		}
	})
}

// updated changes a version.
func (j *endpointJob) updated(step, name string, u webservice.VersionUpdate, check func()) bool {
	return j.change(step, func(ctx context.Context) (*webservice.AksEndpoint, error) {
		p, err := j.e.BeginUpdateVersion(ctx, name, u, &webservice.UpdateOptions{OnWarning: j.warn})
		return wait(ctx, j.run, p, err)
	}, check)
}

func (j *endpointJob) makeDefault() bool {
	return j.updated("make a version the default", versionB, webservice.VersionUpdate{IsDefault: to.Ptr(true), IsControlVersionType: to.Ptr(true)}, func() {
		a, b := j.version(versionA), j.version(versionB)
		j.expect(b.Default && b.Control && !a.Default && !a.Control, "the versions are %+v and %+v", a, b)
	})
}

func (j *endpointJob) updateVersion() bool {
	return j.updated("update a version", versionA, webservice.VersionUpdate{CPUCores: to.Ptr(0.2), CPUCoresLimit: to.Ptr(0.5)}, func() {
		j.expect(j.version(versionA).State == "Healthy", "the version is %s", j.version(versionA).State)
		got := j.e.Versions[versionA].ContainerResourceRequirements
		j.expect(got != nil && got.CPU != nil && *got.CPU == 0.2, "the version that was returned has %v", got)
	})
}

func (j *endpointJob) deleteVersion(name string) bool {
	return j.change("delete a version", func(ctx context.Context) (*webservice.AksEndpoint, error) {
		p, err := j.e.BeginDeleteVersion(ctx, name, &webservice.UpdateOptions{OnWarning: j.warn})
		e, err := wait(ctx, j.run, p, err)
		if errors.Is(err, azureml.ErrNotFound) {
			// An earlier try deleted it.
			j.judge(err)
			return webservice.GetEndpoint(ctx, j.ws, endpointName)
		}
		return e, err
	}, func() { j.deleted(aVersion + endpointName + "/" + name) })
}

func (j *endpointJob) tags() bool {
	return j.change("tag the endpoint", func(ctx context.Context) (*webservice.AksEndpoint, error) {
		return j.e.AddTags(ctx, map[string]string{"c": "3"})
	}, func() {
		j.expect(j.service(endpointName).Tags["c"] == "3", "the endpoint has the tags %v", j.service(endpointName).Tags)
	})
}

func (j *endpointJob) removedEndpoint() bool {
	for what := range j.there {
		if what == aVersion+endpointName+"/"+versionB {
			delete(j.there, what)
		}
	}
	return j.removed(&j.e.Service)
}

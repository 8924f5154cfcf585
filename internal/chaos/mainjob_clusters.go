package chaos

import (
	"context"
	"errors"
	"time"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/azuremltest"
	"github.com/azureml-go/azureml/compute"
	"github.com/azureml-go/azureml/webservice"
)

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

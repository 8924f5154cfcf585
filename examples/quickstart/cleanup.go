package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/compute"
	"github.com/azureml-go/azureml/webservice"
)

// cleanUp reads the log and takes everything down.
func (j *job) cleanUp(ctx context.Context) error {
	if j.settings.beforeCleanUp != nil {
		j.settings.beforeCleanUp(j)
	}
	j.step(8, "Read the log, then delete the services and the cluster, and detach the other one")
	log, err := j.service.Logs(ctx, nil)
	if err != nil {
		return err
	}
	lines := strings.Split(strings.TrimSpace(log), "\n")
	j.say("the last of %d lines of the log: %s", len(lines), lines[len(lines)-1])
	for _, name := range []string{keyService, tokenService} {
		if err := j.deleteService(ctx, name); err != nil {
			return err
		}
	}
	if err := j.detach(ctx); err != nil {
		return err
	}
	return j.deleteCluster(ctx)
}

func (j *job) deleteService(ctx context.Context, name string) error {
	service, err := webservice.GetAks(ctx, j.ws, name)
	if err != nil {
		return err
	}
	poller, err := service.BeginDelete(ctx, nil)
	if err != nil {
		return err
	}
	if _, err := azureml.Wait(ctx, poller, j.wait()); err != nil {
		return err
	}
	j.left.remove("web service " + name)
	j.say("web service %s is deleted", name)
	return nil
}

func (j *job) detach(ctx context.Context) error {
	if j.attached == nil {
		return nil
	}
	poller, err := j.attached.BeginDetach(ctx, nil)
	if err != nil {
		return err
	}
	detached, err := azureml.Wait(ctx, poller, j.wait())
	if err != nil {
		return err
	}
	j.left.remove("compute " + attachedName)
	j.say("compute %s is detached; its cluster stays", detached.Name)
	return nil
}

func (j *job) deleteCluster(ctx context.Context) error {
	aks, err := compute.GetAks(ctx, j.ws, clusterName)
	if err != nil {
		return err
	}
	poller, err := aks.BeginDelete(ctx, nil)
	if err != nil {
		return err
	}
	if _, err := azureml.Wait(ctx, poller, j.wait()); err != nil {
		return err
	}
	j.left.remove(cluster(clusterName))
	j.say("compute %s is deleted", clusterName)
	fmt.Fprintf(j.out, "   model %s stays: models cost next to nothing\n", j.model.ID)
	return nil
}

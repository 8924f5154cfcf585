package azuremltest

import (
	"fmt"
	"slices"
)

// insufficientResource is the code of the error for a cluster that is full.
const insufficientResource = "InsufficientResource"

// deploy starts the operation that puts svc.spec into effect. Only the named
// versions of an endpoint get new containers.
func (svc *service) deploy(phases []phase, versions []string) *serviceOperation {
	failure := svc.ws.srv.takeFailure("service", svc.spec.Name)
	if failure == nil {
		failure = svc.doomed(phases)
	}
	svc.op.cancel()
	svc.recovering = 0
	svc.enter(stateTransitioning, nil)
	for _, name := range versions {
		v := svc.versions[name]
		v.state, v.problem = stateTransitioning, nil
		svc.ws.data.touch(&v.stamp)
	}
	o := svc.begin(phases, failure, func(o *serviceOperation) { svc.deployed(o, versions) })
	svc.startContainers(o, versions)
	return o
}

// startContainers starts what will answer when the operation has succeeded.
func (svc *service) startContainers(o *serviceOperation, versions []string) {
	svc.starting = map[string]*container{}
	if o.failure != nil && o.failure.State != stateTimedOut {
		return
	}
	specs := map[string]*serviceSpec{}
	for _, name := range versions {
		specs[name] = svc.spec.Versions[name]
	}
	if svc.spec.ComputeType != typeEndpoint {
		specs[""] = svc.spec
	}
	for name, spec := range specs {
		if c := svc.newContainer(spec); c != nil {
			svc.starting[name] = c
			o.containers = append(o.containers, c)
		}
	}
}

// doomed returns the failure of a deployment that cannot succeed although
// its request was accepted.
func (svc *service) doomed(phases []phase) *OperationFailure {
	for _, s := range svc.spec.containers() {
		if len(phases) > 1 && svc.lacksEnvironment(s) {
			return &OperationFailure{State: stateFailed, Code: "EnvironmentNotSpecified", StatusCode: 400,
				Message: "No environment was specified, and none is linked to the models of service " + svc.spec.Name + "."}
		}
	}
	if detail := svc.ws.data.shortage(svc.spec); detail != nil {
		return &OperationFailure{State: stateFailed, Code: detail.Code, StatusCode: 400, Message: detail.Message}
	}
	return nil
}

// lacksEnvironment reports whether a program comes without an environment,
// and no model has been registered from a run that would have one.
func (svc *service) lacksEnvironment(s *serviceSpec) bool {
	if s.Image == nil || !s.Image.withCode() || s.Image.Environment != nil || s.Image.Reference != nil {
		return false
	}
	return !slices.ContainsFunc(s.Image.ModelIDs, func(id string) bool {
		m := svc.ws.data.models[id]
		return m != nil && m.body.RunID != nil
	})
}

// deployed is how a deployment ends.
func (svc *service) deployed(o *serviceOperation, versions []string) {
	state := stateFailed
	switch {
	case o.state == stateSucceeded:
		state = stateHealthy
	case o.state == stateTimedOut:
		state, svc.recovering = stateUnhealthy, readsToRecover+1
	case o.problem.Code == insufficientResource:
		state = stateUnschedulable
	}
	svc.enter(state, o.problem)
	for _, name := range versions {
		v := svc.versions[name]
		v.state, v.problem = state, o.problem
		svc.ws.data.touch(&v.stamp)
	}
	if o.state == stateSucceeded {
		svc.release()
		if len(o.containers) > 0 {
			return // which write logs of their own
		}
		svc.logLine("gunicorn/run \nStarting gunicorn 20.1.0\nListening at: http://127.0.0.1:31311\nInvoking user's init function")
		return
	}
	for _, c := range o.containers {
		svc.logs = append(svc.logs, splitLog(c.log.String())...)
	}
	if o.state != stateTimedOut {
		svc.starting = nil
	}
	svc.logLine("Deployment ended as " + o.state + ": " + o.problem.Message)
	for _, d := range o.problem.Details {
		svc.logLine(d.Code + ": " + d.Message)
	}
}

// recovered is what happens some time after a deployment has timed out: it
// succeeds after all.
func (svc *service) recovered() {
	svc.enter(stateHealthy, nil)
	for _, v := range svc.versions {
		if v.state == stateUnhealthy {
			v.state, v.problem = stateHealthy, nil
		}
	}
	svc.release()
}

// shortage says why the cluster has no room for the service, nil if it has.
// What the service itself uses now does not count: it is replaced.
func (d *dataPlane) shortage(s *serviceSpec) *errorDetail {
	k := d.ws.compute(orEmpty(s.ComputeName))
	if s.ComputeType == typeACI || k == nil || k.cluster == nil || k.cluster.cores() == 0 {
		return nil
	}
	const slack = 1e-6 // sums of tenths are not exact
	cpu, memory := float64(k.cluster.cores()), k.cluster.memoryGB()
	nodeCPU, nodeMemory := cpu/float64(k.cluster.count), memory/float64(k.cluster.count)
	for _, other := range d.ws.srv.servicesOn(k.cluster) {
		if other.ws == d.ws && other.spec.Name == s.Name {
			continue
		}
		usedCPU, usedMemory := other.spec.uses()
		cpu, memory = cpu-usedCPU, memory-usedMemory
	}
	for _, v := range s.containers() {
		n := float64(v.replicas())
		cpu, memory = cpu-n**v.Resources.CPU, memory-n**v.Resources.Memory
		if cpu < -slack || memory < -slack || *v.Resources.CPU > nodeCPU || *v.Resources.Memory > nodeMemory {
			return &errorDetail{Code: insufficientResource, Message: fmt.Sprintf("Deployment request failed due to insufficient compute resource. "+
				"For the specified compute target, %d replica cannot be created per specified CPU/Memory configuration(%v CPU Cores, %vGB Memory).",
				v.replicas(), *v.Resources.CPU, *v.Resources.Memory)}
		}
	}
	return nil
}

// uses is what the containers of a service reserve.
func (s *serviceSpec) uses() (cpu, memory float64) {
	for _, v := range s.containers() {
		n := float64(v.replicas())
		cpu, memory = cpu+n**v.Resources.CPU, memory+n**v.Resources.Memory
	}
	return cpu, memory
}

// servicesOn returns the services of all workspaces that run on a cluster.
func (s *Server) servicesOn(k *cluster) []*service {
	var list []*service
	for _, ws := range s.world.workspaces {
		for _, svc := range ws.data.services {
			on := ws.compute(orEmpty(svc.spec.ComputeName))
			if svc.spec.ComputeType != typeACI && on != nil && on.cluster == k && svc.state != stateFailed && svc.state != stateUnschedulable {
				list = append(list, svc)
			}
		}
	}
	return list
}

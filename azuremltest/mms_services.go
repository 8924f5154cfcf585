package azuremltest

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

// States of services.
const (
	stateTransitioning = "Transitioning"
	stateHealthy       = "Healthy"
	stateUnhealthy     = "Unhealthy"
	stateUnschedulable = "Unschedulable"
)

// readsToRecover is how often a service whose deployment has timed out is
// read as Unhealthy before it is found to be Healthy after all.
const readsToRecover = 2

// service is a web service.
type service struct {
	ws        *workspace
	spec      *serviceSpec // what was last asked for, with the defaults filled in
	state     string
	problem   *mmsErrorBody
	op        *serviceOperation // the last one
	createdBy *userBody
	stamp
	primary, secondary string
	versions           map[string]*versionState // of an endpoint

	// live is what answers scoring requests: what the last deployment that
	// succeeded has left, so that a service goes on answering while an update
	// is under way, and after one that has failed. It is nil before the first
	// success and after the compute has gone.
	live *release
	// starting are the containers of a deployment under way, by version.
	starting   map[string]*container
	recovering int      // reads until a late deployment turns out to be healthy
	deleting   bool     // by an operation that is under way
	logs       []string // of the container
	scheme     string   // of the scoring address, as it was last known
	host       string
	publicIP   string // of a container group
	fqdn       string
	schema     bool // the program declares its input
}

// versionState is how a version of an endpoint is doing.
type versionState struct {
	state     string
	problem   *mmsErrorBody
	createdBy *userBody
	stamp
}

// onCompute reports whether the service runs on the compute.
func (svc *service) onCompute(name string) bool {
	return svc.spec.ComputeType != typeACI && equalFold(orEmpty(svc.spec.ComputeName), name)
}

// modelIDs are the models in the service's images, and in those that still
// answer while they are being replaced.
func (svc *service) modelIDs() []string {
	var ids []string
	for _, s := range svc.spec.containers() {
		if s.Image != nil {
			ids = append(ids, s.Image.ModelIDs...)
		}
	}
	if svc.live != nil {
		for _, v := range svc.live.versions {
			ids = append(ids, v.modelIDs...)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// address returns scheme, host and port of the scoring URLs, "" if they are
// not known yet.
func (svc *service) address() string {
	if svc.spec.ComputeType == typeACI {
		return svc.scheme + "://" + svc.host
	}
	if k := svc.ws.compute(orEmpty(svc.spec.ComputeName)); k != nil && k.cluster != nil {
		svc.scheme, svc.host = k.endpoint()
	}
	if svc.host == "" {
		return ""
	}
	port := ":80"
	if svc.scheme == "https" {
		port = ":443"
	}
	return svc.scheme + "://" + svc.host + port
}

// uri returns the address of the service, or of a version of it, that ends
// with what is asked for; nil before the first deployment has succeeded.
func (svc *service) uri(version, last string) *string {
	address := svc.address()
	if svc.live == nil && svc.state != stateUnhealthy || address == "" {
		return nil
	}
	path := "/"
	if svc.spec.ComputeType != typeACI {
		path = "/api/v1/service/" + svc.spec.Name + "/"
		if version != "" {
			path += version + "/"
		}
	}
	address += path + last
	return &address
}

// stopServing is what happens when the compute disappears.
func (svc *service) stopServing() {
	svc.address() // remember it
	svc.op.cancel()
	svc.live, svc.recovering, svc.deleting = nil, 0, false
	problem := &mmsErrorBody{Code: "ComputeNotFound", StatusCode: 404, Message: "Compute with name " + orEmpty(svc.spec.ComputeName) + " not found"}
	svc.enter(stateUnhealthy, problem)
	for _, v := range svc.versions {
		v.state, v.problem = stateUnhealthy, problem
	}
}

// enter changes the state.
func (svc *service) enter(state string, problem *mmsErrorBody) {
	svc.state, svc.problem = state, problem
	svc.ws.data.touch(&svc.stamp)
}

// look counts a read of the service, which may end what is being done to it.
// It reports whether the service still exists.
func (svc *service) look() bool {
	if svc.op.active() {
		svc.op.read()
	} else if svc.recovering > 0 {
		if svc.recovering--; svc.recovering == 0 {
			svc.recovered()
		}
	}
	return svc.ws.data.services[svc.spec.Name] == svc
}

// logLine adds a line to the container's log.
func (svc *service) logLine(text string) {
	stamp := time.Now().UTC().Format("2006-01-02T15:04:05,000000000+00:00")
	for line := range strings.Lines(text) {
		svc.logs = append(svc.logs, stamp+" - "+strings.TrimSuffix(line, "\n")+"\n")
	}
}

// logLines is all that the containers have written.
func (svc *service) logLines() []string {
	lines := slices.Clone(svc.logs)
	if svc.live == nil {
		return lines
	}
	for _, v := range svc.live.versions {
		if v.container != nil {
			lines = append(lines, splitLog(v.container.log.String())...)
		}
	}
	return lines
}

// digest makes up the digest of the image that a request leads to.
func (s *serviceSpec) digest() *string {
	sum := sha256.Sum256(s.Image.raw())
	text := "sha256:" + hex.EncodeToString(sum[:])
	return &text
}

// blame makes up the error of an operation on the service.
func (svc *service) blame(state string) mmsErrorBody {
	name, aci := svc.spec.Name, svc.spec.ComputeType == typeACI
	switch {
	case state == stateTimedOut && aci:
		return mmsErrorBody{Code: "DeploymentTimedOut", StatusCode: 504,
			Message: "The deployment operation polling has TimedOut. The service creation is taking longer than our normal time. We are still trying to achieve the desired state for the web service. Please check the webservice state for the current webservice health."}
	case state == stateTimedOut:
		return mmsErrorBody{Code: "DeploymentTimedOut", StatusCode: 504,
			Message: "Timed out waiting for AKS deployment to complete. pollTimeout : 00:20:00 serviceName: " + name + " serviceId: " + svc.ws.srv.guid()}
	case state == stateCancelled:
		return mmsErrorBody{Code: "OperationCancelled", StatusCode: 409, Message: "The operation on service " + name + " was cancelled."}
	}
	crash := []errorDetail{{Code: "CrashLoopBackOff",
		Message: "Your container application crashed. This may be caused by errors in your scoring file's init() function.\nPlease check the logs for your container instance: " + name + "."}}
	if aci {
		return mmsErrorBody{Code: "AciDeploymentFailed", StatusCode: 400, Message: "Aci Deployment failed with exception: Your container application crashed.", Details: crash}
	}
	return mmsErrorBody{Code: "KubernetesDeploymentFailed", StatusCode: 400, Message: "Kubernetes Deployment failed", Details: crash}
}

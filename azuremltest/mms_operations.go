package azuremltest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// States of operations on services, besides those of the resource manager.
const (
	stateNotStarted = "NotStarted"
	stateRunning    = "Running"
	stateCancelled  = "Cancelled"
)

// phase is a part of an operation that clients can see, with what it writes
// to the build log.
type phase struct {
	name  string
	lines []string
}

// deployPhases are what happens when a service gets a new image.
func deployPhases(service string) []phase {
	return []phase{
		{"BuildEnvironment", []string{"Creating Container Registry if not exists.", "Registering the environment."}},
		{"BuildImage", []string{"Building image.", "Image building done."}},
		{"DeployService", []string{"Generating deployment configuration.", "Submitting deployment to compute.",
			"Checking the status of deployment " + service + "."}},
	}
}

// changePhases are what happens when the image stays as it is.
func changePhases(service string) []phase {
	return deployPhases(service)[2:]
}

// deletePhases are what happens when a service goes: nothing that has a name or a log.
func deletePhases() []phase { return []phase{{}} }

// serviceOperation is a long-running operation of model management.
type serviceOperation struct {
	ws         *workspace
	kind       string
	id         string
	subject    string // the name of what it works on
	parentID   string
	innerID    string
	resource   string
	logPath    string
	phases     []phase
	at         int // the phase under way
	last       int // the phase in which it ends
	state      string
	started    time.Time
	ended      time.Time
	log        []string // "yyyyMMddHHmmss|text"
	logText    []string
	failure    *OperationFailure // how it will end, nil for good
	problem    *mmsErrorBody     // how it has ended
	containers []*container      // that must have started before it ends
	progress
	// blame makes up the error for a state where failure leaves it open.
	blame func(state string) mmsErrorBody
	// settle changes the service when the operation has ended.
	settle func(*serviceOperation)
}

// begin starts an operation on a service. The failure says how it will end.
func (svc *service) begin(phases []phase, failure *OperationFailure, settle func(*serviceOperation)) *serviceOperation {
	o := svc.ws.begin("Service", phases, failure, settle)
	o.subject = svc.spec.Name
	o.resource, o.blame = "/api"+svc.ws.path()+"/services/"+svc.spec.Name, svc.blame
	svc.op = o
	return o
}

// begin starts an operation of a kind. What it blames for a failure is left open.
func (ws *workspace) begin(kind string, phases []phase, failure *OperationFailure, settle func(*serviceOperation)) *serviceOperation {
	srv := ws.srv
	o := &serviceOperation{
		ws: ws, kind: kind, id: srv.guid(), parentID: srv.hex(16), innerID: srv.guid(),
		logPath: "ImageLogs/" + srv.guid() + "/build.log",
		phases:  phases, at: -1, last: len(phases) - 1,
		state: stateNotStarted, started: time.Now(), failure: failure, settle: settle,
	}
	if failure != nil {
		o.stuck = failure.State == stateStuck
		o.last = failingPhase(phases, failure.Code)
	}
	ws.data.operations[o.id] = o
	return o
}

// failingPhase finds the phase that an error code is about, or the last one.
func failingPhase(phases []phase, code string) int {
	for i, p := range phases {
		switch p.name {
		case "BuildEnvironment":
			if strings.Contains(code, "Environment") {
				return i
			}
		case "BuildImage":
			if strings.Contains(code, "Image") {
				return i
			}
		}
	}
	return len(phases) - 1
}

// active reports whether the operation has not ended.
func (o *serviceOperation) active() bool {
	return o != nil && (o.state == stateNotStarted || o.state == stateRunning)
}

// poll is a look at the operation itself.
func (o *serviceOperation) poll() {
	if !o.active() {
		return
	}
	if o.progress.poll(o.ws.srv) && o.prepared() {
		o.end()
		return
	}
	// Of several looks the first finds the operation waiting; the others are
	// spread over the phases.
	total, look := o.ws.srv.opts.OperationPolls, o.polls
	if total > 1 {
		total, look = total-1, look-1
	}
	if look == 0 {
		return
	}
	o.state = stateRunning
	o.advance(min((look*len(o.phases)+total-1)/max(total, 1)-1, o.last))
}

// read is a look at the service that the operation changes.
func (o *serviceOperation) read() {
	if o.active() && o.progress.read(o.ws.srv) && o.prepared() {
		o.end()
	}
}

// advance goes on to a phase and writes the log of all phases on the way.
func (o *serviceOperation) advance(to int) {
	for o.at < to {
		o.at++
		for _, line := range o.phases[o.at].lines {
			o.write(line)
		}
	}
}

// write adds a line to the build log, which is a file in the workspace's storage.
func (o *serviceOperation) write(line string) {
	o.log = append(o.log, time.Now().UTC().Format("20060102150405")+"|"+line+"#")
	o.logText = append(o.logText, line+"\n")
	o.ws.data.store.put(artifactContainer+"/"+o.logPath, &blob{
		blocks: []block{{data: []byte(strings.Join(o.logText, ""))}}, contentType: "text/plain",
	})
}

// prepared reports whether all containers have started, or failed to.
func (o *serviceOperation) prepared() bool {
	return !slices.ContainsFunc(o.containers, func(c *container) bool { return !c.prepared() })
}

// awaitContainers waits for the containers, and lets the operation fail if one
// of them has crashed.
func (o *serviceOperation) awaitContainers() {
	for _, c := range o.containers {
		if <-c.ready; c.err != nil && o.failure == nil {
			o.failure = &OperationFailure{State: stateFailed}
		}
	}
}

// end finishes the operation as was decided at its start.
func (o *serviceOperation) end() {
	o.awaitContainers()
	o.advance(o.last)
	o.ended = time.Now()
	o.state = stateSucceeded
	if f := o.failure; f != nil {
		o.state = f.State
		if f.State == stateCanceled {
			o.state = stateCancelled
		}
		problem := o.blame(o.state)
		f.fill(&problem)
		o.problem = &problem
	}
	o.settle(o)
}

// cancel ends an operation that another one has overtaken.
func (o *serviceOperation) cancel() {
	if o.active() {
		problem := o.blame(stateCancelled)
		o.ended, o.state, o.problem = time.Now(), stateCancelled, &problem
	}
}

// fill replaces what the failure says about the error. A failure with a code
// of its own brings its own details, too.
func (f *OperationFailure) fill(p *mmsErrorBody) {
	if f.Code != "" {
		p.Code, p.Details = f.Code, nil
	}
	if f.Message != "" {
		p.Message = f.Message
	}
	if f.StatusCode != 0 {
		p.StatusCode = f.StatusCode
	}
	if len(f.Details) > 0 {
		p.Details = f.details()
	}
}

// operationBody is an operation on the wire. contract: webservice §3.1
type operationBody struct {
	ID          string           `json:"id"`
	Type        string           `json:"operationType"`
	State       string           `json:"state"`
	Created     string           `json:"createdTime"`
	Ended       *string          `json:"endTime"`
	Error       *mmsErrorBody    `json:"error"`
	Resource    *string          `json:"resourceLocation"`
	Log         string           `json:"operationLog"`
	Details     operationDetails `json:"operationDetails"`
	ParentID    string           `json:"parentRequestId"`
	RunInfo     *struct{}        `json:"operationRunInfo"`
	StreamedLog *string          `json:"streamingOperationLog,omitempty"`
}

type operationDetails struct {
	ID    string `json:"operationId"`
	Type  string `json:"subOperationType"`
	State string `json:"subOperationState"`
}

func (o *serviceOperation) body() operationBody {
	return operationBody{
		ID: o.id, Type: o.kind, State: o.state, Created: mmsTime(o.started), Ended: timeOrNull(o.ended), Error: o.problem,
		Resource: nullIfEmpty(o.resource), Log: o.ws.signedURL(o.logPath, readGrant), ParentID: o.parentID,
		Details: operationDetails{ID: o.innerID, Type: o.phases[max(o.at, 0)].name, State: o.state},
	}
}

// getOperation answers a poll. With the query parameter offset it adds what
// has been logged after that many characters.
func (c *call) getOperation() {
	o := c.ws.data.operations[c.path("id")]
	if o == nil {
		c.notFound("OperationNotFound", "Operation with id "+c.path("id")+" not found")
		return
	}
	text, streamed := queryValue(c.r.URL.Query(), "offset")
	offset, err := strconv.Atoi(text)
	if streamed && (err != nil || offset < 0) {
		c.invalid("InvalidOffset", "The value '%s' of offset is no number of characters.", text)
		return
	}
	o.poll()
	body := o.body()
	if streamed {
		log := strings.Join(o.log, "")
		rest := log[min(offset, len(log)):]
		body.StreamedLog = &rest
	}
	if o.active() {
		c.retryAfter()
	}
	c.json(http.StatusOK, body)
}

// accepted answers 202 for an operation. The address is relative, as the real one is.
func (c *call) accepted(o *serviceOperation) {
	c.w.Header().Set("Operation-Location", "/api"+c.ws.path()+"/operations/"+o.id)
	c.retryAfter()
	c.empty(http.StatusAccepted)
}

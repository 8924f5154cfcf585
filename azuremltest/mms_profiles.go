package azuremltest

import (
	"net/http"
	"slices"
)

// Dataset is a registered tabular dataset with one column of text: what models are
// profiled with. It has nothing but what profiles need.
type Dataset struct {
	// ID is a GUID; made up if empty.
	ID string
	// Rows is how many requests it holds; 0 is 1.
	Rows int
}

// AddDataset puts a dataset into a workspace and returns its id. It panics if the
// workspace does not exist or the id is taken.
func (s *Server) AddDataset(w Workspace, d Dataset) (id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	data := &s.mustWorkspace(w).data
	if d.ID == "" {
		d.ID = s.guid()
	}
	mustGUID("dataset", d.ID)
	mustBeFree(data.datasets, d.ID, "dataset", d.ID)
	d.Rows = max(d.Rows, 1)
	data.datasets[d.ID] = &d
	return d.ID
}

// profileBody is a profile on the wire. contract: model §11
type profileBody struct {
	Name           string        `json:"name"`
	Description    *string       `json:"description"`
	ID             string        `json:"id"`
	State          string        `json:"state"`
	DatasetID      string        `json:"inputDatasetId"`
	Requirements   *resources    `json:"containerResourceRequirements"`
	RequestedRate  float64       `json:"requestedQueriesPerSecond"`
	Created        string        `json:"createdTime"`
	ModelIDs       []string      `json:"modelIds"`
	MaxMemory      *float64      `json:"maxUtilizedMemoryInGB"`
	MaxCPU         *float64      `json:"maxUtilizedCpu"`
	Rate           *float64      `json:"measuredQueriesPerSecond"`
	Total          *int          `json:"totalQueries"`
	Successes      *int          `json:"successQueries"`
	SuccessRate    *float64      `json:"successRate"`
	AverageLatency *float64      `json:"averageLatencyInMs"`
	Latency50      *float64      `json:"latencyPercentile50InMs"`
	Latency90      *float64      `json:"latencyPercentile90InMs"`
	Latency95      *float64      `json:"latencyPercentile95InMs"`
	Latency99      *float64      `json:"latencyPercentile99InMs"`
	Latency999     *float64      `json:"latencyPercentile999InMs"`
	BestCPU        *float64      `json:"recommendedCpu"`
	BestMemory     *float64      `json:"recommendedMemoryInGB"`
	Environment    any           `json:"environment"`
	Error          *mmsErrorBody `json:"error"`
	ErrorLogs      *string       `json:"errorLogsUri"`
}

// profile is one measurement of a model.
type profile struct {
	body profileBody
	op   *serviceOperation
	stamp
}

// profileRequest asks for a profile.
type profileRequest struct {
	Name         string        `json:"name"`
	Description  *string       `json:"description"`
	DatasetID    string        `json:"inputDatasetId"`
	Requirements *resources    `json:"containerResourceRequirements"`
	Image        *imageRequest `json:"environmentImageRequest"`
}

// The bounds of what a profile may be measured with.
const (
	minProfile       = 0.1
	maxProfileCPU    = 3.5
	maxProfileMemory = 15
)

// profileRoutes are the profiles of model management. contract: model §11
func (s *Server) profileRoutes() []route {
	return []route{
		mmsRoute(http.MethodPost, "/profiles", (*call).createProfile),
		mmsRoute(http.MethodGet, "/profiles", (*call).listProfiles),
	}
}

func (c *call) createProfile() {
	var in profileRequest
	if !c.decode(&in) {
		return
	}
	d := &c.ws.data
	bad := d.checkProfile(&in)
	if c.refused(bad) {
		return
	}
	p := &profile{stamp: d.newStamp(), body: profileBody{
		Name: in.Name, Description: in.Description, ID: c.srv.guid(), State: stateNotStarted, DatasetID: in.DatasetID,
		Requirements: in.Requirements, ModelIDs: in.Image.ModelIDs,
	}}
	p.body.Created = mmsTime(p.created)
	if in.Image.Environment != nil {
		p.body.Environment = in.Image.Environment.environmentRef
	}
	d.profiles = append(d.profiles, p)
	phases := slices.Concat(deployPhases("")[:2], []phase{{"Profile", []string{"Sending the requests of the dataset."}}})
	p.op = c.ws.begin("Profile", phases, c.srv.takeFailure("profile", in.Name), func(o *serviceOperation) { d.settleProfile(p, o) })
	p.op.subject = in.Name
	p.op.blame = func(state string) mmsErrorBody {
		if state == stateFailed {
			return mmsErrorBody{Code: "ModelProfilingFailed", StatusCode: http.StatusBadRequest, Message: "The model could not be profiled.", Details: []errorDetail{}}
		}
		return generalBlame("profile the model")(state)
	}
	c.accepted(p.op)
}

// checkProfile finds what is wrong with a request for a profile.
func (d *dataPlane) checkProfile(in *profileRequest) (bad checks) {
	if in.Name == "" {
		bad.add("NameRequired", "The Name field is required.")
	}
	if d.datasets[in.DatasetID] == nil {
		bad.add("DatasetNotFound", "Dataset with id '%s' not found", in.DatasetID)
	}
	if in.Image == nil {
		bad.add("ImageRequired", "The EnvironmentImageRequest field is required.")
	} else {
		d.checkImage(&serviceSpec{Image: in.Image}, &bad)
	}
	if r := in.Requirements; r != nil {
		bad.within("cpu", r.CPU, maxProfileCPU)
		bad.within("memoryInGB", r.Memory, maxProfileMemory)
	}
	return bad
}

func (k *checks) within(name string, v *float64, most float64) {
	if v != nil && (*v < minProfile || *v > most) {
		k.add("InvalidValue", "containerResourceRequirements.%s must be from %v to %v, it is %v.", name, minProfile, most, *v)
	}
}

// settleProfile writes down what was measured: always the same.
func (d *dataPlane) settleProfile(p *profile, o *serviceOperation) {
	d.touch(&p.stamp)
	p.body.State, p.body.Error = o.state, o.problem
	if o.state != stateSucceeded {
		p.body.ErrorLogs = new(d.ws.signedURL(o.logPath, readGrant))
		return
	}
	rows := d.datasets[p.body.DatasetID].Rows
	b := &p.body
	b.Total, b.Successes, b.SuccessRate = &rows, &rows, new(100.0)
	b.MaxCPU, b.MaxMemory, b.Rate = new(0.48), new(0.35), new(12.5)
	b.AverageLatency, b.Latency50, b.Latency90 = new(80.0), new(75.0), new(95.5)
	b.Latency95, b.Latency99, b.Latency999 = new(101.0), new(120.0), new(130.25)
	b.BestCPU, b.BestMemory = new(0.5), new(0.5)
}

// listProfiles filters by name.
func (c *call) listProfiles() {
	name := c.query("name")
	order, ok := c.order("orderBy")
	if !ok {
		return
	}
	list := slices.DeleteFunc(slices.Clone(c.ws.data.profiles), func(p *profile) bool { return name != "" && p.body.Name != name })
	slices.SortFunc(list, func(a, b *profile) int { return order(&a.stamp, &b.stamp) })
	answerList(c, list, func(p *profile) string { return p.body.ID }, func(p *profile) any {
		if p.op.active() {
			p.body.State = p.op.state
		}
		return p.body
	})
}

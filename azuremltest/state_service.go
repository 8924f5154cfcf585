package azuremltest

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// savedService is a web service. The specification is in the form in which
// clients send it.
type savedService struct {
	Spec      *serviceSpec            `json:"request"`
	State     string                  `json:"state"`
	Problem   *mmsErrorBody           `json:"error,omitempty"`
	Operation string                  `json:"operationId,omitempty"`
	CreatedBy *userBody               `json:"createdBy,omitempty"`
	Primary   string                  `json:"primaryKey"`
	Secondary string                  `json:"secondaryKey"`
	Versions  map[string]savedVersion `json:"versions,omitempty"`
	// Live is what answers scoring requests, if anything does.
	Live       *savedRelease `json:"live,omitempty"`
	Recovering int           `json:"recovering,omitempty"`
	Logs       string        `json:"logs"`
	Scheme     string        `json:"scheme,omitempty"`
	Host       string        `json:"host,omitempty"`
	PublicIP   string        `json:"publicIP,omitempty"`
	FQDN       string        `json:"fqdn,omitempty"`
	Schema     bool          `json:"declaresSchema,omitempty"`
	savedStamp
}

// savedVersion is how a version of an endpoint is doing.
type savedVersion struct {
	State     string        `json:"state"`
	Problem   *mmsErrorBody `json:"error,omitempty"`
	CreatedBy *userBody     `json:"createdBy,omitempty"`
	savedStamp
}

type savedRelease struct {
	KeyAuth   bool               `json:"keyAuth"`
	TokenAuth bool               `json:"tokenAuth"`
	Requests  int                `json:"requests"`
	Versions  []savedLiveVersion `json:"versions"`
}

type savedLiveVersion struct {
	Name     string        `json:"name"`
	Share    float64       `json:"share"`
	Served   int           `json:"served"`
	Timeout  time.Duration `json:"timeoutNanoseconds"`
	ModelIDs []string      `json:"modelIds"`
	// Files are places in the list of contents by model and path.
	Files map[string]map[string]int `json:"files"`
}

// savedServiceOperation is an operation of model management that has ended.
type savedServiceOperation struct {
	ID       string        `json:"id"`
	Kind     string        `json:"kind"`
	Subject  string        `json:"subject"`
	ParentID string        `json:"parentId"`
	InnerID  string        `json:"innerId"`
	Resource string        `json:"resource,omitempty"`
	LogPath  string        `json:"logPath"`
	Phases   []string      `json:"phases"`
	At       int           `json:"at"`
	State    string        `json:"state"`
	Started  time.Time     `json:"started"`
	Ended    time.Time     `json:"ended"`
	Log      []string      `json:"log,omitempty"`
	Problem  *mmsErrorBody `json:"error,omitempty"`
}

func (svc *service) save(files *contents) savedService {
	out := savedService{Spec: svc.spec, State: svc.state, Problem: svc.problem, CreatedBy: svc.createdBy, savedStamp: svc.stamp.save(),
		Primary: svc.primary, Secondary: svc.secondary, Versions: map[string]savedVersion{}, Live: svc.live.save(files),
		Recovering: svc.recovering, Logs: strings.Join(svc.logs, ""), Scheme: svc.scheme, Host: svc.host, PublicIP: svc.publicIP,
		FQDN: svc.fqdn, Schema: svc.schema}
	if svc.op != nil {
		out.Operation = svc.op.id
	}
	for name, v := range svc.versions {
		out.Versions[name] = savedVersion{v.state, v.problem, v.createdBy, v.stamp.save()}
	}
	return out
}

func (r *release) save(files *contents) *savedRelease {
	if r == nil {
		return nil
	}
	out := &savedRelease{KeyAuth: r.keyAuth, TokenAuth: r.tokenAuth, Requests: r.requests}
	for _, v := range r.versions {
		saved := savedLiveVersion{Name: v.name, Share: v.share, Served: v.served, Timeout: v.timeout, ModelIDs: v.modelIDs, Files: map[string]map[string]int{}}
		for _, id := range sortedKeys(v.files) {
			saved.Files[id] = map[string]int{}
			for _, path := range sortedKeys(v.files[id]) {
				saved.Files[id][path] = files.number(v.files[id][path])
			}
		}
		out.Versions = append(out.Versions, saved)
	}
	return out
}

func (o *serviceOperation) save() savedServiceOperation {
	out := savedServiceOperation{ID: o.id, Kind: o.kind, Subject: o.subject, ParentID: o.parentID, InnerID: o.innerID, Resource: o.resource, LogPath: o.logPath,
		At: o.at, State: o.state, Started: o.started, Ended: o.ended, Log: o.log, Problem: o.problem}
	for _, p := range o.phases {
		out.Phases = append(out.Phases, p.name)
	}
	return out
}

// load makes the operation again; as it has ended, nothing settles it.
func (in *savedServiceOperation) load(ws *workspace) (*serviceOperation, error) {
	o := &serviceOperation{ws: ws, id: in.ID, kind: in.Kind, subject: in.Subject, parentID: in.ParentID, innerID: in.InnerID, resource: in.Resource,
		logPath: in.LogPath, at: in.At, last: in.At, state: in.State, started: in.Started, ended: in.Ended, log: in.Log, problem: in.Problem}
	for _, name := range in.Phases {
		o.phases = append(o.phases, phase{name: name})
	}
	switch {
	case len(o.phases) == 0 || o.at < -1 || o.at >= len(o.phases):
		return nil, errors.New("it is at none of its phases")
	case o.active():
		return nil, errors.New("it has not ended")
	}
	return o, nil
}

// loadService makes a service again. The defaults fill in what a document of
// another hand may lack; they change nothing of what was saved.
func (l *stateLoader) loadService(d *dataPlane, in *savedService, files []*blob) error {
	if in.Spec == nil {
		return errors.New("there is no request")
	}
	svc := &service{ws: d.ws, spec: in.Spec, state: in.State, problem: in.Problem, op: d.operations[in.Operation], createdBy: in.CreatedBy,
		stamp: in.load(), primary: in.Primary, secondary: in.Secondary, versions: map[string]*versionState{}, recovering: in.Recovering,
		logs: splitLog(in.Logs), scheme: in.Scheme, host: in.Host, publicIP: in.PublicIP, fqdn: in.FQDN, schema: in.Schema}
	if in.Operation != "" && svc.op == nil {
		return fmt.Errorf("its operation %q is not there", in.Operation)
	}
	if err := svc.checkLoaded(in); err != nil {
		return err
	}
	for name, v := range in.Versions {
		svc.versions[name] = &versionState{v.State, v.Problem, v.CreatedBy, v.load()}
	}
	if in.Live != nil {
		live, err := in.Live.load(files)
		if err != nil {
			return err
		}
		svc.live = live
	}
	if svc.spec.ComputeType == typeACI && svc.publicIP != "" {
		l.claim(svc.publicIP, svc.host)
	}
	return put(d.services, "service", svc.spec.Name, svc)
}

// checkLoaded fills in defaults and wants what the rest of the emulator relies on.
func (svc *service) checkLoaded(in *savedService) error {
	s := svc.spec
	switch s.ComputeType {
	case typeAKS, typeACI, typeEndpoint:
	default:
		return fmt.Errorf("the compute type %q is unknown", s.ComputeType)
	}
	s.setDefaults(svc.ws)
	s.markVersions()
	for name, v := range s.Versions {
		if _, ok := in.Versions[name]; !ok || v.Name != name {
			return fmt.Errorf("version %q has no state, or another name", name)
		}
	}
	if len(in.Versions) != len(s.Versions) {
		return errors.New("there are states of versions that are not there")
	}
	for _, v := range s.containers() {
		if v.Image == nil {
			return errors.New("there is no environmentImageRequest")
		}
		if err := svc.ws.data.modelNames(v.Image); err != nil {
			return err
		}
	}
	if s.ComputeType == typeACI && *s.SSL && s.CName == nil {
		return errors.New("TLS wants a cname")
	}
	return nil
}

func (in *savedRelease) load(files []*blob) (*release, error) {
	r := &release{keyAuth: in.KeyAuth, tokenAuth: in.TokenAuth, requests: in.Requests}
	for _, saved := range in.Versions {
		v := &liveVersion{name: saved.Name, share: saved.Share, served: saved.Served, timeout: saved.Timeout, modelIDs: saved.ModelIDs,
			files: map[string]map[string]*blob{}}
		for id, paths := range saved.Files {
			v.files[id] = map[string]*blob{}
			for path, n := range paths {
				if n < 0 || n >= len(files) {
					return nil, errNoContent
				}
				v.files[id][path] = files[n]
			}
		}
		r.versions = append(r.versions, v)
	}
	return r, nil
}

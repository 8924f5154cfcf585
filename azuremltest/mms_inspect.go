package azuremltest

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Service is a web service as [Server.Services] returns it.
type Service struct {
	Name        string
	ComputeType string // AKS, ACI or AKSENDPOINT
	ComputeName string // empty on ACI
	State       string
	// OperationID is that of the last operation, empty if there was none.
	OperationID string
	// ScoringURL is empty while the service has never been deployed.
	ScoringURL   string
	PrimaryKey   string
	SecondaryKey string
	Tags         map[string]string // null values are empty
	Properties   map[string]string // without those that the service sets itself
	ModelIDs     []string          // of all versions, and of what still answers
	// Image is the environmentImageRequest, nil for an endpoint.
	Image json.RawMessage
	// Logs is all that the containers have written.
	Logs string
	// Versions are those of an endpoint in the order of their names.
	Versions []ServiceVersion
}

// ServiceVersion is a version of an AKS endpoint.
type ServiceVersion struct {
	Name    string
	State   string
	Default bool
	Control bool
	Traffic float64 // trafficPercentile, 0 if it was never set
	// Share is the part of the requests, of 100, that are routed to the
	// version: the default one gets what the others leave. It is 0 until the
	// version has been deployed.
	Share float64
	// Requests is how many requests have been routed to the version by share
	// since the last change of the endpoint.
	Requests int
	ModelIDs []string
	Image    json.RawMessage // environmentImageRequest
}

// Services returns the web services of a workspace in the order of their
// names. It counts as no look at them: nothing progresses. Of the workspace the
// subscription, the group and the name are looked at; the zero Workspace is the
// default one. It panics if there is no such workspace.
func (s *Server) Services(in Workspace) []Service {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Service
	for _, svc := range sortedValues(s.mustWorkspace(in).data.services) {
		list = append(list, svc.exported())
	}
	return list
}

func (svc *service) exported() Service {
	out := Service{
		Name: svc.spec.Name, ComputeType: svc.spec.ComputeType, ComputeName: orEmpty(svc.spec.ComputeName), State: svc.state,
		ScoringURL: orEmpty(svc.uri("", "score")), PrimaryKey: svc.primary, SecondaryKey: svc.secondary,
		Tags: svc.spec.Tags.plain(), Properties: svc.spec.Properties.plain(), ModelIDs: svc.modelIDs(),
		Image: svc.spec.Image.raw(), Logs: strings.Join(svc.logLines(), ""),
	}
	if svc.op != nil {
		out.OperationID = svc.op.id
	}
	for _, name := range sortedKeys(svc.spec.Versions) {
		spec := svc.spec.Versions[name]
		v := ServiceVersion{Name: name, State: svc.versions[name].state, Default: *spec.IsDefault, Control: *spec.Type == typeControl,
			ModelIDs: spec.Image.ModelIDs, Image: spec.Image.raw()}
		if spec.Traffic != nil {
			v.Traffic = *spec.Traffic
		}
		if svc.live != nil {
			if l := svc.live.version(name); l != nil {
				v.Share, v.Requests = l.share, l.served
			}
		}
		out.Versions = append(out.Versions, v)
	}
	return out
}

// AddService makes a web service that is healthy at once, without an operation,
// and returns it as Services does. The request is what a client would send to
// create it, anything that can be marshalled to JSON. The workspace is named as
// for [Server.Services]. It panics if the service would be refused, or exists.
func (s *Server) AddService(in Workspace, request any) Service {
	doc, err := marshal(request)
	var spec serviceSpec
	if err == nil {
		err = json.Unmarshal(doc, &spec)
	}
	if err != nil {
		panic("azuremltest: the request for a service is malformed: " + err.Error())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d := &s.mustWorkspace(in).data
	mustBeFree(d.services, spec.Name, "service", spec.Name)
	keys := spec.Keys
	if bad := d.checkRequest(&spec); len(bad) > 0 {
		panic("azuremltest: " + bad[0].Message)
	}
	svc := d.place(&spec, keys, &userBody{TenantID: d.ws.tenant})
	svc.state = stateHealthy
	for _, v := range svc.versions {
		v.state = stateHealthy
	}
	svc.release()
	return svc.exported()
}

// plain returns the map without pointers.
func (m tagMap) plain() map[string]string {
	out := make(map[string]string, len(m))
	for k, v := range m {
		out[k] = orEmpty(v)
	}
	return out
}

// raw is the request as JSON.
func (r *imageRequest) raw() json.RawMessage {
	if r == nil {
		return nil
	}
	doc, err := r.MarshalJSON()
	if err != nil {
		panic("azuremltest: cannot encode an image request: " + err.Error())
	}
	return doc
}

// SetServiceKeys changes the keys of a service behind its clients' backs,
// without an operation; an empty key stays as it is. The workspace is named as
// for [Server.Services]. It panics if there is no such service.
func (s *Server) SetServiceKeys(in Workspace, name, primary, secondary string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	svc := s.mustWorkspace(in).data.services[name]
	if svc == nil {
		panic(fmt.Sprintf("azuremltest: there is no service %q", name))
	}
	svc.setKeys(&authKeys{Primary: &primary, Secondary: &secondary})
}

// Model is a registered model, as it is set up and as [Server.Models] returns it.
type Model struct {
	Name      string
	Version   int64  // set by the server
	ID        string // name:version; set by the server
	Framework string // "Custom" if empty
	Tags      map[string]string
	// Files are the model's files by their slash-separated paths: one file at
	// the root, or files below one folder. AddModel makes one file, called
	// model.pkl, if there are none.
	Files map[string][]byte
}

// AddModel registers a model with its files, as if they had been uploaded, and
// returns it as Models does. The workspace is named as for [Server.Services].
// It panics if the name or a path is invalid.
func (s *Server) AddModel(in Workspace, m Model) Model {
	s.mu.Lock()
	defer s.mu.Unlock()
	ws := s.mustWorkspace(in)
	d := &ws.data
	if len(m.Files) == 0 {
		m.Files = map[string][]byte{"model.pkl": []byte("a model")}
	}
	container := s.hex(8)
	root := ""
	for _, p := range sortedKeys(m.Files) {
		top, _, _ := strings.Cut(p, "/")
		if !validArtifactPath(p) || root != "" && top != root {
			panic(fmt.Sprintf("azuremltest: the path %q of model %q is invalid, or not below the same folder as the others", p, m.Name))
		}
		root = top
		a := &artifact{origin: "LocalUpload", container: container, path: p, etag: `"` + s.guid() + `"`, created: d.newStamp().created}
		d.artifacts[a.id()] = a
		d.store.put(artifactContainer+"/"+a.id(), newBlob(m.Files[p]))
	}
	prefix := "LocalUpload/" + container + "/" + root
	holder := d.addAsset(assetBody{Name: m.Name, Artifacts: []artifactRef{{Prefix: &prefix}}})
	body := modelBody{Name: m.Name, Framework: nullIfEmpty(m.Framework), URL: assetScheme + holder.body.ID, MimeType: "application/json", Tags: tagMap{}}
	for k, v := range m.Tags {
		body.Tags[k] = &v
	}
	if bad := d.checkModel(&body); len(bad) > 0 {
		panic("azuremltest: " + bad[0].Message)
	}
	return d.addModel(body, &userBody{TenantID: ws.tenant}).exported(d)
}

// Models returns the models of a workspace, the oldest first. The workspace is
// named as for [Server.Services].
func (s *Server) Models(in Workspace) []Model {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := &s.mustWorkspace(in).data
	var list []Model
	for _, m := range d.modelsInOrder(orders["createdatasc"]) {
		list = append(list, m.exported(d))
	}
	return list
}

func (m *model) exported(d *dataPlane) Model {
	out := Model{Name: m.body.Name, Version: m.body.Version, ID: m.body.ID, Framework: orEmpty(m.body.Framework),
		Tags: m.body.Tags.plain(), Files: map[string][]byte{}}
	for p, b := range d.modelFiles(m.body.ID) {
		out.Files[p] = b.bytes()
	}
	return out
}

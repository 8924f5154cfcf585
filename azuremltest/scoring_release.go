package azuremltest

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"io"
	"io/fs"
	"path"
	"strings"
	"testing/fstest"
	"time"
)

// release is what a service answers with: the outcome of its last deployment
// that succeeded.
type release struct {
	keyAuth, tokenAuth bool
	versions           []*liveVersion // one without a name, unless it is an endpoint
	requests           int            // that were routed by share
}

// liveVersion is a version that answers.
type liveVersion struct {
	name     string
	share    float64 // of 100
	served   int     // requests routed by share
	timeout  time.Duration
	modelIDs []string
	files    map[string]map[string]*blob // by model id and path
	// container runs its program; nil if there is none, or it has not been
	// needed since the server was started.
	container *container
}

// release puts what has been deployed into service. Versions of an endpoint
// that are not healthy answer with what they had before, if anything; the
// default version gets what the others' percentages leave.
func (svc *service) release() {
	before := map[string]*liveVersion{}
	if svc.live != nil {
		for _, v := range svc.live.versions {
			before[v.name] = v
		}
	}
	next := &release{keyAuth: *svc.spec.KeyAuth, tokenAuth: svc.spec.TokenAuth != nil && *svc.spec.TokenAuth}
	if svc.spec.ComputeType != typeEndpoint {
		v := svc.launch("", svc.spec, before[""])
		v.share = 100
		next.versions = []*liveVersion{v}
	} else {
		next.versions = svc.launchVersions(before)
	}
	svc.live, svc.starting = next, nil
	svc.schema = svc.declaresSchema()
	svc.settleAddress()
}

// launchVersions builds the versions of an endpoint.
func (svc *service) launchVersions(before map[string]*liveVersion) (list []*liveVersion) {
	rest := 100.0
	var byDefault *liveVersion
	for _, name := range sortedKeys(svc.spec.Versions) {
		spec := svc.spec.Versions[name]
		v := &liveVersion{name: name}
		switch old := before[name]; {
		case svc.versions[name].state == stateHealthy:
			v = svc.launch(name, spec, old)
		case old != nil:
			v.timeout, v.modelIDs, v.files, v.container = old.timeout, old.modelIDs, old.files, old.container
		default:
			continue
		}
		if spec.Traffic != nil {
			v.share = *spec.Traffic
		}
		rest -= v.share
		if *spec.IsDefault {
			byDefault = v
		}
		list = append(list, v)
	}
	if byDefault != nil {
		byDefault.share += rest
	}
	return list
}

// launch takes in what a container gets to see. One that has not been replaced
// goes on.
func (svc *service) launch(name string, spec *serviceSpec, old *liveVersion) *liveVersion {
	v := &liveVersion{name: name, modelIDs: spec.Image.ModelIDs, files: map[string]map[string]*blob{}, container: svc.starting[name]}
	if v.container == nil && old != nil && spec.Image.withCode() {
		v.container = old.container
	}
	if spec.ScoringTimeoutMs != nil {
		v.timeout = time.Duration(*spec.ScoringTimeoutMs) * time.Millisecond
	}
	for _, id := range v.modelIDs {
		v.files[id] = svc.ws.data.modelFiles(id)
	}
	return v
}

// route chooses the version for the next request: the one that has fallen
// furthest behind its share. After n requests every version has had its share
// of n, give or take one.
func (r *release) route() *liveVersion {
	var best *liveVersion
	r.requests++
	behind := 0.0
	for _, v := range r.versions {
		if lag := v.share/100*float64(r.requests) - float64(v.served); v.share > 0 && (best == nil || lag > behind) {
			best, behind = v, lag
		}
	}
	if best != nil {
		best.served++
	}
	return best
}

// version finds a version by name.
func (r *release) version(name string) *liveVersion {
	for _, v := range r.versions {
		if v.name == name {
			return v
		}
	}
	return nil
}

// model returns the files of one of the version's models, named with or
// without its number. A model that the version has not got is empty.
func (v *liveVersion) model(name string) fs.FS {
	files := fstest.MapFS{}
	for _, id := range v.modelIDs {
		bare, _, _ := strings.Cut(id, ":")
		if id != name && bare != name {
			continue
		}
		for p, b := range v.files[id] {
			files[p] = &fstest.MapFile{Data: b.bytes(), Mode: 0o444, ModTime: b.modified}
		}
	}
	return files
}

// settleAddress gives a container group its address, and again when TLS has
// been switched on or off. AKS services have their cluster's.
func (svc *service) settleAddress() {
	if svc.spec.ComputeType != typeACI {
		svc.address()
		return
	}
	s, srv := svc.spec, svc.ws.srv
	if svc.publicIP == "" {
		svc.publicIP = srv.world.newIP()
		srv.claimHost(svc.publicIP)
	}
	label, _, _ := strings.Cut(svc.fqdn, ".")
	label = cmp.Or(orEmpty(s.DNSLabel), label, srv.guid())
	svc.fqdn = ""
	if s.VNet == nil {
		svc.fqdn = strings.ToLower(label + "." + *s.Location + ".azurecontainer.io")
	}
	scheme, host := "http", svc.fqdn
	if host == "" {
		host = svc.publicIP
	}
	if *s.SSL {
		scheme, host = "https", *s.CName
	}
	if host != svc.host {
		srv.claimHost(host)
		if svc.host != "" {
			srv.releaseHost(svc.host)
		}
	}
	svc.scheme, svc.host = scheme, host
}

// releaseHosts gives a container group's addresses back.
func (svc *service) releaseHosts() {
	if svc.spec.ComputeType != typeACI || svc.publicIP == "" {
		return
	}
	svc.ws.srv.releaseHost(svc.publicIP)
	svc.ws.srv.releaseHost(svc.host)
}

// declaresSchema reports whether one of the programs declares what it takes,
// which is what makes a service show hasInferenceSchema.
func (svc *service) declaresSchema() bool {
	for _, s := range svc.spec.containers() {
		for _, a := range s.Image.Assets {
			b := svc.ws.data.uploaded(strings.TrimPrefix(a.URL, artifactScheme))
			if b != nil && mentionsSchema(a.ID, b.bytes()) {
				return true
			}
		}
	}
	return false
}

// mentionsSchema looks into a Python file, or those in an archive.
func mentionsSchema(name string, content []byte) bool {
	const decorator = "inference_schema"
	if path.Ext(name) == ".py" {
		return bytes.Contains(content, []byte(decorator))
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return false
	}
	archive := tar.NewReader(unzipped)
	for {
		h, err := archive.Next()
		if err != nil {
			return false
		}
		if path.Ext(h.Name) != ".py" {
			continue
		}
		text, err := io.ReadAll(io.LimitReader(archive, maxScript))
		if err != nil || bytes.Contains(text, []byte(decorator)) {
			return err == nil
		}
	}
}

// maxScript is how much of a program is looked at.
const maxScript = 1 << 20

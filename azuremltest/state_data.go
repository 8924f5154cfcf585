package azuremltest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// savedData is what a workspace holds besides its computes.
type savedData struct {
	Changes      int                      `json:"changes"`
	Store        savedStore               `json:"storage"`
	Artifacts    []savedArtifact          `json:"artifacts"`
	Assets       []savedAsset             `json:"assets"`
	Models       []savedModel             `json:"models"`
	Versions     map[string]int64         `json:"lastModelVersions"`
	Environments []savedEnvironment       `json:"environments"`
	Services     []savedService           `json:"services"`
	Operations   []savedServiceOperation  `json:"operations"`
	Datasets     []savedDataset           `json:"datasets"`
	Profiles     []savedProfile           `json:"profiles"`
	Builds       map[string]savedBuildRef `json:"imageBuilds"`
}

// savedStamp is a [stamp].
type savedStamp struct {
	Created   time.Time `json:"created"`
	Updated   time.Time `json:"updated"`
	CreatedNo int       `json:"createdNo"`
	UpdatedNo int       `json:"updatedNo"`
}

func (s stamp) save() savedStamp {
	return savedStamp{s.created, s.updated, s.createdNo, s.updatedNo}
}

func (s savedStamp) load() stamp { return stamp{s.Created, s.Updated, s.CreatedNo, s.UpdatedNo} }

// savedStore is a storage account. Contents holds every content once, also
// those that a web service goes on using after the file was replaced; Blobs and
// the web services name them by their places in it.
type savedStore struct {
	Key      []byte                  `json:"key"`
	Writes   uint64                  `json:"writes"`
	Contents []savedBlob             `json:"contents"`
	Blobs    map[string]int          `json:"blobs"`
	Pending  map[string][]savedBlock `json:"uncommitted,omitempty"`
}

type savedBlob struct {
	Blocks      []savedBlock `json:"blocks"`
	MD5         []byte       `json:"md5,omitempty"`
	ContentType string       `json:"contentType"`
	ETag        string       `json:"etag"`
	Created     time.Time    `json:"created"`
	Modified    time.Time    `json:"modified"`
}

type savedBlock struct {
	ID   string `json:"id,omitempty"`
	Data []byte `json:"data"`
}

type savedArtifact struct {
	Origin    string    `json:"origin"`
	Container string    `json:"container"`
	Path      string    `json:"path"`
	ETag      string    `json:"etag"`
	Created   time.Time `json:"created"`
}

type savedAsset struct {
	Body assetBody `json:"asset"`
	savedStamp
}

type savedModel struct {
	Body modelBody `json:"model"`
	savedStamp
}

type savedEnvironment struct {
	Name     string                    `json:"name"`
	Labels   map[string]string         `json:"labels,omitempty"`
	Versions []savedEnvironmentVersion `json:"versions"`
}

type savedEnvironmentVersion struct {
	Version string                     `json:"version"`
	Built   bool                       `json:"built,omitempty"`
	Members map[string]json.RawMessage `json:"members"`
}

// savedDataset is a [Dataset].
type savedDataset struct {
	ID   string `json:"id"`
	Rows int    `json:"rows"`
}

type savedProfile struct {
	Body      profileBody `json:"profile"`
	Operation string      `json:"operationId"`
	savedStamp
}

// savedBuildRef names the version that an image was built of; it is kept by
// the id of the operation.
type savedBuildRef struct {
	Environment string `json:"environment"`
	Version     string `json:"version"`
}

// contents numbers the blobs of a workspace while it is saved.
type contents struct {
	list []savedBlob
	at   map[*blob]int
}

func (c *contents) number(b *blob) int {
	n, known := c.at[b]
	if known {
		return n
	}
	n = len(c.list)
	c.at[b] = n
	c.list = append(c.list, savedBlob{saveBlocks(b.blocks), b.md5, b.contentType, b.etag, b.created, b.modified})
	return n
}

func saveBlocks(blocks []block) []savedBlock {
	out := make([]savedBlock, len(blocks))
	for i, b := range blocks {
		out[i] = savedBlock{b.id, b.data}
	}
	return out
}

func loadBlocks(saved []savedBlock) []block {
	out := make([]block, len(saved))
	for i, b := range saved {
		out[i] = block{b.ID, b.Data}
	}
	return out
}

func (d *dataPlane) save() savedData {
	out := savedData{Changes: d.changes, Versions: d.versions, Builds: map[string]savedBuildRef{},
		Store: savedStore{Key: d.store.key, Writes: d.store.writes, Blobs: map[string]int{}, Pending: map[string][]savedBlock{}}}
	files := &contents{at: map[*blob]int{}}
	for _, name := range sortedKeys(d.store.blobs) {
		out.Store.Blobs[name] = files.number(d.store.blobs[name])
	}
	for name, blocks := range d.store.pending {
		out.Store.Pending[name] = saveBlocks(blocks)
	}
	for _, a := range sortedValues(d.artifacts) {
		out.Artifacts = append(out.Artifacts, savedArtifact{a.origin, a.container, a.path, a.etag, a.created})
	}
	for _, a := range sortedValues(d.assets) {
		out.Assets = append(out.Assets, savedAsset{a.body, a.stamp.save()})
	}
	for _, m := range sortedValues(d.models) {
		out.Models = append(out.Models, savedModel{m.body, m.stamp.save()})
	}
	of := map[*environmentVersion]savedBuildRef{}
	for _, e := range sortedValues(d.environments) {
		out.Environments = append(out.Environments, e.save(of))
	}
	for _, svc := range sortedValues(d.services) {
		out.Services = append(out.Services, svc.save(files))
	}
	for _, o := range sortedValues(d.operations) {
		out.Operations = append(out.Operations, o.save())
	}
	for _, set := range sortedValues(d.datasets) {
		out.Datasets = append(out.Datasets, savedDataset(*set))
	}
	for _, p := range d.profiles {
		out.Profiles = append(out.Profiles, savedProfile{p.body, p.op.id, p.stamp.save()})
	}
	for id, b := range d.builds {
		out.Builds[id] = of[b.version]
	}
	out.Store.Contents = files.list
	return out
}

func (e *environment) save(of map[*environmentVersion]savedBuildRef) savedEnvironment {
	out := savedEnvironment{Name: e.name, Labels: e.labels}
	for _, v := range e.versions {
		out.Versions = append(out.Versions, savedEnvironmentVersion{v.version, v.built, v.members})
		of[v] = savedBuildRef{e.name, v.version}
	}
	return out
}

// loadData builds what a workspace holds.
func (l *stateLoader) loadData(ws *workspace, in *savedData) error {
	if len(in.Store.Key) == 0 {
		return errors.New("the storage has no key")
	}
	ws.data = newDataPlane(ws, in.Store.Key)
	d := &ws.data
	d.changes = in.Changes
	for name, version := range in.Versions {
		d.versions[name] = version
	}
	files, err := d.loadStore(&in.Store)
	if err != nil {
		return err
	}
	for _, step := range []func(*savedData) error{d.loadFiles, d.loadModels, d.loadEnvironments, d.loadOperations, d.loadProfiles} {
		if err := step(in); err != nil {
			return err
		}
	}
	for i := range in.Services {
		if err := l.loadService(d, &in.Services[i], files); err != nil {
			return fmt.Errorf("service %q: %w", orEmptyName(in.Services[i].Spec), err)
		}
	}
	return nil
}

func (d *dataPlane) loadStore(in *savedStore) (files []*blob, err error) {
	d.store.writes = in.Writes
	for _, saved := range in.Contents {
		b := &blob{blocks: loadBlocks(saved.Blocks), md5: saved.MD5, contentType: saved.ContentType, etag: saved.ETag,
			created: saved.Created, modified: saved.Modified}
		for _, part := range b.blocks {
			b.size += int64(len(part.data))
		}
		files = append(files, b)
	}
	for name, n := range in.Blobs {
		if n < 0 || n >= len(files) {
			return nil, fmt.Errorf("file %q has content %d, which is not there", name, n)
		}
		d.store.blobs[name] = files[n]
	}
	for name, blocks := range in.Pending {
		d.store.pending[name] = loadBlocks(blocks)
	}
	return files, nil
}

func (d *dataPlane) loadFiles(in *savedData) error {
	for _, saved := range in.Artifacts {
		a := &artifact{saved.Origin, saved.Container, saved.Path, saved.ETag, saved.Created}
		if err := put(d.artifacts, "artifact", a.id(), a); err != nil {
			return err
		}
	}
	for _, saved := range in.Assets {
		if err := put(d.assets, "asset", saved.Body.ID, &asset{saved.Body, saved.load()}); err != nil {
			return err
		}
	}
	return nil
}

func (d *dataPlane) loadModels(in *savedData) error {
	for _, saved := range in.Models {
		m := &model{saved.Body, saved.load()}
		if m.body.Version > d.versions[m.body.Name] {
			return fmt.Errorf("model %q is newer than the last version of its name", m.body.ID)
		}
		if err := put(d.models, "model", m.body.ID, m); err != nil {
			return err
		}
	}
	return nil
}

// loadEnvironments replaces the curated environments by those that were saved,
// and keeps those that are new.
func (d *dataPlane) loadEnvironments(in *savedData) error {
	seen := map[string]bool{}
	for _, saved := range in.Environments {
		e := &environment{name: saved.Name, labels: map[string]string{}}
		for label, version := range saved.Labels {
			e.labels[label] = version
		}
		for _, v := range saved.Versions {
			if e.find(v.Version) != nil {
				return fmt.Errorf("environment %q has version %q twice, or one without a name", e.name, v.Version)
			}
			e.versions = append(e.versions, &environmentVersion{version: v.Version, built: v.Built, members: v.Members})
		}
		if len(e.versions) == 0 {
			return fmt.Errorf("environment %q has no versions", e.name)
		}
		if err := put(seen, "environment", e.name, true); err != nil {
			return err
		}
		d.environments[e.name] = e
	}
	return nil
}

func (d *dataPlane) loadOperations(in *savedData) error {
	for i := range in.Operations {
		o, err := in.Operations[i].load(d.ws)
		if err == nil {
			err = put(d.operations, "operation", o.id, o)
		}
		if err != nil {
			return fmt.Errorf("operation %q: %w", in.Operations[i].ID, err)
		}
	}
	return nil
}

func (d *dataPlane) loadProfiles(in *savedData) error {
	for _, set := range in.Datasets {
		loaded := Dataset(set)
		if err := put(d.datasets, "dataset", set.ID, &loaded); err != nil {
			return err
		}
	}
	for _, saved := range in.Profiles {
		p := &profile{body: saved.Body, op: d.operations[saved.Operation], stamp: saved.load()}
		if p.op == nil {
			return fmt.Errorf("profile %q has an operation %q, which is not there", saved.Body.Name, saved.Operation)
		}
		d.profiles = append(d.profiles, p)
	}
	for id, saved := range in.Builds {
		b := &imageBuild{op: d.operations[id]}
		if e := d.environments[saved.Environment]; e != nil && saved.Version != "" {
			b.version = e.find(saved.Version)
		}
		if b.op == nil || b.version == nil {
			return fmt.Errorf("image build %q is of an operation or an environment that is not there", id)
		}
		d.builds[id] = b
	}
	return nil
}

// orEmptyName names a service for an error.
func orEmptyName(s *serviceSpec) string {
	if s == nil {
		return ""
	}
	return s.Name
}

// errNoContent is for files of a release that name nothing.
var errNoContent = errors.New("a file has a content that is not there")

// modelNames wants the models of an image to be registered: they cannot be
// deleted while it is used.
func (d *dataPlane) modelNames(r *imageRequest) error {
	for _, id := range r.ModelIDs {
		if d.models[id] == nil {
			return fmt.Errorf("model %q is not there", id)
		}
	}
	return nil
}

// splitLog puts what was written into lines again.
func splitLog(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, line)
	}
	return lines
}

package azuremltest

import "time"

// dataPlane is what a workspace holds besides its computes. It is guarded by
// the server's lock.
type dataPlane struct {
	ws           *workspace
	store        blobStore
	artifacts    map[string]*artifact // by id
	assets       map[string]*asset
	models       map[string]*model // by "name:version"
	versions     map[string]int64  // the last version given to a model's name
	environments map[string]*environment
	services     map[string]*service
	operations   map[string]*serviceOperation
	datasets     map[string]*Dataset // by id
	profiles     []*profile          // in the order of their creation
	builds       map[string]*imageBuild
	changes      int // counts creations and updates: their order
}

// newDataPlane returns the data plane of a workspace that has just been made.
func newDataPlane(ws *workspace, storageKey []byte) dataPlane {
	d := dataPlane{
		ws:           ws,
		store:        newBlobStore(storageKey),
		artifacts:    map[string]*artifact{},
		assets:       map[string]*asset{},
		models:       map[string]*model{},
		versions:     map[string]int64{},
		environments: map[string]*environment{},
		services:     map[string]*service{},
		operations:   map[string]*serviceOperation{},
		datasets:     map[string]*Dataset{},
		builds:       map[string]*imageBuild{},
	}
	d.addCuratedEnvironments()
	return d
}

// stamp says when something was made and changed. Times are equal where the
// clock stands still, so the order is kept by a counter.
type stamp struct {
	created, updated     time.Time
	createdNo, updatedNo int
}

// newStamp marks the creation of something.
func (d *dataPlane) newStamp() stamp {
	d.changes++
	now := time.Now()
	return stamp{created: now, updated: now, createdNo: d.changes, updatedNo: d.changes}
}

// touch marks a change.
func (d *dataPlane) touch(s *stamp) {
	d.changes++
	s.updated, s.updatedNo = time.Now(), d.changes
}

// computeGone is called when a compute has been deleted or detached: what ran
// on it cannot be reached any more.
func (d *dataPlane) computeGone(name string) {
	for _, svc := range d.services {
		if svc.onCompute(name) {
			svc.stopServing()
		}
	}
}

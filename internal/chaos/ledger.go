package chaos

import (
	"maps"
	"slices"
	"strings"

	"github.com/azureml-go/azureml/azuremltest"
)

// Names of what the ledger knows.
const (
	aService = "service "
	aModel   = "model "
	aCompute = "compute "
	aVersion = "version "
)

// state lists what there is, by the emulator's own word.
func (r *run) state() []string {
	var list []string
	for _, svc := range r.srv.Services(azuremltest.Workspace{}) {
		list = append(list, aService+svc.Name)
		for _, v := range svc.Versions {
			list = append(list, aVersion+svc.Name+"/"+v.Name)
		}
	}
	for _, m := range r.srv.Models(azuremltest.Workspace{}) {
		list = append(list, aModel+m.ID)
	}
	for _, c := range r.srv.Computes(azuremltest.Workspace{}) {
		list = append(list, aCompute+c.Name)
	}
	return list
}

// created notes what a call reported to have made, deleted what it reported to be gone.
func (r *run) created(what string) { r.there[what] = true }

func (r *run) deleted(what string) {
	delete(r.there, what)
	if slices.Contains(r.state(), what) {
		r.finding("%s was reported to be deleted and is there", what)
	}
}

// account compares what was reported with what there is.
func (r *run) account() {
	now := r.state()
	for _, what := range slices.Sorted(maps.Keys(r.there)) {
		switch n := count(now, what); n {
		case 1:
		case 0:
			r.finding("%s was reported to be there and is missing", what)
		default:
			r.finding("%s is there %d times", what, n)
		}
	}
	for name, calls := range r.register {
		n := 0
		for _, m := range r.srv.Models(azuremltest.Workspace{}) {
			if m.Name == name {
				n++
			}
		}
		if n > calls {
			r.finding("model %s has %d versions, and Register was called %d times", name, n, calls)
		}
	}
	if n := len(r.containers()); n > r.uploads {
		r.finding("%d containers of files, and %d calls that upload one: %v", n, r.uploads, r.containers())
	}
}

func count(list []string, what string) int {
	n := 0
	for _, s := range list {
		if s == what {
			n++
		}
	}
	return n
}

// containers are the folders that uploads made.
func (r *run) containers() []string {
	set := map[string]bool{}
	for _, path := range r.srv.Blobs(azuremltest.Workspace{}) {
		parts := strings.SplitN(path, "/", 3)
		if len(parts) == 3 && parts[0] == "LocalUpload" {
			set[parts[0]+"/"+parts[1]] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// service is the service as it is, by the emulator's word; one without a name if there is
// none.
func (r *run) service(name string) azuremltest.Service {
	for _, svc := range r.srv.Services(azuremltest.Workspace{}) {
		if svc.Name == name {
			return svc
		}
	}
	return azuremltest.Service{}
}

// compute is the compute as it is.
func (r *run) compute(name string) azuremltest.Compute {
	for _, c := range r.srv.Computes(azuremltest.Workspace{}) {
		if c.Name == name {
			return c
		}
	}
	return azuremltest.Compute{}
}

// model is the registered model with an id.
func (r *run) model(id string) azuremltest.Model {
	for _, m := range r.srv.Models(azuremltest.Workspace{}) {
		if m.ID == id {
			return m
		}
	}
	return azuremltest.Model{}
}

// expect notes a finding unless ok.
func (r *run) expect(ok bool, format string, args ...any) {
	if !ok {
		r.finding(format, args...)
	}
}

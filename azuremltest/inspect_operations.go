package azuremltest

import (
	"cmp"
	"slices"
	"time"
)

// Operation is a long-running operation as [Server.Operations] returns it.
type Operation struct {
	ID string
	// Kind is "compute", "workspace" or "deployment" (of a template) for those of
	// the resource manager, and for the others what model management calls them:
	// "Service", "PackageDockerImage", "PackageDockerBuildContext", "Profile",
	// "Environment".
	Kind string
	// Workspace is the name of the workspace, empty for a deployment.
	Workspace string
	// Subject is the name of what it works on.
	Subject string
	// State is how it was last seen: "Creating", "Running" and so on while it is
	// under way.
	State   string
	Active  bool // under way
	Started time.Time
	Ended   time.Time // zero while it is under way
	// Polls and Reads are how often clients have looked at the operation and at
	// what it works on.
	Polls, Reads int
	// Error is how it went wrong, nil if it has not.
	Error *ErrorDetail
}

// Operations returns the long-running operations of all workspaces, the oldest
// first. It counts as no look at them: nothing progresses.
func (s *Server) Operations() []Operation {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Operation
	for _, o := range sortedValues(s.world.operations) {
		out := Operation{ID: o.id, Kind: o.kind, Workspace: o.workspace, Subject: o.subject, State: o.status, Active: o.status == o.verb,
			Started: o.started, Ended: o.ended, Polls: o.polls, Reads: o.reads}
		if o.problem != nil {
			out.Error = &ErrorDetail{Code: o.problem.Code, Message: o.problem.Message}
		}
		list = append(list, out)
	}
	for _, ws := range sortedValues(s.world.workspaces) {
		for _, o := range sortedValues(ws.data.operations) {
			out := Operation{ID: o.id, Kind: o.kind, Workspace: ws.name, Subject: o.subject, State: o.state, Active: o.active(),
				Started: o.started, Ended: o.ended, Polls: o.polls, Reads: o.reads}
			if o.problem != nil {
				out.Error = &ErrorDetail{Code: o.problem.Code, Message: o.problem.Message}
			}
			list = append(list, out)
		}
	}
	slices.SortStableFunc(list, func(a, b Operation) int { return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.ID, b.ID)) })
	return list
}

package webservice

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/redact"
	"github.com/azureml-go/azureml/internal/remedy"
	"github.com/azureml-go/azureml/workspace"
)

const (
	// failureLines is how many lines of a log an error shows.
	failureLines = 50
	// enrichTimeout bounds all reads that only make an error more useful.
	enrichTimeout = 20 * time.Second
)

// explainFailure adds to the error of a failed deployment: the service's own error
// where the operation gave none, the tail of the container's log, what the cluster has
// where it has too little, and what to do. Reads that fail add nothing.
func explainFailure(ctx context.Context, ws *workspace.Workspace, name, computeName string, failure *azureml.Error) error {
	ctx, cancel := context.WithTimeout(ctx, enrichTimeout)
	defer cancel()
	e := *failure
	if e.Code == "" && len(e.Details) == 0 {
		if svc, err := Get(ctx, ws, name); err == nil {
			adopt(&e, svc.Common().Error)
		}
	}
	if e.LogTail == "" && !building(e.Stage) {
		e.LogTail = logTail(ctx, ws, name)
	}
	e.Remedy, e.Help = remedy.For(&e)
	if starved(&e) {
		if hint := clusterHint(ctx, ws, computeName); hint != "" {
			e.Remedy = strings.TrimSpace(e.Remedy + "\n" + hint)
		}
	}
	return &e
}

// adopt makes the service's own account of its failure that of e.
func adopt(e *azureml.Error, own *ServiceError) {
	if own == nil || own.Code == "" && own.Message == "" {
		return
	}
	e.Code, e.Message, e.StatusCode = own.Code, redact.Text(own.Message), own.StatusCode
	for _, detail := range own.Details {
		detail.Message = redact.Text(detail.Message)
		e.Details = append(e.Details, detail)
	}
}

// building tells of a stage before there is a container that could log anything.
func building(stage string) bool { return strings.HasPrefix(stage, "Build") }

// logTail reads the last lines of a service's log, "" if it has none.
func logTail(ctx context.Context, ws *workspace.Workspace, name string) string {
	s := Service{Name: name, ws: ws}
	text, err := s.Logs(ctx, &LogsOptions{Lines: failureLines})
	if err != nil {
		return ""
	}
	return redact.Text(strings.TrimRight(text, "\n"))
}

// starved tells of a failure for want of room on the cluster.
func starved(e *azureml.Error) bool {
	if e.HasCode("InsufficientResource", "Unschedulable", "KubernetesUnschedulable") {
		return true
	}
	text := strings.ToLower(e.Error())
	for _, sign := range []string{"insufficient compute resource", "insufficient cpu", "insufficient memory", "insufficient nvidia.com/gpu"} {
		if strings.Contains(text, sign) {
			return true
		}
	}
	return false
}

// clusterHint says what the cluster has, as far as the workspace knows.
func clusterHint(ctx context.Context, ws *workspace.Workspace, computeName string) string {
	if computeName == "" {
		return ""
	}
	var cluster struct {
		Properties struct {
			Properties struct {
				AgentCount int    `json:"agentCount"`
				VMSize     string `json:"agentVmSize"`
			} `json:"properties"`
		} `json:"properties"`
	}
	_, err := ws.Do(ctx, workspace.Request{
		Service: workspace.ResourceManager, Operation: "get", Subject: fmt.Sprintf("compute %q", computeName),
		Path: "computes/" + workspace.Segment(computeName),
	}, &cluster)
	has := cluster.Properties.Properties
	if err != nil || has.AgentCount == 0 {
		return ""
	}
	hint := fmt.Sprintf("The cluster %s has %d nodes", computeName, has.AgentCount)
	if has.VMSize != "" {
		hint += " of size " + has.VMSize
	}
	return hint + "; the services on it and the cluster's own parts share them."
}

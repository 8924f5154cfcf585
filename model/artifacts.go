package model

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/redact"
	"github.com/azureml-go/azureml/internal/remedy"
	"github.com/azureml-go/azureml/internal/rest"
	"github.com/azureml-go/azureml/workspace"
)

const (
	// localUpload is the origin of everything that is uploaded from a machine.
	localUpload = "LocalUpload"
	// artifactBatch is how many artifacts one request makes.
	artifactBatch = 50
	// artifactContentType is what the artifact service wants its batches to be called.
	artifactContentType = "application/json-patch+json; charset=utf-8"

	artifactScheme = "aml://artifact/"
	assetScheme    = "aml://asset/"
	datasetScheme  = "aml://dataset/"
)

type wirePath struct {
	Path string `json:"path"`
}

type wireContent struct {
	// URI carries a signature.
	URI azureml.Secret `json:"contentUri"`
}

type wireArtifacts struct {
	Content map[string]wireContent `json:"artifactContentInformation"`
	Errors  map[string]wireFailure `json:"errors"`
}

// wireFailure is an error of the artifact service inside of an answer.
type wireFailure struct{ rest.ParsedError }

func (f *wireFailure) UnmarshalJSON(data []byte) error {
	f.ParsedError = rest.ParseError(data, "application/json")
	return nil
}

// exists tells of an artifact that there is one already.
func (f wireFailure) exists() bool {
	for _, d := range f.Details {
		if strings.EqualFold(d.Code, "Conflict") {
			return true
		}
	}
	return strings.EqualFold(f.Code, "Conflict") || strings.Contains(f.Message, "already exists")
}

// createArtifacts makes empty artifacts of the paths, at most artifactBatch, in a
// container that is our own, and gives the storage address of each. Again tells that an
// earlier call may have made some of them.
func createArtifacts(ctx context.Context, ws *workspace.Workspace, t task, container string, paths []string, again bool) (map[string]azureml.Secret, error) {
	body := struct {
		Paths []wirePath `json:"paths"`
	}{make([]wirePath, len(paths))}
	for i, p := range paths {
		body.Paths[i].Path = p
	}
	answer, err := createOnce(ctx, ws, func(ctx context.Context) (*wireArtifacts, error) {
		var answer wireArtifacts
		_, err := ws.Do(ctx, workspace.Request{
			Service: workspace.Artifacts, Operation: t.operation, Subject: t.subject,
			Method: http.MethodPost, Path: "artifacts/batch/metadata/" + localUpload + "/" + workspace.Segment(container),
			Body: body, ContentType: artifactContentType, Repeat: workspace.RepeatNarrow,
		}, &answer)
		return &answer, err
	}, func(context.Context) (*wireArtifacts, error) {
		// The container is ours alone: what exists in it is what was lost.
		again = true
		return nil, nil
	}, harmless)
	if err != nil {
		return nil, err
	}
	addresses := make(map[string]azureml.Secret, len(paths))
	failed := map[string]wireFailure{}
	for _, p := range paths {
		address := answer.Content[p].URI
		failure, refused := answer.Errors[p]
		if refused && again && failure.exists() {
			if address, err = writeAddress(ctx, ws, t, container, p); err != nil {
				return nil, err
			}
			refused = false
		}
		switch {
		case refused:
			failed[p] = failure
		case address.IsZero():
			failed[p] = wireFailure{rest.ParsedError{Message: "the service gave no storage address"}}
		}
		addresses[p] = address
	}
	for p, failure := range answer.Errors {
		if _, asked := addresses[p]; !asked {
			failed[p] = failure
		}
	}
	if len(failed) > 0 {
		return nil, t.artifactsRefused(failed)
	}
	return addresses, nil
}

// writeAddress gives the storage address of an artifact that exists.
func writeAddress(ctx context.Context, ws *workspace.Workspace, t task, container, p string) (azureml.Secret, error) {
	var answer wireContent
	_, err := ws.Do(ctx, workspace.Request{
		Service: workspace.Artifacts, Operation: t.operation, Subject: t.subject,
		Path: "artifacts/write/" + localUpload + "/" + workspace.Segment(container) + "/" + escapePath(p),
	}, &answer)
	if err == nil && answer.URI.IsZero() {
		err = t.artifactsRefused(map[string]wireFailure{p: {rest.ParsedError{Message: "the service gave no storage address"}}})
	}
	return answer.URI, err
}

// readAddress gives the address to read an artifact by its id.
func readAddress(ctx context.Context, ws *workspace.Workspace, t task, id string) (azureml.Secret, error) {
	var answer wireContent
	_, err := ws.Do(ctx, workspace.Request{
		Service: workspace.Artifacts, Operation: t.operation, Subject: t.subject, Path: "artifacts/contentinfo/" + escapePath(id),
	}, &answer)
	return answer.URI, err
}

// escapePath escapes the segments of an artifact's path.
func escapePath(p string) string {
	segments := strings.Split(p, "/")
	for i, s := range segments {
		segments[i] = workspace.Segment(s)
	}
	return strings.Join(segments, "/")
}

// artifactsRefused is the error of artifacts that were not made.
func (t task) artifactsRefused(failed map[string]wireFailure) error {
	e := &azureml.Error{Operation: t.operation, Subject: t.subject, Message: "the workspace does not take the files"}
	for _, p := range slices.Sorted(maps.Keys(failed)) {
		f := failed[p]
		e.Details = append(e.Details, azureml.ErrorDetail{Code: f.Code, Message: redact.Text(p + ": " + f.Message), Target: p})
		e.Details = append(e.Details, f.Details...)
		if e.Code == "" {
			e.Code, e.StatusCode, e.Kind = f.Code, f.StatusCode, rest.KindOf(f.StatusCode)
		}
		if f.exists() {
			e.Kind = azureml.ErrConflict
		}
	}
	e.Remedy, e.Help = remedy.For(e)
	return e
}

type wireReference struct {
	Prefix string `json:"prefix"`
}

type wireAsset struct {
	ID        string          `json:"id,omitempty"`
	Name      string          `json:"name"`
	Artifacts []wireReference `json:"artifacts"`
	RunID     string          `json:"runid,omitempty"`
}

// findAsset looks for the asset of a prefix among the newest ones; nil if there is none.
func findAsset(ctx context.Context, ws *workspace.Workspace, t task, name, prefix string) (*wireAsset, error) {
	var page struct {
		Value []wireAsset `json:"value"`
	}
	_, err := ws.Do(ctx, workspace.Request{
		Service: workspace.Assets, Operation: t.operation, Subject: t.subject, Path: "assets",
		Query: url.Values{"name": {name}, "count": {"20"}, "orderby": {"CreatedAtDesc"}},
	}, &page)
	i := slices.IndexFunc(page.Value, func(a wireAsset) bool {
		return a.ID != "" && slices.Contains(a.Artifacts, wireReference{prefix})
	})
	if err != nil || i < 0 {
		return nil, err
	}
	return &page.Value[i], nil
}

// createAsset makes the asset that the artifacts with this prefix are. An asset whose
// answer was lost is found again by its prefix, which is in a container of our own.
func createAsset(ctx context.Context, ws *workspace.Workspace, t task, name, prefix, runID string) (string, error) {
	made, err := createOnce(ctx, ws, func(ctx context.Context) (*wireAsset, error) {
		var answer wireAsset
		_, err := ws.Do(ctx, workspace.Request{
			Service: workspace.Assets, Operation: t.operation, Subject: t.subject, Method: http.MethodPost, Path: "assets",
			Body: wireAsset{Name: name, Artifacts: []wireReference{{prefix}}, RunID: runID}, Repeat: workspace.RepeatNarrow,
		}, &answer)
		return &answer, err
	}, func(ctx context.Context) (*wireAsset, error) {
		return findAsset(ctx, ws, t, name, prefix)
	}, unable)
	if err != nil {
		return "", err
	}
	if made.ID == "" {
		return "", &azureml.Error{Operation: t.operation, Subject: t.subject, Message: "the service gave no id for the asset"}
	}
	return made.ID, nil
}

// task says in errors what is going on.
type task struct{ operation, subject string }

func (t task) file(name string) string { return fmt.Sprintf("file %q of %s", name, t.subject) }

// lost tells of a failure that may have come after the request had had its effect.
func lost(ctx context.Context, err error) (*azureml.Error, bool) {
	e, ok := errors.AsType[*azureml.Error](err)
	return e, ok && ctx.Err() == nil && e.Attempts > 0 &&
		(e.StatusCode == 0 || e.StatusCode == http.StatusRequestTimeout || e.StatusCode >= http.StatusInternalServerError)
}

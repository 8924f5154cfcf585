package model

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/rest"
	"github.com/azureml-go/azureml/workspace"
)

// deployOperation says how a deployment is followed to its end.
func deployOperation[S any](d *deployment, config DeployConfiguration[S]) workspace.Operation[S] {
	return workspace.Operation[S]{
		Kind: "deploy", Resource: "services/" + d.name,
		Done: func(ctx context.Context, _ workspace.OperationStatus) (S, error) {
			return config.DeployedService(ctx, d.ws, d.name)
		},
		Failed: func(ctx context.Context, s workspace.OperationStatus, failure *azureml.Error) error {
			if strings.HasPrefix(s.SubOperation, "Build") {
				// There is no container yet whose log could tell.
				e := *failure
				e.LogTail = newBuildLog(d.ws, d.task).tail(ctx, s.LogURL)
				failure = &e
			}
			return config.DeployFailure(ctx, d.ws, d.name, failure)
		},
		Look:    d.look,
		Recover: d.recover,
	}
}

// service is what of a web service, of any kind, tells whose it is and how it does.
type service struct {
	State       string            `json:"state"`
	OperationID string            `json:"operationId"`
	Created     rest.Time         `json:"createdTime"`
	Error       json.RawMessage   `json:"error"`
	ComputeName string            `json:"computeName"`
	Tags        texts             `json:"kvTags"`
	Image       *serviceImage     `json:"environmentImageRequest"`
	Versions    map[string]*image `json:"versions"`
}

// image is the part of an endpoint's version, or of a payload, that names what runs.
type image struct {
	Image *serviceImage `json:"environmentImageRequest"`
}

type serviceImage struct {
	Assets []struct {
		URL string `json:"url"`
	} `json:"assets"`
	ModelIDs []string `json:"modelIds"`
}

// images are those of the service and of its versions.
func (s service) images() []serviceImage {
	var all []serviceImage
	if s.Image != nil {
		all = append(all, *s.Image)
	}
	for _, v := range s.Versions {
		if v != nil && v.Image != nil {
			all = append(all, *v.Image)
		}
	}
	return all
}

func (d *deployment) read(ctx context.Context) (service, error) {
	var s service
	_, err := d.ws.Do(ctx, workspace.Request{
		Service: workspace.ModelManagement, Operation: d.task.operation, Subject: d.task.subject,
		Path: "services/" + workspace.Segment(d.name), Query: url.Values{"expand": {"true"}},
	}, &s)
	return s, err
}

// look follows the service's own state where there is no operation to follow.
func (d *deployment) look(ctx context.Context) (string, error) {
	s, err := d.read(ctx)
	if err != nil {
		return "", err
	}
	switch strings.ToLower(s.State) {
	case "healthy":
		return "Succeeded", nil
	case "failed":
		p := rest.ParseError(s.Error, "application/json")
		return "Failed", &azureml.Error{Code: p.Code, Message: p.Message, Details: p.Details, StatusCode: p.StatusCode}
	case "":
		return "Transitioning", nil
	}
	return s.State, nil
}

// sentDeployment is what recognises a service as the one that was sent.
type sentDeployment struct {
	assets []string
	models []string
	// free is since when the name was known to be free; zero if it was not.
	free        time.Time
	computeName string
	tags        map[string]string
}

func newSentDeployment(i *ImageRequest, payload any, free time.Time) sentDeployment {
	sent := sentDeployment{models: i.ModelIDs, free: free}
	for _, a := range i.Assets {
		sent.assets = append(sent.assets, a.URL)
	}
	// The payload belongs to the configuration; on the wire it is known again.
	var wire service
	if data, err := json.Marshal(payload); err == nil && rest.Unmarshal(data, &wire) == nil {
		sent.computeName, sent.tags = wire.ComputeName, wire.Tags
	}
	return sent
}

// clockTolerance is how much the clocks of the service's machines may differ.
const clockTolerance = time.Minute

// ours tells whether s is what was sent. With code, one of the files that we have just
// uploaded is proof. Without code the name must have been free before, and nothing may
// differ from what was sent.
func (sent sentDeployment) ours(s service) bool {
	images := s.images()
	if len(sent.assets) > 0 {
		return slices.ContainsFunc(images, func(i serviceImage) bool {
			for _, a := range i.Assets {
				if slices.Contains(sent.assets, a.URL) {
					return true
				}
			}
			return false
		})
	}
	return !sent.free.IsZero() && !s.Created.Before(sent.free.Add(-clockTolerance)) &&
		strings.EqualFold(s.ComputeName, sent.computeName) && maps.Equal(s.Tags, sent.tags) &&
		slices.ContainsFunc(images, func(i serviceImage) bool { return slices.Equal(i.ModelIDs, sent.models) })
}

// recoverLooks is how often a service whose creation is in doubt is looked for.
const recoverLooks = 3

// recover looks whether a deployment whose answer was lost was taken.
func (d *deployment) recover(ctx context.Context, lost *azureml.Error) (string, bool, error) {
	for look := 1; ; look++ {
		s, err := d.read(ctx)
		switch {
		case err == nil && d.sent.ours(s):
			return s.OperationID, true, nil
		case err == nil && d.options.Overwrite:
			// The one to be overwritten is still there.
			return "", false, nil
		case err == nil:
			return "", false, d.foreign(lost)
		case !errors.Is(err, azureml.ErrNotFound):
			return "", false, err
		case look == recoverLooks:
			return "", false, nil
		}
		// It may take a moment to be seen.
		if err := pause(ctx, d.ws, look); err != nil {
			return "", false, err
		}
	}
}

// foreign is the error of a deployment whose answer was lost and whose name is that of a
// service that is not known to be ours.
func (d *deployment) foreign(lost *azureml.Error) error {
	return &azureml.Error{
		Operation: d.task.operation, Subject: d.task.subject, Kind: azureml.ErrConflict, Err: lost, Attempts: lost.Attempts,
		Message: "the answer to the request was lost, and there is a service of that name that is not known to be this deployment's",
		Remedy:  "Look at the service (webservice.Get). If it is not yours, choose another name, deploy with Overwrite, or delete it first.",
	}
}

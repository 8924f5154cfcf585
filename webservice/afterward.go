package webservice

import (
	"context"
	"errors"
	"time"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/workspace"
)

// settling is the longest pause before a service that has just been changed is read again.
const settling = 16 * time.Second

// afterward reads a service after an operation on it has ended well. What answers reads
// may lag behind what was written: for half a minute a picture from before the end is
// not taken for the service as it is then.
func afterward[S Webservice](ctx context.Context, read func(context.Context) (S, error), before func(*Service) bool) (S, error) {
	for pause := time.Second; ; pause *= 2 {
		svc, err := read(ctx)
		old := errors.Is(err, azureml.ErrNotFound) || err == nil && (svc.Common().State.inTransition() || before(svc.Common()))
		if !old || pause > settling {
			return svc, err
		}
		select {
		case <-ctx.Done(): // The next read says so.
		case <-time.After(pause):
		}
	}
}

// deployed reads a service after its deployment.
func deployed[S Webservice](ctx context.Context, ws *workspace.Workspace, name string) (S, error) {
	return afterward(ctx, func(ctx context.Context) (S, error) { return get[S](ctx, ws, name) }, func(*Service) bool { return false })
}

// changed reads a service after an operation that changed it. A picture that names
// the operation that was the last one before is from before.
func changed[S Webservice](ctx context.Context, s *Service, last, operation string) (S, error) {
	return afterward(ctx, func(ctx context.Context) (S, error) { return refresh[S](ctx, s) }, func(now *Service) bool {
		return operation != "" && last != "" && last != operation && now.OperationID == last
	})
}

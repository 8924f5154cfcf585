package compute

import (
	"context"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/azureml-go/azureml/workspace"
)

// WaitOptions are the optional parts of [AksCompute.BeginWait].
type WaitOptions struct {
	// ResumeToken goes on with a wait that was begun earlier.
	ResumeToken string
}

// BeginWait waits for whatever is going on with a compute that was merely read: until
// its provisioning state is final. It starts nothing at the service. An end in state
// Failed is azureml.ErrOperationFailed with the provisioning errors; a compute that is
// deleted in the meantime is azureml.ErrNotFound.
//
// It mirrors wait_for_completion on a compute that was not created in this process,
// which azureml.core refuses.
func (c *AksCompute) BeginWait(ctx context.Context, o *WaitOptions) (*runtime.Poller[*AksCompute], error) {
	var options WaitOptions
	if o != nil {
		options = *o
	}
	if err := c.connected("wait for"); err != nil {
		return nil, err
	}
	var last *Compute
	return workspace.Begin(ctx, c.ws, workspace.Request{
		Service: workspace.ResourceManager, Operation: "wait for", Subject: subject(c.Name), Path: path(c.Name),
	}, workspace.Operation[*AksCompute]{
		Kind: "wait for compute", Resource: path(c.Name), ResumeToken: options.ResumeToken,
		Look: func(ctx context.Context) (string, error) {
			var err error
			if last, err = read(ctx, c.ws, c.Name, "look at"); err != nil {
				return "", err
			}
			return stateOf(last)
		},
		Done: func(ctx context.Context, _ workspace.OperationStatus) (*AksCompute, error) {
			if last == nil {
				return c.Refresh(ctx)
			}
			return last.AksCompute()
		},
	})
}

package compute

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/validate"
	"github.com/azureml-go/azureml/workspace"
)

// CreateOptions are the optional parts of [BeginCreate].
type CreateOptions struct {
	// ResumeToken goes on with a creation that was begun earlier, under the same name in
	// the same workspace: nothing is checked and nothing but polls is sent.
	ResumeToken string
	// Overwrite creates even if the name is taken, and leaves out the request that looks
	// whether it is. The service then changes the compute that exists.
	Overwrite bool
	// SkipCoreCheck leaves out the check that a cluster for production has 12 vCPUs, and
	// the look-up of VM sizes that may belong to it. The service checks by itself.
	SkipCoreCheck bool
	// OnWarning gets what is worth saying before the request is sent.
	OnWarning func(azureml.Warning)
}

// BeginCreate makes an AKS cluster and a compute for it. It takes some 20 minutes; the
// cluster costs money until [Compute.BeginDelete].
//
// Everything is checked before anything is sent, and what is wrong is reported all at
// once as azureml.ErrInvalid. One request looks whether the name is taken, which is
// azureml.ErrConflict. A VM size of unknown or too few vCPUs costs a further one, see
// [CreateOptions]. When the answer to the creating request is lost, the compute is
// looked for and, if it is what was asked for, followed.
//
// The poller's result is the compute as it is when done. A failed creation is
// azureml.ErrOperationFailed, with the compute's provisioning errors among the details;
// the compute then still exists in state Failed. It mirrors azureml.core's
// ComputeTarget.create.
func BeginCreate(ctx context.Context, ws *workspace.Workspace, name string, c AksProvisioningConfiguration, o *CreateOptions) (*runtime.Poller[*AksCompute], error) {
	var options CreateOptions
	if o != nil {
		options = *o
	}
	if err := given("create", ws, name); err != nil {
		return nil, err
	}
	put := putting{ws: ws, name: name, verb: "create", kind: "create compute", resumeToken: options.ResumeToken}
	if options.ResumeToken == "" {
		var err error
		if put.body, err = prepareCreate(ctx, ws, name, c, options); err != nil {
			return nil, err
		}
	}
	return put.begin(ctx)
}

// prepareCreate checks everything and makes the body.
func prepareCreate(ctx context.Context, ws *workspace.Workspace, name string, c AksProvisioningConfiguration, options CreateOptions) (wireCreate, error) {
	warn := warner(options.OnWarning)
	var check validate.Checker
	checkName(&check, name, true)
	body := c.build(ws, &check, func(text string) { warn(azureml.Warning{Subject: subject(name), Message: text}) })
	if !options.SkipCoreCheck && c.AgentCount >= 0 {
		// The service is asked about the VM size only if that decides.
		checkCores(ctx, ws, &check, c, check.OK(), warn)
	}
	if err := check.Err("create", subject(name)); err != nil {
		return body, err
	}
	if options.Overwrite {
		return body, nil
	}
	return body, refuseExisting(ctx, ws, name, "create")
}

// warner is f, or something that can be called where there is none.
func warner(f func(azureml.Warning)) func(azureml.Warning) {
	if f == nil {
		return func(azureml.Warning) {}
	}
	return f
}

// refuseExisting is an error when the name is taken.
func refuseExisting(ctx context.Context, ws *workspace.Workspace, name, verb string) error {
	existing, err := read(ctx, ws, name, "check that there is no")
	switch {
	case errors.Is(err, azureml.ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	return taken(existing, verb)
}

func taken(existing *Compute, verb string) error {
	state := orNone(string(existing.ProvisioningState))
	return &azureml.Error{
		Operation: verb, Subject: subject(existing.Name), Kind: azureml.ErrConflict,
		Message: fmt.Sprintf("there is a compute of that name already (type %s, state %s)", existing.Type, state),
		Remedy:  "Use it as it is (compute.GetAks), choose another name, or set Overwrite to change it.",
	}
}

// putting is a PUT of a whole compute, and what follows it.
type putting struct {
	ws          *workspace.Workspace
	name        string
	verb, kind  string
	body        any
	resumeToken string
	// ours tells whether a compute is what the lost request asked for; nil: by body.
	ours func(*Compute) bool
	// shows tells at the end whether a lost request had its effect; nil: ours was sure.
	shows func(*Compute) bool
	// lost: the answer to the request.
	lost bool
}

func (p *putting) begin(ctx context.Context) (*runtime.Poller[*AksCompute], error) {
	r := workspace.Request{
		Service: workspace.ResourceManager, Operation: p.verb, Subject: subject(p.name),
		Method: http.MethodPut, Path: path(p.name), Body: p.body,
	}
	follow := following{ws: p.ws, name: p.name}
	return workspace.Begin(ctx, p.ws, r, workspace.Operation[*AksCompute]{
		Kind: p.kind, Resource: path(p.name), ResumeToken: p.resumeToken,
		Done:    p.result,
		Failed:  follow.failed,
		Look:    follow.look,
		Recover: p.recover,
	})
}

// settling is the longest pause before a compute that was just made is looked for again.
const settling = 16 * time.Second

// result reads the compute after the operation's success. What answers reads may lag
// behind what wrote: for half a minute a compute that is not found is not there yet.
func (p *putting) result(ctx context.Context, _ workspace.OperationStatus) (*AksCompute, error) {
	for pause := time.Second; ; pause *= 2 {
		c, err := read(ctx, p.ws, p.name, "read after the end of the operation: "+p.verb)
		if err == nil {
			return p.judged(c)
		}
		if !errors.Is(err, azureml.ErrNotFound) || pause > settling {
			return nil, err
		}
		select {
		case <-ctx.Done(): // The next read says so.
		case <-time.After(pause):
		}
	}
}

// judged is the compute, unless it is not what a lost request wanted.
func (p *putting) judged(c *Compute) (*AksCompute, error) {
	if p.lost && p.shows != nil && !p.shows(c) {
		return nil, &azureml.Error{
			Operation: p.verb, Subject: subject(p.name), Kind: azureml.ErrUnavailable,
			Message: "the answer to the request was lost, and the compute does not show the change",
			Remedy:  "Begin the update again.",
		}
	}
	return c.AksCompute()
}

// recover looks whether a request whose answer was lost has had its effect.
func (p *putting) recover(ctx context.Context, _ *azureml.Error) (string, bool, error) {
	found, err := read(ctx, p.ws, p.name, "look for")
	if err != nil {
		return "", false, err
	}
	ours := false
	if p.ours != nil {
		ours = p.ours(found)
	} else if ours, err = describes(found, p.body); err != nil {
		return "", false, err
	}
	p.lost = ours
	return "", ours, nil
}

package compute

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/validate"
	"github.com/azureml-go/azureml/workspace"
)

// AttachOptions are the optional parts of [BeginAttach].
type AttachOptions struct {
	// ResumeToken goes on with an attachment that was begun earlier, under the same name
	// in the same workspace: nothing is checked and nothing but polls is sent.
	ResumeToken string
	// Overwrite attaches even if the name is taken: the service then changes the compute
	// that exists. The documentation advises to detach first, as Replace does.
	Overwrite bool
	// Replace detaches what is in the way, waits until that is done (minutes, inside of
	// BeginAttach) and attaches then: computes of other names that point at the same
	// cluster, and an attached compute of this name. Web services on them are lost. It
	// is the way to change the TLS or the load balancer of an attachment for good. It
	// needs the preflight.
	Replace bool
	// SkipPreflight leaves out the requests that look at the cluster and at the other
	// computes of the workspace. The name is still looked up, unless Overwrite is set.
	SkipPreflight bool
	// SkipCoreCheck leaves out the check that a cluster for production has 12 vCPUs, and
	// the look-up of VM sizes that may belong to it.
	SkipCoreCheck bool
	// OnWarning gets what is worth saying before the request is sent.
	OnWarning func(azureml.Warning)
}

// BeginAttach connects an AKS cluster that exists to the workspace, as a compute called
// name. It takes about 5 minutes. The cluster stays its owner's: [Compute.BeginDetach]
// takes the connection away.
//
// Before the request a preflight looks at the cluster: it exists (azureml.ErrNotFound), is
// in state Succeeded and has 12 vCPUs unless it is for DevTest (azureml.ErrInvalid). Then
// it looks at the workspace's computes: the name is free, and no other compute points at
// the cluster, because a second attachment of a cluster breaks the first; either is
// azureml.ErrConflict, see [AttachOptions]. What the caller has no right to look at is a
// warning, and so are fewer than 3 machines for production and a cluster that does not
// tell its Kubernetes version. Which versions can be attached the service alone knows.
//
// The caller needs a role on the cluster (Azure Kubernetes Service Cluster Admin) and on
// its resource group (Contributor). The poller's result is the compute as it is when
// done. It mirrors azureml.core's ComputeTarget.attach.
func BeginAttach(ctx context.Context, ws *workspace.Workspace, name string, c AksAttachConfiguration, o *AttachOptions) (*runtime.Poller[*AksCompute], error) {
	var options AttachOptions
	if o != nil {
		options = *o
	}
	if err := given("attach", ws, name); err != nil {
		return nil, err
	}
	put := putting{ws: ws, name: name, verb: "attach", kind: "attach compute", resumeToken: options.ResumeToken}
	if options.ResumeToken == "" {
		var err error
		if put.body, err = prepareAttach(ctx, ws, name, c, options); err != nil {
			return nil, err
		}
	}
	return put.begin(ctx)
}

// prepareAttach checks everything, clears the way where that is asked for, and makes
// the body.
func prepareAttach(ctx context.Context, ws *workspace.Workspace, name string, c AksAttachConfiguration, options AttachOptions) (wireCreate, error) {
	warn := warner(options.OnWarning)
	var check validate.Checker
	checkName(&check, name, false)
	body, cluster := c.build(ws, &check, func(text string) { warn(azureml.Warning{Subject: subject(name), Message: text}) })
	if options.Replace && options.SkipPreflight {
		check.Add("Replace", true, "needs the preflight; do not set SkipPreflight")
	}
	if options.Replace && options.Overwrite {
		check.Add("Replace", true, "and Overwrite exclude each other")
	}
	if err := check.Err("attach", subject(name)); err != nil {
		return body, err
	}
	if options.SkipPreflight {
		if options.Overwrite {
			return body, nil
		}
		return body, refuseExisting(ctx, ws, name, "attach")
	}
	p := preflight{ws: ws, name: name, id: body.Properties.ResourceID, cluster: cluster, purpose: c.ClusterPurpose, options: options, warn: warn}
	if err := p.checkCluster(ctx); err != nil {
		return body, err
	}
	return body, p.checkComputes(ctx)
}

// preflight looks at a cluster and the workspace before an attachment.
type preflight struct {
	ws      *workspace.Workspace
	name    string
	id      string
	cluster clusterID
	purpose ClusterPurpose
	options AttachOptions
	warn    func(azureml.Warning)
}

// checkComputes looks for computes that are in the way, and detaches them with Replace.
func (p preflight) checkComputes(ctx context.Context) error {
	var same *Compute
	var others []*Compute
	for c, err := range all(ctx, p.ws, "check before attaching") {
		switch {
		case errors.Is(err, azureml.ErrForbidden):
			p.warn(azureml.Warning{Subject: subject(p.name), Message: "the workspace's computes may not be listed; whether the name or the cluster is taken is not known", Err: err})
			return nil
		case err != nil:
			return err
		case strings.EqualFold(c.Name, p.name):
			same = c
		case c.Is(TypeAKS) && sameResource(c.ResourceID, p.id):
			others = append(others, c)
		}
	}
	if p.options.Replace {
		return p.clear(ctx, same, others)
	}
	if same != nil && !p.options.Overwrite {
		return taken(same, "attach")
	}
	if len(others) > 0 {
		return &azureml.Error{
			Operation: "attach", Subject: subject(p.name), Kind: azureml.ErrConflict,
			Message: fmt.Sprintf("the cluster %s is attached already, as %s; a second attachment would break the first", p.cluster.name, names(others)),
			Remedy:  "Use the compute that exists, detach it first (BeginDetach), or set Replace to have it detached.",
		}
	}
	return nil
}

func names(computes []*Compute) string {
	list := make([]string, len(computes))
	for i, c := range computes {
		list[i] = subject(c.Name)
	}
	return strings.Join(list, ", ")
}

// clear detaches what is in the way, one after the other.
func (p preflight) clear(ctx context.Context, same *Compute, others []*Compute) error {
	if same != nil {
		if !same.Is(TypeAKS) || !same.attached() && !sameResource(same.ResourceID, p.id) {
			return &azureml.Error{
				Operation: "attach", Subject: subject(p.name), Kind: azureml.ErrConflict,
				Message: fmt.Sprintf("a compute of that name exists, and it is not an attached cluster (type %s); Replace does not touch it", same.Type),
				Remedy:  "Choose another name, or delete that compute first (BeginDelete).",
			}
		}
		others = append(others, same)
	}
	for _, c := range others {
		poller, err := c.BeginDetach(ctx, &DetachOptions{OnWarning: p.options.OnWarning})
		if errors.Is(err, azureml.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if _, err := azureml.Wait(ctx, poller, nil); err != nil {
			return err
		}
	}
	return nil
}

package cli

import (
	"context"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/compute"
)

func computeCommands() []command {
	return []command{
		{
			words: "ml computetarget create aks", short: "make an AKS cluster in the workspace", example: "ml computetarget create aks -n myaks",
			long: "It takes some ten minutes and costs money until the cluster is deleted.", setup: setupCreateAks,
		},
		{
			words: "ml computetarget attach aks", short: "attach an AKS cluster that exists",
			example: "ml computetarget attach aks -n myaks -i ID -g RG -w WS", setup: setupAttachAks,
		},
		{
			words: "ml computetarget detach", short: "detach a cluster; it stays", example: "ml computetarget detach -n myaks",
			setup: withCompute(func(ctx context.Context, s *session, c *compute.Compute) (result, error) {
				p, err := c.BeginDetach(ctx, &compute.DetachOptions{OnWarning: s.warn})
				_, err = wait(ctx, s, p, err)
				return result{}, err
			}),
		},
		{
			words: "ml computetarget delete", short: "delete a cluster that the workspace made", example: "ml computetarget delete -n myaks",
			setup: withCompute(func(ctx context.Context, s *session, c *compute.Compute) (result, error) {
				p, err := c.BeginDelete(ctx, nil)
				_, err = wait(ctx, s, p, err)
				return result{}, err
			}),
		},
		{
			words: "ml computetarget show", short: "show a compute target", example: "ml computetarget show -n myaks",
			setup: withCompute(func(_ context.Context, _ *session, c *compute.Compute) (result, error) { return showCompute(c), nil }),
		},
		{
			words: "ml computetarget list", short: "list the compute targets of the workspace", example: "ml computetarget list --output table",
			setup: func(*flags) action { return listComputes },
		},
	}
}

func setupCreateAks(f *flags) action {
	name := f.text("n name", "name of the compute target (required)")
	agents := f.whole("a agent-count", "number of nodes")
	size := f.text("s vm-size", "size of a node: Standard_D3_v2")
	purpose := purposeFlag(f)
	region := f.text("l location", "region; default: the workspace's")
	ssl := sslFlags(f)
	lean := f.on("skip-core-check", "do not look whether the nodes have 12 cores")
	return func(ctx context.Context, s *session) (result, error) {
		ws, err := s.workspace(ctx)
		if err != nil {
			return result{}, err
		}
		p, err := compute.BeginCreate(ctx, ws, *name, compute.AksProvisioningConfiguration{
			AgentCount: value(*agents), VMSize: *size, ClusterPurpose: compute.ClusterPurpose(*purpose), Location: *region, SSL: ssl(),
		}, &compute.CreateOptions{SkipCoreCheck: *lean, OnWarning: s.warn})
		c, err := wait(ctx, s, p, err)
		if err != nil {
			return result{}, err
		}
		return showCompute(&c.Compute), nil
	}
}

func setupAttachAks(f *flags) action {
	name := f.text("n name", "name of the compute target (required)")
	id := f.text("i compute-resource-id", "resource id of the cluster (required)")
	purpose := purposeFlag(f)
	ssl := sslFlags(f)
	return func(ctx context.Context, s *session) (result, error) {
		ws, err := s.workspace(ctx)
		if err != nil {
			return result{}, err
		}
		p, err := compute.BeginAttach(ctx, ws, *name, compute.AksAttachConfiguration{
			ResourceID: *id, ClusterPurpose: compute.ClusterPurpose(*purpose), SSL: ssl(),
		}, &compute.AttachOptions{OnWarning: s.warn})
		c, err := wait(ctx, s, p, err)
		if err != nil {
			return result{}, err
		}
		return showCompute(&c.Compute), nil
	}
}

func purposeFlag(f *flags) *string {
	var words []string
	for _, p := range compute.PossibleClusterPurposeValues() {
		words = append(words, string(p))
	}
	return f.choice("cluster-purpose", "what the cluster is for", words...)
}

// sslFlags are the flags of TLS with an own certificate; what they gave is read when the
// operation begins.
func sslFlags(f *flags) func() *compute.SslConfiguration {
	certificate := f.text("cert-file", "PEM file of the certificate, for TLS")
	key := f.text("key-file", "PEM file of its key")
	cname := f.text("cname ssl-cname", "the host name it is for")
	return func() *compute.SslConfiguration {
		if *certificate == "" && *key == "" && *cname == "" {
			return nil
		}
		return &compute.SslConfiguration{CertPEMFile: *certificate, KeyPEMFile: *key, CName: *cname}
	}
}

// withCompute is a command about the compute that -n names.
func withCompute(act func(context.Context, *session, *compute.Compute) (result, error)) func(*flags) action {
	return func(f *flags) action {
		name := f.text("n name", "name of the compute target (required)")
		return func(ctx context.Context, s *session) (result, error) {
			ws, err := s.workspace(ctx)
			if err != nil {
				return result{}, err
			}
			c, err := compute.Get(ctx, ws, *name)
			if err != nil {
				return result{}, err
			}
			return act(ctx, s, c)
		}
	}
}

func showCompute(c *compute.Compute) result {
	shown := *c
	shown.Raw = nil // the same again, as the service wrote it
	return one(&shown, "Name", c.Name, "Type", c.Type, "State", c.ProvisioningState, "Attached", c.IsAttached, "Region", c.ComputeLocation,
		"Cluster", c.ResourceID, "Description", c.Description)
}

func listComputes(ctx context.Context, s *session) (result, error) {
	ws, err := s.workspace(ctx)
	if err != nil {
		return result{}, err
	}
	all, err := azureml.Collect(compute.List(ctx, ws, nil))
	if err != nil {
		return result{}, err
	}
	return list(all, []string{"NAME", "TYPE", "STATE", "ATTACHED"}, func(c *compute.Compute) []any {
		return []any{c.Name, c.Type, c.ProvisioningState, c.IsAttached}
	}), nil
}

// value is what a pointer leads to, zero if nowhere.
func value[T any](p *T) T {
	var v T
	if p != nil {
		v = *p
	}
	return v
}

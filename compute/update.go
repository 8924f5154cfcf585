package compute

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/azureml-go/azureml"
	"github.com/azureml-go/azureml/internal/validate"
	"github.com/azureml-go/azureml/workspace"
)

// AksUpdateConfiguration says what [AksCompute.BeginUpdate] changes; what is nil or
// false stays. Machines, purpose and network cannot be changed here.
//
// It mirrors azureml.core's AksUpdateConfiguration and SslConfiguration.
type AksUpdateConfiguration struct {
	// SSL sets the TLS of web services anew.
	SSL *SslConfiguration
	// DisableSSL serves web services over plain http: azureml.core's status "Disabled".
	DisableSSL bool
	// RenewSSL renews Microsoft's certificate for the leaf domain label that the cluster
	// has. The service does nothing until 70 days before the certificate's end.
	RenewSSL bool
	// LoadBalancerType and LoadBalancerSubnet change how services are reached. An empty
	// subnet is the service's default one. The service does not give out the key of an
	// own certificate, so it cannot be sent along: give SSL, too, on such a cluster.
	LoadBalancerType   *LoadBalancerType
	LoadBalancerSubnet *string
}

// UpdateOptions are the optional parts of [AksCompute.BeginUpdate].
type UpdateOptions struct {
	// ResumeToken goes on with an update that was begun earlier: nothing is checked and
	// nothing but polls is sent.
	ResumeToken string
	// OnWarning gets what is worth saying before the request is sent.
	OnWarning func(azureml.Warning)
}

// BeginUpdate changes the TLS or the load balancer of the compute. It reads the compute
// and writes the whole of it back, changed; two updates at once can undo each other.
// While another operation goes on the service answers azureml.ErrConflict. When the
// answer to the request is lost, an update that is under way then is followed, and its
// end is azureml.ErrUnavailable if the compute does not show the change.
//
// To change settings of an attached cluster it is documented as safer to attach it anew:
// BeginAttach with Replace. It mirrors azureml.core's update.
func (c *AksCompute) BeginUpdate(ctx context.Context, u AksUpdateConfiguration, o *UpdateOptions) (*runtime.Poller[*AksCompute], error) {
	var options UpdateOptions
	if o != nil {
		options = *o
	}
	if err := c.connected("update"); err != nil {
		return nil, err
	}
	put := putting{ws: c.ws, name: c.Name, verb: "update", kind: "update compute", resumeToken: options.ResumeToken}
	if options.ResumeToken == "" {
		change, err := u.build(c.Name, options)
		if err != nil {
			return nil, err
		}
		body, before, err := change.apply(ctx, c.ws, c.Name)
		if err != nil {
			return nil, err
		}
		put.body = body
		put.ours = func(now *Compute) bool {
			return change.done(now) || now.in(StateUpdating) && !before.in(StateUpdating)
		}
		if !change.renew {
			put.shows = change.done
		}
	}
	return put.begin(ctx)
}

// change is what an update sets.
type change struct {
	ssl     *wireSsl
	disable bool
	renew   bool
	lbType  *LoadBalancerType
	subnet  *string
}

// build checks everything that can be checked without knowing the compute.
func (u AksUpdateConfiguration) build(name string, options UpdateOptions) (change, error) {
	warn := warner(options.OnWarning)
	var check validate.Checker
	ch := change{disable: u.DisableSSL, renew: u.RenewSSL, lbType: u.LoadBalancerType, subnet: u.LoadBalancerSubnet}
	given := 0
	for _, is := range []bool{u.SSL != nil, u.DisableSSL, u.RenewSSL} {
		if is {
			given++
		}
	}
	switch {
	case given > 1:
		check.Add("SSL", nil, "excludes DisableSSL and RenewSSL, which exclude each other, too")
	case given == 0 && u.LoadBalancerType == nil && u.LoadBalancerSubnet == nil:
		check.Add("AksUpdateConfiguration", nil, "changes nothing")
	}
	check.In("SSL", func(inner *validate.Checker) {
		ch.ssl = u.SSL.build(inner, func(text string) { warn(azureml.Warning{Subject: subject(name), Message: text}) })
	})
	var lbType LoadBalancerType
	if u.LoadBalancerType != nil {
		if lbType = *u.LoadBalancerType; lbType == "" {
			check.Add("LoadBalancerType", nil, "must not be empty; nil leaves it as it is")
		}
	}
	if u.LoadBalancerSubnet != nil {
		// Without a type it depends on the compute's own.
		checkLoadBalancer(&check, lbType, *u.LoadBalancerSubnet, InternalLoadBalancer)
	} else {
		checkLoadBalancer(&check, lbType, "", PublicIP)
	}
	return ch, check.Err("update", subject(name))
}

// apply reads the compute and gives the whole of it, changed, and as it was.
func (ch change) apply(ctx context.Context, ws *workspace.Workspace, name string) (map[string]any, *AksCompute, error) {
	var raw json.RawMessage
	r := workspace.Request{Service: workspace.ResourceManager, Operation: "read before updating", Subject: subject(name), Path: path(name)}
	if _, err := ws.Do(ctx, r, &raw); err != nil {
		return nil, nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var body map[string]any
	var found resource
	if decoder.Decode(&body) != nil || json.Unmarshal(raw, &found) != nil || !found.isCompute() {
		return nil, nil, &azureml.Error{Operation: "update", Subject: subject(name), Body: raw, Message: "the compute that was read is not one: it names no computeType"}
	}
	current, err := found.snapshot(ws, name).AksCompute()
	if err != nil {
		return nil, nil, err
	}
	outer := object(body, "properties")
	return body, current, ch.edit(object(outer, "properties"), current)
}

// object is the member name of parent, which becomes an empty object if it is none.
func object(parent map[string]any, name string) map[string]any {
	member, ok := parent[name].(map[string]any)
	if !ok {
		member = map[string]any{}
		parent[name] = member
	}
	return member
}

// edit changes the properties of an AKS compute.
func (ch change) edit(properties map[string]any, current *AksCompute) error {
	switch {
	case ch.disable:
		properties["sslConfiguration"] = wireSsl{Status: SslDisabled}
	case ch.renew:
		if current.SSL == nil || current.SSL.LeafDomainLabel == "" {
			return ch.refuse(current, "RenewSSL", "needs a cluster with a leaf domain label, and this one has none; set SSL with a LeafDomainLabel")
		}
		object(properties, "sslConfiguration")["renew"] = true
	case ch.ssl != nil:
		properties["sslConfiguration"] = ch.ssl
	case current.SSL != nil && current.SSL.Status == SslEnabled:
		// It cannot be sent back whole: the service does not give out the key.
		delete(properties, "sslConfiguration")
	}
	lbType := current.LoadBalancerType
	if ch.lbType != nil {
		lbType = *ch.lbType
		properties["loadBalancerType"] = lbType
		if ch.subnet == nil && lbType == PublicIP {
			properties["loadBalancerSubnet"] = nil
		}
	}
	if ch.subnet != nil {
		if *ch.subnet != "" && lbType != InternalLoadBalancer {
			return ch.refuse(current, "LoadBalancerSubnet", "goes only with an internal load balancer, and the cluster's is "+orNone(string(lbType)))
		}
		properties["loadBalancerSubnet"] = nil
		if *ch.subnet != "" {
			properties["loadBalancerSubnet"] = *ch.subnet
		}
	}
	return nil
}

func (ch change) refuse(current *AksCompute, field, rule string) error {
	return &azureml.Error{
		Operation: "update", Subject: subject(current.Name), Kind: azureml.ErrInvalid,
		Violations: []azureml.Violation{{Field: field, Rule: rule}},
	}
}

// done tells whether a compute has what was to be changed, for when the answer to the
// request was lost. Of a renewal nothing can be seen.
func (ch change) done(c *Compute) bool {
	aks, err := c.AksCompute()
	if err != nil || ch.renew || c.in(StateDeleting) {
		return false
	}
	want := map[string]any{}
	if err := ch.edit(want, aks); err != nil {
		return false
	}
	same, err := describes(c, map[string]any{"properties": map[string]any{"properties": want}})
	return err == nil && same
}

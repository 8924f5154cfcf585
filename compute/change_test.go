package compute

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azureml-go/azureml"
)

func aksOf(t *testing.T, properties string) *AksCompute {
	t.Helper()
	var r resource
	require.NoError(t, json.Unmarshal([]byte(`{"name":"x","properties":{"computeType":"AKS","properties":`+properties+`}}`), &r))
	aks, err := r.snapshot(ws, "x").AksCompute()
	require.NoError(t, err)
	return aks
}

func pointer[T any](v T) *T { return &v }

func TestEdit(t *testing.T) {
	t.Parallel()
	const (
		own      = `{"sslConfiguration":{"status":"Enabled","cname":"a.b","key":null},"loadBalancerType":"PublicIp","loadBalancerSubnet":null}`
		auto     = `{"sslConfiguration":{"status":"Auto","leafDomainLabel":"contoso"},"loadBalancerType":"InternalLoadBalancer","loadBalancerSubnet":"s"}`
		internal = `{"loadBalancerType":"InternalLoadBalancer","loadBalancerSubnet":"s"}`
	)
	for name, c := range map[string]struct {
		change change
		have   string
		want   string
	}{
		"TLS is kept":                 {change{subnet: pointer("t")}, auto, `{"sslConfiguration":{"status":"Auto","leafDomainLabel":"contoso"},"loadBalancerType":"InternalLoadBalancer","loadBalancerSubnet":"t"}`},
		"an own key cannot be kept":   {change{lbType: pointer(InternalLoadBalancer)}, own, `{"loadBalancerType":"InternalLoadBalancer","loadBalancerSubnet":null}`},
		"a public one has no subnet":  {change{lbType: pointer(PublicIP)}, internal, `{"loadBalancerType":"PublicIp","loadBalancerSubnet":null}`},
		"the default subnet":          {change{subnet: pointer("")}, internal, `{"loadBalancerType":"InternalLoadBalancer","loadBalancerSubnet":null}`},
		"TLS off, the rest stays":     {change{disable: true}, auto, `{"sslConfiguration":{"status":"Disabled"},"loadBalancerType":"InternalLoadBalancer","loadBalancerSubnet":"s"}`},
		"the stored label is renewed": {change{renew: true}, auto, `{"sslConfiguration":{"status":"Auto","leafDomainLabel":"contoso","renew":true},"loadBalancerType":"InternalLoadBalancer","loadBalancerSubnet":"s"}`},
		"nothing was there":           {change{disable: true}, `null`, `{"sslConfiguration":{"status":"Disabled"}}`},
	} {
		body := map[string]any{}
		require.NoError(t, json.Unmarshal([]byte(`{"properties":`+c.have+`}`), &body))
		properties := object(body, "properties")
		require.NoError(t, c.change.edit(properties, aksOf(t, c.have)), name)
		data, err := json.Marshal(body["properties"])
		require.NoError(t, err)
		assert.JSONEq(t, c.want, string(data), name)
	}
	err := change{subnet: pointer("s")}.edit(map[string]any{}, aksOf(t, own))
	assert.ErrorIs(t, err, azureml.ErrInvalid, "whether a subnet goes depends on what is there")
}

func TestChangeIsRecognised(t *testing.T) {
	t.Parallel()
	const auto = `{"sslConfiguration":{"status":"Auto","leafDomainLabel":"contoso657acb"},"loadBalancerType":"PublicIp","loadBalancerSubnet":null}`
	done := func(c change, have string) bool { return c.done(&aksOf(t, have).Compute) }
	assert.True(t, done(change{ssl: &wireSsl{Status: SslAuto, LeafDomainLabel: "contoso"}}, auto))
	assert.False(t, done(change{ssl: &wireSsl{Status: SslAuto, LeafDomainLabel: "fabrikam"}}, auto))
	assert.False(t, done(change{disable: true}, auto))
	assert.True(t, done(change{lbType: pointer(PublicIP)}, auto))
	assert.False(t, done(change{lbType: pointer(InternalLoadBalancer)}, auto))
	assert.False(t, done(change{renew: true}, auto), "a renewal cannot be seen")
}
